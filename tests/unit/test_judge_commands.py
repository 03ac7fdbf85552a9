"""`hil judge`, `verify`, `compare` and `log` on campaign folders: what they write, what they find, how they end."""

import csv
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from hil.cli.judged import judge_folder, read_results, results_text
from hil.cli.main import cli
from hil.profile.expand import case_hash
from hil.profile.model import Case
from hil.profile.words import Measure
from hil.record.folder import list_runs, read_campaign, read_run, run_name, write_campaign, write_run
from hil.record.model import Campaign, End, People, RunRecord
from hil.record.recording import RecordingError
from hil.verdict.campaign import all_pass, judge_campaign
from hil.verdict.difference import first_difference
from tests.docs import results_schema
from tests.profile_kit import RIG
from tests.verdict_kit import answered, asleep, case, criterion, measure_once

UTC = "2026-03-01T10:00:00.000Z"
Make = Callable[..., RunRecord]


def hashed(of: Case) -> Case:
    return replace(of, hash=case_hash(of))


def cases() -> tuple[Case, ...]:
    both = (criterion(over="maximum"), criterion(Measure.BACK_UNDER_LIMIT, over="average"))
    made = (("a", 2, 100.0), ("b", 1, 100.0), ("c", 1, 50.0))
    return tuple(
        hashed(case(*both, id=f"lab/step/{name}", repeats=n, tolerance_value=within)) for name, n, within in made
    )


def campaign(
    folder: Path,
    *,
    make: Make = answered,
    lag_s: float = 0.5,
    utc: str = UTC,
    firmware: str = "1.0",
    left_out: bool = True,
) -> Path:
    """A folder with three cases: `a` with two repeats, `b` with one, `c` that the rig cannot do."""
    a, b, c = cases()
    sheet = RIG.replace("model: Something", f"model: Something, firmware: '{firmware}'")
    of = Campaign(
        started_utc=utc,
        people=People(operator="O"),
        rig_file="rig.yaml",
        rig_text=sheet,
        digests=(),
        versions={"openpcs": "0"},
        cases=(a, b, c) if left_out else (a, b),
        lacks={c.id: ("AcLoad: reaches 12 kW, not 20 kW",)},
    )
    write_campaign(folder, of)
    runs = [answered(a, lag_s=lag_s), answered(a, lag_s=lag_s * 1.02, repeat=2)]
    runs.append(make(b, lag_s=lag_s) if make is answered else make(b))
    for run in runs:
        write_run(folder, replace(run, started_utc=utc))
    return folder


def hil(*words: object, code: int = 0) -> Result:
    found = CliRunner().invoke(cli, [str(word) for word in words])
    assert found.exit_code == code, (found.output, found.exception)
    return found


@pytest.fixture
def measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is made of measurements; tests that judging again gives the same do without it."""
    monkeypatch.setattr("hil.verdict.run.measure", measure_once)


def opened_for_writing(folder: Path) -> Path:
    """The same folder, whose files a person made writable."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def test_judge_says_every_verdict_and_writes_results_once(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c")
    said = hil("judge", folder).output
    assert "PASS          lab/step/a (grade B)" in said
    assert "2 PASS; 1 that the rig cannot do. A pre-test, not a certification." in said
    first = (folder / "results.json").read_bytes()
    hil("judge", folder)
    assert (folder / "results.json").read_bytes() == first
    assert not list(folder.glob("results-*.json"))


def test_judging_again_gives_the_same_bytes_whatever_the_order_of_the_runs(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c")
    runs = [read_run(path) for path in list_runs(folder)]
    ways = [judge_campaign(read_campaign(folder), order) for order in (runs, runs[::-1])]
    assert len({results_text(result) for result in (*ways, judge_folder(folder))}) == 1


def test_several_processes_judge_as_one_does_and_name_what_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.cli.judged.LEAST_FOR_JOBS", 1)
    folder = campaign(tmp_path / "c")
    assert judge_folder(folder, jobs=2) == judge_folder(folder)
    opened_for_writing(folder)
    (list_runs(folder)[1] / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RecordingError, match=r"run\.json"):
        judge_folder(folder, jobs=2)


def test_results_are_read_back_as_they_were_judged(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c")
    hil("judge", folder)
    assert results_text(read_results(folder)) == (folder / "results.json").read_text(encoding="utf-8")
    assert read_results(folder) == judge_folder(folder)


@pytest.mark.usefixtures("measured_once")
def test_a_case_that_fails_or_is_not_run_ends_with_1(tmp_path: Path) -> None:
    said = hil("judge", campaign(tmp_path / "c", make=asleep), code=1).output
    assert "FAIL          lab/step/b" in said
    folder = campaign(tmp_path / "d")
    opened_for_writing(folder)
    gone = next(path for path in list_runs(folder) if path.name.startswith(cases()[1].hash[:12]))
    for file in gone.iterdir():
        file.unlink()
    gone.rmdir()
    assert "not run: no record of it" in hil("judge", folder, code=1).output


@pytest.mark.usefixtures("measured_once")
def test_a_campaign_in_which_nothing_was_done_does_not_pass(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c")
    result = judge_folder(folder)
    assert all_pass(result)
    assert not all_pass(replace(result, cases=result.cases[2:]))


@pytest.mark.usefixtures("measured_once")
def test_earlier_results_are_kept_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.cli.judged.EARLIER_MAX", 3)
    folder = campaign(tmp_path / "c")
    for i in range(6):
        path = folder / "results.json"
        path.unlink(missing_ok=True)
        path.write_text(f'{{"made": {i}}}', encoding="utf-8")
        hil("judge", folder)
    kept = sorted(int(each.stem.split("-")[1]) for each in folder.glob("results-*.json"))
    assert kept == [4, 5, 6]
    assert json.loads((folder / "results-6.json").read_text())["made"] == 5


def test_one_run_is_judged_alone_and_nothing_is_written(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c")
    first = list_runs(folder)[0]
    assert "1 PASS" in hil("judge", first).output
    assert not (folder / "results.json").exists()
    alone = write_run(tmp_path / "x", answered(cases()[0]))
    said = hil("judge", alone).output
    assert "note: the rig's sheet does not state update, delay and uncertainty of power" in said
    found = CliRunner().invoke(cli, ["judge", str(alone), "--zip", str(tmp_path / "z.zip")], standalone_mode=False)
    assert "is no campaign: --zip wants the folder that has campaign.json" in str(found.exception)


def test_a_folder_without_records_is_wrong_usage(tmp_path: Path) -> None:
    for command in ("judge", "verify"):
        found = CliRunner().invoke(cli, [command, str(tmp_path)], standalone_mode=False)
        assert found.exception is not None
    found = CliRunner().invoke(cli, ["compare", str(tmp_path), str(tmp_path)], standalone_mode=False)
    assert "results.json: is not there (make it with `hil judge" in str(found.exception)


@pytest.mark.usefixtures("measured_once")
def test_a_table_for_machines_has_a_row_for_each_case_and_criterion(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c", make=asleep)
    table, junit = tmp_path / "t.csv", tmp_path / "t.xml"
    hil("judge", folder, "--csv", table, "--junit", junit, code=1)
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    said = [(row["case"], row["criterion"], row["case_verdict"], row["verdict"]) for row in rows]
    assert said == [
        ("lab/step/a", "olrt_judged_s-maximum", "PASS", "PASS"),
        ("lab/step/a", "back_under_limit_s-average", "PASS", "PASS"),
        ("lab/step/b", "olrt_judged_s-maximum", "FAIL", "FAIL"),
        ("lab/step/b", "back_under_limit_s-average", "FAIL", "FAIL"),
        ("lab/step/c", "", "INVALID", ""),
    ]
    found = judge_folder(folder).cases[0].criteria[0]
    assert float(rows[0]["value"]) == found.value
    assert float(rows[0]["u95"]) == found.u95_value
    assert rows[4]["reason"] == "not run: the rig lacks AcLoad: reaches 12 kW, not 20 kW"


@pytest.mark.usefixtures("measured_once")
def test_junit_counts_what_it_lists_and_its_elements_are_those_of_ci_servers(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c", make=asleep)
    hil("judge", folder, "--junit", tmp_path / "t.xml", code=1)
    root = ElementTree.parse(tmp_path / "t.xml").getroot()
    assert root.tag == "testsuites"
    suite = root[0]
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
    assert counts == {name: root.get(name) for name in counts}
    kinds = [[child.tag for child in test if child.tag != "system-out"] for test in suite]
    assert kinds == [[], ["failure"], ["skipped"]]
    assert suite[1][0].get("type") == "FAIL"
    assert all(float(test.get("time", "-1")) >= 0.0 and test.get("classname") and test.get("name") for test in suite)


def test_a_bundle_is_the_same_bytes_and_is_verified_anywhere(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c", make=asleep)
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    hil("judge", folder, "--zip", one, code=1)
    hil("judge", folder, "--zip", two, code=1)
    assert one.read_bytes() == two.read_bytes()
    assert "3 runs are as they were recorded, and every verdict follows" in hil("verify", one).output
    assert json.loads(hil("verify", folder, "--json").output)["verified"] is True
    inside = tmp_path / "inside.zip"  # a person packed the folder itself
    with zipfile.ZipFile(inside, "w") as bundle:
        for path in folder.rglob("*"):
            bundle.write(path, f"mine/{path.relative_to(folder)}")
    hil("verify", inside)


@pytest.mark.usefixtures("measured_once")
@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('"verdict": "FAIL"', '"verdict": "PASS"', "lab/step/b: cases[1].verdict: 'PASS' in results.json, 'FAIL'"),
        ('"olrt_judged_s": 2.', '"olrt_judged_s": 1.', "lab/step/a: cases[0].runs[0].steps[0].net.olrt_judged_s: 1."),
        ('"operator": "O"', '"operator": "P"', "campaign.people.operator: 'P' in results.json, 'O' from the records"),
        ('"spreads": {', '"spreads": {"x": 1, ', "lab/step/a: cases[0].spreads.x: 1 in results.json"),
        ('"analysis": "1"', '"analysis": "0"', "made by version 0 of the analysis, this is 1"),
    ],
)
def test_a_changed_result_is_named_by_its_first_difference(tmp_path: Path, old: str, new: str, where: str) -> None:
    folder = campaign(tmp_path / "c", make=asleep)
    hil("judge", folder, code=1)
    path = folder / "results.json"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.chmod(0o644)
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert where in hil("verify", folder, code=1).output


def test_a_changed_sample_is_found_before_any_verdict(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c")
    hil("judge", folder)
    opened_for_writing(folder)
    samples = next(list_runs(folder)[0].glob("power.*"))
    content = bytearray(samples.read_bytes())
    content[len(content) // 2] ^= 1
    samples.write_bytes(content)
    said = hil("verify", folder, code=1).output
    assert "power.h5" in said
    assert "in results.json" not in said
    found = CliRunner().invoke(cli, ["judge", str(folder)], standalone_mode=False)
    assert "power.h5" in str(found.exception)


@pytest.mark.usefixtures("measured_once")
def test_a_run_that_is_gone_or_was_never_judged_is_named(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "c")
    hil("judge", folder)
    again = replace(answered(cases()[1], attempt=2), end=End.NOT_STEADY, reason="swings")
    write_run(folder, again)
    assert f"{run_name(cases()[1], 1, 2)}: is not in results.json" in hil("verify", folder, code=1).output
    hil("judge", folder)
    hil("verify", folder)
    opened_for_writing(folder)
    last = list_runs(folder)[-1]
    last.rename(folder / "elsewhere")
    assert f"{last.name}: was judged and is not there" in hil("verify", folder, code=1).output


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out"])
def test_a_bundle_that_writes_outside_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr(name, "x")
    found = CliRunner().invoke(cli, ["verify", str(path)], standalone_mode=False)
    assert "lies outside the bundle" in str(found.exception)
    assert not (tmp_path.parent / "out").exists()


def test_a_file_that_is_no_zip_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(b"PK\x03\x04 not really")
    found = CliRunner().invoke(cli, ["verify", str(path)], standalone_mode=False)
    assert "cannot be unpacked" in str(found.exception)


@pytest.mark.usefixtures("measured_once")
def test_compare_marks_what_is_larger_than_its_uncertainty(tmp_path: Path) -> None:
    fast, slow, sleepy = (
        campaign(tmp_path / "fast"),
        campaign(tmp_path / "slow", lag_s=1.0),
        campaign(tmp_path / "sleepy", make=asleep, left_out=False),
    )
    for folder, code in ((fast, 0), (slow, 0), (sleepy, 1)):
        hil("judge", folder, code=code)
    rows = {row["id"]: row for row in json.loads(hil("compare", fast, slow, "--json").output)}
    for name in ("maximum", "mean"):
        pair = rows["lab/step/a"][name]
        assert pair["is_real"]
        assert pair["difference_value"] == pytest.approx(pair["b"]["value"] - pair["a"]["value"])
        assert pair["u95_value"] == pytest.approx((pair["a"]["u95_value"] ** 2 + pair["b"]["u95_value"] ** 2) ** 0.5)
    said = hil("compare", fast, slow).output
    assert "3 cases: 0 with another verdict, 2 with a time that differs for sure" in said
    said = hil("compare", fast, sleepy).output
    assert "lab/step/b: PASS -> FAIL" in said
    assert "lab/step/c: INVALID -> not there" in said
    same = json.loads(hil("compare", fast, fast, "--json").output)
    assert not any(row["maximum"]["is_real"] or row["mean"]["is_real"] for row in same)


def test_the_register_lists_searches_and_shows_a_trend(tmp_path: Path) -> None:
    for month, (lag_s, firmware) in enumerate(((0.5, "1.0"), (0.52, "1.0"), (0.54, "1.1"), (0.56, "1.1")), start=1):
        folder = campaign(
            tmp_path / "lab" / f"m{month}", lag_s=lag_s, utc=f"2026-0{month}-01T10:00:00.000Z", firmware=firmware
        )
        hil("judge", folder)
    found = json.loads(hil("log", tmp_path, "--json").output)
    assert len(found["entries"]) == 12
    assert [each["started_utc"] for each in found["entries"]] == sorted(
        each["started_utc"] for each in found["entries"]
    )
    assert {each["device"] for each in found["entries"]} == {"Somebody Something"}
    slope, u95 = found["trend"]["slope_s"], found["trend"]["slope_u95_s"]
    truth_s = 0.02 * 3.93 * 30.0 / 30.0  # lag times ln(5100/100): 20 ms a month, back under the limit
    assert u95 < 0.5 * slope
    assert slope == pytest.approx(truth_s, rel=0.25)
    new = json.loads(hil("log", tmp_path, "--json", "--firmware", "1.1", "--case", "STEP/A").output)
    assert len(new["entries"]) == 4
    assert (
        len(json.loads(hil("log", tmp_path, "--json", "--since", "2026-02", "--until", "2026-04").output)["entries"])
        == 6
    )
    assert json.loads(hil("log", tmp_path, "--json", "--profile-version", 2).output)["entries"] == []
    assert "no trend: it takes three times" in hil("log", tmp_path, "--case", "no such").output
    assert "12 entries; trend +" in hil("log", tmp_path).output


@pytest.mark.usefixtures("measured_once")
def test_the_register_is_only_appended_to_and_can_be_made_again(tmp_path: Path) -> None:
    hil("judge", campaign(tmp_path / "a"))
    hil("log", tmp_path)
    path = tmp_path / "hil-log.jsonl"
    before = path.read_text(encoding="utf-8")
    hil("judge", campaign(tmp_path / "b", lag_s=0.7))
    hil("log", tmp_path)
    after = path.read_text(encoding="utf-8")
    assert after.startswith(before)
    assert len(after.splitlines()) == 6
    write_run(tmp_path / "a", replace(answered(cases()[1], attempt=2), end=End.NOT_STEADY))
    hil("judge", tmp_path / "a")
    assert len(json.loads(hil("log", tmp_path, "--json").output)["entries"]) == 6  # judged again counts once
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")  # a power cut
    assert "is no entry" in hil("log", tmp_path).stderr
    hil("log", tmp_path, "--rebuild")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 6
    assert hil("log", tmp_path).stderr == ""


def test_the_published_schema_of_results_is_that_of_the_classes() -> None:
    """`python -m tests.docs.results_schema` makes it anew."""
    assert results_schema.TARGET.read_text(encoding="utf-8") == results_schema.generate()


@pytest.mark.parametrize(
    ("said", "made", "where"),
    [
        ({"a": 1.0}, {"a": 1.0 + 1e-9}, None),
        ({"a": 1}, {"a": 1.0}, None),
        ({"a": 1.0}, {"a": 1.001}, "a"),
        ({"a": [1, 2]}, {"a": [1]}, "a (how many)"),
        ({"a": None}, {"a": 1.0}, "a"),
        ({"a": True}, {"a": 1}, "a"),
        ({}, {"a": 1}, "a"),
        ({"a": {"b": "x"}}, {"a": {}}, "a.b"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, "a[0].b"),
        ({"a": "x"}, {"a": ["x"]}, "a"),
    ],
)
def test_the_first_difference_is_where_words_or_numbers_differ(said: object, made: object, where: str | None) -> None:
    found = first_difference(said, made)
    assert (found is None) if where is None else (found or "").startswith(f"{where}: ")
