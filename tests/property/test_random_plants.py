"""Random sites of every system and kind of DER: energy balances on every conductor, one seed is one history."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.plant.battery import BatterySpec, Hybrid, HybridSpec, Storage
from hil.plant.evse import Evse, EvseSpec
from hil.plant.inverter import InverterSpec
from hil.plant.layout import PointSpec
from hil.plant.meter import MeterSpec
from hil.plant.orders import LimitOrder, RateOrder, SetOrder
from hil.plant.plant import Der, Load, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import System

ENDS_S = 12.0
SYSTEMS = (
    System(name="single", nominal_v=230),
    System(name="split", nominal_v=120),
    System(name="wye", nominal_v=277),
    System(name="delta", nominal_v=480),
)
CONNECTIONS = {
    "single": ("L1N",),
    "split": ("L1N", "L2N", "L1L2", "L123"),
    "wye": ("L1N", "L3N", "L1L2", "L3L1", "L123"),
    "delta": ("L1L2", "L2L3", "L123"),
}
POINTS = (PointSpec(id="panel", busbar=True), PointSpec(id="inner", parent="panel"))
PLACES = ("poi", "panel", "inner")
KINDS = ("pv", "generator", "battery", "hybrid", "evse")


@st.composite
def curves(draw: st.DrawFn, least_w: float = 0.0) -> Source:
    values = draw(st.lists(st.floats(least_w, 9000), min_size=1, max_size=6))
    return Source([1.7 * i for i in range(len(values))], values, linear=draw(st.booleans()))


@st.composite
def ders(draw: st.DrawFn, system: System, number: int) -> Der:
    kind, connection = draw(st.sampled_from(KINDS)), system.connect(draw(st.sampled_from(CONNECTIONS[system.name])))
    ramp_pct_s = draw(st.sampled_from((10.0, 60.0, float("inf"))))
    usual = {
        "id": f"der{number}",
        "nameplate_w": draw(st.floats(1000, 8000)),
        "dead_time_s": draw(st.floats(0, 2)),
        "dead_jitter_s": draw(st.floats(0, 1)),
        "time_constant_s": draw(st.floats(0, 1)),
        "ramp_up_pct_s": ramp_pct_s,
        "ramp_down_pct_s": ramp_pct_s,
        "connection": connection,
    }
    store = {"charge_w": draw(st.floats(500, 8000)), "capacity_wh": 50.0, "soc_pct": draw(st.floats(0, 100))}
    place = draw(st.sampled_from(PLACES))
    if kind == "battery":
        return Der(spec=BatterySpec(**usual, **store), drive_w=draw(curves(-9000)), point=place)
    if kind == "hybrid":
        spec = HybridSpec(**usual, **store, battery_charge_w=3000, battery_discharge_w=2000)
        return Der(spec=spec, drive_w=draw(curves()), wish_w=draw(curves(-5000)), point=place)
    if kind == "evse":
        return Der(spec=EvseSpec(**usual, most_a=32.0, start_s=2.0), drive_w=draw(curves()), point=place)
    return Der(spec=InverterSpec(**usual, has_stock=kind == "generator"), drive_w=draw(curves()), point=place)


@st.composite
def sites(draw: st.DrawFn) -> PlantSpec:
    system = draw(st.sampled_from(SYSTEMS))
    names = CONNECTIONS[system.name]
    loads = draw(
        st.lists(
            st.builds(
                lambda curve, name, factor, place: Load(
                    demand_w=curve, connection=system.connect(name, factor), point=place
                ),
                curves(),
                st.sampled_from(names),
                st.sampled_from((1.0, 0.9, -0.7)),
                st.sampled_from(PLACES),
            ),
            max_size=3,
        )
    )
    exact = {"update_s": 0.5, "averaging_s": 0.5, "resolution_w": 1e-6}
    units = tuple(draw(ders(system, number)) for number in range(draw(st.integers(1, 4))))
    meters = [MeterSpec(id=f"at_{place}", point=place, **exact) for place in PLACES]
    return PlantSpec(
        system=system,
        seed=draw(st.integers(0, 99)),
        step_s=draw(st.sampled_from((0.05, 0.1))),
        points=POINTS,
        loads=tuple(loads),
        ders=units,
        meters=(*meters, MeterSpec(id="on_der", point="der0", **exact)),
    )


def run(spec: PlantSpec, limit_pct: float) -> tuple[Plant, dict[str, list[float]]]:
    """Twelve seconds with orders at 1, 3 and 6 s; energy per conductor that each meter saw, W*s."""
    plant = Plant(spec)
    seen = {name: [0.0] * spec.system.phases for name in plant.meters}
    for k in range(1, round(2 * ENDS_S) + 1):
        plant.settle(0.5 * k)
        for name, meter in plant.meters.items():
            for n, watts in enumerate(meter.sample.phase_import_w):
                seen[name][n] += 0.5 * watts
        if k == 2:
            for unit in plant.units.values():
                if isinstance(unit, Evse):
                    unit.limit(1.0, limit_pct / 3)
                else:
                    unit.write(1.0, LimitOrder(enabled=True, limit_pct=limit_pct))
        for unit in plant.units.values():
            if isinstance(unit, Storage) and k == 6:
                unit.write(3.0, SetOrder(enabled=True, setpoint_w=10 * limit_pct - 500, revert_s=2))
            if isinstance(unit, Storage) and k == 12:
                unit.write(
                    6.0,
                    RateOrder(
                        bounds_charge=True, bounds_discharge=True, charge_pct=limit_pct, discharge_pct=100 - limit_pct
                    ),
                )
    return plant, seen


def integral_j(source: Source) -> float:
    now_s = total = 0.0
    while now_s < ENDS_S:
        value, slope, end_s = source.segment(now_s)
        span_s = min(end_s, ENDS_S) - now_s
        total += (value + slope * span_s / 2) * span_s
        now_s += span_s
    return total


@given(spec=sites(), limit_pct=st.floats(0, 100))
@settings(max_examples=60, deadline=None)
def test_energy_balances_on_every_conductor_at_every_point(spec: PlantSpec, limit_pct: float) -> None:
    plant, seen = run(spec, limit_pct)
    behind = {"at_poi": PLACES, "at_panel": PLACES[1:], "at_inner": PLACES[2:]}
    for name, places in behind.items():
        expected = [0.0] * spec.system.phases
        for load in spec.loads:
            if load.point in places:
                for n, part in enumerate(load.connection.p_part):
                    expected[n] += part * integral_j(load.demand_w)
        for der in spec.ders:
            if der.point in places:
                for n, part in enumerate(der.spec.connection.p_part):
                    expected[n] -= part * plant.units[der.spec.id].energy_j
        assert seen[name] == pytest.approx(expected, rel=1e-6, abs=0.1), name
    feeder = [-part * plant.units["der0"].energy_j for part in spec.ders[0].spec.connection.p_part]
    assert seen["on_der"] == pytest.approx(feeder, rel=1e-6, abs=0.1)


@given(spec=sites(), limit_pct=st.floats(0, 100))
@settings(max_examples=30, deadline=None)
def test_one_seed_is_one_history_and_rows_add_up(spec: PlantSpec, limit_pct: float) -> None:
    plant, again = run(spec, limit_pct)[0], run(spec, limit_pct)[0]
    assert list(plant.truth) == list(again.truth)
    numbers = range(1, spec.system.phases + 1)
    for cells in plant.truth:
        row = dict(zip(plant.columns, cells, strict=True))
        injection_w = sum(row[f"{name}_injection_w"] for name in plant.units)
        assert row["import_w"] == pytest.approx(row["demand_w"] - injection_w, abs=1e-6)
        assert row["import_w"] == pytest.approx(sum(row[f"import_l{k}_w"] for k in numbers), abs=1e-6)
        assert row["panel_import_w"] == pytest.approx(sum(row[f"panel_import_l{k}_w"] for k in numbers), abs=1e-6)


@given(spec=sites(), limit_pct=st.floats(0, 100))
@settings(max_examples=40, deadline=None)
def test_no_unit_leaves_its_ratings_and_no_battery_its_cells(spec: PlantSpec, limit_pct: float) -> None:
    plant, _ = run(spec, limit_pct)
    column = {name: k for k, name in enumerate(plant.columns)}
    for der in spec.ders:
        unit, least_w = plant.units[der.spec.id], 0.0
        if isinstance(der.spec, EvseSpec):
            least_w, most_w = -der.spec.nameplate_w, 0.0
        else:
            least_w = -der.spec.charge_w if isinstance(der.spec, BatterySpec) else 0.0
            most_w = der.spec.nameplate_w
        for row in plant.truth:
            assert least_w - 1e-6 <= row[column[f"{unit.spec.id}_injection_w"]] <= most_w + 1e-6
        assert unit.energy_j == pytest.approx(unit.injected_j - unit.drawn_j, abs=1e-6)
        if isinstance(unit, Storage) and not isinstance(unit, Hybrid):
            lost_j = unit.injected_j * (1 / 0.97 - 1) + unit.drawn_j * 0.03
            start_j = der.spec.soc_pct / 100 * der.spec.capacity_wh * 3600  # type: ignore[attr-defined]
            assert start_j - unit.stored_j == pytest.approx(unit.energy_j + lost_j, abs=1.0)


@given(spec=sites())
@settings(max_examples=20, deadline=None)
def test_instants_of_truth_rise_strictly(spec: PlantSpec) -> None:
    plant = Plant(spec)
    plant.advance(6.0)
    assert all(later[0] > earlier[0] for earlier, later in pairwise(plant.truth))
