"""The rules of a site, worked out once: points, lines with their weights, buses, and who lies behind what."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core.dispatch import Grid
from pcs.core.policy import UNKNOWN_PLANT, Policy, all_points, lies_behind, policy_for, rank_of
from pcs.model.limit import Basis, Direction, Limit, Quantity, Scope
from pcs.model.lockout import ExcursionRule, LockoutRules
from pcs.model.preset import Tolerance
from pcs.model.site import DerKind, DerSpec, MeterSpec, PointKind, PointSpec, Site, System, Tuning
from tests import core_site as kit

EXPORT = Limit(direction=Direction.EXPORT, value=3000.0)
IMPORT = Limit(direction=Direction.IMPORT, value=4000.0)
PV = kit.der_spec(0)
BATTERY = kit.der_spec(1, 5000.0, kind=DerKind.BATTERY, charge_w=4000.0)
EVSE = kit.der_spec(2, 7000.0, kind=DerKind.EVSE, charge_w=7000.0)
WILD = kit.der_spec(3, 2000.0, controlled=False)
WILD_CAR = kit.der_spec(4, 11_000.0, kind=DerKind.EVSE, charge_w=11_000.0, controlled=False)
WILD_BATTERY = kit.der_spec(5, 1500.0, kind=DerKind.BATTERY, charge_w=1500.0, controlled=False)
POI, SUB = kit.meter_spec(), kit.meter_spec(id="sub", point="panel")


def site(*ders: DerSpec, limits: tuple[Limit, ...] = (EXPORT,), **more: Any) -> Site:
    given = {"meters": (POI,), "points": (), "system": System.WYE, "tuning": Tuning(), **more}
    return Site(name="t", timezone="UTC", nominal_v=230.0, ders=ders, limits=limits, journal_dir="", **given)


def rules(*ders: DerSpec, **more: Any) -> Policy:
    return policy_for(site(*ders, **more))


def test_only_controlled_ders_have_numbers_and_the_others_count_at_nameplate() -> None:
    policy = rules(WILD, PV, WILD_CAR, BATTERY, WILD_BATTERY)
    assert [d.id for d in policy.controlled] == ["d0", "d1"]
    assert (policy.nameplate_w, policy.uncontrolled_w) == (15_000.0, 3500.0), "a car injects nothing"
    assert (policy.phases, policy.nominal_v, policy.system) == (3, 230.0, System.WYE)
    assert len(policy.timings) == 2


def test_a_profile_without_a_band_is_any_plant() -> None:
    bare = replace(PV, profile=None)
    unsure = replace(PV, profile=kit.inverter_profile(None))
    quick = replace(kit.TIMING, ramp_pct_s=77.0)
    known = replace(PV, profile=kit.inverter_profile(quick))
    assert rules(bare, unsure, known).timings == (UNKNOWN_PLANT, UNKNOWN_PLANT, quick)


def test_the_sun_is_served_before_storage_and_fuel_unless_the_site_says_otherwise() -> None:
    kinds = (DerKind.PV, DerKind.HYBRID, DerKind.BATTERY, DerKind.EVSE, DerKind.GENERATOR)
    ders = [kit.der_spec(n, kind=kind) for n, kind in enumerate(kinds)]
    assert rules(*ders).orders == (0, 1, 2, 2, 3)
    assert rules(replace(ders[0], priority=9), replace(ders[4], priority=0)).orders == (9, 0)


def test_an_export_line_acts_on_what_injects_and_an_import_line_on_what_draws() -> None:
    up, down = rules(PV, BATTERY, EVSE, WILD, limits=(EXPORT, IMPORT)).lines
    assert (up.sign, up.weights, up.members, up.size_w) == (1.0, (1.0, 1.0, 0.0), (0, 1), 15_000.0)
    assert (down.sign, down.weights, down.members, down.size_w) == (-1.0, (0.0, 1.0, 1.0), (1, 2), 11_000.0)
    assert (up.uncontrolled_w, down.uncontrolled_w) == (2000.0, 0.0)
    assert (up.limit_number, down.limit_number, up.phase, down.phase) == (0, 1, None, None)
    assert (up.limit, up.point.id, up.meter_signs) == (EXPORT, "poi", ((0, 1),))


def test_an_import_line_acts_on_a_source_that_may_support() -> None:
    helper = replace(PV, supports=True)
    (down,) = rules(PV, helper, limits=(IMPORT,)).lines
    assert (down.members, down.size_w) == ((1,), 0.0)


def test_a_limit_of_storage_leaves_everything_else_alone() -> None:
    (line,) = rules(PV, BATTERY, WILD, WILD_BATTERY, limits=(replace(EXPORT, scope=Scope.ESS),)).lines
    assert (line.members, line.uncontrolled_w, line.size_w, line.is_ess) == ((1,), 1500.0, 5000.0, True)
    assert not rules(PV).lines[0].is_ess


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({}, 1),
        ({"basis": Basis.CONDUCTOR}, 3),
        ({"quantity": Quantity.A}, 3),
        ({"quantity": Quantity.A, "basis": Basis.CONDUCTOR}, 3),
        ({"quantity": Quantity.VA}, 1),
    ],
)
def test_a_limit_of_conductors_or_amperes_is_one_line_for_each(change: dict[str, Any], lines: int) -> None:
    made = rules(PV, limits=(replace(EXPORT, **change),)).lines
    assert len(made) == lines
    assert [x.phase for x in made] == ([None] if lines == 1 else [0, 1, 2])
    names = [x.name for x in made]
    assert names == ([made[0].limit.name] if lines == 1 else [f"{made[0].limit.name}, L{k}" for k in (1, 2, 3)])


def test_a_unit_between_two_conductors_weighs_more_in_amperes_than_in_watts() -> None:
    between = replace(PV, connection="L1L2")
    watts = rules(between, limits=(replace(EXPORT, basis=Basis.CONDUCTOR),)).lines
    assert [x.weights for x in watts] == [(0.5,), (0.5,), (0.0,)]
    assert [x.members for x in watts] == [(0,), (0,), ()]
    assert [x.size_w for x in watts] == [5000.0, 5000.0, 0.0]
    amperes = rules(between, limits=(replace(EXPORT, quantity=Quantity.A),)).lines
    assert [x.weights[0] for x in amperes] == [pytest.approx(3**-0.5), pytest.approx(3**-0.5), 0.0]
    wild = replace(WILD, connection="L3N")
    assert [x.uncontrolled_w for x in rules(wild, limits=(replace(EXPORT, basis=Basis.CONDUCTOR),)).lines] == [
        0.0,
        0.0,
        2000.0,
    ]


PANEL = PointSpec(id="panel", meters=(("sub", 1),), parent="poi")
INNER = PointSpec(id="inner", parent="panel")


def test_what_lies_behind_a_point_shows_at_all_points_before_it() -> None:
    points = {p.id: p for p in (PointSpec(id="poi"), PANEL, INNER)}
    deep = replace(PV, point="inner")
    assert [lies_behind(deep, name, points) for name in ("poi", "panel", "inner")] == [True, True, True]
    assert [lies_behind(PV, name, points) for name in ("poi", "panel", "inner")] == [True, False, False]
    lost = replace(PV, point="nowhere")
    assert [lies_behind(lost, name, points) for name in ("poi", "panel", "nowhere")] == [True, False, True]


def test_points_that_are_each_other_s_parents_end() -> None:
    round_ = {p.id: p for p in (PointSpec(id="a", parent="b"), PointSpec(id="b", parent="a"))}
    assert not lies_behind(replace(PV, point="a"), "c", round_)
    assert lies_behind(replace(PV, point="a"), "b", round_)


def test_points_that_the_file_leaves_out_are_those_of_its_meters() -> None:
    points = all_points(site(PV, meters=(POI, SUB)))
    assert points == {
        "poi": PointSpec(id="poi", meters=(("poi", 1),)),
        "panel": PointSpec(id="panel", meters=(("sub", 1),), parent="poi"),
    }


def test_a_point_of_the_file_keeps_all_that_it_says_and_is_given_the_first_meter_that_names_it() -> None:
    said = PointSpec(id="panel", kind=PointKind.BUSBAR, parent="inner", rating_a=80.0)
    second = kit.meter_spec(id="third", point="panel")
    points = all_points(site(PV, meters=(POI, SUB, second), points=(said, INNER)))
    assert points["panel"] == replace(said, meters=(("sub", 1),))
    assert points["inner"].meters == ()
    summed = replace(said, meters=(("poi", 1), ("third", -1)))
    assert all_points(site(PV, meters=(POI, SUB, second), points=(summed,)))["panel"] == summed


def test_a_line_of_a_point_is_measured_by_its_meters_and_acts_on_what_lies_behind_it() -> None:
    both = PointSpec(id="both", meters=(("poi", 1), ("sub", -1)), parent="poi")
    inside = replace(BATTERY, point="panel")
    policy = rules(
        PV,
        inside,
        replace(WILD, point="panel"),
        meters=(POI, SUB),
        points=(PANEL, both),
        limits=(EXPORT, replace(EXPORT, point="panel"), replace(EXPORT, point="both")),
    )
    assert [x.members for x in policy.lines] == [(0, 1), (1,), ()]
    assert [x.meter_signs for x in policy.lines] == [((0, 1),), ((1, 1),), ((0, 1), (1, -1))]
    assert [x.uncontrolled_w for x in policy.lines] == [2000.0, 2000.0, 0.0]
    assert policy.behind == ((0, 1), (1,))


def test_a_meter_that_measures_no_point_by_itself_has_nobody_behind_it() -> None:
    half = PointSpec(id="half", meters=(("sub", -1),), parent="poi")
    sub = replace(SUB, point="half")
    assert rules(replace(PV, point="half"), meters=(POI, sub), points=(half,)).behind == ((0,), ())


def test_the_grids_hold_the_lines_of_each_direction_with_their_weights() -> None:
    policy = rules(PV, BATTERY, limits=(IMPORT, EXPORT, replace(EXPORT, scope=Scope.ESS)))
    assert policy.up == Grid(members=(((0, 1.0), (1, 1.0)), ((1, 1.0),)), columns=(((0, 1.0),), ((0, 1.0), (1, 1.0))))
    assert policy.down == Grid(members=(((1, 1.0),),), columns=((), ((0, 1.0),)))


def test_a_bus_weighs_what_lies_on_it_in_amperes() -> None:
    bus = PointSpec(id="panel", kind=PointKind.BUSBAR, meters=(("poi", 1), ("sub", -1)), parent="poi", rating_a=80.0)
    on, off = replace(PV, connection="L1L2", point="panel"), BATTERY
    (made,) = rules(off, on, meters=(POI, SUB), points=(bus,)).buses
    assert (made.point, made.rating_a, made.members, made.meter_signs) == (bus, 80.0, (1,), ((0, 1), (1, -1)))
    assert made.weights[0] == (0.0, 0.0, 0.0)
    assert made.weights[1] == (pytest.approx(3**-0.5), pytest.approx(3**-0.5), 0.0)
    assert rules(PV, points=(replace(PANEL, meters=(("poi", 1),)),)).buses == ()
    unrated = replace(bus, meters=(("poi", 1),), rating_a=None)
    assert rules(PV, points=(unrated,)).buses[0].rating_a == 0.0


@pytest.mark.parametrize(
    ("change", "kind", "rank"),
    [
        ({}, PointKind.NET, 2000),
        ({"direction": Direction.IMPORT}, PointKind.NET, 3000),
        ({"quantity": Quantity.A}, PointKind.NET, 1000),
        ({"quantity": Quantity.VA}, PointKind.NET, 2000),
        ({}, PointKind.BUSBAR, 1000),
        ({"direction": Direction.IMPORT}, PointKind.CONDUCTOR, 1000),
        ({"priority": 7, "quantity": Quantity.A}, PointKind.CONDUCTOR, 7),
        ({"priority": 0}, PointKind.NET, 0),
    ],
)
def test_conductors_win_over_export_and_export_over_import_unless_the_site_says_otherwise(
    change: dict[str, Any], kind: PointKind, rank: int
) -> None:
    assert rank_of(replace(EXPORT, **change), kind) == rank


def test_the_rank_of_a_line_is_that_of_its_limit_at_its_point() -> None:
    conductor = PointSpec(id="panel", kind=PointKind.CONDUCTOR, meters=(("poi", 1),), parent="poi", rating_a=50.0)
    policy = rules(PV, points=(conductor,), limits=(EXPORT, replace(EXPORT, point="panel")))
    assert [x.rank for x in policy.lines] == [2000, 1000]


def meters_of(policy: Policy) -> tuple[MeterSpec, ...]:
    return policy.meters


def test_what_the_site_and_its_preset_say_is_handed_on() -> None:
    of = site(PV, limits=(EXPORT, IMPORT), tuning=Tuning(release_slew_pct_s=7.0))
    policy = policy_for(of)
    assert (policy.limits, meters_of(policy), policy.tuning) == (of.limits, of.meters, of.tuning)
    assert (policy.tolerance, policy.lockout) == (of.preset.tolerance, of.preset.lockout)
    lockout = LockoutRules(preset="test", rules=(ExcursionRule(id="long", lasting_s=9.0),))
    preset = replace(of.preset, tolerance=Tolerance(share=0.5), lockout=lockout)
    changed = policy_for(replace(of, preset=preset))
    assert (changed.tolerance, changed.lockout) == (preset.tolerance, lockout)
