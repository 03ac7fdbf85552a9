"""One step of the core on a large site: 64 DERs of all kinds behind five panels, 20 limits of all kinds, 6 meters.

Every second step brings every DER's telemetry, every step a sample of every meter and the confirmations of the commands
before. The reference is the plain law for the POI alone on the same readings (see `bench_core`). The small sites show
how the cost grows with DERs and with limits: twice as much of either should cost at most twice the time.
"""

from dataclasses import dataclass
from math import sin
from typing import Any

from pcs.core.policy import Policy, policy_for
from pcs.core.state import Inputs
from pcs.model.command import LimitActivePower
from pcs.model.limit import Basis, Direction, Limit, Quantity, Scope
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback, MeterIdentified, MeterReading
from pcs.model.site import DerKind, DerSpec, MeterSpec, PointKind, PointSpec, Site, System
from tests.bench.bench_core import CYCLE_S, policy, table, timed

PANELS = 5
SIZE_W = 10_000.0
STEPS = 300
WARM_UP = 100
CONNECTIONS = ("L123", "L1N", "L2N", "L3N", "L1L2", "L123", "L2L3", "L3L1")
KINDS = (DerKind.PV, DerKind.PV, DerKind.BATTERY, DerKind.EVSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a site is."""

    ders: int
    limits: int


def large(size: Size) -> Policy:
    """A site of this size; its kinds and connections take turns."""
    small = policy()
    inverter, meter = small.controlled[0], small.meters[0]
    panels = [f"panel{k}" for k in range(PANELS)]
    ders = tuple(_der(k, inverter, panels) for k in range(size.ders))
    meters = tuple(
        MeterSpec(id=name, profile=meter.profile, link=meter.link, unit=n + 1, point=name)
        for n, name in enumerate(("poi", *panels))
    )
    points = (
        PointSpec(id="poi"),
        *(PointSpec(id=p, kind=PointKind.CONDUCTOR, meters=((p, 1),), parent="poi") for p in panels),
    )
    return policy_for(
        Site(
            name="bench",
            timezone="UTC",
            system=System.WYE,
            nominal_v=277.0,
            meters=meters,
            ders=ders,
            limits=_limits(panels)[: size.limits],
            points=points,
            journal_dir="",
        )
    )


def _der(number: int, like: DerSpec, panels: list[str]) -> DerSpec:
    kind = KINDS[number % len(KINDS)]
    return DerSpec(
        id=f"inv{number}",
        kind=kind,
        nameplate_w=SIZE_W,
        profile=like.profile,
        link=like.link,
        connection=CONNECTIONS[number % len(CONNECTIONS)],
        point=panels[number % PANELS],
        charge_w=0.0 if kind is DerKind.PV else SIZE_W,
        charge_min_w=1400.0 if kind is DerKind.EVSE else 0.0,
    )


def _limits(panels: list[str]) -> tuple[Limit, ...]:
    """Twenty: five at the POI and three for each panel, total and by conductor, in watts and amperes."""
    made = [
        Limit(direction=Direction.EXPORT, value=30_000.0),
        Limit(direction=Direction.IMPORT, value=90_000.0),
        Limit(direction=Direction.EXPORT, value=5000.0, scope=Scope.ESS),
        Limit(direction=Direction.EXPORT, value=300.0, quantity=Quantity.A, basis=Basis.CONDUCTOR),
        Limit(direction=Direction.IMPORT, value=400.0, quantity=Quantity.A, basis=Basis.CONDUCTOR),
    ]
    for panel in panels:
        made += [
            Limit(point=panel, direction=Direction.EXPORT, value=40_000.0),
            Limit(point=panel, direction=Direction.IMPORT, value=60_000.0),
            Limit(point=panel, direction=Direction.EXPORT, value=20_000.0, basis=Basis.CONDUCTOR),
        ]
    return tuple(made)


def _met(rules: Policy) -> Inputs:
    words: dict[str, Any] = {"manufacturer": "", "model": "", "firmware": ""}
    meters = tuple(
        MeterIdentified(meter_id=m.id, serial=m.id, variant="203", phases=3, has_liveness=True, **words)
        for m in rules.meters
    )
    ders = tuple(
        DerIdentified(
            der_id=d.id,
            serial=d.id,
            variant="704",
            rating_w=SIZE_W,
            resolution_w=1.0,
            charge_rating_w=d.charge_w,
            bounds_charge=True,
            takes_setpoint=True,
            reverts_safe=True,
            found=LimitReadback(der_id=d.id, limit_w=None, sent_s=0.0, received_s=0.0),
            found_is_own=True,
            **words,
        )
        for d in rules.controlled
    )
    return Inputs(observations=(*meters, *ders))


def _heard(
    number: int, rules: Policy, commands: tuple[LimitActivePower, ...], held: dict[str, LimitActivePower]
) -> Inputs:
    """The last commands done at once; PV gives all of its cap, batteries and chargers want to draw half."""
    now_s = number * CYCLE_S
    times = {"sent_s": now_s - 0.004, "received_s": now_s}
    held.update({c.der_id: c for c in commands})
    injections_w = {d.id: _injection_w(d, held.get(d.id)) for d in rules.controlled}
    readings = []
    for n, meter in enumerate(rules.meters):
        demand_w = (60_000.0 if n == 0 else 15_000.0) * (1.2 + sin(number / 40 + n))
        import_w = demand_w - sum(injections_w[rules.controlled[k].id] for k in rules.behind[n])
        readings.append(
            MeterReading(
                meter_id=meter.id,
                import_w=import_w,
                phase_import_w=(import_w / 3,) * 3,
                phase_current_a=(abs(import_w) / 3 / 277.0,) * 3,
                phase_voltage_v=(277.0,) * 3,
                words=number.to_bytes(8, "big"),
                **times,
            )
        )
    done = tuple(
        LimitApplied(
            der_id=c.der_id, limit_w=c.limit_w, charge_limit_w=c.charge_limit_w, setpoint_w=c.setpoint_w, **times
        )
        for c in commands
    )
    said = tuple(
        DerReading(der_id=d, injection_w=w, soc_pct=50.0, **times) for d, w in injections_w.items() if number % 2
    )
    return Inputs(observations=(*done, *said, *readings))


def _injection_w(der: DerSpec, held: LimitActivePower | None) -> float:
    if held is None:
        return 0.0
    if held.setpoint_w is not None:
        return held.setpoint_w
    return held.limit_w if der.kind is DerKind.PV else max(-0.5 * SIZE_W, -(held.charge_limit_w or 0.0))


def measure(size: Size, steps: int = STEPS) -> tuple[list[float], list[float], str]:
    """Seconds of each step and of the reference, sorted, and what the core does about the site at the end."""
    rules = large(size)
    held: dict[str, LimitActivePower] = {}
    return timed(rules, _met(rules), lambda n, done: _heard(n, rules, done, held), steps, WARM_UP)


def run() -> dict[str, float | str]:
    """Microseconds of one step on the large site, and how the cost grows."""
    ours_s, plain_s, action = measure(Size(ders=64, limits=20))
    result = table(ours_s, plain_s, action, best=0.0, p50=0.5, p99=0.99)
    half_ders = measure(Size(ders=32, limits=20))[0]
    half_limits = measure(Size(ders=64, limits=10))[0]
    result["twice_the_ders_cost"] = ours_s[len(ours_s) // 10] / half_ders[len(half_ders) // 10]
    result["twice_the_limits_cost"] = ours_s[len(ours_s) // 10] / half_limits[len(half_limits) // 10]
    return result
