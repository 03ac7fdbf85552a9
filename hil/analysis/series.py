"""One quantity over time, cleaned: what was lost is left out, what a meter repeated counts once.

Nothing is repaired. Time that goes back, a gap and a channel that never changes make a recording invalid.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hil.record.recording import FloatArray

LEAST_SAMPLES = 8  # three before a step, four after it, and one
GAP_SAMPLES = 5.5  # five samples lost in a row; single losses are bridged by interpolation
GAP_MIN_S = 0.02  # one period at 50 Hz: shorter holes hide no movement of a DER
RESOLUTION_SHARE = 0.02  # of the range: coarser steps are those of the response, not of the instrument
HELD_SHARE = 0.95  # of the intervals between changes are multiples of the update period, on a polled meter


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """No number can be had from this recording, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A quantity `y` at instants `t_s`.

    `window_s` is the averaging window of each value where it is known (waveforms, or declared), else 0; `step_s` the
    time between values; `ripple_value` the amplitude of the power's own ripple at twice the line frequency (0 for
    samples), in the unit of `y`; `held` whether a slower meter was polled.
    """

    t_s: FloatArray
    y: FloatArray
    step_s: float
    window_s: float = 0.0
    ripple_value: float = 0.0
    resolution_value: float = 0.0
    waveform: bool = False
    held: bool = False
    origin_s: float = 0.0

    def between(self, from_s: float, to_s: float) -> "Series":
        """The part from one instant to another, both included."""
        i, j = np.searchsorted(self.t_s, [from_s, to_s + 1e-12 * max(1.0, abs(to_s))])
        return replace(self, t_s=self.t_s[i:j], y=self.y[i:j])

    def since(self, origin_s: float) -> "Series":
        """The same on a clock that begins at `origin_s`, in whole nanoseconds: what a clock shows must not matter."""
        return replace(self, t_s=np.round(self.t_s - origin_s, 9), origin_s=self.origin_s + origin_s)

    @property
    def smear_s(self) -> float:
        """What one value cannot resolve: the larger of its window and the time to the next."""
        return max(self.window_s, self.step_s)


def clean(t_s: FloatArray, y: FloatArray, window_s: float = 0.0) -> Series | Invalid:
    """A series from samples as they were recorded; NaN is a sample that was lost."""
    broken = unordered(t_s)
    if broken is not None:
        return broken
    present = np.isfinite(y)
    t_s, y = t_s[present], y[present]
    if len(t_s) < LEAST_SAMPLES:
        return Invalid(reason=f"has only {len(t_s)} samples")
    changed = np.flatnonzero(np.diff(y) != 0.0) + 1
    if not len(changed):
        return Invalid(reason=f"never changes: it is {y[0]:g} all the time")
    step_s = float(np.median(np.diff(t_s)))
    every = _update_samples(changed, len(y))
    if every > 1:
        keep = np.concatenate([[0], changed]) if changed[0] < 1.5 * every else changed
        t_s, y = t_s[keep], y[keep]
        step_s = float(np.median(np.diff(t_s)))
    least = float(np.min(np.abs(np.diff(y)[np.diff(y) != 0.0])))
    return Series(
        t_s=t_s,
        y=y,
        step_s=step_s,
        window_s=window_s,
        resolution_value=least if least < RESOLUTION_SHARE * float(np.ptp(y)) else 0.0,
        held=every > 1,
    )


def unordered(t_s: FloatArray, least: int = LEAST_SAMPLES, first: int = 1) -> Invalid | None:
    """Why the time base cannot be used: too few samples, not a number, goes back or stands still.

    `first` is the number of the first sample, where these are a part of a recording.
    """
    if len(t_s) < least:
        return Invalid(reason=f"has only {len(t_s)} samples")
    if not np.all(np.isfinite(t_s)):
        return Invalid(reason=f"time is not a number at sample {int(np.argmin(np.isfinite(t_s))) + first}")
    steps_s = np.diff(t_s)
    if len(steps_s) and np.min(steps_s) <= 0.0:
        k = int(np.argmax(steps_s <= 0.0))
        how = "stands still" if steps_s[k] == 0.0 else "goes back"
        return Invalid(reason=f"time {how} after {t_s[k]:.12g} s (sample {k + first})")
    return None


def gap(series: Series) -> Invalid | None:
    """The first hole that is too long to bridge, if there is one."""
    steps_s = np.diff(series.t_s)
    if not len(steps_s):
        return None
    most_s = max(GAP_SAMPLES * series.step_s, GAP_MIN_S)
    if np.max(steps_s) <= most_s:
        return None
    k = int(np.argmax(steps_s > most_s))
    return Invalid(
        reason=f"has a gap of {steps_s[k]:.3g} s after {series.origin_s + series.t_s[k]:.12g} s"
        f" (values are {series.step_s:.3g} s apart)"
    )


def _update_samples(changed: NDArray[np.int64], samples: int) -> int:
    """Over how many samples a polled meter repeats itself; 1 where each sample is new, or too little moves to tell.

    Only what goes on through the whole record is the meter: a staircase within a response is the response.
    """
    if len(changed) < 8:
        return 1
    runs = np.diff(changed)
    period = float(np.percentile(runs, 10))
    if period < 1.5:
        return 1
    period = float(np.mean(runs[runs < 1.5 * period]))
    if len(changed) * period < 0.5 * samples:
        return 1
    off = np.abs(runs / period - np.rint(runs / period)) * period
    regular = float(np.mean(off <= np.maximum(1.0, 0.1 * period)))  # a poll sooner or later
    return round(period) if regular >= HELD_SHARE and float(np.mean(runs < 1.5 * period)) > 0.8 else 1


def moving_mean(y: FloatArray, width: int) -> FloatArray:
    """Centred moving mean; the window shrinks at the ends."""
    if width <= 1:
        return y
    half, n = width // 2, len(y)
    total = np.concatenate([[0.0], np.cumsum(y - y[0])])
    whole = max(0, n - 2 * half)  # windows that lie within the record; the others, at its ends, one by one
    i = np.concatenate([np.arange(min(half, n)), np.arange(max(half, n - half), n)])
    lo, hi = np.maximum(i - half, 0), np.minimum(i + half + 1, n)
    mean = np.empty(n)
    mean[half : half + whole] = (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1) if whole else 0.0
    mean[i] = (total[hi] - total[lo]) / (hi - lo)
    mean += y[0]
    return mean


def noise_sd_value(y: FloatArray, t_s: FloatArray) -> float:
    """Standard deviation around a straight line, in the unit of `y`."""
    if len(y) < 3:
        return 0.0
    x = t_s - np.mean(t_s)
    slope = float(np.sum(x * y) / np.sum(x * x))
    rest = y - np.mean(y) - slope * x
    return float(np.sqrt(np.sum(rest * rest) / (len(y) - 2)))
