"""What the demonstration says of a run: excursions and energy from the twin's truth, and the promise."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil.cli.demo_plot import draw
from hil.cli.demo_promise import Promise, read_promises
from hil.cli.demo_summary import Evidence, broken_promises, summary
from hil.cli.demo_truth import Row, energy_wh, excursions, inside_since_s, read_truth

LIMIT_W = 2000.0
BEYOND = Promise(limit_value=LIMIT_W, correct_within_s=30.0).beyond_value
STATUS: dict[str, Any] = {
    "excursions": {"count": 1, "longest_s": 1.0, "energy_wh": 0.5, "tolerance_w": 100.0},
    "response": {
        "restrict": {
            "count": 2,
            "max_s": 1.5,
            "average_s": 1.25,
            "last": {"kind": "load", "olrt_s": 1.0, "olrt_between_s": [0.9, 1.1], "step_w": -2000.0},
        },
        "release": {"count": 0},
    },
    "faults": [],
}


def row(t_s: float, export_w: float, available_w: float = 10_000.0) -> Row:
    """One instant of a site with 1 kW of load."""
    injection_w = export_w + 1000.0
    return Row(t_s=t_s, import_w=-export_w, demand_w=1000.0, injection_w=injection_w, available_w=available_w)


def evidence(exports_w: list[float], end_s: float | None = None) -> Evidence:
    """Control from 0 s on; one second for each export."""
    rows = [row(float(t), w) for t, w in enumerate(exports_w)]
    end_s = end_s if end_s is not None else len(rows) - 1.0
    return Evidence(rows=rows, status=STATUS, control_s=(0.0, end_s), tolerance_w=100.0)


def promise(correct_within_s: float = 3.0) -> Promise:
    return Promise(limit_value=LIMIT_W, correct_within_s=correct_within_s)


def test_an_excursion_lasts_from_its_first_row_to_the_first_row_inside() -> None:
    rows = [row(0, 1900), row(1, 2101), row(2, 3000), row(4, 2100), row(5, 2200), row(6, 0)]
    first, second = excursions(rows, BEYOND, 100.0, (0.0, 100.0))
    assert (first.from_s, first.to_s, first.peak_value) == (1, 4, 1000)
    assert first.energy_wh == pytest.approx((101 * 1 + 1000 * 2) / 3600)
    assert second.duration_s == 1


def test_an_excursion_counts_no_further_than_the_span() -> None:
    rows = [row(0, 0), row(1, 3000), row(9, 0)]
    (one,) = excursions(rows, BEYOND, 100.0, (0.0, 2.5))
    assert one.duration_s == 1.5
    assert excursions(rows, BEYOND, 100.0, (1.5, 2.5)) == []


def test_delivered_energy_is_bounded_by_what_sun_and_limit_allow() -> None:
    """Export beyond the limit earns nothing; a cloud lowers the ideal."""
    rows = [row(0, 2500), row(1, 1000), row(2, 500, available_w=1500.0), row(3, 0)]
    assert energy_wh(rows, LIMIT_W, (0.0, 3.0)) == pytest.approx(((3000 + 2000 + 1500) / 3600, 7500 / 3600))


def test_the_start_ends_when_export_is_first_inside_the_limit() -> None:
    rows = [row(0, 9000), row(1, 9000), row(2, 1000), row(3, 2500)]
    assert inside_since_s(rows, BEYOND, 1.0) == 2
    assert inside_since_s(rows[:2], BEYOND, 0.0) is None


@pytest.mark.parametrize(
    ("exports_w", "words"),
    [
        ([9000, 1000, 1900, 3000, 3000, 1900, 1900], ""),
        ([1000, 3000, 3000, 3000, 3000, 3000, 1900], "beyond the limit for 5.0 s from 1.0 s on"),
        ([9000, 9000, 9000, 9000, 1000, 1900, 1900], "inside the limit only 4.0 s after"),
        ([9000] * 7, "never came inside"),
        ([], "recorded nothing"),
    ],
)
def test_the_promise_is_judged_by_the_truth_alone(exports_w: list[float], words: str) -> None:
    found = broken_promises(evidence(exports_w), promise())
    assert bool(found) == bool(words)
    assert words in " ".join(found)


def test_the_summary_labels_whose_figures_they_are(tmp_path: Path) -> None:
    lines = dict(summary(evidence([1000] * 20), [promise()], tmp_path))
    assert lines["Held"].startswith("the export limit of 2,000 W, as promised")
    assert lines["  in truth"].startswith("0, ")
    assert lines["  controller"].startswith("1, longest 1.0 s")
    assert "self-measured" in lines["OLRT"]
    assert lines["  restrict"] == "maximum 1.50 s, average 1.25 s of 2; the last 1.00 s (0.90 to 1.10 s)"
    assert lines["  release"].startswith("no step")
    assert "66.7 %" in lines["Energy"]
    assert f"pcs journal verify {tmp_path / 'journal'}" in lines["Journal"]


def test_a_broken_promise_stands_first(tmp_path: Path) -> None:
    assert next(iter(summary(evidence([9000] * 20), [promise()], tmp_path)))[0] == "NOT HELD"


def test_truth_is_read_up_to_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(
        "t_s,import_w,demand_w,a_injection_w,a_available_w,b_injection_w,b_available_w\n"
        "0.0,-500,1000,1000,2000,500,600\n"
        "0.5,-500,10"
    )
    (read,) = read_truth(path)
    assert replace(read, values={}) == Row(t_s=0.0, import_w=-500, demand_w=1000, injection_w=1500, available_w=2600)
    assert read.values["b_available_w"] == 600


def test_what_is_no_source_counts_with_the_load(tmp_path: Path) -> None:
    """A battery that charges and a car leave more room for the sun."""
    path = tmp_path / "truth.csv"
    path.write_text(
        "t_s,import_w,demand_w,pv_injection_w,pv_available_w,bat_injection_w,bat_wish_w,ev_injection_w,ev_wish_w\n"
        "0,-2000,1000,8000,9000,-2000,0,-3000,-3000\n1,-2000,1000,8000,9000,-2000,0,-3000,-3000\n"
    )
    rows = read_truth(path)
    assert (rows[0].injection_w, rows[0].other_w) == (8000, -5000)
    delivered_wh, ideal_wh = energy_wh(rows, 2000.0, (0.0, 1.0))
    assert (delivered_wh * 3600, ideal_wh * 3600) == (pytest.approx(8000), pytest.approx(8000))
    assert energy_wh(rows, None, (0.0, 1.0))[1] * 3600 == pytest.approx(9000), "without a limit the sun decides"


SITE = """\
site: {system: split, nominal_v: 120}
points:
  - {id: panel, kind: busbar, rating_a: 30}
limits:
  - {direction: export, value: 1000}
  - {direction: import, quantity: a, value: 36, basis: conductor, correct_within_s: 10}
  - {direction: import, value: 500, point: panel}
  - {direction: export, value: 0, scope: ess}
"""


def test_every_limit_of_a_site_file_is_a_promise_and_a_busbar_is_one_too(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    export, conductor, subpanel, busbar = read_promises(path)
    assert [promise.name for promise in (export, conductor, subpanel, busbar)] == [
        "export limit of 1,000 W",
        "import limit of 36 A per conductor",
        "import limit of 500 W at panel",
        "rating of 30 A per conductor at panel",
    ]
    assert (export.correct_within_s, conductor.correct_within_s) == (30, 10)
    cells = {"import_l1_w": 4800.0, "import_l1_var": 3600.0, "import_l2_w": -6000.0, "import_l2_var": 0.0}
    cells |= {"panel_import_w": 700.0, "panel_infeed_l1_a": 20.0, "panel_infeed_l2_a": 33.0}
    row = Row(t_s=0.0, import_w=-1200.0, demand_w=0.0, injection_w=0.0, available_w=0.0, values=cells)
    assert export.beyond_value(row) == pytest.approx(200)
    assert conductor.flows(row) == pytest.approx([50, -50]), "current has no sign: that of its power counts"
    assert conductor.beyond_value(row) == pytest.approx(14)
    assert subpanel.beyond_value(row) == pytest.approx(200)
    assert busbar.beyond_value(row) == pytest.approx(3)


def test_the_summary_judges_each_limit_by_itself(tmp_path: Path) -> None:
    rows = [replace(row(float(t), 1000), values={"panel_infeed_l1_a": 40.0 if t > 9 else 10.0}) for t in range(30)]
    site = tmp_path / "site.yaml"
    site.write_text(SITE.replace("value: 500, point: panel", "value: 500"))
    export, *_, busbar = read_promises(site)
    lines = list(summary(replace(evidence([]), rows=rows, control_s=(0.0, 29.0)), [export, busbar], tmp_path))
    assert ("NOT HELD", "the rating of 30 A per conductor at panel was not held as promised") in lines
    assert lines[0][0] == "Held"
    assert ("  in truth", "1, longest 19.0 s, at most 10.0 A (the start not counted)") in lines


def test_the_picture_of_a_run_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE.replace("  - {direction: import, value: 500, point: panel}\n", ""))
    named = {"panel_infeed_l1_a": 3.0, "import_l1_w": 50.0, "pv_injection_w": 10.0, "pv_available_w": 20.0}
    rows = [replace(row(float(t), 1000.0 * (t % 3)), values=named) for t in range(30)]
    draw(rows, read_promises(path), tmp_path / "demo.png", 1.0)
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")
