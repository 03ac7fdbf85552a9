"""What the shell hands to the core: observations of devices, each with the times that bound it."""

from dataclasses import dataclass

from pcs.model.fault import Fault
from pcs.model.lockout import Who


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """One poll of a meter. Whether it holds a *new* measurement is for the core to decide from `words`.

    `import_w` is the total as the meter states it, sign already turned to import-positive and CT ratio applied;
    `phase_import_w` and `phase_current_a` are per phase, empty where the meter has none. `words` are the raw register
    bytes of everything read (the liveness channel: measurements jitter, a dead meter repeats itself).
    """

    meter_id: str
    import_w: float
    phase_import_w: tuple[float, ...] = ()
    phase_current_a: tuple[float, ...] = ()
    phase_voltage_v: tuple[float, ...] = ()
    phase_import_var: tuple[float, ...] = ()
    frequency_hz: float | None = None
    resolution_w: float = 1.0
    words: bytes = b""
    sent_s: float
    received_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DerReading:
    """One poll of a DER's telemetry. `injection_w` None: the device answers but does not say its power."""

    der_id: str
    injection_w: float | None
    soc_pct: float | None = None
    words: bytes = b""
    sent_s: float
    received_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReadback:
    """What a DER says of its own limit. `limit_w` None: no limit in force.

    `reversion_limit_w` is what an armed timer will fall back to (None: to no limit, or no timer), and
    `reversion_charge_limit_w` the same of its draw;
    `reversion_s` is the armed time (0 or None: not armed), `remaining_s` what is left of it. `charge_limit_w` and
    `setpoint_w` are what bounds its draw and what it tracks (None: nothing in force).
    """

    der_id: str
    limit_w: float | None
    charge_limit_w: float | None = None
    setpoint_w: float | None = None
    reversion_limit_w: float | None = None
    reversion_charge_limit_w: float | None = None
    reversion_s: float | None = None
    remaining_s: float | None = None
    sent_s: float
    received_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitApplied:
    """A command was written, read back and found equal; the values are what the device now holds, after rounding."""

    der_id: str
    limit_w: float
    charge_limit_w: float | None = None
    setpoint_w: float | None = None
    sent_s: float
    received_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFailed:
    """A limit could not be written, or reads back otherwise: whether the device took it is not known."""

    der_id: str
    limit_w: float
    charge_limit_w: float | None = None
    setpoint_w: float | None = None
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class DerIdentified:
    """A DER was identified; ratings are frozen here for the whole run (an inverter may report 0 W at night).

    `rating_w` is the 100 % of the device's own limit register, `resolution_w` the smallest step of that register.
    `rating_source` says where the rating comes from, and why, when the device's own figure was not believed.
    `reverts_safe`: its timer can fall back to a chosen value. `found` is the limit it held when it was met and
    `found_is_own` whether our journal or the armed reversion value explains that limit. `charge_rating_w`: the most
    that it can draw (0: it cannot). `bounds_charge`: it has a limit for its draw that leaves its own wish free inside;
    without one its draw is bounded by a set point. `takes_setpoint`: it can be told what to inject or draw.
    `charge_resolution_w`: the smallest step of either. `foreign_w`, `foreign_charge_w`: lower limits that somebody else
    left on it before this process began, and that nobody released (W; None: none are remembered).
    """

    der_id: str
    manufacturer: str
    model: str
    serial: str
    firmware: str
    variant: str
    rating_w: float
    rating_source: str = ""
    resolution_w: float
    charge_rating_w: float = 0.0
    charge_resolution_w: float = 1.0
    bounds_charge: bool = False
    takes_setpoint: bool = False
    reverts_safe: bool
    found: LimitReadback
    found_is_own: bool
    foreign_w: float | None = None
    foreign_charge_w: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterIdentified:
    """A meter was identified. `has_liveness`: it reports volts or hertz, which never stand still on a live grid."""

    meter_id: str
    manufacturer: str
    model: str
    serial: str
    firmware: str
    variant: str
    phases: int
    has_liveness: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsInForce:
    """What every limit of the site is now, in the order of the site file; told at the start and at each change.

    `values`: None where a limit does not hold now. `sources` say where each value comes from ("site file", "schedule:
    summer evenings"). `trusted`: the clock could be trusted; if not, the tightest entries of all schedules hold.
    `next_change_utc_s`: when the next change is due, None without one.
    """

    values: tuple[float | None, ...]
    sources: tuple[str, ...]
    trusted: bool = True
    next_change_utc_s: float | None = None
    sent_s: float
    received_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutReset:
    """Somebody asks for the end of a lock-out, as `who` they say they are; nobody proves it in this version."""

    who: Who
    sent_s: float
    received_s: float


Observation = (
    MeterIdentified
    | MeterReading
    | DerIdentified
    | DerReading
    | LimitReadback
    | LimitApplied
    | LimitFailed
    | LimitsInForce
    | LockoutReset
    | Fault
)
"""All that one step may be told. A bare `Fault` is a read or an identification that came to nothing."""
