"""Batteries, hybrids, chargers and generators of the simulated site."""

import pytest

from hil.plant.battery import BatterySpec, Hybrid, HybridSpec, Storage
from hil.plant.evse import Evse, EvseSpec
from hil.plant.inverter import InverterSpec
from hil.plant.orders import CurrentOrder, LimitOrder, RateOrder, SetOrder
from hil.plant.plant import Der, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import System

WYE = System(name="wye", nominal_v=230.0)


def battery(wish_w: float | Source, **behaviour: float) -> tuple[Plant, Storage]:
    drive = wish_w if isinstance(wish_w, Source) else Source.constant(wish_w)
    spec = {"nameplate_w": 5000.0, "charge_w": 4000.0, "capacity_wh": 10_000.0, **behaviour}
    plant = Plant(PlantSpec(ders=(Der(spec=BatterySpec(id="bat1", **spec), drive_w=drive),)))  # type: ignore[arg-type]
    unit = plant.units["bat1"]
    assert isinstance(unit, Storage)
    return plant, unit


def test_a_battery_left_alone_follows_its_wish_within_its_ratings() -> None:
    plant, unit = battery(Source([0, 10, 20], [3000, -9000, 9000], linear=False))
    plant.advance(9)
    assert unit.injection_w == pytest.approx(3000)
    plant.advance(19)
    assert unit.injection_w == pytest.approx(-4000)
    plant.advance(30)
    assert unit.injection_w == pytest.approx(5000)


def test_its_state_of_charge_counts_both_ways_with_the_loss_of_each() -> None:
    plant, unit = battery(Source([0, 3600], [-2000, 2000], linear=False), efficiency_pct=90, time_constant_s=0)
    plant.advance(3600)
    assert unit.soc_pct == pytest.approx(50 + 2000 * 0.9 / 100, abs=0.01)
    plant.advance(7200)
    assert unit.soc_pct == pytest.approx(50 + 2000 * 0.9 / 100 - 2000 / 0.9 / 100, abs=0.02)
    assert unit.telemetry.soc_pct == pytest.approx(unit.soc_pct, abs=0.01)


def test_a_full_battery_stops_charging_and_an_empty_one_discharging() -> None:
    plant, unit = battery(-4000, soc_pct=89.9, soc_max_pct=90)
    plant.advance(60)
    assert unit.injection_w == pytest.approx(0, abs=1)
    assert 90 <= unit.soc_pct < 90.02
    plant, unit = battery(5000, soc_pct=10.1, soc_min_pct=10)
    plant.advance(60)
    assert unit.injection_w == pytest.approx(0, abs=1)
    assert 9.97 < unit.soc_pct <= 10


def test_limits_bound_a_wish_and_a_set_point_replaces_it() -> None:
    plant, unit = battery(3000)
    unit.write(0.0, LimitOrder(enabled=True, limit_pct=20))
    plant.advance(5)
    assert unit.injection_w == pytest.approx(1000)
    unit.write(5.0, SetOrder(enabled=True, setpoint_w=-2500))
    plant.advance(10)
    assert unit.injection_w == pytest.approx(-2500)
    unit.write(10.0, SetOrder(enabled=True, setpoint_w=4000))
    plant.advance(15)
    assert unit.injection_w == pytest.approx(1000), "the limit holds for set points too"


def test_the_timers_of_limit_and_set_point_run_by_themselves() -> None:
    plant, unit = battery(3000)
    unit.write(0.0, LimitOrder(enabled=True, limit_pct=20, revert_s=20))
    unit.write(0.0, SetOrder(enabled=True, setpoint_w=-1000, revert_s=10, revert_enabled=True, revert_setpoint_w=-500))
    plant.advance(9)
    assert unit.injection_w == pytest.approx(-1000)
    plant.advance(19)
    assert unit.injection_w == pytest.approx(-500)
    unit.write(19.0, SetOrder())
    plant.advance(30)
    assert unit.injection_w == pytest.approx(3000), "the limit's own timer has dropped it"


def test_rates_bound_both_ways_and_a_negative_rate_forces_the_other_way() -> None:
    plant, unit = battery(Source([0, 10], [3000, -3000], linear=False))
    unit.write(0.0, RateOrder(bounds_charge=True, bounds_discharge=True, charge_pct=25, discharge_pct=10))
    plant.advance(9)
    assert unit.injection_w == pytest.approx(400)
    plant.advance(19)
    assert unit.injection_w == pytest.approx(-1000)
    unit.write(19.0, RateOrder(bounds_charge=True, bounds_discharge=True, charge_pct=-30, discharge_pct=100))
    plant.advance(25)
    assert unit.injection_w == pytest.approx(1200), "at least 30 % of discharge"


def hybrid(sun_w: float, wish_w: float = 0.0, **behaviour: float) -> tuple[Plant, Hybrid]:
    spec = {
        "nameplate_w": 8000.0,
        "charge_w": 5000.0,
        "capacity_wh": 10_000.0,
        "efficiency_pct": 100.0,
        "battery_charge_w": 3000.0,
        "battery_discharge_w": 4000.0,
        **behaviour,
    }
    der = Der(
        spec=HybridSpec(id="hyb1", **spec),  # type: ignore[arg-type]
        drive_w=Source.constant(sun_w),
        wish_w=Source.constant(wish_w),
    )
    plant = Plant(PlantSpec(ders=(der,)))
    unit = plant.units["hyb1"]
    assert isinstance(unit, Hybrid)
    return plant, unit


def test_the_battery_of_a_hybrid_takes_what_its_port_may_not_export() -> None:
    plant, unit = hybrid(5000)
    plant.advance(10)
    assert unit.injection_w == pytest.approx(5000)
    unit.write(10.0, LimitOrder(enabled=True, limit_pct=25))
    plant.advance(70)
    before_j, used_j = unit.stored_j, unit.used_j
    plant.advance(80)
    assert unit.injection_w == pytest.approx(2000)
    assert unit.stored_j - before_j == pytest.approx(3000 * 10), "5 kW of sun less 2 kW of export"
    assert unit.used_j - used_j == pytest.approx(5000 * 10)


def test_what_neither_port_nor_battery_takes_is_lost_sun() -> None:
    plant, unit = hybrid(7000)
    unit.write(0.0, LimitOrder(enabled=True, limit_pct=25))
    plant.advance(30)
    used_j = unit.used_j
    plant.advance(40)
    assert unit.used_j - used_j == pytest.approx((2000 + 3000) * 10)


def test_a_hybrid_discharges_beside_its_sun_up_to_its_port() -> None:
    plant, unit = hybrid(6000, wish_w=4000)
    plant.advance(10)
    assert unit.injection_w == pytest.approx(8000)


def charger(demand_w: float | Source, **behaviour: float) -> tuple[Plant, Evse]:
    drive = demand_w if isinstance(demand_w, Source) else Source.constant(demand_w)
    connection = WYE.connect("L123")
    spec = {"nameplate_w": 32 * connection.volts_v, "most_a": 32.0, "dead_time_s": 2.0, "start_s": 10.0, **behaviour}
    plant = Plant(PlantSpec(system=WYE, ders=(Der(spec=EvseSpec(id="ev1", **spec), drive_w=drive),)))  # type: ignore[arg-type]
    unit = plant.units["ev1"]
    assert isinstance(unit, Evse)
    return plant, unit


def test_a_charger_draws_what_its_car_wants_up_to_its_current() -> None:
    plant, unit = charger(11_000)
    plant.advance(5)
    assert unit.injection_w == pytest.approx(-11_000)
    unit.limit(5.0, 10.9)
    plant.advance(6.9)
    assert unit.injection_w == pytest.approx(-11_000), "chargers react slowly"
    plant.advance(12)
    assert unit.injection_w == pytest.approx(-10 * 3 * 230), "whole amperes, rounded towards the limit"


def test_below_six_amperes_a_charger_pauses_and_a_paused_car_takes_its_time() -> None:
    """IEC 61851-1: the smallest offer is 6 A."""
    plant, unit = charger(11_000)
    unit.limit(0.0, 5.9)
    plant.advance(10)
    assert unit.injection_w == pytest.approx(0, abs=1)
    unit.limit(10.0, 6.0)
    plant.advance(21.9)
    assert unit.injection_w == pytest.approx(0, abs=1)
    plant.advance(30)
    assert unit.injection_w == pytest.approx(-6 * 690)


def test_a_charger_that_nobody_talks_to_falls_back_to_its_fail_safe_current() -> None:
    plant, unit = charger(22_000, failsafe_s=30, failsafe_a=8)
    plant.advance(60)
    assert unit.injection_w == pytest.approx(-22_000), "nobody has spoken yet"
    unit.limit(60.0, 20.0)
    plant.advance(85)
    unit.limit(85.0, 20.0)
    plant.advance(114)
    assert unit.injection_w == pytest.approx(-20 * 690)
    plant.advance(122)
    assert unit.injection_w == pytest.approx(-8 * 690)
    assert unit.order == CurrentOrder(enabled=True, limit_a=8, revert_a=8)


def test_an_unplugged_car_draws_nothing_at_once() -> None:
    plant, unit = charger(Source([0, 4.5], [11_000, 0], linear=False))
    plant.advance(4.4)
    assert unit.injection_w == pytest.approx(-11_000)
    plant.advance(4.6)
    assert unit.injection_w == 0


def test_a_generator_runs_its_schedule_through_its_ramp_and_obeys_a_limit() -> None:
    spec = InverterSpec(id="gen1", nameplate_w=10_000, has_stock=True, time_constant_s=0, ramp_down_pct_s=10)
    plant = Plant(PlantSpec(ders=(Der(spec=spec, drive_w=Source([0, 5], [8000, 2000], linear=False)),)))
    unit = plant.units["gen1"]
    plant.advance(7)
    assert unit.injection_w == pytest.approx(6000), "it has fuel: no cloud takes it away"
    plant.advance(12)
    assert unit.injection_w == pytest.approx(2000)
    unit.write(12.0, LimitOrder(enabled=True, limit_pct=5))
    plant.advance(20)
    assert unit.injection_w == pytest.approx(500)


def test_restart_and_disobedience_are_those_of_every_unit() -> None:
    plant, unit = charger(11_000)
    unit.limit(0.0, 6.0)
    plant.advance(10)
    unit.restart(10.0)
    plant.advance(20)
    assert unit.injection_w == pytest.approx(-11_000), "a restart forgets the limit"
    unit.obey(20.0, False)
    unit.limit(20.0, 6.0)
    plant.advance(30)
    assert unit.injection_w == pytest.approx(-11_000)
    unit.obey(30.0, True)
    plant.advance(40)
    assert unit.injection_w == pytest.approx(-6 * 690)
