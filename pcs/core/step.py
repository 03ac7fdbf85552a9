"""One control cycle, pure: `step(state, inputs, policy, now)`. Reads like the picture in docs/DESIGN.md."""

from pcs.core import ders, economy, excursion, measure, observe, report, response
from pcs.core.ders import DerState
from pcs.core.dispatch import Claim, dispatch, share
from pcs.core.envelope import Envelope, envelope, safe_total_w
from pcs.core.evolve import evolve
from pcs.core.failsafe import Action, obeys, site_action
from pcs.core.hear import hear, replaced
from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Policy
from pcs.core.regulate import Budget, Flow, Pace, hold, regulate, secure, tighten, without
from pcs.core.state import Inputs, Outcome, State
from pcs.core.wiring import Wiring, WiringState, seen, watch
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault, FaultKind
from pcs.model.units import Instant, Span

PROBATION_SLEW_PCT_S = 3.0
"""How fast caps rise before the wiring is verified: a step of 5 % of nameplate (DESIGN section 6) takes two seconds."""
WATCHABLE_SHARE = 0.15
"""The wiring check needs the injection to within 15 % of nameplate."""
CONFIRMED_SHARE = 0.05
"""Telemetry confirms what is thought of a DER to within 5 % of nameplate: the least movement that is judged."""
STUCK_SHARE = 0.02
"""A meter whose power stands still while the DERs move by 2 % of nameplate does not measure them."""
EXCURSION_SHARE = 0.01
"""Excursions are counted beyond 1 % of nameplate above the limit: the class of an ordinary meter."""


def step(state: State, inputs: Inputs, policy: Policy, now: Instant) -> Outcome:
    """Take what was heard, decide what every DER may do, and say what changed."""
    window_s = _window_s(state.meter)
    fleet = tuple(observe_to_now(d, policy, window_s, now.mono_s) for d in state.ders)
    meter, fleet, sample = hear(state, inputs, policy, fleet)
    known = WiringState(since_s=now.mono_s) if replaced(state.meter, meter) else state.wiring
    fleet = tuple(ders.age(d, policy.tuning.telemetry_poll_s, now.mono_s) for d in fleet)
    bounds = envelope(policy)
    flow = _flow(fleet, sample) if sample else None
    known = _comparable(known, state.ders, fleet)
    wiring = _watch(known, fleet, sample, flow, policy) if sample and flow else known
    injection_moved_w, stuck_since_s = _stuck(state, meter, fleet, policy, now.mono_s)
    meter, faults = _faults(state, meter, fleet, wiring, stuck_since_s, policy, now.mono_s)
    action = site_action(faults)
    obeying = tuple(obeys(faults, d.spec.id) and d.identified is not None for d in fleet)
    reserved_w = sum(d.weight_w for d, o in zip(fleet, obeying, strict=True) if not o)
    safe_w = safe_total_w(bounds, policy, reserved_w)
    verified = wiring.verdict is Wiring.VERIFIED
    left_w = sum(cap_w for cap_w, o in zip(state.caps_w, obeying, strict=True) if not o)
    before = without(state.budget, left_w)
    budget = _budget(before, flow, fleet, bounds, meter, action, safe_w, reserved_w, verified, policy, now.mono_s)
    caps_w, safe_caps_w, fleet = _share_out(budget, action, safe_w, fleet, obeying, state, now.mono_s)
    if _cannot_hold(state, caps_w, now.mono_s):
        detail = "every DER that obeys is at 0 W and the flow is still beyond the limit"
        faults = (*faults, Fault(kind=FaultKind.CANNOT_HOLD, source_id="poi", at_s=now.mono_s, detail=detail))
    commands, fleet = _commands(fleet, caps_w, safe_caps_w, now.mono_s)
    excursions, ended, following, responded = state.excursions, None, state.response, None
    if sample and flow:
        limit_w = bounds.export_limit_w
        tolerance_w = EXCURSION_SHARE * policy.nameplate_w
        excursions, ended = excursion.account(excursions, sample, state.meter.fresh_s, limit_w, tolerance_w)
        following, responded = response.follow(following, sample, flow.lo_w, flow.hi_w, limit_w, policy.nameplate_w)
    after = State(
        meter=meter,
        ders=fleet,
        wiring=wiring,
        envelope=bounds,
        budget=budget,
        action=action,
        faults=faults,
        excursions=excursions,
        response=following,
        demand_w=(flow.import_w + flow.lo_w, flow.import_w + flow.hi_w) if flow else state.demand_w,
        injection_fresh_w=0.5 * (flow.lo_w + flow.hi_w) if flow else state.injection_fresh_w,
        injection_moved_w=injection_moved_w,
        stuck_since_s=stuck_since_s,
        at_s=now.mono_s,
        caps_w=caps_w,
        safe_w=safe_caps_w,
    )
    return Outcome(state=after, commands=commands, events=report.changes(state, after, inputs, ended, responded, now))


def observe_to_now(der: DerState, policy: Policy, window_s: float, now_s: float) -> DerState:
    """Bring one DER's bounds to the present."""
    track = observe.advance(der.track, now_s, der.timing, window_s)
    return der if track is der.track else evolve(der, track=track)


def _window_s(meter: MeterState) -> float:
    """How far back the meter's sample may reach (seconds)."""
    return meter.sample.received_s - meter.sample.span.from_s if meter.sample else 1.0


def _stuck(
    state: State, meter: MeterState, fleet: tuple[DerState, ...], policy: Policy, now_s: float
) -> tuple[tuple[float, float], float | None]:
    """Bounds on the injection when the metered power last changed (W), and since when it ought to have changed.

    Only a movement that no bound leaves in doubt counts: a raise that a sun-limited DER cannot use moves nothing.
    """
    lo_w, hi_w = (sum(w) for w in zip((0.0, 0.0), *(observe.present(d.track) for d in fleet), strict=True))
    spans = (d.track.telemetry_span for d in fleet)
    spoken = meter.moved_s is None or all(span is None or span.from_s >= meter.moved_s for span in spans)
    if meter.moved_s != state.meter.moved_s or not spoken:  # what telemetry tells now, the meter may have seen before
        return (lo_w, hi_w), None
    then_lo_w, then_hi_w = state.injection_moved_w
    if not measure.stuck(meter, max(lo_w - then_hi_w, then_lo_w - hi_w), STUCK_SHARE * policy.nameplate_w):
        return state.injection_moved_w, None
    return state.injection_moved_w, state.stuck_since_s if state.stuck_since_s is not None else now_s


def _flow(fleet: tuple[DerState, ...], sample: Sample) -> Flow:
    """Bounds on all injection in the sample's span. A silent DER counts with what it surely injects: nothing."""
    lo_w = hi_w = certain_w = credit_w = 0.0
    spoken_s = sample.received_s
    for d in fleet:
        if not _counted(d):
            continue
        lo, hi = observe.bounds(d.track, sample.span)
        lo_w, hi_w = lo_w + lo, hi_w + hi
        certain_w += observe.certain_w(d.track, lo, sample.span.to_s)
        credit_w += observe.mean_hi_w(d.track, sample.span, sample.published_s - sample.span.from_s)
        spoken_s = min(spoken_s, d.track.telemetry_span.from_s if d.track.telemetry_span else -observe.INFINITY)
    return Flow(
        import_w=sample.import_w,
        span=sample.span,
        lo_w=lo_w,
        hi_w=hi_w,
        certain_w=certain_w,
        credit_w=credit_w,
        reserved_w=0.0,
        spoken_s=spoken_s,
    )


def _counted(der: DerState) -> bool:
    """Whether what this DER injects is known at all."""
    return not any(c.kind in (FaultKind.DER_SILENT, FaultKind.WRONG_DEVICE) for c in der.conditions)


def _comparable(known: WiringState, before: tuple[DerState, ...], fleet: tuple[DerState, ...]) -> WiringState:
    """Without the points that say nothing of the wiring: the injection they were taken with was not what it was."""
    if tuple(map(_counted, before)) != tuple(map(_counted, fleet)):
        return evolve(known, points=()) if known.points else known
    surprised_s = max((d.surprised_s for d in fleet), default=-observe.INFINITY)
    if not known.points or known.points[0][0] > surprised_s:
        return known
    return evolve(known, points=tuple(p for p in known.points if p[0] > surprised_s))


def _watch(known: WiringState, fleet: tuple[DerState, ...], sample: Sample, flow: Flow, policy: Policy) -> WiringState:
    known = seen(known, sample.import_w, policy.nameplate_w, sample.received_s)
    if flow.hi_w - flow.lo_w > WATCHABLE_SHARE * policy.nameplate_w:
        return known
    balanced = policy.phases == 3 and len(sample.phase_import_w) == 3 and _all_balanced(fleet)
    imports_w = (sample.import_w, *sample.phase_import_w)
    middle_w = 0.5 * (flow.lo_w + flow.hi_w)
    confirmed = all(_confirmed(d) for d in fleet)
    return watch(known, imports_w, middle_w, confirmed, balanced, policy.nameplate_w, sample.received_s)


def _confirmed(der: DerState) -> bool:
    """Whether a DER's own word agrees with what is thought of it; one that never says its power cannot contradict."""
    said_w = der.track.telemetry_w
    return said_w is None or abs(said_w - observe.middle_w(der.track)) <= CONFIRMED_SHARE * der.weight_w


def _all_balanced(fleet: tuple[DerState, ...]) -> bool:
    return all(d.spec.connection in (None, "L123") for d in fleet)


def _faults(
    state: State,
    meter: MeterState,
    fleet: tuple[DerState, ...],
    wiring: WiringState,
    stuck_since_s: float | None,
    policy: Policy,
    now_s: float,
) -> tuple[MeterState, tuple[Fault, ...]]:
    """All active conditions, the meter's first; a meter that was lost has to earn belief again."""
    faults: list[Fault] = []
    aged = measure.age_fault(meter, policy.meter.id, now_s)
    if aged:
        faults.append(aged)
        if aged.kind in (FaultKind.METER_LOST, FaultKind.METER_FROZEN) and not meter.lost:
            meter = evolve(meter, lost=True, fresh_run=0)
    lo_w = (
        sum(observe.bounds(d.track, Span(from_s=now_s, to_s=now_s))[0] for d in fleet) if _all_balanced(fleet) else 0.0
    )
    stuck = measure.stuck_fault(meter, policy.meter.id, stuck_since_s, now_s)
    before = next((f for f in state.faults if f.kind is FaultKind.METER_OPEN_CT), None)
    opened = measure.circuit_fault(meter, policy.meter.id, lo_w, now_s, before)
    faults.extend(f for f in (stuck, opened) if f is not None)
    if wiring.verdict is Wiring.WRONG:
        faults.append(Fault(kind=FaultKind.METER_MISWIRED, source_id=policy.meter.id, at_s=now_s, detail=wiring.detail))
    for d in fleet:
        faults.extend(d.conditions)
    return meter, tuple(_since(f, state.faults) for f in faults)


def _since(fault: Fault, known: tuple[Fault, ...]) -> Fault:
    """A condition keeps the time when it began, for as long as it lasts."""
    for old in known:
        if old.kind is fault.kind and old.source_id == fault.source_id:
            return fault if old.at_s == fault.at_s else evolve(fault, at_s=old.at_s)
    return fault


def _budget(
    before: Budget,
    flow: Flow | None,
    fleet: tuple[DerState, ...],
    bounds: Envelope,
    meter: MeterState,
    action: Action,
    safe_w: float | None,
    reserved_w: float,
    verified: bool,
    policy: Policy,
    now_s: float,
) -> Budget:
    """What the obeying DERs may inject together: the law on a fresh sample, the table's action otherwise."""
    most_w = sum(d.most_w for d in fleet)
    settle_s = max((observe.settle_s(d.timing, 1.0) for d in fleet), default=0.0)
    if action is Action.SAFE:
        return secure(before, most_w if safe_w is None else safe_w, settle_s, now_s)
    if action is Action.TIGHTEN:
        return tighten(before, safe_w, measure.tightened_part(meter, now_s), now_s)
    if flow is None:
        return hold(before, now_s) if action is Action.HOLD else before
    slew_pct_s = (
        policy.tuning.release_slew_pct_s if verified else min(PROBATION_SLEW_PCT_S, policy.tuning.release_slew_pct_s)
    )
    pace = Pace(
        settle_s=settle_s,
        slew_w_s=slew_pct_s / 100.0 * most_w,
        most_w=most_w,
    )
    return regulate(before, evolve(flow, reserved_w=reserved_w), bounds, pace, now_s)


def _share_out(
    budget: Budget,
    action: Action,
    safe_w: float | None,
    fleet: tuple[DerState, ...],
    obeying: tuple[bool, ...],
    state: State,
    now_s: float,
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[DerState, ...]]:
    """Caps and safe shares per DER (watts). Who does not obey is told its safe share of nothing: 0."""
    fleet = tuple(ders.wants(d, max(0.0, now_s - state.at_s)) for d in fleet)
    weights_w = tuple(d.weight_w if o else 0.0 for d, o in zip(fleet, obeying, strict=True))
    most_w = tuple(d.most_w for d in fleet)
    safe_caps_w = _least(share(safe_w if safe_w is not None else sum(weights_w), weights_w), most_w)
    if action is Action.SAFE:
        return _least(share(budget.total_w, weights_w), most_w), safe_caps_w, fleet
    claims = tuple(
        Claim(weight_w=d.weight_w, most_w=d.most_w, want_w=d.want_w)
        if o
        else Claim(weight_w=0.0, most_w=0.0, want_w=0.0)
        for d, o in zip(fleet, obeying, strict=True)
    )
    return dispatch(budget.total_w, claims), safe_caps_w, fleet


def _least(caps_w: tuple[float, ...], most_w: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(map(min, caps_w, most_w))


def _cannot_hold(state: State, caps_w: tuple[float, ...], now_s: float) -> bool:
    """Flow beyond the limit for longer than the slowest plant takes, while nothing that obeys is left to lower."""
    excursion_ = state.excursions.present
    if excursion_ is None or any(caps_w) or now_s - excursion_.to_s > measure.LOST_AFTER_S:
        return False
    return now_s - excursion_.from_s > max((observe.settle_s(d.timing, 1.0) for d in state.ders), default=0.0)


def _commands(
    fleet: tuple[DerState, ...], caps_w: tuple[float, ...], safe_w: tuple[float, ...], now_s: float
) -> tuple[tuple[LimitActivePower, ...], tuple[DerState, ...]]:
    told = [economy.command(d, c, s, now_s) for d, c, s in zip(fleet, caps_w, safe_w, strict=True)]
    return tuple(c for _, c in told if c is not None), tuple(d for d, _ in told)
