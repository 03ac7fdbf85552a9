"""The site file as a schema: keys, types, ranges and what they mean. `docs/site-file.md` is made from this.

It describes the whole outside contract, also what is not built yet, so that editors complete it; `wishes` says which
of it this version refuses. References between keys are checked in `checks`, not here.
"""

from typing import Any, Literal, cast

from pydantic import Field

from pcs.config.blocks import Block, Id, SignedId, Unit, Words, unit_of
from pcs.config.limit_schema import LimitBlock, ModesBlock
from pcs.config.preset_schema import OR_NAME, PresetChoice
from pcs.config.supervisor_schema import SupervisorBlock
from pcs.model.site import CurrentTransformer, DerSpec, MeterSpec, Tuning

__all__ = ["Block", "SiteFile", "Words"]

_TUNING = Tuning()
_CT = CurrentTransformer()
_METER_CLASS_PCT = cast(float, MeterSpec.__dataclass_fields__["class_pct"].default)
_SOC_MIN_PCT = cast(float, DerSpec.__dataclass_fields__["soc_min_pct"].default)
_SOC_MAX_PCT = cast(float, DerSpec.__dataclass_fields__["soc_max_pct"].default)


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
        json_schema_extra=unit_of("V"),
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
        json_schema_extra=unit_of("%"),
    )
    class_pct: float | None = Field(
        default=None, ge=0, le=10, description="Another spelling of `class`; give one.", json_schema_extra=unit_of("%")
    )
    phase_error_deg: float = Field(
        default=_CT.phase_error_deg,
        ge=0,
        le=15,
        description="Largest phase error of the CTs, without sign.",
        json_schema_extra=unit_of("degrees"),
    )


class MeterBlock(Block):
    """A meter at a point. Every limited point has one, or a signed sum of several: see `points`."""

    id: Id
    profile: Words = Field(description="Device profile; `pcs devices` lists them.", examples=["sunspec/meter"])
    link: Words = Field(
        description="Address: `tcp://HOST[:PORT]` (port 502 if left out), `serial:///dev/PORT?baud=BAUD`, "
        "with `&parity=E` or `O` and `&stopbits=2` where needed, or `rtu+tcp://HOST:PORT`."
    )
    unit: Unit = Field(description="Modbus unit (device address).")
    point: Id | None = Field(
        default=None,
        description="The point that it measures; `poi` is the point of interconnection. "
        "Left out: it is only part of sums under `points`.",
    )
    sign: Literal["import+", "export+", "learn"] = Field(
        default="import+", description="What a positive reading means. Control never starts on `learn`."
    )
    ct: CtBlock = Field(default=CtBlock(), description="Current transformers; see below.")
    class_pct: float = Field(
        default=_METER_CLASS_PCT,
        ge=0,
        le=10,
        description="Accuracy class of the meter itself.",
        json_schema_extra=unit_of("%"),
    )
    creep_w: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="Power below which the meter shows zero; the limit keeps three times as much distance.",
        json_schema_extra=unit_of("W"),
    )
    update_s: float | None = Field(
        default=None,
        gt=0,
        le=60,
        description="How often the meter renews its registers; left out: as in the profile, or identified at start.",
        json_schema_extra=unit_of("s"),
    )
    averaging_s: float | None = Field(
        default=None,
        ge=0,
        le=60,
        description="Window over which the meter averages; left out: as in the profile, or one update.",
        json_schema_extra=unit_of("s"),
    )


class DerBlock(Block):
    """A source, battery or charger behind the point of interconnection."""

    id: Id
    kind: Literal["pv", "battery", "hybrid", "evse", "generator"] = Field(description="What it is.")
    nameplate_w: float = Field(
        gt=0,
        le=1e9,
        description="Nameplate rating, regardless of any limit; what it can inject (`evse`: draw).",
        json_schema_extra=unit_of("W"),
    )
    controlled: bool = Field(
        default=True,
        description="`false`: not commanded, counted at nameplate. Else `profile`, `link` and `unit` are required.",
    )
    profile: Words | None = Field(default=None, description="Device profile; `pcs devices` lists them.")
    link: Words | None = Field(default=None, description="Address, as of a meter.")
    unit: Unit | None = Field(default=None, description="Modbus unit (device address); required with `link`.")
    connection: Literal["L1N", "L2N", "L3N", "L1L2", "L2L3", "L3L1", "L123"] | None = Field(
        default=None, description="Conductors that it is connected to; left out: all of the service."
    )
    point: Id = Field(default="poi", description="The point that it lies directly behind.")
    charge_w: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        description="The most that it can draw; left out: `nameplate_w` of a battery or hybrid, 0 of a source. "
        "0: it never charges from the AC side.",
        json_schema_extra=unit_of("W"),
    )
    charge_min_w: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        description="It draws nothing, or at least this; left out: 6 A per conductor for an `evse`, else 0.",
        json_schema_extra=unit_of("W"),
    )
    soc_min_pct: float = Field(
        default=_SOC_MIN_PCT,
        ge=0,
        le=100,
        description="Storage is not discharged below this state of charge.",
        json_schema_extra=unit_of("%"),
    )
    soc_max_pct: float = Field(
        default=_SOC_MAX_PCT,
        ge=0,
        le=100,
        description="Storage is not charged above this state of charge.",
        json_schema_extra=unit_of("%"),
    )
    absorbs: bool = Field(default=True, description="Storage may be told to charge before sources are curtailed.")
    supports: bool = Field(default=False, description="Storage may be told to discharge to hold an import limit.")
    failsafe_charge_w: float = Field(
        default=0.0,
        ge=0,
        le=1e9,
        description="What it may still draw in the safe state.",
        json_schema_extra=unit_of("W"),
    )
    priority: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Who gets the budget first, the lower number; left out: sources, then storage, then generators.",
    )
    fallback: dict[str, Any] | None = Field(default=None, description="What the device does without its controller.")


class PointBlock(Block):
    """A point besides `poi`, which is implied; or `poi` itself, where it has a rating or is a sum of meters."""

    id: Id
    kind: Literal["net", "conductor", "busbar"] = Field(
        default="net", description="How the DERs act on it; `busbar`: the meters measure its infeeds."
    )
    meter: list[SignedId] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description="Meters whose sum it is, `-` before those to subtract: `[poi, -sub]`; "
        "left out: the meter that names this point.",
    )
    parent: Id | None = Field(
        default=None, description="The point that it lies behind; left out: `poi`. What acts on it acts on that, too."
    )
    rating_a: float | None = Field(
        default=None,
        gt=0,
        le=1e5,
        description="Ampacity of each conductor or of the busbar, or rating of its overcurrent device.",
        json_schema_extra=unit_of("A"),
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
        json_schema_extra=unit_of("%/s"),
    )
    cycle_s: float = Field(
        default=_TUNING.cycle_s,
        ge=0.02,
        le=1,
        description="The controller decides at least this often.",
        json_schema_extra=unit_of("s"),
    )
    credited_min_load_w: float = Field(
        default=_TUNING.credited_min_load_w,
        ge=0,
        le=1e9,
        description="Host load that the safe state may count on. More than 0 needs evidence: 12 months' minimum.",
        json_schema_extra=unit_of("W"),
    )
    telemetry_poll_s: float = Field(
        default=_TUNING.telemetry_poll_s,
        ge=0.05,
        le=10,
        description="How often every DER is asked for its power.",
        json_schema_extra=unit_of("s"),
    )
    verify_s: float = Field(
        default=_TUNING.verify_s,
        ge=0.5,
        le=60,
        description="How often every DER is asked for the limit that it holds.",
        json_schema_extra=unit_of("s"),
    )


class SiteFile(Block):
    """A site: what there is, how it is reached, what must hold."""

    schema_: Literal["pcs.site/1"] = Field(alias="schema", description="Kind and version of this file: `pcs.site/1`.")
    site: SiteBlock = Field(description="The site itself.")
    meters: list[MeterBlock] = Field(min_length=1, max_length=16, description="Meters.")
    ders: list[DerBlock] = Field(min_length=1, max_length=64, description="Sources, batteries, chargers.")
    points: list[PointBlock] = Field(default=[], max_length=32, description="Further points; `poi` is implied.")
    preset: PresetChoice = Field(
        default=None,
        description="What the jurisdiction decides, `preset: uk-g100-2`, or a block; left out: nothing (`plain`).",
        json_schema_extra=OR_NAME,
    )
    limits: list[LimitBlock] = Field(
        default=[], max_length=32, description="What must hold; required without a mode of storage."
    )
    modes: ModesBlock = Field(default=ModesBlock(), description="Operating modes.")
    journal: JournalBlock = Field(default=JournalBlock(), description="Where the journal lies.")
    controller: ControllerBlock = Field(default=ControllerBlock(), description="Knobs; defaults suit most sites.")
    supervisor: SupervisorBlock | None = Field(
        default=None, description="The hard-limit supervisor and its relay, if there is one."
    )
