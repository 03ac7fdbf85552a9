"""The controller's state as a plain dict for people and programs (schema pcs.status/1), told on the control socket."""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from pcs import __version__
from pcs.core import measure, observe, report
from pcs.core.answer import Wiring
from pcs.core.der_state import DerState
from pcs.core.economy import action_of
from pcs.core.line_state import LineState
from pcs.core.policy import Line, Policy
from pcs.core.response import Tally
from pcs.core.state import State
from pcs.model.profile import FallbackDirection
from pcs.model.site import LinkAddress, Site
from pcs.model.units import Instant
from pcs.ports import Link
from pcs.runtime import lockouts

MISSING = ("no seal: settings are not locked",)
"""Protections of the design that this version does not have; status says so instead of leaving it open."""

DEMAND_KNOWN_SHARE = 0.1
"""The demand is a number for people once its bounds are closer than this share of the controlled nameplate."""


def status(
    site: Site,
    policy: Policy,
    state: State,
    started: Instant,
    now: Instant,
    steps: int,
    links: Mapping[LinkAddress, Link],
    trouble: str,
) -> dict[str, Any]:
    """Everything worth knowing now; powers in watts, times in seconds."""
    return {
        "schema": "pcs.status/1",
        "site": site.name,
        "version": __version__,
        "state": _verdict(state),
        "action": state.action.name.lower(),
        "why": report.why(state, policy),
        "commissioned": False,
        "protections": _protections(site, state),
        "uptime_s": round(now.mono_s - started.mono_s, 3),
        "steps": steps,
        "utc_s": now.utc_s,
        "point": _point(policy, state, now.mono_s),
        "limits": [
            _limit(policy, state, line, known, now.mono_s)
            for line, known in zip(policy.lines, state.lines, strict=True)
        ],
        "conflicts": list(state.conflicts),
        "preset": site.preset.id,
        "lockout": lockouts.told(state, policy, now),
        "ders": [_der(state, number, now.mono_s) for number in range(len(state.ders))],
        "faults": [
            {"kind": f.kind.value, "source": f.source_id, "detail": f.detail, "since_s": round(now.mono_s - f.at_s, 1)}
            for f in state.faults
        ],
        "excursions": _excursions(state.lines, policy),
        "response": responses(state.lines),
        "journal": {"dir": site.journal_dir, "trouble": trouble},
        "links": [{"address": str(address), **_counters(link)} for address, link in links.items()],
    }


def words(import_w: float) -> str:
    """The flow at the point as people say it: "exporting 1.20 kW"."""
    if abs(import_w) < 0.5:
        return "balanced"
    return f"{'importing' if import_w > 0 else 'exporting'} {abs(import_w) / 1000:.2f} kW"


def _verdict(state: State) -> str:
    """What is known of the meters' wiring, the least certain of all."""
    if any(m.period_s is None for m in state.meters):
        return "starting"
    order = (Wiring.WRONG, Wiring.DOUBTED, Wiring.UNVERIFIED, Wiring.VERIFIED)
    return min((w.wiring.verdict for w in state.watches), key=order.index).value


def _limit(policy: Policy, state: State, line: Line, known: LineState, now_s: float) -> dict[str, Any]:
    told = state.in_force
    envelope, flow = known.envelope, known.flow
    return {
        "name": line.name if known.value == line.limit.value else line.limit.named(known.value),
        "value": known.value,
        "limit_w": None if envelope.limit_w is None else round(envelope.limit_w, 1),
        "source": told.sources[line.limit_number] if told is not None else line.limit.source,
        "action": known.action.name.lower(),
        "binding": known.binds_since_s is not None,
        "binding_for_s": None if known.binds_since_s is None else round(now_s - known.binds_since_s, 1),
        "flow_w": None if flow is None else round(-flow.import_w, 1),
        "budget_w": round(known.budget.total_w, 1),
        "margin_w": round(envelope.margin.total_w, 1) if envelope.limit_w is not None else None,
        "why": report.why_line(line, known, state.faults, report.wirings(line, state)),
        "excursions": _excursions((known,), policy),
        "response": responses((known,)),
    }


def _excursions(lines: tuple[LineState, ...], policy: Policy) -> dict[str, Any]:
    """Excursions of these lines together (seconds, Wh)."""
    all_ = [known.excursions for known in lines]
    return {
        "count": sum(e.count for e in all_),
        "longest_s": round(max((e.longest_s for e in all_), default=0.0), 3),
        "total_s": round(sum(e.total_s for e in all_), 3),
        "energy_wh": round(sum(e.energy_wh for e in all_), 3),
        "tolerance_w": policy.tolerance.of_w(policy.nameplate_w),
    }


def responses(lines: tuple[LineState, ...]) -> dict[str, Any]:
    """Self-measured responses of these lines together."""
    return {
        "method": "self-measured",
        "restrict": _tally([known.response.restrict for known in lines]),
        "release": _tally([known.response.release for known in lines]),
        "unsettled": sum(known.response.unsettled for known in lines),
    }


def _point(policy: Policy, state: State, now_s: float) -> dict[str, Any]:
    number = next((n for n, m in enumerate(policy.meters) if m.point == "poi"), 0)
    meter = state.meters[number]
    sample = meter.sample
    if sample is None:
        return {"import_w": None, "words": "no measurement yet", "demand_w": None, "age_s": None}
    stale = measure.age_fault(meter, "", now_s)
    lo_w, hi_w = state.demand_w or (0.0, 0.0)
    nameplate_w = sum(d.weight_w for d in state.ders)
    known = state.demand_w is not None and hi_w - lo_w <= DEMAND_KNOWN_SHARE * nameplate_w
    return {
        "import_w": sample.import_w,
        "words": words(sample.import_w) + (" (old)" if stale else ""),
        "phase_import_w": list(sample.phase_import_w),
        "demand_w": round(0.5 * (lo_w + hi_w), 1) if known else None,
        "demand_between_w": [round(lo_w, 1), round(hi_w, 1)] if state.demand_w else None,
        "age_s": round(now_s - sample.received_s, 3),
        "period_s": meter.period_s,
    }


def _der(state: State, number: int, now_s: float) -> dict[str, Any]:
    der = state.ders[number]
    lo_w, hi_w = observe.present(der.track)
    action = action_of(der)
    sent, held = der.sent, der.held
    return {
        "id": der.spec.id,
        "kind": der.spec.kind.value,
        "state": _state(der),
        "words": "; ".join(f"{c.kind.value}: {c.detail}" for c in der.conditions),
        "model": f"{der.identified.manufacturer} {der.identified.model}" if der.identified else None,
        "serial": der.identified.serial if der.identified else None,
        "injection_w": der.track.telemetry_w,
        "injection_between_w": [round(lo_w, 1), round(hi_w, 1)],
        "cap_w": round(state.caps_w[number], 1),
        "floor_w": round(state.floors_w[number], 1) if der.least_w < 0.0 else None,
        "sent_w": der.sent_w,
        "sent_charge_w": sent.charge_w if sent else None,
        "sent_setpoint_w": sent.setpoint_w if sent else None,
        "confirmed_w": der.held_w,
        "confirmed_charge_w": held.charge_w if held else None,
        "confirmed_setpoint_w": held.setpoint_w if held else None,
        "wish_w": der.wish_w,
        "soc_pct": der.soc_pct,
        "safe_w": round(state.safe_w[number], 1),
        "safe_charge_w": round(state.safe_charge_w[number], 1) if der.least_w < 0.0 else None,
        "rating_w": der.most_w,
        "age_s": round(now_s - der.heard_s, 3) if der.heard_s is not None else None,
        "fallback": action.fallback.value if action else None,
        "evidence": der.spec.profile.evidence.value if der.spec.profile else None,
    }


def _state(der: DerState) -> str:
    if der.conditions:
        return der.conditions[0].kind.name.removeprefix("DER_").lower().replace("_", " ")
    if der.identified is None:
        return "not met yet"
    if der.held_w is None:
        return "not confirmed"
    if der.held is not None and der.held.setpoint_w is not None:
        return "told"
    held_floor_w = der.held.floor_w(der.track.least_w) if der.held is not None else der.track.least_w
    limited = der.track.limit_bound and der.held_w < der.most_w and der.most_w > 0.0
    return "limited" if limited or (der.track.floor_bound and held_floor_w > der.least_w) else "free"


def unprotected(site: Site) -> tuple[str, ...]:
    """What does not protect this site whatever its devices are, in words."""
    spec = site.supervisor
    if spec is None:
        return ("no hard-limit supervisor", "no relay", *MISSING)
    weak = []
    if spec.shared_with is not None:
        weak.append(f"the supervisor reads {spec.shared_with}, too: a wrong meter deceives both")
    if spec.feedback is None:
        weak.append("nothing reads the contact of the relay back: a welded one shows only when it is looked at")
    return (*weak, *MISSING)


def _protections(site: Site, state: State) -> list[str]:
    """What does not protect this site, in words: what the design has and this version or these devices do not."""
    missing = list(unprotected(site))
    for d in state.ders:
        action = action_of(d)
        if action is not None and action.fallback is not FallbackDirection.SAFE:
            missing.append(f"{d.spec.id} does not fall back when this controller dies: it will {action.fallback.value}")
    for meter in state.meters:
        if meter.identified is not None and not meter.identified.has_liveness:
            who = meter.identified.meter_id
            missing.append(f"meter {who} has no liveness channel: frozen values show only when the DERs move")
    return missing


def _tally(tallies: list[Tally]) -> dict[str, Any]:
    count = sum(t.count for t in tallies)
    last = max((t.last for t in tallies if t.last is not None), key=lambda r: r.at_s, default=None)
    if last is None:
        return {"count": 0}
    return {
        "count": count,
        "max_s": round(max(t.max_s for t in tallies), 3),
        "average_s": round(sum(t.sum_s for t in tallies) / count, 3),
        "last": {
            "kind": last.kind.value,
            "olrt_s": round(last.olrt_s, 3),
            "olrt_between_s": [round(last.olrt_lo_s, 3), round(last.olrt_hi_s, 3)],
            "beyond_s": round(last.beyond_s, 3),
            "step_w": round(last.step_w, 1),
        },
    }


def _counters(link: Link) -> dict[str, Any]:
    counters = getattr(link, "counters", None)
    snapshot = counters() if callable(counters) else counters
    return (
        asdict(snapshot) if snapshot is not None and is_dataclass(snapshot) and not isinstance(snapshot, type) else {}
    )
