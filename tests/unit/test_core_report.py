"""What a step says happened, and why the caps are where they are."""

from dataclasses import replace

import pytest

from pcs.core import report
from pcs.core.excursion import Excursion
from pcs.core.failsafe import Action
from pcs.core.lines import Turn
from pcs.core.response import Response, StepKind, Way
from pcs.core.state import Inputs, State, initial
from pcs.core.watch import Watch
from pcs.core.wiring import Wiring, WiringState
from pcs.model.event import Event, EventKind
from pcs.model.fault import FaultKind
from pcs.model.reading import LimitsInForce
from tests import core_site as site
from tests.core_site import Run

RULES = site.policy(limit_w=3000.0)


def wired(verdict: Wiring, detail: str = "") -> tuple[Watch, ...]:
    return (replace(Watch.new(0.0), wiring=WiringState(verdict=verdict, detail=detail)),)


def base(limit_w: float | None = 3000.0) -> State:
    return initial(site.policy(limit_w=limit_w), site.at(0.0))


def told(before: State, after: State, **more: object) -> list[Event]:
    ended, responded = more.pop("ended", None), more.pop("responded", None)
    turn = Turn(state=after.lines[0], ended=ended, responded=responded)  # type: ignore[arg-type]
    arguments = {"inputs": Inputs(), "policy": RULES, "turns": (turn,), **more}
    return list(report.changes(before, after, now=site.at(9.0), **arguments))  # type: ignore[arg-type]


def test_nothing_new_is_no_event() -> None:
    assert told(base(), base()) == []


def test_a_fault_is_raised_once_and_cleared_once() -> None:
    lost = site.fault(FaultKind.METER_LOST, 8.0, detail="no answer in time")
    bad = replace(base(), faults=(lost,))
    later = replace(base(), faults=(replace(lost, at_s=8.5, detail="other words"),))
    (raised,) = told(base(), bad)
    assert (raised.kind, raised.source_id) == (EventKind.FAULT_RAISED, "poi")
    assert raised.text == "no valid meter sample: no answer in time"
    assert raised.facts == (("fault", "METER_LOST"),)
    assert told(bad, later) == []
    (cleared,) = told(bad, base())
    assert (cleared.kind, cleared.text) == (EventKind.FAULT_CLEARED, "no valid meter sample")


def test_the_same_condition_of_two_ders_is_two_faults() -> None:
    one, two = (site.fault(FaultKind.DER_SILENT, 8.0, d) for d in ("d0", "d1"))
    events = told(replace(base(), faults=(one,)), replace(base(), faults=(one, two)))
    assert [(e.kind, e.source_id, e.text) for e in events] == [
        (EventKind.FAULT_RAISED, "d1", FaultKind.DER_SILENT.value)
    ]


def test_a_change_of_action_names_both() -> None:
    (event,) = told(base(), replace(base(), action=Action.NORMAL))
    assert (event.kind, event.text) == (EventKind.ACTION_CHANGED, "safe -> normal")


def test_a_limit_that_changes_is_told_with_its_old_value_and_its_source() -> None:
    told_ = LimitsInForce(values=(2000.0,), sources=("schedule: evenings",), sent_s=9.0, received_s=9.0)
    (event,) = told(base(), replace(base(), in_force=told_))
    assert event.kind is EventKind.LIMITS_CHANGED
    assert event.text == "export limit 2000 W at poi (was 3000): schedule: evenings"
    assert told(base(), replace(base(), in_force=replace(told_, values=(3000.0,)))) == []


def test_only_a_verification_of_the_wiring_is_an_event_of_its_own() -> None:
    verified = replace(base(), watches=wired(Wiring.VERIFIED, "proof"))
    wrong = replace(base(), watches=wired(Wiring.WRONG, "proof"))
    assert [(e.kind, e.text) for e in told(base(), verified)] == [(EventKind.WIRING_VERIFIED, "proof")]
    assert told(base(), wrong) == []
    assert told(verified, verified) == []


@pytest.mark.parametrize(("rating_w", "said"), [(10_000.0, False), (10_190.0, False), (9700.0, True), (12_000.0, True)])
def test_a_rating_that_differs_from_the_site_file_is_said(rating_w: float, said: bool) -> None:
    heard = Inputs(observations=(site.meter_met(), site.der_met(rating_w=rating_w)))
    events = told(base(), base(), inputs=heard)
    assert [e.kind for e in events[:2]] == [EventKind.IDENTIFIED] * 2
    assert [e.source_id for e in events[:2]] == ["poi", "d0"]
    assert ([e.kind for e in events[2:]] == [EventKind.RATING_MISMATCH]) is said


def test_a_stranger_is_identified_but_has_no_rating_to_differ_from() -> None:
    events = told(base(), base(), inputs=Inputs(observations=(site.der_met(7, rating_w=1.0),)))
    assert [e.kind for e in events] == [EventKind.IDENTIFIED]


def test_an_ended_excursion_carries_its_numbers() -> None:
    (event,) = told(base(), base(), ended=Excursion(from_s=1.0, to_s=3.5, peak_w=812.4, energy_wh=0.25))
    assert event.kind is EventKind.EXCURSION_ENDED
    assert event.text == "2.50 s beyond the limit, at most 812 W, 0.25 Wh"
    assert dict(event.facts) == {"duration_s": 2.5, "peak_w": 812.4, "energy_wh": 0.25}


@pytest.mark.parametrize(("beyond_s", "words"), [(0.0, "never beyond the limit"), (2.0, "until 2.00 s")])
def test_a_response_says_its_interval_and_that_it_is_self_measured(beyond_s: float, words: str) -> None:
    """CRD-OLRT-5."""
    measured = Response(
        kind=StepKind.LOAD,
        way=Way.RESTRICT,
        at_s=1.0,
        at_lo_s=0.9,
        at_hi_s=1.1,
        olrt_s=1.5,
        olrt_lo_s=1.25,
        olrt_hi_s=1.75,
        beyond_s=beyond_s,
        step_w=-6000.0,
        final_import_w=20.0,
    )
    (event,) = told(base(), base(), responded=measured)
    assert event.kind is EventKind.RESPONSE_MEASURED
    assert "OLRT 1.50 s (1.25 to 1.75 s)" in event.text
    assert words in event.text
    assert event.text.endswith("self-measured")
    facts = dict(event.facts)
    assert facts["judged_s"] == max(1.5, beyond_s)
    assert (facts["line"], facts["at_lo_s"], facts["at_hi_s"]) == (RULES.lines[0].name, 0.9, 1.1)


def test_why_names_the_trouble_first() -> None:
    state = replace(base(), faults=(site.fault(FaultKind.METER_LOST, 0.0, detail="no answer in time"),))
    assert (
        report.why(state, RULES)
        == "safe set of the export limit 3000 W at poi: no valid meter sample (no answer in time)"
    )
    assert report.why(base(), RULES) == "safe set of the export limit 3000 W at poi: starting"
    stale = replace(
        base(),
        lines=(replace(base().lines[0], action=Action.TIGHTEN),),
        faults=(site.fault(FaultKind.METER_STALE, 0.0),),
    )
    assert report.why(stale, RULES).startswith("tightening towards the safe set of the export limit 3000 W at poi")


def at_work(injection_w: float) -> State:
    """A site whose DER holds 5 kW under a limit of 3 kW, with as much load as leaves just that."""
    run = Run(RULES)
    for tenth in range(300):
        now_s = run.now_s + 0.1
        cap_w = run.state.ders[0].sent_w or 0.0
        power_w = min(injection_w, cap_w)
        run.step(
            site.meter_says(2100.0 - power_w + tenth % 2, now_s),
            site.der_says(power_w, now_s),
            site.done(cap_w, now_s),
            after_s=0.1,
        )
    return replace(run.state, watches=wired(Wiring.VERIFIED))


def test_why_tells_a_limit_that_binds_from_a_sun_that_decides() -> None:
    assert report.why(at_work(10_000.0), RULES) == (
        "export limit 3000 W at poi binds: the DERs could inject more than demand and limit allow"
    )
    assert "holds with room" in report.why(at_work(1000.0), RULES)
    free = site.policy(limit_w=None)
    assert report.why(initial(free, site.at(0.0)), free) == "no limit: the DERs are free"
    unverified = replace(at_work(10_000.0), watches=wired(Wiring.UNVERIFIED))
    assert "until the wiring is verified" in report.why(unverified, RULES)
