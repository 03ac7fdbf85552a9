"""The interval observer: what a DER can be injecting at any recent moment, given what it was told and what it said.

Two bounding plants run side by side (DESIGN section 5). The upper bound `hi_w` follows the slowest plant of the
profile's band down and the fastest up, the lower bound `lo_w` the fastest down. Only commands move them; telemetry
resets both at its own time. `told_hi_w` is the upper bound from commands alone: telemetry that lies or stands still
cannot lift `hi_w` above it, so a wrong reading buys no limit. A PV unit below its cap is sun-limited: a raise does not
move it.
"""

from dataclasses import dataclass
from math import exp
from typing import NamedTuple

from pcs.core.evolve import evolve
from pcs.model.profile import DerTiming
from pcs.model.units import Span

RING = 64
"""Moments remembered; with the spacing below they cover telemetry age, dead time and the meter's window."""
FALL_PER_S = 0.16
"""Share of its present power that a sun-limited PV unit may lose in one second: the steepest fall of the 1-s solar
record of reference plant study section 6."""
INFINITY = float("inf")
LAGS = 3.0
"""Time constants until a first-order lag has arrived, to within 5 %."""
ARRIVED_W = 0.5
"""An exponential never arrives; half a watt is there."""
BOUND_SHARE = 0.02
BOUND_GAIN = 0.15
"""A unit within 2 % of nameplate, or 15 % of its cap, is limit-bound: so much may its gain or its telemetry be off."""


class Told(NamedTuple):
    """One command: when it left, when it was confirmed (infinity: not yet), and the cap in watts."""

    sent_s: float
    acked_s: float
    cap_w: float


class Tick(NamedTuple):
    """The observer at one moment: which caps may be in force, and the bounds on injection (watts)."""

    at_s: float
    cap_lo_w: float
    cap_hi_w: float
    cap_down_w: float
    """The lowest cap that a *lowering* under way can have brought: only this pulls the lower bound down."""
    raises_w: tuple[tuple[float, float], ...]
    """The raises under way, oldest first, each from one cap to the next: only they lift an upper bound."""
    lo_w: float
    hi_w: float
    told_hi_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What is known of one DER's injection. The last tick is the present."""

    told: tuple[Told, ...]
    ticks: tuple[Tick, ...]
    telemetry_w: float | None = None
    telemetry_span: Span | None = None
    idle_s: float = -INFINITY
    """Until when nothing has moved since the last tick."""
    still: bool = False
    """Nothing is under way: the last tick stands for all time until something is told or said."""
    limit_bound: bool = True
    """Whether the cap, and not the sun, decides: only then does a rising cap lift the upper bound."""


def unknown(now_s: float, most_w: float) -> Track:
    """A DER about which nothing is known yet: anything from 0 to `most_w`."""
    return Track(
        told=(Told(now_s - 1e6, now_s - 1e6, most_w),),
        ticks=(Tick(now_s, most_w, most_w, INFINITY, (), 0.0, most_w, most_w),),
    )


def settle_s(timing: DerTiming, share: float) -> float:
    """How long the slowest plant of the band needs to follow a command over `share` of its nameplate (seconds)."""
    return timing.dead_time_s.hi + 100.0 * abs(share) / timing.ramp_pct_s + LAGS * timing.time_constant_s.hi


def horizon_s(timing: DerTiming, window_s: float) -> float:
    """How far back the ticks must reach: telemetry age, the meter's window and a second for the links."""
    return timing.telemetry_s + window_s + 1.0


def tell(track: Track, sent_s: float, cap_w: float) -> Track:
    """A command left for the DER; until it is confirmed, old and new cap are both possible."""
    told = (*track.told, Told(sent_s, INFINITY, cap_w))[-RING:]
    return evolve(track, told=told, ticks=_mark(track.ticks, sent_s), still=False)


def _mark(ticks: tuple[Tick, ...], at_s: float) -> tuple[Tick, ...]:
    """While nothing moves no ticks are kept; before something does, the present gets one to move from."""
    last = ticks[-1]
    return (*ticks, last._replace(at_s=at_s)) if at_s > last.at_s else ticks


def confirm(track: Track, cap_w: float, sent_s: float, received_s: float) -> Track:
    """The DER confirmed that it holds `cap_w` (rounded as it rounds) since some moment between the two times."""
    kept = tuple(t for t in track.told if t.acked_s != INFINITY or t.sent_s > received_s)
    last_known_s = kept[-1].acked_s if kept else float("-inf")
    told = (*kept, Told(sent_s, max(received_s, last_known_s), cap_w))[-RING:]
    return evolve(track, told=told, ticks=_mark(track.ticks, sent_s), still=False)


class Caps(NamedTuple):
    """Which caps can be in force in the plant at one moment: lowest, highest, lowered to, raised from and to (W)."""

    lo_w: float
    hi_w: float
    down_w: float
    raises_w: tuple[tuple[float, float], ...]


def _caps_at(told: tuple[Told, ...], at_s: float, timing: DerTiming) -> Caps:
    """The caps that can be in force at `at_s`, dead time included."""
    fast, slow = at_s - timing.dead_time_s.lo, at_s - timing.dead_time_s.hi
    lo, hi, down = INFINITY, 0.0, INFINITY
    raises: list[tuple[float, float]] = []
    done_s = timing.dead_time_s.hi + LAGS * timing.time_constant_s.hi  # a raise older than that has had its effect
    for k in range(len(told) - 1, -1, -1):
        t = told[k]
        if t.sent_s <= fast:
            lo, hi = min(lo, t.cap_w), max(hi, t.cap_w)
            if k > 0 and t.cap_w > told[k - 1].cap_w:
                if at_s - t.acked_s < done_s:
                    raises.append((told[k - 1].cap_w, t.cap_w))
            elif k > 0:
                down = min(down, t.cap_w)
            if t.acked_s <= slow:
                break
    if lo == INFINITY:
        return Caps(told[0].cap_w, told[0].cap_w, INFINITY, ())
    return Caps(lo, hi, down, tuple(reversed(raises)))


def _lifted_to(hi: float, raises_w: tuple[tuple[float, float], ...], near_w: float) -> float:
    """How far the raises under way can lift a DER that injects `hi` now (W): each only from the cap that it raised."""
    for from_w, to_w in raises_w:
        if hi >= from_w - near_w:
            hi = max(hi, to_w)
    return hi


def _fall(value: float, goal_w: float, dt_s: float, tau_s: float, ramp_w_s: float | None) -> float:
    if value - goal_w < ARRIVED_W:
        return goal_w
    step = (value - goal_w) * (1.0 - exp(-dt_s / tau_s))
    return value - (min(step, ramp_w_s * dt_s) if ramp_w_s is not None else step)


def _move(
    lo: float, hi: float, caps: Caps, dt_s: float, timing: DerTiming, most_w: float, follows: bool
) -> tuple[float, float]:
    """Both bounds, `dt_s` later: down with their own plant; up only where the cap decides, with the fastest."""
    cap_lo, cap_hi, cap_down, raises_w = caps
    if lo > cap_hi:  # a raise that came before it was down leaves it on its way
        cap_down = min(cap_down, cap_lo)
    if lo > cap_down:
        lo = _fall(lo, cap_down, dt_s, timing.time_constant_s.lo, None)
    if hi > cap_hi:
        hi = _fall(hi, cap_hi, dt_s, timing.time_constant_s.hi, timing.ramp_pct_s / 100.0 * most_w)
    elif follows and raises_w:
        up_w = _lifted_to(hi, raises_w, BOUND_SHARE * most_w)
        rest_w = (up_w - hi) * exp(-dt_s / timing.time_constant_s.lo)
        hi = up_w if rest_w < ARRIVED_W else up_w - rest_w
    return lo, max(lo, hi)


def advance(track: Track, now_s: float, timing: DerTiming, most_w: float, window_s: float) -> Track:
    """Bring the bounds to `now_s` by what was told. `most_w`: nameplate; `window_s`: how far back is asked later."""
    last = track.ticks[-1]
    begun_s = max(last.at_s, track.idle_s)
    dt_s = now_s - begun_s
    if track.still or dt_s <= 0.0:
        return track
    caps = _caps_at(track.told, now_s, timing)
    lo, hi = _move(last.lo_w, last.hi_w, caps, dt_s, timing, most_w, track.limit_bound)
    _, told_hi = _move(0.0, last.told_hi_w, caps, dt_s, timing, most_w, True)
    tick = Tick(now_s, *caps, min(lo, told_hi), min(hi, told_hi), told_hi)
    if tick[1:] == last[1:]:
        told = track.told[-1]
        over_s = max(told.sent_s, told.acked_s) + timing.dead_time_s.hi
        return evolve(track, idle_s=now_s, still=over_s < now_s)
    horizon = horizon_s(timing, window_s)
    ticks = _mark(track.ticks, begun_s)
    if len(ticks) > 1 and now_s - ticks[-2].at_s < horizon / RING:  # too close: let the older stand for both
        old, last = ticks[-2:]
        old = old._replace(
            lo_w=min(old.lo_w, last.lo_w), hi_w=max(old.hi_w, last.hi_w), told_hi_w=max(old.told_hi_w, last.told_hi_w)
        )
        ticks = (*ticks[:-2], old)
    first = 0
    while len(ticks) - first > 1 and ticks[first + 1].at_s < now_s - horizon:
        first += 1
    return Track(
        told=_recent(track.told, now_s - horizon - settle_s(timing, 1.0)),  # until then it may be under way
        ticks=(*ticks[first:], tick),
        telemetry_w=track.telemetry_w,
        telemetry_span=track.telemetry_span,
        limit_bound=track.limit_bound,
    )


def _recent(told: tuple[Told, ...], since_s: float) -> tuple[Told, ...]:
    """Forget commands that a later, confirmed one has replaced before `since_s`."""
    for k in range(len(told) - 1, 0, -1):
        if told[k].acked_s < since_s:
            return told[k:]
    return told


def correct(
    track: Track, telemetry_w: float, sent_s: float, received_s: float, timing: DerTiming, most_w: float
) -> Track:
    """Telemetry: the DER injected `telemetry_w` at some moment between `sent_s - telemetry_s` and `received_s`.

    The bounds restart from that value at both ends of the interval and the wider result counts, so that an old value
    is as harmless as a fresh one is helpful. Moments at which no command allowed that value do not count.
    """
    value_w = max(0.0, telemetry_w)
    near_w = BOUND_SHARE * most_w
    oldest_s = sent_s - timing.telemetry_s
    known = _since(track.ticks, oldest_s)
    can_be = (max(oldest_s, t.at_s) for t in known if t.told_hi_w >= value_w - near_w)
    span = Span(from_s=min(next(can_be, received_s), received_s), to_s=received_s)
    cap_lo_w = min(t.cap_lo_w for t in _since(known, span.from_s))
    bound = value_w >= cap_lo_w - max(near_w, BOUND_GAIN * cap_lo_w)
    early_hi = late_hi = value_w  # what lies above all that was told is an error, and no fall that has still to come:
    early_lo = min(value_w, _since(known, span.from_s)[0].told_hi_w)
    late_lo = min(value_w, track.ticks[-1].told_hi_w)
    ticks = list(_mark(track.ticks, received_s))
    previous_s = span.from_s
    for k, t in enumerate(ticks):
        if t.at_s < span.from_s:
            continue
        dt_s, caps = max(0.0, t.at_s - previous_s), Caps(t.cap_lo_w, t.cap_hi_w, t.cap_down_w, t.raises_w)
        previous_s = t.at_s
        early_lo, early_hi = _move(early_lo, early_hi, caps, dt_s, timing, most_w, bound)
        if t.at_s > span.to_s:
            late_dt_s = min(dt_s, t.at_s - span.to_s)
            late_lo, late_hi = _move(late_lo, late_hi, caps, late_dt_s, timing, most_w, bound)
        if t.at_s >= span.to_s:  # before that the old bounds stand: the value may not have been reached yet
            lo, hi = min(early_lo, late_lo, t.told_hi_w), min(max(early_hi, late_hi), t.told_hi_w)
            ticks[k] = t._replace(lo_w=lo, hi_w=hi)
    return evolve(
        track,
        ticks=tuple(ticks),
        telemetry_w=telemetry_w,
        telemetry_span=span,
        still=False,
        limit_bound=bound,
    )


def _since(ticks: tuple[Tick, ...], from_s: float) -> tuple[Tick, ...]:
    """The ticks that say something about the time from `from_s` on: the last one before it, and all later ones."""
    first = 0
    while len(ticks) - first > 1 and ticks[first + 1].at_s <= from_s:
        first += 1
    return ticks[first:]


def bounds(track: Track, span: Span) -> tuple[float, float]:
    """The hull of what the DER can have injected during `span` (lower, upper; watts)."""
    lo, hi = INFINITY, 0.0
    later_s = INFINITY
    for t in reversed(track.ticks):
        if t.at_s <= span.to_s or later_s == INFINITY or later_s > span.to_s:
            lo, hi = min(lo, t.lo_w), max(hi, t.hi_w)
        later_s = t.at_s
        if t.at_s <= span.from_s:
            break
    return lo, hi


def mean_hi_w(track: Track, span: Span, averaging_s: float) -> float:
    """The most that the DER can have injected on average over a window of `averaging_s` somewhere in `span` (watts).

    Tighter than the hull of `span` while a DER comes down. A meter that shows a snapshot instead of a mean took it at
    the end of that window, when a falling DER injected less than on average: the bound holds for it, too.
    """
    if averaging_s <= 0.0:
        return bounds(track, span)[1]
    early, late = span.from_s + averaging_s, span.to_s - averaging_s
    return max(_mean_hi_w(track.ticks, span.from_s, early), _mean_hi_w(track.ticks, late, span.to_s))


def _mean_hi_w(ticks: tuple[Tick, ...], from_s: float, to_s: float) -> float:
    """The mean of the upper bound between two times; linear between ticks, which lies above a falling exponential."""
    area_ws, right_s, right_w = 0.0, to_s, ticks[-1].hi_w
    for t in reversed(ticks):
        if t.at_s >= to_s:
            right_w = t.hi_w
            continue
        if t.at_s <= from_s:
            area_ws += (right_s - from_s) * max(t.hi_w, right_w)
            return area_ws / (to_s - from_s)
        area_ws += (right_s - t.at_s) * 0.5 * (t.hi_w + right_w)
        right_s, right_w = t.at_s, t.hi_w
    return (area_ws + max(0.0, right_s - from_s) * right_w) / (to_s - from_s)


def certain_w(track: Track, lo_w: float, at_s: float) -> float:
    """The lower bound that a *raise* may count on: a sun-limited unit may have fallen since it last spoke (watts)."""
    if track.telemetry_span is None or track.limit_bound:
        return lo_w
    age_s = max(0.0, at_s - track.telemetry_span.from_s)
    return max(0.0, lo_w * (1.0 - FALL_PER_S * age_s))


def present(track: Track) -> tuple[float, float]:
    """The bounds on injection now (lower, upper; watts)."""
    last = track.ticks[-1]
    return last.lo_w, last.hi_w


def middle_w(track: Track) -> float:
    """The middle of the bounds now (watts)."""
    last = track.ticks[-1]
    return 0.5 * (last.lo_w + last.hi_w)
