"""Responses worked out by hand, sample by sample: every number of each, and the edges of a step and of rest.

A meter publishes every half second and is read 0.1 s later; the inverters together have 10 kW, so a step is 500 W.
"""

from typing import Any

import pytest

from pcs.core.measure import Sample
from pcs.core.response import Response, ResponseState, StepKind, Tally, Way, follow
from pcs.model.units import Span

EVERY_S, READ_S = 0.5, 0.1
Known = tuple[float, float]
"""The flow (import positive) and the injection (W)."""


def fed(
    *known: Known,
    limit_w: float | None = 0.0,
    limits: dict[int, float | None] | None = None,
    state: ResponseState | None = None,
    from_s: float = 0.0,
    resolution_w: float = 1.0,
    unsure_w: float = 0.0,
    every_s: float = EVERY_S,
) -> tuple[ResponseState, list[tuple[float, Response]]]:
    """These samples, one after the other; `limits`: from which number on another limit holds."""
    state, found = state or ResponseState(), []
    for k, (import_w, injection_w) in enumerate(known):
        now_s = from_s + k * every_s
        limit_w = (limits or {}).get(k, limit_w)
        sample = Sample(
            import_w=import_w,
            phase_import_w=(),
            resolution_w=resolution_w,
            span=Span(from_s=now_s - every_s, to_s=now_s),
            published_s=now_s - READ_S,
            received_s=now_s,
        )
        state, one = follow(state, sample, injection_w - unsure_w, injection_w + unsure_w, limit_w, 10_000.0)
        found += [(now_s, one)] if one else []
    return state, found


QUIET: list[Known] = [(0.0, 6000.0)] * 4
DROP: list[Known] = [(-4000.0, 6000.0), (-4000.0, 6000.0), (-2000.0, 4000.0), (-300.0, 2300.0)]
"""Load falls by 4 kW at 2 s; the flow is back after two seconds."""
REST: list[Known] = [(0.0, 2000.0)] * 12


def test_a_load_drop_is_measured_from_the_middle_of_its_interval_to_the_middle_of_that_of_ninety_percent() -> None:
    """CRD-OLRT-1: the step lies between 1.4 and 2.0 s, 90 % between 2.9 and 3.5 s; 100 W beyond is beyond."""
    state, ((at_s, one),) = fed(*QUIET, *DROP, *REST)
    assert at_s == 6.0, "as soon as two seconds are flat"
    assert one == Response(
        kind=StepKind.LOAD,
        way=Way.RESTRICT,
        at_s=pytest.approx(1.7),  # type: ignore[arg-type]
        at_lo_s=pytest.approx(1.4),  # type: ignore[arg-type]
        at_hi_s=2.0,
        olrt_s=pytest.approx(1.5),  # type: ignore[arg-type]
        olrt_lo_s=pytest.approx(0.9),  # type: ignore[arg-type]
        olrt_hi_s=pytest.approx(2.1),  # type: ignore[arg-type]
        beyond_s=pytest.approx(1.75),  # type: ignore[arg-type]
        step_w=-4000.0,
        final_import_w=0.0,
    )
    assert one.judged_s == one.beyond_s
    assert (state.kind, state.series, state.unsettled) == (None, (), 0)
    assert (state.restrict, state.release) == (Tally().plus(one), Tally())


def test_a_load_rise_is_a_release_that_was_never_beyond() -> None:
    """The flow leaves the limit by 4 kW and comes back as the inverters rise."""
    up = [(4000.0, 2000.0), (4000.0, 2000.0), (2000.0, 4000.0), (300.0, 5700.0)]
    state, ((at_s, one),) = fed(*[(0.0, 2000.0)] * 4, *up, *[(0.0, 6000.0)] * 12)
    assert (one.kind, one.way, one.beyond_s) == (StepKind.LOAD, Way.RELEASE, 0.0)
    assert (one.olrt_s, one.step_w, one.judged_s) == (pytest.approx(1.5), 4000.0, one.olrt_s)
    assert (state.release.count, state.release.last, state.restrict.count) == (1, one, 0)
    assert at_s == 6.0


def test_a_step_of_the_limit_is_timed_from_the_sample_before_it() -> None:
    """The limit falls from 5 to 1 kW between 1.4 and 2.0 s, and the flow follows it."""
    down = [(-5000.0, 7000.0), (-5000.0, 7000.0), (-3000.0, 5000.0), (-1300.0, 3300.0)]
    state, ((_, one),) = fed(
        *[(-5000.0, 7000.0)] * 4, *down, *[(-1000.0, 3000.0)] * 12, limit_w=5000.0, limits={4: 1000.0}
    )
    assert (one.kind, one.way, one.step_w) == (StepKind.LIMIT, Way.RESTRICT, -4000.0)
    assert (one.at_lo_s, one.at_hi_s) == (pytest.approx(1.4), 2.0)
    assert (one.olrt_s, one.beyond_s, one.final_import_w) == (pytest.approx(1.5), pytest.approx(1.75), -1000.0)
    assert state.limit_w == 1000.0


def test_a_rise_of_the_sun_is_timed_on_the_flow_from_its_extreme() -> None:
    """The sun adds 4 kW, shown by telemetry a sample later; what the limit of 1200 W does not leave is taken back."""
    seen = [(-4000.0, 1000.0), (-4000.0, 5000.0), (-2500.0, 3500.0), (-1300.0, 2300.0)]
    state, ((_, one),) = fed(*[(0.0, 1000.0)] * 4, *seen, *[(-1200.0, 2200.0)] * 12, limit_w=1200.0)
    assert (one.kind, one.way, state.unsettled) == (StepKind.GENERATION, Way.RESTRICT, 0)
    assert (one.step_w, one.final_import_w) == (1200.0, -1200.0), "what stepped is the injection"
    assert (one.at_s, one.olrt_s) == (pytest.approx(1.7), pytest.approx(1.5))
    assert one.beyond_s == pytest.approx(1.25), "1300 W are within a fifth of the least step"


@pytest.mark.parametrize(("step_w", "followed"), [(500.0, False), (501.0, True), (-500.0, False), (-501.0, True)])
def test_a_step_is_more_than_five_percent_of_the_nameplate(step_w: float, followed: bool) -> None:
    state, _ = fed(*QUIET, (step_w, 6000.0))
    assert (state.kind is not None) is followed


@pytest.mark.parametrize(("step_w", "followed"), [(1000.0, False), (1001.0, True)])
def test_a_step_is_more_than_ten_steps_of_a_coarse_meter(step_w: float, followed: bool) -> None:
    state, _ = fed(*QUIET, (step_w, 6000.0), resolution_w=100.0)
    assert (state.kind is not None) is followed


@pytest.mark.parametrize(("step_w", "followed"), [(600.0, False), (701.0, True), (-700.0, False), (-701.0, True)])
def test_what_an_unsure_injection_may_explain_is_no_step(step_w: float, followed: bool) -> None:
    """Both before and after it may be 100 W more or less."""
    state, _ = fed(*QUIET, (step_w, 6000.0), unsure_w=100.0)
    assert (state.kind is not None) is followed


def test_one_sample_is_no_baseline_and_eight_are_all_of_it() -> None:
    assert fed((0.0, 6000.0), (-4000.0, 6000.0))[0].kind is None
    assert fed((0.0, 6000.0), (0.0, 6000.0), (-4000.0, 6000.0))[0].kind is StepKind.LOAD
    creeping = [(-100.0 * k, 6000.0) for k in range(12)]
    state, _ = fed(*creeping)
    assert (state.kind, len(state.baseline)) == (None, 8)
    for import_w, kind in ((-1600.0, None), (-1601.0, StepKind.LOAD), (100.0, None), (101.0, StepKind.LOAD)):
        assert fed(*creeping, (import_w, 6000.0))[0].kind is kind, "400 to 1100 W are its baseline, and 500 W are none"


def test_the_sample_in_which_a_step_falls_belongs_to_it_and_not_to_what_was_before() -> None:
    """A meter that averages shows 300 of 4000 W first: the step was before that sample was read."""
    state, ((_, one),) = fed(*QUIET, (-300.0, 6000.0), *DROP, *REST)
    assert (one.at_lo_s, one.at_hi_s) == (pytest.approx(1.4), 2.0)
    assert state.unsettled == 0
    _, ((_, late),) = fed(*QUIET, (-199.0, 6000.0), *DROP, *REST)
    assert late.at_lo_s == pytest.approx(1.9), "less than 5 % of the step is noise"


def test_a_flow_that_is_not_flat_for_two_seconds_is_not_at_rest() -> None:
    """Wobble up to a quarter of the least step is rest: 125 W here, where 3 % of the way are 120 W."""
    for wobble_w, rests in ((125.0, True), (126.0, False)):
        flat = [(wobble_w * (k % 2), 2000.0) for k in range(12)]
        assert bool(fed(*QUIET, *DROP, *flat)[1]) is rests


def test_three_percent_of_a_long_way_are_rest_too() -> None:
    """8 kW of way, and the wobble itself: 247 W."""
    long_drop = [(-8000.0, 9000.0), (-4000.0, 5000.0)]
    for wobble_w, rests in ((247.0, True), (248.0, False)):
        flat = [(wobble_w * (k % 2), 1000.0) for k in range(12)]
        assert bool(fed(*[(0.0, 9000.0)] * 4, *long_drop, *flat)[1]) is rests


def test_a_flow_beyond_the_limit_is_not_at_rest_however_flat_it_lies() -> None:
    stays = [(-101.0, 2101.0)] * 20
    state, found = fed(*QUIET, *DROP, *stays)
    assert (found, state.kind) == ([], StepKind.LOAD)
    assert len(fed(*QUIET, *DROP, *[(-100.0, 2100.0)] * 20)[1]) == 1, "a fifth of the least step is on it"


@pytest.mark.parametrize(("rest", "left"), [(119, StepKind.LOAD), (120, None)])
def test_what_is_not_at_rest_after_a_minute_is_given_up_and_counted(rest: int, left: StepKind | None) -> None:
    """The step is read at 2 s; the sample at 62 s is the last that may settle it."""
    wobbles = [(300.0 * (k % 2), 2000.0) for k in range(rest + 1 - len(DROP) + 1)]
    state, found = fed(*QUIET, *DROP, *wobbles)
    assert found == []
    assert (state.kind, state.unsettled) == (left, 0 if left else 1)
    if left is None:
        assert state.series == ()


def test_a_step_that_another_overtakes_is_counted_once_and_the_other_is_followed() -> None:
    state, found = fed(*QUIET, *DROP[:2], (-7000.0, 6000.0))
    assert (found, state.unsettled, state.kind) == ([], 1, StepKind.LOAD)
    assert state.t0_hi_s == 3.0
    assert len(state.baseline) == 1


def test_an_injection_that_moved_by_less_than_the_least_step_answered_nothing() -> None:
    for moved_w, answered in ((499.0, False), (500.0, True)):
        rest = [(-4000.0 + moved_w, 6000.0 - moved_w)] * 12
        state, found = fed(*QUIET, *DROP[:1], *rest, limit_w=3500.0)
        assert bool(found) is answered
        assert (state.kind, state.unsettled) == (None, 0)


@pytest.mark.parametrize(("limit_w", "said"), [(3999.0, True), (4000.0, False), (None, False)])
def test_a_restriction_is_a_response_only_where_the_flow_was_beyond_the_limit(
    limit_w: float | None, said: bool
) -> None:
    """Clouds move inverters, too."""
    assert bool(fed(*QUIET, *DROP, *REST, limit_w=limit_w)[1]) is said


@pytest.mark.parametrize(("before_w", "said"), [(499.0, True), (500.0, False)])
def test_a_release_is_a_response_only_where_the_limit_held_it_before(before_w: float, said: bool) -> None:
    """Within the least step of the limit."""
    up = [(before_w + 4000.0, 2000.0), (before_w + 2000.0, 4000.0)]
    _, found = fed(*[(before_w, 2000.0)] * 4, *up, *[(before_w, 6000.0)] * 30)
    assert bool(found) is said


def test_a_slow_plant_that_still_creeps_widens_the_interval_to_where_it_may_end() -> None:
    """It gained 12.5 W from half of two seconds to the other: 50 W may still come, and 90 % are a sample later."""
    creeps = [(-2000.0, 4000.0), (-400.0, 2400.0), (-340.0, 2340.0)] + [(-60.0 + 5.0 * k, 2060.0) for k in range(12)]
    (_, slow) = fed(*QUIET, *DROP[:1], *creeps)[1][0]
    assert slow.final_import_w == -45.0
    assert (slow.olrt_s, slow.olrt_lo_s, slow.olrt_hi_s) == (
        pytest.approx(1.25),
        pytest.approx(0.4),
        pytest.approx(2.1),
    )


def test_a_quick_answer_is_timed_between_two_samples_and_its_interval_begins_with_nothing() -> None:
    """The next sample is back: it crossed between 1.9 and 2.5 s, and the step was between 1.4 and 2.0 s."""
    (_, one) = fed(*QUIET, (-4000.0, 6000.0), *REST)[1][0]
    assert (one.olrt_s, one.olrt_lo_s, one.olrt_hi_s) == (pytest.approx(0.5), 0.0, pytest.approx(1.1))
    assert one.beyond_s == pytest.approx(0.25)


def test_a_step_that_was_answered_before_it_could_be_seen_took_no_time() -> None:
    """The flow is a watt beyond and stays there: at rest exactly two seconds after the step."""
    ((at_s, one),) = fed(*QUIET, *[(-1.0, 2000.0)] * 12)[1]
    assert (at_s, one.olrt_s, one.olrt_lo_s, one.olrt_hi_s) == (4.0, 0.0, 0.0, pytest.approx(0.6))
    assert (one.beyond_s, one.way, one.kind) == (0.0, Way.RESTRICT, StepKind.LOAD)


@pytest.mark.parametrize("before_w", [1000.0, 5000.0])
def test_the_extreme_of_a_load_step_is_sought_behind_it_however_far_the_flow_was_before(before_w: float) -> None:
    """What stepped is the demand: what the flow lost and what the inverters gave up."""
    (_, one) = fed(*[(before_w, 6000.0)] * 4, *DROP, *REST)[1][0]
    assert (one.olrt_s, one.step_w) == (pytest.approx(1.5), -4000.0 - before_w)


def test_the_way_of_a_limit_step_begins_with_the_sample_before_it() -> None:
    """The first sample under the new limit has moved already: 90 % from -5 to -1 kW are -1.4 kW."""
    down = [(-3000.0, 5000.0), (-1300.0, 3300.0)]
    rest = [(-1150.0, 3150.0)] + [(-1000.0, 3000.0)] * 12
    (_, one) = fed(*[(-5000.0, 7000.0)] * 4, *down, *rest, limit_w=5000.0, limits={4: 1000.0})[1][0]
    assert (one.kind, one.olrt_s) == (StepKind.LIMIT, pytest.approx(0.5))


def test_load_and_limit_that_step_together_are_a_step_of_the_load() -> None:
    assert fed(*QUIET, *DROP[:1], limits={4: 500.0})[0].kind is StepKind.LOAD


@pytest.mark.parametrize("dead", [1, 10])
def test_a_release_under_a_limit_of_its_own_is_timed_from_where_the_flow_went(dead: int) -> None:
    """At 3 kW of export, 4 kW of load come: the flow goes to 1 kW of import, waits, and comes back."""
    up = [(1000.0, 5000.0)] * dead + [(-1000.0, 7000.0), (-2700.0, 8700.0)]
    state, ((_, one),) = fed(*[(-3000.0, 5000.0)] * 4, *up, *[(-3000.0, 9000.0)] * 12, limit_w=3000.0)
    assert (one.way, one.step_w, state.unsettled) == (Way.RELEASE, 4000.0, 0)
    assert one.olrt_s == pytest.approx(0.5 * dead + 0.5)


def test_a_release_may_lie_still_for_ten_seconds_and_then_there_was_none() -> None:
    waits = [(4000.0, 2000.0)]
    assert fed(*[(0.0, 2000.0)] * 4, *waits * 20)[0].kind is StepKind.LOAD
    state, found = fed(*[(0.0, 2000.0)] * 4, *waits * 21)
    assert (state.kind, found, state.unsettled) == (None, [], 0)


def test_a_meter_of_two_seconds_settles_with_two_samples() -> None:
    ((at_s, one),) = fed(*QUIET, (-4000.0, 6000.0), *[(0.0, 2000.0)] * 5, every_s=2.0)[1]
    assert (at_s, one.way) == (12.0, Way.RESTRICT)


@pytest.mark.parametrize(("part_w", "at_lo_s"), [(150.0, 1.9), (250.0, 1.4)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_part_of_five_percent_in_the_sample_before_a_step_belongs_to_it_in_both_directions(
    part_w: float, at_lo_s: float, sign: float
) -> None:
    """From 1 kW of import 4 kW up or down."""
    flows = [1000.0 + sign * part_w, 1000.0 + sign * 4000.0]
    state, _ = fed(*[(1000.0, 6000.0)] * 4, *[(w, 6000.0) for w in flows])
    assert (state.kind, state.t0_lo_s) == (StepKind.LOAD, pytest.approx(at_lo_s))
    short, _ = fed((1000.0, 6000.0), *[(w, 6000.0) for w in flows])
    assert short.t0_lo_s == pytest.approx(at_lo_s - 1.5), "with a baseline of two samples, too"


def test_a_sun_that_rises_far_inside_the_limit_is_no_response() -> None:
    seen = [(-4000.0, 1000.0), (-4000.0, 5000.0), (-2500.0, 3500.0), (-700.0, 1700.0)]
    state, found = fed(*[(0.0, 1000.0)] * 4, *seen, *[(-600.0, 1600.0)] * 12, limit_w=1200.0)
    assert (found, state.kind) == ([], None)


def test_a_limit_that_is_new_with_the_first_sample_is_no_step() -> None:
    assert fed((0.0, 6000.0), limit_w=3000.0)[0].kind is None
    assert fed((0.0, 6000.0), (0.0, 6000.0), limits={1: 100.0})[0].kind is StepKind.LIMIT


def test_the_sun_explains_a_step_when_telemetry_shows_it_and_nothing_is_counted() -> None:
    """The meter sees 4 kW first; then the inverter says that it was the sun: the demand is as it was."""
    state, _ = fed(*[(0.0, 1000.0)] * 4, (-4000.0, 1000.0), (-4000.0, 1000.0), (-4000.0, 5000.0))
    assert (state.kind, state.unsettled, len(state.series)) == (StepKind.LOAD, 0, 3)
    assert len(state.baseline) == 1, "what comes next is compared with the site as it is now"


def tally(*judged: Any) -> Tally:
    made = Tally()
    for one in judged:
        made = made.plus(one)
    return made


def test_a_tally_keeps_number_sum_largest_and_last() -> None:
    (_, first), (_, second) = fed(*QUIET, *DROP, *REST)[1][0], fed(*QUIET, *DROP[1:], *REST)[1][0]
    both = tally(first, second)
    assert (both.count, both.max_s, both.last) == (2, first.judged_s, second)
    assert both.sum_s == pytest.approx(first.judged_s + second.judged_s)
