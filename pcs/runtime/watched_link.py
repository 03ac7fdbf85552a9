"""A link that is watched: how many requests are answered, how fast, since when not; for every kind of link alike."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from pcs.model.fault import Fault, FaultKind
from pcs.ports import Link, Priority, Reply
from pcs.runtime.histogram import Histogram

UNITS_KEPT = 247
"""Units of one link that are told apart: as many as a serial bus has addresses."""
FAILED_KEPT = 64
"""Requests whose failure is remembered, to know a repetition: two for each of 32 units."""


@dataclass(slots=True)
class UnitHealth:
    """One unit behind a link."""

    ended: int = 0
    good: int = 0
    last_good_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A link's counts at one moment, to compare with later."""

    requests: int
    ended: int
    good: int
    share_of_deadline: Histogram
    connects: int
    quarantines: int


class WatchedLink:
    """A `ports.Link` that counts what another one does. It changes nothing: not a value, not a moment."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.latency = Histogram()
        self.share_of_deadline = Histogram()  # reply time over deadline: a ratio of a like range
        self.units: dict[int, UnitHealth] = {}
        self.requests = self.ended = self.good = self.timeouts = self.retries = 0
        self.last_good_s: float | None = None
        self.asked_s: float | None = None
        self._failed: deque[tuple[int, ...]] = deque(maxlen=FAILED_KEPT)

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        """See `ports.Link.read`."""
        self._asked(unit, (unit, function, address, count))
        answer = await self._link.read(
            unit, address, count, deadline_s=deadline_s, priority=priority, function=function
        )
        return self._heard(unit, (unit, function, address, count), answer, deadline_s)

    async def write(
        self,
        unit: int,
        address: int,
        words: tuple[int, ...],
        *,
        deadline_s: float,
        priority: Priority,
        function: int = 16,
    ) -> Reply | Fault:
        """See `ports.Link.write`."""
        self._asked(unit, (unit, function, address, len(words)))
        answer = await self._link.write(
            unit, address, words, deadline_s=deadline_s, priority=priority, function=function
        )
        return self._heard(unit, (unit, function, address, len(words)), answer, deadline_s)

    async def close(self) -> None:
        """See `ports.Link.close`."""
        await self._link.close()

    @property
    def counters(self) -> object:
        """What the link itself counts, if it counts; for status."""
        return getattr(self._link, "counters", None)

    def inner(self, name: str) -> int:
        """One of the link's own counters; 0 where it has none of that name."""
        counters = self.counters
        snapshot = counters() if callable(counters) else counters
        found = getattr(snapshot, name, 0)
        return found if isinstance(found, int) else 0

    def silent_s(self, now_s: float) -> float | None:
        """Since the last good reply, or since the first request if there was none; None before that."""
        heard_s = self.last_good_s if self.last_good_s is not None else self.asked_s
        return None if heard_s is None else now_s - heard_s

    def mark(self) -> Mark:
        """The counts of this moment."""
        return Mark(
            requests=self.requests,
            ended=self.ended,
            good=self.good,
            share_of_deadline=self.share_of_deadline.copy(),
            connects=self.inner("connects"),
            quarantines=self.inner("quarantines"),
        )

    def as_dict(self, now_s: float) -> dict[str, Any]:
        """The figures since the start, for status and journal; ages and latencies in seconds."""
        return {
            "success": round(self.good / self.ended, 5) if self.ended else None,
            "retries": self.retries,
            "timeouts": self.timeouts,
            "quarantines": self.inner("quarantines"),
            "reconnects": max(0, self.inner("connects") - 1),
            "last_good_age_s": None if self.last_good_s is None else round(now_s - self.last_good_s, 3),
            "latency": self.latency.as_dict(),
            "units": {
                str(unit): {
                    "success": round(one.good / one.ended, 5) if one.ended else None,
                    "last_good_age_s": None if one.last_good_s is None else round(now_s - one.last_good_s, 3),
                }
                for unit, one in self.units.items()
            },
        }

    def _asked(self, unit: int, request: tuple[int, ...]) -> None:
        self.requests += 1
        if self.asked_s is None:
            self.asked_s = asyncio.get_running_loop().time()
        if unit in self.units or len(self.units) < UNITS_KEPT:
            self.units.setdefault(unit, UnitHealth())
        if request in self._failed:
            self._failed.remove(request)
            self.retries += 1

    def _heard(self, unit: int, request: tuple[int, ...], answer: Reply | Fault, deadline_s: float) -> Reply | Fault:
        self.ended += 1
        if unit in self.units:
            self.units[unit].ended += 1
        if isinstance(answer, Fault):
            self.timeouts += answer.kind is FaultKind.NO_ANSWER
            self._failed.append(request)
            return answer
        self.good += 1
        self.last_good_s = answer.received_s
        took_s = answer.received_s - answer.sent_s
        self.latency.add(took_s)
        self.share_of_deadline.add(took_s / deadline_s)
        if unit in self.units:
            self.units[unit].good += 1
            self.units[unit].last_good_s = answer.received_s
        return answer
