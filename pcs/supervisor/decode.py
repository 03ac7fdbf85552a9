"""Register words as watts, volts and hertz: the supervisor's own decoding, of profiles and of SunSpec meters. Pure."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from pcs.model.registers import UNITS, Point, RegisterMap
from pcs.model.site import MeterSign, MeterSpec
from pcs.supervisor.frames import READ_HOLDING, Request
from pcs.supervisor.state import Flow, Nonsense

TOTAL = "power_total"
LIVE = ("voltage_l1", "voltage_l2", "voltage_l3", "frequency")
_FORMS = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
SUNSPEC_BASES = (40000, 50000, 0)
SUNSPEC_MARK = b"SunS"
SUNSPEC_END = 0xFFFF
SUNSPEC_MODELS_MOST = 60
INT_METERS, FLOAT_METERS = range(201, 205), range(211, 215)
_INT_FIRST, _INT_COUNT = 7, 16
"""Models 201 to 204: PhV at 7 to W_SF at 22, in one read (SunSpec meter models)."""
_FLOAT_FIRST, _FLOAT_COUNT = 10, 20
"""Models 211 to 214: PhV at 10 to W at 28 and 29."""
_INT_ABSENT = -0x8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What is asked each time, and how the answers are understood. `model` None: by the profile's register map."""

    requests: tuple[Request, ...]
    model: int | None = None


def reads_of(spec: MeterSpec) -> Reads:
    """The reads of a meter whose profile has a register map: power, and what shows that it lives."""
    registers = spec.profile.registers
    assert registers is not None, "a SunSpec meter is looked for first"
    wanted = sorted(_wanted(registers), key=lambda p: (p.function, p.address))
    runs: list[list[Point]] = []
    for point in wanted:
        if runs and runs[-1][0].function == point.function and _span(runs[-1], point) <= registers.read_max:
            runs[-1].append(point)
        else:
            runs.append([point])
    return Reads(
        requests=tuple(
            Request(unit=spec.unit, function=run[0].function, address=run[0].address, count=_span(run, run[-1]))
            for run in runs
        )
    )


def sunspec_reads(spec: MeterSpec, model: int, address: int) -> Reads:
    """The one read of a SunSpec meter model that begins at `address` (its ID register)."""
    first, count = (_INT_FIRST, _INT_COUNT) if model in INT_METERS else (_FLOAT_FIRST, _FLOAT_COUNT)
    request = Request(unit=spec.unit, function=READ_HOLDING, address=address + first, count=count)
    return Reads(requests=(request,), model=model)


def flow_of(spec: MeterSpec, reads: Reads, answers: tuple[bytes, ...]) -> Flow | Nonsense:
    """The flow at the point, import positive, from the answers to all reads."""
    words = b"".join(answers)
    if reads.model is not None:
        total_w, volts_v = _sunspec(reads.model, answers[0])
        factor = -1.0 if spec.sign is MeterSign.EXPORT_POSITIVE else 1.0
    else:
        registers = spec.profile.registers
        assert registers is not None
        values = _values(registers, reads, answers)
        total_w = values.get(TOTAL)
        volts_v = tuple(v for name in LIVE[:3] if (v := values.get(name)) is not None)
        turned = (spec.sign is MeterSign.EXPORT_POSITIVE) == registers.positive_is_import
        factor = -1.0 if turned else 1.0
    if total_w is None or not isfinite(total_w):
        return Nonsense(detail=f"total power is no number; registers {words.hex(' ', 2)[:80]}")
    return Flow(import_w=factor * spec.ct.ratio * total_w, words=words, volts_v=volts_v)


def _wanted(registers: RegisterMap) -> list[Point]:
    names = [TOTAL, *(name for name in LIVE if name in registers.fast)]
    points = [registers.points[name] for name in names]
    return points + [registers.points[p.exponent] for p in points if p.exponent is not None]


def _span(run: list[Point], last: Point) -> int:
    return max(last.address + last.words, *(p.address + p.words for p in run)) - run[0].address


def _values(registers: RegisterMap, reads: Reads, answers: tuple[bytes, ...]) -> Mapping[str, float | None]:
    return {
        name: _scaled(registers, registers.points[name], reads, answers)
        for name in (TOTAL, *LIVE)
        if name in registers.points
    }


def _scaled(registers: RegisterMap, point: Point, reads: Reads, answers: tuple[bytes, ...]) -> float | None:
    raw = _raw(point, reads, answers)
    scale = point.scale * UNITS[point.unit]
    if point.exponent is not None:
        exponent = _raw(registers.points[point.exponent], reads, answers)
        if exponent is None or not -10 <= exponent <= 10:
            return None
        scale *= 10.0**exponent
    return None if raw is None or not isfinite(raw) else raw * scale


def _raw(point: Point, reads: Reads, answers: tuple[bytes, ...]) -> float | None:
    """The number in a point's words; None where it is not implemented or was not read."""
    for request, data in zip(reads.requests, answers, strict=True):
        at = 2 * (point.address - request.address)
        piece = data[at : at + 2 * point.words] if at >= 0 and request.function == point.function else b""
        if len(piece) == 2 * point.words:
            break
    else:
        return None
    if point.low_word_first:
        piece = b"".join(piece[i : i + 2] for i in range(len(piece) - 2, -1, -2))
    if int.from_bytes(piece, "big") in point.absent:
        return None
    return float(struct.unpack(f">{_FORMS[point.type]}", piece)[0])


def _sunspec(model: int, data: bytes) -> tuple[float | None, tuple[float, ...]]:
    """Total power (W, as the meter signs it) and the phase voltages of a SunSpec meter model."""
    phases = min(3, model % 10)
    if model in FLOAT_METERS:
        numbers = struct.unpack(f">{_FLOAT_COUNT // 2}f", data)
        return numbers[9], tuple(v for v in numbers[1 : 1 + phases] if isfinite(v))
    words = struct.unpack(f">{_INT_COUNT}h", data)
    volts = [w for w in words[1 : 1 + phases] if w != _INT_ABSENT]
    volts_sf, total, total_sf = words[8], words[11], words[15]
    volts_v = tuple(v * 10.0**volts_sf for v in volts) if -10 <= volts_sf <= 10 else ()
    return (None if total == _INT_ABSENT or not -10 <= total_sf <= 10 else total * 10.0**total_sf), volts_v
