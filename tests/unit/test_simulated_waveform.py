"""The simulated waveform recorder: powers as voltages and currents, of the right size, and what it refuses."""

import asyncio

import numpy as np
import pytest

from hil.plant.inverter import InverterSpec
from hil.plant.plant import Der, Load, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import System
from hil.profile.rig_sheet import RoleSheet
from hil.profile.words import Role
from hil.record.recording import Recording
from hil.rig.roles import RigError
from hil.rig.simulated_waveform import WaveformRecorder

WYE = System(name="wye", nominal_v=230.0, nominal_hz=50.0)
CHANNELS = ("poi.import_w", "der.injection_w", "load.demand_w", "poi.voltage_v", "poi.current_a", "fault.contact")


def plant() -> Plant:
    spec = InverterSpec(id="pv1", nameplate_w=8000.0, connection=WYE.connect("L123"))
    load = Load(demand_w=Source((0.0, 1.5), (3000.0, 6000.0), linear=False), connection=WYE.connect("L1N", 0.9))
    return Plant(PlantSpec(system=WYE, loads=(load,), ders=(Der(spec=spec, drive_w=Source.constant(8000.0)),)))


class Clock:
    """Brings the plant to a moment; the world's clock is 100 s ahead of it."""

    def __init__(self, site: Plant) -> None:
        self.plant, self.at_s = site, 0.0

    def __call__(self) -> float:
        self.plant.advance(self.at_s)
        return 100.0


def recorder(site: Plant, **sheet: float) -> tuple[WaveformRecorder, Clock]:
    part = RoleSheet(role=Role.WAVEFORM, driver="simulated", line=1, channels=CHANNELS, **sheet)
    clock = Clock(site)
    return WaveformRecorder(part, site, settle=clock, scale_w=8000.0, seed=7), clock


def recorded(channels: tuple[str, ...], **sheet: float) -> Recording:
    gauge, clock = recorder(plant(), **sheet)

    async def work() -> Recording:
        clock.at_s = 1.0
        await gauge.begin(channels, True)
        clock.at_s = 2.0
        return await gauge.end()

    return asyncio.run(work())


def mean_w(record: Recording, place: str, from_s: float, to_s: float) -> float:
    inside = (record.t_s >= from_s) & (record.t_s < to_s)
    ones = [record.channels[f"poi.voltage_v.L{k}"] * record.channels[f"{place}.current_a.L{k}"] for k in (1, 2, 3)]
    return float(np.mean(np.sum(ones, axis=0)[inside]))


def test_each_power_comes_as_voltages_and_the_currents_of_its_place_in_its_own_direction() -> None:
    record = recorded(("poi.import_w", "der.injection_w", "load.demand_w"))
    assert record.name == "waveform"
    assert (record.t_s[0], record.t_s[-1]) == pytest.approx((101.0, 102.0))
    assert len(record.t_s) == 12_800 + 1
    for place, before_w, after_w in (("poi", -5000, -2000), ("der", 8000, 8000), ("load", 3000, 6000)):
        assert mean_w(record, place, 101.0, 101.5) == pytest.approx(before_w, rel=1e-3), place
        assert mean_w(record, place, 101.5, 102.0) == pytest.approx(after_w, rel=1e-3), place


def test_the_sheet_sets_the_rate_and_the_error_of_each_input() -> None:
    exact, off = recorded(("poi.voltage_v",)), recorded(("poi.voltage_v",), uncertainty_ratio=0.04, update_s=0.0001)
    assert len(off.t_s) == 10_001
    rms_v = [float(np.sqrt(np.mean(one.channels["poi.voltage_v.L2"][:-1] ** 2))) for one in (exact, off)]
    assert rms_v[0] == pytest.approx(230.0, rel=1e-4)
    assert 1e-4 < abs(rms_v[1] / 230.0 - 1) < 0.04


def test_the_newest_value_is_that_of_the_present_moment() -> None:
    gauge, clock = recorder(plant())
    clock.at_s = 1.6

    async def work() -> list[float | None]:
        return [await gauge.latest_value(name) for name in CHANNELS[:4]]

    assert asyncio.run(work()) == pytest.approx([-2000, 8000, 6000, 230])


def test_what_is_no_waveform_and_what_the_sheet_does_not_name_is_refused() -> None:
    gauge, _ = recorder(plant())
    for channel, why in (("fault.contact", "no waveform"), ("ess.injection_w", "does not record")):
        with pytest.raises(RigError, match=why):
            asyncio.run(gauge.begin((channel,), False))
    with pytest.raises(RigError, match="begin before"):
        asyncio.run(gauge.end())
