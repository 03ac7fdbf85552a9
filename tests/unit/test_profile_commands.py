"""`hil list`, `show`, `lint` and `plan`: what they print, and the exit codes of the outside contract."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.cli.main import main
from tests.profile_kit import PROFILE, RIG, changed, written

Hil = Callable[..., tuple[int, str, str]]
STEP = "crd/mode-import-only"


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str | Path
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    monkeypatch.setattr(sys, "argv", ["hil", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return code, said.out, said.err


@pytest.fixture
def hil(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Hil:
    return lambda *words: run(capsys, monkeypatch, *words)


def test_list_counts_cases_and_public_numbers(hil: Hil) -> None:
    code, out, _ = hil("list", "crd", "--json")
    rows = {row["id"]: row for row in json.loads(out)}
    assert code == 0
    assert rows[STEP]["cases"] == 3
    assert rows[STEP]["public"] == 1
    assert all(name.startswith("crd/") for name in rows)


def test_show_says_where_each_number_comes_from(hil: Hil) -> None:
    code, out, _ = hil("show", STEP)
    assert code == 0
    assert "30 s                      public: CRD-OLRT-2 [S]" in out
    assert "A pre-test, not a certification." in out


def test_show_of_a_case_shows_that_case_alone(hil: Hil) -> None:
    code, out, _ = hil("show", f"{STEP}/discharge=100pct,load_to=0pct", "--json")
    shown = json.loads(out)
    assert code == 0
    assert [case["id"] for case in shown["cases"]] == [f"{STEP}/discharge=100pct,load_to=0pct"]
    assert shown["cases"][0]["stimulus"]["steps"][0]["arguments"] == [{"name": "to", "value": 0.0, "unit": "W"}]


def test_plan_prints_the_matrix_with_its_duration(hil: Hil) -> None:
    code, out, _ = hil("plan", STEP)
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[-1] for line in lines[:3]] == [
        f"{STEP}/discharge=100pct,load_to=50pct",
        f"{STEP}/discharge=100pct,load_to=0pct",
        f"{STEP}/discharge=50pct,load_to=0pct",
    ]
    assert lines[3] == "3 cases, 9 runs, 26 min to 51 min"


def test_lint_of_the_library_ends_with_zero(hil: Hil) -> None:
    code, out, err = hil("lint", "de")
    assert (code, err) == (0, "")
    assert out == "3 profiles, 10 cases: no mistakes\n"


def test_lint_says_every_mistake_of_every_file_and_ends_with_two(tmp_path: Path, hil: Hil) -> None:
    one = written(tmp_path, "one.yaml", changed(PROFILE, ("value: 30 s", "value: 30")))
    two = written(tmp_path, "two.yaml", changed(PROFILE, ("do: wait", "do: sleep"), ("title:", "titel:")))
    sheet = written(tmp_path, "rig.yaml", changed(RIG, ("driver: human, range", "driver: file, range")))
    code, _, err = hil("lint", one, two, "--rig", sheet)
    assert code == 2
    places = [line.replace(f"{tmp_path}/", "").split(": ")[0] for line in err.splitlines()]
    assert places == ["rig.yaml:7", "one.yaml:13", "two.yaml:1", "two.yaml:4", "two.yaml:26"]


def test_lint_names_what_a_rig_lacks_and_ends_with_three(tmp_path: Path, hil: Hil) -> None:
    path = written(tmp_path, "one.yaml", PROFILE)
    sheet = written(tmp_path, "rig.yaml", changed(RIG, ("most: 12 kW", "most: 6 kW")))
    code, out, err = hil("lint", path, "--rig", sheet)
    assert code == 3
    assert (
        err.replace(f"{tmp_path}/", "")
        == "rig.yaml:7: lab/step: AcLoad: set_load to 10000 W needed, the rig reaches 0 W to 6000 W (2 cases)\n"
    )
    assert out == "1 profiles, 3 cases: no mistakes; bench can do 1 of them\n"


def test_lint_says_once_what_several_profiles_lack_and_plan_says_it_last(hil: Hil) -> None:
    rig = "test_profiles/rigs/simulated-wye.yaml"
    code, _, err = hil("lint", "as4777", "de", "--rig", rig)
    assert code == 3
    (line,) = err.splitlines()
    assert "as4777/comms-lost, " in line
    assert "de/heartbeat-production: DutLink: the device has no remote source of limits: " in line
    assert line.endswith("(27 cases)")
    code, out, _ = hil("plan", "as4777", "de", "--rig", rig)
    assert code == 0
    assert out.splitlines()[-2].startswith("27 cases cannot be run here: DutLink: the device has no remote source")


def test_two_files_with_one_id_are_a_mistake(tmp_path: Path, hil: Hil) -> None:
    files = [written(tmp_path, name, PROFILE) for name in ("one.yaml", "two.yaml")]
    code, _, err = hil("plan", *files)
    assert code == 2
    said = err.replace(f"{tmp_path}/", "")
    assert said == "two.yaml:1: id: lab/step is the id of one.yaml too\n"


def test_an_overlay_that_reaches_nothing_is_a_mistake(tmp_path: Path, hil: Hil) -> None:
    text = "schema: hil.overlay/1\nstandard: Ours\nprofiles:\n  crd:\n    olrt: {value: 5 s, source: table 1}\n"
    code, _, err = hil("lint", "crd", "--overlay", written(tmp_path, "lab.yaml", text))
    assert code == 2
    assert "lab.yaml:5: profiles.crd.olrt: matches no parameter of any profile that was read" in err


@pytest.mark.parametrize("name", ["crd/step-load-export-al", "nothing", f"{STEP}/discharge=1pct"])
def test_an_unknown_id_ends_with_two_and_says_what_there_is(name: str, hil: Hil) -> None:
    code, _, err = hil("show", name)
    assert code == 2
    assert "there is no" in err
