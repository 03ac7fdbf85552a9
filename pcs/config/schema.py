"""The site file as a schema: keys, types, ranges and what they mean. `docs/site-file.md` is made from this.

It describes the whole outside contract, also what is not built yet, so that editors complete it; `wishes` says which
of it this version refuses. References between keys are checked in `checks`, not here.
"""

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from pcs.model.limit import Limit
from pcs.model.site import CurrentTransformer, MeterSpec, Tuning

_TUNING = Tuning()
_CT = CurrentTransformer()
_METER_CLASS_PCT = cast(float, MeterSpec.__dataclass_fields__["class_pct"].default)
_CORRECT_WITHIN_S = cast(float, Limit.__dataclass_fields__["correct_within_s"].default)

Id = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=40,
        description="Name of letters, digits, dashes, dots and underscores.",
    ),
]
Words = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", max_length=200)]
"""One line of text: control characters would reach the installer's terminal."""
Unit = Annotated[int, Field(ge=0, le=255)]


class Block(BaseModel):
    """What all blocks share: no unknown keys, no silent conversion, no infinity."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=False)


def _unit(unit: str) -> dict[str, Any]:
    return {"unit": unit}


class SiteBlock(Block):
    """The site itself."""

    name: Words = Field(description="What people call the site.")
    timezone: Words = Field(description="IANA time zone, used by schedules and reports.", examples=["America/New_York"])
    system: Literal["single", "split", "wye", "delta"] = Field(
        description="Electrical service: `single` phase, `split` phase (120/240 V), three-phase `wye` or `delta`."
    )
    nominal_v: float = Field(
        gt=0,
        le=50_000,
        description="Nominal voltage, line to neutral (delta: line to line).",
        json_schema_extra=_unit("V"),
    )


class CtBlock(Block):
    """Current transformers of a meter."""

    ratio: float = Field(
        default=_CT.ratio,
        gt=0,
        le=10_000,
        description="Factor applied to the meter's current and power; 1 where the meter already applies it.",
    )
    class_: float | None = Field(
        default=None,
        alias="class",
        ge=0,
        le=10,
        description="Accuracy class of the CTs, e.g. 0.5.",
        json_schema_extra=_unit("%"),
    )
    class_pct: float | None = Field(
        default=None, ge=0, le=10, description="Another spelling of `class`; give one.", json_schema_extra=_unit("%")
    )
    phase_error_deg: float = Field(
        default=_CT.phase_error_deg,
        ge=0,
        le=15,
        description="Largest phase error of the CTs, without sign.",
        json_schema_extra=_unit("degrees"),
    )


class MeterBlock(Block):
    """A meter at a point. Every limited point has exactly one."""

    id: Id
    profile: Words = Field(description="Device profile; `pcs devices` lists them.", examples=["sunspec/meter"])
    link: Words = Field(
        description="Address: `tcp://HOST[:PORT]` (port 502 if left out), `serial:///dev/PORT?baud=BAUD`, "
        "with `&parity=E` or `O` and `&stopbits=2` where needed, or `rtu+tcp://HOST:PORT`."
    )
    unit: Unit = Field(description="Modbus unit (device address).")
    point: Id = Field(description="The point that it measures; `poi` is the point of interconnection.")
    sign: Literal["import+", "export+", "learn"] = Field(
        default="import+", description="What a positive reading means. Control never starts on `learn`."
    )
    ct: CtBlock = Field(default=CtBlock(), description="Current transformers; see below.")
    class_pct: float = Field(
        default=_METER_CLASS_PCT,
        ge=0,
        le=10,
        description="Accuracy class of the meter itself.",
        json_schema_extra=_unit("%"),
    )
    creep_w: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="Power below which the meter shows zero; the limit keeps three times as much distance.",
        json_schema_extra=_unit("W"),
    )
    update_s: float | None = Field(
        default=None,
        gt=0,
        le=60,
        description="How often the meter renews its registers; left out: as in the profile, or identified at start.",
        json_schema_extra=_unit("s"),
    )
    averaging_s: float | None = Field(
        default=None,
        ge=0,
        le=60,
        description="Window over which the meter averages; left out: as in the profile, or one update.",
        json_schema_extra=_unit("s"),
    )


class DerBlock(Block):
    """A source, battery or charger behind the point of interconnection."""

    id: Id
    kind: Literal["pv", "battery", "hybrid", "evse", "generator"] = Field(description="What it is.")
    nameplate_w: float = Field(
        gt=0, le=1e9, description="Nameplate rating, regardless of any limit.", json_schema_extra=_unit("W")
    )
    controlled: bool = Field(
        default=True,
        description="`false`: not commanded, counted at nameplate. Else `profile`, `link` and `unit` are required.",
    )
    profile: Words | None = Field(default=None, description="Device profile; `pcs devices` lists them.")
    link: Words | None = Field(default=None, description="Address, as of a meter.")
    unit: Unit | None = Field(default=None, description="Modbus unit (device address); required with `link`.")
    connection: Literal["L1N", "L2N", "L3N", "L1L2", "L2L3", "L3L1", "L123"] | None = Field(
        default=None, description="Conductors that it is connected to."
    )
    priority: int | None = Field(default=None, ge=0, le=100, description="Who gives way first.")
    fallback: dict[str, Any] | None = Field(default=None, description="What the device does without its controller.")


class PointBlock(Block):
    """A controlled point besides `poi`, which is implied."""

    id: Id
    kind: Literal["net", "conductor", "busbar"] = Field(description="How the DERs act on it.")
    meter: list[Id] | None = Field(default=None, max_length=16, description="Meters that measure it.")
    rating_a: float | None = Field(default=None, gt=0, description="Rating.", json_schema_extra=_unit("A"))


class LimitBlock(Block):
    """An upper bound on the flow at a point. Several limits may stand; the tightest binds."""

    point: Id = Field(default="poi", description="Where it holds.")
    direction: Literal["export", "import"] = Field(description="Which way the limited flow goes.")
    quantity: Literal["w", "va", "a"] = Field(default="w", description="What is limited; `value` has its unit.")
    value: float = Field(
        ge=0,
        le=1e9,
        description="The limit, a magnitude; 0 allows none at all.",
        json_schema_extra=_unit("W (VA, A)"),
    )
    basis: Literal["total", "phase", "conductor"] = Field(
        default="total", description="Whether the sum, each phase or each conductor must hold."
    )
    scope: Literal["all", "ess"] = Field(default="all", description="About all sources, or about storage only.")
    correct_within_s: float = Field(
        default=_CORRECT_WITHIN_S,
        gt=0,
        le=3600,
        description="Time in which an excursion must be corrected. The UL 1741 CRD allows at most 30 s.",
        json_schema_extra=_unit("s"),
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        description="Distance kept from the limit; left out: computed from meter class, CT class and resolution.",
        json_schema_extra=_unit("W"),
    )
    source: Words = Field(default="site file", description="Document that sets it, shown by `explain` and reports.")
    priority: int | None = Field(default=None, ge=0, le=100, description="Which limit wins a conflict.")
    accounting: Words | None = Field(default=None, description="How storage and sources are told apart.")
    schedule: list[Any] | dict[str, Any] | None = Field(default=None, description="When it holds.")


class ModesBlock(Block):
    """Operating modes of storage: short for two kinds of limit."""

    ess: Literal["unrestricted", "export_only", "import_only", "no_exchange"] | None = Field(
        default=None, description="What storage may exchange with the utility."
    )


class JournalBlock(Block):
    """The controller's memory on disk."""

    dir: Words = Field(default="./journal", description="Folder; relative to the site file.")


class ControllerBlock(Block):
    """The controller's own knobs. The defaults suit most sites."""

    release_slew_pct_s: float = Field(
        default=_TUNING.release_slew_pct_s,
        ge=0.1,
        le=1000,
        description="How fast output may rise again, in percent of nameplate per second. Restricting is never slewed.",
        json_schema_extra=_unit("%/s"),
    )
    cycle_s: float = Field(
        default=_TUNING.cycle_s,
        ge=0.02,
        le=1,
        description="The controller decides at least this often.",
        json_schema_extra=_unit("s"),
    )
    credited_min_load_w: float = Field(
        default=_TUNING.credited_min_load_w,
        ge=0,
        le=1e9,
        description="Host load that the safe state may count on. More than 0 needs evidence: 12 months' minimum.",
        json_schema_extra=_unit("W"),
    )
    telemetry_poll_s: float = Field(
        default=_TUNING.telemetry_poll_s,
        ge=0.05,
        le=10,
        description="How often every DER is asked for its power.",
        json_schema_extra=_unit("s"),
    )
    verify_s: float = Field(
        default=_TUNING.verify_s,
        ge=0.5,
        le=60,
        description="How often every DER is asked for the limit that it holds.",
        json_schema_extra=_unit("s"),
    )


class SiteFile(Block):
    """A site: what there is, how it is reached, what must hold."""

    schema_: Literal["pcs.site/1"] = Field(alias="schema", description="Kind and version of this file: `pcs.site/1`.")
    site: SiteBlock = Field(description="The site itself.")
    meters: list[MeterBlock] = Field(min_length=1, max_length=16, description="Meters.")
    ders: list[DerBlock] = Field(min_length=1, max_length=64, description="Sources, batteries, chargers.")
    points: list[PointBlock] = Field(default=[], max_length=32, description="Further points; `poi` is implied.")
    limits: list[LimitBlock] = Field(min_length=1, max_length=32, description="What must hold.")
    modes: ModesBlock = Field(default=ModesBlock(), description="Operating modes.")
    journal: JournalBlock = Field(default=JournalBlock(), description="Where the journal lies.")
    controller: ControllerBlock = Field(default=ControllerBlock(), description="Knobs; defaults suit most sites.")
