"""What holds for every simulated site: the analytic response, independence of the step, balance, repeatability."""

from bisect import bisect_left
from itertools import pairwise
from math import inf, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.plant.inverter import InverterSpec
from hil.plant.meter import MeterSpec
from hil.plant.orders import LimitOrder
from hil.plant.plant import Der, Load, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import System


def one_inverter(step_s: float, *, available_w: Source | float = 9000.0, **behaviour: float) -> Plant:
    sun = available_w if isinstance(available_w, Source) else Source.constant(available_w)
    spec = InverterSpec(id="inv1", nameplate_w=10000, telemetry_s=600, **behaviour)  # type: ignore[arg-type]
    return Plant(PlantSpec(step_s=step_s, ders=(Der(spec=spec, drive_w=sun),)))


def t90_s(plant: Plant, limit_pct: float, *, until_s: float = 60.0) -> float:
    """When the injection has made 90 % of its way to the limit, linear between rows of truth."""
    unit = plant.units["inv1"]
    start_w, end_w = unit.injection_w, unit.spec.nameplate_w * limit_pct / 100
    unit.write(0.0, LimitOrder(enabled=True, limit_pct=limit_pct))
    plant.advance(until_s)
    column = plant.columns.index("inv1_injection_w")
    goal_w = start_w + 0.9 * (end_w - start_w)
    rows = [(row[0], row[column]) for row in plant.truth]
    i = bisect_left(rows, -goal_w, key=lambda row: -row[1])
    (t0, w0), (t1, w1) = rows[i - 1], rows[i]
    return t0 + (goal_w - w0) / (w1 - w0) * (t1 - t0)


@given(dead_s=st.floats(0.01, 2), tau_s=st.floats(0.05, 3), limit_pct=st.floats(0, 80))
@settings(max_examples=30, deadline=None)
def test_the_response_takes_the_dead_time_and_2_303_time_constants(
    dead_s: float, tau_s: float, limit_pct: float
) -> None:
    """1547.1-EVAL."""
    plant = one_inverter(0.005, dead_time_s=dead_s, time_constant_s=tau_s)
    assert t90_s(plant, limit_pct) == pytest.approx(dead_s + log(10) * tau_s, abs=0.005)


@given(
    dead_s=st.floats(0.01, 2),
    tau_s=st.floats(0.05, 3),
    ramp_pct_s=st.one_of(st.just(inf), st.floats(5, 200)),
    limit_pct=st.floats(0, 80),
)
@settings(max_examples=30, deadline=None)
def test_a_step_of_100_ms_ends_where_one_of_5_ms_does(
    dead_s: float, tau_s: float, ramp_pct_s: float, limit_pct: float
) -> None:
    """Exact, not merely close: every step is the closed solution."""
    ends = []
    for step_s in (0.005, 0.1):
        plant = one_inverter(step_s, dead_time_s=dead_s, time_constant_s=tau_s, ramp_down_pct_s=ramp_pct_s)
        plant.units["inv1"].write(0.0, LimitOrder(enabled=True, limit_pct=limit_pct))
        plant.advance(dead_s + 0.7)
        ends.append((plant.units["inv1"].injection_w, plant.units["inv1"].energy_j))
    assert ends[0] == pytest.approx(ends[1], rel=1e-6, abs=1e-3)


@given(step_s=st.floats(0.01, 0.1), dead_s=st.floats(0.05, 1), tau_s=st.floats(0.1, 2))
@settings(max_examples=30, deadline=None)
def test_halving_the_step_moves_t90_by_less_than_a_sample(step_s: float, dead_s: float, tau_s: float) -> None:
    coarse, fine = (
        t90_s(one_inverter(step, dead_time_s=dead_s, time_constant_s=tau_s), 20.0) for step in (step_s, step_s / 2)
    )
    assert abs(coarse - fine) < step_s


def test_a_ramp_limited_unit_takes_the_time_that_its_ramp_needs() -> None:
    plant = one_inverter(0.01, dead_time_s=0.5, time_constant_s=0.0, ramp_down_pct_s=10)
    assert t90_s(plant, 10.0) == pytest.approx(0.5 + 0.9 * 8.0, abs=0.01)  # 90 % down to 10 % at 10 %/s


WYE = System(name="wye")
LOADS = st.lists(st.floats(0, 20000), min_size=2, max_size=8)


@given(load=LOADS, sun=LOADS, seed=st.integers(0, 99), limit_pct=st.floats(0, 100), linear=st.booleans())
@settings(max_examples=40, deadline=None)
def test_power_balances_in_every_row_and_the_meter_saw_the_same_energy(
    load: list[float], sun: list[float], seed: int, limit_pct: float, linear: bool
) -> None:
    def build() -> Plant:
        meter = MeterSpec(id="poi", update_s=0.5, averaging_s=0.5, resolution_w=1e-6)
        ders = tuple(
            Der(
                spec=InverterSpec(
                    id=f"inv{k}", nameplate_w=8000, connection=WYE.connect(connection), dead_jitter_s=0.2
                ),
                drive_w=Source([1.3 * i for i in range(len(sun))], sun, linear=linear),
            )
            for k, connection in enumerate(("L123", "L2N"))
        )
        demand = Source([1.7 * i for i in range(len(load))], load, linear=linear)
        loads = (Load(demand_w=demand, connection=WYE.connect("L1L2", 0.8)),)
        return Plant(PlantSpec(seed=seed, loads=loads, ders=ders, meters=(meter,)))

    def run(plant: Plant) -> float:
        measured_j = 0.0
        plant.units["inv0"].write(0.0, LimitOrder(enabled=True, limit_pct=limit_pct))
        for k in range(1, 25):
            plant.settle(0.5 * k)
            measured_j += plant.meters["poi"].sample.import_w * 0.5
        return measured_j

    plant, twin = build(), build()
    measured_j = run(plant)
    run(twin)
    assert list(plant.truth) == list(twin.truth), "one seed, one history"
    names = plant.columns
    for row in plant.truth:
        values = dict(zip(names, row, strict=True))
        injection_w = values["inv0_injection_w"] + values["inv1_injection_w"]
        assert values["import_w"] == pytest.approx(values["demand_w"] - injection_w, abs=1e-6)
        assert values["import_w"] == pytest.approx(sum(values[f"import_l{k}_w"] for k in (1, 2, 3)), abs=1e-6)
        assert 0 <= values["inv0_injection_w"] <= values["inv0_available_w"] + 1e-6
    demand_j = _integral(Source([1.7 * i for i in range(len(load))], load, linear=linear), 12.0)
    injected_j = sum(unit.energy_j for unit in plant.units.values())
    assert measured_j == pytest.approx(demand_j - injected_j, rel=1e-6, abs=0.1)


def _integral(source: Source, until_s: float) -> float:
    now_s = total = 0.0
    while now_s < until_s:
        value, slope, end_s = source.segment(now_s)
        span_s = min(end_s, until_s) - now_s
        total += (value + slope * span_s / 2) * span_s
        now_s += span_s
    return total


@given(
    tau_s=st.floats(0.05, 2),
    ramp_pct_s=st.one_of(st.just(inf), st.floats(5, 50)),
    sun=st.lists(st.floats(0, 12000), min_size=3, max_size=6),
)
@settings(max_examples=30, deadline=None)
def test_the_energy_fed_in_is_the_area_under_the_power(tau_s: float, ramp_pct_s: float, sun: list[float]) -> None:
    source = Source([2.0 * i for i in range(len(sun))], sun, linear=True)
    ramps = {"ramp_up_pct_s": ramp_pct_s, "ramp_down_pct_s": ramp_pct_s}
    plant = one_inverter(0.005, available_w=source, time_constant_s=tau_s, **ramps)
    plant.units["inv1"].write(1.0, LimitOrder(enabled=True, limit_pct=30))
    plant.advance(6)
    plant.units["inv1"].write(6.0, LimitOrder())
    plant.advance(14)
    column = plant.columns.index("inv1_injection_w")
    rows = list(plant.truth)
    area_j = sum((b[0] - a[0]) * (a[column] + b[column]) / 2 for a, b in pairwise(rows))
    assert plant.units["inv1"].energy_j == pytest.approx(area_j, rel=1e-3, abs=20)
