"""Everything the core remembers from step to step, and what a step returns."""

from dataclasses import dataclass

from pcs.core import ders
from pcs.core.ders import DerState
from pcs.core.envelope import Envelope, envelope
from pcs.core.excursion import Excursions
from pcs.core.failsafe import Action
from pcs.core.measure import MeterState
from pcs.core.policy import Policy
from pcs.core.regulate import Budget
from pcs.core.response import ResponseState
from pcs.core.wiring import WiringState
from pcs.model.command import LimitActivePower
from pcs.model.event import Event
from pcs.model.fault import Fault
from pcs.model.reading import Observation
from pcs.model.units import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The core's memory. `faults` are the active conditions, `demand_w` the last estimate of the host load (lo, hi)."""

    meter: MeterState
    ders: tuple[DerState, ...]
    wiring: WiringState
    envelope: Envelope
    budget: Budget
    action: Action
    faults: tuple[Fault, ...]
    excursions: Excursions
    response: ResponseState
    demand_w: tuple[float, float] | None
    injection_fresh_w: float
    """Middle of the injection interval at the last fresh sample, to see what a silent meter should have shown."""
    injection_moved_w: tuple[float, float]
    """Bounds on all injection when the metered power last changed: power that stands still while the DERs surely move
    is frozen."""
    stuck_since_s: float | None
    """Since when the metered power ought to have followed the DERs and did not."""
    at_s: float
    """When this step was (monotonic)."""
    caps_w: tuple[float, ...]
    safe_w: tuple[float, ...]


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


def initial(policy: Policy, now: Instant) -> State:
    """The state at start: nothing known, everything safe."""
    return State(
        meter=MeterState(),
        ders=tuple(ders.new(d, t, now.mono_s) for d, t in zip(policy.controlled, policy.timings, strict=True)),
        wiring=WiringState(since_s=now.mono_s),
        envelope=envelope(policy),
        budget=Budget(),
        action=Action.SAFE,
        faults=(),
        excursions=Excursions(),
        response=ResponseState(),
        demand_w=None,
        injection_fresh_w=0.0,
        injection_moved_w=(0.0, float("inf")),
        stuck_since_s=None,
        at_s=now.mono_s,
        caps_w=(0.0,) * len(policy.controlled),
        safe_w=(0.0,) * len(policy.controlled),
    )
