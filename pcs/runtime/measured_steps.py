"""Measured responses in a journal: which there are, and the waterfall of one of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pcs.codec.journal import StepRecord
from pcs.core.policy import Policy
from pcs.core.response import STEP_SHARE
from pcs.io.journal_read import connect, journal_files, read_events, read_steps, tables_of, unpacked
from pcs.io.journal_sqlite import BATCH_S, EVENTS_S
from pcs.model.event import EventKind
from pcs.runtime.checkpoint import decode_checkpoint
from pcs.runtime.waterfall import Measured, measured, waterfall

BEFORE_S = 5.0
"""What a DER was told before the step is looked for so far back: twenty of the shortest raises."""
LATER = f"a running controller writes what it measured within {max(BATCH_S, EVENTS_S):g} s"
MOST_RECORDS = 20_000
"""A limit on the steps of one response: a minute and some seconds at 200 Hz."""


class NoStepError(Exception):
    """There is no such response, or the journal no longer holds what it came from; the message says which."""


def explain_step(directory: Path, which: int | None) -> dict[str, Any]:
    """The waterfall of response number `which` (from 1, in the order they were measured; None: the last).

    Raises:
        NoStepError: with the reason in words.
        BadLineError: at an entry that is damaged.
        UnreadableError: the journal cannot be opened.
    """
    files = journal_files(directory)
    if not files:
        raise NoStepError(f"there is no journal in {directory}; give the directory that the site file names")
    found: list[tuple[Path, int, Measured]] = []
    for path in files:
        with closing(connect(path)) as db:
            found += [(path, run, one) for run, one in _measured(db, len(found))]
    number = len(found) if which is None else which
    if not found:
        raise NoStepError(
            f"no response was measured yet: load or sun must step by {STEP_SHARE:.0%} of the nameplate or more; {LATER}"
        )
    if not 1 <= number <= len(found):
        raise NoStepError(f"there is no response number {number}; the journal holds 1 to {len(found)}")
    path, run, one = found[number - 1]
    with closing(connect(path)) as db:
        return _told(db, run, one, len(found))


def _measured(db: sqlite3.Connection, already: int) -> Iterator[tuple[int, Measured]]:
    number = already
    for run, _, event in read_events(db):
        if event.kind is EventKind.RESPONSE_MEASURED and "line" in dict(event.facts):
            number += 1
            yield run, measured(number, event)


def _told(db: sqlite3.Connection, run: int, one: Measured, count: int) -> dict[str, Any]:
    records = list(_records(db, run, one))
    if not records or records[0].now.mono_s > one.at_lo_s:
        raise NoStepError(f"the steps around response number {one.number} are no longer in the journal; {LATER}")
    parts = waterfall(one, _policy(db, run), records)
    return {
        "schema": "pcs.step/1",
        "method": "self-measured",
        "number": one.number,
        "of": count,
        **{k: v for k, v in asdict(one).items() if k not in ("number", "end_s", "at_s", "at_lo_s", "at_hi_s")},
        "step_between_s": [one.at_lo_s - one.at_s, one.at_hi_s - one.at_s],
        "sum_s": sum(p.took_s for p in parts),
        "parts": [asdict(part) for part in parts],
    }


def _records(db: sqlite3.Connection, run: int, one: Measured) -> Iterator[StepRecord]:
    """The steps of one response: from a little before it to its event. Blobs that lie elsewhere are not opened."""
    from_utc_s = one.utc_s - (one.end_s - one.at_lo_s) - BEFORE_S
    place = db.execute(
        "SELECT first FROM steps WHERE run = ? AND to_utc_s >= ? ORDER BY id LIMIT 1", (run, from_utc_s)
    ).fetchone()
    if place is None:
        return
    count = 0
    for in_run, _, record in read_steps(db, run, place[0] - 1):
        if in_run != run or record.now.mono_s > one.end_s or count >= MOST_RECORDS:
            return
        if record.now.mono_s >= one.at_lo_s - BEFORE_S:
            count += 1
            yield record


def _policy(db: sqlite3.Connection, run: int) -> Policy:
    """The rules of a run, from its first checkpoint that is still there."""
    entry = db.execute("SELECT data FROM checkpoint WHERE run = ? ORDER BY id LIMIT 1", (run,)).fetchone()
    if entry is None:
        raise NoStepError("the journal holds no rules for this run")
    return decode_checkpoint(unpacked(entry[0]), tables_of(db).get(run)).policy
