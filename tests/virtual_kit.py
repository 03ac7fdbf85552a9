"""For tests of the virtual loop's connections: a protocol that writes down what it is told, and a pair of them."""

import asyncio
from typing import Any

from hil.rig.virtual_wire import VirtualTransport


class Ear(asyncio.Protocol):
    """Writes down everything that it is told."""

    def __init__(self, keeps_half: bool = False) -> None:
        self.told: list[str] = []
        self.pieces: list[bytes] = []
        self.error: Exception | None = None
        self.keeps_half = keeps_half

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.told.append("made")
        assert isinstance(transport, VirtualTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.told.append("data")
        self.pieces.append(data)

    def eof_received(self) -> bool:
        self.told.append("eof")
        return self.keeps_half

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")
        self.error = exc

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    @property
    def heard(self) -> bytes:
        return b"".join(self.pieces)


async def pair(server_keeps_half: bool = False, port: int = 0) -> tuple[Ear, Ear, Any]:
    """A client, the server's end of its connection, and the server."""
    loop, ears = asyncio.get_running_loop(), list[Ear]()

    def factory() -> Ear:
        ears.append(Ear(server_keeps_half))
        return ears[-1]

    server = await loop.create_server(factory, "127.0.0.1", port)
    _, client = await loop.create_connection(Ear, *server.sockets[0].getsockname())
    await asyncio.sleep(0.001)
    return client, ears[0], server
