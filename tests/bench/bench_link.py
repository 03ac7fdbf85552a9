"""Reads per second of the link against a bare asyncio client, both against the same minimal server in its own process.

Run it: ``python tests/bench/bench_link.py``; `run` is for `make bench`. Rounds alternate between the two clients.
"""

import asyncio
import json
import multiprocessing
import struct
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from pcs.io.modbus_tcp import ModbusTcpLink
from pcs.model.site import LinkAddress
from pcs.ports import Priority, Reply

COUNT = 50
ROUNDS, READS = 5, 1000


class _Server(asyncio.Protocol):
    """Answers every function 3 request with zeros."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        transaction, _, _, unit, _, _, count = struct.unpack(">HHHBBHH", data)
        self.transport.write(
            struct.pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, 3, 2 * count) + bytes(2 * count)
        )


def _serve(pipe: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


class _Bare(asyncio.Protocol):
    """The least that asyncio needs to read registers: no checks, no deadline, no turn."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.answer.set_result(data[9:])

    async def read(self, transaction: int) -> bytes:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(struct.pack(">HHHBBHH", transaction & 0xFFFF, 0, 6, 1, 3, 0, COUNT))
        return await self.answer


async def _bare(port: int, reads: int) -> float:
    transport, client = await asyncio.get_running_loop().create_connection(_Bare, "127.0.0.1", port)
    began = time.perf_counter()
    for transaction in range(reads):
        await client.read(transaction)
    took = time.perf_counter() - began
    transport.close()
    return reads / took


async def _link(port: int, reads: int) -> float:
    link = ModbusTcpLink(LinkAddress(host="127.0.0.1", port=port))
    began = time.perf_counter()
    for _ in range(reads):
        answer = await link.read(1, 0, COUNT, deadline_s=1.0, priority=Priority.FAST_READ)
        assert isinstance(answer, Reply), answer
    took = time.perf_counter() - began
    await link.close()
    return reads / took


def run(rounds: int = ROUNDS, reads: int = READS) -> dict[str, Any]:
    """Measure and print; both are medians, the reference is the bare client."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    try:
        port = ours.recv()
        asyncio.run(_bare(port, reads // 5))
        asyncio.run(_link(port, reads // 5))
        pairs = [(asyncio.run(_bare(port, reads)), asyncio.run(_link(port, reads))) for _ in range(rounds)]
    finally:
        process.terminate()
        process.join()
    bare, link = (sorted(column)[rounds // 2] for column in zip(*pairs, strict=True))
    result = {"reads_per_s": round(link), "reference_reads_per_s": round(bare)}
    sys.stdout.write(json.dumps(result) + "\n")
    return result


if __name__ == "__main__":
    run()
