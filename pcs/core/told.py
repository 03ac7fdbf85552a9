"""What a DER was told, and which of it can be in force in the plant at a given moment.

A command bounds injection from above (cap) and from below (floor); a set point is both at once. The floor is the cap of
the mirrored DER, whose injection is counted the other way round: everything here is written once, for caps, and works
for floors with all signs turned.
"""

from typing import NamedTuple

from pcs.model.profile import DerTiming

INFINITY = float("inf")
LAGS = 3.0
"""Time constants until a first-order lag has arrived, to within 5 %."""
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
    """The raises under way, oldest first, each from one cap to the next: only they lift an upper bound."""


def confirmed(
    told: tuple[Told, ...], floor_w: float, cap_w: float, sent_s: float, received_s: float, near_w: float
) -> tuple[Told, ...]:
    """The DER holds these bounds (as it rounds) since some moment between the two times.

    What was told after it stays under way, behind it. What was told before it and never confirmed was overwritten by
    now, if it ever arrived; until then it may have been in force.
    """
    best, found = near_w, -1
    for k, t in enumerate(told):
        off_w = max(abs(t.cap_w - cap_w), abs(t.floor_w - floor_w))
        if t.acked_s == INFINITY and t.sent_s <= sent_s and off_w <= best:
            best, found = off_w, k
    place = found if found >= 0 else sum(1 for t in told if t.acked_s != INFINITY or t.sent_s <= sent_s)
    before = [t if t.acked_s != INFINITY else t._replace(acked_s=received_s) for t in told[:place]]
    known_s = before[-1].acked_s if before else -INFINITY
    behind = told[place + 1 :] if found >= 0 else told[place:]
    return (*before, Told(sent_s, max(received_s, known_s), floor_w, cap_w), *behind)[-RING:]


def caps_at(told: tuple[Told, ...], at_s: float, timing: DerTiming) -> Caps:
    """The caps that can be in force at `at_s`, dead time included."""
    return _in_force(told, [t.cap_w for t in told], at_s, timing)


def floors_at(told: tuple[Told, ...], at_s: float, timing: DerTiming) -> Caps:
    """The floors that can be in force at `at_s`, as caps of the mirrored DER."""
    return _in_force(told, [-t.floor_w for t in told], at_s, timing)


def _in_force(told: tuple[Told, ...], caps_w: list[float], at_s: float, timing: DerTiming) -> Caps:
    fast, slow = at_s - timing.dead_time_s.lo, at_s - timing.dead_time_s.hi
    lo, hi, down = INFINITY, -INFINITY, INFINITY
    raises: list[tuple[float, float]] = []
    done_s = timing.dead_time_s.hi + LAGS * timing.time_constant_s.hi  # a raise older than that has had its effect
    for k in range(len(told) - 1, -1, -1):
        t, cap_w = told[k], caps_w[k]
        if t.sent_s <= fast:
            lo, hi = min(lo, cap_w), max(hi, cap_w)
            if k > 0 and cap_w > caps_w[k - 1]:
                if at_s - t.acked_s < done_s:
                    raises.append((caps_w[k - 1], cap_w))
            elif k > 0 and cap_w < caps_w[k - 1]:
                down = min(down, cap_w)
            if t.acked_s <= slow:
                break
    if lo == INFINITY:
        return Caps(caps_w[0], caps_w[0], INFINITY, ())
    return Caps(lo, hi, down, tuple(reversed(raises)))


def recent(told: tuple[Told, ...], since_s: float) -> tuple[Told, ...]:
    """Forget commands that a later, confirmed one has replaced before `since_s`."""
    for k in range(len(told) - 1, 0, -1):
        if told[k].acked_s < since_s:
            return told[k:]
    return told
