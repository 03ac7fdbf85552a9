"""The figures of mutation testing: the interval, the draw, and the page that is made of the results."""

import json

import pytest

from tests.mutation.mutants import drawn, interval
from tests.mutation.page import PAGE, RESULTS, page, sorted_in


@pytest.mark.parametrize(
    ("killed", "of", "lo", "hi"), [(0, 10, 0.0, 0.2775), (8, 10, 0.4902, 0.9433), (81, 263, 0.2553, 0.3662)]
)
def test_the_interval_of_a_score_is_wilson_s(killed: int, of: int, lo: float, hi: float) -> None:
    """Known answers: Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3."""
    assert interval(killed, of) == (pytest.approx(lo, abs=1e-4), pytest.approx(hi, abs=1e-4))


def test_a_longer_sample_begins_with_the_shorter_one_and_another_seed_draws_another() -> None:
    names = [f"pcs.core.measure.x_take__mutmut_{n}" for n in range(200)]
    assert drawn(names[::-1], 0) == drawn(names, 0)
    assert sorted(drawn(names, 0)) == sorted(names)
    assert drawn(names, 1)[:50] != drawn(names, 0)[:50]


def test_a_survivor_that_no_rule_explains_is_open() -> None:
    assert sorted_in("pcs.core.regulate.x_hold__mutmut_1", "-return a +return b") == ("open", "")
    assert sorted_in("pcs.core.policy.x__bus__mutmut_2", "-zip(a, b, strict=True) +zip(a, b)")[0] == "equivalent"


def test_the_page_is_made_of_the_results() -> None:
    assert PAGE.read_text() == page(PAGE.read_text(), json.loads(RESULTS.read_text()))
