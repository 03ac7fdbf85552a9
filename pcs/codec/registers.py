"""Register bytes to values and back: one table of types, and layouts compiled once for blocks that are read often.

Words and bytes are big-endian (SunSpec information model specification 1.2, section 5). A value that a device does not
implement is `None`, never a number. No I/O, no device knowledge.
"""

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Value = int | float | str | None
"""What a register holds once decoded; `None` = not implemented or not a number."""

SCALE_MIN, SCALE_MAX = -10, 10  # SunSpec information model specification: range of sunssf


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterType:
    """One register type: its `struct` code, size in words, and the raw value that means "not implemented"."""

    code: str
    words: int
    absent: int | None


TYPES: Mapping[str, RegisterType] = {
    "int16": RegisterType(code="h", words=1, absent=-0x8000),
    "uint16": RegisterType(code="H", words=1, absent=0xFFFF),
    "int32": RegisterType(code="i", words=2, absent=-0x8000_0000),
    "uint32": RegisterType(code="I", words=2, absent=0xFFFF_FFFF),
    "int64": RegisterType(code="q", words=4, absent=-0x8000_0000_0000_0000),
    "uint64": RegisterType(code="Q", words=4, absent=0xFFFF_FFFF_FFFF_FFFF),
    "acc16": RegisterType(code="H", words=1, absent=0),
    "acc32": RegisterType(code="I", words=2, absent=0),
    "acc64": RegisterType(code="Q", words=4, absent=0),
    "enum16": RegisterType(code="H", words=1, absent=0xFFFF),
    "enum32": RegisterType(code="I", words=2, absent=0xFFFF_FFFF),
    "bitfield16": RegisterType(code="H", words=1, absent=0xFFFF),
    "bitfield32": RegisterType(code="I", words=2, absent=0xFFFF_FFFF),
    "float32": RegisterType(code="f", words=2, absent=None),
    "float64": RegisterType(code="d", words=4, absent=None),
    "sunssf": RegisterType(code="h", words=1, absent=-0x8000),
    "string": RegisterType(code="s", words=0, absent=None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One named value in a block: `offset` and `words` in registers, `scale` names the field of its scale factor."""

    name: str
    offset: int
    type: str
    words: int
    scale: str | None = None


def scaled(raw: int | float, exponent: int | None) -> float | None:
    """`raw` times ten to the power of `exponent`; `None` exponent = no scaling, one out of range = no value.

    Negative exponents divide by an exact power of ten, so that 1234 with -1 is 123.4 and not 123.4000…1.
    """
    if exponent is None:
        return float(raw)
    if not SCALE_MIN <= exponent <= SCALE_MAX:
        return None
    return float(raw * 10**exponent) if exponent >= 0 else raw / 10**-exponent


def clean(kind: RegisterType, raw: int | float | bytes) -> Value:
    """The value behind a raw one: `None` where it means "not implemented", text without its padding."""
    if isinstance(raw, bytes):
        return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip() or None
    if isinstance(raw, float):
        return raw if math.isfinite(raw) else None
    return None if raw == kind.absent else raw


class Layout:
    """A block of registers whose fields are unpacked in one go. Fields may leave holes, and may not overlap."""

    __slots__ = ("_fields", "_scaled", "_struct", "count", "first")

    def __init__(self, fields: Iterable[Field], *, first: int | None = None, count: int | None = None) -> None:
        ordered = sorted(fields, key=lambda field: field.offset)
        if not ordered:
            raise ValueError("a layout needs at least one field")
        self.first = ordered[0].offset if first is None else first
        code, at = [">"], self.first
        for field in ordered:
            if field.offset < at:
                raise ValueError(f"field {field.name} overlaps the one before it")
            code.append("x" * (2 * (field.offset - at)))
            code.append(f"{2 * field.words}s" if field.type == "string" else TYPES[field.type].code)
            at = field.offset + field.words
        self.count = at - self.first if count is None else count
        code.append("x" * (2 * (self.first + self.count - at)))
        self._struct = struct.Struct("".join(code))
        self._fields = tuple((field.name, TYPES[field.type]) for field in ordered)
        self._scaled = tuple((field.name, field.scale) for field in ordered if field.scale is not None)

    def decode(self, data: bytes) -> dict[str, Value]:
        """Values by name from exactly `count` registers; scale factors of this very block are applied.

        Raises:
            ValueError: `data` has another length; a link never lets that happen.
        """
        if len(data) != self._struct.size:
            raise ValueError(f"block of {self._struct.size} bytes decoded from {len(data)}")
        values: dict[str, Value] = {}
        for (name, kind), raw in zip(self._fields, self._struct.unpack(data), strict=True):
            values[name] = clean(kind, raw)
        for name, scale in self._scaled:
            raw_value = values[name]
            if isinstance(raw_value, int | float):
                exponent = values.get(scale)
                values[name] = scaled(raw_value, exponent if isinstance(exponent, int) else None)
        return values


def encode(type_name: str, value: Value, words: int = 1) -> tuple[int, ...]:
    """The register words of `value`; `None` gives the type's not-implemented words. `words` counts for strings only.

    Raises:
        ValueError: the type cannot hold the value, or would read it as "not implemented".
    """
    kind = TYPES[type_name]
    if type_name == "string":
        text = b"" if value is None else str(value).encode()
        if len(text) > 2 * words:
            raise ValueError(f"{value!r} is longer than {words} registers")
        packed = text.ljust(2 * words, b"\0")
    elif kind.absent is None:
        packed = struct.pack(">" + kind.code, math.nan if value is None else value)
    elif value is None:
        packed = struct.pack(">" + kind.code, kind.absent)
    elif value == kind.absent and not type_name.startswith("acc"):
        raise ValueError(f"{value} means 'not implemented' in {type_name}")
    else:
        try:
            packed = struct.pack(">" + kind.code, value)
        except struct.error as error:
            raise ValueError(f"{value!r} does not fit {type_name}: {error}") from error
    return struct.unpack(f">{len(packed) // 2}H", packed)


def number(values: Mapping[str, Value], name: str) -> float | None:
    """The number called `name`, or `None` where it is missing, not implemented or text."""
    value = values.get(name)
    return float(value) if isinstance(value, int | float) else None


def text(values: Mapping[str, Value], name: str) -> str:
    """The text called `name`, empty where it is missing or not implemented."""
    value = values.get(name)
    return value if isinstance(value, str) else ""
