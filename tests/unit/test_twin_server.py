"""The twin's Modbus server on a virtual-time loop: the protocol, and every way in which a device can fail."""

import asyncio
import struct

import pytest
from pymodbus.client import AsyncModbusTcpClient

from hil.rig.simulated import SimulatedSite
from hil.rig.twin_file import FaultPart
from tests.twin_kit import READ_W, Peer, twin, with_site
from tests.virtual_time import run_virtually


def frame(transaction: int, pdu: bytes, unit: int = 1) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def test_a_read_answers_with_the_newest_measurement_and_the_clock_is_that_of_the_loop() -> None:
    async def work(site: SimulatedSite) -> tuple[int, int, float]:
        peer = await Peer.of(site, "poi")
        before = await peer.ask(frame(7, READ_W), 4.0)
        await asyncio.sleep(2.0)
        after = await peer.ask(frame(8, READ_W), 1.0)
        assert before[:9] == bytes.fromhex("0007 0000 0007 01 03 04")
        return (*(struct.unpack(">h", got[9:11])[0] for got in (before, after)), site.now_s())

    before_w, after_w, now_s = with_site(work)
    assert (before_w, after_w) == (3000 - 7500, 6000 - 7500)
    assert now_s == pytest.approx(7.0, abs=0.01)


def test_a_limit_written_over_the_wire_moves_the_plant() -> None:
    async def work(site: SimulatedSite) -> float:
        server = site.servers["inv1"]
        client = AsyncModbusTcpClient(server.host, port=server.port)
        await client.connect()
        address = server.device.image.points[123, "WMaxLimPct"].address
        reply = await client.write_registers(address, [2000, 0, 0, 0, 1], device_id=1)
        assert not reply.isError()
        await asyncio.sleep(5)
        client.close()
        site.settle()
        return site.plant.units["inv1"].injection_w

    assert with_site(work) == pytest.approx(2000, abs=1)


@pytest.mark.parametrize(
    ("pdu", "unit", "reply"),
    [
        (READ_W, 9, "83 0b"),  # no such unit: gateway target failed to respond
        (b"\x03\x00\x00\x00\x01", 1, "83 02"),
        (b"\x03\x9c\x40\x00\x00", 1, "83 03"),
        (b"\x03\x9c\x40\x00\x7e", 1, "83 03"),  # 126 registers
        (b"\x2b\x0e\x01\x00", 1, "ab 01"),
        (b"\x10\x9c\x40\x00\x02\x04\x00\x00", 1, "90 03"),  # says four bytes, brings two
    ],
)
def test_a_request_that_cannot_be_served_gets_the_exception_that_the_protocol_has_for_it(
    pdu: bytes, unit: int, reply: str
) -> None:
    async def work(site: SimulatedSite) -> bytes:
        return await (await Peer.of(site, "poi")).ask(frame(1, pdu, unit))

    got = with_site(work)
    assert got == frame(1, bytes.fromhex(reply), unit)


def test_requests_in_one_packet_are_answered_in_order_and_torn_ones_when_they_are_whole() -> None:
    async def work(site: SimulatedSite) -> list[int]:
        peer = await Peer.of(site, "poi")
        packet = frame(1, READ_W) + frame(2, READ_W) + frame(3, READ_W)[:5]
        got = await peer.ask(packet)
        got += await peer.ask(frame(3, READ_W)[5:])
        return [struct.unpack_from(">H", got, i)[0] for i in range(0, len(got), 13)]

    assert with_site(work) == [1, 2, 3]


FAULTS = {
    "silent": b"",
    "half_open": b"",
    "busy": frame(5, b"\x83\x06"),
    "short": frame(5, b"\x03\x02" + struct.pack(">h", -4500)),
    "wrong_unit": frame(5, b"\x03\x04" + struct.pack(">hh", -4500, -1500), unit=2),
    "stale_tid": frame(4, b"\x03\x04" + struct.pack(">hh", -4500, -1500)),
    "truncated": frame(5, b"\x03\x04" + struct.pack(">hh", -4500, -1500))[:10],
}
HEALTHY = frame(5, b"\x03\x04" + struct.pack(">hh", -4500, -1500))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_device_answers_as_its_fault_says_and_is_well_again_when_it_is_cleared(fault: str) -> None:
    async def work(site: SimulatedSite) -> tuple[bytes, bytes]:
        peer = await Peer.of(site, "poi")
        site.inject(FaultPart(at_s=0, on="poi", fault=fault))
        got = await peer.ask(frame(5, READ_W))
        site.inject(FaultPart(at_s=0, on="poi", fault="clear"))
        await asyncio.sleep(0.1)
        return got, await (await Peer.of(site, "poi")).ask(frame(5, READ_W))

    assert with_site(work) == (FAULTS[fault], HEALTHY)


def test_replies_out_of_order_leave_each_second_one_first() -> None:
    async def work(site: SimulatedSite) -> tuple[bytes, bytes]:
        peer = await Peer.of(site, "poi")
        site.inject(FaultPart(at_s=0, on="poi", fault="reordered"))
        return await peer.ask(frame(1, READ_W)), await peer.ask(frame(2, READ_W))

    first, second = with_site(work)
    assert first == b""
    assert [second[1], second[len(HEALTHY) + 1]] == [2, 1]
    assert len(second) == 2 * len(HEALTHY)


def test_a_flipped_bit_is_one_of_the_head_of_the_frame() -> None:
    async def work(site: SimulatedSite) -> bytes:
        peer = await Peer.of(site, "poi")
        site.inject(FaultPart(at_s=0, on="poi", fault="flipped"))
        return await peer.ask(frame(5, READ_W))

    wrong = [a ^ b for a, b in zip(with_site(work), HEALTHY, strict=True)]
    assert sum(bits.bit_count() for bits in wrong) == 1
    assert not any(wrong[7:])


def test_a_slow_device_answers_late_by_as_much_as_it_was_told() -> None:
    async def work(site: SimulatedSite) -> tuple[bytes, bytes]:
        peer = await Peer.of(site, "poi")
        site.inject(FaultPart(at_s=0, on="poi", fault="slow", seconds=0.5))
        return await peer.ask(frame(5, READ_W), 0.5), await peer.ask(b"", 0.1)

    assert with_site(work) == (b"", HEALTHY)


def test_garbage_is_framed_and_noise_is_not() -> None:
    async def work(site: SimulatedSite) -> list[bytes]:
        got = []
        for fault in ("garbage", "noise"):
            site.inject(FaultPart(at_s=0, on="poi", fault=fault))
            got.append(await (await Peer.of(site, "poi")).ask(frame(5, READ_W)))
        return got

    garbage, noise = with_site(work)
    assert garbage[:7] == HEALTHY[:7]
    assert garbage != HEALTHY
    assert len(noise) == len(HEALTHY)
    assert noise[:7] != HEALTHY[:7]


def test_an_endless_reply_goes_on_until_the_fault_is_cleared() -> None:
    async def work(site: SimulatedSite) -> tuple[int, int]:
        site.inject(FaultPart(at_s=0, on="poi", fault="endless"))
        peer = await Peer.of(site, "poi")
        during = len(await peer.ask(frame(5, READ_W), 2.0))
        site.inject(FaultPart(at_s=0, on="poi", fault="clear"))
        return during, len(await peer.ask(b"", 2.0))

    during, after = with_site(work)
    assert during > 20_000
    assert after <= 256


def test_a_device_that_is_down_refuses_and_comes_back_at_the_same_port() -> None:
    async def work(site: SimulatedSite) -> None:
        peer = await Peer.of(site, "inv1")
        port = site.servers["inv1"].port
        await asyncio.sleep(2.5)  # down since 2 s, by the file's timeline
        assert await peer.reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await Peer.of(site, "inv1")
        await asyncio.sleep(1.0)  # up since 3 s
        await Peer.of(site, "inv1")
        assert site.servers["inv1"].port == port

    faults = [{"at_s": 2, "on": "inv1", "fault": "down"}, {"at_s": 3, "on": "inv1", "fault": "up"}]
    with_site(work, faults=faults)


def test_a_stopped_site_has_no_later_life() -> None:
    async def work() -> tuple[bool, float]:
        site = SimulatedSite(twin(faults=[{"at_s": 2, "on": "inv1", "fault": "disobey"}]))
        await site.start()
        await asyncio.sleep(1)
        await site.stop()
        await asyncio.sleep(5)
        return site.plant.units["inv1"].obeys, site.plant.now_s

    obeys, now_s = run_virtually(work())
    assert (obeys, round(now_s, 3)) == (True, 1.0)


def test_a_client_that_floods_is_cut_off() -> None:
    async def work(site: SimulatedSite) -> bytes:
        return await (await Peer.of(site, "poi")).ask(frame(1, READ_W) * 40)

    assert with_site(work) == b""


@pytest.mark.parametrize("header", ["0001 0001 0006 01 03", "0001 0000 0001 01 03", "0001 0000 ffff 01 03"])
def test_a_client_that_does_not_speak_modbus_is_cut_off(header: str) -> None:
    async def work(site: SimulatedSite) -> bool:
        peer = await Peer.of(site, "poi")
        await peer.ask(bytes.fromhex(header), 0.1)
        return peer.reader.at_eof()

    assert with_site(work) is True


def test_the_timeline_of_faults_happens_at_its_instants_and_one_seed_gives_one_truth() -> None:
    faults = [
        {"at_s": 1.5, "on": "poi", "fault": "frozen"},
        {"at_s": 2, "on": "inv1", "fault": "restart", "seconds": 1},
        {"at_s": 3, "on": "inv2", "fault": "disobey"},
        {"at_s": 4, "on": "poi", "fault": "ratio", "percent": 50},
    ]

    async def work(site: SimulatedSite) -> list[tuple[float, ...]]:
        await asyncio.sleep(6)
        return site.truth

    first, second = (with_site(work, faults=faults) for _ in range(2))
    assert first == second
    off = [row[0] for row in first if row[6] == 0.0]
    assert (off[0], off[-1]) == (pytest.approx(2.0, abs=0.11), pytest.approx(3.0, abs=0.11))
