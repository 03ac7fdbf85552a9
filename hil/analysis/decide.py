"""Grade and verdict. The decision rule is guarded (JCGM 106): the uncertainty counts against both answers."""

from dataclasses import replace

import numpy as np

from hil.analysis.movement import Limit, beyond
from hil.analysis.result import Grade, Measurement, Question, Verdict
from hil.analysis.series import Series
from hil.analysis.steady import Level

FAST_S = 0.2  # 10 or 12 periods: the basic window of IEC 61000-4-30 and the update of fast analysers
COVERAGE_FACTOR = 1.96


def grade_of(stimulus: Series, response: Series, window_s: float) -> Grade:
    """A from waveforms, B from values at most 0.2 s wide and apart, C otherwise."""
    if stimulus.waveform and response.waveform:
        return Grade.A
    widest_s = max(window_s, stimulus.smear_s, response.smear_s)
    return Grade.B if widest_s <= FAST_S * 1.05 else Grade.C


def decide(found: Measurement, question: Question, final: Level, limit: Limit | None) -> Measurement:
    """Add the verdict and what decided it. No criterion, no verdict; but nothing to measure is INVALID."""
    verdicts = []
    if limit is not None:
        verdicts.append(_on_limit(final, limit))
    if question.within_s is not None:
        verdicts.append(_on_time(found, question.within_s, limit))
    elif limit is None and found.olrt_judged_s is None:
        verdicts.append((Verdict.INVALID, "no response: nothing moved but the step itself"))
    if not verdicts:
        return found
    if verdicts[0][0] is Verdict.INDETERMINATE and limit is not None:
        verdicts = verdicts[:1]  # at rest on the line, within the uncertainty: when it was last beyond is not known
    order = (Verdict.INVALID, Verdict.FAIL, Verdict.INDETERMINATE, Verdict.PASS)
    verdict, reason = min(verdicts, key=lambda each: order.index(each[0]))
    if verdict is Verdict.PASS:
        reason = "; ".join(each[1] for each in verdicts)
    return replace(found, verdict=verdict, reason=reason)


def _on_limit(final: Level, limit: Limit) -> tuple[Verdict, str]:
    excess = float(beyond(np.array([final.value]), limit)[0])
    guard = COVERAGE_FACTOR * final.u_value
    said = f"the final value is {abs(excess):.4g} {'beyond' if excess > 0 else 'inside'} the limit"
    if excess - guard > limit.tolerance_value:
        return Verdict.FAIL, f"{said}, tolerance {limit.tolerance_value:.4g}"
    if excess + guard > limit.tolerance_value:
        return Verdict.INDETERMINATE, f"{said}, tolerance {limit.tolerance_value:.4g}, uncertainty {guard:.2g}"
    return Verdict.PASS, said


def _on_time(found: Measurement, within_s: float, limit: Limit | None) -> tuple[Verdict, str]:
    at_s, u_s = found.olrt_judged_s, found.olrt_judged_u95_s
    if at_s is None or u_s is None:
        if limit is not None and found.back_under_limit_s is not None:
            return Verdict.PASS, "the flow was never beyond the limit"
        return Verdict.FAIL, "still beyond the limit at the end" if limit is not None else "no response to the step"
    said = f"judged {at_s:.4g} s ± {u_s:.2g} s against {within_s:g} s"
    if at_s + u_s <= within_s:
        return Verdict.PASS, said
    return (Verdict.FAIL if at_s - u_s > within_s else Verdict.INDETERMINATE), said
