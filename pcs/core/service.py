"""The electrical service: how many conductors it has, and how a DER's power and current spread over them."""

from math import sqrt

from pcs.model.site import System

CONDUCTORS = {System.SINGLE: 1, System.SPLIT: 2, System.WYE: 3, System.DELTA: 3}
"""Line conductors; the neutral is not counted."""
LINE_TO_LINE = 2.0 / sqrt(3.0)
"""Amperes per watt of a unit between two conductors of a three-phase service, against one to neutral: its current leads
and lags the conductors' own voltages by 30 degrees, so a 6 kW unit across 208 V puts 28.9 A on each of the two, where
half of its power alone would be 25 A (DESIGN section 5)."""
_PAIRS = {"L1L2": (0, 1), "L2L3": (1, 2), "L3L1": (2, 0)}


def shares(system: System, connection: str | None, amperes: bool) -> tuple[float, ...]:
    """Watts on each conductor per watt of a DER; with `amperes` the watts that would draw the same current.

    A DER without `connection` is on all conductors alike: single phase, both legs of a split service, or three-phase.
    """
    conductors = CONDUCTORS[system]
    if connection is None or connection == "L123" or conductors == 1:
        return (1.0 / conductors,) * conductors
    if connection in _PAIRS:
        half = 0.5 * (LINE_TO_LINE if amperes and conductors == 3 else 1.0)
        return tuple(half if k in _PAIRS[connection] else 0.0 for k in range(conductors))
    return tuple(1.0 if k == int(connection[1]) - 1 else 0.0 for k in range(conductors))


def conductor_v(system: System, nominal_v: float) -> float:
    """Volts between one conductor and the (virtual) neutral: `nominal_v` is line to line for a delta."""
    return nominal_v / sqrt(3.0) if system is System.DELTA else nominal_v
