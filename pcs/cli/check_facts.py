"""What `pcs check --json` says: the facts of a site for machines, units in the names."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pcs.config.review import fallbacks, warnings
from pcs.config.review_conflicts import DEFAULT_ORDER, conflicts
from pcs.config.review_margins import error_budgets
from pcs.config.review_ratings import ratings
from pcs.core.line_state import at_start
from pcs.core.policy import all_points, policy_for
from pcs.core.predict import Part, Prediction, predict
from pcs.limits.schedule import changes
from pcs.model.limit import Limit
from pcs.model.preset import Preset
from pcs.model.site import MeterSpec, Site
from pcs.model.supervisor import SupervisorSpec

CHANGES_EACH = 4
"""Of one schedule: a day and the next of a daily window."""
CHANGES_ALL = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One change of a schedule that is to come: when (UTC seconds, and local time as text), and what holds then."""

    utc_s: float
    local: str
    limit: str
    value: float | None
    says: str
    source: str


def report(site: Site, now_utc_s: float) -> dict[str, Any]:
    """Everything that was understood and what it means, as plain values; schedules are listed from `now_utc_s` on."""
    budgets = error_budgets(site)
    return {
        "ok": True,
        "digest": site.digest,
        "preset": _preset(site.preset),
        "site": {"name": site.name, "timezone": site.timezone, "system": site.system, "nominal_v": site.nominal_v},
        "meters": [_meter(meter) for meter in site.meters],
        "points": _points(site),
        "ders": _ders(site),
        "limits": [
            _limit(limit, None if budget is None else asdict(budget), predict(site, limit))
            for limit, budget in zip(site.limits, budgets, strict=True)
        ],
        "priority": {"default": DEFAULT_ORDER, "conflicts": _conflicts(site)},
        "next_changes": [asdict(coming) for coming in next_changes(site, now_utc_s)],
        "safe_total_w": safe_total_w(site),
        "supervisor": _supervisor(site.supervisor),
        "journal_dir": site.journal_dir,
        "warnings": list(warnings(site)),
    }


def _preset(preset: Preset) -> dict[str, Any]:
    return {
        "id": preset.id,
        "version": preset.version,
        "title": preset.title,
        "figures": [asdict(figure) for figure in preset.figures],
        "remarks": list(preset.remarks),
    }


def _meter(meter: MeterSpec) -> dict[str, Any]:
    return {
        "id": meter.id,
        "point": meter.point,
        "profile": meter.profile.id,
        "link": str(meter.link),
        "unit": meter.unit,
        "sign": meter.sign,
        "update_s": update_s(meter),
    }


def update_s(meter: MeterSpec) -> float | None:
    """The update period that the site file or the profile declares; None: identified at start."""
    return meter.update_s or (meter.profile.meter.update_s if meter.profile.meter else None)


def _points(site: Site) -> list[dict[str, Any]]:
    figures = ratings(site)
    return [
        {
            "id": point.id,
            "kind": point.kind,
            "parent": point.parent,
            "meters": [{"id": name, "sign": sign} for name, sign in point.meters],
            "rating_a": point.rating_a,
            "figures": [
                {"current_a": round(f.current_a, 1), "meaning": f.meaning, "clause": f.clause}
                for f in figures
                if f.point == point.id
            ],
        }
        for point in all_points(site).values()
    ]


def _ders(site: Site) -> list[dict[str, Any]]:
    return [
        {
            "id": der.id,
            "kind": der.kind,
            "nameplate_w": der.nameplate_w,
            "charge_w": der.charge_w,
            "charge_min_w": der.charge_min_w,
            "point": der.point,
            "connection": der.connection,
            "controlled": der.controlled,
            "profile": der.profile.id if der.profile else None,
            "link": str(der.link) if der.link else None,
            "unit": der.unit if der.link else None,
            "without_controller": fallbacks(der),
        }
        for der in site.ders
    ]


def _limit(limit: Limit, margin: dict[str, Any] | None, worst: Prediction | None) -> dict[str, Any]:
    items = {key: value if key == "given" else round(value, 1) for key, value in (margin or {}).items()}
    return {
        "name": limit.name,
        "point": limit.point,
        "direction": limit.direction,
        "quantity": limit.quantity,
        "value": limit.value,
        "basis": limit.basis,
        "scope": limit.scope,
        "scheduled": bool(limit.schedule),
        "margin_w": items.get("total_w"),
        "margin": items or None,
        "correct_within_s": limit.correct_within_s,
        "source": limit.source,
        "predicted": None if worst is None else _predicted(worst),
    }


def _predicted(worst: Prediction) -> dict[str, Any]:
    def parts(of: tuple[Part, ...]) -> list[dict[str, Any]]:
        return [{"part": p.kind, "id": p.part_id, "time_s": round(p.time_s, 3)} for p in of]

    return {
        "restrict_s": round(worst.restrict_s, 2),
        "release_s": round(worst.release_s, 2),
        "meets_s": worst.class_s,
        "excess_w": round(worst.excess_w, 1),
        "inadvertent_wh": round(worst.inadvertent_wh, 2),
        "change_first": {"part": worst.change_first.kind, "id": worst.change_first.part_id},
        "restrict": parts(worst.restrict),
        "release": parts(worst.release),
    }


def _supervisor(spec: SupervisorSpec | None) -> dict[str, Any] | None:
    if spec is None:
        return None
    return {
        "sensing": spec.sensing,
        "independent": spec.shared_with is None,
        "watches": [{**asdict(watch), "direction": watch.direction.value} for watch in spec.watches],
        "missing_s": spec.missing_s,
        "implausible_s": spec.implausible_s,
        "frozen_s": spec.frozen_s,
        "hold_s": spec.relay.hold_s,
        "feedback": spec.feedback is not None,
        "rearm": asdict(spec.rearm),
    }


def _conflicts(site: Site) -> list[dict[str, Any]]:
    return [
        {
            "first": c.first.name,
            "second": c.second.name,
            "ders": list(c.der_ids),
            "wins": None if c.is_tie else c.first.name,
            "by_priority": c.by_priority,
        }
        for c in conflicts(site)
    ]


def next_changes(site: Site, now_utc_s: float) -> list[Coming]:
    """The next changes of all schedules, in order: at most `CHANGES_EACH` of each limit and `CHANGES_ALL` together."""
    zone = ZoneInfo(site.timezone)
    found = [
        Coming(
            utc_s=change.utc_s,
            local=f"{datetime.fromtimestamp(change.utc_s, zone):%a %Y-%m-%d %H:%M %Z}",
            limit=limit.name,
            value=change.entry.value,
            says=limit.named(change.entry.value),
            source=change.entry.source,
        )
        for limit in site.limits
        for change in changes(limit, zone, now_utc_s, CHANGES_EACH)
    ]
    return sorted(found, key=lambda coming: coming.utc_s)[:CHANGES_ALL]


def safe_total_w(site: Site) -> float:
    """What the controlled DERs may inject together in the safe state (W), as the controller works it out."""
    policy = policy_for(site)
    totals_w = [w for line, _, w in at_start(policy) if line.sign > 0.0 and w is not None]
    return min((policy.nameplate_w, *totals_w))
