"""Up and down are one thing: a DER whose injection is counted the other way round has the mirrored bounds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.core import observe
from pcs.core.observe import Track
from pcs.model.profile import DerTiming
from pcs.model.units import Band, Span

TIMING = DerTiming(
    dead_time_s=Band(lo=0.1, hi=0.6), time_constant_s=Band(lo=0.1, hi=0.8), ramp_pct_s=40.0, telemetry_s=0.7
)
SHARES = st.floats(-1.0, 1.0)
COMMANDS = st.tuples(st.sampled_from(["tell", "confirm"]), SHARES, SHARES)
SAID = st.tuples(st.just("say"), SHARES, st.floats(0.0, 0.5))
EVENTS = st.lists(st.tuples(st.floats(0.02, 0.6), st.one_of(COMMANDS, SAID)), max_size=30)
RATINGS = st.sampled_from([(-5000.0, 5000.0), (-3000.0, 8000.0), (0.0, 6000.0), (-7000.0, 0.0)])


def after(events: list[tuple[float, tuple[str, float, float]]], ratings: tuple[float, float], sign: float) -> Track:
    """The track of a DER after all this, with every injection counted by `sign`."""
    least_w, most_w = sorted((sign * ratings[0], sign * ratings[1]))
    rated_w = max(abs(least_w), abs(most_w))
    track, now_s = observe.unknown(0.0, least_w, most_w, sun=False), 0.0
    for after_s, (what, one, two) in events:
        for _ in range(3):
            now_s += after_s / 3
            track = observe.advance(track, now_s, TIMING, 0.3)
        if what == "say":
            track = observe.correct(track, sign * one * rated_w, now_s - two, now_s, TIMING)
            continue
        floor_w, cap_w = sorted(max(least_w, min(most_w, sign * s * rated_w)) for s in (one, two))
        if what == "tell":
            track = observe.tell(track, now_s, floor_w, cap_w)
        else:
            track = observe.confirm(track, floor_w, cap_w, now_s - 0.05, now_s)
    return observe.advance(track, now_s + 0.3, TIMING, 0.3)


@settings(deadline=None)
@given(EVENTS, RATINGS)
def test_a_mirrored_der_has_mirrored_bounds_at_all_times(
    events: list[tuple[float, tuple[str, float, float]]], ratings: tuple[float, float]
) -> None:
    plain, turned = after(events, ratings, 1.0), after(events, ratings, -1.0)
    assert (plain.limit_bound, plain.floor_bound) == (turned.floor_bound, turned.limit_bound)
    assert observe.present(plain) == tuple(-w for w in reversed(observe.present(turned)))
    now_s = plain.ticks[-1].at_s
    for span in (Span(from_s=now_s - 0.3, to_s=now_s), Span(from_s=now_s - 1.0, to_s=now_s - 0.4)):
        assert observe.bounds(plain, span) == tuple(-w for w in reversed(observe.bounds(turned, span)))
        assert observe.means_w(plain, span, 0.2)[1] == -observe.means_w(turned, span, 0.2)[0]
    assert observe.certain_w(plain, 1.0, now_s) == -observe.certain_high_w(turned, -1.0, now_s)


@settings(deadline=None)
@given(EVENTS, RATINGS)
def test_no_telemetry_moves_a_bound_beyond_what_was_told(
    events: list[tuple[float, tuple[str, float, float]]], ratings: tuple[float, float]
) -> None:
    for tick in after(events, ratings, 1.0).ticks:
        assert ratings[0] <= tick.told_lo_w <= tick.lo_w <= tick.hi_w <= tick.told_hi_w <= ratings[1]
