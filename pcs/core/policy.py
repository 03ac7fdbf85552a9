"""What the core needs to know of a site, worked out once: who is controlled, and which lines hold."""

from dataclasses import dataclass

from pcs.core.dispatch import Grid, grid
from pcs.core.service import CONDUCTORS, shares
from pcs.model.limit import Basis, Direction, Limit, Quantity, Scope
from pcs.model.lockout import LockoutRules
from pcs.model.preset import METER_CLASS, Tolerance
from pcs.model.profile import DerTiming
from pcs.model.site import DerKind, DerSpec, MeterSpec, PointKind, PointSpec, Site, System, Tuning
from pcs.model.units import Band

UNKNOWN_PLANT = DerTiming(
    dead_time_s=Band(lo=0.0, hi=1.0), time_constant_s=Band(lo=0.05, hi=1.0), ramp_pct_s=20.0, telemetry_s=1.0
)
"""Assumed where a profile gives no band: covers the inverters of reference plant study section 3.1 that answer within
a few seconds; slower ones still hold the limit, with more undershoot."""
DEFAULT_ORDER = {DerKind.PV: 0, DerKind.HYBRID: 1, DerKind.BATTERY: 2, DerKind.EVSE: 2, DerKind.GENERATOR: 3}
"""Who gets a budget first: the sun cannot wait, storage can, and fuel is saved (DESIGN section 5, dispatch)."""
RANK_STEP = 1000
"""Default ranks lie between the priorities 0 to 100 that a site file may give and each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One inequality that must hold: ``sum(weights * z) <= budget`` with z = sign * injection (DESIGN section 5).

    A limit becomes one line for the total, or one for each conductor (`phase` 0, 1, 2). `sign` is +1 where injection
    is bounded (export) and -1 where its opposite is, the draw (import). `weights` says how many watts of this channel
    one watt of each controlled DER moves; 0: the limit does not act on it. `meter_signs` are the meters of the point,
    by number. `uncontrolled_w`: what sources that nobody controls can put on it; `size_w`: what all that is bounded
    can; `rank`: which line wins when two contradict each other, the lower number first.
    """

    limit_number: int
    limit: Limit
    point: PointSpec
    phase: int | None
    sign: float
    weights: tuple[float, ...]
    members: tuple[int, ...]
    meter_signs: tuple[tuple[int, int], ...]
    uncontrolled_w: float
    size_w: float
    rank: int

    @property
    def name(self) -> str:
        """What people call it, with its conductor."""
        return self.limit.name if self.phase is None else f"{self.limit.name}, L{self.phase + 1}"

    @property
    def is_ess(self) -> bool:
        """Whether it bounds storage alone: its budget is never below nothing."""
        return self.limit.scope is Scope.ESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """A busbar: its infeeds may not exceed its rating on any conductor (DESIGN section 5, points).

    `weights[k]`: amperes on each conductor per watt of controlled DER number k at nominal voltage.
    """

    point: PointSpec
    rating_a: float
    weights: tuple[tuple[float, ...], ...]
    members: tuple[int, ...]
    meter_signs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of one run: meters, who is controlled, which lines hold, and the controller's knobs.

    `controlled` keep their order everywhere: DER number i of the state is number i here; so do `meters`, `limits` and
    `lines`. `orders` say who gets a budget first. `behind` gives the DERs behind each meter (all controlled ones), for
    the wiring check; empty where a meter does not measure a point by itself.
    """

    meters: tuple[MeterSpec, ...]
    controlled: tuple[DerSpec, ...]
    timings: tuple[DerTiming, ...]
    orders: tuple[int, ...]
    limits: tuple[Limit, ...]
    lines: tuple[Line, ...]
    buses: tuple[Bus, ...]
    behind: tuple[tuple[int, ...], ...]
    up: Grid
    """The DERs on the lines that bound injection, in their order."""
    down: Grid
    """The same for those that bound the draw."""
    tuning: Tuning
    nominal_v: float
    system: System
    phases: int
    nameplate_w: float
    uncontrolled_w: float
    tolerance: Tolerance = METER_CLASS
    """How far beyond a limit is no excursion yet."""
    lockout: LockoutRules | None = None
    """Which excursions lock out; None: none."""


def policy_for(site: Site) -> Policy:
    """The policy of a site (watts, seconds)."""
    controlled = tuple(d for d in site.ders if d.controlled)
    points = all_points(site)
    lines = [
        line for number, limit in enumerate(site.limits) for line in _lines(site, controlled, points, number, limit)
    ]
    return Policy(
        meters=site.meters,
        controlled=controlled,
        timings=tuple((d.profile.der if d.profile else None) or UNKNOWN_PLANT for d in controlled),
        orders=tuple(DEFAULT_ORDER[d.kind] if d.priority is None else d.priority for d in controlled),
        limits=site.limits,
        lines=tuple(lines),
        buses=tuple(_bus(site, controlled, points, p) for p in points.values() if p.kind is PointKind.BUSBAR),
        behind=tuple(_behind(site, controlled, points, m) for m in site.meters),
        up=_grid(lines, 1.0, len(controlled)),
        down=_grid(lines, -1.0, len(controlled)),
        tuning=site.tuning,
        nominal_v=site.nominal_v,
        system=site.system,
        phases=CONDUCTORS[site.system],
        nameplate_w=sum(d.nameplate_w for d in controlled),
        uncontrolled_w=sum(d.nameplate_w for d in site.ders if not d.controlled and d.kind is not DerKind.EVSE),
        tolerance=site.preset.tolerance,
        lockout=site.preset.lockout,
    )


def _grid(lines: list[Line], sign: float, count: int) -> Grid:
    return grid(tuple(tuple((n, x.weights[n]) for n in x.members) for x in lines if x.sign == sign), count)


def all_points(site: Site) -> dict[str, PointSpec]:
    """Every point by its id; those that the file leaves out have the meter that names them."""
    points = {p.id: p for p in site.points}
    for name in ("poi", *(m.point for m in site.meters)):
        points.setdefault(name, PointSpec(id=name, parent=None if name == "poi" else "poi"))
    return {
        p.id: p
        if p.meters
        else PointSpec(
            id=p.id,
            kind=p.kind,
            meters=tuple((m.id, 1) for m in site.meters if m.point == p.id)[:1],
            parent=p.parent,
            rating_a=p.rating_a,
        )
        for p in points.values()
    }


def lies_behind(der: DerSpec, point_id: str, points: dict[str, PointSpec]) -> bool:
    """Whether what this DER does shows at the point."""
    here: str | None = der.point
    for _ in range(len(points) + 1):
        if here is None or here == point_id:
            break
        here = points[here].parent if here in points else None
    return point_id == "poi" or here == point_id


def rank_of(limit: Limit, kind: PointKind) -> int:
    """Which of two limits wins: as the site file says, else conductors before export before import (section 5)."""
    if limit.priority is not None:
        return limit.priority
    if kind is not PointKind.NET or limit.quantity is Quantity.A:
        return RANK_STEP
    return 2 * RANK_STEP if limit.direction is Direction.EXPORT else 3 * RANK_STEP


def _lines(
    site: Site, controlled: tuple[DerSpec, ...], points: dict[str, PointSpec], number: int, limit: Limit
) -> list[Line]:
    point = points[limit.point]
    conductors = CONDUCTORS[site.system]
    each = limit.quantity is Quantity.A or limit.basis is not Basis.TOTAL
    amperes = limit.quantity is not Quantity.W
    sign = 1.0 if limit.direction is Direction.EXPORT else -1.0
    meter_numbers = {m.id: n for n, m in enumerate(site.meters)}
    made = []
    for phase in range(conductors) if each else (None,):
        weights = tuple(_weight(site, points, d, limit, phase, amperes) for d in controlled)
        others = [d for d in site.ders if not d.controlled and d.concerns(limit.scope)]
        most = [d.most_w if sign > 0 else d.charge_w for d in controlled]
        line = Line(
            limit_number=number,
            limit=limit,
            point=point,
            phase=phase,
            sign=sign,
            weights=weights,
            members=tuple(n for n, w in enumerate(weights) if w > 0.0),
            meter_signs=tuple((meter_numbers[m], s) for m, s in point.meters),
            uncontrolled_w=sum(
                _share(site, points, d, limit, phase, amperes) * (d.most_w if sign > 0 else 0.0) for d in others
            ),
            size_w=sum(w * m for w, m in zip(weights, most, strict=True)),
            rank=rank_of(limit, point.kind),
        )
        made.append(line)
    return made


def _weight(
    site: Site, points: dict[str, PointSpec], der: DerSpec, limit: Limit, phase: int | None, amperes: bool
) -> float:
    """Watts of this channel per watt of the DER; 0 where the limit cannot or must not act on it."""
    acts = der.most_w > 0.0 if limit.direction is Direction.EXPORT else der.charge_w > 0.0 or der.supports
    return _share(site, points, der, limit, phase, amperes) if acts and der.concerns(limit.scope) else 0.0


def _share(
    site: Site, points: dict[str, PointSpec], der: DerSpec, limit: Limit, phase: int | None, amperes: bool
) -> float:
    if not lies_behind(der, limit.point, points):
        return 0.0
    return 1.0 if phase is None else shares(site.system, der.connection, amperes)[phase]


def _bus(site: Site, controlled: tuple[DerSpec, ...], points: dict[str, PointSpec], point: PointSpec) -> Bus:
    meter_numbers = {m.id: n for n, m in enumerate(site.meters)}
    on = [lies_behind(d, point.id, points) for d in controlled]
    weights = tuple(
        tuple((s if o else 0.0) for s in shares(site.system, d.connection, True))
        for d, o in zip(controlled, on, strict=True)
    )
    return Bus(
        point=point,
        rating_a=point.rating_a or 0.0,
        weights=weights,
        members=tuple(n for n, o in enumerate(on) if o),
        meter_signs=tuple((meter_numbers[m], s) for m, s in point.meters),
    )


def _behind(
    site: Site, controlled: tuple[DerSpec, ...], points: dict[str, PointSpec], meter: MeterSpec
) -> tuple[int, ...]:
    point = next((p for p in points.values() if p.meters == ((meter.id, 1),)), None)
    if point is None:
        return ()
    return tuple(n for n, d in enumerate(controlled) if lies_behind(d, point.id, points))
