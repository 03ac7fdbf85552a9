"""What a report says: page one, matrix, cases, application sheet; each figure is that of the verdict."""

import hashlib
from dataclasses import replace

import pytest

from hil.analysis.result import Verdict
from hil.record.model import People
from hil.report.case_page import case_page, deciding
from hil.report.compose import compose
from hil.report.front import campaign_digest, instruments_of, sheet_of
from hil.report.matrix import COLUMNS_MAX, grids_of
from hil.report.page import Fact, Pages, Table
from hil.report.sheet import sheet_tables
from hil.report.text import number, with_u
from tests.reporting_kit import (
    Answer,
    MadeUp,
    campaign_of,
    case_result,
    library,
    not_run,
    small_campaign,
    with_measurement,
)


@pytest.fixture(scope="module")
def pages() -> Pages:
    return compose(*small_campaign())


def facts(pages: Pages) -> dict[str, Fact]:
    return {fact.label: fact for group in pages.groups for fact in group.facts}


def table(found: Pages, case: int, title: str) -> Table:
    return next(each for each in found.cases[case].tables if each.title == title)


def test_what_nobody_stated_is_said_to_be_not_stated(pages: Pages) -> None:
    """CRD-APP-1."""
    said = facts(pages)
    assert said["operator"].value == "A. Operator"
    for label in ("witness", "ambient", "serial", "hardware"):
        assert (said[label].value, said[label].flag) == ("not stated", "unstated")


def test_a_campaign_without_people_and_with_a_broken_sheet_still_has_its_page_one() -> None:
    pages = compose(campaign_of([], people=People(), rig_text="schema: hil.rig/9"), MadeUp())
    said = facts(pages)
    assert said["operator"].flag == said["maker"].flag == said["configuration hash"].flag == "unstated"
    assert said["sheet cannot be read"].flag == "warn"
    assert pages.naming[1] == "Nothing was tested."


def test_a_firmware_that_changes_between_runs_is_a_warning() -> None:
    records = MadeUp()
    found = case_result(library("crd/step-load-export-all")[0], Answer(), records)

    class Changing(MadeUp):
        def read(self, run):  # type: ignore[no-untyped-def]
            record = MadeUp.read(self, run)
            return replace(record, identity={"configuration_hash": f"{run.repeat}", "firmware": f"1.{run.repeat}"})  # type: ignore[type-var]

    pages = compose(campaign_of([found]), Changing(answers=records.answers))
    changed, told = facts(pages)["firmware (found)"], facts(pages)["configuration hash (found)"]
    assert changed.flag == "warn"
    assert changed.value == "1.1 | 1.2 | 1.3 (differs between runs)"
    assert (told.value, told.flag) == ("3 different values, each with its run's record", "")


def test_an_instrument_whose_calibration_had_expired_is_marked() -> None:
    result, _ = small_campaign()
    sheet = sheet_of(result.campaign)
    rows = {row[0]: row for row in instruments_of(sheet, "2026-03-01T00:00:00Z").rows}
    assert rows["PowerMeter"][3] == "2026-01-31 EXPIRED"
    rows = {row[0]: row for row in instruments_of(sheet, "2026-01-31T23:00:00Z").rows}
    assert rows["PowerMeter"][3] == "2026-01-31"


def test_numbers_are_called_a_pre_test_and_what_was_simulated_is_named(pages: Pages) -> None:
    text = " ".join(pages.naming)
    assert "pre-test against the profile and version" in text
    assert "not certified" in text
    assert "in version 1: abnormal/signal-lost-running, crd/step-load-export-all, g100/issue-2-export" in text
    assert "Simulated on this rig, not measured on hardware: AcLoad, DcSource, GridSim, Relay, DutLink." in pages.naming


def test_what_failed_comes_first_and_every_case_is_counted_once(pages: Pages) -> None:
    order = [case.kind.key for case in pages.cases]
    assert order == sorted(order, key=("fail", "invalid", "unsure", "notrun", "pass").index)
    counted = {count.kind.key: count.cases for count in pages.counts}
    assert counted == {"fail": 2, "invalid": 1, "unsure": 1, "notrun": 1, "pass": 4, "cannot": 2}
    assert set(order) == {"fail", "invalid", "unsure", "notrun", "pass"}


def test_every_case_has_one_cell_of_the_matrix_and_the_rig_s_lacks_have_theirs(pages: Pages) -> None:
    cells = [cell for grid in pages.grids for row in grid.rows for cell in row.cells if cell.key]
    assert sorted(cell.anchor for cell in cells if cell.anchor) == sorted(case.anchor for case in pages.cases)
    assert [cell.letter for cell in cells].count("-") == 2
    assert pages.cannot is not None
    assert any("needs 12 kW" in row[1] for row in pages.cannot.rows)


def test_the_matrix_of_the_whole_library_is_narrow_and_complete() -> None:
    cases = library()
    grids = grids_of(campaign_of([not_run(case) for case in cases]))
    assert max(len(grid.columns) for grid in grids) <= COLUMNS_MAX
    for grid in grids:
        for row in grid.rows:
            assert len(row.labels) == len(grid.row_axes)
            assert len(row.cells) == len(grid.columns)
    assert sum(bool(cell.key) for grid in grids for row in grid.rows for cell in row.cells) == len(cases)


def test_the_campaign_s_digest_is_that_of_its_runs_in_any_order() -> None:
    result, _ = small_campaign()
    digest = campaign_digest(result)
    assert campaign_digest(replace(result, cases=result.cases[::-1])) == digest
    runs = sorted((run.folder, run.digest) for case in result.cases for run in case.runs)
    listing = "\n".join(f"{said}  {folder}" for folder, said in runs) + "\n"
    assert hashlib.sha256(listing.encode()).hexdigest() == digest
    first = result.cases[0]
    changed = replace(first, runs=(replace(first.runs[0], digest="0" * 64), *first.runs[1:]))
    assert campaign_digest(replace(result, cases=(changed, *result.cases[1:]))) != digest


def test_the_run_that_decided_is_the_one_that_is_drawn() -> None:
    records = MadeUp()
    found = case_result(library("crd/step-load-export-all")[1], Answer(olrt_s=41.0), records)
    worst = max(found.runs, key=lambda run: run.steps[0].net.olrt_judged_s or 0.0)
    decided = deciding(found)
    assert decided is not None
    assert decided[0] is worst
    assert f"Repeat {worst.repeat}, which decided" in case_page(found, records).page.picture_says


def test_the_measures_show_each_repeat_with_its_uncertainty_then_greatest_and_average() -> None:
    result, records = small_campaign()
    found = next(each for each in result.cases if each.verdict is Verdict.PASS)
    page = case_page(found, records).page
    shown = next(each for each in page.tables if each.title == "Measures")
    column = shown.head.index("OLRT, judged (s)")
    net = found.runs[0].steps[0].net
    assert shown.rows[0][column] == with_u(net.olrt_judged_s, net.olrt_judged_u95_s)
    rows = {row[0]: row for row in shown.rows}
    spread = found.spreads["olrt_judged_s"]
    assert float(rows["greatest"][column]) == pytest.approx(spread.greatest_value, abs=6e-4)
    assert float(rows["average"][column]) == pytest.approx(spread.average_value, abs=6e-4)
    assert [shown.rows[k][0] for k in shown.strong] == ["greatest", "average", "least", "deviation"]


def test_the_parts_of_the_uncertainty_budget_make_up_the_whole(pages: Pages) -> None:
    rows = table(pages, 0, "Uncertainty budget").rows
    parts = [float(row[1]) for row in rows[:-1]]
    assert sum(part**2 for part in parts) ** 0.5 == pytest.approx(float(rows[-1][1]), rel=0.25)
    assert sum(float(row[2].removesuffix(" %")) for row in rows[:-1]) == pytest.approx(100.0, abs=3.0)


def test_a_run_that_could_not_be_measured_is_drawn_from_the_begin_of_its_record_with_its_marks() -> None:
    records = MadeUp()
    found = case_result(library("crd/step-load-export-all")[0], Answer(), records, repeats=1)
    run = replace(found.runs[0], steps=(), reason="not steady: it moved")
    page = case_page(replace(found, runs=(run,), verdict=Verdict.INVALID, grade=None), records).page
    assert "time from the begin of the record" in page.picture
    assert "not steady: it moved" in page.picture_says
    assert "with tolerance" in page.picture
    assert "Marks of the deciding run" in [each.title for each in page.tables]
    assert "Uncertainty budget" not in [each.title for each in page.tables]


def test_a_case_that_the_rig_cannot_do_is_not_called_a_case_without_a_run() -> None:
    case = library("crd/step-load-export-all")[0]
    lacking = replace(not_run(case), reason="not run: the rig lacks AcLoad: the rig has none")
    pages = compose(campaign_of([lacking], lacks={case.id: ("AcLoad: the rig has none",)}), MadeUp())
    assert {count.kind.key: count.cases for count in pages.counts if count.cases} == {"cannot": 1}
    assert [cell.letter for grid in pages.grids for row in grid.rows for cell in row.cells] == ["-"]


def test_a_deviation_of_one_profile_is_not_told_of_another() -> None:
    records = MadeUp()
    found = case_result(library("crd/step-load-export-all")[0], Answer(), records, repeats=1)
    said = ["crd/step-load-export-all: 1 repeat", "us/two-seconds: 1 repeat", "The load bank: it hums."]
    notes = case_page(found, records, said).page.notes
    assert [note for note in notes if note.startswith("deviation")] == [
        "deviation: crd/step-load-export-all: 1 repeat",
        "deviation: The load bank: it hums.",
    ]


def test_the_same_deviation_of_several_profiles_is_told_once_on_page_one() -> None:
    """What holds for all stands as it was written; a colon inside it makes no profile of its first word."""
    said = ("crd/a: 1 repeat instead of 3", "The load bank: it hums.", "us/b: 1 repeat instead of 3")
    front = facts(compose(campaign_of([], people=People(deviations=said)), MadeUp()))
    assert front["deviations"].value == "1 repeat instead of 3 (crd/a, us/b); The load bank: it hums."


def test_a_case_says_what_its_profile_says_of_itself() -> None:
    """Why a case fails that no controller can hold is in the profile, and a reader has only the report."""
    records = MadeUp()
    found = case_result(library("abnormal/der-starts-alone")[0], Answer(), records, repeats=1)
    page = case_page(found, records).page
    assert "No controller can hold this" in page.about


def test_a_measurement_without_a_budget_has_no_invented_one() -> None:
    records = MadeUp()
    found = case_result(library("crd/step-load-export-all")[0], Answer(), records, repeats=1)
    page = case_page(with_measurement(found, budget=None), records).page
    assert "Uncertainty budget" not in [each.title for each in page.tables]


def test_every_parameter_of_a_case_stands_there_with_provenance_and_source(pages: Pages) -> None:
    case = library("crd/step-load-export-all")[1]
    page = next(each for each in pages.cases if each.id == case.id)
    rows = next(each for each in page.tables if each.title == "Provenance of every number").rows
    assert [row[0] for row in rows] == [parameter.name for parameter in case.parameters]
    assert {row[3] for row in rows} == {parameter.origin for parameter in case.parameters}
    assert all(row[4] for row in rows)


def test_conductors_of_the_deciding_run_have_their_own_figures(pages: Pages) -> None:
    page = next(each for each in pages.cases if each.id.startswith("g100/"))
    shown = next(each for each in page.tables if each.title == "Conductors in the deciding run")
    assert len(shown.rows) == 3


def test_the_application_sheet_gives_greatest_and_average_and_what_they_leave_out() -> None:
    """CRD-OLRT-3, CRD-APP-1."""
    result, _ = small_campaign()
    rows = {row[0]: row for each in sheet_tables(result, sheet_of(result.campaign)) for row in each.rows}
    crd = [s.net for c in result.cases if c.case.profile.startswith("crd/") for r in c.runs for s in r.steps]
    literal = max((net for net in crd if net.olrt_s is not None), key=lambda net: net.olrt_s or 0.0)
    greatest = rows["PCS maximum open loop response time, literal (90 % before any overshoot)"]
    assert greatest[1] == with_u(literal.olrt_s, literal.olrt_u95_s, "s")
    assert "4 of 6 cases" in greatest[2]
    assert "2 have no number" in greatest[2]
    assert rows["Will the PCS employ: export limiting from all sources?"][1] == "tested, not every case PASS"
    assert rows["Will the PCS employ: no exchange mode?"][1].startswith("not tested")
    assert rows["Desired location of the reference point of applicability (RPA)?"][1] == "for the applicant to state"
    assert rows["Is that equipment certified for export limiting, or not?"][1].startswith("not by this report")


def test_the_application_sheet_of_a_campaign_in_which_nothing_answered_has_no_number() -> None:
    result = campaign_of([not_run(case) for case in library("crd/step-load-export-all")])
    rows = {row[0]: row for each in sheet_tables(result, sheet_of(result.campaign)) for row in each.rows}
    assert rows["PCS average open loop response time, literal"][1] == "none"
    assert rows["Will the PCS employ: export limiting from all sources?"][1].startswith("not tested")


@pytest.mark.parametrize(
    ("value", "u_value", "text"),
    [
        (1.68826, 0.0134, "1.688 ± 0.013"),
        (1.68826, 1.34, "1.7 ± 1.3"),
        (5220.09, 29.4, "5220 ± 29"),
        (-0.5, 0.25, "\u22120.50 ± 0.25"),
        (0.00001, 0.0, "0.00001"),
        (46.18, None, "46.18"),
    ],
)
def test_a_number_is_written_to_the_place_that_its_uncertainty_allows(
    value: float, u_value: float | None, text: str
) -> None:
    assert with_u(value, u_value) == text


def test_large_and_small_numbers_are_written_without_exponents() -> None:
    assert number(123456.7) == "123457"
    assert number(0.000123) == "0.000123"
    assert number(0.0) == "0"
    assert number(None) == ""
