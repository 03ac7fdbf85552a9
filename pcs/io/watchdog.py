"""What restarts us when we hang: systemd by its datagrams, and the kernel's `/dev/watchdog` where it is ours."""

import contextlib
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

from pcs.io.notify import Notifier

FEED_S = 1.0
"""At most so often; the shortest time that systemd or a chip is given here is 10 s."""
DEVICE_TIMEOUT_S = 15
"""What the chip is asked for: the largest that the Raspberry Pi's can do (bcm2835_wdt)."""
SET_TIMEOUT = 0xC0045706
"""WDIOC_SETTIMEOUT: _IOWR('W', 6, int) of `linux/watchdog.h`."""
MAGIC_CLOSE = b"V"
"""Written before closing it stops the chip; without it the chip bites, and the gateway restarts."""

Ioctl = Callable[[int, int, bytearray], object]


class WatchdogDevice:
    """The kernel's watchdog: from the opening on it bites unless it is fed, and goes on when we die."""

    def __init__(self, path: Path, ioctl: Ioctl | None = None) -> None:
        """Open it: its time begins.

        Raises:
            OSError: there is none, or somebody else (often systemd) has it.
        """
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # a driver with a fixed time says so by an error
            (ioctl or (lambda fd, code, data: fcntl.ioctl(fd, code, data, True)))(
                self._fd, SET_TIMEOUT, bytearray(struct.pack("=i", DEVICE_TIMEOUT_S))
            )

    def feed(self) -> None:
        """Its time begins anew."""
        with contextlib.suppress(OSError):  # what cannot be fed bites: that is what it is for
            os.write(self._fd, b"\0")

    def close(self, *, orderly: bool) -> None:
        """End: in good order it is stopped, otherwise it bites unless the next run feeds it in time."""
        with contextlib.suppress(OSError):
            if orderly:
                os.write(self._fd, MAGIC_CLOSE)
        os.close(self._fd)


class Watchdogs:
    """Both together, as `pcs.ports.Watchdog`."""

    def __init__(self, notifier: Notifier, device: WatchdogDevice | None = None) -> None:
        self._notifier, self._device = notifier, device
        self._fed_s = float("-inf")
        self._ready = False
        self._said = ""

    def feed(self, now_s: float, status: str) -> None:
        """A step was completed on fresh knowledge."""
        if not self._ready:
            self._ready = True
            self._notifier.ready(status)
        if now_s - self._fed_s < FEED_S:
            return
        self._fed_s = now_s
        self._notifier.feed()
        if self._device is not None:
            self._device.feed()
        self._say(status)

    def starve(self, why: str) -> None:
        """Something hangs: say what, and feed nobody."""
        self._say(f"HANGS: {why}")

    def close(self, *, orderly: bool) -> None:
        """The controller ends."""
        self._notifier.stopping()
        self._notifier.close()
        if self._device is not None:
            self._device.close(orderly=orderly)

    def _say(self, status: str) -> None:
        if status != self._said:
            self._said = status
            self._notifier.status(status)
