"""The link on the real event loop and real sockets: what virtual time cannot show."""

import asyncio
import socket
import struct
import time

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from pcs.io.modbus_tcp import ModbusTcpLink
from pcs.model.fault import Fault, FaultKind
from pcs.model.site import LinkAddress
from pcs.ports import Priority, Reply
from tests.link_helpers import FaultyServer, Peer, Request, frame

pytestmark = pytest.mark.realtime

LOOPBACK = LinkAddress(host="127.0.0.1", port=0)


async def read(link: ModbusTcpLink, address: int = 100, deadline_s: float = 1.0) -> Reply | Fault:
    return await link.read(1, address, 4, deadline_s=deadline_s, priority=Priority.FAST_READ)


async def test_times_are_those_of_the_monotonic_clock_and_small_frames_are_not_held_back() -> None:
    server = FaultyServer()
    link = ModbusTcpLink(await server.start(LOOPBACK))
    before_s = time.monotonic()
    answer = await read(link)
    assert isinstance(answer, Reply)
    assert before_s <= answer.sent_s <= answer.received_s <= time.monotonic()
    connection = link._connection
    assert connection is not None
    raw = connection._client.ctx.transport.get_extra_info("socket")
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    await link.close()
    await server.stop()


async def test_a_peer_that_accepts_and_never_reads_is_no_answer_then_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = ModbusTcpLink(LinkAddress(host="127.0.0.1", port=listener.getsockname()[1]))
        kinds = []
        for _ in range(3):
            answer = await read(link, deadline_s=0.05)
            assert isinstance(answer, Fault)
            kinds.append(answer.kind)
        assert kinds == [FaultKind.NO_ANSWER, FaultKind.NO_ANSWER, FaultKind.NO_CONNECTION]
        await link.close()


async def test_a_reset_by_the_peer_is_no_connection() -> None:
    def reset(peer: Peer, request: Request) -> None:
        raw = peer.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.send(frame(request)[:5])
        peer.transport.abort()

    server = FaultyServer()
    server.script.append(reset)
    link = ModbusTcpLink(await server.start(LOOPBACK))
    answer = await read(link)
    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.NO_CONNECTION
    await asyncio.sleep(0.15)
    assert isinstance(await read(link), Reply)
    await link.close()
    await server.stop()


async def test_a_closed_port_is_no_connection_with_the_reason_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    link = ModbusTcpLink(LinkAddress(host="127.0.0.1", port=port))
    answer = await read(link)
    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.NO_CONNECTION
    assert "refused" in answer.detail.lower() or "connect call failed" in answer.detail.lower()
    await link.close()


async def test_a_pymodbus_server_is_read_and_written() -> None:
    device = SimDevice(id=1, simdata=[SimData(0, values=list(range(200)), datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    assert server.transport is not None
    link = ModbusTcpLink(LinkAddress(host="127.0.0.1", port=server.transport.sockets[0].getsockname()[1]))
    answer = await read(link)
    assert isinstance(answer, Reply)
    assert struct.unpack(">4H", answer.data) == (100, 101, 102, 103)
    written = await link.write(1, 100, (7, 8), deadline_s=1.0, priority=Priority.LIMIT_WRITE)
    assert isinstance(written, Reply)
    again = await read(link)
    assert isinstance(again, Reply)
    assert struct.unpack(">4H", again.data) == (7, 8, 102, 103)
    refused = await read(link, 60_000)
    assert isinstance(refused, Fault)
    assert refused.kind is FaultKind.REFUSED
    await link.close()
    await server.shutdown()


async def test_the_bench_of_the_link_runs() -> None:
    from tests.bench.bench_link import run

    result = await asyncio.to_thread(run, 1, 20)
    assert result["reads_per_s"] > 0
