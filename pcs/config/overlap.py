"""Whether two windows of a schedule can hold at the same time, in any year."""

from functools import lru_cache

from pcs.model.limit import Window

_DAYS_OF_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY_MIN = 1440
_Day = tuple[int, int]


def overlap(one: Window, other: Window) -> bool:
    """Whether there is a moment at which both hold (calendar and local time alone, without daylight saving).

    Any date falls on any weekday in some year, so dates and weekdays are looked at apart, in a common and a leap year.
    """
    for days_later in (-1, 0, 1):  # a window lasts past midnight at most into the next day
        if (
            _minutes_meet(one, other, days_later)
            and _weekdays_meet(one, other, days_later)
            and _dates_meet(one, other, days_later)
        ):
            return True
    return False


def days_in(month: int, *, leap: bool) -> int:
    """Days of a month."""
    return _DAYS_OF_MONTH[month - 1] + (leap and month == 2)


def _minutes_meet(one: Window, other: Window, days_later: int) -> bool:
    shift = days_later * _DAY_MIN
    return one.from_min < _end(other) + shift and other.from_min + shift < _end(one)


def _end(window: Window) -> int:
    return window.to_min if window.to_min > window.from_min else window.to_min + _DAY_MIN


def _weekdays_meet(one: Window, other: Window, days_later: int) -> bool:
    ours, theirs = one.weekdays or tuple(range(7)), other.weekdays or tuple(range(7))
    return any((day + days_later) % 7 in theirs for day in ours)


def _dates_meet(one: Window, other: Window, days_later: int) -> bool:
    if one.first_day is None and other.first_day is None:
        return True
    return any(
        not _season(one.first_day, one.last_day, leap, 0).isdisjoint(
            _season(other.first_day, other.last_day, leap, days_later)
        )
        for leap in (False, True)
    )


@lru_cache(maxsize=1024)  # as many as the seasons of a large site file, and then some
def _season(first: _Day | None, last: _Day | None, leap: bool, days_later: int) -> frozenset[int]:
    """The days of a season as numbers within the year, each moved `days_later` days to the front."""
    first, last = first or (1, 1), last or (12, 31)
    days = [(month, day) for month in range(1, 13) for day in range(1, days_in(month, leap=leap) + 1)]
    inside = (
        number
        for number, day in enumerate(days)
        if (first <= day <= last if first <= last else day >= first or day <= last)
    )
    return frozenset((number - days_later) % len(days) for number in inside)
