"""What must hold on every site: in each step of the core, and at the end of a run that has come to rest."""

from math import sqrt

from pcs.core.failsafe import Action, obeys, site_action
from pcs.core.policy import Line, Policy, lies_behind
from pcs.core.state import Inputs, Outcome, State
from pcs.core.step import step
from pcs.model.fault import FaultKind
from pcs.model.limit import Accounting, Quantity
from pcs.runtime.checkpoint import Checkpoint, decode_checkpoint, encode_checkpoint
from tests import core_site as site
from tests.random_site import SECONDS, RandomSite
from tests.site_plant import Flows, Trace, simulate, spread

TINY_W = 1e-3
RESTS_FROM_S = SECONDS - 5.0
REST_W, REST_SHARE = 25.0, 0.01
"""Beyond a limit at rest: what the least cushion leaves, and one per cent of all that the limit bounds."""
EVERY_S = 5.0
"""How often a step is repeated and its state sent through the journal's form."""


class InvariantError(AssertionError):
    """One that was violated: what, when, on which site."""


def must(holds: bool, now_s: float, what: str) -> None:
    if not holds:
        raise InvariantError(f"at {now_s:.1f} s: {what}")


def in_each_step(state: State, inputs: Inputs, policy: Policy, outcome: Outcome, *, again: bool | None = None) -> None:
    """Bounds, budgets, fail-safe, commands; `again`: repeat the step and keep its state (None: now and then)."""
    after, now_s = outcome.state, outcome.state.at_s
    _bounds(after, now_s)
    _budgets(after, policy, now_s)
    _failsafe(state, after, policy, now_s)
    for command in outcome.commands:
        der = next(d for d in after.ders if d.spec.id == command.der_id)
        must(der.identified is not None, now_s, f"{command.der_id} is told something before it was met")
        must(-TINY_W <= command.limit_w <= der.most_w + TINY_W, now_s, f"{command}")
        must(-TINY_W <= command.reversion_limit_w <= der.most_w + TINY_W, now_s, f"{command}")
        draw_w = command.charge_limit_w
        must(draw_w is None or -TINY_W <= draw_w <= -der.least_w + TINY_W, now_s, f"{command}")
        goal_w = command.setpoint_w
        must(goal_w is None or der.least_w - TINY_W <= goal_w <= der.most_w + TINY_W, now_s, f"{command}")
    if now_s % EVERY_S < 0.05 if again is None else again:
        must(step(state, inputs, policy, site.at(now_s)) == outcome, now_s, "the same inputs, another outcome")
        kept = Checkpoint(begins=False, policy=policy, state=after)
        must(decode_checkpoint(encode_checkpoint(kept)) == kept, now_s, "the journal gives another state back")


def _bounds(after: State, now_s: float) -> None:
    for d, cap_w, floor_w, safe_w, safe_charge_w in zip(
        after.ders, after.caps_w, after.floors_w, after.safe_w, after.safe_charge_w, strict=True
    ):
        name = d.spec.id
        must(floor_w <= cap_w + TINY_W, now_s, f"{name}: floor {floor_w} W above cap {cap_w} W")
        must(d.least_w - TINY_W <= cap_w <= d.most_w + TINY_W, now_s, f"{name}: cap {cap_w} W beyond its rating")
        must(d.least_w - TINY_W <= floor_w <= d.most_w + TINY_W, now_s, f"{name}: floor {floor_w} W beyond its rating")
        must(-TINY_W <= safe_w <= d.most_w + TINY_W, now_s, f"{name}: safe share {safe_w} W")
        must(-TINY_W <= safe_charge_w <= -d.least_w + TINY_W, now_s, f"{name}: safe share of draw {safe_charge_w} W")
        grain_w = d.spec.charge_min_w
        must(floor_w > -TINY_W or floor_w <= -grain_w + TINY_W, now_s, f"{name}: {-floor_w} W is below its least draw")


def _budgets(after: State, policy: Policy, now_s: float) -> None:
    """No line's budget is exceeded by what obeying DERs may do, while one of them could give way."""
    if after.conflicts:
        return
    obeying = [obeys(after.faults, d.spec.id) and d.identified is not None for d in after.ders]
    for line, state in zip(policy.lines, after.lines, strict=True):
        if state.envelope.limit_w is None:
            continue
        puts_w = [w if line.sign > 0.0 else -f for w, f in zip(after.caps_w, after.floors_w, strict=True)]
        used_w = sum(line.weights[n] * puts_w[n] for n in line.members if obeying[n])
        gives = any(puts_w[n] > TINY_W for n in line.members if obeying[n])
        over_w = used_w - state.budget.total_w
        must(not gives or over_w <= 0.01, now_s, f"{line.name}: {over_w:.3f} W beyond its budget")


def _failsafe(before: State, after: State, policy: Policy, now_s: float) -> None:
    must(
        after.action is site_action(after.faults), now_s, f"action {after.action.name} does not follow from the faults"
    )
    for line, old, new in zip(policy.lines, before.lines, after.lines, strict=True):
        if old.action < Action.TIGHTEN <= new.action and old.budget.at_s is not None and new.value == old.value:
            raised_w = new.budget.total_w - old.budget.total_w
            must(
                raised_w <= TINY_W or old.envelope.limit_w is None,
                now_s,
                f"{line.name}: {new.action.name} raises its budget by {raised_w:.1f} W",
            )


def at_rest(trace: Trace) -> None:
    """Every limit holds at the end; one is exceeded only where nothing that obeys is left to lower, and it is said."""
    state, policy = trace.state, trace.of.policy
    named = {f.source_id for f in state.faults if f.kind in (FaultKind.CANNOT_HOLD, FaultKind.CANNOT_MEASURE)}
    for line, known in zip(policy.lines, state.lines, strict=True):
        if known.value is None or state.conflicts or line.limit.accounting is Accounting.DER_SUBPANEL:
            continue
        worst_w, now_s = max(
            (min(_beyond(line, known.value, trace.of, flows), _own_w(line, policy, injections_w)), now_s)
            for (now_s, flows), injections_w in zip(trace.flows, trace.injections_w, strict=True)
            if now_s >= RESTS_FROM_S
        )
        left = known.lacks == "" and not known.reactive and _gives(line, trace)
        is_held = worst_w <= REST_W + REST_SHARE * line.size_w
        must(
            is_held or line.point.id in named, now_s, f"{line.name}: {worst_w:.0f} W beyond at rest, and nobody says so"
        )
        must(is_held or not left, now_s, f"{line.name}: {worst_w:.0f} W beyond at rest, and somebody could give way")


def _gives(line: Line, trace: Trace) -> bool:
    """Whether somebody who shows on the line's channel, as the plant has it, could give way further."""
    state, policy, points = trace.state, trace.of.policy, {p.id: p for p in trace.of.points}
    puts_w = state.caps_w if line.sign > 0.0 else tuple(-w for w in state.floors_w)
    for d, put_w in zip(state.ders, puts_w, strict=True):
        shares = spread(policy.system, d.spec.connection)
        shows = line.phase is None or shares[line.phase][0] > 0.0
        acts = d.spec.concerns(line.limit.scope) and lies_behind(d.spec, line.point.id, points)
        if put_w > 1.0 and shows and acts and obeys(state.faults, d.spec.id):
            return True
    return False


def _own_w(line: Line, policy: Policy, injections_w: dict[str, float]) -> float:
    """What storage puts on a line that is about storage alone (W): without it nothing is beyond such a limit."""
    if not line.is_ess:
        return float("inf")
    return sum(line.weights[n] * line.sign * injections_w[policy.controlled[n].id] for n in line.members)


def _beyond(line: Line, value: float, of: RandomSite, flows: Flows) -> float:
    """How far the true flow is beyond the limit (W on its channel)."""
    ids = [of.policy.meters[n].id for n, _ in line.meter_signs]
    parts = list(zip(ids, (s for _, s in line.meter_signs), strict=True))
    phases = range(of.policy.phases) if line.phase is None else (line.phase,)
    power_w = sum(s * flows[i][k][0] for i, s in parts for k in phases)
    power_var = sum(s * flows[i][k][1] for i, s in parts for k in phases)
    towards_w = -line.sign * power_w
    quantity = line.limit.quantity
    if quantity is Quantity.W:
        return towards_w - value
    volts = of.policy.nominal_v / (sqrt(3.0) if of.policy.system.value == "delta" else 1.0)
    most_va = value * (volts if quantity is Quantity.A else 1.0)
    left = most_va * most_va - power_var * power_var
    return towards_w - sqrt(max(0.0, left))


def run(of: RandomSite) -> Trace:
    """One site, with every invariant."""
    trace = simulate(of, in_each_step)
    at_rest(trace)
    return trace
