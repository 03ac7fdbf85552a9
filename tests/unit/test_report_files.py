"""The files of a report: self-contained, safe against what people write into names, the same bytes every time."""

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.cli.judged import write_bundle
from hil.cli.main import cli
from hil.record.codec import to_json
from hil.record.folder import RUNS, write_campaign, write_run
from hil.record.manifest import digest_of
from hil.record.model import People, RunRecord
from hil.report.compose import compose
from hil.report.html import application_html, report_html
from hil.report.page import Pages
from hil.report.pdf import chosen, report_pdf, report_pngs
from hil.verdict.model import RESULTS_SCHEMA, CampaignResult
from tests.reporting_kit import RIG, Answer, MadeUp, campaign_of, case_result, library, not_run, small_campaign

EVIL = '<script>alert(1)</script>"\'&{{ 7*7 }} #eval("1") $x$ *bold* \\ <b>@ref</b>'


@pytest.fixture(scope="module")
def pages() -> Pages:
    return compose(*small_campaign())


class Reader(HTMLParser):
    """Tags, their attributes and the text of a page; complains where tags do not close."""

    VOID = frozenset({"meta", "input", "br", "hr", "img", "link"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = io.StringIO()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.write(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("made", [report_html, application_html])
def test_a_page_is_well_formed_and_asks_for_nothing_from_outside(pages: Pages, made: object) -> None:
    text = made(pages)  # type: ignore[operator]
    reader = read(text)
    for tag, attributes in reader.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base"), tag
        for name in ("src", "href", "action", "srcset", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name of a namespace, which nobody fetches
    assert "@import" not in text
    assert "url(" not in text


def test_every_link_of_the_report_leads_somewhere(pages: Pages) -> None:
    reader = read(report_html(pages))
    there = {attributes["id"] for _, attributes in reader.tags if "id" in attributes}
    links = {(attributes.get("href") or "")[1:] for tag, attributes in reader.tags if tag == "a"}
    assert links <= there
    assert len([True for _, a in reader.tags if "id" in a]) == len(there)


def test_cases_that_passed_are_folded_and_all_others_are_open(pages: Pages) -> None:
    reader = read(report_html(pages))
    cases = [attributes for tag, attributes in reader.tags if tag == "details" and "id" in attributes]
    assert len(cases) == len(pages.cases)
    for attributes in cases:
        assert ("open" in attributes) == ("s-pass" not in (attributes["class"] or ""))


def test_no_script_but_our_own_may_run_in_the_page(pages: Pages) -> None:
    reader = read(report_html(pages))
    policy = next(a["content"] or "" for _, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    (script,) = re.findall(r"<script>(.*?)</script>", report_html(pages), re.DOTALL)
    said = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{said}'" in policy
    assert len([tag for tag, _ in reader.tags if tag == "script"]) == 1


def evil_campaign() -> tuple[CampaignResult, MadeUp]:
    """A campaign in which everything that people write is markup."""
    records = MadeUp()
    case = replace(library("crd/step-load-export-all")[0], title=EVIL)
    parameters = tuple(replace(each, source=EVIL, origin=EVIL) for each in case.parameters)
    found = case_result(replace(case, parameters=parameters), Answer(), records, repeats=1)
    found = replace(found, reason=EVIL, notes=(EVIL,))
    people = People(operator=EVIL, laboratory=EVIL, witness=EVIL, supply=EVIL, ambient=EVIL, deviations=(EVIL,))
    text = RIG.read_text(encoding="utf-8")
    model = "  model: pcs run with a simulated inverter and battery"
    assert model in text
    text = text.replace(model, f"  model: {json.dumps(EVIL)}")
    return campaign_of([found], people=people, lacks={EVIL: (EVIL,)}, rig_text=text), records


def test_markup_in_names_reaches_the_page_as_text() -> None:
    result, records = evil_campaign()
    pages = compose(result, records)
    model = next(fact.value for group in pages.groups for fact in group.facts if fact.label == "model")
    assert model == EVIL
    for made in (report_html(pages), application_html(pages)):
        reader = read(made)
        assert reader.text.getvalue().count(EVIL) >= 3
        assert not [tag for tag, _ in reader.tags if tag == "b" and EVIL in made.split("<b>")[0]]
        assert "<script>alert" not in made


def test_markup_in_names_reaches_the_pdf_as_text() -> None:
    result, records = evil_campaign()
    plain = campaign_of(result.cases, people=People(operator="x"), rig_text=result.campaign.rig_text)
    pdf = report_pdf(compose(result, records))
    assert pdf.startswith(b"%PDF-")
    assert len(report_pngs(compose(result, records), dots_per_in=20)) >= len(
        report_pngs(compose(plain, records), dots_per_in=20)
    )


def test_the_files_of_one_campaign_are_the_same_bytes_every_time() -> None:
    first, again = compose(*small_campaign()), compose(*small_campaign())
    assert report_html(first) == report_html(again)
    assert report_pdf(first) == report_pdf(again)


def test_the_pdf_is_of_the_campaign_s_date_and_an_archival_form(pages: Pages) -> None:
    pdf = report_pdf(pages)
    assert b"2026-03-01T09:59:00" in pdf
    assert b"pdfaid:part" in pdf
    assert b"DejaVu" in pdf


def test_the_pdf_has_what_did_not_pass_and_a_sample_of_what_did(pages: Pages) -> None:
    records = MadeUp()
    passing = [case_result(case, Answer(), records, repeats=1) for case in library("crd/step-load-export-all")[:3]]
    sampled = compose(campaign_of([*passing, not_run(library("g100/issue-2-export")[0])]), records)
    assert len(chosen(sampled, everything=False)) == 2
    assert len(chosen(sampled, everything=True)) == 4
    failing = [case for case in pages.cases if case.kind.key != "pass"]
    assert all(case in chosen(pages, everything=False) for case in failing)


def test_a_campaign_in_which_nothing_ran_has_a_report() -> None:
    pages = compose(campaign_of([]), MadeUp())
    read(report_html(pages))
    assert report_pdf(pages).startswith(b"%PDF-")


def on_disk(folder: Path) -> CampaignResult:
    """A judged campaign of two cases in its folder."""
    records = MadeUp()
    cases = library("crd/step-load-export-all")[:2]
    results = [case_result(case, Answer(olrt_s=1.0), records, repeats=1) for case in cases]
    judged = []
    for found in results:
        run = found.runs[0]
        record = records.read(run)
        assert isinstance(record, RunRecord)
        path = write_run(folder, record)
        judged.append(replace(found, runs=(replace(run, folder=path.name, digest=digest_of(path)),)))
    result = campaign_of(judged)
    write_campaign(folder, result.campaign)
    (folder / "results.json").write_text(to_json(result, RESULTS_SCHEMA), encoding="utf-8")
    return result


def test_the_command_makes_a_report_from_a_folder(tmp_path: Path) -> None:
    on_disk(tmp_path)
    done = CliRunner().invoke(cli, ["report", str(tmp_path), "--pdf", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "application.html",
        "report.html",
        "report.pdf",
    ]
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").count("<svg ") == 2


def test_a_record_that_changed_after_it_was_judged_is_not_shown(tmp_path: Path) -> None:
    result = on_disk(tmp_path)
    path = tmp_path / RUNS / result.cases[0].runs[0].folder / "run.json"
    path.chmod(0o600)
    path.write_text(path.read_text(encoding="utf-8").replace("set_load", "set_more"), encoding="utf-8")
    done = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert text.count("<svg ") == 1
    assert "There is no picture: the record cannot be read" in text


def test_a_bundle_has_the_same_report_as_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    on_disk(folder)
    write_bundle(folder, tmp_path / "bundle.zip")
    for record in (folder, tmp_path / "bundle.zip"):
        done = CliRunner().invoke(cli, ["report", str(record)])
        assert done.exit_code == 0, done.output
    made = [folder / "report" / "report.html", tmp_path / "bundle-report" / "report.html"]
    assert made[0].read_bytes() == made[1].read_bytes()


def test_no_path_of_this_machine_is_in_a_report(tmp_path: Path) -> None:
    result = on_disk(tmp_path)
    (tmp_path / RUNS / result.cases[0].runs[0].folder / "manifest.json").chmod(0o600)
    (tmp_path / RUNS / result.cases[0].runs[0].folder / "manifest.json").write_text("{}", encoding="utf-8")
    assert CliRunner().invoke(cli, ["report", str(tmp_path)]).exit_code == 0
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "the record cannot be read" in text
    assert str(tmp_path) not in text


def test_a_folder_without_verdicts_names_the_command_that_makes_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert done.exit_code != 0
    assert f"hil judge {tmp_path}" in done.output
    (tmp_path / "results.json").write_text('{"schema": "hil.results/9"}', encoding="utf-8")
    done = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert done.exit_code != 0
    assert "results.json" in done.output
