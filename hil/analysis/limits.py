"""Figures other than OLRT: the time beyond the limit and what it let through, settling, overshoot."""

from dataclasses import replace

import numpy as np

from hil.analysis.case import Case, Time, errors_of
from hil.analysis.crossing import first_crossing, smoothing
from hil.analysis.movement import Movement, beyond
from hil.analysis.result import Measurement
from hil.analysis.series import Series, moving_mean
from hil.analysis.uncertainty import DRAWS, together
from hil.record.recording import FloatArray

REST_SIGMA = 5.0  # at rest just inside a line, noise of a million samples must not look like the last time beyond it


def excess(found: Measurement, case: Case, after: Series) -> tuple[Time | None, Measurement]:
    """The last instant beyond limit + tolerance (None: beyond to the end), and how much went beyond."""
    if case.limit is None:
        return None, found
    over = beyond(after.y, case.limit)
    inadvertent = (
        float(np.sum(0.5 * (np.maximum(over[1:], 0) + np.maximum(over[:-1], 0)) * np.diff(after.t_s))) / 3600.0
    )
    size = max(float(np.ptp(case.response.y)), 1e-300)
    last = _last_above(case, (beyond(case.response.y, case.limit) - case.limit.tolerance_value) / size, size)
    still = float(beyond(np.array([case.final.value]), case.limit)[0]) > case.limit.tolerance_value
    sd = case.before.sd_value
    peak = float(np.max(over))
    found = replace(
        found,
        peak_excess_value=peak if peak > 3.0 * sd else 0.0,
        inadvertent_value=inadvertent if last is not None or still else 0.0,
        back_under_limit_s=None if still else (max(0.0, last.at_s) if last else 0.0),
    )
    if still:
        return None, found
    return last or Time(at_s=0.0, errors={"step_noise_s": np.zeros(DRAWS)}), found


def _last_above(case: Case, share: FloatArray, size_value: float) -> Time | None:
    """The last time that `share` falls through 0 after the step: the first crossing of the record run backwards."""
    inside = case.response.t_s >= case.step.t0_s
    back_s = (case.step.t0_s - case.response.t_s)[::-1]
    keep = inside[::-1]
    crossing = first_crossing(back_s[keep], share[::-1][keep], 0.0, case.chain(size_value), REST_SIGMA)
    if crossing is None or not np.isfinite(crossing.slope_value):
        return None
    at_s = -crossing.at_s - case.question.instruments.delay_s
    crossing = replace(crossing, at_s=at_s)
    instant = case.window_s == 0.0 and crossing.slope_value * case.response.step_s > 0.2
    doubt_s = (
        0.5 * case.response.step_s if instant else 0.4 * case.window_s * min(1.0, crossing.slope_value * case.window_s)
    )
    window = {"window_s": doubt_s * case.draws.uniform[3]}
    return Time(at_s=at_s, errors=together(errors_of(case, crossing, 0.0, 0.0, second=True), window))


def settling_s(case: Case, share: FloatArray, band_pct: float, movement: Movement) -> float | None:
    """Since the step, until the response stays within the band around its final value; None if noise fills it."""
    chain = case.chain(case.final.value - movement.extreme_value)
    width = smoothing(chain.sigma, len(share))
    if 3.0 * chain.sigma / np.sqrt(width) > band_pct / 100.0:
        return None
    last = _last_above(case, np.abs(share - 1.0) - band_pct / 100.0, case.final.value - movement.extreme_value)
    return max(0.0, last.at_s) if last is not None else 0.0


def overshoot_pct(case: Case, share: FloatArray, answer: Time | None, movement: Movement) -> float | None:
    """How far the response went beyond its final value after it first reached 90 %, in percent of the movement."""
    if answer is None:
        return None
    chain = case.chain(case.final.value - movement.extreme_value)
    width = smoothing(chain.sigma, len(share))
    later = case.response.t_s >= case.step.t0_s + answer.at_s
    if not later.any():
        return 0.0
    most = float(np.max(moving_mean(share, width)[later])) - 1.0
    return 100.0 * most if most > 4.0 * chain.sigma / np.sqrt(width) else 0.0
