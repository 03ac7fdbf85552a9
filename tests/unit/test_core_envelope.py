"""Limits into one, its margin against numbers worked out by hand, and the safe total."""

from math import radians, sqrt, tan

import pytest

from pcs.core.envelope import envelope, margin, safe_total_w
from pcs.model.limit import Direction, Limit
from pcs.model.site import CurrentTransformer, Tuning
from tests import core_site as site


def export(value: float, **more: float) -> Limit:
    return Limit(direction=Direction.EXPORT, value=value, **more)  # type: ignore[arg-type]


def test_the_margin_of_a_class_one_meter_with_class_half_transformers() -> None:
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
    budget = margin(export(5000.0, margin_w=300.0), site.meter_spec(), 10_000.0)
    assert (budget.total_w, budget.inner_w) == (300.0, 150.0)


def test_the_tightest_limit_binds_after_its_margin() -> None:
    loose, tight = export(5000.0, margin_w=20.0), export(5050.0, margin_w=200.0)
    bounds = envelope(site.policy(limits=(loose, tight)))
    assert bounds.binding is tight
    assert bounds.export_limit_w == 5050.0


def test_an_import_limit_does_not_bound_export() -> None:
    bounds = envelope(site.policy(limits=(Limit(direction=Direction.IMPORT, value=100.0),)))
    assert (bounds.export_limit_w, bounds.binding, bounds.margin.total_w) == (None, None, 0.0)


def safe_w(limit_w: float | None, reserved_w: float = 0.0, **tuning: float) -> float | None:
    old = site.der_spec(9, 2000.0, profile=None, controlled=False)
    rules = site.policy(limit_w=limit_w, ders=(site.der_spec(), old), tuning=Tuning(**tuning))  # type: ignore[arg-type]
    return safe_total_w(envelope(rules), rules, reserved_w)


def test_the_safe_total_takes_no_credit_for_load_and_counts_the_others_at_nameplate() -> None:
    assert safe_w(5000.0) == 5000 - 25 - 2000
    assert safe_w(5000.0, reserved_w=2500.0) == 475
    assert safe_w(5000.0, reserved_w=9000.0) == 0.0
    assert safe_w(0.0) == 0.0
    assert safe_w(0.0, credited_min_load_w=2500.0) == 475
    assert safe_w(None) is None
