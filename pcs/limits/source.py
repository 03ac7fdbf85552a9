"""Limits of the site file and their schedules as one source: what every limit is now, told at each change.

The core is told `LimitsInForce` at the start and whenever a value changes. While the time of day cannot be trusted the
tightest entry of every schedule holds.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from pcs.limits.schedule import Entry, entry_at, next_change, tightest
from pcs.model.limit import Limit
from pcs.model.reading import LimitsInForce
from pcs.model.units import Instant

LAG_S = 2.0
"""A limit loosens this much late: a clock that counts as trusted may be up to a second wrong (`pcs.io.clock`), and the
limit must have changed on the utility's clock, too."""
REVIEW_S = 86_400.0
"""What has no next change within the horizon is looked at again daily."""
EARLIEST_S, LATEST_S = 1_577_836_800.0, 4_102_444_800.0
"""2020 to 2100: outside of it a clock has not been set, whatever it says of itself."""


class ScheduledLimits:
    """What the limits of a site are in force with. Not thread-safe; one for each run.

    `leads_s`: how long before a tightening boundary the tighter value must hold already, by limit: the plant's own
    response.
    """

    def __init__(self, limits: Sequence[Limit], timezone: str, leads_s: Sequence[float]) -> None:
        self._limits, self._zone, self._leads_s = tuple(limits), ZoneInfo(timezone), tuple(leads_s)
        assert len(self._limits) == len(self._leads_s), "one lead for each limit"
        self._told: LimitsInForce | None = None
        self._trusted = False
        self._told_utc_s = self._review_s = 0.0

    def in_force(self, now: Instant, *, trusted: bool) -> LimitsInForce:
        """What every limit is now."""
        trusted = trusted and EARLIEST_S <= now.utc_s <= LATEST_S
        entries = [self._entry(k, now.utc_s, trusted=trusted) for k in range(len(self._limits))]
        return LimitsInForce(
            values=tuple(entry.value for entry in entries),
            sources=tuple(entry.source for entry in entries),
            trusted=trusted,
            next_change_utc_s=self._next_change_s(now.utc_s) if trusted else None,
            sent_s=now.mono_s,
            received_s=now.mono_s,
        )

    def news(self, now: Instant, *, trusted: bool) -> LimitsInForce | None:
        """What the core has to be told now; None where nothing has changed. Cheap enough for every cycle."""
        told, known = self._told, self._told_utc_s <= now.utc_s < self._review_s  # outside: due, or a clock set back
        if told is not None and self._trusted == trusted and (known or not trusted):
            return None
        fresh = self.in_force(now, trusted=trusted)
        due_s = fresh.next_change_utc_s
        self._review_s = now.utc_s + REVIEW_S if due_s is None else min(due_s, now.utc_s + REVIEW_S)
        self._told, self._told_utc_s, self._trusted = fresh, now.utc_s, trusted
        return fresh if told is None or _facts(told) != _facts(fresh) else None

    def _entry(self, number: int, utc_s: float, *, trusted: bool) -> Entry:
        limit = self._limits[number]
        if trusted or not limit.schedule:
            return entry_at(limit, self._zone, utc_s, lead_s=self._leads_s[number], lag_s=LAG_S)
        held = tightest(limit)
        return Entry(value=held.value, source=f"{held.source} (time not trusted)")

    def _next_change_s(self, utc_s: float) -> float | None:
        due = (
            next_change(limit, self._zone, utc_s, lead_s=lead_s, lag_s=LAG_S)
            for limit, lead_s in zip(self._limits, self._leads_s, strict=True)
        )
        return min((change.utc_s for change in due if change is not None), default=None)


def _facts(told: LimitsInForce) -> tuple[object, ...]:
    """What of a message the core acts on; when it was told is no news."""
    return told.values, told.sources, told.trusted, told.next_change_utc_s
