"""The interval observer of a unit that charges: floors, set points and a wish of its own."""

from math import exp

import pytest

from pcs.core import observe
from pcs.core.evolve import evolve
from pcs.core.observe import Track
from pcs.model.profile import DerTiming
from pcs.model.units import Band, Span

TIMING = DerTiming(
    dead_time_s=Band(lo=0.5, hi=1.0), time_constant_s=Band(lo=0.2, hi=1.0), ramp_pct_s=1e6, telemetry_s=1.0
)


def until(track: Track, to_s: float) -> Track:
    now_s = track.ticks[-1].at_s
    while now_s < to_s - 1e-9:
        now_s = min(to_s, now_s + 0.02)
        track = observe.advance(track, now_s, TIMING, 0.2)
    return track


def told(track: Track, at_s: float, floor_w: float, cap_w: float) -> Track:
    """Told at that time, confirmed 50 ms later."""
    track = observe.tell(until(track, at_s), at_s, floor_w, cap_w)
    return observe.confirm(until(track, at_s + 0.05), floor_w, cap_w, at_s, at_s + 0.05)


def said(track: Track, at_s: float, injection_w: float) -> Track:
    return observe.correct(until(track, at_s), injection_w, at_s - 0.01, at_s, TIMING)


def battery(floor_w: float, cap_w: float, injection_w: float) -> Track:
    """A battery of +-5 kW that has rested inside its bounds for long and has said so at 20 s."""
    track = told(observe.unknown(0.0, -5000.0, 5000.0, sun=False), 0.1, floor_w, cap_w)
    return until(said(track, 20.0, injection_w), 20.1)


def test_a_raised_floor_pushes_the_upper_bound_fast_and_the_lower_one_slowly() -> None:
    track = told(battery(-4000.0, 5000.0, -4000.0), 21.0, -1000.0, 5000.0)
    lo_w, hi_w = observe.present(until(track, 21.0 + 0.5 + 0.2))
    assert lo_w == -4000.0
    assert hi_w == pytest.approx(-1000.0 - 3000.0 * exp(-1), abs=150.0)
    lo_w, hi_w = observe.present(until(track, 22.05 + 1.0))
    assert lo_w == pytest.approx(-1000.0 - 3000.0 * exp(-1), abs=60.0)
    assert hi_w == pytest.approx(-1000.0, abs=2.0)
    assert observe.present(until(track, 40.0)) == (-1000.0, -1000.0)


def test_a_lowered_floor_releases_a_unit_that_it_bound_and_no_other() -> None:
    bound, free = battery(-1000.0, 5000.0, -1000.0), battery(-1000.0, 5000.0, 300.0)
    assert (bound.floor_bound, free.floor_bound) == (True, False)
    assert observe.present(until(told(bound, 21.0, -4000.0, 5000.0), 40.0)) == (-4000.0, -1000.0)
    assert observe.present(until(told(free, 21.0, -4000.0, 5000.0), 40.0)) == (300.0, 300.0)


def test_storage_that_follows_its_own_wish_is_taken_at_its_word_at_once() -> None:
    track = said(battery(-5000.0, 5000.0, 2000.0), 25.0, -3000.0)
    assert observe.present(track) == (-3000.0, -3000.0)
    assert (track.limit_bound, track.floor_bound) == (False, False)


def test_a_set_point_moves_both_bounds_wherever_the_unit_was() -> None:
    track = told(battery(-5000.0, 5000.0, 500.0), 21.0, -2000.0, -2000.0)
    lo_w, hi_w = observe.present(until(track, 21.9))
    assert lo_w == pytest.approx(-2000.0 + 2500.0 * exp(-0.4 / 0.2), abs=150.0)
    assert hi_w == 500.0
    track = said(track, 22.5, -700.0)
    assert track.limit_bound
    assert track.floor_bound
    assert observe.present(until(track, 40.0)) == (-2000.0, -2000.0)
    track = told(until(track, 40.0), 40.0, 3000.0, 3000.0)
    lo_w, hi_w = observe.present(until(track, 41.0))
    assert lo_w == -2000.0
    assert hi_w == pytest.approx(3000.0 - 5000.0 * exp(-0.5 / 0.2), abs=250.0)
    assert observe.present(until(track, 60.0)) == (3000.0, 3000.0)


def test_what_only_charges_is_bounded_by_its_floor_alone() -> None:
    track = told(observe.unknown(0.0, -7000.0, 0.0, sun=False), 0.1, -6000.0, 0.0)
    track = told(until(said(track, 20.0, -6000.0), 20.1), 21.0, 0.0, 0.0)
    assert observe.present(track) == (-6000.0, -6000.0)
    lo_w, hi_w = observe.present(until(track, 22.05))
    assert lo_w < -5900.0
    assert hi_w > -500.0
    assert observe.present(until(track, 40.0)) == (0.0, 0.0)


def test_the_wish_of_storage_is_no_reason_to_doubt_its_last_word() -> None:
    track = battery(-5000.0, 5000.0, 2000.0)
    assert observe.certain_w(track, 2000.0, 99.0) == 2000.0
    assert observe.certain_high_w(track, 2000.0, 99.0) == 2000.0


def test_a_sun_limited_unit_may_have_risen_since_it_spoke_as_far_as_it_was_told() -> None:
    track = told(observe.unknown(0.0, 0.0, 10_000.0), 0.1, 0.0, 9000.0)
    track = said(track, 20.0, 2000.0)
    assert observe.certain_high_w(track, 2000.0, 20.0) == pytest.approx(2000.0 + 0.16 * 1.01 * 10_000.0)
    assert observe.certain_high_w(track, 2000.0, 60.0) == 9000.0


@pytest.mark.parametrize(("age_s", "may_w"), [(0.0, 3000.0), (0.5, None), (1000.0, 8000.0)])
def test_how_far_a_sun_limited_unit_may_have_risen_grows_with_the_age_of_its_word(
    age_s: float, may_w: float | None
) -> None:
    """From what it said up to what it was told, by a share of all that it can make in each second."""
    track = observe.unknown(0.0, 0.0, 10_000.0, sun=True)
    tick = track.ticks[-1]._replace(lo_w=3000.0, hi_w=3000.0, told_hi_w=8000.0)
    older = tick._replace(told_hi_w=3100.0)
    track = evolve(track, ticks=(older, tick), telemetry_span=Span(from_s=10.0, to_s=10.0), limit_bound=False)
    if may_w is None:
        may_w = 3000.0 + observe.FALL_PER_S * age_s * 10_000.0
    assert observe.certain_high_w(track, 3000.0, 10.0 + age_s) == pytest.approx(may_w)
    assert observe.certain_high_w(evolve(track, limit_bound=True), 3000.0, 10.0 + age_s) == 3000.0
    assert observe.certain_high_w(evolve(track, telemetry_span=None), 3000.0, 10.0 + age_s) == 3000.0
    assert observe.certain_high_w(evolve(track, sun=False), 3000.0, 10.0 + age_s) == 3000.0
