"""Quantities as profiles write them: a number and its unit, `8 kW`. A number without a unit is a mistake."""

import math
import re
from dataclasses import dataclass

Powers = tuple[int, int, int, int, int, int]
"""Exponents of V, A, s, Hz, deg and Wh."""

BASE: dict[
    str, Powers
] = {  # the units that values are kept in; the first of several with equal powers is the usual one
    "pu": (0, 0, 0, 0, 0, 0),
    "times": (0, 0, 0, 0, 0, 0),
    "VA": (1, 1, 0, 0, 0, 0),
    "W": (1, 1, 0, 0, 0, 0),
    "var": (1, 1, 0, 0, 0, 0),
    "V": (1, 0, 0, 0, 0, 0),
    "A": (0, 1, 0, 0, 0, 0),
    "s": (0, 0, 1, 0, 0, 0),
    "Hz": (0, 0, 0, 1, 0, 0),
    "deg": (0, 0, 0, 0, 1, 0),
    "Wh": (0, 0, 0, 0, 0, 1),
    "pu/s": (0, 0, -1, 0, 0, 0),
    "W/s": (1, 1, -1, 0, 0, 0),
    "V/s": (1, 0, -1, 0, 0, 0),
    "A/s": (0, 1, -1, 0, 0, 0),
}
WRITTEN: dict[str, tuple[str, float]] = {  # as it may be written: the unit it is kept in, and the factor
    **{unit: (unit, 1.0) for unit in BASE},
    **{f"k{unit}": (unit, 1e3) for unit in ("W", "VA", "var", "V", "A", "Hz", "Wh", "W/s", "V/s")},
    **{f"m{unit}": (unit, 1e-3) for unit in ("s", "V", "A", "Hz")},
    "MW": ("W", 1e6),
    "MVA": ("VA", 1e6),
    "%": ("pu", 0.01),
    "%/s": ("pu/s", 0.01),
    "%/min": ("pu/s", 0.01 / 60.0),
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "d": ("s", 86400.0),
}
NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
UNIT = "|".join(sorted(map(re.escape, WRITTEN), key=len, reverse=True))
LITERAL = re.compile(rf"\s*([+-]?{NUMBER})\s*({UNIT})\s*")
BARE = re.compile(rf"\s*[+-]?{NUMBER}\s*")
DIMENSIONLESS = BASE["pu"]


class UnitError(ValueError):
    """A quantity that cannot be read, or two that do not go together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number in one of the units of `BASE`: `66 %` is 0.66 pu, `8 kW` is 8000 W, `2 min` is 120 s."""

    value: float
    unit: str

    @property
    def is_ratio(self) -> bool:
        """Whether it has no dimension: a share, or a count."""
        return BASE[self.unit] == DIMENSIONLESS

    def __str__(self) -> str:
        if self.unit == "pu":
            return f"{100.0 * self.value:.6g} %"
        return f"{self.value:.6g} {self.unit}"


def parse_quantity(text: str) -> Quantity:
    """A literal such as `8 kW`.

    Raises:
        UnitError: there is no unit, an unknown one, or no number.
    """
    found = LITERAL.fullmatch(text)
    if found is None:
        if BARE.fullmatch(text):
            raise UnitError(f'"{text.strip()}" has no unit; write {text.strip()} W, {text.strip()} s, {text.strip()} %')
        raise UnitError(f'"{text.strip()}" is no quantity such as 8 kW, 30 s or 66 %')
    base, factor = WRITTEN[found[2]]
    value = float(found[1]) * factor
    if not math.isfinite(value):
        raise UnitError(f'"{text.strip()}" is too large')
    return Quantity(value=_tidy(value), unit=base)


def product(left: Quantity, right: Quantity, *, sign: int = 1) -> Quantity:
    """Their product (`sign` 1) or quotient (`sign` -1), in a unit that is known here."""
    value = left.value * right.value if sign == 1 else left.value / right.value
    if right.is_ratio:
        return Quantity(value=_tidy(value), unit=left.unit if not left.is_ratio else "pu")
    if left.is_ratio and sign == 1:
        return Quantity(value=_tidy(value), unit=right.unit)
    powers = tuple(a + sign * b for a, b in zip(BASE[left.unit], BASE[right.unit], strict=True))
    unit = next((name for name, known in BASE.items() if known == powers), None)
    if unit is None:
        raise UnitError(f"{left.unit} {'times' if sign == 1 else 'by'} {right.unit} is no unit that is used here")
    return Quantity(value=_tidy(value), unit=unit)


def together(left: Quantity, right: Quantity) -> str:
    """The unit in which both can be added or compared. W and VA are different things."""
    if left.is_ratio and right.is_ratio:
        return left.unit if left.unit == right.unit else "pu"
    if left.unit != right.unit:
        raise UnitError(f"{left.unit} and {right.unit} do not go together")
    return left.unit


def _tidy(value: float) -> float:
    """Without the last digits that binary fractions leave behind: 0.1 * 3 is 0.3, in every hash of every machine."""
    return float(f"{value:.12g}")
