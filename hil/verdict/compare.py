"""Two campaigns side by side: per case the verdicts, and the greatest and average OLRT with their uncertainty."""

from dataclasses import dataclass

import numpy as np

from hil.analysis.result import Verdict
from hil.profile.words import Measure
from hil.verdict.case import counted
from hil.verdict.figures import Figure, figure
from hil.verdict.model import CampaignResult, CaseResult
from hil.verdict.together import average, greatest

TIMES = (Measure.OLRT_JUDGED, Measure.OLRT, Measure.BACK_UNDER_LIMIT)
"""The time that is compared: the first of these that both cases have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One figure in both campaigns (None: not there) and how far the second lies above the first.

    `is_real`: the difference is larger than its uncertainty, sqrt(U_a^2 + U_b^2) for independent records.
    """

    a: Figure | None
    b: Figure | None
    difference_value: float | None = None
    u95_value: float | None = None
    is_real: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case in both campaigns. `a` and `b`: verdicts, None where the campaign has no such case."""

    id: str
    a: Verdict | None
    b: Verdict | None
    measure: Measure | None
    maximum: Pair
    mean: Pair
    note: str = ""


def compare(a: CampaignResult, b: CampaignResult) -> tuple[Row, ...]:
    """Every case of either campaign, in the order of the first."""
    of_a, of_b = ({case.case.id: case for case in each.cases} for each in (a, b))
    return tuple(_row(name, of_a.get(name), of_b.get(name)) for name in dict.fromkeys((*of_a, *of_b)))


def figures_of(case: CaseResult, measure: Measure) -> list[Figure]:
    """The measure in every repeat and step that has it."""
    found = [
        figure(measure, step, case.case, run.uncertainty_ratio) for run in counted(case.runs) for step in run.steps
    ]
    return [each for each in found if isinstance(each, Figure)]


def _row(name: str, a: CaseResult | None, b: CaseResult | None) -> Row:
    there = [case for case in (a, b) if case is not None]
    measure = next((each for each in TIMES if all(figures_of(case, each) for case in there)), None)
    of_a, of_b = (figures_of(case, measure) if case is not None and measure is not None else [] for case in (a, b))
    note = ""
    if a is not None and b is not None and a.case.hash != b.case.hash:
        note = "not the same test: the hashes of the case differ"
    return Row(
        id=name,
        a=a.verdict if a else None,
        b=b.verdict if b else None,
        measure=measure,
        maximum=_pair(greatest(of_a) if of_a else None, greatest(of_b) if of_b else None),
        mean=_pair(average(of_a) if of_a else None, average(of_b) if of_b else None),
        note=note,
    )


def _pair(a: Figure | None, b: Figure | None) -> Pair:
    if a is None or b is None:
        return Pair(a=a, b=b)
    difference, u95 = b.value - a.value, float(np.hypot(a.u95_value, b.u95_value))
    return Pair(a=a, b=b, difference_value=difference, u95_value=u95, is_real=abs(difference) > u95)
