"""The interval observer against plants worked out by hand."""

from itertools import pairwise
from math import exp, log

import pytest

from pcs.core import motion, observe, told
from pcs.core.observe import Track
from pcs.model.profile import DerTiming
from pcs.model.units import Band, Span

MOST_W = 10_000.0
TIMING = DerTiming(
    dead_time_s=Band(lo=0.5, hi=1.0), time_constant_s=Band(lo=0.2, hi=1.0), ramp_pct_s=20.0, telemetry_s=1.0
)
STIFF = DerTiming(
    dead_time_s=Band(lo=0.5, hi=1.0), time_constant_s=Band(lo=0.2, hi=1.0), ramp_pct_s=1e6, telemetry_s=1.0
)


def until(track: Track, to_s: float, timing: DerTiming = TIMING, every_s: float = 0.02, window_s: float = 0.2) -> Track:
    """The track brought to `to_s` in small steps."""
    now_s = track.ticks[-1].at_s
    while now_s < to_s - 1e-9:
        now_s = min(to_s, now_s + every_s)
        track = observe.advance(track, now_s, timing, window_s)
    return track


def resting(cap_w: float, at_s: float = 10.0) -> Track:
    """A DER that was told `cap_w` long ago, confirmed it, and says that it injects as much."""
    track = observe.confirm(observe.unknown(0.0, 0.0, MOST_W), 0.0, cap_w, 0.1, 0.15)
    track = observe.correct(until(track, at_s), cap_w, at_s - 0.01, at_s, TIMING)
    return until(track, at_s + 0.02)


def lowered(to_w: float, timing: DerTiming = TIMING, from_w: float = 8000.0) -> Track:
    """It rested at `from_w`; at 20 s it was told `to_w` and confirmed it at 20.05 s."""
    track = observe.tell(until(resting(from_w), 20.0, timing), 20.0, 0.0, to_w)
    return observe.confirm(until(track, 20.05, timing), 0.0, to_w, 20.0, 20.05)


def test_nothing_is_known_at_first() -> None:
    assert observe.present(observe.unknown(5.0, 0.0, MOST_W)) == (0.0, MOST_W)


def test_at_rest_the_bounds_meet_at_the_cap() -> None:
    assert observe.present(resting(8000.0)) == pytest.approx((8000.0, 8000.0), abs=1.0)


@pytest.mark.parametrize(
    ("after_s", "lo_w"),
    [(0.45, 8000.0), (0.5 + 0.2, 2000 + 6000 * exp(-1)), (0.5 + 0.6, 2000 + 6000 * exp(-3)), (4.0, 2000.0)],
)
def test_the_lower_bound_falls_after_the_short_dead_time_with_the_short_lag(after_s: float, lo_w: float) -> None:
    assert observe.present(until(lowered(2000.0), 20 + after_s))[0] == pytest.approx(lo_w, abs=150.0)


@pytest.mark.parametrize(
    ("after_s", "hi_w"),
    [(1.0, 8000.0), (1.05 + 1.0, 2000 + 6000 * exp(-1)), (1.05 + 3.0, 2000 + 6000 * exp(-3)), (12.0, 2000.0)],
)
def test_the_upper_bound_falls_after_the_long_dead_time_with_the_long_lag(after_s: float, hi_w: float) -> None:
    assert observe.present(until(lowered(2000.0, STIFF), 20 + after_s, STIFF))[1] == pytest.approx(hi_w, abs=60.0)


def test_the_upper_bound_falls_no_faster_than_the_slowest_ramp() -> None:
    track = lowered(0.0)
    hi_w = [observe.present(track := until(track, 20 + t / 10))[1] for t in range(1, 60)]
    assert all(a - b <= 0.1 * 2000.0 + 1e-6 for a, b in pairwise(hi_w))
    assert hi_w[20 - 1] == pytest.approx(8000 - 2000 * 0.95, abs=60.0)


def test_a_long_dead_time_is_waited_for_where_nothing_else_moves() -> None:
    late = DerTiming(
        dead_time_s=Band(lo=0.0, hi=1.0), time_constant_s=Band(lo=0.05, hi=1.0), ramp_pct_s=20.0, telemetry_s=1.0
    )
    assert observe.present(until(lowered(2000.0, late), 40.0, late)) == pytest.approx((2000.0, 2000.0), abs=1.0)


def test_the_upper_bound_does_not_fall_earlier_however_rarely_it_is_asked() -> None:
    often = until(lowered(2000.0, STIFF), 21.4, STIFF)
    at_the_end_of_the_dead_time = observe.advance(until(lowered(2000.0, STIFF), 21.0, STIFF), 21.4, STIFF, 0.2)
    assert observe.present(at_the_end_of_the_dead_time)[1] >= observe.present(often)[1] - 2000.0
    idle = observe.advance(until(lowered(2000.0, STIFF, 2001.0), 20.95, STIFF), 21.06, STIFF, 0.2)
    assert observe.present(idle)[1] >= 2000.0 + exp(-0.01) - 0.2


def test_until_it_is_confirmed_old_and_new_cap_are_possible() -> None:
    track = until(observe.tell(until(resting(8000.0), 20.0), 20.0, 0.0, 2000.0), 40.0)
    assert observe.present(track) == pytest.approx((2000.0, 8000.0), abs=1.0)
    assert track.ticks[-1].told_hi_w == pytest.approx(8000.0, abs=1.0)


def test_a_confirmation_counts_from_its_own_time_and_as_the_device_rounded() -> None:
    track = until(observe.tell(until(resting(8000.0), 20.0), 20.0, 0.0, 2000.0), 30.0)
    track = until(observe.confirm(track, 0.0, 1990.0, 29.97, 30.0), 45.0)
    assert observe.present(track) == pytest.approx((1990.0, 1990.0), abs=1.0)


def test_a_raise_lifts_the_upper_bound_fast_and_the_lower_one_not_at_all() -> None:
    track = observe.tell(until(resting(3000.0), 20.0), 20.0, 0.0, 6000.0)
    track = until(observe.confirm(track, 0.0, 6000.0, 20.0, 20.05), 20.5 + 0.2)
    assert observe.present(track)[1] == pytest.approx(6000 - 3000 * exp(-1), abs=150.0)
    assert observe.present(until(track, 40.0)) == pytest.approx((3000.0, 6000.0), abs=1.0)


def test_telemetry_at_the_new_cap_closes_the_interval_again() -> None:
    track = observe.tell(until(resting(3000.0), 20.0), 20.0, 0.0, 6000.0)
    track = until(observe.confirm(track, 0.0, 6000.0, 20.0, 20.05), 30.0)
    track = observe.correct(track, 6000.0, 29.99, 30.0, TIMING)
    assert observe.present(track) == pytest.approx((6000.0, 6000.0), abs=1.0)


def test_a_sun_limited_der_does_not_follow_a_raise() -> None:
    track = observe.correct(until(resting(6000.0), 20.0), 2000.0, 19.99, 20.0, TIMING)
    assert not track.limit_bound
    track = observe.tell(until(track, 20.1), 20.1, 0.0, 9000.0)
    track = until(observe.confirm(track, 0.0, 9000.0, 20.1, 20.15), 25.0)
    assert observe.present(track) == pytest.approx((2000.0, 2000.0), abs=1.0)
    assert track.ticks[-1].told_hi_w == pytest.approx(9000.0, abs=1.0)


def test_telemetry_that_may_be_older_than_the_command_does_not_lift_the_lower_bound_wrongly() -> None:
    track = until(lowered(2000.0), 21.0)
    late = observe.correct(track, 8000.0, 20.99, 21.0, TIMING)
    lo_w, hi_w = observe.present(late)
    fast_w = 2000 + 6000 * exp(-(21.0 - 20.5) / 0.2)
    assert lo_w <= fast_w + 300.0, "it may have been true a second ago"
    assert hi_w >= 7900.0


def test_telemetry_above_all_that_was_told_buys_nothing() -> None:
    track = until(lowered(2000.0), 40.0)
    lying = observe.correct(track, 8000.0, 39.99, 40.0, TIMING)
    assert observe.present(lying)[1] <= 2000.5


def test_frozen_telemetry_does_not_hold_the_bounds_above_the_cap() -> None:
    track, now_s = lowered(2000.0), 20.1
    while now_s < 40.0:
        track = observe.correct(until(track, now_s), 8000.0, now_s - 0.01, now_s, TIMING)
        now_s += 0.2
    assert observe.present(until(track, now_s))[1] <= 2000.5


def test_negative_telemetry_counts_as_nothing_injected() -> None:
    track = observe.correct(until(resting(3000.0), 20.0), -40.0, 19.99, 20.0, TIMING)
    assert observe.present(track) == (0.0, 0.0)
    assert track.telemetry_w == -40.0


def test_the_hull_covers_every_moment_of_its_span() -> None:
    track = until(lowered(2000.0, STIFF), 23.0, STIFF)
    lo_w, hi_w = observe.bounds(track, Span(from_s=20.9, to_s=22.05))
    assert hi_w == pytest.approx(8000.0, abs=1.0), "the upper bound at its beginning"
    assert lo_w == pytest.approx(2000.0, abs=5.0), "the lower bound at its end"
    assert observe.bounds(track, Span(from_s=23.0, to_s=23.0)) == pytest.approx(observe.present(track))


def test_a_span_between_two_ticks_or_after_the_last_has_bounds() -> None:
    track = until(resting(3000.0), 20.0)
    for span in (Span(from_s=15.01, to_s=15.02), Span(from_s=30.0, to_s=31.0), Span(from_s=-9.0, to_s=-8.0)):
        lo_w, hi_w = observe.bounds(track, span)
        assert 0.0 <= lo_w <= hi_w <= MOST_W


def test_a_sun_limited_der_may_have_fallen_since_it_spoke() -> None:
    bound = resting(3000.0)
    assert observe.certain_w(bound, 3000.0, 99.0) == 3000.0
    free = observe.correct(until(resting(6000.0), 20.0), 2000.0, 20.0, 20.0, TIMING)
    assert free.telemetry_span is not None
    assert free.telemetry_span.from_s == pytest.approx(19.0)
    assert observe.certain_w(free, 2000.0, 21.0) == pytest.approx(2000 * (1 - 0.16 * 2))
    assert observe.certain_w(free, 2000.0, 60.0) == 0.0
    assert observe.certain_w(observe.unknown(0.0, 0.0, MOST_W), 2000.0, 9.0) == 2000.0


def test_the_settling_time_of_the_slowest_plant() -> None:
    assert observe.settle_s(TIMING, 1.0) == 1.0 + 5.0 + 3.0
    assert observe.settle_s(TIMING, -0.5) == 1.0 + 2.5 + 3.0


def test_the_memory_is_bounded_while_everything_moves() -> None:
    track = resting(3000.0)
    for k in range(2000):
        now_s = 20.0 + k * 0.013
        track = observe.tell(track, now_s, 0.0, 3000.0 + 10 * (k % 200))
        if k % 3 == 0:
            track = observe.confirm(track, 0.0, 3000.0 + 10 * (k % 200), now_s, now_s + 0.01)
        track = observe.advance(track, now_s + 0.012, TIMING, 1.0)
        assert len(track.told) <= told.RING
        assert len(track.ticks) <= 4 * told.RING


def test_an_exponential_is_said_to_have_arrived_half_a_watt_before() -> None:
    quick_s = 0.5 + 0.2 * log(6000 / motion.ARRIVED_W)
    assert observe.present(until(lowered(2000.0), 20 + quick_s + 0.1))[0] == 2000.0


def test_a_raise_before_a_der_is_down_leaves_its_lower_bound_falling() -> None:
    track = until(lowered(500.0), 22.5)
    for k in range(20):
        track = observe.tell(track, 22.5 + k / 10, 0.0, 500.0 + 30.0 * k)
        track = until(observe.confirm(track, 0.0, 500.0 + 30.0 * k, 22.5 + k / 10, 22.54 + k / 10), 22.6 + k / 10)
    slow = observe.correct(track, 4000.0, 24.49, 24.5, TIMING)
    assert observe.present(until(slow, 25.5))[0] <= 1100.0


def test_a_value_just_above_what_was_told_at_its_time_is_no_fall_that_has_still_to_come() -> None:
    track = until(resting(1000.0), 20.0)
    for k in range(12):
        track = observe.tell(track, 20.0 + k / 10, 0.0, 1000.0 + 130.0 * k)
        track = until(observe.confirm(track, 0.0, 1000.0 + 130.0 * k, 20.0 + k / 10, 20.04 + k / 10), 20.1 + k / 10)
    track = until(track, 22.5)
    track = observe.correct(track, 2430.0, 22.49, 22.5, TIMING)
    assert observe.present(track)[0] >= 2000.0


def test_on_average_over_a_window_a_falling_der_injected_less_than_at_its_beginning() -> None:
    """The slow bound rests until 21.05 s, then falls to 2000 W with a lag of 1 s: the mean of that by hand."""
    track = until(lowered(2000.0, STIFF), 24.0, STIFF, window_s=2.0)
    span = Span(from_s=22.05, to_s=23.05)
    fall = exp(-(22.05 - 21.05)) - exp(-(23.05 - 21.05))
    assert observe.means_w(track, span, 1.0)[1] == pytest.approx(2000.0 + 6000.0 * fall, abs=30.0)
    assert observe.means_w(track, span, 0.0)[1] == observe.bounds(track, span)[1]


def test_the_mean_bound_never_lies_above_the_hull_nor_below_its_end() -> None:
    track = until(lowered(2000.0), 26.0)
    for from_s in (19.0, 20.5, 21.3, 24.9, 25.8):
        span = Span(from_s=from_s, to_s=from_s + 1.1)
        assert 2000.0 <= observe.means_w(track, span, 1.0)[1] <= observe.bounds(track, span)[1] + 1e-9


def test_a_der_on_its_way_down_is_not_lifted_by_a_raise_of_the_cap_that_it_left() -> None:
    """A raise from 7900 to 8000 W just before the lowering: a unit seen at 5000 W has left both caps."""
    track = observe.tell(until(resting(7900.0), 19.8), 19.8, 0.0, 8000.0)
    track = observe.confirm(until(track, 19.85), 0.0, 8000.0, 19.8, 19.85)
    track = observe.tell(until(track, 20.0), 20.0, 0.0, 2000.0)
    track = observe.confirm(until(track, 20.05), 0.0, 2000.0, 20.0, 20.05)
    track = observe.correct(until(track, 20.9), 5000.0, 20.88, 20.9, TIMING)
    assert observe.present(until(track, 21.0))[1] <= 5000.0 + 1.0


def test_raises_in_a_row_lift_a_der_that_follows_them_all() -> None:
    track = until(resting(1000.0), 20.0)
    for k, cap_w in enumerate((1200.0, 1400.0, 1600.0)):
        at_s = 20.0 + 0.1 * k
        track = observe.tell(until(track, at_s), at_s, 0.0, cap_w)
    assert observe.present(until(track, 22.5))[1] == pytest.approx(1600.0, abs=5.0)


def test_the_memory_is_bounded_while_nothing_moves_but_telemetry_comes() -> None:
    track = until(resting(3000.0), 20.0)
    for k in range(1500):
        now_s = 20.0 + k / 5
        track = observe.correct(observe.advance(track, now_s, TIMING, 0.3), 3000.0, now_s - 0.02, now_s, TIMING)
    assert len(track.ticks) <= told.RING


def test_a_der_on_its_way_up_is_not_taken_for_sun_limited() -> None:
    """Raised from 500 to 3600 W, dead time 1 s, lag 1 s: a second after it began to rise it is far below its cap."""
    track = observe.tell(until(resting(500.0), 20.0, STIFF), 20.0, 0.0, 3600.0)
    track = until(observe.confirm(until(track, 20.05, STIFF), 0.0, 3600.0, 20.0, 20.05), 22.1, STIFF)
    rising_w = 3600.0 - 3100.0 * exp(-1.0)
    slow = observe.correct(track, rising_w, 22.08, 22.1, STIFF)
    assert slow.limit_bound
    assert observe.present(slow)[1] == pytest.approx(3600.0, abs=20.0)
    late = observe.correct(until(track, 27.0, STIFF), rising_w, 26.98, 27.0, STIFF)
    assert not late.limit_bound, "every plant of the band has arrived by then: it is the sun"


def test_raises_lift_a_slow_der_for_as_long_as_the_slowest_ramp_takes() -> None:
    """Told 9000 W in two steps, at 20 %/s: three seconds after the dead time it has come from 1000 to 7000 W."""
    brisk = DerTiming(
        dead_time_s=Band(lo=0.1, hi=0.2), time_constant_s=Band(lo=0.1, hi=0.2), ramp_pct_s=20.0, telemetry_s=0.5
    )
    track = until(resting(1000.0), 20.0, brisk)
    for at_s, cap_w in ((20.0, 4000.0), (20.1, 9000.0)):
        track = observe.confirm(observe.tell(until(track, at_s, brisk), at_s, 0.0, cap_w), 0.0, cap_w, at_s, at_s)
    for at_s, injection_w in ((21.2, 3000.0), (22.2, 5000.0), (23.2, 7000.0)):
        track = observe.correct(until(track, at_s, brisk), injection_w, at_s - 0.02, at_s, brisk)
        assert observe.present(track)[1] == pytest.approx(9000.0, abs=50.0)
    track = observe.correct(until(track, 28.0, brisk), 8800.0, 27.98, 28.0, brisk)
    assert observe.present(track)[1] == pytest.approx(8800.0, abs=5.0), "it has arrived: this is its gain"


def test_a_command_under_way_is_not_forgotten_when_an_older_one_is_confirmed() -> None:
    track = observe.tell(until(resting(8000.0), 20.0), 20.0, 0.0, 6000.0)
    track = observe.tell(until(track, 20.02), 20.02, 0.0, 1000.0)
    track = until(observe.confirm(track, 0.0, 6000.0, 20.0, 20.05), 24.0)
    assert observe.present(track)[0] == pytest.approx(1000.0, abs=5.0)
    assert observe.present(track)[1] >= 6000.0
    track = until(observe.confirm(track, 0.0, 1000.0, 20.02, 24.0), 45.0)
    assert observe.present(track) == pytest.approx((1000.0, 1000.0), abs=1.0)


def test_a_command_that_nobody_confirmed_may_be_in_force_until_the_next_one_is() -> None:
    track = observe.tell(until(resting(3000.0), 20.0), 20.0, 0.0, 8000.0)
    track = observe.tell(until(track, 20.1), 20.1, 0.0, 3000.0)
    track = until(observe.confirm(track, 0.0, 3000.0, 20.1, 20.15), 20.9)
    assert observe.present(track)[1] >= 7000.0
    assert observe.present(until(track, 45.0)) == pytest.approx((3000.0, 3000.0), abs=1.0)


def test_many_small_raises_lift_the_bounds_as_far_as_one_large_one() -> None:
    track = until(resting(3000.0), 20.0)
    for k in range(40):
        at_s, cap_w = 20.0 + 0.5 * k, 3000.0 + 100.0 * (k + 1)
        track = observe.confirm(observe.tell(until(track, at_s), at_s, 0.0, cap_w), 0.0, cap_w, at_s, at_s + 0.02)
        track = observe.correct(until(track, at_s + 0.3), cap_w - 100.0, at_s + 0.28, at_s + 0.3, TIMING)
    assert until(track, 45.0).ticks[-1].told_hi_w == pytest.approx(7000.0, abs=1.0)
