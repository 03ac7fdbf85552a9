"""Reads a twin file: YAML 1.2, then the schema, then what a schema cannot say. Reports every mistake at once."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hil.profile.yaml_file import Place, read_yaml
from hil.rig.link_fault import RTU_ONLY, TCP_ONLY
from hil.rig.link_name import LinkName, parse_link
from hil.rig.records import has_column
from hil.rig.register_profile import BadProfileError, load_profile
from hil.rig.twin_check import check_site
from hil.rig.twin_check import mappings as _mappings
from hil.rig.twin_file import (
    DEVICE_FAULTS,
    METER_FAULTS,
    METER_SETTINGS,
    SUNSPEC_INVERTER,
    SUNSPEC_METER,
    TwinFile,
)

MAX_FILE_BYTES = 4 << 20  # steps and ramps can be long; a site is not


def load_twin(path: Path) -> TwinFile:
    """Read and check a twin file.

    Raises:
        BadFileError: with every mistake found.
    """
    file = read_yaml(path, most_bytes=MAX_FILE_BYTES)
    if not isinstance(file.data, dict):
        if not file.mistakes:
            file.report((), "must be a mapping that begins with `schema: hil.twin/1`")
        file.stop()
    twin: TwinFile | None = None
    try:
        twin = TwinFile.model_validate(file.data)
    except ValidationError as error:
        for place, what, hint in _explain(error):
            file.report(place, what, hint)
    for place, what, hint in _cross_check(file.data, twin, path.parent):
        file.report(place, what, hint)
    file.stop()
    assert twin is not None, "what the schema refuses is a mistake"
    return twin


def _explain(error: ValidationError) -> Iterator[tuple[Place, str, str]]:
    for problem in error.errors(include_url=False):
        place: Place = problem["loc"]
        what, hint = problem["msg"].removeprefix("Value error, "), ""
        kind = problem["type"]
        if kind == "extra_forbidden":
            what = "unknown key"
            near = get_close_matches(str(place[-1]), _known_keys(place[:-1]), n=1)
            hint = f"did you mean {near[0]}?" if near else ""
        elif kind == "missing":
            what = "is missing"
        else:
            what = what[0].lower() + what[1:]
            if not isinstance(problem["input"], dict | list):
                what += f', got "{problem["input"]}"'
            if kind in ("float_type", "int_type") and isinstance(problem["input"], str):
                hint = "a number without a unit; the unit is in the key"
        yield place, what, hint


def _known_keys(place: Place) -> list[str]:
    """The keys that the mapping at `place` may have, as far as the schema's first levels say."""
    definitions = TwinFile.model_json_schema()["$defs"]
    part = {"site": "SitePart", "meters": "MeterPart", "ders": "DerPart", "load": "LoadPart", "sun": "SourcePart"}
    part |= {"faults": "FaultPart", "points": "PointPart", "supply": "SupplyPart"}
    if place and place[-1] == "record":
        return list(definitions["RecordPart"]["properties"])
    if place and place[0] in part:
        return list(definitions[part[str(place[0])]]["properties"])
    return list(TwinFile.model_json_schema()["properties"])


def _cross_check(raw: dict[str, Any], twin: TwinFile | None, folder: Path) -> Iterator[tuple[Place, str, str]]:
    """What concerns more than one value. Works on the raw file, so that it is not silenced by other mistakes."""
    ids: dict[str, str] = {}
    for part in ("meters", "ders"):
        for i, device in _mappings(raw.get(part)):
            name = device.get("id")
            if isinstance(name, str):
                if name in ids:
                    yield (part, i, "id"), f"{name} is used twice", f"it is already the id in {ids[name]}"
                ids[name] = part
    yield from _check_links(raw)
    yield from _check_profiles(raw, folder)
    for i, fault in _mappings(raw.get("faults")):
        target, what = fault.get("on"), fault.get("fault")
        if isinstance(target, str) and target not in ids:
            yield ("faults", i, "on"), f"there is no device {target}", f"devices: {', '.join(ids) or 'none'}"
        elif (ids.get(str(target)) == "ders" and what in (*METER_FAULTS, *METER_SETTINGS)) or (
            ids.get(str(target)) == "meters" and what in DEVICE_FAULTS
        ):
            yield ("faults", i, "fault"), f"{target} cannot fail with {what}", ""
    for place, record in _records(raw, ()):
        name, column = record.get("file"), record.get("column")
        if not isinstance(name, str) or not isinstance(column, str):
            continue
        if not (folder / name).is_file():
            yield (*place, "file"), f"there is no file {name}", "relative to the twin file"
            continue
        for key in ("column", "time_column"):
            wanted = record.get(key)
            if isinstance(wanted, str) and not has_column(folder / name, wanted):
                yield (*place, key), f"{name} has no column {wanted}", ""
    yield from check_site(raw, twin)


def _check_links(raw: dict[str, Any]) -> Iterator[tuple[Place, str, str]]:
    """Who shares a bus: units differ, line settings do not; and which faults its framing knows."""
    buses: dict[str, tuple[LinkName, dict[int, str]]] = {}
    by_id: dict[object, LinkName] = {}
    for part in ("meters", "ders"):
        for i, device in _mappings(raw.get(part)):
            text, unit = device.get("link", "tcp://127.0.0.1:0"), device.get("unit", 1)
            try:
                link = parse_link(text)
            except (ValueError, AttributeError, TypeError):
                continue  # said by the schema
            by_id[device.get("id")] = link
            if not link.shared or not isinstance(unit, int):
                continue
            first, units = buses.setdefault(link.address, (link, {}))
            if unit in units:
                hint = f"by {units[unit]}; give each device of a bus its own unit, or another port (0 = a free one)"
                yield (part, i, "link"), f"unit {unit} at {link.address} is used twice", hint
            elif link != first:
                yield (part, i, "link"), f"{link} is also {first}", "one bus has one speed, parity and stop bits"
            units.setdefault(unit, str(device.get("id")))
    for i, fault in _mappings(raw.get("faults")):
        on = by_id.get(fault.get("on"))
        if on is not None and fault.get("fault") in (TCP_ONLY if on.is_rtu else RTU_ONLY):
            yield ("faults", i, "fault"), f"{on} cannot fail with {fault.get('fault')}", ""


def _check_profiles(raw: dict[str, Any], folder: Path) -> Iterator[tuple[Place, str, str]]:
    """Profiles that are not built in: whether they can be served, for this kind of device and this limit variant."""
    for part, built_in in (("meters", SUNSPEC_METER), ("ders", SUNSPEC_INVERTER)):
        for i, device in _mappings(raw.get(part)):
            name, variant = device.get("profile", built_in), device.get("variant")
            kind = "meter" if part == "meters" else "evse" if device.get("kind") == "evse" else "inverter"
            if not isinstance(name, str) or (name == built_in and kind != "evse") or device.get("controlled") is False:
                continue
            if name == built_in:
                hint = "a profile of kind evse: VENDOR/MODEL of the shipped ones, or FILE.yaml; or controlled: false"
                yield (part, i, "profile"), "a charger needs a profile", hint
                continue
            try:
                profile = load_profile(name, folder)
                if profile.kind != kind:
                    yield (part, i, "profile"), f"{name} describes no {kind}", ""
                elif isinstance(variant, str):
                    profile.limit(variant)
            except BadProfileError as error:
                hint = f"{built_in}, VENDOR/MODEL of the shipped profiles, or FILE.yaml beside the twin file"
                yield (part, i, "profile"), str(error), hint


def _records(value: object, place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every `record:` mapping in the file."""
    items: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    for key, item in items:
        if key == "record" and isinstance(item, dict):
            yield (*place, key), item
        yield from _records(item, (*place, key))
