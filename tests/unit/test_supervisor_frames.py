"""The supervisor's own Modbus: published frames, replies judged against their request, and words as watts."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.codec.rtu import sealed
from pcs.model.site import CurrentTransformer, MeterSign
from pcs.supervisor.decode import flow_of, reads_of, sunspec_reads
from pcs.supervisor.frames import (
    BadReplyError,
    Request,
    coil_off,
    flash_on,
    rtu_frame,
    rtu_reply,
    tcp_frame,
    tcp_reply,
)
from pcs.supervisor.gpio import CONSUMER, FLAG_ACTIVE_LOW, FLAG_OUTPUT, line_request
from pcs.supervisor.state import Flow, Nonsense
from tests.supervisor_kit import meter

READ = Request(unit=3, function=3, address=100, count=2)


@pytest.mark.parametrize(
    ("request_", "published"),
    [
        (flash_on(1, 0, 0.7), "01 05 02 00 00 07 8D B0"),
        (flash_on(1, 1, 0.8), "01 05 02 01 00 08 9C 74"),
        (Request(unit=1, function=5, address=0, value=0xFF00), "01 05 00 00 FF 00 8C 3A"),
        (coil_off(1, 0), "01 05 00 00 00 00 CD CA"),
    ],
)
def test_frames_to_a_relay_board_are_those_that_its_maker_publishes(request_: Request, published: str) -> None:
    assert rtu_frame(request_) == bytes.fromhex(published)


@given(st.binary(max_size=40), st.integers(0, 65535))
def test_no_bytes_from_tcp_are_taken_for_an_answer_but_the_right_ones(noise: bytes, number: int) -> None:
    try:
        data, _ = tcp_reply(noise, READ, number)
    except BadReplyError:
        return
    if data is not None:
        right = struct.pack(">HHHBBB", number, 0, 7, 3, 3, 4) + data
        assert right in noise


@pytest.mark.parametrize("stale", [0, 1, 3])
def test_late_answers_to_older_questions_are_dropped_and_the_right_one_is_found(stale: int) -> None:
    def reply(number: int, value: int) -> bytes:
        return struct.pack(">HHHBBBI", number, 0, 7, 3, 3, 4, value)

    received = b"".join(reply(n, 111) for n in range(stale)) + reply(7, 222)
    assert tcp_reply(received[:-1], READ, 7)[0] is None
    assert tcp_reply(received, READ, 7)[0] == struct.pack(">I", 222)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (sealed(bytes([3, 0x83, 2])), "refused with exception 2"),
        (sealed(bytes([4, 3, 4, 0, 0, 0, 1])), "unit 4 answered"),
        (sealed(bytes([3, 4, 4, 0, 0, 0, 1])), "answers another question"),
        (sealed(bytes([3, 3, 2, 0, 0, 0, 1])), "byte count"),
        (bytes([3, 3, 4, 0, 0, 0, 1, 0, 0]), "check sum"),
        (sealed(bytes([3, 3, 4, 0, 0, 0, 1])) + b"\0", "more bytes"),
    ],
)
def test_a_serial_reply_that_is_not_right_in_every_byte_is_refused(reply: bytes, said: str) -> None:
    with pytest.raises(BadReplyError, match=said):
        rtu_reply(reply, READ)


def test_a_request_that_was_sent_over_tcp_carries_its_number_unit_and_length() -> None:
    assert tcp_frame(READ, 0x1234) == bytes.fromhex("1234 0000 0006 03 03 0064 0002")


@settings(max_examples=200)
@given(st.floats(-9e4, 9e4, width=32), st.sampled_from([1.0, 40.0]), st.sampled_from(list(MeterSign)[:2]))
def test_a_register_meter_reads_as_its_profile_says(total_w: float, ratio: float, sign: MeterSign) -> None:
    """Eastron SDM630: power at 52, volts at 0, 2 and 4, hertz at 70, floats, function 4."""
    spec = meter("eastron/sdm630", sign=sign, ct=CurrentTransformer(ratio=ratio))
    image = {0: 230.0, 2: 231.0, 4: 229.0, 52: total_w, 70: 50.0}
    reads = reads_of(spec)
    answers = tuple(
        b"".join(struct.pack(">f", image.get(a, 0.0)) for a in range(r.address, r.address + r.count, 2))
        for r in reads.requests
    )
    seen = flow_of(spec, reads, answers)
    assert isinstance(seen, Flow)
    turned = -1 if sign is MeterSign.EXPORT_POSITIVE else 1
    assert seen.import_w == pytest.approx(turned * ratio * total_w, rel=1e-6)
    assert seen.volts_v == (230.0, 231.0, 229.0)
    assert all(r.function == 4 and r.count <= 80 for r in reads.requests)


@pytest.mark.parametrize(("raw", "exponent", "expected_w"), [(1234, 0, 1234), (-250, 1, -2500), (321, -1, 32.1)])
def test_an_integer_sunspec_meter_is_scaled(raw: int, exponent: int, expected_w: float) -> None:
    spec = meter()
    words = [0] * 16
    words[1:4], words[8], words[11], words[15] = [2771, 2770, 2769], -1, raw, exponent
    seen = flow_of(spec, sunspec_reads(spec, 203, 40069), (struct.pack(">16h", *words),))
    assert isinstance(seen, Flow)
    assert seen.import_w == pytest.approx(expected_w)
    assert seen.volts_v == pytest.approx((277.1, 277.0, 276.9))


@pytest.mark.parametrize("words", [{11: -0x8000}, {15: -0x8000}, {15: 99}])
def test_a_sunspec_meter_without_a_number_is_nonsense_and_not_zero(words: dict[int, int]) -> None:
    spec = meter()
    image = [words.get(n, 0) for n in range(16)]
    assert isinstance(flow_of(spec, sunspec_reads(spec, 203, 0), (struct.pack(">16h", *image),)), Nonsense)


def test_a_float_sunspec_meter_says_its_total_and_its_phases() -> None:
    spec = meter()
    data = struct.pack(">10f", 230, 229, 231, 230.5, 0, 0, 0, 0, 50, -4321.5)
    seen = flow_of(spec, sunspec_reads(spec, 213, 0), (data,))
    assert seen == Flow(import_w=-4321.5, words=data, volts_v=(229.0, 231.0, 230.5))
    assert isinstance(flow_of(spec, sunspec_reads(spec, 213, 0), (data[:-4] + b"\x7f\xc0\0\0",)), Nonsense)


def test_a_gpio_request_lies_in_memory_as_the_kernels_header_has_it() -> None:
    """`struct gpio_v2_line_request`: offsets 64 * 4, consumer 32, config 272 (flags first), lines, buffer, fd."""
    request = line_request(17, FLAG_OUTPUT | FLAG_ACTIVE_LOW)
    assert len(request) == 592
    assert struct.unpack_from("=I", request, 0)[0] == 17
    assert request[256 : 256 + len(CONSUMER)] == CONSUMER
    assert struct.unpack_from("=Q", request, 288)[0] == 10
    assert struct.unpack_from("=II", request, 560)[0] == 1
    assert struct.unpack_from("=i", request, 588)[0] == 0
