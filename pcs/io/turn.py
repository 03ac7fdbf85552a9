"""Whose turn it is on a link: one owner at a time, the most urgent waiter next, in order of arrival among equals."""

import asyncio
import heapq
import itertools
from enum import Enum

from pcs.ports import Priority

MAX_WAITING = 32  # about three requests of each of ten devices behind one gateway; more means the link is too slow


class Turn(Enum):
    """What became of the wish for a turn."""

    MINE = "granted"
    LATE = "deadline passed while waiting for the link"
    CROWDED_OUT = "too many requests wait for the link"


class PriorityTurn:
    """A lock with priorities, a bounded queue and deadlines. Taking it while it is free costs no task switch."""

    def __init__(self, *, max_waiting: int = MAX_WAITING) -> None:
        self._taken = False
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
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(Turn.MINE)
                return
        self._taken = False

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
