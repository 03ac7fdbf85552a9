"""Expanded uncertainty of times, by Monte-Carlo (JCGM 101): many draws of what is not known exactly.

Drawn: the instant of the step (sampling, noise), the noise at the crossing, the levels that define 90 %, what the
averaging window may have hidden, the phase of the power's own ripple, the clock's rate, the instruments' delay.
Draws are the same for every record (one seed), so that a record judged twice gives the same number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What each source alone would make of an expanded uncertainty: half-widths that hold 95 % of the same draws.

    Their squares add up to about that of the whole. Zero: the source does not act on this record.
    """

    step_sampling_s: float = 0.0
    """Where between two samples the stimulus stepped."""
    step_noise_s: float = 0.0
    crossing_sampling_s: float = 0.0
    """Where between two samples the response crossed."""
    crossing_noise_s: float = 0.0
    levels_s: float = 0.0
    """The initial (or extreme) and the final value, which define 90 %."""
    window_s: float = 0.0
    """What averaging, and the line between two samples, may hide of the response."""
    ripple_s: float = 0.0
    """The power's own swing at twice the line frequency, which shifts an edge."""
    clock_s: float = 0.0
    delay_s: float = 0.0


Errors = Mapping[str, FloatArray]
"""Drawn errors of one time, by the fields of `Budget`."""


def together(*several: Errors) -> Errors:
    """Errors that act on the same time, added source by source."""
    names = dict.fromkeys(name for errors in several for name in errors)
    return {name: np.sum([errors[name] for errors in several if name in errors], axis=0) for name in names}


def budget_of(errors: Errors) -> Budget:
    """The half-width of each source."""
    return Budget(**{field.name: u95_s(errors[field.name]) for field in fields(Budget) if field.name in errors})


def step_errors(step: Step, ripple_value: float, period_s: float, draws: Draws) -> Errors:
    """Errors of the step's instant."""
    errors = {
        "step_sampling_s": WHOLE * step.u_half_s * draws.uniform[0],
        "step_noise_s": step.u_noise_s * draws.normal[0],
    }
    if ripple_value > 0.0:  # a window of whole periods smooths the ripple, but not the place of an edge within it
        errors["ripple_s"] = ripple_error_s(ripple_value / abs(step.size_value), period_s, draws.uniform[1])
    return errors


def ripple_error_s(ripple_ratio: float, period_s: float, phase_share: FloatArray) -> FloatArray:
    """How far the centroid of an edge moves with the phase of power that ripples at twice the line frequency."""
    return np.asarray(min(ripple_ratio, 1.0) * period_s / (4.0 * np.pi) * np.sin(np.pi * phase_share))


def crossing_errors(
    crossing: Crossing,
    u_start_value: float,
    u_final_value: float,
    share_value: float,
    draws: Draws,
    *,
    second: bool = False,
) -> Errors:
    """Errors of a crossing at `share_value` of a movement whose ends are known within the given (normalised) values."""
    k = 4 if second else 1
    errors = {
        "crossing_noise_s": crossing.u_noise_s * draws.normal[k],
        "crossing_sampling_s": crossing.u_half_s * draws.uniform[k + 1],
    }
    if np.isfinite(crossing.slope_value) and not crossing.edge:
        level = share_value * u_final_value * draws.normal[2] + (1.0 - share_value) * u_start_value * draws.normal[3]
        errors["levels_s"] = level / crossing.slope_value
    return errors


def common_errors(elapsed_s: float, instruments: Instruments, draws: Draws) -> Errors:
    """Errors of clock and instruments."""
    rate_s = elapsed_s * instruments.clock_ratio * draws.normal[6]
    return {"clock_s": rate_s, "delay_s": instruments.u_delay_s * draws.uniform[6]}


def u95_s(error_s: FloatArray) -> float:
    """Half-width of the interval around the estimate that holds 95 % of the draws."""
    return float(np.quantile(np.abs(error_s), 0.95))
