"""True power and RMS over an integer number of measured periods, stamped at the window's centre.

The period is measured on the voltage (rising zero crossings), not assumed: with a window of 1/60 s a line at 59.5 Hz
ripples by 2 %. The mean is not removed: direct current is power too. Integrals are exact for the straight lines between
samples, so a dropped sample and a sampling rate that is no multiple of the line frequency do no harm.
"""

from dataclasses import dataclass

import numpy as np

from hil.record.recording import FloatArray

FREQUENCY_MIN_HZ, FREQUENCY_MAX_HZ = 40.0, 70.0  # 50 and 60 Hz systems, far beyond their ride-through ranges
HOPS_PER_PERIOD = 4  # a reading each quarter period: reference implementations alias edges with fewer
HYSTERESIS = 0.3  # of the RMS: noise and notches near zero make no crossing
PERIODS_AVERAGED = 10  # IEC 61000-4-30 measures frequency over 10 s; 10 periods follow a drift of 1 Hz/s within 0.1 %
SIGN_HYSTERESIS = 0.02  # of V*I: below that the direction of a current is that of the noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """The measured line period: `period_s[i]` around `t_s[i]`."""

    t_s: FloatArray
    period_s: FloatArray

    @property
    def mean_s(self) -> float:
        """The mean period."""
        return float(np.mean(self.period_s))

    def at(self, t_s: FloatArray) -> FloatArray:
        """The period at other instants."""
        return np.interp(t_s, self.t_s, self.period_s)


def measured_periods(t_s: FloatArray, v: FloatArray) -> Periods | None:
    """The line period along a waveform; None where it has no steady zero crossings between 40 and 70 Hz."""
    rms = float(np.sqrt(np.mean(v * v)))
    if not rms > 0.0 or len(t_s) < 32:
        return None
    step_s = float(np.median(np.diff(t_s)))
    smooth = _moving_mean(v, max(1, round(1.0 / FREQUENCY_MAX_HZ / 16 / step_s)) | 1)
    side = np.where(smooth > HYSTERESIS * rms, 1, np.where(smooth < -HYSTERESIS * rms, -1, 0))
    known = np.flatnonzero(side)
    rises = np.flatnonzero((side[known][:-1] < 0) & (side[known][1:] > 0))
    low, high = known[rises], known[rises + 1]
    if len(low) < 3:
        return None
    share = smooth[low] / (smooth[low] - smooth[high])
    if step_s < 1.0 / FREQUENCY_MAX_HZ / 64:  # many samples between the thresholds: take the pair around zero
        low = np.array([a + int(np.argmax(smooth[a : b + 1] >= 0.0)) - 1 for a, b in zip(low, high, strict=True)])
        high = low + 1
        share = smooth[low] / (smooth[low] - smooth[high])
    crossings_s = t_s[low] + share * (t_s[high] - t_s[low])
    n = min(PERIODS_AVERAGED, len(crossings_s) - 1)
    period_s = (crossings_s[n:] - crossings_s[:-n]) / n
    if not np.all((period_s > 1.0 / FREQUENCY_MAX_HZ) & (period_s < 1.0 / FREQUENCY_MIN_HZ)):
        return None
    return Periods(t_s=0.5 * (crossings_s[n:] + crossings_s[:-n]), period_s=period_s)


def centres_s(t_s: FloatArray, periods: Periods, count: int = 1) -> FloatArray:
    """Instants for readings over `count` periods, a quarter period apart, that lie whole within the waveform."""
    margin_s = 0.5 * count * float(np.max(periods.period_s))
    return np.arange(t_s[0] + margin_s, t_s[-1] - margin_s, periods.mean_s / HOPS_PER_PERIOD)


def window_mean(t_s: FloatArray, values: FloatArray, at_s: FloatArray, width_s: FloatArray) -> FloatArray:
    """Mean of a sampled quantity over windows of `width_s` centred at `at_s`."""
    steps_s = np.diff(t_s)
    total = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * steps_s)])

    def integral(until_s: FloatArray) -> FloatArray:
        i = np.clip(np.searchsorted(t_s, until_s, side="right") - 1, 0, len(steps_s) - 1)
        part_s = until_s - t_s[i]
        slope = (values[i + 1] - values[i]) / steps_s[i]
        return total[i] + part_s * (values[i] + 0.5 * slope * part_s)

    return (integral(at_s + 0.5 * width_s) - integral(at_s - 0.5 * width_s)) / width_s


def true_power_w(t_s: FloatArray, v: FloatArray, i: FloatArray, at_s: FloatArray, width_s: FloatArray) -> FloatArray:
    """Mean of v*i over each window."""
    return window_mean(t_s, v * i, at_s, width_s)


def rms_over(t_s: FloatArray, values: FloatArray, at_s: FloatArray, width_s: FloatArray) -> FloatArray:
    """Root of the mean square over each window."""
    return np.sqrt(np.maximum(window_mean(t_s, values * values, at_s, width_s), 0.0))


def signed_rms_a(t_s: FloatArray, v: FloatArray, i: FloatArray, at_s: FloatArray, width_s: FloatArray) -> FloatArray:
    """RMS current with the direction of its power (an RMS value has none), held while the power is near zero."""
    rms_a = rms_over(t_s, i, at_s, width_s)
    flow_w = true_power_w(t_s, v, i, at_s, width_s)
    sure = np.abs(flow_w) > SIGN_HYSTERESIS * rms_over(t_s, v, at_s, width_s) * max(float(np.max(rms_a)), 1e-300)
    last = np.maximum.accumulate(np.where(sure, np.arange(len(flow_w)), -1))
    first = int(np.argmax(sure)) if sure.any() else 0
    return rms_a * np.sign(flow_w[np.where(last >= 0, last, first)])


def _moving_mean(values: FloatArray, width: int) -> FloatArray:
    if width <= 1:
        return values
    return np.convolve(np.pad(values, width // 2, mode="edge"), np.full(width, 1.0 / width), mode="valid")
