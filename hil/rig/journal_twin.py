"""A twin from a controller's field journal: its site, and its load and sun around a chosen instant, to be played again.

What a journal cannot say is said in the notes, which also head the twin file.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hil.record.field_journal import FieldEvent, JournalError, read_events, read_runs, read_steps
from hil.record.recording import FloatArray
from hil.rig.journal_answer import answer_of
from hil.rig.journal_series import MOVES_RATIO, DerHeard, Heard, MeterHeard, Moving, demand, driven, lags_s, listen
from hil.rig.journal_series import telemetry as telemetry_of
from hil.rig.journal_site import SiteSaid, der_part, meter_part, site_parts
from hil.rig.twin_file import SCHEMA

LEAD_S = 30.0  # before the stretch everything stands still, so that the controller has met its devices when it begins
LOAD_FILE, DER_FILE, TWIN_FILE = "load.csv", "ders.csv", "twin.yaml"
EXCURSION = "excursion ended"
FAULT = "fault raised"
MOST_NOTES = 20  # of faults; a head of more would hide the rest
COLUMN_OF = {"pv": "available_w", "generator": "available_w", "hybrid": "available_w", "battery": "wish_w"}


@dataclass(slots=True, kw_only=True)
class Replay:
    """What was made: files by name, and what they do not know."""

    files: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    at_utc_s: float = 0.0


def replay_of(folder: Path, *, at_utc_s: float | None, stretch_s: float, site_text: str | None = None) -> Replay:
    """The files of a twin that replays `stretch_s` around an instant (None: around the worst excursion).

    Raises:
        JournalError: the journal cannot be read, or does not hold what is needed.
    """
    runs = read_runs(folder)
    events = list(read_events(folder, runs))
    result = Replay(at_utc_s=at_utc_s if at_utc_s is not None else _worst_s(events, folder))
    from_s, to_s = result.at_utc_s - 0.5 * stretch_s, result.at_utc_s + 0.5 * stretch_s
    opened = [run for run in runs if run.opened_utc_s <= result.at_utc_s]
    if not opened:
        raise JournalError(f"{folder}: begins after {said(result.at_utc_s)}")
    run = opened[-1]
    heard = listen(step for step in read_steps(folder, runs, from_s, to_s) if step.run == run.number)
    text = site_text if site_text is not None else next((t for n, t in run.files.items() if "/" not in n), None)
    if text is None:
        raise JournalError(f"{folder}: run {run.number} does not carry its site file; give it with --site")
    site = site_parts(_yaml(text, folder), heard, result.notes)
    _write(site, heard, result)
    result.notes += _missing(events, heard, run.number, from_s, to_s)
    return result


def said(utc_s: float) -> str:
    """An instant in words."""
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _worst_s(events: Sequence[FieldEvent], folder: Path) -> float:
    """When the excursion of the greatest energy began."""
    excursions = [event for event in events if event.kind == EXCURSION]
    if not excursions:
        raise JournalError(f"{folder}: tells of no excursion; choose an instant with --at")
    worst = max(excursions, key=lambda event: float(event.facts.get("energy_wh", 0.0)))
    return worst.utc_s - float(worst.facts.get("duration_s", 0.0))


def _yaml(text: str, folder: Path) -> Mapping[str, Any]:
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        content = None
    if not isinstance(content, dict) or content.get("schema") != "pcs.site/1":
        raise JournalError(f"{folder}: what it carries as its site file is none of schema pcs.site/1; give --site")
    return content


def _write(site: SiteSaid, heard: Heard, result: Replay) -> None:
    """Load and drives as records, and the twin that plays them."""
    meter = heard.meters.get(site.meter_id)
    ders = {name: heard.ders[name] for name in site.controlled if name in heard.ders and heard.ders[name].at_s}
    if meter is None or len(meter.at_s) < 2:
        raise JournalError(f"around {said(result.at_utc_s)} the journal has no measurements of {site.meter_id}")
    silent = sorted(site.controlled - ders.keys())
    result.notes += [f"{name}: said nothing in this time; it is taken to have done nothing" for name in silent]
    zero_s = max([meter.at_s[0], *(der.at_s[0] for der in ders.values())])
    at_s = np.array(meter.at_s)
    keep = at_s >= zero_s
    at_s, import_w = at_s[keep], np.array(meter.import_w)[keep]
    lines = {name: telemetry_of(der) for name, der in ders.items()}
    lags = dict(zip(lines, lags_s(at_s, import_w, list(lines.values())), strict=True))
    moving = {
        name: Moving(line=line, lag_s=lags[name], least_w=MOVES_RATIO * site.nameplates_w[name])
        for name, line in lines.items()
    }
    columns, loads = _loads(site, meter, keep, at_s, moving, result)
    result.files[LOAD_FILE] = _csv(at_s - zero_s, columns)
    drives = _drives(site, ders, lags, zero_s, result)
    answers = _answers(site, ders, moving, at_s, import_w, result)
    parts = [der_part(entry, site, heard.ders.get(entry["id"]), result.notes) for entry in site.ders]
    twin = {
        "schema": SCHEMA,
        **site.head,
        "meters": [meter_part(entry, heard, result.notes) for entry in site.meters],
        "ders": [part | answers.get(part["id"], {}) | drives.get(part["id"], {}) for part in parts],
        "load": loads,
        **site.tail,
    }
    shown_s = result.at_utc_s - zero_s + LEAD_S
    apart_s = max([line.apart_s for line in lines.values()], default=0.0)
    result.notes[:0] = [
        f"{said(zero_s)} is second {LEAD_S:g} of the twin, {said(result.at_utc_s)} second {shown_s:.3f}; "
        "before, everything stands still",
        f"what happened between two measurements ({np.median(np.diff(at_s)):.2f} s) is not known, and while a DER "
        f"moves a load is taken to step once between two values of telemetry ({apart_s:.2f} s)",
        "reactive power and voltage are not replayed",
    ]
    text = StringIO()
    text.writelines(f"# {note}\n" for note in result.notes)
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    yaml.dump(twin, text)
    result.files[TWIN_FILE] = text.getvalue()


def _loads(
    site: SiteSaid,
    meter: MeterHeard,
    keep: NDArray[np.bool_],
    at_s: FloatArray,
    moving: Mapping[str, Moving],
    result: Replay,
) -> tuple[dict[str, FloatArray], list[dict[str, Any]]]:
    """Demand per conductor where the meter has it, else of all together."""
    system = site.system
    phases = [row for row, kept in zip(meter.phase_w, keep, strict=True) if kept]
    by_conductor = system.name != "delta" and all(len(row) == system.phases for row in phases)
    shares = {name: system.connect(site.connections[name]).p_part for name in moving}
    columns: dict[str, FloatArray] = {}
    parts: list[dict[str, Any]] = []
    total_w = demand(at_s, np.array(meter.import_w)[keep], list(moving.values()))
    if by_conductor and system.phases > 1:
        measured = np.array(phases)
        for k in range(system.phases):
            own = [_part(one, shares[name][k]) for name, one in moving.items() if shares[name][k] > 0.0]
            columns[f"l{k + 1}_w"] = demand(at_s, measured[:, k], own)
            parts.append({"connection": f"L{k + 1}N", "record": _record(LOAD_FILE, f"l{k + 1}_w", "hold")})
    else:
        columns["total_w"] = total_w
        parts.append({"connection": "L123", "record": _record(LOAD_FILE, "total_w", "hold")})
        if system.phases > 1:
            result.notes.append("the meter tells no conductor: its load is shared evenly")
    if float(np.min(total_w)) < -MOVES_RATIO * sum(site.nameplates_w.values()):
        result.notes.append(
            "at times the load is negative: a source that the journal does not know, or a lag of telemetry"
        )
    return columns, parts


def _part(one: Moving, ratio: float) -> Moving:
    """What a DER puts on one conductor."""
    line = replace(one.line, injection_w=ratio * one.line.injection_w)
    return Moving(line=line, lag_s=one.lag_s, least_w=ratio * one.least_w)


def _answers(
    site: SiteSaid,
    ders: Mapping[str, DerHeard],
    moving: Mapping[str, Moving],
    at_s: FloatArray,
    import_w: FloatArray,
    result: Replay,
) -> dict[str, dict[str, Any]]:
    """How each DER answers, as keys of a twin."""
    total_w = demand(at_s, import_w, list(moving.values())) - import_w
    found: dict[str, dict[str, Any]] = {}
    for name, der in ders.items():
        others_w = sum((one.at(at_s) for other, one in moving.items() if other != name), np.zeros_like(at_s))
        limits = [(bound[0], bound[1]) for bound in der.bounds]
        answer = answer_of(at_s, total_w - others_w, limits, site.nameplates_w[name])
        found[name] = {"telemetry_s": min(max(round(moving[name].line.apart_s, 2), 0.02), 600.0)}
        if answer is None:
            result.notes.append(f"{name}: how it answers a limit is not known from this time; it is as usual")
            continue
        found[name] |= {"dead_time_s": answer.dead_time_s, "time_constant_s": answer.time_constant_s}
        result.notes.append(
            f"{name}: a dead time of {answer.dead_time_s:g} s and a lag of {answer.time_constant_s:g} s fit best to "
            f"{answer.falls} falls of its limit"
        )
    return found


def _drives(
    site: SiteSaid, ders: Mapping[str, DerHeard], late_s: Mapping[str, float], zero_s: float, result: Replay
) -> dict[str, dict[str, Any]]:
    """What drove each DER, as records of one file."""
    if not ders:
        return {}
    until_s = max(der.at_s[-1] for der in ders.values())
    every_s = min(float(np.median(np.diff(der.at_s))) if len(der.at_s) > 1 else 1.0 for der in ders.values())
    times_s = np.arange(0.0, until_s - zero_s + every_s, max(every_s, 0.05))
    columns: dict[str, FloatArray] = {}
    found: dict[str, dict[str, Any]] = {}
    for name, der in ders.items():
        kind = site.kinds[name]
        key = COLUMN_OF.get(kind, "demand_w")
        drive_w, share = driven(der, site.nameplates_w[name])
        if kind in ("pv", "generator", "hybrid"):
            drive_w = np.maximum(np.maximum(drive_w, np.array(der.injection_w)), 0.0)
        elif kind == "evse":
            drive_w = np.maximum(-drive_w, 0.0)
        columns[f"{name}_{key}"] = np.interp(times_s, np.array(der.at_s) - late_s[name] - zero_s, drive_w)
        found[name] = {key: {"record": _record(DER_FILE, f"{name}_{key}", "linear")}}
        if share < 1.0:
            result.notes.append(
                f"{name}: what it could have done is known for {100 * share:.0f} % of the time, while nothing held it "
                "back; else a straight line, and at least what it gave"
            )
    result.files[DER_FILE] = _csv(times_s, columns)
    return found


def _record(file: str, column: str, interpolate: str) -> dict[str, Any]:
    return {"file": file, "column": column, "time_column": "t_s", "start_s": -LEAD_S, "interpolate": interpolate}


def _csv(times_s: FloatArray, columns: Mapping[str, FloatArray]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("t_s", *columns))
    for k, at_s in enumerate(times_s):
        writer.writerow((f"{at_s:.6f}", *(f"{values[k]:.1f}" for values in columns.values())))
    return text.getvalue()


def _missing(events: Sequence[FieldEvent], heard: Heard, run: int, from_s: float, to_s: float) -> list[str]:
    """What happened besides and is not played."""
    inside = [event for event in events if event.run == run and from_s <= event.utc_s <= to_s]
    notes = [
        f"not replayed: {event.facts.get('fault', event.text)} of {event.source_id or 'site'} at {said(event.utc_s)}"
        for event in inside
        if event.kind == FAULT
    ][:MOST_NOTES]
    if heard.limit_changes > 1:
        notes.append(
            f"not replayed: the limits changed {heard.limit_changes - 1} times; they are those of the site file"
        )
    return notes
