"""A device that plays one fault, on any kind of link: it understands requests, and does with the wire what it is told.

Every register holds its own address, so a reading tells by itself whether it belongs to its request.
"""

import asyncio
import contextlib
import os
import socket
import struct
import time
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pymodbus.framer.rtu import FramerRTU

from pcs.model.site import LinkAddress, LinkKind
from tests.link_helpers import Request, body
from tests.link_helpers import frame as tcp_frame
from tests.virtual_time import VirtualLoop

Take = Callable[[bytes], tuple[Request, bytes] | None]


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def take_tcp(data: bytes) -> tuple[Request, bytes] | None:
    """The first request of a stream, and what is behind it."""
    if len(data) < 12:
        return None
    transaction, _, length, unit = struct.unpack_from(">HHHB", data)
    return _request(transaction, unit, data[7 : 6 + length]), data[6 + length :]


def take_rtu(data: bytes) -> tuple[Request, bytes] | None:
    """As `take_tcp`, for requests of functions 3, 4 and 16 on a bus."""
    if len(data) < 8:
        return None
    size = 9 + data[6] if data[1] == 16 else 8
    if len(data) < size:
        return None
    assert data[size - 2 : size] == crc(data[: size - 2])
    return _request(0, data[0], data[1 : size - 2]), data[size:]


def _request(transaction: int, unit: int, pdu: bytes) -> Request:
    function, address, count = struct.unpack_from(">BHH", pdu)
    words = struct.unpack(f">{count}H", pdu[6:]) if function == 16 else ()
    return Request(transaction, unit, function, address, count, words, _now_s())


def crc(data: bytes) -> bytes:
    """The two bytes behind an RTU frame, as a third party counts them."""
    return FramerRTU.compute_CRC(data).to_bytes(2, "big")


def rtu_frame(request: Request, pdu: bytes | None = None, *, unit: int | None = None, transaction: int = 0) -> bytes:
    """An RTU reply frame to `request`, wrong where told; a bus has no transaction."""
    data = bytes((request.unit if unit is None else unit,)) + (body(request) if pdu is None else pdu)
    return data + crc(data)


def stop_for(seconds_s: float) -> None:
    """What a stopped process sees: no time passes for it, and then all at once."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        loop.skip(seconds_s)
    else:
        time.sleep(seconds_s)


@dataclass(frozen=True)
class Framing:
    """How frames are made and recognised."""

    take: Take
    frame: Callable[..., bytes]


TCP = Framing(take=take_tcp, frame=tcp_frame)
RTU = Framing(take=take_rtu, frame=rtu_frame)


class Wire(ABC):
    """What a fault may do, besides saying something."""

    framing: Framing
    faulty = False
    """Whether the fault began on this connection."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Say this now."""

    def say(self, data: bytes, after_s: float = 0.0) -> None:
        """Say this, later if told."""
        if after_s > 0.0:
            asyncio.get_running_loop().call_later(after_s, self.write, data)
        else:
            self.write(data)

    def frame(self, request: Request, pdu: bytes | None = None, **wrong: int) -> bytes:
        """The right reply, wrong where told."""
        return self.framing.frame(request, pdu, **wrong)

    @abstractmethod
    def stop_reading(self) -> None:
        """Hang, as an application does whose kernel still accepts."""

    @abstractmethod
    def reset(self) -> None:
        """Cut the connection."""

    @abstractmethod
    def unplug(self, for_s: float) -> None:
        """Take the port away; it comes back by itself."""


Play = Callable[[Wire, Request, int], bool]
"""Does something with a request, the n-th since the fault began; False: answer as a healthy device."""


class Device(ABC):
    """Listens, and hands each request to the fault."""

    def __init__(self, framing: Framing, play: Play) -> None:
        self.framing, self._play = framing, play
        self.requests: list[Request] = []
        self.armed_at: int | None = None
        """From which request on the fault is played."""

    def heard(self, wire: Wire, buffer: bytes) -> bytes:
        """Handle whole requests; returns what is left."""
        while (taken := self.framing.take(buffer)) is not None:
            request, buffer = taken
            number = len(self.requests)
            self.requests.append(request)
            playing = self.armed_at is not None and number >= self.armed_at
            wire.faulty = wire.faulty or number == self.armed_at
            if not (playing and self._play(wire, request, number - (self.armed_at or 0))):
                wire.say(wire.frame(request))
        return buffer

    def arm(self) -> None:
        """Play the fault from the next request on."""
        self.armed_at = len(self.requests)

    @abstractmethod
    async def start(self) -> None:
        """Listen."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop for good."""


class SocketDevice(Device):
    """Behind a TCP port, at `address`."""

    def __init__(self, framing: Framing, play: Play, address: LinkAddress, *, real: bool) -> None:
        super().__init__(framing, play)
        self.address, self.real = address, real
        self.wires: list[_SocketWire] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """See `Device.start`; a port of 0 becomes a free one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _SocketWire(self), self.address.host, self.address.port)
        port = self._server.sockets[0].getsockname()[1]
        self.address = LinkAddress(host=self.address.host, port=port, kind=self.address.kind)

    async def stop(self) -> None:
        """See `Device.stop`."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for wire in self.wires:
            wire.transport.abort()

    def away(self, for_s: float) -> None:
        """Be gone for a while."""
        self.close()

        async def back() -> None:
            await asyncio.sleep(for_s)
            await self.start()

        task = asyncio.get_running_loop().create_task(back())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _SocketWire(Wire, asyncio.Protocol):
    def __init__(self, device: SocketDevice) -> None:
        self._device, self.framing = device, device.framing
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._device.wires.append(self)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._device.heard(self, self._buffer + data)

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def stop_reading(self) -> None:
        self.transport.pause_reading()

    def reset(self) -> None:
        if self._device.real:  # a virtual socket knows no options
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def unplug(self, for_s: float) -> None:
        self._device.away(for_s)


class PtyDevice(Device, Wire):
    """Behind a pty, found by the symlink `path`."""

    def __init__(self, play: Play, path: Path) -> None:
        Device.__init__(self, RTU, play)
        self.address = LinkAddress(kind=LinkKind.SERIAL, device=str(path), port=0, baud=115200)
        self._path = path
        self._ours = self._theirs = -1
        self._buffer = b""
        self._back: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """See `Device.start`."""
        self._open()

    async def stop(self) -> None:
        """See `Device.stop`."""
        if self._back is not None:
            self._back.cancel()
        self._close()

    def write(self, data: bytes) -> None:
        if self._ours >= 0:
            with contextlib.suppress(BlockingIOError):
                os.write(self._ours, data)

    def stop_reading(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)

    def reset(self) -> None:
        self.unplug(0.0)

    def unplug(self, for_s: float) -> None:
        self._close()
        self._back = asyncio.get_running_loop().call_later(for_s, self._open)

    def _open(self) -> None:
        self._buffer = b""
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self._path.symlink_to(os.ttyname(self._theirs))
        asyncio.get_running_loop().add_reader(self._ours, self._readable)

    def _close(self) -> None:
        if self._ours >= 0:
            asyncio.get_running_loop().remove_reader(self._ours)
            os.close(self._ours)
            os.close(self._theirs)
            self._ours = self._theirs = -1
            self._path.unlink()

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._buffer = self.heard(self, self._buffer + os.read(self._ours, 4096))
