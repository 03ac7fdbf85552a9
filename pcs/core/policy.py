"""What the core needs to know of a site, worked out once from the site file."""

from dataclasses import dataclass

from pcs.model.limit import Limit
from pcs.model.profile import DerTiming
from pcs.model.site import DerSpec, MeterSpec, Site, Tuning
from pcs.model.units import Band

UNKNOWN_PLANT = DerTiming(
    dead_time_s=Band(lo=0.0, hi=1.0), time_constant_s=Band(lo=0.05, hi=1.0), ramp_pct_s=20.0, telemetry_s=1.0
)
"""Assumed where a profile gives no band: covers the inverters of reference plant study section 3.1 that answer within
a few seconds; slower ones still hold the limit, with more undershoot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of one run: the point, who is controlled, which limits hold, and the controller's knobs.

    `controlled` keep their order everywhere: DER number i of the state is number i here.
    `uncontrolled_w` is the nameplate of sources that nobody controls; they count in the safe set (watts).
    """

    meter: MeterSpec
    controlled: tuple[DerSpec, ...]
    timings: tuple[DerTiming, ...]
    limits: tuple[Limit, ...]
    tuning: Tuning
    nominal_v: float
    phases: int
    nameplate_w: float
    uncontrolled_w: float


def policy_for(site: Site) -> Policy:
    """The policy of a site with one net point, the POI, and its meter (watts, seconds)."""
    controlled = tuple(d for d in site.ders if d.controlled)
    return Policy(
        meter=next(m for m in site.meters if m.point == "poi"),
        controlled=controlled,
        timings=tuple((d.profile.der if d.profile else None) or UNKNOWN_PLANT for d in controlled),
        limits=site.limits,
        tuning=site.tuning,
        nominal_v=site.nominal_v,
        phases={"wye": 3, "delta": 3, "split": 2, "single": 1}[site.system.value],
        nameplate_w=sum(d.nameplate_w for d in controlled),
        uncontrolled_w=sum(d.nameplate_w for d in site.ders if not d.controlled),
    )
