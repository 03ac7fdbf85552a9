"""DERs and points of a site file as the model has them, with what the file may leave out."""

from collections.abc import Mapping
from math import sqrt

from pcs.config.addresses import parse_link
from pcs.config.schema import DerBlock, MeterBlock, PointBlock, SiteBlock, SiteFile
from pcs.model.profile import DeviceProfile
from pcs.model.site import STORAGE, DerKind, DerSpec, LinkAddress, PointKind, PointSpec

EVSE_LEAST_A = 6.0
"""A charger offers at least 6 A or nothing (IEC 61851-1, Annex A: duty cycle of the control pilot)."""
WHOLE_SERVICE = {"single": "L1N", "split": "L1L2", "wye": "L123", "delta": "L123"}
"""What a unit is connected to when the file does not say."""


def der_spec(block: DerBlock, site: SiteBlock, profiles: Mapping[str, DeviceProfile]) -> DerSpec:
    """A DER; what it draws follows from its kind where the file leaves it out."""
    kind = DerKind(block.kind)
    draws = kind is DerKind.EVSE or kind in STORAGE
    charge_w = block.charge_w if block.charge_w is not None else block.nameplate_w if draws else 0.0
    ampere_w = _ampere_w(block, site)
    least_w = min(charge_w, EVSE_LEAST_A * ampere_w) if kind is DerKind.EVSE else 0.0
    return DerSpec(
        id=block.id,
        kind=kind,
        nameplate_w=block.nameplate_w,
        profile=None if block.profile is None else profiles[block.profile],
        link=None if block.link is None else link(block.link),
        unit=1 if block.unit is None else block.unit,
        controlled=block.controlled,
        connection=block.connection,
        point=block.point,
        charge_w=charge_w,
        charge_min_w=least_w if block.charge_min_w is None else block.charge_min_w,
        ampere_w=ampere_w,
        soc_min_pct=block.soc_min_pct,
        soc_max_pct=block.soc_max_pct,
        absorbs=block.absorbs,
        supports=block.supports,
        failsafe_charge_w=block.failsafe_charge_w,
        priority=block.priority,
    )


def _ampere_w(block: DerBlock, site: SiteBlock) -> float:
    """One ampere on each conductor that the unit is connected to, at nominal volts (W)."""
    connection = block.connection or WHOLE_SERVICE[site.system]
    line_v = site.nominal_v * {"single": 1.0, "split": 2.0, "wye": sqrt(3.0), "delta": 1.0}[site.system]
    if connection == "L123":
        return sqrt(3.0) * line_v
    return site.nominal_v if connection.endswith("N") else line_v


def point_specs(parsed: SiteFile) -> tuple[PointSpec, ...]:
    """The points that the file describes, each with its meters and its parent."""
    return tuple(_point(block, parsed) for block in parsed.points)


def _point(block: PointBlock, parsed: SiteFile) -> PointSpec:
    named = [meter.id for meter in parsed.meters if meter.point == block.id]
    return PointSpec(
        id=block.id,
        kind=PointKind(block.kind),
        meters=tuple((signed.lstrip("+-"), -1 if signed.startswith("-") else 1) for signed in block.meter or named),
        parent=None if block.id == "poi" else block.parent or "poi",
        rating_a=block.rating_a,
    )


def point_of(block: MeterBlock, parsed: SiteFile) -> str:
    """The point that a meter measures, or the first one of whose sum it is part."""
    sums = (point.id for point in parsed.points if block.id in {name.lstrip("+-") for name in point.meter or ()})
    return block.point or next(sums, "poi")


def link(text: str) -> LinkAddress:
    """An address that the checks have found right."""
    address = parse_link(text)
    assert address is not None, "report_cross_checks has refused every other text"
    return address
