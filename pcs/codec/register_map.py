"""Points of a register map to values and back. Values come out in W, A, V, Hz, Wh, s, var, VA or percent.

A value that a device does not implement is `None`, never a number. No I/O, no device knowledge.
"""

import math
import struct
from collections.abc import Iterable, Mapping

from pcs.codec.readplan import Block, plan
from pcs.codec.registers import TYPES, Value, scaled
from pcs.model.registers import UNITS, Point

_SHORTENED = 1e-9  # of one step of a register: what binary fractions may cost a value that is meant exactly


def raw(point: Point, words: bytes) -> Value:
    """The number or text in the words of one point; `None` where it means "not implemented"."""
    if point.type == "string":
        return words.split(b"\0", 1)[0].decode("utf-8", "replace").strip() or None
    number: int | float = struct.unpack(">" + TYPES[point.type].code, _ordered(point, words))[0]
    if isinstance(number, float):
        return number if math.isfinite(number) else None
    return None if number in point.absent else number


def decode(points: Mapping[str, Point], address: int, data: bytes) -> dict[str, Value]:
    """The values of `points`, all of which lie in `data`, the registers from `address`.

    A power of ten is taken from `points` too; without it there is no value.
    """
    found: dict[str, Value] = {}
    for name, point in points.items():
        at = 2 * (point.address - address)
        found[name] = raw(point, data[at : at + 2 * point.words])
    return {name: _in_unit(points[name], value, found) for name, value in found.items()}


def _in_unit(point: Point, value: Value, found: Mapping[str, Value]) -> Value:
    if not isinstance(value, int | float):
        return value
    factor = UNITS[point.unit]
    if point.exponent is None:
        return value if point.scale == factor == 1.0 else value * point.scale * factor
    exponent = found.get(point.exponent)
    number = scaled(value, exponent) if isinstance(exponent, int) else None
    return None if number is None else number * factor


def encode(point: Point, value: float) -> tuple[int, ...]:
    """The words of `value`, given in the base unit; whole numbers are rounded.

    Raises:
        ValueError: the point cannot hold it, or is scaled by another point.
    """
    if point.exponent is not None or point.type == "string":
        raise ValueError(f"a {point.type} at {point.address} scaled by {point.exponent} cannot be written")
    number: float | int = value / UNITS[point.unit] / point.scale
    if not point.type.startswith("float"):
        number = round(number)
    try:
        packed = struct.pack(">" + TYPES[point.type].code, number)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{value!r} does not fit {point.type} at {point.address}: {error}") from error
    return struct.unpack(f">{len(packed) // 2}H", _ordered(point, packed))


def step_down(value: float, step_value: float) -> float:
    """The largest multiple of `step_value` that does not exceed `value`; both in one unit."""
    return math.floor(value / step_value + _SHORTENED) * step_value


def window(points: Iterable[Point]) -> Block:
    """The one read that covers all `points`, holes included."""
    covered = tuple(points)
    first = min(point.address for point in covered)
    return Block(address=first, count=max(point.address + point.words for point in covered) - first)


def reads(points: Mapping[str, Point], *, read_max: int) -> tuple[tuple[int, Block, dict[str, Point]], ...]:
    """The reads that cover `points` without touching a register that the map does not name: function, block, points."""
    found = []
    for function in sorted({point.function for point in points.values()}):
        these = {name: point for name, point in points.items() if point.function == function}
        blocks = [Block(address=point.address, count=point.words) for point in these.values()]
        for block in plan(blocks, max_count=read_max, max_hole=0):
            inside = {
                name: point
                for name, point in these.items()
                if block.address <= point.address and point.address + point.words <= block.end
            }
            found.append((function, block, inside))
    return tuple(found)


def _ordered(point: Point, words: bytes) -> bytes:
    """The bytes with the high word first; the same turn back again."""
    if not point.low_word_first or point.words < 2:
        return words
    return b"".join(words[at : at + 2] for at in range(len(words) - 2, -1, -2))
