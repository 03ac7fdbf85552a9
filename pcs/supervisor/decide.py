"""The supervisor's decision, pure: `decide(state, seen, feed, asked, spec, now)`. What is not certain opens it."""

from dataclasses import replace

from pcs.model.supervisor import SupervisorSpec
from pcs.model.units import Instant
from pcs.supervisor.state import (
    ONLY_PERSON,
    Asked,
    Contact,
    Decision,
    Feed,
    Flow,
    Mode,
    News,
    Nonsense,
    Reason,
    Seen,
    State,
)

MOVE_S = 0.3
"""What a contactor and its auxiliary contact take to move, with room: data sheets say 10 to 60 ms."""
TEST_OPEN_S = 1.0
"""A trip test keeps the contact open for a moment, so that the contactor behind it follows and people see it."""
FEEDBACK_FEEDS = 10
"""A contact that does not follow is told after so many pulses beyond its hold time."""
SILENT_S = 3.0
"""A relay board that has not answered for so long is a reason to trip; its own time-out has opened it by then."""
DEAD_VOLTS_RATIO = 0.5
"""Below half of nominal a voltage tap is off or the phase is dead: the meter's watts are worth nothing."""


def initial(spec: SupervisorSpec, now: Instant) -> State:
    """The memory of a supervisor that has just started: the relay is open until the data are good."""
    none = (None,) * len(spec.watches)
    return State(since_s=now.mono_s, heard_s=now.mono_s, changed_s=now.mono_s, beyond_s=none, inside_s=none)


def decide(state: State, seen: Seen | None, feed: Feed, asked: Asked, spec: SupervisorSpec, now: Instant) -> Decision:
    """Take what was seen and say whether the relay is fed now."""
    state = _feel(_see(state, seen, spec, now.mono_s), feed, spec, now.mono_s)
    reason = why(state, spec, now.mono_s)
    state = replace(state, good_s=_good_s(state, reason, spec, now.mono_s))
    match state.mode:
        case Mode.TRIPPED:
            return _tripped(state, asked, spec, now)
        case Mode.WAITING:
            return _waiting(state, spec, now)
        case Mode.TESTING:
            return _testing(state, reason, feed, spec, now)
        case Mode.CLOSED:
            return _closed(state, reason, feed, asked, now)


def drops_s(spec: SupervisorSpec) -> float:
    """From the last pulse until the contact must have opened."""
    return spec.relay.hold_s + MOVE_S


def mismatch_after_s(spec: SupervisorSpec) -> float:
    """How long the contact may differ from what it should be: its own time, and ten pulses."""
    return drops_s(spec) + FEEDBACK_FEEDS * spec.relay.feed_s


# -- what was seen


def _see(state: State, seen: Seen | None, spec: SupervisorSpec, now_s: float) -> State:
    match seen:
        case Flow():
            wrong = _impossible(seen, spec)
            return _nonsense(state, wrong, now_s) if wrong else _flow(state, seen, spec, now_s)
        case Nonsense(detail=detail):
            return _nonsense(state, detail, now_s)
        case Contact(closed=closed):
            since_s = None if closed else state.open_s if state.open_s is not None else now_s
            return replace(state, heard_s=now_s, changed_s=now_s, open_s=since_s)
        case None:
            return state


def _impossible(flow: Flow, spec: SupervisorSpec) -> str:
    """Why a number cannot be true, empty where it can."""
    if not abs(flow.import_w) <= spec.most_w:  # also true of NaN
        return f"{flow.import_w:g} W is more than this site can have ({spec.most_w:g} W)"
    dead = [n for n, v in enumerate(flow.volts_v, 1) if not v >= DEAD_VOLTS_RATIO * spec.nominal_v]
    return f"no voltage at L{dead[0]}: its watts are worth nothing" if dead else ""


def _nonsense(state: State, detail: str, now_s: float) -> State:
    since_s = state.nonsense_s if state.nonsense_s is not None else now_s
    return replace(state, nonsense_s=since_s, evidence=detail)


def _flow(state: State, flow: Flow, spec: SupervisorSpec, now_s: float) -> State:
    pairs = [
        _excursion(watch.beyond(flow.import_w), since_s, inside_s, spec.clear_s, now_s)
        for watch, since_s, inside_s in zip(spec.watches, state.beyond_s, state.inside_s, strict=True)
    ]
    return replace(
        state,
        heard_s=now_s,
        changed_s=now_s if flow.words != state.words else state.changed_s,
        words=flow.words,
        import_w=flow.import_w,
        nonsense_s=None,
        beyond_s=tuple(since_s for since_s, _ in pairs),
        inside_s=tuple(inside_s for _, inside_s in pairs),
    )


def _excursion(
    beyond: bool, since_s: float | None, inside_s: float | None, clear_s: float, now_s: float
) -> tuple[float | None, float | None]:
    """Since when it is too much, and since when it is back inside; a short dip inside does not start the time anew."""
    if beyond:
        return (now_s if since_s is None else since_s), None
    if since_s is None:
        return None, None
    inside_s = now_s if inside_s is None else inside_s
    return (None, None) if now_s - inside_s >= clear_s else (since_s, inside_s)


def _feel(state: State, feed: Feed, spec: SupervisorSpec, now_s: float) -> State:
    """Compare the contact with what it should be, once it has had the time to move."""
    silent_s = None if not feed.trouble else state.silent_s if state.silent_s is not None else now_s
    wanted = state.mode is Mode.CLOSED
    wrong = feed.closed is not None and feed.closed is not wanted and state.mode is not Mode.TESTING
    mismatch_s = None if not wrong else state.mismatch_s if state.mismatch_s is not None else now_s
    return replace(state, silent_s=silent_s, mismatch_s=mismatch_s, evidence=feed.trouble or state.evidence)


# -- what follows from it


def why(state: State, spec: SupervisorSpec, now_s: float) -> tuple[Reason, str] | None:
    """The first reason to open, with the evidence; None: there is none."""
    for watch, since_s, inside_s in zip(spec.watches, state.beyond_s, state.inside_s, strict=True):
        if since_s is not None and inside_s is None and now_s - since_s > watch.delay_s:
            said = "" if state.import_w is None else f"{abs(state.import_w):.0f} W now, "
            return Reason.BEYOND, f"{watch.name}: {said}for {now_s - since_s:.1f} s, delay {watch.delay_s:g} s"
    if state.open_s is not None and now_s - state.open_s >= spec.contact_delay_s:
        return Reason.CONTACT, f"{spec.contact} is open"
    without_s = now_s - state.heard_s
    if state.nonsense_s is not None:
        lasts_s = now_s - state.nonsense_s
        if lasts_s > spec.implausible_s or without_s > max(spec.missing_s, spec.implausible_s):
            return Reason.IMPLAUSIBLE, f"for {lasts_s:.1f} s: {state.evidence}"
    elif without_s > spec.missing_s:
        return Reason.MISSING, f"nothing usable for {without_s:.1f} s"
    if spec.meter is not None and now_s - state.changed_s > spec.frozen_s:
        return Reason.FROZEN, f"the same words for {now_s - state.changed_s:.1f} s"
    if state.silent_s is not None and now_s - state.silent_s > SILENT_S:
        return Reason.RELAY_SILENT, state.evidence
    return _contact_reason(state, spec, now_s)


def _contact_reason(state: State, spec: SupervisorSpec, now_s: float) -> tuple[Reason, str] | None:
    """A contact that has not followed for longer than it may; None: it has."""
    if state.mismatch_s is None or now_s - state.mismatch_s <= mismatch_after_s(spec):
        return None
    lasts = f"for {now_s - state.mismatch_s:.1f} s"
    if state.mode is Mode.CLOSED:
        return Reason.NOT_CLOSED, f"fed, yet open {lasts}"
    return Reason.WELDED, f"not fed, yet closed {lasts}"


def _good_s(state: State, reason: tuple[Reason, str] | None, spec: SupervisorSpec, now_s: float) -> float | None:
    """Since when nothing at all is wrong; data must be coming in, not only not yet be missing."""
    heard = now_s - state.heard_s <= min(1.0 + (spec.meter.update_s or 1.0 if spec.meter else 0.0), spec.missing_s)
    told = state.words != b"" if spec.meter is not None else state.heard_s > state.since_s
    quiet = all(since_s is None for since_s in state.beyond_s) and state.open_s is None and state.nonsense_s is None
    if reason is not None or not (heard and told and quiet and state.silent_s is None and state.mismatch_s is None):
        return None
    return now_s if state.good_s is None else state.good_s


def _settled(state: State, spec: SupervisorSpec, now_s: float) -> bool:
    return state.good_s is not None and now_s - state.good_s >= spec.settle_s


def _waiting(state: State, spec: SupervisorSpec, now: Instant) -> Decision:
    """Open, and not yet tripped: nothing has been energised that could do harm. A welded contact is told."""
    if (welded := _contact_reason(state, spec, now.mono_s)) is not None:
        return _trip(state, welded, now)
    if not _settled(state, spec, now.mono_s):
        return Decision(state=state, pulse=False)
    closed = replace(state, mode=Mode.CLOSED, since_s=now.mono_s, detail="")
    return Decision(state=closed, pulse=True, news=(News(what="closed", text="data are good: the relay closes"),))


def _closed(state: State, reason: tuple[Reason, str] | None, feed: Feed, asked: Asked, now: Instant) -> Decision:
    if reason is not None:
        return _trip(state, reason, now)
    if asked.test and feed.closed is False:
        refused = News(what="trip test refused", text="the contact is open although it is fed")
        return Decision(state=state, pulse=True, news=(refused,))
    if asked.test:
        testing = replace(state, mode=Mode.TESTING, since_s=now.mono_s, mismatch_s=None, opened_s=None)
        return Decision(state=testing, pulse=False, news=(News(what="trip test", text="no pulses from now on"),))
    return Decision(state=state, pulse=True)


def _testing(
    state: State, reason: tuple[Reason, str] | None, feed: Feed, spec: SupervisorSpec, now: Instant
) -> Decision:
    """No pulses until the contact has been seen to open, and a moment more; hold time and move are all it may take."""
    if reason is not None:
        return _trip(state, reason, now)
    if feed.closed is False and state.opened_s is None:
        state = replace(state, opened_s=now.mono_s)
    if state.opened_s is not None and now.mono_s - state.opened_s < TEST_OPEN_S:
        return Decision(state=state, pulse=False)
    took_s = (now.mono_s if state.opened_s is None else state.opened_s) - state.since_s
    late = took_s > drops_s(spec) + FEEDBACK_FEEDS * spec.relay.feed_s
    if feed.closed and late:
        return _trip(state, (Reason.WELDED, f"trip test: still closed {took_s:.1f} s after the last pulse"), now)
    if state.opened_s is None and not late:
        return Decision(state=state, pulse=False)
    seen = state.opened_s is not None
    said = f"opened {took_s:.2f} s after the last pulse" if seen else "not fed; nothing reads the contact back"
    what = "trip test passed" if seen else "trip test unproven"
    again = replace(state, mode=Mode.CLOSED, since_s=now.mono_s, mismatch_s=None, opened_s=None)
    return Decision(state=again, pulse=True, news=(News(what=what, text=f"{said}; the relay closes again"),))


def _tripped(state: State, asked: Asked, spec: SupervisorSpec, now: Instant) -> Decision:
    """Open and latched. A person may re-arm at any time; what is still wrong keeps the relay open all the same."""
    welded = _contact_reason(state, spec, now.mono_s)
    if welded is not None and state.reason is not Reason.WELDED:
        return _trip(state, welded, now)
    if asked.rearm:
        return _rearmed(replace(state, rearms_utc_s=()), "re-armed by a person", now)
    recent = tuple(at_s for at_s in state.rearms_utc_s if at_s > now.utc_s - spec.rearm.within_s)
    by_itself = spec.rearm.after_s is not None and state.reason not in ONLY_PERSON and len(recent) < spec.rearm.most
    waits = now.mono_s - state.since_s < (spec.rearm.after_s or 0.0)
    if not by_itself or waits or not _settled(state, spec, now.mono_s):
        return Decision(state=state, pulse=False)
    text = f"re-armed by itself, {len(recent) + 1} of {spec.rearm.most}"
    return _rearmed(replace(state, rearms_utc_s=(*recent, now.utc_s)), text, now)


def _rearmed(state: State, text: str, now: Instant) -> Decision:
    none = (None,) * len(state.beyond_s)
    fresh = replace(
        state,
        mode=Mode.WAITING,
        reason=None,
        detail="",
        since_s=now.mono_s,
        tripped_utc_s=None,
        beyond_s=none,
        inside_s=none,
        good_s=None,
        mismatch_s=None,
    )
    return Decision(state=fresh, pulse=False, news=(News(what="re-armed", text=text),))


def _trip(state: State, cause: tuple[Reason, str], now: Instant) -> Decision:
    reason, detail = cause
    tripped = replace(
        state,
        mode=Mode.TRIPPED,
        reason=reason,
        detail=detail,
        since_s=now.mono_s,
        tripped_utc_s=now.utc_s,
        good_s=None,
        mismatch_s=None,
    )
    return Decision(state=tripped, pulse=False, news=(News(what=reason.name, text=f"{reason.value}: {detail}"),))


def latched(spec: SupervisorSpec, now: Instant, kept: State | None) -> State:
    """The memory at a start: a trip of the run before is still a trip; None: the file that held it is damaged."""
    fresh = initial(spec, now)
    if kept is None:
        return _trip(fresh, (Reason.BAD_STATE, "whether it was tripped is not known"), now).state
    if kept.reason is None:
        return replace(fresh, rearms_utc_s=kept.rearms_utc_s)
    return replace(
        fresh,
        mode=Mode.TRIPPED,
        reason=kept.reason,
        detail=kept.detail,
        tripped_utc_s=kept.tripped_utc_s,
        rearms_utc_s=kept.rearms_utc_s,
    )
