"""What tests of the twin's servers share: a small site on virtual time, and raw bytes to and from one device."""

import asyncio
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hil.rig.mistake import BadFileError
from hil.rig.simulated import SimulatedSite
from hil.rig.twin_file import TwinFile
from hil.rig.twin_load import load_twin
from tests.virtual_time import run_virtually

READ_W = bytes((3,)) + struct.pack(">HH", 40088, 2)  # model 203 begins at 40070; W is its point 18


def twin(**more: Any) -> TwinFile:
    return TwinFile.model_validate(
        {
            "schema": "hil.twin/1",
            "site": {"name": "t", "system": "wye", "nominal_v": 230},
            "meters": [{"id": "poi", "registers": "int", "reply_s": 0.01}],
            "ders": [
                {"id": "inv1", "nameplate_w": 10000, "reply_s": 0.02},
                {"id": "inv2", "nameplate_w": 5000, "control": 704},
            ],
            "load": [{"steps": [[0, 3000], [5, 6000]]}],
            "sun": {"constant": 0.5},
            **more,
        }
    )


def write(tmp_path: Path, text: str) -> Path:
    """A twin file of this text."""
    path = tmp_path / "twin.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(tmp_path: Path, text: str) -> list[str]:
    """What a twin file of this text is told."""
    with pytest.raises(BadFileError) as caught:
        load_twin(write(tmp_path, text))
    return [str(mistake).removeprefix(str(tmp_path) + "/") for mistake in caught.value.mistakes]


PEERS: "list[Peer]" = []


class Peer:
    """Raw bytes to and from one device."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, site: SimulatedSite, name: str) -> "Peer":
        server = site.servers[name]
        peer = cls(*await asyncio.open_connection(server.host, server.port))
        PEERS.append(peer)
        return peer

    async def ask(self, request: bytes, wait_s: float = 1.0) -> bytes:
        """Everything that comes back within `wait_s`."""
        self.writer.write(request)
        got = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while chunk := await self.reader.read(4096):
                    got += chunk
        return got

    async def timed(self, request: bytes, wait_s: float = 1.0) -> list[tuple[float, bytes]]:
        """What comes back within `wait_s`, each piece with the seconds since the request went out."""
        self.writer.write(request)
        loop, pieces = asyncio.get_running_loop(), []
        began_s = loop.time()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while chunk := await self.reader.read(4096):
                    pieces.append((loop.time() - began_s, chunk))
        return pieces


def with_site(work: Any, **more: Any) -> Any:
    async def run() -> Any:
        site = SimulatedSite(twin(**more))
        await site.start()
        try:
            return await work(site)
        finally:
            while PEERS:
                PEERS.pop().writer.close()
            await site.stop()

    return run_virtually(run())
