"""One measure of one step: its value with an expanded uncertainty, or why there is no number and what follows.

Without a movement there are levels, the excess and the time beyond the limit; there is no OLRT, no settling time, no
overshoot and no lag. What a missing number means depends on what the flow did:

    beyond its limit to the end                           FAIL, for every time
    the same, but within the uncertainty of the level     INDETERMINATE
    never beyond, and nothing answered                    INVALID for the times of a response: nothing was asked of it
    no limit, and nothing answered                        FAIL: no response
"""

from dataclasses import dataclass

import numpy as np

from hil.analysis.movement import Limit, Side, beyond
from hil.analysis.result import Measurement, Verdict
from hil.profile.model import Case
from hil.profile.words import Measure
from hil.verdict.model import StepResult

RESPONSE_TIMES = (
    Measure.OLRT,
    Measure.T90_FROM_EXTREME,
    Measure.OLRT_JUDGED,
    Measure.SETTLING_2,
    Measure.SETTLING_5,
    Measure.OVERSHOOT,
    Measure.DEAD_TIME,
    Measure.LAG,
)
"""Measures of a movement: without one they do not exist."""
OWN_U95 = {
    Measure.OLRT: "olrt_u95_s",
    Measure.OLRT_JUDGED: "olrt_judged_u95_s",
    Measure.T90_FROM_EXTREME: "t90_from_extreme_u95_s",
    Measure.BACK_UNDER_LIMIT: "back_under_limit_u95_s",
}
"""Times for which the analysis draws the uncertainty."""
LEVELS = (Measure.INITIAL, Measure.EXTREME, Measure.FINAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number, and half the width of the interval that holds it with 95 %."""

    value: float
    u95_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """There is no number; what that means for a criterion on it."""

    verdict: Verdict
    reason: str


def figure(measure: Measure, result: StepResult, case: Case, uncertainty_ratio: float = 0.0) -> Figure | Missing:
    """The measure of this step. `uncertainty_ratio`: of the instrument, of the value, expanded."""
    found = result.net
    if found.final_value is None:
        return Missing(verdict=Verdict.INVALID, reason=found.reason or "could not be measured")
    if measure in (*RESPONSE_TIMES, Measure.BACK_UNDER_LIMIT):
        missing = _unlike_any_response(measure, result, case, uncertainty_ratio)
        if missing is not None:
            return missing
    value: float | None = getattr(found, measure.value)
    if value is None:
        return Missing(verdict=Verdict.INVALID, reason=_why_none(measure))
    return Figure(value=value, u95_value=_u95_value(measure, value, found, uncertainty_ratio))


def _unlike_any_response(measure: Measure, result: StepResult, case: Case, uncertainty_ratio: float) -> Missing | None:
    """What follows for a time from where the flow ended and whether anything answered."""
    found = result.net
    answered = found.t90_from_extreme_s is not None or found.direction is not None
    if found.limit_value is not None:
        near = _near_the_limit(found, case, uncertainty_ratio)
        if near is not None:
            return near
        if found.back_under_limit_s is None:
            return Missing(verdict=Verdict.FAIL, reason="still beyond the limit at the end")
        never_beyond = found.back_under_limit_s == 0.0
        if never_beyond and not answered and result.answered is False and not case.stimulus.is_fault:
            return Missing(verdict=Verdict.INVALID, reason=ASKED_NOTHING)
        if measure is Measure.BACK_UNDER_LIMIT or answered:
            return None
        if measure is Measure.OLRT_JUDGED and result.answered:
            return None  # it answered faster than the flow shows: never beyond
        return Missing(verdict=Verdict.INVALID, reason=ASKED_NOTHING if never_beyond else "no movement that answers")
    if measure is Measure.BACK_UNDER_LIMIT:
        return Missing(verdict=Verdict.INVALID, reason="the response of this case has no limit")
    if not answered:
        return Missing(verdict=Verdict.FAIL, reason="no response to the step")
    return None


ASKED_NOTHING = (
    "the flow was never beyond the limit and nothing answered: the step asked nothing of the device"
    " (does it run, and at the level that the case wants?)"
)


def _near_the_limit(found: Measurement, case: Case, uncertainty_ratio: float) -> Missing | None:
    """A flow that rests on the edge of its tolerance, within the uncertainty: when it was last beyond is not known."""
    assert found.limit_value is not None
    assert found.final_value is not None
    tolerance_value = found.tolerance_value or 0.0
    limit = Limit(limit_value=found.limit_value, side=Side(case.response.side), tolerance_value=tolerance_value)
    over_value = float(beyond(np.array([found.final_value]), limit)[0]) - tolerance_value
    u95_value = float(np.hypot(found.final_u95_value or 0.0, uncertainty_ratio * abs(found.final_value)))
    if abs(over_value) >= u95_value or not u95_value:
        return None
    side = "beyond" if over_value > 0.0 else "inside"
    ends = f"ends {abs(over_value):.3g} {side} limit and tolerance, uncertainty {u95_value:.2g}"
    reason = f"{ends}: when it was last beyond is not known"
    return Missing(verdict=Verdict.INDETERMINATE, reason=reason)


def _why_none(measure: Measure) -> str:
    if measure is Measure.OLRT:
        return "no literal OLRT: the response ends where it began"
    if measure in (Measure.SETTLING_2, Measure.SETTLING_5):
        return "noise fills the band: no settling time"
    return f"there is no {measure.value}"


def _u95_value(measure: Measure, value: float, found: Measurement, uncertainty_ratio: float) -> float:
    """Half-width that holds the figure with 95 %: what the analysis drew, and what the instrument adds to levels."""
    name = OWN_U95.get(measure)
    own: float | None = getattr(found, name) if name else None
    if own is not None:
        return own
    level_value = found.final_u95_value or 0.0
    if measure in LEVELS:
        return float(np.hypot(level_value, uncertainty_ratio * abs(value)))
    if measure is Measure.PEAK_EXCESS:
        return float(np.hypot(level_value, uncertainty_ratio * (abs(value) + (found.limit_value or 0.0))))
    if measure is Measure.INADVERTENT:
        beyond_h = (found.back_under_limit_s or 0.0) / 3600.0
        return float(np.hypot(level_value * beyond_h, uncertainty_ratio * abs(value)))
    if measure is Measure.OVERSHOOT:
        moved = abs((found.final_value or 0.0) - (found.extreme_value or 0.0))
        return 100.0 * level_value / moved if moved else 0.0
    return (found.t0_u95_s or 0.0) + (found.window_s or 0.0)  # settling, dead time, lag: one window either way
