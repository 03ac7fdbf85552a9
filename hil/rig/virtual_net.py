"""The network of a virtual loop: who listens where, which ports are free, servers that take connections.

Names are not looked up: an address is an IPv4 number, `localhost`, or nothing for "every address". Where nobody listens
a connection is refused at once; addresses that swallow connections do not exist here.
"""

import asyncio
import errno
import ipaddress
import os
import socket
from collections.abc import Callable
from typing import Any

from hil.rig.virtual_wire import Address, VirtualSocket, VirtualTransport

EVERYWHERE, HERE = "0.0.0.0", "127.0.0.1"
FIRST_FREE_PORT, PORTS_END = 49_152, 65_536  # dynamic ports: RFC 6335, section 6
CONNECTIONS_MAX = 4096
"""Connections at a time; a leak is found here, as it is by a real process that runs out of files."""

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class VirtualNet:
    """Everybody's addresses, of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._servers: dict[Address, VirtualServer] = {}
        self._ends: dict[Address, VirtualTransport] = {}
        self._accepted = 0
        self._next_port = FIRST_FREE_PORT

    def listen(self, factory: ProtocolFactory, host: str, port: int) -> "VirtualServer":
        """A server that listens at once; port 0 takes a free one.

        Raises:
            OSError: the port is taken, or none is free.
        """
        address = (host, port or self._free_port())
        if self._listener(address) is not None or (host == EVERYWHERE and self._is_taken(address[1])):
            raise OSError(errno.EADDRINUSE, f"{host}:{port} is taken: another server of this loop listens there")
        server = self._servers[address] = VirtualServer(self._loop, factory, address, self._servers)
        return server

    def connect(self, to: Address, source: Address | None) -> VirtualTransport:
        """The client's end of a new connection; the server takes its own on a later turn.

        Raises:
            OSError: nobody listens, the source address is taken, or there are too many connections.
        """
        host = HERE if to[0] == EVERYWHERE else to[0]
        server = self._listener((host, to[1]))
        if server is None:
            raise ConnectionRefusedError(
                errno.ECONNREFUSED, f"connect to {host}:{to[1]}: {os.strerror(errno.ECONNREFUSED)}"
            )
        own = (source[0] if source else HERE, (source[1] if source else 0) or self._free_port())
        if own in self._ends:
            raise OSError(errno.EADDRINUSE, f"{own[0]}:{own[1]} is taken: a connection comes from there")
        if len(self._ends) >= CONNECTIONS_MAX:
            raise OSError(errno.EMFILE, f"more than {CONNECTIONS_MAX} connections; is one forgotten?")
        client = VirtualTransport(self._loop, own, (host, to[1]), self._left)
        self._ends[own] = client
        end = VirtualTransport(self._loop, (host, to[1]), own, server.left)
        client.wire_to(end)
        self._loop.call_soon(server.accept, end)
        return client

    def _left(self, end: VirtualTransport) -> None:
        """A client is gone; its port is free."""
        self._ends.pop(end.get_extra_info("sockname"), None)

    def _listener(self, address: Address) -> "VirtualServer | None":
        """Who takes a connection to this address."""
        return self._servers.get(address) or self._servers.get((EVERYWHERE, address[1]))

    def _is_taken(self, port: int) -> bool:
        """Whether somebody listens at this port or connects from it."""
        return any(port == p for _, p in self._servers) or any(port == p for _, p in self._ends)

    def _free_port(self) -> int:
        """The next port that nobody has, in turn, so that one just given back rests."""
        for _ in range(FIRST_FREE_PORT, PORTS_END):
            port, self._next_port = self._next_port, self._next_port + 1
            if self._next_port == PORTS_END:
                self._next_port = FIRST_FREE_PORT
            if not self._is_taken(port):
                return port
        raise OSError(errno.EADDRINUSE, f"no port is free from {FIRST_FREE_PORT} to {PORTS_END - 1}")


class VirtualServer(asyncio.AbstractServer):
    """A listening address. Closing it lets connections live on, as with asyncio's own."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        factory: ProtocolFactory,
        address: Address,
        listening: "dict[Address, VirtualServer]",
    ) -> None:
        self._loop, self._factory, self._address, self._listening = loop, factory, address, listening
        self._ends: dict[VirtualTransport, None] = {}  # a dictionary for its order: sets have none
        self._closed = loop.create_future()

    @property
    def sockets(self) -> tuple[VirtualSocket, ...]:
        """The listening socket; nothing after `close`."""
        return (VirtualSocket(self._address),) if self.is_serving() else ()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it lives on."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether it takes connections."""
        return self._listening.get(self._address) is self

    async def start_serving(self) -> None:
        """Nothing: it has listened from the beginning."""

    async def serve_forever(self) -> None:
        """Wait until it is closed; when cancelled, close it."""
        try:
            await asyncio.shield(self._closed)
        finally:
            self.close()

    def close(self) -> None:
        """Listen no more."""
        if self.is_serving():
            del self._listening[self._address]
        if not self._closed.done():
            self._closed.set_result(None)

    async def wait_closed(self) -> None:
        """Return once it is closed."""
        await asyncio.shield(self._closed)

    def close_clients(self) -> None:
        """Close every connection that it took."""
        for end in tuple(self._ends):
            end.close()

    def abort_clients(self) -> None:
        """Cut every connection that it took."""
        for end in tuple(self._ends):
            end.abort()

    def accept(self, end: VirtualTransport) -> None:
        """Take a connection; a server that was closed meanwhile resets it."""
        if not self.is_serving():
            end.reset()
            return
        self._ends[end] = None
        try:
            end.begin(self._factory())
        except Exception as error:
            context = {"message": "a server failed on a new connection", "exception": error, "transport": end}
            self._loop.call_exception_handler(context)
            end.abort()

    def left(self, end: VirtualTransport) -> None:
        """A connection is over."""
        self._ends.pop(end, None)


def address_of(host: Any, port: Any) -> Address:
    """Host and port as numbers.

    Raises:
        socket.gaierror: the host is a name; there is nobody here to ask for it.
        OverflowError: no such port, as asyncio says it.
    """
    name = EVERYWHERE if host in (None, "", "*") else str(host)
    if name == "localhost":
        name = HERE
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        raise socket.gaierror(
            socket.EAI_NONAME, f"{name}: no name is known on a virtual loop; write an IPv4 address"
        ) from None
    number = int(port or 0)
    if not 0 <= number < PORTS_END:
        raise OverflowError(f"port {number}: must be 0 to {PORTS_END - 1}")
    return name, number
