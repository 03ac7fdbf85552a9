"""When the strict Modbus TCP link opens, keeps and drops its connection, on virtual time."""

import asyncio
import itertools

import pytest

from pcs.io.modbus_tcp import BACKOFF_LAST_S, ModbusTcpLink
from pcs.model.fault import Fault, FaultKind
from pcs.ports import Priority, Reply
from tests.link_helpers import (
    ADDRESS,
    FaultyServer,
    Peer,
    Request,
    frame,
    healthy,
    in_virtual_time,
    silent,
)
from tests.modbus_link_kit import DEADLINE_S, read, registers, until_good, with_server


def test_two_timeouts_in_a_row_open_a_new_connection_and_one_does_not() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        assert isinstance(await read(link), Fault)
        assert isinstance(await read(link), Reply)
        assert len(server.peers) == 1
        assert isinstance(await read(link), Fault)
        assert isinstance(await read(link), Fault)
        at_once = await read(link)
        assert isinstance(at_once, Fault)
        assert at_once.kind is FaultKind.NO_CONNECTION
        assert "no reply in time" in at_once.detail
        good, _ = await until_good(link, 300)
        assert good.data == registers(300, 4)
        assert len(server.peers) == 2

    with_server(work, silent, healthy, silent, silent)


def test_a_server_that_never_answers_costs_each_caller_at_most_its_deadline() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(200):
            began_s = loop.time()
            answer = await read(link)
            assert isinstance(answer, Fault)
            assert answer.kind in (FaultKind.NO_ANSWER, FaultKind.NO_CONNECTION)
            assert len(answer.detail) < 200
            assert loop.time() - began_s <= DEADLINE_S + 1e-6
            await asyncio.sleep(0.1)
        tried_s = [request.at_s for request in server.requests]
        assert max(b - a for a, b in itertools.pairwise(tried_s)) <= BACKOFF_LAST_S + 0.4
        assert len(server.requests) < 20

    assert with_server(work, otherwise=silent).good == 0


def test_a_reset_in_the_middle_of_a_reply_is_no_connection_and_heals() -> None:
    def reset(peer: Peer, request: Request) -> None:
        peer.send(frame(request)[:7])
        asyncio.get_running_loop().call_later(0.01, peer.transport.abort)

    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        answer = await read(link)
        assert isinstance(answer, Fault)
        assert answer.kind is FaultKind.NO_CONNECTION
        good, took_s = await until_good(link, 300)
        assert good.data == registers(300, 4)
        assert took_s < 0.2

    with_server(work, reset)


def test_a_device_that_hangs_up_after_each_reply_is_served_without_back_off() -> None:
    def once(peer: Peer, request: Request) -> None:
        peer.send(frame(request))
        asyncio.get_running_loop().call_later(0.001, peer.transport.close)

    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        for _ in range(5):
            assert isinstance(await read(link), Reply)
            await asyncio.sleep(0.05)

    assert with_server(work, otherwise=once).connects == 5


@pytest.mark.parametrize("size", [1, 5, 9, 17])
def test_bytes_that_nobody_asked_for_cost_the_connection_but_no_request(size: int) -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        assert isinstance(await read(link), Reply)
        server.peers[0].send(frame(Request(9, 1, 3, 900, 4, (), 0.0))[:size])
        await asyncio.sleep(0.05)
        answer = await read(link, 300)
        assert isinstance(answer, Reply)
        assert answer.data == registers(300, 4)
        assert len(server.peers) == 2

    with_server(work)


def test_a_device_that_refuses_the_connection_fails_at_once_and_is_found_again() -> None:
    async def whole() -> None:
        link = ModbusTcpLink(ADDRESS)
        loop = asyncio.get_running_loop()
        for _ in range(100):
            began_s = loop.time()
            answer = await read(link)
            assert isinstance(answer, Fault)
            assert answer.kind is FaultKind.NO_CONNECTION
            assert "cannot connect" in answer.detail
            assert loop.time() - began_s < 0.01
            await asyncio.sleep(0.1)
        server = FaultyServer()
        await server.start()
        _, took_s = await until_good(link, 300)
        assert took_s <= BACKOFF_LAST_S + 0.1
        await link.close()
        await server.stop()

    in_virtual_time(whole)


def test_one_dead_device_does_not_slow_another() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        dead = ModbusTcpLink(type(ADDRESS)(host=ADDRESS.host, port=9))

        async def poll_dead() -> None:
            for _ in range(100):
                await read(dead)
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            group.create_task(poll_dead())
            loop = asyncio.get_running_loop()
            for _ in range(100):
                began_s = loop.time()
                assert isinstance(await read(link), Reply)
                assert loop.time() - began_s < 0.001
                await asyncio.sleep(0.01)

    with_server(work)


def test_closing_ends_requests_under_way_and_later_ones() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        under_way = [asyncio.ensure_future(read(link)) for _ in range(3)]
        await asyncio.sleep(0.01)
        await link.close()
        for answer in [*(await asyncio.gather(*under_way)), await read(link)]:
            assert isinstance(answer, Fault)
            assert answer.kind is FaultKind.NO_CONNECTION

    with_server(work, otherwise=silent)


def test_a_request_that_no_modbus_frame_can_carry_is_a_bug() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        for address, count in [(0, 0), (0, 126), (65535, 2), (-1, 1)]:
            with pytest.raises(ValueError, match="no read"):
                await read(link, address, count)
        with pytest.raises(ValueError, match="no write"):
            await link.write(1, 0, (), deadline_s=1.0, priority=Priority.SCAN)

    with_server(work)


def hanging_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, connections are neither made nor refused."""

    async def hang(*_: object, **__: object) -> None:
        await asyncio.sleep(1e6)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", hang)


def test_a_connection_that_does_not_come_about_costs_one_deadline_and_then_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        hanging_connect(monkeypatch)
        loop = asyncio.get_running_loop()
        first = await read(link)
        assert isinstance(first, Fault)
        assert first.kind is FaultKind.NO_CONNECTION
        assert loop.time() == pytest.approx(DEADLINE_S, abs=1e-3)
        second = await read(link)
        assert isinstance(second, Fault)
        assert second.kind is FaultKind.NO_CONNECTION
        assert loop.time() == pytest.approx(DEADLINE_S, abs=1e-3)
        monkeypatch.undo()
        good, _ = await until_good(link, 300)
        assert good.data == registers(300, 4)

    with_server(work)


def test_a_request_cancelled_while_connecting_leaves_the_link_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        hanging_connect(monkeypatch)
        task = asyncio.ensure_future(read(link))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        monkeypatch.undo()
        assert isinstance(await read(link), Reply)

    with_server(work)


def test_closing_while_a_connection_is_made_leaves_none_behind() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        task = asyncio.ensure_future(read(link))
        await asyncio.sleep(0)
        await link.close()
        answer = await task
        assert isinstance(answer, Fault)
        assert answer.kind is FaultKind.NO_CONNECTION
        await asyncio.sleep(1.0)
        assert all(peer.transport.is_closing() for peer in server.peers)

    assert not with_server(work).connected


def test_a_connection_lost_during_the_pause_is_no_connection() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        assert isinstance(await read(link), Reply)
        asyncio.get_running_loop().call_later(0.05, server.peers[0].transport.close)
        answer = await read(link)
        assert isinstance(answer, Fault)
        assert answer.kind is FaultKind.NO_CONNECTION

    with_server(work, gaps={1: 0.1})
