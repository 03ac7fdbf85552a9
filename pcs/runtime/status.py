"""The controller's state as a plain dict for people and programs (schema pcs.status/1), told on the control socket."""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from pcs import __version__
from pcs.core import measure, observe, report
from pcs.core.ders import DerState
from pcs.core.economy import action_of
from pcs.core.policy import Policy
from pcs.core.response import Tally
from pcs.core.state import State
from pcs.model.profile import FallbackDirection
from pcs.model.site import LinkAddress, Site
from pcs.model.units import Instant
from pcs.ports import Link

MISSING = (
    "no hard-limit supervisor",
    "no relay",
    "no seal: settings are not locked",
)
"""Protections of the design that this version does not have; status says so instead of leaving it open."""

DEMAND_KNOWN_SHARE = 0.25
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
        "state": state.wiring.verdict.value if state.meter.period_s is not None else "starting",
        "action": state.action.name.lower(),
        "why": report.why(state),
        "commissioned": False,
        "protections": _protections(state),
        "uptime_s": round(now.mono_s - started.mono_s, 3),
        "steps": steps,
        "utc_s": now.utc_s,
        "point": _point(state, now.mono_s),
        "limits": [
            {
                "name": limit.name,
                "value": limit.value,
                "source": limit.source,
                "binding": limit is state.envelope.binding and report.binds(state),
                "margin_w": round(state.envelope.margin.total_w, 1) if limit is state.envelope.binding else None,
                "why": report.why(state) if limit is state.envelope.binding else "",
            }
            for limit in policy.limits
        ],
        "ders": [_der(d, c, s, now.mono_s) for d, c, s in zip(state.ders, state.caps_w, state.safe_w, strict=True)],
        "faults": [
            {"kind": f.kind.value, "source": f.source_id, "detail": f.detail, "since_s": round(now.mono_s - f.at_s, 1)}
            for f in state.faults
        ],
        "excursions": {
            "count": state.excursions.count,
            "longest_s": round(state.excursions.longest_s, 3),
            "total_s": round(state.excursions.total_s, 3),
            "energy_wh": round(state.excursions.energy_wh, 3),
            "tolerance_w": 0.01 * policy.nameplate_w,
        },
        "response": {
            "method": "self-measured",
            "restrict": _tally(state.response.restrict),
            "release": _tally(state.response.release),
            "unsettled": state.response.unsettled,
        },
        "journal": {"dir": site.journal_dir, "trouble": trouble},
        "links": [{"address": str(address), **_counters(link)} for address, link in links.items()],
    }


def words(import_w: float) -> str:
    """The flow at the point as people say it: "exporting 1.20 kW"."""
    if abs(import_w) < 0.5:
        return "balanced"
    return f"{'importing' if import_w > 0 else 'exporting'} {abs(import_w) / 1000:.2f} kW"


def _point(state: State, now_s: float) -> dict[str, Any]:
    sample = state.meter.sample
    if sample is None:
        return {"import_w": None, "words": "no measurement yet", "demand_w": None, "age_s": None}
    stale = measure.age_fault(state.meter, "", now_s)
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
        "period_s": state.meter.period_s,
    }


def _der(der: DerState, cap_w: float, safe_w: float, now_s: float) -> dict[str, Any]:
    lo_w, hi_w = observe.present(der.track)
    action = action_of(der)
    return {
        "id": der.spec.id,
        "state": _state(der),
        "words": "; ".join(f"{c.kind.value}: {c.detail}" for c in der.conditions),
        "model": f"{der.identified.manufacturer} {der.identified.model}" if der.identified else None,
        "serial": der.identified.serial if der.identified else None,
        "injection_w": der.track.telemetry_w,
        "injection_between_w": [round(lo_w, 1), round(hi_w, 1)],
        "cap_w": round(cap_w, 1),
        "sent_w": der.sent_w,
        "confirmed_w": der.held_w,
        "safe_w": round(safe_w, 1),
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
    return "limited" if der.track.limit_bound and der.held_w < der.most_w else "free"


def _protections(state: State) -> list[str]:
    """What does not protect this site, in words: what the design has and this version or these devices do not."""
    missing = list(MISSING)
    for d in state.ders:
        action = action_of(d)
        if action is not None and action.fallback is not FallbackDirection.SAFE:
            missing.append(f"{d.spec.id} does not fall back when this controller dies: it will {action.fallback.value}")
    if state.meter.identified is not None and not state.meter.identified.has_liveness:
        missing.append("meter has no liveness channel: frozen values show only when the DERs move")
    return missing


def _tally(tally: Tally) -> dict[str, Any]:
    if tally.last is None:
        return {"count": 0}
    r = tally.last
    return {
        "count": tally.count,
        "max_s": round(tally.max_s, 3),
        "average_s": round(tally.sum_s / tally.count, 3),
        "last": {
            "kind": r.kind.value,
            "olrt_s": round(r.olrt_s, 3),
            "olrt_between_s": [round(r.olrt_lo_s, 3), round(r.olrt_hi_s, 3)],
            "beyond_s": round(r.beyond_s, 3),
            "step_w": round(r.step_w, 1),
        },
    }


def _counters(link: Link) -> dict[str, Any]:
    counters = getattr(link, "counters", None)
    snapshot = counters() if callable(counters) else counters
    return (
        asdict(snapshot) if snapshot is not None and is_dataclass(snapshot) and not isinstance(snapshot, type) else {}
    )
