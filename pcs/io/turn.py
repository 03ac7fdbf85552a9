"""Whose turn it is on a link: one owner at a time, the most urgent waiter next, in order of arrival among equals."""

import asyncio
import heapq
import itertools
from enum import Enum

from pcs.ports import Priority

MOST_PASSES = 4  # on a bus of 50 ms a frame one of the less urgent goes every 0.25 s (0.45 s while limits are written)
MAX_WAITING = 32  # about three requests of each of ten devices behind one gateway; more means the link is too slow


class Turn(Enum):
    """What became of the wish for a turn."""

    MINE = "granted"
    LATE = "deadline passed while waiting for the link"
    CROWDED_OUT = "too many requests wait for the link"


class PriorityTurn:
    """A lock with priorities, a bounded queue and deadlines. Taking it while it is free costs no task switch.

    With `most_passes` nobody starves: after that many turns that went past an older waiter the oldest goes next; after
    twice as many where a limit is to be written. The most urgent waits for one such turn at most.
    """

    def __init__(self, *, max_waiting: int = MAX_WAITING, most_passes: int | None = None) -> None:
        self._taken = False
        self._most_passes = most_passes
        self._passes = 0
        self._max_waiting = max_waiting
        self._order = itertools.count()
        self._waiting: list[tuple[Priority, int, asyncio.Future[Turn]]] = []

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(not future.done() for _, _, future in self._waiting)

    def take(self) -> bool:
        """Take the turn if it is free."""
        if self._taken:
            return False
        self._taken = True
        return True

    async def wait(self, priority: Priority, deadline_s: float) -> Turn:
        """Wait for the turn until `deadline_s` (loop time). Only `Turn.MINE` must be released again.

        In a full queue the latest of the least urgent gives way, be it a waiter or this very request.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Turn] = loop.create_future()
        entry = (priority, next(self._order), future)
        if len(self._waiting) >= self._max_waiting:
            self._make_room(entry)
        if not future.done():
            heapq.heappush(self._waiting, entry)
        timer = loop.call_at(deadline_s, _settle, future, Turn.LATE)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.result() is Turn.MINE:
                self.release()  # granted in the same moment: pass it on
            raise
        finally:
            timer.cancel()

    def release(self) -> None:
        """Hand the turn to the most urgent waiter, or leave it free."""
        while self._waiting:
            _, _, future = self._next()
            if not future.done():
                future.set_result(Turn.MINE)
                return
        self._taken = False

    def _next(self) -> tuple[Priority, int, asyncio.Future[Turn]]:
        """Take the next waiter out: the most urgent, or the oldest when too many turns went past it."""
        if self._most_passes is None:
            return heapq.heappop(self._waiting)
        self._waiting = [entry for entry in self._waiting if not entry[2].done()] or self._waiting[:1]
        heapq.heapify(self._waiting)
        first, oldest = self._waiting[0], min(self._waiting, key=lambda entry: entry[1])
        allowed = 2 * self._most_passes if first[0] is Priority.LIMIT_WRITE else self._most_passes
        if oldest is first or self._passes >= allowed:
            self._passes = 0
            self._waiting.remove(oldest)
            heapq.heapify(self._waiting)
            return oldest
        self._passes += 1
        return heapq.heappop(self._waiting)

    def _make_room(self, newcomer: tuple[Priority, int, asyncio.Future[Turn]]) -> None:
        """Forget waiters that gave up; if the queue is still full, crowd out the last in the order."""
        self._waiting = [entry for entry in self._waiting if not entry[2].done()]
        if len(self._waiting) >= self._max_waiting:
            last = max(*self._waiting, newcomer)
            _settle(last[2], Turn.CROWDED_OUT)
            if last is not newcomer:
                self._waiting.remove(last)
        heapq.heapify(self._waiting)


def _settle(future: asyncio.Future[Turn], outcome: Turn) -> None:
    """Give a waiter its outcome unless it has one."""
    if not future.done():
        future.set_result(outcome)
