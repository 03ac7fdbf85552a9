"""From what a controller heard to what its site did: host load, and what drove each DER. PURE: steps in, arrays out.

Demand is measured import plus injection, at the instants of the meter. Both are seen late by different times, so
injection is first shifted by the lag at which demand moves least: a load does not move with a DER. What a DER could
have given is known only while nothing held it back; in between it is a straight line, and at least what it gave.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hil.record.field_journal import KIND, FieldStep
from hil.record.recording import FloatArray

MOST_LAG_S, LAG_STEP_S = 3.0, 0.05  # telemetry of common inverters is renewed each second, and a poll comes on top
SETTLES_S = (
    5.0  # after a limit was raised a DER may still be on its way up: the time of a slow one of hil.plant.presets
)
NEAR_RATIO = 0.03  # of nameplate: so near to its limit a DER is held back by it
MOVES_RATIO = 0.02  # of nameplate: less is not a movement
MAX_SAMPLES = 200_000  # of one meter: five hours at 10 a second
UNLIMITED_W = float("inf")


@dataclass(slots=True, kw_only=True)
class MeterHeard:
    """Measurements of one meter; rows that only repeat the one before are left out. Times are UTC seconds."""

    at_s: list[float] = field(default_factory=list)
    import_w: list[float] = field(default_factory=list)
    phase_w: list[tuple[float, ...]] = field(default_factory=list)
    frequency_hz: list[float] = field(default_factory=list)
    words: bytes = b""


@dataclass(slots=True, kw_only=True)
class DerHeard:
    """Telemetry of one DER, and the bounds that it confirmed: instant, discharge, charge, whether a set point."""

    at_s: list[float] = field(default_factory=list)
    injection_w: list[float] = field(default_factory=list)
    soc_pct: list[float] = field(default_factory=list)
    bounds: list[tuple[float, float, float, bool]] = field(default_factory=list)
    identified: Mapping[str, object] | None = None


@dataclass(slots=True, kw_only=True)
class Heard:
    """Everything that was heard, by device."""

    meters: dict[str, MeterHeard] = field(default_factory=dict)
    ders: dict[str, DerHeard] = field(default_factory=dict)
    limit_changes: int = 0


def listen(steps: Iterable[FieldStep]) -> Heard:
    """Sort the inputs of steps by device."""
    heard = Heard()
    for step in steps:
        ahead_s = step.utc_s - step.mono_s
        for row in step.inputs:
            match row[KIND]:
                case "MeterReading":
                    _meter(heard.meters.setdefault(row["meter_id"], MeterHeard()), row, ahead_s)
                case "DerReading" if row["injection_w"] is not None:
                    der = heard.ders.setdefault(row["der_id"], DerHeard())
                    der.at_s.append(_middle_s(row, ahead_s))
                    der.injection_w.append(row["injection_w"])
                    if row["soc_pct"] is not None:
                        der.soc_pct.append(row["soc_pct"])
                case "LimitApplied" | "LimitReadback":
                    _bound(heard.ders.setdefault(row["der_id"], DerHeard()), row, ahead_s)
                case "DerIdentified":
                    heard.ders.setdefault(row["der_id"], DerHeard()).identified = row
                case "LimitsInForce":
                    heard.limit_changes += 1
    return heard


def _meter(meter: MeterHeard, row: dict[str, object], ahead_s: float) -> None:
    words = row["words"]
    assert isinstance(words, bytes)
    if words == meter.words and meter.at_s and words:
        return
    meter.words = words
    at_s = _middle_s(row, ahead_s)
    if len(meter.at_s) >= MAX_SAMPLES or (meter.at_s and at_s <= meter.at_s[-1]):
        return
    meter.at_s.append(at_s)
    meter.import_w.append(float(row["import_w"]))  # type: ignore[arg-type]
    meter.phase_w.append(tuple(row["phase_import_w"]))  # type: ignore[arg-type]
    if isinstance(row["frequency_hz"], float):
        meter.frequency_hz.append(row["frequency_hz"])


def _bound(der: DerHeard, row: dict[str, object], ahead_s: float) -> None:
    limit_w, charge_w = row["limit_w"], row["charge_limit_w"]
    most_w = float(limit_w) if isinstance(limit_w, float | int) else UNLIMITED_W
    least_w = -float(charge_w) if isinstance(charge_w, float | int) else -UNLIMITED_W
    der.bounds.append((_middle_s(row, ahead_s), most_w, least_w, row["setpoint_w"] is not None))


def _middle_s(row: dict[str, object], ahead_s: float) -> float:
    return ahead_s + 0.5 * (float(row["sent_s"]) + float(row["received_s"]))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """A DER's injection as a line through what was new, and how far apart that is."""

    at_s: FloatArray
    injection_w: FloatArray
    apart_s: float

    def at(self, times_s: FloatArray, lag_s: float = 0.0) -> FloatArray:
        """Injection at other instants, if telemetry is late by `lag_s`."""
        return np.interp(times_s + lag_s, self.at_s, self.injection_w)


def telemetry(der: DerHeard) -> Telemetry:
    """The line: a value that stood still for longer than telemetry is apart is held until just before the next."""
    at_s, watts = np.array(der.at_s), np.array(der.injection_w)
    new = np.concatenate([[True], np.diff(watts) != 0.0])
    polls_s = float(np.median(np.diff(at_s))) if len(at_s) > 1 else 1.0
    gaps_s = np.diff(at_s[new])
    apart_s = max(polls_s, float(np.percentile(gaps_s, 20))) if len(gaps_s) else polls_s
    times_s, values = [float(at_s[0])], [float(watts[0])]
    for k in np.flatnonzero(new)[1:]:
        if at_s[k] - times_s[-1] > 1.5 * apart_s:
            times_s.append(float(at_s[k]) - apart_s)
            values.append(values[-1])
        times_s.append(float(at_s[k]))
        values.append(float(watts[k]))
    return Telemetry(at_s=np.array(times_s), injection_w=np.array(values), apart_s=apart_s)


def lags_s(at_s: FloatArray, import_w: FloatArray, ders: Sequence[Telemetry]) -> list[float]:
    """How late each DER's telemetry is against the meter: where demand moves least; 0 where it makes no difference."""
    lags = [0.0] * len(ders)
    grid_s = np.arange(0.0, MOST_LAG_S + LAG_STEP_S / 2, LAG_STEP_S)
    for k, der in enumerate(ders):
        others_w = sum((one.at(at_s, lags[n]) for n, one in enumerate(ders) if n != k), np.zeros_like(at_s))
        moved = [float(np.sum(np.abs(np.diff(import_w + others_w + der.at(at_s, lag_s))))) for lag_s in grid_s]
        best = int(np.argmin(moved))
        lags[k] = float(grid_s[best]) if moved[best] < moved[0] else 0.0
    return lags


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A DER's telemetry, how late it is, and what counts as a movement of it."""

    line: Telemetry
    lag_s: float
    least_w: float

    def at(self, times_s: FloatArray) -> FloatArray:
        """Its injection."""
        return self.line.at(times_s, self.lag_s)


def demand(at_s: FloatArray, import_w: FloatArray, ders: Sequence[Moving]) -> FloatArray:
    """Host load at the instants of the meter.

    Between two values of telemetry of a DER that moves, injection is not known but the import is: the load then makes
    its whole change of that time in one step, where the import moved most in that direction.
    """
    raw_w: FloatArray = import_w + sum((der.at(at_s) for der in ders), np.zeros_like(at_s))
    found = raw_w.copy()
    for from_s, to_s, least_w in _blind(ders):
        first, last = np.searchsorted(at_s, (from_s, to_s))
        if last >= len(at_s) or last - first < 2:
            continue
        change_w = raw_w[last] - raw_w[first]
        if abs(change_w) < least_w:
            found[first:last] = np.linspace(raw_w[first], raw_w[last], last - first, endpoint=False)
            continue
        jump = first + int(np.argmax(np.sign(change_w) * np.diff(import_w[first : last + 1])))
        found[first : jump + 1], found[jump + 1 : last] = raw_w[first], raw_w[last]
    return found


def _blind(ders: Sequence[Moving]) -> Iterator[tuple[float, float, float]]:
    """Stretches between two values of telemetry over which a DER moves: from, to, and the least that a load moves."""
    stretches: list[tuple[float, float, float]] = []
    for der in ders:
        at_s, moved_w = der.line.at_s - der.lag_s, np.abs(np.diff(der.line.injection_w))
        moves = np.flatnonzero(moved_w > der.least_w)
        stretches += [(float(at_s[k]), float(at_s[k + 1]), der.least_w) for k in moves]
    until_s = -np.inf
    for from_s, to_s, least_w in sorted(stretches):
        if to_s > until_s:
            yield max(from_s, until_s), to_s, least_w
            until_s = to_s


def free(der: DerHeard, nameplate_w: float) -> np.ndarray:
    """At which instants of its telemetry nothing held a DER back, from above or from below."""
    at_s, watts = np.array(der.at_s), np.array(der.injection_w)
    near_w = NEAR_RATIO * nameplate_w
    result = np.ones(len(at_s), dtype=bool)
    for k, (from_s, most_w, least_w, setpoint) in enumerate(der.bounds):
        until_s = der.bounds[k + 1][0] + SETTLES_S if k + 1 < len(der.bounds) else np.inf
        while_held = (at_s >= from_s) & (at_s <= until_s)
        held = (watts >= most_w - near_w) | (watts <= least_w + near_w)
        result &= ~(while_held & (held | setpoint))
    return result


def driven(der: DerHeard, nameplate_w: float) -> tuple[FloatArray, float]:
    """What it would have done, at the instants of its telemetry, and the part of them in which that is known."""
    at_s, watts = np.array(der.at_s), np.array(der.injection_w)
    known = free(der, nameplate_w)
    share = float(np.mean(known))
    if not known.any():
        top_w = watts[int(np.argmax(np.abs(watts)))]
        return np.full(len(watts), top_w), share
    line_w = np.interp(at_s, at_s[known], watts[known])
    return line_w, share
