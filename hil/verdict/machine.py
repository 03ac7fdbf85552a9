"""Results for machines: CSV, a row for each case and criterion, and JUnit XML as CI servers read it."""

import csv
import io
import re
from xml.etree import ElementTree as Xml

from hil.analysis.result import Verdict
from hil.verdict.campaign import lacking
from hil.verdict.model import CampaignResult, CaseResult, CriterionResult

COLUMNS = (
    "case", "profile", "profile_version", "case_hash", "case_verdict", "grade", "repeats", "criterion", "measure",
    "over", "rule", "value", "u95", "op", "limit", "tolerance", "unit", "verdict", "repeat", "step", "basis",
    "provenance", "origin", "reason",
)  # fmt: skip
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SUITE_NAME = "hil: pre-test against test profiles, not certified"


def to_csv(result: CampaignResult) -> str:
    """The table as text (RFC 4180). A case without any criterion judged has one row, with its reason."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for case in result.cases:
        for criterion in case.criteria or (None,):
            writer.writerow(_row(case, criterion))
    return text.getvalue()


def _row(case: CaseResult, found: CriterionResult | None) -> tuple[object, ...]:
    of = case.case
    head = (
        of.id,
        of.profile,
        of.version,
        of.hash,
        case.verdict.value,
        case.grade.value if case.grade else "",
        of.repeats,
    )
    if found is None:
        return (*head, *[""] * (len(COLUMNS) - len(head) - 1), case.reason)
    asked = found.criterion
    judged = (asked.id, asked.measure.value, asked.over, asked.rule, _number(found.value), _number(found.u95_value))
    limit = (asked.op, _number(asked.limit_value), _number(asked.tolerance_value), asked.unit)
    where = (found.verdict.value, found.repeat or "", found.step or "")
    return (*head, *judged, *limit, *where, asked.basis, asked.provenance.value, asked.origin, found.reason)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"


def to_junit(result: CampaignResult) -> str:
    """One suite for each profile, one test case for each case.

    FAIL and INDETERMINATE are failures (of that type), INVALID is an error, a case that the rig lacks a capability for
    is skipped.
    """
    suites = Xml.Element("testsuites", name=SUITE_NAME)
    for profile in dict.fromkeys(case.case.profile for case in result.cases):
        cases = [case for case in result.cases if case.case.profile == profile]
        kinds = [_kind(case) for case in cases]
        suite = Xml.SubElement(
            suites,
            "testsuite",
            name=_clean(profile),
            tests=str(len(cases)),
            failures=str(kinds.count("failure")),
            errors=str(kinds.count("error")),
            skipped=str(kinds.count("skipped")),
            time=f"{sum(_seconds_s(case) for case in cases):g}",
            timestamp=result.campaign.started_utc[:19],
        )
        for case, kind in zip(cases, kinds, strict=True):
            _test(suite, case, kind)
    for name in ("tests", "failures", "errors", "skipped"):
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    Xml.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(suites, encoding="unicode") + "\n"


def _test(suite: Xml.Element, case: CaseResult, kind: str) -> None:
    test = Xml.SubElement(
        suite,
        "testcase",
        classname=_clean(case.case.profile.replace("/", ".")),
        name=_clean(case.case.id),
        time=f"{_seconds_s(case):g}",
    )
    if kind:
        found = Xml.SubElement(test, kind, message=_clean(case.reason))
        if kind != "skipped":
            found.set("type", case.verdict.value)
    lines = [f"{each.verdict.value} {each.criterion.id}: {each.reason}" for each in case.criteria]
    output = Xml.SubElement(test, "system-out")
    output.text = _clean("\n".join([case.reason, *lines, *case.notes]))


def _kind(case: CaseResult) -> str:
    if lacking(case):
        return "skipped"
    return {Verdict.PASS: "", Verdict.INVALID: "error"}.get(case.verdict, "failure")


def _seconds_s(case: CaseResult) -> float:
    """What the repeats took if everything settled at once: records do not say how long they were prepared."""
    return case.case.duration_s * len({run.repeat for run in case.runs})


def _clean(text: str) -> str:
    """Without characters that XML cannot hold."""
    return NOT_XML.sub("?", text)
