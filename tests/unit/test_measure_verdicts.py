"""Judging one record: what passes, what fails, what is invalid, and what other harnesses would have said."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hil.analysis.measure import measure
from hil.analysis.movement import Direction, Side
from hil.analysis.result import Measurement, Question, Verdict
from hil.analysis.series import Invalid, Series, clean
from hil.analysis.uncertainty import Instruments

Values = NDArray[np.float64]
AT_S = 10.0
T = np.arange(0.0, 60.0, 0.05)
SINCE = T - AT_S


def noise(seed: int, sd_w: float = 3.0) -> Values:
    return sd_w * np.random.default_rng(seed).standard_normal(len(T))


def series(y: Values, t_s: Values = T) -> Series:
    made = clean(t_s, y)
    assert isinstance(made, Series), made
    return made


def step(before_w: float, after_w: float, at_s: float = AT_S) -> Values:
    return np.where(at_s > T, before_w, after_w) + noise(1)


def lag(from_w: float, to_w: float, dead_s: float = 0.5, lag_s: float = 0.5) -> Values:
    x = np.maximum(SINCE - dead_s, 0.0)
    return np.where(dead_s > SINCE, from_w, to_w + (from_w - to_w) * np.exp(-x / lag_s)) + noise(2)


LOAD_DROP = step(8000.0, 3000.0)


def judged(stimulus: Values, response: Values, **asked: object) -> Measurement:
    return measure(series(stimulus), series(response), Question(**asked))  # type: ignore[arg-type]


def one_sample_at(t_s: float, response: Values, final_w: float, rating_w: float) -> bool:
    """The criterion of existing harnesses: one sample at Tr within 1.5 times 5 % of rating of where it should be."""
    return abs(float(np.interp(AT_S + t_s, T, response)) - final_w) <= 1.5 * 0.05 * rating_w


def literal_t90_s(response: Values, before_w: float, final_w: float) -> float:
    """The first sample at 90 % of the way from the initial to the final value, as the definition says."""
    share = (response - before_w) / (final_w - before_w)
    return float(SINCE[np.argmax((share >= 0.9) & (SINCE >= 0.0))])


def test_a_device_that_never_moves_passes_one_sample_at_tr_and_fails_here() -> None:
    """CRD-OLRT-1. A step of 5 % of rating lies inside the band of the usual criterion."""
    stands = np.full(len(T), 10_000.0) + noise(2)
    assert one_sample_at(2.0, stands, final_w=9500.0, rating_w=10_000.0)
    found = judged(step(10_000.0, 9500.0), stands, side=Side.ABOVE, within_s=30.0)
    assert (found.verdict, found.olrt_s, found.olrt_judged_s) == (Verdict.FAIL, None, None)
    assert "no response" in found.reason


def test_a_sleeping_controller_passes_literal_t90_in_a_generation_step_and_fails_here() -> None:
    """CRD-OLRT-1, CRD-OLRT-5: the sun rises, the DER follows it, nobody restricts it."""
    sun = step(2000.0, 9000.0)
    der = lag(2000.0, 9000.0, dead_s=0.05, lag_s=0.1)
    assert literal_t90_s(der, 2000.0, 9000.0) < 1.0
    for response, side, limit_w in ((3000.0 - der, Side.BELOW, 0.0), (der, Side.ABOVE, 3000.0)):
        found = judged(sun, response, side=side, limit_value=limit_w, within_s=30.0)
        assert found.verdict is Verdict.FAIL
        assert found.olrt_s is not None
        assert found.olrt_s < 1.0  # the literal figure is printed all the same
        assert (found.back_under_limit_s, found.olrt_judged_s) == (None, None)


def test_a_generation_step_that_is_restricted_is_judged_from_its_peak() -> None:
    """CRD-OLRT-1, CRD-STEP-G."""
    x = np.maximum(SINCE - 1.0, 0.0)
    der = np.where(SINCE < 0.0, 2000.0, np.where(SINCE < 1.0, 9000.0, 3000.0 + 6000.0 * np.exp(-x / 0.5))) + noise(2)
    found = judged(step(2000.0, 9000.0), der, side=Side.ABOVE, limit_value=3050.0, within_s=30.0)
    assert (found.verdict, found.direction) == (Verdict.PASS, Direction.RESTRICT)
    assert found.olrt_s == pytest.approx(0.0, abs=0.06)
    assert found.t90_from_extreme_s == pytest.approx(1.0 + 0.5 * np.log(10.0), abs=0.03)
    assert found.olrt_judged_s is not None
    assert found.olrt_judged_s >= found.t90_from_extreme_s  # type: ignore[operator]


def test_a_load_drop_at_the_point_is_measured_from_its_extreme_and_to_the_last_instant_beyond() -> None:
    """CRD-OLRT-1, CRD-STEP-L, CRD-OLRT-4."""
    poi = LOAD_DROP - lag(8000.0, 2900.0)
    found = judged(LOAD_DROP, poi, limit_value=0.0, tolerance_value=100.0, within_s=30.0)
    assert (found.verdict, found.direction) == (Verdict.PASS, Direction.RESTRICT)
    assert found.t90_from_extreme_s == pytest.approx(0.5 + 0.5 * np.log(10.0), abs=0.05)
    back_s = 0.5 + 0.5 * np.log(5100.0 / 200.0)  # 100 W inside at the end: -100 W is 200 W short of it
    assert found.back_under_limit_s == pytest.approx(back_s, abs=0.05)
    assert found.olrt_judged_s == max(found.back_under_limit_s, found.t90_from_extreme_s)  # type: ignore[type-var]
    assert found.peak_excess_value == pytest.approx(5000.0, rel=0.01)
    inside_s = 0.5 + 0.5 * np.log(5100.0 / 100.0)
    beyond_ws = 5000.0 * 0.5 + 0.5 * 5000.0 - 100.0 * (inside_s - 0.5)
    assert found.inadvertent_value == pytest.approx(beyond_ws / 3600.0, rel=0.03)


def test_restrict_and_release_are_told_apart() -> None:
    drop = judged(LOAD_DROP, lag(8000.0, 3000.0), side=Side.ABOVE)
    rise = judged(step(3000.0, 8000.0), lag(3000.0, 8000.0), side=Side.ABOVE)
    assert (drop.direction, rise.direction) == (Direction.RESTRICT, Direction.RELEASE)
    at_point = step(3000.0, 8000.0) - lag(3000.0, 8000.0)
    assert judged(step(3000.0, 8000.0), at_point).direction is Direction.RELEASE
    assert judged(LOAD_DROP, LOAD_DROP - lag(8000.0, 3000.0)).direction is Direction.RESTRICT


def test_settling_overshoot_dead_time_and_lag_are_quantities_of_their_own() -> None:
    """CRD-OLRT-4."""
    first = judged(LOAD_DROP, lag(8000.0, 3000.0), side=Side.ABOVE)
    assert first.settling_5pct_s == pytest.approx(0.5 + 0.5 * np.log(20.0), abs=0.05)
    assert first.settling_2pct_s == pytest.approx(0.5 + 0.5 * np.log(50.0), abs=0.08)
    assert first.dead_time_s == pytest.approx(0.5, abs=0.04)
    assert first.lag_s == pytest.approx(0.5, abs=0.04)
    assert first.overshoot_pct == 0.0
    zeta, omega = 0.4, 3.0
    damped = omega * np.sqrt(1 - zeta**2)
    x = np.maximum(SINCE - 0.5, 0.0)
    swing = np.exp(-zeta * omega * x) * (np.cos(damped * x) + zeta / np.sqrt(1 - zeta**2) * np.sin(damped * x))
    second = judged(LOAD_DROP, 3000.0 + 5000.0 * np.where(SINCE < 0.5, 1.0, swing) + noise(2), side=Side.ABOVE)
    assert second.overshoot_pct == pytest.approx(100 * np.exp(-np.pi * zeta / np.sqrt(1 - zeta**2)), abs=0.5)


def test_the_uncertainty_counts_against_both_answers() -> None:
    verdicts = [
        judged(LOAD_DROP, lag(8000.0, 3000.0), side=Side.ABOVE, within_s=within_s).verdict
        for within_s in (1.75, 1.67, 1.55)
    ]
    assert verdicts == [Verdict.PASS, Verdict.INDETERMINATE, Verdict.FAIL]


def test_a_final_value_within_its_uncertainty_of_the_tolerance_is_indeterminate() -> None:
    poi = LOAD_DROP - lag(8000.0, 3010.0)
    found = judged(LOAD_DROP, poi, limit_value=0.0, tolerance_value=10.05, within_s=30.0)
    assert found.verdict is Verdict.INDETERMINATE


def test_a_flow_that_was_never_beyond_its_limit_passes_with_nothing_to_measure() -> None:
    flow = np.full(len(T), 500.0) + noise(2)
    found = judged(step(2000.0, 9000.0), flow, limit_value=0.0, within_s=30.0)
    assert (found.verdict, found.back_under_limit_s, found.olrt_judged_s) == (Verdict.PASS, 0.0, 0.0)


def test_the_second_step_of_a_record_is_measured_when_asked_for() -> None:
    load = np.where((SINCE < 0.0) | (T >= 35.0), 8000.0, 3000.0) + noise(1)
    x1, x2 = np.maximum(SINCE - 0.5, 0.0), np.maximum(T - 36.0, 0.0)
    der = 3000.0 + 5000.0 * np.exp(-x1 / 0.5) + np.where(T > 36.0, 5000.0 * (1 - np.exp(-x2 / 1.5)), 0.0) + noise(2)
    first, second = (judged(load, der, side=Side.ABOVE, number=n) for n in (1, 2))
    assert (first.direction, second.direction) == (Direction.RESTRICT, Direction.RELEASE)
    assert first.olrt_s == pytest.approx(0.5 + 0.5 * np.log(10), abs=0.05)
    assert second.olrt_s == pytest.approx(1.0 + 1.5 * np.log(10), abs=0.05)
    assert "2 times" in first.notes[0]
    assert "no step 3" in judged(load, der, number=3).reason


@pytest.mark.parametrize(
    ("stimulus", "response", "reason"),
    [
        (8000.0 + noise(1), lag(8000.0, 3000.0), "no step"),
        (LOAD_DROP, lag(8000.0, 3000.0, lag_s=30.0), "not settled: still moving"),
        (LOAD_DROP, lag(8000.0, 3000.0) + np.where(SINCE > 0, 500.0 * np.sin(4 * T), 0.0), "not settled: it swings"),
        (step(8000.0, 3000.0, at_s=0.1), lag(8000.0, 3000.0), "before the step"),
        (LOAD_DROP, np.full(len(T), 8000.0) + noise(2), "nothing moved"),
    ],
)
def test_a_record_that_cannot_be_measured_is_invalid_and_has_no_number(
    stimulus: Values, response: Values, reason: str
) -> None:
    found = judged(stimulus, response, side=Side.ABOVE)
    assert found.verdict is Verdict.INVALID
    assert reason in found.reason
    assert (found.olrt_s, found.olrt_judged_s, found.olrt_u95_s) == (None, None, None)


def test_a_gap_in_the_response_is_invalid_wherever_the_response_may_have_moved() -> None:
    keep = (SINCE < 3.0) | (SINCE > 5.0)
    found = measure(series(LOAD_DROP[keep], T[keep]), series(lag(8000.0, 3000.0)[keep], T[keep]), Question())
    assert found.verdict is Verdict.INVALID
    assert "gap of 2" in found.reason


def test_a_gap_long_before_the_step_does_no_harm() -> None:
    keep = (T < 1.0) | (T > 4.0)
    found = measure(series(LOAD_DROP[keep], T[keep]), series(lag(8000.0, 3000.0)[keep], T[keep]), Question())
    assert found.olrt_s == pytest.approx(0.5 + 0.5 * np.log(10), abs=0.05)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda t: np.where(t == t[400], t[390], t), "goes back"),
        (lambda t: np.where(t == t[400], t[399], t), "stands still"),
        (lambda t: np.where(t == t[400], np.nan, t), "not a number"),
        (lambda t: t[:5], "only 5 samples"),
    ],
)
def test_a_time_base_that_is_no_time_base_is_invalid(spoil, reason: str) -> None:  # type: ignore[no-untyped-def]
    t_s = spoil(T)
    made = clean(t_s, lag(8000.0, 3000.0)[: len(t_s)])
    assert isinstance(made, Invalid)
    assert reason in made.reason


def test_a_channel_that_never_changes_is_no_measurement() -> None:
    made = clean(T, np.zeros(len(T)))
    assert isinstance(made, Invalid)
    assert "never changes" in made.reason


def test_a_meter_that_is_polled_faster_than_it_updates_counts_once() -> None:
    slow = np.floor(T / 1.0).astype(int)
    held = (lag(8000.0, 3000.0)[np.searchsorted(T, np.unique(slow))] + 0.0)[slow]
    made = series(held)
    assert made.held
    assert made.step_s == pytest.approx(1.0, abs=0.01)
    assert not series(lag(8000.0, 3000.0)).held
    stairs = 3000.0 + 500.0 * np.clip(10 - np.floor(SINCE), 0, 10)  # a controller's own staircase is no slow meter
    assert not series(stairs).held


def swinging(from_w: float, to_w: float) -> Values:
    """Second order, damping 0.3: 37 % overshoot."""
    zeta, omega = 0.3, 3.0
    damped = omega * np.sqrt(1 - zeta**2)
    x = np.maximum(SINCE - 0.5, 0.0)
    swing = np.exp(-zeta * omega * x) * (np.cos(damped * x) + zeta / np.sqrt(1 - zeta**2) * np.sin(damped * x))
    return to_w + (from_w - to_w) * np.where(SINCE < 0.5, 1.0, swing) + noise(2)


def test_the_overshoot_of_a_release_is_no_restriction_unless_it_goes_beyond_the_limit() -> None:
    rise = step(3000.0, 8000.0)
    free = judged(rise, swinging(3000.0, 8000.0), side=Side.ABOVE)
    assert free.direction is Direction.RELEASE
    assert free.overshoot_pct == pytest.approx(37.0, abs=1.0)
    beyond = judged(rise, swinging(3000.0, 8000.0), side=Side.ABOVE, limit_value=8100.0, within_s=30.0)
    assert (beyond.direction, beyond.verdict) == (Direction.RESTRICT, Verdict.PASS)
    assert beyond.back_under_limit_s is not None
    assert beyond.back_under_limit_s > 2.0
    wide = judged(rise, swinging(3000.0, 8000.0), side=Side.ABOVE, limit_value=12_000.0, within_s=30.0)
    assert (wide.direction, wide.back_under_limit_s) == (Direction.RELEASE, 0.0)


def test_a_declared_delay_of_the_responses_instrument_is_taken_off_and_its_doubt_added() -> None:
    plain = judged(LOAD_DROP, lag(8000.0, 3000.0), side=Side.ABOVE)
    late = judged(LOAD_DROP, lag(8000.0, 3000.0), side=Side.ABOVE, instruments=Instruments(delay_s=0.2, u_delay_s=0.1))
    assert plain.olrt_s is not None
    assert late.olrt_s == pytest.approx(plain.olrt_s - 0.2, abs=1e-9)
    assert (late.olrt_u95_s or 0.0) > (plain.olrt_u95_s or 0.0) + 0.05


def test_the_flow_at_a_point_that_only_follows_its_load_has_no_answer() -> None:
    """Nothing curtails: the flow goes where the load went, at once. Without a limit only `within` can fail it."""
    found = judged(LOAD_DROP, LOAD_DROP - 5000.0 + noise(5), within_s=30.0)
    assert (found.verdict, found.t90_from_extreme_s) == (Verdict.FAIL, None)
    assert "the step itself" in found.notes[-1]


def test_a_record_of_a_few_samples_is_invalid() -> None:
    short = slice(190, 204)
    found = measure(series(LOAD_DROP[short], T[short]), series(lag(8000.0, 3000.0)[short], T[short]), Question())
    assert found.verdict is Verdict.INVALID


def test_a_release_after_a_rising_load_is_timed_from_the_extreme_and_not_from_the_step_that_passes_through() -> None:
    """CRD-STEP-L, load on: the flow jumps to the inside of its limit with the load, and the DER that may feed again
    brings it back in part. The jump is the step itself; 90 % of what answers comes later."""
    load, der = step(0.0, 8000.0), lag(0.0, 2640.0)
    found = judged(load, load - der, limit_value=0.0, tolerance_value=160.0, within_s=30.0)
    assert found.direction is Direction.RELEASE
    assert found.t90_from_extreme_s == pytest.approx(0.5 + 0.5 * np.log(10.0), abs=0.02)
    assert found.extreme_value == pytest.approx(8000.0, rel=0.01)
    assert found.verdict is Verdict.PASS


def test_a_small_overshoot_inside_the_limit_is_no_answer_where_a_release_ends_where_it_began() -> None:
    """CRD-STEP-L, load off, import limiting to ESS: the flow falls with the load and the charge brings it back to where
    it was. There is no net change to measure an overshoot of 3 % by; the movement before it is what was asked."""
    load, charge = step(1650.0, 0.0), lag(1560.0, 3210.0) + 50.0 * np.exp(-(((SINCE - 4.0) / 1.5) ** 2))
    found = judged(load, load + charge, side=Side.ABOVE, limit_value=3300.0, tolerance_value=100.0, within_s=30.0)
    assert found.direction is Direction.RELEASE
    assert found.t90_from_extreme_s == pytest.approx(0.5 + 0.5 * np.log(10.0), abs=0.05)
    assert found.verdict is Verdict.PASS


def test_a_rising_load_that_nothing_answers_has_no_response_time() -> None:
    load = step(0.0, 8000.0)
    found = judged(load, load - 2640.0 + noise(5), limit_value=2640.0, tolerance_value=160.0)
    assert found.t90_from_extreme_s is None
    assert found.back_under_limit_s == 0.0
    assert any("nothing answered" in note for note in found.notes)
