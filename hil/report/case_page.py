"""The page of one case: its runs are read once, drawn, and forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hil.analysis.result import Measurement, Verdict
from hil.profile.model import Case
from hil.record.model import RunRecord
from hil.report.access import Records, Unreadable, samples_missing
from hil.report.front import GRADES
from hil.report.matrix import anchor_of
from hil.report.page import CasePage, Fact, Table
from hil.report.plot import Shown, draw
from hil.report.tables import (
    budget_table,
    criteria_table,
    marks_table,
    measures_table,
    phases_table,
    procedure_table,
    provenance_table,
    records_table,
)
from hil.report.text import NOT_STATED, kind_of, number
from hil.report.trace import Trace, traces_of
from hil.verdict.model import CaseResult, RunResult, StepResult

NOTES_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A page, and what the runs found of the device."""

    page: CasePage
    identities: tuple[Mapping[str, str], ...]


def case_page(found: CaseResult, records: Records, deviations: Sequence[str] = ()) -> Made:
    """The page of a case."""
    case = found.case
    decided = deciding(found) or _unmeasured(found)
    picture, says, kept = _picture(found, decided, records)
    tables: list[Table | None] = [criteria_table(found)] if found.criteria else []
    if found.runs:
        tables.append(measures_table(found))
    if decided is not None:
        run, step = decided
        tables += [phases_table(step, case), budget_table(step.net)]
        if run.folder in kept:
            tables.append(marks_table(kept[run.folder], step.net.t0_s))
    tables += [provenance_table(case), procedure_table(case)]
    if found.runs:
        tables.append(records_table(found, kept))
    notes = [*found.notes, *_own_notes(found), *_deviations(case, deviations)]
    page = CasePage(
        anchor=anchor_of(case.id),
        id=case.id,
        title=case.title,
        kind=kind_of(found),
        reason=found.reason,
        facts=_facts(found),
        picture=picture,
        picture_says=says,
        tables=tuple(table for table in tables if table is not None and table.rows),
        notes=tuple(dict.fromkeys(notes))[:NOTES_MAX],
        about=case.about,
    )
    return Made(page=page, identities=tuple(record.identity for record in kept.values()))


def _deviations(case: Case, deviations: Sequence[str]) -> list[str]:
    """Deviations of the campaign; one that begins with a profile's id belongs to that profile's cases alone."""
    heads = [(said, said.partition(":")[0]) for said in deviations]
    return [f"deviation: {said}" for said, head in heads if "/" not in head or " " in head or head == case.profile]


def deciding(found: CaseResult) -> tuple[RunResult, StepResult] | None:
    """The run and step that decided: that of the first criterion with the case's verdict, else the slowest."""
    steps = [(run, step) for run in found.runs for step in run.steps]
    if not steps:
        return None
    for criterion in found.criteria:
        if criterion.verdict is found.verdict and criterion.repeat:
            named = [
                (run, step)
                for run, step in steps
                if run.repeat == criterion.repeat and criterion.step in (0, step.number)
            ]
            if named:
                return named[-1]
    broken = [(run, step) for run, step in steps if step.net.verdict is Verdict.INVALID]
    if found.verdict is Verdict.INVALID and broken:
        return broken[0]
    return max(steps, key=lambda pair: pair[1].net.olrt_judged_s or 0.0)


def _unmeasured(found: CaseResult) -> tuple[RunResult, StepResult] | None:
    """The first run, where none could be measured: its record still shows why."""
    if not found.runs:
        return None
    run = found.runs[0]
    return run, StepResult(number=1, net=Measurement(reason=run.reason))


def _facts(found: CaseResult) -> tuple[Fact, ...]:
    case = found.case
    grade = f"{found.grade.value}: {GRADES[found.grade]}" if found.grade else "none"
    return (
        Fact(label="grade", value=grade, flag="" if found.grade else "warn"),
        Fact(label="profile", value=f"{case.profile} version {case.version}"),
        Fact(label="runs", value=f"{len(found.runs)} of {case.repeats} repeats"),
        Fact(label="hash of the case", value=case.hash[:12]),
    )


def _own_notes(found: CaseResult) -> list[str]:
    """What the analysis remarked of any run, once."""
    return [note for run in found.runs for step in run.steps for note in step.net.notes]


def _picture(
    found: CaseResult, decided: tuple[RunResult, StepResult] | None, records: Records
) -> tuple[str, str, dict[str, RunRecord]]:
    """The picture, what stands below it, and the records that could be read, without their samples being kept."""
    kept: dict[str, RunRecord] = {}
    lines: dict[str, list[Trace]] = {}
    missing: dict[str, str] = {}
    for run in found.runs:
        record = records.read(run)
        why = samples_missing(record)
        if not isinstance(record, Unreadable):
            kept[run.folder] = record
            lines[run.folder] = traces_of(record, found.case)
        if why:
            missing[run.folder] = why
    if decided is None:
        return "", "There is no picture: there is no run.", kept
    run, step = decided
    if missing.get(run.folder) or not lines.get(run.folder):
        return "", f"There is no picture: {missing.get(run.folder, 'no channel of the case was recorded')}.", kept
    starts_s = [each.net.t0_s for each in run.steps if each.net.t0_s is not None]
    shown = Shown(
        case=found.case,
        traces=lines[run.folder],
        net=step.net,
        starts_s=sorted(set(starts_s)),
        others=_others(found, run, step.number, lines),
    )
    return draw(shown), _caption(found, run, step), kept


def _others(
    found: CaseResult, run: RunResult, number_: int, lines: Mapping[str, Sequence[Trace]]
) -> list[tuple[Trace, float]]:
    """The response of every other repeat around the same step."""
    others = []
    for other in found.runs:
        t0_s = next((step.net.t0_s for step in other.steps if step.number == number_), None)
        traces = [t for t in lines.get(other.folder, ()) if t.channel == found.case.response.channel]
        if other is not run and t0_s is not None and traces:
            others.append((traces[0], t0_s))
    return others


def _caption(found: CaseResult, run: RunResult, step: StepResult) -> str:
    net = step.net
    many = f", step {step.number}" if len(run.steps) > 1 else ""
    zero = "Time is counted from t0 of the recorded stimulus."
    if net.t0_s is None:
        zero = "There is no t0: time is counted from the begin of the record."
    judged = _judged_by(net)
    tolerance = f" Tolerance {number(net.tolerance_value)} {found.case.response.unit}." if net.tolerance_value else ""
    decided = ", which decided" if run.steps else ", which could not be measured"
    return (
        f"Repeat {run.repeat}{many}{decided}. {zero}{judged}{tolerance} Lines show least and greatest of each stretch."
    )


def _judged_by(net: Measurement) -> str:
    if net.olrt_judged_s is None:
        return f" No judged time: {net.reason or NOT_STATED}."
    if net.back_under_limit_s is not None and net.back_under_limit_s == net.olrt_judged_s:
        return " The judged time is the return under limit and tolerance (wedge); the ring is the 90 % crossing."
    return " The judged time is the 90 % crossing (ring)."
