"""What the demonstration says of a run: excursions and energy from the twin's truth, and the promise."""

from pathlib import Path
from typing import Any

import pytest

from hil.cli.demo_summary import Evidence, Promise, broken_promises, summary
from hil.cli.demo_truth import Row, energy_wh, excursions, inside_since_s, read_truth

LIMIT_W = 2000.0
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
    return Promise(limit_w=LIMIT_W, correct_within_s=correct_within_s)


def test_an_excursion_lasts_from_its_first_row_to_the_first_row_inside() -> None:
    rows = [row(0, 1900), row(1, 2101), row(2, 3000), row(4, 2100), row(5, 2200), row(6, 0)]
    first, second = excursions(rows, LIMIT_W, 100.0, (0.0, 100.0))
    assert (first.from_s, first.to_s, first.peak_w) == (1, 4, 1000)
    assert first.energy_wh == pytest.approx((101 * 1 + 1000 * 2) / 3600)
    assert second.duration_s == 1


def test_an_excursion_counts_no_further_than_the_span() -> None:
    rows = [row(0, 0), row(1, 3000), row(9, 0)]
    (one,) = excursions(rows, LIMIT_W, 100.0, (0.0, 2.5))
    assert one.duration_s == 1.5
    assert excursions(rows, LIMIT_W, 100.0, (1.5, 2.5)) == []


def test_delivered_energy_is_bounded_by_what_sun_and_limit_allow() -> None:
    """Export beyond the limit earns nothing; a cloud lowers the ideal."""
    rows = [row(0, 2500), row(1, 1000), row(2, 500, available_w=1500.0), row(3, 0)]
    assert energy_wh(rows, LIMIT_W, (0.0, 3.0)) == pytest.approx(((3000 + 2000 + 1500) / 3600, 7500 / 3600))


def test_the_start_ends_when_export_is_first_inside_the_limit() -> None:
    rows = [row(0, 9000), row(1, 9000), row(2, 1000), row(3, 2500)]
    assert inside_since_s(rows, LIMIT_W, 1.0) == 2
    assert inside_since_s(rows[:2], LIMIT_W, 0.0) is None


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
    lines = dict(summary(evidence([1000] * 20), promise(), tmp_path))
    assert lines["Held"].startswith("the export limit of 2,000 W, as promised")
    assert lines["  in truth"].startswith("0, ")
    assert lines["  controller"].startswith("1, longest 1.0 s")
    assert "self-measured" in lines["OLRT"]
    assert lines["  restrict"] == "maximum 1.50 s, average 1.25 s of 2; the last 1.00 s (0.90 to 1.10 s)"
    assert lines["  release"].startswith("no step")
    assert "66.7 %" in lines["Energy"]
    assert f"pcs journal verify {tmp_path / 'journal'}" in lines["Journal"]


def test_a_broken_promise_stands_first(tmp_path: Path) -> None:
    assert next(iter(summary(evidence([9000] * 20), promise(), tmp_path)))[0] == "NOT HELD"


def test_truth_is_read_up_to_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(
        "t_s,import_w,demand_w,a_injection_w,a_available_w,b_injection_w,b_available_w\n"
        "0.0,-500,1000,1000,2000,500,600\n"
        "0.5,-500,10"
    )
    assert read_truth(path) == [Row(t_s=0.0, import_w=-500, demand_w=1000, injection_w=1500, available_w=2600)]
