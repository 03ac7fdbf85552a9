"""One end of a TCP connection in memory, as asyncio shows it to a protocol: bytes, half close, reset, back pressure.

Bytes arrive in order on a later turn of the loop. An end holds `ROOM_BYTES` that were not read yet, as a socket does;
what is beyond them still belongs to the sender, who is told to pause and whose `abort` throws it away. As in TCP an end
that goes while it holds unread bytes, or that was told to linger for 0 s, resets the connection; any other end closes
it in good order.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum
from typing import Any

ROOM_BYTES = 256 * 1024
"""What an end holds unread, and the most that comes at once: asyncio's own transports read no more either."""
UNSENT_MAX_BYTES = 64 * 1024 * 1024
"""Bytes that wait for a peer that does not read; a simulated device never says a thousandth of this."""
HIGH_WATER_BYTES, LOW_WATER_BYTES = 64 * 1024, 16 * 1024  # asyncio's own: transports.py, _set_write_buffer_limits
_LINGER = struct.Struct("ii")  # struct linger of socket(7): on or off, seconds

Address = tuple[str, int]


class _End(Enum):
    """What follows the last byte that is on its way."""

    NOTHING = "more bytes may come"
    CLOSE = "the peer sends nothing more"
    RESET = "the peer is gone"


class VirtualSocket:
    """What `get_extra_info("socket")` gives: names and options; no file behind it."""

    family, type, proto = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP

    def __init__(self, own: Address, peer: Address | None = None) -> None:
        self._own, self._peer = own, peer
        self._options: dict[tuple[int, int], int | bytes] = {}

    def fileno(self) -> int:
        """Always -1, as of a socket that is closed."""
        return -1

    def getsockname(self) -> Address:
        """Host and port of this end."""
        return self._own

    def getpeername(self) -> Address:
        """Host and port of the other end.

        Raises:
            OSError: it listens and has no peer.
        """
        if self._peer is None:
            raise OSError("a listening socket has no peer")
        return self._peer

    def setsockopt(self, level: int, name: int, value: int | bytes) -> None:
        """Keep an option. Only SO_LINGER has an effect: 0 s make every end a reset."""
        self._options[level, name] = value

    def getsockopt(self, level: int, name: int, _: int = 0) -> int | bytes:
        """An option as it was set, else 0."""
        return self._options.get((level, name), 0)

    @property
    def resets(self) -> bool:
        """Whether closing this end is a reset."""
        linger = self._options.get((socket.SOL_SOCKET, socket.SO_LINGER))
        return isinstance(linger, bytes) and len(linger) == _LINGER.size and _LINGER.unpack(linger) == (1, 0)


class VirtualTransport(asyncio.Transport):
    """One end. It hears and says nothing before `begin`, and tells `on_gone` when it is over."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        own: Address,
        peer: Address,
        on_gone: Callable[["VirtualTransport"], None],
    ) -> None:
        self._socket = VirtualSocket(own, peer)
        super().__init__({"socket": self._socket, "sockname": own, "peername": peer})
        self._loop, self._on_gone = loop, on_gone
        self._protocol: Any = None  # a Protocol; of streams one that is also something else
        self.peer: VirtualTransport = self
        self.inbox = bytearray()
        self._end = _End.NOTHING
        self._heard_end = self._said_end = self._closing = self.gone = False
        self._planned = self._held = self._told_to_pause = self._resets = False
        self._high, self._low = HIGH_WATER_BYTES, LOW_WATER_BYTES

    def wire_to(self, peer: "VirtualTransport") -> None:
        """Make the connection, once, before either end begins."""
        self.peer, peer.peer = peer, self

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell `protocol` that the connection is made, and hear what has come meanwhile."""
        self.set_protocol(protocol)
        protocol.connection_made(self)
        self.hear_soon()

    # -- asyncio.BaseTransport

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Who hears from now on.

        Raises:
            TypeError: a BufferedProtocol, which nothing on a virtual loop needs.
        """
        if isinstance(protocol, asyncio.BufferedProtocol):
            raise TypeError("a virtual connection wants an asyncio.Protocol, not a BufferedProtocol")
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who hears."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        """Whether this end is closed or about to be."""
        return self._closing

    def close(self) -> None:
        """Read no more; go when everything written has found room at the peer."""
        if not self._closing:
            self._closing = True
            if not self.get_write_buffer_size():
                self._loop.call_soon(self._go, None)

    # -- asyncio.ReadTransport

    def is_reading(self) -> bool:
        """Whether bytes are taken from the peer."""
        return not self._held and not self._closing

    def pause_reading(self) -> None:
        """Let bytes wait, up to `ROOM_BYTES` here and the rest at the sender."""
        self._held = True

    def resume_reading(self) -> None:
        """Take bytes again."""
        if self._held:
            self._held = False
            self.hear_soon()

    # -- asyncio.WriteTransport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; they arrive on a later turn. After `close` they are dropped, as asyncio does.

        Raises:
            TypeError: not bytes.
            RuntimeError: after `write_eof`, or more than `UNSENT_MAX_BYTES` wait for a peer that does not read.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data: expected bytes, bytearray or memoryview, got {type(data).__name__}")
        if self._said_end:
            raise RuntimeError("write after write_eof")
        peer = self.peer
        if self._closing or not data:
            return
        if peer.gone:
            self._loop.call_soon(self._go, ConnectionResetError("the peer is gone"))
            return
        peer.inbox += data
        peer.hear_soon()
        if len(peer.inbox) > ROOM_BYTES:
            self._hold_writer()

    def can_write_eof(self) -> bool:
        """True: one direction can be closed alone."""
        return True

    def write_eof(self) -> None:
        """Say that nothing more comes, and go on listening."""
        if not (self._said_end or self._closing):
            self._said_end = True
            self.peer.peer_ends(_End.CLOSE)

    def abort(self) -> None:
        """Go at once; what has not found room at the peer is lost."""
        self._cut(None)

    def reset(self) -> None:
        """Go at once, and let the peer know that this was no good order."""
        self._resets = True
        self._cut(None)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When the protocol is told to pause and to resume writing; as in asyncio one follows from the other."""
        self._high = (HIGH_WATER_BYTES if low is None else 4 * low) if high is None else high
        self._low = self._high // 4 if low is None else low
        if not self._high >= self._low >= 0:
            raise ValueError(f"high ({self._high}) must be >= low ({self._low}) must be >= 0")
        self._hold_writer()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Low and high water, in bytes."""
        return self._low, self._high

    def get_write_buffer_size(self) -> int:
        """Bytes that the peer has no room for yet."""
        return max(0, len(self.peer.inbox) - ROOM_BYTES)

    # -- what the two ends do to each other, and nobody else to them

    def hear_soon(self) -> None:
        """Hear on a later turn what has come, unless nobody listens."""
        if (self.inbox or self._end is not _End.NOTHING) and not (
            self._planned or self._held or self._closing or self._protocol is None
        ):
            self._planned = True
            self._loop.call_soon(self._hear)

    def _hear(self) -> None:
        """Hand over bytes, or behind the last one that the peer closed or reset."""
        self._planned = False
        if self._held or self._closing:
            return
        try:
            if self.inbox:
                self._take()
            elif self._end is _End.RESET:
                self._closing = True
                self._go(ConnectionResetError("connection reset by the peer"))
            elif not self._heard_end:
                self._heard_end = True
                if not self._protocol.eof_received():
                    self.close()
        except Exception as error:
            context = {
                "message": "a protocol failed on what it received",
                "exception": error,
                "protocol": self._protocol,
            }
            self._loop.call_exception_handler(context)
            self._cut(error)

    def _take(self) -> None:
        """Hand over up to `ROOM_BYTES`; the sender gets the room."""
        if len(self.inbox) <= ROOM_BYTES:
            data = bytes(self.inbox)
            self.inbox.clear()
            if self._end is not _End.NOTHING:
                self.hear_soon()
        else:
            data = bytes(memoryview(self.inbox)[:ROOM_BYTES])
            del self.inbox[:ROOM_BYTES]
            self.hear_soon()
            self.peer.got_room()
        self._protocol.data_received(data)

    def peer_ends(self, end: _End) -> None:
        """The peer sends nothing more, or is gone."""
        if self._end is not _End.RESET:
            self._end = end
            if not self._heard_end or end is _End.RESET:
                self.hear_soon()

    def got_room(self) -> None:
        """The peer has read: go on writing, or go if that was all one waited for."""
        unsent = self.get_write_buffer_size()
        if self._closing:
            if not unsent:
                self._loop.call_soon(self._go, None)
        elif self._told_to_pause and unsent <= self._low:
            self._told_to_pause = False
            self._protocol.resume_writing()

    def _hold_writer(self) -> None:
        """Tell the protocol to pause where too much waits.

        Raises:
            RuntimeError: more waits than any real sender has memory for.
        """
        unsent = self.get_write_buffer_size()
        if unsent > UNSENT_MAX_BYTES:
            self.abort()
            raise RuntimeError(f"{unsent} bytes wait for a peer that does not read; at most {UNSENT_MAX_BYTES} may")
        if unsent > self._high and not self._told_to_pause and self._protocol is not None:
            self._told_to_pause = True
            self._protocol.pause_writing()

    def _cut(self, error: Exception | None) -> None:
        """Go on the next turn, with nothing more sent."""
        self._drop_unsent()
        self._closing = True
        self._loop.call_soon(self._go, error)

    def _drop_unsent(self) -> None:
        """Lose what has not found room at the peer."""
        del self.peer.inbox[ROOM_BYTES:]

    def _go(self, error: Exception | None) -> None:
        """The end of this end; once."""
        if self.gone:
            return
        self.gone = self._closing = True
        reset = self._resets or self._socket.resets or bool(self.inbox)
        if error is not None or reset:
            self._drop_unsent()
        self.peer.peer_ends(_End.RESET if reset else _End.CLOSE)
        self.inbox.clear()
        try:
            if self._protocol is not None:
                self._protocol.connection_lost(error)
        finally:
            self._on_gone(self)
