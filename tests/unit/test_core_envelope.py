"""A line's margin against numbers worked out by hand, and the safe total."""

from math import radians, sqrt, tan

import pytest

from pcs.core.envelope import envelope, error_budget, margin, safe_total_w
from pcs.model.limit import Basis, Direction, Limit
from pcs.model.site import CurrentTransformer, DerKind, Tuning
from tests import core_site as site


def export(value: float, **more: float) -> Limit:
    return Limit(direction=Direction.EXPORT, value=value, **more)  # type: ignore[arg-type]


def test_the_margin_of_a_class_one_meter_with_class_half_transformers() -> None:
    """G100-OFFS."""
    meter = site.meter_spec(class_pct=1.0, ct=CurrentTransformer(class_pct=0.5, phase_error_deg=0.5))
    budget = margin(export(5000.0), meter, 10_000.0)
    # 2 * sqrt(0.01^2 + 0.005^2 + (0.48 * tan 0.5 deg)^2) = 2.388 % of 5000 W, and one watt of resolution
    assert budget.measurement_w == pytest.approx(2 * 5000 * sqrt(1e-4 + 2.5e-5 + (0.48 * tan(radians(0.5))) ** 2) + 1)
    assert budget.measurement_w == pytest.approx(120.39, abs=0.01)
    assert budget.cushion_w == 25.0, "a quarter of a percent of 10 kW"
    assert budget.total_w == pytest.approx(145.39, abs=0.01)
    assert budget.inner_w == pytest.approx(132.89, abs=0.01)


def test_at_zero_export_only_resolution_and_cushion_are_left() -> None:
    assert margin(export(0.0), site.meter_spec(), 10_000.0, 10.0).total_w == 35.0


@pytest.mark.parametrize(
    ("nameplate_w", "creep_w", "cushion_w"), [(1000.0, 0.0, 20.0), (1e5, 0.0, 250.0), (1000.0, 30.0, 90.0)]
)
def test_the_cushion_is_the_largest_of_its_three_reasons(nameplate_w: float, creep_w: float, cushion_w: float) -> None:
    assert margin(export(0.0), site.meter_spec(creep_w=creep_w), nameplate_w).cushion_w == cushion_w


def test_a_margin_in_the_limit_replaces_the_error_budget() -> None:
    """G100-OFFS."""
    budget = margin(export(5000.0, margin_w=300.0), site.meter_spec(), 10_000.0)
    assert (budget.total_w, budget.inner_w) == (300.0, 150.0)


def safe_w(limit_w: float, reserved_w: float = 0.0, **tuning: float) -> float | None:
    old = site.der_spec(9, 2000.0, profile=None, controlled=False)
    rules = site.policy(limit_w=limit_w, ders=(site.der_spec(), old), tuning=Tuning(**tuning))  # type: ignore[arg-type]
    (line,) = rules.lines
    return safe_total_w(line, envelope(line, rules, limit_w), rules, reserved_w)


def test_the_safe_total_takes_no_credit_for_load_and_counts_the_others_at_nameplate() -> None:
    assert safe_w(5000.0) == 5000 - 25 - 2000
    assert safe_w(5000.0, reserved_w=2500.0) == 475
    assert safe_w(5000.0, reserved_w=9000.0) == 0.0
    assert safe_w(0.0) == 0.0
    assert safe_w(0.0, credited_min_load_w=2500.0) == 475


def test_a_line_that_is_not_in_force_bounds_nothing() -> None:
    rules = site.policy(limit_w=5000.0)
    bounds = envelope(rules.lines[0], rules, None)
    assert (bounds.limit_w, bounds.margin.total_w) == (None, 0.0)
    assert safe_total_w(rules.lines[0], bounds, rules, 0.0) is None


def test_towards_import_the_safe_state_draws_only_what_is_declared_for_it() -> None:
    car = site.der_spec(1, 7000.0, kind=DerKind.EVSE, charge_w=7000.0, failsafe_charge_w=1400.0)
    limits = (Limit(direction=Direction.IMPORT, value=9000.0),)
    rules = site.policy(limits=limits, ders=(site.der_spec(), car))
    (line,) = rules.lines
    assert safe_total_w(line, envelope(line, rules, 9000.0), rules, 0.0) == 1400.0


@pytest.mark.parametrize(("point", "credited_w"), [("poi", 1500.0), ("panel", 0.0)])
def test_a_minimum_of_load_is_credited_at_the_point_where_the_load_is(point: str, credited_w: float) -> None:
    meters = (site.meter_spec(), site.meter_spec(id="sub", point="panel"))
    ders = (site.der_spec(point="panel"),)
    limits = (Limit(direction=Direction.EXPORT, value=5000.0, point=point),)
    rules = site.policy(meters=meters, ders=ders, limits=limits, tuning=Tuning(credited_min_load_w=1500.0))
    (line,) = rules.lines
    assert safe_total_w(line, envelope(line, rules, 5000.0), rules, 0.0) == 5000.0 - 25.0 + credited_w


def test_of_a_minimum_of_load_each_conductor_is_credited_its_share() -> None:
    limits = (Limit(direction=Direction.EXPORT, value=5000.0, basis=Basis.CONDUCTOR),)
    rules = site.policy(limits=limits, tuning=Tuning(credited_min_load_w=1500.0))
    for line in rules.lines:
        assert safe_total_w(line, envelope(line, rules, 2000.0), rules, 0.0) == 2000.0 - 20.0 + 500.0


def test_every_meter_of_a_sum_adds_its_error_and_its_resolution() -> None:
    """Two meters of class 1 err independently: the root of two of 2 % of 1 kW, and a watt of each."""
    meters = (site.meter_spec(), site.meter_spec(id="sub", creep_w=50.0))
    budget = error_budget(export(1000.0), meters, 1000.0, 1e4)
    assert budget.measurement_w == pytest.approx(20.0 * sqrt(2.0) + 2.0)
    assert budget.cushion_w == 150.0
    assert error_budget(export(1000.0), meters, 1000.0, 1e4, 10.0).measurement_w == pytest.approx(
        20.0 * sqrt(2.0) + 20.0
    )
    nobody = error_budget(export(1000.0), (), 1000.0, 100.0)
    assert (nobody.measurement_w, nobody.cushion_w) == (1.0, 20.0)
