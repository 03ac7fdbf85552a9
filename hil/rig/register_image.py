"""The registers that a profile describes: points put and read by name in the bench's units, zeros in the holes.

Holding and input registers are two address spaces. Encoders of the bench's own, as everywhere in the rig.
"""

from math import isfinite, nan
from struct import Struct

from hil.rig.register_profile import UNITS, PointPart, RegistersPart

_CODES = {
    "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f",
    "float64": "d",
}  # fmt: skip
_STRUCTS = {kind: Struct(">" + code) for kind, code in _CODES.items()}
_HEADROOM = 2  # the largest flow may double before a register with a power of ten runs out
_EXPONENTS = {"A": -1, "V": -1, "Hz": -2, "pct": -2}  # resolutions that real devices have


class RegisterImage:
    """The registers of one unit. Every point starts at zero."""

    def __init__(self, registers: RegistersPart, *, largest_w: float):
        """`largest_w` fixes the powers of ten of the points that have one."""
        self.points = registers.points
        self._registers = registers
        self._spaces: dict[int, tuple[int, bytearray]] = {}
        for function in {point.function or registers.function for point in self.points.values()}:
            inside = [p for p in self.points.values() if (p.function or registers.function) == function]
            first = min(point.address for point in inside)
            words = max(point.address + point.size for point in inside) - first
            self._spaces[function] = first, bytearray(2 * words)
        for point in self.points.values():
            if point.exponent is not None:
                self.put_raw(point.exponent, _exponent(point, largest_w))

    @property
    def functions(self) -> frozenset[int]:
        """The function codes that read something here."""
        return frozenset(self._spaces)

    def read(self, function: int, address: int, count: int) -> bytes | None:
        """The bytes of `count` registers, or None where there are no such registers."""
        first, data = self._spaces[function]
        at = 2 * (address - first)
        if at < 0 or at + 2 * count > len(data):
            return None
        return bytes(data[at : at + 2 * count])

    def has(self, name: str) -> bool:
        """Whether the profile has a point."""
        return name in self.points

    def put_text(self, name: str, text: str) -> None:
        """Set a string point, cut to its size and padded with NUL."""
        point = self.points[name]
        self._store(point, text.encode()[: 2 * point.size].ljust(2 * point.size, b"\0"))

    def put_raw(self, name: str, raw: float) -> None:
        """Set a point to a raw value, unscaled, held within the type's range."""
        point = self.points[name]
        if point.type not in ("float32", "float64"):
            top = 1 << 16 * point.size
            lowest, highest = (-top // 2, top // 2 - 1) if point.type.startswith("int") else (0, top - 1)
            raw = min(max(round(raw), lowest), highest)
        data = _STRUCTS[point.type].pack(raw)
        self._store(point, _reordered(data) if self._little(point) else data)

    def put(self, name: str, value: float | None) -> None:
        """Set a point in the bench's unit; None: not implemented."""
        point = self.points[name]
        if value is not None and isfinite(value):
            self.put_raw(name, value / UNITS[point.unit] / self._step(point))
        elif point.type in ("float32", "float64"):
            self.put_raw(name, nan)
        else:
            self.put_raw(name, point.absent[0] if point.absent else 0)

    def value(self, name: str) -> float:
        """A point in the bench's unit."""
        point = self.points[name]
        first, data = self._spaces[point.function or self._registers.function]
        at = 2 * (point.address - first)
        raw = bytes(data[at : at + 2 * point.size])
        value: float = _STRUCTS[point.type].unpack(_reordered(raw) if self._little(point) else raw)[0]
        return value * self._step(point) * UNITS[point.unit]

    def point_at(self, address: int) -> str | None:
        """The holding point that begins at an address."""
        for name, point in self.points.items():
            if point.address == address and (point.function or self._registers.function) == 3:
                return name
        return None

    def take(self, name: str, data: bytes) -> None:
        """Set a point to the bytes of its registers, as written over the wire."""
        self._store(self.points[name], data)

    def _little(self, point: PointPart) -> bool:
        return (point.word_order or self._registers.word_order) == "little"

    def _step(self, point: PointPart) -> float:
        """What one raw step is worth in the profile's unit."""
        return 10.0 ** round(self.value(point.exponent)) if point.exponent is not None else point.scale

    def _store(self, point: PointPart, data: bytes) -> None:
        first, space = self._spaces[point.function or self._registers.function]
        at = 2 * (point.address - first)
        space[at : at + len(data)] = data


def _reordered(data: bytes) -> bytes:
    """The same words, last one first."""
    return b"".join(data[at : at + 2] for at in range(len(data) - 2, -1, -2))


def _exponent(point: PointPart, largest_w: float) -> int:
    """A power of ten with which the point holds what it will be given."""
    if point.unit not in ("W", "kW", "VA", "kVA", "var", "kvar"):
        return _EXPONENTS.get(point.unit, 0)
    top, exponent = 1 << (16 * point.size - 1), 0
    while _HEADROOM * largest_w / UNITS[point.unit] > top * 10.0**exponent:
        exponent += 1
    return exponent
