"""A plant's ramp and lag come back from samples of its answer."""

from random import Random

import pytest

from pcs.runtime.plant_fit import fit, made_share


def answer(start_s: float, ramp_s: float, lag_s: float, *, every_s: float = 0.1, noise: float = 0.0):  # type: ignore[no-untyped-def]
    random = Random(1)
    times = [every_s * k for k in range(round((start_s + ramp_s + 6 * lag_s + 1.0) / every_s))]
    return [(t, made_share(t - start_s, ramp_s, lag_s) + random.gauss(0.0, noise)) for t in times]


@pytest.mark.parametrize(("ramp_s", "lag_s"), [(0.0, 0.5), (2.0, 0.2), (1.0, 0.6), (3.0, 0.0)])
@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_ramp_and_start_lie_within_the_bounds_that_are_given(ramp_s: float, lag_s: float, noise: float) -> None:
    found = fit(answer(1.03, ramp_s, lag_s, noise=noise), (0.9, 1.2))
    assert found is not None
    assert found.ramps_s[0] - 0.05 <= ramp_s <= found.ramps_s[1] + 0.05
    assert found.ramp_s == pytest.approx(ramp_s, abs=0.35)
    assert found.lag_s == pytest.approx(lag_s, abs=0.2)
    assert found.starts_s[0] - 0.05 <= 1.03 <= found.starts_s[1] + 0.05


def test_the_answer_of_a_plant_goes_from_nothing_to_all_and_never_back() -> None:
    for ramp_s, lag_s in ((0.0, 0.0), (0.0, 0.7), (1.5, 0.0), (1.5, 0.7)):
        parts = [made_share(0.05 * k - 1.0, ramp_s, lag_s) for k in range(200)]
        assert parts[0] == 0.0
        assert parts[-1] == pytest.approx(1.0, abs=1e-3)
        assert parts == sorted(parts)


def test_too_few_samples_and_what_no_plant_does_fit_nothing() -> None:
    assert fit(answer(1.0, 0.0, 0.5, every_s=0.7), (0.9, 1.1)) is None
    stairs = [(0.1 * k, 0.25 * (k // 10)) for k in range(50)]
    assert fit([(t, min(1.0, w) if k % 20 < 10 else 0.0) for k, (t, w) in enumerate(stairs)], (0.5, 1.5)) is None
