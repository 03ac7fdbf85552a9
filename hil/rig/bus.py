"""One address of the bench with the units behind it: a Modbus TCP gateway, RTU over TCP, or a bus on a pty."""

import asyncio
import errno
import os
import termios
import tty
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hil.rig.conversation import Conversation, RtuConversation, TcpConversation, Wire
from hil.rig.link_fault import LinkFault
from hil.rig.link_name import SERIAL, LinkName

if TYPE_CHECKING:
    from hil.rig.modbus_server import DeviceServer

READ_BYTES = 4096
_SPEEDS = {
    getattr(termios, f"B{baud}"): baud
    for baud in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
    if hasattr(termios, f"B{baud}")
}


class Bus(ABC):
    """One address. `down` and `up` unplug and plug its cable; `link` says where it really is once it is up."""

    def __init__(self, link: LinkName):
        self.link = link
        self.units: dict[int, DeviceServer] = {}
        self._wires: set[_SocketWire | _PtyWire] = set()

    @abstractmethod
    async def up(self) -> None:
        """Listen; nothing if it does.

        Raises:
            OSError: the port is taken, or the symlink cannot be made.
        """

    @abstractmethod
    def down(self) -> None:
        """Stop listening and cut every conversation."""

    def refresh(self) -> None:
        """A fault of a unit changed: whether the application behind the address still reads."""
        for wire in self._wires:
            wire.hold(self.hung)

    @property
    def hung(self) -> bool:
        """Whether some unit's fault is that nobody reads while the kernel still accepts."""
        return any(unit.fault is LinkFault.HALF_OPEN for unit in self.units.values())


def make_bus(link: LinkName) -> Bus:
    """The bus for a link."""
    return PtyBus(link) if link.scheme == SERIAL else SocketBus(link)


class SocketBus(Bus):
    """A listening TCP port, speaking Modbus TCP or RTU. A port of 0 becomes the one that was free."""

    def __init__(self, link: LinkName):
        super().__init__(link)
        self._server: asyncio.Server | None = None
        self._opening = False

    async def up(self) -> None:
        """See `Bus.up`."""
        if self._server is not None or self._opening:
            return
        self._opening = True
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _SocketWire(self), self.link.host, self.link.port)
        finally:
            self._opening = False
        self.link = replace(self.link, port=self._server.sockets[0].getsockname()[1])

    def down(self) -> None:
        """See `Bus.down`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for wire in tuple(self._wires):
            wire.abort()

    def talk(self, wire: "_SocketWire") -> Conversation:
        """A conversation with a client that came."""
        self._wires.add(wire)
        return RtuConversation(self.units, wire, self.link) if self.link.is_rtu else TcpConversation(self.units, wire)

    def left(self, wire: "_SocketWire") -> None:
        """A client went."""
        self._wires.discard(wire)


class _SocketWire(Wire, asyncio.Protocol):
    """One client's connection."""

    def __init__(self, bus: SocketBus):
        self._bus = bus
        self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._conversation = self._bus.talk(self)
        self.hold(self._bus.hung)

    def connection_lost(self, exc: Exception | None) -> None:
        self._bus.left(self)
        self._conversation.end()

    def data_received(self, data: bytes) -> None:
        self._conversation.receive(data)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._conversation.end()
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def hold(self, held: bool) -> None:
        """Stop reading, as a hung application does whose kernel still accepts; or go on."""
        if held != self._held:
            self._held = held
            if held:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()


class PtyBus(Bus):
    """A serial bus: a pty of our own, found by a symlink. Unplugging it takes the port away, as with an adapter."""

    def __init__(self, link: LinkName):
        super().__init__(link)
        self._wire: _PtyWire | None = None

    async def up(self) -> None:
        """See `Bus.up`. A symlink that is in the way is replaced, anything else is not."""
        if self._wire is None:
            self._wire = _PtyWire(self)
            self._wires.add(self._wire)

    def down(self) -> None:
        """See `Bus.down`."""
        if self._wire is not None:
            self._wires.discard(self._wire)
            self._wire.abort()
            self._wire = None


class _PtyWire(Wire):
    """Our end of a pty. The other end is kept open too, so that a client may come and go."""

    def __init__(self, bus: PtyBus):
        self._loop = asyncio.get_running_loop()
        self._link, self._path = bus.link, Path(bus.link.path)
        self._held = self._gone = False
        self._ours, self._theirs = os.openpty()
        try:
            tty.setraw(self._theirs)
            os.set_blocking(self._ours, False)
            self._port = os.ttyname(self._theirs)
            _point(self._path, self._port)
        except OSError:
            os.close(self._ours)
            os.close(self._theirs)
            raise
        self._conversation = RtuConversation(bus.units, self, bus.link, self._at_our_speed)
        self._loop.add_reader(self._ours, self._readable)
        self.hold(bus.hung)

    def write(self, data: bytes) -> None:
        """Bytes that the kernel has no room for are lost, as on a line that nobody listens to."""
        if not self._gone:
            with suppress(BlockingIOError):
                os.write(self._ours, data)

    def close(self) -> None:
        """A serial line does not end when a reply does."""

    def abort(self) -> None:
        """Take the port away."""
        if self._gone:
            return
        self._gone = True
        self._conversation.end()
        self._loop.remove_reader(self._ours)
        os.close(self._ours)
        os.close(self._theirs)
        if self._path.is_symlink() and os.readlink(self._path) == self._port:
            self._path.unlink()

    def is_closing(self) -> bool:
        return self._gone

    def hold(self, held: bool) -> None:
        """Stop hearing; or go on."""
        if held != self._held:
            self._held = held
            if held:
                self._loop.remove_reader(self._ours)
            else:
                self._loop.add_reader(self._ours, self._readable)

    def _readable(self) -> None:
        with suppress(BlockingIOError):
            self._conversation.receive(os.read(self._ours, READ_BYTES))

    def _at_our_speed(self) -> bool:
        """Whether the client set the speed of the bus; at another one no unit can read a byte."""
        speed = _SPEEDS.get(termios.tcgetattr(self._theirs)[5])
        return self._link.baud is None or speed is None or speed == self._link.baud


def _point(path: Path, port: str) -> None:
    """Let a symlink at `path` point to `port`, in one step."""
    if os.path.lexists(path) and not path.is_symlink():
        raise FileExistsError(errno.EEXIST, "is no symlink, and stays as it is", str(path))
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        fresh.unlink()
    fresh.symlink_to(port)
    fresh.replace(path)
