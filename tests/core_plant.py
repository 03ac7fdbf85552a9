"""A small plant of the tests' own, and the core that controls it on simulated time.

Every inverter is dead time, gain, ramp and first-order lag; the sun takes away at once. The meter shows snapshots or
means; telemetry is sampled now and then, shown late, wrong, frozen or not at all. Links take fixed times. Nothing here
is shared with `hil.plant`: two plants that were written apart check each other.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, floor, inf
from random import Random

from pcs.core.policy import Policy
from pcs.core.state import Inputs, Outcome, State, initial
from pcs.core.step import step
from pcs.model.profile import DerTiming
from pcs.model.reading import Observation
from tests import core_site as site

DT_S = 0.02
METER_LINK_S = 0.02
DER_LINK_S = 0.02
WRITE_S = 0.02
"""From a command to the device; the confirmation comes as late again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Values from instants on: held, or joined by straight lines."""

    points: tuple[tuple[float, float], ...]
    linear: bool = False

    def value(self, at_s: float) -> float:
        k = bisect_right(self.points, at_s, key=lambda p: p[0]) - 1
        if k < 0:
            return self.points[0][1]
        if not self.linear or k + 1 == len(self.points):
            return self.points[k][1]
        (t0, v0), (t1, v1) = self.points[k], self.points[k + 1]
        return v0 + (v1 - v0) * (at_s - t0) / (t1 - t0)


def steps(*points: tuple[float, float]) -> Line:
    """Values that are held until the next instant."""
    return Line(points=points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """How one inverter behaves. `said` is "true", "frozen" (the first value for ever) or "absent"."""

    nameplate_w: float = 10_000.0
    dead_s: float = 0.25
    lag_s: float = 0.3
    ramp_pct_s: float = inf
    gain: float = 1.0
    telemetry_s: float = 0.2
    telemetry_late_s: float = 0.0
    telemetry_gain: float = 1.0
    said: str = "true"
    sun: Line = field(default_factory=lambda: steps((0.0, 0.9)))
    """Share of nameplate that the sun offers."""
    refuses_after_s: float = inf
    """From then on writes come to nothing, while reads are answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One simulated run. The meter measures every `update_s`, over its last `averaging_s` (0: a snapshot)."""

    units: tuple[Unit, ...]
    demand: Line
    limit_w: float = 0.0
    seconds: float = 60.0
    update_s: float = 0.1
    averaging_s: float = 0.1
    noise_w: float = 0.0
    seed: int = 1
    timing: DerTiming = site.TIMING
    silent: tuple[tuple[float, float], ...] = ()
    """Spans in which the meter does not answer."""


@dataclass(slots=True)
class Row:
    """The truth at one moment (watts)."""

    at_s: float
    import_w: float
    demand_w: float
    injection_w: float
    available_w: float
    caps_w: float


@dataclass(slots=True)
class Trace:
    """What happened: the truth row by row, every outcome with its time, and how many commands went out."""

    scene: Scene
    rows: list[Row] = field(default_factory=list)
    outcomes: list[tuple[float, Outcome]] = field(default_factory=list)
    writes: int = 0

    @property
    def state(self) -> State:
        return self.outcomes[-1][1].state

    @property
    def nameplate_w(self) -> float:
        return sum(u.nameplate_w for u in self.scene.units)

    def between(self, from_s: float, to_s: float = inf) -> list[Row]:
        return [r for r in self.rows if from_s <= r.at_s < to_s]

    def beyond_w(self, from_s: float, to_s: float = inf) -> float:
        """The most that the flow was beyond the limit."""
        return max(-r.import_w - self.scene.limit_w for r in self.between(from_s, to_s))

    def longest_beyond_s(self, from_s: float, tolerance: float = 0.01) -> float:
        """The longest time without a break that the flow was beyond the limit by more than `tolerance` of nameplate."""
        best = run = 0
        for r in self.between(from_s):
            run = run + 1 if -r.import_w - self.scene.limit_w > tolerance * self.nameplate_w else 0
            best = max(best, run)
        return best * DT_S

    def output(self, from_s: float, to_s: float = inf) -> float:
        """Energy against what an all-knowing controller could have made."""
        rows = self.between(from_s, to_s)
        ideal = [min(r.available_w, max(0.0, r.demand_w + self.scene.limit_w)) for r in rows]
        return sum(min(r.injection_w, w) for r, w in zip(rows, ideal, strict=True)) / max(1.0, sum(ideal))


class Inverter:
    """The moving state of one unit."""

    def __init__(self, unit: Unit) -> None:
        self.unit, self.cap_w = unit, unit.nameplate_w
        self.ramped_w = self.injection_w = unit.nameplate_w * min(1.0, unit.sun.value(0.0))
        self.orders: deque[tuple[float, float]] = deque()
        self.shown: deque[tuple[float, float]] = deque([(-1.0, self.injection_w)])
        self.says_w = self.injection_w
        self.next_said_s = 0.0
        self._keep = exp(-DT_S / unit.lag_s)

    def advance(self, now_s: float) -> None:
        unit = self.unit
        while self.orders and self.orders[0][0] <= now_s:
            self.cap_w = self.orders.popleft()[1]
        sun_w = unit.nameplate_w * unit.sun.value(now_s)
        goal_w = min(sun_w, self.cap_w * unit.gain, unit.nameplate_w)
        most_w = unit.ramp_pct_s / 100 * unit.nameplate_w * DT_S
        self.ramped_w += max(-most_w, min(most_w, goal_w - self.ramped_w))
        self.injection_w = self.ramped_w + (self.injection_w - self.ramped_w) * self._keep
        self.injection_w, self.ramped_w = min(self.injection_w, sun_w), min(self.ramped_w, sun_w)
        if now_s >= self.next_said_s:
            self.next_said_s += unit.telemetry_s
            self.shown.append((now_s + unit.telemetry_late_s, self.injection_w * unit.telemetry_gain))
        while self.shown and self.shown[0][0] <= now_s:
            said_w = self.shown.popleft()[1]
            if unit.said == "true":
                self.says_w = float(round(said_w))


def rules_of(scene: Scene) -> Policy:
    """The policy that the core is given: its profile knows the band, not the plant."""
    profile = site.inverter_profile(scene.timing)
    ders = tuple(site.der_spec(k, u.nameplate_w, profile=profile) for k, u in enumerate(scene.units))
    return site.policy(
        limit_w=scene.limit_w, ders=ders, meter=site.meter_spec(update_s=None, averaging_s=scene.averaging_s or None)
    )


Check = Callable[[State, Inputs, Policy, Outcome], None]


def simulate(scene: Scene, check: Check | None = None) -> Trace:
    """Run the core against the plant; `check` sees every step."""
    rules, random, trace = rules_of(scene), Random(scene.seed), Trace(scene)
    plant = [Inverter(u) for u in scene.units]
    state = initial(rules, site.at(0.0))
    waiting: list[tuple[float, Observation]] = [(0.04, site.meter_met())]
    for k, u in enumerate(scene.units):
        waiting.append((0.04, site.der_met(k, 0.04, rating_w=u.nameplate_w)))
    flows: deque[float] = deque(maxlen=max(1, round(scene.averaging_s / DT_S)))
    poll_s = max(0.04, min(0.1, scene.update_s / 2))
    next_poll_s, next_ask_s, next_update_s, next_cycle_s = 0.06, 0.07, 0.0, 0.0
    shown_w, version = 0.0, 0
    for n in range(round(scene.seconds / DT_S)):
        now_s = n * DT_S
        for p in plant:
            p.advance(now_s)
        demand_w, injection_w = scene.demand.value(now_s), sum(p.injection_w for p in plant)
        flows.append(demand_w - injection_w)
        if now_s >= next_update_s - 1e-9:
            next_update_s += scene.update_s
            shown_w, version = float(round(sum(flows) / len(flows) + random.gauss(0.0, scene.noise_w))), version + 1
        if now_s >= next_poll_s:
            next_poll_s += poll_s
            if not any(a <= now_s < b for a, b in scene.silent):
                reading = site.meter_says(shown_w, now_s + METER_LINK_S, words=b"%d" % version, sent_s=now_s)
                waiting.append((now_s + METER_LINK_S, reading))
        if now_s >= next_ask_s:
            next_ask_s += rules.tuning.telemetry_poll_s
            for k, p in enumerate(plant):
                says_w = None if p.unit.said == "absent" else p.says_w
                waiting.append((now_s + DER_LINK_S, site.der_says(says_w, now_s + DER_LINK_S, k)))
        heard = tuple(o for t, o in waiting if t <= now_s + 1e-9)
        if heard or now_s >= next_cycle_s:
            next_cycle_s = now_s + rules.tuning.cycle_s
            waiting = [(t, o) for t, o in waiting if t > now_s + 1e-9]
            inputs = Inputs(observations=heard)
            outcome = step(state, inputs, rules, site.at(now_s))
            if check:
                check(state, inputs, rules, outcome)
            state = outcome.state
            trace.outcomes.append((now_s, outcome))
            for command in outcome.commands:
                number, held_w = int(command.der_id[1:]), float(floor(command.limit_w))
                back_s = now_s + 2 * WRITE_S
                if now_s >= plant[number].unit.refuses_after_s:
                    waiting.append((back_s, site.failed(held_w, back_s, number)))
                    continue
                trace.writes += 1
                plant[number].orders.append((now_s + WRITE_S + plant[number].unit.dead_s, held_w))
                waiting.append((back_s, site.done(held_w, back_s, number, sent_s=now_s)))
        available_w = sum(p.unit.nameplate_w * p.unit.sun.value(now_s) for p in plant)
        row = Row(now_s, demand_w - injection_w, demand_w, injection_w, available_w, sum(state.caps_w))
        trace.rows.append(row)
    return trace
