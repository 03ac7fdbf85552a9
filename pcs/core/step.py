"""One control cycle, pure: `step(state, inputs, policy, now)`. Reads like the picture in docs/DESIGN.md."""

from pcs.core import (
    busbar,
    channels,
    conditions,
    economy,
    lines,
    lockout,
    obey,
    observe,
    report,
    share_out,
    watch,
)
from pcs.core import ders as ders_
from pcs.core.answer import Wiring
from pcs.core.der_state import DerState
from pcs.core.economy import Bounds
from pcs.core.evolve import evolve
from pcs.core.failsafe import Action, obeys, site_action
from pcs.core.hear import Heard, hear
from pcs.core.line_state import LineState
from pcs.core.lines import Fleet, Turn
from pcs.core.lockout import LockoutState
from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Line, Policy
from pcs.core.service import conductor_v
from pcs.core.share_out import Shares
from pcs.core.state import Inputs, Outcome, State
from pcs.core.watch import Watch
from pcs.core.wiring import WiringState
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault, FaultKind
from pcs.model.units import Instant

BINDING_W = 1.0
"""A budget that is used up to the watt is what decides."""


def step(state: State, inputs: Inputs, policy: Policy, now: Instant) -> Outcome:
    """Take what was heard, decide what every DER may do, and say what changed."""
    now_s = now.mono_s
    window_s = max(map(_window_s, state.meters))
    heard = hear(state, inputs, policy, tuple(_to_now(d, window_s, now_s) for d in state.ders), now_s)
    ders = tuple(obey.age(d, policy.tuning.telemetry_poll_s, now_s) for d in heard.ders)
    watches = _watches(state, heard, ders, policy, now_s)
    meters, faults = conditions.meter_faults(policy, heard.meters, watches, ders, state.faults, now_s)
    faults += tuple(c for d in ders for c in d.conditions)
    faults += (heard.held,) if heard.held is not None else ()
    faults += lockout.fault(state.lockout, now_s)
    fleet = _fleet(state, ders, faults, policy)
    turns = _turns(state, heard, meters, watches, fleet, faults, policy, now_s)
    locked = _locked(state, heard, turns, policy, now)
    if locked.record.locked is not state.lockout.record.locked:  # rare: what was decided without it is decided again
        faults = (*(f for f in faults if f.kind is not FaultKind.LOCKED_OUT), *lockout.fault(locked, now_s))
        turns = _turns(state, heard, meters, watches, fleet, faults, policy, now_s)
    states = tuple(t.state for t in turns)
    buses = _buses(state, policy, heard, ders)
    relieved = frozenset(n for b, s in zip(policy.buses, buses, strict=True) if s.relieved for n in b.members)
    asks = state.action is Action.NORMAL  # wishes that were hidden for long; not while anything is wrong
    dt_s = max(0.0, now_s - state.at_s)
    shares = share_out.share_out(policy, states, fleet, relieved, dt_s, now_s=now_s, asks=asks)
    shares = share_out.unraised(shares, policy, states)
    shares = share_out.within(shares, busbar.opened(tuple(zip(policy.buses, buses, strict=True)), len(ders)))
    if lockout.at_zero(locked):
        shares = share_out.at_nothing(shares)
    faults += conditions.line_faults(policy, states, ders, shares.caps_w, shares.floors_w, now_s)
    action = site_action(faults)
    commands, ders = _commands(shares, now_s)
    after = State(
        meters=meters,
        watches=watches,
        ders=ders,
        lines=tuple(_binding(s, line, shares, now_s) for s, line in zip(states, policy.lines, strict=True)),
        buses=buses,
        in_force=heard.in_force,
        action=action,
        faults=conditions.since(faults, state.faults),
        conflicts=shares.conflicts,
        demand_w=_demand_w(state, heard, ders, policy),
        at_s=now_s,
        caps_w=shares.caps_w,
        floors_w=shares.floors_w,
        safe_w=shares.safe_w,
        safe_charge_w=shares.safe_charge_w,
        held=heard.held,
        lockout=locked,
    )
    return Outcome(state=after, commands=commands, events=report.changes(state, after, inputs, policy, turns, now))


def _locked(state: State, heard: Heard, turns: tuple[Turn, ...], policy: Policy, now: Instant) -> LockoutState:
    """Which excursions count now and whether they lock out; then what was asked for is done, where it is allowed."""
    rules, known = policy.lockout, state.lockout
    if rules is None:
        return known
    present = tuple(t.state.beyond for t in turns)
    names = tuple(line.name for line in policy.lines)
    known = lockout.advance(known, present, names, rules, now.mono_s, now.utc_s)
    for asked in heard.resets:
        known, _ = lockout.reset(known, rules, asked.who)
    return known


def _to_now(der: DerState, window_s: float, now_s: float) -> DerState:
    """Bring one DER's bounds to the present."""
    track = observe.advance(der.track, now_s, der.timing, window_s)
    return der if track is der.track else evolve(der, track=track)


def _window_s(meter: MeterState) -> float:
    """How far back the meter's sample may reach (seconds)."""
    return meter.sample.received_s - meter.sample.span.from_s if meter.sample else 1.0


def _watches(state: State, heard: Heard, ders: tuple[DerState, ...], policy: Policy, now_s: float) -> tuple[Watch, ...]:
    made = []
    for n, seen in enumerate(heard.watches):
        numbers = policy.behind[n]
        before, behind = tuple(state.ders[k] for k in numbers), tuple(ders[k] for k in numbers)
        pair = (state.meters[n], heard.meters[n])
        made.append(watch.follow(seen, pair, before, behind, heard.samples[n], policy.phases, now_s))
    return tuple(made)


def _fleet(state: State, ders: tuple[DerState, ...], faults: tuple[Fault, ...], policy: Policy) -> Fleet:
    obeying = tuple(obeys(faults, d.spec.id) and d.identified is not None for d in ders)
    return Fleet(
        ders=ders,
        obeying=obeying,
        help_w=share_out.able_to_help(policy, ders, obeying),
        support_w=share_out.able_to_support(policy, ders, obeying),
        left_cap_w=tuple(0.0 if o else max(0.0, w) for w, o in zip(state.caps_w, obeying, strict=True)),
        left_charge_w=tuple(0.0 if o else max(0.0, -w) for w, o in zip(state.floors_w, obeying, strict=True)),
        settle_s=tuple(observe.settle_s(d.timing, 1.0) for d in ders),
    )


def _turns(
    state: State,
    heard: Heard,
    meters: tuple[MeterState, ...],
    watches: tuple[Watch, ...],
    fleet: Fleet,
    faults: tuple[Fault, ...],
    policy: Policy,
    now_s: float,
) -> tuple[Turn, ...]:
    """Every line's turn; what several lines ask of the same sample is worked out once."""
    imports = any(line.sign < 0.0 for line in policy.lines)
    asked: dict[tuple[tuple[int, int], ...], set[int]] = {}
    for line in policy.lines:
        asked.setdefault(line.meter_signs, set()).update(lines.asked(line, fleet.ders))
    samples: dict[tuple[tuple[int, int], ...], Sample | None] = {}
    bounds: dict[tuple[tuple[int, int], ...], lines.Bounds] = {}
    turns = []
    for line, known in zip(policy.lines, state.lines, strict=True):
        key = line.meter_signs
        if key not in samples:
            samples[key] = _fresh(line, known.used_s, meters)
        sample = samples[key]
        if sample is not None and key not in bounds:
            bounds[key] = lines.bounds_of(fleet.ders, sample, imports, asked[key])
        action = conditions.line_action(line, policy, faults, known)
        verified = all(watches[n].wiring.verdict is Wiring.VERIFIED for n in _watched(line, policy))
        asks = any(_asks(watches[n].wiring, line, now_s) for n in _watched(line, policy))
        told = heard.in_force
        turns.append(
            lines.take_turn(
                known, line, policy, fleet, meters, sample, bounds.get(key), action, verified, asks, told, now_s
            )
        )
    return tuple(turns)


def _asks(known: WiringState, line: Line, now_s: float) -> bool:
    """Whether the DERs are to go down on this line, so that the flow shows the sign of its meter."""
    return known.verdict is Wiring.DOUBTED or (now_s < known.asks_until_s and known.asks_sign == line.sign)


def _fresh(line: Line, used_s: float, meters: tuple[MeterState, ...]) -> Sample | None:
    """The line's sample once each of its meters has a new one; what is summed should be of one moment."""
    for number, _ in line.meter_signs:
        known = meters[number].sample
        if known is None or known.received_s <= used_s:
            return None
    return channels.summed(line.meter_signs, meters)


def _watched(line: Line, policy: Policy) -> tuple[int, ...]:
    """The meters whose wiring can be checked for this line: its own, or that of the POI where they are only parts."""
    own = tuple(number for number, _ in line.meter_signs if policy.behind[number])
    return own or tuple(n for n, m in enumerate(policy.meters) if m.point == "poi")[:1]


def _buses(state: State, policy: Policy, heard: Heard, ders: tuple[DerState, ...]) -> tuple[busbar.BusState, ...]:
    volts = conductor_v(policy.system, policy.nominal_v)
    made = []
    for bus, known in zip(policy.buses, state.buses, strict=True):
        sample = channels.summed(bus.meter_signs, heard.meters)
        is_fresh = sample is not None and sample.received_s > known.used_s
        made.append(busbar.watch(known, bus, sample, ders, volts) if sample is not None and is_fresh else known)
    return tuple(made)


def _commands(shares: Shares, now_s: float) -> tuple[tuple[LimitActivePower, ...], tuple[DerState, ...]]:
    """What is due now."""
    commands: list[LimitActivePower] = []
    told: list[DerState] = []
    for n, d in enumerate(shares.ders):
        bounds = Bounds(shares.caps_w[n], shares.floors_w[n], shares.safe_w[n], shares.safe_charge_w[n])
        d, command = economy.command(d, bounds, now_s)
        told.append(d)
        commands += [command] if command is not None else []
    return tuple(commands), tuple(told)


def _demand_w(state: State, heard: Heard, ders: tuple[DerState, ...], policy: Policy) -> tuple[float, float] | None:
    """Bounds on the host load at the POI (W), from its last fresh sample."""
    for n, meter in enumerate(policy.meters):
        sample = heard.samples[n]
        if meter.point == "poi" and sample is not None:
            lo_w, hi_w = watch.injection_w(ders, sample.span)
            return sample.import_w + lo_w, sample.import_w + hi_w
    return state.demand_w


def _binding(state: LineState, line: Line, shares: Shares, now_s: float) -> LineState:
    """Since when this line, and neither sun nor wish nor rating, decides what its DERs do."""
    used_w = sum(line.weights[n] * (shares.caps_w[n] if line.sign > 0.0 else -shares.floors_w[n]) for n in line.members)
    full = state.envelope.limit_w is not None and used_w >= state.budget.total_w - BINDING_W
    held = any(_is_held(shares.ders[n], line.sign) for n in line.members)
    if not (full and held):
        return state if state.binds_since_s is None else evolve(state, binds_since_s=None)
    return state if state.binds_since_s is not None else evolve(state, binds_since_s=now_s)


def _is_held(der: DerState, sign: float) -> bool:
    """Whether its bound in this direction, and nothing of its own, decides what the DER does."""
    if der.identified is None or der.track.telemetry_w is None or der.sent is None:
        return False
    least_w = der.track.least_w
    if sign > 0.0:
        return der.track.limit_bound and der.sent.cap_w < der.most_w - 1.0
    return ders_.at_floor(der) and der.sent.floor_w(least_w) > der.least_w + 1.0
