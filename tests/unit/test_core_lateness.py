"""Telemetry that is older than its profile says, learnt from values that only an older moment explains."""

import pytest

from pcs.core import observe
from pcs.core.lateness import EVERY_S, FORGET_S, KEPT_S, WITNESSES, Late, learn, note
from pcs.model.profile import DerTiming
from pcs.model.units import Band

RATED_W = 10_000.0
TIMING = DerTiming(
    dead_time_s=Band(lo=0.0, hi=0.2), time_constant_s=Band(lo=0.05, hi=0.1), ramp_pct_s=1000.0, telemetry_s=1.0
)


def history(fell_s: float, until_s: float) -> Late:
    """8 kW were allowed until `fell_s`, 2 kW from then on."""
    late, at_s = Late(), fell_s - 5.0
    while at_s < until_s:
        late = note(late, at_s, 0.0, 8000.0 if at_s < fell_s else 2000.0)
        at_s += 0.05
    return late


def said(late: Late, value_w: float, times: int, oldest_s: float, step_s: float = 0.0) -> Late:
    for k in range(times):
        at_s = oldest_s + k * step_s
        late = learn(late, value_w, RATED_W, explained=False, oldest_s=at_s, now_s=at_s + 1.0)
    return late


def test_three_values_in_a_row_that_only_an_older_moment_explains_are_the_lateness() -> None:
    late = history(100.0, 110.0)
    assert said(late, 7900.0, WITNESSES - 1, 102.0).more_s == 0.0
    assert said(late, 7900.0, WITNESSES, 102.0).more_s == pytest.approx(2.0, abs=EVERY_S + 0.05)
    grows = said(late, 7900.0, WITNESSES, 101.0, 0.5)
    assert grows.more_s == pytest.approx(1.5, abs=EVERY_S + 0.05), "the middle one of the three"


def test_a_value_that_is_explained_ends_the_row() -> None:
    late = said(history(100.0, 110.0), 7900.0, 2, 102.0)
    late = learn(late, 1900.0, RATED_W, explained=True, oldest_s=102.0, now_s=103.0)
    assert said(late, 7900.0, 2, 102.0).more_s == 0.0


def test_what_no_moment_explains_is_no_lateness() -> None:
    assert said(history(100.0, 110.0), 9900.0, 9, 102.0).more_s == 0.0
    assert said(Late(), 7900.0, 9, 102.0).more_s == 0.0


def test_no_value_is_believed_to_be_older_than_the_most() -> None:
    late = history(100.0, 112.0)
    for _ in range(3):
        late = said(late, 7900.0, WITNESSES, 108.0)
    assert late.more_s == KEPT_S


def test_a_lateness_that_nothing_needs_is_forgotten() -> None:
    late = said(history(100.0, 110.0), 7900.0, WITNESSES, 102.0)
    soon = learn(late, 1900.0, RATED_W, explained=True, oldest_s=102.0, now_s=late.needed_s + FORGET_S - 1.0)
    assert soon.more_s == late.more_s
    assert learn(soon, 1900.0, RATED_W, explained=True, oldest_s=102.0, now_s=late.needed_s + FORGET_S).more_s == 0.0


def test_history_is_bounded_and_keeps_what_may_be_asked_for() -> None:
    late = Late()
    for k in range(2000):
        late = note(late, 0.05 * k, 0.0, 100.0)
    assert len(late.past) <= 2 * KEPT_S / EVERY_S + 2
    assert late.past[0][0] <= 100.0 - KEPT_S
    assert late.past[-1][0] > 100.0 - 2 * EVERY_S


def played(age_s: float, gain: float = 1.0, *, toggles_s: float = 8.0) -> observe.Track:
    """A unit at its cap, which goes between 8 kW and 2 kW, and tells of it `age_s` later with this gain."""
    track = observe.unknown(0.0, 0.0, RATED_W)
    caps = [(-100.0, 8000.0)]
    track = observe.confirm(observe.tell(track, 0.0, 0.0, 8000.0), 0.0, 8000.0, 0.0, 0.01)
    for k in range(1, 800):
        now_s = 0.05 * k
        track = observe.advance(track, now_s, TIMING, 0.2)
        if now_s >= caps[-1][0] + toggles_s and now_s > 4.0:
            cap_w = 10_000.0 - caps[-1][1]
            track = observe.confirm(observe.tell(track, now_s, 0.0, cap_w), 0.0, cap_w, now_s, now_s + 0.01)
            caps.append((now_s, cap_w))
        if k % 5 == 0:
            shown_w = next(w for at_s, w in reversed(caps) if at_s + 0.1 <= now_s - age_s)
            track = observe.correct(track, gain * shown_w, now_s, now_s + 0.01, TIMING)
    return track


@pytest.mark.parametrize("age_s", [2.0, 4.0])
def test_the_observer_learns_how_late_a_unit_tells_of_its_movements(age_s: float) -> None:
    """The profile grants one second; what is missed of the rest is less than the time of three values."""
    assert age_s - 1.0 - 3 * 0.25 - 0.2 <= played(age_s).late.more_s <= age_s - 1.0 + EVERY_S + 0.05


@pytest.mark.parametrize("gain", [0.87, 1.0, 1.13])
@pytest.mark.parametrize("toggles_s", [1.85, 8.0])
def test_telemetry_as_fresh_as_its_profile_is_never_called_late(gain: float, toggles_s: float) -> None:
    assert played(0.9, gain, toggles_s=toggles_s).late.more_s == 0.0
