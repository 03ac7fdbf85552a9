"""One run measured: every step of its stimulus that the case asks for, net and per conductor. No verdict yet."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from hil.analysis.decide import grade_of
from hil.analysis.judge import SEVERITY
from hil.analysis.measure import measure
from hil.analysis.movement import Side
from hil.analysis.result import Measurement, Question, Verdict
from hil.analysis.series import Invalid, Series
from hil.analysis.step import Step, find_steps
from hil.profile.model import Case
from hil.record.model import End, RunRecord
from hil.verdict.channels import Found, Part, Still, find
from hil.verdict.gauges import Gauges, gauge_of, instruments
from hil.verdict.model import RunResult, StepResult
from hil.verdict.rest import at_rest, balance_kept, output_moved
from hil.verdict.steps import around, asked, expected, locate, too_short

DIGITS = 9  # of results: processors add in different orders, which shows in the last of 16
MAX_STEPS = 100  # a case has at most 40 steps (hil.profile.schema)

T = TypeVar("T")


def judge_run(run: RunRecord, gauges: Gauges) -> RunResult:
    """Measure one run. What cannot be measured has no steps and a reason; it is never an exception."""
    result = RunResult(
        repeat=run.repeat,
        attempt=run.attempt,
        end=run.end,
        reason=run.reason,
        folder=run.folder,
        digest=run.digest,
        steps=(),
        started_utc=run.started_utc,
        overdue=_overdue(run, gauges),
    )
    if run.end is not End.COMPLETE:
        return replace(result, reason=f"{run.end.value}: {run.reason}" if run.reason else run.end.value)
    case = run.case
    stimulus = find(run.recordings, case.stimulus.channel, gauges)
    response = find(run.recordings, case.response.channel, gauges)
    for found in (stimulus, response):
        if isinstance(found, Invalid):
            return replace(result, reason=found.reason)
    assert isinstance(stimulus, Found)
    assert isinstance(response, Found)
    series = stimulus.net if stimulus.net is not None else next(iter(stimulus.phases.values()))
    if isinstance(series, Still):
        return replace(result, reason=f"no step in the stimulus: {stimulus.name} is {series.value:g} all the time")
    if isinstance(series, Invalid):
        return replace(result, reason=f"the stimulus {stimulus.name} {series.reason}")
    steps = locate(series, min(expected(case), MAX_STEPS))
    if isinstance(steps, Invalid):
        return replace(result, reason=steps.reason)
    short = too_short(case, series, steps)
    if short is not None:
        return replace(result, reason=short.reason)
    question = _question(case, stimulus, response)
    judged = _Judged(case=case, stimulus=series, steps=steps, response=response, question=question)
    unstated = sorted({found.gauge.name for found in (stimulus, response) if not found.gauge.stated})
    result = replace(
        result,
        steps=tuple(judged.step(number) for number in asked(case, len(steps))),
        uncertainty_ratio=response.gauge.uncertainty_ratio,
        notes=tuple(f"the rig's sheet does not state update, delay and uncertainty of {name}" for name in unstated),
    )
    return rounded(result)


def _question(case: Case, stimulus: Found, response: Found) -> Question:
    asked_of = case.response
    return Question(
        side=Side(asked_of.side),
        limit_value=abs(asked_of.limit_value) if asked_of.limit_value is not None else None,
        tolerance_value=asked_of.tolerance_value,
        instruments=instruments(stimulus.gauge, response.gauge, case.stimulus.channel),
    )


def rounded(value: T) -> T:
    """The same with every number to `DIGITS` significant digits, and as one of Python's own."""
    return _rounded(value)  # type: ignore[no-any-return]


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return float(f"{value:.{DIGITS}g}")
        case tuple():
            return tuple(_rounded(item) for item in value)
        case Mapping():
            return {key: _rounded(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: _rounded(getattr(value, field.name)) for field in fields(value)}
        return replace(value, **changes)
    return value


def _overdue(run: RunRecord, gauges: Gauges) -> tuple[str, ...]:
    """Instruments of this run that were due for calibration before its day. ISO dates compare as they read."""
    day = run.started_utc[:10]
    used = [gauge_of(gauges, recording.name) for recording in run.recordings]
    return tuple(
        f"{gauge.name} (due {gauge.calibration_due})"
        for gauge in used
        if gauge.calibration_due and gauge.calibration_due < day
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What the steps of one run share."""

    case: Case
    stimulus: Series
    steps: list[Step]
    response: Found
    question: Question

    def step(self, number: int) -> StepResult:
        """The response to one step."""
        from_s, to_s = around(self.steps, number, self.stimulus)
        step = self.steps[number - 1]
        net = self.response.net
        # a limit on the sum is none on a phase: the phases of a sum are measured and not judged
        alone = self.question if net is None else replace(self.question, limit_value=None, tolerance_value=None)
        phases = {name: self._measured(part, step, from_s, to_s, alone) for name, part in self.response.phases.items()}
        if net is not None:
            headline = self._measured(net, step, from_s, to_s, self.question)
        else:
            headline = min(phases.values(), key=_rank)
        answered = output_moved(self.case, self.response, step, self.stimulus, from_s, to_s)
        return StepResult(number=number, net=headline, phases=phases, answered=answered)

    def _measured(self, part: Part, step: Step, from_s: float, to_s: float, question: Question) -> Measurement:
        name = self.response.name
        if isinstance(part, Invalid):
            return Measurement(verdict=Verdict.INVALID, reason=f"the response {name} {part.reason}")
        if isinstance(part, Still):
            return self._still(part, step, question)
        stimulus, response = self.stimulus.between(from_s, to_s), part.between(from_s, to_s)
        if len(response.y) and np.ptp(response.y) == 0.0:
            return self._still(Still(value=float(response.y[0])), step, question, moved_elsewhere=True)
        number = self._number(stimulus, step)
        return measure(stimulus, response, replace(question, number=number))

    def _number(self, stimulus: Series, step: Step) -> int:
        """Which of the steps in this stretch is the one that is meant: the analysis counts from its beginning."""
        origin_s = float(stimulus.t_s[0])
        found = find_steps(stimulus.since(origin_s))
        if isinstance(found, Invalid):
            return 1  # the measurement says so again, with its reason
        off_s = [abs(origin_s + each.t0_s - step.t0_s) for each in found]
        return 1 + int(np.argmin(off_s))

    def _still(self, part: Still, step: Step, question: Question, *, moved_elsewhere: bool = False) -> Measurement:
        name, kept = self.response.name, balance_kept(self.response.recording)
        if not (moved_elsewhere or kept):
            why = (
                "the powers beside it do not balance with it"
                if kept is False
                else "nothing recorded beside it confirms that"
            )
            what = f"the response {name} is {part.value:g} all the time, and {why}: is its channel dead?"
            return Measurement(verdict=Verdict.INVALID, reason=what)
        step_s = float(np.median(np.diff(self.response.recording.t_s)))
        flat = Series(t_s=self.response.recording.t_s, y=self.response.recording.t_s, step_s=step_s)
        grade = grade_of(self.stimulus, flat, self.response.gauge.update_s)
        return at_rest(part.value, step, self.stimulus.origin_s, question, grade)


def _rank(found: Measurement) -> tuple[int, float, float]:
    """The conductor that decides: invalid before beyond its limit, then the slowest, then the highest peak."""
    late_s = found.olrt_judged_s if found.olrt_judged_s is not None else 0.0
    return SEVERITY.index(found.verdict), -late_s, -(found.peak_excess_value or 0.0)
