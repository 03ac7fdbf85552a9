"""The register map of a device profile (`pcs.profile/1`, protocol `modbus`), as much of it as serving the device needs.

Read by the bench itself, so that a mistake in the controller's own reader shows as a twin that is not understood.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

SHIPPED = (
    Path(__file__).parents[2] / "firmware_config",
    Path(__file__).parents[2] / "pcs" / "_data" / "firmware_config",  # as the wheel carries it
)
MAX_FILE_BYTES = 1 << 20
Address = Annotated[int, Field(ge=0, le=0xFFFF)]
Function = Literal[3, 4]
Order = Literal["big", "little"]

UNITS = {
    "W": 1.0, "kW": 1e3, "VA": 1.0, "kVA": 1e3, "var": 1.0, "kvar": 1e3, "A": 1.0, "mA": 1e-3, "V": 1.0, "Hz": 1.0,
    "Wh": 1.0, "kWh": 1e3, "s": 1.0, "ms": 1e-3, "pct": 1.0, "": 1.0,
}  # fmt: skip
"""What one of a profile's unit is worth in the bench's own."""


class BadProfileError(Exception):
    """A profile that cannot be served, and why."""


class _Part(BaseModel):
    """What the bench does not need is not looked at: the controller's schema checks the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PointPart(_Part):
    """One value."""

    address: Address
    type: Literal["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string"]
    words: int = Field(default=0, ge=0, le=64)
    function: Function | None = None
    word_order: Order | None = None
    unit: str = ""
    scale: float = Field(default=1.0, gt=0)
    exponent: str | None = None
    absent: list[int] = []

    @property
    def size(self) -> int:
        """How many registers it takes."""
        return self.words if self.type == "string" else int(self.type.strip("uintfloa")) // 16


class ProbePart(_Part):
    """What a point must hold."""

    point: str
    equals: list[int | float | str] = []
    at_least: float | None = None
    at_most: float | None = None


class WhoPart(_Part):
    """Who the device is."""

    manufacturer: str
    model: str
    serial_point: str | None = None
    firmware_point: str | None = None


class RegistersPart(_Part):
    """The register map."""

    function: Function
    word_order: Order
    read_max: int = Field(default=125, ge=1, le=125)
    write_max: int = Field(default=123, ge=1, le=123)
    sign: Literal["import+", "export+", "injection+", "injection-"]
    who: WhoPart
    identity: list[ProbePart] = []
    points: dict[str, PointPart]


class ArmPart(_Part):
    """One write before the first limit."""

    point: str
    value: float | Literal["reversion_s", "reversion_limit"]


class LimitRegistersPart(_Part):
    """The points that carry a limit."""

    point: str
    rating_point: str | None = None
    at_least: float = 0.0
    at_most: float
    step: float
    write_function: Literal[6, 16] = 16
    arm: list[ArmPart] = []
    enable_point: str | None = None

    def armed(self, meaning: str) -> str | None:
        """The point that carries the timer's seconds or its limit, if one does."""
        return next((arm.point for arm in self.arm if arm.value == meaning), None)


class LimitPart(_Part):
    """One way of limiting."""

    registers: LimitRegistersPart | None = None


class RegisterProfile(_Part):
    """A profile of protocol `modbus`."""

    title: str
    kind: Literal["meter", "inverter", "evse"]
    protocol: Literal["modbus"]
    registers: RegistersPart
    limits: dict[str, LimitPart] = {}

    def limit(self, variant: str | None) -> LimitRegistersPart | None:
        """The registers of a limit variant, the first one by default; None where the device takes no limit.

        Raises:
            BadProfileError: there is no such variant.
        """
        if variant is not None and variant not in self.limits:
            raise BadProfileError(f"{self.title} has no limit variant {variant}; it has {', '.join(self.limits)}")
        name = variant or next(iter(self.limits), None)
        return self.limits[name].registers if name is not None else None


def load_profile(name: str, folder: Path) -> RegisterProfile:
    """The profile `vendor/model` of those shipped, or a file that ends in `.yaml`, relative to `folder`.

    Raises:
        BadProfileError: there is none, or it cannot be served.
    """
    path = _path_of(name, folder)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadProfileError(f"{path} is too large for a profile")
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        profile = RegisterProfile.model_validate(raw)
    except OSError as error:
        raise BadProfileError(f"{path} cannot be read: {error.strerror}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise BadProfileError(f"{path} is not YAML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadProfileError(f"{path}: {where}: {first['msg']}; the twin serves profiles of protocol modbus") from None
    _check(profile, path)
    return profile


def _path_of(name: str, folder: Path) -> Path:
    """Where the profile lies."""
    if name.endswith(".yaml"):
        return folder / name
    for shipped in SHIPPED:
        path = shipped / f"{name}.yaml"
        if path.is_file() and path.resolve().is_relative_to(shipped.resolve()):
            return path
    raise BadProfileError(f"there is no profile {name}")


def _check(profile: RegisterProfile, path: Path) -> None:
    """Points that are named must exist, and lie inside the address space."""
    points = profile.registers.points
    named = [probe.point for probe in profile.registers.identity]
    named += [point.exponent for point in points.values() if point.exponent is not None]
    for part in profile.limits.values():
        if part.registers is not None:
            limit = part.registers
            named += [limit.point, *(arm.point for arm in limit.arm)]
            named += [name for name in (limit.rating_point, limit.enable_point) if name is not None]
    missing = sorted(set(named) - points.keys())
    if missing:
        raise BadProfileError(f"{path} names points that it does not describe: {', '.join(missing)}")
    for name, point in points.items():
        if point.size == 0 or point.address + point.size > 0x1_0000:
            raise BadProfileError(f"{path}: point {name} does not fit the address space")
        if point.unit not in UNITS:
            raise BadProfileError(f"{path}: point {name} has an unknown unit {point.unit}")
