"""One case: everything that the parts of a measurement share, made once from the record."""

from dataclasses import dataclass

import numpy as np

from hil.analysis.crossing import Chain, Crossing
from hil.analysis.movement import Limit
from hil.analysis.result import Question
from hil.analysis.series import Invalid, Series, gap
from hil.analysis.steady import Level, baseline, final
from hil.analysis.step import Step
from hil.analysis.uncertainty import (
    Draws,
    Errors,
    common_errors,
    crossing_errors,
    ripple_error_s,
    step_errors,
    together,
)
from hil.record.recording import FloatArray

OLRT_SHARE = 0.9  # CRD-OLRT-1
TOLERANCE_SHARE = 0.01  # of all that happened: half of the 2 % band that settling uses
TOLERANCE_SIGMA = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """One time since the step and its errors, by their source."""

    at_s: float
    errors: Errors

    @property
    def error_s(self) -> FloatArray:
        """The errors of all sources together."""
        return np.asarray(np.sum(list(self.errors.values()), axis=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What every part of one measurement needs."""

    question: Question
    step: Step
    steps_found: int
    response: Series
    """From before the step to the end of the record, or to the next step."""
    before: Level
    final: Level
    limit: Limit | None
    window_s: float
    draws: Draws
    step_errors: Errors
    period_s: float
    stimulus: Series | None

    def chain(self, size_value: float) -> Chain:
        """The chain, its noise as a share of a movement of this size."""
        sigma = max(self.before.sd_value, 0.5 * self.final.noise_value) / abs(size_value)
        return Chain(sigma=sigma, step_s=self.response.step_s, window_s=self.window_s, waveform=self.response.waveform)


def make_case(stimulus: Series, response: Series, question: Question, step: Step, steps: list[Step]) -> Case | Invalid:
    """What the record says around one step, or why nothing can be measured."""
    later = [other.begin_s for other in steps if other.begin_s > step.end_s]
    end_s = min([*later, float(response.t_s[-1])])
    span_s = max(step.smear_s, response.smear_s, question.instruments.averaging_s)
    from_s = step.begin_s - 0.5 * response.window_s
    before = baseline(response, from_s)
    if isinstance(before, Invalid):
        return before
    after = response.between(from_s - max(6.0 * span_s, 20.0 * response.step_s), end_s)
    for series, name in (
        (after, "the response"),
        (stimulus.between(step.begin_s - span_s, step.end_s + span_s), "the stimulus"),
    ):
        hole = gap(series)
        if hole is not None:
            return Invalid(reason=f"{name} {hole.reason}")
    level = final(response, step.t0_s, end_s, before)
    if isinstance(level, Invalid):
        return level
    draws = Draws.make()
    period_s = stimulus.window_s if stimulus.waveform else 0.0
    return Case(
        question=question,
        step=step,
        steps_found=len(steps),
        response=after,
        before=before,
        final=level,
        limit=_limit(question, after, before),
        window_s=response.window_s or question.instruments.averaging_s or step.smear_s,
        draws=draws,
        step_errors=step_errors(step, stimulus.ripple_value, period_s, draws),
        period_s=period_s,
        stimulus=None if stimulus.waveform else stimulus,
    )


def _limit(question: Question, after: Series, before: Level) -> Limit | None:
    if question.limit_value is None:
        return None
    own = max(TOLERANCE_SHARE * float(np.ptp(after.y)), TOLERANCE_SIGMA * before.sd_value)
    tolerance = question.tolerance_value if question.tolerance_value is not None else own
    return Limit(limit_value=question.limit_value, side=question.side, tolerance_value=tolerance)


def errors_of(
    case: Case, crossing: Crossing, u_start_value: float, u_final_value: float, *, second: bool = False
) -> Errors:
    """Errors of one crossing, since the step."""
    share = 0.0 if second else OLRT_SHARE
    since = {name: -error_s for name, error_s in case.step_errors.items()}
    own = crossing_errors(crossing, u_start_value, u_final_value, share, case.draws, second=second)
    common = common_errors(abs(crossing.at_s), case.question.instruments, case.draws)
    if crossing.edge and case.response.ripple_value > 0.0:
        ratio = case.response.ripple_value / max(abs(case.step.size_value), 1e-300)
        own = together(own, {"ripple_s": ripple_error_s(ratio, case.period_s, case.draws.uniform[7])})
    return together(since, own, common)
