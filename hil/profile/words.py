"""The closed vocabulary of profiles: roles of a rig, verbs of a step, faults, channels, and what may be measured.

A runner implements these verbs and no others; a profile that needs another one needs a new schema version.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a piece of a rig is for."""

    AC_LOAD = "AcLoad"
    DC_SOURCE = "DcSource"
    GRID_SIM = "GridSim"
    POWER_METER = "PowerMeter"
    WAVEFORM = "Waveform"
    RELAY = "Relay"
    DUT_LINK = "DutLink"


ACTING = (Role.AC_LOAD, Role.DC_SOURCE, Role.GRID_SIM, Role.RELAY, Role.DUT_LINK)
"""Roles that do something; the others only look."""


class Verb(StrEnum):
    """What a step does. Signs are those of `pcs.model.units`."""

    SET_LOAD = "set_load"
    """Host load to `to` (W, consumption positive), on `phase` (total: shared over the conductors)."""
    SET_SOURCE = "set_source"
    """What the DC source of the DER under test can deliver, to `to` (W)."""
    SET_STORAGE = "set_storage"
    """What the storage is asked for by its owner, to `to` (W, injection positive): a wish that the limits bound."""
    SET_GRID = "set_grid"
    """The simulated Area EPS to `voltage` (pu of nominal) and `frequency` (Hz)."""
    SET_LIMIT = "set_limit"
    """The limit named by `limit` of the device under test to `to` (W, VA, A or pu of rating), `by` the installer."""
    SET_MODE = "set_mode"
    """The operating mode of the device under test, `mode`."""
    FAULT = "fault"
    """Make (`to: on`) or clear (`to: off`) the fault `kind`, by as much as `amount` where the kind has one."""
    SWITCH = "switch"
    """Control power of `of`, `to` on or off."""
    WAIT = "wait"
    """Nothing for `duration` (s)."""
    AWAIT_STEADY = "await_steady"
    """Until `channel` stays within `band` (a share of the rating) for `duration`; give up after `timeout`."""
    SAFE = "safe"
    """The rig's ordered safe state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """What a verb takes under one name: quantities in one of `units`, or one of `words`."""

    units: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    optional: bool = False


PHASES = ("total", "L1", "L2", "L3")
LIMITS = ("export_all", "export_ess", "import_ess", "import_site", "generation", "busbar", "conductor")
"""`generation`: limit maximum active power, a share of nameplate. The others are those of the design, section 5."""
MODES = ("unrestricted", "export_only", "import_only", "no_exchange")
SETTERS = ("installer", "remote")
"""Who sets a limit: the commissioned one, which is also the fallback, or a remote source with its heartbeat."""
REGIMES = ("g100-1", "g100-2")
"""What the device under test was commissioned for, where its own times or a lock-out follow from that: ENA EREC G100,
Issue 1 and Issue 2."""
POWERED = ("controller", "der", "gateway", "meter")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """A fault that a rig can make. `role` does it. `opens_ct`: made by hand it would open a live CT secondary."""

    text: str
    role: Role = Role.RELAY
    opens_ct: bool = False
    amount_unit: str = ""


FAULTS: dict[str, FaultKind] = {
    "sensor_open": FaultKind(text="a CT's signal is interrupted", opens_ct=True),
    "sensor_short": FaultKind(text="a CT's signal is short-circuited"),
    "meter_comms": FaultKind(text="the meter does not answer"),
    "der_comms": FaultKind(text="the DER does not answer"),
    "control_signal": FaultKind(text="the signal from the controller to the DER is interrupted"),
    "der_disobeys": FaultKind(text="the DER answers, and keeps to the limit that it had", role=Role.DUT_LINK),
    "heartbeat": FaultKind(text="the remote source of a limit falls silent", role=Role.DUT_LINK),
    "ct_reversed": FaultKind(text="a CT is turned round", opens_ct=True),
    "ct_swapped": FaultKind(text="two CTs sit on each other's conductor", opens_ct=True),
    "wrong_phase": FaultKind(text="every voltage tap is one conductor off"),
    "ct_one_of_parallel": FaultKind(text="one of two parallel conductors goes past the CT"),
    "ct_half_ratio": FaultKind(text="the ratio that is set is half of the CT's", role=Role.DUT_LINK),
    "tap_lost": FaultKind(text="a voltage tap of the meter has no contact"),
    "neutral_lost": FaultKind(text="the meter has lost its neutral"),
    "meter_frozen": FaultKind(text="the meter answers, but repeats itself", role=Role.DUT_LINK),
    "meter_averaging": FaultKind(text="the meter averages before it reports", role=Role.DUT_LINK, amount_unit="s"),
    "clock_jump": FaultKind(text="the controller's wall clock jumps", role=Role.DUT_LINK, amount_unit="s"),
    "controller_hang": FaultKind(text="the controller's process stops without ending", role=Role.DUT_LINK),
}

CHANNELS: dict[str, tuple[str, str]] = {
    "poi.import_w": ("W", "flow at the point, positive = import"),
    "poi.current_a": ("A", "RMS current of a conductor at the point"),
    "poi.voltage_v": ("V", "RMS voltage at the point"),
    "poi.frequency_hz": ("Hz", "frequency at the point"),
    "der.injection_w": ("W", "all DERs under test together, positive = generating or discharging"),
    "ess.injection_w": ("W", "the storage alone, positive = discharging"),
    "load.demand_w": ("W", "host load, positive"),
    "source.available_w": ("W", "what the DC source offers"),
    "bus.current_a": ("A", "sum of the infeeds of a conductor of the busbar"),
    "conductor.current_a": ("A", "RMS current of the conductor that is limited"),
    "limit.value": ("", "the limit as it was told, a magnitude in its own unit"),
    "fault.contact": ("", "1 while the fault is made: an auxiliary contact"),
    "power.contact": ("", "1 while control power is present: an auxiliary contact"),
}
"""What may be recorded, in which unit. Per conductor where `phases` of the record says so."""

VERBS: dict[Verb, tuple[Role | None, dict[str, Argument]]] = {
    Verb.SET_LOAD: (Role.AC_LOAD, {"to": Argument(units=("W",)), "phase": Argument(words=PHASES, optional=True)}),
    Verb.SET_SOURCE: (Role.DC_SOURCE, {"to": Argument(units=("W",))}),
    Verb.SET_STORAGE: (Role.DUT_LINK, {"to": Argument(units=("W",))}),
    Verb.SET_GRID: (
        Role.GRID_SIM,
        {"voltage": Argument(units=("pu",), optional=True), "frequency": Argument(units=("Hz",), optional=True)},
    ),
    Verb.SET_LIMIT: (
        Role.DUT_LINK,
        {
            "limit": Argument(words=LIMITS),
            "to": Argument(units=("W", "VA", "A", "pu")),
            "by": Argument(words=SETTERS, optional=True),
        },
    ),
    Verb.SET_MODE: (Role.DUT_LINK, {"mode": Argument(words=MODES)}),
    Verb.FAULT: (
        None,
        {
            "kind": Argument(words=tuple(FAULTS)),
            "to": Argument(words=("on", "off")),
            "phase": Argument(words=PHASES, optional=True),
            "amount": Argument(units=("s",), optional=True),
        },
    ),
    Verb.SWITCH: (Role.RELAY, {"of": Argument(words=POWERED), "to": Argument(words=("on", "off"))}),
    Verb.WAIT: (None, {"duration": Argument(units=("s",))}),
    Verb.AWAIT_STEADY: (
        None,
        {
            "channel": Argument(words=tuple(CHANNELS)),
            "band": Argument(units=("pu",)),
            "duration": Argument(units=("s",)),
            "timeout": Argument(units=("s",)),
        },
    ),
    Verb.SAFE: (None, {}),
}
"""What each verb takes, and the role that does it (None: it depends on the fault, or nobody has to)."""


class Measure(StrEnum):
    """What a response is measured for: the fields of `hil.analysis.result.Measurement`, under the same names."""

    OLRT = "olrt_s"
    T90_FROM_EXTREME = "t90_from_extreme_s"
    OLRT_JUDGED = "olrt_judged_s"
    BACK_UNDER_LIMIT = "back_under_limit_s"
    SETTLING_2 = "settling_2pct_s"
    SETTLING_5 = "settling_5pct_s"
    OVERSHOOT = "overshoot_pct"
    INITIAL = "initial_value"
    EXTREME = "extreme_value"
    FINAL = "final_value"
    PEAK_EXCESS = "peak_excess_value"
    INADVERTENT = "inadvertent_value"
    DEAD_TIME = "dead_time_s"
    LAG = "lag_s"


class ResponseKind(StrEnum):
    """Whose movement answers the stimulus."""

    DER_OUTPUT = "der_output"
    """The output of the DER, from its value before the step: the literal definition."""
    REFERENCE_POINT = "reference_point"
    """The flow at the point that is limited, from its post-step extreme: a DER that sleeps does not pass."""


class Provenance(StrEnum):
    """Where a number comes from."""

    STANDARD = "standard"
    """From the text of a standard that the reader owns; this project's own files have none of these."""
    PUBLIC = "public"
    """From a public source, which is named with its evidence tag."""
    PROJECT_DEFAULT = "project default"
    """Nobody has published one, or it is a matter of the bench; the reason is given."""
    DEVICE = "device under test"
    """A rating of the device under test, from the rig's sheet."""
