"""Modbus RTU frames: what a request looks like, and what a run of bytes from the bus is, judged against one request.

RTU has no length and no transaction id: a reply is what has the unit, function and size that were asked for and a
right check sum (MODBUS over serial line V1.02, section 2.5.1). No I/O, no clock.
"""

import struct
from dataclasses import dataclass
from enum import Enum

READ_FUNCTIONS = (3, 4)
WRITE_SINGLE, WRITE_MULTIPLE = 6, 16
FRAME_MAX = 256  # bytes; MODBUS over serial line V1.02, section 2.5.1
EXCEPTION_BYTES = 5
GLITCH_MAX = 2  # bytes that a driver makes when it lets go of an unbiased bus; more is noise
_GLITCHES = (0x00, 0xFF)  # what an idle line looks like to a receiver; neither is an address of a unit
_REQUEST_FUNCTIONS = frozenset({1, 2, 3, 4, 5, 6})  # those whose requests have 8 bytes


def _table() -> tuple[int, ...]:
    """CRC-16/MODBUS byte by byte: reflected polynomial 0xA001 (MODBUS over serial line V1.02, section 6.2.2)."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _table()


def crc16(data: bytes) -> int:
    """The check sum of a frame's bytes."""
    crc, table = 0xFFFF, _CRC
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def sealed(body: bytes) -> bytes:
    """A frame: the body and its check sum, low byte first."""
    return body + struct.pack("<H", crc16(body))


def is_sealed(frame: bytes) -> bool:
    """Whether the last two bytes are the check sum of the others; an intact frame leaves nothing."""
    return len(frame) >= 4 and crc16(frame) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request as bytes, and what its reply must begin with and how long it must be (0: nobody replies)."""

    frame: bytes
    unit: int
    function: int
    head: bytes
    reply_bytes: int


def ask_read(unit: int, function: int, address: int, count: int) -> Ask:
    """Read `count` registers from `address` with function 3 or 4."""
    return Ask(
        frame=sealed(struct.pack(">BBHH", unit, function, address, count)),
        unit=unit,
        function=function,
        head=bytes((unit, function, 2 * count)),
        reply_bytes=5 + 2 * count,
    )


def ask_write(unit: int, function: int, address: int, words: tuple[int, ...]) -> Ask:
    """Write `words` from `address` with function 16, or one word with function 6. Unit 0 is everybody: no reply."""
    if function == WRITE_SINGLE:
        body = struct.pack(">BBHH", unit, function, address, words[0])
        head = body
    else:
        count = len(words)
        body = struct.pack(f">BBHHB{count}H", unit, function, address, count, 2 * count, *words)
        head = body[:6]
    return Ask(frame=sealed(body), unit=unit, function=function, head=head, reply_bytes=8 if unit else 0)


class Shape(Enum):
    """What a run of bytes is to a request."""

    INCOMPLETE = "may become the reply"
    GOOD = "the reply"
    EXCEPTION = "an exception reply"
    WRONG = "cannot become the reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A judged run of bytes: its shape, the register bytes or the exception's code, and evidence in words."""

    shape: Shape
    data: bytes = b""
    code: int = 0
    detail: str = ""
    crc_failed: bool = False


INCOMPLETE = Seen(shape=Shape.INCOMPLETE)


def judge(ask: Ask, heard: bytes) -> Seen:
    """What `heard`, everything since the request was sent, is to it.

    At most two idle-line bytes before and behind the frame are let pass; anything else too much is wrong.
    """
    start = 0
    while start < min(GLITCH_MAX, len(heard)) and heard[start] in _GLITCHES:
        start += 1
    frame = heard[start:]
    if len(frame) < 2:
        return INCOMPLETE
    if frame[0] == ask.unit and frame[1] == ask.function | 0x80:
        return _whole(ask, frame, EXCEPTION_BYTES)
    if not frame.startswith(ask.head[: len(frame)]):
        return Seen(shape=Shape.WRONG, detail=_described(ask, frame), crc_failed=not _has_frame(frame))
    return _whole(ask, frame, ask.reply_bytes)


def _whole(ask: Ask, frame: bytes, size: int) -> Seen:
    """A frame that begins right: complete, intact and with nothing behind it?"""
    if len(frame) < size:
        return INCOMPLETE
    body, behind = frame[:size], frame[size:]
    if not is_sealed(body):
        return Seen(shape=Shape.WRONG, detail=f"check sum wrong in {body[:16].hex(' ')}", crc_failed=True)
    if behind == body:
        return Seen(shape=Shape.WRONG, detail=f"the reply came twice: do two devices have unit id {ask.unit}?")
    if len(behind) > GLITCH_MAX or any(byte not in _GLITCHES for byte in behind):
        what = f"do two devices have unit id {ask.unit}?" if behind[:1] == body[:1] else behind[:8].hex(" ")
        return Seen(shape=Shape.WRONG, detail=f"{len(behind)} bytes too many behind the reply: {what}")
    if size == EXCEPTION_BYTES and body[1] & 0x80:
        return Seen(shape=Shape.EXCEPTION, code=body[2])
    return Seen(shape=Shape.GOOD, data=body[3:-2] if ask.function in READ_FUNCTIONS else b"")


def _described(ask: Ask, frame: bytes) -> str:
    """Why a run of bytes that begins wrong is not the reply, in words."""
    if not _has_frame(frame):
        return f"no frame in {len(frame)} bytes: {frame[:16].hex(' ')}"
    unit, function = frame[0], frame[1]
    if function in READ_FUNCTIONS and len(frame) == 8 != 5 + frame[2]:
        return f"a request to unit {unit} that we did not make: another client on this bus?"
    if unit != ask.unit:
        return f"unit {unit} answered a request to unit {ask.unit}"
    if function & 0x7F != ask.function:
        return f"reply with function {function & 0x7F} instead of {ask.function}"
    if ask.function in READ_FUNCTIONS:
        return f"reply of {frame[2] // 2} registers instead of {ask.head[2] // 2}"
    return f"reply body begins {frame[2:6].hex(' ')} instead of {ask.head[2:].hex(' ')}"


def _has_frame(heard: bytes) -> bool:
    """Whether the bytes are one frame with a right check sum."""
    return len(heard) <= FRAME_MAX and is_sealed(heard)


def units_talking(heard: bytes) -> tuple[int, ...]:
    """Units named by whole frames in bytes that nobody asked for: requests of 8 bytes, replies to reads, exceptions."""
    units, at = [], 0
    while at + EXCEPTION_BYTES <= len(heard):
        size = next((n for n in _sizes(heard, at) if at + n <= len(heard) and is_sealed(heard[at : at + n])), 0)
        if size:
            units.append(heard[at])
        at += size or 1
    return tuple(dict.fromkeys(units))


def _sizes(heard: bytes, at: int) -> tuple[int, ...]:
    """How long a frame that begins at `at` may be."""
    function, third = heard[at + 1], heard[at + 2]
    if function & 0x80:
        return (EXCEPTION_BYTES,)
    if function in _REQUEST_FUNCTIONS:
        return (8, 5 + third)
    if function == WRITE_MULTIPLE:
        return (8, 9 + heard[at + 6]) if at + 6 < len(heard) else ()
    return ()
