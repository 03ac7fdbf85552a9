"""One criterion against every run of a case: guarded by the uncertainty, or simple, as the profile says.

Guarded (JCGM 106:2012, 8.3.2, with the expanded uncertainty as guard band on both sides):

    PASS            value + U <= limit
    FAIL            value - U >  limit
    INDETERMINATE   otherwise: the record cannot tell

Simple acceptance (8.2.1): the value alone decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hil.analysis.result import Verdict
from hil.profile.model import Case, Criterion
from hil.verdict.figures import Figure, Missing, figure
from hil.verdict.model import CriterionResult, RunResult
from hil.verdict.together import average, greatest, least

ORDER = (Verdict.INVALID, Verdict.FAIL, Verdict.INDETERMINATE, Verdict.PASS)
"""Worst first: what could not be judged may not be counted, whatever else was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One measure of one step of one run."""

    repeat: int
    step: int
    found: Figure | Missing


def decide(value: float, u95_value: float, criterion: Criterion) -> Verdict:
    """The decision rule. `value` and `u95_value` in the criterion's unit; an uncertainty is never negative."""
    sign = 1.0 if criterion.op == "<=" else -1.0
    over = sign * (value - criterion.limit_value) - criterion.tolerance_value
    guard = u95_value if criterion.rule == "guarded" else 0.0
    if over + guard <= 0.0:
        return Verdict.PASS
    return Verdict.FAIL if over - guard > 0.0 else Verdict.INDETERMINATE


def seen(criterion: Criterion, case: Case, runs: Sequence[RunResult]) -> tuple[Seen, ...]:
    """The criterion's measure in every step of every run that was measured."""
    return tuple(
        Seen(repeat=run.repeat, step=step.number, found=figure(criterion.measure, step, case, run.uncertainty_ratio))
        for run in runs
        for step in run.steps
    )


def judge_criterion(criterion: Criterion, values: Sequence[Seen]) -> CriterionResult:
    """The criterion against everything that was seen; nothing seen is INVALID."""
    if not values:
        return _without_number(criterion, Verdict.INVALID, "no run could be measured")
    missing = [(each, each.found) for each in values if isinstance(each.found, Missing)]
    if missing:
        where, worst = min(missing, key=lambda pair: ORDER.index(pair[1].verdict))
        return _without_number(criterion, worst.verdict, worst.reason, where)
    figures = [(each, each.found) for each in values if isinstance(each.found, Figure)]
    if criterion.over == "each":
        return _each(criterion, figures)
    only = [found for _, found in figures]
    together = average(only) if criterion.over == "average" else greatest(only)
    if criterion.over == "maximum" and criterion.op == ">=":
        together = least(only)  # of the values that must not be too low the least is the worst
    at = [each for each, found in figures if criterion.over == "maximum" and found.value == together.value]
    return _with_number(criterion, together, at[0] if at else None, f"{_over(criterion)} of {len(only)}: ")


def _over(criterion: Criterion) -> str:
    if criterion.over == "average":
        return "average"
    return "least" if criterion.op == ">=" else "maximum"


def _each(criterion: Criterion, figures: Sequence[tuple[Seen, Figure]]) -> CriterionResult:
    sign = 1.0 if criterion.op == "<=" else -1.0

    def badness(pair: tuple[Seen, Figure]) -> tuple[int, float]:
        found = pair[1]
        return ORDER.index(decide(found.value, found.u95_value, criterion)), -(sign * found.value + found.u95_value)

    where, worst = min(figures, key=badness)
    return _with_number(criterion, worst, where, "" if len(figures) == 1 else f"the worst of {len(figures)}: ")


def _with_number(criterion: Criterion, found: Figure, where: Seen | None, before: str) -> CriterionResult:
    unit = f" {criterion.unit}" if criterion.unit else ""
    away = f", tolerance {criterion.tolerance_value:g}{unit}" if criterion.tolerance_value else ""
    rule = "" if criterion.rule == "guarded" else " (simple acceptance: uncertainty not counted)"
    said = f"{found.value:.4g}{unit} ± {found.u95_value:.2g} {criterion.op} {criterion.limit_value:g}{unit}{away}{rule}"
    return CriterionResult(
        criterion=criterion,
        verdict=decide(found.value, found.u95_value, criterion),
        value=found.value,
        u95_value=found.u95_value,
        reason=f"{before}{said}",
        repeat=where.repeat if where else 0,
        step=where.step if where else 0,
    )


def _without_number(criterion: Criterion, verdict: Verdict, reason: str, where: Seen | None = None) -> CriterionResult:
    return CriterionResult(
        criterion=criterion,
        verdict=verdict,
        value=None,
        u95_value=None,
        reason=reason,
        repeat=where.repeat if where else 0,
        step=where.step if where else 0,
    )
