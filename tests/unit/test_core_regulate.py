"""The control law on single samples: its three rules, credit, slew, hold and tighten."""

from dataclasses import replace

import pytest

from pcs.core.envelope import Envelope, Margin
from pcs.core.regulate import Budget, Flow, Pace, hold, regulate, secure, tighten, without
from pcs.model.units import Span

BOUNDS = Envelope(limit_w=1000.0, margin=Margin(measurement_w=50.0, cushion_w=50.0))
PACE = Pace(settle_s=9.0, slew_w_s=2000.0, most_w=10_000.0)
NEVER_S = float("-inf")


def flow(
    import_w: float,
    lo_w: float,
    hi_w: float,
    certain_w: float | None = None,
    reserved_w: float = 0.0,
    spoken_s: float = NEVER_S,
) -> Flow:
    """What is known at a sample; by default no DER has spoken."""
    return Flow(
        import_w=import_w,
        span=Span(from_s=0.0, to_s=0.0),
        lo_w=lo_w,
        hi_w=hi_w,
        certain_w=lo_w if certain_w is None else certain_w,
        credit_w=hi_w,
        reserved_w=reserved_w,
        spoken_s=spoken_s,
    )


def budget(total_w: float, at_s: float = 10.0, **more: float) -> Budget:
    return Budget(total_w=total_w, at_s=at_s, **more)  # type: ignore[arg-type]


def test_flow_beyond_the_limit_lowers_the_budget_at_once_to_the_absolute_estimate() -> None:
    after = regulate(budget(6000.0), flow(-4000.0, 6000.0, 6000.0), BOUNDS, PACE, 10.1)
    assert after.total_w == 6000 - 4000 + 1000 - 100


def test_outside_a_credit_the_budget_rests_on_the_lower_bound() -> None:
    after = regulate(budget(6000.0), flow(-4000.0, 5000.0, 6000.0), BOUNDS, PACE, 10.1)
    assert after.total_w == 5000 - 4000 + 1000 - 100


def test_a_lowering_gives_credit_for_what_it_still_explains_in_proportion_to_its_size() -> None:
    small = regulate(budget(6000.0), flow(-1100.0, 6000.0, 6000.0), BOUNDS, PACE, 10.0)
    assert small.credit_until_s == 10 + 9 * 0.25, "at least a quarter of the settling time"
    large = regulate(budget(10_000.0), flow(-8000.0, 10_000.0, 10_000.0), BOUNDS, PACE, 10.0)
    assert large.credit_until_s == pytest.approx(10 + 9 * 0.71)


def test_within_a_credit_the_upper_bound_explains_the_flow_and_after_it_no_more() -> None:
    still_falling = flow(-4000.0, 1000.0, 6000.0)
    waiting = budget(2900.0, credit_until_s=12.0)
    assert regulate(waiting, still_falling, BOUNDS, PACE, 11.9).total_w == 2900.0
    assert regulate(waiting, still_falling, BOUNDS, PACE, 12.0).total_w == 0.0


def test_a_new_lowering_never_shortens_a_credit() -> None:
    after = regulate(budget(6000.0, credit_until_s=50.0), flow(-4000.0, 6000.0, 6000.0), BOUNDS, PACE, 10.0)
    assert after.credit_until_s == 50.0


def too_high(spoken_s: float) -> Flow:
    """Room for 3400 W where 6000 W are allowed, and nobody uses them."""
    return flow(500.0, 2000.0, 2000.0, spoken_s=spoken_s)


def test_a_budget_that_is_merely_too_high_waits_until_every_der_has_spoken_since() -> None:
    first = regulate(budget(6000.0), too_high(9.9), BOUNDS, PACE, 10.0)
    waiting = regulate(first, too_high(9.99), BOUNDS, PACE, 60.0)
    lowered = regulate(waiting, too_high(10.0), BOUNDS, PACE, 60.1)
    assert [b.total_w for b in (first, waiting, lowered)] == [6000.0, 6000.0, 3400.0]


def test_lowering_a_budget_that_is_merely_too_high_takes_no_credit() -> None:
    first = regulate(budget(6000.0), too_high(9.9), BOUNDS, PACE, 10.0)
    lowered = regulate(first, too_high(10.0), BOUNDS, PACE, 10.1)
    assert lowered.total_w < 6000.0
    assert lowered.credit_until_s == budget(6000.0).credit_until_s
    dropped = regulate(lowered, flow(-3000.0, 1000.0, 6000.0), BOUNDS, PACE, 10.2)
    assert dropped.total_w == 0.0, "a load drop right after it is answered at once"


def test_the_wait_begins_anew_when_the_budget_was_right_in_between() -> None:
    right = flow(500.0, 6000.0, 6000.0, spoken_s=10.4)
    state = budget(6000.0)
    for seen, now_s in ((too_high(9.9), 10.0), (right, 10.5), (too_high(10.6), 11.0), (too_high(10.9), 12.0)):
        state = regulate(state, seen, BOUNDS, PACE, now_s)
        assert state.total_w >= 6000.0
    assert regulate(state, too_high(11.0), BOUNDS, PACE, 12.1).total_w == 3400.0


def test_a_small_excess_is_taken_off_twofold_and_no_more() -> None:
    overshoot = flow(-1046.0, 0.0, 6000.0)  # 146 W above what is aimed at; the raise has not been told of yet
    after = regulate(budget(6000.0), overshoot, BOUNDS, PACE, 10.0)
    assert after.total_w == 6000 - 2 * 146
    assert after.credit_until_s > 10.0, "and then it is given time to work"
    large = flow(-1401.0, 0.0, 6000.0)
    assert regulate(budget(6000.0), large, BOUNDS, PACE, 10.0).total_w == 0.0


def test_a_small_excess_is_taken_off_what_is_injected_and_not_off_idle_caps() -> None:
    sunny_caps = flow(-1046.0, 2900.0, 3000.0)
    assert regulate(budget(9000.0), sunny_caps, BOUNDS, PACE, 10.0).total_w == 2900 - 146
    assert regulate(budget(9000.0), flow(-1046.0, 0.0, 3000.0), BOUNDS, PACE, 10.0).total_w == 3000 - 2 * 146


def test_a_small_excess_beside_a_der_that_does_not_obey_is_no_small_matter() -> None:
    beside = flow(-1046.0, 2000.0, 6000.0, reserved_w=1000.0)
    assert regulate(budget(6000.0), beside, BOUNDS, PACE, 10.0).total_w == 2000 - 146 - 1000


def test_a_small_excess_never_leaves_more_than_the_absolute_estimate_needs() -> None:
    known = flow(-1046.0, 6000.0, 6000.0)
    assert regulate(budget(6000.0), known, BOUNDS, PACE, 10.0).total_w == 6000 - 146


def test_between_inner_and_outer_margin_the_budget_rests() -> None:
    resting = flow(-1000.0 + 80.0, 3000.0, 3000.0)  # 75 W are not to be used, 100 W not to be aimed at
    assert regulate(budget(3000.0), resting, BOUNDS, PACE, 10.1).total_w == 3000.0


def test_the_budget_rises_with_the_slew_towards_what_is_certain() -> None:
    headroom = flow(4000.0, 2000.0, 2500.0, certain_w=1500.0)
    assert regulate(budget(2000.0), headroom, BOUNDS, PACE, 10.5).total_w == 3000.0
    assert regulate(budget(2000.0), headroom, BOUNDS, PACE, 30.0).total_w == 4000 + 1000 - 100 + 1500
    assert regulate(Budget(total_w=2000.0), headroom, BOUNDS, PACE, 30.0).total_w == 2000.0, "no time has passed yet"


def test_a_raise_counts_a_share_found_on_top_of_what_is_said_but_never_beyond_the_budget() -> None:
    """At its limit a line of DERs that say the truth stays there: fault campaign, core and plant, seed 22."""
    found = replace(PACE, trust_share=0.1)
    at_limit = regulate(budget(6000.0), flow(-900.0, 6000.0, 6000.0), BOUNDS, found, 11.0)
    assert at_limit.total_w == 6000.0
    low = regulate(budget(6600.0), flow(-900.0, 6000.0, 6000.0), BOUNDS, found, 11.0)
    assert low.total_w == pytest.approx(6600.0)
    room = regulate(budget(6000.0), flow(-700.0, 6000.0, 6000.0), BOUNDS, found, 11.0)
    assert room.total_w == 6200.0
    draws = regulate(budget(-500.0), flow(-800.0, -600.0, -600.0), BOUNDS, found, 11.0)
    assert draws.total_w == -500.0


def test_the_budget_never_rises_above_what_may_be_capped() -> None:
    assert regulate(budget(9000.0), flow(9000.0, 9000.0, 9000.0), BOUNDS, PACE, 99.0).total_w == 10_000.0


def test_what_does_not_obey_is_taken_off_the_budget() -> None:
    beyond = flow(-3000.0, 6000.0, 6000.0, reserved_w=2500.0)
    assert regulate(budget(6000.0), beyond, BOUNDS, PACE, 10.0).total_w == 6000 - 3000 + 1000 - 100 - 2500


def test_a_budget_is_never_negative() -> None:
    assert regulate(budget(100.0), flow(-9000.0, 0.0, 0.0), BOUNDS, PACE, 10.0).total_w == 0.0


def test_without_a_limit_the_ders_are_free() -> None:
    free = replace(BOUNDS, limit_w=None)
    assert regulate(budget(1.0), flow(-9000.0, 0.0, 0.0), free, PACE, 10.0).total_w == 10_000.0


def test_time_without_knowledge_does_not_count_towards_a_raise() -> None:
    waited = hold(budget(2000.0), 60.0)
    assert waited.total_w == 2000.0
    assert regulate(waited, flow(9000.0, 2000.0, 2000.0), BOUNDS, PACE, 60.1).total_w == pytest.approx(2200.0)


def test_tightening_moves_from_the_budget_at_its_beginning_to_the_safe_total() -> None:
    state = budget(6000.0)
    totals = []
    for part in (0.0, 0.25, 0.5, 0.4, 1.0):
        state = tighten(state, 2000.0, part, 11.0)
        totals.append(state.total_w)
    assert totals == [6000.0, 5000.0, 4000.0, 4000.0, 2000.0], "and never back"


def test_tightening_never_raises_a_budget_below_the_safe_total() -> None:
    assert tighten(budget(500.0), 2000.0, 1.0, 11.0).total_w == 500.0
    assert tighten(budget(500.0), None, 1.0, 11.0).total_w == 500.0


def test_a_fresh_sample_ends_the_tightening() -> None:
    tightened = tighten(budget(6000.0), 2000.0, 0.5, 11.0)
    assert regulate(tightened, flow(0.0, 4000.0, 4000.0), BOUNDS, PACE, 11.1).frozen_w is None


def test_a_der_still_on_its_way_to_the_safe_set_is_not_cut_further_when_control_begins() -> None:
    """Found at a start in full sun: the caps fell from the safe set to nothing, and were back ten seconds later."""
    safe = secure(Budget(), 950.0, 9.0, 0.1)
    falling = flow(-4000.0, 500.0, 5500.0)  # demand is 1000 W, the DER is at some 5000 W on its way to 950 W
    assert regulate(safe, falling, BOUNDS, PACE, 0.6).total_w == 950.0


def test_credit_of_the_safe_set_ends_with_the_slowest_plant() -> None:
    safe = secure(Budget(), 950.0, 9.0, 0.1)
    for k in range(100):
        safe = secure(safe, 950.0, 9.0, 0.2 + k / 10)
    assert regulate(safe, flow(-4000.0, 500.0, 5500.0), BOUNDS, PACE, 10.3).total_w < 950.0


@pytest.mark.parametrize("safe_w", [2000.0, None])
def test_time_that_was_spent_tightening_does_not_count_towards_a_raise(safe_w: float | None) -> None:
    tightened = tighten(budget(2000.0), safe_w, 0.0, 60.0)
    raised = regulate(tightened, flow(9000.0, 2000.0, 2000.0), BOUNDS, PACE, 60.1)
    assert raised.total_w == pytest.approx(2200.0), "a tenth of a second at 2 kW/s"


@pytest.mark.parametrize(("left_w", "total_w"), [(0.0, 3000.0), (0.5, 2999.5), (1000.0, 2000.0), (5000.0, 0.0)])
def test_every_watt_of_those_that_drop_out_leaves_the_budget(left_w: float, total_w: float) -> None:
    assert without(budget(3000.0), left_w).total_w == total_w
    assert without(budget(3000.0, frozen_w=4000.0), left_w).frozen_w == max(0.0, 4000.0 - left_w)


def test_a_budget_below_nothing_is_not_raised_when_somebody_drops_out() -> None:
    assert without(budget(-500.0, frozen_w=-200.0), 1000.0).total_w == -500.0
    assert without(budget(-500.0, frozen_w=-200.0), 1000.0).frozen_w == -200.0


def test_a_ceiling_ends_a_raise_and_lowers_nothing() -> None:
    seen = flow(1000.0, 5000.0, 5000.0)
    for total_w, ceiling_w, expected_w in (
        (5000.0, 5300.0, 5300.0),
        (5000.0, 9000.0, 6900.0),
        (5600.0, 5300.0, 5600.0),
    ):
        after = regulate(budget(total_w, at_s=0.0), seen, BOUNDS, replace(PACE, ceiling_w=ceiling_w), 10.0)
        assert after.total_w == expected_w
