"""What storage is found with while running: its draw and its set point are held to the same rules as its limit."""

from typing import Any

import pytest

from pcs.core import der_state, ders, observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.order import Order
from pcs.model.fault import FaultKind
from pcs.model.reading import LimitApplied
from pcs.model.site import DerKind
from tests import core_site as site

CHARGE_W = 5000.0


def holding(limit_w: float, charge_w: float | None, setpoint_w: float | None = None, **more: Any) -> DerState:
    """A battery that confirmed this order at 1 s."""
    spec = site.der_spec(kind=DerKind.BATTERY, charge_w=CHARGE_W, **more)
    met = site.der_met(bounds_charge=True, takes_setpoint=True, charge_rating_w=CHARGE_W)
    der = ders.identified(der_state.new(spec, site.TIMING, 0.0), met, 0.0)
    wanted = Order(limit_w, charge_w, setpoint_w)
    track = observe.tell(der.track, 0.97, wanted.floor_w(-CHARGE_W), wanted.cap_w)
    der = evolve(der, track=track, sent=wanted, sent_s=0.97)
    values = {"limit_w": limit_w, "charge_limit_w": charge_w, "setpoint_w": setpoint_w}
    return ders.applied(der, LimitApplied(der_id="d0", sent_s=0.97, received_s=1.0, **values))


def read(der: DerState, limit_w: float | None, received_s: float = 2.0, **more: float) -> DerState:
    return ders.readback(der, site.holds(limit_w, received_s, **more), 1.0)


def kinds(der: DerState) -> list[FaultKind]:
    return [c.kind for c in der.conditions]


@pytest.mark.parametrize("found_w", [1998.0, 2000.0, 2002.0])
def test_a_draw_that_reads_back_within_two_steps_is_ours(found_w: float) -> None:
    assert kinds(read(holding(6000.0, 2000.0), 6000.0, charge_limit_w=found_w)) == []


@pytest.mark.parametrize("found_w", [1997.0, 2003.0])
def test_a_draw_three_steps_off_is_somebody_else_s(found_w: float) -> None:
    assert kinds(read(holding(6000.0, 2000.0), 6000.0, charge_limit_w=found_w)) == [FaultKind.DER_SECOND_WRITER]


def cut_short(der: DerState, wanted: Order, sent_s: float) -> DerState:
    """The order was written in part, and nobody knows in which."""
    track = observe.tell(der.track, sent_s, wanted.floor_w(-CHARGE_W), wanted.cap_w)
    return evolve(der, track=track, sent=wanted, sent_s=sent_s, retries=1)


@pytest.mark.parametrize(("limit_w", "charge_w"), [(0.0, 2350.0), (9000.0, 1000.0), (0.0, 1000.0), (9000.0, 0.0)])
def test_parts_of_orders_that_were_cut_short_are_ours(limit_w: float, charge_w: float) -> None:
    """Fault campaign, stack, seed 10206: 0 W beside another order's draw was taken for somebody else's, for ever."""
    der = cut_short(cut_short(holding(9000.0, 1000.0), Order(9000.0, 2350.0), 1.2), Order(0.0, 0.0), 1.4)
    assert kinds(read(der, limit_w, charge_limit_w=charge_w)) == []
    assert kinds(read(der, 500.0, charge_limit_w=charge_w)) == [FaultKind.DER_SECOND_WRITER]
    assert kinds(read(der, limit_w, charge_limit_w=500.0)) == [FaultKind.DER_SECOND_WRITER]


@pytest.mark.parametrize(("step_w", "found_w", "expected"), [(100.0, 1810.0, 0), (100.0, 1790.0, 1)])
def test_a_device_with_coarse_steps_of_its_draw_is_given_two_of_them(
    step_w: float, found_w: float, expected: int
) -> None:
    seen = site.holds(6000.0, 2.0, charge_limit_w=found_w)
    assert len(ders.readback(holding(6000.0, 2000.0), seen, 1.0, step_w).conditions) == expected


def test_a_lower_draw_of_somebody_else_is_honoured_and_the_lowest_of_several_stays() -> None:
    der = read(holding(6000.0, 2000.0), 6000.0, charge_limit_w=800.0)
    assert (kinds(der), der.foreign_charge_w, der.least_w) == ([FaultKind.DER_SECOND_WRITER], 800.0, -800.0)
    assert (der.most_w, der.foreign_w) == (10_000.0, None), "its injection is nobody else's"
    assert (der.held, der.sent) == (Order(6000.0, 800.0), Order(6000.0, 800.0))
    lower = read(der, 6000.0, 4.0, charge_limit_w=300.0)
    assert (lower.foreign_charge_w, lower.least_w) == (300.0, -300.0)


def test_both_limits_of_somebody_else_are_honoured_together() -> None:
    der = read(holding(6000.0, 2000.0), 500.0, charge_limit_w=700.0)
    assert (der.most_w, der.foreign_w, der.least_w, der.foreign_charge_w) == (500.0, 500.0, -700.0, 700.0)


def test_a_higher_draw_of_somebody_else_is_told_ours_again() -> None:
    der = read(holding(6000.0, 2000.0), 6000.0, charge_limit_w=4000.0)
    assert (kinds(der), der.sent, der.held) == ([FaultKind.DER_SECOND_WRITER], None, None)
    assert (der.foreign_charge_w, der.least_w) == (None, -CHARGE_W)


def test_a_set_point_of_somebody_else_is_never_honoured() -> None:
    """It leaves no bound to honour: whatever it asks for now, ours is said again."""
    der = read(holding(6000.0, 2000.0), 6000.0, charge_limit_w=2000.0, setpoint_w=-3000.0)
    assert (kinds(der), der.sent, der.held) == ([FaultKind.DER_SECOND_WRITER], None, None)
    assert (der.foreign_w, der.foreign_charge_w) == (None, None)


@pytest.mark.parametrize(
    "found", [{"charge_limit_w": None, "setpoint_w": -1000.0}, {"charge_limit_w": 2000.0, "setpoint_w": None}]
)
def test_a_draw_or_a_set_point_that_is_gone_is_a_restart(found: dict[str, Any]) -> None:
    der = read(holding(6000.0, 2000.0, -1000.0), 6000.0, **found)
    assert (kinds(der), der.sent, der.held, der.retries) == ([FaultKind.DER_RESTARTED], None, None, 0)


def test_everything_that_was_told_and_is_still_there_is_no_restart() -> None:
    der = read(holding(6000.0, 2000.0, -1000.0), 6000.0, charge_limit_w=2000.0, setpoint_w=-1000.0)
    assert (kinds(der), der.held) == ([], Order(6000.0, 2000.0, -1000.0))


def test_a_charger_has_no_limit_of_injection_that_could_be_gone() -> None:
    spec = site.der_spec(kind=DerKind.EVSE, charge_w=7000.0)
    met = site.der_met(bounds_charge=True, charge_rating_w=7000.0, rating_w=7000.0)
    der = ders.identified(der_state.new(spec, site.TIMING, 0.0), met, 0.0)
    assert der.most_w == 0.0
    track = observe.tell(der.track, 0.97, -3000.0, 0.0)
    der = evolve(der, track=track, sent=Order(0.0, 3000.0), sent_s=0.97)
    der = ders.applied(der, LimitApplied(der_id="d0", limit_w=0.0, charge_limit_w=3000.0, sent_s=0.97, received_s=1.0))
    assert kinds(read(der, None, charge_limit_w=3000.0)) == []


@pytest.mark.parametrize("found_w", [498.0, 502.0])
def test_a_safe_draw_that_its_timer_fell_back_to_is_no_second_writer(found_w: float) -> None:
    seen = {"charge_limit_w": found_w, "reversion_charge_limit_w": 500.0}
    der = read(holding(6000.0, 2000.0), 6000.0, **seen)
    assert (kinds(der), der.foreign_charge_w) == ([FaultKind.DER_RESTARTED], None)


@pytest.mark.parametrize("found_w", [497.0, 503.0])
def test_a_draw_beside_the_armed_one_is_a_second_writer(found_w: float) -> None:
    seen = {"charge_limit_w": found_w, "reversion_charge_limit_w": 500.0}
    assert kinds(read(holding(6000.0, 2000.0), 6000.0, **seen)) == [FaultKind.DER_SECOND_WRITER]


@pytest.mark.parametrize(("setpoint_w", "kind"), [(2.0, FaultKind.DER_RESTARTED), (-3.0, FaultKind.DER_SECOND_WRITER)])
def test_rest_is_what_a_set_point_falls_back_to(setpoint_w: float, kind: FaultKind) -> None:
    der = evolve(holding(6000.0, None, -1000.0), reversion_w=500.0)
    assert kinds(read(der, 6000.0, setpoint_w=setpoint_w, reversion_limit_w=500.0)) == [kind]


def test_what_looks_like_a_fall_back_without_an_armed_timer_is_a_second_writer() -> None:
    der = evolve(holding(6000.0, 2000.0), reversion_w=500.0)
    assert kinds(read(der, 500.0, charge_limit_w=2000.0)) == [FaultKind.DER_SECOND_WRITER]


@pytest.mark.parametrize(("found_w", "fell_back"), [(498.0, True), (502.0, True), (497.0, False), (503.0, False)])
def test_the_armed_limit_is_known_within_two_steps(found_w: float, fell_back: bool) -> None:
    der = evolve(holding(6000.0, 2000.0), reversion_w=500.0)
    der = read(der, found_w, charge_limit_w=2000.0, reversion_limit_w=500.0)
    assert kinds(der) == [FaultKind.DER_RESTARTED if fell_back else FaultKind.DER_SECOND_WRITER]


@pytest.mark.parametrize(
    ("draws_w", "bound"), [(4000.0, True), (3250.0, True), (3150.0, False), (0.0, False), (-500.0, False)]
)
def test_storage_that_draws_about_what_it_may_is_bound_by_its_limit(draws_w: float, bound: bool) -> None:
    """Within 15 % of the draw that it may and 2 % of its size (10 kW): 3200 of 4000 W."""
    der = holding(6000.0, 4000.0)
    der = evolve(der, track=evolve(der.track, telemetry_w=-draws_w))
    assert ders.at_floor(der) is bound


def test_a_charger_that_may_not_begin_is_bound_by_its_limit_though_it_draws_nothing() -> None:
    der = holding(6000.0, 1000.0, charge_min_w=1400.0)
    der = evolve(der, track=evolve(der.track, telemetry_w=0.0))
    assert ders.at_floor(der)
    begins = holding(6000.0, 1400.0, charge_min_w=1400.0)
    assert not ders.at_floor(evolve(begins, track=evolve(begins.track, telemetry_w=0.0)))


def test_storage_of_which_nothing_is_known_may_want_all_of_its_draw() -> None:
    der = holding(6000.0, 4000.0)
    assert ders.at_floor(evolve(der, track=evolve(der.track, telemetry_w=None)))
    assert ders.at_floor(evolve(der, held=None, track=evolve(der.track, telemetry_w=0.0)))


@pytest.mark.parametrize(
    ("found", "fell_back"),
    [
        ({"limit_w": 518.0, "reversion_limit_w": 500.0}, True),
        ({"limit_w": 522.0, "reversion_limit_w": 500.0}, False),
        ({"limit_w": 6000.0, "charge_limit_w": 680.0, "reversion_charge_limit_w": 500.0}, True),
        ({"limit_w": 6000.0, "charge_limit_w": 720.0, "reversion_charge_limit_w": 500.0}, False),
        ({"limit_w": 6000.0, "setpoint_w": -180.0, "reversion_limit_w": 500.0}, True),
        ({"limit_w": 6000.0, "setpoint_w": -220.0, "reversion_limit_w": 500.0}, False),
    ],
)
def test_a_fall_back_is_known_within_two_steps_of_the_device_s_own(found: dict[str, Any], fell_back: bool) -> None:
    """Steps of 10 W for its limit and of 100 W for its draw and its set point."""
    der = evolve(holding(6000.0, 2000.0), reversion_w=500.0)
    seen = site.holds(received_s=2.0, **{"charge_limit_w": 2000.0, **found})
    expected = FaultKind.DER_RESTARTED if fell_back else FaultKind.DER_SECOND_WRITER
    assert kinds(ders.readback(der, seen, 10.0, 100.0)) == [expected]


def test_a_lower_limit_of_somebody_else_is_honoured_though_our_set_point_hides_it() -> None:
    """Fault campaign, seed 111: the set point was as told, so that nobody looked at the limit, and it was raised."""
    der = read(holding(6000.0, None, 0.0), 500.0, setpoint_w=0.0)
    assert (kinds(der), der.foreign_w, der.most_w) == ([FaultKind.DER_SECOND_WRITER], 500.0, 500.0)
    assert (der.held, der.sent) == (Order(500.0, None, 0.0), Order(500.0, None, 0.0))


@pytest.mark.parametrize(("found_w", "armed_w"), [(5998.0, None), (7000.0, None), (500.0, 501.0)])
def test_a_limit_beneath_our_set_point_that_is_ours_or_higher_or_the_armed_one_is_nobody_s(
    found_w: float, armed_w: float | None
) -> None:
    der = evolve(holding(6000.0, None, -900.0), reversion_w=armed_w or 0.0)
    assert kinds(read(der, found_w, setpoint_w=-900.0)) == []


def test_a_lower_limit_that_an_order_without_an_answer_may_have_left_is_nobody_s() -> None:
    der = holding(6000.0, None, -900.0)
    lost = evolve(der, track=observe.tell(der.track, 1.2, -900.0, -900.0), sent_s=1.3)
    assert kinds(read(lost, 500.0, setpoint_w=-900.0)) == []
    last = evolve(lost, sent_s=1.2)
    assert kinds(read(last, 500.0, setpoint_w=-900.0)) == [FaultKind.DER_SECOND_WRITER]
