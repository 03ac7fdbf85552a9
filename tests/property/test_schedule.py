"""Schedules: never looser than what the calendar says, exact to the minute outside changes of the clocks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.limits.schedule import entry_at, next_change, tightest
from pcs.model.limit import Direction, Limit, Window

ZONES = ("America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe")
"""Both hemispheres, and one whose clocks move by half an hour."""
DAYS = st.tuples(st.integers(1, 12), st.integers(1, 28)) | st.sampled_from([(2, 29), (12, 31), (1, 1)])
VALUES = st.none() | st.sampled_from([0.0, 100.0, 200.0, 300.0])
SEASONS = st.none() | st.tuples(DAYS, DAYS)
INSTANTS = st.integers(1_767_225_600, 1_861_920_000)  # 2026 to 2028, a leap year


@st.composite
def windows(draw: st.DrawFn) -> Window:
    season = draw(SEASONS)
    return Window(
        value=draw(VALUES),
        from_min=draw(st.integers(0, 1439)),
        to_min=draw(st.integers(1, 1440)),
        weekdays=tuple(sorted(draw(st.sets(st.integers(0, 6), max_size=4)))),
        first_day=season[0] if season else None,
        last_day=season[1] if season else None,
        priority=draw(st.none() | st.integers(0, 2)),
    )


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    return Limit(
        direction=Direction.EXPORT,
        value=draw(VALUES),
        schedule=tuple(draw(st.lists(windows(), min_size=1, max_size=4))),
    )


def rank(value: float | None) -> float:
    return inf if value is None else value


def by_calendar(limit: Limit, local: datetime) -> float | None:
    """What a person reads off the calendar and the wall clock, window by window."""
    minute, holding = 60 * local.hour + local.minute, []
    for window in limit.schedule:
        late = window.to_min <= window.from_min
        today = window.from_min <= minute and (late or minute < window.to_min) and starts(window, local)
        if today or (late and minute < window.to_min and starts(window, local - timedelta(days=1))):
            holding.append(window)
    if not holding:
        return limit.value
    first = min(99 if w.priority is None else w.priority for w in holding)
    return min((w.value for w in holding if (99 if w.priority is None else w.priority) == first), key=rank)


def starts(window: Window, day: datetime) -> bool:
    if window.weekdays and day.weekday() not in window.weekdays:
        return False
    if window.first_day is None or window.last_day is None:
        return True
    date = (day.month, day.day)
    if window.first_day <= window.last_day:
        return window.first_day <= date <= window.last_day
    return not window.last_day < date < window.first_day


def clocks_move(zone: ZoneInfo, utc_s: float) -> bool:
    """Whether the clocks change within two hours."""
    offsets = {datetime.fromtimestamp(utc_s + h * 3600, zone).utcoffset() for h in (-2, -1, 0, 1, 2)}
    return len(offsets) > 1


@settings(max_examples=300, deadline=None)
@given(limits(), INSTANTS, st.sampled_from(ZONES))
def test_a_limit_is_what_the_calendar_says_and_never_looser(limit: Limit, utc_s: int, name: str) -> None:
    """CRD-DEF-5, U3141-SC-3."""
    zone = ZoneInfo(name)
    said, read = entry_at(limit, zone, utc_s).value, by_calendar(limit, datetime.fromtimestamp(utc_s, zone))
    assert rank(said) <= rank(read)
    assert said == read or clocks_move(zone, utc_s)
    assert rank(tightest(limit).value) <= rank(said)


@settings(max_examples=100, deadline=None)
@given(limits(), windows(), INSTANTS, st.sampled_from(ZONES), st.integers(0, 7200))
def test_a_tighter_window_more_never_loosens_a_limit(
    limit: Limit, window: Window, utc_s: int, name: str, lead_s: int
) -> None:
    """AU-PRIO: Windows of one priority: a window of a lower number is there to loosen."""
    zone = ZoneInfo(name)
    even = replace(limit, schedule=tuple(replace(w, priority=None) for w in limit.schedule))
    tight = replace(window, value=tightest(even).value, priority=None)
    more = replace(even, schedule=(*even.schedule, tight))
    assert rank(entry_at(more, zone, utc_s, lead_s=lead_s).value) <= rank(
        entry_at(even, zone, utc_s, lead_s=lead_s).value
    )


@settings(max_examples=100, deadline=None)
@given(limits(), INSTANTS, st.sampled_from(ZONES), st.integers(0, 7200), st.integers(0, 600), st.floats(0, 1))
def test_with_a_lead_the_tightest_of_all_that_is_near_holds(
    limit: Limit, utc_s: int, name: str, lead_s: int, lag_s: int, part: float
) -> None:
    zone = ZoneInfo(name)
    early = entry_at(limit, zone, utc_s, lead_s=lead_s, lag_s=lag_s)
    near = entry_at(limit, zone, utc_s - lag_s + part * (lag_s + lead_s))
    assert rank(early.value) <= rank(near.value)


@settings(max_examples=60, deadline=None)
@given(limits(), INSTANTS, st.sampled_from(ZONES), st.sampled_from([0, 7, 600]), st.floats(0, 1))
def test_nothing_changes_before_the_next_change_and_something_does_then(
    limit: Limit, utc_s: int, name: str, lead_s: int, part: float
) -> None:
    zone = ZoneInfo(name)
    present = entry_at(limit, zone, utc_s, lead_s=lead_s)
    change = next_change(limit, zone, utc_s, lead_s=lead_s)
    until_s = change.utc_s if change else utc_s + 300 * 86_400
    between_s = utc_s + part * (until_s - utc_s) * 0.999999
    assert entry_at(limit, zone, between_s, lead_s=lead_s).value == present.value
    if change:
        assert change.utc_s > utc_s
        assert entry_at(limit, zone, change.utc_s, lead_s=lead_s) == change.entry != present


YEAR = Limit(
    direction=Direction.EXPORT,
    value=300.0,
    schedule=(
        Window(value=0.0, from_min=960, to_min=1260, weekdays=(0, 1, 2, 3, 4), first_day=(6, 1), last_day=(9, 30)),
        Window(value=100.0, from_min=1320, to_min=375, first_day=(11, 15), last_day=(2, 29)),
        Window(value=None, from_min=90, to_min=165, weekdays=(6,)),
        Window(value=200.0, from_min=1439, to_min=1, weekdays=(5,), priority=1),
    ),
)


@pytest.mark.parametrize("name", ZONES)
def test_the_changes_of_a_year_are_those_of_a_table_of_its_minutes(name: str) -> None:
    zone = ZoneInfo(name)
    now_s, end_s = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2028, 2029))
    value, change = entry_at(YEAR, zone, now_s).value, next_change(YEAR, zone, now_s)
    strange = 0
    for minute_s in range(int(now_s), int(end_s), 60):
        while change is not None and change.utc_s <= minute_s:
            value, change = change.entry.value, next_change(YEAR, zone, change.utc_s)
        read = by_calendar(YEAR, datetime.fromtimestamp(minute_s, zone))
        if value != read:
            assert rank(value) < rank(read)
            assert clocks_move(zone, minute_s)
            strange += 1
    assert strange <= 2 * 120  # two changes of the clocks, at most an hour before and an hour after
