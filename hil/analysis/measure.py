"""One response, measured: from two series to all figures with their uncertainty. The order of this page is the method.

Step on the stimulus; level before; final level and rest; the movement that answers; its 90 % crossing; the last instant
beyond the limit; the lag that explains it; the draws that make the uncertainty; the verdict.
"""

from dataclasses import replace

import numpy as np

from hil.analysis.answer import answer_time, freed, is_the_step, literal_time, passes_through
from hil.analysis.case import Case, Time, make_case
from hil.analysis.decide import COVERAGE_FACTOR, decide, grade_of
from hil.analysis.limits import excess, overshoot_pct, settling_s
from hil.analysis.movement import Movement, find_movement
from hil.analysis.result import Measurement, Question, Verdict
from hil.analysis.series import Invalid, Series
from hil.analysis.step import Step, find_steps
from hil.analysis.uncertainty import budget_of, u95_s


def measure(stimulus: Series, response: Series, question: Question) -> Measurement:
    """All figures of the response to one step of the stimulus; where there are none, INVALID and the reason."""
    origin_s = float(stimulus.t_s[0])
    stimulus, response = stimulus.since(origin_s), response.since(origin_s)
    steps = find_steps(stimulus)
    if isinstance(steps, Invalid):
        return _invalid(steps.reason)
    if question.number > len(steps):
        return _invalid(f"there is no step {question.number}: the stimulus steps {len(steps)} times")
    step = steps[question.number - 1]
    found = Measurement(t0_s=origin_s + step.t0_s, steps_found=len(steps), stimulus_value=step.size_value)
    case = make_case(stimulus, response, question, step, steps)
    if isinstance(case, Invalid):
        return replace(found, verdict=Verdict.INVALID, reason=case.reason)
    found = replace(
        found,
        t0_u95_s=u95_s(np.sum(list(case.step_errors.values()), axis=0)),
        initial_value=case.before.value,
        final_value=case.final.value,
        final_u95_value=COVERAGE_FACTOR * case.final.u_value,
        limit_value=case.limit.limit_value if case.limit else None,
        tolerance_value=case.limit.tolerance_value if case.limit else None,
        window_s=max(case.window_s, case.response.step_s),
        within_s=question.within_s,
        grade=grade_of(stimulus, response, case.window_s),
        notes=_notes(stimulus, response, steps, question),
    )
    return decide(_figures(found, case), question, case.final, case.limit)


def _invalid(reason: str) -> Measurement:
    return Measurement(verdict=Verdict.INVALID, reason=reason)


def _figures(found: Measurement, case: Case) -> Measurement:
    """Add every time and value that exists."""
    after = case.response.between(case.step.t0_s, float(case.response.t_s[-1]))
    movement = _movement(after, case)
    beyond_time, found = excess(found, case, after)
    found = replace(found, back_under_limit_u95_s=u95_s(beyond_time.error_s) if beyond_time else None)
    answer, lag = answer_time(case, movement) if movement is not None else (None, None)
    if movement is not None and answer is not None and passes_through(case, movement, answer, _extreme(after, case)):
        later = _movement(after, case, passed=True)
        if later is not None:
            movement, (answer, lag) = later, answer_time(case, later)
    apart = freed(case, movement, answer)
    if apart is not None:
        answer, lag = answer_time(*apart)
    passive = movement is not None and answer is not None and is_the_step(case, movement, answer)
    literal = literal_time(case, movement, answer)
    judged = [] if answer is None or passive else [answer]
    if case.limit is not None:
        judged = [*judged, beyond_time] if beyond_time is not None else []
    found = _times(found, literal, answer if not passive else None, judged)
    if movement is None or passive:
        note = "nothing answered: what moved is the step itself" if passive else "the response does not move"
        return replace(found, notes=(*found.notes, note), extreme_value=_farthest(after, case))
    share = movement.share(case.response.y, case.final)
    settle = {pct: settling_s(case, share, pct, movement) for pct in (2.0, 5.0)}
    return replace(
        found,
        direction=movement.direction,
        extreme_value=movement.extreme_value,
        overshoot_pct=overshoot_pct(case, share, answer, movement),
        settling_2pct_s=settle[2.0],
        settling_5pct_s=settle[5.0],
        dead_time_s=lag.dead_time_s if lag else None,
        lag_s=lag.scale_s if lag else None,
        lag_misfit_pct=lag.misfit_pct if lag else None,
    )


def _times(found: Measurement, literal: Time | None, answer: Time | None, judged: list[Time]) -> Measurement:
    """OLRT, literal and judged, each with its uncertainty."""
    worst = max(judged, key=lambda time: time.at_s) if judged else None
    joint_s = np.max([time.at_s + time.error_s for time in judged], axis=0) - worst.at_s if worst else None
    return replace(
        found,
        olrt_s=max(0.0, literal.at_s) if literal else None,
        olrt_u95_s=u95_s(literal.error_s) if literal else None,
        t90_from_extreme_s=max(0.0, answer.at_s) if answer else None,
        t90_from_extreme_u95_s=u95_s(answer.error_s) if answer else None,
        olrt_judged_s=max(0.0, worst.at_s) if worst else None,
        olrt_judged_u95_s=u95_s(joint_s) if joint_s is not None else None,
        budget=budget_of(worst.errors) if worst else None,
    )


def _movement(after: Series, case: Case, *, passed: bool = False) -> Movement | None:
    side, t0_s = case.question.side, case.step.t0_s
    return find_movement(after, case.before, case.final, side, t0_s, case.limit, passed=passed)


def _extreme(after: Series, case: Case) -> float:
    """The value farthest from the one before the step."""
    return float(after.y[int(np.argmax(np.abs(after.y - case.before.value)))])


def _farthest(after: Series, case: Case) -> float:
    """The value farthest from the final one, where no movement names it."""
    return float(after.y[int(np.argmax(np.abs(after.y - case.final.value)))])


def _notes(stimulus: Series, response: Series, steps: list[Step], question: Question) -> tuple[str, ...]:
    notes = []
    if len(steps) > 1:
        notes.append(f"the stimulus steps {len(steps)} times; this is step {question.number}")
    if response.held:
        notes.append(f"the response repeats itself: a meter that updates every {response.step_s:.3g} s")
    if stimulus.held:
        notes.append(f"the stimulus repeats itself: a meter that updates every {stimulus.step_s:.3g} s")
    return tuple(notes)
