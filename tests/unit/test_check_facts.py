"""What `pcs check` says of ratings, margins, conflicts, worst cases and schedules."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pcs.cli import main as cli
from pcs.cli.check_facts import next_changes, report
from pcs.cli.check_lines import lines
from pcs.cli.exits import Exit
from pcs.config import load_site
from pcs.config.overlap import overlap
from pcs.config.profiles import profile_folder
from pcs.config.review import warnings
from pcs.config.review_conflicts import conflicts
from pcs.config.review_margins import error_budgets
from pcs.config.review_ratings import ratings
from pcs.model.limit import Basis, Direction, Limit, Quantity, Window
from pcs.model.site import CurrentTransformer, Site, System, Tuning

FILE = Path(__file__).parent / "storage_site.yaml"
NOON_S = datetime(2026, 7, 4, 16, tzinfo=UTC).timestamp()  # noon in New York


@pytest.fixture
def site() -> Site:
    return load_site(FILE)


def test_a_point_with_a_rating_shows_its_figures_with_their_clauses(site: Site) -> None:
    """NEC 2020: 215.3 and 705.12(B)(3); 8 kW at 240 V are 33.3 A on each leg."""
    figures = {(r.point, r.clause.split(":")[0]): r.current_a for r in ratings(site)}
    assert figures["panel_b", "NEC 2020 215.3, 210.20(A)"] == 160
    assert figures["rest", "NEC 2020 215.3, 210.20(A)"] == 80
    assert figures["panel_b", "NEC 2020 705.12(B)(3)"] == pytest.approx(1.25 * 8000 / 240)
    assert figures["panel_b", "NEC 2020 705.12(B)(3)(2)"] == pytest.approx(240 - 1.25 * 8000 / 240)
    assert ("rest", "NEC 2020 705.12(B)(3)(2)") not in figures


def test_a_unit_across_two_phases_of_a_wye_counts_with_its_phasor_current(site: Site) -> None:
    """DESIGN section 5: 6 kW across 208 V are 28.9 A on two conductors."""
    panel = replace(site.points[0], parent="poi")
    unit = replace(site.ders[0], nameplate_w=6000.0, connection="L1L2")
    wye = replace(site, system=System.WYE, nominal_v=120.0, points=(panel,), ders=(unit,), limits=())
    assert next(r.current_a for r in ratings(wye) if r.clause == "NEC 2020 705.12(B)(3)") == pytest.approx(
        1.25 * 28.87, abs=0.01
    )


def test_the_margin_is_itemised_and_its_errors_add_as_squares(site: Site) -> None:
    ct = CurrentTransformer(class_pct=0.5, phase_error_deg=1.0)
    exact = replace(site, meters=(replace(site.meters[0], ct=ct), *site.meters[1:]))
    budget = error_budgets(exact)[0]
    assert budget is not None
    assert (budget.meter_w, budget.ct_ratio_w, budget.resolution_w) == (80, 40, 1)
    assert budget.ct_phase_w == pytest.approx(2 * 0.48 * 0.017455 * 4000, rel=1e-4)
    errors_w = (budget.meter_w**2 + budget.ct_ratio_w**2 + budget.ct_phase_w**2) ** 0.5
    assert budget.total_w == pytest.approx(errors_w + budget.resolution_w + budget.cushion_w)
    given = error_budgets(replace(exact, limits=(replace(exact.limits[0], margin_w=7.0),)))[0]
    assert given is not None
    assert (given.given, given.total_w, given.meter_w) == (True, 7, 0)


def test_limits_that_pull_the_same_unit_both_ways_are_reported_with_the_winner(site: Site) -> None:
    """CRD-DOC-1."""
    charge = Limit(point="rest", direction=Direction.IMPORT, quantity=Quantity.A, basis=Basis.CONDUCTOR, value=80.0)
    battery = replace(site.ders[1], point="rest")
    both = replace(site, ders=(site.ders[0], battery), limits=(site.limits[0], charge))
    (found,) = conflicts(both)
    assert (found.first, found.second, found.der_ids) == (charge, site.limits[0], ("bat1",))
    assert (found.is_tie, found.by_priority) == (False, False)
    (swapped,) = conflicts(replace(both, limits=(replace(site.limits[0], priority=0), charge)))
    assert (swapped.first.direction, swapped.by_priority) == (Direction.EXPORT, True)
    tied = replace(both, limits=tuple(replace(limit, priority=3) for limit in both.limits))
    assert conflicts(tied)[0].is_tie
    assert "neither has priority" in "\n".join(lines(tied, NOON_S))
    one_flow = replace(both, limits=(site.limits[0], Limit(direction=Direction.IMPORT, value=9000.0)))
    assert conflicts(one_flow) == ()


def test_the_next_changes_are_listed_in_local_time(site: Site) -> None:
    found = next_changes(site, NOON_S)
    assert [(c.local, c.says, c.source) for c in found[:2]] == [
        ("Sat 2026-07-04 16:00 EDT", "export limit 0 W at poi", "site file, schedule: 16:00 to 21:00"),
        ("Sat 2026-07-04 21:00 EDT", "export limit 4000 W at poi", "site file"),
    ]
    assert "  Sat 2026-07-04 16:00 EDT: export limit 0 W at poi (site file, schedule: 16:00 to 21:00)" in lines(
        site, NOON_S
    )
    assert next_changes(replace(site, limits=site.limits[1:]), NOON_S) == []


def test_the_worst_case_names_the_part_to_change_and_the_time_that_is_met(site: Site) -> None:
    """US-CA-2S."""
    told = report(site, NOON_S)["limits"][0]["predicted"]
    assert told["meets_s"] == 15.0
    assert told["change_first"] == {"part": "ramp", "id": "bat1"} or told["change_first"]["id"] == "pv1"
    assert sum(part["time_s"] for part in told["restrict"]) == pytest.approx(told["restrict_s"], abs=0.02)
    quick = replace(site, tuning=Tuning(release_slew_pct_s=10.0))
    assert any("change first: release_slew_pct_s, which is 10 %/s" in line for line in lines(quick, NOON_S))
    assert any("restrict" in line and "of 2, 5, 10, 15, 30 s" in line for line in lines(site, NOON_S))


def test_a_slow_meter_is_the_part_to_change_where_it_is_the_largest(site: Site) -> None:
    slow = replace(site, meters=(replace(site.meters[0], update_s=9.0, averaging_s=0.0), *site.meters[1:]))
    assert any("change first: meter main updates every 9 s" in line for line in lines(slow, NOON_S))
    mean = replace(site, meters=(replace(site.meters[0], update_s=1.0, averaging_s=9.0), *site.meters[1:]))
    assert any("change first: meter main averages over 9 s" in line for line in lines(mean, NOON_S))


def test_what_can_never_be_held_is_named_before_anything_is_energised(site: Site) -> None:
    assert any("80 A per conductor at rest, L1 cannot hold whenever the load alone" in w for w in warnings(site))
    limit = Limit(direction=Direction.IMPORT, value=5000.0)
    drawn = replace(site, limits=(limit,))
    assert "the import limit 5000 W at poi cannot hold while what is not controlled (car) draws its 9600 W" in warnings(
        drawn
    )
    assert not any(w.startswith("pv1: controlled, and no limit") for w in warnings(drawn))  # its busbar acts on it
    alone = replace(site, limits=(limit,), points=(), ders=tuple(replace(d, point="poi") for d in site.ders))
    assert any(w.startswith("pv1: controlled, and no limit acts on it") for w in warnings(alone))


def test_what_a_schedule_tightens_to_counts_for_what_can_be_held(site: Site) -> None:
    old = replace(site.ders[0], id="old", controlled=False, nameplate_w=3000.0, point="poi")
    named = [w for w in warnings(replace(site, ders=(*site.ders, old))) if "cannot hold the export limit 0 W" in w]
    assert len(named) == 1
    assert "(old, 3000 W nameplate)" in named[0]


def test_check_prints_a_site_with_everything_in_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", str(FILE)]) == Exit.DONE
    text = capsys.readouterr().out
    assert "rest: net, measured by main - sub, behind poi" in text
    assert "car: evse, 9600 W nameplate, draws nothing or at least 1440 W, not controlled" in text
    assert cli.run(["check", str(FILE), "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["points"][1]["meters"] == [{"id": "main", "sign": 1}, {"id": "sub", "sign": -1}]
    assert len(told["next_changes"]) == 4
    assert told["limits"][0]["margin"]["cushion_w"] == 32.5
    assert told["limits"][2]["source"] == "modes"


FRIDAY_NIGHT = Window(value=0.0, from_min=1320, to_min=120, weekdays=(4,))


@pytest.mark.parametrize(
    ("other", "meets"),
    [
        (Window(value=1.0, from_min=60, to_min=180, weekdays=(5,)), True),
        (Window(value=1.0, from_min=120, to_min=180, weekdays=(5,)), False),
        (Window(value=1.0, from_min=60, to_min=180, weekdays=(4,)), False),
        (Window(value=1.0, from_min=1380, to_min=1440), True),
        (Window(value=1.0, first_day=(2, 29), last_day=(2, 29)), True),
    ],
)
def test_windows_meet_only_where_some_year_has_both(other: Window, meets: bool) -> None:
    assert overlap(FRIDAY_NIGHT, other) is meets
    assert overlap(other, FRIDAY_NIGHT) is meets


def test_seasons_that_only_touch_do_not_overlap_unless_one_lasts_past_midnight() -> None:
    summer, winter = (
        Window(value=0.0, first_day=(6, 1), last_day=(9, 30)),
        Window(value=1.0, first_day=(10, 1), last_day=(5, 31)),
    )
    assert not overlap(summer, winter)
    nights = replace(winter, from_min=1320, to_min=360)
    assert overlap(summer, nights)  # the night of 31 May ends on 1 June
    leap = Window(value=1.0, from_min=1320, to_min=360, first_day=(2, 28), last_day=(2, 28))
    assert overlap(leap, Window(value=0.0, first_day=(3, 1), last_day=(3, 1)))
    assert overlap(leap, Window(value=0.0, first_day=(2, 29), last_day=(2, 29)))


@pytest.mark.parametrize("path", sorted((profile_folder() / "sites").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_that_is_shipped_is_right(path: Path) -> None:
    assert report(load_site(path), NOON_S)["ok"] is True
