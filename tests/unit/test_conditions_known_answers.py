"""Conditions at their edges: what is still open, what is exhausted, which faults act on which line, and their words."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core import conditions, der_state, line_state, measure, observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.excursion import Excursion, Excursions
from pcs.core.failsafe import Action
from pcs.core.line_state import LineState
from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Policy
from pcs.core.watch import Watch
from pcs.core.wiring import Wiring, WiringState
from pcs.model.fault import Fault, FaultKind
from pcs.model.limit import Direction, Limit
from pcs.model.site import DerKind
from pcs.model.units import Span
from tests import core_site as site

NOW_S = 100.0
EXPORT = Limit(direction=Direction.EXPORT, value=0.0)
IMPORT = Limit(direction=Direction.IMPORT, value=0.0)
BATTERY: dict[str, Any] = {"kind": DerKind.BATTERY, "charge_w": 5000.0}


def sample(*phase_import_w: float) -> Sample:
    return Sample(
        import_w=sum(phase_import_w),
        phase_import_w=phase_import_w,
        resolution_w=1.0,
        span=Span(from_s=NOW_S - 0.1, to_s=NOW_S),
        published_s=NOW_S - 0.1,
        received_s=NOW_S,
    )


def alive(**more: Any) -> MeterState:
    """A meter that said something new just now, with flow in every phase."""
    given = {
        "identified": site.meter_met(),
        "words": b"a",
        "shown_s": NOW_S,
        "fresh_s": NOW_S,
        "evidence_s": NOW_S,
        "period_s": 0.1,
        "sample": sample(500.0, 500.0, 500.0),
        "fresh_run": 9,
        "lost": False,
        **more,
    }
    return MeterState(**given)


def opened(**more: Any) -> MeterState:
    """One whose phases all read exactly zero since two seconds, after a large flow."""
    zeros = {"zero_since_s": NOW_S - 2.0, "zero_from_w": 9000.0, "phase_zero_since_s": (NOW_S - 2.0,) * 3}
    return alive(**{"sample": sample(0.0, 0.0, 0.0), **zeros, **more})


def injecting(spec: Any, lo_w: float, hi_w: float) -> DerState:
    der = der_state.new(spec, site.TIMING, 0.0)
    tick = der.track.ticks[-1]._replace(lo_w=lo_w, hi_w=hi_w)
    return evolve(der, track=evolve(der.track, ticks=(tick,)))


def faults(
    policy: Policy,
    *meters: MeterState,
    powers_w: tuple[tuple[float, float], ...] = ((1000.0, 1000.0),),
    watches: tuple[Watch, ...] | None = None,
    known: tuple[Fault, ...] = (),
) -> tuple[tuple[MeterState, ...], tuple[Fault, ...]]:
    fleet = tuple(injecting(s, *w) for s, w in zip(policy.controlled, powers_w, strict=True))
    watches = watches or tuple(Watch.new(0.0) for _ in meters)
    return conditions.meter_faults(policy, meters, watches, fleet, known, NOW_S)


def test_a_meter_that_is_well_has_no_fault() -> None:
    policy = site.policy()
    assert faults(policy, alive()) == ((alive(),), ())


@pytest.mark.parametrize(
    ("more", "kind", "lost"),
    [
        ({"fresh_s": NOW_S - 2.0, "shown_s": NOW_S - 2.0}, FaultKind.METER_LOST, True),
        ({"fresh_s": NOW_S - 2.0}, FaultKind.METER_FROZEN, True),
        ({"fresh_s": NOW_S - 0.2}, FaultKind.METER_LATE, False),
        ({"fresh_s": NOW_S - 0.3}, FaultKind.METER_STALE, False),
    ],
)
def test_a_meter_that_was_lost_or_frozen_has_to_earn_belief_again(
    more: dict[str, Any], kind: FaultKind, lost: bool
) -> None:
    (meter,), (fault,) = faults(site.policy(), alive(**more))
    assert (fault.kind, fault.source_id, fault.at_s) == (kind, "poi", NOW_S)
    assert (meter.lost, meter.fresh_run) == ((True, 0) if lost else (False, 9))


def test_a_meter_that_is_lost_already_keeps_the_row_of_new_samples_that_it_has() -> None:
    (meter,), (fault,) = faults(site.policy(), alive(lost=True, fresh_run=2))
    assert (fault.kind, meter.fresh_run) == (FaultKind.METER_LOST, 2)


def test_wrong_wiring_is_told_with_its_proof_and_its_meter() -> None:
    wrong = replace(Watch.new(0.0), wiring=WiringState(verdict=Wiring.WRONG, detail="it fell as they rose"))
    _, (fault,) = faults(site.policy(), alive(), watches=(wrong,))
    assert (fault.kind, fault.source_id, fault.at_s) == (FaultKind.METER_MISWIRED, "poi", NOW_S)
    assert fault.detail == "it fell as they rose"
    unsure = replace(Watch.new(0.0), wiring=WiringState(verdict=Wiring.UNVERIFIED, detail="-"))
    assert faults(site.policy(), alive(), watches=(unsure,))[1] == ()


def test_power_that_repeats_itself_is_frozen_from_two_seconds_on() -> None:
    for since_s, frozen in ((NOW_S - 2.0, True), (NOW_S - 1.9, False)):
        _, found = faults(site.policy(), alive(), watches=(evolve(Watch.new(0.0), stuck_since_s=since_s),))
        assert [f.kind for f in found] == ([FaultKind.METER_FROZEN] if frozen else [])


def test_zeros_of_all_phases_are_an_open_circuit_where_an_export_limit_keeps_flow_from_zero() -> None:
    """Whatever the DERs do: the cushion of an export limit makes a legitimate zero impossible."""
    for power_w in (0.0, 49.0, 5000.0):
        _, (fault,) = faults(site.policy(), opened(), powers_w=((power_w, power_w),))
        assert (fault.kind, fault.source_id) == (FaultKind.METER_OPEN_CT, "poi")


@pytest.mark.parametrize(("power_w", "found"), [(0.0, 0), (49.0, 0), (-49.0, 0), (50.0, 1), (-50.0, 1), (3000.0, 1)])
def test_behind_a_meter_without_an_export_limit_zeros_are_judged_only_while_power_flows(
    power_w: float, found: int
) -> None:
    policy = site.policy(ders=(site.der_spec(**BATTERY),), limits=(IMPORT,))
    assert len(faults(policy, opened(), powers_w=((power_w, power_w),))[1]) == found


def test_one_der_that_works_is_enough_to_judge_zeros_by() -> None:
    specs = (site.der_spec(0, **BATTERY), site.der_spec(1, **BATTERY))
    policy = site.policy(ders=specs, limits=(IMPORT,))
    assert len(faults(policy, opened(), powers_w=((0.0, 0.0), (3000.0, 3000.0)))[1]) == 1
    assert len(faults(policy, opened(), powers_w=((0.0, 0.0), (10.0, 10.0)))[1]) == 0


@pytest.mark.parametrize(("age_s", "kept"), [(59.9, True), (60.0, False)])
def test_an_open_circuit_that_idles_its_own_evidence_away_stays_for_a_minute(age_s: float, kept: bool) -> None:
    policy = site.policy(ders=(site.der_spec(**BATTERY),), limits=(IMPORT,))
    before = site.fault(FaultKind.METER_OPEN_CT, NOW_S - age_s)
    _, found = faults(policy, opened(), powers_w=((0.0, 0.0),), known=(before,))
    assert found == ((before,) if kept else ())
    other = (replace(before, source_id="sub"), site.fault(FaultKind.METER_LATE, NOW_S))
    assert faults(policy, opened(), powers_w=((0.0, 0.0),), known=other)[1] == ()


@pytest.mark.parametrize(
    ("powers_w", "found"),
    [((19.0, 9000.0), 0), ((63.0, 9000.0), 1), ((-9000.0, -63.0), 1), ((-9000.0, -30.0), 0), ((-9000.0, 9000.0), 0)],
)
def test_a_phase_at_zero_is_open_only_when_power_surely_flows_in_it(powers_w: tuple[float, float], found: int) -> None:
    """A third of the least that the DER injects, or draws, is in each conductor: 20 W and more count."""
    policy = site.policy(ders=(site.der_spec(**BATTERY),), limits=(EXPORT,))
    second = {"sample": sample(900.0, 0.0, 900.0), "phase_zero_since_s": (None, NOW_S - 2.0, None)}
    meter = alive(**second, phase_zero_from_w=(900.0, 900.0, 900.0))
    _, faults_ = faults(policy, meter, powers_w=(powers_w,))
    assert len(faults_) == found
    if found:
        assert faults_[0].detail.startswith("L2 reads exactly zero while the DERs feed 21 W into it")


def test_several_meters_are_judged_each_by_itself() -> None:
    sub = site.meter_spec(id="sub", point="panel")
    policy = site.policy(meters=(site.meter_spec(), sub), ders=(site.der_spec(), site.der_spec(1, point="panel")))
    late = alive(fresh_s=NOW_S - 0.2)
    meters, found = faults(policy, alive(), late, powers_w=((1.0, 1.0), (1.0, 1.0)))
    assert [(f.kind, f.source_id) for f in found] == [(FaultKind.METER_LATE, "sub")]
    assert meters == (alive(), late)


def line(policy: Policy, number: int = 0, **more: Any) -> LineState:
    return evolve(line_state.new(policy.lines[number], policy), **more)


@pytest.mark.parametrize(
    ("kinds", "action"),
    [
        ((), Action.NORMAL),
        ((FaultKind.METER_LATE,), Action.HOLD),
        ((FaultKind.METER_LATE, FaultKind.METER_STALE), Action.TIGHTEN),
        ((FaultKind.DER_SILENT,), Action.NORMAL),
    ],
)
def test_the_worst_condition_of_its_own_meters_decides_for_a_line(kinds: tuple[FaultKind, ...], action: Action) -> None:
    policy = site.policy()
    found = tuple(site.fault(k, NOW_S) for k in kinds)
    assert conditions.line_action(policy.lines[0], policy, found, line(policy)) is action


@pytest.mark.parametrize("kind", [FaultKind.RESTARTS, FaultKind.LOCKED_OUT])
def test_conditions_of_the_whole_site_act_on_every_line(kind: FaultKind) -> None:
    policy = site.policy()
    found = (site.fault(kind, NOW_S, "somebody"),)
    assert conditions.line_action(policy.lines[0], policy, found, line(policy)) is Action.SAFE


@pytest.mark.parametrize(("age_s", "held"), [(0.0, True), (899.9, True), (900.0, False)])
def test_a_start_after_a_storm_is_held_for_a_quarter_of_an_hour(age_s: float, held: bool) -> None:
    storm = site.fault(FaultKind.RESTARTS, NOW_S - age_s)
    assert conditions.still_held(storm, NOW_S) == (storm if held else None)
    assert conditions.still_held(None, NOW_S) is None


SETTLE_S = observe.settle_s(site.TIMING, 1.0)


def exhausted(
    direction: Limit, caps_w: tuple[float, ...], floors_w: tuple[float, ...], for_s: float, ago_s: float = 0.0
) -> tuple[Fault, ...]:
    """A line that has been beyond its limit for so long, last seen so long ago, with these bounds."""
    specs = tuple(site.der_spec(n, **BATTERY) for n in range(len(caps_w)))
    policy = site.policy(ders=specs, limits=(direction,))
    present = Excursion(from_s=NOW_S - for_s, to_s=NOW_S - ago_s, peak_w=500.0, energy_wh=1.0)
    state = line(policy, excursions=replace(Excursions(), present=present))
    fleet = tuple(injecting(s, 0.0, 0.0) for s in specs)
    return conditions.line_faults(policy, (state,), fleet, caps_w, floors_w, NOW_S)


@pytest.mark.parametrize(
    ("for_s", "ago_s", "found"),
    [(SETTLE_S, 0.0, 0), (SETTLE_S + 0.001, 0.0, 1), (60.0, measure.LOST_AFTER_S, 1), (60.0, 2.001, 0)],
)
def test_a_limit_cannot_be_held_after_the_settling_time_of_the_slowest_while_it_is_seen(
    for_s: float, ago_s: float, found: int
) -> None:
    assert len(exhausted(EXPORT, (0.0,), (0.0,), for_s, ago_s)) == found


def test_every_member_must_have_nothing_left_in_the_direction_of_the_line() -> None:
    (fault,) = exhausted(EXPORT, (0.0, -100.0), (-500.0, -500.0), 60.0)
    assert (fault.kind, fault.source_id, fault.at_s) == (FaultKind.CANNOT_HOLD, "poi", NOW_S)
    assert (
        fault.detail == "export limit 0 W at poi: every DER that obeys is at 0 W and the flow is still beyond the limit"
    )
    assert exhausted(EXPORT, (0.0, 0.5), (0.0, 0.0), 60.0) == ()
    assert exhausted(IMPORT, (0.0, 0.0), (0.0, -0.5), 60.0) == ()
    (draw,) = exhausted(IMPORT, (900.0, 900.0), (0.0, 300.0), 60.0)
    assert "every DER that obeys is drawing nothing" in draw.detail


def test_what_a_line_lacks_is_said_before_that_it_is_beyond() -> None:
    policy = site.policy()
    present = Excursion(from_s=0.0, to_s=NOW_S, peak_w=500.0, energy_wh=1.0)
    state = line(policy, lacks="the power of L2", reactive=True, excursions=replace(Excursions(), present=present))
    fleet = (injecting(policy.controlled[0], 0.0, 0.0),)
    (fault,) = conditions.line_faults(policy, (state,), fleet, (0.0,), (0.0,), NOW_S)
    assert (fault.kind, fault.at_s) == (FaultKind.CANNOT_MEASURE, NOW_S)
    assert fault.detail == "export limit 0 W at poi needs the power of L2, which the meter does not say"
    alone = evolve(state, lacks="")
    (fault,) = conditions.line_faults(policy, (alone,), fleet, (0.0,), (0.0,), NOW_S)
    assert fault.detail == ("export limit 0 W at poi: reactive power alone is beyond it; active power is kept at 0 W")


def test_a_condition_of_another_kind_or_source_lends_its_time_to_nobody() -> None:
    late, stale = site.fault(FaultKind.METER_LATE, 9.0), site.fault(FaultKind.METER_STALE, 5.0)
    sub = site.fault(FaultKind.METER_LATE, 4.0, "sub")
    assert conditions.since((late,), (stale, sub)) == (late,)
    same = site.fault(FaultKind.METER_LATE, 9.0, detail="words")
    assert conditions.since((same,), (late,)) == (same,)
    (kept,) = conditions.since((same,), (replace(late, at_s=2.0), replace(late, at_s=3.0)))
    assert (kept.at_s, kept.detail) == (2.0, "words")


SECOND_AT_ZERO = alive(
    sample=sample(900.0, 0.0, 900.0),
    phase_zero_since_s=(None, NOW_S - 2.0, None),
    phase_zero_from_w=(900.0, 900.0, 900.0),
)


@pytest.mark.parametrize(
    ("connection", "power_w", "found"), [("L1N", 9000.0, 0), ("L2N", 21.0, 1), ("L1L2", 39.0, 0), ("L1L2", 41.0, 1)]
)
def test_what_feeds_other_conductors_shows_nothing_of_a_phase_at_zero(
    connection: str, power_w: float, found: int
) -> None:
    """Half of the power of a unit between two conductors is in each: watts, not amperes."""
    policy = site.policy(ders=(site.der_spec(connection=connection),), limits=(EXPORT,))
    assert len(faults(policy, SECOND_AT_ZERO, powers_w=((power_w, power_w),))[1]) == found


@pytest.mark.parametrize(("age_s", "kept"), [(59.0, True), (61.0, False)])
def test_an_open_phase_stays_open_for_a_minute_after_the_ders_were_idled(age_s: float, kept: bool) -> None:
    before = site.fault(FaultKind.METER_OPEN_CT, NOW_S - age_s, detail="L2")
    _, found = faults(site.policy(), SECOND_AT_ZERO, powers_w=((0.0, 0.0),), known=(before,))
    assert found == ((before,) if kept else ())
