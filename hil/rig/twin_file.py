"""The twin file, schema `hil.twin/1`: what the simulated site consists of and how each part of it behaves."""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hil.plant.evse import LEAST_A
from hil.plant.presets import DER_PRESETS, METER_PRESETS, USUAL_PRESET, Preset
from hil.plant.system import System
from hil.plant.wiring import MeterMode
from hil.rig.link_fault import LinkFault
from hil.rig.link_name import LinkName, parse_link

SCHEMA = "hil.twin/1"
SUNSPEC_METER, SUNSPEC_INVERTER = "sunspec/meter", "sunspec/inverter"

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# YAML has lists only, so a pair may come as one; its two numbers stay strict.
Pair = Annotated[tuple[Finite, Finite], Field(strict=False)]
Pairs = Annotated[list[Pair], Field(min_length=1, max_length=100_000)]

LEAST_S, MOST_S = 0.005, 60.0  # of a meter's update period and its window
DEVICE_FAULTS = ("disobey", "obey", "restart", "freeze_telemetry", "thaw_telemetry")
LINK_FAULTS = tuple(fault.value for fault in LinkFault if fault is not LinkFault.OK)
METER_FAULTS = tuple(mode.value for mode in MeterMode if mode is not MeterMode.OK)
METER_SETTINGS = ("ratio", "averaging", "update")
FAULTS = ("clear", "down", "up", *METER_SETTINGS, *LINK_FAULTS, *METER_FAULTS, *DEVICE_FAULTS)


class _Part(BaseModel):
    """A mapping of the file: unknown keys are mistakes, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RecordPart(_Part):
    """A CSV file with a header row; `column` and `time_column` name its columns.

    Without a time column rows are `period_s` apart. `start_s` of the record is the twin's zero. Replayed values are
    `value * scale + offset`.
    """

    file: str
    column: str
    time_column: str | None = None
    period_s: Positive = 1.0
    start_s: Finite = 0.0
    scale: Finite = 1.0
    offset: Finite = 0.0
    interpolate: Literal["linear", "hold"] = "linear"
    loop: bool = False


class SourcePart(_Part):
    """A quantity over time: exactly one of the four."""

    constant: Finite | None = None
    steps: Pairs | None = None
    ramps: Pairs | None = None
    record: RecordPart | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        given = [name for name in ("constant", "steps", "ramps", "record") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of constant, steps, ramps, record")
        for name in ("steps", "ramps"):
            pairs = getattr(self, name) or []
            if any(later[0] <= earlier[0] for earlier, later in pairwise(pairs)):
                raise ValueError(f"the instants of {name} must rise strictly")
        return self


class LoadPart(SourcePart):
    """A host load in W. `connection` as of a DER: which conductors it is on; `point` as of a DER.

    `power_factor` below 1 is lagging, negative leading. So much of it is of constant current (`current_ratio`) or of
    constant impedance (`impedance_ratio`); the rest is of constant power. `most_w`: what a test bench may set it to.
    """

    connection: str = "L123"
    point: Identifier = "poi"
    power_factor: float = Field(default=1.0, ge=-1, le=1)
    current_ratio: float = Field(default=0.0, ge=0, le=1)
    impedance_ratio: float = Field(default=0.0, ge=0, le=1)
    most_w: NotNegative = 0.0

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.current_ratio + self.impedance_ratio > 1.0:
            raise ValueError("current_ratio and impedance_ratio are parts of one load: together at most 1")
        return self


class SitePart(_Part):
    """The site; the words of a site file."""

    name: str
    timezone: str = "UTC"
    system: Literal["single", "split", "wye", "delta"]
    nominal_v: Positive
    nominal_hz: Positive = 60.0


class SupplyPart(_Part):
    """The grid behind the point: voltage in per unit of nominal, impedance of each conductor in ohm."""

    voltage_factor: float = Field(default=1.0, ge=0.5, le=1.5)
    resistance_ohm: NotNegative = 0.0
    reactance_ohm: NotNegative = 0.0


class PointPart(_Part):
    """A point of the site; the words of a site file. Loads, DERs and meters say by `point` where they are."""

    id: Identifier
    kind: Literal["net", "conductor", "busbar"] = "net"
    parent: Identifier = "poi"
    meter: Annotated[list[str], Field(min_length=1, max_length=16)] | None = None
    rating_a: Positive | None = None


class _LinkPart(_Part):
    """Where a device answers, and how fast: `reply_s` plus up to `reply_jitter_s`. One link twice is one bus."""

    id: Identifier
    link: str = "tcp://127.0.0.1:0"
    unit: int = Field(default=1, ge=1, le=247)
    base: Literal[0, 40000, 50000] = 40000
    reply_s: NotNegative = 0.01
    reply_jitter_s: NotNegative = 0.0

    @field_validator("link")
    @classmethod
    def _is_link(cls, link: str) -> str:
        parse_link(link)
        return link

    @property
    def where(self) -> LinkName:
        """The link, taken apart."""
        return parse_link(self.link)


class MeterPart(_LinkPart):
    """A meter at a point, or on the feeder of a DER. See `hil.plant.meter.MeterSpec` for the physics.

    `profile` is `sunspec/meter`, another profile of `firmware_config/`, or a file that ends in `.yaml`. `preset` is a
    behaviour of `hil.plant.presets`; keys beside it win. `in_site` goes into the meter's entry of the site file.
    """

    point: Identifier = "poi"
    profile: str = SUNSPEC_METER
    preset: Literal[tuple(METER_PRESETS)] | None = None  # type: ignore[valid-type]
    in_site: dict[str, Any] = Field(default_factory=dict)
    registers: Literal["int", "float"] = "int"
    update_s: float = Field(default=0.1, ge=LEAST_S, le=MOST_S)
    averaging_s: float = Field(default=0.1, ge=LEAST_S, le=MOST_S)
    phase_s: NotNegative = 0.0
    latency_s: NotNegative = 0.0
    noise_w: NotNegative = 0.0
    noise_v: NotNegative = 0.1
    creep_w: NotNegative = 0.0
    resolution_w: Positive = 1.0
    ratio_error_pct: Finite = 0.0
    phase_error_deg: float = Field(default=0.0, ge=-30, le=30)
    tap_a_ratio: Positive = 1.0

    @model_validator(mode="before")
    @classmethod
    def _as_preset(cls, given: Any) -> Any:
        return _with_preset(given, METER_PRESETS, None)


class DerPart(_LinkPart):
    """A DER. See `hil.plant` for the physics of each kind; `KEYS_OF` says which keys belong to which kind.

    `profile` is `sunspec/inverter`, another profile of `firmware_config/` with its limit `variant`, or a file that ends
    in `.yaml`; `control` and `registers` are for SunSpec alone (storage: 123 brings 124 and 802, 704 brings 713). Its
    sun is `sun` (per unit of nameplate) or `available_w`, else the site's sun. One that is not `controlled` is served
    by nobody. `preset` is a behaviour of `hil.plant.presets`; keys beside it win. `in_site` goes into the DER's entry
    of the site file.
    """

    kind: Literal["pv", "generator", "battery", "hybrid", "evse"] = "pv"
    profile: str = SUNSPEC_INVERTER
    variant: str | None = None
    control: Literal[123, 704] = 123
    registers: Literal["int", "float"] = "int"
    limit_sf: int = Field(default=-2, ge=-2, le=0)
    controlled: bool = True
    nameplate_w: Positive | None = None
    connection: str = "L123"
    point: Identifier = "poi"
    preset: Literal[tuple(DER_PRESETS)] | None = None  # type: ignore[valid-type]
    in_site: dict[str, Any] = Field(default_factory=dict)
    dead_time_s: NotNegative = 0.25
    dead_jitter_s: NotNegative = 0.0
    time_constant_s: NotNegative = 0.3
    ramp_up_pct_s: Positive | None = None
    ramp_down_pct_s: Positive | None = None
    limit_step_pct: NotNegative = 0.0
    gain_error_pct: Finite = 0.0
    telemetry_s: float = Field(default=1.0, ge=0.02, le=600)
    telemetry_phase_s: NotNegative = 0.0
    telemetry_latency_s: NotNegative = 0.0
    telemetry_gain: Finite = 1.0
    sun: SourcePart | None = None
    available_w: SourcePart | None = None
    charge_w: Positive | None = None
    capacity_wh: Positive | None = None
    soc_pct: Percent = 50.0
    soc_min_pct: Percent = 0.0
    soc_max_pct: Percent = 100.0
    efficiency_pct: float = Field(default=97.0, gt=0, le=100)
    battery_charge_w: Positive | None = None
    battery_discharge_w: Positive | None = None
    wish_w: SourcePart = SourcePart(constant=0.0)
    most_a: Positive | None = None
    least_a: NotNegative = LEAST_A
    step_a: Positive = 1.0
    start_s: NotNegative = 10.0
    failsafe_s: NotNegative = 0.0
    failsafe_a: NotNegative = LEAST_A
    demand_w: SourcePart | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_preset(cls, given: Any) -> Any:
        kind = given.get("kind") if isinstance(given, dict) else None
        return _with_preset(given, DER_PRESETS, USUAL_PRESET.get(str(kind)))


_STORAGE_KEYS = ("charge_w", "capacity_wh", "soc_pct", "soc_min_pct", "soc_max_pct", "efficiency_pct", "wish_w")
KEYS_OF: dict[str, tuple[str, ...]] = {
    "pv": ("sun", "available_w"),
    "generator": ("available_w",),
    "battery": _STORAGE_KEYS,
    "hybrid": (*_STORAGE_KEYS, "sun", "available_w", "battery_charge_w", "battery_discharge_w"),
    "evse": ("most_a", "least_a", "step_a", "start_s", "failsafe_s", "failsafe_a", "demand_w"),
}
"""Keys of a DER that belong to some kinds only."""
NEEDED_BY: dict[str, tuple[str, ...]] = {
    "pv": ("nameplate_w",),
    "generator": ("nameplate_w",),
    "battery": ("nameplate_w", "capacity_wh"),
    "hybrid": ("nameplate_w", "capacity_wh"),
    "evse": ("most_a",),
}
"""What must be given for a kind. A charger's nameplate follows from its current and connection."""


def _with_preset(given: Any, presets: dict[str, Preset], usual: str | None) -> Any:
    """The mapping with the keys of its preset, where it has none of its own."""
    if not isinstance(given, dict):
        return given
    preset = presets.get(str(given.get("preset") or usual))
    return {**preset.values, **given} if preset is not None else given


class FaultPart(_Part):
    """At `at_s` the device `on` fails. `seconds` belongs to slow, restart, averaging and update, `percent` to ratio.

    Faults of a meter add up. With `ends` this one ends and the others stay; `clear` ends all of a device.
    """

    at_s: NotNegative
    on: Identifier
    fault: Literal[FAULTS]  # type: ignore[valid-type]
    seconds: NotNegative = 0.0
    percent: Finite = 0.0
    ends: bool = False

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.fault in ("averaging", "update") and not self.ends and not LEAST_S <= self.seconds <= MOST_S:
            raise ValueError(f"{self.fault} needs seconds, from {LEAST_S:g} to {MOST_S:g}")
        if self.ends and self.fault not in (*METER_FAULTS, *METER_SETTINGS):
            raise ValueError("only a meter's faults end one by one; write clear")
        return self


class TwinFile(_Part):
    """The whole file. `limits`, `modes` and `journal` go into the site file as they are."""

    schema_: Literal["hil.twin/1"] = Field(alias="schema")
    site: SitePart
    supply: SupplyPart = SupplyPart()
    seed: int = 1
    step_s: float = Field(default=0.1, ge=0.001, le=1.0)
    points: list[PointPart] = Field(default_factory=list, max_length=32)
    meters: list[MeterPart] = Field(min_length=1, max_length=16)
    ders: list[DerPart] = Field(default_factory=list, max_length=64)
    load: list[LoadPart] = Field(default_factory=list, max_length=64)
    sun: SourcePart = SourcePart(constant=1.0)
    faults: list[FaultPart] = Field(default_factory=list, max_length=10_000)
    limits: list[dict[str, Any]] = Field(default_factory=list, max_length=64)
    modes: dict[str, Any] | None = None
    journal: dict[str, Any] = Field(default_factory=lambda: {"dir": "./journal"})

    @property
    def system(self) -> System:
        """The electrical service."""
        return System(name=self.site.system, nominal_v=self.site.nominal_v, nominal_hz=self.site.nominal_hz)
