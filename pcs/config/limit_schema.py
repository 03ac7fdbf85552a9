"""The part of a site file that says what must hold and when: limits, their schedules, operating modes."""

from typing import Literal, cast

from pydantic import Field

from pcs.config.blocks import Block, Day, Id, Mode, MonthDay, TimeOfDay, Words, unit_of
from pcs.model.limit import Limit

_CORRECT_WITHIN_S = cast(float, Limit.__dataclass_fields__["correct_within_s"].default)


class SpanBlock(Block):
    """When an entry of a schedule holds, in the site's local time. All keys are optional: none means always."""

    from_: TimeOfDay = Field(default="00:00", alias="from", description="Time of day when it begins, `HH:MM`.")
    to: TimeOfDay = Field(
        default="24:00", description="Time of day when it ends; not later than `from`: on the next day."
    )
    days: list[Day] | None = Field(
        default=None,
        min_length=1,
        max_length=7,
        description="Days on which it begins, `[mon, fri]`; left out: every day.",
    )
    first_day: MonthDay | None = Field(
        default=None, description="First day of the season, `MM-DD`; given with `last_day`."
    )
    last_day: MonthDay | None = Field(
        default=None, description="Last day of the season, included; before `first_day`: in the next year."
    )
    name: Words = Field(default="", description="What people call it.")
    priority: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Which entry wins where two overlap, the lower number; with the same number the tighter.",
    )


class WindowBlock(SpanBlock):
    """One entry of a limit's schedule. Outside all entries the limit's own `value` holds, or none without it."""

    value: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        description="The limit while the entry lasts.",
        json_schema_extra=unit_of("W (VA, A)"),
    )
    unlimited: bool = Field(default=False, description="`true` in place of `value`: no limit while the entry lasts.")


class LimitBlock(Block):
    """An upper bound on the flow at a point. Several limits may stand; the tightest binds."""

    point: Id = Field(default="poi", description="Where it holds.")
    direction: Literal["export", "import"] = Field(description="Which way the limited flow goes.")
    quantity: Literal["w", "va", "a"] = Field(default="w", description="What is limited; `value` has its unit.")
    value: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        description="The limit, a magnitude; 0 allows none at all. Required without a schedule.",
        json_schema_extra=unit_of("W (VA, A)"),
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
        json_schema_extra=unit_of("s"),
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        description="Distance kept from the limit; left out: computed from meter class, CT class and resolution.",
        json_schema_extra=unit_of("W"),
    )
    source: Words = Field(default="site file", description="Document that sets it, shown by `explain` and reports.")
    priority: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Which limit wins where two conflict, the lower number; "
        "left out: conductor and thermal, export, import.",
    )
    accounting: Literal["poi", "der_subpanel"] = Field(
        default="poi",
        description="What storage may charge from under `import` of scope `ess`: what local sources leave over after "
        "the host load (`poi`), or all that they make (`der_subpanel`).",
    )
    schedule: list[WindowBlock] = Field(
        default=[], max_length=64, description="Other values at certain times; see below."
    )


class ModeWindowBlock(SpanBlock):
    """One entry of the schedule of a mode."""

    ess: Mode = Field(description="The mode while the entry lasts.")


class ModesBlock(Block):
    """Operating modes of storage: short for limits of scope `ess` with the value 0."""

    ess: Mode | None = Field(
        default=None,
        description="What storage may exchange with the utility at `poi`: `import_only`: no export; `export_only`: "
        "no import; `no_exchange`: neither; `unrestricted`: both.",
    )
    accounting: Literal["poi", "der_subpanel"] = Field(
        default="poi", description="As in `limits`, for the limit on charging."
    )
    correct_within_s: float = Field(
        default=_CORRECT_WITHIN_S, gt=0, le=3600, description="As in `limits`.", json_schema_extra=unit_of("s")
    )
    schedule: list[ModeWindowBlock] = Field(
        default=[], max_length=64, description="Other modes at certain times: entries as in `limits`, with `ess`."
    )
