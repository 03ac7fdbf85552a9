"""Lock-outs, as known answers: which excursions count, when they lock out, who may end it, what a power cut leaves."""

import pytest

from pcs.core import lockout
from pcs.core.evolve import evolve
from pcs.core.excursion import Excursion
from pcs.core.lockout import LockoutState, Present
from pcs.model.lockout import (
    ExcursionRule,
    LockoutAction,
    LockoutRecord,
    LockoutRules,
    ResetRules,
    UnderWay,
    Who,
)

LINE = "export limit 0 W at poi"
G100 = LockoutRules(
    preset="as uk-g100-2",
    rules=(
        ExcursionRule(id="long", lasting_s=60.0),
        ExcursionRule(id="twice", lasting_s=15.0, count=2, window_s=600.0),
        ExcursionRule(id="daily", lasting_s=15.0, count=4, window_s=86_400.0),
    ),
    action=LockoutAction.ZERO,
    reset=ResetRules(user_after_s=14_400.0, user_fewer_than=3, user_window_s=30 * 86_400.0, installer_after_s=14_400.0),
)


class Site:
    """One line and its excursions on a clock of seconds."""

    def __init__(self, rules: LockoutRules = G100, record: LockoutRecord | None = None, now_s: float = 1000.0) -> None:
        self.rules, self.now_s = rules, now_s
        record = record or LockoutRecord()
        self.state = lockout.resumed(record, rules, (LINE,), now_s, now_s)
        self.present: Present = lockout.seeds(record, rules, (LINE,), now_s)
        self.saved: LockoutRecord | None = None

    def step(self, after_s: float = 1.0, *, beyond_pct: float | None = None) -> None:
        """One sample: beyond the limit by so much, or inside it (None)."""
        self.now_s += after_s
        made = []
        for level, known in zip(lockout.thresholds(self.rules), self.present[0], strict=True):
            if beyond_pct is None or beyond_pct <= level:
                made.append(None)
                continue
            from_s = known.from_s if known else self.now_s - after_s
            made.append(Excursion(from_s=from_s, to_s=self.now_s, peak_w=100.0, energy_wh=0.0))
        self.present = (tuple(made),)
        self.state = lockout.advance(self.state, self.present, (LINE,), self.rules, self.now_s, self.now_s)
        if lockout.due(self.saved, self.state.record):
            self.saved = evolve(self.state.record, orderly=False)

    def excursion(self, lasting_s: int) -> None:
        for _ in range(lasting_s):
            self.step(beyond_pct=10_000.0)
        self.step()

    def rest(self, seconds: float) -> None:
        self.step(seconds)

    @property
    def locked(self) -> bool:
        return self.state.record.locked is not None

    def ask(self, who: Who) -> lockout.Verdict:
        self.state, verdict = lockout.reset(self.state, self.rules, who)
        return verdict


def test_an_excursion_below_fifteen_seconds_never_counts() -> None:
    """G100-I2-ST: only one that lasts 15 s or more is State 2."""
    of = Site()
    for _ in range(20):
        of.excursion(14)
    assert not of.locked
    assert not of.state.record.marks


def test_two_excursions_of_fifteen_seconds_within_ten_minutes_lock_out() -> None:
    """G100-I2-ST: at the moment when the second has lasted 15 s, while it goes on."""
    of = Site()
    of.excursion(15)
    assert not of.locked
    of.rest(500.0)
    for second in range(1, 16):
        of.step(beyond_pct=1.0)
        assert of.locked is (second == 15)


def test_two_excursions_more_than_ten_minutes_apart_do_not_lock_out() -> None:
    """G100-I2-ST: 2 in 10 min."""
    of = Site()
    of.excursion(15)
    of.rest(600.0)
    of.excursion(15)
    assert not of.locked


def test_the_fourth_excursion_of_a_day_locks_out_and_the_third_does_not() -> None:
    """G100-I2-ST: more than 3 in 24 h."""
    of = Site()
    for number in range(1, 5):
        of.excursion(15)
        of.rest(3600.0)
        assert of.locked is (number == 4)


def test_with_the_reading_of_a_vendor_the_third_excursion_of_a_day_locks_out() -> None:
    """G100-I2-ST-CONFLICT: the count is a parameter of the rule."""
    rules = tuple(evolve(r, count=3) if r.id == "daily" else r for r in G100.rules)
    of = Site(evolve(G100, rules=rules))
    for number in range(1, 4):
        of.excursion(15)
        of.rest(3600.0)
        assert of.locked is (number == 3)


def test_one_excursion_of_sixty_seconds_locks_out_at_once() -> None:
    """G100-I2-ST: any of 60 s or more."""
    of = Site()
    for second in range(1, 61):
        of.step(beyond_pct=1.0)
        assert of.locked is (second == 60)


def test_a_user_may_reset_four_hours_after_the_lock_out() -> None:
    """G100-I2-RST: not a second earlier, and told when it will be."""
    of = Site()
    of.excursion(60)
    of.rest(14_400.0 - 61.0)
    verdict = of.ask(Who.USER)
    assert (verdict.allowed, of.locked) == (False, True)
    assert verdict.in_s == pytest.approx(60.0)
    of.rest(61.0)
    assert of.ask(Who.USER).allowed
    assert not of.locked


def test_at_the_third_lock_out_within_thirty_days_only_the_installer_may_reset() -> None:
    """G100-I2-RST: a user may while fewer than 3 in 30 days; the installer's reset clears that history."""
    of = Site()
    for _ in range(2):
        of.excursion(60)
        of.rest(14_400.0)
        assert of.ask(Who.USER).allowed
    of.excursion(60)
    of.rest(86_400.0)
    assert "only the installer" in of.ask(Who.USER).why
    assert of.ask(Who.INSTALLER).allowed
    of.excursion(60)
    of.rest(14_400.0)
    assert of.ask(Who.USER).allowed


def test_after_thirty_days_old_lock_outs_do_not_count_any_more() -> None:
    """G100-I2-RST: 3 in 30 days."""
    of = Site()
    for _ in range(3):
        of.excursion(60)
        of.rest(15 * 86_400.0 + 1.0)
        assert of.ask(Who.USER).allowed


def test_nobody_may_reset_while_the_flow_is_beyond_the_limit() -> None:
    of = Site()
    of.excursion(60)
    of.rest(14_400.0)
    of.step(beyond_pct=1.0)
    assert "still beyond" in of.ask(Who.INSTALLER).why
    assert of.locked


def test_the_remaining_time_of_a_lock_out_goes_on_after_a_power_cut() -> None:
    """G100-I2-NV: the time without power counts nothing down, however long it was."""
    of = Site()
    of.excursion(60)
    of.rest(3600.0)
    assert of.saved is not None
    again = Site(record=of.saved, now_s=5.0)
    assert again.locked
    left_s = again.ask(Who.USER).in_s
    assert left_s is not None
    assert 14_400.0 - 3601.0 - 1.0 <= left_s <= 14_400.0 - 3600.0 + lockout.COUNTDOWN_SAVE_S


def test_what_was_counted_before_a_power_cut_counts_after_it() -> None:
    """G100-I2-NV: one before and one after are two in ten minutes."""
    of = Site()
    of.excursion(15)
    assert of.saved is not None
    again = Site(record=of.saved)
    again.excursion(15)
    assert again.locked


def test_an_excursion_that_goes_on_over_a_power_cut_is_one_and_loses_no_time() -> None:
    """G100-I2-NV: 40 s before and 20 s after the cut are 60 s; and it is one excursion, not two."""
    of = Site()
    for _ in range(40):
        of.step(beyond_pct=1.0)
    assert of.saved is not None
    again = Site(record=of.saved)
    again.step(beyond_pct=1.0)
    assert not again.locked
    for _ in range(19):
        again.step(beyond_pct=1.0)
    assert again.locked
    assert [m.rule_id for m in again.state.record.marks] == ["twice", "daily"]


def test_an_excursion_that_is_over_after_a_power_cut_does_not_go_on() -> None:
    of = Site()
    for _ in range(40):
        of.step(beyond_pct=1.0)
    assert of.saved is not None
    again = Site(record=of.saved)
    again.step()
    for _ in range(14):
        again.step(beyond_pct=1.0)
    assert not again.locked


def test_a_second_power_cut_before_the_first_measurement_forgets_nothing() -> None:
    of = Site(record=LockoutRecord(under_way=(UnderWay(line=LINE, beyond_pct=0.0, lasted_s=50.0),), orderly=False))
    of.state = lockout.advance(of.state, of.present, (LINE,), of.rules, of.now_s + 1.0, 0.0)
    again = Site(record=evolve(of.state.record, orderly=False))
    for _ in range(10):
        again.step(beyond_pct=1.0)
    assert again.locked


def test_a_threshold_counts_only_flow_above_it() -> None:
    """DE-PAVE-2: above 1.02 times for 10 s, 1.067 for 3 s, 1.69 for 0.1 s."""
    rules = LockoutRules(
        preset="as de-pave",
        rules=(
            ExcursionRule(id="first", lasting_s=10.0, beyond_pct=2.0),
            ExcursionRule(id="second", lasting_s=3.0, beyond_pct=6.7),
            ExcursionRule(id="third", lasting_s=0.1, beyond_pct=69.0),
        ),
    )
    for beyond_pct, after_s in ((1.9, None), (2.5, 10.0), (7.0, 3.0), (70.0, 0.1)):
        of = Site(rules)
        lasted_s = 0.0
        while not of.locked and lasted_s < 100.0:
            of.step(0.1, beyond_pct=beyond_pct)
            lasted_s += 0.1
        assert (lasted_s if of.locked else None) == (None if after_s is None else pytest.approx(after_s, abs=0.11))


def test_a_trigger_during_a_lock_out_lets_its_time_begin_anew() -> None:
    of = Site()
    of.excursion(60)
    of.rest(14_000.0)
    of.excursion(60)
    of.rest(1000.0)
    assert not of.ask(Who.USER).allowed
    assert len(of.state.record.begun_s) == 1


def test_a_lock_out_that_ends_by_itself_waits_until_the_flow_is_inside() -> None:
    of = Site(evolve(G100, reset=ResetRules(by_itself_s=100.0)))
    of.excursion(60)
    of.rest(99.0 - 10.0)
    for _ in range(14):
        of.step(beyond_pct=1.0)
    assert of.locked
    of.step()
    assert not of.locked


def test_a_fresh_memory_has_nothing_to_forget() -> None:
    assert lockout.may_reset(LockoutState(), G100, Who.USER).why == "nothing is locked out"
    assert lockout.fault(LockoutState(), 0.0) == ()


def test_what_counted_before_a_power_cut_does_not_count_again_though_the_first_measurement_comes_late() -> None:
    of = Site()
    for _ in range(20):
        of.step(beyond_pct=1.0)
    assert of.saved is not None
    again = Site(record=of.saved)
    again.state = lockout.advance(again.state, again.present, (LINE,), again.rules, again.now_s + 0.5, 0.0)
    for _ in range(10):
        again.step(beyond_pct=1.0)
    assert not again.locked
