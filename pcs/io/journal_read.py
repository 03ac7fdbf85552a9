"""Reads a journal directory without touching it, also while a controller is writing there.

Every row is read in a transaction of its own: a long one would keep SQLite from emptying its write-ahead log.
"""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.io.journal_file import APPLICATION_ID, SCHEMA_VERSION
from pcs.model.event import Event

MAX_PROBLEMS = 20  # told; a damaged disk has thousands


class UnreadableError(Exception):
    """There is no journal, or one that this program cannot read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a journal holds. Missing steps or events inside a run are gaps; `problems` are damage, in words."""

    file: str
    runs: int
    runs_not_closed: int
    steps: int
    events: int
    step_gaps: int
    steps_missing: int
    events_missing: int
    problems: tuple[str, ...]


def journal_files(directory: Path) -> list[Path]:
    """The journals of a directory; damaged ones that were moved aside are not among them."""
    return sorted(directory.glob("journal*.sqlite"))


def connect(path: Path) -> sqlite3.Connection:
    """Open for reading only.

    Raises:
        UnreadableError: with the reason in words.
    """
    try:
        db = _connect(path)
        version, application = (db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("user_version", "application_id"))
    except sqlite3.Error as error:
        raise UnreadableError(f"{path}: {error}") from error
    if application != APPLICATION_ID:
        db.close()
        raise UnreadableError(f"{path}: not a journal of this program")
    if version != SCHEMA_VERSION:
        db.close()
        raise UnreadableError(f"{path}: schema {version}; this program reads schema {SCHEMA_VERSION}: update openpcs")
    return db


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=1.0)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if Path(f"{path}-wal").exists():
            raise
        db = sqlite3.connect(f"{uri}&immutable=1", uri=True)  # a copy on a read-only medium
    return db


def read_events(db: sqlite3.Connection) -> Iterator[tuple[int, int, Event]]:
    """Every event with its run and number, in order. Raises `codec.BadLineError` at a damaged one."""
    for run, number, line in _rows(db, "SELECT id, run, number, line FROM event WHERE id > ? ORDER BY id LIMIT 256"):
        yield run, number, codec.decode_event(line)


def read_steps(db: sqlite3.Connection) -> Iterator[tuple[int, int, StepRecord]]:
    """Every step with its run and number, in order. Raises `codec.BadLineError` at a damaged one."""
    for run, first, count, data in _rows(
        db, "SELECT id, run, first, count, data FROM steps WHERE id > ? ORDER BY id LIMIT 1"
    ):
        for number, step in enumerate(_steps(count, data), first):
            yield run, number, step


def verify(path: Path) -> Verification:
    """Read everything once and count it.

    Raises:
        UnreadableError: it cannot be opened at all.
    """
    with closing(connect(path)) as db:
        counter = _Counter()
        try:
            counter.read(db)
        except sqlite3.Error as error:
            counter.problem(f"reading stopped: {error}")
        return Verification(
            file=path.name,
            runs=counter.runs,
            runs_not_closed=counter.runs_not_closed,
            steps=counter.steps,
            events=counter.events,
            step_gaps=counter.step_gaps,
            steps_missing=counter.steps_missing,
            events_missing=counter.events_missing,
            problems=tuple(counter.problems),
        )


class _Counter:
    """The tally of one verification."""

    def __init__(self) -> None:
        self.runs = self.runs_not_closed = self.steps = self.events = 0
        self.step_gaps = self.steps_missing = self.events_missing = 0
        self.problems: list[str] = []

    def problem(self, text: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(text)

    def read(self, db: sqlite3.Connection) -> None:
        for (text,) in db.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})").fetchall():
            if text != "ok":
                self.problem(f"SQLite: {text}")
        self.runs, self.runs_not_closed = db.execute(
            "SELECT count(*), count(*) - count(closed_utc_s) FROM run"
        ).fetchone()
        self._read_steps(db)
        self._read_events(db)

    def _read_steps(self, db: sqlite3.Connection) -> None:
        expected: tuple[int, int] | None = None
        for run, first, count, data in _rows(
            db, "SELECT id, run, first, count, data FROM steps WHERE id > ? ORDER BY id LIMIT 1"
        ):
            if expected and expected[0] == run and expected[1] != first:
                self.step_gaps += 1
                self.steps_missing += first - expected[1]
            expected = (run, first + count)
            try:
                self.steps += len(_steps(count, data))
            except (codec.BadLineError, codec.UnknownVersionError) as error:
                self.problem(f"steps {first} to {first + count - 1} of run {run}: {error}")

    def _read_events(self, db: sqlite3.Connection) -> None:
        expected: tuple[int, int] | None = None
        for run, number, line in _rows(
            db, "SELECT id, run, number, line FROM event WHERE id > ? ORDER BY id LIMIT 256"
        ):
            if expected and expected[0] == run:
                self.events_missing += number - expected[1]
            expected = (run, number + 1)
            try:
                codec.decode_event(line)
                self.events += 1
            except codec.BadLineError as error:
                self.problem(f"event {number} of run {run}: {error}")


def _steps(count: int, data: bytes) -> list[StepRecord]:
    try:
        steps = [codec.decode(line) for line in codec.unpack(zlib.decompress(data))]
    except zlib.error as error:
        raise codec.BadLineError(f"damaged blob: {error}") from error
    if len(steps) != count:
        raise codec.BadLineError(f"{len(steps)} steps where {count} were written")
    return steps


def _rows(db: sqlite3.Connection, sql: str) -> Iterator[tuple[Any, ...]]:
    """Rows behind the leading id, a few at a time."""
    last = 0
    while rows := db.execute(sql, (last,)).fetchall():
        for row in rows:
            yield row[1:]
        last = rows[-1][0]
