"""The wish of storage: seen while it is free, remembered under a set point, asked for again ever less often."""

from dataclasses import replace

import pytest

from pcs.core import der_state, ders, observe, wishes
from pcs.core.der_state import ASK_FIRST_S, ASK_MOST_S, DerState
from pcs.core.evolve import evolve
from pcs.core.order import Order
from pcs.model.site import DerKind
from tests import core_site as site

SIZE_W = 10_000.0
FREE, HELD_BACK = Order(SIZE_W), Order(SIZE_W, None, -1000.0)
ARRIVES_S = site.TIMING.telemetry_s + observe.settle_s(site.TIMING, 1.0)
"""From its release until it must be where it wishes to be."""


def battery(sent: Order | None, held: Order | None, **more: object) -> DerState:
    """Storage of 10 kW whose draw only a set point bounds."""
    spec = site.der_spec(kind=DerKind.BATTERY, charge_w=SIZE_W)
    met = site.der_met(bounds_charge=False, takes_setpoint=True, charge_rating_w=SIZE_W)
    der = ders.identified(der_state.new(spec, site.TIMING, 0.0), met, 0.0)
    return evolve(der, sent=sent, held=held, **more)


def test_free_storage_shows_its_wish_in_every_reading() -> None:
    der = wishes.take(battery(FREE, FREE), -4000.0, 20.0)
    assert der.wish_w == -4000.0
    assert wishes.take(der, 1500.0, 21.0).wish_w == 1500.0


def test_storage_that_nobody_has_told_anything_is_free_unless_it_was_found_with_a_set_point() -> None:
    der = battery(None, None)
    assert wishes.take(der, -4000.0, 20.0).wish_w == -4000.0
    assert der.identified is not None
    found = replace(der.identified, found=replace(der.identified.found, setpoint_w=-500.0))
    assert wishes.take(evolve(der, identified=found), -500.0, 20.0).wish_w is None


@pytest.mark.parametrize(
    ("sent", "held"), [(HELD_BACK, HELD_BACK), (HELD_BACK, FREE), (FREE, HELD_BACK), (FREE, None), (None, HELD_BACK)]
)
def test_a_set_point_that_may_be_in_force_hides_the_wish(sent: Order | None, held: Order | None) -> None:
    assert wishes.take(battery(sent, held, wish_w=-3000.0), -1000.0, 20.0).wish_w == -3000.0


def test_a_reading_from_before_its_release_says_nothing_of_its_wish() -> None:
    der = battery(FREE, FREE, free_s=30.0, wish_w=-3000.0)
    assert wishes.take(der, -9000.0, 29.9).wish_w == -3000.0
    assert wishes.take(der, -9000.0, 30.0).wish_w == -9000.0


def test_just_after_its_release_a_larger_draw_counts_at_once_and_a_smaller_one_when_it_must_have_arrived() -> None:
    der = battery(FREE, FREE, free_s=30.0, wish_w=-3000.0)
    assert wishes.take(der, -3101.0, 31.0).wish_w == -3101.0
    assert wishes.take(der, -3099.0, 31.0).wish_w == -3000.0, "within 1 % of its size: the error of telemetry"
    assert wishes.take(der, -500.0, 30.0 + ARRIVES_S - 0.1).wish_w == -3000.0
    assert wishes.take(der, -500.0, 30.0 + ARRIVES_S).wish_w == -500.0


def test_the_first_that_is_seen_of_a_wish_is_it_until_more_is_seen() -> None:
    der = wishes.take(battery(FREE, FREE, free_s=30.0), -700.0, 31.0)
    assert der.wish_w == -700.0


def test_a_wish_that_draws_again_while_it_is_asked_about_is_taken_for_the_one_that_was_hidden() -> None:
    asked = battery(FREE, FREE, free_s=30.0, wish_w=-1000.0, hidden_w=-6000.0)
    seen = wishes.take(asked, -1500.0, 31.0)
    assert (seen.wish_w, seen.hidden_w) == (-6000.0, None)
    deeper = wishes.take(asked, -7000.0, 31.0)
    assert deeper.wish_w == -7000.0


@pytest.mark.parametrize(
    ("injection_w", "ask_after_s"), [(-6000.0, 3600.0), (-5500.0, 3600.0), (-5499.0, ASK_FIRST_S), (0.0, ASK_FIRST_S)]
)
def test_a_wish_that_has_become_another_one_is_asked_for_often_again(injection_w: float, ask_after_s: float) -> None:
    """Another one: 5 % of its size above the one that was hidden."""
    asked = battery(FREE, FREE, free_s=30.0, wish_w=-1000.0, hidden_w=-6000.0, ask_after_s=3600.0)
    seen = wishes.take(asked, injection_w, 30.0 + ARRIVES_S)
    assert (seen.wish_w, seen.hidden_w, seen.ask_after_s) == (injection_w, None, ask_after_s)


def test_what_injects_in_its_turn_wishes_no_draw() -> None:
    """It was held at a draw or at rest, so no set point asked for that; the slowest plant need not be waited for."""
    asked = battery(FREE, FREE, free_s=30.0, turn_s=25.0, wish_w=-1000.0, hidden_w=-6000.0)
    assert wishes.take(asked, 90.0, 31.0).wish_w == -1000.0, "within 1 % of its size: the error of telemetry"
    seen = wishes.take(asked, 2500.0, 31.0)
    assert (seen.wish_w, seen.hidden_w, seen.ask_after_s) == (2500.0, None, ASK_FIRST_S)


@pytest.mark.parametrize(
    ("room_w", "waits_s"),
    [(10_000.0, 60.0), (20_000.0, 60.0), (9000.0, 396.0), (7500.0, ASK_FIRST_S), (0.0, ASK_FIRST_S)],
)
def test_a_question_waits_the_longer_the_more_it_may_cost(room_w: float, waits_s: float) -> None:
    """A minute where there is room for all that it can draw; the whole time where a quarter of that lacks."""
    der = battery(HELD_BACK, HELD_BACK, wish_w=-6000.0, told_since_s=100.0)
    assert wishes.waits_s(der, room_w) == pytest.approx(waits_s)
    assert not wishes.is_due(der, -1000.0, room_w, 100.0 + waits_s - 0.1)
    assert wishes.is_due(der, -1000.0, room_w, 100.1 + waits_s)


def test_a_wish_that_was_hidden_from_the_start_is_asked_for_soon_whatever_it_costs() -> None:
    der = battery(HELD_BACK, HELD_BACK, told_since_s=0.0)
    assert not wishes.is_due(der, -1000.0, 0.0, wishes.ASK_NEW_S - 0.1)
    assert wishes.is_due(der, -1000.0, 0.0, wishes.ASK_NEW_S)
    asked = wishes.let_go(der, -1000.0)
    assert (asked.wish_w, asked.hidden_w, asked.ask_after_s) == (-1000.0, -SIZE_W, ASK_FIRST_S)


def test_a_wish_is_asked_half_as_often_each_time_and_a_question_is_put_once() -> None:
    der = battery(HELD_BACK, HELD_BACK, wish_w=-6000.0, told_since_s=100.0)
    asked = wishes.let_go(der, -1000.0)
    assert (asked.wish_w, asked.hidden_w, asked.ask_after_s) == (-1000.0, -6000.0, 2.0 * ASK_FIRST_S)
    assert wishes.let_go(asked, -900.0) == asked


def test_however_often_the_answer_was_the_same_a_question_waits_two_hours_at_most_or_a_quarter_of_one() -> None:
    """Two hours where it may cost something, a quarter of an hour where it does not."""
    der = battery(HELD_BACK, HELD_BACK, wish_w=-6000.0, told_since_s=0.0)
    for _ in range(20):
        der = evolve(wishes.let_go(der, -1000.0), hidden_w=None)
    assert [wishes.waits_s(der, room_w) for room_w in (0.0, 9000.0, 9950.0, 10_000.0)] == [
        ASK_MOST_S, ASK_MOST_S, ASK_FIRST_S, ASK_FIRST_S
    ]  # fmt: skip


def test_a_known_wish_for_which_there_is_room_in_its_turn_is_assumed_as_it_is() -> None:
    asked = wishes.let_go(battery(HELD_BACK, HELD_BACK, wish_w=-6000.0), -8000.0)
    assert (asked.wish_w, asked.hidden_w) == (-6000.0, -6000.0)


@pytest.mark.parametrize("wish_w", [-1000.0, 300.0])
def test_a_wish_that_fits_need_not_be_asked_for(wish_w: float) -> None:
    der = battery(HELD_BACK, HELD_BACK, wish_w=wish_w, told_since_s=0.0)
    assert not wishes.is_due(der, -1000.0, SIZE_W, 1e6)


@pytest.mark.parametrize("sent", [None, FREE])
def test_nobody_asks_storage_that_is_free(sent: Order | None) -> None:
    assert not wishes.is_due(battery(sent, FREE, wish_w=-6000.0, told_since_s=0.0), -1000.0, SIZE_W, 1e6)


def test_nobody_asks_storage_whose_draw_has_a_limit_of_its_own() -> None:
    der = battery(HELD_BACK, HELD_BACK, wish_w=-6000.0, told_since_s=0.0, bounds_charge=True)
    assert not wishes.is_due(der, -1000.0, SIZE_W, 1e6)


def test_a_turn_ends_with_the_answer_with_a_set_point_or_with_its_time() -> None:
    asks = battery(HELD_BACK, HELD_BACK, wish_w=-6000.0, told_since_s=0.0, turn_s=100.0)
    assert not wishes.is_over(asks, 101.0), "the others are on their way to rest"
    assert wishes.is_over(asks, 100.0 + wishes.TURN_MOST_S), "it does not take its release"
    assert not wishes.is_over(evolve(asks, sent=FREE, hidden_w=-6000.0), 101.0)
    assert wishes.is_over(evolve(asks, sent=FREE), 101.0), "answered"
    assert wishes.is_over(evolve(asks, told_since_s=103.0), 103.0), "held again"


def test_a_turn_that_led_to_nothing_waits_as_long_as_one_that_was_answered() -> None:
    lost = wishes.ends_turn(battery(HELD_BACK, HELD_BACK, wish_w=-6000.0, told_since_s=0.0, turn_s=100.0), 130.0)
    assert (lost.turn_s, lost.told_since_s, lost.wish_w) == (None, 130.0, -6000.0)
    free = battery(FREE, FREE, wish_w=2500.0, told_since_s=0.0, turn_s=100.0)
    assert wishes.ends_turn(free, 105.0) == evolve(free, turn_s=None)
