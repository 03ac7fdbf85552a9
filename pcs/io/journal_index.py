"""What lies in a journal's append-only files, as tables of the connection that reads it.

The heads of all entries are read once; the views `steps`, `checkpoint` and `event` fetch the data of an entry when it
is asked for. Nothing is written: the tables live in memory. Files stay open until the connection is closed, so what
the controller gives up meanwhile can still be read.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any

from pcs.io.journal_schema import COLUMNS, FOLDERS, folder_of
from pcs.io.journal_segments import Entry, Scan, scan, segment_paths

UTC_COLUMN = {"steps": "from_utc_s", "checkpoint": "utc_s", "event": "utc_s"}
TRIES = 5  # when the controller opens, closes or gives something up just now; each takes it some seconds at least


class Reading(sqlite3.Connection):
    """A connection that also holds the files beside the database."""

    def index(self, path: Path) -> None:
        """Make the tables, and hold the database as it was when they were made.

        Raises:
            sqlite3.Error: the database cannot be read.
            OSError: a file cannot be read.
        """
        self.isolation_level = None
        self._files: list[int] = []
        self.create_function("stored", 3, self._stored, deterministic=True)
        self.execute("PRAGMA temp_store = MEMORY")
        self.execute("CREATE TEMP TABLE trouble (utc_s, text)")
        for table, columns in COLUMNS.items():
            if any(table in tables for tables in FOLDERS.values()):
                self._create(table, columns)
        for _ in range(TRIES):
            version = self._version()
            self._fill(path)
            self.execute("BEGIN")
            if self._version() == version:
                return
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the database and the files."""
        super().close()
        self._forget()

    def _version(self) -> Any:
        self.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return self.execute("PRAGMA data_version").fetchone()

    def _forget(self) -> None:
        for fd in getattr(self, "_files", ()):
            os.close(fd)
        self._files = []

    def _create(self, table: str, columns: tuple[str, ...]) -> None:
        *plain, data = columns
        names = ", ".join(plain)
        self.execute(f"CREATE TEMP TABLE {table}_entry (id INTEGER PRIMARY KEY, {names}, file, at, size, hash)")
        self.execute(
            f"CREATE TEMP VIEW {table} AS SELECT id, {names}, stored(file, at, size) AS {data}, hash FROM {table}_entry"
        )

    def _fill(self, path: Path) -> None:
        self._forget()
        for table in ("trouble", *(f"{table}_entry" for tables in FOLDERS.values() for table in tables)):
            self.execute(f"DELETE FROM temp.{table}")
        for suffix in FOLDERS:
            folder = folder_of(path, suffix)
            paths = segment_paths(folder)
            for one in paths:
                self._add(one, suffix, is_last=one == paths[-1])

    def _add(self, path: Path, suffix: str, *, is_last: bool) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return  # given up since the folder was listed
        with file:
            found = scan(file)
            self._files.append(os.dup(file.fileno()))
        name, utc_s = f"{path.parent.name}/{path.name}", 0.0
        for entry in found.entries:
            utc_s = self._insert(entry, suffix, name, utc_s)
        if text := _unread(found, is_last=is_last):
            self._trouble(utc_s, f"{name} is {text} behind byte {found.end}{_behind(found)}")

    def _insert(self, entry: Entry, suffix: str, name: str, utc_s: float) -> float:
        """Note one entry; returns its time."""
        if entry.table not in FOLDERS[suffix] or len(entry.fields) != len(COLUMNS[entry.table]) - 1:
            self._trouble(utc_s, f"{name} holds an entry that does not belong there, at byte {entry.at}")
            return utc_s
        row = (entry.id, *entry.fields, len(self._files) - 1, entry.at, entry.size, entry.hash)
        try:
            self.execute(f"INSERT INTO {entry.table}_entry VALUES ({', '.join('?' * len(row))})", row)
        except (sqlite3.Error, OverflowError) as error:
            self._trouble(utc_s, f"{entry.table} entry {entry.id} in {name} is there twice or no entry: {error}")
        own_s = entry.fields[COLUMNS[entry.table].index(UTC_COLUMN[entry.table])]
        return own_s if isinstance(own_s, float) else utc_s

    def _trouble(self, utc_s: float, text: str) -> None:
        self.execute("INSERT INTO trouble VALUES (?, ?)", (utc_s, text))

    def _stored(self, file: int, at: int, size: int) -> bytes:
        try:
            return os.pread(self._files[file], size, at)
        except OSError:
            return b""  # fits neither its chain nor its codec: told as what it is, damaged


def _unread(found: Scan, *, is_last: bool) -> str:
    if found.is_damaged:
        return "damaged"
    return "cut off" if found.is_torn and not is_last else ""


def _behind(found: Scan) -> str:
    return f" ({found.entries[-1].table} entry {found.entries[-1].id})" if found.entries else ""
