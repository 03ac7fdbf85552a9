"""From the site file that a journal carries to the parts of a twin: what is where, and how each device is served."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hil.plant.system import System
from hil.record.field_journal import JournalError
from hil.rig.journal_series import DerHeard, Heard
from hil.rig.register_profile import BadProfileError, load_profile
from hil.rig.twin_file import LEAST_S, MOST_S, SUNSPEC_INVERTER, SUNSPEC_METER, PointPart

STORAGE_HOURS = 2.7  # capacity is in no journal: 13.5 kWh behind 5 kW, as in homes
KINDS = ("pv", "generator", "battery", "hybrid", "evse")
METER_KEYS = {"id", "profile", "link", "unit", "point", "update_s", "averaging_s", "sign", "ct"}
DER_KEYS = {"id", "kind", "profile", "variant", "link", "unit", "point", "connection", "controlled", "nameplate_w"}
STORAGE_KEYS = ("charge_w", "soc_min_pct", "soc_max_pct")
Part = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class SiteSaid:
    """A site file in the words of a twin. `head` and `tail` are what comes before and behind its devices."""

    system: System
    meter_id: str
    meters: list[Part]
    ders: list[Part]
    controlled: set[str]
    kinds: dict[str, str]
    nameplates_w: dict[str, float]
    connections: dict[str, str]
    head: Part = field(default_factory=dict)
    tail: Part = field(default_factory=dict)


def site_parts(content: Mapping[str, Any], heard: Heard, notes: list[str]) -> SiteSaid:
    """Take a site file apart.

    Raises:
        JournalError: it has no meter at the point of interconnection.
    """
    said, meters = dict(content["site"]), [dict(entry) for entry in content.get("meters", ())]
    ders = [dict(entry) for entry in content.get("ders", ()) if entry.get("kind", "pv") in KINDS]
    at_poi = [entry["id"] for entry in meters if entry.get("point") == "poi"]
    if not at_poi:
        raise JournalError("the site has no meter at poi, whose load could be replayed")
    hertz = [hz for meter in heard.meters.values() for hz in meter.frequency_hz]
    nominal_hz = 50.0 if hertz and float(np.median(hertz)) < 55.0 else 60.0
    system = System(name=said["system"], nominal_v=float(said["nominal_v"]), nominal_hz=nominal_hz)
    points = [dict(point) for point in content.get("points", ())]
    inner = [point["id"] for point in points if point["id"] != "poi"]
    if inner:
        notes.append(f"all load is put at poi: what of it lies behind {', '.join(inner)} is not known")
    head: Part = {
        "site": {
            "name": f"{said.get('name', 'site')} (replay)",
            "timezone": said.get("timezone", "UTC"),
            "system": system.name,
            "nominal_v": system.nominal_v,
            "nominal_hz": nominal_hz,
        }
    }
    if points:
        known = set(PointPart.model_fields)
        head["points"] = [{key: value for key, value in point.items() if key in known} for point in points]
    tail: Part = {"limits": [dict(limit) for limit in content.get("limits", ())]}
    if "modes" in content:
        tail["modes"] = dict(content["modes"])
    return SiteSaid(
        system=system,
        meter_id=at_poi[0],
        meters=meters,
        ders=ders,
        controlled={entry["id"] for entry in ders if entry.get("controlled", True)},
        kinds={entry["id"]: entry.get("kind", "pv") for entry in ders},
        nameplates_w={entry["id"]: float(entry["nameplate_w"]) for entry in ders},
        connections={entry["id"]: entry.get("connection", "L123") for entry in ders},
        head=head,
        tail=tail,
    )


def meter_part(entry: Part, heard: Heard, notes: list[str]) -> Part:
    """A meter of the twin: as fast as the site file says, else as its measurements came."""
    name = entry["id"]
    own = heard.meters.get(name)
    part: Part = {"id": name, "unit": entry.get("unit", 1), "profile": _served(entry, SUNSPEC_METER, "meter", notes)}
    if "point" in entry:
        part["point"] = entry["point"]
    apart_s = float(np.median(np.diff(own.at_s))) if own is not None and len(own.at_s) > 1 else 0.1
    for key in ("update_s", "averaging_s"):
        part[key] = entry.get(key) or min(max(round(apart_s, 3), LEAST_S), MOST_S)
        if not entry.get(key):
            notes.append(f"{name}: {key} is taken from its measurements, {part[key]:g} s apart")
    rest = {key: value for key, value in entry.items() if key not in METER_KEYS}
    return part | ({"in_site": rest} if rest else {})


def der_part(entry: Part, site: SiteSaid, heard: DerHeard | None, notes: list[str]) -> Part:
    """A DER of the twin, without what drives it."""
    name, kind = entry["id"], site.kinds[entry["id"]]
    part: Part = {"id": name, "kind": kind, "unit": entry.get("unit", 1), "nameplate_w": site.nameplates_w[name]}
    part |= {key: entry[key] for key in ("connection", "point") if key in entry}
    known: set[str] = set()
    if kind in ("battery", "hybrid"):
        known = set(STORAGE_KEYS)
        part |= {key: float(entry[key]) for key in STORAGE_KEYS if key in entry}
        part["capacity_wh"] = STORAGE_HOURS * site.nameplates_w[name]
        part["soc_pct"] = _soc_pct(part, heard)
        notes.append(f"{name}: its capacity is not known and taken as {part['capacity_wh']:g} Wh")
    if kind == "evse":
        part["most_a"] = round(site.nameplates_w[name] / site.system.connect(site.connections[name]).volts_v, 3)
    if name not in site.controlled:
        notes.append(f"{name}: is not controlled; what it did is part of the load")
        return part | {"controlled": False} | _nothing(kind)
    if kind == "evse" and _served(entry, "", "evse", notes) == "":
        return part | {"controlled": False}
    part["profile"] = _served(entry, SUNSPEC_INVERTER, "evse" if kind == "evse" else "inverter", notes)
    if "variant" in entry and part["profile"] == entry["profile"]:
        part["variant"] = entry["variant"]
    if part["profile"] == SUNSPEC_INVERTER and heard is not None and heard.identified is not None:
        part["control"] = 704 if "704" in str(heard.identified["variant"]) else 123
    rest = {key: value for key, value in entry.items() if key not in DER_KEYS | known}
    return part | ({"in_site": rest} if rest else {})


def _served(entry: Part, built_in: str, kind: str, notes: list[str]) -> str:
    """The profile to serve a device by: its own where the bench can, else SunSpec."""
    wanted = str(entry.get("profile", built_in))
    if wanted == built_in:
        return wanted
    try:
        if load_profile(wanted, Path()).kind == kind:
            return wanted
    except BadProfileError:
        pass
    how = f"it is served as {built_in}" if built_in else "nobody serves it"
    notes.append(f"{entry['id']}: {wanted} cannot be served here; {how}")
    return built_in


def _soc_pct(part: Part, heard: DerHeard | None) -> float:
    told = heard.soc_pct[0] if heard is not None and heard.soc_pct else 50.0
    return float(min(max(told, part.get("soc_min_pct", 0.0)), part.get("soc_max_pct", 100.0)))


def _nothing(kind: str) -> Part:
    """What drives a DER that does nothing."""
    key = {"battery": "wish_w", "evse": "demand_w"}.get(kind, "available_w")
    return {key: {"constant": 0.0}}
