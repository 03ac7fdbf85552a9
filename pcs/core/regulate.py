"""The control law of one line: an absolute estimate of the load, asserted always (DESIGN section 5).

With the DERs' injection known to lie in [lo, hi] at the time of the meter sample, the budget that holds the limit lies
between ``import + lo + limit - margin`` and the same with hi. One sample suffices, nothing winds up, and a step of the
sun is a non-event. For a line that bounds import everything is mirrored: its flow is the export, and what it bounds is
the draw. Rules:

1. Flow beyond the limit lowers the budget at once; hi gives credit only for what commands in flight still explain.
2. Without flow beyond the limit, a budget is too high when it exceeds what the middle of the bounds leaves: lo would
   count a raise under way for nothing and dip at every release, hi would believe a stale telemetry for too long (a
   limit cycle). And it waits until every DER has spoken since: otherwise a rising sun, seen by the meter before the
   telemetry, would look like falling load. It needs no credit, and takes none: a load drop right after it must not
   wait.
3. The budget rises only towards what is certain (lo, widened for clouds), slewed per time, and never while the meter
   shows flow beyond the limit.
"""

from dataclasses import dataclass

from pcs.core.envelope import Envelope
from pcs.core.evolve import evolve
from pcs.model.units import Span

INFINITY = float("inf")
SMALL_SHARE = 0.05
SMALL_GAIN = 2.0
"""An excess below 5 % of all that may be capped is taken off twofold, and no more: while a raise is under way the lower
bound lies far below the truth, and a watt beyond the limit would else cost everything (and be back at the next raise).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What is known at one meter sample (watts): the flow, and bounds on what the line's DERs put on it in its span.

    In the direction of the line: for an import line `import_w` is what is exported, and "injection" is the draw.

    `lo_w`/`hi_w` bound the sum of injections, `certain_w` is the lower bound that a raise may count on, `credit_w` the
    upper bound of the mean over the meter's window: what commands in flight can still explain of the flow.
    `reserved_w`: injection that DERs which do not obey may rise to on their own. `spoken_s`: every DER's telemetry is
    known to be at least as young as this moment (minus infinity: one has none). `likely_w`: the best single guess at
    the sum of injections; None: the middle of its bounds.
    """

    import_w: float
    span: Span
    lo_w: float
    hi_w: float
    certain_w: float
    credit_w: float
    reserved_w: float
    spoken_s: float
    likely_w: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the obeying DERs may inject together (watts), and the clocks of the rules."""

    total_w: float = 0.0
    at_s: float | None = None
    """When the budget was last allowed to rise."""
    credit_until_s: float = 0.0
    too_high_since_s: float | None = None
    frozen_w: float | None = None
    """The budget when the trouble began: tightening starts from here, and no trouble raises it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The times and rates of one step.

    `settle_s`: a full step of the slowest plant. `slew_w_s`: how fast the budget may rise. `most_w`: the sum of all
    that may be capped; `least_w` (<= 0): how far below nothing the budget may go, where storage can be told to help.
    `trust_share`: the share by which the DERs are known to inject more than they say. `ceiling_w`: what the budget may
    rise to while a part of that share is on trial.
    """

    settle_s: float
    slew_w_s: float
    most_w: float
    least_w: float = 0.0
    trust_share: float = 0.0
    ceiling_w: float = INFINITY


def regulate(budget: Budget, flow: Flow, envelope: Envelope, pace: Pace, now_s: float) -> Budget:
    """The budget after one fresh sample. Restricting is immediate, releasing is slewed."""
    if envelope.limit_w is None:
        return evolve(budget, total_w=pace.most_w, at_s=now_s, frozen_w=None)
    outer_w, inner_w = (
        flow.import_w + envelope.limit_w - m - flow.reserved_w
        for m in (envelope.margin.total_w, envelope.margin.inner_w)
    )
    beyond = flow.import_w + envelope.limit_w < envelope.margin.inner_w
    credited_w = flow.credit_w if now_s < budget.credit_until_s else flow.lo_w
    if not beyond:
        likely_w = 0.5 * (flow.lo_w + flow.hi_w) if flow.likely_w is None else flow.likely_w
        credited_w = max(credited_w, _trusted_w(likely_w, budget, pace))
    too_high = budget.total_w > inner_w + credited_w
    since_s = (budget.too_high_since_s if budget.too_high_since_s is not None else now_s) if too_high else None
    if too_high and (beyond or (since_s is not None and flow.spoken_s >= since_s)):
        total_w = max(pace.least_w, outer_w + credited_w)
        excess_w = envelope.margin.total_w - envelope.limit_w - flow.import_w
        if beyond and not flow.reserved_w and excess_w < SMALL_SHARE * pace.most_w:
            total_w = max(total_w, min(budget.total_w, flow.hi_w * (1.0 + pace.trust_share)) - SMALL_GAIN * excess_w)
        share = (budget.total_w - total_w) / pace.most_w if pace.most_w else 0.0
        credit_s = now_s + pace.settle_s * max(0.25, min(1.0, share))
        return evolve(
            budget,
            total_w=total_w,
            at_s=now_s,
            credit_until_s=max(budget.credit_until_s, credit_s) if beyond else budget.credit_until_s,
            too_high_since_s=None,
            frozen_w=None,
        )
    goal_w = min(pace.most_w, pace.ceiling_w, outer_w + _trusted_w(flow.certain_w, budget, pace))
    total_w = budget.total_w
    if goal_w > total_w and budget.at_s is not None and not beyond:
        total_w = min(goal_w, total_w + pace.slew_w_s * max(0.0, now_s - budget.at_s))
    return evolve(budget, total_w=total_w, at_s=now_s, too_high_since_s=since_s, frozen_w=None)


def _trusted_w(said_w: float, budget: Budget, pace: Pace) -> float:
    """What DERs inject that say this (W), by the share that was found: but never more for it than the budget.

    Without that bound a share that was found by mistake (the sun rose just when a raise was tried) is a limit cycle:
    with the flow at its limit each raise would ask for that share on top of it, and the next sample take it back.
    """
    found_w = said_w * (1.0 + pace.trust_share)
    return found_w if found_w <= said_w else max(said_w, min(found_w, budget.total_w))


def hold(budget: Budget, now_s: float) -> Budget:
    """No fresh knowledge: keep the budget, and let no time count towards a later raise."""
    return evolve(budget, at_s=now_s)


def without(budget: Budget, left_w: float) -> Budget:
    """The budget of those that are left when DERs with `left_w` together drop out: their share goes to nobody.

    They may well go on injecting it; handed on, it would be flow beyond the limit. A raise has to earn it again, and
    the room that they may need is made on the next sample: nobody is waited for.
    """
    if left_w <= 0.0:
        return budget
    frozen_w = None if budget.frozen_w is None else max(min(0.0, budget.frozen_w), budget.frozen_w - left_w)
    total_w = max(min(0.0, budget.total_w), budget.total_w - left_w)
    return evolve(budget, total_w=total_w, frozen_w=frozen_w, too_high_since_s=-INFINITY)


def tighten(budget: Budget, safe_w: float | None, part: float, now_s: float) -> Budget:
    """Move from the budget that was in force when the meter went stale towards the safe total, `part` of the way."""
    if safe_w is None:
        return hold(budget, now_s)
    start_w = budget.total_w if budget.frozen_w is None else budget.frozen_w
    return evolve(
        budget,
        total_w=min(budget.total_w, start_w + (min(safe_w, start_w) - start_w) * part),
        at_s=now_s,
        frozen_w=start_w,
    )


def secure(budget: Budget, safe_w: float, settle_s: float, now_s: float) -> Budget:
    """The safe total, or the budget at the beginning of the trouble where that was lower: fail-safe only tightens.

    A DER that is still on its way to the safe set when the trouble ends has credit for that way: `settle_s` at most.
    """
    start_w = budget.total_w if budget.frozen_w is None else budget.frozen_w
    start_w = INFINITY if budget.at_s is None else start_w  # nothing was regulated yet
    total_w = min(safe_w, start_w)
    lowered = budget.at_s is None or total_w < budget.total_w
    credit_until_s = now_s + settle_s if lowered else budget.credit_until_s
    return Budget(total_w=total_w, at_s=now_s, credit_until_s=credit_until_s, frozen_w=start_w)
