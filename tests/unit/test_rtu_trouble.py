"""What is wrong with an RTU bus is named: its setting, other clients, two devices with one unit id."""

import asyncio

from pcs.codec.rtu import ask_read
from pcs.io.modbus_rtu import ModbusRtuLink
from pcs.model.fault import Fault, FaultKind
from tests.rtu_kit import GAP_S, Bus, fault, good, on_bus, read, right, saying, silent


async def _three(link: ModbusRtuLink, unit: int = 1) -> str:
    """The detail of the last of three failed reads, with enough time between them."""
    for _ in range(3):
        answer = await read(link, unit=unit)
        await asyncio.sleep(1.0)
    assert isinstance(answer, Fault)
    return answer.detail


def test_wrong_baud_or_parity_is_said_so() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        assert "wrong baud or parity? (the site file says 19200 8N1)" in await _three(link)

    on_bus(work, Bus(otherwise=saying(lambda a: bytes(b ^ 0xA5 for b in right(a)))))


def test_a_bus_on_which_nothing_is_heard_at_all_names_what_to_look_at() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        assert "nothing at all was heard" in await _three(link)

    on_bus(work, Bus(otherwise=silent))


def test_one_garbled_unit_among_good_ones_is_two_devices_with_one_id() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        good(await read(link))
        for _ in range(4):
            answer = await read(link, unit=2)
            await asyncio.sleep(3.0)
        fault(answer, FaultKind.BAD_ANSWER, "do two devices have unit id 2?")

    on_bus(work, Bus(units={2: saying(lambda a: right(a)[:5] + b"\x13\x37" + right(a)[7:])}))


def test_frames_that_nobody_asked_for_are_another_client_and_are_waited_for() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        good(await read(link))
        await asyncio.sleep(0.1)
        bus.say(ask_read(33, 3, 0, 2).frame)
        heard_s = bus.heard_s
        bus.script = [silent]
        fault(await read(link), FaultKind.NO_ANSWER, "(units 33): is another client on this bus?")
        assert bus.asked[-1].from_s >= heard_s + GAP_S

    assert on_bus(work, Bus()).unasked_bytes == 8


def test_a_bus_that_never_falls_silent_is_not_talked_into() -> None:
    async def babble(bus: Bus) -> None:
        while True:
            bus.say(ask_read(33, 3, 0, 2).frame)
            await asyncio.sleep(GAP_S / 2)

    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        good(await read(link))
        babbling = asyncio.ensure_future(babble(bus))
        fault(await read(link), FaultKind.NO_ANSWER, "not sent: the bus is not silent")
        babbling.cancel()
        assert len(bus.asked) == 1
        good(await read(link))

    on_bus(work, Bus())
