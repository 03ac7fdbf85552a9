"""What a scan found, as a site file that `pcs check` accepts: what nobody can read off a wire is marked CHANGE."""

from collections.abc import Sequence
from pathlib import Path

from pcs.model.profile import DeviceKind
from pcs.model.reading import MeterReading
from pcs.runtime.scan_look import DER_KINDS, Found

NOMINAL_V = (120.0, 127.0, 220.0, 230.0, 240.0, 277.0, 347.0, 400.0, 480.0)
"""Nominal voltages of services, line to neutral or, with delta, line to line (IEC 60038; ANSI C84.1)."""
SYSTEMS = {"1": "single", "2": "split", "3": "wye", "4": "delta"}
"""By the last digit of a SunSpec meter model."""
UNKNOWN_W = 10_000
SMALLEST_V = 50.0
"""Less is no service voltage: a tap is missing."""


def site_file(found: Sequence[Found], timezone: str) -> str | None:
    """The text of a site file; None without a meter, which no site can do without."""
    meters = [one for one in found if one.profile and one.profile.kind is DeviceKind.METER]
    others = [one for one in found if one.profile and one.profile.kind in (DeviceKind.BATTERY, DeviceKind.EVSE)]
    inverters = [one for one in found if one.profile and one.profile.kind is DeviceKind.INVERTER]
    if not meters:
        return None
    poi = meters[0]
    lines = [
        "# Proposed by `pcs scan`. Check every line that says CHANGE, then run `pcs check` on this file.",
        "schema: pcs.site/1",
        f"site: {{name: My site, timezone: {timezone}, {_service(poi)}}}  # CHANGE",
        "meters:",
        f"  # {seen(poi)}",
        f"  - {{id: poi, {_where(poi)}, point: poi}}  # CHANGE sign: export+ if it shows minus while the site imports",
        *(f"  # another meter: {{id: meter{k}, {_where(one)}}}  {seen(one)}" for k, one in enumerate(meters[1:], 2)),
        "ders:",
    ]
    for k, one in enumerate(inverters, start=1):
        rating_w, mark = (one.rating_w, "") if one.rating_w else (UNKNOWN_W, "  # CHANGE nameplate_w: it does not say")
        lines += [f"  # {seen(one)}", f"  - {{id: inv{k}, kind: pv, {_where(one)}, nameplate_w: {rating_w:g}}}{mark}"]
    if not inverters:
        lines += [
            f"  - {{id: pv, kind: pv, nameplate_w: {UNKNOWN_W}, controlled: false}}  # CHANGE: no inverter was found",
        ]
    for k, one in enumerate(others, start=1):
        kind = DER_KINDS[one.profile.kind].value if one.profile else ""
        lines.append(f"  # {seen(one)}: add it by hand: {{id: {kind}{k}, kind: {kind}, {_where(one)}, nameplate_w: }}")
    lines += [
        "limits:",
        "  - {point: poi, direction: export, quantity: w, value: 0}  # CHANGE: watts that may be exported",
        "journal: {dir: ./journal}",
    ]
    return "\n".join(lines) + "\n"


def _service(meter: Found) -> str:
    return f"system: {system(meter)}, nominal_v: {nominal_v(meter):g}"


def system(meter: Found) -> str:
    """The electrical service that a meter is made for."""
    if meter.variant.isdigit() and meter.variant[-1] in SYSTEMS:
        return SYSTEMS[meter.variant[-1]]
    reading = meter.reading
    phases = len(reading.phase_voltage_v) if isinstance(reading, MeterReading) else 0
    return {1: "single", 2: "split"}.get(phases, "wye")


def nominal_v(meter: Found) -> float:
    """The nominal voltage that is nearest to what the meter measures; 230 V where it measures none."""
    volts = meter.reading.phase_voltage_v if isinstance(meter.reading, MeterReading) else ()
    alive = sorted(v for v in volts if v > SMALLEST_V)
    return min(NOMINAL_V, key=lambda v: abs(v - alive[len(alive) // 2])) if alive else 230.0


def seen(one: Found) -> str:
    """Who a device is, in one line that cannot break out of its comment."""
    serial = f"serial {one.serial}" if one.serial else "without a serial number"
    text = f"{one.manufacturer} {one.model}, {serial}"
    return "".join(c if c.isprintable() else "?" for c in text)[:120]


def _where(one: Found) -> str:
    assert one.profile is not None
    return f'profile: {one.profile.id}, link: "{one.address}", unit: {one.unit}'


def local_timezone(link: Path = Path("/etc/localtime")) -> str:
    """The IANA name of this machine's time zone; UTC where it does not say."""
    try:
        _, _, name = str(link.readlink()).partition("zoneinfo/")
    except OSError:
        return "UTC"
    return name if name and all(c.isalnum() or c in "/_+-" for c in name) else "UTC"
