"""The application sheet: what the interconnection form of the toolkit's appendix F asks, answered from the data.

CRD-APP-1. What the records cannot answer is the applicant's to state, and the sheet says so.
"""

from collections.abc import Callable, Iterable

import numpy as np

from hil.analysis.result import Verdict
from hil.profile.model import Case, Step
from hil.profile.rig_sheet import RigSheet
from hil.profile.words import Verb
from hil.report.page import PRE_TEST, Table
from hil.report.text import BY_WORD, KINDS, kind_of, with_u
from hil.verdict.model import CampaignResult, CaseResult

APPLICANT = "for the applicant to state"
CRD = "crd/"  # the profiles whose open-loop response time the form means
KW, KVA = "kW", "kVA"
BASIS = {"W": KW, "VA": KVA, "A": "A (neither kVA nor kW: current per conductor)", "pu": "share of a rating"}
HEAD = ("question", "answer", "from")


def sheet_tables(result: CampaignResult, sheet: RigSheet | str) -> tuple[Table, ...]:
    """The sheet as two tables: questions on the PCS, and those that lean on IEEE 1547."""
    crd = [found for found in result.cases if found.case.profile.startswith(CRD)]
    first = [
        ("Does the DER include a Power Control System?", _device(sheet), "rig sheet; show it on the one-line diagram"),
        ("PCS maximum open loop response time, literal (90 % before any overshoot)", *_extreme(crd, "olrt_s")),
        ("the same, judged (also back under the limit)", *_extreme(crd, "olrt_judged_s")),
        ("PCS average open loop response time, literal", *_average(crd, "olrt_s")),
        ("the same, judged", *_average(crd, "olrt_judged_s")),
    ]
    for label, wanted in MODES:
        first.append((f"Will the PCS employ: {label}?", *_tested(result.cases, wanted)))
    second = [
        ("Desired location of the reference point of applicability (RPA)?", APPLICANT, ""),
        ("Same RPA for abnormal voltage, faults and open phase?", APPLICANT, ""),
        ("Why does this DER fit the chosen RPA?", APPLICANT, ""),
        (
            "Is export limiting used for the Limit Maximum Active Power function?",
            *_tested(result.cases, _limits("generation")),
        ),
        ("Which equipment does it?", _name(sheet), "rig sheet"),
        (
            "Is that equipment certified for export limiting, or not?",
            f"not by this report: {PRE_TEST}",
            "this report is no certificate",
        ),
        ("Will the DER also run as an intentional island?", APPLICANT, ""),
        ("Scheduled operation?", APPLICANT, "not tested here"),
        ("Export limiting or control: on the basis of kVA or kW?", *_basis(result.cases, "export")),
        ("Import limiting or control: on the basis of kVA or kW?", *_basis(result.cases, "import")),
        ("Active or reactive functions beyond IEEE 1547?", APPLICANT, ""),
        ("Designated as emergency, legally required or critical backup?", APPLICANT, ""),
        ("How is the voltage-active power function implemented?", APPLICANT, "not tested here"),
    ]
    note = (
        "After appendix F of the BATRIES toolkit. Questions are shortened; the wording of a utility's own form counts."
    )
    return (
        Table(title=f"Power Control System ({PRE_TEST})", head=HEAD, rows=_rows(first), align="lll"),
        Table(title=f"DER and IEEE 1547 ({PRE_TEST})", head=HEAD, rows=_rows(second), align="lll", note=note),
    )


def _rows(rows: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(rows)


def _name(sheet: RigSheet | str) -> str:
    return f"{sheet.device.maker} {sheet.device.model}" if isinstance(sheet, RigSheet) else "not stated"


def _device(sheet: RigSheet | str) -> str:
    return f"yes: {_name(sheet)}"


def _times(cases: Iterable[CaseResult], name: str) -> list[tuple[float, float | None, str]]:
    """Every value of a time, its uncertainty and its case."""
    doubt = {"olrt_s": "olrt_u95_s", "olrt_judged_s": "olrt_judged_u95_s"}[name]
    return [
        (value, getattr(step.net, doubt), found.case.id)
        for found in cases
        for run in found.runs
        for step in run.steps
        if (value := getattr(step.net, name)) is not None
    ]


def _extreme(cases: list[CaseResult], name: str) -> tuple[str, str]:
    values = _times(cases, name)
    if not values:
        return "none", _coverage(cases, name)
    value, u_value, case = max(values)
    return with_u(value, u_value, "s"), f"{case}; {_coverage(cases, name)}"


def _average(cases: list[CaseResult], name: str) -> tuple[str, str]:
    values = [value for value, _, _ in _times(cases, name)]
    if not values:
        return "none", _coverage(cases, name)
    return f"{with_u(float(np.mean(values)), None, 's')} over {len(values)} responses", _coverage(cases, name)


def _coverage(cases: list[CaseResult], name: str) -> str:
    """A maximum over what answered says nothing of what did not: how many cases have no number is said beside it."""
    with_number = {case for _, _, case in _times(cases, name)}
    lacking = [found for found in cases if found.case.id not in with_number]
    text = f"{len(with_number)} of {len(cases)} cases of the CRD's step tests"
    return text + (f"; {len(lacking)} have no number and are not in it" if lacking else "")


Wanted = Callable[[Case], bool]


def _mode(name: str) -> Wanted:
    return lambda case: any(step.verb is Verb.SET_MODE and step.word("mode") == name for step in _told(case))


def _limits(name: str) -> Wanted:
    return lambda case: any(step.verb is Verb.SET_LIMIT and step.word("limit") == name for step in _told(case))


def _told(case: Case) -> tuple[Step, ...]:
    return (*case.prepare, *case.stimulus.steps)


MODES: tuple[tuple[str, Wanted], ...] = (
    ("unrestricted mode", _mode("unrestricted")),
    ("export only mode", _mode("export_only")),
    ("import only mode", _mode("import_only")),
    ("no exchange mode", _mode("no_exchange")),
    ("export limiting from all sources", _limits("export_all")),
    ("export limiting from ESS", _limits("export_ess")),
    ("import limiting to ESS", _limits("import_ess")),
)


def _tested(cases: Iterable[CaseResult], wanted: Wanted) -> tuple[str, str]:
    """Whether a function was tested and how it did; whether it is employed is the applicant's to say."""
    found = [case for case in cases if wanted(case.case)]
    ran = [case for case in found if case.runs]
    if not ran:
        return f"not tested; {APPLICANT}", f"0 of {len(found)} cases were run" if found else "no case in this campaign"
    kinds = [kind_of(case) for case in found]
    parts = [f"{kinds.count(kind)} {kind.word}" for kind in KINDS if kind in kinds]
    good = all(kind is BY_WORD[Verdict.PASS.value] for kind in kinds)
    return ("tested, every case PASS" if good else "tested, not every case PASS"), ", ".join(parts)


def _basis(cases: Iterable[CaseResult], direction: str) -> tuple[str, str]:
    """The units in which limits of one direction were told."""
    units: dict[str, None] = {}
    for found in cases:
        for step in _told(found.case) if found.runs else ():
            if step.verb is Verb.SET_LIMIT and step.word("limit").startswith(direction):
                units |= {given.unit: None for given in step.arguments if given.name == "to"}
    if not units:
        return f"not tested; {APPLICANT}", ""
    return ", ".join(
        BASIS.get(unit, unit) for unit in units
    ), "unit in which the limit was told in the cases that were run"
