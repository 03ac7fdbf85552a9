"""How much older a DER's telemetry is than its profile says: learnt from values that only an older moment explains.

Taken for fresh, late telemetry makes a DER that has long come down look as if it were still up there, and the other way
round: the law corrects what is no more, over and over, and the flow swings about the limit for ever. A value far above
or below all that commands allowed in the time that the profile grants is compared with what they allowed before. A few
such values in a row, each older than the profile says, are the telemetry's real age.
"""

from typing import NamedTuple

from pcs.core.motion import BOUND_GAIN, BOUND_SHARE

INFINITY = float("inf")
KEPT_S = 6.0
"""No value is believed to be older than that beyond its profile: it would be of no use."""
EVERY_S = 0.25
WITNESSES = 3
"""So many values in a row: one alone may be a slip, and a DER that ignores one command is found by other rules."""
FORGET_S = 900.0
"""A lateness that nothing has needed for a quarter of an hour was a gateway's bad day."""


class Late(NamedTuple):
    """What commands allowed at recent moments (time, least, most: s, W, W), and the lateness learnt from it (s)."""

    past: tuple[tuple[float, float, float], ...] = ()
    ages_s: tuple[float, ...] = ()
    """How much too old the last values were that nothing fresher explains."""
    more_s: float = 0.0
    """To be added to the age that the profile grants."""
    needed_s: float = -INFINITY
    """When a value last needed it."""


NEVER_LATE = Late()


def note(late: Late, at_s: float, lo_w: float, hi_w: float) -> Late:
    """Commands allow `lo_w` to `hi_w` from this moment on (W)."""
    if late.past and at_s - late.past[-1][0] < EVERY_S:
        return late
    past = late.past
    while len(past) > 1 and past[1][0] < at_s - 2.0 * KEPT_S:
        past = past[1:]
    return late._replace(past=(*past, (at_s, lo_w, hi_w)))


def allows(lo_w: float, hi_w: float, value_w: float, rated_w: float) -> bool:
    """Whether a value may come from these bounds, with the error that gain and telemetry may have."""
    near_w = BOUND_SHARE * rated_w
    return lo_w - max(near_w, BOUND_GAIN * abs(lo_w)) <= value_w <= hi_w + max(near_w, BOUND_GAIN * abs(hi_w))


def learn(late: Late, value_w: float, rated_w: float, explained: bool, oldest_s: float, now_s: float) -> Late:
    """Take one value, true at `oldest_s` or later if the telemetry is as fresh as was thought, which it `explained`."""
    if explained:
        more_s = late.more_s if now_s - late.needed_s < FORGET_S else 0.0
        return late if not late.ages_s and more_s == late.more_s else late._replace(ages_s=(), more_s=more_s)
    until_s = INFINITY
    for at_s, lo_w, hi_w in reversed(late.past):
        if until_s <= oldest_s and allows(lo_w, hi_w, value_w, rated_w):
            ages_s = (*late.ages_s, oldest_s - until_s + EVERY_S)[-WITNESSES:]
            if len(ages_s) < WITNESSES:
                return late._replace(ages_s=ages_s)
            more_s = min(KEPT_S, late.more_s + sorted(ages_s)[1])
            return late._replace(ages_s=(), more_s=more_s, needed_s=now_s)
        until_s = at_s
    return late._replace(ages_s=())
