"""What was heard since the last step. Bounded: an overflow forgets the oldest, and counts it."""

import asyncio
from collections import deque

from pcs.model.reading import Observation

MOST = 1000
"""Observations that may wait for a step: ten seconds of a site with many devices; a step comes every 0.1 s."""


class Inbox:
    """Observations on their way to the core; `urgent` ones wake the cycle at once."""

    def __init__(self) -> None:
        self._waiting: deque[Observation] = deque(maxlen=MOST)
        self._news = asyncio.Event()
        self.dropped = 0

    def put(self, *observations: Observation, urgent: bool = False) -> None:
        """Leave observations for the next step."""
        self.dropped += max(0, len(self._waiting) + len(observations) - MOST)
        self._waiting.extend(observations)
        if urgent:
            self._news.set()

    async def wait(self, until_s: float) -> None:
        """Return when something urgent came, or at `until_s` of the loop's clock."""
        if self._news.is_set():
            return
        try:
            async with asyncio.timeout_at(until_s):
                await self._news.wait()
        except TimeoutError:
            pass

    def take(self) -> tuple[Observation, ...]:
        """Everything that waits, oldest first."""
        taken = tuple(self._waiting)
        self._waiting.clear()
        self._news.clear()
        return taken
