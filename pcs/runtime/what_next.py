"""What the controller will do next, in words: changes that are due, raises under way, what faults wait for.

Pure: from the core's memory and the rules. Each is what will come unless something else happens first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pcs.core import observe, wishes
from pcs.core.answer import MOVE_SHARE, Wiring
from pcs.core.busbar import OPENING_PCT_S, RETURN_AFTER_S, RETURN_SHARE
from pcs.core.der_state import DerState
from pcs.core.economy import RETRY_FIRST_S, RETRY_MOST_S
from pcs.core.failsafe import RULES, Action
from pcs.core.line_state import LineState
from pcs.core.lines import PROBATION_SLEW_PCT_S
from pcs.core.measure import FRESH_TO_RECOVER, INTERVALS_TO_IDENTIFY, OPEN_FOR_S
from pcs.core.obey import OBEYED_FOR_S
from pcs.core.policy import Line, Policy
from pcs.core.state import State
from pcs.core.wiring import DOUBT_S
from pcs.limits.schedule import next_change
from pcs.model.fault import Fault, FaultKind
from pcs.model.units import Instant

WORTH_SHARE = 0.01
"""A raise by less than 1 % of what a limit bounds is not worth telling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One thing that is due: what kind, in words, and in how many seconds (None: nobody knows)."""

    what: str
    words: str
    in_s: float | None = None


def coming(policy: Policy, state: State, now: Instant, zone: ZoneInfo) -> tuple[Coming, ...]:
    """Everything that is due, the soonest first, what has no time last."""
    found = [
        *_starting(policy, state),
        *(one for f in state.faults for one in _fault(policy, state, f, now.mono_s)),
        *(
            one
            for line, known in zip(policy.lines, state.lines, strict=True)
            for one in _raise(policy, state, line, known)
        ),
        *_wishes(state, now.mono_s),
        *_busses(policy, state, now.mono_s),
        *_wirings(policy, state),
        *_schedules(policy, state, now.utc_s, zone),
    ]
    return tuple(sorted(found, key=lambda c: float("inf") if c.in_s is None else c.in_s))


def within(in_s: float) -> str:
    """When, in words."""
    for unit, size_s in (("h", 3_600.0), ("min", 60.0)):
        if in_s >= 2 * size_s:
            return f"in about {in_s / size_s:.0f} {unit}"
    return f"in {in_s:.1f} s" if in_s >= 0.05 else "at once"


def _starting(policy: Policy, state: State) -> Iterator[Coming]:
    for spec, meter in zip(policy.meters, state.meters, strict=True):
        if meter.period_s is None:
            seen = len(meter.intervals_s)
            words = f"control begins when meter {spec.id} has shown how often it measures ({seen} of "
            yield Coming(what="start", words=f"{words}{INTERVALS_TO_IDENTIFY} new values seen)")
    for der in state.ders:
        if der.identified is None and not der.conditions:
            yield Coming(what="start", words=f"{der.spec.id} is commanded as soon as it answers")


def _fault(policy: Policy, state: State, fault: Fault, now_s: float) -> Iterator[Coming]:
    about = f"{fault.source_id}: {fault.kind.value}"
    number = next((n for n, m in enumerate(policy.meters) if m.id == fault.source_id), None)
    der = next((d for d in state.ders if d.spec.id == fault.source_id), None)
    known = _meter_fault(state, number, fault, now_s) if number is not None else None
    if known is None and der is not None:
        known = _der_fault(der, fault, now_s)
    by_table = f"ends {RULES[fault.kind].clears.value}" if fault.kind in RULES else "ends by itself"
    words, in_s = known or (by_table, None)
    yield Coming(what="fault", words=f"{about} {words}", in_s=in_s)


def _meter_fault(state: State, number: int, fault: Fault, now_s: float) -> tuple[str, float | None] | None:
    meter = state.meters[number]
    match fault.kind:
        case FaultKind.METER_LOST | FaultKind.METER_FROZEN if meter.period_s is not None:
            seen = min(meter.fresh_run, FRESH_TO_RECOVER)
            return f"ends after {FRESH_TO_RECOVER} new values in a row ({seen} seen)", None
        case FaultKind.METER_MISWIRED:
            wiring = state.watches[number].wiring
            in_s = max(0.0, wiring.since_s + wiring.backoff_s - now_s)
            return f"is tried again {within(in_s)}, slowly, until a movement shows the right sign", in_s
        case FaultKind.METER_DOUBTED:
            in_s = max(0.0, state.watches[number].wiring.since_s + DOUBT_S - now_s)
            return f"ends when the flow answers the DERs' fall, without an answer {within(in_s)}", in_s
        case FaultKind.METER_OPEN_CT if meter.zero_since_s is None:
            in_s = max(0.0, fault.at_s + OPEN_FOR_S - now_s)
            return f"is tried again {within(in_s)}, or when the phase reads something", in_s
        case FaultKind.METER_LATE | FaultKind.METER_STALE:
            return "ends with the next new value; if none comes, the DERs go to their safe limits", None
    return None


def _der_fault(der: DerState, fault: Fault, now_s: float) -> tuple[str, float | None] | None:
    match fault.kind:
        case FaultKind.DER_SILENT:
            return "ends with its first answer; until then the others make room for it", None
        case FaultKind.DER_DISOBEDIENT:
            since_s = der.obeying_since_s
            in_s = None if since_s is None else max(0.0, since_s + OBEYED_FOR_S - now_s)
            when = "" if in_s is None else f", {within(in_s)} if it goes on so"
            return f"ends when it has kept to what it was told for {OBEYED_FOR_S:g} s{when}", in_s
        case FaultKind.DER_UNWRITABLE:
            wait_s = min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(max(0, der.retries - 1), 4))
            in_s = max(0.0, der.sent_s + wait_s - now_s)
            return f"ends when it takes a command; the next attempt is {within(in_s)}", in_s
        case FaultKind.DER_FOREIGN_LIMIT | FaultKind.DER_SECOND_WRITER:
            return f"ends only when the installer releases it: `pcs run SITE.yaml --release {der.spec.id}`", None
    return None


def _raise(policy: Policy, state: State, line: Line, known: LineState) -> Iterator[Coming]:
    """A raise on its way: from the budget to what the limit leaves, by what the DERs and the meter say now.

    The law itself goes there by what is certain, step by step (pcs.core.regulate): at the slew at the soonest.
    """
    limit_w, flow = known.envelope.limit_w, known.flow
    if limit_w is None or flow is None or known.action is not Action.NORMAL or known.reactive:
        return
    ders, up = state.ders, line.sign > 0.0
    most_w = sum(line.weights[n] * (ders[n].most_w if up else -ders[n].least_w) for n in line.members)
    injection_w = line.sign * sum(line.weights[n] * _injection_w(ders[n]) for n in line.members)
    goal_w = flow.import_w + limit_w - known.envelope.margin.total_w - flow.reserved_w + injection_w
    missing_w = min(most_w, goal_w) - known.budget.total_w
    if missing_w <= WORTH_SHARE * most_w:
        return
    slew_pct_s = policy.tuning.release_slew_pct_s
    if any(state.watches[n].wiring.verdict is not Wiring.VERIFIED for n, _ in line.meter_signs):
        slew_pct_s = min(slew_pct_s, PROBATION_SLEW_PCT_S)
    slew_w_s = slew_pct_s / 100.0 * most_w
    in_s = missing_w / slew_w_s
    words = (
        f"the DERs may {'feed' if up else 'draw'} more, from {known.budget.total_w:,.0f} W to about "
        f"{known.budget.total_w + missing_w:,.0f} W together at {slew_w_s:,.0f} W/s at most, {within(in_s)} at the "
        f"soonest ({line.name})"
    )
    yield Coming(what="raise", words=words, in_s=in_s)


def _injection_w(der: DerState) -> float:
    """What it injects now, by its own word, else the middle of what is possible."""
    said_w = der.track.telemetry_w
    return observe.middle_w(der.track) if said_w is None else said_w


def _wishes(state: State, now_s: float) -> Iterator[Coming]:
    """Storage under a set point shows no wish of its own: now and then it is let free (pcs.core.wishes)."""
    for n, der in enumerate(state.ders):
        if der.sent is None or der.sent.setpoint_w is None or der.bounds_charge:
            continue
        if der.wish_w is not None and der.wish_w >= state.floors_w[n]:
            continue
        in_s = max(0.0, der.told_since_s + wishes.waits_s(der, -state.floors_w[n]) - now_s)
        words = f"{der.spec.id} is let free for a moment {within(in_s)}, to see whether it still wishes to charge"
        yield Coming(what="wish", words=words, in_s=in_s)


def _wirings(policy: Policy, state: State) -> Iterator[Coming]:
    for n, spec in enumerate(policy.meters):
        if not policy.behind[n] or state.watches[n].wiring.verdict is not Wiring.UNVERIFIED:
            continue
        move_w = MOVE_SHARE * sum(state.ders[k].size_w for k in policy.behind[n])
        words = (
            f"limits rise at {PROBATION_SLEW_PCT_S:g} % per second until the DERs have moved by {move_w:,.0f} W and "
            f"meter {spec.id} has shown it with the right sign"
        )
        yield Coming(what="wiring", words=words)


def _busses(policy: Policy, state: State, now_s: float) -> Iterator[Coming]:
    for bus, known in zip(policy.buses, state.buses, strict=True):
        if known.relieved:
            low_a = RETURN_SHARE * bus.rating_a
            in_s = None if known.low_since_s is None else max(0.0, known.low_since_s + RETURN_AFTER_S - now_s)
            when = "" if in_s is None else f", {within(in_s)} if they stay there"
            words = (
                f"the DERs on busbar {bus.point.id} rest until its infeeds have been below {low_a:,.0f} A for "
                f"{RETURN_AFTER_S:g} s{when}"
            )
            yield Coming(what="busbar", words=words, in_s=in_s)
        elif known.opened_share < 1.0:
            in_s = (1.0 - known.opened_share) / (OPENING_PCT_S / 100.0)
            words = f"the DERs on busbar {bus.point.id} return slowly, to their full ratings {within(in_s)}"
            yield Coming(what="busbar", words=words, in_s=in_s)


def _schedules(policy: Policy, state: State, utc_s: float, zone: ZoneInfo) -> Iterator[Coming]:
    """The next change of each scheduled limit. A tightening one is followed early, so that it holds by then."""
    told = state.in_force
    if told is None or not any(limit.schedule for limit in policy.limits):
        return
    if not told.trusted:
        words = "schedules begin when the time of day can be trusted; until then their tightest entries hold"
        yield Coming(what="schedule", words=words)
        return
    for limit, value in zip(policy.limits, told.values, strict=True):
        change = next_change(limit, zone, utc_s)
        if change is None or change.entry.value == value:  # followed early: it holds already
            continue
        at, in_s = datetime.fromtimestamp(change.utc_s, zone), change.utc_s - utc_s
        becomes = limit.named(change.entry.value)
        words = f"from {at:%Y-%m-%d %H:%M} on: {becomes} ({change.entry.source}), {within(in_s)}"
        yield Coming(what="schedule", words=words, in_s=in_s)
