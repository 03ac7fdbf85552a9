"""Frames off a wire in words: known frames of the standards, damage of every kind, and traces of our own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from sunspec2 import mdef

from pcs.cli.dissect import command, page
from pcs.cli.dissect_frame import rtu_frames, tcp_frames
from pcs.cli.dissect_points import unit_of
from pcs.cli.dissect_trace import Exchange, exchanges
from pcs.cli.scan import settings
from pcs.cli.scan_site import site_file
from pcs.codec.rtu import sealed
from pcs.codec.sunspec_models import MODELS
from pcs.config import load_profiles
from pcs.runtime.scan_look import Found
from tests.sunspec_helpers import COMMON, END, model
from tests.sunspec_kit import METER

ROOT = Path(__file__).parents[2]
RTU_REQUEST = "11 03 00 6b 00 03 76 87"  # the example of the Modbus reference guide PI-MBUS-300, function 03
RTU_REPLY = sealed(bytes.fromhex("1103 06 ae41 5652 4340"))


def tcp(transaction: int, unit: int, pdu: bytes) -> bytes:
    return transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit]) + pdu


def ask(address: int, count: int) -> bytes:
    return bytes([3]) + address.to_bytes(2, "big") + count.to_bytes(2, "big")


def tell(data: bytes) -> bytes:
    return bytes([3, len(data)]) + data


def written(path: Path, *lines: dict[str, object] | str) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def seen(path: Path) -> list[Exchange]:
    return [one for one in exchanges(path) if isinstance(one, Exchange)]


def tx(at_s: float, data: bytes, link: str = "tcp://h:502") -> dict[str, object]:
    return {"at_s": at_s, "link": link, "tx": data.hex()}


def rx(at_s: float, data: bytes, link: str = "tcp://h:502") -> dict[str, object]:
    return {"at_s": at_s, "link": link, "rx": data.hex()}


def test_the_standards_own_rtu_frame_is_explained_field_by_field() -> None:
    (frame,) = rtu_frames(bytes.fromhex(RTU_REQUEST), is_request=True)
    assert frame.problems == []
    assert [(p.at, p.name, p.says) for p in frame.parts] == [
        (0, "unit", "17"),
        (1, "function", "3 read holding registers"),
        (2, "address", "107"),
        (4, "count", "3"),
        (6, "checksum", "8776, right"),
    ]


def test_a_tcp_exception_has_its_name_and_its_header() -> None:
    (frame,) = tcp_frames(tcp(9, 1, bytes([0x83, 2])), is_request=False)
    assert frame.title == "exception 2, illegal address, to 3 read holding registers"
    assert frame.facts == {
        "transaction": 9, "protocol": 0, "length": 3, "unit": 1, "function": 0x83, "exception": 2,
    }  # fmt: skip
    assert frame.problems == []


@pytest.mark.parametrize("cut_at", range(1, 11))
def test_an_rtu_reply_cut_at_any_byte_is_explained_as_far_as_it_goes(cut_at: int) -> None:
    (frame,) = rtu_frames(RTU_REPLY[:cut_at], is_request=False)
    assert frame.problems
    assert frame.facts.get("unit") == 17
    assert ("bytes" in frame.facts) is (cut_at >= 3)
    assert b"".join(p.raw for p in frame.parts) == RTU_REPLY[:cut_at]


@pytest.mark.parametrize("cut_at", range(1, 17))
def test_a_tcp_reply_cut_at_any_byte_is_explained_as_far_as_it_goes(cut_at: int) -> None:
    whole = tcp(1, 1, tell(bytes(8)))
    (frame,) = tcp_frames(whole[:cut_at], is_request=False)
    assert frame.problems
    assert b"".join(p.raw for p in frame.parts) == whole[:cut_at]


def test_a_wrong_checksum_is_told_with_the_right_one() -> None:
    (frame,) = rtu_frames(bytes.fromhex("11 03 00 6b 00 03 76 88"), is_request=True)
    assert frame.problems == ["wrong checksum: 8876, but the bytes make 8776"]


def test_noise_before_a_frame_is_told_apart_and_glued_frames_are_taken_apart() -> None:
    noise, first, second = rtu_frames(b"\xff\x00" + 2 * RTU_REPLY, is_request=False)
    assert noise.problems == ["2 bytes of noise before a frame"]
    assert first.problems == second.problems == []
    assert first.raw == second.raw == RTU_REPLY


def test_bytes_that_are_no_modbus_tcp_are_said_to_be_none() -> None:
    (frame,) = tcp_frames(b"HTTP/1.1 400 Bad Request", is_request=False)
    assert frame.problems == ["protocol 21584 instead of 0: no Modbus TCP"]


def walk_of(*models: bytes) -> list[dict[str, object]]:
    """The exchanges in which a controller finds these models at 40000, as lines of a trace."""
    lines, address, moment_s = [tx(0.0, tcp(0, 1, ask(40000, 2))), rx(0.01, tcp(0, 1, tell(b"SunS")))], 40002, 0.1
    for k, part in enumerate((*models, END), start=1):
        lines += [tx(moment_s, tcp(k, 1, ask(address, 2))), rx(moment_s + 0.01, tcp(k, 1, tell(part[:4])))]
        address, moment_s = address + len(part) // 2, moment_s + 0.1
    return lines


def test_registers_have_names_values_scales_and_units_once_the_walk_was_seen(tmp_path: Path) -> None:
    common, meter = model(1, **COMMON), model(203, **METER)
    begins = 40002 + len(common) // 2
    read = [tx(1.0, tcp(77, 1, ask(begins + 16, 7))), rx(1.0042, tcp(77, 1, tell(meter[32:46])))]
    *walked, last = seen(written(tmp_path / "t", *walk_of(common, meter), *read))
    assert [p.name for one in walked for p in one.points] == [
        "SunSpec marker",
        "model 1",
        "model 203",
        "end of the map",
    ]
    assert [(p.address, p.name, p.says) for p in last.points] == [
        (begins + 16, "203.Hz", "60.01 Hz (6001, Hz_SF -2)"),
        (begins + 17, "203.Hz_SF", "-2"),
        (begins + 18, "203.W", "-5000 W (-5000, W_SF 0)"),
        (begins + 19, "203.WphA", "-2000 W (-2000, W_SF 0)"),
        (begins + 20, "203.WphB", "-1900 W (-1900, W_SF 0)"),
        (begins + 21, "203.WphC", "-1100 W (-1100, W_SF 0)"),
        (begins + 22, "203.W_SF", "0"),
    ]
    assert last.reply_time_s == pytest.approx(0.0042)
    assert (
        page(last).__next__()
        == f"1.000000 s  tcp://h:502 unit 1: request 3 read holding registers {begins + 16}..{begins + 22}"
    )


def test_without_the_walk_registers_stay_words(tmp_path: Path) -> None:
    (one,) = seen(written(tmp_path / "t", tx(0, tcp(1, 1, ask(10, 2))), rx(0.1, tcp(1, 1, tell(b"\1\2\3\4")))))
    assert [(p.name, p.says) for p in one.points] == [("registers 10..11", "0102 0304")]


def test_a_reply_in_pieces_and_two_in_one_piece_are_put_right(tmp_path: Path) -> None:
    first, second = tcp(1, 1, tell(b"\0\1")), tcp(2, 1, tell(b"\0\2"))
    lines = [tx(0, tcp(1, 1, ask(1, 1))), tx(0, tcp(2, 1, ask(2, 1))), rx(0.1, first[:5]), rx(0.2, first[5:] + second)]
    found = seen(written(tmp_path / "t", *lines))
    assert [(one.reply.facts["transaction"], one.received_s) for one in found if one.reply] == [(1, 0.2), (2, 0.2)]
    assert not found[0].is_wrong


def test_what_has_no_reply_and_what_nobody_asked_for_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "t", tx(0, tcp(1, 1, ask(1, 1))), rx(0.5, tcp(9, 1, tell(b"\0\2"))))
    assert [one.notes for one in seen(path)] == [
        ["nobody asked for this, or its request came before this trace"],
        ["no reply in this trace"],
    ]


def test_a_reply_that_differs_from_its_request_is_told_how(tmp_path: Path) -> None:
    path = written(tmp_path / "t", tx(0, tcp(1, 1, ask(1, 4))), rx(0.5, tcp(1, 2, tell(b"\0\2"))))
    (one,) = seen(path)
    assert one.notes == ["unit 2 instead of 1", "2 bytes instead of 8"]


def test_an_rtu_bus_pairs_a_request_with_what_comes_before_the_next(tmp_path: Path) -> None:
    bus = "serial:///dev/ttyUSB0?baud=9600"
    ask_ = bytes.fromhex(RTU_REQUEST)
    lines = [tx(0, ask_, bus), tx(1, ask_, bus), rx(1.02, RTU_REPLY[:3], bus), rx(1.03, RTU_REPLY[3:], bus)]
    silent, good = seen(written(tmp_path / "t", *lines))
    assert silent.notes == ["no reply before the next request"]
    assert good.reply_time_s == pytest.approx(0.03)
    assert not good.is_wrong
    assert [(p.name, p.says) for p in good.points] == [("registers 107..109", "ae41 5652 4340")]


def test_the_echo_of_an_adapter_is_taken_off_before_the_reply(tmp_path: Path) -> None:
    bus, ask_ = "serial:///dev/ttyUSB0?baud=9600", bytes.fromhex(RTU_REQUEST)
    lines = [tx(0, ask_, bus), rx(0.01, ask_[:3], bus), rx(0.02, ask_[3:] + RTU_REPLY, bus)]
    (one,) = seen(written(tmp_path / "t", *lines))
    assert (one.echoed, one.is_wrong) == (True, False)
    assert one.reply is not None
    assert one.reply.raw == RTU_REPLY


def test_the_reply_to_a_single_write_is_not_taken_for_an_echo(tmp_path: Path) -> None:
    bus, frame = "rtu+tcp://h:502", sealed(bytes.fromhex("110600010003"))
    (one,) = seen(written(tmp_path / "t", tx(0, frame, bus), rx(0.02, frame, bus)))
    assert (one.echoed, one.is_wrong, one.reply_time_s) == (False, False, 0.02)


def test_the_controller_does_not_carry_the_dissectors_library() -> None:
    code = "import sys, pcs.cli.run; print('construct' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"


def test_registers_of_a_profile_are_named_where_the_site_file_says_whose_they_are(tmp_path: Path) -> None:
    bus = "serial:///dev/ttyUSB0?baud=9600"
    found = Found(address=settings(bus)[0], unit=4, profile=load_profiles()["eastron/sdm630"])
    (tmp_path / "site.yaml").write_text(site_file([found], "UTC") or "")
    ask_ = sealed(bytes.fromhex("0404 0034 000c"))
    reply = sealed(bytes.fromhex("0404 18 451c4000") + bytes(20))
    written(tmp_path / "t", tx(0, ask_, bus), rx(0.05, reply, bus))
    shown = CliRunner().invoke(command, [str(tmp_path / "t"), "--site", str(tmp_path / "site.yaml")]).output
    assert "   52  power_total              2500 W (451c 4000)" in shown
    assert "registers 54..59         0000 0000" in shown
    assert "reactive_total           0 var" in shown
    assert "power_total" not in CliRunner().invoke(command, [str(tmp_path / "t")]).output


def test_lines_of_hexadecimal_bytes_are_explained_too(tmp_path: Path) -> None:
    path = written(tmp_path / "t", RTU_REQUEST, tcp(3, 1, tell(b"\0\7")).hex(), "what is this")
    request, reply, words = exchanges(path)
    assert isinstance(request, Exchange)
    assert isinstance(reply, Exchange)
    assert request.request is not None
    assert reply.reply is not None
    assert (request.request.framing, reply.reply.framing) == ("rtu", "tcp")
    assert words == "neither a line of a trace nor hexadecimal bytes: 'what is this'"


def test_the_older_file_of_a_ring_comes_first_and_repeated_frames_are_not_shown(tmp_path: Path) -> None:
    old, new = (tcp(k, 1, ask(k, 1)) for k in (1, 2))
    written(tmp_path / "t.1", tx(1.0, old))
    written(tmp_path / "t", {**tx(0.0, tcp(0, 1, ask(0, 1))), "again": True}, tx(2.0, new))
    shown = CliRunner().invoke(command, [str(tmp_path / "t"), "--json"]).output.splitlines()
    assert [json.loads(line)["sent_s"] for line in shown] == [1.0, 2.0]


def test_only_what_went_wrong_is_shown_when_asked_for(tmp_path: Path) -> None:
    good = [tx(0, tcp(1, 1, ask(1, 1))), rx(0.1, tcp(1, 1, tell(b"\0\1")))]
    bad = [tx(1, tcp(2, 1, ask(1, 1))), rx(1.1, tcp(2, 1, bytes([0x83, 6])))]
    fault = {"asked_s": 1, "link": "x", "unit": 1, "function": 3, "address": 1, "count": 1, "fault": "busy"}
    path = written(tmp_path / "t", *good, *bad, fault)
    shown = CliRunner().invoke(command, [str(path), "--wrong", "--bytes"])
    assert shown.exit_code == 0
    assert "exception 6, busy" in shown.output
    assert "+8   06                       exception 6" in shown.output
    assert "controller: x unit 1, reading 1 at 1: busy" in shown.output
    assert "0.000000 s" not in shown.output


UNITS = {
    "A": "A", "V": "V", "W": "W", "Hz": "Hz", "VA": "VA", "var": "var", "Var": "var", "Wh": "Wh", "VAh": "VAh",
    "varh": "varh", "Varh": "varh", "Secs": "s", "C": "C", "% WMax": "%", "% VArMax": "%", "% VArAval": "%",
}  # fmt: skip


@pytest.mark.parametrize("number", MODELS)
def test_units_of_points_are_those_of_the_alliance(number: int) -> None:
    told = mdef.from_json_file(str(Path(mdef.__file__).parent / "models" / "json" / f"model_{number}.json"))
    points = {p["name"]: p.get("units") for p in told["group"]["points"]}
    known = {name: unit for name, unit in points.items() if unit in UNITS and name in MODELS[number]}
    numbers = {n: u for n, u in known.items() if MODELS[number][n].type not in ("sunssf", "enum16", "bitfield32")}
    assert {name: unit_of(MODELS[number][name]) for name in numbers} == {n: UNITS[u] for n, u in numbers.items()}
