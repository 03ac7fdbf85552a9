"""How a DER answers a lower limit, fitted to a journal: dead time and time constant of a first-order lag. PURE.

What it injected between two values of telemetry is taken from the meter: demand less import less what others injected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hil.record.recording import FloatArray

DEAD_TIMES_S = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0)
TIME_CONSTANTS_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.5, 8.0)
WATCHED_S = 12.0  # after a limit fell: the slowest of hil.plant.presets but one has made 90 % of its way by then
LEAST_RATIO = 0.1  # of nameplate: smaller movements drown in loads
MOST_FALLS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What fits best, over how many falls of the limit."""

    dead_time_s: float
    time_constant_s: float
    falls: int


def answer_of(
    at_s: FloatArray, injection_w: FloatArray, limits: Sequence[tuple[float, float]], nameplate_w: float
) -> Answer | None:
    """Fit to the largest falls; None where there is none.

    Args:
        at_s: instants of the meter.
        injection_w: what the DER injected then.
        limits: instants from which its limit was as it was (W), in order.
        nameplate_w: its nameplate.
    """
    falls = _falls(at_s, injection_w, limits, nameplate_w)
    if not falls:
        return None
    instants, values = np.array([at for at, _ in limits]), np.array([w for _, w in limits])
    best = (np.inf, 0.0, 0.0)
    for dead_s in DEAD_TIMES_S:
        for tau_s in TIME_CONSTANTS_S:
            error = sum(
                _error(at_s[first:last], injection_w[first:last], instants + dead_s, values, tau_s)
                for first, last in falls
            )
            best = min(best, (error, dead_s, tau_s))
    return Answer(dead_time_s=best[1], time_constant_s=best[2], falls=len(falls))


def _falls(
    at_s: FloatArray, injection_w: FloatArray, limits: Sequence[tuple[float, float]], nameplate_w: float
) -> list[tuple[int, int]]:
    """Stretches behind the largest falls of a limit that took injection along."""
    found: list[tuple[float, int, int]] = []
    until_s = -np.inf
    for (_, before_w), (fell_s, after_w) in pairwise(limits):
        first, last = (int(k) for k in np.searchsorted(at_s, (fell_s, fell_s + WATCHED_S)))
        if fell_s < until_s or last - first < 8 or before_w <= after_w:
            continue
        fell_w = float(injection_w[first] - max(after_w, float(np.min(injection_w[first:last]))))
        if fell_w >= LEAST_RATIO * nameplate_w:
            found.append((fell_w, first, last))
            until_s = fell_s + WATCHED_S
    return [(first, last) for _, first, last in sorted(found, reverse=True)[:MOST_FALLS]]


def _error(at_s: FloatArray, injection_w: FloatArray, from_s: FloatArray, limits_w: FloatArray, tau_s: float) -> float:
    """Squares of what the lag misses."""
    places = np.searchsorted(from_s, at_s, side="right") - 1
    caps_w = np.where(places >= 0, limits_w[np.maximum(places, 0)], np.inf)
    output_w, total = float(injection_w[0]), 0.0
    parts = 1.0 - np.exp(-np.diff(at_s, prepend=at_s[0]) / tau_s)
    for seen_w, cap_w, part in zip(injection_w.tolist(), caps_w.tolist(), parts.tolist(), strict=True):
        if cap_w < output_w:
            output_w += (cap_w - output_w) * part
        elif cap_w < np.inf:
            output_w += (min(cap_w, max(output_w, seen_w)) - output_w) * part
        total += (seen_w - output_w) ** 2
    return total
