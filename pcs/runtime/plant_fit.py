"""A plant's ramp and lag from its answer to one step: the answer of a straight ramp behind a first-order lag, fitted.

Pure. What the samples cannot tell apart stays an interval: every pair that fits about as well as the best is kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp

LEAST_SAMPLES = 6
"""Fewer samples than that on the way fit any pair."""
GRID = 24
STARTS = 8
WORST_SHARE = 0.05
"""A best fit that is off by more than 5 % of the way (root of the mean square) is no fit: something else moved, too."""
ALIKE = 1.5
ALIKE_SHARE = 0.01
"""A pair fits as well as the best if its error is at most 1.5 times as large, or within 1 % of the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """When the movement began, how long it ramps and its lag (seconds), the best and between what they lie."""

    start_s: float
    ramp_s: float
    lag_s: float
    starts_s: tuple[float, float]
    ramps_s: tuple[float, float]


def made_share(since_s: float, ramp_s: float, lag_s: float) -> float:
    """Which part of its way a plant has made (0 to 1) so long after it began."""
    if since_s <= 0.0:
        return 0.0
    if lag_s <= 0.0:
        return 1.0 if ramp_s <= 0.0 else min(1.0, since_s / ramp_s)
    if ramp_s <= 0.0:
        return 1.0 - exp(-since_s / lag_s)
    if since_s <= ramp_s:
        return (since_s - lag_s * (1.0 - exp(-since_s / lag_s))) / ramp_s
    behind = (1.0 - exp(-ramp_s / lag_s)) * lag_s / ramp_s
    return 1.0 - behind * exp(-(since_s - ramp_s) / lag_s)


def fit(points: Sequence[tuple[float, float]], start_s: tuple[float, float]) -> Fit | None:
    """The ramp and lag that explain (time, part of the way made) best; None where nothing does, or too few points.

    Args:
        points: times in seconds, parts from 0 to 1, the last ones at rest.
        start_s: between which times the movement began.
    """
    moving = sum(1 for _, part in points if 0.03 < part < 0.97)
    if moving < LEAST_SAMPLES:
        return None
    found = [(_error_share(points, *three), three) for three in _candidates(points, start_s)]
    least, (start, ramp, lag) = min(found)
    if least > WORST_SHARE:
        return None
    alike = [three for error, three in found if error <= max(ALIKE * least, least + ALIKE_SHARE)]
    return Fit(
        start_s=start,
        ramp_s=ramp,
        lag_s=lag,
        starts_s=(min(a[0] for a in alike), max(a[0] for a in alike)),
        ramps_s=(min(a[1] for a in alike), max(a[1] for a in alike)),
    )


def _candidates(
    points: Sequence[tuple[float, float]], start_s: tuple[float, float]
) -> Iterator[tuple[float, float, float]]:
    """Starts, ramps and lags worth a try: none longer than the way took, lags no longer than half of it."""
    took_s = next((t for t, part in points if part >= 0.97), points[-1][0]) - start_s[0]
    starts = [start_s[0] + (start_s[1] - start_s[0]) * k / (STARTS - 1) for k in range(STARTS)]
    for start in starts:
        for i in range(GRID + 1):
            for k in range(GRID + 1):
                yield start, took_s * i / GRID, 0.5 * took_s * k / GRID


def _error_share(points: Sequence[tuple[float, float]], start_s: float, ramp_s: float, lag_s: float) -> float:
    squares = sum((part - made_share(t - start_s, ramp_s, lag_s)) ** 2 for t, part in points)
    return float((squares / len(points)) ** 0.5)
