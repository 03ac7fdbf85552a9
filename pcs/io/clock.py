"""Where the shell takes its time from."""

import asyncio
import time

from pcs.model.units import Instant


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Instant:
        """The present moment on both clocks."""
        return Instant(mono_s=time.monotonic(), utc_s=time.time())


class LoopClock:
    """An event loop's clock, so that a loop on virtual time moves everything along; UTC starts at `utc_start_s`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, utc_start_s: float) -> None:
        self._loop = loop
        self._offset_s = utc_start_s - loop.time()

    def now(self) -> Instant:
        """The present moment on both clocks."""
        mono_s = self._loop.time()
        return Instant(mono_s=mono_s, utc_s=mono_s + self._offset_s)
