"""Every order that a DER can be given, at the edges between them."""

import pytest

from pcs.core.order import Able, Order, order

BOTH = Able(-5000.0, 10_000.0, True, None)
"""A battery with a limit of its draw and a set point; 1 % of its larger side are 100 W."""
BY_SETPOINT = Able(-5000.0, 10_000.0, False, None)
"""Its draw can be bounded by a set point alone."""
BY_LIMIT = Able(-5000.0, 10_000.0, True, -9000.0, takes_setpoint=False)
"""It takes no set point: a limit of its draw is all that it can be told."""


@pytest.mark.parametrize(
    ("cap_w", "floor_w", "expected"),
    [
        (3000.0, -2000.0, Order(3000.0, 2000.0)),
        (-1000.0, -2000.0, Order(0.0, 2000.0)),
        (3000.0, 500.0, Order(3000.0, 0.0)),
        (3000.0, 0.0, Order(3000.0, 0.0)),
        (99_000.0, -0.5, Order(10_000.0, 0.5)),
    ],
)
def test_what_takes_no_set_point_is_bounded_in_both_directions(cap_w: float, floor_w: float, expected: Order) -> None:
    assert order(cap_w, floor_w, BY_LIMIT) == expected
    assert order(cap_w, floor_w, BY_LIMIT._replace(bounds_charge=False)) == expected


@pytest.mark.parametrize(
    ("wish_w", "setpoint_w"),
    [(None, -1000.0), (-999.0, -1000.0), (-1000.0, None), (-3000.0, None), (-3100.0, None), (-3101.0, -1000.0)],
)
def test_what_has_to_draw_is_told_so_unless_its_wish_lies_between_its_bounds(
    wish_w: float | None, setpoint_w: float | None
) -> None:
    """It must draw at least 1 kW and may draw 3 kW, to within 100 W."""
    assert order(-1000.0, -3000.0, BOTH._replace(wish_w=wish_w)) == Order(0.0, 3000.0, setpoint_w)
    assert order(-1000.0, -3000.0, BY_SETPOINT._replace(wish_w=wish_w)) == Order(0.0, None, setpoint_w)


def test_the_error_of_a_wish_is_one_percent_of_the_larger_side() -> None:
    """A charger of 8 kW injects nothing: 80 W."""
    car = Able(-8000.0, 0.0, False, -2080.0)
    assert order(0.0, -2000.0, car) == Order(0.0)
    assert order(0.0, -2000.0, car._replace(wish_w=-2081.0)) == Order(0.0, None, -2000.0)


@pytest.mark.parametrize(
    ("wish_w", "setpoint_w"), [(-2100.0, None), (-2101.0, -2000.0), (-2000.0, None), (500.0, None), (None, 0.0)]
)
def test_a_wish_beyond_its_floor_is_held_there(wish_w: float | None, setpoint_w: float | None) -> None:
    assert order(3000.0, -2000.0, BY_SETPOINT._replace(wish_w=wish_w)) == Order(3000.0, None, setpoint_w)


@pytest.mark.parametrize(("floor_w", "expected"), [(-4900.0, Order(3000.0)), (-4899.0, Order(3000.0, None, 0.0))])
def test_a_floor_at_all_that_it_can_draw_bounds_nothing(floor_w: float, expected: Order) -> None:
    assert order(3000.0, floor_w, BY_SETPOINT) == expected


@pytest.mark.parametrize(
    ("floor_w", "expected"),
    [
        (0.0, Order(3000.0, 0.0)),
        (0.5, Order(3000.0, 0.0, 0.5)),
        (2000.0, Order(3000.0, 0.0, 2000.0)),
        (12_000.0, Order(3000.0, 0.0, 10_000.0)),
    ],
)
def test_what_has_to_help_injects_as_much_as_it_must_and_can(floor_w: float, expected: Order) -> None:
    assert order(3000.0, floor_w, BOTH) == expected


def test_an_order_bounds_what_it_says_and_a_set_point_both_sides_at_once() -> None:
    assert (Order(3000.0, 2000.0).cap_w, Order(3000.0, 2000.0).floor_w(-5000.0)) == (3000.0, -2000.0)
    assert Order(3000.0, 9000.0).floor_w(-5000.0) == -5000.0
    assert Order(3000.0).floor_w(-5000.0) == -5000.0
    assert (Order(3000.0, 2000.0, -700.0).cap_w, Order(3000.0, 2000.0, -700.0).floor_w(-5000.0)) == (-700.0, -700.0)
