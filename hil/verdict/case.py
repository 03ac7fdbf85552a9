"""One case judged: its runs, its criteria, the grade, and what the grade does to the verdict."""

from collections.abc import Sequence
from dataclasses import replace

from hil.analysis.result import Grade, Verdict
from hil.profile.model import Case
from hil.profile.words import Measure
from hil.record.model import End
from hil.verdict.criteria import ORDER, judge_criterion, seen
from hil.verdict.figures import Figure, figure
from hil.verdict.model import CaseResult, CriterionResult, RunResult, Spread
from hil.verdict.run import rounded
from hil.verdict.together import spread

GRADES = (Grade.A, Grade.B, Grade.C, None)
"""Best first; None: no grade at all."""


def judge_case(case: Case, runs: Sequence[RunResult]) -> CaseResult:
    """The verdict of a case from its measured runs.

    Of several attempts at a repeat the first that was recorded to its end counts: a repeat is not done again until it
    passes. A repeat that is missing, or that could not be measured, makes the case INVALID.
    """
    chosen = counted(runs)
    grade, notes = _grade(chosen)
    notes = (*_attempt_notes(runs, chosen), *notes, *dict.fromkeys(note for run in chosen for note in run.notes))
    results = tuple(judge_criterion(criterion, seen(criterion, case, chosen)) for criterion in case.criteria)
    results = _graded(results, grade, case)
    verdict, reason = _verdict(case, chosen, results)
    return CaseResult(
        case=case,
        verdict=verdict,
        reason=reason,
        grade=grade,
        criteria=tuple(_rounded(each) for each in results),
        runs=tuple(sorted(runs, key=lambda run: (run.repeat, run.attempt))),
        spreads=rounded(_spreads(case, chosen)),
        notes=notes,
    )


def not_run(case: Case, reason: str) -> CaseResult:
    """A case without any run, and why."""
    return CaseResult(case=case, verdict=Verdict.INVALID, reason=reason, grade=None, criteria=(), runs=())


def counted(runs: Sequence[RunResult]) -> tuple[RunResult, ...]:
    """One run of each repeat: the first attempt that was recorded to its end, else the last."""
    of_repeat: dict[int, RunResult] = {}
    for run in sorted(runs, key=lambda each: (each.repeat, each.attempt)):
        known = of_repeat.get(run.repeat)
        if known is None or known.end is not End.COMPLETE:
            of_repeat[run.repeat] = run
    return tuple(of_repeat.values())


def _attempt_notes(runs: Sequence[RunResult], counted: Sequence[RunResult]) -> tuple[str, ...]:
    notes = []
    for run in counted:
        attempts = sum(1 for other in runs if other.repeat == run.repeat)
        if attempts > 1:
            notes.append(f"repeat {run.repeat} was attempted {attempts} times; attempt {run.attempt} counts")
    return tuple(notes)


def _grade(runs: Sequence[RunResult]) -> tuple[Grade | None, tuple[str, ...]]:
    """The worst grade of what was measured, one lower where an instrument's calibration had expired."""
    graded = [step.net.grade for run in runs for step in run.steps if step.net.grade is not None]
    if not graded:
        return None, ()
    worst = max(graded, key=GRADES.index)
    overdue = sorted({name for run in runs for name in run.overdue})
    if not overdue:
        return worst, ()
    lower = GRADES[GRADES.index(worst) + 1]
    said = f"grade {lower.value}" if lower else "no grade"
    return lower, (f"calibration had expired: {', '.join(overdue)}; {said} instead of {worst.value}",)


def _graded(results: tuple[CriterionResult, ...], grade: Grade | None, case: Case) -> tuple[CriterionResult, ...]:
    """A record of a lower grade than the case demands decides nothing: neither PASS nor FAIL."""
    if GRADES.index(grade) <= GRADES.index(Grade(case.record.grade)):
        return results
    has = f"grade {grade.value}" if grade else "no grade"
    why = f"{has}, the case demands {case.record.grade}"
    return tuple(
        replace(each, verdict=Verdict.INDETERMINATE, reason=f"{why} (would be {each.verdict.value}: {each.reason})")
        if each.verdict in (Verdict.PASS, Verdict.FAIL)
        else each
        for each in results
    )


def _rounded(result: CriterionResult) -> CriterionResult:
    """Its figures like those of the runs; the criterion as the profile says it."""
    return replace(result, value=rounded(result.value), u95_value=rounded(result.u95_value))


def _verdict(case: Case, runs: Sequence[RunResult], results: Sequence[CriterionResult]) -> tuple[Verdict, str]:
    missing = [f"repeat {k} is missing" for k in range(1, case.repeats + 1) if k not in {run.repeat for run in runs}]
    unmeasured = [f"repeat {run.repeat}: {run.reason}" for run in runs if not run.steps]
    failed = [_said(each) for each in results if each.verdict is Verdict.FAIL]
    if missing or unmeasured:
        return Verdict.INVALID, "; ".join([*missing, *unmeasured, *failed])
    if not results:
        return Verdict.INVALID, "the case has no criterion"
    worst = min((each.verdict for each in results), key=ORDER.index)
    return worst, "; ".join(_said(each) for each in results if each.verdict is worst)


def _said(result: CriterionResult) -> str:
    where = f", repeat {result.repeat}" if result.repeat else ""
    return f"{result.criterion.id}{where}: {result.reason}"


def _spreads(case: Case, runs: Sequence[RunResult]) -> dict[str, Spread]:
    """How each measure of the case spreads over repeats and steps, where it exists at all."""
    found = {}
    wanted = (*case.measures, *(criterion.measure for criterion in case.criteria))
    for measure in dict.fromkeys(wanted):
        values = _values(measure, case, runs)
        if values:
            found[measure.value] = spread(values)
    return found


def _values(measure: Measure, case: Case, runs: Sequence[RunResult]) -> list[float]:
    figures = [figure(measure, step, case, run.uncertainty_ratio) for run in runs for step in run.steps]
    return [each.value for each in figures if isinstance(each, Figure)]
