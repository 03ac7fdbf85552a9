"""What a twin file's schema cannot say: kinds and their keys, points and where things are, conductors, SoC bounds.

Works on the raw file where it can, so that it is not silenced by other mistakes. Each finding: place, what, hint.
"""

from collections.abc import Iterator
from typing import Any

from hil.plant.layout import MAX_DEPTH, POI
from hil.rig.twin_file import KEYS_OF, LINK_FAULTS, NEEDED_BY, DerPart, TwinFile

Place = tuple[str | int, ...]
Finding = tuple[Place, str, str]


def mappings(value: object) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings of a list, each with its index."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            if isinstance(item, dict):
                yield i, item


def check_site(raw: dict[str, Any], twin: TwinFile | None) -> Iterator[Finding]:
    """Everything that this module knows to be wrong with a file."""
    yield from _kinds(raw)
    yield from _points(raw)
    yield from _places(raw)
    yield from _served(raw)
    if twin is not None:
        yield from _connections(twin)
        for i, part in enumerate(twin.ders):
            yield from _storage(i, part)


def _kinds(raw: dict[str, Any]) -> Iterator[Finding]:
    """Keys that belong to another kind of DER, and those that this kind needs."""
    for i, der in mappings(raw.get("ders")):
        kind = der.get("kind", "pv")
        if kind not in KEYS_OF:
            continue  # said by the schema
        for name in NEEDED_BY[kind]:
            if name not in der:
                yield ("ders", i, name), "is missing", f"a DER of kind {kind} needs it"
        for name in der:
            owners = [owner for owner, names in KEYS_OF.items() if name in names]
            if owners and kind not in owners:
                yield ("ders", i, name), f"is no key of kind {kind}", f"it belongs to {', '.join(owners)}"
        if der.get("sun") is not None and der.get("available_w") is not None:
            yield ("ders", i, "available_w"), "give sun or available_w, not both", ""


def _points(raw: dict[str, Any]) -> Iterator[Finding]:
    """Points: names, parents, meters."""
    meters = {meter.get("id") for _, meter in mappings(raw.get("meters"))}
    parents: dict[str, str] = {}
    for i, point in mappings(raw.get("points")):
        name = point.get("id")
        if not isinstance(name, str):
            continue
        if name in parents:
            yield ("points", i, "id"), f"{name} is used twice", ""
        parents[name] = POI if name == POI else str(point.get("parent", POI))
        if name == POI and point.get("kind") == "busbar":
            yield ("points", i, "kind"), "poi is no busbar", "give the busbar a point of its own behind it"
        for meter in point.get("meter") or ():
            if isinstance(meter, str) and meter.removeprefix("-") not in meters:
                yield ("points", i, "meter"), f"there is no meter {meter.removeprefix('-')}", _known(meters)
    for i, point in mappings(raw.get("points")):
        parent = parents.get(str(point.get("id")), POI)
        if parent != POI and parent not in parents:
            yield ("points", i, "parent"), f"there is no point {parent}", _known({POI, *parents})
            continue
        for _ in range(MAX_DEPTH):
            if parent == POI:
                break
            parent = parents.get(parent, POI)
        else:
            yield ("points", i, "parent"), "points go round in a circle, or lie too deep", "all lie behind poi"


def _places(raw: dict[str, Any]) -> Iterator[Finding]:
    """Loads, DERs and meters are at points that exist; a meter may also be on the feeder of a DER."""
    points = {POI, *(str(point.get("id")) for _, point in mappings(raw.get("points")))}
    ders = {str(der.get("id")) for _, der in mappings(raw.get("ders"))}
    for part in ("load", "ders", "meters"):
        known = points | ders if part == "meters" else points
        for i, item in mappings(raw.get(part)):
            place = item.get("point", POI)
            if isinstance(place, str) and place not in known:
                yield (part, i, "point"), f"there is no point {place}", _known(known)


def _served(raw: dict[str, Any]) -> Iterator[Finding]:
    """A DER that nobody serves has no cable that could fail."""
    alone = {der.get("id") for _, der in mappings(raw.get("ders")) if der.get("controlled") is False}
    for i, fault in mappings(raw.get("faults")):
        if fault.get("on") in alone and fault.get("fault") in (*LINK_FAULTS, "down", "up"):
            yield ("faults", i, "fault"), f"{fault['on']} is served by nobody", "it is not controlled"


def _connections(twin: TwinFile) -> Iterator[Finding]:
    system = twin.system
    for part in ("ders", "load"):
        for i, unit in enumerate(getattr(twin, part)):
            try:
                system.connect(unit.connection)
            except ValueError as error:
                yield (part, i, "connection"), str(error), "L123, L1N, L1L2, ..."
    for i, load in enumerate(twin.load):
        if load.power_factor == 0.0:
            yield ("load", i, "power_factor"), "0 is no power factor of a load in watts", ""


def _storage(i: int, part: DerPart) -> Iterator[Finding]:
    if part.kind in ("battery", "hybrid") and not part.soc_min_pct <= part.soc_pct <= part.soc_max_pct:
        between = f"{part.soc_min_pct:g} to {part.soc_max_pct:g} %"
        yield ("ders", i, "soc_pct"), f"{part.soc_pct:g} % lies outside {between}", ""


def _known(names: set[Any]) -> str:
    return f"there are: {', '.join(sorted(str(name) for name in names)) or 'none'}"
