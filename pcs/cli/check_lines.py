"""What `pcs check` says to people: the same facts as its JSON, in sentences."""

from pcs.cli.check_facts import next_changes, safe_total_w, update_s
from pcs.config.review import ANY, fallbacks, warnings
from pcs.config.review_conflicts import DEFAULT_ORDER, Conflict, conflicts
from pcs.config.review_margins import ErrorBudget, error_budgets
from pcs.config.review_ratings import ratings
from pcs.core.policy import all_points
from pcs.core.predict import ASSUMED_UPDATE_S, CLASSES_S, Part, PartKind, Prediction, predict
from pcs.model.limit import Limit
from pcs.model.preset import Preset
from pcs.model.site import DerKind, DerSpec, MeterSign, MeterSpec, PointSpec, Site
from pcs.model.supervisor import SupervisorSpec

_SIGNS = {
    MeterSign.IMPORT_POSITIVE: "plus means import",
    MeterSign.EXPORT_POSITIVE: "plus means export",
    MeterSign.LEARN: "sign unknown",
}


def lines(site: Site, now_utc_s: float) -> list[str]:
    """What was understood and what it means; schedules are listed from `now_utc_s` on."""
    found = warnings(site)
    return [
        f"Site {site.name}: {site.system.value}, {site.nominal_v:g} V, {site.timezone}. The file is valid.",
        f"Configuration {site.digest[:16]}, journal in {site.journal_dir}",
        "Meters",
        *(f"  {_meter(meter)}" for meter in site.meters),
        *_points(site),
        "DERs",
        *(line for der in site.ders for line in _der(der)),
        "Limits",
        *(
            line
            for limit, budget in zip(site.limits, error_budgets(site), strict=True)
            for line in _limit(site, limit, budget)
        ),
        *_conflicts(site),
        *_changes(site, now_utc_s),
        *_preset(site.preset),
        *_supervisor(site.supervisor),
        "Safe state",
        f"  controlled DERs inject at most {safe_total_w(site):g} W in total "
        f"(host load credited: {site.tuning.credited_min_load_w:g} W)",
        *(["Warnings", *(f"  {warning}" for warning in found)] if found else []),
    ]


def _meter(meter: MeterSpec) -> str:
    known_s = update_s(meter)
    update = f"updates every {known_s:g} s" if known_s else "update period identified at start"
    return (
        f"{meter.id}: measures {meter.point}, {meter.profile.id} at {meter.link} unit {meter.unit}, "
        f"{_SIGNS[meter.sign]}, {update}"
    )


def _points(site: Site) -> list[str]:
    """The points that the file describes, with what follows from their ratings; nothing for `poi` alone."""
    if not site.points:
        return []
    figures, told = ratings(site), ["Points"]
    for point in all_points(site).values():
        told.append(f"  {_point(point)}")
        told += [f"    {f.current_a:.1f} A: {f.meaning} ({f.clause})" for f in figures if f.point == point.id]
    return told


def _point(point: PointSpec) -> str:
    summed = " ".join(f"{'-' if sign < 0 else '+'} {name}" for name, sign in point.meters).removeprefix("+ ")
    behind = f", behind {point.parent}" if point.parent else ""
    return f"{point.id}: {point.kind.value}, measured by {summed}{behind}"


def _der(der: DerSpec) -> list[str]:
    at = f", {der.profile.id} at {der.link} unit {der.unit}" if der.profile else ""
    told = "controlled" if der.controlled else "not controlled"
    least = f", draws nothing or at least {der.charge_min_w:.0f} W" if der.charge_min_w else ""
    draws = f", draws at most {der.charge_w:g} W" if der.charge_w and der.kind is not DerKind.EVSE else ""
    place = f", behind {der.point}" if der.point != "poi" else ""
    without = [
        f"    without the controller{f' (if model {variant})' if variant != ANY else ''} {words}"
        for variant, words in fallbacks(der).items()
    ]
    return [f"  {der.id}: {der.kind.value}, {der.nameplate_w:g} W nameplate{draws}{least}{place}, {told}{at}", *without]


def _limit(site: Site, limit: Limit, budget: ErrorBudget | None) -> list[str]:
    scheduled = ", scheduled" if limit.schedule else ""
    told = [f"  {limit.name} ({limit.source}), corrected within {limit.correct_within_s:g} s{scheduled}"]
    told += [f"    {_margin(budget)}"] if budget is not None else []
    worst = predict(site, limit)
    if worst is None:
        return [*told, "    no response to predict: nothing that is controlled can exceed it, or act on it"]
    return [*told, *(f"    {line}" for line in _worst(site, worst))]


def _margin(budget: ErrorBudget) -> str:
    if budget.given:
        return f"margin {budget.total_w:.0f} W (given)"
    return (
        f"margin {budget.total_w:.0f} W: meter {budget.meter_w:.0f} W, CT ratio {budget.ct_ratio_w:.0f} W, "
        f"CT phase {budget.ct_phase_w:.0f} W, resolution {budget.resolution_w:.0f} W, cushion {budget.cushion_w:.0f} W"
    )


def _worst(site: Site, worst: Prediction) -> list[str]:
    classes = ", ".join(f"{c:g}" for c in CLASSES_S)
    meets = f"meets {worst.class_s:g} s" if worst.class_s else "meets none"
    slower = "release" if worst.release_s > worst.restrict_s else "restrict"
    first = worst.change_first
    return [
        f"worst case: restrict {worst.restrict_s:.1f} s, release {worst.release_s:.1f} s ({meets} of {classes} s); "
        f"{worst.inadvertent_wh:.1f} Wh beyond the limit for a step of {worst.excess_w:.0f} W",
        f"to be faster, change first: {_part(site, first)} ({first.time_s:.1f} s of the {slower})",
    ]


def _part(site: Site, part: Part) -> str:
    """A part of a response as the thing that a person can change."""
    match part.kind:
        case PartKind.UPDATE | PartKind.WINDOW:
            return _metering(next(m for m in site.meters if m.id == part.part_id), part)
        case PartKind.BUS:
            return f"the link of meter {part.part_id}"
        case PartKind.COMPUTE:
            return "the gateway"
        case PartKind.SLEW:
            return f"release_slew_pct_s, which is {site.tuning.release_slew_pct_s:g} %/s"
        case PartKind.WRITE:
            return f"the link of {part.part_id}: one write after the other"
        case PartKind.TELEMETRY:
            return f"{part.part_id} tells its power late"
        case _:
            return f"the {part.kind.value} of {part.part_id}"


def _metering(meter: MeterSpec, part: Part) -> str:
    if part.kind is PartKind.WINDOW and part.time_s != update_s(meter):
        return f"meter {meter.id} averages over {part.time_s:g} s"
    if update_s(meter) is None:
        return f"meter {meter.id}, whose update period is not declared and taken for {ASSUMED_UPDATE_S:g} s"
    return f"meter {meter.id} updates every {part.time_s:g} s"


def _conflicts(site: Site) -> list[str]:
    found = conflicts(site)
    if not found:
        return []
    return [f"Limits that can conflict (by default {DEFAULT_ORDER})", *(f"  {_conflict(one)}" for one in found)]


def _conflict(one: Conflict) -> str:
    shared = f"both act on {', '.join(one.der_ids)}"
    if one.is_tie:
        return f"{one.first.name} and {one.second.name}: {shared}; neither has priority: give one the lower number"
    why = "its priority" if one.by_priority else "the default order"
    return f"{one.first.name} wins over {one.second.name} by {why}: {shared}"


def _changes(site: Site, now_utc_s: float) -> list[str]:
    if not any(limit.schedule for limit in site.limits):
        return []
    found = next_changes(site, now_utc_s)
    told = [f"  {c.local}: {c.says} ({c.source})" for c in found] or ["  none within a year"]
    return [f"Next changes ({site.timezone}; a tighter value already holds before its time, by the response)", *told]


def _preset(preset: Preset) -> list[str]:
    """What the preset decides, each figure with its source, and where the site departs from it; nothing without one."""
    if not preset.figures:
        return []
    decided = []
    for one in preset.figures:
        differs = f", overridden: {one.overridden}; the preset's source" if one.overridden else ""
        decided.append(f"  {one.key} {one.says} ({one.ref}, {one.evidence}{differs}: {one.source})")
    departs = ["Departures from the preset", *(f"  {remark}" for remark in preset.remarks)] if preset.remarks else []
    return [f"Preset {preset.id} version {preset.version}: {preset.title}", *decided, *departs]


def _supervisor(spec: SupervisorSpec | None) -> list[str]:
    """What the supervisor watches, when it opens its relay, and what it cannot see; nothing where there is none."""
    if spec is None:
        return []
    back = "its contact is read back" if spec.feedback is not None else "NOTHING reads its contact back"
    rearm = spec.rearm
    ends = "only by a person" if rearm.after_s is None else f"by a person, or by itself {rearm.after_s:g} s later"
    often = "" if rearm.after_s is None else f", at most {rearm.most} times within {rearm.within_s / 3600:g} h"
    return [
        "Supervisor (pcs supervise)",
        f"  sensing: {spec.sensing}",
        *(f"  opens the relay after {watch.delay_s:g} s of an {watch.name}" for watch in spec.watches),
        f"  and after {spec.missing_s:g} s without data, {spec.implausible_s:g} s of impossible or {spec.frozen_s:g} s "
        "of unchanging ones",
        f"  the relay opens within {spec.relay.hold_s:g} s of the last pulse, however that comes about; {back}",
        f"  a trip ends {ends}{often}",
    ]
