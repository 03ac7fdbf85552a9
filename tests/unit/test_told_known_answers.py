"""What was told and what of it can be in force, and how far that moves a DER: command by command, by hand."""

from math import exp

import pytest

from pcs.core import told
from pcs.core.motion import follow, move
from pcs.core.told import INFINITY, RING, Caps, Told
from pcs.model.profile import DerTiming
from pcs.model.units import Band

TIMING = DerTiming(
    dead_time_s=Band(lo=1.0, hi=2.0), time_constant_s=Band(lo=0.5, hi=2.0), ramp_pct_s=10.0, telemetry_s=1.0
)


def command(sent_s: float, acked_s: float, cap_w: float, floor_w: float = 0.0) -> Told:
    return Told(sent_s, acked_s, floor_w, cap_w)


OLD = command(0.0, 0.5, 8000.0)
LOST = command(10.0, INFINITY, 3000.0)
LATER = command(11.0, INFINITY, 5000.0)


def held(
    known: tuple[Told, ...], cap_w: float, sent_s: float, received_s: float, floor_w: float = 0.0
) -> tuple[Told, ...]:
    return told.confirmed(known, floor_w, cap_w, sent_s, received_s, 50.0)


def test_a_confirmation_stands_where_its_command_was_and_what_came_later_stays_under_way() -> None:
    assert held((OLD, LOST, LATER), 3000.0, 10.0, 10.2) == (OLD, command(10.0, 10.2, 3000.0), LATER)


def test_what_was_told_before_and_never_confirmed_was_overwritten_by_then() -> None:
    expected = (OLD, command(10.0, 11.3, 3000.0), command(11.1, 11.3, 5000.0))
    assert held((OLD, LOST, LATER), 5000.0, 11.1, 11.3) == expected


@pytest.mark.parametrize(
    ("cap_w", "floor_w", "known"), [(3050.0, 0.0, True), (3051.0, 0.0, False), (3000.0, -51.0, False)]
)
def test_a_value_as_the_device_rounds_it_is_its_command(cap_w: float, floor_w: float, known: bool) -> None:
    """Within 50 W in cap and floor; anything else was in force beside it."""
    found = held((OLD, LOST), cap_w, 10.1, 10.2, floor_w)
    assert found[-1] == command(10.1, 10.2, cap_w, floor_w)
    assert len(found) == (2 if known else 3)


def test_the_nearest_of_several_is_meant_and_of_equal_ones_the_newest() -> None:
    near = (OLD, command(1.0, INFINITY, 3040.0), command(2.0, INFINITY, 3010.0), command(3.0, INFINITY, 3030.0))
    assert [t.cap_w for t in held(near, 3015.0, 3.5, 4.0)] == [8000.0, 3040.0, 3015.0, 3030.0]
    same = (OLD, command(1.0, INFINITY, 3000.0), command(2.0, INFINITY, 6000.0), command(3.0, INFINITY, 3000.0))
    assert [t.cap_w for t in held(same, 3000.0, 3.5, 4.0)] == [8000.0, 3000.0, 6000.0, 3000.0]


def test_a_command_that_left_later_than_the_question_is_not_what_was_found() -> None:
    assert held((OLD, LATER), 5000.0, 10.9, 11.0) == (OLD, command(10.9, 11.0, 5000.0), LATER)
    assert held((OLD, LATER), 5000.0, 11.0, 11.2) == (OLD, command(11.0, 11.2, 5000.0))


def test_news_older_than_a_confirmed_command_changes_nothing() -> None:
    newest = command(10.0, 10.2, 3000.0)
    assert held((OLD, newest, LATER), 8000.0, 9.9, 10.0) == (OLD, newest, LATER)
    again = held((OLD, newest, LATER), 3000.0, 10.0, 10.3)
    assert again == (OLD, newest, command(10.0, 10.3, 3000.0), LATER)


def test_a_confirmation_is_never_older_than_the_one_before_it() -> None:
    slow = command(10.0, 12.0, 3000.0)
    assert held((slow, LATER), 5000.0, 11.0, 11.5)[-1] == command(11.0, 12.0, 5000.0)


def test_the_memory_of_commands_is_bounded() -> None:
    many = tuple(command(float(n), INFINITY, 1000.0 * n) for n in range(RING))
    found = held(many, 123.0, 99.0, 99.5)
    assert len(found) == RING
    assert found[-1] == command(99.0, 99.5, 123.0)


def test_commands_that_a_confirmed_one_has_long_replaced_are_forgotten() -> None:
    known = (OLD, command(10.0, 10.2, 3000.0), command(12.0, 12.3, 4000.0), LATER)
    assert told.recent(known, 12.4) == known[2:]
    assert told.recent(known, 12.3) == known[1:]
    assert told.recent(known, 10.2) == known
    assert told.recent((OLD,), 99.0) == (OLD,)


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [
        (10.9, Caps(8000.0, 8000.0, INFINITY, ((-INFINITY, 8000.0),))),
        (11.0, Caps(3000.0, 8000.0, 3000.0, ())),
        (12.1, Caps(3000.0, 8000.0, 3000.0, ())),
        (12.2, Caps(3000.0, 3000.0, 3000.0, ())),
    ],
)
def test_a_lowering_is_in_force_after_the_shortest_dead_time_and_alone_after_the_longest(
    at_s: float, expected: Caps
) -> None:
    """Told at 10 s, confirmed at 10.2 s; dead for one to two seconds."""
    known = (OLD, command(10.0, 10.2, 3000.0))
    assert told.caps_at(known, at_s, TIMING, 5000.0) == expected


def test_a_raise_lifts_from_everywhere_until_the_slowest_has_arrived() -> None:
    known = (command(0.0, 0.5, 2000.0), command(10.0, 10.2, 6000.0))
    assert told.caps_at(known, 11.5, TIMING, 2000.0) == Caps(2000.0, 6000.0, INFINITY, ((-INFINITY, 6000.0),))
    assert told.caps_at(known, 11.5, TIMING, 5999.0).raises_w == ((-INFINITY, 6000.0),)
    assert told.caps_at(known, 11.5, TIMING, 6000.0).raises_w == ()


def test_a_raise_that_a_lowering_may_have_overtaken_lifts_only_from_the_cap_that_it_raised() -> None:
    known = (command(0.0, 0.5, 2000.0), command(9.5, INFINITY, 6000.0), command(10.0, INFINITY, 3000.0))
    assert told.caps_at(known, 11.5, TIMING, 0.0) == Caps(
        2000.0, 6000.0, 3000.0, ((2000.0, 6000.0), (-INFINITY, 3000.0))
    )
    assert told.caps_at(known, 11.5, TIMING, 3000.0) == Caps(2000.0, 6000.0, 3000.0, ((2000.0, 6000.0),))


def test_the_lowest_of_several_lowerings_decides_how_far_down_it_may_be() -> None:
    known = (command(0.0, 0.5, 9000.0), command(9.0, INFINITY, 4000.0), command(9.5, INFINITY, 1000.0), LATER)
    found = told.caps_at(known, 13.0, TIMING, 9000.0)
    assert (found.lo_w, found.hi_w, found.down_w) == (1000.0, 9000.0, 1000.0)


def test_before_anything_was_told_the_first_bound_holds() -> None:
    assert told.caps_at((LATER,), 5.0, TIMING, 0.0) == Caps(5000.0, 5000.0, INFINITY, ())
    assert told.floors_at((command(11.0, INFINITY, 5000.0, -700.0),), 5.0, TIMING, 0.0) == Caps(
        700.0, 700.0, INFINITY, ()
    )


def test_floors_are_the_caps_of_the_mirrored_der() -> None:
    known = (command(0.0, 0.5, 0.0, -8000.0), command(10.0, 10.2, 0.0, -3000.0))
    assert told.floors_at(known, 11.5, TIMING, 9000.0) == Caps(3000.0, 8000.0, 3000.0, ())
    rising = (command(0.0, 0.5, 0.0, -3000.0), command(10.0, 10.2, 0.0, -8000.0))
    assert told.floors_at(rising, 11.5, TIMING, 3000.0) == Caps(3000.0, 8000.0, INFINITY, ((-INFINITY, 8000.0),))


RATED_W = 10_000.0
FREE = (True, True)


def moved(
    lo: float, hi: float, caps: Caps | None, floors: Caps | None = None, dt_s: float = 1.0
) -> tuple[float, float]:
    return move(lo, hi, caps, floors, dt_s, TIMING, RATED_W, FREE)


def test_what_no_command_bounds_does_not_move() -> None:
    assert moved(100.0, 200.0, None) == (100.0, 200.0)


def test_a_lowering_pulls_the_lower_bound_with_the_quickest_plant_and_the_upper_with_the_slowest() -> None:
    """The lower one with half a second, the upper with two seconds and 1 kW a second at most."""
    down = Caps(2000.0, 2000.0, 2000.0, ())
    lo, hi = moved(6000.0, 6000.0, down)
    assert lo == pytest.approx(2000.0 + 4000.0 * exp(-2.0))
    assert hi == 5000.0
    near = moved(2500.0, 2500.0, down)
    assert near[1] == pytest.approx(2000.0 + 500.0 * exp(-0.5))
    assert moved(2000.4, 2000.4, down) == (2000.0, 2000.0), "half a watt is there"


def test_a_lowering_that_may_be_under_way_moves_the_lower_bound_alone() -> None:
    lo, hi = moved(6000.0, 6000.0, Caps(2000.0, 8000.0, 2000.0, ()))
    assert (lo, hi) == (pytest.approx(2000.0 + 4000.0 * exp(-2.0)), 6000.0)
    assert moved(6000.0, 6000.0, Caps(2000.0, 8000.0, INFINITY, ())) == (6000.0, 6000.0)


def test_what_is_above_every_cap_is_on_its_way_down_to_the_lowest() -> None:
    lo, _ = moved(9000.0, 9000.0, Caps(2000.0, 8000.0, INFINITY, ()))
    assert lo == pytest.approx(2000.0 + 7000.0 * exp(-2.0))
    lo, _ = moved(9000.0, 9000.0, Caps(4000.0, 8000.0, 3000.0, ()))
    assert lo == pytest.approx(3000.0 + 6000.0 * exp(-2.0))


def test_a_raise_lifts_the_upper_bound_of_what_its_cap_decides() -> None:
    up = Caps(2000.0, 6000.0, INFINITY, ((-INFINITY, 6000.0),))
    assert moved(2000.0, 2000.0, up) == (2000.0, pytest.approx(6000.0 - 4000.0 * exp(-2.0)))
    assert move(2000.0, 2000.0, up, None, 1.0, TIMING, RATED_W, (False, True)) == (2000.0, 2000.0)
    assert moved(2000.0, 5999.6, up, dt_s=0.1) == (2000.0, 6000.0), "half a watt is there"


@pytest.mark.parametrize(("hi", "to_w"), [(3800.0, 6000.0), (3799.0, None), (6000.0, None), (5000.0, 6000.0)])
def test_a_raise_that_was_overtaken_lifts_only_what_was_at_its_cap(hi: float, to_w: float | None) -> None:
    """Raised from 4 to 6 kW, within 2 % of nameplate."""
    caps = Caps(1000.0, 8000.0, INFINITY, ((4000.0, 6000.0),))
    expected = hi if to_w is None else to_w - (to_w - hi) * exp(-2.0)
    assert moved(0.0, hi, caps)[1] == pytest.approx(expected)


def test_raises_one_after_the_other_lift_together() -> None:
    caps = Caps(1000.0, 8000.0, INFINITY, ((2000.0, 4000.0), (4000.0, 7000.0)))
    assert moved(0.0, 2000.0, caps)[1] == pytest.approx(7000.0 - 5000.0 * exp(-2.0))


def test_floors_move_the_bounds_as_caps_do_with_all_signs_turned() -> None:
    lo, hi = moved(-6000.0, -6000.0, None, Caps(2000.0, 2000.0, 2000.0, ()))
    assert (lo, hi) == (-5000.0, pytest.approx(-2000.0 - 4000.0 * exp(-2.0)))
    up = Caps(2000.0, 6000.0, INFINITY, ((-INFINITY, 6000.0),))
    assert moved(-2000.0, -2000.0, None, up) == (pytest.approx(-6000.0 + 4000.0 * exp(-2.0)), -2000.0)
    assert move(-2000.0, -2000.0, None, up, 1.0, TIMING, RATED_W, (True, False)) == (-2000.0, -2000.0)


def test_where_caps_and_floors_move_a_bound_the_wider_result_counts() -> None:
    rests = Caps(5000.0, 5000.0, INFINITY, ())
    lowered = Caps(1000.0, 1000.0, 1000.0, ())
    pushed = Caps(-3000.0, -3000.0, -3000.0, ())
    lo, hi = moved(2000.0, 2000.0, lowered, pushed)
    assert lo == pytest.approx(1000.0 + 1000.0 * exp(-2.0))
    assert hi == pytest.approx(3000.0 - 1000.0 * exp(-2.0))
    assert moved(2000.0, 2000.0, rests, Caps(0.0, 0.0, INFINITY, ())) == (2000.0, 2000.0)
    apart = moved(0.0, 4000.0, lowered, Caps(2000.0, 2000.0, INFINITY, ()))
    assert apart == (0.0, 3000.0)


def test_the_least_that_a_der_at_its_cap_injects_falls_quickly_and_rises_slowly() -> None:
    down = Caps(2000.0, 8000.0, 2000.0, ())
    assert follow(6000.0, down, 1.0, TIMING, RATED_W) == pytest.approx(2000.0 + 4000.0 * exp(-2.0))
    up = Caps(6000.0, 6000.0, INFINITY, ())
    assert follow(2000.0, up, 1.0, TIMING, RATED_W) == 3000.0
    assert follow(5500.0, up, 1.0, TIMING, RATED_W) == pytest.approx(6000.0 - 500.0 * exp(-0.5))
    assert follow(6000.0, up, 1.0, TIMING, RATED_W) == 6000.0
    assert follow(7000.0, Caps(2000.0, 6000.0, INFINITY, ()), 1.0, TIMING, RATED_W) == pytest.approx(
        2000.0 + 5000.0 * exp(-2.0)
    )
    assert follow(5000.0, Caps(2000.0, 6000.0, INFINITY, ()), 1.0, TIMING, RATED_W) == 5000.0


def test_a_unit_within_half_a_watt_has_arrived() -> None:
    caps = Caps(1000.0, 1000.0, 1000.0, ())
    assert follow(1000.49, caps, 0.001, TIMING, RATED_W) == 1000.0
    assert follow(1000.5, caps, 0.001, TIMING, RATED_W) > 1000.0
