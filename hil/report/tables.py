"""The tables of a case: criteria, measures of each repeat, conductors, uncertainty budget, provenance, procedure."""

from collections.abc import Iterable, Mapping
from dataclasses import fields

from hil.analysis.result import Measurement
from hil.analysis.uncertainty import Budget
from hil.profile.model import Case, Criterion
from hil.profile.words import Measure
from hil.record.model import RunRecord
from hil.report.front import is_configuration
from hil.report.page import Table
from hil.report.text import MEASURE_NAMES, MINUS, NOT_STATED, measure_unit, number, with_u
from hil.verdict.model import CaseResult, CriterionResult, RunResult, StepResult

ALWAYS = (Measure.OLRT, Measure.OLRT_JUDGED)  # the literal figure is always printed beside the one that is judged
OPS = {"<=": "\u2264", ">=": "\u2265", "<": "<", ">": ">"}
REASONS_MAX = 12  # of runs without a figure: more say the same
HASH_SHOWN = 19  # of a configuration's hash: twelve digits and the name of the method
NOTHING = 1e-6  # of the whole uncertainty: rounding, not a source
SOURCES = {
    "step_sampling_s": "sampling of the stimulus: where between two samples it stepped",
    "step_noise_s": "noise of the stimulus",
    "crossing_sampling_s": "sampling of the response: where between two samples it crossed",
    "crossing_noise_s": "noise of the response",
    "levels_s": "initial (or extreme) and final value, which define 90 %",
    "window_s": "what averaging may hide of the response",
    "ripple_s": "ripple of the power at twice the line frequency",
    "clock_s": "rate of the record's clock",
    "delay_s": "delay between the instruments",
}


def criteria_table(found: CaseResult) -> Table:
    """Each criterion, its value, its verdict and the words that decided."""
    rows = [_criterion_row(each) for each in found.criteria]
    head = ("criterion", "value", "verdict", "what decided", "requirement", "limit from")
    return Table(title="Criteria", head=head, rows=tuple(rows), align="lrllll")


def _criterion_row(found: CriterionResult) -> tuple[str, ...]:
    criterion = found.criterion
    where = f"repeat {found.repeat}" if found.repeat else ""
    where += f", step {found.step}" if found.repeat and found.step > 1 else ""
    return (
        criterion_text(criterion),
        with_u(found.value, found.u95_value, criterion.unit) or "none",
        found.verdict.value,
        "; ".join(part for part in (found.reason, where) if part),
        criterion.basis,
        criterion.origin,
    )


def criterion_text(criterion: Criterion) -> str:
    """A criterion in one line."""
    tolerance = f" (+ {number(criterion.tolerance_value)})" if criterion.tolerance_value else ""
    limit = f"{number(criterion.limit_value)}{tolerance} {criterion.unit}".rstrip()
    name = MEASURE_NAMES[criterion.measure]
    return f"{name} {OPS.get(criterion.op, criterion.op)} {limit}, {criterion.over}, {criterion.rule}"


def measures_of(case: Case) -> list[Measure]:
    """What the tables show: the case's measures, what its criteria need, and both OLRT."""
    wanted = {*case.measures, *ALWAYS, *(criterion.measure for criterion in case.criteria)}
    return [measure for measure in Measure if measure in wanted]


def measures_table(found: CaseResult) -> Table:
    """One row for each repeat and step, then greatest, average, least and deviation."""
    case, wanted = found.case, measures_of(found.case)
    nets = [step.net for run in found.runs for step in run.steps]
    measures = [measure for measure in wanted if any(getattr(net, measure.value) is not None for net in nets)]
    several = any(len(run.steps) > 1 for run in found.runs)
    rows = [_measures_row(run, step, measures, several=several) for run in found.runs for step in run.steps]
    strong = []
    for label, name in (
        ("greatest", "greatest_value"),
        ("average", "average_value"),
        ("least", "least_value"),
        ("deviation", "deviation_value"),
    ):
        texts = [_spread_text(found, measure, name) for measure in measures]
        if any(texts):
            strong.append(len(rows))
            rows.append((label, *[""] * several, *texts, ""))
    heads = [f"{MEASURE_NAMES[m]} ({measure_unit(m, case.response.unit)})" for m in measures]
    head = ("repeat", *["step"] * several, *heads, "grade")
    none = [MEASURE_NAMES[measure] for measure in wanted if measure not in measures]
    why = dict.fromkeys(
        f"Repeat {run.repeat}, step {step.number}: {step.net.reason}."
        for run in found.runs
        for step in run.steps
        if step.net.grade is None and step.net.reason
    )
    notes = ["Each value with its expanded uncertainty (95 %) where it has one; empty: does not exist."]
    notes += [f"In no run: {', '.join(none)}."] if none else []
    note = " ".join([*notes, *list(why)[:REASONS_MAX]])
    align = "l" + "r" * (several + len(measures)) + "l"
    return Table(title="Measures", head=head, rows=tuple(rows), align=align, strong=tuple(strong), note=note)


def _measures_row(run: RunResult, step: StepResult, measures: Iterable[Measure], *, several: bool) -> tuple[str, ...]:
    repeat = f"{run.repeat}" + (f" (attempt {run.attempt})" if run.attempt > 1 else "")
    values = [value_text(step.net, measure) for measure in measures]
    return (repeat, *[str(step.number)] * several, *values, step.net.grade.value if step.net.grade else "none")


def _spread_text(found: CaseResult, measure: Measure, name: str) -> str:
    """One figure over all runs, with as many decimals as the measure's own uncertainty or deviation allows."""
    spread = found.spreads.get(measure.value)
    if spread is None:
        return ""
    doubts = [doubt_value(step.net, measure) for run in found.runs for step in run.steps]
    value: float = getattr(spread, name)
    least = value if name == "deviation_value" else min((doubt for doubt in doubts if doubt), default=None)
    return number(value, least)


def doubt_value(net: Measurement, measure: Measure) -> float | None:
    """The expanded uncertainty of a measure, where the analysis states one: `olrt_u95_s` is that of `olrt_s`."""
    name, _, suffix = measure.value.rpartition("_")
    found: float | None = getattr(net, f"{name}_u95_{suffix}", None)
    return found


def value_text(net: Measurement, measure: Measure) -> str:
    """A measure with its uncertainty, where the analysis states one."""
    value: float | None = getattr(net, measure.value)
    return with_u(value, doubt_value(net, measure))


def phases_table(step: StepResult, case: Case) -> Table | None:
    """What each conductor did in the deciding run; None where only the net quantity was recorded."""
    if not step.phases:
        return None
    measures = measures_of(case)
    rows = [
        (name, *(value_text(part, measure) for measure in measures), part.verdict.value if part.verdict else "")
        for name, part in step.phases.items()
    ]
    heads = [f"{MEASURE_NAMES[m]} ({measure_unit(m, case.response.unit)})" for m in measures]
    head = ("conductor", *heads, "verdict")
    align = "l" + "r" * len(measures) + "l"
    return Table(title="Conductors in the deciding run", head=head, rows=tuple(rows), align=align)


def budget_table(net: Measurement) -> Table | None:
    """What the uncertainty of the judged time is made of; None where the analysis gives no parts."""
    if net.budget is None or net.olrt_judged_u95_s is None:
        return None
    parts = [(field.name, float(getattr(net.budget, field.name))) for field in fields(Budget)]
    whole = sum(part_s * part_s for _, part_s in parts)
    rows = [
        (
            SOURCES.get(name, name.removesuffix("_s").replace("_", " ")),
            f"{part_s:.2g}" if part_s > NOTHING * net.olrt_judged_u95_s else "0",
            f"{100.0 * part_s * part_s / whole:.0f} %" if whole else "",
        )
        for name, part_s in sorted(parts, key=lambda part: -part[1])
    ]
    rows.append(("expanded uncertainty of the judged time, all sources together", f"{net.olrt_judged_u95_s:.2g}", ""))
    note = "Half-widths that hold 95 % of the same draws (JCGM 101); shares are of the sum of squares."
    head = ("source", "alone (s)", "share")
    return Table(
        title="Uncertainty budget", head=head, rows=tuple(rows), align="lrr", strong=(len(rows) - 1,), note=note
    )


def provenance_table(case: Case) -> Table:
    """Every number of the case and where it comes from."""
    rows = [(p.name, p.written, _base_text(p.value, p.unit), p.origin, p.source) for p in case.parameters]
    head = ("parameter", "as written", "value", "provenance", "source")
    return Table(title="Provenance of every number", head=head, rows=tuple(rows), align="llrll")


def _base_text(value: float | str, unit: str) -> str:
    return value if isinstance(value, str) else f"{number(value)} {unit}".rstrip()


def procedure_table(case: Case) -> Table:
    """What was done, in order."""
    parts = (("prepare", case.prepare), ("stimulus", case.stimulus.steps), ("cleanup", case.cleanup))
    rows = [(name, step.role.value if step.role else "", str(step)) for name, steps in parts for step in steps]
    kept = f"Recorded: {', '.join(case.record.channels)}, {number(case.record.pre_s)} s before to "
    note = f"{kept}{number(case.record.post_s)} s after; grade {case.record.grade} is asked for."
    return Table(title="Procedure", head=("part", "role", "step"), rows=tuple(rows), align="lll", note=note)


def records_table(found: CaseResult, records: Mapping[str, RunRecord]) -> Table:
    """How each run ended, and the digest of its record."""
    rows = []
    for run in found.runs:
        record = records.get(run.folder)
        identity = record.identity if record else {}
        hashes = [value[:HASH_SHOWN] for name, value in identity.items() if is_configuration(name)]
        begun, configuration = record.started_utc if record else run.started_utc, ", ".join(hashes) or NOT_STATED
        ended = run.end.value if run.reason in ("", run.end.value) else f"{run.end.value}: {run.reason}"
        ended = run.reason if run.reason.startswith(run.end.value) else ended
        rows.append((str(run.repeat), str(run.attempt), begun, ended, configuration, run.folder, run.digest))
    head = ("repeat", "attempt", "begun", "end", "configuration", "record", "SHA-256 of its manifest")
    return Table(title="Records", head=head, rows=tuple(rows), align="rrlllll")


def marks_table(record: RunRecord, t0_s: float | None) -> Table | None:
    """What the runner did and saw in the deciding run. Never a time zero: that is read from the stimulus."""
    if not record.marks:
        return None
    zero_s = t0_s if t0_s is not None else 0.0
    rows = [
        (f"{mark.t_s - zero_s:+.3f}".replace("-", MINUS), str(mark.step) if mark.step else "", mark.what)
        for mark in record.marks
    ]
    when = "time from t0 (s)" if t0_s is not None else "record's clock (s)"
    return Table(title="Marks of the deciding run", head=(when, "step", "what"), rows=tuple(rows), align="rrl")
