"""GPIO lines of Linux by the character device's second interface (`linux/gpio.h`, since 5.10): four calls, no library.

The kernel takes a line back when its process ends, however it ends. What level the pin then has is the chip's affair:
a relay must therefore never hang on a level, but on edges (`PulsedRelay`).
"""

import fcntl
import os
import struct
from collections.abc import Callable
from typing import Protocol

from pcs.model.supervisor import GpioLine

CONSUMER = b"openpcs-supervisor"
GET_LINE = 0xC250B407
"""_IOWR(0xB4, 7, struct gpio_v2_line_request of 592 bytes)."""
GET_VALUES, SET_VALUES = 0xC010B40E, 0xC010B40F
"""_IOWR(0xB4, 14 and 15, struct gpio_v2_line_values of 16 bytes)."""
FLAG_ACTIVE_LOW, FLAG_INPUT, FLAG_OUTPUT = 2, 4, 8
_REQUEST = struct.Struct("=64I32sQI5I240xII5Ii")
"""Offsets, consumer, flags, number of attributes and padding, ten attributes, lines, buffer, padding, descriptor."""

Ioctl = Callable[[int, int, bytearray], object]


class InputLine(Protocol):
    """A line that is read."""

    def active(self) -> bool:
        """Whether it is active now; raises OSError."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class OutputLine(Protocol):
    """A line that is set."""

    def set(self, active: bool) -> None:
        """Make it active or inactive; raises OSError."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class Line:
    """One line of a chip, as input or as output (inactive at first)."""

    def __init__(self, where: GpioLine, *, output: bool, ioctl: Ioctl | None = None) -> None:
        """Take the line.

        Raises:
            OSError: there is no such chip or line, it is in use, or may not be opened.
        """
        self._ioctl = ioctl or (lambda fd, code, data: fcntl.ioctl(fd, code, data, True))
        flags = (FLAG_OUTPUT if output else FLAG_INPUT) | (FLAG_ACTIVE_LOW if where.active_low else 0)
        chip = os.open(where.chip, os.O_RDWR | os.O_CLOEXEC)
        try:
            request = bytearray(line_request(where.line, flags))
            self._ioctl(chip, GET_LINE, request)
        finally:
            os.close(chip)
        self._fd = int(_REQUEST.unpack(request)[-1])

    def set(self, active: bool) -> None:
        """Set an output."""
        self._ioctl(self._fd, SET_VALUES, bytearray(struct.pack("=QQ", int(active), 1)))

    def active(self) -> bool:
        """Read an input."""
        values = bytearray(struct.pack("=QQ", 0, 1))
        self._ioctl(self._fd, GET_VALUES, values)
        return bool(struct.unpack("=QQ", values)[0] & 1)

    def close(self) -> None:
        """Give the line back to the kernel."""
        os.close(self._fd)


def line_request(line: int, flags: int) -> bytes:
    """The request for one line, 592 bytes."""
    return _REQUEST.pack(line, *([0] * 63), CONSUMER, flags, 0, *([0] * 5), 1, 0, *([0] * 5), 0)[: _REQUEST.size]
