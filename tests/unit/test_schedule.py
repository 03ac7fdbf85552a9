"""Schedules at the places where calendars are odd, and the source that tells them to the core."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pcs.limits.schedule import changes, entry_at, next_change, tightest
from pcs.limits.source import LAG_S, ScheduledLimits
from pcs.model.limit import Direction, Limit, Window
from pcs.model.units import Instant

PACIFIC = ZoneInfo("America/Los_Angeles")


def limit(*schedule: Window, value: float | None = 1000.0) -> Limit:
    return Limit(direction=Direction.EXPORT, value=value, schedule=schedule)


def utc_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def minutes(time: str) -> int:
    return 60 * int(time[:2]) + int(time[3:])


def window(value: float | None, begin: str, end: str, **more: object) -> Window:
    return replace(Window(value=value, from_min=minutes(begin), to_min=minutes(end)), **more)  # type: ignore[arg-type]


def holds(rule: Limit, text: str, **more: float) -> float | None:
    return entry_at(rule, PACIFIC, utc_s(text), **more).value


@pytest.mark.parametrize(
    ("at", "value"),
    [  # clocks go from 02:00 PST to 03:00 PDT at 10:00 UTC: 02:30 may be 09:30 or 10:30
        ("2026-03-08T09:29:59", 1000),
        ("2026-03-08T09:30", 0),
        ("2026-03-08T10:30", 0),
        ("2026-03-08T11:59:59", 0),
        ("2026-03-08T12:00", 1000),
        ("2026-03-09T09:29:59", 1000),  # the day after: 02:30 PDT is 09:30 UTC and 05:00 PDT 12:00
        ("2026-03-09T09:30", 0),
        ("2026-03-09T12:00", 1000),
    ],
)
def test_a_window_that_begins_at_a_time_that_does_not_exist_begins_early_and_ends_on_time(
    at: str, value: float
) -> None:
    assert holds(limit(window(0.0, "02:30", "05:00")), at) == value


def test_a_looser_window_that_begins_at_a_time_that_does_not_exist_begins_late() -> None:
    rule = limit(window(2000.0, "02:30", "05:00"))
    assert [holds(rule, f"2026-03-08T{t}") for t in ("09:30", "10:29:59", "10:30", "12:00")] == [1000, 1000, 2000, 1000]


def test_a_window_inside_an_hour_that_is_skipped_still_tightens() -> None:
    rule = limit(window(0.0, "02:15", "02:45"))
    assert [holds(rule, f"2026-03-08T{t}") for t in ("09:14", "09:15", "10:44", "10:45")] == [1000, 0, 0, 1000]
    loose = limit(window(2000.0, "02:15", "02:45"))
    assert {holds(loose, f"2026-03-08T{h:02d}:{m:02d}") for h in (9, 10) for m in range(60)} == {1000}


def test_a_time_that_exists_twice_begins_at_the_first_and_ends_at_the_second() -> None:
    """Clocks go from 02:00 PDT back to 01:00 PST at 09:00 UTC: 01:30 is 08:30 and 09:30."""
    tight, loose = limit(window(0.0, "00:30", "01:30")), limit(window(2000.0, "00:30", "01:30"))
    times = ("07:30", "08:29", "08:30", "09:29", "09:30")
    assert [holds(tight, f"2026-11-01T{t}") for t in times] == [0, 0, 0, 0, 1000]
    assert [holds(loose, f"2026-11-01T{t}") for t in times] == [2000, 2000, 1000, 1000, 1000]


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday = limit(window(0.0, "22:00", "06:00", weekdays=(4,)))
    assert holds(friday, "2026-01-03T13:59") == 0  # Saturday 05:59 PST
    assert holds(friday, "2026-01-03T14:00") == 1000
    assert holds(friday, "2026-01-02T13:59") == 1000  # Friday 05:59: Thursday has no window


def test_no_charging_from_two_to_seven_on_weekdays_is_a_window_of_that_and_nothing_else() -> None:
    """US-NY-1: the free text of an application, as an import limit of storage; a winter in the Pacific zone."""
    rule = limit(window(0.0, "14:00", "19:00", weekdays=(0, 1, 2, 3, 4)), value=None)
    friday, saturday = "2026-01-02T", "2026-01-03T"
    assert [holds(rule, f"{friday}{t}") for t in ("21:59:59", "22:00")] == [None, 0]
    assert [holds(rule, f"{saturday}{t}") for t in ("02:59:59", "03:00")] == [0, None]  # Friday's 19:00 is 03:00 UTC
    assert {holds(rule, f"{saturday}{h:02d}:30") for h in range(3, 24)} == {None}


def test_a_season_spans_the_turn_of_the_year_and_the_leap_day() -> None:
    """US-MA-1."""
    winter = limit(window(0.0, "00:00", "24:00", first_day=(12, 1), last_day=(2, 29)))
    assert [holds(winter, f"{day}T20:00") for day in ("2027-12-31", "2028-01-01", "2028-02-29", "2028-03-01")] == [
        0,
        0,
        0,
        1000,
    ]
    assert [holds(winter, f"{day}T20:00") for day in ("2027-02-28", "2027-03-01", "2027-11-30")] == [0, 1000, 1000]


def test_a_tightening_boundary_comes_early_by_the_lead_and_a_loosening_one_on_time() -> None:
    rule = limit(window(0.0, "16:00", "21:00"))
    assert [holds(rule, f"2026-01-01T{t}", lead_s=10) for t in ("23:59:49", "23:59:50")] == [1000, 0]
    assert [holds(rule, f"2026-01-02T{t}", lead_s=10) for t in ("04:59:59", "05:00:00")] == [0, 1000]
    assert holds(rule, "2026-01-02T05:00:01", lead_s=10, lag_s=2) == 0


def test_the_lower_number_wins_where_windows_overlap_and_else_the_tighter() -> None:
    both = limit(window(0.0, "10:00", "14:00"), window(500.0, "12:00", "16:00"))
    first = limit(window(0.0, "10:00", "14:00", priority=2), window(500.0, "12:00", "16:00", priority=1))
    assert (holds(both, "2026-01-01T21:00"), holds(first, "2026-01-01T21:00")) == (0, 500)
    assert tightest(first).value == 0


def test_the_next_changes_are_listed_with_what_comes() -> None:
    rule = limit(window(0.0, "16:00", "21:00", name="peak"), value=None)
    found = changes(rule, PACIFIC, utc_s("2026-01-01T12:00"), 3)
    assert [(c.utc_s, c.entry.value, c.entry.source) for c in found] == [
        (utc_s("2026-01-02T00:00"), 0.0, "site file, schedule: peak"),
        (utc_s("2026-01-02T05:00"), None, "site file"),
        (utc_s("2026-01-03T00:00"), 0.0, "site file, schedule: peak"),
    ]
    assert next_change(limit(), PACIFIC, 0.0) is None
    assert entry_at(limit(), PACIFIC, 0.0).value == 1000


@pytest.fixture
def source() -> ScheduledLimits:
    peak = window(0.0, "16:00", "21:00", name="peak")
    return ScheduledLimits((limit(value=3000.0), limit(peak)), "America/Los_Angeles", (5.0, 10.0))


def instant(text: str) -> Instant:
    return Instant(mono_s=7.0, utc_s=utc_s(text))


def test_the_source_tells_each_change_once_and_nothing_in_between(source: ScheduledLimits) -> None:
    told = [
        source.news(instant(t), trusted=True)
        for t in ("2026-01-01T20:00", "2026-01-01T20:01", "2026-01-01T23:59:49", "2026-01-01T23:59:50")
    ]
    assert [None if t is None else t.values for t in told] == [(3000.0, 1000.0), None, None, (3000.0, 0.0)]
    assert told[0] is not None
    assert told[0].next_change_utc_s == utc_s("2026-01-01T23:59:50")
    assert told[3] is not None
    assert told[3].next_change_utc_s == utc_s("2026-01-02T05:00") + LAG_S
    assert told[3].sources == ("site file", "site file, schedule: peak")


def test_without_trusted_time_the_tightest_entries_hold_until_it_is_trusted(source: ScheduledLimits) -> None:
    first = source.news(instant("2026-01-01T20:00"), trusted=False)
    assert first is not None
    assert (first.values, first.trusted, first.next_change_utc_s) == ((3000.0, 0.0), False, None)
    assert first.sources[1] == "site file, schedule: peak (time not trusted)"
    assert source.news(instant("2026-01-02T20:00"), trusted=False) is None
    again = source.news(instant("2026-01-02T20:00"), trusted=True)
    assert again is not None
    assert again.values == (3000.0, 1000.0)
    unset = source.news(Instant(mono_s=8.0, utc_s=12.0), trusted=True)
    assert unset is not None
    assert (unset.trusted, unset.values) == (False, (3000.0, 0.0))


def test_a_clock_that_was_set_back_is_looked_at_anew(source: ScheduledLimits) -> None:
    assert source.news(instant("2026-01-02T00:30"), trusted=True) is not None
    back = source.news(instant("2026-01-01T23:30"), trusted=True)
    assert back is not None
    assert back.values == (3000.0, 1000.0)
