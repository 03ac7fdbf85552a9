"""What storage wishes, where its draw has no limit of its own and a set point hides the wish."""

from dataclasses import replace
from itertools import pairwise

import pytest

from pcs.core import der_state, ders, economy, observe, wishes
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.order import Order
from pcs.model.site import DerKind
from tests import core_site as site

FREE, HELD = Order(10_000.0), Order(10_000.0, None, -3000.0)


def battery(order: Order, wish_w: float | None) -> DerState:
    """A battery without a limit of its draw that was told and confirmed this long ago."""
    spec = site.der_spec(kind=DerKind.BATTERY, charge_w=10_000.0)
    der = ders.identified(der_state.new(spec, site.TIMING, 0.0), site.der_met(takes_setpoint=True), 0.0)
    der = evolve(der, held=order, sent=order, sent_s=1.0, held_s=1.0, wish_w=wish_w)
    return evolve(der, track=observe.tell(der.track, 1.0, order.floor_w(-10_000.0), order.cap_w))


def says(der: DerState, injection_w: float, at_s: float = 2.0) -> DerState:
    """The battery after it said its power."""
    return ders.telemetry(der, site.der_says(injection_w, at_s))


def test_a_draw_beyond_wish_and_set_point_can_only_be_a_larger_wish() -> None:
    """The wish was seen on its way; the set point works after the dead time, and meanwhile the battery got further."""
    assert says(battery(HELD, -4000.0), -9000.0).wish_w == -9000.0


def test_a_draw_that_the_set_point_asks_for_says_nothing_of_the_wish() -> None:
    assert says(battery(HELD, -1000.0), -3050.0).wish_w == -1000.0
    assert says(battery(HELD, -9000.0), -5000.0).wish_w == -9000.0, "on its way to the set point"
    assert says(battery(HELD, None), -9000.0).wish_w is None, "it rests until it is asked"


def test_a_draw_that_an_earlier_set_point_asked_for_says_nothing_of_the_wish() -> None:
    """It was told to absorb 8 kW, then 3 kW: it comes from there."""
    der = battery(Order(0.0, None, -8000.0), 0.0)
    der = evolve(der, sent=HELD, sent_s=1.5, track=observe.tell(der.track, 1.5, -3000.0, -3000.0))
    assert says(der, -7900.0).wish_w == 0.0


def test_a_set_point_that_was_told_long_ago_still_explains_a_draw() -> None:
    der = battery(HELD, -1000.0)
    free = observe.unknown(30.0, -10_000.0, 10_000.0, sun=False)
    assert says(evolve(der, track=free), -3050.0, 31.0).wish_w == -1000.0


def released(setpoint_w: float, wish_w: float) -> DerState:
    """A battery that held this set point until 1.5 s and was let go: nothing has arrived yet."""
    der = battery(Order(10_000.0, None, setpoint_w), wish_w)
    return evolve(der, sent=FREE, held=FREE, free_s=1.5, track=observe.tell(der.track, 1.5, -10_000.0, 10_000.0))


def test_a_draw_that_its_last_set_point_asked_for_is_no_wish_after_its_release() -> None:
    """Told to absorb 8 kW it wished to inject all the while: it comes from there, and telemetry is late."""
    der = released(-8000.0, 6000.0)
    assert says(der, -7950.0).wish_w == 6000.0
    assert says(der, -8050.0).wish_w == 6000.0, "the error of telemetry"
    assert says(der, -9000.0).wish_w == -9000.0, "more than it was told is its own"
    assert says(der, -7950.0, 60.0).wish_w == -7950.0, "where it stays is its wish"


def test_what_no_set_point_of_late_asked_it_to_inject_is_its_wish_at_once() -> None:
    """Its wish changed while a set point hid it: it need not have arrived for that to be seen."""
    assert says(released(-3000.0, -9000.0), 500.0).wish_w == 500.0
    assert says(released(-3000.0, -9000.0), -500.0).wish_w == -9000.0, "on its way to anything"
    assert says(released(3000.0, -9000.0), 2900.0).wish_w == -9000.0, "it supported, and comes from there"


def test_storage_claims_the_room_that_it_was_released_for_until_it_has_arrived() -> None:
    """It wishes to draw 8 kW and is on its way there: were its claim its power, it would be caught again."""
    der = evolve(released(0.0, -8000.0), want_charge_w=9000.0)
    for n in range(20):
        der = ders.wants_charge(says(der, 0.0, 2.0 + 0.1 * n), 0.1)
    assert der.want_charge_w == 9000.0
    der = ders.wants_charge(says(der, 0.0, 60.0), 1.0)
    assert der.want_charge_w == 8500.0, "it stays at rest: others get the room, 5 % of its size a second"


def test_a_free_battery_shows_its_wish() -> None:
    assert says(battery(FREE, -4000.0), -6000.0, 60.0).wish_w == -6000.0


def test_a_question_that_was_cut_short_before_its_answer_is_not_asked_again_at_once() -> None:
    """Held again for another reason than its wish: what was assumed for the question is no answer."""
    der = evolve(battery(HELD, -9000.0), told_since_s=1.0, turn_s=800.0)
    asked = wishes.let_go(der, -4000.0)
    assert (asked.wish_w, asked.hidden_w) == (-4000.0, -9000.0)
    again = evolve(asked, told_since_s=802.5)
    assert wishes.is_over(again, 802.6)
    caught = wishes.ends_turn(again, 802.6)
    assert (caught.wish_w, caught.hidden_w, caught.turn_s) == (-9000.0, None, None)
    waits_s = 2.0 * der_state.ASK_FIRST_S
    assert not wishes.is_due(caught, 0.0, 0.0, 802.6 + waits_s - 0.1), "twice as long the next time"
    assert wishes.is_due(caught, 0.0, 0.0, 802.6 + waits_s)


def test_a_question_that_something_wrong_cuts_short_leaves_what_was_known_before() -> None:
    asked = wishes.let_go(evolve(battery(HELD, -9000.0), told_since_s=1.0, turn_s=800.0), -4000.0)
    cut = wishes.ends_turn(evolve(asked, sent=FREE), 801.0)
    assert (cut.wish_w, cut.hidden_w, cut.turn_s) == (-9000.0, None, None)


def releases_s(floor_when_free_w: float, free_for_s: float, wish_w: float = -4000.0) -> list[float]:
    """When it was let go in twenty minutes; there is room for its wish while it is held, and less some time after."""
    der = battery(HELD, wish_w)
    found: list[float] = []
    for n in range(12_000):
        now_s = 10.0 + 0.1 * n
        free = der.sent is not None and der.sent.setpoint_w is None
        floor_w = floor_when_free_w if free and now_s >= found[-1] + free_for_s else -5000.0
        der, told = economy.command(der, economy.Bounds(10_000.0, floor_w, 0.0, 0.0), now_s)
        if told is None or der.sent is None:
            continue
        if der.sent.setpoint_w is None and not free:
            found.append(now_s)
        ack = replace(site.done(told.limit_w, now_s), setpoint_w=told.setpoint_w)
        der = ders.applied(der, ack)
    return found


def test_storage_that_is_caught_again_on_its_way_is_let_go_a_minute_later_and_then_ever_more_seldom() -> None:
    """Whatever lets it go and catches it: room that is there only while a set point holds it, here."""
    found = releases_s(-3000.0, 3.0)
    waits_s = [again_s - first_s for first_s, again_s in pairwise(found)]
    assert waits_s == pytest.approx([63.0, 123.0, 243.0, 483.0], abs=0.2)


def test_storage_that_stays_free_is_not_made_to_wait() -> None:
    assert releases_s(-5000.0, 3.0) == [10.0]
    arrives_s = site.TIMING.telemetry_s + observe.settle_s(site.TIMING, 1.0)
    found = releases_s(-3000.0, arrives_s + 0.1)
    assert len(found) > 100, "room came and went after it had arrived"
    assert all(again_s - first_s < arrives_s + 1.0 for first_s, again_s in pairwise(found))


def told_setpoint_w(der: DerState, cap_w: float, floor_w: float, now_s: float) -> float | None:
    """The set point that it holds after a step with these bounds; None: it is free."""
    sent = economy.command(der, economy.Bounds(cap_w, floor_w, 0.0, 0.0), now_s)[0].sent
    assert sent is not None
    return sent.setpoint_w


@pytest.mark.parametrize(("floor_w", "setpoint_w"), [(-3000.0, -3000.0), (-5000.0, -4000.0), (-10_000.0, -4000.0)])
def test_storage_that_waits_for_its_release_draws_what_it_wishes_as_far_as_there_is_room(
    floor_w: float, setpoint_w: float
) -> None:
    der = evolve(battery(HELD, -4000.0), caught=1, told_since_s=100.0)
    for now_s, expected_w in ((159.9, setpoint_w), (160.1, setpoint_w if floor_w > -4000.0 else None)):
        assert told_setpoint_w(der, 10_000.0, floor_w, now_s) == expected_w


def test_storage_whose_known_wish_is_no_draw_waits_for_nothing() -> None:
    der = evolve(battery(HELD, 2000.0), caught=3, told_since_s=100.0)
    assert told_setpoint_w(der, 10_000.0, -3000.0, 100.5) is None


def test_storage_that_waits_for_its_release_still_absorbs_what_it_has_to() -> None:
    der = evolve(battery(HELD, -4000.0), caught=1, told_since_s=100.0)
    assert told_setpoint_w(der, -2000.0, -5000.0, 101.0) == -2000.0
