"""Histograms, watched links and alarms: figures that mean what they say, and hysteresis that keeps them quiet."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.model.event import Event, EventKind
from pcs.model.fault import FaultKind
from pcs.model.site import LinkAddress
from pcs.model.units import Instant
from pcs.ports import Priority
from pcs.runtime.health import LAG, SILENT, STEP, SUCCESS, Health, Threshold
from pcs.runtime.histogram import EDGES_S, Histogram
from pcs.runtime.watched_link import WatchedLink
from tests.link_helpers import FakeLink, in_virtual_time

DURATIONS = st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=200)
ADDRESS = LinkAddress(host="h")


def counted(durations_s: list[float]) -> Histogram:
    histogram = Histogram()
    for duration_s in durations_s:
        histogram.add(duration_s)
    return histogram


@given(DURATIONS, st.sampled_from([1.0, 50.0, 95.0, 99.0, 100.0]))
def test_a_percentile_is_an_upper_bound_and_at_most_a_bucket_too_high(durations_s: list[float], share: float) -> None:
    told_s = counted(durations_s).percentile_s(share)
    true_s = sorted(durations_s)[max(1, math.ceil(len(durations_s) * share / 100.0)) - 1]
    assert told_s is not None
    assert told_s >= true_s * (1 - 1e-3) - 1e-9  # edges are rounded to 0.1 us
    if EDGES_S[0] < true_s <= EDGES_S[-1]:
        assert told_s <= true_s * 10**0.1 * (1 + 1e-3)


@given(DURATIONS, DURATIONS)
def test_what_was_added_since_a_copy_is_what_was_added(before_s: list[float], after_s: list[float]) -> None:
    histogram = counted(before_s)
    then = histogram.copy()
    for duration_s in after_s:
        histogram.add(duration_s)
    fresh = histogram.since(then)
    assert fresh.counts == counted(after_s).counts
    assert fresh.total == len(after_s)


def test_an_empty_histogram_has_no_percentile() -> None:
    assert Histogram().percentile_s(50.0) is None
    assert Histogram().as_dict() == {"count": 0}


@pytest.mark.parametrize("threshold", [SUCCESS, SILENT, LAG, STEP])
def test_an_alarm_stays_between_its_two_edges_as_it_was(threshold: Threshold) -> None:
    between = 0.5 * (threshold.raised_value + threshold.cleared_value)
    assert threshold.holds(between, was=True)
    assert not threshold.holds(between, was=False)
    beyond = threshold.raised_value + (threshold.raised_value - threshold.cleared_value)
    assert threshold.holds(beyond, was=False)
    well = threshold.cleared_value - (threshold.raised_value - threshold.cleared_value)
    assert not threshold.holds(well, was=True)
    assert threshold.holds(None, was=True)
    assert len(threshold.why) > 20


async def ask(link: WatchedLink, address: int = 100, unit: int = 1) -> None:
    await link.read(unit, address, 2, deadline_s=0.1, priority=Priority.FAST_READ)


def test_a_watched_link_counts_success_latency_time_outs_and_repetitions() -> None:
    inner = FakeLink()
    inner.put(100, 1, 2)
    link = WatchedLink(inner)

    async def work() -> None:
        await ask(link)
        inner.fault = FaultKind.NO_ANSWER
        await ask(link)
        await ask(link)  # the same request again
        await ask(link, unit=2)
        inner.fault = None
        await ask(link)  # and again

    in_virtual_time(work)
    figures = link.as_dict(inner.now_s + 3.0)
    assert (figures["success"], figures["timeouts"], figures["retries"]) == (0.4, 3, 2)
    assert figures["last_good_age_s"] == 3.0
    assert figures["latency"]["count"] == 2
    assert 0.001 <= figures["latency"]["p50_s"] <= 0.0013
    assert figures["units"]["1"] == {"success": 0.5, "last_good_age_s": 3.0}
    assert figures["units"]["2"] == {"success": 0.0, "last_good_age_s": None}


@dataclass(frozen=True)
class Counters:
    connects: int
    quarantines: int


class CountingLink(FakeLink):
    connects, quarantines = 1, 0

    def counters(self) -> Counters:
        return Counters(connects=self.connects, quarantines=self.quarantines)


class Watch:
    """A health with one link, looked at by hand."""

    def __init__(self) -> None:
        self.inner = CountingLink()
        self.inner.put(100, 1, 2)
        self.link = WatchedLink(self.inner)
        self.events: list[Event] = []
        self.health = Health({ADDRESS: self.link}, self.now, self.events.append)
        self.health.look()

    def now(self) -> Instant:
        return Instant(mono_s=self.inner.now_s, utc_s=0.0)

    def minute(self, good: int, bad: int = 0) -> list[tuple[str, object]]:
        """Requests, then a minute's looks; what was said of them."""
        said = len(self.events)

        async def work() -> None:
            for _ in range(good):
                await ask(self.link)
            self.inner.fault = FaultKind.NO_ANSWER
            for _ in range(bad):
                await ask(self.link)
            self.inner.fault = None

        in_virtual_time(work)
        for _ in range(7):
            self.health.look()
        return [(event.kind.value, dict(event.facts)["alarm"]) for event in self.events[said:]]


def test_a_link_that_loses_replies_is_told_once_and_again_when_it_is_well() -> None:
    watch = Watch()
    assert watch.minute(good=600) == []
    assert watch.minute(good=550, bad=50) == [("alarm raised", "success")]
    assert "91.7% of the requests were answered" in watch.events[-1].text
    assert watch.events[-1].source_id == str(ADDRESS)
    assert watch.minute(good=590, bad=10) == [], "better, but not well"
    assert watch.minute(good=600) == [("alarm cleared", "success")]


def test_a_few_requests_are_no_share() -> None:
    assert Watch().minute(good=3, bad=10) == []


def test_reconnects_and_quarantines_are_counted_per_minute() -> None:
    watch = Watch()
    watch.inner.connects, watch.inner.quarantines = 6, 9
    assert watch.minute(good=100) == [
        ("alarm raised", "reconnects"),
        ("alarm raised", "quarantines"),
        ("alarm cleared", "reconnects"),
        ("alarm cleared", "quarantines"),
    ]


def test_the_loop_and_the_steps_have_alarms_of_their_own() -> None:
    watch = Watch()
    for _ in range(100):
        watch.health.lag.add(0.2)
        watch.health.step.add(0.001)
    assert watch.minute(good=30) == [("alarm raised", "event loop lag")]
    assert watch.health.beside({"links": []})["health"]["alarms"] == [
        {"source": "", "alarm": "event loop lag", "words": "99 % of the wake-ups come up to 0.200 s late"}
    ]


def test_the_journal_gets_the_figures_as_named_facts() -> None:
    watch = Watch()
    watch.minute(good=30)
    event = watch.health.event()
    facts = dict(event.facts)
    assert event.kind is EventKind.HEALTH
    assert facts[f"{ADDRESS} success"] == 1.0
    assert facts[f"{ADDRESS} latency_count"] == 30
