"""A busbar whose infeeds exceed its rating is relieved of everything that is controlled, and returns with patience."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.core import busbar, der_state
from pcs.core.busbar import MARGIN_SHARE, RETURN_AFTER_S, RETURN_SHARE, BusState
from pcs.core.evolve import evolve
from pcs.core.measure import Sample
from pcs.core.policy import Policy
from pcs.model.limit import Direction, Limit
from pcs.model.site import DerSpec, PointKind, PointSpec, System
from pcs.model.units import Span
from tests import core_site as site

VOLTS = 230.0
RATING_A = 100.0


def rules(*ders: DerSpec, system: System = System.SINGLE) -> Policy:
    panel = PointSpec(id="panel", kind=PointKind.BUSBAR, meters=(("poi", 1),), rating_a=RATING_A)
    limits = (Limit(direction=Direction.EXPORT, value=0.0),)
    return site.policy(ders=ders, system=system, points=(panel,), limits=limits)


def fleet(policy: Policy, *injections_w: float) -> tuple[der_state.DerState, ...]:
    """DERs that inject exactly this."""
    made = []
    for spec, timing, w in zip(policy.controlled, policy.timings, injections_w, strict=True):
        der = der_state.new(spec, timing, 0.0)
        tick = der.track.ticks[-1]._replace(lo_w=w, hi_w=w)
        made.append(evolve(der, track=evolve(der.track, ticks=(tick,))))
    return tuple(made)


def sample(at_s: float, *phase_import_w: float, amperes: tuple[float, ...] = ()) -> Sample:
    return Sample(
        import_w=sum(phase_import_w),
        phase_import_w=phase_import_w,
        phase_current_a=amperes,
        phase_voltage_v=(VOLTS,) * len(phase_import_w),
        resolution_w=1.0,
        span=Span(from_s=at_s, to_s=at_s),
        published_s=at_s,
        received_s=at_s,
    )


def panel_der(number: int = 0, **more: object) -> DerSpec:
    return site.der_spec(number, point="panel", **more)


def watched(state: BusState, policy: Policy, at_s: float, grid_a: float, der_a: float) -> BusState:
    ders = fleet(policy, der_a * VOLTS)
    return busbar.watch(state, policy.buses[0], sample(at_s, grid_a * VOLTS), ders, VOLTS)


def test_the_infeeds_of_a_bus_are_the_grid_s_and_the_ders_together() -> None:
    """NEC-705.13-20."""
    policy = rules(panel_der())
    seen = watched(BusState(), policy, 1.0, 60.0, 30.0)
    assert (seen.infeed_a, seen.relieved) == ((90.0,), False)


def test_a_bus_is_relieved_above_its_rating_less_margin_and_not_below() -> None:
    """NEC-705.13-26, NEC-705.13-20, U3141-SC-4."""
    policy = rules(panel_der())
    just = 100.0 * (1.0 - MARGIN_SHARE)
    assert not watched(BusState(), policy, 1.0, just - 40.5, 40.0).relieved
    assert watched(BusState(), policy, 1.0, just - 39.5, 40.0).relieved


def test_power_that_flows_out_to_the_grid_is_no_infeed() -> None:
    policy = rules(panel_der())
    assert watched(BusState(), policy, 1.0, -50.0, 90.0).infeed_a == (90.0,)


def test_der_on_another_panel_does_not_feed_this_bus() -> None:
    policy = rules(site.der_spec(0))
    assert policy.buses[0].members == ()
    assert watched(BusState(), policy, 1.0, 60.0, 90.0).infeed_a == (60.0,)


def test_the_worst_conductor_decides_with_the_meter_s_own_amperes() -> None:
    """NEC-705.13-26."""
    policy = rules(panel_der(connection="L1L2"), system=System.WYE)
    feeds_a = busbar.infeeds_a(
        policy.buses[0], sample(1.0, 2300.0, 0.0, 2300.0, amperes=(12.0, 1.0, 10.0)), fleet(policy, 6000.0), VOLTS
    )
    own_a = 6000.0 / (VOLTS * 3**0.5)
    assert [round(a, 6) for a in feeds_a] == [round(a, 6) for a in (12.0 + own_a, own_a, 10.0)]


def test_sources_return_only_after_the_infeeds_were_low_for_long_without_a_break() -> None:
    policy = rules(panel_der())
    state = watched(BusState(), policy, 0.0, 99.0, 0.0)
    state = watched(state, policy, 1.0, 90.0, 0.0)
    assert state.relieved, "below the rating, but not yet low"
    state = watched(state, policy, 2.0, 80.0, 0.0)
    state = watched(state, policy, 20.0, 100.0 * RETURN_SHARE + 0.1, 0.0)
    state = watched(state, policy, 21.0, 80.0, 0.0)
    assert watched(state, policy, 20.9 + RETURN_AFTER_S, 80.0, 0.0).relieved, "the break counts from anew"
    assert not watched(state, policy, 21.1 + RETURN_AFTER_S, 80.0, 0.0).relieved


@given(st.lists(st.tuples(st.floats(0.1, 20.0), st.floats(0.0, 150.0)), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_relieved_bus_never_returns_sooner_than_its_patience_and_never_stays_beyond_it(
    seen: list[tuple[float, float]],
) -> None:
    policy = rules(panel_der())
    state, now_s, not_low_s = BusState(), 0.0, 0.0
    for after_s, grid_a in seen:
        now_s += after_s
        before, state = state, watched(state, policy, now_s, grid_a, 0.0)
        assert state.relieved or grid_a <= RATING_A * (1.0 - MARGIN_SHARE)
        if grid_a >= RETURN_SHARE * RATING_A:
            not_low_s = now_s
        if before.relieved and not state.relieved:
            assert now_s - not_low_s >= RETURN_AFTER_S


def returned(policy: Policy) -> BusState:
    """A bus that has just been given back, at 40 s."""
    state = watched(BusState(), policy, 0.0, 99.0, 0.0)
    state = watched(state, policy, 9.0, 80.0, 0.0)
    state = watched(state, policy, 40.0, 80.0, 0.0)
    assert (state.relieved, state.opened_share) == (False, 0.0)
    return state


def test_a_relieved_bus_leaves_its_ders_nothing() -> None:
    policy = rules(panel_der())
    assert watched(BusState(), policy, 0.0, 99.0, 0.0).opened_share == 0.0
    again = watched(evolve(returned(policy), opened_share=0.5), policy, 41.0, 99.0, 0.0)
    assert (again.relieved, again.opened_share) == (True, 0.0)


def test_what_returns_to_a_bus_returns_by_five_percent_of_its_rating_a_second_and_ends_at_all_of_it() -> None:
    policy = rules(panel_der())
    state, now_s, shares = returned(policy), 40.0, []
    for _ in range(50):
        now_s += 0.5
        state = watched(state, policy, now_s, 80.0, 0.0)
        shares.append(state.opened_share)
    assert shares[:3] == [pytest.approx(0.025), pytest.approx(0.05), pytest.approx(0.075)]
    assert shares[-1] == 1.0


def test_a_gap_between_samples_opens_a_bus_by_no_more_than_a_second_of_it() -> None:
    policy = rules(panel_der())
    assert watched(returned(policy), policy, 70.0, 80.0, 0.0).opened_share == pytest.approx(0.05)


@pytest.mark.parametrize("grid_a", [85.0, 94.0])
def test_an_opening_bus_waits_while_its_infeeds_are_high_again(grid_a: float) -> None:
    policy = rules(panel_der())
    state = evolve(returned(policy), opened_share=0.4)
    waits = watched(state, policy, 41.0, grid_a, 0.0)
    assert (waits.relieved, waits.opened_share) == (False, 0.4)


def test_exactly_the_rating_less_margin_is_not_too_much() -> None:
    policy = rules(panel_der())
    assert not watched(BusState(), policy, 1.0, (1.0 - MARGIN_SHARE) * RATING_A, 0.0).relieved


def test_what_a_der_draws_is_no_infeed_of_its_bus() -> None:
    policy = rules(panel_der())
    assert watched(BusState(), policy, 1.0, 50.0, -20.0).infeed_a == (50.0,)


def test_a_der_behind_another_panel_has_no_weight_on_this_bus_whatever_its_number() -> None:
    policy = rules(site.der_spec(0), panel_der(1), site.der_spec(2))
    bus = policy.buses[0]
    assert bus.members == (1,)
    assert [sum(w) for w in bus.weights] == [0.0, 1.0, 0.0]
    assert bus.rating_a == RATING_A
    assert bus.meter_signs == ((0, 1),)


def test_current_that_brings_hardly_any_power_is_an_infeed_all_the_same() -> None:
    policy = rules(panel_der())
    reactive = sample(1.0, 0.5, amperes=(12.0,))
    assert busbar.infeeds_a(policy.buses[0], reactive, fleet(policy, 0.0), VOLTS) == (12.0,)


def test_infeeds_of_exactly_the_share_at_which_sources_return_are_not_low_yet() -> None:
    policy = rules(panel_der())
    state = watched(BusState(), policy, 0.0, 99.0, 0.0)
    assert watched(state, policy, 1.0, RETURN_SHARE * RATING_A, 0.0).low_since_s is None
    assert watched(state, policy, 1.0, RETURN_SHARE * RATING_A - 0.1, 0.0).low_since_s == 1.0


def test_a_der_feeds_the_bus_with_what_it_says_and_else_with_all_that_it_may() -> None:
    policy = rules(panel_der())
    (silent,) = fleet(policy, 46 * VOLTS)
    said = evolve(silent, track=evolve(silent.track, telemetry_w=23 * VOLTS))
    bus, seen = policy.buses[0], sample(1.0, 10 * VOLTS)
    assert busbar.infeeds_a(bus, seen, (silent,), VOLTS) == (56.0,)
    assert busbar.infeeds_a(bus, seen, (said,), VOLTS) == (33.0,)


def test_a_meter_without_phases_tells_all_only_of_a_single_conductor() -> None:
    total = Sample(
        import_w=2300.0,
        phase_import_w=(),
        resolution_w=1.0,
        span=Span(from_s=1.0, to_s=1.0),
        published_s=1.0,
        received_s=1.0,
    )
    single, wye = rules(panel_der()), rules(panel_der(), system=System.WYE)
    assert busbar.infeeds_a(single.buses[0], total, fleet(single, 0.0), VOLTS) == (10.0,), "at the service's own volts"
    assert busbar.infeeds_a(wye.buses[0], total, fleet(wye, 0.0), VOLTS) == ()
    unknown = busbar.watch(BusState(), wye.buses[0], total, fleet(wye, 0.0), VOLTS)
    assert (unknown.infeed_a, unknown.relieved) == ((), False)


def test_the_volts_of_each_conductor_make_its_amperes() -> None:
    policy = rules(panel_der(), system=System.WYE)
    seen = Sample(
        import_w=6900.0,
        phase_import_w=(2300.0,) * 3,
        phase_voltage_v=(200.0, 250.0),
        resolution_w=1.0,
        span=Span(from_s=1.0, to_s=1.0),
        published_s=1.0,
        received_s=1.0,
    )
    assert busbar.infeeds_a(policy.buses[0], seen, fleet(policy, 0.0), VOLTS) == (11.5, 9.2, 10.0)


def test_a_der_may_use_the_least_that_any_of_its_busses_leaves_and_all_where_it_is_on_none() -> None:
    policy = rules(panel_der(0), panel_der(1), site.der_spec(2))
    (bus,) = policy.buses
    half, third = (bus, BusState(opened_share=0.5)), (bus, BusState(opened_share=0.3))
    assert busbar.opened((half, third), 3) == (0.3, 0.3, 1.0)
    assert busbar.opened((), 2) == (1.0, 1.0)


def test_a_bus_is_given_back_exactly_when_its_patience_is_over() -> None:
    policy = rules(panel_der())
    state = evolve(BusState(), relieved=True, low_since_s=10.0, opened_share=0.0, used_s=10.0)
    assert watched(state, policy, 10.0 + RETURN_AFTER_S - 0.1, 80.0, 0.0).relieved
    assert not watched(state, policy, 10.0 + RETURN_AFTER_S, 80.0, 0.0).relieved
