"""Conductors of the simulated site: known answers of phasors, nested points, and what wrong wiring shows."""

from math import hypot, sqrt

import pytest

from hil.plant.inverter import InverterSpec
from hil.plant.layout import PointSpec
from hil.plant.meter import MeterSample, MeterSpec
from hil.plant.plant import Der, Load, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import Supply, System
from hil.plant.wiring import MeterMode

WYE_208 = System(name="wye", nominal_v=120.0)
SPLIT = System(name="split", nominal_v=120.0)
DELTA = System(name="delta", nominal_v=480.0)


def pv(system: System, watts: float, connection: str, name: str = "inv1", point: str = "poi") -> Der:
    spec = InverterSpec(id=name, nameplate_w=watts, connection=system.connect(connection))
    return Der(spec=spec, drive_w=Source.constant(watts), point=point)


def load(system: System, watts: float, connection: str, power_factor: float = 1.0, point: str = "poi") -> Load:
    return Load(demand_w=Source.constant(watts), connection=system.connect(connection, power_factor), point=point)


def shown(plant: Plant, meter: str = "poi") -> MeterSample:
    plant.settle(1.0)
    return plant.meters[meter].sample


def exact(name: str = "poi", point: str = "poi", **errors: float) -> MeterSpec:
    return MeterSpec(id=name, point=point, resolution_w=1e-6, noise_v=0.0, **errors)


def test_six_kilowatts_across_208_volts_put_half_on_each_of_two_conductors_and_28_9_amperes() -> None:
    """DESIGN section 5: 28.9 A and reactive power of both signs, not 25 A."""
    plant = Plant(PlantSpec(system=WYE_208, ders=(pv(WYE_208, 6000, "L1L2"),), meters=(exact(),)))
    sample = shown(plant)
    assert sample.phase_import_w == pytest.approx((-3000, -3000, 0), abs=1e-3)
    assert sample.phase_current_a == pytest.approx((28.87, 28.87, 0), abs=0.01)
    across_var = 3000 / sqrt(3)
    assert [abs(var) for var in sample.phase_import_var] == pytest.approx([across_var, across_var, 0], abs=1e-3)
    assert sample.import_var == pytest.approx(0, abs=1e-3)
    assert sample.line_voltage_v == pytest.approx((207.85, 207.85, 207.85), abs=0.01)


def test_a_240_volt_unit_puts_half_its_power_on_each_leg_of_a_split_phase_and_no_reactive_power() -> None:
    """The same current in both legs, the opposite way: both legs see export."""
    plant = Plant(PlantSpec(system=SPLIT, ders=(pv(SPLIT, 6000, "L1L2"),), meters=(exact(),)))
    sample = shown(plant)
    assert sample.phase_import_w == pytest.approx((-3000, -3000))
    assert sample.phase_import_var == pytest.approx((0, 0))
    assert sample.phase_current_a == pytest.approx((25, 25))
    volts = SPLIT.phasors()
    currents = [(complex(w) / v).conjugate() for w, v in zip(sample.phase_import_w, volts, strict=True)]
    assert currents[0] == pytest.approx(-currents[1])


@pytest.mark.parametrize(
    ("connection", "expected_w"),
    [("L123", (1000, 1000, 1000)), ("L2L3", (0, 1500, 1500)), ("L3L1", (1500, 0, 1500)), ("L1L3", (1500, 0, 1500))],
)
def test_in_a_delta_each_conductor_is_counted_against_the_middle_of_the_triangle(
    connection: str, expected_w: tuple[float, ...]
) -> None:
    plant = Plant(PlantSpec(system=DELTA, loads=(load(DELTA, 3000, connection),), meters=(exact(),)))
    assert shown(plant).phase_import_w == pytest.approx(expected_w, abs=1e-3)
    assert shown(plant).phase_voltage_v == pytest.approx((277.13,) * 3, abs=0.01)


def test_a_lagging_load_draws_reactive_power_and_a_leading_one_gives_it() -> None:
    for power_factor, expected_var in ((0.8, 750), (-0.8, -750)):
        site = PlantSpec(system=SPLIT, loads=(load(SPLIT, 1000, "L1N", power_factor),), meters=(exact(),))
        sample = shown(Plant(site))
        assert sample.phase_import_var == pytest.approx((expected_var, 0))
        assert sample.phase_current_a == pytest.approx((1250 / 120, 0))


def test_reactive_power_of_loads_does_not_move_the_balance_of_active_power() -> None:
    loads = (load(WYE_208, 4000, "L1N", 0.7), load(WYE_208, 2000, "L2L3", 0.9))
    plant = Plant(PlantSpec(system=WYE_208, loads=loads, ders=(pv(WYE_208, 5000, "L123"),), meters=(exact(),)))
    assert shown(plant).import_w == pytest.approx(1000)
    assert shown(plant).import_var == pytest.approx(4000 * sqrt(1 / 0.49 - 1) + 2000 * sqrt(1 / 0.81 - 1))


@pytest.mark.parametrize(
    ("system", "connection"), [(SPLIT, "L3N"), (SPLIT, "L1L1"), (DELTA, "L1N"), (WYE_208, "L4N"), (WYE_208, "star")]
)
def test_a_connection_that_the_system_has_not_is_refused(system: System, connection: str) -> None:
    with pytest.raises(ValueError, match=connection):
        system.connect(connection)


def nested() -> Plant:
    """A subpanel behind a subpanel, and a battery meter that is the feeder of one unit."""
    return Plant(
        PlantSpec(
            system=WYE_208,
            points=(PointSpec(id="panel_b", busbar=True), PointSpec(id="shed", parent="panel_b")),
            loads=(
                load(WYE_208, 5000, "L123"),
                load(WYE_208, 2400, "L123", point="panel_b"),
                load(WYE_208, 600, "L1N", point="shed"),
            ),
            ders=(pv(WYE_208, 1800, "L123", point="panel_b"), pv(WYE_208, 1000, "L2N", "inv2", "shed")),
            meters=(exact(), exact("sub", "panel_b"), exact("far", "shed"), exact("feeder", "inv1")),
        )
    )


def test_each_meter_sees_what_lies_behind_its_own_point() -> None:
    plant = nested()
    assert shown(plant, "far").phase_import_w == pytest.approx((600, -1000, 0))
    assert shown(plant, "sub").phase_import_w == pytest.approx((800, -800, 200))
    assert shown(plant).import_w == pytest.approx(5200)
    assert shown(plant, "feeder").phase_import_w == pytest.approx((-600, -600, -600))


def test_truth_knows_every_point_and_the_infeeds_of_a_busbar() -> None:
    """Infeeds of panel_b: the grid where it feeds in, and what the DER at that busbar injects."""
    plant = nested()
    plant.advance(1.0)
    row = dict(zip(plant.columns, plant.truth[-1], strict=True))
    assert row["panel_b_import_w"] == pytest.approx(200)
    assert row["shed_import_l2_w"] == pytest.approx(-1000)
    assert [row[f"panel_b_infeed_l{k}_a"] for k in (1, 2, 3)] == pytest.approx([1400 / 120, 600 / 120, 800 / 120])


def test_the_voltage_sinks_with_import_behind_an_impedance_and_current_follows() -> None:
    supply = Supply(resistance_ohm=0.1)
    site = PlantSpec(system=SPLIT, supply=supply, loads=(load(SPLIT, 1200, "L1N"),), meters=(exact(),))
    sample = shown(Plant(site))
    leg_v = sample.phase_voltage_v[0]
    assert leg_v == pytest.approx(120 - 0.1 * 1200 / leg_v, abs=1e-4)
    assert sample.phase_voltage_v[1] == 120
    assert sample.phase_current_a[0] == pytest.approx(1200 / leg_v)


def test_a_load_that_the_impedance_cannot_carry_leaves_half_the_voltage() -> None:
    supply = Supply(resistance_ohm=50.0)
    site = PlantSpec(system=SPLIT, supply=supply, loads=(load(SPLIT, 1200, "L1N"),), meters=(exact(),))
    assert shown(Plant(site)).phase_voltage_v == (60, 120)


def wired(mode: MeterMode, **errors: float) -> MeterSample:
    """Three unequal loads of power factor 0.8 behind a meter that is wired like this."""
    loads = tuple(load(WYE_208, watts, f"L{k}N", 0.8) for k, watts in enumerate((1000, 2000, 3000), 1))
    plant = Plant(PlantSpec(system=WYE_208, loads=loads, meters=(exact(**errors),)))
    plant.meters["poi"].mode = mode
    return shown(plant)


@pytest.mark.parametrize(
    ("mode", "expected_w"),
    [
        (MeterMode.OPEN_A, (0, 2000, 3000)),
        (MeterMode.REVERSED_B, (1000, -2000, 3000)),
        (MeterMode.HALF, (500, 1000, 1500)),
        (MeterMode.HALF_C, (1000, 2000, 1500)),
        (MeterMode.LOST_TAP_A, (0, 2000, 3000)),
    ],
)
def test_wiring_faults_of_one_channel_scale_what_it_shows(mode: MeterMode, expected_w: tuple[float, ...]) -> None:
    assert wired(mode).phase_import_w == pytest.approx(expected_w)


def test_a_channel_without_current_or_voltage_shows_nothing_and_no_noise() -> None:
    for mode, dead in ((MeterMode.OPEN, (0, 1, 2)), (MeterMode.OPEN_C, (2,)), (MeterMode.LOST_TAP_B, (1,))):
        watts = wired(mode, noise_w=300.0).phase_import_w
        assert [k for k, w in enumerate(watts) if w == 0.0] == list(dead), mode


def test_a_lost_tap_shows_no_volts_but_the_current_that_flows() -> None:
    sample = wired(MeterMode.LOST_TAP_B)
    assert sample.phase_voltage_v[1] == 0
    assert sample.phase_current_a[1] == pytest.approx(2000 / 0.8 / 120)


def test_swapped_ct_s_turn_every_angle_by_a_third_of_a_turn() -> None:
    """Channel A sees L1's voltage and L2's current, which trails by 120 degrees more: P = S cos(phi + 120)."""
    sample = wired(MeterMode.SWAPPED_AB)
    lag_cos, lag_sin = 0.8, 0.6
    at_a = 2500 * (lag_cos * -0.5 - lag_sin * sqrt(3) / 2)
    at_b = 1250 * (lag_cos * -0.5 + lag_sin * sqrt(3) / 2)
    assert sample.phase_import_w == pytest.approx((at_a, at_b, 3000))
    assert sample.phase_current_a == pytest.approx((2500 / 120, 1250 / 120, 3750 / 120))


def test_taps_one_conductor_off_turn_all_angles_the_same_way() -> None:
    sample = wired(MeterMode.WRONG_PHASE)
    turned = [va * (0.8 * -0.5 + 0.6 * sqrt(3) / 2) for va in (1250, 2500, 3750)]
    assert sample.phase_import_w == pytest.approx(turned)


def test_apparent_power_survives_every_turn_of_the_angle() -> None:
    for mode in (MeterMode.OK, MeterMode.SWAPPED_AB, MeterMode.WRONG_PHASE, MeterMode.REVERSED):
        sample = wired(mode)
        total = sum(hypot(w, var) for w, var in zip(sample.phase_import_w, sample.phase_import_var, strict=True))
        assert total == pytest.approx(7500), mode


def test_a_phase_error_of_one_degree_shows_1_3_percent_at_a_power_factor_of_0_8() -> None:
    """P error = tan(phi) * delta: a CT that leads makes a lagging load look larger."""
    error = wired(MeterMode.OK, phase_error_deg=1.0).import_w / 6000 - 1
    assert error == pytest.approx(0.75 * 0.01745, abs=2e-4)
    assert wired(MeterMode.OK, ratio_error_pct=-2.0).import_w == pytest.approx(5880)


def test_a_system_of_two_conductors_cannot_have_a_fault_on_the_third() -> None:
    plant = Plant(PlantSpec(system=SPLIT, loads=(load(SPLIT, 1000, "L1L2"),), meters=(exact(),)))
    for mode in (MeterMode.REVERSED_C, MeterMode.SWAPPED_BC, MeterMode.LOST_TAP_C):
        plant.meters["poi"].mode = mode
        plant.settle(plant.now_s + 1.0)
        assert plant.meters["poi"].sample.phase_import_w == pytest.approx((500, 500)), mode
