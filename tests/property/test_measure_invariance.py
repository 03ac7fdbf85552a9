"""What must not matter to a measurement: the unit, the zero and the sign of its values, the zero of its clock."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.analysis.measure import measure
from hil.analysis.movement import Side
from hil.analysis.result import Measurement, Question
from hil.analysis.series import Series, clean
from tests.known_answers.chains import SAMPLED, Sampled, sample
from tests.known_answers.shapes import SHAPES

TIMES = ["olrt_s", "olrt_judged_s", "olrt_u95_s", "back_under_limit_s", "settling_2pct_s", "settling_5pct_s"]
VALUES = ["initial_value", "extreme_value", "final_value", "peak_excess_value", "inadvertent_value"]
LIMIT_W = 50.37  # on no value of a record that is quantised to 1 W: which side of a tie is a matter of rounding
CHAINS = [chain for chain in SAMPLED if chain.period_s >= 0.01]
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])

records = st.builds(
    lambda seed, shape, chain: sample(SHAPES[shape](np.random.default_rng(seed)), chain, np.random.default_rng(seed)),
    st.integers(0, 10_000),
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(CHAINS),
)


def series(t_s: np.ndarray, y: np.ndarray) -> Series:
    made = clean(t_s, y)
    assert isinstance(made, Series), made
    return made


def judged(
    record: Sampled, *, scale: float = 1.0, load_scale: float = 1.0, t_s: float = 0.0, flip: bool = False
) -> Measurement:
    sign, side = (-1.0, Side.ABOVE) if flip else (1.0, Side.BELOW)
    question = Question(side=side, limit_value=LIMIT_W * scale, tolerance_value=40.0 * scale, within_s=30.0)
    at_s = record.t_s + t_s
    return measure(series(at_s, record.load_w * load_scale), series(at_s, sign * record.poi_w * scale), question)


def facts(found: Measurement, names: list[str]) -> list[float | None]:
    return [getattr(found, name) for name in names]


def close(value: float | None, wanted: float | None, scale: float = 1.0) -> bool:
    if value is None or wanted is None:
        return value is wanted
    return value == pytest.approx(wanted * scale, rel=1e-6, abs=1e-6 * scale)


def near(value: float | None, wanted: float | None, found: Measurement) -> bool:
    """Equal within a tenth of the uncertainty: spans in seconds take in a sample more or less."""
    if value is None or wanted is None:
        return value is wanted
    return abs(value - wanted) <= 1e-6 + 0.1 * (found.olrt_judged_u95_s or 0.0)


def assert_same(one: Measurement, other: Measurement, scale: float = 1.0) -> None:
    assert (one.verdict, one.direction, one.grade) == (other.verdict, other.direction, other.grade)
    for name in TIMES:
        assert close(getattr(other, name), getattr(one, name)), name
    for name in VALUES:
        assert close(getattr(other, name), getattr(one, name), scale), name


@FEW
@given(record=records, exponent=st.integers(-12, 12))
def test_the_unit_of_all_values_does_not_matter(record: Sampled, exponent: int) -> None:
    scale = 2.0**exponent
    assert_same(judged(record), judged(record, scale=scale, load_scale=scale), scale)


@FEW
@given(record=records, shift_s=st.sampled_from([-2048.0, -1.0, 0.5, 65536.0]))
def test_the_zero_of_the_clock_does_not_matter(record: Sampled, shift_s: float) -> None:
    moved = judged(record, t_s=shift_s)
    assert_same(judged(record), moved)
    assert moved.t0_s == pytest.approx((judged(record).t0_s or 0.0) + shift_s, abs=1e-6)


@FEW
@given(record=records)
def test_the_sign_convention_does_not_matter_when_it_is_said(record: Sampled) -> None:
    one, other = judged(record), judged(record, flip=True)
    bare = [dataclasses.replace(m, initial_value=None, extreme_value=None, final_value=None) for m in (one, other)]
    assert_same(bare[0], bare[1])
    for name in ("initial_value", "extreme_value", "final_value"):
        value = getattr(one, name)
        assert close(getattr(other, name), None if value is None else -value), name


@FEW
@given(record=records, scale=st.sampled_from([1e-3, 1e3, 1.0 / 746.0, 1.0 / 240.0, 1e6]))
def test_kilowatts_horsepower_or_amperes_give_the_same_times(record: Sampled, scale: float) -> None:
    assert_same(judged(record), judged(record, scale=scale, load_scale=scale), scale)


@FEW
@given(record=records, exponent=st.integers(-8, 8), load_sign=st.sampled_from([-1.0, 1.0]))
def test_a_negative_scale_does_not_matter_when_the_side_is_swapped(
    record: Sampled, exponent: int, load_sign: float
) -> None:
    """The sign of the load's channel is its own affair."""
    scale = 2.0**exponent
    one, other = judged(record), judged(record, scale=scale, load_scale=load_sign * scale, flip=True)
    values = ("initial_value", "extreme_value", "final_value")
    bare = [dataclasses.replace(m, **dict.fromkeys(values)) for m in (one, other)]  # type: ignore[arg-type]
    assert_same(bare[0], bare[1], scale)
    for name in values:
        value = getattr(one, name)
        assert close(getattr(other, name), None if value is None else -value, scale), name


@FEW
@given(record=records, epoch_s=st.sampled_from([1e9, 1.7e9, -1e9]))
def test_a_clock_that_counts_from_1970_does_not_matter(record: Sampled, epoch_s: float) -> None:
    """A float of that size has a quarter of a microsecond left."""
    one, other = judged(record), judged(record, t_s=epoch_s)
    assert (one.verdict, one.direction, one.grade) == (other.verdict, other.direction, other.grade)
    for name in TIMES:
        assert near(getattr(other, name), getattr(one, name), one), name


@FEW
@given(record=records, drift=st.sampled_from([-2e-4, 1e-4, 1e-3]))
def test_a_clock_that_runs_wrong_stretches_every_time_alike(record: Sampled, drift: float) -> None:
    fast = dataclasses.replace(record, t_s=record.t_s * (1.0 + drift))
    one, other = judged(record), judged(fast)
    assert (one.verdict, one.direction, one.grade) == (other.verdict, other.direction, other.grade)
    for name in TIMES:
        value = getattr(one, name)
        assert near(getattr(other, name), None if value is None else value * (1.0 + drift), one), name


@FEW
@given(record=records, level_w=st.sampled_from([-4096.0, 512.0, 32768.0]))
def test_the_zero_of_a_ders_output_does_not_matter(record: Sampled, level_w: float) -> None:
    load = series(record.t_s, record.load_w)
    one, other = (
        measure(load, series(record.t_s, record.der_w + add_w), Question(side=Side.ABOVE)) for add_w in (0.0, level_w)
    )
    for name in TIMES:
        assert close(getattr(other, name), getattr(one, name)), name


@FEW
@given(record=records)
def test_a_measurement_has_all_of_its_numbers_or_says_why_not(record: Sampled) -> None:
    found = judged(record)
    assert found.verdict is not None
    if found.olrt_judged_s is None:
        assert found.reason
    else:
        assert found.olrt_judged_u95_s is not None
        assert found.olrt_judged_u95_s > 0.0
        assert all(v is None or np.isfinite(v) for v in facts(found, TIMES + VALUES))
