"""Modbus frames of the bench's own making: TCP (a header with a length) and RTU (a CRC, silence around). PURE."""

from struct import Struct

from hil.rig.link_fault import Asked

RTU_MIN, RTU_MAX = 4, 256  # unit, function, CRC; MODBUS over serial line V1.02, section 2.5.1
_HEADER = Struct(">HHHB")
_CRC = Struct("<H")


class NotModbusError(Exception):
    """What came can be no request."""


def tcp_frame(tag: int, unit: int, pdu: bytes) -> bytes:
    """A Modbus TCP frame."""
    return _HEADER.pack(tag, 0, len(pdu) + 1, unit) + pdu


def take_tcp(buffer: bytearray) -> Asked | None:
    """The first request in `buffer`, which loses it; None while it is not whole.

    Raises:
        NotModbusError: the header is none.
    """
    if len(buffer) < 8:
        return None
    tag, protocol, length, unit = _HEADER.unpack_from(buffer)
    if protocol != 0 or not 2 <= length <= 254:
        raise NotModbusError
    if len(buffer) < 6 + length:
        return None
    pdu = bytes(buffer[7 : 6 + length])
    del buffer[: 6 + length]
    return Asked(tag=tag, unit=unit, pdu=pdu)


def rtu_frame(tag: int, unit: int, pdu: bytes) -> bytes:
    """A Modbus RTU frame; it has no place for a transaction id."""
    body = bytes((unit,)) + pdu
    return body + _CRC.pack(crc16(body))


def whole_rtu(data: bytes) -> Asked | None:
    """The request that `data`, everything between two silences, is; None where a unit would not listen."""
    if not RTU_MIN <= len(data) <= RTU_MAX or _CRC.unpack_from(data, len(data) - 2)[0] != crc16(data[:-2]):
        return None
    return Asked(tag=0, unit=data[0], pdu=data[1:-2])


def crc16(data: bytes) -> int:
    """CRC-16 of Modbus: polynomial 0x8005 reflected, beginning with all ones (MODBUS over serial line V1.02, 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
