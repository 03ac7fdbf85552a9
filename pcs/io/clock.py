"""Where the shell takes its time from, and whether the time of day can be believed."""

import asyncio
import ctypes
import struct
import time
from collections.abc import Callable

from pcs.model.units import Instant

JUMP_S = 1.0
"""Wall time against monotonic time: more than this at once, beyond what slewing explains, is a clock that was set."""
SLEW_SHARE = 0.001
"""Kernel and NTP daemons slew by at most 0.05 % (adjtimex: 500 ppm); twice that, for both clocks' own errors."""
STEADY_S = 60.0
"""After a jump the clock must run without another for this long: a daemon that has just started may step again."""
MOST_ERROR_S = 5.0
"""The kernel lets its own bound grow by 500 ppm without an update, real clocks drift 50 to 100: at 5 s, some 3 h after
the last update, the time is still right to a second. Daemons renew it at least every 2048 s."""


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


class WatchedTime:
    """Trusts the time of day while it is synchronised and does not jump."""

    def __init__(self, synchronised: Callable[[], bool] | None = None) -> None:
        self._synchronised = kernel_synchronised if synchronised is None else synchronised
        self._looked_s: float | None = None
        self._offset_s = 0.0
        self._jumped_s: float | None = None

    def trusted(self, now: Instant) -> bool:
        """Whether the time of day of `now` can be believed; to be asked at each cycle."""
        offset_s = now.utc_s - now.mono_s
        if self._looked_s is None:
            self._offset_s = offset_s
        else:
            slewed_s = SLEW_SHARE * max(0.0, now.mono_s - self._looked_s)
            moved_s = offset_s - self._offset_s
            if abs(moved_s) > JUMP_S + slewed_s:
                self._jumped_s, self._offset_s = now.mono_s, offset_s
            else:  # follow no faster than slewing: many small steps add up to a jump
                self._offset_s += max(-slewed_s, min(slewed_s, moved_s))
        self._looked_s = now.mono_s
        steady = self._jumped_s is None or now.mono_s - self._jumped_s >= STEADY_S
        return steady and self._synchronised()


_TIMEX = struct.Struct("@Illll")
"""Head of `struct timex` (adjtimex(2)): modes, offset, frequency, maximum error (microseconds), estimated error."""
_TIMEX_BYTES = 1024  # the whole has some 200
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised to a reliable server


def kernel_synchronised() -> bool:
    """Whether the kernel's clock is disciplined by NTP, PTP or GPS, to within `MOST_ERROR_S`; false where unknown."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):  # not Linux
        return False
    told = ctypes.create_string_buffer(_TIMEX_BYTES)  # modes 0: nothing is changed
    state = int(adjtimex(told))
    most_error_s = 1e-6 * float(_TIMEX.unpack_from(told)[3])
    return 0 <= state != _TIME_ERROR and most_error_s <= MOST_ERROR_S
