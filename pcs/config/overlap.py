"""Whether two windows of a schedule can hold at the same time, in any year."""

from collections.abc import Iterator

from pcs.model.limit import Window

_DAYS_OF_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY_MIN = 1440


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


def begins_on(window: Window, day: tuple[int, int]) -> bool:
    """Whether a (month, day) is inside the season of a window."""
    first, last = window.first_day or (1, 1), window.last_day or (12, 31)
    return first <= day <= last if first <= last else day >= first or day <= last


def _minutes_meet(one: Window, other: Window, days_later: int) -> bool:
    shift = days_later * _DAY_MIN
    return one.from_min < _end(other) + shift and other.from_min + shift < _end(one)


def _end(window: Window) -> int:
    return window.to_min if window.to_min > window.from_min else window.to_min + _DAY_MIN


def _weekdays_meet(one: Window, other: Window, days_later: int) -> bool:
    ours, theirs = one.weekdays or tuple(range(7)), other.weekdays or tuple(range(7))
    return any((day + days_later) % 7 in theirs for day in ours)


def _dates_meet(one: Window, other: Window, days_later: int) -> bool:
    for leap in (False, True):
        days = list(_year(leap=leap))
        count = len(days)
        if any(begins_on(one, day) and begins_on(other, days[(k + days_later) % count]) for k, day in enumerate(days)):
            return True
    return False


def _year(*, leap: bool) -> Iterator[tuple[int, int]]:
    return ((month, day) for month in range(1, 13) for day in range(1, days_in(month, leap=leap) + 1))
