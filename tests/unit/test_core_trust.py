"""Whether DERs inject more than they say: tried, kept where the flow followed, and given up where it cannot be."""

import pytest

from pcs.core.trust import Trust, learn

MOST_W = 3000.0
EFFECT_S = 5.0


def rested(state: Trust, import_w: float, injection_w: float, total_w: float, now_s: float) -> Trust:
    """Two samples of the same flow, longer apart than a small step takes."""
    for at_s in (now_s, now_s + EFFECT_S):
        state = learn(
            state, import_w, import_w + 1449.0, injection_w, total_w, MOST_W, True, EFFECT_S, at_s
        )  # an export limit of 1500 W and its margin
    return state


def test_a_share_is_tried_where_there_is_room_and_kept_where_the_flow_follows() -> None:
    tried = rested(Trust(), -1033.0, 2534.0, 2949.0, 10.0)
    assert tried.trial_share == pytest.approx(150.0 / 2534.0)
    kept = rested(tried, -1183.0, 2684.0, 3000.0, 20.0)
    assert (kept.share - kept.trial_share, kept.trial_w > 0.0) == (pytest.approx(150.0 / 2534.0), True)


def test_a_share_that_a_rising_sun_seemed_to_prove_is_given_up_when_the_cap_decides() -> None:
    """Fault campaign, core and plant, seed 22: kept for ever, it was a limit cycle of 4 % of the limit."""
    after = rested(Trust(share=0.059), -1449.0, 2000.0, 2000.0, 10.0)
    assert after.share == 0.0


def test_a_share_that_the_budget_still_allows_is_kept_at_rest() -> None:
    assert rested(Trust(share=0.17), -1449.0, 1700.0, 2000.0, 10.0).share == 0.17
    assert rested(Trust(share=0.18), -1449.0, 1700.0, 1989.0, 10.0).share == pytest.approx(0.17)
