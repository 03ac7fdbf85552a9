"""The observer's parts by themselves: what it says of a span, of a mean and of the present, from ticks made by hand."""

from math import exp
from typing import Any

import pytest

from pcs.core import observe
from pcs.core.evolve import evolve
from pcs.core.observe import INFINITY, Tick, Track
from pcs.core.told import Caps, Told
from pcs.model.profile import DerTiming
from pcs.model.units import Band, Span

TIMING = DerTiming(
    dead_time_s=Band(lo=0.5, hi=1.0), time_constant_s=Band(lo=0.2, hi=1.0), ramp_pct_s=20.0, telemetry_s=1.0
)
WHOLE = Caps(10_000.0, 10_000.0, INFINITY, ())


def tick(at_s: float, lo_w: float, hi_w: float, **more: Any) -> Tick:
    given = {"told_lo_w": 0.0, "told_hi_w": 10_000.0, "used_caps_w": 10_000.0, "used_floors_w": 0.0, **more}
    return Tick(at_s=at_s, caps=WHOLE, floors=None, lo_w=lo_w, hi_w=hi_w, **given)


def track(*ticks: Tick, **more: Any) -> Track:
    """An inverter of 10 kW."""
    return evolve(observe.unknown(0.0, 0.0, 10_000.0), ticks=ticks, **more)


STEPS = track(tick(1.0, 1000.0, 2000.0), tick(2.0, 3000.0, 5000.0), tick(3.0, 2000.0, 4000.0))


def span(from_s: float, to_s: float | None = None) -> Span:
    return Span(from_s=from_s, to_s=from_s if to_s is None else to_s)


def test_nothing_is_known_of_a_battery_but_both_of_its_ratings() -> None:
    found = observe.unknown(50.0, -4000.0, 10_000.0, sun=False)
    assert (found.least_w, found.most_w, found.sun) == (-4000.0, 10_000.0, False)
    assert observe.present(found) == (-4000.0, 10_000.0)
    (last,) = found.ticks
    assert last == Tick(
        50.0,
        Caps(10_000.0, 10_000.0, INFINITY, ()),
        Caps(4000.0, 4000.0, INFINITY, ()),
        -4000.0,
        10_000.0,
        -4000.0,
        10_000.0,
        10_000.0,
        4000.0,
    )
    (told,) = found.told
    assert (told.floor_w, told.cap_w, told.sent_s, told.acked_s) == (-4000.0, 10_000.0, 50.0 - 1e6, 50.0 - 1e6)


def test_a_side_that_no_command_moves_has_no_caps() -> None:
    (source,) = observe.unknown(0.0, 0.0, 10_000.0).ticks
    assert (source.caps is None, source.floors is None) == (False, True)
    (car,) = observe.unknown(0.0, -7000.0, 0.0).ticks
    assert (car.caps is None, car.floors is None) == (True, False)
    assert observe.rated_w(observe.unknown(0.0, -7000.0, 3000.0)) == 7000.0
    assert observe.rated_w(observe.unknown(0.0, -2000.0, 3000.0)) == 3000.0


def test_settling_is_dead_time_ramp_and_three_lags_of_the_slowest() -> None:
    assert observe.settle_s(TIMING, 1.0) == 1.0 + 5.0 + 3.0
    assert observe.settle_s(TIMING, -0.5) == 1.0 + 2.5 + 3.0
    assert observe.horizon_s(TIMING, 0.4) == pytest.approx(2.4)


@pytest.mark.parametrize(
    ("from_s", "expected"),
    [
        (3.5, (2000.0, 4000.0)),
        (3.0, (2000.0, 4000.0)),
        (2.5, (2000.0, 5000.0)),
        (2.0, (2000.0, 5000.0)),
        (1.5, (1000.0, 5000.0)),
        (0.0, (1000.0, 5000.0)),
    ],
)
def test_the_hull_of_a_span_begins_with_the_last_tick_before_it(from_s: float, expected: tuple[float, float]) -> None:
    assert observe.bounds(STEPS, span(from_s, 4.0)) == expected


def test_the_present_is_the_last_tick_and_its_middle() -> None:
    assert observe.present(STEPS) == (2000.0, 4000.0)
    assert observe.middle_w(STEPS) == 3000.0


def test_a_mean_is_the_worse_of_both_ends_of_a_span_along_straight_lines() -> None:
    """The part in which the window begins counts with the worse of its ends, all later ones along a line."""
    assert observe.means_w(STEPS, span(1.0, 2.0), 1.0) == (1000.0, 5000.0)
    assert observe.means_w(STEPS, span(2.0, 3.0), 1.0) == (2000.0, 5000.0)
    assert observe.means_w(STEPS, span(1.0, 3.0), 1.0) == (1000.0, 5000.0)
    assert observe.means_w(STEPS, span(1.0, 3.0), 2.0) == ((1000.0 + 2500.0) / 2, (5000.0 + 4500.0) / 2)


def test_a_window_that_begins_between_two_ticks_takes_the_worse_of_both() -> None:
    """From 1.5 to 2 s nothing between the ticks is known but both of them; from 2 to 2.5 s the tick at 3 s is later."""
    assert observe.means_w(STEPS, span(1.5, 2.0), 0.5) == (1000.0, 5000.0)
    late = observe.means_w(STEPS, span(2.5, 3.0), 0.5)
    assert late == (2000.0, 5000.0)


def test_a_window_that_ends_between_two_ticks_goes_towards_the_next() -> None:
    """From 1 s to 2.5 s: a second that begins with the first tick, half of one from the second towards the third."""
    lo_w, hi_w = observe.means_w(STEPS, span(1.0, 2.5), 1.5)
    assert lo_w == pytest.approx((1000.0 + 0.5 * 2500.0) / 1.5)
    assert hi_w == pytest.approx((5000.0 + 0.5 * 4500.0) / 1.5)


def test_behind_the_last_tick_it_stays_and_before_the_first_nothing_else_is_known() -> None:
    assert observe.means_w(STEPS, span(4.0, 5.0), 1.0) == (2000.0, 4000.0)
    assert observe.means_w(STEPS, span(3.0, 4.0), 1.0) == (2000.0, 4000.0)
    early = track(tick(2.0, 3000.0, 5000.0), tick(3.0, 2000.0, 4000.0))
    lo_w, hi_w = observe.means_w(early, span(1.0, 3.0), 2.0)
    assert (lo_w, hi_w) == ((3000.0 + 2500.0) / 2, (5000.0 + 4500.0) / 2)


def test_a_meter_that_averages_over_nothing_shows_the_hull() -> None:
    assert observe.means_w(STEPS, span(1.5, 3.0), 0.0) == observe.bounds(STEPS, span(1.5, 3.0))


def sunny(age_s: float, **more: Any) -> Track:
    """A source whose power the sun decides, known since 10 s; now it is `age_s` later."""
    given = {"telemetry_w": 4000.0, "telemetry_span": span(10.0, 10.2), "limit_bound": False, **more}
    return track(tick(10.0 + age_s, 4000.0, 4000.0, told_hi_w=9000.0), **given)


@pytest.mark.parametrize(("age_s", "lo_w"), [(0.0, 4000.0), (-1.0, 4000.0), (0.5, 3680.0), (5.0, 800.0), (9.0, 0.0)])
def test_what_the_sun_decides_may_lose_sixteen_percent_a_second(age_s: float, lo_w: float) -> None:
    assert observe.certain_w(sunny(age_s), 4000.0, 10.0 + age_s) == pytest.approx(lo_w)


@pytest.mark.parametrize("more", [{"sun": False}, {"telemetry_span": None}, {"limit_bound": True}])
def test_what_its_limit_decides_or_nothing_is_known_of_does_not_fall_by_itself(more: dict[str, Any]) -> None:
    assert observe.certain_w(sunny(5.0, **more), 4000.0, 15.0) == 4000.0
    assert observe.certain_high_w(sunny(5.0, **more), 4000.0, 15.0) == 4000.0


def test_less_than_nothing_falls_no_further() -> None:
    assert observe.certain_w(sunny(5.0), -300.0, 15.0) == -300.0
    assert observe.certain_w(sunny(5.0), 0.0, 15.0) == 0.0
    assert observe.certain_w(sunny(2.5), 0.5, 12.5) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("age_s", "hi_w"), [(0.0, 4000.0), (-1.0, 4000.0), (0.5, 4800.0), (2.0, 7200.0), (9.0, 9000.0)]
)
def test_what_the_sun_decides_may_rise_by_sixteen_percent_of_its_rating_up_to_its_cap(
    age_s: float, hi_w: float
) -> None:
    assert observe.certain_high_w(sunny(age_s), 4000.0, 10.0 + age_s) == pytest.approx(hi_w)
    assert observe.certain_high_w(sunny(age_s), 9500.0, 10.0 + age_s) == 9500.0


def resting(**more: Any) -> Track:
    """At 10 s it injects 4 kW under a cap of 8 kW that was confirmed long ago."""
    caps = Caps(8000.0, 8000.0, INFINITY, ())
    last = tick(10.0, 4000.0, 4000.0, told_hi_w=8000.0, used_caps_w=8000.0)._replace(caps=caps)
    return track(last, told=(Told(1.0, 1.1, 0.0, 8000.0),), limit_bound=False, **more)


def test_while_nothing_moves_no_tick_is_added_and_in_the_end_nothing_is_looked_at() -> None:
    later = observe.advance(resting(), 11.0, TIMING, 0.2)
    assert (later.ticks, later.idle_s, later.still) == (resting().ticks, 11.0, True)
    assert observe.advance(later, 50.0, TIMING, 0.2) is later
    assert observe.advance(resting(), 10.0, TIMING, 0.2) == resting()
    assert observe.advance(resting(), 9.0, TIMING, 0.2) == resting()


@pytest.mark.parametrize(("at_s", "still"), [(11.9, False), (12.0, False), (12.1, True)])
def test_it_is_still_when_the_longest_dead_time_of_the_last_command_is_over(at_s: float, still: bool) -> None:
    told = (Told(1.0, 1.1, 0.0, 8000.0), Told(10.5, 11.0, 0.0, 8000.0))
    assert observe.advance(evolve(resting(), told=told), at_s, TIMING, 0.2).still is still


def test_a_lowering_is_told_confirmed_and_followed() -> None:
    """Told 2 kW at 12 s, after two quiet seconds: the lower bound falls half a second later, the upper after one."""
    quiet = observe.advance(resting(), 12.0, TIMING, 0.2)
    told = observe.tell(quiet, 12.0, 0.0, 2000.0)
    assert told.told[-1] == Told(12.0, INFINITY, 0.0, 2000.0)
    assert (told.still, [t.at_s for t in told.ticks]) == (False, [10.0, 12.0])
    assert told.ticks[-1][1:] == resting().ticks[-1][1:]
    moved = observe.advance(told, 12.7, TIMING, 0.2)
    lo_w, hi_w = observe.present(moved)
    assert lo_w == pytest.approx(2000.0 + 2000.0 * exp(-0.7 / 0.2))
    assert hi_w == 4000.0, "it may still be under way"
    held = observe.confirm(moved, 0.0, 2000.0, 12.0, 12.7)
    assert held.told[-1] == Told(12.0, 12.7, 0.0, 2000.0)
    down = observe.advance(held, 13.8, TIMING, 0.2)
    assert observe.present(down)[1] == pytest.approx(2000.0 + 2000.0 * exp(-1.1 / 1.0), rel=1e-6)


def test_telemetry_of_a_quiet_unit_is_what_it_injects_and_says_who_decides() -> None:
    for said_w, bound in ((4000.0, False), (6500.0, False), (6800.0, True), (8000.0, True)):
        found = observe.correct(resting(), said_w, 9.9, 10.0, TIMING)
        assert observe.present(found) == (said_w, said_w)
        assert (found.telemetry_w, found.telemetry_span, found.limit_bound) == (said_w, span(10.0), bound)
        assert (found.floor_bound, found.still) == (False, False)


def test_telemetry_beyond_what_can_be_is_taken_as_far_as_it_can_be() -> None:
    high = observe.correct(resting(), 9000.0, 9.9, 10.0, TIMING)
    assert observe.present(high) == (8000.0, 8000.0), "no command allowed more"
    assert high.telemetry_w == 9000.0
    low = observe.correct(resting(), -500.0, 9.9, 10.0, TIMING)
    assert observe.present(low) == (0.0, 0.0)
    beyond = observe.correct(resting(), 99_000.0, 9.9, 10.0, TIMING)
    assert observe.present(beyond) == (8000.0, 8000.0)


def test_a_set_point_decides_in_both_directions_where_there_are_two() -> None:
    told = (Told(1.0, 1.1, -500.0, -500.0),)
    battery = observe.unknown(10.0, -4000.0, 10_000.0, sun=False)
    found = observe.correct(evolve(battery, told=told), -500.0, 9.9, 10.0, TIMING)
    assert (found.limit_bound, found.floor_bound) == (True, True)
    source = observe.correct(evolve(resting(), told=(Told(1.0, 1.1, 3000.0, 3000.0),)), 1.0, 9.9, 10.0, TIMING)
    assert (source.limit_bound, source.floor_bound) == (True, False)


def test_a_floor_decides_what_draws_about_as_much_as_it_may() -> None:
    """Up to 4 kW: within 15 % of it, or 2 % of 10 kW."""
    battery = observe.unknown(10.0, -4000.0, 10_000.0, sun=False)
    for said_w, bound in ((-3399.0, False), (-3401.0, True), (-4000.0, True), (100.0, False)):
        found = observe.correct(battery, said_w, 9.9, 10.0, TIMING)
        assert (found.floor_bound, found.limit_bound) == (bound, False)


def test_telemetry_older_than_the_memory_is_as_old_as_that() -> None:
    found = observe.correct(resting(), 4000.0, 11.5, 11.6, TIMING)
    assert found.telemetry_span == span(10.5, 11.6)
    assert [t.at_s for t in found.ticks] == [10.0, 11.6]
    assert observe.present(found) == (4000.0, 4000.0)
