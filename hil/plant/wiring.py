"""What can be wrong with a meter and its CTs, and what wrong wiring does to phasors.

A wiring is a pair of matrices: which conductors' voltages a channel's tap sees, and which conductor's current, with
which sign and ratio, its CT carries. Faults add up: places first (what sits where), then signs, ratios and contacts.

Model of a lost neutral: the taps are equal impedances to the meter's own star point, which then floats where their
currents sum to zero (Millman's theorem): at the mean of the taps that have contact. In a balanced wye it stays where it
was; with a tap lost as well the two others see each half of the voltage between them. A meter that feeds itself from
its first tap has a far smaller impedance there (`tap_a_ratio`) and the star point goes to that conductor; channels B
and C then see the voltage to it, as in Aron's two-wattmeter circuit. In a delta the star point floats from the outset.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache


class MeterMode(StrEnum):
    """What is wrong; without a letter: with all channels. A frozen meter goes on answering.

    `open*`, `shorted*`: a CT's signal is interrupted or short-circuited; either way its channel carries nothing.
    `swapped_*`: two CTs sit on each other's conductor. `wrong_phase`: every voltage tap is one conductor off. `half*`:
    the ratio that is set is half of the CT's. `parallel*`: one of two parallel conductors, which share the current
    evenly, goes past the CT. `lost_tap*`: a voltage tap without contact. `lost_neutral`: see the module.
    """

    OK = "ok"
    FROZEN = "frozen"
    NAN = "nan"
    OPEN = "open"
    OPEN_A = "open_a"
    OPEN_B = "open_b"
    OPEN_C = "open_c"
    SHORTED = "shorted"
    SHORTED_A = "shorted_a"
    SHORTED_B = "shorted_b"
    SHORTED_C = "shorted_c"
    REVERSED = "reversed"
    REVERSED_A = "reversed_a"
    REVERSED_B = "reversed_b"
    REVERSED_C = "reversed_c"
    SWAPPED_AB = "swapped_ab"
    SWAPPED_BC = "swapped_bc"
    SWAPPED_CA = "swapped_ca"
    WRONG_PHASE = "wrong_phase"
    HALF = "half"
    HALF_A = "half_a"
    HALF_B = "half_b"
    HALF_C = "half_c"
    PARALLEL = "parallel"
    PARALLEL_A = "parallel_a"
    PARALLEL_B = "parallel_b"
    PARALLEL_C = "parallel_c"
    LOST_TAP = "lost_tap"
    LOST_TAP_A = "lost_tap_a"
    LOST_TAP_B = "lost_tap_b"
    LOST_TAP_C = "lost_tap_c"
    LOST_NEUTRAL = "lost_neutral"


Matrix = tuple[tuple[float, ...], ...]
Wiring = tuple[Matrix, Matrix]

_CT_FACTORS = {"open": 0.0, "shorted": 0.0, "reversed": -1.0, "half": 0.5, "parallel": 0.5}
_OF_KIND = {
    "sensor_open": "open",
    "sensor_short": "shorted",
    "ct_reversed": "reversed",
    "ct_swapped": "swapped",
    "wrong_phase": "wrong_phase",
    "ct_one_of_parallel": "parallel",
    "ct_half_ratio": "half",
    "tap_lost": "lost_tap",
    "neutral_lost": "lost_neutral",
    "meter_frozen": "frozen",
}
_WHOLE = ("wrong_phase", "lost_neutral", "frozen")  # a fault of the meter, not of one of its channels
_PAIRS = {"": "_ab", "a": "_ab", "b": "_bc", "c": "_ca"}
_LETTERS = {"": "", "total": "", "L1": "a", "L2": "b", "L3": "c"}


def mode_of(kind: str, phase: str = "total") -> MeterMode:
    """The mode of a fault by the word of a profile (`hil.profile.words.FAULTS`), on one conductor or all.

    Two CTs that are swapped are that of the conductor and the next one, without a conductor L1 and L2.

    Raises:
        KeyError: it is no fault of a meter's wiring, or there is no such conductor.
    """
    word, letter = _OF_KIND[kind], _LETTERS[phase]
    if word == "swapped":
        return MeterMode(word + _PAIRS[letter])
    return MeterMode(word if word in _WHOLE or not letter else f"{word}_{letter}")


def matters(mode: MeterMode, *, system: str, phases: int) -> bool:
    """Whether a fault can show in such a system: a channel that it does not have cannot be wrong."""
    if mode in (MeterMode.FROZEN, MeterMode.NAN):
        return True
    return matrices(frozenset((mode,)), system, phases) is not None


@cache
def matrices(modes: frozenset[MeterMode], system: str, phases: int, tap_a_ratio: float = 1.0) -> Wiring | None:
    """The voltage and the current matrix of a wiring; None: everything is where it belongs.

    `tap_a_ratio` is the admittance of the first tap in that of the others.
    """
    taps, cts = list(range(phases)), list(range(phases))
    contact, factor = [1.0] * phases, [1.0] * phases
    for mode in MeterMode:  # in this order, whatever came first: places before what is done to them
        if mode not in modes:
            continue
        if mode is MeterMode.WRONG_PHASE:
            taps = [taps[(k + 1) % phases] for k in range(phases)]
            continue
        kind, _, letters = mode.value.rpartition("_") if mode.value[-2:-1] == "_" else (mode.value, "", "abc")
        if mode.value.startswith("swapped"):
            one, other = ("abc".index(letter) for letter in mode.value[-2:])
            if max(one, other) < phases:
                cts[one], cts[other] = cts[other], cts[one]
        for k in ("abc".index(letter) for letter in letters):
            if k < phases:
                factor[k] *= _CT_FACTORS.get(kind, 1.0)
                contact[k] *= 0.0 if kind == "lost_tap" else 1.0
    amps = tuple(_row(cts[k], factor[k], phases) for k in range(phases))
    volts = tuple(_row(taps[k], contact[k], phases) for k in range(phases))
    if MeterMode.LOST_NEUTRAL in modes and system != "delta":
        volts = _floating(volts, [tap_a_ratio if k == 0 else 1.0 for k in range(phases)])
    elif system == "delta" and 0.0 in contact:
        volts = _floating(volts, [1.0] * phases)
    right = tuple(_row(k, 1.0, phases) for k in range(phases))
    return None if (volts, amps) == (right, right) else (volts, amps)


def seen(matrix: Matrix, phasors: Sequence[complex]) -> list[complex]:
    """What arrives at the channels."""
    return [sum((part * phasor for part, phasor in zip(row, phasors, strict=True)), 0j) for row in matrix]


def _floating(volts: Matrix, weights: Sequence[float]) -> Matrix:
    """Taps against a star point at the weighted mean of those with contact; one without contact lies at that point."""
    weights = [weight if any(row) else 0.0 for row, weight in zip(volts, weights, strict=True)]
    total = sum(weights)
    if not total:
        return volts
    columns = range(len(volts))
    star = [sum(w * row[i] for w, row in zip(weights, volts, strict=True)) / total for i in columns]
    return tuple(
        tuple(round(row[i] - star[i], 12) + 0.0 for i in columns) if any(row) else (0.0,) * len(row) for row in volts
    )


def _row(place: int, value: float, phases: int) -> tuple[float, ...]:
    return tuple(value + 0.0 if k == place else 0.0 for k in range(phases))
