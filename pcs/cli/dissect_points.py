"""Registers by name: what a SunSpec map, learnt from the traffic itself, or a profile says of the words in a reply.

The controller walks each device's map when it meets it, so a trace holds the map. A profile's registers are named where
a site file says which device has it. Otherwise registers stay words.
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from pcs.codec import register_map
from pcs.codec.registers import TYPES, Field, Value, clean, scaled
from pcs.codec.sunspec import END_MODEL, MAX_MODELS
from pcs.codec.sunspec_models import MODELS
from pcs.model.registers import Point, RegisterMap

MARKER = b"SunS"
MAPS_MOST = 1_000  # units in one trace; four full serial buses
ADDRESSES = 0x1_0000
INPUT = 4  # function code of input registers, an address space of their own
ABSENT = "not implemented"
NUMBERED = ("int", "uint", "acc", "float")
UNITS = (  # by the name of a point, first match; compared with the alliance's definitions by a test
    (r"(Tms|Rem)$", "s"),
    (r"PF|\.Ext$|WGra|MaxRmpRte|WRmp|VarRmp|^DA$", ""),
    (r"Pct(Rvrt)?$", "%"),
    (r"VA[rR]h|Varh", "varh"),
    (r"VAh", "VAh"),
    (r"Wh|^WH", "Wh"),
    (r"^Tmp", "C"),
    (r"Hz$", "Hz"),
    (r"^VARtg$", "VA"),
    (r"^(VAr|VAR|Var)", "var"),
    (r"^VA", "VA"),
    (r"^(V|PhV|PPV|LLV|LNV|DCV|InBatV|CellV)", "V"),
    (r"^(A|AL\d|Aph.|AMax|AMaxRtg|ARtg|DCA|AChaMax|ADisChaMax)$", "A"),
    (r"^(W|DCW|ReqW|MaxChaRte|MaxDisChaRte)", "W"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One value behind registers: where it lies, its name, value with unit in words, and its raw words."""

    address: int
    name: str
    says: str
    raw: bytes


@dataclass(slots=True)
class Map:
    """What is known of one unit: where its models lie, where the next header must lie, scale factors seen."""

    models: dict[int, tuple[int, int]] = field(default_factory=dict)
    awaited: set[int] = field(default_factory=set)
    exponents: dict[tuple[int, str], int] = field(default_factory=dict)


class Maps:
    """The maps of all units in a trace, learnt as its replies go by."""

    def __init__(self, profiles: Mapping[tuple[str, int], RegisterMap] | None = None) -> None:
        """Describe it; `profiles` are the register maps that are known beforehand, by link and unit."""
        self._profiles = profiles or {}
        self._maps: dict[tuple[str, int], Map] = {}

    def read(self, link: str, unit: int, function: int, address: int, data: bytes) -> list[Named]:
        """Learn from the registers of a reply or a write, and name them."""
        profile = self._profiles.get((link, unit))
        if profile is not None:
            return _of_profile(profile, function, address, data)
        if function == INPUT:
            return _words(address, data)
        if (link, unit) not in self._maps and len(self._maps) >= MAPS_MOST:
            return _words(address, data)
        known = self._maps.setdefault((link, unit), Map())
        if data[:4] == MARKER:
            known.awaited = {address + 2}
            return [Named(address=address, name="SunSpec marker", says="'SunS'", raw=data[:4])]
        if address in known.awaited and len(data) >= 4 and len(known.models) < MAX_MODELS:
            number, length = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
            if number == END_MODEL:
                return [Named(address=address, name="end of the map", says="", raw=data)]
            if length and address + 2 + length <= ADDRESSES:
                known.models[address] = (number, length)
                known.awaited.add(address + 2 + length)
        return _named(known, address, data)


def _of_profile(profile: RegisterMap, function: int, address: int, data: bytes) -> list[Named]:
    """Every point of a profile in the registers; what stands between them are words."""
    end, at, found = address + len(data) // 2, address, []
    is_input = function == INPUT

    def fits(point: Point) -> bool:
        return (point.function == INPUT) is is_input and address <= point.address and point.address + point.words <= end

    inside = {name: point for name, point in profile.points.items() if fits(point)}
    values = register_map.decode(inside, address, data)
    for name, point in sorted(inside.items(), key=lambda item: item[1].address):
        if point.address < at:
            continue  # two points on the same words: the first is shown
        found += _words(at, data[2 * (at - address) : 2 * (point.address - address)])
        words = data[2 * (point.address - address) : 2 * (point.address - address + point.words)]
        found.append(Named(address=point.address, name=name, says=_shown(point, values[name], words), raw=words))
        at = point.address + point.words
    return found + _words(at, data[2 * (at - address) :])


def _shown(point: Point, value: Value, words: bytes) -> str:
    """A profile's value in its base unit (kW as W), with the raw words."""
    if isinstance(value, str):
        return f"'{printable(value)}'"
    if value is None:
        return ABSENT
    unit = {"pct": "%"}.get(point.unit, point.unit.removeprefix("k").removeprefix("m"))
    return f"{value:.9g} {unit}".rstrip() + f" ({words.hex(' ', 2)})"


def _named(known: Map, address: int, data: bytes) -> list[Named]:
    """Every point of the models in the registers; words that no model knows are left as words."""
    found: list[Named] = []
    end, at = address + len(data) // 2, address
    while at < end:
        begins = max((a for a, (_, length) in known.models.items() if a <= at < a + 2 + length), default=None)
        if begins is None:
            stops = min((a for a in known.models if a > at), default=end)
            stops = min(stops, end)
            found += _words(at, data[2 * (at - address) : 2 * (stops - address)])
            at = stops
            continue
        number, length = known.models[begins]
        stops = min(end, begins + 2 + length)
        found += _of_model(known, begins, number, at, data[2 * (at - address) : 2 * (stops - address)])
        at = stops
    return found


def _of_model(known: Map, begins: int, number: int, at: int, data: bytes) -> list[Named]:
    """The points of one model in the registers from `at`."""
    table = MODELS.get(number, {})
    first, last = at - begins, at - begins + len(data) // 2
    found, covered = [], first

    def cut(offset: int, words: int) -> bytes:
        return data[2 * (offset - first) : 2 * (offset - first + words)]

    if first == 0:
        length = f", {int.from_bytes(data[2:4], 'big')} registers" if len(data) >= 4 else ""
        found.append(Named(address=at, name=f"model {number}", says=f"header{length}", raw=data[:4]))
        covered = min(2, last)
    inside = sorted(
        (p for p in table.values() if first <= p.offset and p.offset + p.words <= last), key=lambda p: p.offset
    )
    for point in inside:
        if point.type == "sunssf":
            raw = int.from_bytes(cut(point.offset, 1), "big", signed=True)
            known.exponents[begins, point.name] = raw
    for point in inside:
        if point.offset > covered:
            found += _words(begins + covered, cut(covered, point.offset - covered))
        words = cut(point.offset, point.words)
        says = _says(point, words, known.exponents.get((begins, point.scale or "")))
        found.append(Named(address=begins + point.offset, name=f"{number}.{point.name}", says=says, raw=words))
        covered = point.offset + point.words
    return found + _words(begins + covered, cut(covered, last - covered))


def _says(point: Field, raw: bytes, exponent: int | None) -> str:
    """A point's value with its unit, and the raw number with its scale where it has one."""
    value = _value(point, raw)
    if value is None:
        return ABSENT
    if isinstance(value, str):
        return f"'{printable(value)}'"
    unit = unit_of(point)
    if point.scale is None:
        return f"{value:g} {unit}".rstrip() if isinstance(value, float) else f"{value} {unit}".rstrip()
    if exponent is None:
        return f"{value} times 10 to {point.scale}, which is not in this trace so far; {unit}".rstrip("; ")
    number = scaled(value, exponent)
    if number is None:
        return f"{value}, but its scale factor {exponent} is out of range"
    return f"{number:.12g} {unit}".rstrip() + f" ({value}, {point.scale} {exponent})"


def _value(point: Field, raw: bytes) -> Value:
    """A point's raw number or text, None where it is not implemented."""
    kind = TYPES[point.type]
    if point.type == "string":
        return clean(kind, raw)
    return clean(kind, struct.unpack(">" + kind.code, raw)[0])


def unit_of(point: Field) -> str:
    """The unit of a SunSpec point, by its name; empty for flags, ratios and what has none."""
    if not point.type.startswith(NUMBERED):
        return ""
    return next((unit for pattern, unit in UNITS if re.search(pattern, point.name)), "")


def printable(text: str) -> str:
    """Text of a device without control characters."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _words(address: int, data: bytes) -> list[Named]:
    """Registers that nobody can name."""
    if not data:
        return []
    count = (len(data) + 1) // 2
    name = f"{address}" if count == 1 else f"{address}..{address + count - 1}"
    return [Named(address=address, name=f"registers {name}", says=data.hex(" ", 2), raw=data)]
