"""Worked examples of the specifications, clause by clause, as bytes on the wire and in registers."""

import asyncio
import math
import struct

import pytest

from pcs.codec.exceptions import EXCEPTIONS
from pcs.codec.registers import TYPES, Field, Layout, Value, encode, scaled
from pcs.codec.sunspec import BASES, END_MODEL, decode_model
from pcs.io.modbus_tcp import ModbusTcpLink
from pcs.model.fault import Fault, FaultKind
from pcs.ports import Priority, Reply
from tests.link_helpers import ADDRESS, in_virtual_time


def converse(reply_pdu: str, unit: int, address: int, what: int | tuple[int, ...]) -> tuple[bytes, Reply | Fault]:
    """One exchange over the link: returns the request frame and what the caller sees; the reply PDU is in hex."""
    seen: list[bytes] = []

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            seen.append(data)
            pdu = bytes.fromhex(reply_pdu)
            self.transport.write(data[:4] + struct.pack(">HB", 1 + len(pdu), data[6]) + pdu)

    async def whole() -> Reply | Fault:
        server = await asyncio.get_running_loop().create_server(Server, ADDRESS.host, ADDRESS.port)
        link = ModbusTcpLink(ADDRESS)
        try:
            if isinstance(what, int):
                return await link.read(unit, address, what, deadline_s=1.0, priority=Priority.SCAN)
            return await link.write(unit, address, what, deadline_s=1.0, priority=Priority.SCAN)
        finally:
            await link.close()
            server.close()
            await asyncio.sleep(0)

    answer = in_virtual_time(whole)
    return seen[0], answer


def test_reading_holding_registers_uses_function_three() -> None:
    """MODBUS application protocol V1.1b3, section 6.3: registers 108-110; messaging on TCP/IP V1.0b, section 3.1.3."""
    request, answer = converse("03 06 02 2B 00 00 00 64", 17, 107, 3)
    assert request[2:] == bytes.fromhex("0000 0006 11 03 006B 0003")
    assert isinstance(answer, Reply)
    assert struct.unpack(">3H", answer.data) == (555, 0, 100)


def test_writing_several_registers_uses_function_sixteen() -> None:
    """MODBUS application protocol V1.1b3, section 6.12: two registers from 2."""
    request, answer = converse("10 00 01 00 02", 17, 1, (0x000A, 0x0102))
    assert request[2:] == bytes.fromhex("0000 000B 11 10 0001 0002 04 000A 0102")
    assert isinstance(answer, Reply)
    assert answer.data == b""


@pytest.mark.parametrize("code", sorted(EXCEPTIONS))
def test_an_exception_reply_is_a_refusal(code: int) -> None:
    """MODBUS application protocol V1.1b3, section 7: function plus 0x80 and one byte."""
    _, answer = converse(f"83 {code:02X}", 17, 107, 3)
    assert isinstance(answer, Fault)
    assert answer.kind is (FaultKind.NOT_NOW if code in (5, 6, 10, 11) else FaultKind.REFUSED)
    assert EXCEPTIONS[code] in answer.detail


@pytest.mark.parametrize(("type_name", "words"), [
    ("int16", "8000"), ("uint16", "FFFF"), ("acc16", "0000"), ("enum16", "FFFF"), ("bitfield16", "FFFF"),
    ("int32", "80000000"), ("uint32", "FFFFFFFF"), ("acc32", "00000000"), ("enum32", "FFFFFFFF"),
    ("bitfield32", "FFFFFFFF"), ("float32", "7FC00000"), ("float32", "FFC00001"), ("float32", "7F800001"),
    ("int64", "8000000000000000"), ("uint64", "FFFFFFFFFFFFFFFF"), ("acc64", "0000000000000000"),
    ("float64", "7FF8000000000000"), ("sunssf", "8000"), ("string", "00000000"),
])  # fmt: skip
def test_values_that_mean_not_implemented(type_name: str, words: str) -> None:
    """SunSpec device information model specification: the unimplemented value of every type; any NaN for floats."""
    data = bytes.fromhex(words)
    layout = Layout([Field(name="x", offset=0, type=type_name, words=len(data) // 2)])
    assert layout.decode(data) == {"x": None}


@pytest.mark.parametrize(("type_name", "words", "value"), [
    ("int16", "8001", -32767), ("uint16", "FFFE", 65534), ("int32", "FFFFFFFE", -2), ("uint32", "00010000", 65536),
    ("int64", "7FFFFFFFFFFFFFFF", 2**63 - 1), ("uint64", "0000000000000001", 1), ("acc32", "00000001", 1),
    ("float32", "43E64000", 460.5), ("float64", "4079800000000000", 408.0), ("sunssf", "FFFE", -2),
    ("enum16", "0004", 4), ("bitfield32", "80000001", 0x80000001), ("string", "41636D6500002020", "Acme"),
])  # fmt: skip
def test_values_most_significant_byte_and_word_first(type_name: str, words: str, value: Value) -> None:
    """SunSpec device information model specification: big-endian bytes and words, strings padded with NUL."""
    data = bytes.fromhex(words)
    layout = Layout([Field(name="x", offset=0, type=type_name, words=len(data) // 2)])
    assert layout.decode(data) == {"x": value}
    if type_name != "string":
        assert struct.pack(f">{len(data) // 2}H", *encode(type_name, value)) == data


@pytest.mark.parametrize(("raw", "exponent", "value"), [
    (1234, -1, 123.4), (1234, 0, 1234.0), (1234, 3, 1_234_000.0), (5, -10, 5e-10), (5, 10, 5e10), (1234, None, 1234.0),
    (1234, 11, None), (1234, -11, None),
])  # fmt: skip
def test_a_scale_factor_is_a_power_of_ten(raw: int, exponent: int | None, value: float | None) -> None:
    """SunSpec device information model specification: value times ten to the power of sunssf, -10..10."""
    assert scaled(raw, exponent) == value


def test_maps_begin_at_three_addresses_and_end_with_ffff() -> None:
    """SunSpec device information model specification, device discovery."""
    assert BASES == (40000, 50000, 0)
    assert END_MODEL == 0xFFFF


def test_the_common_model_may_have_65_registers() -> None:
    """Early devices omit the pad of model 1 (SunSpec common model, length 65 or 66)."""
    data = (
        struct.pack(">HH", 1, 65)
        + b"Acme".ljust(32, b"\0")
        + bytes(48)
        + b"1.0".ljust(16, b"\0")
        + b"7".ljust(34, b"\0")
    )
    values = decode_model(1, data[: 2 * 67])
    assert (values["Mn"], values["Vr"], values["SN"], values["Md"]) == ("Acme", "1.0", "7", None)


@pytest.mark.parametrize(("type_name", "value"), [
    ("uint16", 65535), ("uint16", 65536), ("uint16", -1), ("int16", -32768), ("int16", 1.5), ("enum16", 0xFFFF),
    ("uint32", 2**32),
])  # fmt: skip
def test_what_a_type_cannot_hold_is_never_written(type_name: str, value: Value) -> None:
    with pytest.raises(ValueError, match=r"fit|not implemented"):
        encode(type_name, value)


def test_text_that_is_too_long_and_layouts_that_make_no_sense_are_bugs() -> None:
    with pytest.raises(ValueError, match="longer"):
        encode("string", "Acme!", 2)
    with pytest.raises(ValueError, match="at least one"):
        Layout([])
    with pytest.raises(ValueError, match="overlaps"):
        Layout([Field(name=name, offset=0, type="uint16", words=1) for name in "ab"])


@pytest.mark.parametrize("name", sorted(set(TYPES) - {"string"}))
def test_nothing_is_written_as_the_not_implemented_value_and_read_as_none(name: str) -> None:
    words = encode(name, None)
    layout = Layout([Field(name="x", offset=0, type=name, words=TYPES[name].words)])
    assert layout.decode(struct.pack(f">{len(words)}H", *words)) == {"x": None}


def test_encoding_takes_no_infinity_for_a_number() -> None:
    words = encode("float32", math.inf)
    assert Layout([Field(name="x", offset=0, type="float32", words=2)]).decode(struct.pack(">2H", *words)) == {
        "x": None
    }
