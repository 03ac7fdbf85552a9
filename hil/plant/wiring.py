"""What can be wrong with a meter and its CTs, and what wrong wiring does to phasors.

Each wiring is a pair of matrices: which conductor's voltage a channel's tap sees, and which conductor's current, with
which sign and ratio, its CT carries.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache


class MeterMode(StrEnum):
    """What is wrong. A frozen meter goes on answering.

    `swapped_*`: two CTs sit on each other's conductor. `wrong_phase`: every voltage tap is one conductor off. `half*`:
    the ratio is half of what is set, or one of two parallel conductors goes past the CT. `lost_tap_*`: a voltage tap
    without contact.
    """

    OK = "ok"
    FROZEN = "frozen"
    NAN = "nan"
    OPEN = "open"
    OPEN_A = "open_a"
    OPEN_B = "open_b"
    OPEN_C = "open_c"
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
    LOST_TAP_A = "lost_tap_a"
    LOST_TAP_B = "lost_tap_b"
    LOST_TAP_C = "lost_tap_c"


Matrix = tuple[tuple[float, ...], ...]
_FACTORS = {"open": 0.0, "reversed": -1.0, "half": 0.5, "lost_tap": 0.0}


@cache
def matrices(mode: MeterMode, phases: int) -> tuple[Matrix, Matrix] | None:
    """The voltage and the current matrix of a wiring; None: everything is where it belongs.

    A channel that this system does not have cannot be wrong.
    """
    kind, _, channels = mode.value.rpartition("_")
    if mode in (MeterMode.OK, MeterMode.FROZEN, MeterMode.NAN):
        return None
    right = _diagonal([1.0] * phases)
    if mode is MeterMode.WRONG_PHASE:
        return tuple(right[(k + 1) % phases] for k in range(phases)), right
    if kind == "swapped":
        one, other = ("abc".index(channel) for channel in channels)
        if max(one, other) >= phases:
            return None
        places = list(range(phases))
        places[one], places[other] = other, one
        return right, tuple(right[place] for place in places)
    if mode.value in _FACTORS:
        return right, _diagonal([_FACTORS[mode.value]] * phases)
    wrong = _diagonal([_FACTORS[kind] if "abc"[k] == channels else 1.0 for k in range(phases)])
    return (wrong, right) if kind == "lost_tap" else (right, wrong)


def seen(matrix: Matrix, phasors: Sequence[complex]) -> list[complex]:
    """What arrives at the channels."""
    return [sum((part * phasor for part, phasor in zip(row, phasors, strict=True)), 0j) for row in matrix]


def _diagonal(values: Sequence[float]) -> Matrix:
    return tuple(tuple(value if k == i else 0.0 for i in range(len(values))) for k, value in enumerate(values))
