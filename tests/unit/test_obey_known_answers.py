"""Whether a DER can be counted on, at the edges: excess, commands that come to nothing, silence."""

from typing import Any

import pytest

from pcs.core import der_state, ders, obey, observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.order import Order
from pcs.model.fault import FaultKind
from pcs.model.site import DerKind
from tests import core_site as site


def met(**more: Any) -> DerState:
    """A DER of 10 kW that was met at 7 s; a battery may draw 4 kW."""
    facts = {"charge_rating_w": 4000.0, "bounds_charge": True, "takes_setpoint": True} if more else {}
    der = der_state.new(site.der_spec(**more), site.TIMING, 0.0)
    return ders.identified(der, site.der_met(now_s=7.0, **facts), 7.0)


def kinds(der: DerState) -> list[FaultKind]:
    return [c.kind for c in der.conditions]


def disobeying(injection_w: float, **more: Any) -> DerState:
    """An inverter of 10 kW whose commands explain between 1 and 2 kW, and which says this at 10 s."""
    der = met()
    tick = der.track.ticks[-1]._replace(told_lo_w=1000.0, told_hi_w=2000.0)
    der = evolve(der, track=evolve(der.track, ticks=(tick,)), **more)
    return obey.judge(der, injection_w, 10.0)


@pytest.mark.parametrize(
    ("injection_w", "excess_w"),
    [(2700.0, None), (2701.0, 701.0), (500.0, None), (499.0, 501.0), (300.0, 700.0), (1500.0, None)],
)
def test_an_excess_begins_beyond_five_percent_of_the_size_and_a_third_of_the_bound(
    injection_w: float, excess_w: float | None
) -> None:
    """Above 2 kW by 35 % of it, below 1 kW by 5 % of 10 kW."""
    der = disobeying(injection_w)
    assert der.excess_since_s == (None if excess_w is None else 10.0)
    if excess_w is not None:
        assert der.excess_w == pytest.approx(excess_w)
        assert der.strikes == 0


@pytest.mark.parametrize(
    ("since_s", "before_w", "strikes", "after"),
    [
        (8.1, 1000.0, 0, (0, 8.1, 1000.0)),
        (8.0, 1000.0, 0, (1, 10.0, 1000.0)),
        (8.0, 1100.0, 0, (1, 10.0, 1000.0)),
        (8.0, 1112.0, 0, (0, 10.0, 1000.0)),
        (8.0, 1112.0, 1, (0, 10.0, 1000.0)),
    ],
)
def test_a_step_without_effect_is_a_strike_and_one_with_effect_begins_anew(
    since_s: float, before_w: float, strikes: int, after: tuple[int, float, float]
) -> None:
    """The excess is 1 kW now; dead time and lag of the slowest plant are two seconds; a tenth less is an effect."""
    der = disobeying(3000.0, excess_since_s=since_s, excess_w=before_w, strikes=strikes, obeying_since_s=4.0)
    assert (der.strikes, der.excess_since_s, der.excess_w) == after
    assert (der.obeying_since_s, kinds(der)) == (None, [])


def test_the_second_strike_is_disobedience_with_its_numbers() -> None:
    der = disobeying(3000.0, excess_since_s=8.0, excess_w=1000.0, strikes=1)
    (fault,) = der.conditions
    assert (fault.kind, fault.at_s) == (FaultKind.DER_DISOBEDIENT, 10.0)
    assert fault.detail == "injects 3000 W, 1000 W above all that it was told, and does not come down"
    draws = disobeying(-500.0, excess_since_s=8.0, excess_w=1500.0, strikes=1)
    assert draws.conditions[0].detail == "draws 500 W, 1500 W above all that it was told, and does not come down"


def test_obedience_ends_an_excess_at_once_and_the_condition_after_ten_seconds() -> None:
    bad = (site.fault(FaultKind.DER_DISOBEDIENT, 1.0, "d0"),)
    clean = disobeying(1500.0, strikes=1, excess_since_s=9.0)
    assert (clean.strikes, clean.excess_since_s) == (0, None)
    first = disobeying(1500.0, conditions=bad)
    assert (first.obeying_since_s, kinds(first)) == (10.0, [FaultKind.DER_DISOBEDIENT])
    assert kinds(disobeying(1500.0, conditions=bad, obeying_since_s=0.1)) == [FaultKind.DER_DISOBEDIENT]
    done_ = disobeying(1500.0, conditions=bad, obeying_since_s=0.0)
    assert (kinds(done_), done_.obeying_since_s) == ([], None)


def test_commands_that_come_to_nothing_are_counted_from_the_first() -> None:
    first = obey.unwritten(evolve(met(), pending=True), site.failed(1000.0, 5.0))
    assert (first.pending, first.retries, first.unwritten_since_s, kinds(first)) == (False, 1, 5.0, [])
    assert first.failing == site.failed(1000.0, 5.0).fault
    third = obey.unwritten(obey.unwritten(first, site.failed(1000.0, 6.0)), site.failed(1000.0, 7.0))
    assert (third.retries, third.unwritten_since_s) == (3, 5.0)
    (fault,) = third.conditions
    assert fault.detail == f"3 commands in a row came to nothing: {FaultKind.NO_ANSWER.value}"


def test_silence_is_told_with_its_length_and_why() -> None:
    der = evolve(met(), heard_s=10.0, failing=site.fault(FaultKind.NO_ANSWER, 11.0))
    (fault,) = obey.age(der, 0.2, 12.5).conditions
    assert (fault.at_s, fault.detail) == (12.5, f"2.5 s without an answer: {FaultKind.NO_ANSWER.value}")
    (plain,) = obey.age(evolve(der, failing=None), 0.2, 12.5).conditions
    assert plain.detail == "2.5 s without an answer"


def test_what_is_heard_again_is_told_anew_and_anything_may_be_true_of_it() -> None:
    silent = evolve(met(kind=DerKind.BATTERY, charge_w=5000.0), sent=Order(1.0), retries=3, heard_s=10.0)
    silent = evolve(silent, conditions=(site.fault(FaultKind.DER_SILENT, 9.0, "d0"),))
    back = obey.age(silent, 0.2, 11.0)
    assert (back.sent, back.retries, kinds(back)) == (None, 0, [])
    assert (observe.present(back.track), back.track.ticks[-1].at_s) == ((-4000.0, 10_000.0), 11.0)
    assert obey.age(back, 0.2, 11.5) is back, "nothing new is no change"


def test_a_condition_is_kept_as_it_began_and_taken_away_by_its_kind() -> None:
    der = der_state.having(met(), FaultKind.DER_SILENT, 3.0, "first")
    assert der_state.having(der, FaultKind.DER_SILENT, 5.0, "second") is der
    both = der_state.having(der, FaultKind.DER_RESTARTED, 6.0, "other")
    assert [(c.kind, c.source_id, c.at_s, c.detail) for c in both.conditions] == [
        (FaultKind.DER_SILENT, "d0", 3.0, "first"),
        (FaultKind.DER_RESTARTED, "d0", 6.0, "other"),
    ]
    assert kinds(der_state.without(both, FaultKind.DER_SILENT)) == [FaultKind.DER_RESTARTED]
    assert der_state.without(both, FaultKind.WRONG_DEVICE) is both


def test_any_sign_of_an_excess_is_forgotten_with_the_first_obedient_answer() -> None:
    assert disobeying(1500.0, excess_since_s=9.0).excess_since_s is None
    assert disobeying(1500.0, strikes=1).strikes == 0
    other = (site.fault(FaultKind.DER_SECOND_WRITER, 1.0, "d0"),)
    assert disobeying(1500.0, conditions=other).obeying_since_s is None, "there is no obedience to prove"
