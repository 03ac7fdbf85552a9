"""The budget, shared out."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.core.dispatch import Claim, Row, share
from pcs.core.dispatch import dispatch as dispatch_rows

CLAIMS = st.builds(
    lambda weight, most, want: Claim(weight_w=weight, most_w=weight * most, want_w=weight * want),
    st.floats(0.0, 50_000.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.2),
)


def dispatch(budget_w: float, claims: tuple[Claim, ...]) -> tuple[float, ...]:
    """One line that all claims are on, watt by watt."""
    return dispatch_rows((Row(members=tuple((k, 1.0) for k in range(len(claims))), total_w=budget_w),), claims)


def claim(weight_w: float, want_w: float | None = None, most_w: float | None = None) -> Claim:
    most_w = weight_w if most_w is None else most_w
    return Claim(weight_w=weight_w, most_w=most_w, want_w=most_w if want_w is None else want_w)


def test_shares_are_pro_rata_to_nameplate() -> None:
    assert dispatch(6000.0, (claim(10_000.0), claim(20_000.0))) == pytest.approx((2000.0, 4000.0))


def test_what_a_sun_limited_der_cannot_use_goes_to_the_others() -> None:
    assert dispatch(10_000.0, (claim(10_000.0, want_w=1000.0), claim(10_000.0))) == pytest.approx((1000.0, 9000.0))


def test_when_nobody_wants_more_the_caps_still_add_up_to_the_budget() -> None:
    caps_w = dispatch(10_000.0, (claim(10_000.0, want_w=1000.0), claim(10_000.0, want_w=3000.0)))
    assert caps_w == pytest.approx((4000.0, 6000.0))


def test_a_foreign_limit_bounds_a_share_and_the_rest_goes_on() -> None:
    caps_w = dispatch(9000.0, (claim(10_000.0, most_w=500.0), claim(10_000.0), claim(10_000.0, want_w=2000.0)))
    assert caps_w == pytest.approx((500.0, 6500.0, 2000.0))


def test_a_der_without_weight_gets_nothing() -> None:
    assert dispatch(9000.0, (claim(0.0), claim(10_000.0))) == (0.0, 9000.0)
    assert share(9000.0, (0.0, 10_000.0)) == (0.0, 9000.0)
    assert share(9000.0, (0.0, 0.0)) == (0.0, 0.0)


def test_the_safe_shares_never_exceed_a_nameplate() -> None:
    assert share(9000.0, (1000.0, 2000.0)) == (1000.0, 2000.0)


@given(st.floats(-1000.0, 200_000.0), st.lists(CLAIMS, max_size=5).map(tuple))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_caps_stay_within_their_bounds_and_add_up_to_what_can_be_given(
    budget_w: float, claims: tuple[Claim, ...]
) -> None:
    caps_w = dispatch(budget_w, claims)
    assert all(-1e-9 <= cap <= c.most_w + 1e-6 for cap, c in zip(caps_w, claims, strict=True))
    givable_w = sum(c.most_w for c in claims if c.weight_w > 1e-3)
    assert sum(caps_w) <= max(0.0, budget_w) + 1e-6
    assert sum(caps_w) >= min(max(0.0, budget_w), givable_w) - 1e-3


@given(st.floats(0.0, 100_000.0), st.lists(CLAIMS, min_size=2, max_size=4))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_the_order_of_the_ders_does_not_matter(budget_w: float, claims: list[Claim]) -> None:
    caps_w = dispatch(budget_w, tuple(claims))
    for order in permutations(range(len(claims))):
        turned = dispatch(budget_w, tuple(claims[k] for k in order))
        assert turned == pytest.approx([caps_w[k] for k in order], abs=1e-3)


@given(st.floats(0.0, 100_000.0), st.floats(0.0, 10_000.0), st.lists(CLAIMS, max_size=4).map(tuple))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_more_budget_lowers_no_cap(budget_w: float, more_w: float, claims: tuple[Claim, ...]) -> None:
    less, more = dispatch(budget_w, claims), dispatch(budget_w + more_w, claims)
    assert all(a <= b + 1e-6 for a, b in zip(less, more, strict=True))


THREE_CONDUCTORS = ((1.0, 0.0, 0.0, 1 / 3), (0.0, 1.0, 0.0, 1 / 3), (0.0, 0.0, 1.0, 1 / 3))
"""A unit on each conductor and a three-phase one."""


def on_lines(weights: tuple[tuple[float, ...], ...], totals_w: tuple[float, ...]) -> tuple[Row, ...]:
    return tuple(
        Row(members=tuple((k, w) for k, w in enumerate(line) if w), total_w=total_w)
        for line, total_w in zip(weights, totals_w, strict=True)
    )


def test_one_scarce_conductor_is_left_to_the_unit_that_makes_three_watts_of_one() -> None:
    rows = on_lines(THREE_CONDUCTORS, (1000.0, 9000.0, 9000.0))
    claims = (claim(5000.0), claim(5000.0), claim(5000.0), claim(3000.0))
    assert dispatch_rows(rows, claims) == pytest.approx((0.0, 5000.0, 5000.0, 3000.0))


def test_where_conductors_are_equally_scarce_shares_stay_pro_rata() -> None:
    rows = on_lines(THREE_CONDUCTORS, (4000.0, 4000.0, 4000.0))
    claims = (claim(10_000.0), claim(10_000.0), claim(10_000.0), claim(30_000.0))
    assert dispatch_rows(rows, claims) == pytest.approx((2000.0, 2000.0, 2000.0, 6000.0))


def test_equals_share_pro_rata_what_a_gain_elsewhere_leaves_them() -> None:
    weights = tuple((*line, line[0], 1 / 3) for line in THREE_CONDUCTORS)
    rows = on_lines(weights, (1500.0, 9000.0, 9000.0))
    claims = (claim(4000.0), claim(5000.0), claim(5000.0), claim(3000.0), claim(1000.0), claim(0.0))
    assert dispatch_rows(rows, claims) == pytest.approx((400.0, 5000.0, 5000.0, 3000.0, 100.0, 0.0))


def test_a_later_order_never_costs_an_earlier_one_a_watt() -> None:
    rows = on_lines(THREE_CONDUCTORS, (1000.0, 9000.0, 9000.0))
    first = Claim(weight_w=5000.0, most_w=5000.0, want_w=5000.0)
    later = Claim(weight_w=3000.0, most_w=3000.0, want_w=3000.0, order=2)
    assert dispatch_rows(rows, (first, first, first, later)) == pytest.approx((1000.0, 5000.0, 5000.0, 0.0))


def test_an_earlier_order_makes_room_where_that_costs_it_nothing() -> None:
    """Two PV units on one line each, both on a common one: which of them feeds is all the same to them."""
    rows = on_lines(((1.0, 1.0, 0.0), (1.0, 0.0, 1.0)), (5000.0, 5000.0))
    pv = Claim(weight_w=5000.0, most_w=5000.0, want_w=5000.0)
    battery = Claim(weight_w=5000.0, most_w=5000.0, want_w=5000.0, order=2)
    assert dispatch_rows(rows, (pv, pv, battery)) == pytest.approx((0.0, 5000.0, 5000.0))


def test_storage_absorbs_before_anybody_is_curtailed_and_no_more_than_needed() -> None:
    pv = Claim(weight_w=10_000.0, most_w=10_000.0, want_w=8000.0)
    battery = Claim(weight_w=5000.0, most_w=5000.0, want_w=0.0, least_w=-5000.0, order=2)
    assert dispatch(5000.0, (pv, battery)) == pytest.approx((8000.0, -3000.0))


def test_a_line_that_nobody_can_hold_leaves_its_members_at_their_least_and_frees_the_others() -> None:
    rows = on_lines(((1.0, 0.0), (1.0, 1.0)), (-9000.0, 4000.0))
    battery = Claim(weight_w=5000.0, most_w=5000.0, want_w=5000.0, least_w=-5000.0)
    assert dispatch_rows(rows, (battery, claim(10_000.0))) == pytest.approx((-5000.0, 9000.0))


def charger(size_w: float = 7400.0, least_w: float = 1400.0, order: int = 2) -> Claim:
    return Claim(weight_w=size_w, most_w=size_w, want_w=size_w, grain_w=least_w, order=order)


def test_a_charger_draws_nothing_or_at_least_its_least_current() -> None:
    assert dispatch(2000.0, (charger(), charger())) == pytest.approx((2000.0, 0.0))
    assert dispatch(1000.0, (charger(), charger())) == (0.0, 0.0)
    assert dispatch(2800.0, (charger(), charger())) == pytest.approx((1400.0, 1400.0))


def test_a_car_that_charges_is_not_paused_for_a_watt_that_a_battery_of_its_order_can_give() -> None:
    """Its fair share of 4000 W is 1333 W, less than its least current carries."""
    battery = Claim(weight_w=14_800.0, most_w=14_800.0, want_w=14_800.0, order=2)
    runs = charger()._replace(runs=True)
    assert dispatch(4000.0, (battery, runs)) == pytest.approx((2600.0, 1400.0))
    assert dispatch(4000.0, (battery, charger())) == pytest.approx((4000.0, 0.0)), "one that is paused waits for more"
    assert dispatch(4500.0, (battery, runs)) == pytest.approx((3000.0, 1500.0)), "with enough for it, as ever"
    assert dispatch(1300.0, (battery, runs)) == pytest.approx((1300.0, 0.0)), "there is not enough for its least"
    earlier = battery._replace(order=0)
    assert dispatch(4000.0, (earlier, runs)) == pytest.approx((4000.0, 0.0)), "an earlier order gives nothing"


def test_cars_that_charge_and_cannot_all_go_on_leave_nothing_unused() -> None:
    runs = charger()._replace(runs=True)
    assert dispatch(2000.0, (runs, runs)) == pytest.approx((2000.0, 0.0))


@given(
    st.floats(0.0, 100_000.0),
    st.lists(
        st.sampled_from([charger(), charger(22_000.0, 4100.0), charger(22_000.0, 4100.0)._replace(runs=True)]),
        max_size=20,
    ),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_as_many_chargers_run_as_the_budget_feeds_and_none_below_its_least(budget_w: float, all_: list[Claim]) -> None:
    bounds_w = dispatch(budget_w, tuple(all_))
    assert sum(bounds_w) <= budget_w + 1e-6
    assert all(w <= 1e-6 or w >= c.grain_w - 1e-6 for c, w in zip(all_, bounds_w, strict=True))
    if all_ and budget_w >= max(c.grain_w for c in all_) * len(all_):
        assert all(bounds_w), "there is enough for each one's least"
    if all_ and budget_w >= max(c.grain_w for c in all_):
        assert any(bounds_w), "somebody charges while there is enough for one"


def test_fifty_chargers_share_what_feeds_twenty_of_them() -> None:
    bounds_w = dispatch(28_000.0, tuple(charger() for _ in range(50)))
    assert [w > 0.0 for w in bounds_w] == [k < 20 for k in range(50)]
    assert sum(bounds_w) == pytest.approx(28_000.0)
