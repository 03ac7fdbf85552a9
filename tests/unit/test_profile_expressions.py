"""Quantities and expressions of profiles: units, and nothing that could run, reach out or grow."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.profile.expression import NODES_MAX, TEXT_MAX, ExpressionError, evaluate, names_in
from hil.profile.units import BASE, WRITTEN, Quantity, UnitError, parse_quantity

KNOWN = {
    "nameplate": Quantity(value=8000.0, unit="W"),
    "volts": Quantity(value=240.0, unit="V"),
    "level": Quantity(value=0.66, unit="pu"),
    "time": Quantity(value=30.0, unit="s"),
    "start": "at_start",
}


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("8 kW", 8000.0, "W"),
        ("66%", 0.66, "pu"),
        ("2 min", 120.0, "s"),
        ("100ms", 0.1, "s"),
        ("-1 h", -3600.0, "s"),
        ("16.67 %/min", 0.00277833333333, "pu/s"),
        ("3 times", 3.0, "times"),
        ("29.04 kVA", 29040.0, "VA"),
    ],
)
def test_a_literal_is_kept_in_its_base_unit(text: str, value: float, unit: str) -> None:
    assert parse_quantity(text) == Quantity(value=value, unit=unit)


@pytest.mark.parametrize(
    "text", ["8", "8.5", "kW", "8 KW", "8 kw", "8 parsec", "1_000 W", "8 kW s", "", "nan W", "inf s"]
)
def test_a_number_without_a_known_unit_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("level * nameplate", 5280.0, "W"),
        ("nameplate / volts", 100.0 / 3.0, "A"),
        ("nameplate / nameplate", 1.0, "pu"),
        ("min(max(5 * time, 60 s), 2 min)", 120.0, "s"),
        ("1.5 * 5 % * nameplate", 600.0, "W"),
        ("-level * nameplate + 280 W", -5000.0, "W"),
        ("100 A * volts", 24000.0, "VA"),
        ("time * 10 W/s", 300.0, "VA"),
    ],
)
def test_arithmetic_carries_units_along(text: str, value: float, unit: str) -> None:
    found = evaluate(text, KNOWN)
    assert isinstance(found, Quantity)
    assert math.isclose(found.value, value, rel_tol=1e-9)
    assert found.unit == unit


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("level < 70 %", True),
        ("start == 'at_start'", True),
        ("start != 'at_start' or not level > 1", True),
        ("0.1 * 3 * time == 9 s", True),
        ("10 s < time < 20 s", False),
    ],
)
def test_comparisons_are_true_or_false(text: str, answer: bool) -> None:
    assert evaluate(text, KNOWN) is answer


@pytest.mark.parametrize(
    "text",
    [
        "nameplate + time",
        "nameplate + 5 VA",
        "time * time",
        "nameplate + 1",
        "level < time",
        "start < 'x'",
        "start * 2",
        "time / 0",
        "nobody",
        "2 ** 3",
        "time.value",
        "time[0]",
        "__import__('os')",
        "open('x')",
        "min(time)",
        "max(*time)",
        "(lambda: 1)()",
        "[time for time in 'a']",
        "f'{time}'",
        "time if level else time",
        "True",
        "1e308 * 1e308",
        "(time := 1)",
        "",
        "8 kW kW",
        "not time",
    ],
)
def test_whatever_is_no_plain_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, KNOWN)


def test_size_is_bounded_before_anything_is_computed() -> None:
    with pytest.raises(ExpressionError, match="longer"):
        evaluate("1 + " * TEXT_MAX + "1", KNOWN)
    with pytest.raises(ExpressionError, match="too large"):
        evaluate("+".join("1" * (NODES_MAX // 2)), KNOWN)


@given(st.text(alphabet=st.sampled_from("abnt().,+-*/<>='%W s0123456789e[]{}_:!"), max_size=60))
def test_any_text_has_a_value_or_a_reason(text: str) -> None:
    try:
        found = evaluate(text, KNOWN)
    except ExpressionError:
        return
    assert not isinstance(found, Quantity) or (math.isfinite(found.value) and found.unit in BASE)


@given(st.floats(min_value=-1e9, max_value=1e9), st.sampled_from(sorted(WRITTEN)))
def test_a_literal_means_the_same_alone_and_in_an_expression(value: float, unit: str) -> None:
    text = f"{abs(value):.6g} {unit}"
    assert evaluate(text, {}) == parse_quantity(text)


def test_the_names_of_an_expression_are_its_parameters_alone() -> None:
    assert names_in("min(5 * limit, 60 s) - start_w + 3 A") == {"limit", "start_w"}
