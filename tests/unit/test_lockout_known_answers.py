"""The parts of a lock-out one by one: its words, what is written when, what is forgotten, who may end it."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core import lockout
from pcs.core.excursion import Excursion
from pcs.core.lockout import LockoutState
from pcs.model.fault import FaultKind
from pcs.model.lockout import (
    ExcursionRule,
    Lockout,
    LockoutAction,
    LockoutRecord,
    LockoutRules,
    Mark,
    ResetRules,
    UnderWay,
    Who,
)

LINE, OTHER = "export limit 0 W at poi", "import limit 5 kW at poi"
RULES = LockoutRules(
    preset="test",
    rules=(
        ExcursionRule(id="long", lasting_s=60.0),
        ExcursionRule(id="twice", lasting_s=15.0, beyond_pct=2.0, count=2, window_s=600.0),
    ),
    action=LockoutAction.ZERO,
    reset=ResetRules(user_after_s=100.0, user_fewer_than=2, user_window_s=1000.0, installer_after_s=10.0),
)
LOCKED = Lockout(renewed_s=500.0, since_utc_s=7.0, action=LockoutAction.ZERO, why="because")


def lasting(lasted_s: float, now_s: float = 0.0, peak_w: float = 250.0) -> Excursion:
    return Excursion(from_s=now_s - lasted_s, to_s=now_s, peak_w=peak_w, energy_wh=0.0)


def advanced(record: LockoutRecord, *present: Excursion | None, rules: LockoutRules = RULES) -> LockoutState:
    """One step in which no time passes, with these excursions of one line, by threshold."""
    state = LockoutState(record=record, at_s=0.0)
    return lockout.advance(state, ((present or (None, None)),), (LINE,), rules, 0.0, 9.0)


def under_way(lasted_s: float, beyond_pct: float = 0.0, line: str = LINE) -> UnderWay:
    return UnderWay(line=line, beyond_pct=beyond_pct, lasted_s=lasted_s)


@pytest.mark.parametrize(
    ("span_s", "words"),
    [
        (0.0, "0 s"),
        (0.5, "0.5 s"),
        (59.0, "59 s"),
        (60.0, "1 min"),
        (90.0, "90 s"),
        (600.0, "10 min"),
        (3600.0, "1 h"),
        (5400.0, "90 min"),
        (86_400.0, "24 h"),
        (172_800.0, "2 d"),
        (2_592_000.0, "30 d"),
        (90_000.0, "25 h"),
    ],
)
def test_a_time_is_said_in_the_unit_in_which_rules_give_it(span_s: float, words: str) -> None:
    assert lockout.span_words(span_s) == words


def test_the_reason_names_line_length_peak_and_rule() -> None:
    state = advanced(LockoutRecord(), lasting(60.0, peak_w=123.4), None)
    assert state.record.locked is not None
    assert state.record.locked.why == f"{LINE}: 60.0 s beyond the limit, at most 123 W (rule long)"


def test_the_reason_of_one_of_several_names_threshold_number_and_window() -> None:
    before = LockoutRecord(marks=(Mark(rule_id="twice", at_s=0.0),))
    state = advanced(before, lasting(20.0), lasting(15.0))
    assert state.record.locked is not None
    assert state.record.locked.why == (
        f"{LINE}: 15.0 s more than 2 % beyond the limit, at most 250 W, number 2 within 10 min (rule twice)"
    )


def test_a_lock_out_is_a_condition_of_the_site_with_what_it_does() -> None:
    (fault,) = lockout.fault(LockoutState(record=LockoutRecord(locked=LOCKED)), 42.0)
    assert (fault.kind, fault.source_id, fault.at_s) == (FaultKind.LOCKED_OUT, "lockout", 42.0)
    assert fault.detail == "because; every controlled DER at 0 W, in both directions"


@pytest.mark.parametrize(
    ("action", "zero"), [(LockoutAction.SAFE, False), (LockoutAction.ZERO, True), (LockoutAction.TRIP, True)]
)
def test_only_a_lock_out_to_the_safe_set_leaves_anything(action: LockoutAction, zero: bool) -> None:
    assert lockout.at_zero(LockoutState(record=LockoutRecord(locked=replace(LOCKED, action=action)))) is zero
    assert not lockout.at_zero(LockoutState())


def test_the_thresholds_are_each_named_once_and_rising() -> None:
    rules = tuple(ExcursionRule(id=f"r{p}", lasting_s=1.0, beyond_pct=p) for p in (6.7, 0.0, 2.0))
    again = ExcursionRule(id="again", lasting_s=9.0, beyond_pct=2.0)
    assert lockout.thresholds(replace(RULES, rules=(*rules, again))) == (0.0, 2.0, 6.7)
    assert lockout.thresholds(None) == ()


BASE = LockoutRecord(clock_s=1000.0)
RUNS = replace(BASE, under_way=(under_way(10.0),))
STANDS = replace(BASE, locked=LOCKED, begun_s=(500.0,))


@pytest.mark.parametrize(
    ("saved", "now", "due"),
    [
        (None, BASE, True),
        (BASE, BASE, False),
        (BASE, replace(BASE, marks=(Mark(rule_id="twice", at_s=1000.0),)), True),
        (BASE, STANDS, True),
        (STANDS, replace(STANDS, locked=None), True),
        (STANDS, replace(STANDS, locked=replace(LOCKED, why="another")), True),
        (STANDS, replace(STANDS, locked=replace(LOCKED, action=LockoutAction.TRIP)), True),
        (STANDS, replace(STANDS, begun_s=(100.0, 500.0)), True),
        (STANDS, replace(STANDS, locked=replace(LOCKED, renewed_s=503.9), begun_s=(503.9,)), False),
        (STANDS, replace(STANDS, locked=replace(LOCKED, renewed_s=504.0), begun_s=(504.0,)), True),
        (RUNS, BASE, True),
        (RUNS, replace(RUNS, under_way=(under_way(3.0),)), True),
        (RUNS, replace(RUNS, under_way=(under_way(13.9),)), False),
        (RUNS, replace(RUNS, under_way=(under_way(14.0),)), True),
        (RUNS, replace(RUNS, under_way=(under_way(10.0), under_way(3.9, 2.0))), False),
        (RUNS, replace(RUNS, under_way=(under_way(10.0), under_way(4.0, 2.0))), True),
        (RUNS, replace(RUNS, under_way=(under_way(10.0, 2.0),)), True),
        (RUNS, replace(RUNS, under_way=(under_way(10.0, line=OTHER),)), True),
        (BASE, replace(BASE, clock_s=1e6), False),
        (STANDS, replace(STANDS, clock_s=1059.9), False),
        (STANDS, replace(STANDS, clock_s=1060.0), True),
    ],
)
def test_what_would_be_missed_after_a_power_cut_is_written_at_once(
    saved: LockoutRecord | None, now: LockoutRecord, due: bool
) -> None:
    """An excursion every 4 s, a countdown every minute, and whatever is news at once."""
    assert lockout.due(saved, now) is due


@pytest.mark.parametrize(("ran_s", "due"), [(3599.0, False), (3600.0, True)])
def test_the_history_alone_is_written_once_an_hour(ran_s: float, due: bool) -> None:
    history = replace(BASE, begun_s=(100.0,))
    assert lockout.due(history, replace(history, clock_s=1000.0 + ran_s)) is due
    counting = replace(history, marks=(Mark(rule_id="twice", at_s=900.0),))
    assert lockout.due(counting, replace(counting, clock_s=1060.0)), "what counts down is written every minute"


def test_what_was_not_written_may_have_lasted_five_seconds_longer() -> None:
    record = LockoutRecord(under_way=(under_way(10.0), under_way(8.0, 2.0), under_way(30.0, line=OTHER)))
    assert lockout.carried_s(record, LINE, 0.0) == 10.0
    assert lockout.carried_s(record, LINE, 2.0) == 8.0
    assert lockout.carried_s(record, LINE, 5.0) == 0.0
    hard = replace(record, orderly=False)
    assert lockout.carried_s(hard, LINE, 0.0) == 15.0
    assert lockout.carried_s(hard, OTHER, 0.0) == 35.0
    assert lockout.carried_s(hard, OTHER, 2.0) == 5.0, "one may have begun that nobody wrote down"


def test_excursions_go_on_from_where_they_were_by_line_and_threshold() -> None:
    record = LockoutRecord(under_way=(under_way(10.0), under_way(7.0, 2.0, OTHER)))
    first, second = lockout.seeds(record, RULES, (LINE, OTHER), 100.0)
    assert first == (Excursion(from_s=90.0, to_s=90.0, peak_w=0.0, energy_wh=0.0), None)
    assert second == (None, Excursion(from_s=93.0, to_s=93.0, peak_w=0.0, energy_wh=0.0))


@pytest.mark.parametrize(("lasted_s", "locks"), [(54.9, False), (55.0, True), (59.0, True), (60.0, False)])
def test_what_may_have_come_to_count_before_an_end_without_order_counts(lasted_s: float, locks: bool) -> None:
    """60 s lock out: 55 s and the 5 s that may be missing are enough, and what had counted already does not again."""
    record = LockoutRecord(under_way=(under_way(lasted_s),), orderly=False)
    state = lockout.resumed(record, RULES, (LINE,), 1000.0, 9.0)
    assert (state.record.locked is not None) is locks
    if state.record.locked is not None:
        assert state.record.locked.why == f"{LINE}: an excursion before the last end"
        assert state.record.locked.since_utc_s == 9.0
    assert state.counted == (((0, "long", 1000.0 - lasted_s - 5.0),) if lasted_s >= 55.0 else ())
    assert (state.record.orderly, state.at_s) == (True, 1000.0)


def test_an_excursion_of_another_line_or_threshold_counts_for_its_own_rules_only() -> None:
    record = LockoutRecord(under_way=(under_way(58.0, 2.0, OTHER),), orderly=False)
    state = lockout.resumed(record, RULES, (LINE, OTHER), 1000.0, 9.0)
    assert state.record.locked is None
    assert state.counted == ((1, "twice", 1000.0 - 63.0),)


def test_the_clock_runs_with_monotonic_time_and_never_back() -> None:
    state = LockoutState(record=LockoutRecord(clock_s=50.0), at_s=None)
    for now_s, clock_s in ((10.0, 50.0), (13.0, 53.0), (12.0, 53.0), (13.5, 53.5)):
        state = lockout.advance(state, ((None, None),), (LINE,), RULES, now_s, 0.0)
        assert state.record.clock_s == clock_s


@pytest.mark.parametrize(("age_s", "kept"), [(600.0, True), (600.1, False)])
def test_a_mark_is_kept_for_as_long_as_its_rule_can_count_it(age_s: float, kept: bool) -> None:
    record = LockoutRecord(clock_s=5000.0, marks=(Mark(rule_id="twice", at_s=5000.0 - age_s),))
    assert bool(advanced(record).record.marks) is kept


def test_a_mark_of_a_rule_that_is_gone_is_forgotten() -> None:
    record = LockoutRecord(clock_s=5000.0, marks=(Mark(rule_id="old", at_s=4999.0),))
    assert advanced(record).record.marks == ()
    once = LockoutRecord(clock_s=5000.0, marks=(Mark(rule_id="long", at_s=4999.5),))
    assert advanced(once).record.marks == (), "a rule that counts one excursion counts no marks"


def test_lock_outs_are_remembered_for_as_long_as_they_count_and_the_present_one_always() -> None:
    record = LockoutRecord(clock_s=5000.0, begun_s=(100.0, 3999.9, 4000.0, 4900.0))
    assert advanced(record).record.begun_s == (4000.0, 4900.0)
    assert advanced(replace(record, begun_s=(100.0, 200.0))).record.begun_s == ()
    stands = replace(record, begun_s=(100.0, 200.0), locked=replace(LOCKED, renewed_s=200.0))
    assert advanced(stands).record.begun_s == (200.0,)


def test_of_each_rule_only_the_newest_marks_that_can_count_are_kept_beside_those_of_others() -> None:
    """Two within 600 s: of marks at 0 s and 590 s the third counts with the second."""
    other = ExcursionRule(id="other", lasting_s=900.0, count=3, window_s=1e4)
    rules = replace(RULES, rules=(*RULES.rules, other))
    marks = (Mark(rule_id="other", at_s=580.0), Mark(rule_id="twice", at_s=590.0))
    state = advanced(LockoutRecord(clock_s=1000.0, marks=marks), lasting(20.0), lasting(15.0), rules=rules)
    assert state.record.locked is not None
    assert [(m.rule_id, m.at_s) for m in state.record.marks] == [("other", 580.0), ("twice", 590.0), ("twice", 1000.0)]
    third = lockout.advance(state, ((None, lasting(16.0, 5.0)),), (LINE,), rules, 5.0, 9.0)
    assert [m.at_s for m in third.record.marks if m.rule_id == "twice"] == [1000.0, 1005.0]


@pytest.mark.parametrize(("apart_s", "locks"), [(600.0, True), (600.5, False)])
def test_two_lock_out_when_they_are_exactly_their_window_apart(apart_s: float, locks: bool) -> None:
    marks = (Mark(rule_id="twice", at_s=2000.0 - apart_s),)
    state = advanced(LockoutRecord(clock_s=2000.0, marks=marks), lasting(20.0), lasting(15.0))
    assert (state.record.locked is not None) is locks


def test_a_lock_out_that_begins_anew_keeps_its_beginning_and_is_never_less_than_it_was() -> None:
    trip = replace(LOCKED, action=LockoutAction.TRIP)
    before = LockoutRecord(clock_s=600.0, locked=trip, begun_s=(90.0, 500.0))
    record = advanced(before, lasting(60.0), None).record
    assert record.locked is not None
    assert (record.locked.action, record.locked.since_utc_s, record.locked.renewed_s) == (
        LockoutAction.TRIP,
        7.0,
        600.0,
    )
    assert record.begun_s == (90.0, 600.0), "it is one lock-out, not two"
    safe = replace(before, locked=replace(LOCKED, action=LockoutAction.SAFE))
    tighter = advanced(safe, lasting(60.0), None).record.locked
    assert tighter is not None
    assert tighter.action is LockoutAction.ZERO


def test_the_first_lock_out_says_when_it_began_and_acts_as_the_preset_says() -> None:
    record = advanced(LockoutRecord(clock_s=600.0, begun_s=(90.0,)), lasting(60.0), None).record
    assert record.locked is not None
    assert (record.locked.action, record.locked.since_utc_s, record.locked.renewed_s) == (
        LockoutAction.ZERO,
        9.0,
        600.0,
    )
    assert record.begun_s == (90.0, 600.0)


def test_the_memory_of_lock_outs_holds_sixty_four() -> None:
    rules = replace(RULES, reset=replace(RULES.reset, user_window_s=1e6))
    begun_s = tuple(map(float, range(64)))
    record = advanced(LockoutRecord(clock_s=100.0, begun_s=begun_s), lasting(60.0), None, rules=rules).record
    assert record.begun_s == (*begun_s[1:], 100.0)


def test_an_excursion_that_counted_moves_the_times_of_the_lock_out_while_it_goes_on() -> None:
    state = advanced(LockoutRecord(clock_s=600.0), lasting(60.0), None)
    later = lockout.advance(state, ((lasting(65.0, 5.0), None),), (LINE,), RULES, 5.0, 9.0)
    assert later.record.locked is not None
    assert (later.record.locked.renewed_s, later.record.begun_s) == (605.0, (605.0,))
    over = lockout.advance(later, ((None, None),), (LINE,), RULES, 8.0, 9.0)
    assert over.record.locked is not None
    assert (over.record.locked.renewed_s, over.counted) == (605.0, ())


def test_of_several_lock_outs_only_the_present_one_is_moved() -> None:
    """A day apart; the excursion that locked out goes on."""
    rules = replace(RULES, reset=replace(RULES.reset, user_window_s=1e6))
    before = LockoutRecord(clock_s=2e5, locked=replace(LOCKED, renewed_s=2e5), begun_s=(1e3, 9e4, 2e5))
    state = LockoutState(record=before, at_s=0.0, counted=((0, "long", -60.0),))
    later = lockout.advance(state, ((lasting(65.0, 5.0), None),), (LINE,), rules, 5.0, 9.0)
    assert later.record.begun_s == (1e3, 9e4, 200_005.0)


def test_a_line_of_which_nothing_is_known_yet_counts_nothing() -> None:
    state = LockoutState(record=LockoutRecord(clock_s=600.0), at_s=0.0)
    assert lockout.advance(state, ((),), (LINE,), RULES, 0.0, 9.0) == state


def test_one_that_has_not_lasted_long_enough_to_count_moves_nothing() -> None:
    before = LockoutRecord(clock_s=600.0, locked=LOCKED, begun_s=(500.0,))
    assert advanced(before, lasting(14.9), lasting(14.9)).record.locked == LOCKED


@pytest.mark.parametrize(("age_s", "stands"), [(99.9, True), (100.0, False)])
def test_a_lock_out_that_ends_by_itself_does_so_at_its_time(age_s: float, stands: bool) -> None:
    rules = replace(RULES, reset=ResetRules(by_itself_s=100.0))
    record = LockoutRecord(clock_s=1000.0, locked=replace(LOCKED, renewed_s=1000.0 - age_s), begun_s=(1000.0 - age_s,))
    assert (advanced(record, rules=rules).record.locked is not None) is stands
    assert advanced(record, lasting(1.0), None, rules=rules).record.locked is not None, "not while flow is beyond"
    assert advanced(record).record.locked is not None, "and not where the preset says nothing of it"


def test_what_goes_on_is_written_with_its_length_and_what_is_not_yet_measured_stays() -> None:
    known = LockoutRecord(under_way=(under_way(10.0), under_way(4.0, 2.0)))
    assert advanced(known, lasting(12.0), None).record.under_way == (under_way(12.0),)
    assert advanced(known, lasting(0.0), lasting(0.0)).record.under_way == known.under_way
    assert advanced(LockoutRecord(), lasting(0.0), None).record.under_way == ()
    assert advanced(known).record.under_way == ()


HELD = LockoutState(record=LockoutRecord(clock_s=1000.0, locked=LOCKED, begun_s=(500.0,)))


@pytest.mark.parametrize(
    ("who", "change", "allowed", "why", "in_s"),
    [
        (Who.USER, {}, True, "allowed", None),
        (Who.USER, {"user_after_s": 500.0}, True, "allowed", None),
        (Who.USER, {"user_after_s": 500.5}, False, "not before 500.5 s have passed", 0.5),
        (Who.USER, {"user_after_s": 560.0}, False, "not before 560 s have passed", 60.0),
        (Who.USER, {"user_after_s": None}, False, "the preset leaves this to the installer", None),
        (Who.INSTALLER, {"user_after_s": None}, True, "allowed", None),
        (Who.INSTALLER, {"installer_after_s": 600.0}, False, "not before 10 min have passed", 100.0),
        (Who.USER, {"user_fewer_than": 1}, False, "1 lock-outs within 1000 s: only the installer may", None),
        (Who.USER, {"user_fewer_than": 1, "user_window_s": 499.0}, True, "allowed", None),
        (Who.USER, {"user_fewer_than": 1, "user_window_s": 500.0}, False, "1 lock-outs within 500 s: only the", None),
        (Who.INSTALLER, {"user_fewer_than": 1}, True, "allowed", None),
        (Who.USER, {"user_fewer_than": 0}, True, "allowed", None),
    ],
)
def test_who_may_end_a_lock_out_and_when_is_as_the_preset_says(
    who: Who, change: dict[str, Any], allowed: bool, why: str, in_s: float | None
) -> None:
    verdict = lockout.may_reset(HELD, replace(RULES, reset=replace(RULES.reset, **change)), who)
    assert (verdict.allowed, verdict.in_s) == (allowed, in_s)
    assert verdict.why.startswith(why)


def test_where_nothing_is_locked_out_nobody_ends_anything() -> None:
    verdict = lockout.may_reset(LockoutState(), RULES, Who.INSTALLER)
    assert (verdict.allowed, verdict.why) == (False, "nothing is locked out")


def test_a_refused_reset_changes_nothing_and_says_so() -> None:
    going_on = replace(HELD, record=replace(HELD.record, under_way=(under_way(1.0),)))
    state, verdict = lockout.reset(going_on, RULES, Who.INSTALLER)
    assert (state, verdict.allowed, verdict.why) == (going_on, False, "the flow is still beyond the limit")


def test_only_the_reset_of_an_installer_clears_the_history_and_only_where_the_preset_says_so() -> None:
    keeps = replace(RULES, reset=replace(RULES.reset, installer_clears=False))
    for rules, who, left in ((RULES, Who.USER, (500.0,)), (RULES, Who.INSTALLER, ()), (keeps, Who.INSTALLER, (500.0,))):
        state, verdict = lockout.reset(HELD, rules, who)
        assert verdict.allowed
        assert (state.record.locked, state.record.begun_s) == (None, left)
