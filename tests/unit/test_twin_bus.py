"""Buses of the twin on virtual time: RTU over TCP, several units, the speed of the line, every fault of a bus."""

import asyncio
import struct
from itertools import pairwise

import pytest
from pymodbus.framer.rtu import FramerRTU

from hil.rig.framing import crc16, rtu_frame
from hil.rig.link_fault import RTU_ONLY, TCP_ONLY, LinkFault
from hil.rig.link_name import GAP_MIN_S, parse_link
from hil.rig.simulated import SimulatedSite
from hil.rig.site_file import site_file
from hil.rig.twin_file import FaultPart
from tests.twin_kit import READ_W, Peer, with_site

READ_SN = bytes((3,)) + struct.pack(">HH", 40052, 2)  # model 1 begins at 40002; the serial number is its point 50
W = b"\x03\x04" + struct.pack(">hh", -4500, -1500)


def bus(link: str) -> dict[str, object]:
    """A meter and two inverters on one bus."""
    return {
        "meters": [{"id": "poi", "registers": "int", "link": link, "reply_s": 0.01}],
        "ders": [
            {"id": "inv1", "nameplate_w": 10000, "link": link, "unit": 2, "reply_s": 0.02},
            {"id": "inv2", "nameplate_w": 5000, "link": link, "unit": 3, "reply_s": 0.0, "control": 704},
        ],
    }


RTU = "rtu+tcp://127.0.0.1:1502"


def frame(unit: int, pdu: bytes) -> bytes:
    return rtu_frame(0, unit, pdu)


def test_the_crc_is_that_of_known_frames_and_of_pymodbus() -> None:
    assert frame(1, bytes.fromhex("05 00 00 ff 00")) == bytes.fromhex("01 05 00 00 ff 00 8c 3a")
    for data in (b"", b"\x00", bytes(range(256))):
        assert crc16(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(2, "big")


@pytest.mark.parametrize("link", [RTU, "tcp://127.0.0.1:1502"])
def test_units_behind_one_address_answer_each_for_itself(link: str) -> None:
    async def work(site: SimulatedSite) -> list[str]:
        peer = await Peer.of(site, "poi")
        names = []
        for unit in (1, 2, 3):
            asked = frame(unit, READ_SN) if link is RTU else struct.pack(">HHHB", 7, 0, 6, unit) + READ_SN
            got = await peer.ask(asked)
            body = got[1:] if link is RTU else got[7:]
            assert got[0 if link is RTU else 6] == unit
            names.append(body[2:6].rstrip(b"\0").decode())
        return names

    assert with_site(work, **bus(link)) == ["poi", "inv1", "inv2"]


def test_a_unit_that_nobody_has_a_bad_crc_and_a_broadcast_get_no_answer_on_a_bus() -> None:
    async def work(site: SimulatedSite) -> float:
        peer = await Peer.of(site, "poi")
        assert await peer.ask(frame(9, READ_W)) == b""
        assert await peer.ask(frame(1, READ_W)[:-1] + b"\x00") == b""
        assert await peer.ask(frame(1, READ_W)[:-3]) == b""
        point = site.servers["inv1"].device.image.points[123, "WMaxLimPct"].address
        order = struct.pack(">BHHB5H", 16, point, 5, 10, 2000, 0, 0, 0, 1)
        assert await peer.ask(frame(0, order)) == b""
        assert await peer.ask(frame(1, READ_W)) != b""
        await asyncio.sleep(5)
        site.settle()
        return site.plant.units["inv1"].injection_w

    assert with_site(work, **bus(RTU)) == pytest.approx(2000, abs=1)


@pytest.mark.parametrize(
    ("settings", "bits"), [("", 10), ("&parity=E", 11), ("&stopbits=2", 11), ("&parity=O&stopbits=2", 12)]
)
@pytest.mark.parametrize("baud", [9600, 19200, 115200])
def test_bytes_leave_at_the_speed_of_the_line_after_request_silence_and_turnaround(
    baud: int, settings: str, bits: int
) -> None:
    async def work(site: SimulatedSite) -> list[tuple[float, bytes]]:
        return await (await Peer.of(site, "poi")).timed(frame(1, READ_SN[:3] + b"\x00\x32"))

    pieces = with_site(work, **bus(f"{RTU}?baud={baud}{settings}"))
    character_s = bits / baud
    gap_s = 3.5 * character_s if baud <= 19200 else GAP_MIN_S
    sizes = sum(len(piece) for _, piece in pieces)
    assert sizes == 1 + 1 + 1 + 100 + 2
    assert pieces[0][0] >= 8 * character_s + gap_s + 0.01 + character_s - 3e-6
    assert pieces[-1][0] == pytest.approx((8 + sizes) * character_s + gap_s + 0.01, abs=3e-6)
    for (before_s, _), (now_s, piece) in pairwise(pieces):
        assert now_s - before_s == pytest.approx(len(piece) * character_s, abs=3e-6)


def test_a_late_reply_runs_into_that_of_another_unit() -> None:
    async def work(site: SimulatedSite) -> bytes:
        peer = await Peer.of(site, "poi")
        site.inject(FaultPart(at_s=0, on="poi", fault="slow", seconds=0.5))
        assert await peer.ask(frame(1, READ_W), 0.3) == b""
        return await peer.ask(frame(3, READ_SN), 1.0)

    got = with_site(work, **bus(RTU))
    assert got == frame(3, b"\x03\x04inv2") + frame(1, W)


BY_FAULT = {
    LinkFault.SILENT: b"",
    LinkFault.HALF_OPEN: b"",
    LinkFault.BUSY: frame(1, b"\x83\x06"),
    LinkFault.SHORT: frame(1, b"\x03\x02" + W[2:4]),
    LinkFault.LONG: frame(1, b"\x03\x06" + W[2:] + W[2:4]),
    LinkFault.WRONG_UNIT: frame(2, W),
    LinkFault.WRONG_FUNCTION: frame(1, b"\x04" + W[1:]),
    LinkFault.TRUNCATED: frame(1, W)[:6],
    LinkFault.CRC: frame(1, W)[:-1] + bytes((frame(1, W)[-1] ^ 0x5A,)),
    LinkFault.GLUED: frame(1, W) * 2,
    LinkFault.ECHO: frame(1, READ_W) + frame(1, W),
}


@pytest.mark.parametrize("fault", BY_FAULT)
def test_a_unit_on_a_bus_fails_as_its_fault_says_and_is_well_again_when_it_is_cleared(fault: LinkFault) -> None:
    async def work(site: SimulatedSite) -> tuple[bytes, bytes]:
        peer = await Peer.of(site, "poi")
        site.inject(FaultPart(at_s=0, on="poi", fault=str(fault)))
        got = await peer.ask(frame(1, READ_W))
        site.inject(FaultPart(at_s=0, on="poi", fault="silent"))
        site.inject(FaultPart(at_s=0, on="poi", fault="clear"))
        await asyncio.sleep(0.1)
        return got, await (await Peer.of(site, "poi")).ask(frame(1, READ_W))

    assert with_site(work, **bus(RTU)) == (BY_FAULT[fault], frame(1, W))


def test_noise_stands_before_or_behind_the_frame_or_in_its_place() -> None:
    async def work(site: SimulatedSite) -> list[bytes]:
        got = []
        for fault in ("noise_before", "noise_after", "noise", "garbage"):
            site.inject(FaultPart(at_s=0, on="poi", fault=fault))
            got.append(await (await Peer.of(site, "poi")).ask(frame(1, READ_W)))
        return got

    before, after, noise, garbage = with_site(work, **bus(RTU))
    whole = frame(1, W)
    assert (before[3:], len(before)) == (whole, len(whole) + 3)
    assert (after[:-3], len(after)) == (whole, len(whole) + 3)
    assert len(noise) == len(whole) == len(garbage)
    assert crc16(noise[:-2]).to_bytes(2, "little") != noise[-2:]
    assert crc16(garbage[:-2]).to_bytes(2, "little") == garbage[-2:]


def test_an_unknown_fault_of_a_framing_is_refused_in_words() -> None:
    async def work(site: SimulatedSite) -> None:
        for fault in TCP_ONLY:
            with pytest.raises(ValueError, match="cannot fail"):
                site.inject(FaultPart(at_s=0, on="poi", fault=str(fault)))

    async def over_tcp(site: SimulatedSite) -> None:
        for fault in RTU_ONLY:
            with pytest.raises(ValueError, match="cannot fail"):
                site.inject(FaultPart(at_s=0, on="poi", fault=str(fault)))

    with_site(work, **bus(RTU))
    with_site(over_tcp)


def test_the_site_file_names_the_bus_and_the_unit_of_each_device() -> None:
    async def work(site: SimulatedSite) -> str:
        return site_file(site)

    text = with_site(work, **bus(f"{RTU}?baud=19200&parity=E"))
    assert text.count(f"link: {RTU}\n") == 3  # a gateway keeps its bus's settings to itself
    assert all(f"unit: {unit}\n" in text for unit in (1, 2, 3))


@pytest.mark.parametrize(
    "text",
    [
        "serial:///tmp/bus0?baud=9600",
        "serial://bus0",
        "serial:///tmp/bus0?baud=19200&parity=E&stopbits=2",
        "rtu+tcp://127.0.0.1:4001?baud=9600",
        "tcp://127.0.0.1:502",
    ],
)
def test_a_link_reads_back_as_it_is_written(text: str) -> None:
    assert str(parse_link(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("serial://", "symlink"),
        ("serial:///tmp/b?baud=fast", "baud"),
        ("serial:///tmp/b?baud=5", "baud"),
        ("serial:///tmp/b?parity=X", "parity"),
        ("serial:///tmp/b?stopbits=3", "stopbits"),
        ("serial:///tmp/b?bits=7", "unknown line setting bits"),
        ("udp://127.0.0.1:502", "a link is"),
        ("tcp://127.0.0.1:502?baud=9600", "no line settings"),
        ("tcp://127.0.0.1", "HOST:PORT"),
        ("rtu+tcp://127.0.0.1:99999", "65535"),
        ("", "a link is"),
    ],
)
def test_a_link_that_is_none_says_why(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_link(text)
