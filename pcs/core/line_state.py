"""What is remembered of one line, and its limit as it stands now."""

from dataclasses import dataclass

from pcs.core.channels import room_w
from pcs.core.clouds import Seen
from pcs.core.envelope import Envelope, envelope, safe_total_w
from pcs.core.evolve import evolve
from pcs.core.excursion import Excursion, Excursions
from pcs.core.failsafe import Action
from pcs.core.measure import Sample
from pcs.core.policy import Line, Policy
from pcs.core.regulate import Budget, Flow
from pcs.core.response import ResponseState
from pcs.core.service import conductor_v
from pcs.core.trust import Trust
from pcs.model.reading import LimitsInForce

HYSTERESIS = 0.02
"""A limit in amperes moves with the volts; below 2 % that is not worth a new error budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """One line's memory (watts on its channel, in its own direction; seconds).

    `value` is the limit in its own unit as it is in force (None: it is not), `used_s` when the last sample that it has
    used was received, `lacks` what its meters do not measure, `reactive` whether reactive power alone is beyond it.
    `binds_since_s`: since when it, and neither sun nor wish nor rating, decides (None: it does not).
    """

    value: float | None
    envelope: Envelope
    budget: Budget
    action: Action = Action.SAFE
    safe_w: float | None = None
    flow: Flow | None = None
    seen: Seen = ()
    used_s: float = float("-inf")
    lacks: str = ""
    reactive: bool = False
    excursions: Excursions
    response: ResponseState
    trust: Trust
    binds_since_s: float | None = None
    probe_w: float | None = None
    """What the budget may not exceed while a meter's sign is in doubt; None: none is."""
    beyond: tuple[Excursion | None, ...] = ()
    """The excursion that lasts beyond each threshold of the lock-out's rules, as the meter saw it."""


def new(line: Line, policy: Policy) -> LineState:
    """A line at the start: as the site file states it; scheduled ones are told before anything is regulated."""
    value = line.limit.value
    return LineState(
        value=value,
        envelope=_envelope(line, policy, value, None),
        budget=Budget(),
        excursions=Excursions(),
        response=ResponseState(),
        trust=Trust(),
    )


def in_force(
    state: LineState, line: Line, policy: Policy, told: LimitsInForce | None, fresh: Sample | None
) -> LineState:
    """The line with the limit that is in force now, in watts at the volts and reactive power of the fresh sample."""
    value = line.limit.value if told is None else told.values[line.limit_number]
    in_watts = line.limit.quantity == "w"
    if value == state.value and (in_watts or fresh is None):
        return state
    if value is None:
        return evolve(state, value=None, envelope=envelope(line, policy, None), reactive=False)
    room = room_w(line, value, fresh, conductor_v(policy.system, policy.nominal_v))
    if room is None:  # beyond it whatever the DERs do; least far beyond it without active power
        return evolve(state, value=value, envelope=envelope(line, policy, 0.0), reactive=True)
    known_w = state.envelope.limit_w
    if value == state.value and known_w is not None and 0.0 <= known_w - room <= HYSTERESIS * known_w:
        kept = Envelope(limit_w=room, margin=state.envelope.margin)
        return evolve(state, envelope=kept, reactive=False)
    return evolve(state, value=value, envelope=envelope(line, policy, room), reactive=False)


def _envelope(line: Line, policy: Policy, value: float | None, sample: Sample | None) -> Envelope:
    if value is None:
        return envelope(line, policy, None)
    return envelope(line, policy, room_w(line, value, sample, conductor_v(policy.system, policy.nominal_v)))


def at_start(policy: Policy) -> tuple[tuple[Line, Envelope, float | None], ...]:
    """Every line with its limit and margin as the site file states them, and its safe total (watts), unmeasured."""
    made = []
    for line in policy.lines:
        bounded = new(line, policy).envelope
        made.append((line, bounded, safe_total_w(line, bounded, policy, 0.0)))
    return tuple(made)
