"""Samples that are wider than the response's lag: what the line between two of them hides is in the uncertainty."""

import numpy as np
import pytest

from hil.analysis.measure import measure
from hil.analysis.movement import Side
from hil.analysis.result import Measurement, Question
from hil.analysis.series import Series, clean
from hil.analysis.step import find_steps

PHASES = 40


def judged(
    *, period_s: float, dead_s: float, lag_s: float, phase: float, averaging_s: float = 0.0, hold: int = 1
) -> Measurement:
    """A load that drops by 5 kW and a DER that follows; `hold` polls see the same value."""
    t = (np.arange(-60, 120) + phase) * period_s * hold
    fine = np.arange(-400.0, 400.0, 0.002)
    y = (np.where(fine < 0, 1.0, 0.0), np.exp(-np.maximum(fine - dead_s, 0.0) / lag_s))
    made = []
    for whole in y:
        if averaging_s:
            total = np.concatenate([[0.0], np.cumsum(whole[:-1] * 0.002)])
            seen = (np.interp(t, fine, total) - np.interp(t - averaging_s, fine, total)) / averaging_s
        else:
            seen = np.interp(t, fine, whole)
        value = np.round(3000.0 + 5000.0 * seen) + np.arange(len(t)) % 2  # a watt of noise
        polls = (np.arange(len(t) * hold) * period_s) + t[0]
        series = clean(polls, np.repeat(value, hold))
        assert isinstance(series, Series)
        made.append(series)
    return measure(made[0], made[1], Question(side=Side.ABOVE))


@pytest.mark.parametrize(("period_s", "dead_s", "lag_s"), [(0.2, 3.75, 0.15), (0.5, 4.0, 0.3), (1.0, 2.5, 0.4)])
def test_a_chord_across_a_fast_response_after_a_long_dead_time_is_in_the_uncertainty(
    period_s: float, dead_s: float, lag_s: float
) -> None:
    """CRD-OLRT-1. On a curve that flattens the straight line between two samples reaches 90 % late."""
    truth_s = dead_s + lag_s * np.log(10.0)
    held = 0
    for k in range(PHASES):
        found = judged(period_s=period_s, dead_s=dead_s, lag_s=lag_s, phase=(k + 0.5) / PHASES)
        assert found.olrt_s is not None
        assert found.olrt_u95_s is not None
        assert abs(found.olrt_s - truth_s) <= 1.5 * period_s
        held += abs(found.olrt_s - truth_s) <= found.olrt_u95_s
    assert held >= 0.94 * PHASES


def test_instants_never_put_the_crossing_outside_the_two_samples_that_hold_it() -> None:
    """A controller that acts once a second, in three steps, sampled once a second: no smooth response is like it."""
    for phase in np.linspace(0.05, 0.95, 10):
        t = np.arange(-40.0, 80.0) + phase
        level = np.array([0.5, 0.8, 1.0])[np.clip(np.floor(t - 0.5).astype(int), 0, 2)]
        der = 8000.0 - 5000.0 * np.where(t < 0.5, 0.0, level) + np.arange(len(t)) % 2
        made = [clean(t, y) for y in (np.where(t < 0.0, 8000.0, 3000.0) + np.arange(len(t)) % 2, der)]
        assert isinstance(made[0], Series)
        assert isinstance(made[1], Series)
        found = measure(made[0], made[1], Question(side=Side.ABOVE))
        assert found.olrt_s is not None
        assert found.olrt_u95_s is not None
        assert abs(found.olrt_s - 2.5) <= min(1.0, found.olrt_u95_s)


def test_a_meter_that_repeats_its_values_averages_even_where_the_step_fell_on_an_update() -> None:
    t = np.arange(-30.0, 30.0, 0.1)
    random = np.random.default_rng(1)
    held = 8000.0 - 5000.0 * (np.floor(t + 1e-9) >= 0.0) + np.repeat(random.standard_normal(60), 10)
    made = clean(t, held)
    assert isinstance(made, Series)
    assert made.held
    steps = find_steps(made)
    assert isinstance(steps, list)
    assert steps[0].smear_s == pytest.approx(1.0)


def test_a_final_value_around_which_a_controller_hunts_does_not_depend_on_where_the_record_ends() -> None:
    """Plain means over a part of a swing differ by a tenth of its amplitude."""
    finals = []
    for end_s in np.linspace(40.0, 41.0, 8):
        t = np.arange(-10.0, end_s, 0.01)
        noise = 0.5 * np.random.default_rng(1).standard_normal(len(t))
        load = np.where(t < 0.0, 8000.0, 3000.0)
        swing = 50.0 * np.sin(2 * np.pi * t / 1.9)
        der = np.where(t < 0.5, 8000.0, 3000.0 + swing + 5000.0 * np.exp(-np.maximum(t - 0.5, 0.0) / 0.5))
        made = [clean(t, y + noise) for y in (load, der)]
        assert isinstance(made[0], Series)
        assert isinstance(made[1], Series)
        found = measure(made[0], made[1], Question(side=Side.ABOVE))
        assert found.final_value is not None
        assert found.final_u95_value is not None
        assert abs(found.final_value - 3000.0) <= min(2.0, found.final_u95_value)
        finals.append(found.final_value)
    assert np.ptp(finals) < 2.0
