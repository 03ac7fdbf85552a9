"""One line's part of a step: from the fresh sample and the DERs' bounds to the line's budget, excursions and response.

Everything is turned into the line's own direction first: for an import line the flow is what is exported and the
"injection" is the draw (DESIGN section 5: mirrored for import).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pcs.core import channels, clouds, excursion, line_state, lockout, measure, observe, response, trust
from pcs.core.answer import MOVE_SHARE
from pcs.core.der_state import DerState
from pcs.core.envelope import safe_total_w
from pcs.core.evolve import evolve
from pcs.core.excursion import Excursion, Excursions
from pcs.core.failsafe import Action
from pcs.core.line_state import LineState
from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Line, Policy
from pcs.core.question import ASKS_SHARE
from pcs.core.regulate import Budget, Flow, Pace, hold, regulate, secure, tighten, without
from pcs.core.response import Response
from pcs.core.trust import Trust
from pcs.core.watch import counted
from pcs.core.wiring import WINDOW_S
from pcs.model.limit import Accounting
from pcs.model.lockout import LockoutRules
from pcs.model.reading import LimitsInForce

PROBATION_SLEW_PCT_S = 3.0
"""How fast caps rise before the wiring is verified: slowly, because a reversed meter would call it right."""
PROBE_SLEW_PCT_S = 4.5
"""The same for the first `PROBE_SHARE`: soon large enough to prove something, and a meter with one sample a second
still sees less than the jump (5 % of nameplate) that would part its evidence."""
PROBE_SHARE = 0.06
"""A little more than the movement that proves something: 5 % of nameplate (DESIGN section 6)."""
PROVES_SHARE_S = 1.2 * MOVE_SHARE / WINDOW_S
"""Of all DERs' size per second: a battery that is small beside them moves enough within the window of the check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the DERs' injection in the span of one sample (watts; seconds), for those that a line asks for."""

    lo_w: tuple[float, ...]
    hi_w: tuple[float, ...]
    certain_w: tuple[float, ...]
    certain_high_w: tuple[float, ...]
    mean_hi_w: tuple[float, ...]
    mean_lo_w: tuple[float, ...]
    spoken_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The DERs as a step sees them: who obeys, and how far each may be told to help (absorb or support, watts)."""

    ders: tuple[DerState, ...]
    obeying: tuple[bool, ...]
    help_w: tuple[float, ...]
    support_w: tuple[float, ...]
    left_cap_w: tuple[float, ...]
    """The cap that each DER had which obeyed in the last step and does not now; 0 for all others."""
    left_charge_w: tuple[float, ...]
    settle_s: tuple[float, ...]
    """How long each needs for a full step (`observe.settle_s`)."""


def asked(line: Line, ders: tuple[DerState, ...]) -> Iterable[int]:
    """The DERs whose bounds the line needs: its own, and where storage may charge with what sources make, those."""
    return range(len(ders)) if line.limit.accounting is Accounting.DER_SUBPANEL else line.members


def bounds_of(ders: tuple[DerState, ...], sample: Sample, imports: bool, numbers: Iterable[int]) -> Bounds:
    """Bounds of the DERs with these numbers in the sample's span; all others stand at nothing.

    What a lower floor may count on is worked out only where import lines need it.
    """
    averaging_s = sample.published_s - sample.span.from_s
    nothing = [0.0] * len(ders)
    lo, hi, certain, high, mean_hi, mean_lo, spoken = (list(nothing) for _ in range(7))
    for n in numbers:
        d = ders[n]
        track = d.track
        is_counted = counted(d)
        if is_counted:
            lo_w, hi_w = observe.bounds(track, sample.span)
            mean_lo_w, mean_hi_w = observe.means_w(track, sample.span, averaging_s)
        else:
            lo_w = hi_w = mean_lo_w = mean_hi_w = track.least_w  # it surely injects nothing
        lo[n], hi[n], mean_lo[n], mean_hi[n] = lo_w, hi_w, mean_lo_w, mean_hi_w
        certain[n] = observe.certain_w(track, mean_lo_w, sample.span.to_s) if is_counted else lo_w
        draws = imports and track.least_w < 0.0
        high[n] = observe.certain_high_w(track, mean_hi_w, sample.span.to_s) if draws else hi_w
        spoken[n] = track.telemetry_span.from_s if track.telemetry_span else -observe.INFINITY
    return Bounds(
        lo_w=tuple(lo),
        hi_w=tuple(hi),
        certain_w=tuple(certain),
        certain_high_w=tuple(high),
        mean_hi_w=tuple(mean_hi),
        mean_lo_w=tuple(mean_lo),
        spoken_s=tuple(spoken),
    )


def flow_of(
    line: Line, ders: tuple[DerState, ...], sample: Sample, bounds: Bounds, reserved_w: float, phases: int
) -> Flow | None:
    """What the sample says of the line, in the line's direction; None where the meters do not measure it."""
    import_w = channels.import_w(line, sample, phases)
    if import_w is None:
        return None
    up = line.sign > 0.0
    lo_w = hi_w = certain_w = credit_w = likely_w = 0.0
    spoken_s = sample.received_s
    for n in line.members:
        w = line.weights[n]
        unknown = not counted(ders[n])
        lo_w += w * (bounds.lo_w[n] if up else -ders[n].most_w if unknown else -bounds.hi_w[n])
        hi_w += w * (bounds.hi_w[n] if up else -bounds.lo_w[n])
        certain_w += w * (bounds.certain_w[n] if up else -ders[n].most_w if unknown else -bounds.certain_high_w[n])
        credit_w += w * (bounds.mean_hi_w[n] if up else -bounds.mean_lo_w[n])
        likely_w += w * line.sign * _likely_w(ders[n], bounds.lo_w[n], bounds.hi_w[n])
        if not unknown:
            spoken_s = min(spoken_s, bounds.spoken_s[n])
    line_import_w = line.sign * import_w
    if _is_made_up(line):  # storage may charge with all that sources make
        line_import_w = sum(max(0.0, bounds.lo_w[n]) for n, d in enumerate(ders) if not d.spec.is_storage) - lo_w
    return Flow(
        import_w=line_import_w,
        span=sample.span,
        lo_w=lo_w,
        hi_w=hi_w,
        certain_w=certain_w,
        credit_w=credit_w,
        reserved_w=reserved_w,
        spoken_s=spoken_s,
        likely_w=likely_w,
    )


def _is_made_up(line: Line) -> bool:
    """Whether its flow is what sources say, and no meter shows it: what storage draws on a subpanel of DERs."""
    return line.limit.accounting is Accounting.DER_SUBPANEL and line.sign < 0.0


def _likely_w(der: DerState, lo_w: float, hi_w: float) -> float:
    """What it injects, as one guess: storage that follows a wish of its own does what it last said, not the middle."""
    said_w = der.track.telemetry_w
    if said_w is None or not lo_w < 0.0 < hi_w:
        return 0.5 * (lo_w + hi_w)
    return max(lo_w, min(hi_w, said_w))


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one line's turn gives: its new state, and what ended in it."""

    state: LineState
    ended: Excursion | None = None
    responded: Response | None = None


def take_turn(
    state: LineState,
    line: Line,
    policy: Policy,
    fleet: Fleet,
    meters: tuple[MeterState, ...],
    sample: Sample | None,
    bounds: Bounds | None,
    action: Action,
    verified: bool,
    asks: bool,
    told: LimitsInForce | None,
    now_s: float,
) -> Turn:
    """One line in one step; `sample` and `bounds` are None without a fresh measurement of its point.

    `verified`: the sign of its meters is known; `asks`: it is in doubt, and what the DERs do is to show it.
    """
    lacks = channels.measurable(line, sample, policy.phases) if sample is not None else state.lacks
    state = line_state.in_force(state, line, policy, told, sample if not lacks else None)
    reserved_w = 0.0
    if not all(fleet.obeying):
        reserved_w = sum(line.weights[n] * _most_w(line, fleet.ders[n]) for n in line.members if not fleet.obeying[n])
    flow = None
    if sample is not None and bounds is not None and not lacks:
        flow = flow_of(line, fleet.ders, sample, bounds, reserved_w, policy.phases)
    if flow is not None and not _is_made_up(line):
        state = evolve(state, seen=clouds.note(state.seen, flow))
        flow = clouds.counted_on(flow, state.seen)
    safe_w = safe_total_w(line, state.envelope, policy, reserved_w)
    left = fleet.left_cap_w if line.sign > 0.0 else fleet.left_charge_w
    follows = _follows(line, fleet)
    before = state.budget
    if any(left):
        before = without(before, sum(line.weights[n] * left[n] for n in line.members))
    budget = _budget(before, line, state, policy, fleet, meters, flow, safe_w, action, verified, follows, now_s)
    probe_w = _probe_w(state, line, fleet) if asks else None
    if probe_w is not None and probe_w < budget.total_w:
        budget = evolve(budget, total_w=probe_w)
    previous_s = state.used_s
    follows = follows and verified and action is Action.NORMAL
    state = evolve(
        state,
        trust=_trust(state, line, fleet, flow, budget.total_w, follows, now_s),
        budget=budget,
        action=action,
        safe_w=safe_w,
        probe_w=probe_w,
        lacks=lacks,
        flow=flow or state.flow,
        used_s=sample.received_s if sample is not None else state.used_s,
    )
    return _account(state, line, policy, sample, flow, previous_s)


def _probe_w(state: LineState, line: Line, fleet: Fleet) -> float | None:
    """What the DERs surely injected when the doubt began, and so much less that the flow has to answer it (W)."""
    if state.probe_w is not None or state.flow is None:
        return state.probe_w
    size_w = sum([line.weights[n] * fleet.ders[n].size_w for n in line.members])
    return max(0.0, state.flow.lo_w - ASKS_SHARE * size_w)


def _most_w(line: Line, der: DerState) -> float:
    """What a DER that does not obey may put on the line (W): its nameplate, or all it can draw."""
    if line.sign < 0.0:
        return -der.track.least_w
    return der.weight_w if der.spec.most_w > 0.0 else 0.0


def _budget(
    before: Budget,
    line: Line,
    state: LineState,
    policy: Policy,
    fleet: Fleet,
    meters: tuple[MeterState, ...],
    flow: Flow | None,
    safe_w: float | None,
    action: Action,
    verified: bool,
    follows: bool,
    now_s: float,
) -> Budget:
    """What the obeying DERs may put on the line: the law on a fresh sample, the table's action otherwise."""
    up = line.sign > 0.0
    most_w = sum([line.weights[n] * (fleet.ders[n].most_w if up else -fleet.ders[n].least_w) for n in line.members])
    settle_s = max([fleet.settle_s[n] for n in line.members], default=0.0)
    if action is Action.SAFE:
        return secure(before, most_w if safe_w is None else safe_w, settle_s, now_s)
    if action is Action.TIGHTEN:
        part = max(measure.tightened_part(meters[number], now_s) for number, _ in line.meter_signs)
        return tighten(before, safe_w, part, now_s)
    if flow is None:
        return hold(before, now_s) if action is Action.HOLD else before
    slew_w_s = policy.tuning.release_slew_pct_s / 100.0 * most_w
    if not verified:
        probes = before.total_w < (safe_w or 0.0) + PROBE_SHARE * most_w
        slow_w_s = (PROBE_SLEW_PCT_S if probes else PROBATION_SLEW_PCT_S) / 100.0 * most_w
        slew_w_s = min(max(slow_w_s, PROVES_SHARE_S * sum([der.size_w for der in fleet.ders])), slew_w_s)
    helps_w = fleet.help_w if up else fleet.support_w
    least_w = -sum([line.weights[n] * helps_w[n] for n in line.members]) if any(helps_w) and not line.is_ess else 0.0
    if up:  # the others may use what such storage draws, unless somebody who does not obey does
        least_w -= sum([line.weights[n] * _drawn_freely_w(fleet, n) for n in line.members])
    pace = Pace(
        settle_s=settle_s,
        slew_w_s=slew_w_s,
        most_w=most_w,
        least_w=least_w,
        trust_share=state.trust.share if follows else 0.0,
        ceiling_w=trust.ceiling_w(state.trust, flow.import_w),
    )
    return regulate(before, flow, state.envelope, pace, now_s)


def draws_freely(der: DerState) -> bool:
    """Whether it is storage that draws by its own wish and cannot be told to: its draw counts as a load does."""
    return der.spec.is_storage and der.identified is not None and not der.identified.takes_setpoint


def _drawn_freely_w(fleet: Fleet, number: int) -> float:
    der = fleet.ders[number]
    return observe.drawn_w(der.track) if fleet.obeying[number] and draws_freely(der) else 0.0


def _follows(line: Line, fleet: Fleet) -> bool:
    """Whether the bounds of this line, and nothing of their own, seem to decide what all its sources do."""
    if line.sign < 0.0:
        return False
    members = [fleet.ders[n] for n in line.members]
    return all(d.track.limit_bound and d.track.least_w >= 0.0 and d.track.telemetry_w is not None for d in members)


def _trust(
    state: LineState, line: Line, fleet: Fleet, flow: Flow | None, total_w: float, follows: bool, now_s: float
) -> Trust:
    limit_w = state.envelope.limit_w
    if flow is None or limit_w is None:
        return state.trust
    follows = follows and all(fleet.obeying[n] for n in line.members)
    effect_s = 0.0
    if follows:
        effect_s = max((observe.settle_s(fleet.ders[n].timing, trust.STEP_SHARE) for n in line.members), default=0.0)
    room_w = flow.import_w + limit_w - state.envelope.margin.total_w
    return trust.learn(
        state.trust,
        flow.import_w,
        room_w,
        0.5 * (flow.lo_w + flow.hi_w),
        total_w,
        line.size_w,
        follows,
        effect_s,
        now_s,
    )


def _account(
    state: LineState, line: Line, policy: Policy, sample: Sample | None, flow: Flow | None, previous_s: float
) -> Turn:
    """Excursions and responses of one fresh sample."""
    if sample is None or flow is None:
        return Turn(state=state)
    limit_w = state.envelope.limit_w
    import_w = flow.import_w
    if line.is_ess and limit_w is not None:  # only what storage itself puts on the line is beyond its limit
        import_w = max(import_w, -limit_w - max(0.0, 0.5 * (flow.lo_w + flow.hi_w)))
    seen = evolve(sample, import_w=import_w)
    since_s = previous_s if previous_s > -observe.INFINITY else None
    tolerance_w = policy.tolerance.of_w(line.size_w)
    excursions, ended = excursion.account(state.excursions, seen, since_s, limit_w, tolerance_w)
    following, responded = response.follow(state.response, seen, flow.lo_w, flow.hi_w, limit_w, line.size_w)
    state = evolve(state, excursions=excursions, response=following)
    if policy.lockout is not None:
        state = evolve(state, beyond=_beyond(state, policy.lockout, seen, since_s, limit_w, tolerance_w))
    return Turn(state=state, ended=ended, responded=responded)


def _beyond(
    state: LineState,
    rules: LockoutRules,
    seen: Sample,
    since_s: float | None,
    limit_w: float | None,
    tolerance_w: float,
) -> tuple[Excursion | None, ...]:
    """The excursions that last beyond the thresholds of the rules."""
    levels = lockout.thresholds(rules)
    made = []
    for pct, present in zip(levels, state.beyond or (None,) * len(levels), strict=True):
        bound_w = max(tolerance_w, pct / 100.0 * (limit_w or 0.0))
        made.append(excursion.account(Excursions(present=present), seen, since_s, limit_w, bound_w)[0].present)
    return tuple(made)
