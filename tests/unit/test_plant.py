"""The simulated site's physics: sources, inverters, meters and their balance."""

import pytest

from hil.plant.inverter import Inverter, InverterSpec
from hil.plant.meter import MeterSpec
from hil.plant.orders import LimitOrder
from hil.plant.plant import Der, Load, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import System
from hil.plant.wiring import MeterMode

ONE = System(name="single")
SINGLE = ONE.connect("L1N")
WYE = System(name="wye")


def site(*, load: Source, meter: MeterSpec | None = None, ders: tuple[Der, ...] = (), step_s: float = 0.1) -> Plant:
    return Plant(
        PlantSpec(
            system=ONE,
            step_s=step_s,
            loads=(Load(demand_w=load, connection=SINGLE),),
            ders=ders,
            meters=(meter or MeterSpec(id="poi"),),
        )
    )


def pv(available_w: float | Source = 9000.0, **behaviour: float) -> Der:
    source = available_w if isinstance(available_w, Source) else Source.constant(available_w)
    spec = {"nameplate_w": 10000.0, **behaviour}
    return Der(spec=InverterSpec(id="inv1", connection=SINGLE, **spec), drive_w=source)


def test_a_held_source_jumps_at_its_instants_and_a_linear_one_runs_between_them() -> None:
    held = Source([0, 10, 20], [1, 5, 3], linear=False)
    joined = Source([0, 10, 20], [1, 5, 3], linear=True)
    assert [held.value(t) for t in (-1, 0, 9.99, 10, 20, 99)] == [1, 1, 1, 5, 3, 3]
    assert [joined.value(t) for t in (-1, 0, 2.5, 10, 15, 99)] == [1, 1, 2, 5, 4, 3]


def test_a_looped_record_repeats_with_its_length() -> None:
    source = Source.record([0, 1, 2], [0, 10, 0], start_s=0, loop=True)
    assert [round(source.value(t), 6) for t in (0.5, 2.5, 1000.5, 1001)] == [5, 5, 5, 10]
    assert source.segment(2.0)[2] > 2.0, "a segment is never empty"


def test_a_record_is_scaled_and_shifted() -> None:
    source = Source.record([100, 101], [1, 2], start_s=100, scale=10, offset=5)
    assert (source.value(0), source.value(1)) == (15, 25)


@pytest.mark.parametrize("times", [(0, 0), (1, 0)])
def test_a_source_refuses_instants_that_do_not_rise(times: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="rise"):
        Source(times, (1, 2), linear=True)


def test_a_meter_averages_over_its_window_and_shows_only_at_its_own_instants() -> None:
    meter = MeterSpec(id="poi", update_s=1.0, averaging_s=5.0, phase_s=0.5, resolution_w=0.001)
    plant = site(load=Source([0, 10], [0, 1000], linear=False), meter=meter)
    seen = {}
    for t in (10.4, 10.5, 11.49, 11.5, 14.5, 15.5):
        plant.settle(t)
        seen[t] = round(plant.meters["poi"].sample.import_w)
    assert seen == {10.4: 0, 10.5: 100, 11.49: 100, 11.5: 300, 14.5: 900, 15.5: 1000}


def test_a_late_meter_shows_a_measurement_after_its_latency_with_the_instant_of_the_measurement() -> None:
    plant = site(load=Source([0, 1], [0, 500], linear=False), meter=MeterSpec(id="poi", latency_s=0.25))
    plant.settle(1.34)
    assert plant.meters["poi"].sample.import_w == 0
    plant.settle(1.36)
    sample = plant.meters["poi"].sample
    assert (sample.import_w, round(sample.at_s, 6)) == (500, 1.1)


def test_creep_and_resolution_shape_what_a_meter_shows() -> None:
    meter = MeterSpec(id="poi", creep_w=20, resolution_w=10)
    shown = []
    for load_w in (19.0, 26.0, 34.9):
        plant = site(load=Source.constant(load_w), meter=meter)
        plant.settle(1)
        shown.append(plant.meters["poi"].sample.import_w)
    assert shown == [0, 30, 30]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (MeterMode.OPEN, (0, 0, 0)),
        (MeterMode.OPEN_A, (0, 200, 300)),
        (MeterMode.REVERSED, (-100, -200, -300)),
        (MeterMode.REVERSED_B, (100, -200, 300)),
    ],
)
def test_ct_faults_change_the_phases_that_they_concern(mode: MeterMode, expected: tuple[float, ...]) -> None:
    loads = tuple(
        Load(demand_w=Source.constant(w), connection=WYE.connect(f"L{k + 1}N")) for k, w in enumerate((100, 200, 300))
    )
    plant = Plant(PlantSpec(loads=loads, meters=(MeterSpec(id="poi"),)))
    plant.meters["poi"].mode = mode
    plant.settle(1)
    assert plant.meters["poi"].sample.phase_import_w == expected


def test_a_frozen_meter_repeats_itself_and_a_healed_one_does_not() -> None:
    plant = site(load=Source([0, 5], [100, 900], linear=False))
    plant.settle(1)
    meter = plant.meters["poi"]
    meter.mode = MeterMode.FROZEN
    frozen = meter.sample
    plant.settle(9)
    assert meter.sample is frozen
    meter.mode = MeterMode.OK
    plant.settle(9.2)
    assert meter.sample.import_w == 900


def test_the_123_timer_drops_the_limit_and_the_704_timer_falls_back_to_what_was_armed() -> None:
    for armed, settled_w in ((False, 9000.0), (True, 2000.0)):
        plant = site(load=Source.constant(0), ders=(pv(),))
        unit = plant.units["inv1"]
        unit.write(0, LimitOrder(enabled=True, limit_pct=50, revert_s=10, revert_enabled=armed, revert_limit_pct=20))
        plant.advance(9.9)
        assert unit.injection_w == pytest.approx(5000, abs=1)
        assert unit.order.limit_pct == 50
        plant.advance(20)
        assert unit.injection_w == pytest.approx(settled_w, abs=1)
        assert unit.order.enabled is armed


def test_another_write_arms_the_timer_anew() -> None:
    plant = site(load=Source.constant(0), ders=(pv(),))
    unit = plant.units["inv1"]
    order = LimitOrder(enabled=True, limit_pct=50, revert_s=10)
    for t in (0, 8, 16):
        plant.settle(t)
        unit.write(t, order)
    plant.advance(25.9)
    assert unit.injection_w == pytest.approx(5000, abs=1)


def test_a_restarted_inverter_forgets_its_limit_and_stays_off_as_long_as_told() -> None:
    plant = site(load=Source.constant(0), ders=(pv(),))
    unit = plant.units["inv1"]
    unit.write(0, LimitOrder(enabled=True, limit_pct=10))
    plant.advance(5)
    unit.restart(5, off_s=3)
    plant.advance(7.9)
    assert unit.injection_w == 0
    plant.advance(15)
    assert unit.injection_w == pytest.approx(9000, abs=1)
    assert not unit.order.enabled


def test_a_disobedient_inverter_shows_orders_and_keeps_its_output_until_it_obeys_again() -> None:
    plant = site(load=Source.constant(0), ders=(pv(),))
    unit = plant.units["inv1"]
    unit.obey(0, False)
    unit.write(0, LimitOrder(enabled=True, limit_pct=10))
    plant.advance(10)
    assert (unit.injection_w, unit.order.limit_pct) == (9000, 10)
    unit.obey(10, True)
    plant.advance(20)
    assert unit.injection_w == pytest.approx(1000, abs=1)


def test_gain_error_and_quantisation_show_in_the_settled_output() -> None:
    plant = site(load=Source.constant(0), ders=(pv(limit_step_pct=5, gain_error_pct=10),))
    unit = plant.units["inv1"]
    unit.write(0, LimitOrder(enabled=True, limit_pct=41))
    plant.advance(10)
    assert unit.injection_w == pytest.approx(4400, abs=1)


def test_of_two_orders_the_later_one_wins_however_their_dead_times_fall() -> None:
    for seed in range(20):
        spec = InverterSpec(id="x", nameplate_w=10000, dead_time_s=0.1, dead_jitter_s=1.0)
        unit = Inverter(spec, seed=seed, available_w=9000)
        unit.write(0.0, LimitOrder(enabled=True, limit_pct=80))
        unit.write(0.1, LimitOrder(enabled=True, limit_pct=20))
        unit.fire(3.0)
        unit.advance(10.0, 9000, 0.0)
        assert unit.injection_w == pytest.approx(2000, abs=1), seed


def test_at_night_telemetry_is_zero_and_says_asleep() -> None:
    plant = site(load=Source.constant(0), ders=(pv(Source([0, 5], [4000, -50], linear=False)),))
    plant.settle(4)
    assert not plant.units["inv1"].telemetry.asleep
    plant.settle(7)
    telemetry = plant.units["inv1"].telemetry
    assert (telemetry.injection_w, telemetry.asleep) == (0, True)


def test_telemetry_has_its_own_instants_latency_and_gain() -> None:
    sun = Source([0, 3.2], [4000, 2000], linear=False)
    der = pv(sun, telemetry_s=1, telemetry_phase_s=0.5, telemetry_latency_s=0.2, telemetry_gain=1.1)
    plant = site(load=Source.constant(0), ders=(der,))
    plant.settle(3.69)
    assert plant.units["inv1"].telemetry.injection_w == pytest.approx(4400)
    plant.settle(3.71)
    telemetry = plant.units["inv1"].telemetry
    assert (telemetry.at_s, telemetry.injection_w) == (3.5, pytest.approx(2200))


def test_falling_sun_is_followed_at_once_whatever_the_ramp() -> None:
    spec = InverterSpec(id="x", nameplate_w=10000, ramp_down_pct_s=1, ramp_up_pct_s=1, time_constant_s=5)
    unit = Inverter(spec, seed=1, available_w=9000)
    unit.advance(1.0, 9000, -5000)
    assert unit.injection_w == 4000


def test_truth_states_the_value_after_a_step_at_the_instant_of_the_step() -> None:
    plant = site(
        load=Source([0, 3.017], [100, 700], linear=False), ders=(pv(Source([0, 4.5], [900, 300], linear=False)),)
    )
    plant.advance(6)
    rows = {round(row[0], 6): dict(zip(plant.columns, row, strict=True)) for row in plant.truth}
    assert rows[3.017]["demand_w"] == 700
    assert rows[4.5]["inv1_injection_w"] == 300
    assert [row[0] for row in plant.truth] == sorted({row[0] for row in plant.truth}), "instants rise strictly"
