"""What a scheduled limit is at an instant, and when it changes next: windows, a time zone and wall time, nothing else.

Local times are turned into instants twice, as before and as after a change of the clocks. Where the two differ (a local
time that exists twice, or not at all) a window begins or ends somewhere between them, and the tighter of what could be
meant holds through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from pcs.model.limit import Limit, Window

HORIZON_DAYS = 400
"""How far a next change is looked for: a year and a month, so that every season is seen."""
_DAY_MIN = 1440
_DAY_S = 86_400.0
_REACH_DAYS = 2
"""A window lasts at most 24 h and a clock moves by at most a day (Samoa in 2011 left one out)."""
_MOST_DAYS = 32
"""Days that are looked at together; the first look is at one day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a limit is, in its own unit (`value` None: it does not hold), and who says so."""

    value: float | None
    source: str

    @property
    def bound_value(self) -> float:
        """The lower, the tighter; the unit is the limit's."""
        return inf if self.value is None else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From `utc_s` on a limit is `entry`."""

    utc_s: float
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Hold:
    """One occurrence of a window: it begins and ends between two instants each (UTC seconds)."""

    window: Window
    begins_s: tuple[float, float]
    ends_s: tuple[float, float]


def entry_at(limit: Limit, zone: ZoneInfo, utc_s: float, *, lead_s: float = 0.0, lag_s: float = 0.0) -> Entry:
    """What holds at an instant.

    The tightest of all that holds from `lag_s` before to `lead_s` after it: the plant must have followed a tightening
    limit when its time has come, and a clock that is a little wrong must not loosen one early.
    """
    return _near(limit, _holds(limit, zone, utc_s - lag_s, utc_s + lead_s), utc_s - lag_s, utc_s + lead_s)


def next_change(
    limit: Limit, zone: ZoneInfo, utc_s: float, *, lead_s: float = 0.0, lag_s: float = 0.0
) -> Change | None:
    """The first instant after `utc_s` at which `entry_at` has another value; None: none within `HORIZON_DAYS`."""
    present = entry_at(limit, zone, utc_s, lead_s=lead_s, lag_s=lag_s)
    from_s, days = utc_s, 1
    while limit.schedule and from_s < utc_s + HORIZON_DAYS * _DAY_S:
        to_s = from_s + days * _DAY_S
        holds = _holds(limit, zone, from_s - lag_s, to_s + lead_s)
        bounds = {b for hold in holds for b in (*hold.begins_s, *hold.ends_s)}
        for moment in sorted({m for b in bounds for m in (b - lead_s, b + lag_s) if from_s < m <= to_s}):
            entry = _near(limit, holds, moment - lag_s, moment + lead_s)
            if entry.value != present.value:
                return Change(utc_s=moment, entry=entry)
        from_s, days = to_s, min(2 * days, _MOST_DAYS)
    return None


def tightest(limit: Limit) -> Entry:
    """The tightest of all entries: what holds while nobody knows what time it is."""
    usual = Entry(value=limit.value, source=limit.source)
    return min((usual, *(_said(limit, window) for window in limit.schedule)), key=lambda entry: entry.bound_value)


def begins_on(window: Window, day: date) -> bool:
    """Whether a window begins on a day: by its weekdays and its season."""
    if window.weekdays and day.weekday() not in window.weekdays:
        return False
    first, last, today = window.first_day or (1, 1), window.last_day or (12, 31), (day.month, day.day)
    return first <= today <= last if first <= last else today >= first or today <= last


def _near(limit: Limit, holds: Sequence[_Hold], from_s: float, to_s: float) -> Entry:
    """The tightest of all that holds from `from_s` to `to_s`."""
    near = [hold for hold in holds if hold.begins_s[0] <= to_s and hold.ends_s[1] > from_s]
    bounds = {b for hold in near for b in (*hold.begins_s, *hold.ends_s)}
    moments = sorted({from_s, *(b for b in bounds if from_s < b <= to_s)})
    return min((_plain(limit, near, moment) for moment in moments), key=lambda entry: entry.bound_value)


def _plain(limit: Limit, holds: Sequence[_Hold], utc_s: float) -> Entry:
    """What holds at an instant: the first window by priority, among equals the tightest; outside all of them `value`.

    A window that only may hold takes part if that makes it tighter. One at a time is enough: the winner of any number
    of them wins alone, too.
    """
    here = [h for h in holds if h.begins_s[0] <= utc_s < h.ends_s[1]]
    sure = [h.window for h in here if h.begins_s[1] <= utc_s < h.ends_s[0]]
    unsure = [h.window for h in here if not h.begins_s[1] <= utc_s < h.ends_s[0]]
    readings = [_winner(limit, sure), *(_winner(limit, [*sure, window]) for window in unsure)]
    return min(readings, key=lambda entry: entry.bound_value)


def _winner(limit: Limit, windows: list[Window]) -> Entry:
    if not windows:
        return Entry(value=limit.value, source=limit.source)
    best = min(_order(window) for window in windows)
    return min((_said(limit, w) for w in windows if _order(w) == best), key=lambda entry: entry.bound_value)


def _order(window: Window) -> int:
    """Windows without a priority come last; the site file allows at most 100."""
    return 1000 if window.priority is None else window.priority


def _said(limit: Limit, window: Window) -> Entry:
    name = window.name or f"{_clock(window.from_min)} to {_clock(window.to_min)}"
    return Entry(value=window.value, source=f"{limit.source}, schedule: {name}")


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _holds(limit: Limit, zone: ZoneInfo, from_s: float, to_s: float) -> list[_Hold]:
    """Every occurrence of a window that may touch a span."""
    day = datetime.fromtimestamp(from_s, UTC).date() - timedelta(days=_REACH_DAYS)
    last = datetime.fromtimestamp(to_s, UTC).date() + timedelta(days=_REACH_DAYS)
    found: list[_Hold] = []
    while day <= last:
        for window in limit.schedule:
            if begins_on(window, day):
                until_min = window.to_min if window.to_min > window.from_min else window.to_min + _DAY_MIN
                found.append(_Hold(window, _instants(day, window.from_min, zone), _instants(day, until_min, zone)))
        day += timedelta(days=1)
    return found


def _instants(day: date, minute: int, zone: ZoneInfo) -> tuple[float, float]:
    """A local time as the instants that it may mean, earlier first; both the same but at a change of the clocks."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)  # local arithmetic
    one_s, other_s = local.replace(fold=0).timestamp(), local.replace(fold=1).timestamp()
    return min(one_s, other_s), max(one_s, other_s)


def changes(limit: Limit, zone: ZoneInfo, utc_s: float, count: int, *, lead_s: float = 0.0) -> list[Change]:
    """The next changes of a limit, at most `count`."""
    found: list[Change] = []
    while len(found) < count:
        change = next_change(limit, zone, found[-1].utc_s if found else utc_s, lead_s=lead_s)
        if change is None:
            break
        found.append(change)
    return found
