"""Which movement answers the step: towards the safe side of the limit (restrict) or away from it (release).

In a generation step a DER first goes the wrong way, and at the point of interconnection every load step does. So the
movement that is judged begins at the post-step extreme, not at the value before the step.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hil.analysis.crossing import smoothing
from hil.analysis.series import Series, moving_mean
from hil.analysis.steady import Level
from hil.record.recording import FloatArray

SIGNIFICANT_SIGMA = 6.0
LEAST_SHARE = 0.02  # of all that happened after the step: less is no movement
OVERSHOOT_SHARE = 0.6  # of the net change: a larger return is an answer (damping 0.2 overshoots by 53 %)
PEAK_SAMPLES = 25  # a peak is a mean over this many samples, where a hundred times as many follow the step
Candidate = tuple["Direction", float, float, int, bool]
"""A direction, its extreme and when it was (s), how many samples were averaged there, and whether it is the start."""
PLATEAU_SIGMA = 4.0  # and more for long records: the largest of n normal numbers is near sqrt(2 ln n)


class Side(StrEnum):
    """On which side of its limit a flow is beyond it."""

    BELOW = "below"
    """An export limit on import-positive flow: beyond is below -limit."""
    ABOVE = "above"
    """An import or current limit, a DER's injection, export-positive flow: beyond is above the limit."""


class Direction(StrEnum):
    """Which way the response went."""

    RESTRICT = "restrict"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An upper bound of the flow, a magnitude, and how far beyond it still counts as on it (None: from the record)."""

    limit_value: float
    side: Side
    tolerance_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """From the post-step extreme to the final value. `at_s` is when the extreme was left behind at the earliest."""

    direction: Direction
    extreme_value: float
    u_extreme_value: float
    at_s: float
    from_start: bool

    def share(self, y: FloatArray, final: Level) -> FloatArray:
        """The response as a share of the movement."""
        return (y - self.extreme_value) / (final.value - self.extreme_value)


def beyond(y: FloatArray, limit: Limit) -> FloatArray:
    """How far the flow is beyond the limit, tolerance not counted; negative inside."""
    return -y - limit.limit_value if limit.side is Side.BELOW else y - limit.limit_value


def find_movement(
    after: Series, before: Level, final: Level, side: Side, t0_s: float, limit: Limit | None, *, passed: bool = False
) -> Movement | None:
    """The movement that answers the step, or None where nothing moved but the step itself.

    `passed`: what moves right from the start is known to be the step itself, on its way through the point.
    """
    restrict_sign = 1 if side is Side.BELOW else -1
    sd = max(before.sd_value, min(final.sd_value, before.sd_value * 3.0 + final.sd_value * 0.3))
    span = float(np.ptp(np.append(after.y, before.value)))
    width = max(smoothing(sd / span if span > 0.0 else 0.0, len(after.y)), min(len(after.y) // 100, PEAK_SAMPLES) | 1)
    smooth = moving_mean(after.y, width)
    noise = sd * np.sqrt(min(1.0, after.smear_s / after.step_s / width))
    least = max(SIGNIFICANT_SIGMA * noise, LEAST_SHARE * span, 4.0 * np.hypot(before.u_value, final.u_value))
    candidates = []
    for direction, sign in ((Direction.RESTRICT, restrict_sign), (Direction.RELEASE, -restrict_sign)):
        extreme = _extreme(after.t_s, smooth, before, sign, noise, t0_s)
        if sign * (final.value - extreme[0]) >= least and not (passed and extreme[3]):
            candidates.append((direction, *extreme))
    if not candidates:
        return None
    chosen = candidates[0]
    if len(candidates) == 2 and not _answers(candidates[0], candidates[1], before, final, limit, least):
        chosen = candidates[1]
    direction, value, at_s, count, from_start = chosen
    u = before.u_value if from_start else noise / np.sqrt(max(1.0, count / width))
    return Movement(
        direction=direction, extreme_value=value, u_extreme_value=float(u), at_s=at_s, from_start=from_start
    )


def _answers(
    back: Candidate, first: Candidate, before: Level, final: Level, limit: Limit | None, least_value: float
) -> bool:
    """Whether the return `back` is the answer, and not the overshoot of the opposite movement `first`.

    An overshoot is measured by the net change, or by the movement before it: a release may end where it began.
    """
    way = abs(final.value - before.value)
    if first[2] < back[2]:
        way = max(way, abs(final.value - first[1]))
    if abs(back[1] - final.value) > OVERSHOOT_SHARE * way:
        return True
    if limit is None:
        return False
    excess = float(beyond(np.array([back[1]]), limit)[0])
    return excess > limit.tolerance_value and excess > 0.5 * least_value


def _extreme(
    t_s: FloatArray, smooth: FloatArray, before: Level, sign: int, noise_value: float, t0_s: float
) -> tuple[float, float, int, bool]:
    """The value farthest on the side that the movement leaves: (value, when, samples averaged, is it the start)."""
    k = int(np.argmin(sign * smooth))
    peak = float(smooth[k])
    band = (PLATEAU_SIGMA + np.sqrt(2.0 * np.log(len(smooth)))) * noise_value
    if sign * (before.value - peak) <= band + 1e-9 * abs(before.value):
        return before.value, t0_s, 1, True
    near = np.abs(smooth - peak) <= band
    left = k - int(np.argmin(near[k::-1])) + 1 if not near[: k + 1].all() else 0
    right = k + int(np.argmin(near[k:])) - 1 if not near[k:].all() else len(near) - 1
    return float(np.mean(smooth[left : right + 1])), float(t_s[k]), right - left + 1, False
