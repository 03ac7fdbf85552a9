"""Loads that feel the voltage, and a grid whose voltage and frequency are set while the site runs."""

import pytest

from hil.plant.inverter import InverterSpec
from hil.plant.meter import MeterSpec
from hil.plant.plant import Der, Load, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import Supply, System
from hil.rig.simulated import SimulatedSite
from tests.twin_kit import with_site

WYE = System(name="wye", nominal_v=120.0)
SPLIT = System(name="split", nominal_v=120.0)
DELTA = System(name="delta", nominal_v=480.0)


def site(*loads: Load, system: System = WYE, supply: Supply | None = None, watts: float = 0.0) -> Plant:
    spec = InverterSpec(id="inv1", nameplate_w=10_000.0, connection=system.connect("L123"))
    ders = (Der(spec=spec, drive_w=Source.constant(watts)),) if watts else ()
    meter = MeterSpec(id="poi", resolution_w=1e-6, noise_v=0.0)
    return Plant(PlantSpec(system=system, supply=supply or Supply(), loads=loads, ders=ders, meters=(meter,)))


def load(watts: float, connection: str = "L123", *, system: System = WYE, factor: float = 1.0, **parts: float) -> Load:
    return Load(demand_w=Source.constant(watts), connection=system.connect(connection, factor), **parts)


@pytest.mark.parametrize(
    ("parts", "expected_w"),
    [
        ({}, 1000),
        ({"current_ratio": 1.0}, 900),
        ({"impedance_ratio": 1.0}, 810),
        ({"current_ratio": 0.3, "impedance_ratio": 0.5}, 0.2 * 1000 + 0.3 * 900 + 0.5 * 810),
    ],
)
def test_at_nine_tenths_of_the_voltage_a_load_draws_what_its_parts_do(
    parts: dict[str, float], expected_w: float
) -> None:
    plant = site(load(1000.0, **parts))
    plant.settle(1.0)
    assert plant.demand_w == pytest.approx(1000)
    plant.set_grid(1.05, voltage_factor=0.9)
    assert plant.demand_w == pytest.approx(expected_w)
    plant.settle(2.0)
    assert plant.meters["poi"].sample.import_w == pytest.approx(expected_w)
    assert plant.meters["poi"].sample.phase_voltage_v == pytest.approx((108,) * 3)
    plant.set_grid(3.0, voltage_factor=1.0)
    assert plant.demand_w == pytest.approx(1000)


@pytest.mark.parametrize(
    ("system", "connection"), [(SPLIT, "L1N"), (SPLIT, "L1L2"), (SPLIT, "L123"), (DELTA, "L2L3"), (DELTA, "L123")]
)
def test_each_connection_feels_the_voltage_across_it(system: System, connection: str) -> None:
    plant = site(load(1000.0, connection, system=system, factor=0.8, impedance_ratio=1.0), system=system)
    plant.set_grid(1.0, voltage_factor=1.1)
    plant.settle(2.0)
    assert plant.meters["poi"].sample.import_w == pytest.approx(1210)
    assert plant.meters["poi"].sample.import_var == pytest.approx(1210 * 0.75)


def test_an_impedance_behind_an_impedance_is_a_voltage_divider() -> None:
    """14.4 ohm draw 1000 W at 120 V. Behind 0.6 ohm: 120 V * 14.4/15, and 1000 W * (14.4/15)^2."""
    plant = site(load(1000.0, "L1N", impedance_ratio=1.0), supply=Supply(resistance_ohm=0.6))
    plant.settle(1.0)
    sample = plant.meters["poi"].sample
    assert sample.phase_import_w == pytest.approx((1000 * 0.96**2, 0, 0), abs=1e-3)
    assert sample.phase_voltage_v[0] == pytest.approx(115.2, abs=1e-4)
    assert sample.phase_current_a[0] == pytest.approx(8.0, abs=1e-4)


def test_a_load_across_two_legs_behind_a_reactance_is_the_divider_of_complex_impedances() -> None:
    """2 * 1j ohm in series with 57.6 ohm, which draw 1000 W at 240 V."""
    supply = Supply(reactance_ohm=1.0)
    plant = site(load(1000.0, "L1L2", system=SPLIT, impedance_ratio=1.0), system=SPLIT, supply=supply)
    plant.settle(1.0)
    ratio = abs(57.6 / (57.6 + 2j))
    assert plant.meters["poi"].sample.import_w == pytest.approx(1000 * ratio**2, rel=1e-6)
    assert plant.meters["poi"].sample.line_voltage_v[0] == pytest.approx(240 * ratio, rel=1e-6)


def test_sources_lift_the_voltage_and_with_it_what_an_impedance_draws() -> None:
    supply = Supply(resistance_ohm=0.2)
    alone, lifted = (site(load(3000.0, impedance_ratio=1.0), supply=supply, watts=w) for w in (0.0, 9000.0))
    for plant in (alone, lifted):
        plant.settle(1.0)
    assert alone.demand_w < 3000 < lifted.demand_w
    row = dict(zip(lifted.columns, lifted.truth[-1], strict=True))
    assert row["import_w"] == pytest.approx(row["demand_w"] - row["inv1_injection_w"])
    volts = [abs(volt) for volt in lifted.voltages()]
    assert lifted.demand_w == pytest.approx(3000 * (volts[0] / 120) ** 2)


def test_energy_of_a_soft_load_is_that_of_its_voltage_and_of_no_other() -> None:
    plant = site(load(1000.0, impedance_ratio=1.0))
    plant.meters["poi"].averaging_s = 2.0
    plant.set_grid(5.0, voltage_factor=0.9)
    plant.settle(6.0)  # one second at 1000 W and one at 810 W
    assert plant.meters["poi"].sample.import_w == pytest.approx(905, abs=1e-3)


def test_frequency_is_what_the_grid_is_set_to() -> None:
    plant = site(load(1000.0))
    plant.set_grid(1.0, frequency_hz=61.5)
    plant.settle(2.0)
    assert plant.meters["poi"].sample.frequency_hz == pytest.approx(61.5, abs=0.06)


def test_a_grid_that_no_site_has_is_refused_and_nothing_changes() -> None:
    plant = site(load(1000.0))
    for wrong in ({"voltage_factor": 0.0}, {"voltage_factor": 2.0}, {"frequency_hz": 16.7}):
        with pytest.raises(ValueError, match="a grid has"):
            plant.set_grid(1.0, **wrong)
    assert (plant.supply, plant.frequency_hz, plant.now_s) == (Supply(), 60.0, 0.0)


def test_the_grid_of_a_served_site_is_set_by_the_clock_of_the_loop() -> None:
    async def work(served: SimulatedSite) -> list[float]:
        served.set_grid(voltage_factor=0.9)
        return [served.plant.demand_w, served.plant.truth[-1][0], served.now_s()]

    got = with_site(work, load=[{"constant": 2000.0, "impedance_ratio": 0.8, "current_ratio": 0.2}])
    assert got == pytest.approx([2000 * (0.8 * 0.81 + 0.2 * 0.9), got[2], got[2]])
