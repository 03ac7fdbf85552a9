"""One SQLite file of journal: its schema, its size, and how it is opened whatever state it is in.

Synchronous and for one thread; the queue and the patience are in `journal_sqlite`. Steps lie in compressed blobs of
some thirty seconds: few large writes spare an SD card (2x write amplification instead of 12-55x for single rows);
bz2 makes them a quarter smaller than zlib does, in 10 ms and without Python's lock. Events lie in rows of their own.
Every commit is on the disk when it returns (WAL, synchronous=FULL). Every row is a link of its table's hash chain.
"""

import bz2
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcs.codec import journal as codec
from pcs.io.journal_schema import (
    APPLICATION_ID,
    COLUMNS,
    SCHEMA,
    SCHEMA_VERSION,
    Head,
    following,
    head,
    heads_text,
    insert,
)
from pcs.model.event import Event

FILE_NAME = "journal.sqlite"
PAGE_BYTES = 4096
KEPT_RUNS = 1000  # a controller that restarts every few seconds must not fill the disk with its starts
TRIM_BLOBS, TRIM_EVENTS = 8, 128  # in one transaction: some 100 kB of either

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBlob:
    """Consecutive steps of one run, `first` to `first + len(lines) - 1`."""

    first: int
    lines: tuple[bytes, ...]
    from_utc_s: float
    to_utc_s: float


class OtherSchemaError(Exception):
    """The file was written by a newer or older program, or is no journal at all; it must not be touched."""


class JournalFile:
    """An open journal file, with the run that this process is."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        """Open or create; after kill -9 or a power cut SQLite takes up what its write-ahead log holds.

        Raises:
            OtherSchemaError: see there; the file is as it was.
            sqlite3.Error: anything else; `is_damage` tells whether the file itself is the reason.
        """
        self.path = path
        self.run = 0
        reserve = min(8 << 20, max_bytes // 4)  # of the write-ahead log: twice what SQLite lets it grow to by default
        self._max_pages = max(64, (max_bytes - reserve) // PAGE_BYTES)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
        try:
            self._prepare(path, max(16, reserve // 2 // PAGE_BYTES))
            self._heads = {table: head(self._db, table) for table in COLUMNS}
        except BaseException:
            self._db.close()
            raise

    def begin(self, utc_s: float, origin: bytes) -> None:
        """Begin the run that this process is; `origin` is what it came from (`pcs.codec.origin`)."""
        self._append("run", [(utc_s, bz2.compress(origin), heads_text(self._heads))])
        self.run = self._heads["run"].id
        old = self._db.execute("SELECT id, hash FROM run WHERE id <= ? ORDER BY id", (self.run - KEPT_RUNS,)).fetchall()
        self._give_up("run", old)

    def add_events(self, events: Sequence[tuple[int, Event]]) -> None:
        """Write numbered events; older steps, and then older events, make room where there is none."""
        self._append(
            "event",
            [(self.run, n, e.at.utc_s, str(e.kind), _text(e.source_id), codec.encode_event(e)) for n, e in events],
        )

    def add_steps(self, blob: StepBlob) -> None:
        """Write one blob; older blobs make room where there is none."""
        data = bz2.compress(codec.pack(blob.lines))
        self._append("steps", [(self.run, blob.first, len(blob.lines), blob.from_utc_s, blob.to_utc_s, data)])

    def add_checkpoint(self, step: int, utc_s: float, line: bytes) -> None:
        """Write the core's whole memory, as it was after this step (0: before the first)."""
        self._append("checkpoint", [(self.run, step, utc_s, bz2.compress(line))])

    def trim(self) -> None:
        """Give up the oldest steps, and then the oldest events, until a twentieth of the allowed size is free."""
        while self._used_pages() > self._max_pages * 19 // 20 and self._give_up_oldest():
            pass

    def close(self, utc_s: float) -> None:
        """Note that the run ended in order, and close."""
        try:
            left = heads_text(self._heads)
            self._db.execute("UPDATE run SET closed_utc_s = ?, left = ? WHERE id = ?", (utc_s, left, self.run))
        finally:
            self._db.close()

    def abandon(self) -> None:
        """Close after an error, as it is."""
        self._db.close()

    def _prepare(self, path: Path, checkpoint_pages: int) -> None:
        version = self._one("PRAGMA user_version")
        if version == 0 and self._one("SELECT count(*) FROM sqlite_master") == 0:
            self._db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._transact(lambda: [self._db.execute(sql) for sql in SCHEMA])
        elif self._one("PRAGMA application_id") != APPLICATION_ID:
            raise OtherSchemaError(f"{path.name} is not a journal of this program")
        elif version != SCHEMA_VERSION:
            whose = "a newer" if version > SCHEMA_VERSION else "an older"
            raise OtherSchemaError(
                f"{path.name} has schema {version} of {whose} program; this one writes schema {SCHEMA_VERSION}"
            )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = OFF")  # Debian builds it on: every page given up is written once more
        self._db.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")
        self._db.execute(f"PRAGMA max_page_count = {self._max_pages}")

    def _append(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows as the next links of a table's chain."""
        at, chained = self._heads[table], []
        for row in rows:
            at = following(table, at, row)
            chained.append((at.id, *row, at.hash))
        sql = insert(table)
        self._write(lambda: self._db.executemany(sql, chained))
        self._heads[table] = at

    def _one(self, sql: str) -> int:
        row = self._db.execute(sql).fetchone()
        return int(row[0])

    def _used_pages(self) -> int:
        return self._one("PRAGMA page_count") - self._one("PRAGMA freelist_count")

    def _transact(self, write: Callable[[], object]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            write()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _write(self, write: Callable[[], object]) -> None:
        """Write in one transaction; when there is no room, make some in the file itself and try once more."""
        try:
            self._transact(write)
        except sqlite3.Error as error:
            if _code(error) != sqlite3.SQLITE_FULL or not self._give_up_oldest():
                raise
            self._transact(write)

    def _give_up_oldest(self) -> bool:
        """Delete a few of the oldest blobs; events only when there are no blobs. False: there is nothing left."""
        blobs = self._db.execute(
            "SELECT id, hash, run, first + count FROM steps ORDER BY id LIMIT ?", (TRIM_BLOBS,)
        ).fetchall()
        if blobs:
            self._give_up("steps", blobs)
            useless = "SELECT id, hash FROM checkpoint WHERE (run, step + 1) < (?, ?) ORDER BY id"
            self._give_up("checkpoint", self._db.execute(useless, blobs[-1][2:]).fetchall())
            return True
        events = self._db.execute("SELECT id, hash FROM event ORDER BY id LIMIT ?", (TRIM_EVENTS,)).fetchall()
        self._give_up("event", events)
        return bool(events)

    def _give_up(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Delete the oldest rows of a chain, given as id and hash, and keep the last one's link."""
        if not rows:
            return
        last = Head(*rows[-1][:2])

        def write() -> None:
            self._db.execute("INSERT OR REPLACE INTO given_up (chain, id, hash) VALUES (?, ?, ?)", (table, *last))
            self._db.execute(f"DELETE FROM {table} WHERE id <= ?", (last.id,))

        self._transact(write)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file's own content is the reason."""
    return _code(error) in _DAMAGE


def is_full(error: sqlite3.Error) -> bool:
    """Whether there is no room, on the disk or within the allowed size."""
    return _code(error) == sqlite3.SQLITE_FULL


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF  # the primary code; the rest says where it happened


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # SQLite takes no lone surrogates; the line keeps them


def open_file(directory: Path, *, max_bytes: int) -> tuple[JournalFile, str]:
    """Open the directory's journal; what is damaged is moved aside, what another version wrote is left alone.

    Returns:
        The open file, and in words what an installer should know (empty: all is well).

    Raises:
        sqlite3.Error: the file cannot be opened or written.
        OSError: the directory cannot be made, or a damaged file not be moved.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path, notice = directory / FILE_NAME, ""
    try:
        return JournalFile(path, max_bytes=max_bytes), ""
    except OtherSchemaError as error:
        path = directory / f"journal-schema{SCHEMA_VERSION}.sqlite"
        notice = (
            f"{error}; it is left alone, the journal goes on in {path.name}: "
            "move the file away, or update openpcs if it is newer"
        )
        try:
            return JournalFile(path, max_bytes=max_bytes), notice
        except sqlite3.DatabaseError as damage:
            if not is_damage(damage):
                raise
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    notice = "; ".join(filter(None, (notice, move_aside(path))))
    return JournalFile(path, max_bytes=max_bytes), notice


def move_aside(path: Path) -> str:
    """Rename a damaged journal, with its write-ahead log, and say so. One such file is kept: the latest."""
    aside = path.with_name(f"{path.name}.damaged")
    for suffix in ("-wal", "-shm", ""):
        old, new = Path(f"{path}{suffix}"), Path(f"{aside}{suffix}")
        new.unlink(missing_ok=True)
        if old.exists():
            os.replace(old, new)
    return f"{path.name} was damaged and is kept as {aside.name}; a new journal was begun: check the disk or SD card"
