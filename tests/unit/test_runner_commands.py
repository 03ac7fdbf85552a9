"""`hil run` and `hil resume` as people meet them: what they print, what they refuse, how they end."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.cli.main import cli
from hil.record.folder import list_runs, read_campaign, read_run
from tests.profile_kit import PROFILE, changed, written
from tests.runner_kit import SHEET, SHORT, sheet_file

BENCH = ("--bench", "tests.runner_kit:fake_bench")
SMALL = (("least: 0 W, most: 12 kW", "least: 0 W, most: 6 kW"),)


def ran(folder: Path, *more: str, rig: str = SHEET) -> Result:
    path = written(folder, "step.yaml", changed(PROFILE, *SHORT))
    sheet = written(folder, "rig.yaml", rig)
    words = ["run", str(path), "--rig", str(sheet), "--out", str(folder / "out"), *BENCH, *more]
    return CliRunner().invoke(cli, words)


def test_a_campaign_ends_with_zero_and_says_where_it_lies(tmp_path: Path) -> None:
    done = ran(tmp_path, "--operator", "A. Person", "--deviation", "no wind", "--deviation", "cold", "--repeats", "1")
    assert done.exit_code == 0, done.output
    assert "3 of 3 runs are done (3 complete)" in done.stdout
    assert "\r" not in done.stderr
    people = read_campaign(tmp_path / "out").people
    assert people.operator == "A. Person"
    assert people.deviations == ("no wind", "cold", "lab/step: 1 repeat instead of 2")


def test_a_rig_that_lacks_something_names_each_case_and_energises_nothing(tmp_path: Path) -> None:
    done = ran(tmp_path, rig=changed(SHEET, *SMALL))
    assert done.exit_code == 3
    assert "rig.yaml:7: lab/step/level=100pct,load=50pct: AcLoad: set_load to 10000 W needed" in done.stderr
    assert "cannot do 2 of 3 cases; nothing was energised; --skip-lacking runs the others" in done.stderr
    assert not (tmp_path / "out").exists()


def test_with_skip_lacking_the_others_run_and_the_lacks_are_kept(tmp_path: Path) -> None:
    done = ran(tmp_path, "--skip-lacking", rig=changed(SHEET, *SMALL))
    assert done.exit_code == 0, done.output
    campaign = read_campaign(tmp_path / "out")
    assert len(campaign.cases) == 3
    assert sorted(campaign.lacks) == ["lab/step/level=100pct,load=0pct", "lab/step/level=100pct,load=50pct"]
    assert {read_run(path).case.id for path in list_runs(tmp_path / "out")} == {"lab/step/level=50pct,load=0pct"}


def test_a_rig_that_can_do_nothing_is_refused_even_with_skip_lacking(tmp_path: Path) -> None:
    done = ran(tmp_path, "--skip-lacking", rig=changed(SHEET, ("system: split", "system: wye"), *SMALL).replace(
        "most: 6 kW", "most: 1 kW"))  # fmt: skip
    assert done.exit_code == 3
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_a_campaign_is_not_used_again(tmp_path: Path) -> None:
    assert ran(tmp_path, "--repeats", "1").exit_code == 0
    again = ran(tmp_path)
    assert again.exit_code != 0
    assert "hil resume" in again.output


def test_resume_of_what_is_whole_does_nothing_and_of_nothing_is_a_mistake(tmp_path: Path) -> None:
    assert ran(tmp_path, "--repeats", "1").exit_code == 0
    done = CliRunner().invoke(cli, ["resume", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["ends"] == {"complete": 3}
    assert len(list_runs(tmp_path / "out")) == 3
    nothing = CliRunner().invoke(cli, ["resume", str(tmp_path / "nothing")])
    assert nothing.exit_code == 2
    assert "campaign.json" in nothing.stderr


def test_resume_of_something_changed_is_refused_and_named(tmp_path: Path) -> None:
    assert ran(tmp_path, "--repeats", "1").exit_code == 0
    sheet_file(tmp_path).write_text(SHEET + "# recalibrated\n")
    done = CliRunner().invoke(cli, ["resume", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "rig.yaml: has changed since the start" in done.stderr
    assert CliRunner().invoke(cli, ["resume", str(tmp_path / "out"), "--anyway"]).exit_code == 0


def test_the_feed_on_stdout_is_lines_of_json_and_nothing_else(tmp_path: Path) -> None:
    done = ran(tmp_path, "--feed", "--repeats", "1")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["schema"] == "hil.feed/1"
    assert sum(1 for line in lines if line["kind"] == "run") == 3


@pytest.mark.parametrize("words", [("--jobs", "0"), ("--repeats", "0"), ("--repeats", "x")])
def test_a_number_that_makes_no_sense_is_a_mistake_of_usage(tmp_path: Path, words: tuple[str, str]) -> None:
    assert ran(tmp_path, *words).exit_code == 2
