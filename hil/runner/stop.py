"""Being asked to stop: SIGINT, SIGTERM and SIGHUP end the run in good order, with the safe state, then the campaign.

A second signal changes nothing: the safe state is not interrupted. Its time is limited in `hil.runner.script`.
"""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
T = TypeVar("T")


class Stop:
    """Whether somebody asked us to stop, and by which signal (None: nobody did)."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._task: asyncio.Task[Any] | None = None

    @property
    def is_asked(self) -> bool:
        """Whether to stop."""
        return self.signal is not None

    def ask(self, number: signal.Signals) -> None:
        """Stop: from a signal handler, or from the same thread."""
        if self.signal is None:
            self.signal = number
            if self._task is not None:
                self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work` so that `ask` cancels it, once.

        Raises:
            asyncio.CancelledError: it was stopped, perhaps before it began.
        """
        if self.is_asked:
            work.close()
            raise asyncio.CancelledError
        self._task = asyncio.current_task()
        try:
            return await work
        finally:
            self._task = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the signals; those before are put back at the end. Only in the main thread."""

        def heard(number: int, _: FrameType | None) -> None:
            self.ask(signal.Signals(number))

        before = [(number, signal.signal(number, heard)) for number in SIGNALS]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)
