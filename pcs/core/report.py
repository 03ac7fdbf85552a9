"""What changed between two states, as events; and the sentences that say why."""

from pcs.core.answer import Wiring
from pcs.core.excursion import Excursion
from pcs.core.failsafe import Action, action_of
from pcs.core.line_state import LineState
from pcs.core.lines import Turn
from pcs.core.lockout import may_reset
from pcs.core.policy import Line, Policy
from pcs.core.response import Response
from pcs.core.state import Inputs, State
from pcs.model.event import Event, EventKind
from pcs.model.fault import Fault
from pcs.model.lockout import ACTION_WORDS, LockoutRules
from pcs.model.reading import DerIdentified, LockoutReset, MeterIdentified
from pcs.model.units import Instant

RATING_TOLERANCE = 0.02
"""A device's own rating that differs from the site file by more than 2 % is worth a word."""


def changes(
    before: State, after: State, inputs: Inputs, policy: Policy, turns: tuple[Turn, ...], now: Instant
) -> tuple[Event, ...]:
    """Every event of one step, in a fixed order."""
    events = _identified(after, inputs, now)
    if before.faults != after.faults:
        events += _faults(before.faults, after.faults, now)
    if before.action is not after.action:
        text = f"{before.action.name.lower()} -> {after.action.name.lower()}"
        events.append(Event(at=now, kind=EventKind.ACTION_CHANGED, text=text))
    for spec, old, new in zip(policy.meters, before.watches, after.watches, strict=True):
        if old.wiring.verdict is not new.wiring.verdict and new.wiring.verdict is Wiring.VERIFIED:
            events.append(Event(at=now, kind=EventKind.WIRING_VERIFIED, source_id=spec.id, text=new.wiring.detail))
    if policy.lockout is not None:
        events += _lockouts(before, after, inputs, policy.lockout, now)
    if before.in_force is not after.in_force and after.in_force is not None:
        events += _limits(before, after, policy, now)
    if before.conflicts != after.conflicts and after.conflicts:
        events.append(Event(at=now, kind=EventKind.LIMITS_CONFLICT, text="; ".join(after.conflicts)))
    for line, turn in zip(policy.lines, turns, strict=True):
        name = line.name if len(policy.lines) > 1 else ""
        if turn.ended is not None:
            events.append(_excursion(turn.ended, name, now))
        if turn.responded is not None:
            events.append(_response(turn.responded, line.name, name, now))
    return tuple(events)


def _lockouts(before: State, after: State, inputs: Inputs, rules: LockoutRules, now: Instant) -> list[Event]:
    """What came to count, what locked out, what was reset or refused."""
    old, new = before.lockout.record, after.lockout.record
    fresh = [m for m in new.marks if m not in old.marks]
    events = [
        Event(
            at=now,
            kind=EventKind.EXCURSION_COUNTED,
            text=f"rule {mark.rule_id}: {sum(m.rule_id == mark.rule_id for m in new.marks)} so far",
            facts=(("rule", mark.rule_id),),
        )
        for mark in fresh
    ]
    if new.locked is not None and (old.locked is None or old.locked.why != new.locked.why):
        again = "again " if old.locked is not None else ""
        text = f"{again}{new.locked.why}; {ACTION_WORDS[new.locked.action]}"
        facts = (("action", new.locked.action.name.lower()), ("preset", rules.preset))
        events.append(Event(at=now, kind=EventKind.LOCKED_OUT, text=text, facts=facts))
    asked = [o for o in inputs.observations if isinstance(o, LockoutReset)]
    if old.locked is not None and new.locked is None:
        by = f"reset by {asked[0].who.value}, as they say: nobody proved who they are" if asked else "by itself"
        text = f"{by}; it had lasted {new.clock_s - old.locked.renewed_s:.0f} s"
        events.append(Event(at=now, kind=EventKind.LOCKOUT_ENDED, text=text, facts=(("preset", rules.preset),)))
    elif new.locked is not None:
        for one in asked:
            verdict = may_reset(after.lockout, rules, one.who)
            text = f"asked for by {one.who.value}: {verdict.why}"
            events.append(Event(at=now, kind=EventKind.LOCKOUT_REFUSED, text=text, facts=(("who", one.who.value),)))
    return events


def _limits(before: State, after: State, policy: Policy, now: Instant) -> list[Event]:
    """Which limits changed, from what to what, and who says so."""
    told, was = after.in_force, before.in_force
    assert told is not None
    old = [x.value for x in policy.limits] if was is None else list(was.values)
    return [
        Event(at=now, kind=EventKind.LIMITS_CHANGED, text=f"{limit.named(value)} (was {_amount(known)}): {source}")
        for limit, known, value, source in zip(policy.limits, old, told.values, told.sources, strict=True)
        if known != value
    ]


def _amount(value: float | None) -> str:
    return "not in force" if value is None else f"{value:g}"


def _identified(after: State, inputs: Inputs, now: Instant) -> list[Event]:
    events: list[Event] = []
    for o in inputs.observations:
        if not isinstance(o, DerIdentified | MeterIdentified):
            continue
        source_id = o.der_id if isinstance(o, DerIdentified) else o.meter_id
        text = f"{o.manufacturer} {o.model} serial {o.serial} firmware {o.firmware} ({o.variant})"
        events.append(Event(at=now, kind=EventKind.IDENTIFIED, source_id=source_id, text=text))
        if isinstance(o, DerIdentified):
            events += _rating(after, o, now)
    return events


def _rating(after: State, o: DerIdentified, now: Instant) -> list[Event]:
    spec = next((d.spec for d in after.ders if d.spec.id == o.der_id), None)
    if spec is None or abs(o.rating_w - spec.nameplate_w) <= RATING_TOLERANCE * spec.nameplate_w:
        return []
    text = f"device says {o.rating_w:g} W, site file says {spec.nameplate_w:g} W"
    facts = (("rating_w", o.rating_w), ("nameplate_w", spec.nameplate_w))
    return [Event(at=now, kind=EventKind.RATING_MISMATCH, source_id=o.der_id, text=text, facts=facts)]


def _faults(before: tuple[Fault, ...], after: tuple[Fault, ...], now: Instant) -> list[Event]:
    old, new = {(f.kind, f.source_id) for f in before}, {(f.kind, f.source_id) for f in after}
    raised = [
        Event(
            at=now,
            kind=EventKind.FAULT_RAISED,
            source_id=f.source_id,
            text=f"{f.kind.value}: {f.detail}" if f.detail else f.kind.value,
            facts=(("fault", f.kind.name),),
        )
        for f in after
        if (f.kind, f.source_id) not in old
    ]
    cleared = [
        Event(
            at=now,
            kind=EventKind.FAULT_CLEARED,
            source_id=f.source_id,
            text=f.kind.value,
            facts=(("fault", f.kind.name),),
        )
        for f in before
        if (f.kind, f.source_id) not in new
    ]
    return raised + cleared


def _excursion(e: Excursion, name: str, now: Instant) -> Event:
    about = f"{name}: " if name else ""
    text = f"{about}{e.duration_s:.2f} s beyond the limit, at most {e.peak_w:.0f} W, {e.energy_wh:.2f} Wh"
    facts = (("duration_s", e.duration_s), ("peak_w", e.peak_w), ("energy_wh", e.energy_wh))
    return Event(at=now, kind=EventKind.EXCURSION_ENDED, text=text, facts=facts)


def _response(r: Response, line_name: str, name: str, now: Instant) -> Event:
    beyond = f"beyond the limit until {r.beyond_s:.2f} s" if r.beyond_s > 0.0 else "never beyond the limit"
    about = f"{name}: " if name else ""
    text = (
        f"{about}{r.way.value} after a {r.kind.value} step of {r.step_w:+.0f} W: OLRT {r.olrt_s:.2f} s "
        f"({r.olrt_lo_s:.2f} to {r.olrt_hi_s:.2f} s), {beyond}, self-measured"
    )
    facts = (
        ("kind", r.kind.value),
        ("way", r.way.value),
        ("olrt_s", r.olrt_s),
        ("olrt_lo_s", r.olrt_lo_s),
        ("olrt_hi_s", r.olrt_hi_s),
        ("beyond_s", r.beyond_s),
        ("judged_s", r.judged_s),
        ("step_w", r.step_w),
        ("line", line_name),
        ("at_s", r.at_s),
        ("at_lo_s", r.at_lo_s),
        ("at_hi_s", r.at_hi_s),
        ("final_import_w", r.final_import_w),
        ("method", "self-measured"),
    )
    return Event(at=now, kind=EventKind.RESPONSE_MEASURED, text=text, facts=facts)


def wirings(line: Line, state: State) -> tuple[Wiring, ...]:
    """What is known of the wiring of each of the line's meters."""
    return tuple(state.watches[number].wiring.verdict for number, _ in line.meter_signs)


def why(state: State, policy: Policy) -> str:
    """Why of the line that matters most now: one that is not free to follow, else one that binds, else the first."""
    if not policy.lines:
        return "no limit: the DERs are free"
    pairs = list(zip(policy.lines, state.lines, strict=True))
    line, known = max(pairs, key=lambda p: (p[1].action, p[1].binds_since_s is not None))
    return why_line(line, known, state.faults, wirings(line, state))


def why_line(line: Line, state: LineState, faults: tuple[Fault, ...], verdicts: tuple[Wiring, ...]) -> str:
    """One sentence: what holds the bounds of this line where they are now."""
    name = line.name if state.value == line.limit.value else line.limit.named(state.value)
    if state.envelope.limit_w is None:
        return f"{line.limit.named(None)}: nothing is bounded"
    mine = [f for f in faults if action_of(f) is state.action]
    if state.lacks:
        return f"safe set of the {name}: the meter does not say {state.lacks}"
    if state.action is Action.SAFE:
        reason = next((f"{f.kind.value}" + (f" ({f.detail})" if f.detail else "") for f in mine), "starting")
        return f"safe set of the {name}: {reason}"
    if state.action is Action.TIGHTEN:
        return f"tightening towards the safe set of the {name}: {mine[0].kind.value if mine else 'meter late'}"
    if state.reactive:
        return f"{name} cannot be held: reactive power alone is beyond it; active power is kept at 0 W"
    if Wiring.UNVERIFIED in verdicts:
        return f"{name}; bounds rise slowly until the wiring is verified by a movement"
    if state.binds_since_s is not None:
        could = "inject more than demand and limit allow" if line.sign > 0.0 else "draw more than the limit leaves"
        return f"{name} binds: the DERs could {could}"
    return f"{name} holds with room: {'sun, wish or nameplate' if line.sign > 0.0 else 'wish or rating'} decides"
