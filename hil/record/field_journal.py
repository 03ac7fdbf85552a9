"""Reads a controller's journal directory by itself, sharing no code with the controller: runs, steps, events.

`journal.sqlite` holds the runs, each with its origin: the site file, and the names of the fields that the rows of this
run have. Files of `journal.steps/` and `journal.events/` hold entries: a line `CRC32 [table, id, fields, size, hash]`
and `size` bytes of data behind it. Steps are lines of JSON, compressed with bz2, behind a header. A row led by a name
becomes a mapping of its fields with that name under `KIND`; what is unfinished at the end of a file is left out.
Whether the journal is whole is not looked at beyond the checksums: `pcs journal verify` says that.
"""

import bz2
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE_NAME = "journal.sqlite"
SCHEMA_VERSION = 3  # of the tables; see docs/journal.md
LINES_VERSION = 2  # of the form of a row
KIND = "kind of record"
MAX_BLOB_BYTES = 64 << 20  # unpacked; a blob of thirty seconds has some 200 kB
MAX_HEAD_BYTES = 1 << 16
Row = dict[str, Any]


class JournalError(Exception):
    """A journal that cannot be read: which file, what, and the next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRun:
    """One run of the controller. `files` are those it was started with, by name; `fields` those of each kind of row."""

    number: int
    opened_utc_s: float
    program: str
    files: Mapping[str, str]
    fields: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStep:
    """One step: what the controller heard and what it commanded. `utc_s - mono_s` turns times of rows into UTC."""

    run: int
    mono_s: float
    utc_s: float
    inputs: tuple[Row, ...]
    commands: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEvent:
    """One event. `kind` as events are called, `facts` by name."""

    run: int
    utc_s: float
    kind: str
    source_id: str
    text: str
    facts: Mapping[str, Any]


def read_runs(folder: Path) -> list[FieldRun]:
    """Every run of a journal, oldest first.

    Raises:
        JournalError: there is none, or of another version.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise JournalError(
            f"{folder}: there is no {FILE_NAME}; give the folder that the site file names as journal.dir"
        )
    try:
        rows = _query(path)
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {error}; `pcs journal verify {folder}` says more") from None
    runs = []
    for number, opened_utc_s, packed in rows:
        try:
            content = json.loads(_unpacked(packed))
            files = {str(one["name"]): str(one["text"]) for one in content["files"]}
            fields = {str(name): tuple(map(str, names)) for name, names in content["table"].items()}
            program = str(content["program"])
        except (ValueError, TypeError, LookupError, OSError):
            raise JournalError(f"{path}: run {number} is damaged; `pcs journal verify {folder}` says more") from None
        runs.append(FieldRun(number=number, opened_utc_s=opened_utc_s, program=program, files=files, fields=fields))
    return runs


def read_steps(folder: Path, runs: Sequence[FieldRun], from_utc_s: float, to_utc_s: float) -> Iterator[FieldStep]:
    """The steps of a stretch of time, in order.

    Raises:
        JournalError: an entry of that stretch is damaged.
    """
    by_number = {run.number: run for run in runs}
    for path in _segments(folder, "steps"):
        for table, fields, data in _entries(path):
            if table != "steps" or fields[0] not in by_number or fields[4] < from_utc_s or fields[3] > to_utc_s:
                continue
            run = by_number[fields[0]]
            for line in _lines(path, data):
                row = _value(line, run.fields)
                now = row["now"]
                if from_utc_s <= now["utc_s"] <= to_utc_s:
                    yield FieldStep(
                        run=run.number,
                        mono_s=now["mono_s"],
                        utc_s=now["utc_s"],
                        inputs=row["inputs"],
                        commands=row["commands"],
                    )


def read_events(folder: Path, runs: Sequence[FieldRun]) -> Iterator[FieldEvent]:
    """Every event, in order.

    Raises:
        JournalError: one is damaged.
    """
    by_number = {run.number: run for run in runs}
    for path in _segments(folder, "events"):
        for table, fields, data in _entries(path):
            if table != "event" or fields[0] not in by_number:
                continue
            row = _value(_parsed(path, data), by_number[fields[0]].fields)
            yield FieldEvent(
                run=fields[0],
                utc_s=fields[2],
                kind=fields[3],
                source_id=row["source_id"],
                text=row["text"],
                facts=dict(row["facts"]),
            )


def _query(path: Path) -> list[tuple[int, float, bytes]]:
    for mode in ("mode=ro", "mode=ro&immutable=1"):  # the second for a copy on a medium that cannot be written
        db = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=1.0)
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version != SCHEMA_VERSION:
                raise JournalError(f"{path}: schema {version}; this program reads schema {SCHEMA_VERSION}")
            return db.execute("SELECT id, opened_utc_s, origin FROM run ORDER BY id").fetchall()
        except sqlite3.OperationalError:
            if "immutable" in mode or Path(f"{path}-wal").exists():
                raise
        finally:
            db.close()
    return []


def _segments(folder: Path, suffix: str) -> list[Path]:
    paths = (folder / FILE_NAME).with_suffix(f".{suffix}").glob("*.log")
    return sorted((path for path in paths if path.stem.isdigit()), key=lambda path: int(path.stem))


def _entries(path: Path) -> Iterator[tuple[str, list[Any], bytes]]:
    """Table, fields and data of each whole entry of a file."""
    with path.open("rb") as file:
        while line := file.readline(MAX_HEAD_BYTES):
            if not line.endswith(b"\n") or not line.strip(b"\0\n"):
                return
            crc, _, text = line.rstrip(b"\n").partition(b" ")
            try:
                whole = int(crc, 16) == zlib.crc32(text)
                table, _, fields, size, _ = json.loads(text)
            except ValueError:
                whole = False
            if not whole:
                raise _damaged(path)
            data = file.read(size)
            if len(data) < size:
                return
            yield table, fields, data


def _lines(path: Path, data: bytes) -> Iterator[Any]:
    try:
        header, *lines = _unpacked(data).split(b"\n")
    except (OSError, ValueError):
        raise _damaged(path) from None
    version = _parsed(path, header).get("pcs.journal")
    if version != LINES_VERSION:
        raise JournalError(f"{path}: lines of version {version}; this program reads version {LINES_VERSION}")
    for line in lines:
        if line:
            yield _parsed(path, line)


def _unpacked(data: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, MAX_BLOB_BYTES)


def _parsed(path: Path, line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise _damaged(path) from None


def _value(row: Any, fields: Mapping[str, Sequence[str]]) -> Any:
    """A row as plain values: tuples, mappings, and a mapping of its fields for each record."""
    if not isinstance(row, list):
        return row
    tag, *parts = row
    match tag:
        case "t" | "l" | "f":
            return tuple(_value(part, fields) for part in parts)
        case "d":
            return {_value(key, fields): _value(value, fields) for key, value in parts}
        case "b":
            return bytes.fromhex(parts[0])
    names = fields.get(tag, ())
    if not names:  # an enum: its member's name
        return parts[0]
    return {KIND: tag} | {name: _value(part, fields) for name, part in zip(names, parts, strict=False)}


def _damaged(path: Path) -> JournalError:
    return JournalError(f"{path}: damaged; `pcs journal verify {path.parent.parent}` says where")
