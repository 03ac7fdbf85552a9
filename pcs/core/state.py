"""Everything the core remembers from step to step, and what a step returns."""

from dataclasses import dataclass

from pcs.core import der_state, lockout
from pcs.core.busbar import BusState
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.failsafe import Action
from pcs.core.line_state import LineState
from pcs.core.line_state import new as new_line
from pcs.core.lockout import UNLOCKED, LockoutState
from pcs.core.measure import MeterState
from pcs.core.policy import Policy
from pcs.core.watch import Watch
from pcs.model.command import LimitActivePower
from pcs.model.event import Event
from pcs.model.fault import Fault
from pcs.model.lockout import LockoutRecord
from pcs.model.reading import LimitsInForce, Observation
from pcs.model.units import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The core's memory. Meters, DERs, lines and busbars are in the order of the policy; `watches` belong to meters.

    `faults` are the active conditions; `in_force` says what every limit is now (None: as the site file states it);
    `demand_w` is the last estimate of the host load behind the POI (lo, hi). `caps_w`, `floors_w`, `safe_w` and
    `safe_charge_w` are each DER's bounds on injection and its share of the safe set for injection and draw (watts).
    """

    meters: tuple[MeterState, ...]
    watches: tuple[Watch, ...]
    ders: tuple[DerState, ...]
    lines: tuple[LineState, ...]
    buses: tuple[BusState, ...]
    in_force: LimitsInForce | None
    action: Action
    faults: tuple[Fault, ...]
    conflicts: tuple[str, ...]
    """DERs whose lines contradict each other, each with who wins, in words."""
    demand_w: tuple[float, float] | None
    at_s: float
    """When this step was (monotonic)."""
    caps_w: tuple[float, ...]
    floors_w: tuple[float, ...]
    safe_w: tuple[float, ...]
    safe_charge_w: tuple[float, ...]
    held: Fault | None = None
    """Why this start is held in the safe set, since when; None: it is not, or not any more."""
    lockout: LockoutState = UNLOCKED
    """Which excursions have counted, and whether the site is locked out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the shell has heard since the last step, in the order it came."""

    observations: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one step returns: the new memory, what to tell whom, and what happened."""

    state: State
    commands: tuple[LimitActivePower, ...]
    events: tuple[Event, ...]


def initial(policy: Policy, now: Instant, record: LockoutRecord | None = None) -> State:
    """The state at start: nothing known, everything safe; `record` is what the last controller left of lock-outs."""
    names, rules = tuple(line.name for line in policy.lines), policy.lockout
    lines = tuple(new_line(line, policy) for line in policy.lines)
    kept = UNLOCKED
    if rules is not None and record is not None:
        kept = lockout.resumed(record, rules, names, now.mono_s, now.utc_s)
        seeds = lockout.seeds(record, rules, names, now.mono_s)
        lines = tuple(evolve(line, beyond=seed) for line, seed in zip(lines, seeds, strict=True))
    nothing = (0.0,) * len(policy.controlled)
    return State(
        meters=tuple(MeterState() for _ in policy.meters),
        watches=tuple(Watch.new(now.mono_s) for _ in policy.meters),
        ders=tuple(der_state.new(d, t, now.mono_s) for d, t in zip(policy.controlled, policy.timings, strict=True)),
        lines=lines,
        buses=tuple(BusState() for _ in policy.buses),
        in_force=None,
        action=Action.SAFE,
        faults=(),
        conflicts=(),
        demand_w=None,
        at_s=now.mono_s,
        caps_w=nothing,
        floors_w=nothing,
        safe_w=nothing,
        safe_charge_w=nothing,
        lockout=kept,
    )
