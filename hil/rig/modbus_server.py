"""A small Modbus TCP server that can also misbehave. Serves one unit of one device on any asyncio loop.

Requests of a connection are answered one after another, each after the device's reply time, with the values of the
moment of the answer. An unknown unit gets exception 0x0B, as from a gateway.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from random import Random
from struct import Struct

from hil.rig.devices import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Device

ILLEGAL_FUNCTION = 1
DEVICE_BUSY = 6
GATEWAY_TARGET_SILENT = 0x0B
MAX_WAITING = 16  # requests of one connection that may wait; a client that sends more is cut off
MAX_READ = 125  # registers, Modbus Application Protocol V1.1b3, 6.3
MAX_WRITE = 123  # same, 6.12
ENDLESS_PERIOD_S = 0.02
ENDLESS_CHUNK = bytes(256)
ENDLESS_LIMIT = 1 << 20  # bytes; an endless reply ends here, so that no reader's memory fills

_HEADER = Struct(">HHHB")
_WORD = Struct(">H")
_TWO_WORDS = Struct(">HH")


class LinkFault(StrEnum):
    """How a device on the wire can fail."""

    OK = "ok"
    SILENT = "silent"
    SLOW = "slow"
    BUSY = "busy"
    GARBAGE = "garbage"
    NOISE = "noise"
    TRUNCATED = "truncated"
    SHORT = "short"
    WRONG_UNIT = "wrong_unit"
    STALE_TID = "stale_tid"
    ENDLESS = "endless"
    HALF_OPEN = "half_open"


class DeviceServer:
    """One device at one address. `fault` may be set at any time; `down` and `up` unplug and plug the cable."""

    def __init__(
        self,
        device: Device,
        *,
        name: str,
        host: str,
        port: int,
        unit: int,
        now_s: Callable[[], float],
        settle: Callable[[float], None],
        reply_s: float = 0.0,
        reply_jitter_s: float = 0.0,
        seed: int = 1,
    ):
        self.device, self.name, self.host, self.port, self.unit = device, name, host, port, unit
        self.fault = LinkFault.OK
        self.slow_s = 0.0
        self.reads = self.writes = 0
        self.connections: set[_Connection] = set()
        self.random = Random(f"{seed}:{name}:link")
        self._now_s, self._settle = now_s, settle
        self._reply_s, self._jitter_s = reply_s, reply_jitter_s
        self._server: asyncio.Server | None = None

    async def up(self) -> None:
        """Listen. A port of 0 becomes the one that was free.

        Raises:
            OSError: the port is taken.
        """
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def down(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self.connections):
            connection.abort()

    def set_fault(self, fault: LinkFault, slow_s: float = 0.0) -> None:
        """Fail in this way from now on. `slow_s` is added to the reply time of `SLOW`."""
        self.fault, self.slow_s = fault, slow_s
        for connection in self.connections:
            connection.hold(fault is LinkFault.HALF_OPEN)

    def delay_s(self) -> float:
        """How long the next answer takes."""
        delay_s = self._reply_s + (self.slow_s if self.fault is LinkFault.SLOW else 0.0)
        return delay_s + self.random.random() * self._jitter_s if self._jitter_s else delay_s

    def answer(self, unit: int, pdu: bytes) -> bytes:
        """The reply to a request, without any fault of the link."""
        function = pdu[0]
        if unit != self.unit:
            return bytes((function | 0x80, GATEWAY_TARGET_SILENT))
        now_s = self._now_s()
        self._settle(now_s)
        code = ILLEGAL_FUNCTION
        if function in (3, 4) and len(pdu) == 5:
            address, count = _TWO_WORDS.unpack_from(pdu, 1)
            self.reads += 1
            if not 1 <= count <= MAX_READ:
                return bytes((function | 0x80, ILLEGAL_VALUE))
            self.device.refresh(now_s)
            data = self.device.image.read(address, count)
            if data is not None:
                return bytes((function, len(data))) + data
            code = ILLEGAL_ADDRESS
        elif function == 6 and len(pdu) == 5:
            address, word = _TWO_WORDS.unpack_from(pdu, 1)
            code = self._write(now_s, address, (word,))
            if code == 0:
                return pdu
        elif function == 16 and len(pdu) >= 6:
            code = self._write_many(now_s, pdu)
            if code == 0:
                return pdu[:5]
        return bytes((function | 0x80, code))

    def _write_many(self, now_s: float, pdu: bytes) -> int:
        address, count = _TWO_WORDS.unpack_from(pdu, 1)
        if not 1 <= count <= MAX_WRITE or pdu[5] != 2 * count or len(pdu) != 6 + 2 * count:
            return ILLEGAL_VALUE
        return self._write(now_s, address, tuple(_WORD.unpack_from(pdu, 6 + 2 * i)[0] for i in range(count)))

    def _write(self, now_s: float, address: int, words: tuple[int, ...]) -> int:
        self.writes += 1
        return self.device.write(now_s, address, words)


class _Connection(asyncio.Protocol):
    """One client. Bytes become requests, requests wait their turn, replies go out with the fault of the moment."""

    def __init__(self, server: DeviceServer):
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._waiting: deque[tuple[int, int, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)
        self.hold(self._server.fault is LinkFault.HALF_OPEN)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        """Cut the connection without a word."""
        self._waiting.clear()
        self._transport.abort()

    def hold(self, held: bool) -> None:
        """Stop reading, as a hung application does whose kernel still accepts; or go on."""
        if held != self._held:
            self._held = held
            if held:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 8:
            transaction, protocol, length, unit = _HEADER.unpack_from(buffer)
            if protocol != 0 or not 2 <= length <= 254 or len(self._waiting) >= MAX_WAITING:
                self.abort()
                return
            if len(buffer) < 6 + length:
                return
            pdu = bytes(buffer[7 : 6 + length])
            del buffer[: 6 + length]
            if self._server.fault is LinkFault.SILENT:
                continue
            self._waiting.append((transaction, unit, pdu))
            if self._timer is None:
                self._next()

    def _next(self) -> None:
        """Answer the first of those who wait, now or after the reply time."""
        delay_s = self._server.delay_s()
        if delay_s > 0.0:
            self._timer = self._loop.call_later(delay_s, self._reply)
        else:
            self._reply()

    def _reply(self) -> None:
        self._timer = None
        transaction, unit, pdu = self._waiting.popleft()
        server, fault = self._server, self._server.fault
        if fault is LinkFault.SILENT:
            self._waiting.clear()
            return
        if fault is LinkFault.BUSY:
            self._send(transaction, unit, bytes((pdu[0] | 0x80, DEVICE_BUSY)))
        elif fault is LinkFault.OK or fault is LinkFault.SLOW:
            self._send(transaction, unit, server.answer(unit, pdu))
        else:
            self._spoil(fault, transaction, unit, server.answer(unit, pdu))
        if self._waiting and self._timer is None:
            self._next()

    def _send(self, transaction: int, unit: int, pdu: bytes) -> None:
        self._transport.write(_HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu)

    def _spoil(self, fault: LinkFault, transaction: int, unit: int, pdu: bytes) -> None:
        match fault:
            case LinkFault.GARBAGE:
                self._send(transaction, unit, self._server.random.randbytes(len(pdu)))
            case LinkFault.NOISE:
                self._transport.write(self._server.random.randbytes(len(pdu) + 7))
            case LinkFault.TRUNCATED:
                frame = _HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu
                self._transport.write(frame[: 7 + len(pdu) // 2])
                # Closing lets the half frame out first; an abort could swallow it.
                self._transport.close()
                self._waiting.clear()
            case LinkFault.SHORT:
                if pdu[0] in (3, 4) and pdu[1] > 2:
                    pdu = bytes((pdu[0], pdu[1] - 2)) + pdu[2:-2]
                self._send(transaction, unit, pdu)
            case LinkFault.WRONG_UNIT:
                self._send(transaction, unit % 247 + 1, pdu)
            case LinkFault.STALE_TID:
                self._send((transaction - 1) & 0xFFFF, unit, pdu)
            case LinkFault.ENDLESS:
                self._transport.write(_HEADER.pack(transaction, 0, 0xFFFF, unit) + pdu)
                self._waiting.clear()
                self._flood(0)

    def _flood(self, sent: int) -> None:
        """Go on sending as if the reply had no end, until the fault is cleared or the client hangs up."""
        if self._server.fault is not LinkFault.ENDLESS or sent > ENDLESS_LIMIT or self._transport.is_closing():
            self._timer = None
            return
        self._transport.write(ENDLESS_CHUNK)
        self._timer = self._loop.call_later(ENDLESS_PERIOD_S, self._flood, sent + len(ENDLESS_CHUNK))
