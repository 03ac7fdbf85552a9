"""RTU frames: known answers of others, and what every other run of bytes is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.codec.rtu import Shape, ask_read, ask_write, crc16, is_sealed, judge, sealed, units_talking

EASTRON = ask_read(1, 4, 0, 2)
EASTRON_REPLY = bytes.fromhex("01 04 04 43 66 33 34 1b 38")
"""The Eastron SDM320Y manual, p. 42: 230.2 V."""


def test_the_check_sum_is_that_of_the_standard_and_of_a_manual() -> None:
    assert crc16(b"123456789") == 0x4B37  # catalogue of CRC algorithms, CRC-16/MODBUS
    assert EASTRON.frame == bytes.fromhex("01 04 00 00 00 02 71 cb")
    assert judge(EASTRON, EASTRON_REPLY).data == bytes.fromhex("43 66 33 34")


@pytest.mark.parametrize(
    ("function", "words", "frame", "head"),
    [
        (16, (0x000A, 0x0102), "11 10 00 01 00 02 04 00 0a 01 02", "11 10 00 01 00 02"),
        (6, (0x0003,), "11 06 00 01 00 03", "11 06 00 01 00 03"),
    ],
)
def test_a_write_has_the_bytes_of_the_standard(function: int, words: tuple[int, ...], frame: str, head: str) -> None:
    """MODBUS application protocol V1.1b3, sections 6.6 and 6.12."""
    ask = ask_write(0x11, function, 1, words)
    assert ask.frame == sealed(bytes.fromhex(frame))
    assert judge(ask, sealed(bytes.fromhex(head))).shape is Shape.GOOD


@given(st.integers(0, 8))
def test_a_reply_cut_anywhere_may_still_become_one(cut: int) -> None:
    assert judge(EASTRON, EASTRON_REPLY[:cut]).shape is Shape.INCOMPLETE


@given(st.integers(0, 71))
def test_a_reply_with_one_bit_wrong_is_never_believed(bit: int) -> None:
    wrong = bytearray(EASTRON_REPLY)
    wrong[bit // 8] ^= 1 << bit % 8
    assert judge(EASTRON, bytes(wrong)).shape in (Shape.WRONG, Shape.INCOMPLETE)


@given(st.binary(max_size=300))
def test_no_bytes_are_believed_that_are_not_the_reply(heard: bytes) -> None:
    seen = judge(EASTRON, heard)
    assert seen.shape is not Shape.GOOD or heard.strip(b"\0\xff") in EASTRON_REPLY
    units_talking(heard)


WRONG = {
    "unit 5 answered a request to unit 1": sealed(b"\x05" + EASTRON_REPLY[1:-2]),
    "reply with function 3 instead of 4": sealed(b"\x01\x03" + EASTRON_REPLY[2:-2]),
    "reply of 1 registers instead of 2": sealed(b"\x01\x04\x02\x43\x66"),
    "check sum wrong": EASTRON_REPLY[:-1] + b"\x00",
    "the reply came twice: do two devices have unit id 1?": EASTRON_REPLY * 2,
    "bytes too many behind the reply": EASTRON_REPLY + b"\x7e\x81\x7e",
    "a request to unit 9 that we did not make: another client": ask_read(9, 3, 0, 4).frame,
    "no frame in 5 bytes": b"\x13\x37\x13\x37\x13",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_not_the_reply_is_named(words: str) -> None:
    seen = judge(EASTRON, WRONG[words])
    assert seen.shape is Shape.WRONG
    assert words in seen.detail


@pytest.mark.parametrize("idle", [b"\0", b"\xff", b"\0\xff"])
def test_a_glitch_of_an_unbiased_bus_around_a_reply_is_let_pass(idle: bytes) -> None:
    assert judge(EASTRON, idle + EASTRON_REPLY + idle).data == bytes.fromhex("43 66 33 34")
    assert judge(EASTRON, EASTRON_REPLY + b"\0\0\0").shape is Shape.WRONG


def test_an_exception_is_told_from_a_reply() -> None:
    seen = judge(EASTRON, sealed(b"\x01\x84\x02"))
    assert (seen.shape, seen.code) == (Shape.EXCEPTION, 2)


def test_units_in_frames_that_nobody_asked_for_are_found_behind_noise() -> None:
    others = b"\x7f\x33" + ask_read(7, 3, 0, 2).frame + sealed(b"\x07\x03\x04\0\1\0\2") + sealed(b"\x09\x83\x02")
    assert units_talking(others) == (7, 9)
    assert is_sealed(ask_write(7, 16, 0, (1, 2)).frame)
    assert units_talking(ask_write(7, 16, 0, (1, 2)).frame) == (7,)
