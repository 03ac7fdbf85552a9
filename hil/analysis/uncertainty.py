"""Expanded uncertainty of times, by Monte-Carlo (JCGM 101): many draws of what is not known exactly.

Drawn: the instant of the step (sampling, noise), the noise at the crossing, the levels that define 90 %, what the
averaging window may have hidden, the phase of the power's own ripple, the clock's rate, the instruments' delay.
Draws are the same for every record (one seed), so that a record judged twice gives the same number.
"""

from dataclasses import dataclass

import numpy as np

from hil.analysis.crossing import Crossing
from hil.analysis.step import Step
from hil.record.recording import FloatArray

DRAWS = 2000  # JCGM 101 7.9 asks for a stable second digit; 2000 draws give the 95 % half-width within 3 %
WHOLE = 1.06  # a step that falls on a sample lies at the very end of its interval: 95 % must reach it
SEED = 20190308  # the date of the CRD


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What is declared of the instruments.

    `clock_ratio`: standard uncertainty of the clock's rate (crystals of loggers: 50 ppm). `delay_s`: by how much the
    response's instrument is later than the stimulus's, taken off; `u_delay_s` its half-width. `averaging_s`: window of
    each sample, where it is known.
    """

    clock_ratio: float = 50e-6
    delay_s: float = 0.0
    u_delay_s: float = 0.0
    averaging_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Random numbers for one judgement, drawn once and shared by all its times."""

    normal: FloatArray
    uniform: FloatArray

    @classmethod
    def make(cls) -> "Draws":
        """The draws, always the same."""
        random = np.random.default_rng(SEED)
        return cls(normal=random.standard_normal((8, DRAWS)), uniform=random.uniform(-1.0, 1.0, (8, DRAWS)))


def step_error_s(step: Step, ripple_value: float, period_s: float, draws: Draws) -> FloatArray:
    """Errors of the step's instant."""
    error_s: FloatArray = WHOLE * step.u_half_s * draws.uniform[0] + step.u_noise_s * draws.normal[0]
    if ripple_value > 0.0:  # a window of whole periods smooths the ripple, but not the place of an edge within it
        error_s = error_s + ripple_error_s(ripple_value / abs(step.size_value), period_s, draws.uniform[1])
    return error_s


def ripple_error_s(ripple_ratio: float, period_s: float, phase_share: FloatArray) -> FloatArray:
    """How far the centroid of an edge moves with the phase of power that ripples at twice the line frequency."""
    return np.asarray(min(ripple_ratio, 1.0) * period_s / (4.0 * np.pi) * np.sin(np.pi * phase_share))


def crossing_error_s(
    crossing: Crossing,
    u_start_value: float,
    u_final_value: float,
    share_value: float,
    draws: Draws,
    *,
    second: bool = False,
) -> FloatArray:
    """Errors of a crossing at `share_value` of a movement whose ends are known within the given (normalised) values."""
    k = 4 if second else 1
    error_s: FloatArray = crossing.u_noise_s * draws.normal[k] + crossing.u_half_s * draws.uniform[k + 1]
    if np.isfinite(crossing.slope_value) and not crossing.edge:
        level = share_value * u_final_value * draws.normal[2] + (1.0 - share_value) * u_start_value * draws.normal[3]
        error_s = error_s + level / crossing.slope_value
    return error_s


def common_error_s(elapsed_s: float, instruments: Instruments, draws: Draws) -> FloatArray:
    """Errors of clock and instruments."""
    rate_s: FloatArray = elapsed_s * instruments.clock_ratio * draws.normal[6]
    delay_s: FloatArray = instruments.u_delay_s * draws.uniform[6]
    return rate_s + delay_s


def u95_s(error_s: FloatArray) -> float:
    """Half-width of the interval around the estimate that holds 95 % of the draws."""
    return float(np.quantile(np.abs(error_s), 0.95))
