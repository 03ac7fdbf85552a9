"""When a DER is next asked for the limit that it holds, and what is found there that is not ours.

A lowering write of ours never waits, so it overwrites unseen whatever somebody else wrote before it. A rhythm of its
own alone may miss him for long; looks that follow our writes cannot.
"""

from math import inf

from pcs.model.reading import DerIdentified, LimitApplied, LimitReadback

SOON_S = 0.5
"""How long after a lowering write it is looked whether it is still there: sooner it would mostly find it, on a device
whose other client writes each second or less often."""
WARY_S = 10.0
"""How long after a change by somebody else he is looked for with each poll: who writes as seldom as that is found by
the usual rhythm. Each 0.5 s instead, one who writes each second kept a site 5.4 s beyond its limit, not 4.7 s."""
BUS_SHARE = 0.1
"""Of the time may go into looks beyond the usual rhythm, for each device, its turn on the wire included. A look at 704
is 100 bytes: 0.15 s at 9600 baud, so one in 1.5 s; on TCP, at 10 to 20 ms, one with each poll. Several devices on one
bus wait for each other, which makes each look longer and all of them rarer."""


class Looks:
    """The rhythm of one DER's looks, in seconds of one clock; they are taken with its polls, so at most one with each.

    Never later than `verify_s` after the last one; sooner after a lowering write and while somebody else changes the
    limit, as far as the bus is quick enough.
    """

    def __init__(self, verify_s: float) -> None:
        self._verify_s = verify_s
        self._due_s, self._latest_s, self._not_before_s = inf, inf, -inf
        self._written_s = self._wary_until_s = -inf

    def is_due(self, now_s: float) -> bool:
        """Whether it is time to look."""
        return now_s >= self._due_s

    def is_overdue(self, now_s: float) -> bool:
        """Whether it is time to look even by the usual rhythm."""
        return now_s >= self._latest_s

    def written(self, now_s: float) -> None:
        """A lowering write was carried out, or may have been. A look that is due sooner stays due."""
        self._written_s = now_s
        self._due_s = min(self._due_s, max(now_s + SOON_S, self._not_before_s))

    def looked(self, began_s: float, now_s: float, *, is_news: bool = False) -> None:
        """A look is over; `is_news`: it found what neither we nor the one before left there."""
        if is_news:
            self._wary_until_s = now_s + WARY_S
        self._latest_s = began_s + self._verify_s
        self.seen_ours(began_s, now_s)

    def seen_ours(self, began_s: float, now_s: float) -> None:
        """Before a raise it was seen that all is ours: that saves an early look, and the usual rhythm stays."""
        self._not_before_s = began_s + (now_s - began_s) / BUS_SHARE
        early_s = inf
        if began_s < self._written_s + SOON_S:  # too soon after the last write to say much of it
            early_s = began_s + SOON_S
        if now_s < self._wary_until_s:
            early_s = began_s
        self._due_s = min(self._latest_s, max(early_s, self._not_before_s))


def found_instead(identity: DerIdentified, held: LimitApplied | LimitReadback, seen: LimitReadback) -> str:
    """What the device holds instead of what was left, in words; empty where it is the same to within two steps."""
    step_w, draw_step_w = identity.resolution_w, identity.charge_resolution_w
    found = [
        _differs(held.limit_w, seen.limit_w, step_w, "limit"),
        _differs(held.charge_limit_w, seen.charge_limit_w, draw_step_w, "charge limit"),
        _differs(held.setpoint_w, seen.setpoint_w, draw_step_w, "set point"),
    ]
    return ", ".join(words for words in found if words)


def _differs(held_w: float | None, seen_w: float | None, step_w: float, what: str) -> str:
    if seen_w is None or held_w is None:
        return "" if seen_w is held_w else f"{'no ' if seen_w is None else 'a '}{what}"
    return "" if abs(seen_w - held_w) <= 2 * step_w else f"{what} {seen_w:.0f} W"
