"""The prediction of a response, against the core on the tests' own plants and against sums by hand."""

from dataclasses import replace

import pytest

from pcs.core import predict as prediction
from pcs.core.predict import PartKind, Prediction, lead_s, members, predict, request_time_s, slowest_slew_pct_s
from pcs.model.limit import Direction, Limit, Quantity, Scope, Window
from pcs.model.profile import DerTiming
from pcs.model.site import DerKind, LinkAddress, LinkKind, MeterSpec, PointKind, PointSpec, Site, System, Tuning
from pcs.model.units import Band
from tests import core_site as kit
from tests.core_plant import WRITE_S, Line, Scene, Trace, Unit, simulate, steps

EXPORT = Limit(direction=Direction.EXPORT, value=0.0)
MORNING = ((0.0, 0.1), (8.0, 0.25), (11.0, 0.5), (14.0, 0.35), (17.0, 0.6), (20.0, 1.0))
"""A sun that moves enough for the passive check of the wiring."""
PLANTS = {
    "fast": (Unit(), 1, 0.1, 0.1),
    "ramp": (Unit(dead_s=1.0, ramp_pct_s=20.0, lag_s=0.1), 1, 0.1, 0.1),
    "late telemetry": (Unit(telemetry_s=1.0, telemetry_late_s=1.0), 1, 0.1, 0.1),
    "slow meter": (Unit(), 1, 1.0, 1.0),
    "snapshots": (Unit(), 1, 0.5, 0.0),
    "micro": (Unit(dead_s=3.0, lag_s=1.0), 1, 0.2, 0.2),
    "three": (Unit(), 3, 0.1, 0.1),
}


def timing_of(unit: Unit) -> DerTiming:
    """A band of which this plant is the slow end."""
    return DerTiming(
        dead_time_s=Band(lo=0.0, hi=unit.dead_s),
        time_constant_s=Band(lo=0.05, hi=unit.lag_s),
        ramp_pct_s=min(unit.ramp_pct_s, 1e6),
        telemetry_s=unit.telemetry_s + unit.telemetry_late_s,
    )


def site(
    *units: Unit,
    update_s: float | None = 0.1,
    averaging_s: float | None = 0.1,
    tuning: Tuning | None = None,
    meter: MeterSpec | None = None,
) -> Site:
    ders = tuple(
        kit.der_spec(k, unit.nameplate_w, profile=kit.inverter_profile(timing_of(unit)))
        for k, unit in enumerate(units or (Unit(),))
    )
    return Site(
        name="t",
        timezone="UTC",
        system=System.WYE,
        nominal_v=230.0,
        meters=(meter or kit.meter_spec(update_s=update_s, averaging_s=averaging_s),),
        ders=ders,
        limits=(EXPORT,),
        journal_dir="",
        tuning=tuning or Tuning(),
    )


def response_s(trace: Trace, from_s: float, to_s: float) -> float:
    """From the step at `from_s` to 90 % of the way of the flow from its extreme to where it is in the end."""
    rows = trace.between(from_s, to_s)
    final_w = sum(r.import_w for r in rows[-50:]) / 50
    first = max(range(len(rows)), key=lambda k: abs(rows[k].import_w - final_w))
    way_w = final_w - rows[first].import_w
    made = (r.at_s for r in rows[first:] if (r.import_w - rows[first].import_w) / way_w >= 0.9)
    return next(made) - from_s


def simulated_s(unit: Unit, count: int, update_s: float, averaging_s: float, phase: float) -> tuple[float, float]:
    """Restrict and release of a load step over nearly the whole range, `phase` of an update after a sample."""
    down_s, up_s, high_w = 26.0 + phase * update_s, 48.0 + phase * update_s, count * unit.nameplate_w
    demand = steps((0.0, 1.2 * high_w), (down_s, 0.05 * high_w), (up_s, 1.2 * high_w))
    scene = Scene(
        units=(replace(unit, sun=Line(points=MORNING)),) * count,
        demand=demand,
        seconds=68.0,
        update_s=update_s,
        averaging_s=averaging_s,
        timing=timing_of(unit),
        noise_w=15.0,
    )
    trace = simulate(scene)
    return response_s(trace, down_s, up_s), response_s(trace, up_s, 68.0)


def predicted(of: Site, limit: Limit | None = None, request_s: float = 0.05) -> Prediction:
    found = predict(of, limit or of.limits[0], lambda _: request_s)
    assert found is not None
    return found


@pytest.mark.parametrize("name", PLANTS)
def test_the_worst_case_is_not_better_than_the_plant_and_not_twice_as_bad(name: str) -> None:
    """CRD-OLRT-2, US-30S."""
    unit, count, update_s, averaging_s = PLANTS[name]
    worst = predicted(site(*[unit] * count, update_s=update_s, averaging_s=averaging_s), request_s=WRITE_S)
    restrict_s, release_s = map(
        max, zip(*(simulated_s(unit, count, update_s, averaging_s, p) for p in (0.05, 0.6)), strict=True)
    )
    assert restrict_s <= worst.restrict_s <= 2 * restrict_s
    assert release_s <= worst.release_s <= 2 * release_s


def test_the_parts_add_up_and_the_largest_is_named() -> None:
    worst = predicted(site(Unit(dead_s=0.5, lag_s=0.0, ramp_pct_s=20.0), update_s=1.0, averaging_s=1.0))
    parts = {part.kind: part.time_s for part in worst.restrict}
    assert sum(parts.values()) == pytest.approx(worst.restrict_s)
    assert (parts[PartKind.UPDATE], parts[PartKind.WINDOW]) == (1.0, 1.0)
    assert parts[PartKind.DEAD_TIME] == pytest.approx(0.5, rel=0.01)
    assert parts[PartKind.RAMP] == pytest.approx(0.9 * 5.0, rel=0.01)
    assert sum(part.time_s for part in worst.release) == pytest.approx(worst.release_s)
    assert (worst.change_first.kind, worst.change_first.part_id) == (PartKind.RAMP, "d0")  # a faster slew alone is idle
    slewed = predicted(site(Unit(dead_s=0.5, ramp_pct_s=50.0)))
    assert slewed.change_first.kind is PartKind.SLEW
    quick = predicted(site(Unit(dead_s=0.0, lag_s=0.1), update_s=1.0, tuning=Tuning(release_slew_pct_s=1000.0)))
    assert (quick.change_first.kind, quick.change_first.part_id) == (PartKind.UPDATE, "poi")


def test_energy_beyond_the_limit_is_the_step_times_the_time_until_it_is_gone() -> None:
    """10 kW for window, update, polling, link and dead time, and half of the ramp: by hand."""
    worst = predicted(site(Unit(dead_s=1.0, lag_s=0.0, ramp_pct_s=20.0)))
    whole_s = 0.1 + 0.1 + (0.05 + 0.1) + 0.04 + 0.1 + 1.0 + 2.5
    assert worst.inadvertent_wh == pytest.approx(10_000 * whole_s / 3600, rel=0.001)
    assert worst.excess_w == 10_000


def test_a_limit_that_leaves_part_of_the_range_free_has_less_to_move() -> None:
    plant = site(Unit(ramp_pct_s=20.0))
    half = predicted(plant, replace(EXPORT, value=5_000.0))
    assert half.excess_w == 5_000
    assert half.restrict_s < predicted(plant).restrict_s - 2.0
    assert predict(plant, replace(EXPORT, value=10_000.0)) is None
    tight = replace(EXPORT, value=10_000.0, schedule=(Window(value=5_000.0),))
    assert predicted(plant, tight).excess_w == 5_000


@pytest.mark.parametrize(("bound_s", "class_s"), [(0.1, 5.0), (1.9, 10.0), (29.0, None)])
def test_the_class_is_the_shortest_time_that_both_responses_keep(bound_s: float, class_s: float | None) -> None:
    """US-CA-2S."""
    worst = predicted(site(Unit(dead_s=bound_s), tuning=Tuning(release_slew_pct_s=30.0)))
    assert worst.class_s == class_s
    assert worst.judged_s == max(worst.restrict_s, worst.release_s)


def test_writes_on_one_link_wait_for_each_other_and_on_their_own_they_do_not() -> None:
    shared = site(*[Unit()] * 8)
    apart = replace(shared, ders=tuple(replace(d, link=LinkAddress(host=f"h{k}")) for k, d in enumerate(shared.ders)))
    assert predicted(shared).restrict_s > predicted(apart).restrict_s + 8 * 0.05


def test_only_those_that_can_move_the_limited_flow_are_counted() -> None:
    battery = kit.der_spec(1, 5_000.0, point="b")
    battery = replace(battery, kind=DerKind.BATTERY, charge_w=3_000.0)
    plant = site(Unit())
    plant = replace(
        plant,
        ders=(*plant.ders, battery, replace(battery, id="old", controlled=False)),
        points=(PointSpec(id="b", meters=(("poi", 1),), parent="poi"),),
    )

    def who(limit: Limit) -> list[str]:
        return [der.id for der in members(plant, limit)]

    assert who(EXPORT) == ["d0", "d1"]
    assert who(replace(EXPORT, scope=Scope.ESS)) == ["d1"]
    assert who(replace(EXPORT, direction=Direction.IMPORT)) == ["d1"]
    assert who(replace(EXPORT, point="b")) == ["d1"]
    assert predicted(plant, replace(EXPORT, direction=Direction.IMPORT)).excess_w == 3_000
    bus = replace(plant, points=(replace(plant.points[0], kind=PointKind.BUSBAR, rating_a=100.0),))
    assert (
        predicted(bus, Limit(point="b", direction=Direction.IMPORT, quantity=Quantity.A, value=80.0)).excess_w == 8000
    )
    assert predict(replace(plant, ders=plant.ders[:1]), replace(EXPORT, direction=Direction.IMPORT)) is None


def test_the_slowest_slew_that_fits_is_found_or_there_is_none() -> None:
    plant = site(Unit())
    limit = replace(EXPORT, correct_within_s=5.0)
    slew_pct_s = slowest_slew_pct_s(plant, limit)
    assert slew_pct_s is not None
    fits = replace(plant, tuning=Tuning(release_slew_pct_s=slew_pct_s))
    assert predict(fits, limit).release_s == pytest.approx(5.0, abs=0.01)  # type: ignore[union-attr]
    assert slowest_slew_pct_s(site(Unit(dead_s=5.0)), limit) is None


def test_a_meter_that_says_nothing_of_its_period_is_taken_for_one_second() -> None:
    unknown = predicted(site(Unit(), update_s=None, averaging_s=None))
    assert {p.kind: p.time_s for p in unknown.restrict}[PartKind.UPDATE] == 1.0
    assert {p.kind: p.time_s for p in unknown.restrict}[PartKind.WINDOW] == 1.0


def test_the_lead_covers_the_whole_movement_of_the_slowest_unit_and_no_measuring() -> None:
    plant = site(Unit(dead_s=1.0, lag_s=0.5, ramp_pct_s=20.0), update_s=5.0)
    assert lead_s(plant, EXPORT) == pytest.approx(0.1 + 0.04 + 0.1 + 1.0 + 5.0 + 4.6 * 0.5)
    assert lead_s(replace(plant, ders=()), EXPORT) == pytest.approx(0.14)


def test_a_serial_line_costs_its_characters_and_its_writes_queue() -> None:
    """9600 baud, 8N1: 120 characters of 10 bits are 0.125 s, so a write with its readback is 0.35 s."""
    line = LinkAddress(kind=LinkKind.SERIAL, device="/dev/ttyUSB0", baud=9600)
    quick = site(Unit(), Unit())
    slow = replace(quick, ders=tuple(replace(der, link=line) for der in quick.ders))
    at_once, queued = predict(quick, EXPORT), predict(slow, EXPORT)
    assert at_once is not None
    assert queued is not None
    assert request_time_s(line) == pytest.approx(0.05 + 0.125)
    assert 0.3 < queued.restrict_s - at_once.restrict_s < 0.6


def integrated(at_s: float, ramp_s: float, lag_s: float) -> float:
    """The share that a lag has made of a movement that its input makes as a ramp: by small steps (Heun)."""
    steps, made = 4000, 0.0
    dt_s = at_s / steps

    def slope(now_s: float, y: float) -> float:
        return ((1.0 if ramp_s == 0.0 else min(1.0, now_s / ramp_s)) - y) / lag_s

    for k in range(steps):
        first = slope(k * dt_s, made)
        made += 0.5 * dt_s * (first + slope((k + 1) * dt_s, made + dt_s * first))
    return made


@pytest.mark.parametrize("ramp_s", [0.0, 0.7, 2.5])
@pytest.mark.parametrize("lag_s", [0.3, 0.9, 2.0])
@pytest.mark.parametrize("at_s", [0.4, 0.7, 1.6, 6.0])
def test_what_a_ramp_and_a_lag_have_made_together_is_the_integral_of_both(
    at_s: float, ramp_s: float, lag_s: float
) -> None:
    assert prediction._share_made(at_s, ramp_s, lag_s) == pytest.approx(integrated(at_s, ramp_s, lag_s), abs=1e-5)


@pytest.mark.parametrize(("at_s", "made"), [(-1.0, 0.0), (0.0, 0.0), (0.5, 0.25), (2.0, 1.0), (3.0, 1.0)])
def test_a_ramp_without_a_lag_is_made_evenly_and_never_more_than_whole(at_s: float, made: float) -> None:
    assert prediction._share_made(at_s, 2.0, 0.0) == made
    assert prediction._share_made(at_s, 0.0, 0.0) == (1.0 if at_s > 0.0 else 0.0)
