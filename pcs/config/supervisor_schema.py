"""The part of a site file that describes the hard-limit supervisor: what it watches, and the relay that it feeds."""

from typing import Literal, cast

from pydantic import Field

from pcs.config.blocks import Block, Id, Unit, Words, unit_of
from pcs.model.supervisor import Rearm, SupervisorSpec


def _default_s(name: str) -> float:
    return cast(float, SupervisorSpec.__dataclass_fields__[name].default)


class GpioBlock(Block):
    """A line of a GPIO chip of the gateway."""

    chip: Words = Field(default="/dev/gpiochip0", description="The chip's device file.")
    line: int = Field(ge=0, le=1023, description="Number of the line on the chip; `gpioinfo` lists them.")
    active_low: bool = Field(default=False, description="`true`: the line is active at the level 0.")


class SupervisorMeterBlock(Block):
    """A meter at `poi` that only the supervisor reads."""

    profile: Words = Field(description="Device profile, as of a meter.")
    link: Words = Field(description="Address, as of a meter. A serial port has one owner: not one of the controller's.")
    unit: Unit = Field(description="Modbus unit (device address).")
    sign: Literal["import+", "export+"] = Field(default="import+", description="What a positive reading means.")
    ct_ratio: float = Field(default=1.0, gt=0, le=10_000, description="Factor applied to its power.")
    update_s: float | None = Field(
        default=None, gt=0, le=60, description="How often it renews its registers.", json_schema_extra=unit_of("s")
    )


class WatchBlock(Block):
    """A flow at `poi` that may not last. All of `limit_w` + `tolerance_w` is allowed for ever, more for `delay_s`."""

    direction: Literal["export", "import"] = Field(description="Which way the flow goes.")
    limit_w: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        description="Left out: the tightest of the limits in W at `poi`, each at its loosest time.",
        json_schema_extra=unit_of("W"),
    )
    tolerance_w: float = Field(
        gt=0, le=1e9, description="What its meter and CTs may be wrong by, and more.", json_schema_extra=unit_of("W")
    )
    delay_s: float | None = Field(
        default=None,
        gt=0,
        le=3600,
        description="How long it may last; left out: `correct_within_s` of that limit. Never shorter than the response "
        "that `pcs check` predicts.",
        json_schema_extra=unit_of("s"),
    )


class RelayBlock(Block):
    """The relay, energised to run. Either `gpio` (pulses for a charge pump or monostable) or `board` (Modbus)."""

    gpio: GpioBlock | None = Field(default=None, description="The output that pulses.")
    pulse_hz: float = Field(
        default=10.0, ge=0.5, le=20, description="Pulses per second at `gpio`.", json_schema_extra=unit_of("Hz")
    )
    board: Words | None = Field(default=None, description="Address of a relay board with a time of its own.")
    unit: Unit | None = Field(default=None, description="Modbus unit of the board.")
    relay: int = Field(default=1, ge=1, le=32, description="Which relay of the board, from 1.")
    hold_s: float = Field(
        ge=0.1,
        le=60,
        description="How long it stays closed without a pulse: of the charge pump, as measured; of the board, as told.",
        json_schema_extra=unit_of("s"),
    )


class FeedbackBlock(Block):
    """What reads the contact back: an auxiliary contact at a line of the gateway or at an input of the board."""

    gpio: GpioBlock | None = Field(default=None, description="The line.")
    input: int | None = Field(default=None, ge=1, le=32, description="The board's input, from 1.")
    closed_when: Literal["active", "inactive"] = Field(
        default="active", description="What the input shows while the contact is closed."
    )


class RearmBlock(Block):
    """How a trip ends besides by a person (`pcs supervise SITE.yaml --rearm`)."""

    after_s: float = Field(
        ge=10,
        le=86_400,
        description="So long after the trip, once all is well again.",
        json_schema_extra=unit_of("s"),
    )
    most: int = Field(default=Rearm().most, ge=1, le=100, description="At most so often within `within_s`.")
    within_s: float = Field(
        default=Rearm().within_s,
        ge=60,
        le=31_536_000,
        description="Time over which it is counted.",
        json_schema_extra=unit_of("s"),
    )


class SupervisorBlock(Block):
    """The hard-limit supervisor, a process of its own: `pcs supervise`. Sensing is one of the first three keys."""

    meter: SupervisorMeterBlock | None = Field(default=None, description="A meter of its own.")
    same_as: Id | None = Field(
        default=None, description="A meter of the controller that it reads, too: its sensing is then not independent."
    )
    contact: GpioBlock | None = Field(
        default=None, description="A dry contact of a protection relay, active while all is well."
    )
    watch: list[WatchBlock] = Field(default=[], max_length=2, description="Flows; required with a meter.")
    relay: RelayBlock = Field(description="The relay.")
    feedback: FeedbackBlock | None = Field(default=None, description="What reads its contact back; see below.")
    missing_s: float = Field(
        default=_default_s("missing_s"),
        ge=0.5,
        le=600,
        description="It trips after so long without data.",
        json_schema_extra=unit_of("s"),
    )
    frozen_s: float = Field(
        default=_default_s("frozen_s"),
        ge=1,
        le=3600,
        description="It trips after so long without a change in any word of the meter.",
        json_schema_extra=unit_of("s"),
    )
    implausible_s: float = Field(
        default=_default_s("implausible_s"),
        ge=0.5,
        le=600,
        description="It trips after so long of impossible data: no number, more than `most_w`, no voltage.",
        json_schema_extra=unit_of("s"),
    )
    clear_s: float = Field(
        default=_default_s("clear_s"),
        ge=0,
        le=60,
        description="Flow must be inside for so long before an excursion is over.",
        json_schema_extra=unit_of("s"),
    )
    settle_s: float = Field(
        default=_default_s("settle_s"),
        ge=1,
        le=600,
        description="The relay closes after so long of good data in a row.",
        json_schema_extra=unit_of("s"),
    )
    most_w: float | None = Field(
        default=None,
        gt=0,
        le=1e9,
        description="No flow is larger; left out: ten times the nameplate ratings of all DERs.",
        json_schema_extra=unit_of("W"),
    )
    rearm: RearmBlock | None = Field(default=None, description="Left out: only a person ends a trip.")
