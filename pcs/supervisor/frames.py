"""Modbus frames of the supervisor: few, and its own. Requests as bytes, replies judged against the one request.

MODBUS application protocol V1.1b3 (functions 1 to 5), MODBUS messaging on TCP/IP V1.0b (the seven bytes before a PDU),
MODBUS over serial line V1.02 (unit, PDU, check sum).
"""

import struct
from dataclasses import dataclass

READ_COILS, READ_INPUTS, READ_HOLDING, READ_REGISTERS, WRITE_COIL = 1, 2, 3, 4, 5
FLASH_ON = 0x0200
"""Waveshare Modbus RTU Relay, protocol V2: function 5 at 0x0200 + relay closes it for the value times 0.1 s.

Its wiki gives `01 05 02 00 00 07 8D B0` for 0.7 s of the first relay; a test holds us to that frame.
"""
FLASH_UNIT_S = 0.1
FLASH_MOST_S = 3276.7
"""The largest value is 0x7FFF."""
TCP_HEAD = 7
FRAME_MAX = 260


class BadReplyError(Exception):
    """What came is no answer to what was asked; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to one unit. `count` bits or registers are read, or `value` is written."""

    unit: int
    function: int
    address: int
    count: int = 1
    value: int = 0

    @property
    def pdu(self) -> bytes:
        """Function and data."""
        last = self.value if self.function == WRITE_COIL else self.count
        return struct.pack(">BHH", self.function, self.address, last)

    @property
    def reply_bytes(self) -> int:
        """Length of the PDU of a right answer."""
        if self.function == WRITE_COIL:
            return 5
        return 2 + (2 * self.count if self.function in (READ_HOLDING, READ_REGISTERS) else (self.count + 7) // 8)


def flash_on(unit: int, coil: int, hold_s: float) -> Request:
    """Close a relay of the board for this time; renewed before it ends, it stays closed."""
    return Request(unit=unit, function=WRITE_COIL, address=FLASH_ON + coil, value=round(hold_s / FLASH_UNIT_S))


def coil_off(unit: int, coil: int) -> Request:
    """Open a relay of the board at once."""
    return Request(unit=unit, function=WRITE_COIL, address=coil, value=0)


def crc16(data: bytes) -> int:
    """Check sum of a serial frame: reflected polynomial 0xA001, bit by bit."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def tcp_frame(request: Request, number: int) -> bytes:
    """The request for Modbus TCP; `number` comes back in the reply."""
    return struct.pack(">HHHB", number, 0, 1 + len(request.pdu), request.unit) + request.pdu


def rtu_frame(request: Request) -> bytes:
    """The request for a serial bus."""
    body = bytes([request.unit]) + request.pdu
    return body + struct.pack("<H", crc16(body))


def tcp_reply(received: bytes, request: Request, number: int) -> tuple[bytes | None, bytes]:
    """The data of the reply (None: not there yet) and what is left over. Replies to older questions are dropped.

    Raises:
        BadReplyError: it is no Modbus TCP, or the unit refuses, or it answers something else.
    """
    while len(received) >= TCP_HEAD:
        told, protocol, length, unit = struct.unpack(">HHHB", received[:TCP_HEAD])
        if protocol != 0 or not 3 <= length <= FRAME_MAX - 6:
            raise BadReplyError("not Modbus TCP")
        whole = 6 + length
        if len(received) < whole:
            return None, received
        pdu, received = received[TCP_HEAD:whole], received[whole:]
        if told == number:
            if unit != request.unit:
                raise BadReplyError(f"unit {unit} answered")
            return _data(pdu, request), received
    return None, received


def rtu_reply(received: bytes, request: Request) -> tuple[bytes | None, bytes]:
    """As `tcp_reply`, of a serial bus: a reply is known by its unit, function, length and check sum.

    Raises:
        BadReplyError: as there.
    """
    if len(received) < 5:
        return None, received
    if received[0] != request.unit:
        raise BadReplyError(f"unit {received[0]} answered")
    whole = 5 if received[1] & 0x80 else 1 + request.reply_bytes + 2
    if len(received) < whole:
        return None, received
    if crc16(received[:whole]) != 0:
        raise BadReplyError("check sum wrong")
    if len(received) > whole:
        raise BadReplyError("more bytes than asked for")
    return _data(received[1 : whole - 2], request), b""


def _data(pdu: bytes, request: Request) -> bytes:
    """What was asked for, without function and byte count."""
    if pdu[0] == request.function | 0x80:
        raise BadReplyError(f"refused with exception {pdu[1]}")
    if pdu[0] != request.function or len(pdu) != request.reply_bytes:
        raise BadReplyError("answers another question")
    if request.function == WRITE_COIL:
        if pdu != request.pdu:
            raise BadReplyError("another write was confirmed")
        return pdu[1:]
    if pdu[1] != len(pdu) - 2:
        raise BadReplyError("its byte count is wrong")
    return pdu[2:]
