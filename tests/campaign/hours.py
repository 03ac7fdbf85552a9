"""Core and plant alone, an hour of a site in a few seconds: no link and no wire, so that thousands of hours pass.

A meter that renews once a second; around everything that happens the core steps every 0.25 s, in quiet stretches once a
second, at each new sample. The plant is the tests' own (first-order lags after dead times, exact for any step). What is
not here (links, profiles, journal, processes) is in the whole-stack campaign.
"""

import traceback
from array import array
from collections import deque
from dataclasses import dataclass, replace
from hashlib import sha256
from math import exp
from random import Random

from pcs.core.policy import Policy
from pcs.core.state import Inputs, State, initial
from pcs.core.step import step
from pcs.model.command import LimitActivePower
from pcs.model.fault import FaultKind
from pcs.model.limit import Direction, Limit
from pcs.model.profile import DerTiming
from pcs.model.reading import DerIdentified, LimitApplied, LimitFailed, Observation
from pcs.model.site import DerKind, DerSpec
from pcs.model.units import Band
from tests import core_site as site
from tests.campaign.invariants import sun_room_w
from tests.campaign.told import Told
from tests.site_invariants import InvariantError, in_each_step, must

HOUR_S = 3600.0
FINE_S, COARSE_S = 0.25, 1.0
BUSY_S = 15.0
"""So long after something happened the core steps finely."""
VERIFY_S = 2.0
LINK_S = 0.02
TIMING = DerTiming(
    dead_time_s=Band(lo=0.0, hi=1.0), time_constant_s=Band(lo=0.05, hi=1.0), ramp_pct_s=20.0, telemetry_s=1.0
)
SETTLES_S = 1.0 + 4.6 * 1.0 + 5.0
"""Dead time, 1 % of a lag, the ramp: the slowest plant of that band."""
SEES_S = 1.0 + 1.0 + 0.5
"""A sample, the next one that shows it whole, and the step."""
LOST_S = 3.5 + 1.0
MEET_S = 4.0
STARTS_S = 6.0
"""A process that starts: everybody is met, and the first commands are under way."""
MIN_W = 1.0
FAULTS = {
    "meter_silent": LOST_S,
    "meter_nan": LOST_S,
    "meter_frozen": LOST_S,
    "der_silent": 2.0 + 2.0 * SETTLES_S,
    "der_refuses": 2.0 + 2.0 * SETTLES_S,
    "der_frozen": 2.0 + 2.0 * SETTLES_S,
    "der_disobeys": 2.0 + 2.0 * SETTLES_S,
    "der_forgets": VERIFY_S + 1.0,
}
"""What may fail, and the detection time that it adds while it lasts (s)."""


UNJUDGED = ("process", "writer_lower")
"""No process for a time, and then one that knows nothing; a limit that somebody else lowers, at one moment."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault: which, on which DER, from when to when (s)."""

    name: str
    number: int
    from_s: float
    to_s: float


class Unit:
    """One DER: what it was told works after a dead time, through a lag; it follows its wish inside that."""

    def __init__(self, spec: DerSpec, random: Random) -> None:
        self.spec, self.wish = spec, 0.0
        self.dead_s, self.lag_s = random.uniform(0.05, 0.9), random.uniform(0.06, 0.9)
        self.gain = random.choice([1.0, 1.0, 1.03, 0.97])
        self.foreign_w: float | None = None
        self.foreign_seen = False
        self.told = Told()
        self.kept_w: float | None = None
        """As the journal keeps them: every limit that was to be told, and somebody else's that the last one kept to."""
        self.held: LimitActivePower | None = None
        self.taken: LimitActivePower | None = None
        self.shown: LimitActivePower | None = None
        self.due: deque[tuple[float, LimitActivePower]] = deque()
        self.injection_w = self.said_w = 0.0

    def advance(self, now_s: float, dt_s: float, obeys: bool) -> None:
        while self.due and self.due[0][0] <= now_s:
            self.taken = self.due.popleft()[1]
        if obeys:  # and when it obeys again it follows what is in its registers
            self.held = self.taken
        low_w, high_w = -self.spec.charge_w, self.spec.nameplate_w
        if self.held is not None:
            high_w = min(high_w, self.held.limit_w)
            low_w = max(low_w, -(self.held.charge_limit_w if self.held.charge_limit_w is not None else 1e9))
        goal_w = min(high_w, max(low_w, self.wish))
        if self.held is not None and self.held.bounded_setpoint_w is not None:
            goal_w = self.held.bounded_setpoint_w
        goal_w *= self.gain
        self.injection_w = goal_w + (self.injection_w - goal_w) * exp(-dt_s / self.lag_s)
        if self.spec.kind is DerKind.PV:
            self.injection_w = min(self.injection_w, max(0.0, self.wish))


class Hour:
    """One site for an hour."""

    def __init__(self, seed: int) -> None:
        random = self._random = Random(f"hours:{seed}")
        kinds = [random.choice([DerKind.PV, DerKind.PV, DerKind.BATTERY]) for _ in range(random.randint(1, 4))]
        specs = tuple(_spec(random, n, kind) for n, kind in enumerate(kinds))
        self.size_w = sum(s.nameplate_w for s in specs)
        self.units = [Unit(s, random) for s in specs]
        self.policy: Policy = site.policy(
            ders=specs, limits=_limits(random, specs), meter=site.meter_spec(1.0, 0.0), nominal_v=230.0
        )
        self.demand_w = 0.3 * self.size_w
        self.changes = sorted(random.uniform(30.0, HOUR_S - 60.0) for _ in range(random.randint(4, 40)))
        self.troubles = [_trouble(random, len(specs)) for _ in range(random.randint(1, 8))]
        self.noise_w = random.choice([0.0, 3.0, 12.0])
        self.moments = sorted([0.0, *self.changes, *(t for x in self.troubles for t in (x.from_s, x.to_s))])
        self.late: list[tuple[float, Observation]] = []
        self.words, self.shown_w = 0, 0.0
        self.verify_s = VERIFY_S
        self.beyond: dict[str, float] = {}
        self._asked_s = -1e9
        self.flows_w = array("d")

    def run(self) -> list[str]:
        """Everything that was violated."""
        state = initial(self.policy, site.at(0.0))
        met: list[Observation] = [site.meter_met()]
        met += [_met(n, u.spec) for n, u in enumerate(self.units)]
        now_s, changes, alive = 0.0, deque([1.0, *self.changes]), True
        sampled_s = -1.0
        while now_s < HOUR_S:
            busy = any(m - FINE_S <= now_s <= m + BUSY_S for m in self.moments)
            dt_s = FINE_S if busy else COARSE_S
            now_s = round(now_s + dt_s, 6)
            while changes and changes[0] <= now_s:
                changes.popleft()
                self._change()
            for number, unit in enumerate(self.units):
                unit.advance(now_s, dt_s, not self._is(now_s, "der_disobeys", number))
            fresh = now_s - sampled_s >= 1.0 - 1e-6
            sampled_s = now_s if fresh else sampled_s
            self._lowered(now_s, dt_s)
            was, alive = alive, not self._is(now_s, "process", 0)
            if alive and not was:  # another process, which meets everybody anew
                self.late.clear()
                state, met = initial(self.policy, site.at(now_s)), self._met_again(now_s)
            if alive:
                heard = (*met, *self._heard(now_s, fresh))
                met = []
                state = self._step(state, heard, now_s)
            self._look(now_s)
        late = [f"{name} limit exceeded for the first time at {at_s:.1f} s" for name, at_s in self.beyond.items()]
        return late + self._held_back()

    def _step(self, state: State, heard: tuple[Observation, ...], now_s: float) -> State:
        inputs = Inputs(observations=heard)
        outcome = step(state, inputs, self.policy, site.at(now_s))
        in_each_step(state, inputs, self.policy, outcome, again=now_s % 60.0 < FINE_S)
        for command in outcome.commands:
            self.obey(command, now_s)
        return outcome.state

    def _is(self, now_s: float, name: str, number: int) -> bool:
        return any(t.name == name and t.number == number and t.from_s <= now_s < t.to_s for t in self.troubles)

    def _lowered(self, now_s: float, dt_s: float) -> None:
        """Somebody else lowers the limit of a DER, whatever else is in its registers."""
        for trouble in self.troubles:
            unit = self.units[trouble.number]
            if trouble.name != "writer_lower" or not now_s - dt_s < trouble.from_s <= now_s or unit.shown is None:
                continue
            lower_w = 0.1 * unit.spec.nameplate_w
            if lower_w < unit.shown.limit_w - MIN_W:
                unit.shown = replace(unit.shown, limit_w=lower_w)
                unit.due.append((now_s + unit.dead_s, unit.shown))
                unit.foreign_w, unit.foreign_seen = lower_w, False

    def _met_again(self, now_s: float) -> list[Observation]:
        """Everybody as a new process finds them; the journal explains what it left."""
        met: list[Observation] = [site.meter_met()]
        for number, unit in enumerate(self.units):
            fresh, shown = _met(number, unit.spec), unit.shown
            own = shown is None or unit.told.explains(shown.limit_w, MIN_W)
            found = replace(fresh.found, sent_s=now_s, received_s=now_s)
            if shown is not None:
                held = {"charge_limit_w": shown.charge_limit_w, "setpoint_w": shown.bounded_setpoint_w}
                found = replace(found, limit_w=shown.limit_w, **held)
            met.append(replace(fresh, found=found, found_is_own=own, foreign_w=unit.kept_w))
            if own and unit.kept_w is None:  # by chance a limit that we had told as well: nothing tells the two apart
                unit.foreign_w = None
            unit.foreign_seen = True
        return met

    def _change(self) -> None:
        """Load, sun or a wish goes elsewhere."""
        random = self._random
        if random.random() < 0.5:
            self.demand_w = random.choice([0.02, 0.3, 0.7, 1.2]) * random.uniform(0.5, 1.0) * self.size_w
        sun = random.uniform(0.0, 1.0)
        for unit in self.units:
            low_w = -unit.spec.charge_w
            unit.wish = (
                sun * unit.spec.nameplate_w
                if unit.spec.kind is DerKind.PV
                else random.choice([low_w, 0.0, unit.spec.nameplate_w])
            )

    def _heard(self, now_s: float, fresh: bool) -> list[Observation]:
        made = [seen for at_s, seen in self.late if at_s <= now_s]
        self.late = [(at_s, seen) for at_s, seen in self.late if at_s > now_s]
        import_w = self.demand_w - sum(u.injection_w for u in self.units)
        if self._is(now_s, "meter_silent", 0):
            made.append(site.fault(FaultKind.NO_ANSWER, now_s))
        elif self._is(now_s, "meter_nan", 0):
            made.append(site.fault(FaultKind.NOT_A_NUMBER, now_s))
        else:
            if fresh and not self._is(now_s, "meter_frozen", 0):
                self.words, self.shown_w = self.words + 1, import_w + self._random.gauss(0.0, self.noise_w)
            made.append(site.meter_says(self.shown_w, now_s, words=self.words.to_bytes(4, "big")))
        verify = now_s >= self.verify_s
        self.verify_s = now_s + VERIFY_S if verify else self.verify_s
        for number, unit in enumerate(self.units):
            if self._is(now_s, "der_silent", number):
                made.append(site.fault(FaultKind.NO_ANSWER, now_s, unit.spec.id))
                continue
            if self._is(now_s, "der_forgets", number) and unit.shown is not None:
                unit.held = unit.taken = unit.shown = None
                unit.due.clear()
            if fresh and not self._is(now_s, "der_frozen", number):
                unit.said_w = unit.injection_w
            made.append(site.der_says(unit.said_w, now_s, number))
            if verify:
                made.append(self.read(number, now_s))
        return made

    def read(self, number: int, now_s: float) -> Observation:
        """Its limits as they are in its registers: the controller has seen them from now on."""
        unit, shown = self.units[number], self.units[number].shown
        unit.foreign_seen = True
        more = {"charge_limit_w": shown.charge_limit_w if shown else None}
        more["setpoint_w"] = shown.bounded_setpoint_w if shown else None
        return site.holds(shown.limit_w if shown else None, now_s, number, **more)

    def obey(self, command: LimitActivePower, now_s: float) -> None:
        """A command reaches its DER, or fails; somebody else's limit is never overwritten where it could be known."""
        number = int(command.der_id[1:])
        unit, back_s = self.units[number], now_s + 2 * LINK_S
        values = {name: getattr(command, name) for name in ("der_id", "limit_w", "charge_limit_w", "setpoint_w")}
        unit.told.tell(command.limit_w, now_s)
        unit.kept_w = command.foreign_w
        if self._is(now_s, "der_refuses", number) or self._is(now_s, "der_silent", number):
            failed = site.fault(FaultKind.NO_ANSWER, back_s, command.der_id)
            self.late.append((back_s, LimitFailed(fault=failed, **values)))
            return
        foreign_w = unit.foreign_w
        if foreign_w is not None and command.limit_w > foreign_w + MIN_W:
            must(not unit.foreign_seen, now_s, f"{command.der_id}: {command.limit_w:.0f} W over {foreign_w:.0f} W")
            if not command.urgent:  # a raise looks first
                failed = site.fault(FaultKind.NOT_APPLIED, back_s, command.der_id)
                self.late += [(back_s, LimitFailed(fault=failed, **values)), (back_s, self.read(number, back_s))]
                return
            unit.foreign_w = None  # overwritten before anybody could see it
        elif command.urgent and not unit.foreign_seen:  # ours is as low: both read the same from now on
            unit.foreign_w = None
        if unit.shown is not None and unit.shown.setpoint_w is not None and command.setpoint_w is None:
            self._asked_s = now_s
        if command.charge_limit_w is None and unit.shown is not None:  # what is not told stays as it was
            command = replace(command, charge_limit_w=unit.shown.charge_limit_w)
        unit.told.confirm(now_s)
        unit.shown = command
        unit.due.append((now_s + LINK_S + unit.dead_s, command))
        self.late.append((back_s, LimitApplied(sent_s=now_s, received_s=back_s, **values)))

    def _look(self, now_s: float) -> None:
        """Whether a limit is exceeded, by what DERs under control could avoid, with nothing that explains it."""
        import_w = self.demand_w - sum(u.injection_w for u in self.units)
        self.flows_w.append(import_w)
        allowed_s = SEES_S + SETTLES_S + self._detection_s(now_s)
        away_s = STARTS_S + allowed_s
        if any(t.name == "process" and t.from_s <= now_s <= t.to_s + away_s for t in self.troubles):
            return
        if now_s - self._asked_s <= allowed_s or any(0.0 <= now_s - m <= allowed_s for m in self.moments):
            return
        for limit in self.policy.limits:
            sign = -1.0 if limit.direction is Direction.EXPORT else 1.0
            own_w = sum(max(0.0, -sign * u.injection_w) for n, u in enumerate(self.units) if self._usable(now_s, n))
            if min(sign * import_w - (limit.value or 0.0), own_w) > 30.0 + 0.01 * self.size_w:
                self.beyond.setdefault(limit.direction.value, now_s)

    def _held_back(self) -> list[str]:
        """At the end, after a quiet minute, everybody does what it would, or a limit keeps it from that.

        A wish that a set point may hide is asked for too seldom to be judged here, and until then room is kept for it.
        A foreign limit stays. What storage draws or discharges by itself is nothing that others may count on: no state
        of charge is known here, and without it nobody is told to absorb.
        """
        least = {
            d: min((x.value or 0.0 for x in self.policy.limits if x.direction is d), default=1e9) for d in Direction
        }
        import_w = self.demand_w - sum(u.injection_w for u in self.units)
        up_w = down_w = drawn_w = discharged_w = keeps_w = 0.0
        for number, unit in enumerate(self.units):
            storage = unit.spec.kind is DerKind.BATTERY
            bounds = storage and number % 2 == 0
            drawn_w += max(0.0, -unit.injection_w) if storage else 0.0
            discharged_w += max(0.0, unit.injection_w) if storage else 0.0
            keeps_w += sun_room_w(unit.spec, unit.injection_w, unit.wish * min(1.0, unit.gain) - unit.injection_w)
            if unit.foreign_w is not None or (storage and not bounds):
                continue
            up_w += max(0.0, unit.wish * min(1.0, unit.gain) - unit.injection_w)
            down_w += max(0.0, unit.injection_w - unit.wish * min(1.0, unit.gain))
        room_w = 300.0 + 0.08 * self.size_w
        found = []
        hidden = any(u.shown is not None and u.shown.setpoint_w is not None for u in self.units)
        up_room_w = room_w + keeps_w
        if not hidden and up_w > up_room_w and drawn_w - import_w < least[Direction.EXPORT] - up_room_w:
            found.append(f"{up_w:.0f} W of production are held back at the end, and {-import_w:.0f} W reach no limit")
        if down_w > room_w and import_w + discharged_w < least[Direction.IMPORT] - room_w:
            found.append(f"{down_w:.0f} W of draw are held back at the end, and {import_w:.0f} W reach no limit")
        return found

    def _detection_s(self, now_s: float) -> float:
        after_s = SEES_S + SETTLES_S
        judged = [t for t in self.troubles if t.name in FAULTS]
        return sum(FAULTS[t.name] for t in judged if t.from_s <= now_s <= t.to_s + after_s + FAULTS[t.name])

    def _usable(self, now_s: float, number: int) -> bool:
        away_s = MEET_S + SEES_S + SETTLES_S
        mine = (t for t in self.troubles if t.name.startswith("der") and t.number == number)
        return not any(t.from_s <= now_s <= t.to_s + away_s for t in mine)


def _spec(random: Random, number: int, kind: DerKind) -> DerSpec:
    size_w = random.choice([3000.0, 5000.0, 10_000.0, 30_000.0])
    draw_w = 0.8 * size_w if kind is DerKind.BATTERY else 0.0
    return site.der_spec(number, size_w, kind=kind, charge_w=draw_w, profile=site.inverter_profile(TIMING))


def _met(number: int, spec: DerSpec) -> DerIdentified:
    storage = spec.kind is DerKind.BATTERY
    bounds = storage and number % 2 == 0
    return site.der_met(
        number,
        rating_w=spec.nameplate_w,
        charge_rating_w=spec.charge_w,
        bounds_charge=bounds,
        takes_setpoint=storage and not bounds,
    )


def _limits(random: Random, specs: tuple[DerSpec, ...]) -> tuple[Limit, ...]:
    size_w = sum(s.nameplate_w for s in specs)
    out = Limit(direction=Direction.EXPORT, value=random.choice([0.0, 0.0, 0.2, 0.5]) * size_w)
    into = Limit(direction=Direction.IMPORT, value=random.choice([0.0, 0.3, 0.8]) * size_w)
    has_storage = any(s.charge_w > 0.0 for s in specs)
    return random.choice([(out,), (into,), (out, into)]) if has_storage else (out,)


def _trouble(random: Random, ders: int) -> Trouble:
    name = random.choice([*FAULTS, *UNJUDGED])
    from_s = random.choice([0.0, random.uniform(20.0, HOUR_S - 300.0)])
    lasts_s = random.choice([0.6, 2.0, 8.0, 30.0, 120.0]) if name != "der_forgets" else 0.5
    on_der = name.startswith("der") or name == "writer_lower"
    return Trouble(name, random.randrange(ders) if on_der else 0, from_s, from_s + lasts_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Long:
    """What an hour came to: what it violates, and a digest of the flow at each step."""

    site_s: float
    violated: tuple[str, ...]
    digest: str


def long_site(seed: int) -> Long:
    """The site of this seed for an hour; whatever ends it is a violation, and the next site goes on."""
    hour = Hour(seed)
    try:
        found = hour.run()
    except InvariantError as error:
        found = [str(error)]
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        found = [f"{type(error).__name__} in {frame.name}, line {frame.lineno}: {error}"]
    return Long(site_s=HOUR_S, violated=tuple(found), digest=sha256(hour.flows_w.tobytes()).hexdigest())
