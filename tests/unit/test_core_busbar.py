"""A busbar whose infeeds exceed its rating is relieved of everything that is controlled, and returns with patience."""

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
