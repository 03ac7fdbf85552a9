"""All active conditions of a step as faults: the meters' first, then the DERs', then what the lines cannot hold."""

from pcs.core import circuit, measure, observe
from pcs.core.answer import Wiring
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.failsafe import Action, action_of
from pcs.core.line_state import LineState
from pcs.core.measure import MeterState
from pcs.core.policy import Line, Policy
from pcs.core.service import shares
from pcs.core.watch import Watch
from pcs.model.fault import Fault, FaultKind
from pcs.model.units import Span

OF_ALL = (FaultKind.RESTARTS, FaultKind.LOCKED_OUT)
"""Conditions of the whole site: they concern every line."""
OF_WIRING = {Wiring.DOUBTED: FaultKind.METER_DOUBTED, Wiring.WRONG: FaultKind.METER_MISWIRED}
HELD_S = 900.0
"""A start after a storm of restarts is held so long: a crash that normal operation causes comes back four times an hour
at most, and a site that was mended earns again after a quarter of an hour."""
IDLE_W = 50.0
"""Behind a meter whose point no export limit keeps from zero, so much power must flow before zeros are an open CT."""


def meter_faults(
    policy: Policy,
    meters: tuple[MeterState, ...],
    watches: tuple[Watch, ...],
    fleet: tuple[DerState, ...],
    known: tuple[Fault, ...],
    now_s: float,
) -> tuple[tuple[MeterState, ...], tuple[Fault, ...]]:
    """What is wrong with each meter; one that was lost has to earn belief again."""
    found: list[Fault] = []
    after: list[MeterState] = []
    for n, (meter, spec) in enumerate(zip(meters, policy.meters, strict=True)):
        aged = measure.age_fault(meter, spec.id, now_s)
        if aged:
            found.append(aged)
            if aged.kind in (FaultKind.METER_LOST, FaultKind.METER_FROZEN) and not meter.lost:
                meter = evolve(meter, lost=True, fresh_run=0)
        after.append(meter)
        behind = tuple(fleet[k] for k in policy.behind[n])
        stuck = measure.stuck_fault(meter, spec.id, watches[n].stuck_since_s, now_s)
        opened = _open_circuit(policy, n, meter, behind, known, now_s)
        found.extend(f for f in (stuck, opened) if f is not None)
        wiring = watches[n].wiring
        if wiring.verdict in OF_WIRING:
            kind = OF_WIRING[wiring.verdict]
            found.append(Fault(kind=kind, source_id=spec.id, at_s=now_s, detail=wiring.detail))
    return tuple(after), tuple(found)


def _open_circuit(
    policy: Policy, number: int, meter: MeterState, behind: tuple[DerState, ...], known: tuple[Fault, ...], now_s: float
) -> Fault | None:
    """An open CT; where no phase reads zero, or all may rest at zero, there is none."""
    if not circuit.shows_zero(meter):
        return None
    meter_id = policy.meters[number].id
    before = next((f for f in known if f.kind is FaultKind.METER_OPEN_CT and f.source_id == meter_id), None)
    if not _never_zero(policy, number) and all(abs(observe.middle_w(d.track)) < IDLE_W for d in behind):
        # The safe state idles them: that takes the evidence away, not the fault.
        return before if circuit.still_open(before, now_s) else None
    return circuit.circuit_fault(meter, meter_id, _moved_w(policy, behind, now_s), policy.nameplate_w, now_s, before)


def _moved_w(policy: Policy, behind: tuple[DerState, ...], now_s: float) -> tuple[float, ...]:
    """What these DERs surely inject into each conductor, or surely draw from it (W, a magnitude)."""
    here = Span(from_s=now_s, to_s=now_s)
    bounds = [observe.bounds(d.track, here) for d in behind]
    parts = [shares(policy.system, d.spec.connection, False) for d in behind]
    moved_w = []
    for k in range(policy.phases):
        lo_w = sum(part[k] * lo for part, (lo, _) in zip(parts, bounds, strict=True))
        hi_w = sum(part[k] * hi for part, (_, hi) in zip(parts, bounds, strict=True))
        moved_w.append(max(0.0, lo_w, -hi_w))
    return tuple(moved_w)


def _never_zero(policy: Policy, number: int) -> bool:
    """Whether a cushion keeps the meter's flow from resting at exactly zero: it bounds the export of its point."""
    return any(line.sign > 0.0 and number in (n for n, _ in line.meter_signs) for line in policy.lines)


def line_action(line: Line, policy: Policy, faults: tuple[Fault, ...], state: LineState) -> Action:
    """What the conditions of its meters do to one line; one whose meters lack what it needs is never measured."""
    if state.lacks:
        return Action.SAFE
    ids = [policy.meters[number].id for number, _ in line.meter_signs]
    concerned = (f for f in faults if f.source_id in ids or f.kind in OF_ALL)
    return max(map(action_of, concerned), default=Action.NORMAL)


def still_held(held: Fault | None, now_s: float) -> Fault | None:
    """The reason to hold a start in the safe set, as long as it lasts."""
    return held if held is not None and now_s - held.at_s < HELD_S else None


def line_faults(
    policy: Policy,
    states: tuple[LineState, ...],
    fleet: tuple[DerState, ...],
    caps_w: tuple[float, ...],
    floors_w: tuple[float, ...],
    now_s: float,
) -> tuple[Fault, ...]:
    """What lines cannot hold, and why: one fault for each point."""
    found: dict[tuple[FaultKind, str], Fault] = {}
    for line, state in zip(policy.lines, states, strict=True):
        kind, detail = FaultKind.CANNOT_HOLD, ""
        if state.lacks:
            kind, detail = FaultKind.CANNOT_MEASURE, f"{line.name} needs {state.lacks}, which the meter does not say"
        elif state.reactive:
            detail = f"{line.name}: reactive power alone is beyond it; active power is kept at 0 W"
        elif _exhausted(line, state, fleet, caps_w, floors_w, now_s):
            does = "at 0 W" if line.sign > 0.0 else "drawing nothing"
            detail = f"{line.name}: every DER that obeys is {does} and the flow is still beyond the limit"
        if detail and (kind, line.point.id) not in found:
            found[kind, line.point.id] = Fault(kind=kind, source_id=line.point.id, at_s=now_s, detail=detail)
    return tuple(found.values())


def _exhausted(
    line: Line,
    state: LineState,
    fleet: tuple[DerState, ...],
    caps_w: tuple[float, ...],
    floors_w: tuple[float, ...],
    now_s: float,
) -> bool:
    """Flow beyond the limit for longer than the slowest plant takes, while nothing that obeys is left to lower."""
    beyond = state.excursions.present
    if beyond is None or now_s - beyond.to_s > measure.LOST_AFTER_S:
        return False
    left_w = (max(0.0, caps_w[n]) if line.sign > 0.0 else max(0.0, -floors_w[n]) for n in line.members)
    if any(left_w):
        return False
    settle_s = max((observe.settle_s(fleet[n].timing, 1.0) for n in line.members), default=0.0)
    return now_s - beyond.from_s > settle_s


def since(faults: tuple[Fault, ...], known: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Conditions keep the time when they began, for as long as they last."""
    return tuple(_since(f, known) for f in faults)


def _since(fault: Fault, known: tuple[Fault, ...]) -> Fault:
    for old in known:
        if old.kind is fault.kind and old.source_id == fault.source_id:
            return fault if old.at_s == fault.at_s else evolve(fault, at_s=old.at_s)
    return fault
