"""Means over an integer number of measured periods, stamped at the window's centre: of which power and RMS are made.

The period is measured on the voltage (rising zero crossings), not assumed: with a window of 1/60 s a line at 59.5 Hz
ripples by 2 %. The mean is not removed: direct current is power too. Integrals are exact for the straight lines between
samples, so a dropped sample and a sampling rate that is no multiple of the line frequency do no harm.
"""

from dataclasses import dataclass

import numpy as np

from hil.analysis.series import moving_mean
from hil.record.recording import FloatArray

FREQUENCY_MIN_HZ, FREQUENCY_MAX_HZ = 40.0, 70.0  # 50 and 60 Hz systems, far beyond their ride-through ranges
HOPS_PER_PERIOD = 4  # a reading each quarter period: reference implementations alias edges with fewer
HYSTERESIS = 0.3  # of the RMS: noise and notches near zero make no crossing
SMOOTHED_S = 1.0 / FREQUENCY_MAX_HZ / 16  # of the voltage, before its crossings: 1 % of its amplitude at 60 Hz
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


def rising_s(t_s: FloatArray, v: FloatArray) -> FloatArray:
    """Where a waveform rises through zero."""
    rms = float(np.sqrt(np.mean(v * v)))
    if not rms > 0.0 or len(t_s) < 32:
        return np.empty(0)
    step_s = float(t_s[-1] - t_s[0]) / (len(t_s) - 1)
    smooth = moving_mean(v, max(1, round(SMOOTHED_S / step_s)) | 1)
    known = np.flatnonzero(np.abs(smooth) > HYSTERESIS * rms)
    side = smooth[known] > 0.0
    rises = np.flatnonzero(~side[:-1] & side[1:])
    low, high = known[rises], known[rises + 1]
    if step_s < SMOOTHED_S / 4:  # many samples between the thresholds: take the pair around zero
        low = np.array([a + int(np.argmax(smooth[a : b + 1] >= 0.0)) - 1 for a, b in zip(low, high, strict=True)], int)
        high = low + 1
    share = smooth[low] / (smooth[low] - smooth[high])
    return np.asarray(t_s[low] + share * (t_s[high] - t_s[low]))


def periods_of(crossings_s: FloatArray) -> Periods | None:
    """The line period along zero crossings; None where they are too few or not between 40 and 70 Hz."""
    if len(crossings_s) < 3:
        return None
    n = min(PERIODS_AVERAGED, len(crossings_s) - 1)
    period_s = (crossings_s[n:] - crossings_s[:-n]) / n
    if not np.all((period_s > 1.0 / FREQUENCY_MAX_HZ) & (period_s < 1.0 / FREQUENCY_MIN_HZ)):
        return None
    return Periods(t_s=0.5 * (crossings_s[n:] + crossings_s[:-n]), period_s=period_s)


def window_mean(t_s: FloatArray, values: FloatArray, at_s: FloatArray, width_s: FloatArray) -> FloatArray:
    """Mean of a sampled quantity over windows of `width_s` centred at `at_s`."""
    total = np.empty(len(values))
    total[0] = 0.0
    np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(t_s), out=total[1:])

    def integral(until_s: FloatArray) -> FloatArray:
        i = np.clip(np.searchsorted(t_s, until_s, side="right") - 1, 0, len(t_s) - 2)
        part_s = until_s - t_s[i]
        slope = (values[i + 1] - values[i]) / (t_s[i + 1] - t_s[i])
        return np.asarray(total[i] + part_s * (values[i] + 0.5 * slope * part_s))

    return (integral(at_s + 0.5 * width_s) - integral(at_s - 0.5 * width_s)) / width_s


def signed_a(rms_a: FloatArray, flow_w: FloatArray, rms_v: FloatArray) -> FloatArray:
    """RMS current with the direction of its power (an RMS value has none), held while the power is near zero."""
    sure = np.abs(flow_w) > SIGN_HYSTERESIS * rms_v * max(float(np.max(rms_a)), 1e-300)
    last = np.maximum.accumulate(np.where(sure, np.arange(len(flow_w)), -1))
    first = int(np.argmax(sure)) if sure.any() else 0
    return np.asarray(rms_a * np.sign(flow_w[np.where(last >= 0, last, first)]))
