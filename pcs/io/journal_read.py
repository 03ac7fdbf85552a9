"""Reads a journal directory without touching it, also while a controller is writing there."""

import bz2
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from struct import unpack
from tempfile import TemporaryDirectory
from typing import Any

from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.codec.origin import Origin, decode_origin
from pcs.codec.values import Table
from pcs.io.journal_index import Reading
from pcs.io.journal_schema import APPLICATION_ID, SCHEMA_VERSION
from pcs.model.event import Event

HEADER_BYTES = 100  # of an SQLite file: page size at 16, number of pages at 28 (sqlite.org/fileformat)
MAX_PAGES = 1 << 20  # 4 GB: four times the largest journal; a header that says more is garbage


class UnreadableError(Exception):
    """There is no journal, or one that this program cannot read."""


class OtherSchemaError(UnreadableError):
    """It is a journal, of another version of this program: not damaged, and not for us to judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One opening of the journal: when, until when (None: still open, or ended without order), and what ran."""

    id: int
    opened_utc_s: float
    closed_utc_s: float | None
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointLine:
    """The core's memory as it was after `step` steps of a run, as a line."""

    run: int
    step: int
    utc_s: float
    line: bytes


def journal_files(directory: Path) -> list[Path]:
    """The journals of a directory; damaged ones that were moved aside are not among them."""
    return sorted(directory.glob("journal*.sqlite"))


def connect(path: Path, beside: Path | None = None) -> sqlite3.Connection:
    """Open for reading only, as it is now: the tables are those of `journal_schema`, wherever their rows lie.

    Args:
        path: the SQLite file.
        beside: where its folders lie, if this is a copy of it.

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
        advice = "update openpcs" if version > SCHEMA_VERSION else "read it with the version that wrote it"
        raise OtherSchemaError(f"{path}: schema {version}; this program reads schema {SCHEMA_VERSION}: {advice}")
    try:
        db.index(beside or path)
    except (sqlite3.Error, OSError) as error:
        db.close()
        raise UnreadableError(f"{path}: {error}") from error
    return db


def _connect(path: Path) -> Reading:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=1.0, factory=Reading)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if Path(f"{path}-wal").exists():
            raise
        db = sqlite3.connect(f"{uri}&immutable=1", uri=True, factory=Reading)  # a copy on a read-only medium
    return db


def pages_bytes(path: Path) -> int:
    """How long the file ought to be by its own header; 0 where a write-ahead log may hold the rest, or it is none."""
    if Path(f"{path}-wal").exists():
        return 0
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or not header.startswith(b"SQLite format 3\0"):
        return 0
    page_bytes, pages = unpack(">H", header[16:18])[0], unpack(">I", header[28:32])[0]
    return 0 if pages > MAX_PAGES else int(page_bytes * pages)


@contextmanager
def padded(path: Path, size: int) -> Iterator[Path]:
    """A copy of a file that was cut off, as long as it ought to be: SQLite opens it, and reads what is still there."""
    with TemporaryDirectory(prefix="pcs-journal-") as folder:
        copy = Path(folder) / path.name
        copyfile(path, copy)
        os.truncate(copy, size)
        yield copy


def read_runs(db: sqlite3.Connection) -> Iterator[Run]:
    """Every run, in order. Raises `codec.BadLineError` at a damaged one."""
    for run, opened_utc_s, closed_utc_s, origin in rows(
        db, "SELECT id, id, opened_utc_s, closed_utc_s, origin FROM run WHERE id > ? ORDER BY id LIMIT 16"
    ):
        try:
            kept = decode_origin(bz2.decompress(origin))
        except (ValueError, TypeError, OSError) as error:
            raise codec.BadLineError(f"origin of run {run}: {error}") from error
        yield Run(id=run, opened_utc_s=opened_utc_s, closed_utc_s=closed_utc_s, origin=kept)


def tables_of(db: sqlite3.Connection) -> dict[int, Table]:
    """By run: the classes that its lines are made of."""
    return {run.id: run.origin.table for run in read_runs(db)}


def read_events(db: sqlite3.Connection) -> Iterator[tuple[int, int, Event]]:
    """Every event with its run and number, in order. Raises `codec.BadLineError` at a damaged one."""
    tables = tables_of(db)
    sql = "SELECT id, run, number, line FROM event WHERE id > ? ORDER BY id LIMIT 256"
    for run, number, line in rows(db, sql):
        yield run, number, codec.decode_event(line, tables.get(run))


def read_steps(db: sqlite3.Connection, run: int = 0, step: int = 0) -> Iterator[tuple[int, int, StepRecord]]:
    """Steps with their run and number, in order, all of them or only those behind a step of a run.

    Raises:
        BadLineError: at a damaged one.
    """
    tables = tables_of(db)
    first = db.execute(
        "SELECT id FROM steps WHERE (run, first + count) > (?, ?) ORDER BY id LIMIT 1", (run, step + 1)
    ).fetchone()
    sql = "SELECT id, run, first, count, data FROM steps WHERE id > ? ORDER BY id LIMIT 1"
    for in_run, start, count, data in rows(db, sql, first[0] - 1 if first else 1 << 62):
        for number, record in enumerate(decode_blob(count, data, tables.get(in_run)), start):
            if (in_run, number) > (run, step):
                yield in_run, number, record


def read_checkpoints(db: sqlite3.Connection) -> Iterator[CheckpointLine]:
    """Every checkpoint, in order. Raises `codec.BadLineError` at a damaged one."""
    sql = "SELECT id, run, step, utc_s, data FROM checkpoint WHERE id > ? ORDER BY id LIMIT 1"
    for run, step, utc_s, data in rows(db, sql):
        yield CheckpointLine(run=run, step=step, utc_s=utc_s, line=unpacked(data))


def unpacked(data: bytes) -> bytes:
    """The text of a compressed field. Raises `codec.BadLineError` where it is damaged."""
    try:
        return bz2.decompress(data)
    except (OSError, ValueError, TypeError) as error:
        raise codec.BadLineError(f"damaged blob: {error}") from error


def decode_blob(count: int, data: bytes, table: Table | None) -> list[StepRecord]:
    """The steps of one blob. Raises `codec.BadLineError` where it is damaged."""
    steps = [codec.decode(line, table) for line in codec.unpack(unpacked(data))]
    if len(steps) != count:
        raise codec.BadLineError(f"{len(steps)} steps where {count} were written")
    return steps


def rows(db: sqlite3.Connection, sql: str, after: int = 0) -> Iterator[tuple[Any, ...]]:
    """Rows behind the leading id, a few at a time."""
    last = after
    while found := db.execute(sql, (last,)).fetchall():
        for row in found:
            yield row[1:]
        last = found[-1][0]
