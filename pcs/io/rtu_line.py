"""Where RTU frames travel: a line that carries bytes both ways and says when it is lost. Here: a TCP gateway's.

A line knows nothing of frames. It tells how long a character takes and how late bytes may be heard, because silence
is the only thing that separates RTU frames.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from pcs.model.site import LinkAddress

GAP_CHARACTERS = 3.5  # MODBUS over serial line V1.02, section 2.5.1.1
GAP_LEAST_S = 0.00175  # the same section: fixed above 19200 baud


def gap_s(character_s: float) -> float:
    """The silence before each frame, seconds."""
    return max(GAP_LEAST_S, GAP_CHARACTERS * character_s)


class Line(Protocol):
    """Bytes both ways. `on_bytes` and `on_lost` are set before `open` and called from the event loop."""

    @property
    def character_s(self) -> float:
        """Time of one character, seconds."""
        ...

    @property
    def late_s(self) -> float:
        """How long after its last bit a byte may be heard: latency timers, gateways; seconds."""
        ...

    @property
    def note(self) -> str:
        """What is worth knowing of this line for whoever mends it; empty for nothing."""
        ...

    on_bytes: Callable[[bytes], None]
    on_lost: Callable[[str], None]

    async def open(self) -> None:
        """Open the line.

        Raises:
            OSError: it cannot be opened; the text says what mends it.
        """
        ...

    def send(self, data: bytes) -> None:
        """Put a frame on the line at once.

        Raises:
            OSError: the line is gone, or takes no bytes.
        """
        ...

    def complaints(self) -> str:
        """What the receiver itself complains of since it was opened; empty where it cannot tell."""
        ...

    def close(self) -> None:
        """Give the line up at once; nothing is called any more."""
        ...


class TcpLine(asyncio.Protocol):
    """RTU frames through a TCP gateway ("transparent" or "serial server" mode)."""

    character_s = 10 / 115200  # the gateway keeps the gaps of its bus; ours only parts frames on the network
    late_s = 0.05  # packets of one frame on a local network with one retransmission (Linux: 40 ms at least)

    def __init__(self, address: LinkAddress) -> None:
        self._address = address
        self._transport: asyncio.Transport | None = None
        self.note = ""
        self.on_bytes: Callable[[bytes], None] = lambda _: None
        self.on_lost: Callable[[str], None] = lambda _: None

    async def open(self) -> None:
        """Connect; how long that may take is the caller's deadline."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, self._address.host, self._address.port)

    def send(self, data: bytes) -> None:
        """See `Line.send`."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("connection closed by the gateway")
        self._transport.write(data)

    def complaints(self) -> str:
        """See `Line.complaints`: a gateway tells nothing."""
        return ""

    def close(self) -> None:
        """See `Line.close`."""
        self.on_bytes, self.on_lost = lambda _: None, lambda _: None
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self.on_bytes(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.on_lost("connection closed by the gateway")
