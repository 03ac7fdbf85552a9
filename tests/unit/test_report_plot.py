"""The picture of a case: nothing that matters is lost by thinning, and what is drawn is where it was measured."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.record.model import RunRecord
from hil.record.recording import Recording
from hil.report.access import Unreadable
from hil.report.case_page import case_page
from hil.report.plot import RIGHT_PX, apart
from hil.report.svg import Axis, Canvas, path_of, style_of, tick_texts, ticks
from hil.report.thin import thin
from hil.report.trace import traces_of
from tests.reporting_kit import Answer, MadeUp, case_result, library

SVG = "{http://www.w3.org/2000/svg}"


@given(
    st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=3000),
    st.integers(min_value=4, max_value=700),
)
def test_a_thinned_line_keeps_its_least_and_greatest_value_and_its_order(values: list[float], points: int) -> None:
    t_s, y = np.arange(len(values)) * 0.02, np.array(values)
    thin_s, thin_y = thin(t_s, y, points)
    assert thin_y.min() == y.min()
    assert thin_y.max() == y.max()
    assert np.all(np.diff(thin_s) >= 0.0)
    assert len(thin_y) <= max(points, 4)
    assert set(zip(thin_s.tolist(), thin_y.tolist(), strict=True)) <= set(zip(t_s.tolist(), y.tolist(), strict=True))


def test_one_sample_of_a_million_that_is_a_peak_is_still_drawn() -> None:
    y = np.zeros(1_000_000)
    y[654_321] = -2500.0
    thin_s, thin_y = thin(np.arange(len(y)) * 1e-3, y, 600)
    assert thin_y.min() == -2500.0
    assert thin_s[int(np.argmin(thin_y))] == pytest.approx(654.321)


@pytest.mark.parametrize("form", ["missing rows", "not a number"])
def test_a_hole_in_the_record_is_a_break_in_the_line_however_it_is_recorded(form: str) -> None:
    t_s = np.arange(10_000) * 0.02
    y = np.sin(t_s)
    hole = (t_s > 50.0) & (t_s < 80.0)
    if form == "missing rows":
        t_s, y = t_s[~hole], y[~hole]
    else:
        y[hole] = np.nan
    thin_s, thin_y = thin(t_s, y, 400)
    path = path_of(thin_s, thin_y)
    assert path.count("M") == 2


def test_a_path_comes_back_as_the_points_that_it_was_made_of() -> None:
    x, y = np.array([0.0, 10.04, 10.04, 300.0, np.nan, 5.5]), np.array([1.0, -3.21, -3.21, 7.0, 0.0, 2.0])
    numbers = [re.findall(r"-?\d*\.?\d+", part) for part in path_of(x, y).split("M") if part]
    points = []
    for part in numbers:
        pairs = np.array(part, dtype=float).reshape(-1, 2)
        points += np.cumsum(pairs, axis=0).tolist()
    assert points == [[0.0, 1.0], pytest.approx([10.0, -3.2]), pytest.approx([300.0, 7.0]), [5.5, 2.0]]


def test_ticks_are_round_inside_the_range_and_written_with_equal_decimals() -> None:
    assert ticks(-0.3, 2.1, 5) == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])
    assert tick_texts([-0.5, 0.0, 0.5]) == ["\u22120.5", "0.0", "0.5"]
    assert tick_texts([0.0, 2.5, 5.0]) == ["0.0", "2.5", "5.0"]


def test_labels_at_one_height_are_moved_apart_and_stay_inside() -> None:
    placed = apart([(100.0, "a", ""), (100.0, "b", ""), (101.0, "c", "")], 0.0, 105.0)
    heights = [at_px for at_px, _, _ in placed]
    assert all(b - a >= 12.0 for a, b in pairwise(heights))
    assert max(heights) <= 105.0


def test_words_in_a_picture_are_escaped() -> None:
    canvas = Canvas(10, 10)
    canvas.text('<script>"&', 1, 1)
    root = ElementTree.fromstring(style_of(canvas.svg("a < b & c")))
    assert root.find(f"{SVG}text").text == '<script>"&'  # type: ignore[union-attr]


def test_the_mark_of_the_judged_time_stands_where_it_was_measured() -> None:
    case = library("crd/step-load-export-all")[0]
    records = MadeUp()
    found = case_result(case, Answer(olrt_s=1.5), records)
    page = case_page(found, records).page
    root = ElementTree.fromstring(page.picture)
    net = found.runs[1].steps[0].net if "Repeat 2" in page.picture_says else None
    repeat = int(re.findall(r"Repeat (\d)", page.picture_says)[0])
    net = found.runs[repeat - 1].steps[0].net
    zero = next(line for line in root.iter(f"{SVG}line") if line.get("class") == "t0")
    judged = next(line for line in root.iter(f"{SVG}line") if line.get("class") == "judged")
    ring = root.find(f"{SVG}circle")
    assert ring is not None
    px = {
        name: float(mark.get(key, "nan"))
        for name, mark, key in (("t0", zero, "x1"), ("j", judged, "x1"), ("r", ring, "cx"))
    }
    assert net.olrt_judged_s is not None
    assert net.t90_from_extreme_s is not None
    px_per_s = (px["j"] - px["t0"]) / net.olrt_judged_s
    assert px["r"] - px["t0"] == pytest.approx(net.t90_from_extreme_s * px_per_s, abs=0.2)


def test_nothing_in_a_picture_lies_outside_of_it() -> None:
    records = MadeUp()
    case = library("g100/issue-2-export")[0]
    page = case_page(case_result(case, Answer(olrt_s=2.0, noise_w=1.0), records), records).page
    root = ElementTree.fromstring(page.picture)
    _, _, width, height = (float(part) for part in root.get("viewBox", "").split())
    for line in root.iter(f"{SVG}line"):
        assert 0.0 <= float(line.get("x1", "nan")) <= float(line.get("x2", "nan")) <= width
        assert 0.0 <= float(line.get("y1", "nan")) <= height
    for text in root.iter(f"{SVG}text"):
        if text.get("x") and text.get("text-anchor") is None:
            assert float(text.get("x", "nan")) + 5.9 * len(text.text or "") <= width + 20.0, text.text


def test_a_record_that_cannot_be_read_says_why_in_place_of_its_picture() -> None:
    case = library("crd/step-load-export-all")[0]
    records = MadeUp()
    found = case_result(case, Answer(), records)
    records.lost = set(records.answers)
    assert isinstance(records.read(found.runs[0]), Unreadable)
    page = case_page(found, records).page
    assert page.picture == ""
    assert "power.h5 is not there" in page.picture_says


def test_a_record_of_waveforms_alone_is_drawn_as_the_power_that_it_holds() -> None:
    case = library("crd/step-load-export-all")[0]
    t_s = np.arange(0.0, 4.0, 1.0 / 3840.0)
    volts, amps = np.sqrt(2.0) * 230.0 * np.sin(377.0 * t_s), np.sqrt(2.0) * 10.0 * np.sin(377.0 * t_s)
    waves = Recording(name="waveform", t_s=t_s, channels={"poi.voltage_v.L1": volts, "poi.current_a.L1": amps})
    records = MadeUp()
    found = case_result(case, Answer(), records, repeats=1)
    record = records.read(found.runs[0])
    assert isinstance(record, RunRecord)
    (trace,) = traces_of(replace(record, recordings=(waves,)), case)
    assert (trace.name, trace.unit) == ("poi.import_w", "W")
    assert float(np.median(trace.y)) == pytest.approx(2300.0, rel=1e-3)


def test_an_axis_puts_what_is_outside_on_its_edge() -> None:
    axis = Axis(lo=0.0, hi=10.0, from_px=100, to_px=RIGHT_PX)
    assert axis.at(-5.0) == 100.0
    assert axis.at(50.0) == RIGHT_PX
