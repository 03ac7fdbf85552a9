"""What one DER is told, from the bounds that it has."""

from hypothesis import given
from hypothesis import strategies as st

from pcs.core.order import NEAR_SHARE, Able, Order, order

NATIVE = Able(-5000.0, 5000.0, True, None)
"""A battery with a limit for its draw."""


def simple(wish_w: float | None) -> Able:
    """One without: its draw is bounded by a set point."""
    return Able(-5000.0, 5000.0, False, wish_w)


def test_a_source_has_one_limit_and_never_less_than_nothing() -> None:
    pv = Able(0.0, 10_000.0, False, None)
    assert order(4000.0, 0.0, pv) == Order(4000.0)
    assert order(12_000.0, 0.0, pv) == Order(10_000.0)
    assert order(-500.0, -500.0, pv) == Order(0.0)


def test_a_draw_that_somebody_else_forbids_is_still_told_to_be_nothing() -> None:
    """Fault campaign, core and plant, seed 6159: untold, it drew all it could, and nobody believed that it can."""
    assert order(4000.0, 0.0, NATIVE._replace(least_w=-0.0)) == Order(4000.0, 0.0)


def test_a_native_limit_of_the_draw_leaves_the_battery_its_own_wish() -> None:
    assert order(3000.0, -2000.0, NATIVE) == Order(3000.0, 2000.0)
    assert order(5000.0, -5000.0, NATIVE) == Order(5000.0, 5000.0)
    assert order(3000.0, -2000.0, NATIVE._replace(wish_w=-4000.0)) == Order(3000.0, 2000.0), "the limit does it"


def test_a_wish_inside_the_bounds_is_respected() -> None:
    assert order(3000.0, -2000.0, simple(-1500.0)) == Order(3000.0)
    assert order(3000.0, -5000.0, simple(None)) == Order(3000.0), "its draw is not bounded at all"


def test_a_wish_to_draw_beyond_the_bound_becomes_a_set_point_at_the_bound() -> None:
    assert order(3000.0, -2000.0, simple(-4000.0)) == Order(3000.0, None, -2000.0)


def test_a_wish_that_nearly_fits_leaves_a_free_battery_free_and_a_held_one_held() -> None:
    """Else the noise of a meter lets it go and takes it again for ever. Near is 50 W here."""
    near, far, fits = simple(-2030.0), simple(-2060.0), simple(-1990.0)
    assert order(3000.0, -2000.0, near) == Order(3000.0)
    assert order(3000.0, -2000.0, far) == Order(3000.0, None, -2000.0)
    assert order(3000.0, -2000.0, near._replace(is_told=True)) == Order(3000.0, None, -2000.0)
    assert order(3000.0, -2000.0, fits._replace(is_told=True)) == Order(3000.0)


def test_a_battery_of_which_nobody_knows_the_wish_rests() -> None:
    assert order(3000.0, -2000.0, simple(None)) == Order(3000.0, None, 0.0)


def test_one_that_has_to_absorb_is_told_how_much_unless_it_does_so_by_itself() -> None:
    assert order(-1000.0, -5000.0, simple(0.0)) == Order(0.0, None, -1000.0)
    assert order(-1000.0, -5000.0, simple(-3000.0)) == Order(0.0), "it wishes more than that"
    assert order(-1000.0, -2000.0, simple(-3000.0)) == Order(0.0, None, -1000.0), "its wish is beyond its floor"


def test_one_that_has_to_support_is_told_to_inject_and_no_more_than_it_can() -> None:
    assert order(5000.0, 2000.0, NATIVE) == Order(5000.0, 0.0, 2000.0)
    assert order(6000.0, 6000.0, NATIVE) == Order(5000.0, 0.0, 5000.0)


def test_a_charger_is_bounded_in_its_draw_alone() -> None:
    assert order(0.0, -4000.0, Able(-11_000.0, 0.0, True, None)) == Order(0.0, 4000.0)


@given(
    st.floats(-5000.0, 5000.0),
    st.floats(-5000.0, 5000.0),
    st.booleans(),
    st.one_of(st.none(), st.floats(-5000.0, 5000.0)),
)
def test_whatever_the_wish_the_order_keeps_the_injection_between_its_bounds(
    floor_w: float, cap_w: float, native: bool, wish_w: float | None
) -> None:
    floor_w = min(floor_w, cap_w)
    able = Able(-5000.0, 5000.0, native, wish_w)
    made = order(cap_w, floor_w, able)
    near_w = NEAR_SHARE * 5000.0
    if made.setpoint_w is not None:
        does_w = made.setpoint_w
    else:  # its own wish, inside the limits that it was told
        does_w = min(
            made.limit_w, max(0.0 if wish_w is None else wish_w, -5000.0 if made.charge_w is None else -made.charge_w)
        )
    assert floor_w - near_w - 1e-9 <= does_w <= cap_w + 1e-9
    assert made.limit_w >= 0.0
    assert made.charge_w is None or made.charge_w >= 0.0
