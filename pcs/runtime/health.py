"""How well the parts work that control rests on: links, event loop, steps. Alarms are words for people, never control.

Counts are for ever, judgements are of the last minute: each `Watch.look` compares with what was a minute ago. Every
threshold has two edges, so that an alarm that came does not go with the first good second.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pcs.model.event import Event, EventKind
from pcs.model.site import LinkAddress
from pcs.model.units import Instant
from pcs.ports import Link
from pcs.runtime.histogram import Histogram
from pcs.runtime.watched_link import Mark, WatchedLink

LOOK_S = 10.0
"""How often the thresholds are looked at: an alarm is for people, and nobody acts faster."""
LOOKS_KEPT = 6
"""A minute is judged: at 10 Hz 600 requests, in which one lost reply is no trend."""
JOURNAL_S = 300.0
"""How often the journal gets the figures: 288 events a day are some 5 MB written on an SD card."""
LAG_PROBE_S = 0.2
"""Every second cycle: 300 probes in a minute, so that 99 % of them says something."""
FEWEST_REQUESTS = 20
"""Below this a share means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """When a figure becomes an alarm and when it is over (both in the figure's own unit), and why there."""

    name: str
    words: str
    raised_value: float
    cleared_value: float
    why: str

    @property
    def is_upper(self) -> bool:
        """Whether a figure above `raised_value` is bad; else one below it."""
        return self.raised_value > self.cleared_value

    def holds(self, value: float | None, was: bool) -> bool:
        """Whether the alarm stands, given whether it stood before; without a figure it stays as it was."""
        if value is None:
            return was
        edge = self.cleared_value if was else self.raised_value
        return value > edge if self.is_upper else value < edge


SUCCESS = Threshold(
    name="success",
    words="{value:.1%} of the requests were answered",
    raised_value=0.95,
    cleared_value=0.99,
    why="two missed updates tighten: at 95 % that is every 40 s of polling at 10 Hz, at 99 % every 17 minutes",
)
SLOW = Threshold(
    name="slow",
    words="95 % of the replies take up to {value:.0%} of their deadline",
    raised_value=0.6,
    cleared_value=0.35,
    why="beyond half of the deadline (the bucket above 50 %) an ordinary doubling of the reply time is a time-out",
)
SILENT = Threshold(
    name="silent",
    words="no good reply for {value:.0f} s",
    raised_value=12.0,
    cleared_value=5.0,
    why="the longest pause of a link that backs off is 5 s: two attempts have failed",
)
RECONNECTS = Threshold(
    name="reconnects",
    words="{value:.0f} connections lost in a minute",
    raised_value=3.0,
    cleared_value=0.5,
    why="each costs a missed update; more than three a minute mean another client, or a device that drops sessions",
)
QUARANTINES = Threshold(
    name="quarantines",
    words="{value:.0f} quarantines of the bus in a minute",
    raised_value=6.0,
    cleared_value=1.0,
    why="each silences the bus for 0.5 s and more: six take 5 % of a minute from every unit on it",
)
LAG = Threshold(
    name="event loop lag",
    words="99 % of the wake-ups come up to {value:.3f} s late",
    raised_value=0.051,  # the edge of the bucket that ends at 0.05 s
    cleared_value=0.02,
    why="half of a cycle of 0.1 s: the step's own rhythm is lost beyond it",
)
STEP = Threshold(
    name="step time",
    words="99 % of the steps take up to {value:.3f} s",
    raised_value=0.02,
    cleared_value=0.01,
    why="a fifth of a cycle of 0.1 s: links and journal need the rest",
)


class Health:
    """Watches the links, the event loop and the steps of one controller; `run` is its task."""

    def __init__(self, links: Mapping[LinkAddress, Link], now: Callable[[], Instant], tell: Callable[[Event], None]):
        """Describe it; `tell` takes the events, `links` may grow until `run`."""
        self._links, self._now, self._tell = links, now, tell
        self.lag, self.step = Histogram(), Histogram()
        self.alarms: dict[tuple[str, str], str] = {}
        """Alarms that stand: (source, threshold) to words."""
        self._marks: deque[tuple[dict[str, Mark], Histogram, Histogram]] = deque(maxlen=LOOKS_KEPT)

    def watched(self) -> Iterator[tuple[str, WatchedLink]]:
        """Every link that is watched, by its address."""
        return ((str(address), link) for address, link in self._links.items() if isinstance(link, WatchedLink))

    async def run(self) -> None:
        """Probe the loop, look at the thresholds and write to the journal, for ever."""
        loop = asyncio.get_running_loop()
        self._marks.append(self._mark())
        look_s, journal_s = loop.time() + LOOK_S, loop.time() + JOURNAL_S
        while True:
            due_s = loop.time() + LAG_PROBE_S
            await asyncio.sleep(LAG_PROBE_S)
            now_s = loop.time()
            self.lag.add(max(0.0, now_s - due_s))
            if now_s >= look_s:
                look_s = now_s + LOOK_S
                self.look()
            if now_s >= journal_s:
                journal_s = now_s + JOURNAL_S
                self._tell(self.event())

    def look(self) -> None:
        """Compare the last minute with the thresholds, and say what has changed."""
        marks, lag, step = self._marks[0] if self._marks else self._mark()
        now_s = self._now().mono_s
        for name, link in self.watched():
            then = marks.get(name)
            if then is not None:
                for threshold, value in _figures(link, then, now_s):
                    self._judge(name, threshold, value)
            if (
                link.silent_s(now_s) or 0.0
            ) >= SILENT.cleared_value:  # one cause, one alarm: the minute begins anew behind it
                for older, _, _ in self._marks:
                    older[name] = link.mark()
        self._judge("", LAG, self.lag.since(lag).percentile_s(99.0))
        self._judge("", STEP, self.step.since(step).percentile_s(99.0))
        self._marks.append(self._mark())

    def event(self) -> Event:
        """The figures since the start, for the journal."""
        now = self._now()
        facts: list[tuple[str, float | str]] = []
        for part, histogram in (("loop_lag", self.lag), ("step", self.step)):
            facts += [(f"{part}_{key}", value) for key, value in histogram.as_dict().items() if value is not None]
        for name, link in self.watched():
            figures = link.as_dict(now.mono_s)
            latency = figures.pop("latency")
            figures.pop("units")
            facts += [(f"{name} {key}", v) for key, v in figures.items() if v is not None]
            facts += [(f"{name} latency_{key}", v) for key, v in latency.items() if v is not None]
        text = "; ".join(self.alarms.values()) or "no alarm"
        return Event(at=now, kind=EventKind.HEALTH, text=text, facts=tuple(facts))

    def beside(self, status: dict[str, Any]) -> dict[str, Any]:
        """A status with loop, steps and alarms; the figures of a link stand beside its counters."""
        now_s = self._now().mono_s
        figures = {name: link.as_dict(now_s) for name, link in self.watched()}
        links = [{**link, "health": figures.get(link["address"], {})} for link in status["links"]]
        alarms = [{"source": s, "alarm": name, "words": words} for (s, name), words in self.alarms.items()]
        health = {"loop_lag": self.lag.as_dict(), "step": self.step.as_dict(), "alarms": alarms}
        return {**status, "links": links, "health": health}

    def _mark(self) -> tuple[dict[str, Mark], Histogram, Histogram]:
        return {name: link.mark() for name, link in self.watched()}, self.lag.copy(), self.step.copy()

    def _judge(self, source: str, threshold: Threshold, value: float | None) -> None:
        key = (source, threshold.name)
        was = key in self.alarms
        stands = threshold.holds(value, was)
        words = threshold.words.format(value=value) if value is not None else self.alarms.get(key, "")
        if stands:
            self.alarms[key] = words
        if stands == was:
            return
        kind = EventKind.ALARM_RAISED if stands else EventKind.ALARM_CLEARED
        self.alarms.pop(key, None) if not stands else None
        facts: tuple[tuple[str, float | str], ...] = (("alarm", threshold.name), ("value", value or 0.0))
        text = f"{words} ({threshold.why})" if stands else words
        self._tell(Event(at=self._now(), kind=kind, source_id=source, text=text, facts=facts))


def _figures(link: WatchedLink, then: Mark, now_s: float) -> Iterator[tuple[Threshold, float | None]]:
    """Each figure of a link over the last minute with its threshold."""
    silent_s = link.silent_s(now_s)
    yield SILENT, silent_s if link.requests > then.requests else None
    if (silent_s or 0.0) >= SILENT.cleared_value:
        return
    ended = link.ended - then.ended
    yield SUCCESS, (link.good - then.good) / ended if ended >= FEWEST_REQUESTS else None
    shares = link.share_of_deadline.since(then.share_of_deadline)
    yield SLOW, shares.percentile_s(95.0) if shares.total >= FEWEST_REQUESTS else None
    yield RECONNECTS, float(link.inner("connects") - max(1, then.connects))
    yield QUARANTINES, float(link.inner("quarantines") - then.quarantines)
