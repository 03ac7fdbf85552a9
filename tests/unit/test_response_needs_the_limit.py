"""A movement of the DERs counts as a response only where the limit, and not the sun, made them move."""

from collections.abc import Iterable

import pytest

from pcs.core.measure import Sample
from pcs.core.response import ResponseState, StepKind, Way, follow
from pcs.model.units import Span

LIMIT_W, NAMEPLATE_W, PERIOD_S = 2000.0, 10_000.0, 0.1


def followed(points: Iterable[tuple[float, float]], limit_w: float | None = LIMIT_W) -> ResponseState:
    """The state after samples of (demand, injection), both exactly known."""
    state = ResponseState()
    for k, (demand_w, injection_w) in enumerate(points):
        at_s = k * PERIOD_S
        sample = Sample(
            import_w=demand_w - injection_w,
            phase_import_w=(),
            resolution_w=1.0,
            span=Span(from_s=at_s - PERIOD_S, to_s=at_s),
            published_s=at_s - PERIOD_S / 2,
            received_s=at_s,
        )
        state, _ = follow(state, sample, injection_w, injection_w, limit_w, NAMEPLATE_W)
    return state


def moved(demands_w: tuple[float, float], injections_w: tuple[float, float]) -> list[tuple[float, float]]:
    """Two seconds of rest, the load steps; half a second later the injection follows within a second; rest."""
    before, after = injections_w
    ramp = [before + (after - before) * k / 10 for k in range(11)]
    return [
        *((demands_w[0], before) for _ in range(20)),
        *((demands_w[1], before) for _ in range(5)),
        *((demands_w[1], w) for w in ramp),
        *((demands_w[1], after) for _ in range(40)),
    ]


@pytest.mark.parametrize("limit_w", [LIMIT_W, None])
def test_a_cloud_that_comes_with_a_load_step_is_no_response(limit_w: float | None) -> None:
    """The load rises while a cloud takes the sun: the DERs fall, far from any limit."""
    state = followed(moved((4000.0, 6000.0), (4000.0, 2500.0)), limit_w)
    assert (state.restrict.count, state.release.count) == (0, 0)


def test_a_sun_that_rises_after_a_load_step_far_from_the_limit_is_no_response() -> None:
    state = followed(moved((4000.0, 6000.0), (1000.0, 3000.0)))
    assert (state.restrict.count, state.release.count) == (0, 0)


def test_a_load_that_falls_while_the_limit_binds_is_a_restrict() -> None:
    state = followed(moved((4000.0, 2000.0), (5950.0, 3950.0)))
    assert (state.restrict.count, state.release.count) == (1, 0)
    assert state.restrict.last is not None
    assert state.restrict.last.kind is StepKind.LOAD
    assert state.restrict.last.olrt_lo_s <= 1.4 <= state.restrict.last.olrt_hi_s


def test_a_load_that_rises_while_the_limit_binds_is_a_release_even_if_the_sun_ends_it() -> None:
    state = followed(moved((2000.0, 6000.0), (3950.0, 6000.0)))
    assert (state.restrict.count, state.release.count) == (0, 1)
    assert state.release.last is not None
    assert state.release.last.way is Way.RELEASE
