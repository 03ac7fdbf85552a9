"""The control law on single samples, number by number and at its edges."""

from typing import Any

import pytest

from pcs.core.envelope import Envelope, Margin
from pcs.core.regulate import Budget, Flow, Pace, hold, regulate, secure, tighten, without
from pcs.model.units import Span

LIMIT = Envelope(limit_w=1000.0, margin=Margin(measurement_w=50.0, cushion_w=50.0))
"""100 W are kept free; inside 75 W the budget goes down."""
PACE = Pace(settle_s=8.0, slew_w_s=2000.0, most_w=10_000.0)
NEVER_S = float("-inf")


def flow(import_w: float, lo_w: float = 5000.0, hi_w: float = 5000.0, **more: Any) -> Flow:
    """What is known at a sample; every DER has just spoken."""
    given = {
        "span": Span(from_s=0.0, to_s=0.0),
        "certain_w": lo_w,
        "credit_w": hi_w,
        "reserved_w": 0.0,
        "spoken_s": 10.0,
        **more,
    }
    return Flow(import_w=import_w, lo_w=lo_w, hi_w=hi_w, **given)


def budget(total_w: float, **more: Any) -> Budget:
    return Budget(**{"total_w": total_w, "at_s": 10.0, **more})


def after(before: Budget, seen: Flow, now_s: float = 10.0, pace: Pace = PACE) -> Budget:
    return regulate(before, seen, LIMIT, pace, now_s)


def paced(**more: Any) -> Pace:
    return Pace(**{"settle_s": 8.0, "slew_w_s": 2000.0, "most_w": 10_000.0, **more})


def test_without_a_limit_everything_may_be_injected() -> None:
    free = Envelope(limit_w=None, margin=Margin(measurement_w=0.0, cushion_w=0.0))
    state = regulate(budget(5.0, frozen_w=3.0), flow(-9e6), free, PACE, 12.0)
    assert (state.total_w, state.at_s, state.frozen_w) == (10_000.0, 12.0, None)


@pytest.mark.parametrize(
    ("import_w", "total_w"),
    [(-925.0, 6000.0), (-925.5, 5974.5), (-1000.0, 5900.0), (-3000.0, 3900.0), (-9000.0, 0.0)],
)
def test_only_flow_inside_the_inner_margin_lowers_a_budget_that_is_used(import_w: float, total_w: float) -> None:
    """6 kW are injected: up to 925 W of export they stay, beyond that 900 W are aimed at."""
    assert after(budget(6000.0), flow(import_w, 6000.0, 6000.0)).total_w == total_w


def test_the_clocks_of_a_lowering() -> None:
    """3100 of 10 000 W: 31 % of eight seconds of credit; the wait and the trouble are over."""
    before = budget(9000.0, too_high_since_s=3.0, frozen_w=7.0, credit_until_s=2.0)
    state = after(before, flow(-4000.0, 9000.0, 9000.0), now_s=11.0)
    assert state == Budget(total_w=5900.0, at_s=11.0, credit_until_s=pytest.approx(11.0 + 8.0 * 0.31))  # type: ignore[arg-type]


@pytest.mark.parametrize(("drop_w", "share"), [(100.0, 0.25), (2500.0, 0.25), (3000.0, 0.3), (10_000.0, 1.0)])
def test_a_lowering_has_credit_for_its_share_of_a_full_step_and_at_least_a_quarter(drop_w: float, share: float) -> None:
    seen = flow(-900.0 - drop_w, 10_000.0, 10_000.0)
    assert after(budget(10_000.0), seen).credit_until_s == pytest.approx(10.0 + 8.0 * share)


def test_what_has_no_size_has_a_quarter_of_the_credit() -> None:
    state = after(budget(100.0), flow(-4000.0, 0.0, 0.0), pace=paced(most_w=0.0))
    assert state.credit_until_s == 12.0


@pytest.mark.parametrize(("spoken_s", "lowered"), [(6.9, False), (7.0, True)])
def test_what_is_merely_too_high_is_lowered_when_all_have_spoken_since(spoken_s: float, lowered: bool) -> None:
    """6 kW are allowed where 2925 - 500 + 1000 - 75 W fit."""
    before = budget(6000.0, too_high_since_s=7.0, credit_until_s=3.0)
    state = after(before, flow(-500.0, 2925.0, 2925.0, spoken_s=spoken_s))
    assert state.total_w == (pytest.approx(2925.0 + 400.0) if lowered else 6000.0)
    assert state.credit_until_s == 3.0, "it takes no credit"
    assert state.too_high_since_s == (None if lowered else 7.0)


def test_the_wait_begins_with_the_first_sample_that_shows_too_much() -> None:
    state = after(budget(6000.0), flow(-500.0, 2000.0, 2000.0, spoken_s=9.0), now_s=10.5)
    assert (state.total_w, state.too_high_since_s) == (6000.0, 10.5)
    right = after(state, flow(-500.0, 6000.0, 6000.0, spoken_s=9.0), now_s=10.6)
    assert right.too_high_since_s is None


@pytest.mark.parametrize(("total_w", "too_high"), [(5425.0, False), (5425.5, True)])
def test_too_high_is_what_exceeds_the_inner_margin_with_the_middle_of_the_bounds(
    total_w: float, too_high: bool
) -> None:
    """Between 4 and 6 kW are injected, 500 W exported: 5000 - 500 + 1000 - 75 W."""
    state = after(budget(total_w), flow(-500.0, 4000.0, 6000.0, spoken_s=NEVER_S))
    assert (state.too_high_since_s is not None) is too_high


def test_a_better_guess_than_the_middle_decides_where_there_is_one_and_trust_adds_its_share() -> None:
    for more, share, most_w in (
        ({"likely_w": 4500.0}, 0.0, 4925.0),
        ({}, 0.1, 5925.0),
        ({"likely_w": 5800.0}, 0.0, 6225.0),
    ):
        seen = flow(-500.0, 4000.0, 6000.0, spoken_s=NEVER_S, **more)
        for total_w, too_high in ((most_w, False), (most_w + 0.5, True)):
            state = after(budget(total_w), seen, pace=paced(trust_share=share))
            assert (state.too_high_since_s is not None) is too_high


def test_credit_explains_flow_beyond_the_limit_until_it_ends() -> None:
    seen = flow(-2000.0, 3000.0, 6000.0, credit_w=5000.0)
    assert after(budget(3925.0, credit_until_s=10.5), seen).total_w == 3925.0, "5000 - 2000 + 1000 - 75 W fit"
    assert after(budget(3925.0, credit_until_s=10.0), seen).total_w == 1900.0
    assert after(budget(3926.0, credit_until_s=10.5), seen).total_w == 3900.0


def test_what_others_may_rise_to_is_kept_free() -> None:
    seen = flow(-2000.0, 5000.0, 5000.0, reserved_w=700.0)
    assert after(budget(5000.0), seen).total_w == 5000.0 - 2000.0 + 900.0 - 700.0
    rising = flow(2000.0, 5000.0, 5000.0, reserved_w=700.0, spoken_s=NEVER_S)
    assert after(budget(5000.0, at_s=0.0), rising).total_w == 5000.0 + 2000.0 + 900.0 - 700.0


def test_storage_that_can_help_lets_the_budget_fall_below_nothing() -> None:
    seen = flow(-9000.0, 6000.0, 6000.0)
    assert after(budget(6000.0), seen, pace=paced(least_w=-5000.0)).total_w == -2100.0
    assert after(budget(6000.0), seen, pace=paced(least_w=-1000.0)).total_w == -1000.0


@pytest.mark.parametrize(("import_w", "total_w"), [(-1046.0, 5708.0), (-1399.0, 5002.0), (-1400.0, 0.0)])
def test_a_small_excess_is_taken_off_twofold_below_five_percent_of_the_size(import_w: float, total_w: float) -> None:
    """Nothing is certain of a raise under way: what is beyond 900 W of export, twice."""
    assert after(budget(6000.0), flow(import_w, 0.0, 6000.0)).total_w == total_w


def test_a_small_excess_comes_off_what_may_be_injected_with_what_is_trusted() -> None:
    seen = flow(-1046.0, 0.0, 5000.0)
    assert after(budget(9000.0), seen, pace=paced(trust_share=0.1)).total_w == pytest.approx(5500.0 - 292.0)
    assert after(budget(5200.0), seen, pace=paced(trust_share=0.1)).total_w == pytest.approx(5200.0 - 292.0)


@pytest.mark.parametrize(
    ("now_s", "certain_w", "total_w"),
    [(10.0, 9000.0, 3000.0), (10.5, 9000.0, 4000.0), (9.0, 9000.0, 3000.0), (20.0, 3000.0, 3400.0), (20.0, 99e3, 10e3)],
)
def test_a_raise_goes_towards_what_is_certain_as_fast_as_the_slew(
    now_s: float, certain_w: float, total_w: float
) -> None:
    """2 kW a second; 500 W of export leave 400 W."""
    seen = flow(-500.0, 9000.0, 9000.0, certain_w=certain_w)
    state = after(budget(3000.0), seen, now_s=now_s)
    assert (state.total_w, state.at_s) == (total_w, now_s)


def test_a_raise_counts_on_trust_and_never_lowers() -> None:
    seen = flow(-500.0, 3000.0, 3000.0)
    assert after(budget(3300.0, at_s=0.0), seen, pace=paced(trust_share=0.1)).total_w == pytest.approx(3700.0)
    within = after(budget(3000.0, at_s=0.0), seen, pace=paced(trust_share=0.1))
    assert within.total_w == pytest.approx(3400.0), "nobody injects more than the budget"
    assert after(budget(3420.0, at_s=0.0), seen).total_w == 3420.0, "between the margins it rests"


def test_nothing_rises_before_the_first_sample_nor_while_flow_is_beyond_the_limit() -> None:
    assert after(budget(3000.0, at_s=None), flow(5000.0)).total_w == 3000.0
    inside = flow(-926.0, 9000.0, 9000.0)
    assert after(budget(3000.0, at_s=0.0), inside).total_w == 3000.0
    assert after(budget(3000.0, at_s=0.0), flow(-925.0, 9000.0, 9000.0)).total_w == 8975.0


def test_holding_lets_no_time_count_towards_a_raise() -> None:
    before = budget(3000.0, credit_until_s=4.0, too_high_since_s=5.0, frozen_w=6.0)
    assert hold(before, 12.0) == budget(3000.0, at_s=12.0, credit_until_s=4.0, too_high_since_s=5.0, frozen_w=6.0)


@pytest.mark.parametrize(
    ("total_w", "frozen_w", "left_w", "then_w", "frozen_then_w"),
    [
        (6000.0, None, 2000.0, 4000.0, None),
        (6000.0, 7000.0, 2000.0, 4000.0, 5000.0),
        (1000.0, 1500.0, 2000.0, 0.0, 0.0),
        (-500.0, -800.0, 2000.0, -500.0, -800.0),
    ],
)
def test_the_share_of_those_that_drop_out_goes_to_nobody(
    total_w: float, frozen_w: float | None, left_w: float, then_w: float, frozen_then_w: float | None
) -> None:
    state = without(budget(total_w, frozen_w=frozen_w, credit_until_s=4.0), left_w)
    assert state == budget(then_w, frozen_w=frozen_then_w, credit_until_s=4.0, too_high_since_s=NEVER_S)
    assert without(budget(total_w), 0.0) == budget(total_w)
    assert without(budget(total_w), 0.5).too_high_since_s == NEVER_S


@pytest.mark.parametrize(
    ("total_w", "frozen_w", "safe_w", "part", "then_w", "start_w"),
    [
        (6000.0, None, 2000.0, 0.25, 5000.0, 6000.0),
        (5000.0, 6000.0, 2000.0, 0.5, 4000.0, 6000.0),
        (3000.0, 6000.0, 2000.0, 0.5, 3000.0, 6000.0),
        (6000.0, None, 8000.0, 0.5, 6000.0, 6000.0),
        (6000.0, None, 2000.0, 1.0, 2000.0, 6000.0),
    ],
)
def test_tightening_goes_a_part_of_the_way_from_where_the_trouble_began(
    total_w: float, frozen_w: float | None, safe_w: float, part: float, then_w: float, start_w: float
) -> None:
    state = tighten(budget(total_w, frozen_w=frozen_w), safe_w, part, 12.0)
    assert (state.total_w, state.frozen_w, state.at_s) == (then_w, start_w, 12.0)
    assert tighten(budget(total_w), None, part, 12.0) == budget(total_w, at_s=12.0)


@pytest.mark.parametrize(
    ("before", "safe_w", "then_w", "start_w", "credit_s"),
    [
        (budget(6000.0, credit_until_s=4.0), 2000.0, 2000.0, 6000.0, 20.0),
        (budget(2000.0, credit_until_s=4.0), 2000.0, 2000.0, 2000.0, 4.0),
        (budget(1000.0, credit_until_s=4.0), 2000.0, 1000.0, 1000.0, 4.0),
        (budget(1500.0, frozen_w=3000.0, credit_until_s=4.0), 2000.0, 2000.0, 3000.0, 4.0),
        (budget(1500.0, frozen_w=1000.0, credit_until_s=4.0), 2000.0, 1000.0, 1000.0, 20.0),
        (budget(0.0, at_s=None, credit_until_s=4.0), 2000.0, 2000.0, float("inf"), 20.0),
    ],
)
def test_the_safe_total_is_taken_at_once_and_never_more_than_the_trouble_began_with(
    before: Budget, safe_w: float, then_w: float, start_w: float, credit_s: float
) -> None:
    state = secure(before, safe_w, 8.0, 12.0)
    assert (state.total_w, state.frozen_w, state.credit_until_s, state.at_s) == (then_w, start_w, credit_s, 12.0)
    assert state.too_high_since_s is None
