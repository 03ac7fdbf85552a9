"""What is worth a write, and when."""

import pytest

from pcs.core import der_state, ders, economy, obey
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.model.command import LimitActivePower
from pcs.model.fault import FaultKind
from pcs.model.profile import LimitAction, Persistence
from pcs.model.site import DerKind
from tests import core_site as site


def met(action: LimitAction | None = None, **found: object) -> DerState:
    """An inverter that was identified at 0 s, whose limit is written by `action`."""
    limits = {"123": action or site.action()}
    spec = site.der_spec(profile=site.inverter_profile(limits=limits))
    return ders.identified(der_state.new(spec, site.TIMING, 0.0), site.der_met(**found), 0.0)  # type: ignore[arg-type]


def told(cap_w: float, action: LimitAction | None = None, at_s: float = 10.0) -> DerState:
    """The same, after it confirmed `cap_w`."""
    der, command = economy.command(met(action), economy.Bounds(cap_w, 0.0, 500.0, 0.0), at_s - 0.03)
    assert command is not None
    return ders.applied(der, site.done(cap_w, at_s))


def asked(der: DerState, cap_w: float, now_s: float, safe_w: float = 500.0) -> LimitActivePower | None:
    return economy.command(der, economy.Bounds(cap_w, 0.0, safe_w, 0.0), now_s)[1]


def test_the_first_command_goes_out_at_once_and_is_urgent() -> None:
    assert asked(met(), 3000.0, 0.0) == LimitActivePower(
        der_id="d0", limit_w=3000.0, reversion_limit_w=500.0, urgent=True
    )


def test_a_lowering_is_never_delayed() -> None:
    der, raised = economy.command(told(3000.0), economy.Bounds(5000.0, 0.0, 500.0, 0.0), 11.0)
    assert raised is not None
    der, lowered = economy.command(der, economy.Bounds(4000.0, 0.0, 500.0, 0.0), 11.0)
    assert (lowered is not None, der.pending) == (True, True)
    assert lowered is not None
    assert (lowered.urgent, lowered.limit_w) == (True, 4000.0)
    failing = obey.unwritten(der, site.failed(4000.0, 11.05))
    assert asked(failing, 3000.0, 11.05) is not None, "not by the back-off either"


def test_a_lowering_below_rounding_is_none() -> None:
    assert asked(told(3000.0), 2995.5, 11.0) is None
    assert asked(told(3000.0), 2994.5, 11.0) is not None


def test_raising_waits_for_what_is_more_than_noise_and_for_a_fifth_of_a_second() -> None:
    assert asked(told(3000.0), 3009.0, 11.0) is None
    assert asked(told(3000.0), 3011.0, 10.15) is None
    raised = asked(told(3000.0), 3011.0, 10.2)
    assert raised is not None
    assert not raised.urgent


def test_the_last_step_up_to_the_rating_is_never_too_small() -> None:
    assert asked(told(9995.0), 10_000.0, 11.0) is not None


def test_a_raise_waits_for_the_confirmation_of_the_command_before() -> None:
    der, _ = economy.command(told(3000.0), economy.Bounds(5000.0, 0.0, 500.0, 0.0), 11.0)
    assert asked(der, 6000.0, 13.0) is None
    assert asked(ders.applied(der, site.done(5000.0, 13.0)), 6000.0, 13.0) is not None


@pytest.mark.parametrize(("refresh_s", "due"), [(3.0, True), (30.0, False), (0.0, False)])
def test_a_cap_is_refreshed_as_often_as_the_profile_says(refresh_s: float, due: bool) -> None:
    assert (asked(told(3000.0, site.action(refresh_s=refresh_s)), 3000.0, 14.0) is not None) is due


@pytest.mark.parametrize(("retries", "wait_s"), [(1, 0.25), (2, 0.5), (3, 1.0), (4, 2.0), (9, 2.0)])
def test_failed_commands_are_repeated_with_a_back_off_up_to_two_seconds(retries: int, wait_s: float) -> None:
    der = evolve(told(3000.0), retries=retries, sent_s=20.0)
    assert asked(der, 3000.0, 20.0 + wait_s - 0.01) is None
    assert asked(der, 3000.0, 20.0 + wait_s) is not None


@pytest.mark.parametrize(("cap_w", "urgent"), [(3000.0, True), (3004.0, True), (3006.0, False), (6000.0, False)])
def test_a_raise_that_came_to_nothing_is_told_again_only_after_a_look(cap_w: float, urgent: bool) -> None:
    """The limit that was found instead may be somebody else's, written just behind ours."""
    der, _ = economy.command(told(3000.0), economy.Bounds(6000.0, 0.0, 500.0, 0.0), 11.0)
    der = evolve(obey.unwritten(der, site.failed(6000.0, 11.1)), sent=economy.Order(cap_w))
    again = asked(der, cap_w, 11.5)
    assert again is not None
    assert again.urgent is urgent


def test_what_came_to_nothing_is_told_again_urgently_where_nothing_of_ours_is_known_to_be_there() -> None:
    der = evolve(told(3000.0), retries=1, held=None)
    again = asked(der, 3000.0, 20.0)
    assert again is not None
    assert again.urgent


def test_a_confirmed_command_ends_the_back_off() -> None:
    der = evolve(told(3000.0), retries=5)
    assert ders.applied(der, site.done(3000.0, 20.0)).retries == 0


def test_an_armed_reversion_above_the_safe_share_is_lowered_at_once() -> None:
    armed = told(3000.0, site.action(reversion_s=10.0))
    lowered = asked(armed, 3000.0, 10.5, safe_w=400.0)
    assert lowered is not None
    assert (lowered.urgent, lowered.reversion_limit_w) == (True, 400.0)
    assert asked(armed, 3000.0, 10.5, safe_w=600.0) is None, "a higher one can wait for the refresh"
    assert asked(told(3000.0), 3000.0, 10.5, safe_w=400.0) is None, "nothing is armed where the timer drops the limit"


def test_no_command_exceeds_a_foreign_limit() -> None:
    command = asked(met(limit_w=700.0), 3000.0, 0.0, safe_w=2000.0)
    assert command is not None
    assert (command.limit_w, command.reversion_limit_w) == (700.0, 700.0)


@pytest.mark.parametrize("persistence", [Persistence.EEPROM, Persistence.UNKNOWN])
def test_a_register_that_may_wear_out_is_written_once_to_the_safe_share(persistence: Persistence) -> None:
    der, command = economy.command(met(site.action(persistence)), economy.Bounds(9000.0, 0.0, 500.0, 0.0), 0.0)
    assert command is not None
    assert (command.limit_w, command.urgent) == (500.0, True)
    der = ders.applied(der, site.done(500.0, 0.1))
    for now_s in (1.0, 100.0, 1e5):
        assert asked(der, 9000.0, now_s) is None
        assert asked(der, 0.0, now_s) is None
        assert asked(der, 9000.0, now_s, safe_w=900.0) is None
    assert asked(der, 0.0, 1e5, safe_w=300.0) is not None, "only a lower safe share is worth its wear"


def test_a_parked_der_that_does_not_confirm_is_asked_ever_less_often() -> None:
    der, _ = economy.command(met(site.action(Persistence.EEPROM)), economy.Bounds(9000.0, 0.0, 500.0, 0.0), 0.0)
    sent_s = [0.0]
    for tenth in range(1, 3000):
        if der.pending:
            der = obey.unwritten(der, site.failed(500.0, tenth / 10))
        der, command = economy.command(der, economy.Bounds(9000.0, 0.0, 500.0, 0.0), tenth / 10)
        sent_s += [tenth / 10] if command else []
    assert sent_s == [0.0, 4.0, 12.0, 28.0, 60.0, 124.0, 252.0]


def test_a_der_that_cannot_be_limited_is_never_commanded() -> None:
    assert asked(der_state.new(site.der_spec(), site.TIMING, 0.0), 0.0, 9.0) is None, "not identified"
    assert asked(met(variant="704"), 0.0, 9.0) is None, "its profile has no action for what it offers"
    bare = der_state.new(site.der_spec(profile=site.inverter_profile(limits={})), site.TIMING, 0.0)
    assert asked(ders.identified(bare, site.der_met(), 0.0), 0.0, 9.0) is None
    wrong = obey.refused(told(3000.0), site.fault(FaultKind.WRONG_DEVICE, 11.0, "d0"))
    assert asked(wrong, 0.0, 12.0) is None


def storage(**found: object) -> DerState:
    spec = site.der_spec(1, kind=DerKind.BATTERY, charge_w=5000.0)
    facts = {"charge_rating_w": 5000.0, "bounds_charge": True, "takes_setpoint": True, **found}
    return ders.identified(der_state.new(spec, site.TIMING, 0.0), site.der_met(1, **facts), 0.0)  # type: ignore[arg-type]


def test_a_controller_that_leaves_tells_every_der_its_share_of_the_safe_set_in_both_directions() -> None:
    """DESIGN section 6: what is armed and what holds until the timer ends are the same."""
    inverter, battery = economy.leaving((met(), storage()), (500.0, 300.0), (0.0, 700.0))
    assert inverter == LimitActivePower(
        der_id="d0", limit_w=500.0, reversion_limit_w=500.0, reversion_charge_limit_w=0.0, urgent=True
    )
    assert battery == LimitActivePower(
        der_id="d1",
        limit_w=300.0,
        reversion_limit_w=300.0,
        charge_limit_w=700.0,
        reversion_charge_limit_w=700.0,
        urgent=True,
    )


def test_a_controller_that_leaves_exceeds_neither_rating_nor_foreign_limit() -> None:
    """What bounds its draw by a set point alone rests."""
    small, rests = evolve(met(), most_w=200.0), storage(bounds_charge=False)
    first, second = economy.leaving((small, rests), (500.0, 300.0), (0.0, 700.0))
    assert (first.limit_w, second.limit_w, second.charge_limit_w, second.setpoint_w) == (200.0, 300.0, None, 0.0)
    (draws,) = economy.leaving((evolve(storage(), least_w=-400.0),), (300.0,), (700.0,))
    assert draws.charge_limit_w == 400.0
