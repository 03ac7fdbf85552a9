"""Every event whole, as the journal keeps it, and every sentence that says why."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core import report
from pcs.core.excursion import Excursion
from pcs.core.failsafe import Action
from pcs.core.lines import Turn
from pcs.core.lockout import LockoutState
from pcs.core.policy import Policy
from pcs.core.response import Response, StepKind, Way
from pcs.core.state import Inputs, State, initial
from pcs.core.watch import Watch
from pcs.core.wiring import Wiring, WiringState
from pcs.model.event import Event, EventKind
from pcs.model.fault import FaultKind
from pcs.model.limit import Basis, Direction, Limit
from pcs.model.lockout import (
    ExcursionRule,
    Lockout,
    LockoutAction,
    LockoutRecord,
    LockoutRules,
    Mark,
    ResetRules,
    Who,
)
from pcs.model.reading import LimitsInForce, LockoutReset
from pcs.model.site import DerKind
from tests import core_site as site

EXPORT = Limit(direction=Direction.EXPORT, value=3000.0)
IMPORT = Limit(direction=Direction.IMPORT, value=4000.0)
ONE = site.policy(limits=(EXPORT,))
TWO = site.policy(ders=(site.der_spec(kind=DerKind.BATTERY, charge_w=5000.0),), limits=(EXPORT, IMPORT))
NOW = site.at(9.0)
RESPONSE = Response(
    kind=StepKind.LOAD,
    way=Way.RESTRICT,
    at_s=1.0,
    at_lo_s=0.9,
    at_hi_s=1.1,
    olrt_s=1.5,
    olrt_lo_s=1.25,
    olrt_hi_s=1.75,
    beyond_s=2.0,
    step_w=-6000.0,
    final_import_w=20.0,
)


def base(policy: Policy = ONE) -> State:
    return initial(policy, site.at(0.0))


def told(before: State, after: State, policy: Policy = ONE, *heard: Any, **turned: Any) -> tuple[Event, ...]:
    """The events of one step; what `turned` says befell the last line."""
    turns = [Turn(state=s, ended=None, responded=None) for s in after.lines]
    turns[-1] = turns[-1]._replace(**turned) if hasattr(turns[-1], "_replace") else replace(turns[-1], **turned)
    return report.changes(before, after, Inputs(observations=heard), policy, tuple(turns), NOW)


def test_a_response_is_told_with_every_number_that_a_report_needs() -> None:
    (event,) = told(base(), base(), responded=RESPONSE)
    assert event == Event(
        at=NOW,
        kind=EventKind.RESPONSE_MEASURED,
        text=(
            "restrict after a load step of -6000 W: OLRT 1.50 s (1.25 to 1.75 s), "
            "beyond the limit until 2.00 s, self-measured"
        ),
        facts=(
            ("kind", "load"),
            ("way", "restrict"),
            ("olrt_s", 1.5),
            ("olrt_lo_s", 1.25),
            ("olrt_hi_s", 1.75),
            ("beyond_s", 2.0),
            ("judged_s", 2.0),
            ("step_w", -6000.0),
            ("line", ONE.lines[0].name),
            ("at_s", 1.0),
            ("at_lo_s", 0.9),
            ("at_hi_s", 1.1),
            ("final_import_w", 20.0),
            ("method", "self-measured"),
        ),
    )


def test_where_there_are_several_lines_each_event_names_its_own() -> None:
    ended = Excursion(from_s=1.0, to_s=3.5, peak_w=812.4, energy_wh=0.25)
    first, second = told(base(TWO), base(TWO), TWO, ended=ended, responded=RESPONSE)
    name = TWO.lines[1].name
    assert first.text == f"{name}: 2.50 s beyond the limit, at most 812 W, 0.25 Wh"
    assert second.text.startswith(f"{name}: restrict after a load step")
    assert (first.at, second.at) == (NOW, NOW)


def test_a_device_is_told_with_its_identity_and_a_rating_that_differs() -> None:
    met = replace(site.der_met(rating_w=12_000.0, variant="704"), manufacturer="Acme", model="A1", firmware="2.3")
    identity, rating = told(base(), base(), ONE, met)
    assert identity == Event(
        at=NOW, kind=EventKind.IDENTIFIED, source_id="d0", text="Acme A1 serial 0 firmware 2.3 (704)"
    )
    assert rating == Event(
        at=NOW,
        kind=EventKind.RATING_MISMATCH,
        source_id="d0",
        text="device says 12000 W, site file says 10000 W",
        facts=(("rating_w", 12_000.0), ("nameplate_w", 10_000.0)),
    )


@pytest.mark.parametrize(("rating_w", "events"), [(10_200.0, 1), (10_200.1, 2), (9800.0, 1), (9799.9, 2)])
def test_a_rating_two_percent_off_is_the_same_rating(rating_w: float, events: int) -> None:
    assert len(told(base(), base(), ONE, site.der_met(rating_w=rating_w))) == events


def test_of_several_ders_each_rating_is_compared_with_its_own() -> None:
    policy = site.policy(ders=(site.der_spec(0, 5000.0), site.der_spec(1, 10_000.0)), limits=(EXPORT,))
    assert len(told(base(policy), base(policy), policy, site.der_met(1, rating_w=10_000.0))) == 1
    assert len(told(base(policy), base(policy), policy, site.der_met(1, rating_w=5000.0))) == 2


def test_what_is_heard_beside_an_identity_is_no_event_and_hides_none() -> None:
    """A reading before the identity of the meter, in one step."""
    events = told(base(), base(), ONE, site.der_says(1.0, 9.0), site.meter_met(serial="77"))
    assert [(e.source_id, e.text) for e in events] == [("poi", "x x serial 77 firmware  (203)")]


def test_a_fault_is_told_and_cleared_with_its_source_and_name() -> None:
    plain = site.fault(FaultKind.DER_SILENT, 8.0, "d0")
    bad = replace(base(), faults=(plain,))
    text = FaultKind.DER_SILENT.value
    facts = (("fault", "DER_SILENT"),)
    assert told(base(), bad) == (Event(at=NOW, kind=EventKind.FAULT_RAISED, source_id="d0", text=text, facts=facts),)
    assert told(bad, base()) == (Event(at=NOW, kind=EventKind.FAULT_CLEARED, source_id="d0", text=text, facts=facts),)
    other = replace(base(), faults=(site.fault(FaultKind.DER_SILENT, 8.0, "d1"),))
    assert [(e.kind, e.source_id) for e in told(bad, other)] == [
        (EventKind.FAULT_RAISED, "d1"),
        (EventKind.FAULT_CLEARED, "d0"),
    ]


def test_a_change_of_action_and_a_verified_meter_are_told_whole() -> None:
    after = replace(
        base(),
        action=Action.HOLD,
        watches=(replace(Watch.new(0.0), wiring=WiringState(verdict=Wiring.VERIFIED, detail="it moved")),),
    )
    assert told(base(), after) == (
        Event(at=NOW, kind=EventKind.ACTION_CHANGED, text="safe -> hold"),
        Event(at=NOW, kind=EventKind.WIRING_VERIFIED, source_id="poi", text="it moved"),
    )


def test_limits_that_contradict_each_other_are_told_when_they_begin_to() -> None:
    after = replace(base(), conflicts=("a and b", "c and d"))
    assert told(base(), after) == (Event(at=NOW, kind=EventKind.LIMITS_CONFLICT, text="a and b; c and d"),)
    assert told(after, after) == ()
    assert told(after, base()) == ()


def test_all_that_happens_in_one_step_is_told_in_a_fixed_order() -> None:
    one = Mark(rule_id="twice", at_s=1.0)
    limits = LimitsInForce(values=(500.0,), sources=("grid",), sent_s=9.0, received_s=9.0)
    after = replace(
        base(),
        faults=(site.fault(FaultKind.DER_SILENT, 8.0, "d0"),),
        action=Action.HOLD,
        watches=(replace(Watch.new(0.0), wiring=WiringState(verdict=Wiring.VERIFIED)),),
        lockout=LockoutState(record=LockoutRecord(marks=(one,))),
        in_force=limits,
        conflicts=("a",),
    )
    events = told(base(), after, replace(ONE, lockout=RULES), site.meter_met(), responded=RESPONSE)
    assert [e.kind for e in events] == [
        EventKind.IDENTIFIED,
        EventKind.FAULT_RAISED,
        EventKind.ACTION_CHANGED,
        EventKind.WIRING_VERIFIED,
        EventKind.EXCURSION_COUNTED,
        EventKind.LIMITS_CHANGED,
        EventKind.LIMITS_CONFLICT,
        EventKind.RESPONSE_MEASURED,
    ]


def in_force(*values: float | None) -> LimitsInForce:
    sources = tuple(f"source {n}" for n in range(len(values)))
    return LimitsInForce(values=values, sources=sources, sent_s=9.0, received_s=9.0)


def test_each_limit_that_changes_is_told_from_what_to_what() -> None:
    first = replace(base(TWO), in_force=in_force(3000.0, 1000.0))
    assert [e.text for e in told(base(TWO), first, TWO)] == ["import limit 1000 W at poi (was 4000): source 1"]
    second = replace(base(TWO), in_force=in_force(None, 1000.0))
    (gone,) = told(first, second, TWO)
    assert (gone.at, gone.kind) == (NOW, EventKind.LIMITS_CHANGED)
    assert gone.text.endswith("(was 3000): source 0")
    (back,) = told(second, replace(base(TWO), in_force=in_force(500.5, 1000.0)), TWO)
    assert back.text == "export limit 500.5 W at poi (was not in force): source 0"
    assert told(second, replace(second, in_force=None), TWO) == ()


RULES = LockoutRules(
    preset="g100",
    rules=(ExcursionRule(id="twice", lasting_s=15.0, count=2, window_s=600.0),),
    action=LockoutAction.ZERO,
    reset=ResetRules(user_after_s=100.0),
)
LOCKED = Lockout(renewed_s=500.0, since_utc_s=7.0, action=LockoutAction.ZERO, why="because")


def record(**more: Any) -> State:
    return replace(base(), lockout=LockoutState(record=LockoutRecord(clock_s=520.0, **more)))


def lockouts(before: State, after: State, *heard: Any) -> list[tuple[EventKind, str, tuple[tuple[str, Any], ...]]]:
    events = told(before, after, replace(ONE, lockout=RULES), *heard)
    assert all(e.at == NOW for e in events)
    return [(e.kind, e.text, e.facts) for e in events]


def asks(who: Who) -> LockoutReset:
    return LockoutReset(who=who, sent_s=8.9, received_s=8.9)


def test_an_excursion_that_counts_is_told_with_its_rule_and_number() -> None:
    one, two = Mark(rule_id="twice", at_s=1.0), Mark(rule_id="twice", at_s=5.0)
    daily = Mark(rule_id="daily", at_s=5.0)
    assert lockouts(record(marks=(one,)), record(marks=(one, two, daily))) == [
        (EventKind.EXCURSION_COUNTED, "rule twice: 2 so far", (("rule", "twice"),)),
        (EventKind.EXCURSION_COUNTED, "rule daily: 1 so far", (("rule", "daily"),)),
    ]


def test_a_lock_out_is_told_when_it_begins_and_when_it_begins_again_for_another_reason() -> None:
    facts = (("action", "zero"), ("preset", "g100"))
    text = "because; every controlled DER at 0 W, in both directions"
    assert lockouts(record(), record(locked=LOCKED)) == [(EventKind.LOCKED_OUT, text, facts)]
    assert lockouts(record(locked=LOCKED), record(locked=replace(LOCKED, renewed_s=510.0))) == []
    again = replace(LOCKED, why="another")
    assert lockouts(record(locked=LOCKED), record(locked=again)) == [
        (EventKind.LOCKED_OUT, "again another; every controlled DER at 0 W, in both directions", facts)
    ]


def test_the_end_of_a_lock_out_names_who_ended_it_and_how_long_it_stood() -> None:
    preset = (("preset", "g100"),)
    assert lockouts(record(locked=LOCKED), record()) == [
        (EventKind.LOCKOUT_ENDED, "by itself; it had lasted 20 s", preset)
    ]
    by = "reset by installer, as they say: nobody proved who they are; it had lasted 20 s"
    assert lockouts(record(locked=LOCKED), record(), site.der_says(1.0, 9.0), asks(Who.INSTALLER)) == [
        (EventKind.LOCKOUT_ENDED, by, preset)
    ]


def test_a_reset_that_is_refused_is_told_with_the_reason() -> None:
    assert lockouts(record(locked=LOCKED), record(locked=LOCKED), asks(Who.USER)) == [
        (EventKind.LOCKOUT_REFUSED, "asked for by user: not before 100 s have passed", (("who", "user"),))
    ]
    assert lockouts(record(), record(), asks(Who.USER)) == []


def line(**more: Any) -> Any:
    """A line that follows, with nothing to say but its name."""
    return replace(base().lines[0], **{"action": Action.NORMAL, **more})


VERIFIED, UNVERIFIED = (Wiring.VERIFIED,), (Wiring.UNVERIFIED,)
NAME = "export limit 3000 W at poi"


@pytest.mark.parametrize(
    ("state", "faults", "verdicts", "sentence"),
    [
        (line(), (), VERIFIED, f"{NAME} holds with room: sun, wish or nameplate decides"),
        (
            line(binds_since_s=1.0),
            (),
            VERIFIED,
            f"{NAME} binds: the DERs could inject more than demand and limit allow",
        ),
        (line(), (), UNVERIFIED, f"{NAME}; bounds rise slowly until the wiring is verified by a movement"),
        (line(), (), (), f"{NAME} holds with room: sun, wish or nameplate decides"),
        (
            line(reactive=True),
            (),
            UNVERIFIED,
            f"{NAME} cannot be held: reactive power alone is beyond it; active power is kept at 0 W",
        ),
        (
            line(lacks="the power of L2"),
            (),
            VERIFIED,
            f"safe set of the {NAME}: the meter does not say the power of L2",
        ),
        (line(action=Action.SAFE), (), VERIFIED, f"safe set of the {NAME}: starting"),
        (line(action=Action.TIGHTEN), (), VERIFIED, f"tightening towards the safe set of the {NAME}: meter late"),
        (
            line(action=Action.TIGHTEN),
            (site.fault(FaultKind.METER_LATE, 1.0), site.fault(FaultKind.METER_STALE, 1.0)),
            VERIFIED,
            f"tightening towards the safe set of the {NAME}: {FaultKind.METER_STALE.value}",
        ),
        (
            line(action=Action.SAFE),
            (site.fault(FaultKind.METER_STALE, 1.0), site.fault(FaultKind.METER_FROZEN, 1.0)),
            VERIFIED,
            f"safe set of the {NAME}: {FaultKind.METER_FROZEN.value}",
        ),
        (
            line(value=2000.0),
            (),
            VERIFIED,
            "export limit 2000 W at poi holds with room: sun, wish or nameplate decides",
        ),
    ],
)
def test_every_sentence_of_why_names_the_line_and_what_decides(
    state: Any, faults: Any, verdicts: tuple[Wiring, ...], sentence: str
) -> None:
    """Which limit binds, and what holds the bounds where they are."""
    assert report.why_line(ONE.lines[0], state, faults, verdicts) == sentence


def test_towards_import_the_sentences_speak_of_draw() -> None:
    down = TWO.lines[1]
    state = replace(base(TWO).lines[1], action=Action.NORMAL)
    assert report.why_line(down, state, (), VERIFIED) == f"{down.name} holds with room: wish or rating decides"
    binds = replace(state, binds_since_s=1.0)
    assert (
        report.why_line(down, binds, (), VERIFIED)
        == f"{down.name} binds: the DERs could draw more than the limit leaves"
    )


def test_a_line_of_a_conductor_is_named_with_it() -> None:
    policy = site.policy(limits=(replace(EXPORT, basis=Basis.CONDUCTOR),))
    state = replace(base(policy).lines[1], action=Action.NORMAL)
    assert report.why_line(policy.lines[1], state, (), VERIFIED).startswith(f"{policy.lines[1].name} holds with room")
    assert policy.lines[1].name.endswith(", L2")


def test_a_limit_that_is_not_in_force_bounds_nothing() -> None:
    state = line()
    free = replace(state, value=None, envelope=replace(state.envelope, limit_w=None))
    sentence = report.why_line(ONE.lines[0], free, (), VERIFIED)
    assert sentence == f"{ONE.lines[0].limit.named(None)}: nothing is bounded"


def test_why_speaks_of_the_line_that_is_least_free_and_then_of_one_that_binds() -> None:
    free, other = (replace(s, action=Action.NORMAL) for s in base(TWO).lines)
    watches = (replace(Watch.new(0.0), wiring=WiringState(verdict=Wiring.VERIFIED)),)

    def why(*lines: Any) -> str:
        return report.why(replace(base(TWO), lines=lines, watches=watches), TWO)

    names = [x.name for x in TWO.lines]
    assert why(free, other).startswith(names[0])
    assert why(free, replace(other, binds_since_s=1.0)).startswith(f"{names[1]} binds")
    assert why(replace(free, action=Action.SAFE), replace(other, binds_since_s=1.0)).startswith(
        f"safe set of the {names[0]}"
    )
    assert why(replace(free, binds_since_s=1.0), replace(other, action=Action.HOLD)).startswith(names[1])
