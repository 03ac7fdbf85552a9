"""What a device profile says of a device model: facts as data, with the evidence they rest on."""

from dataclasses import dataclass
from enum import StrEnum

from pcs.model.registers import LimitRegisters, RegisterMap
from pcs.model.units import Band


class Evidence(StrEnum):
    """How well the facts of a profile are proven, weakest first."""

    UNVERIFIED = "unverified on hardware"
    TRACE = "trace"
    BENCH = "bench"
    FIELD = "field"


class Persistence(StrEnum):
    """Where a written register lives. Only volatile registers may be written in a loop."""

    VOLATILE = "volatile"
    EEPROM = "eeprom"
    UNKNOWN = "unknown"


class FallbackDirection(StrEnum):
    """What a device does when its controller is gone: tighten (safe), drop the limit (open) or keep it (hold)."""

    SAFE = "safe"
    OPEN = "open"
    HOLD = "hold"


class DeviceKind(StrEnum):
    """What a profile describes."""

    METER = "meter"
    INVERTER = "inverter"
    BATTERY = "battery"
    EVSE = "evse"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterTiming:
    """How a meter updates: period of its registers and averaging window, seconds.

    `update_s` None means: identify it from the registers while the site is still in its safe state.
    `averaging_s` None means: one update period.
    """

    update_s: float | None
    averaging_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DerTiming:
    """The band of plant behaviour that a profile vouches for; `lo` is the fastest, `hi` the slowest plant.

    Dead time and first-order time constant in seconds. `ramp_pct_s` is the slowest ramp in percent of nameplate per
    second. `telemetry_s` is how old a telemetry value may be when it is read.
    """

    dead_time_s: Band
    time_constant_s: Band
    ramp_pct_s: float
    telemetry_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitAction:
    """How the active-power limit of a device is written."""

    persistence: Persistence
    refresh_s: float
    """Re-assert at least this often; 0 = never needed."""
    fallback: FallbackDirection
    reversion_s: float | None
    """What the device's own timer is armed with; None = never armed, because it would drop the limit."""
    registers: LimitRegisters | None = None
    """Protocol modbus: the points that carry the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTiming:
    """Deadlines of one request, seconds, and the gap that the unit needs before each.

    `late_window_s`: how long after a request its reply may still come on a serial bus (DESIGN section 6: 0.5 s where
    nothing is known). `broadcast`: the unit obeys writes to unit 0.
    """

    deadline_s: float
    min_gap_s: float = 0.0
    late_window_s: float = 0.5
    broadcast: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """One profile of `firmware_config/`, parsed. `id` is "vendor/model"."""

    id: str
    title: str
    kind: DeviceKind
    protocol: str
    evidence: Evidence
    sources: tuple[str, ...]
    link: LinkTiming
    meter: MeterTiming | None = None
    der: DerTiming | None = None
    limits: dict[str, LimitAction] | None = None
    """Limit actions by variant; for SunSpec the variant is the number of the control model: "123", "704"."""
    registers: RegisterMap | None = None
    """Protocol modbus: the register map."""
