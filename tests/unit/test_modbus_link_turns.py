"""Whose request goes next on a Modbus TCP link, and whose is given up, on virtual time."""

import asyncio

import pytest

from pcs.io.modbus_tcp import ModbusTcpLink
from pcs.io.turn import MAX_WAITING, PriorityTurn, Turn
from pcs.model.fault import Fault, FaultKind
from pcs.ports import Priority, Reply
from tests.link_helpers import (
    FaultyServer,
    in_virtual_time,
    late,
)
from tests.modbus_link_kit import DEADLINE_S, read, with_server


def test_limit_writes_overtake_reads_and_equals_keep_their_order() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        async with asyncio.TaskGroup() as group:
            for address, priority in [
                (1, Priority.SLOW_READ),  # goes out at once
                (2, Priority.SCAN),
                (3, Priority.SLOW_READ),
                (4, Priority.FAST_READ),
                (5, Priority.FAST_READ),
                (6, Priority.VERIFY),
            ]:
                group.create_task(read(link, address, priority=priority))
            write = link.write(1, 7, (1, 2), deadline_s=DEADLINE_S, priority=Priority.LIMIT_WRITE)
            group.create_task(write)
        assert [request.address for request in server.requests] == [1, 7, 4, 5, 6, 3, 2]

    with_server(work, otherwise=late(0.01))


def test_a_full_queue_crowds_out_the_least_urgent_and_never_a_limit_write() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        reads = [asyncio.ensure_future(read(link, i, priority=Priority.SLOW_READ)) for i in range(MAX_WAITING + 1)]
        await asyncio.sleep(0)
        written = await link.write(1, 7, (1,), deadline_s=DEADLINE_S, priority=Priority.LIMIT_WRITE)
        assert isinstance(written, Reply)
        answers = await asyncio.gather(*reads)
        crowded = [answer.detail for answer in answers if isinstance(answer, Fault)]
        assert len(crowded) == 1
        assert "too many requests" in crowded[0]
        assert isinstance(answers[-1], Fault)

    with_server(work, otherwise=late(0.001))


def test_waiting_for_the_turn_counts_against_the_deadline() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        loop = asyncio.get_running_loop()
        first = asyncio.ensure_future(link.read(1, 1, 1, deadline_s=1.0, priority=Priority.SCAN))
        await asyncio.sleep(0)
        began_s = loop.time()
        second = await read(link)
        assert isinstance(second, Fault)
        assert second.kind is FaultKind.NO_ANSWER
        assert loop.time() - began_s == pytest.approx(DEADLINE_S)
        assert isinstance(await first, Reply)
        assert len(server.requests) == 1

    assert with_server(work, late(0.9)).not_sent == 1


def test_a_unit_gets_its_pause_and_its_neighbour_need_not_wait() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        for unit in (1, 1, 2, 1):
            assert isinstance(await read(link, unit=unit), Reply)
        first, second, neighbour, third = (request.at_s for request in server.requests)
        assert second - first == pytest.approx(0.05, abs=1e-3)
        assert neighbour - second == pytest.approx(0.0, abs=1e-3)
        assert third - second == pytest.approx(0.05, abs=1e-3)

    with_server(work, gaps={1: 0.05})


@pytest.mark.parametrize("when_s", [0.0, 0.005, 0.01, 0.0101])
def test_a_cancelled_waiter_never_keeps_the_turn(when_s: float) -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        loop = asyncio.get_running_loop()
        first = asyncio.ensure_future(read(link, 1))
        await asyncio.sleep(0)
        waiter, last = asyncio.ensure_future(read(link, 2)), asyncio.ensure_future(read(link, 3))
        loop.call_later(when_s, waiter.cancel)
        assert isinstance(await first, Reply)
        waiter.cancel()  # also in the very moment in which the turn was handed to it
        assert isinstance(await last, Reply)
        assert isinstance(await read(link, 4), Reply)

    with_server(work, otherwise=late(0.01))


def test_a_request_whose_pause_outlasts_its_deadline_is_not_sent() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        assert isinstance(await read(link), Reply)
        answer = await read(link)
        assert isinstance(answer, Fault)
        assert answer.kind is FaultKind.NO_ANSWER
        assert len(server.requests) == 1

    assert with_server(work, gaps={1: 1.0}).not_sent == 1


def test_crowding_out_prefers_requests_that_already_gave_up() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        brief = [
            asyncio.ensure_future(link.read(1, i, 1, deadline_s=0.01, priority=Priority.SCAN))
            for i in range(MAX_WAITING + 1)
        ]
        await asyncio.sleep(0.05)
        scan = await link.read(1, 500, 1, deadline_s=1.0, priority=Priority.SCAN)
        assert isinstance(scan, Reply)
        await asyncio.gather(*brief)

    with_server(work, late(0.1))


def test_a_request_in_a_full_queue_of_more_urgent_ones_is_itself_crowded_out() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        urgent = [asyncio.ensure_future(read(link, i)) for i in range(MAX_WAITING + 1)]
        await asyncio.sleep(0)
        scan = await read(link, 500, priority=Priority.SCAN)
        assert isinstance(scan, Fault)
        assert "too many requests" in scan.detail
        assert all(isinstance(answer, Reply) for answer in await asyncio.gather(*urgent))

    with_server(work, otherwise=late(0.001))


def test_a_waiter_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    async def whole() -> None:
        turn = PriorityTurn()
        assert turn.take()
        waiters = [asyncio.ensure_future(turn.wait(Priority.SCAN, 10.0)) for _ in range(2)]
        await asyncio.sleep(0)
        assert turn.waiting == 2
        turn.release()
        waiters[0].cancel()
        assert await waiters[1] is Turn.MINE
        assert not turn.take()
        turn.release()
        assert turn.take()

    in_virtual_time(whole)
