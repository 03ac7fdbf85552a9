"""A line's limit as it stands now: as the file states it, as it is told, and in the watts of the moment."""

from typing import Any

import pytest

from pcs.core import line_state
from pcs.core.evolve import evolve
from pcs.core.failsafe import Action
from pcs.core.line_state import LineState
from pcs.core.measure import Sample
from pcs.core.policy import Policy
from pcs.model.limit import Basis, Direction, Limit, Quantity
from pcs.model.reading import LimitsInForce
from pcs.model.site import System, Tuning
from pcs.model.units import Span
from tests import core_site as site

WATTS = Limit(direction=Direction.EXPORT, value=3000.0)
AMPERES = Limit(direction=Direction.EXPORT, quantity=Quantity.A, value=10.0)


def rules(*limits: Limit, **more: Any) -> Policy:
    return site.policy(limits=limits, **more)


def told(*values: float | None) -> LimitsInForce:
    return LimitsInForce(values=values, sources=("x",) * len(values), sent_s=9.0, received_s=9.0)


def sample(volts: float = 230.0, var: float = 0.0) -> Sample:
    return Sample(
        import_w=0.0,
        phase_import_w=(0.0,) * 3,
        phase_import_var=(var,) * 3,
        phase_voltage_v=(volts,) * 3,
        resolution_w=1.0,
        span=Span(from_s=9.0, to_s=9.1),
        published_s=9.0,
        received_s=9.1,
    )


def fresh(policy: Policy, number: int = 0) -> LineState:
    return line_state.new(policy.lines[number], policy)


def now(
    state: LineState, policy: Policy, limits: LimitsInForce | None = None, seen: Sample | None = None, number: int = 0
) -> LineState:
    return line_state.in_force(state, policy.lines[number], policy, limits, seen)


def test_a_line_begins_as_the_file_states_it_and_safe() -> None:
    policy = rules(WATTS, AMPERES)
    watts, amperes = fresh(policy), fresh(policy, 1)
    assert (watts.value, watts.envelope.limit_w, watts.action) == (3000.0, 3000.0, Action.SAFE)
    assert (amperes.value, amperes.envelope.limit_w) == (10.0, pytest.approx(2300.0))
    assert (watts.safe_w, watts.flow, watts.lacks, watts.reactive, watts.binds_since_s) == (None, None, "", False, None)
    assert fresh(rules(Limit(direction=Direction.EXPORT, value=None))).envelope.limit_w is None
    delta = rules(AMPERES, system=System.DELTA, nominal_v=400.0)
    assert fresh(delta).envelope.limit_w == pytest.approx(10.0 * 400.0 / 3**0.5)


def test_a_limit_that_is_told_is_in_force_with_a_margin_of_its_own() -> None:
    policy = rules(WATTS)
    state = now(fresh(policy), policy, told(1000.0))
    assert (state.value, state.envelope.limit_w) == (1000.0, 1000.0)
    assert state.envelope.margin.measurement_w == pytest.approx(2 * 0.01 * 1000.0 + 1.0)
    assert now(state, policy, told(1000.0), sample()) is state, "watts do not move with the volts"
    back = now(state, policy)
    assert (back.value, back.envelope) == (3000.0, fresh(policy).envelope)


def test_of_several_limits_each_line_takes_its_own() -> None:
    policy = rules(WATTS, Limit(direction=Direction.IMPORT, value=5000.0))
    assert now(fresh(policy, 1), policy, told(1.0, 2.0), number=1).value == 2.0
    conductor = rules(WATTS, Limit(direction=Direction.EXPORT, value=900.0, basis=Basis.CONDUCTOR))
    assert now(fresh(conductor, 3), conductor, told(1.0, 2.0), number=3).value == 2.0


def test_a_limit_that_is_not_in_force_bounds_nothing_until_it_is() -> None:
    policy = rules(WATTS)
    free = now(evolve(fresh(policy), reactive=True), policy, told(None))
    assert (free.value, free.envelope.limit_w, free.envelope.margin.total_w, free.reactive) == (None, None, 0.0, False)
    assert now(free, policy, told(None)) is free
    assert now(free, policy, told(500.0)).envelope.limit_w == 500.0


def test_amperes_are_watts_at_the_volts_and_the_reactive_power_of_the_moment() -> None:
    policy = rules(AMPERES)
    state = now(fresh(policy), policy, None, sample(200.0))
    assert state.envelope.limit_w == pytest.approx(2000.0)
    assert now(state, policy) is state, "without a sample it stays as it was"
    assert now(state, policy, None, sample(200.0, 1200.0)).envelope.limit_w == pytest.approx(1600.0)


@pytest.mark.parametrize(
    ("volts", "same_margin"), [(230.0, True), (225.5, True), (225.0, False), (231.0, False), (229.0, True)]
)
def test_a_margin_is_worked_out_anew_when_the_limit_rises_or_falls_by_two_percent(
    volts: float, same_margin: bool
) -> None:
    """A margin that is a little too large is safe, one that is too small is not."""
    policy = rules(AMPERES)
    before = fresh(policy)
    after = now(before, policy, None, sample(volts))
    assert after.envelope.limit_w == pytest.approx(10.0 * volts)
    assert (after.envelope.margin == before.envelope.margin) is same_margin


def test_reactive_power_alone_beyond_the_limit_leaves_no_watts_until_it_is_less() -> None:
    policy = rules(AMPERES)
    over = now(fresh(policy), policy, None, sample(230.0, 2301.0))
    assert (over.envelope.limit_w, over.reactive, over.value) == (0.0, True, 10.0)
    exact = now(over, policy, None, sample(230.0, 2300.0))
    assert (exact.envelope.limit_w, exact.reactive) == (0.0, False)
    less = now(over, policy, None, sample(230.0, 0.0))
    assert (less.envelope.limit_w, less.reactive) == (pytest.approx(2300.0), False)
    near = now(evolve(fresh(policy), reactive=True), policy, None, sample(229.0))
    assert not near.reactive


def test_another_value_has_another_margin_though_it_is_near() -> None:
    policy = rules(AMPERES)
    state = now(fresh(policy), policy, told(9.9), sample())
    assert (state.value, state.envelope.limit_w) == (9.9, pytest.approx(2277.0))
    assert state.envelope.margin != fresh(policy).envelope.margin


def test_the_safe_totals_at_the_start_are_those_of_the_file() -> None:
    policy = rules(WATTS, Limit(direction=Direction.EXPORT, value=None), tuning=Tuning(credited_min_load_w=500.0))
    (first, bounded, safe_w), (second, free, none_w) = line_state.at_start(policy)
    assert (first, second) == policy.lines
    assert (bounded.limit_w, safe_w) == (3000.0, 3000.0 - 25.0 + 500.0)
    assert (free.limit_w, none_w) == (None, None)
