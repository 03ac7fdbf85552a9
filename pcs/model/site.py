"""A site as its file describes it, parsed and complete: what there is, how it is reached, what must hold."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pcs.model.limit import Limit, Scope
from pcs.model.preset import PLAIN, Preset
from pcs.model.profile import DeviceProfile

if TYPE_CHECKING:
    from pcs.model.supervisor import SupervisorSpec


class System(StrEnum):
    """The electrical service."""

    SINGLE = "single"
    SPLIT = "split"
    WYE = "wye"
    DELTA = "delta"


class DerKind(StrEnum):
    """What kind of DER a unit is."""

    PV = "pv"
    BATTERY = "battery"
    HYBRID = "hybrid"
    EVSE = "evse"
    GENERATOR = "generator"


STORAGE = (DerKind.BATTERY, DerKind.HYBRID)
"""Kinds that count as energy storage (ESS). A hybrid is one AC port: all it injects counts as storage's."""


class PointKind(StrEnum):
    """How DERs act on the flow at a point (DESIGN section 5)."""

    NET = "net"
    CONDUCTOR = "conductor"
    BUSBAR = "busbar"


class MeterSign(StrEnum):
    """What positive means in a meter's registers. Control never starts on `LEARN`."""

    IMPORT_POSITIVE = "import+"
    EXPORT_POSITIVE = "export+"
    LEARN = "learn"


class LinkKind(StrEnum):
    """How frames travel: Modbus TCP, RTU frames through a TCP gateway, or RTU frames on a serial port."""

    TCP = "tcp"
    RTU_OVER_TCP = "rtu+tcp"
    SERIAL = "serial"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAddress:
    """Where a device is reached: `host` and `port`, or a serial `device` and how it is set.

    One connection serves all units behind an address. `parity` is N, E or O; a character has 8 data bits.
    """

    host: str = ""
    port: int = 502
    kind: LinkKind = LinkKind.TCP
    device: str = ""
    baud: int = 9600
    parity: str = "N"
    stopbits: int = 1

    def __str__(self) -> str:
        if self.kind is LinkKind.SERIAL:
            parity = "" if self.parity == "N" else f"&parity={self.parity}"
            stopbits = "" if self.stopbits == 1 else f"&stopbits={self.stopbits}"
            return f"serial://{self.device}?baud={self.baud}{parity}{stopbits}"
        host = f"[{self.host}]" if ":" in self.host else self.host  # IPv6
        return f"{self.kind.value}://{host}:{self.port}"

    @property
    def place(self) -> str:
        """The thing that only one connection can own, however it is set: the port, or host and port."""
        return self.device or f"{self.host}:{self.port}"

    @property
    def character_s(self) -> float:
        """Time of one character on a serial line: start bit, 8 data bits, parity bit, stop bits."""
        return (9 + (self.parity != "N") + self.stopbits) / self.baud


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentTransformer:
    """The CTs of a meter: ratio applied to the registers, accuracy class in percent, phase error in degrees."""

    ratio: float = 1.0
    class_pct: float = 0.0
    phase_error_deg: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSpec:
    """One meter. `update_s` and `averaging_s` override the profile; `class_pct` is the meter's own accuracy class."""

    id: str
    profile: DeviceProfile
    link: LinkAddress
    unit: int
    point: str
    sign: MeterSign = MeterSign.IMPORT_POSITIVE
    ct: CurrentTransformer = CurrentTransformer()
    class_pct: float = 1.0
    creep_w: float = 0.0
    """Below this power the meter shows zero."""
    update_s: float | None = None
    averaging_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """A point and the meters whose signed sum is its flow (import positive).

    `parent` is the point that it lies behind: what acts on a point acts on its parents, too. `rating_a` is the ampacity
    of its conductors or busbar, or the rating of its overcurrent device, per conductor.
    """

    id: str
    kind: PointKind = PointKind.NET
    meters: tuple[tuple[str, int], ...] = ()
    """(meter id, +1 or -1)."""
    parent: str | None = None
    rating_a: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DerSpec:
    """One DER. An uncontrolled one may have no profile and no link; it counts at nameplate where it is not measured.

    `charge_w` is the most that it can draw (battery: charge rating; EVSE: its nameplate), `nameplate_w` the most that
    it can inject (EVSE: nothing). `soc_min_pct` and `soc_max_pct` bound the state of charge: below the first it is not
    discharged, above the second not charged. `absorbs`: it may be told to charge before PV is curtailed; `supports`: it
    may be told to discharge to hold an import limit. `failsafe_charge_w`: what a controlled load may draw in the safe
    state. `priority`: who gets the budget first, the lower number wins; None: PV before storage before generators.
    """

    id: str
    kind: DerKind
    nameplate_w: float
    profile: DeviceProfile | None = None
    link: LinkAddress | None = None
    unit: int = 1
    controlled: bool = True
    connection: str | None = None
    point: str = "poi"
    charge_w: float = 0.0
    charge_min_w: float = 0.0
    """A charger draws nothing, or at least this (EVSE: 6 A by IEC 61851)."""
    ampere_w: float = 0.0
    """What one ampere on each of its conductors carries at nominal volts; 0: not known."""
    soc_min_pct: float = 0.0
    soc_max_pct: float = 100.0
    absorbs: bool = True
    supports: bool = False
    failsafe_charge_w: float = 0.0
    priority: int | None = None

    @property
    def is_storage(self) -> bool:
        """Whether limits of scope `ess` are about it."""
        return self.kind in STORAGE

    @property
    def most_w(self) -> float:
        """The most that it can inject (W)."""
        return 0.0 if self.kind is DerKind.EVSE else self.nameplate_w

    @property
    def least_w(self) -> float:
        """The least that it can inject (W, <= 0): minus what it can draw."""
        return -self.charge_w

    def concerns(self, scope: Scope) -> bool:
        """Whether a limit of this scope may act on it."""
        return scope is Scope.ALL or self.is_storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The controller's own knobs, with the defaults of DESIGN section 5.

    `release_slew_pct_s`: how fast caps rise, percent of nameplate per second (restriction is never slewed).
    `cycle_s`: the step runs at least this often. `credited_min_load_w`: host load that the safe state may count on.
    """

    release_slew_pct_s: float = 30.0
    cycle_s: float = 0.1
    credited_min_load_w: float = 0.0
    telemetry_poll_s: float = 0.2
    """How often a DER is asked for its power."""
    verify_s: float = 2.0
    """How often a DER is asked for the limit it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The whole site file."""

    name: str
    timezone: str
    system: System
    nominal_v: float
    meters: tuple[MeterSpec, ...]
    ders: tuple[DerSpec, ...]
    limits: tuple[Limit, ...]
    points: tuple[PointSpec, ...] = ()
    """Further points, and `poi` where the file describes it; empty: `poi` alone, with its meter."""
    journal_dir: str
    """Absolute, or relative to the site file's folder; already resolved."""
    tuning: Tuning = Tuning()
    digest: str = ""
    """SHA-256 of the file's bytes: which configuration this is."""
    preset: Preset = PLAIN
    """What the jurisdiction decides: times, excursions that lock out, fallbacks."""
    supervisor: "SupervisorSpec | None" = None
    """The hard-limit supervisor, a process of its own; the controller only says whether there is one."""
