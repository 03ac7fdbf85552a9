"""Site files with storage, chargers, points, schedules and modes: what each key becomes in the model."""

from pathlib import Path

import pytest

from pcs.config import ConfigError, load_site
from pcs.config.limits import FORBIDDEN
from pcs.model.limit import Accounting, Basis, Direction, Quantity, Scope, Window
from pcs.model.site import PointKind, PointSpec, Site

HEAD = """\
schema: pcs.site/1
site: {name: Demo, timezone: UTC, system: split, nominal_v: 120}
meters:
  - {id: main, profile: sunspec/meter, link: "tcp://h:1", unit: 1, point: poi}
  - {id: sub, profile: sunspec/meter, link: "tcp://h:1", unit: 2, point: panel_b}
  - {id: feed, profile: sunspec/meter, link: "tcp://h:1", unit: 3}
ders:
  - {id: pv1, kind: pv, profile: sunspec/inverter, link: "tcp://h:2", unit: 1, nameplate_w: 8000, point: panel_b}
  - {id: bat1, kind: battery, profile: sunspec/inverter, link: "tcp://h:3", unit: 1, nameplate_w: 5000}
  - {id: car, kind: evse, nameplate_w: 9600, controlled: false}
points:
  - {id: panel_b, kind: busbar, rating_a: 200, meter: [sub, feed]}
  - {id: rest, meter: [main, -sub], parent: poi, rating_a: 100}
limits:
  - {direction: export, value: 4000}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(*changes: tuple[str, str], more: str = "") -> Site:
    text = HEAD + more
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    Path("site.yaml").write_text(text)
    return load_site("site.yaml")


def test_points_have_signed_meters_a_parent_and_a_rating() -> None:
    site = loaded()
    assert site.points == (
        PointSpec(id="panel_b", kind=PointKind.BUSBAR, meters=(("sub", 1), ("feed", 1)), parent="poi", rating_a=200.0),
        PointSpec(id="rest", meters=(("main", 1), ("sub", -1)), parent="poi", rating_a=100.0),
    )
    assert [meter.point for meter in site.meters] == ["poi", "panel_b", "panel_b"]
    assert [der.point for der in site.ders] == ["panel_b", "poi", "poi"]


def test_what_a_der_draws_follows_from_its_kind_where_the_file_leaves_it_out() -> None:
    pv, battery, car = loaded().ders
    assert (pv.charge_w, pv.least_w, pv.most_w) == (0, 0, 8000)
    assert (battery.charge_w, battery.least_w, battery.most_w) == (5000, -5000, 5000)
    assert (car.charge_w, car.least_w, car.most_w) == (9600, -9600, 0)
    assert (battery.charge_min_w, car.charge_min_w) == (0, 6 * 240)


@pytest.mark.parametrize(
    ("system", "nominal_v", "connection", "least_w"),
    [
        ("single", 230, "", 6 * 230),
        ("split", 120, "L2N", 6 * 120),
        ("wye", 230, "", 3 * 6 * 230),
        ("wye", 120, "L1L2", 6 * 120 * 3**0.5),
        ("delta", 240, "L2L3", 6 * 240),
        ("delta", 240, "", 6 * 240 * 3**0.5),
    ],
)
def test_a_charger_takes_six_amperes_on_each_of_its_conductors_or_nothing(
    system: str, nominal_v: int, connection: str, least_w: float
) -> None:
    """IEC 61851-1: 6 A is the least that a charger can offer."""
    wired = f", connection: {connection}" if connection else ""
    site = loaded(
        ("system: split, nominal_v: 120", f"system: {system}, nominal_v: {nominal_v}"),
        ("nameplate_w: 9600", f"nameplate_w: 9600{wired}"),
    )
    assert site.ders[2].charge_min_w == pytest.approx(least_w)
    assert 6.0 * site.ders[2].ampere_w == pytest.approx(least_w)


def test_every_key_of_storage_reaches_the_model() -> None:
    keys = "charge_w: 3000, charge_min_w: 100, soc_min_pct: 10, soc_max_pct: 90, absorbs: false, supports: true"
    site = loaded(("nameplate_w: 5000", f"nameplate_w: 5000, {keys}, failsafe_charge_w: 200, priority: 3"))
    der = site.ders[1]
    assert (der.charge_w, der.charge_min_w, der.soc_min_pct, der.soc_max_pct) == (3000, 100, 10, 90)
    assert (der.absorbs, der.supports, der.failsafe_charge_w, der.priority) == (False, True, 200, 3)


def test_every_key_of_a_limit_reaches_the_model() -> None:
    site = loaded(
        more="  - {point: rest, direction: import, quantity: a, value: 80, basis: conductor, priority: 2}\n"
        "  - {direction: import, value: 0, scope: ess, accounting: der_subpanel}\n"
    )
    amperes, charge = site.limits[1:]
    assert (amperes.point, amperes.quantity, amperes.basis) == ("rest", Quantity.A, Basis.CONDUCTOR)
    assert (amperes.value, amperes.priority, amperes.accounting) == (80, 2, Accounting.POI)
    assert (charge.scope, charge.accounting) == (Scope.ESS, Accounting.DER_SUBPANEL)


def test_a_schedule_becomes_windows_of_minutes_weekdays_and_seasons() -> None:
    """CRD-DEF-5."""
    site = loaded(
        (
            "value: 4000}",
            "value: 4000, schedule: ["
            "{value: 0, from: 16:00, to: 21:00, days: [fri, mon], first_day: 06-01, last_day: 09-30, name: peak},"
            "{unlimited: true, from: '22:00', to: 06:00, priority: 5}]}",
        )
    )
    peak, night = site.limits[0].schedule
    assert peak == Window(
        value=0, from_min=960, to_min=1260, weekdays=(0, 4), first_day=(6, 1), last_day=(9, 30), name="peak"
    )
    assert night == Window(value=None, from_min=1320, to_min=360, priority=5)


def test_a_limit_without_a_value_holds_in_its_windows_alone() -> None:
    site = loaded(("value: 4000", "schedule: [{value: 100, to: 12:00}]"))
    assert site.limits[0].value is None
    assert site.limits[0].schedule == (Window(value=100, to_min=720),)


@pytest.mark.parametrize("mode", ["unrestricted", "import_only", "export_only", "no_exchange"])
def test_a_mode_is_short_for_limits_of_storage_with_the_value_zero(mode: str) -> None:
    """UL 1741 CRD, Table XI.1: CRD-MODE-UNR, CRD-MODE-IMP, CRD-MODE-EXP, CRD-MODE-NEX."""
    rows = loaded(more=f"modes: {{ess: {mode}, accounting: der_subpanel, correct_within_s: 10}}\n").limits[1:]
    forbidden = {
        "unrestricted": set(),
        "import_only": {Direction.EXPORT},
        "export_only": {Direction.IMPORT},
        "no_exchange": {Direction.EXPORT, Direction.IMPORT},
    }
    assert {row.direction for row in rows} == forbidden[mode]
    for row in rows:
        assert (row.point, row.value, row.scope, row.source) == ("poi", 0, Scope.ESS, "modes")
        assert (row.accounting, row.correct_within_s) == (Accounting.DER_SUBPANEL, 10)


def test_a_scheduled_mode_puts_its_windows_into_both_rows() -> None:
    rows = loaded(more="modes: {ess: import_only, schedule: [{ess: export_only, from: 16:00, to: 21:00}]}\n").limits[1:]
    assert [(row.direction, row.value, [w.value for w in row.schedule]) for row in rows] == [
        (Direction.EXPORT, 0, [None]),
        (Direction.IMPORT, None, [0]),
    ]
    assert {w.name for row in rows for w in row.schedule} == {"export_only"}
    assert set(FORBIDDEN) == {"unrestricted", "import_only", "export_only", "no_exchange"}


def test_a_mode_is_enough_where_nothing_else_must_hold() -> None:
    site = loaded(("limits:\n  - {direction: export, value: 4000}\n", "modes: {ess: import_only}\n"))
    assert [limit.name for limit in site.limits] == ["export limit from storage 0 W at poi"]


def test_two_meters_may_name_one_point_where_it_lists_both() -> None:
    assert loaded(("unit: 3}", "unit: 3, point: panel_b}")).points[0].meters == (("sub", 1), ("feed", 1))
    with pytest.raises(ConfigError, match="is not in the list of this point's meters"):
        loaded(("unit: 3}", "unit: 3, point: rest}"))
