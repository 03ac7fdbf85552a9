"""One Modbus connection that never waits: TCP, RTU in TCP, or a serial port. Looked at once in every tick."""

import contextlib
import errno
import fcntl
import os
import select
import socket
import termios
from typing import Protocol

from pcs.model.site import LinkAddress, LinkKind
from pcs.supervisor.frames import FRAME_MAX, BadReplyError, Request, rtu_frame, rtu_reply, tcp_frame, tcp_reply

CONNECT_S = 2.0
"""A connection that is not there after so long is tried anew."""
AGAIN_S = 0.5
"""Between two attempts to open it: a device that restarts is met again within a second."""
_SPEEDS = {b: getattr(termios, f"B{b}") for b in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)}


class Trouble(Exception):  # noqa: N818 - a value that is handed on, seldom raised
    """Why nothing came, in words."""


class Bytes(Protocol):
    """A stream that never waits."""

    def ready(self) -> bool:
        """Whether it is open. Raises OSError where it never will be."""
        ...

    def send(self, data: bytes) -> None:
        """Write all of it; raises OSError."""
        ...

    def take(self) -> bytes:
        """What has come, empty where nothing has; raises OSError at its end."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class TcpBytes:
    """A TCP connection to an address that was looked up at the start."""

    def __init__(self, place: tuple[str, int], family: socket.AddressFamily) -> None:
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open = False
        code = self._socket.connect_ex(place)
        if code not in (0, errno.EINPROGRESS):
            self._socket.close()
            raise OSError(code, os.strerror(code))

    def ready(self) -> bool:
        """Whether the connection stands."""
        if not self._open and select.select([], [self._socket], [], 0)[1]:
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            self._open = True
        return self._open

    def send(self, data: bytes) -> None:
        """Write a frame; a full buffer is a dead connection."""
        if self._socket.send(data) != len(data):
            raise OSError(errno.ENOBUFS, "cannot be sent")

    def take(self) -> bytes:
        """What has come."""
        try:
            data = self._socket.recv(FRAME_MAX)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError(errno.ECONNRESET, "closed by the device")
        return data

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class SerialBytes:
    """A serial port of its own; nobody else may open it meanwhile."""

    def __init__(self, address: LinkAddress) -> None:
        self._fd = os.open(address.device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._fd, termios.TIOCEXCL)
            speed = _SPEEDS[address.baud]
            flags = termios.CS8 | termios.CREAD | termios.CLOCAL
            flags |= {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}[address.parity]
            flags |= termios.CSTOPB if address.stopbits == 2 else 0
            empty: list[bytes | int] = [0] * len(termios.tcgetattr(self._fd)[6])
            termios.tcsetattr(self._fd, termios.TCSANOW, [0, 0, flags, 0, speed, speed, empty])
        except (OSError, termios.error, KeyError):
            os.close(self._fd)
            raise

    def ready(self) -> bool:
        """A port that was opened is open."""
        return True

    def send(self, data: bytes) -> None:
        """Drop what lies around from before, and write a frame."""
        termios.tcflush(self._fd, termios.TCIFLUSH)
        if os.write(self._fd, data) != len(data):
            raise OSError(errno.ENOBUFS, "cannot be sent")

    def take(self) -> bytes:
        """What has come."""
        try:
            return os.read(self._fd, FRAME_MAX)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Close the port."""
        os.close(self._fd)


class Wire:
    """One question at a time: `ask`, then `look` in every tick until an answer or trouble comes."""

    def __init__(self, address: LinkAddress, deadline_s: float) -> None:
        """Look the address up, once; opening comes with the first question.

        Raises:
            OSError: there is no such host.
        """
        self.address, self._deadline_s = address, deadline_s
        self._place = None if address.kind is LinkKind.SERIAL else _looked_up(address)
        self._bytes: Bytes | None = None
        self._request: Request | None = None
        self._sent = False
        self._began_s = 0.0
        self._again_s = float("-inf")
        self._got = b""
        self._number = 0

    @property
    def busy(self) -> bool:
        """Whether a question waits for its answer."""
        return self._request is not None

    def ask(self, request: Request, now_s: float) -> None:
        """Begin a question; the one before must be over."""
        assert self._request is None, "one question at a time"
        self._request, self._sent, self._began_s, self._got = request, False, now_s, b""

    def look(self, now_s: float) -> bytes | Trouble | None:
        """The answer, or why there is none, or None: not yet. Takes no time."""
        request = self._request
        if request is None:
            return None
        try:
            data = self._advance(request, now_s)
        except (OSError, termios.error, BadReplyError) as error:
            return self._ended(Trouble(str(getattr(error, "strerror", None) or error)), now_s)
        if data is not None:
            self._request = None
            return data
        waited_s = now_s - self._began_s
        if waited_s > (self._deadline_s if self._sent else CONNECT_S):
            return self._ended(Trouble("no answer in time" if self._sent else "no connection"), now_s)
        return None

    def close(self) -> None:
        """Let go of the connection."""
        if self._bytes is not None:
            with contextlib.suppress(OSError):
                self._bytes.close()
            self._bytes = None

    def _ended(self, trouble: Trouble, now_s: float) -> Trouble:
        """Give the question up; the connection, too, for a late answer must not be taken for the next one."""
        self._request, self._again_s = None, now_s + AGAIN_S
        self.close()
        return trouble

    def _advance(self, request: Request, now_s: float) -> bytes | None:
        if self._bytes is None:
            if now_s < self._again_s:
                return None
            self._bytes = _opened(self.address, self._place)
        if not self._bytes.ready():
            return None
        is_tcp = self.address.kind is LinkKind.TCP
        if not self._sent:
            self._number = (self._number + 1) & 0xFFFF
            self._bytes.send(tcp_frame(request, self._number) if is_tcp else rtu_frame(request))
            self._sent, self._began_s = True, now_s
            return None
        self._got += self._bytes.take()
        if len(self._got) > 4 * FRAME_MAX:
            raise BadReplyError("bytes without end")
        if is_tcp:
            data, self._got = tcp_reply(self._got, request, self._number)
        else:
            data, self._got = rtu_reply(self._got, request)
        return data


def _looked_up(address: LinkAddress) -> tuple[socket.AddressFamily, tuple[str, int]]:
    family, _, _, _, place = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
    return family, (str(place[0]), int(place[1]))


def _opened(address: LinkAddress, place: tuple[socket.AddressFamily, tuple[str, int]] | None) -> Bytes:
    return SerialBytes(address) if place is None else TcpBytes(place[1], place[0])
