"""A SunSpec register image: models one after another from a base address, points set and read by model and name.

Encoders of the bench's own; they share nothing with the controller that reads what is written here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from struct import Struct

from hil.rig.sunspec_tables import LAYOUTS, SIZES

_CODES = {
    "int16": "h", "sunssf": "h", "uint16": "H", "enum16": "H", "bitfield16": "H", "pad": "H",
    "int32": "i", "uint32": "I", "enum32": "I", "bitfield32": "I", "acc32": "I",
    "int64": "q", "uint64": "Q", "acc64": "Q", "float32": "f",
}  # fmt: skip
_STRUCTS = {code: Struct(">" + code) for code in "hHiIqQf"}
_BITS = {"h": 16, "H": 16, "i": 32, "I": 32, "q": 64, "Q": 64}


@dataclass(frozen=True, slots=True)
class Point:
    """Where a point lies (`offset` in bytes) and how it is encoded; `divisor` turns its unit into raw values.

    `unimplemented` is the raw value that stands for "not there".
    """

    model: int
    name: str
    address: int
    offset: int
    words: int
    kind: str
    code: Struct | None
    divisor: float
    unimplemented: int | float
    lowest: int
    highest: int


def _encoding(kind: str) -> tuple[Struct | None, int | float, int, int]:
    """Struct, unimplemented value and the range of valid raw values of a type."""
    if kind.startswith("string"):
        return None, 0, 0, 0
    code = _CODES[kind]
    if code == "f":
        return _STRUCTS[code], nan, 0, 0
    top = 1 << _BITS[code]
    if kind.startswith("acc"):  # counters say "not there" with zero
        return _STRUCTS[code], 0, 0, top - 1
    if kind == "pad":
        return _STRUCTS[code], 0x8000, 0, top - 1
    if code.islower():
        return _STRUCTS[code], -top // 2, -top // 2 + 1, top // 2 - 1
    return _STRUCTS[code], top - 1, 0, top - 2


class Image:
    """The registers of one unit. Every point starts as "not implemented"."""

    def __init__(self, models: Sequence[int], base: int, scale_factors: Mapping[tuple[int, str], int]):
        self.base = base
        self.points: dict[tuple[int, str], Point] = {}
        address = base + 2
        raws = dict(scale_factors)
        for model in models:
            start = address
            for word in LAYOUTS[model].split():
                name, kind, factor, *_ = (*word.split(":"), "")
                words = int(kind.removeprefix("string")) if kind.startswith("string") else SIZES[kind]
                divisor = 10.0 ** scale_factors.get((model, factor), 0)
                code, unimplemented, lowest, highest = _encoding(kind)
                self.points[model, name] = Point(
                    model,
                    name,
                    address,
                    2 * (address - base),
                    words,
                    kind,
                    code,
                    divisor,
                    unimplemented,
                    lowest,
                    highest,
                )
                address += words
            raws |= {(model, "ID"): model, (model, "L"): address - start - 2}
        self.words = address + 2 - base
        self._bytes = bytearray(2 * self.words)
        self._bytes[:4] = b"SunS"
        self._bytes[-4:] = b"\xff\xff\x00\x00"
        for key, point in self.points.items():
            if point.code is not None:
                point.code.pack_into(self._bytes, point.offset, raws.get(key, point.unimplemented))

    def set_text(self, model: int, name: str, text: str) -> None:
        """Set a string point, cut to its size and padded with NUL."""
        point = self.points[model, name]
        size = 2 * point.words
        self._bytes[point.offset : point.offset + size] = text.encode()[:size].ljust(size, b"\0")

    def set_raw(self, model: int, name: str, raw: float) -> None:
        """Set a point to a raw value, unscaled."""
        point = self.points[model, name]
        assert point.code is not None
        point.code.pack_into(self._bytes, point.offset, raw)

    def set(self, model: int, name: str, value: float | None) -> None:
        """Set a point in its unit; see `put`."""
        self.put(self.points[model, name], value)

    def put(self, point: Point, value: float | None) -> None:
        """Set a point in its unit: scaled, rounded and held within the type's range; None: not implemented."""
        assert point.code is not None
        raw: float
        if value is None or not isfinite(value):
            raw = point.unimplemented
        elif point.kind == "float32":
            raw = value
        else:
            raw = round(value / point.divisor)
            if raw > point.highest:
                raw = point.highest
            elif raw < point.lowest:
                raw = point.lowest
        point.code.pack_into(self._bytes, point.offset, raw)

    def raw(self, model: int, name: str) -> float:
        """The raw value of a point."""
        point = self.points[model, name]
        assert point.code is not None
        value: float = point.code.unpack_from(self._bytes, point.offset)[0]
        return value

    def value(self, model: int, name: str) -> float:
        """The value of a point in its unit."""
        return self.raw(model, name) * self.points[model, name].divisor

    def read(self, address: int, count: int) -> bytes | None:
        """The bytes of `count` registers, or None where there are no such registers."""
        at = address - self.base
        if at < 0 or at + count > self.words:
            return None
        return bytes(self._bytes[2 * at : 2 * (at + count)])
