"""What a schema cannot say: references, duplicates, and things that must be there together.

Every check reads the raw file, so that all mistakes are found in one pass, also in a file whose types are wrong.
"""

import difflib
import zoneinfo
from collections.abc import Iterator, Mapping

from pcs.config.addresses import link_form, link_hint, parse_link
from pcs.config.check_ders import report_ders
from pcs.config.check_limits import report_limits
from pcs.config.check_points import report_points
from pcs.config.check_supervisor import report_supervisor
from pcs.config.problems import shown
from pcs.config.raw import RawBlock, block, entries, word
from pcs.config.yaml_marks import Document, Path_
from pcs.model.profile import DeviceKind, DeviceProfile
from pcs.model.site import LinkAddress, LinkKind

SECTIONS = ("meters", "ders")
_KINDS_OF_DER = {
    "pv": (DeviceKind.INVERTER,),
    "battery": (DeviceKind.BATTERY, DeviceKind.INVERTER),
    "hybrid": (DeviceKind.BATTERY, DeviceKind.INVERTER),
    "evse": (DeviceKind.EVSE,),
    "generator": (DeviceKind.INVERTER,),
}
"""Profiles that fit a DER; SunSpec describes storage and inverters by the same models."""


def report_cross_checks(document: Document, profiles: Mapping[str, DeviceProfile]) -> None:
    """Report everything that is wrong between keys."""
    _timezone(document)
    _unique_ids(document)
    _links(document)
    _profiles(document, profiles)
    _meters(document)
    report_ders(document)
    report_points(document)
    report_limits(document)
    report_supervisor(document, profiles)


def _timezone(document: Document) -> None:
    name = word(block(document, "site"), "timezone")
    if name is None:
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        known = sorted(zoneinfo.available_timezones())
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "" if known else "install the system's tzdata"
        document.report(
            ("site", "timezone"),
            "unknown time zone",
            got=shown(name),
            expected="an IANA name such as America/New_York",
            hint=hint,
        )


def _unique_ids(document: Document) -> None:
    """Meters and DERs share one set of names, because faults and commands are told by name; points have their own."""
    for sections in (("meters", "ders"), ("points",)):
        seen: dict[str, Path_] = {}
        for section in sections:
            for path, raw in entries(document, section):
                name = word(raw, "id")
                if name is None:
                    continue
                if name in seen:
                    document.report(
                        (*path, "id"),
                        "id given twice",
                        got=f"{shown(name)}, first on line {document.line((*seen[name], 'id'))}",
                        expected="a name of its own for each device" if section != "points" else "each point once",
                    )
                seen.setdefault(name, path)


def _devices(document: Document) -> Iterator[tuple[Path_, RawBlock]]:
    for section in SECTIONS:
        yield from entries(document, section)


def _links(document: Document) -> None:
    seen: dict[tuple[str, int], Path_] = {}
    settings: dict[str, tuple[LinkAddress, Path_]] = {}
    for path, raw in _devices(document):
        text, unit = word(raw, "link"), raw.get("unit")
        if text is None:
            continue
        address = parse_link(text)
        if address is None:
            document.report(
                (*path, "link"),
                "is not a link address",
                got=shown(text),
                expected=link_form(text),
                hint=link_hint(text),
            )
            continue
        first, first_path = settings.setdefault(address.place, (address, path))
        if first != address:
            document.report(
                (*path, "link"),
                "contradicts another link to the same port",
                got=f"{address}, but {first} on line {document.line((*first_path, 'link'))}",
                expected="one framing, speed, parity and number of stop bits for all devices on a port",
            )
        elif isinstance(unit, int):
            _unit(document, path, address, unit)
            place = (str(address), unit)
            if place in seen:
                document.report(
                    (*path, "link"),
                    "two devices at one address",
                    got=f"{address} unit {unit}, first on line {document.line((*seen[place], 'link'))}",
                    expected="another link or another unit",
                )
            seen.setdefault(place, path)


def _unit(document: Document, path: Path_, address: LinkAddress, unit: int) -> None:
    """RTU knows units 1 to 247; 0 is everybody (MODBUS over serial line V1.02, section 2.2)."""
    if address.kind is not LinkKind.TCP and not 1 <= unit <= 247 and 0 <= unit <= 255:
        document.report((*path, "unit"), "is no unit of an RTU bus", got=str(unit), expected="1 to 247")


def _profiles(document: Document, profiles: Mapping[str, DeviceProfile]) -> None:
    for path, raw in _devices(document):
        name = word(raw, "profile")
        if name is None:
            continue
        kinds = _kinds(path, raw)
        fitting = sorted(key for key, profile in profiles.items() if profile.kind in kinds)
        profile = profiles.get(name)
        if profile is None:
            close = difflib.get_close_matches(name, fitting, n=1)
            document.report(
                (*path, "profile"),
                "unknown profile",
                got=shown(name),
                expected=f"one of {', '.join(fitting)}" if fitting else "a profile of the kind of this DER",
                hint=f"did you mean {close[0]}?" if close else "`pcs devices` lists them",
            )
        elif profile.kind not in kinds:
            document.report(
                (*path, "profile"),
                f"is a profile of a different kind: {profile.kind.value}",
                got=shown(name),
                expected=f"the profile of a kind of {' or '.join(k.value for k in kinds)}"
                + (f": {', '.join(fitting)}" if fitting else ""),
            )


def _kinds(path: Path_, raw: RawBlock) -> tuple[DeviceKind, ...]:
    """The kinds of profile that fit a device."""
    if path[0] == "meters":
        return (DeviceKind.METER,)
    return _KINDS_OF_DER.get(word(raw, "kind") or "pv", (DeviceKind.INVERTER,))


def _meters(document: Document) -> None:
    for path, raw in entries(document, "meters"):
        if word(raw, "sign") == "learn":
            document.report(
                (*path, "sign"),
                "control never starts on sign: learn",
                expected="import+ or export+",
                hint="with load and no generation the site imports: if the meter then shows plus, write import+",
            )
        ct = raw.get("ct")
        if isinstance(ct, dict) and {"class", "class_pct"} <= ct.keys():
            document.report((*path, "ct", "class_pct"), "class is given twice", expected="class or class_pct, not both")
