"""What a DER was told, and which of it can be in force in the plant at a given moment.

A command bounds injection from above (cap) and from below (floor); a set point is both at once. The floor is the cap of
the mirrored DER, whose injection is counted the other way round: everything here is written once, for caps, and works
for floors with all signs turned.
"""

from typing import NamedTuple

from pcs.model.profile import DerTiming

INFINITY = float("inf")
RING = 64
"""Commands remembered: six seconds of a new one every cycle, more than most plants take to follow the first of them."""


class Told(NamedTuple):
    """One command: when it left, when it was in the device for certain (infinity: not known), floor and cap (W)."""

    sent_s: float
    acked_s: float
    floor_w: float
    cap_w: float


class Caps(NamedTuple):
    """Which caps can be in force in the plant at one moment (watts)."""

    lo_w: float
    hi_w: float
    down_w: float
    """The lowest cap that a *lowering* under way can have brought: only this pulls the lower bound down."""
    raises_w: tuple[tuple[float, float], ...]
    """The raises under way, oldest first, each from one cap to another: only they lift an upper bound.

    A raise that a lowering may have overtaken lifts a DER only from the cap that it raised: one that is lower has left
    that cap behind. Without a lowering after it, a cap lifts from everywhere (minus infinity) until the slowest plant
    has arrived there.
    """


def confirmed(
    told: tuple[Told, ...], floor_w: float, cap_w: float, sent_s: float, received_s: float, near_w: float
) -> tuple[Told, ...]:
    """The DER holds these bounds (as it rounds) since some moment between the two times.

    What was told after it stays under way, behind it. What was told before it and never confirmed was overwritten by
    now, if it ever arrived; until then it may have been in force.
    """
    first = len(told)  # of those that are not confirmed: a confirmation leaves none before it
    while first > 0 and told[first - 1].acked_s == INFINITY:
        first -= 1
    if first > 0 and sent_s < told[first - 1].sent_s:
        return told  # old news: a later command is in force already
    best, found, place = near_w, -1, first
    for k in range(first, len(told)):
        t = told[k]
        if t.sent_s <= sent_s:
            place = k + 1
            off_w = max(abs(t.cap_w - cap_w), abs(t.floor_w - floor_w))
            if off_w <= best:
                best, found = off_w, k
    if found >= 0:
        place = found
    before = (*told[:first], *(Told(t.sent_s, received_s, t.floor_w, t.cap_w) for t in told[first:place]))
    behind = told[place + 1 :] if found >= 0 else told[place:]
    known_s = before[-1].acked_s if before else -INFINITY
    return (*before, Told(sent_s, max(received_s, known_s), floor_w, cap_w), *behind)[-RING:]


def caps_at(told: tuple[Told, ...], at_s: float, timing: DerTiming, arrived_w: float) -> Caps:
    """The caps that can be in force at `at_s`, dead time included.

    A raise up to `arrived_w` has had its effect even on the slowest plant: it lifts nothing any more.
    """
    return _in_force(told, at_s, timing, arrived_w, True)


def floors_at(told: tuple[Told, ...], at_s: float, timing: DerTiming, arrived_w: float) -> Caps:
    """The floors that can be in force at `at_s`, as caps of the mirrored DER."""
    return _in_force(told, at_s, timing, arrived_w, False)


def _in_force(told: tuple[Told, ...], at_s: float, timing: DerTiming, arrived_w: float, upper: bool) -> Caps:
    fast, slow = at_s - timing.dead_time_s.lo, at_s - timing.dead_time_s.hi
    lo, hi, down = INFINITY, -INFINITY, INFINITY
    raises: list[tuple[float, float]] = []
    for k in range(len(told) - 1, -1, -1):
        sent_s, acked_s, floor_w, cap_w = told[k]
        if sent_s > fast:
            continue
        if not upper:
            cap_w = -floor_w
        if cap_w < lo:
            lo = cap_w
        if cap_w > hi:
            hi = cap_w
        before_w = (told[k - 1].cap_w if upper else -told[k - 1].floor_w) if k > 0 else cap_w
        if cap_w > arrived_w:
            if down == INFINITY:
                raises.append((-INFINITY, cap_w))
            elif cap_w > before_w:
                raises.append((before_w, cap_w))
        if before_w > cap_w < down:
            down = cap_w
        if acked_s <= slow:
            break
    if lo == INFINITY:
        first_w = told[0].cap_w if upper else -told[0].floor_w
        return Caps(first_w, first_w, INFINITY, ())
    raises.reverse()
    return Caps(lo, hi, down, tuple(raises))


def recent(told: tuple[Told, ...], since_s: float) -> tuple[Told, ...]:
    """Forget commands that a later, confirmed one has replaced before `since_s`."""
    for k in range(len(told) - 1, 0, -1):
        if told[k].acked_s < since_s:
            return told[k:]
    return told
