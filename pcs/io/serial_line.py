"""A serial port as a line for RTU frames: opened by pyserial, read and written by the event loop, mended in words."""

import array
import asyncio
import contextlib
import errno
import fcntl
import grp
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import serial

from pcs.model.site import LinkAddress

_READ_BYTES = 4096  # the kernel's buffer of a serial port
_LATENCY_UNKNOWN_S = 0.016  # default latency timer of FTDI adapters; others (CH340, CP210x) stay below it
_LATENCY_SHORT_S = 0.002  # an FTDI adapter at its best: 1 ms and one frame of USB
_COUNTS_REQUEST = 0x545D  # TIOCGICOUNT, linux/asm-generic/ioctls.h
_COUNTS_INTS = 20  # struct serial_icounter_struct: eleven counters and nine reserved
_FRAMING, _PARITY = 6, 8  # their places: cts, dsr, rng, dcd, rx, tx, frame, overrun, parity, brk


class SerialLine:
    """One serial port, locked against other processes."""

    def __init__(self, address: LinkAddress, *, devices: Path = Path("/sys/class/tty")) -> None:
        """Describe the port.

        Args:
            address: The port and how it is set.
            devices: Where the system describes its serial ports.
        """
        self._address = address
        self._devices = devices
        self._port: Any = None
        self._loop = asyncio.get_running_loop()
        self._at_open = (0, 0)
        self.character_s = address.character_s
        self.late_s = _LATENCY_UNKNOWN_S
        self.note = ""
        self.on_bytes: Callable[[bytes], None] = lambda _: None
        self.on_lost: Callable[[str], None] = lambda _: None

    async def open(self) -> None:
        """See `Line.open`. The driver may block, so a thread asks it."""
        port = self._port = await asyncio.to_thread(self._opened)
        self._at_open = self._errors()
        self._loop.add_reader(port.fileno(), self._readable)

    def send(self, data: bytes) -> None:
        """See `Line.send`. A frame is at most 256 bytes and the bus was idle, so the driver takes it whole."""
        if self._port is None:
            raise OSError(errno.ENODEV, "the serial port is closed")
        if os.write(self._port.fileno(), data) != len(data):
            raise OSError(errno.EIO, "the serial port takes no bytes: is a flow control line held?")

    def close(self) -> None:
        """See `Line.close`."""
        port, self._port = self._port, None
        self.on_bytes, self.on_lost = lambda _: None, lambda _: None
        if port is not None:
            with contextlib.suppress(OSError, ValueError):
                self._loop.remove_reader(port.fileno())
            with contextlib.suppress(OSError):
                port.close()

    def complaints(self) -> str:
        """What the receiver itself complains of since the port was opened; empty where it cannot tell."""
        framing, parity = (now - then for now, then in zip(self._errors(), self._at_open, strict=True))
        said = [f"{framing} framing errors"] if framing > 0 else []
        return ", ".join(said + ([f"{parity} parity errors"] if parity > 0 else []))

    def _opened(self) -> Any:
        """The port, open, set and exclusively ours."""
        address = self._address
        try:
            port = serial.Serial(
                address.device,
                baudrate=address.baud,
                parity=address.parity,
                stopbits=address.stopbits,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except serial.SerialException as error:
            raise OSError(_why_not_open(address.device, error, error.errno)) from None
        except ValueError as error:
            raise OSError(f"cannot open {address.device}: {error}") from None
        os.set_blocking(port.fileno(), False)
        self._shorten_latency(port)
        with contextlib.suppress(OSError, serial.SerialException):
            port.reset_input_buffer()
        return port

    def _shorten_latency(self, port: Any) -> None:
        """Ask the driver for low latency; where an adapter keeps bytes back, say how to mend it."""
        name = Path(os.path.realpath(self._address.device)).name
        timer = self._devices / name / "device" / "latency_timer"
        # Only some drivers know it, and pyserial has it on Linux alone; without it `late_s` below is what counts.
        with contextlib.suppress(OSError, ValueError, NotImplementedError, AttributeError):
            port.set_low_latency_mode(True)
        if name.startswith("pts") or not (self._devices / name).exists():
            self.late_s = _LATENCY_SHORT_S
            return
        try:
            kept_ms = int(timer.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return  # no FTDI adapter: its latency is not known, nor can it be set
        self.late_s = max(_LATENCY_SHORT_S, (kept_ms + 1) / 1000)
        if kept_ms > 1:
            self.note = (
                f"the adapter keeps bytes back for {kept_ms} ms; mend it with: echo 1 | sudo tee {timer} "
                '(lasting: a udev rule ACTION=="add", SUBSYSTEM=="usb-serial", ATTR{latency_timer}="1")'
            )

    def _readable(self) -> None:
        """Bytes came, or the port is gone."""
        port = self._port
        if port is None:
            return
        try:
            data = os.read(port.fileno(), _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(f"{self._address.device} is gone ({error.strerror}): adapter unplugged?")
            return
        if data:
            self.on_bytes(data)
        else:
            self._lose(f"{self._address.device} is gone: adapter unplugged?")

    def _lose(self, why: str) -> None:
        on_lost = self.on_lost
        self.close()
        on_lost(why)

    def _errors(self) -> tuple[int, int]:
        """Framing and parity errors that the driver has counted; zero where it does not count."""
        counts = array.array("i", bytes(4 * _COUNTS_INTS))
        try:
            if self._port is not None:
                fcntl.ioctl(self._port.fileno(), _COUNTS_REQUEST, counts)
        except OSError:
            return 0, 0
        return counts[_FRAMING], counts[_PARITY]


def _why_not_open(device: str, error: Exception, number: int | None) -> str:
    """Why a port does not open, with the command or the step that mends it."""
    path = Path(device)
    match number:
        case errno.EACCES | errno.EPERM:
            return f"no permission for {device}; mend it with: {_permission(path)}"
        case errno.ENOENT:
            found = sorted(str(p) for p in Path("/dev/serial/by-id").glob("*"))[:4]
            there = f"; there are: {', '.join(found)}" if found else "; no USB serial adapter is plugged in"
            return f"there is no {device}{there}"
        case errno.EBUSY | errno.EAGAIN:
            return (
                f"{device} is in use by another program (two names for one port in the site file, or a modem manager?)"
            )
    if "lock" in str(error).lower():
        return f"{device} is in use by another program (two names for one port in the site file, or a modem manager?)"
    if "configure" in str(error).lower():
        return f"{device} is no serial port, or its driver does not take this speed, parity or number of stop bits"
    return f"cannot open {device}: {error}"


def _permission(path: Path) -> str:
    """The command that gives this user the port: membership in the group that owns it."""
    group = "dialout"  # Debian's group of serial ports
    with contextlib.suppress(OSError, KeyError):
        node = path.stat()
        if node.st_mode & stat.S_IRGRP and node.st_gid != 0:
            group = grp.getgrgid(node.st_gid).gr_name
    return f"sudo usermod -aG {group} $USER, then log in again (a service: restart it)"
