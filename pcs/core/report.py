"""What changed between two states, as events; and the sentences that say why."""

from pcs.core.excursion import Excursion
from pcs.core.failsafe import Action
from pcs.core.response import Response
from pcs.core.state import Inputs, State
from pcs.core.wiring import Wiring
from pcs.model.event import Event, EventKind
from pcs.model.fault import Fault
from pcs.model.reading import DerIdentified, MeterIdentified
from pcs.model.units import Instant

RATING_TOLERANCE = 0.02
"""A device's own rating that differs from the site file by more than 2 % is worth a word."""


def changes(
    before: State, after: State, inputs: Inputs, ended: Excursion | None, responded: Response | None, now: Instant
) -> tuple[Event, ...]:
    """Every event of one step, in a fixed order."""
    events = _identified(after, inputs, now)
    if before.faults != after.faults:
        events += _faults(before.faults, after.faults, now)
    if before.action is not after.action:
        text = f"{before.action.name.lower()} -> {after.action.name.lower()}"
        events.append(Event(at=now, kind=EventKind.ACTION_CHANGED, text=text))
    if before.wiring.verdict is not after.wiring.verdict and after.wiring.verdict is Wiring.VERIFIED:
        events.append(Event(at=now, kind=EventKind.WIRING_VERIFIED, text=after.wiring.detail))
    if before.envelope != after.envelope:
        name = after.envelope.binding.name if after.envelope.binding else "no limit"
        events.append(Event(at=now, kind=EventKind.BINDING_CHANGED, text=name))
    if ended is not None:
        events.append(_excursion(ended, now))
    if responded is not None:
        events.append(_response(responded, now))
    return tuple(events)


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


def _excursion(e: Excursion, now: Instant) -> Event:
    text = f"{e.duration_s:.2f} s beyond the limit, at most {e.peak_w:.0f} W, {e.energy_wh:.2f} Wh"
    facts = (("duration_s", e.duration_s), ("peak_w", e.peak_w), ("energy_wh", e.energy_wh))
    return Event(at=now, kind=EventKind.EXCURSION_ENDED, text=text, facts=facts)


def _response(r: Response, now: Instant) -> Event:
    beyond = f"beyond the limit until {r.beyond_s:.2f} s" if r.beyond_s > 0.0 else "never beyond the limit"
    text = (
        f"{r.way.value} after a {r.kind.value} step of {r.step_w:+.0f} W: OLRT {r.olrt_s:.2f} s "
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
        ("method", "self-measured"),
    )
    return Event(at=now, kind=EventKind.RESPONSE_MEASURED, text=text, facts=facts)


def why(state: State) -> str:
    """One sentence: what holds the caps where they are now."""
    envelope = state.envelope
    name = envelope.binding.name if envelope.binding else "no limit"
    if state.action is Action.SAFE:
        reason = next((f"{f.kind.value}" + (f" ({f.detail})" if f.detail else "") for f in state.faults), "starting")
        return f"safe set of the {name}: {reason}"
    if state.action is Action.TIGHTEN:
        return f"tightening towards the safe set of the {name}: {state.faults[0].kind.value}"
    if state.wiring.verdict is Wiring.UNVERIFIED:
        return f"{name}; caps rise slowly until the wiring is verified by a movement"
    if binds(state):
        return f"{name} binds: the DERs could inject more than demand and limit allow"
    if envelope.binding is None:
        return "no limit: the DERs are free"
    return f"{name} holds with room: the sun or the nameplate decides, not the limit"


def binds(state: State) -> bool:
    """Whether the limit, and neither sun nor nameplate, decides what some DER injects."""
    return any(
        d.identified is not None and d.track.limit_bound and d.track.telemetry_w is not None and cap_w < d.most_w - 1.0
        for d, cap_w in zip(state.ders, state.caps_w, strict=True)
    )
