"""What tests of the Modbus TCP link share: a link against a scripted server, and replies that no device may give."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable

from pcs.io.modbus_tcp import LinkCounters, ModbusTcpLink
from pcs.model.fault import Fault
from pcs.ports import Priority, Reply
from tests.link_helpers import (
    Answer,
    FaultyServer,
    Request,
    frame,
    in_virtual_time,
)

DEADLINE_S = 0.2


def registers(address: int, count: int) -> bytes:
    return b"".join(((address + i) & 0xFFFF).to_bytes(2, "big") for i in range(count))


async def read(
    link: ModbusTcpLink, address: int = 100, count: int = 4, *, unit: int = 1, priority: Priority = Priority.FAST_READ
) -> Reply | Fault:
    return await link.read(unit, address, count, deadline_s=DEADLINE_S, priority=priority)


def with_server(
    work: Callable[[ModbusTcpLink, FaultyServer], Awaitable[None]],
    *script: Answer,
    gaps: dict[int, float] | None = None,
    **server: object,
) -> LinkCounters:
    """Run `work` against a server with this script; returns the link's counters at the end."""

    async def whole() -> LinkCounters:
        peer = FaultyServer(script=deque(script), **server)  # type: ignore[arg-type]
        link = ModbusTcpLink(await peer.start(), min_gap_s=gaps)
        try:
            await work(link, peer)
            return link.counters()
        finally:
            await link.close()
            await peer.stop()

    return in_virtual_time(whole)


async def until_good(link: ModbusTcpLink, address: int) -> tuple[Reply, float]:
    """Ask every 10 ms, as a control cycle would, until there is a reply; returns it and how long that took."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for _ in range(1000):
        answer = await read(link, address)
        if isinstance(answer, Reply):
            return answer, loop.time() - began_s
        await asyncio.sleep(0.01)
    raise AssertionError(answer)


MALFORMED: dict[str, Callable[[Request], bytes]] = {
    "one register short": lambda r: frame(r, bytes([3, 6]) + registers(r.address, 3)),
    "one register long": lambda r: frame(r, bytes([3, 10]) + registers(r.address, 5)),
    "byte count says less than the frame holds": lambda r: frame(r, bytes([3, 6]) + registers(r.address, 4)),
    "byte count says more than the frame holds": lambda r: frame(r, bytes([3, 10]) + registers(r.address, 4)),
    "wrong unit": lambda r: frame(r, unit=2),
    "function of input registers": lambda r: frame(r, bytes([4, 8]) + registers(r.address, 4)),
    "function that nobody knows": lambda r: frame(r, bytes([0x63, 8]) + registers(r.address, 4)),
    "exception of another function": lambda r: frame(r, bytes([0x90, 2])),
    "exception without a code": lambda r: frame(r, bytes([0x83])),
    "exception with too much": lambda r: frame(r, bytes([0x83, 2, 0])),
    "transaction of the future": lambda r: frame(r, transaction=r.transaction + 1),
    "transaction 0": lambda r: frame(r, transaction=0),
    "protocol that is not Modbus": lambda r: frame(r, protocol=1),
    "text": lambda r: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": lambda r: bytes(64),
    "length field of zero": lambda r: frame(r)[:4] + bytes(2) + frame(r)[6:],
    "length field beyond any frame": lambda r: frame(r)[:4] + b"\xff\xff" + frame(r)[6:],
    "reply twice": lambda r: frame(r) + frame(r),
    "reply and half of another": lambda r: frame(r) + frame(r)[:9],
    "endless bytes": lambda r: random.Random(1).randbytes(300_000),
    "endless replies": lambda r: frame(r, transaction=r.transaction + 1) * 10_000,
    "endless right replies": lambda r: frame(r) * 10_000,
}
