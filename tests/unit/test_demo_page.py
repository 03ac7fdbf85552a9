"""The demonstration's page fits its terminal and says what matters; so does its plain line."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hil.cli.demo_page import LEAST_COLUMNS, LEAST_ROWS, line, page
from hil.cli.demo_site import DATA, SITES, DemoError, DemoSite, ask, fresh_folder
from hil.rig.twin_load import load_twin

STATUS: dict[str, Any] = {
    "schema": "pcs.status/1",
    "why": "export limit 2000 W at poi binds: the DERs could inject more than demand and limit allow",
    "point": {"import_w": -1923.0, "words": "exporting 1.92 kW", "demand_w": 4536.0},
    "limits": [
        {"name": "export limit 2000 W at poi", "value": 2000.0, "binding": True, "why": "it binds: " + "why " * 30}
    ],
    "ders": [
        {"id": "inv1", "injection_w": 4037.0, "cap_w": 4038.0, "rating_w": 10_000.0, "state": "limited", "words": ""},
        {"id": "inv2", "injection_w": None, "cap_w": 0.0, "rating_w": None, "state": "not met yet", "words": ""},
    ],
    "excursions": {"count": 2, "longest_s": 2.6, "energy_wh": 1.0, "tolerance_w": 160.0},
    "response": {
        "restrict": {"last": {"kind": "load", "olrt_s": 1.2, "olrt_between_s": [1.04, 1.36], "step_w": -1457.0}},
        "release": {"count": 0},
    },
    "faults": [],
}
SAID = ["2026-11-21 22:31:27 poi: measures " + "and more " * 30] * 9


def shown(status: dict[str, Any] | None, width: int, exports_w: list[float]) -> list[str]:
    console = Console(file=StringIO(), width=width, highlight=False)
    console.print(page(status, 25.2, 60.0, exports_w, SAID, width))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [LEAST_COLUMNS, 80, 120, 200])
@pytest.mark.parametrize("status", [STATUS, None])
def test_the_page_fits_every_terminal_that_it_is_shown_on(width: int, status: dict[str, Any] | None) -> None:
    lines = shown(status, width, [100.0 * k for k in range(300)])
    assert max(map(len, lines)) <= width
    assert len(lines) <= LEAST_ROWS + 2 or width < 80


def test_the_page_says_flow_sign_cap_state_limit_and_response() -> None:
    text = "\n".join(shown(STATUS, 120, [0.0, 1000.0, 3000.0]))
    for words in ("exporting 1.92 kW", "import −1,923 W", "demand 4,536 W", "35 s to go", "4,038 W", "limited"):
        assert words in text
    for words in (
        "it binds",
        "1.20 s (1.04 to 1.36 s) after a load step of −1,457 W",
        "self-measured",
        "none yet",
        "_▃█",
    ):
        assert words in text


def test_a_log_gets_one_line_with_the_same_facts() -> None:
    text = line(STATUS, 25.2, 60.0)
    assert "\n" not in text
    for words in (" 25 s of 60 s", "exporting 1.92 kW", "inv1 injects 4,037 W (cap 4,038 W, limited)", "binds"):
        assert words in text
    assert "starts" in line(None, 0.0, 60.0)


TWO_WAYS = STATUS | {
    "limits": [
        {"name": "export limit 3000 W at poi", "value": 3000.0, "binding": True, "flow_w": 2900.0, "why": "it binds"},
        {"name": "import limit 8000 W at poi", "value": 8000.0, "binding": False, "flow_w": -2900.0, "why": ""},
    ],
    "ders": [
        *STATUS["ders"],
        {
            "id": "bat1",
            "injection_w": -2000.0,
            "cap_w": -2000.0,
            "floor_w": -3000.0,
            "rating_w": 4000.0,
            "state": "limited",
            "words": "",
        },
        {
            "id": "ev1",
            "injection_w": 0.0,
            "cap_w": 0.0,
            "floor_w": -8600.0,
            "rating_w": 0.0,
            "state": "free",
            "words": "",
        },
    ],
}


def test_a_site_of_several_limits_shows_each_and_what_draws_shows_its_floor() -> None:
    lines = shown(TWO_WAYS, 100, [100.0])
    text = "\n".join(lines)
    for words in ("binds   export limit 3000 W", "holds   import limit 8000 W", "−8,600 W", "−3,000 W", "floor"):
        assert words in text
    assert len(lines) <= LEAST_ROWS + 2
    said = line(TWO_WAYS, 25.2, 60.0)
    assert "bat1 draws 2,000 W (cap −2,000 W, floor −3,000 W, limited)" in said


@pytest.mark.parametrize("site", SITES.values())
def test_a_run_folder_gets_the_files_of_its_site(tmp_path: Path, site: DemoSite) -> None:
    folder = fresh_folder(tmp_path / "run", site)
    said = load_twin(folder / "demo-twin.yaml")
    assert said.meters[0].where.port == 0
    assert said.site.name in (DATA / site.twin_file).read_text()


def test_a_fault_is_said_on_the_page_and_in_the_line() -> None:
    status = STATUS | {"faults": [{"source": "poi", "kind": "meter repeats itself", "detail": "", "since_s": 1.0}]}
    assert "poi: meter repeats itself" in "\n".join(shown(status, 80, []))
    assert "poi: meter repeats itself" in line(status, 1.0, 60.0)


def test_a_folder_that_is_no_run_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(DemoError, match="no run of the demo"):
        fresh_folder(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "ten years of work"


def test_a_folder_of_an_earlier_run_is_made_anew_with_free_ports(tmp_path: Path) -> None:
    folder = fresh_folder(tmp_path / "run")
    (folder / "truth.csv").write_text("old")
    again = fresh_folder(tmp_path / "run")
    assert sorted(path.suffix for path in again.iterdir()) == [".csv", ".csv", ".yaml"]
    assert "127.0.0.1:0" in (again / "demo-twin.yaml").read_text()
    assert "127.0.0.1:1" not in (again / "demo-twin.yaml").read_text()


def test_a_folder_whose_name_is_too_long_for_the_socket_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="shorter --out"):
        fresh_folder(tmp_path / ("x" * 100))


def test_nobody_there_is_no_status(tmp_path: Path) -> None:
    assert ask(tmp_path / "control.sock") is None
