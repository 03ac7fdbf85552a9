"""The interval observer: what a DER can be injecting at any recent moment, given what it was told and what it said.

Two bounding plants run side by side (DESIGN section 5). The upper bound `hi_w` follows the slowest plant of the
profile's band down and the fastest up, the lower bound `lo_w` the fastest down and the slowest up. Only commands move
them; telemetry resets both at its own time. `told_lo_w` and `told_hi_w` are the bounds from commands alone: telemetry
that lies or stands still moves neither bound beyond them, so a wrong reading buys no limit. Below its cap a PV unit is
sun-limited, and storage follows a wish of its own between floor and cap: a raise does not move them.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pcs.core import lateness
from pcs.core import told as orders
from pcs.core.evolve import evolve
from pcs.core.lateness import NEVER_LATE, Late
from pcs.core.motion import BOUND_GAIN, BOUND_SHARE, follow, move
from pcs.core.told import RING, Caps, Told
from pcs.model.profile import DerTiming
from pcs.model.units import Span

INFINITY = float("inf")
LAGS = 3.0
"""Time constants until a first-order lag has arrived, to within 5 %."""
FALL_PER_S = 0.16
"""Share of its present power that a sun-limited PV unit may lose in one second: the steepest fall of the 1-s solar
record of reference plant study section 6."""


class Tick(NamedTuple):
    """The observer at one moment: which bounds may be in force, and the bounds on injection (watts).

    `caps` and `floors` (mirrored) are None on a side that no command moves. `used_caps_w` is the least that a DER which
    uses all of its cap would inject, `used_floors_w` the most of one that uses all of its floor (mirrored, too).
    """

    at_s: float
    caps: Caps | None
    floors: Caps | None
    lo_w: float
    hi_w: float
    told_lo_w: float
    told_hi_w: float
    used_caps_w: float
    used_floors_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What is known of one DER's injection, which lies between `least_w` and `most_w`. The last tick is the present."""

    least_w: float
    most_w: float
    sun: bool
    """Whether it may fall by itself at any time, because its source is the sun."""
    told: tuple[Told, ...]
    ticks: tuple[Tick, ...]
    telemetry_w: float | None = None
    telemetry_span: Span | None = None
    idle_s: float = -INFINITY
    """Until when nothing has moved since the last tick."""
    still: bool = False
    """Nothing is under way: the last tick stands for all time until something is told or said."""
    limit_bound: bool = True
    """Whether the cap, and not the sun or a wish, decides: only then does a rising cap lift the upper bound."""
    floor_bound: bool = True
    """Whether the floor decides: only then does a falling floor pull the lower bound down."""
    late: Late = NEVER_LATE
    """How much older its telemetry is than the profile says."""


def rated_w(track: Track) -> float:
    """What a share of nameplate is a share of (watts)."""
    most_w, draw_w = track.most_w, -track.least_w
    return most_w if most_w >= draw_w else draw_w


def unknown(now_s: float, least_w: float, most_w: float, *, sun: bool = True) -> Track:
    """A DER about which nothing is known yet: anything from `least_w` to `most_w` (watts of injection)."""
    long_ago_s = now_s - 1e6
    caps = Caps(most_w, most_w, INFINITY, ()) if most_w > 0.0 else None
    floors = Caps(-least_w, -least_w, INFINITY, ()) if least_w < 0.0 else None
    return Track(
        least_w=least_w,
        most_w=most_w,
        sun=sun,
        told=(Told(long_ago_s, long_ago_s, least_w, most_w),),
        ticks=(Tick(now_s, caps, floors, least_w, most_w, least_w, most_w, most_w, -least_w),),
    )


def settle_s(timing: DerTiming, share: float) -> float:
    """How long the slowest plant of the band needs to follow a command over `share` of its nameplate (seconds)."""
    return timing.dead_time_s.hi + 100.0 * abs(share) / timing.ramp_pct_s + LAGS * timing.time_constant_s.hi


def horizon_s(timing: DerTiming, window_s: float) -> float:
    """How far back the ticks must reach: telemetry age, the meter's window and a second for the links."""
    return timing.telemetry_s + window_s + 1.0


def tell(track: Track, sent_s: float, floor_w: float, cap_w: float) -> Track:
    """A command left for the DER (watts, floor <= cap; equal: a set point).

    Until it is confirmed, old and new bounds are both possible.
    """
    told = (*track.told, Told(sent_s, INFINITY, floor_w, cap_w))[-RING:]
    return evolve(track, told=told, ticks=_mark(track.ticks, sent_s), still=False)


def _mark(ticks: tuple[Tick, ...], at_s: float) -> tuple[Tick, ...]:
    """While nothing moves no ticks are kept; before something does, the present gets one to move from."""
    last = ticks[-1]
    return (*ticks, Tick(at_s, *last[1:])) if at_s > last.at_s else ticks


def confirm(track: Track, floor_w: float, cap_w: float, sent_s: float, received_s: float) -> Track:
    """The DER confirmed that it holds these bounds (as it rounds) since some moment between the two times."""
    told = orders.confirmed(track.told, floor_w, cap_w, sent_s, received_s, BOUND_SHARE * rated_w(track))
    return evolve(track, told=told, ticks=_mark(track.ticks, sent_s), still=False)


def advance(track: Track, now_s: float, timing: DerTiming, window_s: float) -> Track:
    """Bring the bounds to `now_s` by what was told. `window_s`: how far back is asked later."""
    last = track.ticks[-1]
    begun_s = max(last.at_s, track.idle_s)
    dt_s = now_s - begun_s
    if track.still or dt_s <= 0.0:
        return track
    most_w = rated_w(track)
    caps = floors = None
    if last.caps is not None:
        caps = orders.caps_at(track.told, now_s, timing, last.used_caps_w)
    if last.floors is not None:
        floors = orders.floors_at(track.told, now_s, timing, last.used_floors_w)
    follows = (track.limit_bound, track.floor_bound)
    lo, hi = move(last.lo_w, last.hi_w, caps, floors, dt_s, timing, most_w, follows)
    told_lo, told_hi = move(last.told_lo_w, last.told_hi_w, caps, floors, dt_s, timing, most_w, (True, True))
    lo, hi = _within(lo, hi, told_lo, told_hi)
    used_caps_w = follow(last.used_caps_w, caps, dt_s, timing, most_w) if caps is not None else 0.0
    used_floors_w = follow(last.used_floors_w, floors, dt_s, timing, most_w) if floors is not None else 0.0
    tick = Tick(now_s, caps, floors, lo, hi, told_lo, told_hi, used_caps_w, used_floors_w)
    horizon = horizon_s(timing, window_s) + track.late.more_s
    if tick[1:] == last[1:]:
        told = track.told[-1]
        over_s = max(told.sent_s, told.acked_s) + timing.dead_time_s.hi
        return evolve(track, ticks=_since(track.ticks, now_s - horizon), idle_s=now_s, still=over_s < now_s)
    ticks = _mark(track.ticks, begun_s)
    late = lateness.note(track.late, begun_s, last.told_lo_w, last.told_hi_w)
    if len(ticks) > 1 and now_s - ticks[-2].at_s < horizon / RING:  # too close: let the older stand for both
        ticks = (*ticks[:-2], _hull(*ticks[-2:]))
    return evolve(
        track,
        told=orders.recent(track.told, now_s - horizon - settle_s(timing, 1.0)),  # until then it may be under way
        ticks=(*_since(ticks, now_s - horizon), tick),
        idle_s=-INFINITY,
        late=late,
    )


def _within(lo: float, hi: float, told_lo: float, told_hi: float) -> tuple[float, float]:
    """The bounds, as far as commands allow them."""
    if hi > told_hi:
        lo, hi = (lo if lo < told_hi else told_hi), told_hi
    if lo < told_lo:
        lo, hi = told_lo, (hi if hi > told_lo else told_lo)
    return lo, hi


def _hull(old: Tick, new: Tick) -> Tick:
    """The older tick with the bounds of both."""
    return old._replace(
        lo_w=min(old.lo_w, new.lo_w),
        hi_w=max(old.hi_w, new.hi_w),
        told_lo_w=min(old.told_lo_w, new.told_lo_w),
        told_hi_w=max(old.told_hi_w, new.told_hi_w),
        used_caps_w=min(old.used_caps_w, new.used_caps_w),
        used_floors_w=min(old.used_floors_w, new.used_floors_w),
    )


def correct(track: Track, telemetry_w: float, sent_s: float, received_s: float, timing: DerTiming) -> Track:
    """Telemetry: the DER injected `telemetry_w` at some moment between `sent_s - telemetry_s` and `received_s`.

    The bounds restart from that value at both ends of the interval and the wider result counts, so that an old value
    is as harmless as a fresh one is helpful. Moments at which no command allowed that value do not count.
    """
    value_w = max(track.least_w, min(track.most_w, telemetry_w))
    most_w = rated_w(track)
    near_w = BOUND_SHARE * most_w
    oldest_s = sent_s - timing.telemetry_s - track.late.more_s
    known = _since(track.ticks, oldest_s)
    explained = any(lateness.allows(t.told_lo_w, t.told_hi_w, value_w, most_w) for t in known)
    learnt = lateness.learn(track.late, value_w, most_w, explained, oldest_s, received_s)
    can_be = (max(oldest_s, t.at_s) for t in known if t.told_lo_w - near_w <= value_w <= t.told_hi_w + near_w)
    span = Span(from_s=min(next(can_be, received_s), received_s), to_s=received_s)
    known = _since(known, span.from_s)
    bound = _decided(track, value_w, known)
    so_far = _decided(track, value_w, known[:1])
    # What lies beyond all that was told is an error, and no fall or rise that has still to come:
    early = _between(value_w, known[0])
    late = _between(value_w, track.ticks[-1])
    ticks = list(_mark(track.ticks, received_s))
    previous_s = span.from_s
    for k, t in enumerate(ticks):
        if t.at_s < span.from_s:
            continue
        dt_s = t.at_s - previous_s if t.at_s > previous_s else 0.0
        previous_s = t.at_s
        if so_far != bound:  # from when on a value of that time is one that the cap, or the floor, decides
            here = _decided(track, value_w, (t,))
            so_far = (so_far[0] or here[0], so_far[1] or here[1])
        early = move(*early, t.caps, t.floors, dt_s, timing, most_w, so_far)
        if t.at_s > span.to_s:
            late = move(*late, t.caps, t.floors, min(dt_s, t.at_s - span.to_s), timing, most_w, bound)
        if t.at_s >= span.to_s:  # before that the old bounds stand: the value may not have been reached yet
            lo, hi = min(early[0], late[0]), max(early[1], late[1])
            lo, hi = _within(lo, hi, t.told_lo_w, t.told_hi_w)
            ticks[k] = Tick(*t[:3], lo, hi, *t[5:])
    return evolve(
        track,
        ticks=tuple(ticks),
        telemetry_w=telemetry_w,
        telemetry_span=span,
        still=False,
        limit_bound=bound[0],
        floor_bound=bound[1],
        late=learnt,
    )


def _decided(track: Track, value_w: float, known: tuple[Tick, ...]) -> tuple[bool, bool]:
    """Whether the cap decides a value said at some of these moments, and whether the floor does.

    It does at the lowest cap of the time, and on the way to it for as long as any plant may take.
    """
    if track.told[-1].floor_w == track.told[-1].cap_w:
        return track.most_w > 0.0, track.least_w < 0.0  # a set point leaves no wish
    near_w = BOUND_SHARE * rated_w(track)
    caps_w = floors_w = INFINITY
    for t in known:
        if t.caps is not None:
            caps_w = min(caps_w, t.caps.lo_w, t.used_caps_w)
        if t.floors is not None:
            floors_w = min(floors_w, t.floors.lo_w, t.used_floors_w)
    at_cap = caps_w < INFINITY and value_w >= caps_w - max(near_w, BOUND_GAIN * abs(caps_w))
    at_floor = floors_w < INFINITY and -value_w >= floors_w - max(near_w, BOUND_GAIN * abs(floors_w))
    return at_cap, at_floor


def _between(value_w: float, tick: Tick) -> tuple[float, float]:
    """Bounds that start at a value as far as it was allowed: beyond that each stays at what was said."""
    return min(value_w, tick.told_hi_w), max(value_w, tick.told_lo_w)


def _since(ticks: tuple[Tick, ...], from_s: float) -> tuple[Tick, ...]:
    """The ticks that say something about the time from `from_s` on: the last one before it, and all later ones."""
    first = 0
    while len(ticks) - first > 1 and ticks[first + 1].at_s <= from_s:
        first += 1
    return ticks[first:]


def bounds(track: Track, span: Span) -> tuple[float, float]:
    """The hull of what the DER can have injected since `span` began (lower, upper; watts); little lies behind its end.

    Asked several times per DER in each step: comparisons cost a fifth of what calls of `min` and `max` do.
    """
    lo, hi, from_s = INFINITY, -INFINITY, span.from_s
    for at_s, _, _, lo_w, hi_w, _, _, _, _ in reversed(track.ticks):
        if lo_w < lo:
            lo = lo_w
        if hi_w > hi:
            hi = hi_w
        if at_s <= from_s:
            break
    return lo, hi


def means_w(track: Track, span: Span, averaging_s: float) -> tuple[float, float]:
    """The least and the most that the DER can have injected on average over `averaging_s` somewhere in `span` (watts).

    Tighter than the hull of `span` while a DER moves. A meter that shows a snapshot instead of a mean took it at the
    end of that window, when a falling DER injected less than on average: the bound holds for it, too.
    """
    if averaging_s <= 0.0:
        return bounds(track, span)
    early_lo_w, early_hi_w = _means_w(track.ticks, span.from_s, span.from_s + averaging_s)
    late_lo_w, late_hi_w = _means_w(track.ticks, span.to_s - averaging_s, span.to_s)
    return min(early_lo_w, late_lo_w), max(early_hi_w, late_hi_w)


def _means_w(ticks: tuple[Tick, ...], from_s: float, to_s: float) -> tuple[float, float]:
    """The means of both bounds between two times: linear between ticks, which lies beyond a decaying exponential."""
    lo_ws = hi_ws = 0.0
    right_s, right_lo_w, right_hi_w = to_s, ticks[-1].lo_w, ticks[-1].hi_w
    for at_s, _, _, lo_w, hi_w, _, _, _, _ in reversed(ticks):
        if at_s >= to_s:
            right_lo_w, right_hi_w = lo_w, hi_w
            continue
        if at_s <= from_s:
            lo_ws += (right_s - from_s) * min(lo_w, right_lo_w)
            hi_ws += (right_s - from_s) * max(hi_w, right_hi_w)
            break
        lo_ws += (right_s - at_s) * 0.5 * (lo_w + right_lo_w)
        hi_ws += (right_s - at_s) * 0.5 * (hi_w + right_hi_w)
        right_s, right_lo_w, right_hi_w = at_s, lo_w, hi_w
    else:  # the ticks begin later: before the first one nothing is known but itself
        lo_ws += max(0.0, right_s - from_s) * right_lo_w
        hi_ws += max(0.0, right_s - from_s) * right_hi_w
    return lo_ws / (to_s - from_s), hi_ws / (to_s - from_s)


def certain_w(track: Track, lo_w: float, at_s: float) -> float:
    """The lower bound that *raising a cap* may count on: a sun-limited unit may have fallen since it spoke (watts)."""
    if not track.sun or track.telemetry_span is None or track.limit_bound or lo_w <= 0.0:
        return lo_w
    age_s = max(0.0, at_s - track.telemetry_span.from_s)
    return max(0.0, lo_w * (1.0 - FALL_PER_S * age_s))


def certain_high_w(track: Track, hi_w: float, at_s: float) -> float:
    """The upper bound that *lowering a floor* may count on: a sun-limited unit may have risen since (watts)."""
    if not track.sun or track.telemetry_span is None or track.limit_bound:
        return hi_w
    age_s = max(0.0, at_s - track.telemetry_span.from_s)
    return max(hi_w, min(track.ticks[-1].told_hi_w, hi_w + FALL_PER_S * age_s * track.most_w))


def present(track: Track) -> tuple[float, float]:
    """The bounds on injection now (lower, upper; watts)."""
    last = track.ticks[-1]
    return last.lo_w, last.hi_w


def drawn_w(track: Track) -> float:
    """What it surely draws now (watts)."""
    return max(0.0, -track.ticks[-1].hi_w)


def middle_w(track: Track) -> float:
    """The middle of the bounds now (watts)."""
    last = track.ticks[-1]
    return 0.5 * (last.lo_w + last.hi_w)
