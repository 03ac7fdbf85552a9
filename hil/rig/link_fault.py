"""How a simulated device can fail on the wire, and what then leaves it instead of its reply. PURE."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from random import Random

NOISE_BYTES = 3  # what a line driver that is switched on or off too early or too late typically adds


class LinkFault(StrEnum):
    """How a device on the wire can fail. A deaf one answers what is read, and never hears what is written.

    `flipped`: one bit of the head of each frame is wrong (TCP's own checksum keeps such from the values behind it).
    `reordered`: each second reply leaves before the one to the request ahead of it.
    """

    OK = "ok"
    SILENT = "silent"
    SLOW = "slow"
    BUSY = "busy"
    GARBAGE = "garbage"
    NOISE = "noise"
    NOISE_BEFORE = "noise_before"
    NOISE_AFTER = "noise_after"
    TRUNCATED = "truncated"
    SHORT = "short"
    LONG = "long"
    WRONG_UNIT = "wrong_unit"
    WRONG_FUNCTION = "wrong_function"
    STALE_TID = "stale_tid"
    CRC = "crc"
    GLUED = "glued"
    ECHO = "echo"
    RESET = "reset"
    ENDLESS = "endless"
    HALF_OPEN = "half_open"
    DEAF = "deaf"
    FLIPPED = "flipped"
    REORDERED = "reordered"


TCP_ONLY = frozenset({LinkFault.STALE_TID, LinkFault.RESET})
"""RTU has no transaction id, and a serial line has no connection to reset."""
RTU_ONLY = frozenset({LinkFault.CRC, LinkFault.ECHO})
"""A Modbus TCP frame has no CRC, and a socket does not hear itself."""


class Then(Enum):
    """What the device does once the bytes are out."""

    GO_ON = "answers the next request"
    CLOSE = "ends the connection in good order"
    CUT = "cuts the connection"
    FLOOD = "sends without an end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiled:
    """What leaves the device."""

    data: bytes
    then: Then = Then.GO_ON


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. `tag` is its transaction id on TCP and 0 on a serial line."""

    tag: int
    unit: int
    pdu: bytes


FrameOf = Callable[[int, int, bytes], bytes]
"""Builds a frame from transaction id, unit and PDU; on a serial line the transaction id is not looked at."""


def spoil(fault: LinkFault, asked: Asked, pdu: bytes, frame_of: FrameOf, random: Random) -> Spoiled:
    """The right reply `pdu` to a request, as it leaves a device with this fault."""
    tag, unit = asked.tag, asked.unit
    whole = frame_of(tag, unit, pdu)
    match fault:
        case LinkFault.GARBAGE:
            return Spoiled(data=frame_of(tag, unit, random.randbytes(len(pdu))))
        case LinkFault.NOISE:
            return Spoiled(data=random.randbytes(len(whole)))
        case LinkFault.NOISE_BEFORE:
            return Spoiled(data=random.randbytes(NOISE_BYTES) + whole)
        case LinkFault.NOISE_AFTER:
            return Spoiled(data=whole + random.randbytes(NOISE_BYTES))
        case LinkFault.TRUNCATED:  # closing lets the half frame out first; an abort could swallow it
            head = len(frame_of(tag, unit, b""))
            return Spoiled(data=whole[: head + len(pdu) // 2], then=Then.CLOSE)
        case LinkFault.RESET:
            return Spoiled(data=whole[: len(whole) // 2], then=Then.CUT)
        case LinkFault.SHORT | LinkFault.LONG:
            return Spoiled(data=frame_of(tag, unit, _of_other_size(pdu, fault is LinkFault.LONG)))
        case LinkFault.WRONG_UNIT:
            return Spoiled(data=frame_of(tag, unit % 247 + 1, pdu))
        case LinkFault.WRONG_FUNCTION:
            return Spoiled(data=frame_of(tag, unit, bytes((pdu[0] ^ 7,)) + pdu[1:]))  # 3 becomes 4 and 4 becomes 3
        case LinkFault.STALE_TID:
            return Spoiled(data=frame_of((tag - 1) & 0xFFFF, unit, pdu))
        case LinkFault.CRC:
            return Spoiled(data=whole[:-1] + bytes((whole[-1] ^ 0x5A,)))
        case LinkFault.FLIPPED:
            at = random.randrange(len(frame_of(tag, unit, b"")))
            return Spoiled(data=whole[:at] + bytes((whole[at] ^ 1 << random.randrange(8),)) + whole[at + 1 :])
        case LinkFault.GLUED:
            return Spoiled(data=whole + whole)
        case LinkFault.ENDLESS:
            return Spoiled(data=whole[:4] + b"\xff\xff" + whole[6:], then=Then.FLOOD)
        case _:  # well, slow, out of order, or on a bus that repeats what it hears
            return Spoiled(data=whole)


def _of_other_size(pdu: bytes, longer: bool) -> bytes:
    """The reply to a read with one register more or less, and a byte count that says so; other replies as they are."""
    if pdu[0] not in (3, 4) or (not longer and pdu[1] <= 2):
        return pdu
    return bytes((pdu[0], pdu[1] + 2)) + pdu[2:] + pdu[2:4] if longer else bytes((pdu[0], pdu[1] - 2)) + pdu[2:-2]
