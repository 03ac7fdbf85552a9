"""What lines cannot hold or measure, said as faults of their point."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core import conditions, der_state, line_state, observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.excursion import Excursion, Excursions
from pcs.core.failsafe import Action
from pcs.core.line_state import LineState
from pcs.core.measure import LOST_AFTER_S, Sample
from pcs.core.policy import Policy
from pcs.model.fault import Fault, FaultKind
from pcs.model.limit import Basis, Direction, Limit, Quantity
from pcs.model.site import DerKind
from pcs.model.units import Span
from tests import core_site as site

NOW_S = 100.0
SETTLE_S = observe.settle_s(site.TIMING, 1.0)


def rules(direction: Direction = Direction.EXPORT) -> Policy:
    spec = site.der_spec(0, 5000.0, kind=DerKind.BATTERY, charge_w=5000.0)
    return site.policy(ders=(spec,), limits=(Limit(direction=direction, value=0.0),))


def fleet(policy: Policy) -> tuple[DerState, ...]:
    return tuple(der_state.new(d, t, 0.0) for d, t in zip(policy.controlled, policy.timings, strict=True))


def beyond(policy: Policy, from_s: float, to_s: float = NOW_S) -> LineState:
    """A line whose limit has been exceeded between these times."""
    present = Excursion(from_s=from_s, to_s=to_s, peak_w=500.0, energy_wh=1.0)
    return evolve(line_state.new(policy.lines[0], policy), excursions=replace(Excursions(), present=present))


def found(policy: Policy, state: LineState, cap_w: float = 0.0, floor_w: float = 0.0) -> tuple[Fault, ...]:
    return conditions.line_faults(policy, (state,), fleet(policy), (cap_w,), (floor_w,), NOW_S)


def sample_with(*, var: float) -> Sample:
    """A sample of a single-phase site that exports nothing and draws this reactive power."""
    return Sample(
        import_w=0.0,
        phase_import_w=(0.0,),
        phase_import_var=(var,),
        resolution_w=1.0,
        span=Span(from_s=NOW_S - 0.1, to_s=NOW_S),
        published_s=NOW_S - 0.1,
        received_s=NOW_S,
    )


def test_a_limit_that_is_exceeded_while_nothing_is_left_to_lower_cannot_be_held() -> None:
    policy = rules()
    (fault,) = found(policy, beyond(policy, NOW_S - SETTLE_S - 0.1), cap_w=-1000.0)
    assert (fault.kind, fault.source_id) == (FaultKind.CANNOT_HOLD, "poi")
    assert "every DER that obeys is at 0 W" in fault.detail


@pytest.mark.parametrize(
    ("from_s", "to_s", "cap_w"),
    [
        (NOW_S - SETTLE_S + 0.1, NOW_S, 0.0),
        (NOW_S - SETTLE_S - 0.1, NOW_S, 1.0),
        (NOW_S - 60.0, NOW_S - LOST_AFTER_S - 0.1, 0.0),
    ],
    ids=["the plant has had no time yet", "something is left to lower", "nothing was measured lately"],
)
def test_what_may_still_come_down_is_not_called_impossible(from_s: float, to_s: float, cap_w: float) -> None:
    policy = rules()
    assert found(policy, beyond(policy, from_s, to_s), cap_w) == ()


def test_towards_import_it_is_the_draw_that_is_exhausted() -> None:
    policy = rules(Direction.IMPORT)
    long_s = NOW_S - SETTLE_S - 0.1
    assert found(policy, beyond(policy, long_s), cap_w=5000.0, floor_w=-100.0) == ()
    (fault,) = found(policy, beyond(policy, long_s), cap_w=5000.0)
    assert "drawing nothing" in fault.detail


def test_a_line_whose_meter_lacks_something_is_named_with_what_it_lacks_and_stays_safe() -> None:
    policy = rules()
    state = evolve(beyond(policy, 0.0), lacks="the power of L2")
    (fault,) = found(policy, state)
    assert fault.kind is FaultKind.CANNOT_MEASURE
    assert "needs the power of L2" in fault.detail
    assert conditions.line_action(policy.lines[0], policy, (), state) is Action.SAFE


def test_reactive_power_alone_beyond_a_limit_leaves_no_watts_and_is_said() -> None:
    """Amperes are sqrt(P^2 + Q^2) / V: more export would be farther beyond, so none is the least that can be done."""
    limit = Limit(direction=Direction.EXPORT, quantity=Quantity.VA, value=2000.0)
    policy = site.policy(limits=(limit,))
    fresh = sample_with(var=2100.0)
    state = line_state.in_force(line_state.new(policy.lines[0], policy), policy.lines[0], policy, None, fresh)
    assert state.envelope.limit_w == 0.0
    less = line_state.in_force(state, policy.lines[0], policy, None, sample_with(var=1600.0))
    assert (less.envelope.limit_w, less.reactive) == (pytest.approx(1200.0), False)
    (fault,) = found(policy, state, cap_w=5000.0)
    assert (fault.kind, "reactive power alone" in fault.detail) == (FaultKind.CANNOT_HOLD, True)


def test_one_point_raises_one_fault_however_many_of_its_conductors_fail() -> None:
    spec = site.der_spec(0)
    policy = site.policy(ders=(spec,), limits=(Limit(direction=Direction.EXPORT, value=0.0, basis=Basis.CONDUCTOR),))
    states = tuple(evolve(line_state.new(x, policy), lacks="the power of L1") for x in policy.lines)
    faults = conditions.line_faults(policy, states, fleet(policy), (0.0,), (0.0,), NOW_S)
    assert len(policy.lines) == 3
    assert len(faults) == 1


def test_only_faults_of_its_own_meters_act_on_a_line() -> None:
    policy = rules()
    state = line_state.new(policy.lines[0], policy)
    faults: list[Any] = [site.fault(FaultKind.METER_LOST, NOW_S, "other"), site.fault(FaultKind.METER_LATE, NOW_S)]
    assert conditions.line_action(policy.lines[0], policy, tuple(faults), state) is Action.HOLD


def test_a_condition_keeps_the_time_of_its_beginning_for_as_long_as_it_lasts() -> None:
    old, again = site.fault(FaultKind.METER_LATE, 5.0), site.fault(FaultKind.METER_LATE, 9.0)
    other = site.fault(FaultKind.METER_LATE, 9.0, "sub")
    assert [f.at_s for f in conditions.since((again, other), (old,))] == [5.0, 9.0]
