"""What can go wrong in a campaign, seam by seam: one table, which the scenario draws from and the judge reads.

A kind's `costs` says which declared detection time it adds to the response while it lasts; the seconds are in `Costs`,
from the design and the profiles. `Costs.UNDECLARED` are faults that nothing declares a detection time for (wiring that
is changed while the site runs): what they do to the flow is counted and not judged, the recovery after them is.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum

from hil.plant.wiring import MeterMode
from hil.rig.link_fault import LinkFault


class Seam(StrEnum):
    """Where it goes wrong."""

    LINK = "link"
    METER = "meter"
    DEVICE = "device"
    CLOCK = "clock"
    PROCESS = "process"
    DISK = "disk"


class Costs(Enum):
    """Whose declared detection time a fault adds (seconds in `tests.campaign.declared`)."""

    NOTHING = "nothing"
    METER_LOST = "meter counts as lost"
    DER_LOST = "DER counts as silent, unwritable or disobedient; the others make room"
    CAP_DROPPED = "cap found missing and written again"
    NOBODY = "nobody controls; then a start"
    UNDECLARED = "no detection time is declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way in which something fails. `longest_s`: how long it lasts at most; 0: a moment."""

    seam: Seam
    name: str
    costs: Costs
    longest_s: float = 20.0
    spoils_der: bool = False
    """While it lasts, and a while after, this DER cannot be counted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One fault of a run: from when, for how long (s), on what (a device's id, else empty), how much of it.

    `every`: of a link, 1 spoils each reply, n every n-th one. `frame` > 0: the one reply with this number alone.
    """

    kind: Kind
    at_s: float
    lasts_s: float
    on: str = ""
    amount: float = 0.0
    every: int = 1
    frame: int = 0

    @property
    def ends_s(self) -> float:
        """When it is over."""
        return self.at_s + self.lasts_s

    def __str__(self) -> str:
        where = f" on {self.on}" if self.on else ""
        some = f" (every {self.every})" if self.every > 1 else ""
        frame = f" (reply {self.frame})" if self.frame else ""
        amount = f" {self.amount:g}" if self.amount else ""
        return f"{self.kind.name}{amount}{some}{frame}{where} {self.at_s:.2f}-{self.ends_s:.2f} s"


ON_A_LINK = (*(f.value for f in LinkFault if f not in (LinkFault.OK, LinkFault.ECHO)), "down")
METER_LINK = tuple(Kind(seam=Seam.LINK, name=name, costs=Costs.METER_LOST) for name in ON_A_LINK)
DER_LINK = tuple(Kind(seam=Seam.LINK, name=name, costs=Costs.DER_LOST, spoils_der=True) for name in ON_A_LINK)

_LOST_MODES = (MeterMode.FROZEN, MeterMode.NAN, MeterMode.OPEN, MeterMode.SHORTED)
_WIRED_MODES = (
    *(MeterMode.OPEN_A, MeterMode.REVERSED, MeterMode.REVERSED_B, MeterMode.SWAPPED_AB, MeterMode.WRONG_PHASE),
    *(MeterMode.HALF, MeterMode.PARALLEL_A, MeterMode.LOST_TAP_B, MeterMode.LOST_NEUTRAL),
)
METER = (
    *(Kind(seam=Seam.METER, name=mode.value, costs=Costs.METER_LOST) for mode in _LOST_MODES),
    *(Kind(seam=Seam.METER, name=mode.value, costs=Costs.UNDECLARED) for mode in _WIRED_MODES),
    Kind(seam=Seam.METER, name="out_of_range", costs=Costs.METER_LOST),
    Kind(seam=Seam.METER, name="scale_factor", costs=Costs.METER_LOST),
    Kind(seam=Seam.METER, name="wrong_scale_factor", costs=Costs.UNDECLARED),
    Kind(seam=Seam.METER, name="averaging", costs=Costs.UNDECLARED),
    Kind(seam=Seam.METER, name="update", costs=Costs.UNDECLARED),
)
DEVICE = (
    Kind(seam=Seam.DEVICE, name="freeze_telemetry", costs=Costs.DER_LOST, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="disobey", costs=Costs.DER_LOST, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="restart", costs=Costs.CAP_DROPPED, longest_s=9.0, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="ignores_writes", costs=Costs.DER_LOST, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="clamps", costs=Costs.DER_LOST, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="telemetry_sign", costs=Costs.DER_LOST, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="telemetry_nan", costs=Costs.DER_LOST, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="telemetry_high", costs=Costs.DER_LOST, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="telemetry_low", costs=Costs.DER_LOST, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="reverts_now", costs=Costs.CAP_DROPPED, longest_s=0.0, spoils_der=True),
    Kind(seam=Seam.DEVICE, name="reverts_late", costs=Costs.NOTHING, longest_s=60.0),
    Kind(seam=Seam.DEVICE, name="writer_lower", costs=Costs.DER_LOST, longest_s=0.0),
    Kind(seam=Seam.DEVICE, name="writer_higher", costs=Costs.CAP_DROPPED, longest_s=0.0, spoils_der=True),
)
CLOCK = (
    Kind(seam=Seam.CLOCK, name="clock_step", costs=Costs.NOTHING),
    Kind(seam=Seam.CLOCK, name="clock_back", costs=Costs.NOTHING),
    Kind(seam=Seam.CLOCK, name="clock_drift", costs=Costs.NOTHING, longest_s=60.0),
    Kind(seam=Seam.CLOCK, name="unsynchronised", costs=Costs.NOTHING, longest_s=60.0),
)
PROCESS = (
    Kind(seam=Seam.PROCESS, name="kill", costs=Costs.NOBODY),
    Kind(seam=Seam.PROCESS, name="terminate", costs=Costs.NOBODY),
    Kind(seam=Seam.PROCESS, name="crash_before_write", costs=Costs.NOBODY, longest_s=10.0),
    Kind(seam=Seam.PROCESS, name="crash_after_write", costs=Costs.NOBODY, longest_s=10.0),
    Kind(seam=Seam.PROCESS, name="crash_at_read", costs=Costs.NOBODY, longest_s=10.0),
)
DISK = (
    Kind(seam=Seam.DISK, name="full", costs=Costs.NOTHING, longest_s=60.0),
    Kind(seam=Seam.DISK, name="read_only", costs=Costs.NOTHING, longest_s=60.0),
    Kind(seam=Seam.DISK, name="slow", costs=Costs.NOTHING, longest_s=60.0),
    Kind(seam=Seam.DISK, name="torn", costs=Costs.NOBODY, longest_s=10.0),
)
