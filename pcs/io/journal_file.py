"""One journal on the disk: its schema, its size, and how it is opened whatever state it is in.

Synchronous and for one thread; the queue and the patience are in `journal_sqlite`. Runs lie in an SQLite file, steps,
checkpoints and events in append-only files beside it (`journal_schema`), steps as compressed blobs of some thirty
seconds: few large writes spare an SD card. bz2 makes them a quarter smaller than zlib does, in 10 ms and without
Python's lock. Runs are on the disk when the call returns, all else is in the page cache then, and on the disk after
`sync`. Every row is a link of its table's hash chain.
"""

import bz2
import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcs.codec import journal as codec
from pcs.io.journal_schema import (
    APPLICATION_ID,
    COLUMNS,
    FOLDERS,
    SCHEMA,
    SCHEMA_VERSION,
    Head,
    folder_of,
    following,
    given_up,
    head,
    heads_text,
)
from pcs.io.journal_segments import Segments
from pcs.model.event import Event

FILE_NAME = "journal.sqlite"
PAGE_BYTES = 4096
KEPT_RUNS = 1000  # a controller that restarts every few seconds must not fill the disk with its starts
SEGMENTS = 32  # so many files hold all that is allowed: what gives way at once, and what a reader keeps open
LEAST_SEGMENT_BYTES = 1 << 13
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

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
            OSError: the folders beside it cannot be written.
        """
        self.path = path
        self.run = 0
        reserve = min(8 << 20, max_bytes // 4)  # of the write-ahead log: twice what SQLite lets it grow to by default
        self._max_bytes = max_bytes - reserve
        self._folders: dict[str, Segments] = {}
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
        try:
            self._prepare(path, max(16, reserve // 2 // PAGE_BYTES))
            segment_bytes = max(LEAST_SEGMENT_BYTES, self._max_bytes // SEGMENTS)
            for suffix, tables in FOLDERS.items():
                gone = {table: given_up(self._db, table) for table in tables}
                self._folders[suffix] = Segments(folder_of(path, suffix), segment_bytes=segment_bytes, given_up=gone)
            self._run_head = head(self._db, "run")
        except BaseException:
            self.abandon()
            raise
        self._steps, self._events = self._folders["steps"], self._folders["events"]

    @property
    def notice(self) -> str:
        """What an installer should know (empty: all is well)."""
        damaged = [name for folder in self._folders.values() for name in folder.damaged]
        return f"{', '.join(damaged)} is damaged: `pcs journal verify` says where; check the disk" if damaged else ""

    def begin(self, utc_s: float, origin: bytes) -> None:
        """Begin the run that this process is; `origin` is what it came from (`pcs.codec.origin`)."""
        row = (utc_s, bz2.compress(origin), heads_text(self._heads()))
        at = following("run", self._run_head, row)
        columns = ("id", *COLUMNS["run"], "hash")
        sql = f"INSERT INTO run ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        try:
            self._db.execute(sql, (at.id, *row, at.hash))
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            self._give_up_runs(keep=KEPT_RUNS // 2)
            self._give_up_oldest()
            self._db.execute(sql, (at.id, *row, at.hash))
        self._run_head, self.run = at, at.id
        self._give_up_runs(keep=KEPT_RUNS)

    def add_events(self, events: Sequence[tuple[int, Event]]) -> None:
        """Write numbered events; older steps, and then older events, make room where there is none."""
        rows = [(self.run, n, e.at.utc_s, str(e.kind), _text(e.source_id), codec.encode_event(e)) for n, e in events]
        self._append(self._events, "event", rows)

    def add_steps(self, blob: StepBlob) -> None:
        """Write one blob; older blobs make room where there is none."""
        data = bz2.compress(codec.pack(blob.lines))
        row = (self.run, blob.first, len(blob.lines), blob.from_utc_s, blob.to_utc_s, data)
        self._append(self._steps, "steps", [row])

    def add_checkpoint(self, step: int, utc_s: float, line: bytes) -> None:
        """Write the core's whole memory, as it was after this step (0: before the first)."""
        self._append(self._steps, "checkpoint", [(self.run, step, utc_s, bz2.compress(line))])

    def sync(self) -> None:
        """Bring everything to the disk."""
        for folder in self._folders.values():
            folder.sync()

    def close(self, utc_s: float) -> None:
        """Note that the run ended in order, and close."""
        try:
            self.sync()
            left = heads_text(self._heads())
            self._db.execute("UPDATE run SET closed_utc_s = ?, left = ? WHERE id = ?", (utc_s, left, self.run))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close after an error, as it is."""
        self._db.close()
        for folder in self._folders.values():
            folder.close()

    def _heads(self) -> dict[str, Head]:
        return {table: at for folder in self._folders.values() for table, at in folder.heads.items()}

    def _prepare(self, path: Path, checkpoint_pages: int) -> None:
        version = self._one("PRAGMA user_version")
        if version == 0 and self._one("SELECT count(*) FROM sqlite_master") == 0:
            for suffix in FOLDERS:
                _set_aside(folder_of(path, suffix))  # of a journal whose SQLite file is gone
            self._do(f"PRAGMA page_size = {PAGE_BYTES}")
            self._do("PRAGMA journal_mode = WAL")
            self._transact(lambda: [self._db.execute(sql) for sql in SCHEMA])
        elif self._one("PRAGMA application_id") != APPLICATION_ID:
            raise OtherSchemaError(f"{path.name} is not a journal of this program")
        elif version != SCHEMA_VERSION:
            whose = "a newer" if version > SCHEMA_VERSION else "an older"
            raise OtherSchemaError(
                f"{path.name} has schema {version} of {whose} program; this one writes schema {SCHEMA_VERSION}"
            )
        self._do("PRAGMA journal_mode = WAL")
        self._do("PRAGMA synchronous = FULL")
        self._do("PRAGMA secure_delete = OFF")  # Debian builds it on: every page given up is written once more
        self._do(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")
        self._do(f"PRAGMA max_page_count = {max(64, self._max_bytes // 4 // PAGE_BYTES)}")

    def _append(self, folder: Segments, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows as the next links of a table's chain; when there is no room, make some and try once more."""
        try:
            folder.append(table, rows)
        except OSError as error:
            if error.errno not in NO_ROOM or not self._give_up_oldest():
                raise
            folder.append(table, rows)
        while self._used_bytes() > self._max_bytes and self._give_up_oldest():
            pass

    def _one(self, sql: str) -> int:
        return int(self._do(sql)[0][0])

    def _do(self, sql: str) -> list[Any]:
        """Run a statement to its end: one with rows left would keep the next transaction from being committed."""
        return self._db.execute(sql).fetchall()

    def _used_bytes(self) -> int:
        return self._one("PRAGMA page_count") * PAGE_BYTES + sum(f.size_bytes for f in self._folders.values())

    def _transact(self, write: Callable[[], object]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            write()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _give_up_oldest(self) -> bool:
        """Delete the oldest file of steps; of events only when there are no steps. False: there is nothing left."""
        for folder in (self._steps, self._events):
            if folder.size_bytes:
                self._note_given_up(folder.oldest())
                folder.drop_oldest()
                return True
        return False

    def _give_up_runs(self, *, keep: int) -> None:
        old = self._db.execute(
            "SELECT id, hash FROM run WHERE id <= ? ORDER BY id DESC LIMIT 1", (self._run_head.id - keep,)
        ).fetchone()
        if old:
            self._note_given_up({"run": Head(*old)}, "DELETE FROM run WHERE id <= ?", (old[0],))

    def _note_given_up(self, last: Mapping[str, Head], then: str = "", arguments: tuple[int, ...] = ()) -> None:
        """Keep the last links that went, in one transaction with what makes them go."""

        def write() -> None:
            rows = [(table, *at) for table, at in last.items()]
            self._db.executemany("INSERT OR REPLACE INTO given_up (chain, id, hash) VALUES (?, ?, ?)", rows)
            if then:
                self._db.execute(then, arguments)

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
        file = JournalFile(path, max_bytes=max_bytes)
        return file, file.notice
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
    for suffix in FOLDERS:
        _set_aside(folder_of(path, suffix))
    return f"{path.name} was damaged and is kept as {aside.name}; a new journal was begun: check the disk or SD card"


def _set_aside(folder: Path) -> None:
    """Rename a folder that belongs to no journal any more, or not to the one that is begun."""
    if folder.exists():
        aside = folder.with_name(f"{folder.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
