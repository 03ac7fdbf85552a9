"""`pcs check`: is the site file right, what was understood, and what does it mean for safety."""

import json
from pathlib import Path
from typing import Any

import click

from pcs.config import load_site
from pcs.config.review import ANY, fallbacks, warnings
from pcs.core.envelope import Margin, margin
from pcs.core.line_state import at_start
from pcs.core.policy import policy_for
from pcs.model.limit import Limit
from pcs.model.site import DerSpec, MeterSign, MeterSpec, Site

_SIGNS = {
    MeterSign.IMPORT_POSITIVE: "plus means import",
    MeterSign.EXPORT_POSITIVE: "plus means export",
    MeterSign.LEARN: "sign unknown",
}


@click.command(name="check")
@click.argument("site_file", metavar="SITE.yaml", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def command(site_file: Path, as_json: bool) -> None:
    """Check a site file: every mistake at once, or what was understood and what it means for safety.

    Nothing is sent to any device.
    """
    site = load_site(site_file)
    click.echo(json.dumps(report(site), indent=2) if as_json else "\n".join(lines(site)))


def report(site: Site) -> dict[str, Any]:
    """The same facts for machines; units are in the names."""
    return {
        "ok": True,
        "digest": site.digest,
        "site": {"name": site.name, "timezone": site.timezone, "system": site.system, "nominal_v": site.nominal_v},
        "meters": [
            {
                "id": meter.id,
                "point": meter.point,
                "profile": meter.profile.id,
                "link": str(meter.link),
                "unit": meter.unit,
                "sign": meter.sign,
                "update_s": meter.update_s or _profile_update_s(meter),
            }
            for meter in site.meters
        ],
        "ders": [
            {
                "id": der.id,
                "kind": der.kind,
                "nameplate_w": der.nameplate_w,
                "controlled": der.controlled,
                "profile": der.profile.id if der.profile else None,
                "link": str(der.link) if der.link else None,
                "unit": der.unit if der.link else None,
                "without_controller": fallbacks(der),
            }
            for der in site.ders
        ],
        "limits": [
            {
                "name": limit.name,
                "point": limit.point,
                "direction": limit.direction,
                "quantity": limit.quantity,
                "value": limit.value,
                "margin_w": round(_margin(site, limit).total_w, 1),
                "correct_within_s": limit.correct_within_s,
                "source": limit.source,
            }
            for limit in site.limits
        ],
        "safe_total_w": _safe_total_w(site),
        "journal_dir": site.journal_dir,
        "warnings": list(warnings(site)),
    }


def lines(site: Site) -> list[str]:
    """What was understood, for people."""
    found = warnings(site)
    return [
        f"Site {site.name}: {site.system.value}, {site.nominal_v:g} V, {site.timezone}. The file is valid.",
        f"Configuration {site.digest[:16]}, journal in {site.journal_dir}",
        "Meters",
        *(f"  {_meter(meter)}" for meter in site.meters),
        "DERs",
        *(line for der in site.ders for line in _der(der)),
        "Limits",
        *(f"  {_limit(site, limit)}" for limit in site.limits),
        "Safe state",
        f"  controlled DERs inject at most {_safe_total_w(site):g} W in total "
        f"(host load credited: {site.tuning.credited_min_load_w:g} W)",
        *(["Warnings", *(f"  {warning}" for warning in found)] if found else []),
    ]


def _limit(site: Site, limit: Limit) -> str:
    kept = _margin(site, limit)
    given = (
        "given" if limit.margin_w is not None else f"meter {kept.measurement_w:.0f} W, cushion {kept.cushion_w:.0f} W"
    )
    return (
        f"{limit.name} ({limit.source}), corrected within {limit.correct_within_s:g} s, "
        f"margin {kept.total_w:.0f} W ({given})"
    )


def _margin(site: Site, limit: Limit) -> Margin:
    policy = policy_for(site)
    return margin(limit, policy.meters[0], policy.nameplate_w)


def _safe_total_w(site: Site) -> float:
    """What the controlled DERs may inject together in the safe state (W), as the controller works it out."""
    policy = policy_for(site)
    totals_w = [w for line, _, w in at_start(policy) if line.sign > 0.0 and w is not None]
    return min((policy.nameplate_w, *totals_w))


def _meter(meter: MeterSpec) -> str:
    update_s = meter.update_s or _profile_update_s(meter)
    update = f"updates every {update_s:g} s" if update_s else "update period identified at start"
    return (
        f"{meter.id}: measures {meter.point}, {meter.profile.id} at {meter.link} unit {meter.unit}, "
        f"{_SIGNS[meter.sign]}, {update}"
    )


def _profile_update_s(meter: MeterSpec) -> float | None:
    return meter.profile.meter.update_s if meter.profile.meter else None


def _der(der: DerSpec) -> list[str]:
    at = f", {der.profile.id} at {der.link} unit {der.unit}" if der.profile else ""
    told = "controlled" if der.controlled else "not controlled"
    without = [
        f"    without the controller{f' (if model {variant})' if variant != ANY else ''} {words}"
        for variant, words in fallbacks(der).items()
    ]
    return [f"  {der.id}: {der.kind.value}, {der.nameplate_w:g} W nameplate, {told}{at}", *without]
