"""Levels before and after: what the response was, what it became, and whether it has come to rest there.

Rest is judged against the noise before the step. The final value is measured, never assumed from a command.
"""

from dataclasses import dataclass, replace

import numpy as np

from hil.analysis.series import Invalid, Series, noise_sd_value

BASELINE_S = 5.0
BASELINE_SAMPLES = 20
LEAST_BASELINE = 3
TAIL_SHARE = 0.25  # of the time after the step must show rest
LEAST_TAIL = 4
DRIFT_SHARE = 0.01  # of the movement, over the tail; a first-order lag needs six time constants of record
RIPPLE_SHARE = 0.02  # of the movement: standard deviation of a controller that hunts around its final value
NOISE_RATIO = 3.0
TAPER_SWINGS = 2.0  # fewer swings: a tapered mean would weigh one half of a swing more than the other
SWING_DRIFT = 4.5  # standard deviations: what a straight line makes of one whole sine, at most; of n sines 1/n of it
SWING_RATIO = 2.0  # standard deviation over that before the step: more than noise, it hunts
SWING_MEAN = 0.3  # standard deviations: the mean over one swing and a part of another, root mean square 0.23


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A steady value with its standard uncertainty, and the standard deviation of the samples around it."""

    value: float
    u_value: float
    sd_value: float
    noise_value: float
    """From one sample to the next alone: what is left of the standard deviation without slow swings."""


def baseline(response: Series, until_s: float) -> Level | Invalid:
    """The level before the step, from the last seconds before `until_s`."""
    # half a sample off: whether one more belongs to it must not hang on the last digit of its time
    from_s = until_s - max(BASELINE_S, BASELINE_SAMPLES * response.step_s) + 0.5 * response.step_s
    part = response.between(from_s, until_s)
    if len(part.y) < LEAST_BASELINE:
        return Invalid(reason=f"only {len(part.y)} samples before the step: nothing to compare with")
    return _level(part)


def final(response: Series, t0_s: float, end_s: float, before: Level) -> Level | Invalid:
    """The level in the last quarter of the time after the step, or why there is none."""
    tail = response.between(end_s - TAIL_SHARE * (end_s - t0_s), end_s)
    after = response.between(t0_s, end_s)
    if len(tail.y) < LEAST_TAIL:
        return Invalid(reason=f"only {end_s - t0_s:.3g} s recorded after the step: too short to tell where it settles")
    level = _level(tail)
    if level.sd_value > SWING_RATIO * before.sd_value and _swings(tail) >= TAPER_SWINGS:
        level = _tapered(tail, level)
    moved = float(max(np.max(np.abs(after.y - level.value)), abs(before.value - level.value)))
    drift, u_drift = _drift(tail, level.sd_value)
    if abs(drift) > max(
        DRIFT_SHARE * moved, 3.0 * u_drift, 4.0 * _wander(response, t0_s), SWING_DRIFT * level.sd_value / _swings(tail)
    ):
        pct, tail_s = 100.0 * abs(drift) / moved, tail.t_s[-1] - tail.t_s[0]
        return Invalid(reason=f"not settled: still moving by {pct:.2g} % of the change in the last {tail_s:.3g} s")
    if level.sd_value > max(RIPPLE_SHARE * moved, NOISE_RATIO * before.sd_value):
        pct = 100.0 * level.sd_value / moved
        return Invalid(reason=f"not settled: it swings by {pct:.2g} % of the change (standard deviation) to the end")
    return level


def _level(part: Series) -> Level:
    sd = max(noise_sd_value(part.y, part.t_s), part.resolution_value / np.sqrt(12.0))
    independent = max(1.0, (part.t_s[-1] - part.t_s[0]) / part.smear_s)
    drift, u_drift = _drift(part, sd)
    swing = sd / _swings(part)
    moved = 0.5 * max(0.0, abs(drift) - max(2.0 * u_drift, SWING_DRIFT * swing)) / np.sqrt(3.0)
    return Level(
        value=float(np.mean(part.y)),
        u_value=float(np.sqrt(sd * sd / independent + moved * moved + (SWING_MEAN * swing) ** 2)),
        sd_value=float(sd),
        noise_value=float(min(sd, np.sqrt(0.5 * np.mean(np.diff(part.y) ** 2)))),
    )


def _tapered(part: Series, level: Level) -> Level:
    """The mean of swings around the final value, weighted to nothing at both ends (Hann).

    A plain mean depends on where the part begins within a swing, by 1/(pi n) of its amplitude for n swings; this one by
    1/(pi n (n^2 - 1)).
    """
    share = (part.t_s - part.t_s[0]) / (part.t_s[-1] - part.t_s[0])
    weights = np.sin(np.pi * share) ** 2
    n = max(_swings(part) - 0.5, 1.5)  # counted by halves
    independent = max(1.0, (part.t_s[-1] - part.t_s[0]) / part.smear_s)
    swing = level.sd_value / (np.pi * n * (n * n - 1.0))
    u = float(np.hypot(swing, level.noise_value * np.sqrt(1.5 / independent)))
    return replace(level, value=float(np.average(part.y, weights=weights)), u_value=u)


def _drift(part: Series, sd_value: float) -> tuple[float, float]:
    """How far a straight line moves over the part, and its standard uncertainty."""
    x = part.t_s - np.mean(part.t_s)
    span_s = part.t_s[-1] - part.t_s[0]
    drift = float(np.sum(x * part.y) / np.sum(x * x)) * span_s
    independent = max(2.0, span_s / part.smear_s)
    return drift, float(sd_value * np.sqrt(12.0 / independent))


def _swings(part: Series) -> float:
    """How many whole swings around its straight line the part holds, at least one."""
    x = part.t_s - np.mean(part.t_s)
    rest = part.y - np.mean(part.y) - np.sum(x * part.y) / np.sum(x * x) * x
    sides = np.sign(rest[np.abs(rest) > 0.5 * np.std(rest)])  # noise near zero is no swing
    return max(1.0, 0.5 * float(np.sum(sides[1:] != sides[:-1])))


def _wander(response: Series, t0_s: float) -> float:
    """How far the means of four quarters of the baseline lie apart (standard deviation): slow noise."""
    part = response.between(t0_s - max(BASELINE_S, BASELINE_SAMPLES * response.step_s), t0_s - response.smear_s)
    if len(part.y) < 16:
        return 0.0
    return float(np.std([np.mean(quarter) for quarter in np.array_split(part.y, 4)]))
