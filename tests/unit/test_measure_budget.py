"""What an expanded uncertainty is made of: each source by itself, from the same draws."""

import dataclasses

import numpy as np
import pytest

from hil.analysis.measure import measure
from hil.analysis.movement import Side
from hil.analysis.result import Measurement, Question
from hil.analysis.series import Series, clean
from hil.analysis.uncertainty import Budget, Instruments

LAG_S = 0.5


def judged(*, period_s: float = 0.05, noise_w: float = 3.0, **declared: float) -> Measurement:
    """A load that drops by 5 kW and a DER that follows after 0.5 s, as first order."""
    random = np.random.default_rng(1)
    t = np.arange(0.0, 60.0, period_s)
    since = t - 10.01
    der = np.where(since < 0.5, 8000.0, 3000.0 + 5000.0 * np.exp(-np.maximum(since - 0.5, 0.0) / LAG_S))
    made = [
        clean(t, y + noise_w * random.standard_normal(len(t))) for y in (np.where(since < 0.0, 8000.0, 3000.0), der)
    ]
    assert isinstance(made[0], Series)
    assert isinstance(made[1], Series)
    return measure(made[0], made[1], Question(side=Side.ABOVE, instruments=Instruments(**declared)))


def budget(**asked: float) -> Budget:
    found = judged(**asked)
    assert found.budget is not None
    return found.budget


@pytest.mark.parametrize("asked", [{}, {"noise_w": 40.0}, {"u_delay_s": 0.1}, {"clock_ratio": 0.02}])
def test_the_squares_of_all_sources_make_about_the_whole(asked: dict[str, float]) -> None:
    found = judged(**asked)
    assert found.budget is not None
    assert found.olrt_judged_u95_s == pytest.approx(np.hypot.reduce(dataclasses.astuple(found.budget)), rel=0.15)


def test_what_is_declared_of_the_instruments_stands_under_its_own_name() -> None:
    plain, doubtful = budget(), budget(u_delay_s=0.1, clock_ratio=0.01)
    assert plain.delay_s == 0.0
    assert doubtful.delay_s == pytest.approx(0.095, abs=0.002)
    assert doubtful.clock_s == pytest.approx(1.96 * 0.01 * (0.5 + LAG_S * np.log(10.0)), rel=0.06)
    for name in ("step_sampling_s", "step_noise_s", "crossing_noise_s", "levels_s"):
        assert getattr(doubtful, name) == getattr(plain, name)


def test_sampling_and_noise_are_told_apart() -> None:
    plain, noisy, coarse = budget(), budget(noise_w=60.0), budget(period_s=0.1)
    assert plain.step_sampling_s == pytest.approx(0.025, rel=0.05)
    assert coarse.step_sampling_s == pytest.approx(0.05, rel=0.05)
    assert noisy.crossing_noise_s > 10.0 * plain.crossing_noise_s
    assert noisy.step_sampling_s == pytest.approx(plain.step_sampling_s)


def test_a_record_without_a_number_has_no_budget() -> None:
    t = np.arange(0.0, 60.0, 0.1)
    made = clean(t, np.random.default_rng(1).standard_normal(len(t)))
    assert isinstance(made, Series)
    assert measure(made, made, Question()).budget is None
