"""Meters that are wired wrong: watts per conductor worked out by hand on phasors, and faults while the site runs."""

import asyncio
from math import sqrt
from typing import Any

import pytest
from pydantic import ValidationError

from hil.plant.meter import MeterSample, MeterSpec
from hil.plant.plant import Load, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import System
from hil.plant.wiring import MeterMode, matrices, matters, mode_of
from hil.profile.words import FAULTS
from hil.rig.simulated import SimulatedSite
from hil.rig.twin_file import FaultPart
from tests.twin_kit import with_site

SYSTEMS = {
    "single": System(name="single", nominal_v=230.0),
    "split": System(name="split", nominal_v=120.0),
    "wye": System(name="wye", nominal_v=120.0),
    "delta": System(name="delta", nominal_v=480.0),
}
WATTS = (1000.0, 2000.0, 3000.0)  # by conductor, at a power factor of 0.8: S = P (1 + 0.75j)
COS, SIN = 0.8, 0.6
HALF_ROOT_3 = sqrt(3) / 2


def plant_of(system: System, **meter: float) -> Plant:
    """An unequal load on each conductor; in a delta 3 kW at unity on all three."""
    if system.name == "delta":
        loads: tuple[Load, ...] = (Load(demand_w=Source.constant(3000.0), connection=system.connect("L123")),)
    else:
        loads = tuple(
            Load(demand_w=Source.constant(watts), connection=system.connect(f"L{k}N", COS))
            for k, watts in enumerate(WATTS[: system.phases], 1)
        )
    spec = MeterSpec(id="poi", resolution_w=1e-6, noise_v=0.0, **meter)
    return Plant(PlantSpec(system=system, loads=loads, meters=(spec,)))


def shown(plant: Plant) -> MeterSample:
    plant.settle(plant.now_s + 1.0)
    return plant.meters["poi"].sample


def wired(system: str, *modes: MeterMode, **meter: float) -> MeterSample:
    plant = plant_of(SYSTEMS[system], **meter)
    for mode in modes:
        plant.meters["poi"].fail(mode)
    return shown(plant)


@pytest.mark.parametrize(
    ("system", "mode", "expected_w"),
    [
        ("single", MeterMode.OPEN, (0,)),
        ("single", MeterMode.SHORTED_A, (0,)),
        ("single", MeterMode.REVERSED, (-1000,)),
        ("single", MeterMode.PARALLEL, (500,)),
        ("single", MeterMode.LOST_TAP, (0,)),
        ("single", MeterMode.LOST_NEUTRAL, (0,)),  # the only tap is its own star point
        ("split", MeterMode.SHORTED_B, (1000, 0)),
        ("split", MeterMode.REVERSED_A, (-1000, 2000)),
        ("split", MeterMode.SWAPPED_AB, (-2000, -1000)),  # the legs are opposed: V1 conj(I2) = -S2
        ("split", MeterMode.WRONG_PHASE, (-1000, -2000)),
        ("split", MeterMode.HALF_B, (1000, 1000)),
        ("split", MeterMode.LOST_NEUTRAL, (1000, 2000)),  # the mean of two opposed legs is the neutral
        ("wye", MeterMode.SHORTED_C, (1000, 2000, 0)),
        ("wye", MeterMode.PARALLEL_B, (1000, 1000, 3000)),
        ("wye", MeterMode.PARALLEL, (500, 1000, 1500)),
        ("wye", MeterMode.LOST_NEUTRAL, (1000, 2000, 3000)),  # a balanced wye keeps its star point
        ("wye", MeterMode.LOST_TAP, (0, 0, 0)),
        ("delta", MeterMode.REVERSED_C, (1000, 1000, -1000)),
        ("delta", MeterMode.OPEN_A, (0, 1000, 1000)),
        ("delta", MeterMode.HALF, (500, 500, 500)),
        ("delta", MeterMode.WRONG_PHASE, (-500, -500, -500)),  # cos 120
        ("delta", MeterMode.SWAPPED_BC, (1000, -500, -500)),
        ("delta", MeterMode.LOST_TAP_A, (0, 750, 750)),  # (V2-V3)/2 leads V2 by 30 degrees and is 0.866 V long
        ("delta", MeterMode.LOST_NEUTRAL, (1000, 1000, 1000)),  # there is none to lose
    ],
)
def test_each_wiring_fault_shows_the_watts_that_a_hand_works_out(
    system: str, mode: MeterMode, expected_w: tuple[float, ...]
) -> None:
    """CRD-ABN-5."""
    assert wired(system, mode).phase_import_w == pytest.approx(expected_w, abs=1e-5)


def test_swapped_ct_s_and_taps_that_are_off_turn_a_lagging_load_by_120_degrees_one_way_or_the_other() -> None:
    """P = S cos(phi + 120) where the current is that of the next conductor, S cos(phi - 120) where the voltage is."""
    ahead, behind = COS * -0.5 - SIN * HALF_ROOT_3, COS * -0.5 + SIN * HALF_ROOT_3
    assert wired("wye", MeterMode.SWAPPED_BC).phase_import_w == pytest.approx((1000, 3750 * ahead, 2500 * behind))
    assert wired("wye", MeterMode.SWAPPED_CA).phase_import_w == pytest.approx((3750 * behind, 2000, 1250 * ahead))
    assert wired("wye", MeterMode.WRONG_PHASE).phase_import_w == pytest.approx(
        [va * behind for va in (1250, 2500, 3750)]
    )


def test_without_neutral_and_one_tap_the_other_two_see_half_the_voltage_between_them() -> None:
    """(V2 - V3)/2 = V2 (0.75 + 0.433j) and = -V3 (-0.75 + 0.433j)."""
    sample = wired("wye", MeterMode.LOST_NEUTRAL, MeterMode.LOST_TAP_A)
    at_b = 0.75 * 2000 - HALF_ROOT_3 / 2 * 1500
    at_c = 0.75 * 3000 + HALF_ROOT_3 / 2 * 2250
    assert sample.phase_import_w == pytest.approx((0, at_b, at_c))
    assert sample.phase_voltage_v == pytest.approx((0, 120 * HALF_ROOT_3, 120 * HALF_ROOT_3))
    assert wired("split", MeterMode.LOST_NEUTRAL, MeterMode.LOST_TAP_B).phase_import_w == (0, 0)


def test_a_meter_fed_from_its_first_tap_measures_against_that_conductor_once_its_neutral_is_lost() -> None:
    """Channel B sees V2 - V1 = V2 (1.5 - 0.866j), channel C V3 - V1 = V3 (1.5 + 0.866j): Aron's circuit."""
    sample = wired("wye", MeterMode.LOST_NEUTRAL, tap_a_ratio=1e12)
    at_b = 1.5 * 2000 + HALF_ROOT_3 * 1500
    at_c = 1.5 * 3000 - HALF_ROOT_3 * 2250
    assert sample.phase_import_w == pytest.approx((0, at_b, at_c), abs=1e-3)
    assert sample.phase_voltage_v == pytest.approx((0, 120 * sqrt(3), 120 * sqrt(3)), abs=1e-3)
    # The sum misses exactly what the neutral's current carries: V1 conj(I1 + I2 + I3).
    amps = [
        (watts * (1 + 0.75j) / volt).conjugate() for watts, volt in zip(WATTS, SYSTEMS["wye"].phasors(), strict=True)
    ]
    assert sample.import_w == pytest.approx(6000 - (120 * sum(amps).conjugate()).real, abs=1e-3)


def test_faults_add_up_in_whatever_order_and_end_one_by_one() -> None:
    modes = (MeterMode.SWAPPED_AB, MeterMode.REVERSED_A, MeterMode.OPEN_C, MeterMode.HALF)
    forward, backward = wired("wye", *modes), wired("wye", *reversed(modes))
    assert forward.phase_import_w == backward.phase_import_w
    assert forward.phase_import_w[0] == pytest.approx(-0.5 * 2500 * (COS * -0.5 - SIN * HALF_ROOT_3))
    assert forward.phase_import_w[2] == 0
    plant = plant_of(SYSTEMS["wye"])
    meter = plant.meters["poi"]
    meter.fail(MeterMode.REVERSED_A)
    meter.fail(MeterMode.OPEN_B)
    assert shown(plant).phase_import_w == pytest.approx((-1000, 0, 3000))
    meter.mend(MeterMode.REVERSED_A)
    assert shown(plant).phase_import_w == pytest.approx((1000, 0, 3000))
    meter.restore(plant.now_s)
    assert shown(plant).phase_import_w == pytest.approx(WATTS)


def test_every_wiring_fault_of_a_profile_has_a_mode_for_each_conductor() -> None:
    words = [word for word in FAULTS if word.startswith(("sensor", "ct_", "wrong", "tap", "neutral", "meter_frozen"))]
    assert len(words) == 10
    for word in words:
        shown_w = {phase: wired("wye", mode_of(word, phase), tap_a_ratio=5.0) for phase in ("total", "L1", "L2", "L3")}
        if word not in ("meter_frozen",):
            assert all(one.phase_import_w != pytest.approx(WATTS) for one in shown_w.values()), word
    assert mode_of("ct_swapped", "L3") is MeterMode.SWAPPED_CA
    assert mode_of("tap_lost", "L2") is MeterMode.LOST_TAP_B


def test_faults_that_cannot_show_in_a_system_are_told_from_those_that_can() -> None:
    def lost_on_none(system: str, *modes: MeterMode) -> list[bool]:
        return [matters(mode, system=system, phases=SYSTEMS[system].phases) for mode in modes]

    assert lost_on_none("single", MeterMode.SWAPPED_AB, MeterMode.WRONG_PHASE, MeterMode.OPEN_B) == [False] * 3
    assert lost_on_none("split", MeterMode.SWAPPED_AB, MeterMode.WRONG_PHASE, MeterMode.OPEN_C) == [True, True, False]
    assert lost_on_none("delta", MeterMode.LOST_NEUTRAL, MeterMode.FROZEN) == [False, True]
    assert matrices(frozenset((MeterMode.REVERSED_C,)), "split", 2) is None


def stepped(at_s: float, watts: float, **meter: float) -> Plant:
    system = SYSTEMS["wye"]
    load = Load(demand_w=Source((0.0, at_s), (0.0, watts), linear=False))
    spec = MeterSpec(id="poi", resolution_w=1e-6, noise_v=0.0, **meter)
    return Plant(PlantSpec(system=system, loads=(load,), meters=(spec,)))


def test_a_window_that_was_widened_while_running_shows_a_step_as_a_straight_line() -> None:
    plant = stepped(10.0, 1000.0)
    meter = plant.meters["poi"]
    plant.settle(2.0)
    meter.averaging_s = 5.0
    for at_s, expected_w in ((10.0, 0), (11.0, 200), (12.5, 500), (15.0, 1000), (20.0, 1000)):
        plant.settle(at_s)
        assert meter.sample.import_w == pytest.approx(expected_w, abs=1e-5), at_s
    meter.averaging_s = 0.1
    plant.settle(20.1)
    assert meter.sample.import_w == pytest.approx(1000)


def test_a_window_that_was_widened_fills_up_from_what_the_narrow_one_held() -> None:
    plant = stepped(10.0, 1000.0)
    meter = plant.meters["poi"]
    plant.settle(9.0)
    meter.averaging_s = 5.0
    plant.settle(11.0)  # 2.1 s are known: the last tenth before the change and what came since
    assert meter.sample.import_w == pytest.approx(1000 / 2.1, rel=1e-6)


def test_another_update_period_holds_from_the_next_value_on_and_energy_is_counted_once() -> None:
    plant = stepped(0.5, 3600.0, update_s=0.1)
    meter = plant.meters["poi"]
    plant.settle(2.04)
    meter.renew_every(2.04, 1.0)
    plant.settle(2.9)
    assert meter.sample.at_s == pytest.approx(2.0)
    plant.settle(3.0)
    assert meter.sample.at_s == pytest.approx(3.0)
    plant.settle(8.0)
    meter.restore(8.0)
    plant.settle(8.1)
    assert meter.sample.at_s == pytest.approx(8.1)
    plant.settle(10.5)
    # One watt-hour each second, but the window is 0.1 s wide: what the values stand for is what is counted.
    assert meter.sample.imported_wh == pytest.approx(10.0, abs=0.02)


def test_a_frozen_meter_repeats_itself_until_it_thaws() -> None:
    plant = stepped(1.0, 1000.0)
    meter = plant.meters["poi"]
    plant.settle(0.5)
    meter.fail(MeterMode.FROZEN)
    meter.fail(MeterMode.REVERSED)
    plant.settle(2.0)
    assert (meter.sample.import_w, meter.sample.at_s) == (0.0, 0.5)
    meter.mend(MeterMode.FROZEN)
    plant.settle(2.1)
    assert meter.sample.import_w == pytest.approx(-1000)


def test_faults_of_a_meter_are_made_and_ended_while_the_site_is_served() -> None:
    async def work(site: SimulatedSite) -> list[float]:
        async def after(**fault: Any) -> float:
            site.inject(FaultPart(at_s=0.0, on="poi", **fault))
            await asyncio.sleep(0.5)
            site.settle()
            return site.plant.meters["poi"].sample.import_w

        await asyncio.sleep(6.0)  # 6 kW of load less 7.5 kW of sun, a third on each conductor
        return [
            await after(fault="reversed_a"),
            await after(fault="shorted_b"),
            await after(fault="reversed_a", ends=True),
            await after(fault="ratio", percent=10.0),
            await after(fault="clear"),
        ]

    assert with_site(work) == pytest.approx((-500, 0, -1000, -1100, -1500), abs=3)


def test_window_and_update_period_are_set_and_restored_while_the_site_is_served() -> None:
    async def work(site: SimulatedSite) -> tuple[float, ...]:
        meter = site.plant.meters["poi"]
        site.inject(FaultPart(at_s=0.0, on="poi", fault="averaging", seconds=2.0))
        site.inject(FaultPart(at_s=0.0, on="poi", fault="update", seconds=1.0))
        await asyncio.sleep(6.5)  # the load stepped by 3 kW at 5 s; the newest value is that of 6 s
        site.settle()
        slow_s, half_w = meter.sample.at_s, meter.sample.import_w
        site.inject(FaultPart(at_s=0.0, on="poi", fault="averaging", ends=True))
        site.inject(FaultPart(at_s=0.0, on="poi", fault="clear"))
        await asyncio.sleep(0.25)
        site.settle()
        return slow_s, half_w, meter.sample.at_s, meter.sample.import_w

    assert with_site(work) == pytest.approx((6.0, -3000, 6.7, -1500), abs=0.01)


def test_a_window_without_seconds_and_the_end_of_what_cannot_end_alone_are_refused() -> None:
    with pytest.raises(ValidationError, match="averaging needs seconds"):
        FaultPart(at_s=0.0, on="poi", fault="averaging")
    with pytest.raises(ValidationError, match="write clear"):
        FaultPart(at_s=0.0, on="poi", fault="silent", ends=True)
