"""The register map of a device that is not SunSpec: which word means what, as data of its profile.

Addresses are those of the protocol (the first register is 0). A point's value in its `unit` is the register times
`scale`, or times ten to the power of the point named `exponent`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pcs.model.units import Band

UNITS: Mapping[str, float] = {
    "W": 1.0,
    "kW": 1e3,
    "A": 1.0,
    "mA": 1e-3,
    "V": 1.0,
    "Hz": 1.0,
    "Wh": 1.0,
    "kWh": 1e3,
    "s": 1.0,
    "ms": 1e-3,
    "var": 1.0,
    "kvar": 1e3,
    "VA": 1.0,
    "kVA": 1e3,
    "pct": 1.0,
    "": 1.0,
}
"""Units that a point may have, and what makes them W, A, V, Hz, Wh, s, var, VA or percent."""

NUMBERS = ("int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
"""Types of points that hold a number; the other one is "string"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One named value: where it lies, how it is coded, its unit, and raw values that mean "not implemented"."""

    address: int
    type: str
    words: int
    function: int
    unit: str = ""
    scale: float = 1.0
    exponent: str | None = None
    low_word_first: bool = False
    absent: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a point must hold in the right device: one of `equals`, or a number in `between_values` (ends included)."""

    point: str
    equals: tuple[float | str, ...] = ()
    between_values: Band | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMap:
    """All points of a device by name, and which of them are read together.

    `fast` are the points of each poll, `slow` those that are read now and then. `positive_is_import` (meters) and
    `positive_is_injection` (DERs) say what plus means when the device is wired as its manual says.
    """

    points: Mapping[str, Point]
    fast: tuple[str, ...]
    slow: tuple[str, ...] = ()
    identity: tuple[Probe, ...] = ()
    manufacturer: str = ""
    model: str = ""
    serial_point: str | None = None
    firmware_point: str | None = None
    read_max: int = 125
    write_max: int = 123
    positive_is_import: bool = True
    positive_is_injection: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmStep:
    """One write that makes a device ready for limits: a number, or "reversion_s" or "reversion_limit"."""

    point: str
    value: float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRegisters:
    """How an active-power limit is written: `point` in W or percent of `rating_point` (none: nameplate rating).

    `allowed_values` and `step_value` are in the unit of the point. `arm` is written in its order when the device is
    met and again when it reads back otherwise; `enable_point` is the one that says whether the limit is in force.
    """

    point: str
    allowed_values: Band
    step_value: float
    rating_point: str | None = None
    write_function: int = 16
    arm: tuple[ArmStep, ...] = ()
    enable_point: str | None = None
