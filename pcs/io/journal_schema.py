"""The tables of a journal, where their rows lie, and how they are chained.

`steps`, `checkpoint`, `event` and `run` are one hash chain each: a row's `hash` binds it to the row before it. The
oldest rows may give way; `given_up` keeps the last link that went, so that the rest still hangs on something. A row of
`run` holds the heads of the other chains as they were found, and gets those that were left: what was cut off is missed.

`run` and `given_up`, which change seldom, lie in an SQLite file, the other three in append-only files beside it
(`journal_segments`): each row is written once, where a write-ahead log would write its pages three times.
"""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pcs.codec.chain import ORIGIN, link

SCHEMA_VERSION = 3
APPLICATION_ID = 0x70637331  # "pcs1": tells a journal from any other SQLite file

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "run": ("opened_utc_s", "origin", "found"),
    "steps": ("run", "first", "count", "from_utc_s", "to_utc_s", "data"),
    "checkpoint": ("run", "step", "utc_s", "data"),
    "event": ("run", "number", "utc_s", "kind", "source_id", "line"),
}
"""The chained columns of each table, behind its id. The last one of a table in a folder is its data."""
CONTENTS = ("steps", "checkpoint", "event")
FOLDERS: Mapping[str, tuple[str, ...]] = {"steps": ("steps", "checkpoint"), "events": ("event",)}
"""What lies in which folder of append-only files, by the folder's suffix. What gives way together lies together."""

SCHEMA = (
    "CREATE TABLE run (id INTEGER PRIMARY KEY, opened_utc_s REAL NOT NULL, origin BLOB NOT NULL, found TEXT NOT NULL,"
    " hash BLOB NOT NULL, closed_utc_s REAL, left TEXT)",
    "CREATE TABLE given_up (chain TEXT PRIMARY KEY, id INTEGER NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


class Head(NamedTuple):
    """The last entry of a chain."""

    id: int
    hash: bytes


NOTHING = Head(0, ORIGIN)


def folder_of(path: Path, suffix: str) -> Path:
    """The folder of append-only files that belongs to a journal's SQLite file."""
    return path.with_suffix(f".{suffix}")


def following(table: str, head: Head, row: tuple[Any, ...]) -> Head:
    """The head of a table's chain after one row more."""
    return Head(head.id + 1, link(head.hash, table, head.id + 1, *row))


def given_up(db: sqlite3.Connection, table: str) -> Head:
    """Where the rows of a table begin: the last one that gave way."""
    row = db.execute("SELECT id, hash FROM given_up WHERE chain = ?", (table,)).fetchone()
    return Head(*row) if row else NOTHING


def head(db: sqlite3.Connection, table: str) -> Head:
    """The last entry of a table, be it given up already."""
    row = db.execute(f"SELECT id, hash FROM {table} ORDER BY id DESC LIMIT 1").fetchone()
    return Head(*row) if row else given_up(db, table)


def heads_text(heads: Mapping[str, Head]) -> str:
    """Heads as a row of `run` holds them."""
    return json.dumps({table: [heads[table].id, heads[table].hash.hex()] for table in CONTENTS}, separators=(",", ":"))


def heads_of(text: str) -> dict[str, Head]:
    """The heads of such a text.

    Raises:
        ValueError: it is none.
    """
    try:
        content = json.loads(text)
        return {table: Head(int(content[table][0]), bytes.fromhex(content[table][1])) for table in CONTENTS}
    except (TypeError, LookupError) as error:
        raise ValueError(f"no heads: {text[:80]!r}") from error
