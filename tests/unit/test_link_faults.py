"""Every fault of the table on every kind of link that runs on virtual time, and that the table can tell a bad link."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from pcs.model.fault import Fault, FaultKind
from pcs.ports import Priority, Reply
from tests.faults.device import rtu_frame, take_rtu
from tests.faults.page import TARGET, generate
from tests.faults.play import KINDS, Kind, played, trouble
from tests.faults.table import GOOD, TABLE, Row
from tests.link_helpers import Request

VIRTUAL = [kind for kind in KINDS if not kind.real]
PLAYED = [(row, kind) for kind in VIRTUAL for row in TABLE if kind.expects(row)]


@pytest.mark.parametrize(("row", "kind"), PLAYED, ids=[f"{kind.name}: {row.name}" for row, kind in PLAYED])
def test_the_core_sees_a_fault_as_declared_in_time_and_the_next_readings_are_right(row: Row, kind: Kind) -> None:
    assert trouble(row, kind, played(row, kind)) == []


def test_the_page_about_links_is_what_the_links_do() -> None:
    """`python -m tests.docs.links` makes it anew."""
    assert TARGET.read_text(encoding="utf-8") == generate()


class BelievingLink:
    """What must not be: takes the first bytes that come for the reply, whatever they are."""

    def __init__(self, device: Any) -> None:
        self._address = device.address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        loop = asyncio.get_running_loop()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._address.host, self._address.port)
        reader, writer = self._streams
        sent_s = loop.time()
        asked = bytes((unit, function)) + address.to_bytes(2, "big") + count.to_bytes(2, "big")
        writer.write(rtu_frame(Request(0, unit, 3, 0, 0, (), 0.0), asked[1:]))
        try:
            async with asyncio.timeout(deadline_s):
                data = await reader.read(256)
        except TimeoutError:
            return Fault(kind=FaultKind.NO_ANSWER, source_id="believing", at_s=loop.time())
        return Reply(data=data[3:-2], sent_s=sent_s, received_s=loop.time())

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


@pytest.mark.parametrize(
    "name", ["late reply, next read of the same count", "one register short", "CRC error", "wrong unit"]
)
def test_the_table_finds_a_link_that_believes_what_it_hears(name: str) -> None:
    row = next(row for row in TABLE if row.name == name)
    kind = replace(VIRTUAL[1], link=BelievingLink)  # type: ignore[arg-type]
    assert trouble(row, kind, played(row, kind)) != []


def test_the_table_finds_a_reading_that_is_right_but_too_late() -> None:
    slow = Row(name="slow", play=lambda w, r, n: w.say(w.frame(r), 0.1 if n == 0 else 0.0) is None, tcp=None)
    good = next(row for row in TABLE if row.tcp is not None and row.tcp.saw == GOOD)
    row = replace(slow, tcp=good.tcp)
    assert any("took" in found for found in trouble(row, VIRTUAL[0], played(row, VIRTUAL[0])))


def test_every_fault_is_played_on_at_least_one_link_and_names_are_unique() -> None:
    assert [row.name for row in TABLE if row.tcp is None and row.rtu is None] == []
    assert len({row.name for row in TABLE}) == len(TABLE)
    assert {kind.name for kind in KINDS} >= {"tcp", "rtu+tcp", "serial, real pty"}


def test_the_devices_of_the_table_read_requests_as_the_protocol_has_them() -> None:
    async def work() -> None:
        taken = take_rtu(bytes.fromhex("11 03 00 6b 00 03 76 87") + b"\x01")  # MODBUS application protocol, 6.3
        assert taken is not None
        request, behind = taken
        assert (request.unit, request.function, request.address, request.count, behind) == (17, 3, 107, 3, b"\x01")

    asyncio.run(work())
