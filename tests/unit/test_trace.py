"""The trace notes every request as it was, never grows beyond its size, and never stands in the way."""

import asyncio
import json
import queue
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pcs.codec.rtu import sealed
from pcs.io import trace as module
from pcs.io.modbus_rtu import ModbusRtuLink
from pcs.io.modbus_tcp import ModbusTcpLink
from pcs.io.tapped_line import TappedLine
from pcs.io.trace import FrameTrace, TracedLink
from pcs.model.fault import Fault, FaultKind
from pcs.model.units import Instant
from pcs.ports import Priority, Reply
from tests.link_helpers import ADDRESS, FakeLink, FaultyServer, Peer, Request, frame, in_virtual_time, silent
from tests.rtu_kit import BUS, Bus

START = Instant(mono_s=50.0, utc_s=1e9)


async def read(link: TracedLink, unit: int = 1) -> Reply | Fault:
    return await link.read(unit, 100, 4, deadline_s=0.2, priority=Priority.FAST_READ)


async def write(link: TracedLink, *words: int) -> Reply | Fault:
    return await link.write(1, 100, words, deadline_s=0.2, priority=Priority.LIMIT_WRITE)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def traced(path: Path, work: Callable[[TracedLink, FakeLink], Awaitable[None]], **options: Any) -> list[dict[str, Any]]:
    trace, inner = FrameTrace(path, START, **options), FakeLink()
    inner.put(100, 1, 2, 3, 4)

    async def whole() -> None:
        await work(TracedLink(inner, ADDRESS, trace), inner)

    try:
        in_virtual_time(whole)
    finally:
        trace.close()
    return lines(path)


def test_a_read_is_noted_with_its_times_and_its_reply(tmp_path: Path) -> None:
    async def work(link: TracedLink, inner: FakeLink) -> None:
        answer = await read(link, 7)
        assert answer == Reply(data=bytes.fromhex("0001000200030004"), sent_s=100.0, received_s=100.001)

    head, line = traced(tmp_path / "t.jsonl", work)
    assert head == {"schema": "pcs.trace/1", "mono_s": 50.0, "utc_s": 1e9}
    assert line == {
        "asked_s": 0.0,
        "link": "tcp://127.0.0.1:1502",
        "unit": 7,
        "function": 3,
        "address": 100,
        "count": 4,
        "sent_s": 100.0,
        "received_s": 100.001,
        "reply": "0001000200030004",
    }


def test_a_write_is_noted_with_its_words(tmp_path: Path) -> None:
    async def work(link: TracedLink, inner: FakeLink) -> None:
        await write(link, 500, 1)
        assert inner.written == [(100, (500, 1))]

    line = traced(tmp_path / "t.jsonl", work)[1]
    assert (line["function"], line["count"], line["words"], line["reply"]) == (16, 2, [500, 1], "")


def test_a_fault_is_noted_in_its_words_and_passed_on(tmp_path: Path) -> None:
    async def work(link: TracedLink, inner: FakeLink) -> None:
        inner.fault = FaultKind.REFUSED
        assert isinstance(await read(link), Fault)

    line = traced(tmp_path / "t.jsonl", work)[1]
    assert (line["fault"], line["detail"], line["known_s"]) == ("refused by the device", "as told", 100.0)
    assert "reply" not in line


@pytest.mark.parametrize("verb", ["read", "write"])
def test_a_cancelled_request_is_noted_and_stays_cancelled(tmp_path: Path, verb: str) -> None:
    trace = FrameTrace(tmp_path / "t.jsonl", START)

    async def work() -> None:
        server = FaultyServer(otherwise=silent)
        link = TracedLink(ModbusTcpLink(await server.start()), ADDRESS, trace)
        request = read(link) if verb == "read" else write(link, 1, 2, 3, 4)
        task = asyncio.ensure_future(request)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await link.close()
        await server.stop()

    in_virtual_time(work)
    trace.close()
    line = lines(tmp_path / "t.jsonl")[1]
    assert (line["count"], line["fault"]) == (4, "cancelled")


def ring_bytes(path: Path) -> int:
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))


def test_the_ring_never_exceeds_its_size_and_keeps_the_latest(tmp_path: Path) -> None:
    async def work(link: TracedLink, inner: FakeLink) -> None:
        for unit in range(1, 101):
            assert isinstance(await read(link, unit), Reply)

    path = tmp_path / "t.jsonl"
    noted = traced(path, work, most_bytes=4_000)
    assert ring_bytes(path) <= 4_000
    assert noted[-1]["unit"] == 100
    older = lines(path.with_name("t.jsonl.1"))
    assert [line["schema"] for line in (older[0], noted[0])] == ["pcs.trace/1"] * 2
    assert [line["unit"] for line in (*older[1:], *noted[1:])] == list(range(older[1]["unit"], 101))


def test_a_trace_is_continued_and_what_is_there_counts(tmp_path: Path) -> None:
    async def once(link: TracedLink, inner: FakeLink) -> None:
        await read(link)

    path = tmp_path / "t.jsonl"
    for _ in range(3):
        traced(path, once, most_bytes=4_000)
    assert [line.get("schema") for line in lines(path)] == ["pcs.trace/1", None] * 3
    for _ in range(100):
        traced(path, once, most_bytes=4_000)
    assert ring_bytes(path) <= 4_000


def test_the_frames_of_the_first_moments_are_repeated_in_each_file_of_the_ring(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    trace = FrameTrace(path, START, most_bytes=4_000)

    async def work() -> None:
        note = trace.tap(ADDRESS)
        for k in range(200):
            note(k % 2 == 0, bytes([k]))

    in_virtual_time(work)
    trace.close()
    head, *rest = lines(path)
    assert head["schema"] == "pcs.trace/1"
    first = {"at_s": 0.0, "link": "tcp://127.0.0.1:1502", "tx": "00", "again": True}
    assert rest[:2] == [first, {"at_s": 0.0, "link": "tcp://127.0.0.1:1502", "rx": "01", "again": True}]
    assert rest[-1] == {"at_s": 0.0, "link": "tcp://127.0.0.1:1502", "rx": "c7"}
    assert ring_bytes(path) <= 4_000


def test_every_byte_on_the_wire_is_noted_with_its_moment_also_what_nobody_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    trace = FrameTrace(path, START)

    async def work() -> None:
        server = FaultyServer(script=deque([in_two_pieces]))
        address = await server.start()
        link = TracedLink(ModbusTcpLink(address, tap=trace.tap(address)), address, trace)
        assert isinstance(await read(link), Reply)
        server.peers[0].send(b"noise")
        await asyncio.sleep(0.01)
        await link.close()
        await server.stop()

    in_virtual_time(work)
    trace.close()
    wire = [("tx", line["tx"]) if "tx" in line else ("rx", line["rx"]) for line in lines(path) if "at_s" in line]
    assert wire == [
        ("tx", "000100000006010300640004"),
        ("rx", "00010000000b01"),
        ("rx", "03080064006500660067"),
        ("rx", b"noise".hex()),
    ]


def in_two_pieces(peer: Peer, request: Request) -> None:
    whole = frame(request)
    peer.send(whole[:7])
    asyncio.get_running_loop().call_later(0.05, peer.send, whole[7:])


def test_a_disk_that_fails_ends_the_trace_and_not_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said: list[str] = []

    async def work(link: TracedLink, inner: FakeLink) -> None:
        for _ in range(3):
            assert isinstance(await read(link), Reply)

    trace = FrameTrace(Path("/dev/full"), START, say=said.append)
    inner = FakeLink()
    inner.put(100, 1, 2, 3, 4)
    in_virtual_time(lambda: work(TracedLink(inner, ADDRESS, trace), inner))
    trace.close()
    assert said
    assert all("No space left on device" in words for words in said)


def test_lines_that_a_hanging_disk_leaves_no_room_for_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "LINES_WAITING", 3)
    trace = FrameTrace(tmp_path / "t.jsonl", START)
    waiting: queue.Queue[dict[str, Any] | None] = queue.Queue(2)
    disk, trace._lines = trace._lines, waiting  # nobody takes lines out of this one
    for k in range(5):
        trace.note({"k": k})
    waiting.get()
    trace.note({"k": 5})
    trace._lines = disk
    trace.close()
    assert [waiting.get(), waiting.get()] == [{"k": 1}, {"lost_before": 3, "k": 5}]


def test_a_trace_that_cannot_be_opened_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FrameTrace(tmp_path / "nowhere" / "t.jsonl", START)


def test_status_still_sees_what_the_link_counts(tmp_path: Path) -> None:
    trace = FrameTrace(tmp_path / "t.jsonl", START)
    link = ModbusTcpLink(ADDRESS)
    counters = TracedLink(link, ADDRESS, trace).counters
    assert callable(counters)
    assert counters() == link.counters()
    assert TracedLink(FakeLink(), ADDRESS, trace).counters is None
    trace.close()


def test_a_bus_is_traced_with_its_checksums_and_what_nobody_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    trace = FrameTrace(path, START)

    async def work() -> None:
        bus = Bus()
        line = TappedLine(bus, trace.tap(BUS))
        link = ModbusRtuLink(BUS, line=lambda _: line)
        assert isinstance(await link.read(1, 100, 1, deadline_s=0.5, priority=Priority.SCAN), Reply)
        bus.say(b"\x00noise")
        await link.close()

    in_virtual_time(work)
    trace.close()
    wire = [(line["link"], line.get("tx"), line.get("rx")) for line in lines(path) if "at_s" in line]
    name = "serial:///dev/ttyTEST?baud=19200"
    assert wire == [
        (name, sealed(bytes.fromhex("010300640001")).hex(), None),
        (name, None, sealed(bytes.fromhex("0103020064")).hex()),
        (name, None, b"\x00noise".hex()),
    ]
