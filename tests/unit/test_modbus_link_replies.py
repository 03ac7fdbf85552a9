"""What a caller of the strict Modbus TCP link sees of wrong, torn, late and refusing replies, on virtual time."""

import asyncio
import random
from collections.abc import Callable

import pytest

from pcs.io.modbus_tcp import BACKOFF_LAST_S, ModbusTcpLink
from pcs.model.fault import Fault, FaultKind
from pcs.ports import Priority, Reply
from tests.link_helpers import (
    Answer,
    FaultyServer,
    Peer,
    Request,
    frame,
    late,
    saying,
)
from tests.modbus_link_kit import DEADLINE_S, MALFORMED, read, registers, until_good, with_server

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
