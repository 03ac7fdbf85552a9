"""What a caller of the strict Modbus TCP link sees when the device misbehaves, on virtual time."""

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Awaitable, Callable

import pytest

from pcs.io.modbus_tcp import BACKOFF_LAST_S, LinkCounters, ModbusTcpLink
from pcs.io.turn import MAX_WAITING, PriorityTurn, Turn
from pcs.model.fault import Fault, FaultKind
from pcs.ports import Priority, Reply
from tests.link_helpers import (
    ADDRESS,
    Answer,
    FaultyServer,
    Peer,
    Request,
    frame,
    healthy,
    in_virtual_time,
    late,
    saying,
    silent,
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


EVIDENCE = {
    "one register short": "9 bytes instead of 11",
    "byte count says less than the frame holds": "06",
    "wrong unit": "unit 2 instead of 1",
    "function of input registers": "function 4 instead of 3",
    "transaction of the future": "transaction 2",
    "text": "48 54 54 50",
    "reply twice": "17 bytes too many",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_reply_is_a_bad_answer_at_once_and_the_next_reply_is_the_right_one(name: str) -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        answer = await read(link)
        assert isinstance(answer, Fault)
        assert answer.kind is FaultKind.BAD_ANSWER
        assert EVIDENCE.get(name, "") in answer.detail
        assert loop.time() - began_s < DEADLINE_S / 2
        assert not link.counters().connected
        good, took_s = await until_good(link, 300)
        assert good.data == registers(300, 4)
        assert took_s < 0.15
        assert len(server.peers) == 2

    seen = with_server(work, saying(MALFORMED[name]))
    assert (seen.bad, seen.good, seen.connects) == (1, 1, 2)


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_reply_cut_at_any_byte_is_a_bad_answer_and_its_rest_never_reaches_the_next_request(cut: int) -> None:
    def torn(peer: Peer, request: Request) -> None:
        peer.send(frame(request)[:cut])
        asyncio.get_running_loop().call_later(DEADLINE_S * 1.5, peer.send, frame(request)[cut:])

    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        answer = await read(link)
        assert isinstance(answer, Fault)
        assert answer.kind is FaultKind.BAD_ANSWER
        good, _ = await until_good(link, 300)
        assert good.data == registers(300, 4)

    with_server(work, torn)


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_reply_in_two_pieces_within_its_deadline_is_good(cut: int) -> None:
    def pieces(peer: Peer, request: Request) -> None:
        peer.send(frame(request)[:cut])
        asyncio.get_running_loop().call_later(DEADLINE_S / 2, peer.send, frame(request)[cut:])

    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        answer = await read(link)
        assert isinstance(answer, Reply)
        assert answer.data == registers(100, 4)
        assert answer.received_s - answer.sent_s == pytest.approx(DEADLINE_S / 2, abs=0.01)

    assert with_server(work, pieces).connects == 1


def test_a_late_reply_is_dropped_and_the_next_request_gets_its_own() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        first = await read(link, 100)
        assert isinstance(first, Fault)
        assert first.kind is FaultKind.NO_ANSWER
        second = await read(link, 200)  # the reply to 100 arrives in the middle of it
        assert isinstance(second, Reply)
        assert second.data == registers(200, 4)

    seen = with_server(work, late(DEADLINE_S * 1.2), late(DEADLINE_S * 0.5))
    assert (seen.timeouts, seen.good, seen.late_replies, seen.connects) == (1, 1, 1, 1)


def test_a_late_reply_between_two_requests_is_dropped() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        assert isinstance(await read(link, 100), Fault)
        await asyncio.sleep(DEADLINE_S)
        second = await read(link, 200)
        assert isinstance(second, Reply)
        assert second.data == registers(200, 4)

    seen = with_server(work, late(DEADLINE_S * 1.5))
    assert (seen.late_replies, seen.connects) == (1, 1)


def test_a_late_reply_after_a_good_one_is_dropped_without_harm() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        assert isinstance(await read(link, 100), Fault)
        assert isinstance(await read(link, 200), Reply)
        await asyncio.sleep(DEADLINE_S)
        answer = await read(link, 300)
        assert isinstance(answer, Reply)
        assert answer.data == registers(300, 4)

    seen = with_server(work, late(DEADLINE_S * 1.5))
    assert (seen.timeouts, seen.good, seen.late_replies, seen.connects) == (1, 2, 1, 1)


def test_a_late_reply_that_comes_twice_costs_the_connection() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        assert isinstance(await read(link, 100), Fault)
        await asyncio.sleep(DEADLINE_S)
        answer = await read(link, 300)
        assert isinstance(answer, Reply)
        assert answer.data == registers(300, 4)

    twice = late(DEADLINE_S * 1.5, saying(lambda r: frame(r) * 2))
    assert with_server(work, twice).connects == 2


def test_a_late_reply_glued_to_the_next_one_is_told_apart() -> None:
    kept: list[Request] = []

    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        assert isinstance(await read(link, 100), Fault)
        second = await read(link, 200)
        assert isinstance(second, Reply)
        assert second.data == registers(200, 4)

    keep: Answer = lambda peer, request: kept.append(request)  # noqa: E731
    seen = with_server(work, keep, saying(lambda r: frame(kept[0]) + frame(r)))
    assert (seen.good, seen.connects) == (1, 1)


def test_a_cancelled_request_leaves_its_late_reply_to_nobody() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        task = asyncio.ensure_future(read(link, 100))
        await asyncio.sleep(DEADLINE_S / 4)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        second = await read(link, 200)
        assert isinstance(second, Reply)
        assert second.data == registers(200, 4)

    with_server(work, late(DEADLINE_S / 2), late(DEADLINE_S / 2))


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (2, FaultKind.REFUSED, "illegal address"),
        (6, FaultKind.NOT_NOW, "busy"),
        (11, FaultKind.NOT_NOW, "behind the gateway"),
        (77, FaultKind.REFUSED, "77"),
    ],
)
def test_an_exception_is_a_refusal_with_its_meaning_and_keeps_the_connection(
    code: int, kind: FaultKind, words: str
) -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        answer = await read(link)
        assert isinstance(answer, Fault)
        assert answer.kind is kind
        assert words in answer.detail
        assert isinstance(await read(link), Reply)

    seen = with_server(work, saying(lambda r: frame(r, bytes([r.function | 0x80, code]))))
    assert (seen.refused, seen.good, seen.connects) == (1, 1, 1)


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


@pytest.mark.parametrize(
    "pdu",
    [
        lambda r: bytes([16]) + (r.address + 1).to_bytes(2, "big") + r.count.to_bytes(2, "big"),
        lambda r: bytes([16]) + r.address.to_bytes(2, "big") + (r.count - 1).to_bytes(2, "big"),
    ],
)
def test_a_write_is_good_only_if_its_echo_is_exact(pdu: Callable[[Request], bytes]) -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        bad = await link.write(1, 40, (1, 2, 3), deadline_s=DEADLINE_S, priority=Priority.LIMIT_WRITE)
        assert isinstance(bad, Fault)
        assert bad.kind is FaultKind.BAD_ANSWER
        await asyncio.sleep(0.2)
        good = await link.write(1, 40, (1, 2, 3), deadline_s=DEADLINE_S, priority=Priority.LIMIT_WRITE)
        assert isinstance(good, Reply)
        assert good.data == b""
        assert server.requests[-1].words == (1, 2, 3)

    with_server(work, saying(lambda r: frame(r, pdu(r))))


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


def test_a_storm_of_random_misbehaviour_never_yields_a_wrong_value_nor_stops_the_link() -> None:
    dice = random.Random(20260)

    def chaos(peer: Peer, request: Request) -> None:
        kind = dice.randrange(8)
        loop = asyncio.get_running_loop()
        if kind == 0:
            peer.send(dice.choice(list(MALFORMED.values()))(request))
        elif kind == 1:
            loop.call_later(dice.uniform(0.0, 3.0) * DEADLINE_S, peer.send, frame(request))
        elif kind == 2:
            cut = dice.randrange(1, 17)
            peer.send(frame(request)[:cut])
            loop.call_later(dice.uniform(0.0, 2.0) * DEADLINE_S, peer.send, frame(request)[cut:])
        elif kind == 3:
            peer.transport.abort()
        else:
            peer.send(frame(request))

    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        good = 0
        for _ in range(3000):
            address = dice.randrange(60000)
            answer = await read(link, address)
            if isinstance(answer, Reply):
                assert answer.data == registers(address, 4)
                good += 1
            await asyncio.sleep(dice.choice([0.0, 0.0, 0.05]))
        assert good > 300
        server.otherwise = lambda peer, request: peer.send(frame(request))
        await asyncio.sleep(BACKOFF_LAST_S)
        await read(link)
        await until_good(link, 7)

    with_server(work, otherwise=chaos)


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


def test_a_connection_lost_during_the_pause_is_no_connection() -> None:
    async def work(link: ModbusTcpLink, server: FaultyServer) -> None:
        assert isinstance(await read(link), Reply)
        asyncio.get_running_loop().call_later(0.05, server.peers[0].transport.close)
        answer = await read(link)
        assert isinstance(answer, Fault)
        assert answer.kind is FaultKind.NO_CONNECTION

    with_server(work, gaps={1: 0.1})


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
