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
