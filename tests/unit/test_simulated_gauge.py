"""The simulated power meter: known answers at the plant's truth, its stated period and uncertainty, its channels."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import sqrt
from typing import Any

import numpy as np
import pytest

from hil.profile.words import CHANNELS, Role
from hil.record.recording import Recording
from hil.rig.roles import Rig, RigError
from hil.rig.trail import KEPT, Trail
from tests.rig_kit import bench_of, case_of, make, sheet, spied, step
from tests.virtual_time import run_virtually

EXPANDED = 0.001  # the sheets state 0.1 %


def on_bench(story: Callable[[Rig], Awaitable[Any]], profile: str = "crd/step-load-import-ess", repeat: int = 1) -> Any:
    """A story on the split-phase rig, whose run is open; nothing moves by itself."""

    async def whole() -> Any:
        rig = make(spied(sheet()))
        await rig.open(case_of(profile), repeat)
        try:
            return await story(rig)
        finally:
            await rig.close()

    return run_virtually(whole())


async def recorded(rig: Rig, seconds_s: float, *channels: str, each_phase: bool = False) -> Recording:
    await rig.begin(channels, each_phase)
    await rig.sleep(seconds_s)
    (recording,) = await rig.end()
    return recording


def test_steady_power_is_recorded_within_the_stated_uncertainty_of_each_conductor_and_the_sum() -> None:
    """8 kW of sun shared over two conductors, 1 and 3 kW of load: -3 and -1 kW at the point."""

    async def story(rig: Rig) -> Recording:
        await rig.do(step("set_source", to=8000.0))
        await rig.do(step("set_load", to=1000.0, phase="L1"))
        await rig.do(step("set_load", to=3000.0, phase="L2"))
        await rig.sleep(5.0)
        return await recorded(rig, 10.0, "poi.import_w", "der.injection_w", "load.demand_w", each_phase=True)

    whole = on_bench(story).channels
    truth = {"poi.import_w": (-3000, -1000), "der.injection_w": (4000, 4000), "load.demand_w": (1000, 3000)}
    for name, (one, two) in truth.items():
        assert whole[name] == pytest.approx(whole[f"{name}.L1"] + whole[f"{name}.L2"])
        for channel, true_w in ((f"{name}.L1", one), (f"{name}.L2", two), (name, one + two)):
            expanded_w = EXPANDED * (abs(true_w) + 8000)
            assert abs(whole[channel].mean() - true_w) < expanded_w
            assert np.abs(whole[channel] - true_w).max() < 3 * expanded_w
            assert whole[channel].std() > 0.5  # an instrument without noise is none


def test_values_come_with_the_stated_period_and_stand_at_the_centre_of_their_window() -> None:
    """A load that steps in the middle of a window: the mean of that window lies between, at the step's own instant."""

    async def story(rig: Rig) -> tuple[Recording, float]:
        await rig.begin(("load.demand_w",), False)
        await rig.sleep(1.005)
        await rig.do(step("set_load", to=4000.0))
        at_s = rig.now_s()
        await rig.sleep(1.0)
        return (await rig.end())[0], at_s

    recording, at_s = on_bench(story)
    t_s, demand_w = recording.t_s, recording.channels["load.demand_w"]
    assert np.diff(t_s) == pytest.approx(0.02)
    (inside,) = np.flatnonzero(np.abs(t_s - at_s) <= 0.01)
    assert demand_w[inside - 1] == pytest.approx(0, abs=30)
    assert demand_w[inside + 1] == pytest.approx(4000, abs=30)
    share = (t_s[inside] + 0.01 - at_s) / 0.02
    assert demand_w[inside] == pytest.approx(4000 * share, abs=30)


def test_currents_and_voltages_follow_the_grid_and_the_worst_conductor_stands_for_all() -> None:
    async def story(rig: Rig) -> Recording:
        await rig.do(step("set_grid", voltage=(0.9, "pu"), frequency=(59.0, "Hz")))
        await rig.do(step("set_load", to=2400.0, phase="L1"))
        await rig.do(step("set_load", to=1200.0, phase="L2"))
        await rig.sleep(1.0)
        return await recorded(rig, 1.0, "poi.current_a", "poi.voltage_v", "poi.frequency_hz", each_phase=True)

    found = {name: values.mean() for name, values in on_bench(story).channels.items()}
    assert found["poi.current_a.L1"] == pytest.approx(2400 / 108, rel=0.01)
    assert found["poi.current_a.L2"] == pytest.approx(1200 / 108, rel=0.01)
    assert found["poi.current_a"] == found["poi.current_a.L1"]
    assert (found["poi.voltage_v"], found["poi.frequency_hz"]) == pytest.approx((108, 59))


def test_the_infeeds_of_a_busbar_are_what_the_grid_and_the_ders_bring_together() -> None:
    """Per conductor 4 kW of load and 3 kW of sun: 1 kW from the grid, 3 kW from the DER, 4000 W / 120 V in all."""

    async def story(rig: Rig) -> Recording:
        await rig.do(step("set_source", to=6000.0))
        await rig.do(step("set_load", to=8000.0))
        await rig.sleep(5.0)
        return await recorded(rig, 1.0, "bus.current_a", each_phase=True)

    found = on_bench(story, "nec/busbar").channels
    assert found["bus.current_a.L1"].mean() == pytest.approx(4000 / 120, rel=0.01)


def test_every_channel_that_a_sheet_claims_can_be_recorded_where_the_case_has_its_place() -> None:
    claimed = sheet().roles[Role.POWER_METER].channels
    assert set(claimed) == set(CHANNELS)

    async def story(rig: Rig) -> set[str]:
        found = set()
        for channel in claimed:
            with suppress(RigError):  # the case has no such place
                recording = await recorded(rig, 0.1, channel)
                assert np.isfinite(recording.channels[channel]).all()
                assert await rig.latest_value(channel) is not None
                found.add(channel)
        return found

    profiles = ("crd/step-load-import-ess", "nec/busbar", "nec/conductor")
    assert set().union(*(on_bench(story, profile) for profile in profiles)) == set(claimed)


def test_a_site_that_grew_a_battery_records_it_alone_and_with_all() -> None:
    async def story(rig: Rig) -> dict[str, float]:
        await rig.do(step("set_source", to=8000.0))
        await rig.do(step("set_storage", to=-3000.0))
        await rig.sleep(8.0)
        recording = await recorded(rig, 1.0, "ess.injection_w", "der.injection_w")
        return {name: float(values.mean()) for name, values in recording.channels.items()}

    assert on_bench(story) == pytest.approx({"ess.injection_w": -3000, "der.injection_w": 5000}, abs=15)


def test_gains_of_many_runs_scatter_as_the_stated_uncertainty_says() -> None:
    """The errors of 40 repeats: twice their standard deviation is inside what the sheet states, and not far inside."""

    async def story(rig: Rig) -> float:
        await rig.do(step("set_load", to=8000.0))
        await rig.sleep(0.1)
        recording = await recorded(rig, 0.1, "load.demand_w", each_phase=True)
        return float(recording.channels["load.demand_w.L1"][-1]) / 4000 - 1

    errors = [on_bench(story, repeat=repeat) for repeat in range(40)]
    expanded = 2 * float(np.std(errors))
    assert 0.3 * EXPANDED < expanded < 1.6 * EXPANDED * sqrt(2)


def test_a_channel_that_the_sheet_does_not_have_is_refused_before_anything_is_recorded() -> None:
    async def story(rig: Rig) -> None:
        with pytest.raises(RigError, match="nobody records sun"):
            await rig.begin(("poi.import_w", "sun"), False)
        gauge = bench_of(rig).gauge
        assert gauge is not None
        with pytest.raises(RigError, match="does not record"):
            await gauge.end()

    on_bench(story)


def test_a_trail_gives_what_held_at_each_instant_and_forgets_the_oldest() -> None:
    trail = Trail(1.0)
    trail.set(2.0, 5.0)
    trail.set(3.0, 5.0)
    trail.set(4.0, 7.0)
    assert list(trail.values(np.array([-1.0, 1.9, 2.0, 3.9, 4.0, 99.0]))) == [1, 1, 5, 5, 7, 7]
    for k in range(2 * KEPT):
        trail.set(10.0 + k, float(k % 2))
    assert trail.value == 1.0
    assert trail.values(np.array([10.0 + 2 * KEPT - 2])).tolist() == [0.0]
