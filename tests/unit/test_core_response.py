"""The controller's own response on synthetic flows with known answers."""

from collections.abc import Callable
from math import exp, log

import pytest

from pcs.core import response
from pcs.core.measure import Sample
from pcs.core.response import Response, ResponseState, StepKind, Way, follow
from pcs.model.units import Span

NAMEPLATE_W = 10_000.0
Curve = Callable[[float], float]


def followed(
    demand: Curve,
    injection: Curve,
    *,
    seconds: float = 30.0,
    limit: Curve = lambda _: 0.0,
    every_s: float = 0.1,
    state: ResponseState | None = None,
    unsure_w: float = 20.0,
) -> tuple[ResponseState, list[Response]]:
    """Samples of `demand - injection`, read 20 ms after they were published; the injection is known to `unsure_w`."""
    state, found = state or ResponseState(), []
    for k in range(round(seconds / every_s)):
        t = k * every_s
        sample = Sample(
            import_w=round(demand(t) - injection(t)),
            phase_import_w=(),
            resolution_w=1.0,
            span=Span(from_s=t - every_s, to_s=t + 0.02),
            published_s=t - 0.03,
            received_s=t + 0.02,
        )
        lo_w, hi_w = injection(t) - unsure_w, injection(t) + unsure_w
        state, one = follow(state, sample, lo_w, hi_w, limit(t), NAMEPLATE_W)
        found += [one] if one else []
    return state, found


def at_10(before: float, after: float) -> Curve:
    """A step at 10.03 s."""
    return lambda t: before if t < 10.03 else after


def answers(before: float, after: float, dead_s: float, tau_s: float) -> Curve:
    """A first-order answer to the step at 10.03 s."""

    def injection(t: float) -> float:
        since_s = t - 10.03 - dead_s
        return before if since_s <= 0 else after + (before - after) * exp(-since_s / tau_s)

    return injection


def test_a_load_drop_is_a_restrict_response_with_the_plant_s_own_time() -> None:
    """CRD-OLRT-1, CRD-STEP-L."""
    _, found = followed(at_10(8000.0, 2000.0), answers(8000.0, 2000.0, 0.5, 0.4))
    (one,) = found
    true_s = 0.5 + 0.4 * log(10)
    assert (one.kind, one.way) == (StepKind.LOAD, Way.RESTRICT)
    assert one.olrt_lo_s <= true_s <= one.olrt_hi_s
    assert one.olrt_s == pytest.approx(true_s, abs=0.1)
    assert one.olrt_hi_s - one.olrt_lo_s < 0.6
    assert one.step_w == pytest.approx(-6000.0, abs=50.0)
    assert one.final_import_w == pytest.approx(0.0, abs=10.0)
    beyond_s = 0.5 + 0.4 * log(6000 / 100)
    assert one.beyond_s == pytest.approx(beyond_s, abs=0.1), "until 100 W remain: a fifth of the least step"
    assert one.judged_s == one.beyond_s


def test_a_load_rise_is_a_release_response_and_never_beyond_the_limit() -> None:
    state, found = followed(at_10(2000.0, 8000.0), answers(2000.0, 8000.0, 0.5, 1.0))
    (one,) = found
    true_s = 0.5 + log(10)
    assert (one.kind, one.way, one.beyond_s) == (StepKind.LOAD, Way.RELEASE, 0.0)
    assert one.olrt_lo_s <= true_s <= one.olrt_hi_s
    assert one.judged_s == one.olrt_s
    assert (state.release.count, state.restrict.count) == (1, 0)


def test_a_rise_of_the_sun_that_is_taken_back_is_a_generation_step() -> None:
    """CRD-OLRT-1, CRD-STEP-G."""

    def injection(t: float) -> float:
        return 1000.0 if t < 10.03 else 3000.0 + 5000.0 * exp(-max(0.0, t - 10.5) / 0.4)

    state, found = ResponseState(), []
    for k in range(300):
        t = k / 10
        sample = Sample(
            import_w=3000.0 - injection(t),
            phase_import_w=(),
            resolution_w=1.0,
            span=Span(from_s=t - 0.1, to_s=t),
            published_s=t - 0.05,
            received_s=t,
        )
        known_w = injection(t) if t > 10.43 else 1000.0  # the meter sees the sun before the telemetry does
        state, one = follow(state, sample, known_w - 20, known_w + 20, 0.0, NAMEPLATE_W)
        found += [one] if one else []
    (one,) = found
    assert state.unsettled == 0
    assert (one.kind, one.way) == (StepKind.GENERATION, Way.RESTRICT)
    assert one.olrt_lo_s <= 10.5 - 10.03 + 0.4 * log(10) <= one.olrt_hi_s
    assert one.step_w == pytest.approx(2000.0, abs=50.0)


def test_a_tighter_limit_is_a_limit_step() -> None:
    state, found = followed(lambda _: 2000.0, answers(7000.0, 4000.0, 0.5, 0.4), limit=at_10(5000.0, 2000.0))
    (one,) = found
    assert (one.kind, one.way) == (StepKind.LIMIT, Way.RESTRICT)
    assert one.olrt_lo_s <= 0.5 + 0.4 * log(10) <= one.olrt_hi_s
    assert state.limit_w == 2000.0


@pytest.mark.parametrize("offset_s", [0.0, 0.013, 0.04, 0.07])
@pytest.mark.parametrize("tau_s", [0.1, 0.7, 3.0])
def test_the_interval_contains_the_truth_wherever_the_step_falls(offset_s: float, tau_s: float) -> None:
    demand = at_10(9000.0, 3000.0)
    injection = answers(9000.0, 3000.0, 0.3, tau_s)
    _, found = followed(lambda t: demand(t - offset_s), lambda t: injection(t - offset_s), seconds=60.0)
    (one,) = found
    assert one.olrt_lo_s <= 0.3 + tau_s * log(10) <= one.olrt_hi_s


@pytest.mark.parametrize("step_w", [300.0, -300.0])
def test_a_small_step_is_none(step_w: float) -> None:
    state, found = followed(at_10(5000.0, 5000.0 + step_w), answers(5000.0, 5000.0 + step_w, 0.5, 0.4))
    assert (found, state.unsettled, state.kind) == ([], 0, None)


def test_a_step_to_which_the_ders_have_nothing_to_say_is_no_response() -> None:
    state, found = followed(at_10(5000.0, 8000.0), lambda _: 4000.0)
    assert (found, state.unsettled, state.kind) == ([], 0, None)


def test_what_commands_explain_is_no_step() -> None:
    state, found = followed(lambda _: 5000.0, answers(2000.0, 5000.0, 0.5, 1.0))
    assert (found, state.unsettled) == ([], 0)


def test_a_step_that_another_one_overtakes_is_counted_and_not_guessed() -> None:
    def demand(t: float) -> float:
        return 8000.0 if t < 10 else (5000.0 if t < 11 else 2000.0)

    state, found = followed(demand, lambda t: demand(t - 0.5), seconds=20.0)
    assert len(found) == 1
    assert state.unsettled == 1


def test_a_flow_that_never_settles_is_given_up_after_a_minute_and_the_memory_is_bounded() -> None:
    demand = at_10(8000.0, 2000.0)
    state = ResponseState()
    longest = 0
    for k in range(4000):
        t = k / 20
        wobble_w = 400.0 * (k % 2) if t > 10 else 0.0
        sample = Sample(
            import_w=demand(t) - 5000.0 + wobble_w,
            phase_import_w=(),
            resolution_w=1.0,
            span=Span(from_s=t, to_s=t),
            published_s=t - 0.05,
            received_s=t,
        )
        state, one = follow(state, sample, 4500.0, 5500.0, 0.0, NAMEPLATE_W)
        longest = max(longest, len(state.series), len(state.baseline))
        assert one is None
    assert (state.kind, state.series, state.unsettled) == (None, (), 1)
    assert longest <= response.SAMPLES + 1


def test_the_tallies_keep_sum_maximum_and_the_last() -> None:
    """CRD-OLRT-3."""
    state, first = followed(at_10(8000.0, 2000.0), answers(8000.0, 2000.0, 0.5, 0.4))
    again = ResponseState(restrict=state.restrict)
    state, second = followed(at_10(8000.0, 2000.0), answers(8000.0, 2000.0, 0.9, 0.4), state=again)
    tally = state.restrict
    assert (tally.count, tally.last) == (2, second[0])
    assert tally.sum_s == pytest.approx(first[0].judged_s + second[0].judged_s)
    assert tally.max_s == second[0].judged_s


def test_a_gap_in_the_meter_settles_nothing() -> None:
    state, _ = followed(at_10(8000.0, 2000.0), answers(8000.0, 2000.0, 0.5, 0.4), seconds=10.3)
    late = Sample(
        import_w=0.0,
        phase_import_w=(),
        resolution_w=1.0,
        span=Span(from_s=19.0, to_s=20.0),
        published_s=19.9,
        received_s=20.0,
    )
    after, found = follow(state, late, 1980.0, 2020.0, 0.0, NAMEPLATE_W)
    assert found is None
    assert after.kind is StepKind.LOAD


@pytest.mark.parametrize("dead_s", [1.0, 2.5, 4.0, 7.0])
def test_a_release_after_a_long_dead_time_is_measured_too(dead_s: float) -> None:
    """A dead time of more than two seconds lies as flat as rest."""
    demand, injection = at_10(2000.0, 8000.0), answers(2000.0, 8000.0, dead_s, 0.4)
    state, found = followed(demand, injection)
    (one,) = found
    assert one.way is Way.RELEASE
    assert one.olrt_lo_s <= dead_s + 0.4 * log(10) <= one.olrt_hi_s
    assert state.unsettled == 0


def test_a_limit_that_loosens_waits_for_a_release_after_a_long_dead_time() -> None:
    _, found = followed(
        lambda _: 8000.0, answers(4000.0, 7000.0, 3.5, 0.4), limit=lambda t: -4000.0 if t < 10.03 else -1000.0
    )
    (one,) = found
    assert (one.kind, one.way) == (StepKind.LIMIT, Way.RELEASE)
    assert one.olrt_lo_s <= 3.5 + 0.4 * log(10) <= one.olrt_hi_s


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_a_step_inside_the_meters_window_is_timed_from_where_it_first_shows(share: float) -> None:
    """The sample in which the step falls shows a part of it, which may be too small to be a step by itself."""
    true_t0_s = 10.1 - share * 0.1

    def flow(t: float) -> float:
        if t < 10.05:
            return 0.0
        return share * -2000.0 if t < 10.15 else (-2000.0 if t < 11.0 else -2000.0 * exp(-(t - 11.0) / 0.3))

    def injection(t: float) -> float:
        return 6000.0 if t < 11.0 else 4000.0 + 2000.0 * exp(-(t - 11.0) / 0.3)

    _, found = followed(lambda t: flow(t) + injection(t), injection)
    (one,) = found
    assert one.step_w == pytest.approx(-2000.0, abs=60.0)
    assert one.olrt_lo_s <= 11.0 + 0.3 * log(10) - true_t0_s <= one.olrt_hi_s
    assert one.olrt_hi_s - one.olrt_lo_s < 0.65
