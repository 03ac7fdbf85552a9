"""The twin file, schema `hil.twin/1`: what the simulated site consists of and how each part of it behaves."""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hil.plant.meter import MeterMode
from hil.rig.link_fault import LinkFault
from hil.rig.link_name import LinkName, parse_link

SCHEMA = "hil.twin/1"
SUNSPEC_METER, SUNSPEC_INVERTER = "sunspec/meter", "sunspec/inverter"

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# YAML has lists only, so a pair may come as one; its two numbers stay strict.
Pair = Annotated[tuple[Finite, Finite], Field(strict=False)]
Pairs = Annotated[list[Pair], Field(min_length=1, max_length=100_000)]

DEVICE_FAULTS = ("disobey", "obey", "restart", "freeze_telemetry", "thaw_telemetry")
LINK_FAULTS = tuple(fault.value for fault in LinkFault if fault is not LinkFault.OK)
METER_FAULTS = tuple(mode.value for mode in MeterMode if mode is not MeterMode.OK)
FAULTS = ("clear", "down", "up", "ratio", *LINK_FAULTS, *METER_FAULTS, *DEVICE_FAULTS)


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
    """A host load in W. `connection` as of a DER: which conductors it is on."""

    connection: str = "L123"


class SitePart(_Part):
    """The site; the words of a site file."""

    name: str
    timezone: str = "UTC"
    system: Literal["single", "split", "wye", "delta"]
    nominal_v: Positive
    nominal_hz: Positive = 60.0


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
    """A meter at the point of interconnection. See `hil.plant.meter.MeterSpec` for the physics.

    `profile` is `sunspec/meter`, another profile of `firmware_config/`, or a file that ends in `.yaml`.
    """

    profile: str = SUNSPEC_METER
    registers: Literal["int", "float"] = "int"
    update_s: float = Field(default=0.1, ge=0.005, le=60)
    averaging_s: float = Field(default=0.1, ge=0.005, le=60)
    phase_s: NotNegative = 0.0
    latency_s: NotNegative = 0.0
    noise_w: NotNegative = 0.0
    noise_v: NotNegative = 0.1
    creep_w: NotNegative = 0.0
    resolution_w: Positive = 1.0
    ratio_error_pct: Finite = 0.0


class DerPart(_LinkPart):
    """An inverter. `control` is its SunSpec control model. See `hil.plant.inverter.InverterSpec` for the physics.

    `profile` is `sunspec/inverter`, another profile of `firmware_config/` with its limit `variant`, or a file that ends
    in `.yaml`; `control` and `registers` are for SunSpec alone. Its sun is `sun` (per unit of nameplate) or
    `available_w`, else the site's sun.
    """

    kind: Literal["pv"] = "pv"
    profile: str = SUNSPEC_INVERTER
    variant: str | None = None
    control: Literal[123, 704] = 123
    registers: Literal["int", "float"] = "int"
    limit_sf: int = Field(default=-2, ge=-2, le=0)
    nameplate_w: Positive
    connection: str = "L123"
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


class FaultPart(_Part):
    """At `at_s` the device `on` fails. `seconds` belongs to slow and restart, `percent` to ratio."""

    at_s: NotNegative
    on: Identifier
    fault: Literal[FAULTS]  # type: ignore[valid-type]
    seconds: NotNegative = 0.0
    percent: Finite = 0.0


class TwinFile(_Part):
    """The whole file. `limits` and `journal` go into the site file as they are."""

    schema_: Literal["hil.twin/1"] = Field(alias="schema")
    site: SitePart
    seed: int = 1
    step_s: float = Field(default=0.1, ge=0.001, le=1.0)
    meters: list[MeterPart] = Field(min_length=1, max_length=16)
    ders: list[DerPart] = Field(default_factory=list, max_length=64)
    load: list[LoadPart] = Field(default_factory=list, max_length=64)
    sun: SourcePart = SourcePart(constant=1.0)
    faults: list[FaultPart] = Field(default_factory=list, max_length=10_000)
    limits: list[dict[str, Any]] = Field(default_factory=list, max_length=64)
    journal: dict[str, Any] = Field(default_factory=lambda: {"dir": "./journal"})

    @property
    def phases(self) -> int:
        """How many phase conductors the system has."""
        return {"single": 1, "split": 2}.get(self.site.system, 3)
