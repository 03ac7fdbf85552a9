"""Why everything is as it is, as a plain dict (schema pcs.explain/1): what binds, what each DER was told, what is next.

Pure: from the core's memory and the rules alone. Powers in watts, times in seconds; every moment is given as UTC and as
its age.
"""

from collections.abc import Callable
from datetime import datetime
from math import hypot, isfinite, radians, tan
from typing import Any
from zoneinfo import ZoneInfo

from pcs.core import observe, report
from pcs.core.der_state import DerState
from pcs.core.envelope import COVERAGE, WORST_TAN_PHI
from pcs.core.failsafe import Action, action_of
from pcs.core.line_state import LineState
from pcs.core.order import Order
from pcs.core.policy import Line, Policy
from pcs.core.state import State
from pcs.model.site import Site
from pcs.model.units import Instant
from pcs.runtime import lockouts
from pcs.runtime.status import responses
from pcs.runtime.what_next import Coming, coming

NAMED_DERS = 3
"""DERs that the one sentence names; the list has them all."""
SAME_W = 1.0
"""A device rounds towards the limit: what it holds within a watt of what it was told is the same."""

Moment = dict[str, Any]
"""A moment as people and programs want it: `utc_s`, and how long ago (`ago_s`)."""


def explain(site: Site, policy: Policy, state: State, now: Instant) -> dict[str, Any]:
    """What binds now and why, each limit and DER in its parts, and what comes next, the soonest first."""
    at = _At(now, ZoneInfo(site.timezone))
    ahead = coming(policy, state, now, at.zone)
    return {
        "schema": "pcs.explain/1",
        "site": site.name,
        "timezone": site.timezone,
        "utc_s": now.utc_s,
        "sentence": _sentence(policy, state, ahead, at),
        "action": state.action.name.lower(),
        "limits": [
            _limit(policy, state, line, known, at) for line, known in zip(policy.lines, state.lines, strict=True)
        ],
        "conflicts": list(state.conflicts),
        "lockout": lockouts.told(state, policy, now),
        "busbars": [
            {"id": b.point.id, "rating_a": b.rating_a, "infeed_a": list(k.infeed_a), "relieved": k.relieved}
            for b, k in zip(policy.buses, state.buses, strict=True)
        ],
        "ders": [_der(state, n, at) for n in range(len(state.ders))],
        "next": [{"what": one.what, "words": one.words, "in_s": _rounded(one.in_s, 1)} for one in ahead],
    }


class _At:
    """Turns the controller's own clock into moments, and into the site's time of day."""

    def __init__(self, now: Instant, zone: ZoneInfo) -> None:
        self.now, self.zone = now, zone

    def moment(self, mono_s: float | None) -> Moment | None:
        """A moment, None where there was none."""
        if mono_s is None or not isfinite(mono_s):
            return None
        ago_s = self.now.mono_s - mono_s
        return {"utc_s": round(self.now.utc_s - ago_s, 3), "ago_s": round(ago_s, 3)}

    def clock(self, mono_s: float) -> str:
        """The time of day on the site's clock."""
        utc_s = self.now.utc_s - (self.now.mono_s - mono_s)
        return f"{datetime.fromtimestamp(utc_s, self.zone):%H:%M:%S}"


def _sentence(policy: Policy, state: State, ahead: tuple[Coming, ...], at: _At) -> str:
    """What binds, since when, what those concerned were told and answered, and what comes next."""
    parts = [*_busbars(policy, state), _binds(policy, state, at)]
    concerned = _concerned(policy, state)
    told = [f"{d.spec.id} was told {said} at {at.clock(d.sent_s)} and {answer_words(d)}" for d, said in concerned]
    parts += told[:NAMED_DERS]
    if len(told) > NAMED_DERS:
        parts.append(f"{len(told) - NAMED_DERS} more DERs were told as listed below")
    if ahead:
        parts.append(f"next: {ahead[0].words}")
    return "; ".join(parts) + "."


def _binds(policy: Policy, state: State, at: _At) -> str:
    number = _first(policy, state)
    if number is None:
        return "nothing is limited: the site file has no limits"
    line, known = policy.lines[number], state.lines[number]
    why = report.why_line(line, known, state.faults, report.wirings(line, state))
    since_s = _since_s(policy, state, number)
    since = "" if since_s is None else f" since {at.clock(since_s)} ({_lasts(at.now.mono_s - since_s)})"
    if known.binds_since_s is not None and known.action is Action.NORMAL and known.flow is not None:
        name = line.limit.named(known.value) + ("" if line.phase is None else f", L{line.phase + 1}")
        return f"{name} binds{since}, {_flow_words(line, known)} now"
    return why + since


def _busbars(policy: Policy, state: State) -> list[str]:
    """What keeps the DERs on a busbar down, before any limit does."""
    return [
        f"busbar {bus.point.id} is fed {max(known.infeed_a, default=0.0):,.0f} A of {bus.rating_a:,.0f} A, so "
        f"{' and '.join(policy.controlled[n].id for n in bus.members)} rest"
        for bus, known in zip(policy.buses, state.buses, strict=True)
        if known.relieved
    ]


def _flow_words(line: Line, known: LineState) -> str:
    """Which way the power goes at the point, on the line's conductor: "exporting 1,188 W"."""
    assert known.flow is not None
    import_w = line.sign * known.flow.import_w
    return f"{'importing' if import_w >= 0.0 else 'exporting'} {abs(import_w):,.0f} W"


def _first(policy: Policy, state: State) -> int | None:
    """The line that matters most: one that a fault holds, else one that binds, else the first."""
    if not policy.lines:
        return None
    return max(
        range(len(policy.lines)),
        key=lambda n: (state.lines[n].action, state.lines[n].binds_since_s is not None, -n),
    )


def _since_s(policy: Policy, state: State, number: int) -> float | None:
    known = state.lines[number]
    if known.action is Action.NORMAL:
        return known.binds_since_s
    ids = {policy.meters[n].id for n, _ in policy.lines[number].meter_signs}
    begun = [f.at_s for f in state.faults if f.source_id in ids and action_of(f) is known.action]
    return min(begun, default=None)


def _concerned(policy: Policy, state: State) -> list[tuple[DerState, str]]:
    """The DERs behind the line that matters which were told anything, with what it was."""
    number = _first(policy, state)
    members = () if number is None else policy.lines[number].members
    return [(d, told_words(d.sent)) for d in (state.ders[n] for n in members) if d.sent is not None]


def told_words(order: Order) -> str:
    """What a DER was told, in words."""
    if order.setpoint_w is not None:
        if abs(order.setpoint_w) < SAME_W:
            return "to rest at 0 W"
        return f"to {'feed' if order.setpoint_w > 0.0 else 'draw'} exactly {abs(order.setpoint_w):,.0f} W"
    feeds = f"to feed at most {order.limit_w:,.0f} W"
    if order.charge_w is None:
        return feeds
    draws = f"to draw at most {order.charge_w:,.0f} W"
    return draws if order.limit_w < SAME_W and order.charge_w > 0.0 else f"{feeds} and {draws}"


def answer_words(der: DerState) -> str:
    """What came back: a confirmation, silence, or a refusal."""
    if der.retries:
        why = f" ({der.failing.kind.value})" if der.failing else ""
        return f"did not take it: {der.retries} attempts in a row came to nothing{why}"
    if der.sent is None or der.held is None:
        return "has not confirmed anything yet"
    if der.pending or der.held_s < der.sent_s:
        return f"has not confirmed it yet; it holds what it was told before, {told_words(der.held)}"
    after = f"{der.held_s - der.sent_s:.2f} s later"
    if _same(der.sent, der.held):
        return f"confirmed it {after}"
    return f"confirmed {told_words(der.held)} {after}"


def _same(a: Order, b: Order) -> bool:
    pairs = zip(a, b, strict=True)
    return all((x is None) == (y is None) and abs((x or 0.0) - (y or 0.0)) <= SAME_W for x, y in pairs)


def _limit(policy: Policy, state: State, line: Line, known: LineState, at: _At) -> dict[str, Any]:
    told, limit_w = state.in_force, known.envelope.limit_w
    return {
        "name": line.limit.named(known.value) + ("" if line.phase is None else f", L{line.phase + 1}"),
        "value": known.value,
        "unit": line.limit.quantity.value,
        "limit_w": _rounded(limit_w, 1),
        "source": told.sources[line.limit_number] if told is not None else line.limit.source,
        "flow": None if known.flow is None else _flow_words(line, known),
        "flow_w": None if known.flow is None else round(-known.flow.import_w, 1),
        "flow_at": at.moment(known.used_s),
        "margin": None if limit_w is None else margin_parts(policy, line, known, limit_w),
        "budget_w": round(known.budget.total_w, 1),
        "action": known.action.name.lower(),
        "binds_since": at.moment(known.binds_since_s),
        "why": report.why_line(line, known, state.faults, report.wirings(line, state)),
        "ders": [state.ders[n].spec.id for n in line.members],
        "response": responses((known,)),
    }


def margin_parts(policy: Policy, line: Line, known: LineState, limit_w: float) -> dict[str, Any]:
    """What is kept free below a limit (W), and what for; meter, CT and phase error add up as a root of squares."""
    margin = known.envelope.margin
    whole = {"total_w": round(margin.total_w, 1), "cushion_w": round(margin.cushion_w, 1)}
    if line.limit.margin_w is not None:
        return {**whole, "given": True, "meter_w": 0.0, "ct_w": 0.0, "phase_error_w": 0.0, "resolution_w": 0.0}
    meters = [policy.meters[number] for number, _ in line.meter_signs]

    def share_w(*shares: float) -> float:
        return round(COVERAGE * hypot(*shares) * limit_w, 1)

    return {
        **whole,
        "given": False,
        "meter_w": share_w(*(m.class_pct / 100 for m in meters)),
        "ct_w": share_w(*(m.ct.class_pct / 100 for m in meters)),
        "phase_error_w": share_w(*(WORST_TAN_PHI * tan(radians(m.ct.phase_error_deg)) for m in meters)),
        "resolution_w": round(float(max(1, len(meters))), 1),
    }


def _der(state: State, number: int, at: _At) -> dict[str, Any]:
    der = state.ders[number]
    track = der.track
    lo_w, hi_w = observe.present(track)
    draws = der.least_w < 0.0
    return {
        "id": der.spec.id,
        "kind": der.spec.kind.value,
        "decides": _decides(der),
        "cap_w": round(state.caps_w[number], 1),
        "floor_w": round(state.floors_w[number], 1) if draws else None,
        "setpoint_w": der.sent.setpoint_w if der.sent else None,
        "injection_w": track.telemetry_w,
        "injection_at": at.moment(track.telemetry_span.to_s if track.telemetry_span else None),
        "injection_between_w": [round(lo_w, 1), round(hi_w, 1)],
        "telemetry_late_s": round(track.late.more_s, 1),
        "rating_w": der.most_w,
        "charge_rating_w": -der.least_w if draws else None,
        "wish_w": der.wish_w,
        "soc_pct": der.soc_pct,
        "told": None if der.sent is None else {"words": told_words(der.sent), "at": at.moment(der.sent_s)},
        "answered": {
            "words": answer_words(der),
            "held": None if der.held is None else told_words(der.held),
            "at": at.moment(der.held_s if der.held is not None else None),
        },
        "heard_at": at.moment(der.heard_s),
        "conditions": [f"{c.kind.value}: {c.detail}" if c.detail else c.kind.value for c in der.conditions],
    }


def _decides(der: DerState) -> str:
    """What decides what the DER does now, in words."""
    rules: tuple[tuple[Callable[[DerState], bool], str], ...] = (
        (lambda d: bool(d.conditions), "nobody can say: it is not counted on"),
        (lambda d: d.identified is None, "nobody knows yet: it has not been met"),
        (lambda d: d.sent is not None and d.sent.setpoint_w is not None, "what it was told to do exactly"),
        (lambda d: d.track.limit_bound and d.held_w is not None and d.held_w < d.most_w, "the limit of what it feeds"),
        (lambda d: d.track.floor_bound and d.least_w < 0.0, "the limit of what it draws"),
        (lambda d: d.track.sun, "the sun or its rating"),
    )
    return next((words for holds, words in rules if holds(der)), "its own wish")


def _lasts(seconds_s: float) -> str:
    """A time in words, as far as people want to know it."""
    for unit, size_s in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds_s >= 2 * size_s:
            return f"{seconds_s / size_s:.0f} {unit}"
    return f"{seconds_s:.0f} s"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
