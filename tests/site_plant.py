"""A plant of the tests' own for whole sites, and the core that controls it: phases, several meters, storage, chargers.

Coarser than `tests.core_plant` (a tenth of a second), so that thousands of sites run in a night. Nothing here is shared
with `hil.plant`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, sqrt

from pcs.core.policy import Policy, lies_behind
from pcs.core.service import CONDUCTORS, conductor_v
from pcs.core.state import Inputs, Outcome, State, initial
from pcs.core.step import step
from pcs.model.command import LimitActivePower
from pcs.model.fault import FaultKind
from pcs.model.reading import (
    DerReading,
    LimitApplied,
    LimitFailed,
    LimitsInForce,
    MeterIdentified,
    MeterReading,
    Observation,
)
from pcs.model.site import DerKind, System
from tests import core_site as site
from tests.random_site import SECONDS, Device, RandomSite

DT_S = 0.1
LINK_S = 0.02
PAIRS = {"L1L2": (0, 1), "L2L3": (1, 2), "L3L1": (2, 0)}
Flows = dict[str, tuple[tuple[float, float], ...]]
Check = Callable[[State, Inputs, Policy, Outcome], None]


class Plant:
    """One DER: what it was told works after a dead time, through a lag; it follows its wish inside that."""

    def __init__(self, device: Device) -> None:
        self.device, self.soc_pct = device, device.soc_pct
        self.orders: deque[tuple[float, LimitActivePower]] = deque()
        self.held: LimitActivePower | None = None
        self.injection_w = self.said_w = 0.0
        self._keep = exp(-DT_S / device.lag_s)

    def advance(self, now_s: float) -> None:
        while self.orders and self.orders[0][0] <= now_s + 1e-9:
            self.held = self.orders.popleft()[1]
        spec = self.device.spec
        goal_w = spec.nameplate_w * self.device.wish.value(now_s)
        if self.held is not None:
            if self.held.charge_limit_w is not None:
                goal_w = max(goal_w, -self.held.charge_limit_w)
            if self.held.setpoint_w is not None:
                goal_w = self.held.bounded_setpoint_w or 0.0
            goal_w = min(goal_w, self.held.limit_w)
        goal_w = max(-spec.charge_w, min(spec.most_w, goal_w))
        if spec.kind is DerKind.EVSE and goal_w > -spec.charge_min_w:
            goal_w = 0.0
        if self.soc_pct is not None and (
            (goal_w > 0.0 and self.soc_pct <= 2.0) or (goal_w < 0 and self.soc_pct >= 99.0)
        ):
            goal_w = 0.0
        self.injection_w = goal_w + (self.injection_w - goal_w) * self._keep
        if spec.kind is DerKind.PV:
            self.injection_w = min(self.injection_w, spec.nameplate_w * self.device.wish.value(now_s))


def spread(system: System, connection: str | None) -> tuple[tuple[float, float], ...]:
    """Watts and var on each conductor per watt of a unit: between two of three conductors, currents lead and lag."""
    n = CONDUCTORS[system]
    if connection in (None, "L123") or n == 1:
        return ((1.0 / n, 0.0),) * n
    if connection in PAIRS:
        first, second = PAIRS[connection]
        var = 0.5 / sqrt(3.0) if n == 3 else 0.0
        return tuple((0.5, var if k == first else -var) if k in (first, second) else (0.0, 0.0) for k in range(n))
    return tuple((1.0 if k == int(str(connection)[1]) - 1 else 0.0, 0.0) for k in range(n))


@dataclass(slots=True)
class Trace:
    """What happened: the flow at each point by conductor (W, var) and what each DER injected, and the last outcome."""

    of: RandomSite
    flows: list[tuple[float, Flows]] = field(default_factory=list)
    injections_w: list[dict[str, float]] = field(default_factory=list)
    outcome: Outcome | None = None

    @property
    def state(self) -> State:
        assert self.outcome is not None
        return self.outcome.state


class Run:
    """The site and its controller on simulated time."""

    def __init__(self, of: RandomSite) -> None:
        self.of, self.trace = of, Trace(of)
        self.policy = of.policy
        self.plants = [Plant(d) for d in of.devices]
        self.controlled = {p.device.spec.id: p for p in self.plants if p.device.spec.controlled}
        self.spreads = [spread(self.policy.system, d.spec.connection) for d in of.devices]
        points = {p.id: p for p in of.points}
        self.metered = [p for p in of.points if len(p.meters) == 1]
        self.behind = {
            p.id: [n for n, d in enumerate(of.devices) if lies_behind(d.spec, p.id, points)] for p in self.metered
        }
        self.inside = {p.id: [q.id for q in self.metered if _inside(q.id, p.id, points)] for p in self.metered}
        self.volts = conductor_v(self.policy.system, self.policy.nominal_v)
        self.late: list[tuple[float, Observation]] = []

    def flows(self, now_s: float) -> Flows:
        """The flow at each metered point (import W, var by conductor)."""
        found = {}
        for point in self.metered:
            made = []
            for k in range(self.policy.phases):
                demand_w = sum(self.of.demands[q][k].value(now_s) for q in self.inside[point.id])
                shares = [(self.plants[n].injection_w, self.spreads[n][k]) for n in self.behind[point.id]]
                made.append((demand_w - sum(w * s[0] for w, s in shares), -sum(w * s[1] for w, s in shares)))
            found[point.id] = tuple(made)
        return found

    def heard(self, now_s: float, number: int) -> tuple[Observation, ...]:
        """What the shell hands over at this moment."""
        made = [o for t, o in self.late if t <= now_s + 1e-9]
        self.late = [(t, o) for t, o in self.late if t > now_s + 1e-9]
        made += [
            LimitsInForce(values=v, sources=("schedule",) * len(v), sent_s=now_s, received_s=now_s)
            for t, v in self.of.in_force
            if t <= now_s < t + DT_S - 1e-9
        ]
        if number % 2:
            made += [o for p in self.controlled.values() for o in self._said(p, now_s)]
        for meter in self.policy.meters:
            from_s, to_s = self.of.silent[meter.id]
            if from_s <= now_s < to_s:
                made.append(site.fault(FaultKind.NO_ANSWER, now_s, meter.id))
            elif meter.update_s is None or number % round(meter.update_s / DT_S) == 0:
                made.append(self._measured(meter.id, now_s, number))
        return tuple(made)

    def _measured(self, meter_id: str, now_s: float, number: int) -> MeterReading:
        flow = self.trace.flows[-1][1][meter_id]
        amperes = tuple(sqrt(w * w + var * var) / self.volts for w, var in flow)
        return MeterReading(
            meter_id=meter_id,
            import_w=sum(w for w, _ in flow),
            phase_import_w=tuple(w for w, _ in flow),
            phase_import_var=tuple(var for _, var in flow) if self.of.says_var else (),
            phase_current_a=amperes if self.of.says_amperes else (),
            phase_voltage_v=(self.volts,) * len(flow),
            words=number.to_bytes(4, "big"),
            sent_s=now_s - LINK_S,
            received_s=now_s,
        )

    def _said(self, plant: Plant, now_s: float) -> list[Observation]:
        device = plant.device
        if device.silent[0] <= now_s < device.silent[1]:
            return [site.fault(FaultKind.NO_ANSWER, now_s, device.spec.id)]
        if not device.frozen[0] <= now_s < device.frozen[1]:
            plant.said_w = plant.injection_w
        return [
            DerReading(
                der_id=device.spec.id,
                injection_w=plant.said_w,
                soc_pct=plant.soc_pct,
                sent_s=now_s - LINK_S,
                received_s=now_s,
            )
        ]

    def obey(self, command: LimitActivePower, now_s: float) -> None:
        """A command reaches its device, or comes to nothing."""
        plant = self.controlled[command.der_id]
        values = {
            "der_id": command.der_id,
            "limit_w": command.limit_w,
            "charge_limit_w": command.charge_limit_w,
            "setpoint_w": command.setpoint_w,
        }
        back_s = now_s + 2 * LINK_S
        spans = (plant.device.refuses, plant.device.silent)
        if any(from_s <= now_s < to_s for from_s, to_s in spans):
            failed = site.fault(FaultKind.NO_ANSWER, back_s, command.der_id)
            self.late.append((back_s, LimitFailed(fault=failed, **values)))
            return
        plant.orders.append((now_s + LINK_S + plant.device.dead_s, command))
        self.late.append((back_s, LimitApplied(sent_s=now_s, received_s=back_s, **values)))


def _inside(point_id: str | None, outer_id: str, points: dict[str, object]) -> bool:
    while point_id is not None and point_id != outer_id:
        point_id = points[point_id].parent  # type: ignore[attr-defined]
    return point_id == outer_id


def simulate(of: RandomSite, check: Check | None = None, seconds: float = SECONDS) -> Trace:
    """Run the core against the site; `check` sees every step."""
    run, state = Run(of), initial(of.policy, site.at(0.0))
    words = {"manufacturer": "x", "model": "x", "firmware": "", "has_liveness": True}
    met: list[Observation] = [
        MeterIdentified(meter_id=m.id, serial=m.id, variant="203", phases=of.policy.phases, **words)
        for m in of.policy.meters
    ]
    for plant in run.controlled.values():
        d, spec = plant.device, plant.device.spec
        met.append(
            site.der_met(
                int(spec.id[1:]),
                rating_w=spec.nameplate_w,
                charge_rating_w=spec.charge_w,
                bounds_charge=d.bounds_charge,
                takes_setpoint=d.takes_setpoint,
            )
        )
    for number in range(round(seconds / DT_S)):
        now_s = number * DT_S
        for plant in run.plants:
            plant.advance(now_s)
        run.trace.flows.append((now_s, run.flows(now_s)))
        run.trace.injections_w.append({p.device.spec.id: p.injection_w for p in run.plants})
        inputs = Inputs(observations=(*(met if number == 1 else ()), *run.heard(now_s, number)))
        outcome = step(state, inputs, of.policy, site.at(now_s))
        if check:
            check(state, inputs, of.policy, outcome)
        state = outcome.state
        run.trace.outcome = outcome
        for command in outcome.commands:
            run.obey(command, now_s)
    return run.trace
