"""What is worth a write, at its edges, and what a command carries."""

from typing import Any

import pytest

from pcs.core import der_state, ders, economy
from pcs.core.der_state import DerState
from pcs.core.economy import Bounds
from pcs.core.evolve import evolve
from pcs.core.order import Order
from pcs.model.command import LimitActivePower
from pcs.model.profile import LimitAction, Persistence
from pcs.model.site import DerKind
from tests import core_site as site

SIZE_W = 10_000.0


def inverter(action: LimitAction | None = None, **known: Any) -> DerState:
    """An inverter that holds 3 kW, told at 0 s; armed are 500 W."""
    spec = site.der_spec(profile=site.inverter_profile(limits={"123": action or site.action()}))
    der = ders.identified(der_state.new(spec, site.TIMING, 0.0), site.der_met(), 0.0)
    return evolve(der, **{"sent": Order(3000.0), "held": Order(3000.0), "sent_s": 0.0, "reversion_w": 500.0, **known})


def battery(action: LimitAction | None = None, *, bounds_charge: bool = True, **known: Any) -> DerState:
    """A battery of 10 kW and 5 kW of draw that holds 3 kW and 2 kW of draw, told at 0 s; armed are 500 and 400 W."""
    profile = site.inverter_profile(limits={"123": action or site.action()})
    spec = site.der_spec(kind=DerKind.BATTERY, charge_w=5000.0, profile=profile)
    met = site.der_met(charge_rating_w=5000.0, bounds_charge=bounds_charge, takes_setpoint=True)
    der = ders.identified(der_state.new(spec, site.TIMING, 0.0), met, 0.0)
    order = Order(3000.0, 2000.0 if bounds_charge else None)
    given = {"sent": order, "held": order, "sent_s": 0.0, "reversion_w": 500.0, "reversion_charge_w": 400.0}
    return evolve(der, **{**given, **known})


def asked(der: DerState, now_s: float = 50.0, **bounds: float) -> LimitActivePower | None:
    """What is told for these bounds; those that are not given are as before."""
    floor_w = -2000.0 if der.least_w < 0.0 else 0.0
    draw_w = 400.0 if der.least_w < 0.0 else 0.0
    given = {"cap_w": 3000.0, "floor_w": floor_w, "safe_w": 500.0, "safe_charge_w": draw_w, **bounds}
    return economy.command(der, Bounds(**given), now_s)[1]


def test_nothing_is_said_while_nothing_changes() -> None:
    assert asked(inverter()) is None
    assert asked(battery()) is None


@pytest.mark.parametrize(("cap_w", "due"), [(2995.0, False), (2994.9, True)])
def test_a_lowering_of_exactly_the_rounding_is_none(cap_w: float, due: bool) -> None:
    assert (asked(inverter(), cap_w=cap_w) is not None) is due


@pytest.mark.parametrize(("floor_w", "due"), [(-1995.0, False), (-1994.9, True)])
def test_a_draw_that_shrinks_by_more_than_the_rounding_is_urgent(floor_w: float, due: bool) -> None:
    command = asked(battery(), now_s=0.01, floor_w=floor_w)
    assert (command is not None) is due
    assert command is None or (command.urgent, command.charge_limit_w) == (True, -floor_w)


@pytest.mark.parametrize(("cap_w", "due"), [(3010.0, False), (3010.1, True)])
def test_a_raise_of_exactly_the_noise_is_none(cap_w: float, due: bool) -> None:
    assert (asked(inverter(), cap_w=cap_w) is not None) is due


@pytest.mark.parametrize(("floor_w", "due"), [(-2010.0, False), (-2010.1, True)])
def test_more_draw_waits_for_what_is_more_than_noise(floor_w: float, due: bool) -> None:
    command = asked(battery(), floor_w=floor_w)
    assert (command is not None) is due
    assert command is None or not command.urgent


@pytest.mark.parametrize(("now_s", "due"), [(0.19, False), (0.2, True)])
def test_a_raise_is_due_exactly_a_fifth_of_a_second_after_the_last(now_s: float, due: bool) -> None:
    assert (asked(inverter(), now_s=now_s, cap_w=5000.0) is not None) is due
    assert (asked(battery(), now_s=now_s, floor_w=-4000.0) is not None) is due


def test_the_last_step_down_to_the_whole_draw_is_never_too_small() -> None:
    nearly = battery(sent=Order(3000.0, 4995.0), held=Order(3000.0, 4995.0))
    command = asked(nearly, floor_w=-5000.0)
    assert command is not None
    assert command.charge_limit_w == 5000.0
    assert asked(battery(sent=Order(3000.0, 5000.0), held=Order(3000.0, 5000.0)), floor_w=-5000.0) is None


def test_all_of_the_rating_is_told_once_and_not_again_and_again() -> None:
    assert asked(inverter(sent=Order(9995.0)), cap_w=SIZE_W) is not None
    assert asked(inverter(sent=Order(SIZE_W)), cap_w=SIZE_W) is None
    assert asked(inverter(sent=Order(9990.0)), cap_w=9995.0) is None


def test_a_set_point_that_begins_or_ends_is_told_though_no_watt_changes() -> None:
    """Its wish beyond the bound: a set point; its wish inside again: none."""
    free = battery(bounds_charge=False, wish_w=-4000.0)
    held = asked(free)
    assert held is not None
    assert (held.setpoint_w, held.urgent) == (-2000.0, True), "a draw beyond its bound comes down at once"
    told = battery(bounds_charge=False, wish_w=-1000.0, sent=Order(3000.0, None, -2000.0))
    released = asked(told)
    assert released is not None
    assert (released.setpoint_w, released.urgent) == (None, False)


@pytest.mark.parametrize(("waited_s", "due"), [(3.99, False), (4.0, True)])
def test_a_limit_is_said_again_when_its_refresh_is_due(waited_s: float, due: bool) -> None:
    der = inverter(site.action(refresh_s=4.0))
    command = asked(der, now_s=waited_s)
    assert (command is not None) is due
    assert command is None or not command.urgent
    assert asked(evolve(der, pending=True), now_s=waited_s) is None, "not while one is under way"


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ({"safe_w": 495.0}, False),
        ({"safe_w": 494.9}, True),
        ({"safe_charge_w": 395.0}, False),
        ({"safe_charge_w": 394.9}, True),
        ({"safe_w": 900.0, "safe_charge_w": 900.0}, False),
    ],
)
def test_an_armed_value_that_became_too_much_is_lowered_at_once_in_either_direction(
    change: dict[str, float], due: bool
) -> None:
    command = asked(battery(site.action(reversion_s=10.0)), now_s=0.01, **change)
    assert (command is not None) is due
    assert command is None or command.urgent
    assert asked(battery(), now_s=0.01, **change) is None, "where nothing is armed there is nothing to lower"


@pytest.mark.parametrize(("retries", "wait_s"), [(1, 0.25), (2, 0.5), (3, 1.0), (4, 2.0), (5, 2.0), (50, 2.0)])
def test_a_command_that_came_to_nothing_is_urgent_when_its_time_has_come(retries: int, wait_s: float) -> None:
    der = inverter(retries=retries)
    assert asked(der, now_s=wait_s - 0.01) is None
    again = asked(der, now_s=wait_s)
    assert again is not None
    assert again.urgent


def test_the_state_after_a_command_knows_what_was_said_and_when() -> None:
    der, command = economy.command(battery(), Bounds(2000.0, -1000.0, 450.0, 350.0), 50.0)
    assert command == LimitActivePower(
        der_id="d0",
        limit_w=2000.0,
        reversion_limit_w=450.0,
        charge_limit_w=1000.0,
        reversion_charge_limit_w=350.0,
        setpoint_w=None,
        urgent=True,
    )
    assert (der.sent, der.sent_s, der.pending) == (Order(2000.0, 1000.0), 50.0, True)
    assert (der.reversion_w, der.reversion_charge_w) == (450.0, 350.0)
    last = der.track.told[-1]
    assert (last.sent_s, last.floor_w, last.cap_w) == (50.0, -1000.0, 2000.0)


def test_a_refresh_tells_the_observer_nothing_new() -> None:
    before = inverter(site.action(refresh_s=4.0))
    after, command = economy.command(before, Bounds(3000.0, 0.0, 500.0, 0.0), 5.0)
    assert command is not None
    assert after.track.told == before.track.told


def test_a_set_point_counts_from_its_beginning_and_not_from_its_repetition() -> None:
    free = battery(bounds_charge=False, wish_w=-4000.0, told_since_s=-7.0)
    begun, command = economy.command(free, Bounds(3000.0, -2000.0, 500.0, 400.0), 50.0)
    assert command is not None
    assert begun.told_since_s == 50.0
    again, command = economy.command(begun, Bounds(3000.0, -1500.0, 500.0, 400.0), 60.0)
    assert command is not None
    assert again.told_since_s == 50.0
    ended, command = economy.command(
        evolve(again, wish_w=-1000.0, pending=False), Bounds(3000.0, -1500.0, 500.0, 400.0), 70.0
    )
    assert command is not None
    assert (command.setpoint_w, ended.told_since_s) == (None, 50.0)


def test_no_bound_goes_beyond_what_the_device_may_at_most() -> None:
    limited = battery(most_w=800.0, least_w=-300.0)
    command = asked(limited, cap_w=3000.0, floor_w=-2000.0, safe_w=2000.0, safe_charge_w=1000.0)
    assert command is not None
    assert (command.limit_w, command.charge_limit_w) == (800.0, 300.0)
    assert (command.reversion_limit_w, command.reversion_charge_limit_w) == (800.0, 300.0)


def parked(**known: Any) -> DerState:
    """A battery whose register may wear out and that holds its safe share."""
    order = Order(500.0, 400.0)
    return battery(site.action(Persistence.EEPROM), **{"sent": order, "held": order, **known})


def test_what_is_parked_is_left_alone_within_the_rounding_in_both_directions() -> None:
    assert asked(parked()) is None
    assert asked(parked(), safe_w=495.0) is None
    assert asked(parked(), safe_charge_w=395.0) is None
    less = asked(parked(), safe_w=494.9)
    assert less is not None
    assert (less.limit_w, less.charge_limit_w, less.urgent) == (494.9, 400.0, True)
    draws = asked(parked(), safe_charge_w=394.9)
    assert draws is not None
    assert (draws.limit_w, draws.charge_limit_w) == (500.0, 394.9)


@pytest.mark.parametrize(("retries", "wait_s"), [(0, 2.0), (1, 4.0), (3, 16.0), (10, 2048.0), (11, 2048.0)])
def test_a_parked_der_is_asked_again_after_ever_longer_times(retries: int, wait_s: float) -> None:
    der = parked(held=None, retries=retries)
    assert asked(der, now_s=wait_s - 0.01) is None
    assert asked(der, now_s=wait_s) is not None
    assert asked(evolve(der, pending=True), now_s=wait_s) is None


def test_room_may_come_by_the_limit_alone_or_by_the_set_point_alone() -> None:
    """One that must help is told a higher limit; one that may draw less is told at once: a set point is both bounds."""
    helps = battery(sent=Order(3000.0, 0.0, 500.0))
    raised = asked(helps, cap_w=4000.0, floor_w=500.0)
    assert raised is not None
    assert (raised.limit_w, raised.setpoint_w, raised.urgent) == (4000.0, 500.0, False)
    draws = battery(sent=Order(0.0, 2000.0, -1000.0), wish_w=0.0)
    eased = asked(draws, cap_w=-900.0)
    assert eased is not None
    assert (eased.limit_w, eased.setpoint_w, eased.urgent) == (0.0, -900.0, True)
    assert asked(helps, floor_w=500.0) is None
    assert asked(draws, cap_w=-1000.0) is None


def test_a_refresh_of_less_than_a_second_is_a_refresh() -> None:
    assert asked(inverter(site.action(refresh_s=0.5)), now_s=0.5) is not None
