"""The page of limits on plants: its rows are whole, its pictures are there, and its figures are what they say."""

from math import isnan, log

import pytest

from tests.limits import page
from tests.limits.figures import Answer, figures, ninetieth_s
from tests.limits.scenes import FROM_S, PREDICTED, Scene, boundary, scenes
from tests.simulation.truth import Truth

LONGEST_S = 100.0
ROWS_PER_S = 50


def table_rows() -> dict[tuple[str, str], list[str]]:
    """The rows of the page's first table, by plant and limit."""
    text = page.TARGET.read_text(encoding="utf-8")
    first = text.partition(f"| {' | '.join(page.COLUMNS)} |\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in first.splitlines()[1:]]
    return {(row[0], row[1]): row for row in rows}


def scene_named(name: str) -> Scene:
    return next(scene for scene in (*scenes(), boundary()) if scene.name == name)


def truth_of_one(falls_after_s: float) -> Truth:
    """Of one inverter that follows its load at once, but `falls_after_s` late downwards."""
    rows = []
    for n in range(62 * ROWS_PER_S):
        t = n / ROWS_PER_S
        demand_w = 6000.0 if t < 20.04 else 1000.0 if t < 34.07 else 5000.0 if t < 48.02 else 1500.0
        late = (20.04 <= t < 20.04 + falls_after_s, 48.02 <= t < 48.02 + falls_after_s)
        output_w = 6000.0 if late[0] else 5000.0 if late[1] else demand_w
        rows.append((t, demand_w - output_w, demand_w, output_w, 9500.0))
    return Truth(columns=("t_s", "import_w", "demand_w", "inv1_injection_w", "inv1_available_w"), rows=tuple(rows))


def test_every_scene_has_a_whole_row_on_the_page_and_no_row_is_left_over() -> None:
    """`python -m tests.docs.limits` makes it anew."""
    rows = table_rows()
    assert set(rows) == {(scene.plant, scene.bound.wording) for scene in scenes()}
    for scene in scenes():
        row = rows[scene.plant, scene.bound.wording]
        assert len(row) == len(page.COLUMNS)
        assert all(row)
        assert (page.NONE in row[2:5]) == (not scene.restricts_s)
        assert (row[7] == page.NONE) == (not scene.is_yielding)


def test_every_step_of_a_scene_is_judged_within_a_time_that_is_kept_short() -> None:
    names = [scene.name for scene in (*scenes(), boundary())]
    assert len(set(names)) == len(names)
    assert set(PREDICTED) <= set(names)
    for scene in (*scenes(), boundary()):
        assert scene.until_s <= LONGEST_S
        assert all(FROM_S <= at_s < scene.end_s(at_s) <= scene.until_s for at_s in scene.restricts_s)
        assert set(scene.answering) <= {part.id for part in scene.site.ders}


def test_the_page_shows_its_three_pictures_and_says_that_all_is_simulated() -> None:
    text = page.TARGET.read_text(encoding="utf-8")
    for name in ("cloud-edge", "pulsing-load", "schedule-boundary"):
        assert f"(images/{name}.png)" in text
        assert (page.IMAGES / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "**All of this is simulated**" in text


def test_every_site_that_is_predicted_has_both_of_its_ways_on_the_page() -> None:
    text = page.TARGET.read_text(encoding="utf-8")
    for name in PREDICTED:
        for way in ("restrict", "release"):
            row = next(line for line in text.splitlines() if line.startswith(f"| {scene_named(name).plant} | {way} |"))
            predicted_s, true_s = (float(cell) for cell in row.split("|")[3:5])
            assert 0.0 < true_s <= predicted_s


def test_ninety_percent_of_a_lag_takes_its_time_from_the_extreme_and_not_from_the_start() -> None:
    up = [(n / 1000, 100.0 * n) for n in range(10)]
    after = [(0.01 + n / 1000, 1000.0 * 2.718281828 ** (-n / 300)) for n in range(10_000)]
    assert ninetieth_s([*up, *after], 10.0) == pytest.approx(0.01 + 0.3 * log(10), abs=0.002)


def test_what_did_not_move_has_no_response_time() -> None:
    assert isnan(ninetieth_s([(n / 10, 5.0) for n in range(100)], 10.0))


def test_the_floor_is_the_meters_sample_and_one_reply_each_and_the_inverters_own_time() -> None:
    answer = figures(scene_named("one"), truth_of_one(0.5)).restricts[0]
    sample_s = 20.13 - 20.04  # the first at 0.03 s + k * 0.1 s with 90 % of a window behind the step
    assert answer.floor_s == pytest.approx(sample_s + 0.006 + 0.0125 + 0.25 + 0.3 * log(10), abs=0.01)


@pytest.mark.parametrize("falls_after_s", [0.5, 3.0])
def test_a_plant_that_falls_late_is_that_long_beyond_its_limit_and_that_slow(falls_after_s: float) -> None:
    found = figures(scene_named("one"), truth_of_one(falls_after_s))
    assert found.excursion_s == pytest.approx(falls_after_s, abs=0.03)
    assert found.peak_value == 5000.0
    assert [answer.olrt_s for answer in found.restricts] == pytest.approx([falls_after_s] * 2, abs=0.03)
    assert found.ripple_pct == 0.0
    assert found.yield_share == pytest.approx(1.0)


def test_the_worst_response_is_the_slowest_in_terms_of_its_own_floor() -> None:
    found = figures(scene_named("one"), truth_of_one(1.0))
    assert isinstance(found.worst, Answer)
    assert found.worst.ratio == max(answer.ratio for answer in found.restricts)
