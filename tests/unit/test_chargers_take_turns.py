"""Chargers beneath an import limit that leaves room for one: who may draw and does not gives way to who waits."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core import der_state, ders
from pcs.core.der_state import DerState
from pcs.core.dispatch import Claim, Row, dispatch
from pcs.core.evolve import evolve
from pcs.core.order import Order
from pcs.core.state import Outcome
from pcs.model.limit import Direction, Limit
from pcs.model.reading import LimitApplied
from pcs.model.site import DerKind, DerSpec
from tests import core_site as site

LEAST_W, MOST_W = 4140.0, 11_040.0


def charger(number: int) -> DerSpec:
    return site.der_spec(number, MOST_W, kind=DerKind.EVSE, charge_w=MOST_W, charge_min_w=LEAST_W)


def allowed(charge_w: float, drew_s: float, said_w: float, now_s: float) -> DerState:
    """A charger that was told this, and says what is drawn from it."""
    met = site.der_met(0, rating_w=MOST_W, charge_rating_w=MOST_W, bounds_charge=True)
    der = ders.identified(der_state.new(charger(0), site.TIMING, 0.0), met, 0.0)
    track = evolve(der.track, telemetry_w=said_w)
    return evolve(der, sent=Order(0.0, charge_w), drew_s=drew_s, heard_s=now_s, track=track, want_charge_w=0.0)


@pytest.mark.parametrize(
    ("charge_w", "now_s", "idle"), [(4140.0, 159.9, False), (4140.0, 160.0, True), (4139.0, 500.0, False)]
)
def test_a_charger_that_may_draw_and_does_not_for_a_minute_is_idle(charge_w: float, now_s: float, idle: bool) -> None:
    der = allowed(charge_w, 100.0, 0.0, now_s)
    assert ders.idles(der) is idle


def test_until_then_it_claims_its_least_current_and_then_nothing() -> None:
    nobody = evolve(allowed(4140.0, 100.0, 0.0, 159.0), wish_w=0.0)
    waiting = ders.wants_charge(nobody, 0.1)
    assert waiting.want_charge_w == LEAST_W
    assert ders.wants_charge(evolve(waiting, heard_s=160.0), 0.1).want_charge_w == 0.0


@pytest.mark.parametrize(("said_w", "drew_s"), [(-220.0, 100.0), (-221.0, 170.0)])
def test_a_draw_of_two_per_cent_is_a_car(said_w: float, drew_s: float) -> None:
    der = ders.telemetry(allowed(4140.0, 100.0, 0.0, 160.0), site.der_says(said_w, 170.0))
    assert der.drew_s == drew_s


@pytest.mark.parametrize(
    ("served_s", "wants_w", "served"),
    [
        ((-1e9, -1e9, -1e9), (MOST_W, MOST_W, MOST_W), 0),
        ((300.0, 200.0, 250.0), (MOST_W, MOST_W, MOST_W), 1),
        ((300.0, 200.0, 250.0), (MOST_W, 0.0, MOST_W), 2),
    ],
)
def test_room_for_one_goes_to_who_waits_longest(
    served_s: tuple[float, ...], wants_w: tuple[float, ...], served: int
) -> None:
    claims = tuple(Claim(MOST_W, MOST_W, w, 0.0, LEAST_W, 0, False, s) for w, s in zip(wants_w, served_s, strict=True))
    made_w = dispatch((Row(members=((0, 1.0), (1, 1.0), (2, 1.0)), total_w=6000.0),), claims)
    assert [k for k, w in enumerate(made_w) if w >= LEAST_W] == [served]


def acks(outcome: Outcome, now_s: float) -> list[LimitApplied]:
    """Every command is carried out."""
    return [
        replace(site.done(c.limit_w, now_s + 0.05, int(c.der_id[1:]), now_s), charge_limit_w=c.charge_limit_w)
        for c in outcome.commands
    ]


def test_a_car_at_the_second_of_two_chargers_gets_its_turn_and_keeps_it() -> None:
    """Fault campaign, stack, seeds 12052 and 13101: nobody was at the first, and it kept its least current for ever."""
    limit = Limit(direction=Direction.IMPORT, value=8000.0)
    run = site.Run(site.policy(ders=(charger(0), charger(1)), limits=(limit,)), meet=False)
    given: dict[str, Any] = {"rating_w": MOST_W, "charge_rating_w": MOST_W, "bounds_charge": True}
    heard = acks(run.step(site.meter_met(), site.der_met(0, **given), site.der_met(1, **given)), 0.0)
    told_w = [0.0, 0.0]
    drawn_w: list[float] = []
    for tick in range(1000):
        now_s = 0.2 * (tick + 1)
        drawn_w.append(told_w[1])
        says = [site.der_says(0.0, now_s, 0), site.der_says(-told_w[1], now_s, 1)]
        outcome = run.step(*heard, site.meter_says(3000.0 + told_w[1] + tick % 2, now_s), *says, after_s=0.2)
        for command in outcome.commands:
            told_w[int(command.der_id[1:])] = command.charge_limit_w or 0.0
        heard = acks(outcome, now_s)
    assert min(drawn_w[600:]) >= LEAST_W
    assert max(drawn_w) <= 5000.0
