"""Waits that end on time. The event loop rounds its timers up to a millisecond, which is half a gap of a fast bus.

A timer of the kernel (timerfd) wakes the loop through a file; nothing spins and nothing blocks. Where there is none,
or where time is virtual, the loop's own timers do.
"""

import asyncio
import ctypes
import os
import struct
import time

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_TIME_OF_DAY = 1  # TFD_TIMER_ABSTIME
_ITIMERSPEC = struct.Struct("@qqqq")  # interval and value, each seconds and nanoseconds (64-bit Linux)
_SAME_CLOCK_S = 0.01  # a loop whose time is this close to the kernel's uses it


def _functions() -> ctypes.CDLL | None:
    """The C library, where it has timerfd (Python offers it from 3.13 only)."""
    library = ctypes.CDLL(None, use_errno=True)
    return library if hasattr(library, "timerfd_create") and struct.calcsize("@l") == 8 else None


_C = _functions()


class FineTimer:
    """One timer for one waiter at a time. `wait_until` takes loop time; times that have passed cost nothing."""

    def __init__(self) -> None:
        self._fd = -1
        self._tried = False
        self._rung: asyncio.Future[None] | None = None

    async def wait_until(self, due_s: float) -> None:
        """Return at `due_s` (loop time), some 0.1 ms late instead of up to 1 ms."""
        loop = asyncio.get_running_loop()
        if due_s <= loop.time():
            return
        if not self._open(loop):
            await asyncio.sleep(due_s - loop.time())
            return
        whole_s = int(due_s)
        value = _ITIMERSPEC.pack(0, 0, whole_s, max(1, int((due_s - whole_s) * 1e9)))
        assert _C is not None
        if _C.timerfd_settime(self._fd, _TIME_OF_DAY, value, None) != 0:
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            return
        rung = self._rung = loop.create_future()
        loop.add_reader(self._fd, self._ring, rung)
        try:
            await rung
        finally:
            self._rung = None
            if self._fd >= 0:
                loop.remove_reader(self._fd)

    def close(self) -> None:
        """Give the kernel's timer back; who waits for it is woken."""
        fd, self._fd, self._tried = self._fd, -1, True
        if self._rung is not None and not self._rung.done():
            self._rung.get_loop().remove_reader(fd)
            self._rung.set_result(None)
        if fd >= 0:
            os.close(fd)

    def _open(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether there is a timer of the kernel on the loop's clock."""
        if not self._tried:
            self._tried = True
            if _C is not None and abs(loop.time() - time.monotonic()) < _SAME_CLOCK_S:
                self._fd = _C.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        return self._fd >= 0

    def _ring(self, rung: "asyncio.Future[None]") -> None:
        """The timer has run out; reading it makes it silent again."""
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        if not rung.done():
            rung.set_result(None)
