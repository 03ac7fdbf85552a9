"""Random sites: services, nested points, busbars, DERs of all kinds and phases, limits of all kinds, and what happens.

Everything comes from one seed. The last part of a run is quiet, so that its end shows what holds in steady state.
"""

from dataclasses import dataclass
from random import Random

from pcs.core.policy import Policy
from pcs.core.service import CONDUCTORS
from pcs.model.limit import Accounting, Basis, Direction, Limit, Quantity, Scope
from pcs.model.profile import DerTiming
from pcs.model.site import CurrentTransformer, DerKind, DerSpec, MeterSpec, PointKind, PointSpec, System
from pcs.model.units import Band
from tests import core_site as site
from tests.core_plant import Line, steps

SECONDS = 60.0
QUIET_FROM_S = 30.0
"""From here on load, sun, wishes and limits rest, and every fault is over."""
CONNECTIONS = {
    System.SINGLE: (None,),
    System.SPLIT: ("L1N", "L2N", "L1L2", None),
    System.WYE: ("L1N", "L2N", "L3N", "L1L2", "L2L3", "L3L1", "L123", None),
    System.DELTA: ("L1L2", "L2L3", "L3L1", "L123"),
}
NOMINAL_V = {System.SINGLE: 230.0, System.SPLIT: 120.0, System.WYE: 230.0, System.DELTA: 400.0}
KINDS = (DerKind.PV, DerKind.PV, DerKind.BATTERY, DerKind.EVSE, DerKind.HYBRID, DerKind.GENERATOR)
TIMING = DerTiming(
    dead_time_s=Band(lo=0.0, hi=0.6), time_constant_s=Band(lo=0.05, hi=0.6), ramp_pct_s=50.0, telemetry_s=0.6
)
Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """How one DER behaves (watts, seconds). `wish`: what it would inject by itself, of nameplate; negative: draw."""

    spec: DerSpec
    wish: Line
    dead_s: float
    lag_s: float
    soc_pct: float | None
    bounds_charge: bool
    takes_setpoint: bool
    silent: Span = (0.0, 0.0)
    refuses: Span = (0.0, 0.0)
    frozen: Span = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSite:
    """One site with everything that will happen to it. `demands`: by point and conductor; `silent`: by meter."""

    seed: int
    policy: Policy
    points: tuple[PointSpec, ...]
    devices: tuple[Device, ...]
    demands: dict[str, tuple[Line, ...]]
    silent: dict[str, Span]
    says_var: bool
    says_amperes: bool
    in_force: tuple[tuple[float, tuple[float | None, ...]], ...]
    """From when on which values hold, as a schedule would tell."""


def random_site(seed: int) -> RandomSite:
    """The site of this seed."""
    random = Random(seed)
    system = random.choice(list(System))
    meters, points = _points(random)
    profile = site.inverter_profile(TIMING)
    specs = tuple(_spec(random, k, system, points, profile=profile) for k in range(random.randint(1, 7)))
    limits = tuple(_limit(random, points, specs, CONDUCTORS[system]) for _ in range(random.randint(1, 6)))
    policy = site.policy(
        ders=specs, system=system, nominal_v=NOMINAL_V[system], meters=meters, points=points, limits=limits
    )
    devices = tuple(_device(random, s) for s in specs)
    size_w = sum(s.nameplate_w for s in specs)
    conductors = CONDUCTORS[system]
    demands = {
        p.id: tuple(_level(random, 0.0, size_w / conductors / len(points)) for _ in range(conductors))
        for p in points
        if len(p.meters) == 1
    }
    return RandomSite(
        seed=seed,
        policy=policy,
        points=points,
        devices=devices,
        demands=demands,
        silent={m.id: _trouble(random, 0.15) for m in meters},
        says_var=random.random() < 0.7,
        says_amperes=random.random() < 0.9,
        in_force=_schedule(random, limits),
    )


def _points(random: Random) -> tuple[tuple[MeterSpec, ...], tuple[PointSpec, ...]]:
    """The POI, points behind it, inside each other, and sometimes the rest that no meter measures by itself."""
    points = [PointSpec(id="poi", meters=(("poi", 1),))]
    for k in range(random.randint(0, 3)):
        kind = random.choice([PointKind.NET, PointKind.CONDUCTOR, PointKind.BUSBAR])
        parent = random.choice(points).id
        rating_a = random.choice([40.0, 100.0, 400.0])
        points.append(PointSpec(id=f"p{k}", kind=kind, meters=((f"p{k}", 1),), parent=parent, rating_a=rating_a))
    behind = [p for p in points if p.parent == "poi"]
    if behind and random.random() < 0.3:
        rest = (("poi", 1), *((p.id, -1) for p in behind))
        points.append(PointSpec(id="rest", meters=rest, parent="poi"))
    ct = CurrentTransformer(class_pct=random.choice([0.0, 1.0]))
    meters = tuple(
        site.meter_spec(random.choice([0.1, 0.2, None]), 0.1, id=p.id, point=p.id, ct=ct)
        for p in points
        if len(p.meters) == 1
    )
    return meters, tuple(points)


def _spec(random: Random, number: int, system: System, points: tuple[PointSpec, ...], **more: object) -> DerSpec:
    kind = random.choice(KINDS)
    size_w = random.choice([3000.0, 5000.0, 10_000.0, 30_000.0])
    draws = kind in (DerKind.BATTERY, DerKind.HYBRID, DerKind.EVSE)
    return site.der_spec(
        number,
        size_w,
        kind=kind,
        controlled=number == 0 or random.random() < 0.9,
        connection=random.choice(CONNECTIONS[system]),
        point=random.choice(points).id,
        charge_w=size_w * random.choice([0.5, 1.0]) if draws and kind is not DerKind.EVSE else size_w if draws else 0.0,
        charge_min_w=1400.0 if kind is DerKind.EVSE else 0.0,
        soc_min_pct=10.0,
        soc_max_pct=95.0,
        absorbs=random.random() < 0.7,
        supports=kind is DerKind.BATTERY and random.random() < 0.4,
        failsafe_charge_w=random.choice([0.0, 1400.0]) if kind is DerKind.EVSE else 0.0,
        priority=random.choice([None, None, 1, 5]),
        **more,
    )


def _limit(random: Random, points: tuple[PointSpec, ...], specs: tuple[DerSpec, ...], conductors: int) -> Limit:
    quantity = random.choice([Quantity.W, Quantity.W, Quantity.A, Quantity.VA])
    direction = random.choice(list(Direction))
    scope = random.choice([Scope.ALL, Scope.ALL, Scope.ESS])
    share = random.choice([0.0, 0.1, 0.2, 0.4, 0.8])
    basis = Basis.CONDUCTOR if quantity is Quantity.A else random.choice(list(Basis))
    whole_w = sum(s.nameplate_w for s in specs) / (1 if basis is Basis.TOTAL else conductors)
    subpanel = scope is Scope.ESS and direction is Direction.IMPORT and random.random() < 0.3
    return Limit(
        point=random.choice([p for p in points if p.kind is not PointKind.BUSBAR]).id,
        direction=direction,
        quantity=quantity,
        value=share * whole_w / (230.0 if quantity is Quantity.A else 1.0),
        basis=basis,
        scope=scope,
        priority=random.choice([None, None, 3]),
        accounting=Accounting.DER_SUBPANEL if subpanel else Accounting.POI,
    )


def _device(random: Random, spec: DerSpec) -> Device:
    low, high = {DerKind.PV: (0.0, 1.0), DerKind.GENERATOR: (0.3, 1.0), DerKind.EVSE: (-1.0, 0.0)}.get(
        spec.kind, (-1.0, 1.0)
    )
    return Device(
        spec=spec,
        wish=_level(random, low, high),
        dead_s=random.uniform(0.0, 0.4),
        lag_s=random.uniform(0.06, 0.5),
        soc_pct=random.choice([None, 5.0, 50.0, 96.0]) if spec.is_storage else None,
        bounds_charge=spec.charge_w > 0.0 and (spec.kind is DerKind.EVSE or random.random() < 0.5),
        takes_setpoint=spec.is_storage,
        silent=_trouble(random, 0.1),
        refuses=_trouble(random, 0.1),
        frozen=_trouble(random, 0.05),
    )


def _level(random: Random, low: float, high: float) -> Line:
    """A value that jumps a few times, then rests."""
    at_s = sorted(random.uniform(3.0, QUIET_FROM_S) for _ in range(random.randint(0, 4)))
    return steps((0.0, random.uniform(low, high)), *((t, random.uniform(low, high)) for t in at_s))


def _trouble(random: Random, likely: float) -> Span:
    if random.random() >= likely:
        return (0.0, 0.0)
    from_s = random.uniform(2.0, QUIET_FROM_S - 5.0)
    return (from_s, min(QUIET_FROM_S, from_s + random.choice([0.5, 2.0, 6.0])))


def _schedule(random: Random, limits: tuple[Limit, ...]) -> tuple[tuple[float, tuple[float | None, ...]], ...]:
    whole = tuple(x.value for x in limits)
    told = [(0.05, whole)]
    for _ in range(random.choice([0, 0, 1, 3])):
        values = tuple(random.choice([v, v, None, (v or 0.0) * random.choice([0.0, 0.5])]) for v in whole)
        told.append((random.uniform(5.0, QUIET_FROM_S), values))
    return tuple(sorted(told, key=lambda t: t[0]))
