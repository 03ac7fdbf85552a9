"""Runs the core again on what a journal holds, and compares: the same inputs must give the same commands and events.

It begins at a checkpoint (the policy and the core's whole memory) and takes every step behind it. At a gap it waits for
the next checkpoint; what lies between cannot be replayed, and is counted.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pcs.codec.flat import flat
from pcs.codec.journal import StepRecord
from pcs.codec.values import Table
from pcs.core import report
from pcs.core.policy import Policy
from pcs.core.state import Inputs, Outcome, State
from pcs.core.step import step
from pcs.io.journal_gaps import Place, checkpoints, start
from pcs.io.journal_read import read_steps, tables_of, unpacked
from pcs.model.event import Event
from pcs.model.reading import MeterReading
from pcs.runtime.checkpoint import VOCABULARY, Checkpoint, decode_checkpoint

TOLD = 60
"""Moments before the stop that are told: what led there, without the whole journal."""

JUMP_S = 3600.0
"""Wall time that was set back by up to so much does not end a stretch: steps kept under the wanted times are found."""

Wanted = Callable[[Event], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first thing that came out otherwise: what was kept and what the replay made of it, as plain rows."""

    run: int
    step: int
    utc_s: float
    what: str
    kept: Any
    replayed: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One step that changed something, in words."""

    utc_s: float
    mono_s: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Where the replay stopped: before the step that made `event`, with the core's memory as it was."""

    run: int
    step: int
    utc_s: float
    event: Event
    state: State
    policy: Policy
    before: tuple[Moment, ...]


@dataclass(slots=True, kw_only=True)
class Replay:
    """What came of a replay so far."""

    steps: int = 0
    commands: int = 0
    events: int = 0
    compared_states: int = 0
    not_replayable: int = 0
    """Steps without a checkpoint before them."""
    from_utc_s: float | None = None
    to_utc_s: float | None = None
    difference: Difference | None = None
    stop: Stop | None = None
    moments: deque[Moment] = field(default_factory=lambda: deque(maxlen=TOLD))
    words: dict[str, bytes] = field(default_factory=dict)
    """What each meter showed last."""


@dataclass(frozen=True, slots=True)
class _At:
    """The core as it is behind one step."""

    place: Place
    policy: Policy
    state: State


def replay(
    db: sqlite3.Connection,
    found: Replay,
    *,
    from_utc_s: float | None = None,
    to_utc_s: float | None = None,
    until: Wanted | None = None,
) -> None:
    """Replay a stretch of one journal file into `found`; ends at the first difference, or before the wanted event.

    Raises:
        BadLineError: at an entry that is damaged.
    """
    kept, tables = checkpoints(db), tables_of(db)
    at: _At | None = None
    for record, place in _stretch(db, start(db, from_utc_s), to_utc_s):
        behind = Place(place.run, place.step - 1)
        if at is not None and at.place != behind:
            at = None  # steps are missing: what the core remembered then is not known
        if behind in kept:
            at = _resumed(_read(db, kept[behind], tables.get(place.run)), behind, at, found, record)
        if at is None:
            found.not_replayable += 1
            continue
        wanted = next((e for e in record.events if until and until(e)), None)
        if found.difference is None and wanted and (from_utc_s is None or record.now.utc_s >= from_utc_s):
            found.stop = _stopped(at, place, wanted, record, found)
        if found.difference or found.stop:
            return
        at = _stepped(at, place, record, found)
        if found.difference:
            return


def _stretch(db: sqlite3.Connection, begin: Place, to_utc_s: float | None) -> Iterator[tuple[StepRecord, Place]]:
    for run, number, record in read_steps(db, *begin):
        if to_utc_s is None or record.now.utc_s <= to_utc_s:
            yield record, Place(run, number)
        elif record.now.utc_s > to_utc_s + JUMP_S:
            return


def _read(db: sqlite3.Connection, entry: int, table: Table | None) -> Checkpoint:
    (data,) = db.execute("SELECT data FROM checkpoint WHERE id = ?", (entry,)).fetchone()
    return decode_checkpoint(unpacked(data), table)


def _resumed(kept: Checkpoint, place: Place, at: _At | None, found: Replay, record: StepRecord) -> _At:
    """The core as the checkpoint has it; where the replay came this far, it must have it so, too."""
    if at is not None and not kept.begins:
        found.compared_states += 1
        rows = VOCABULARY.row(kept.state), VOCABULARY.row(at.state)
        if rows[0] != rows[1] and repr(rows[0]) != repr(rows[1]):
            _differs(found, place, record, "state", _unlike(kept.state, at.state))
    return _At(place, kept.policy, kept.state)


def _unlike(kept: State, replayed: State) -> tuple[Any, Any]:
    """The first field of the memory that is not the same."""
    for name in VOCABULARY.table["State"]:
        rows = VOCABULARY.row(getattr(kept, name)), VOCABULARY.row(getattr(replayed, name))
        if repr(rows[0]) != repr(rows[1]):
            return {name: rows[0]}, {name: rows[1]}
    return None, None


def _stepped(at: _At, place: Place, record: StepRecord, found: Replay) -> _At:
    outcome = step(at.state, Inputs(observations=record.inputs), at.policy, record.now)
    for what, kept, replayed in (
        ("commands", record.commands, outcome.commands),
        ("events", record.events, outcome.events),
    ):
        if kept != replayed and repr(kept) != repr(replayed):  # a NaN is unlike itself, and prints alike
            _differs(found, place, record, what, (VOCABULARY.row(kept), VOCABULARY.row(replayed)))
            return at
    found.steps += 1
    found.commands += len(record.commands)
    found.events += len(record.events)
    found.from_utc_s = record.now.utc_s if found.from_utc_s is None else found.from_utc_s
    found.to_utc_s = record.now.utc_s
    if moment := _moment(record, found.words, outcome, at.policy):
        found.moments.append(moment)
    return _At(place, at.policy, outcome.state)


def _differs(found: Replay, place: Place, record: StepRecord, what: str, rows: tuple[Any, Any]) -> None:
    found.difference = Difference(
        run=place.run, step=place.step, utc_s=record.now.utc_s, what=what, kept=rows[0], replayed=rows[1]
    )


def _stopped(at: _At, place: Place, wanted: Event, record: StepRecord, found: Replay) -> Stop:
    return Stop(
        run=place.run,
        step=place.step,
        utc_s=record.now.utc_s,
        event=wanted,
        state=at.state,
        policy=at.policy,
        before=tuple(found.moments),
    )


def _moment(record: StepRecord, before: dict[str, bytes], outcome: Outcome, policy: Policy) -> Moment | None:
    """A step in words, if it measured something new, commanded or told."""
    words: list[str] = []
    for reading in record.inputs:
        if isinstance(reading, MeterReading) and before.get(reading.meter_id) != reading.words:
            before[reading.meter_id] = reading.words
            words.append(f"{reading.meter_id} import {reading.import_w:+.0f} W")
    words += [f"commands {_brief(flat(command))}" for command in outcome.commands]
    words += [f"because {report.why(outcome.state, policy)}"] if outcome.commands else []
    words += [f"EVENT {e.kind.value}: {' '.join(filter(None, (e.source_id, e.text)))}" for e in outcome.events]
    return Moment(utc_s=record.now.utc_s, mono_s=record.now.mono_s, words="; ".join(words)) if words else None


def _brief(cells: dict[str, Any]) -> str:
    """The fields of a command that say something."""
    said = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in cells.items()}
    return " ".join(f"{name}={text}" for name, text in said.items() if text != "None")


def plain(value: Any) -> Any:
    """A value of the core as JSON for people: fields by name, enums by theirs, no infinity."""
    return _named(VOCABULARY.row(value))


def _named(row: Any) -> Any:
    if not isinstance(row, list):
        return None if row in (float("inf"), float("-inf")) else row  # JSON for others knows no infinity
    tag, *parts = row
    if tag in VOCABULARY.table:
        names = VOCABULARY.table[tag]
        return {name: _named(part) for name, part in zip(names, parts, strict=True)} if names else parts[0]
    if tag == "d":
        return {str(_named(key)): _named(part) for key, part in parts}
    return parts[0] if tag == "b" else [_named(part) for part in parts]
