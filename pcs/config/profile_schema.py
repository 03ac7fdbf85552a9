"""A device profile as a schema: `firmware_config/VENDOR/MODEL.yaml`, kind `pcs.profile/1`."""

from typing import Annotated, Literal, cast

from pydantic import Field

from pcs.config.register_schema import LimitRegistersBlock, RegistersBlock
from pcs.config.schema import Block, Words
from pcs.model.profile import LinkTiming

_LATE_WINDOW_S = cast(float, LinkTiming.__dataclass_fields__["late_window_s"].default)
Seconds = Annotated[float, Field(ge=0, le=3600)]


class LinkBlock(Block):
    """How long one request may take."""

    deadline_s: float = Field(gt=0, le=10, description="Longest wait for one reply, seconds.")
    min_gap_s: float = Field(default=0.0, ge=0, le=10, description="Pause that the unit needs before each request.")
    late_window_s: float = Field(
        default=_LATE_WINDOW_S,
        gt=0,
        le=10,
        description="Serial bus: how long after a request its reply may still come, seconds.",
    )
    broadcast: bool = Field(default=False, description="Serial bus: the unit obeys writes to unit 0.")


class BandBlock(Block):
    """The fastest and the slowest plant that the profile vouches for."""

    fast: Seconds = Field(description="Fastest, seconds.")
    slow: Seconds = Field(description="Slowest, seconds.")


class TimingBlock(Block):
    """How a meter updates (first two keys) or how a DER moves (the others)."""

    update_s: float | None = Field(default=None, gt=0, le=60, description="Update period; null: identified.")
    averaging_s: float | None = Field(default=None, ge=0, le=60, description="Averaging; null: one update period.")
    dead_time_s: BandBlock | None = Field(default=None, description="From the written limit to the first movement.")
    time_constant_s: BandBlock | None = Field(default=None, description="First-order lag after the dead time.")
    ramp_pct_s: float | None = Field(default=None, gt=0, le=1e6, description="Slowest ramp, % of nameplate per second.")
    telemetry_s: float | None = Field(default=None, gt=0, le=600, description="Age of telemetry when it is read.")


class LimitActionBlock(Block):
    """How an active-power limit is written, and what becomes of it without a controller."""

    persistence: Literal["volatile", "eeprom", "unknown"] = Field(description="Where the written register lives.")
    refresh_s: Seconds = Field(description="Written again at least this often; 0: never needed.")
    fallback: Literal["safe", "open", "hold"] = Field(
        description="Without its controller the device tightens (safe), drops (open) or keeps (hold) the limit."
    )
    reversion_s: float | None = Field(
        default=None, gt=0, le=86_400, description="What the device's own timer is armed with; null: never armed."
    )
    registers: LimitRegistersBlock | None = Field(
        default=None, description="Protocol modbus: the points that carry the limit."
    )


class ProfileFile(Block):
    """What is known of a device model, and on which evidence."""

    schema_: Literal["pcs.profile/1"] = Field(alias="schema", description="Kind and version of this file.")
    title: Words = Field(description="What the installer sees.")
    kind: Literal["meter", "inverter", "evse"] = Field(description="What the device is.")
    protocol: Literal["sunspec", "modbus"] = Field(
        description="How its registers are found: by the SunSpec walk, or in `registers`."
    )
    evidence: Literal["unverified", "trace", "bench", "field"] = Field(description="How well the facts are proven.")
    sources: list[Words] = Field(min_length=1, max_length=32, description="Documents with revision, page or commit.")
    link: LinkBlock = Field(description="Deadlines.")
    timing: TimingBlock = Field(description="Behaviour in time.")
    limits: dict[str, LimitActionBlock] | None = Field(
        default=None, max_length=16, description="Limit actions by variant (SunSpec: number of the control model)."
    )
    registers: RegistersBlock | None = Field(default=None, description="Protocol modbus: the register map.")
