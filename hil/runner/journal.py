"""The journal of a campaign, `journal.jsonl`: a line for each thing that happened, on the disk before the next begins.

Append-only. A process that is killed may leave a torn last line; that line is cut when the journal is opened again, and
what it would have said is not known to have happened.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

JOURNAL_SCHEMA = "hil.journal/1"
JOURNAL = "journal.jsonl"
MAX_BYTES = 512_000_000  # 150 000 runs of ten lines each; more is no journal of ours
START, RESUME, STOP, FINISH, RUN = "start", "resume", "stop", "finish", "run"


class BadJournalError(Exception):
    """A journal cannot be used: which line, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line. `kind`: start, resume, stop or finish of the campaign, or run: a run has entered `state`.

    `utc` is ISO 8601 with Z, `rig_s` the clock of the rig, `case` the hash, `id` the case's name. `end` and `reason` of
    a run that is done; `note`: of the campaign. At the start: `base`, the folder that names of files are relative to,
    `bench`, who makes the rig, and `jobs`.
    """

    utc: str
    kind: str = RUN
    state: str = ""
    rig_s: float | None = None
    case: str = ""
    id: str = ""
    repeat: int = 0
    attempt: int = 0
    end: str = ""
    reason: str = ""
    note: str = ""
    schema: str = ""
    base: str = ""
    bench: str = ""
    jobs: int = 0


KNOWN = {field.name for field in fields(Entry)}


def encode(entry: Entry) -> bytes:
    """A line with its end; what is empty is left out."""
    facts = {name: value for name, value in asdict(entry).items() if value not in ("", None, 0) or name == "rig_s"}
    if facts["rig_s"] is None:
        del facts["rig_s"]
    return json.dumps(facts, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(content: bytes) -> tuple[list[Entry], int]:
    """The entries of a journal, and how many bytes of it are whole: what is behind them is a torn last line.

    Raises:
        BadJournalError: a line before the last is none of ours.
    """
    entries: list[Entry] = []
    whole = 0
    lines = content.split(b"\n")
    for number, line in enumerate(lines[:-1], 1):
        entry = _entry(line)
        if entry is None and number == len(lines) - 1 and not lines[-1]:
            break
        if entry is None:
            raise BadJournalError(f"line {number} is damaged; lines are only ever added, so the file was changed")
        entries.append(entry)
        whole += len(line) + 1
    return entries, whole


def _entry(line: bytes) -> Entry | None:
    try:
        facts: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(facts, Mapping) or "utc" not in facts:
        return None
    try:
        return Entry(**{name: value for name, value in facts.items() if name in KNOWN})
    except TypeError:
        return None


def read_journal(folder: Path) -> list[Entry]:
    """The entries of a campaign's journal; a torn last line is left out, and left where it is.

    Raises:
        BadJournalError: it is not there, too large or damaged.
    """
    path = folder / JOURNAL
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadJournalError(f"{path} is larger than {MAX_BYTES} bytes: no journal of ours")
        entries, _ = decode(path.read_bytes())
    except FileNotFoundError:
        raise BadJournalError(f"{path} is not there: {folder} holds no campaign that was started") from None
    except BadJournalError as error:
        raise BadJournalError(f"{path}: {error}") from None
    return entries


class Journal:
    """The writer. One process has it at a time: the one that holds the campaign's lock."""

    def __init__(self, folder: Path):
        """Open for appending; a torn last line is cut.

        Raises:
            BadJournalError: what is there is damaged.
            OSError: it cannot be written.
        """
        path = folder / JOURNAL
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            with os.fdopen(os.dup(self._file), "rb") as file:
                content = file.read(MAX_BYTES + 1)
            self.entries, whole = decode(content)
            self.was_torn = whole < len(content)
            if self.was_torn:
                os.ftruncate(self._file, whole)
                os.fsync(self._file)
        except BaseException:
            os.close(self._file)
            raise
        _sync_folder(folder)

    def append(self, entry: Entry) -> None:
        """Add a line; it is on the disk when this returns.

        Raises:
            OSError: it could not be written whole.
        """
        line = encode(entry)
        if os.write(self._file, line) != len(line):
            raise OSError(28, "No space left for a line of the journal", JOURNAL)
        os.fsync(self._file)
        self.entries.append(entry)

    def close(self) -> None:
        """Nothing more is written."""
        os.close(self._file)


def last_ends(entries: Sequence[Entry]) -> dict[tuple[str, int], Entry]:
    """The last line of a run that is done, of each (case, repeat)."""
    return {(entry.case, entry.repeat): entry for entry in entries if entry.kind == RUN and entry.end}


def last_attempts(entries: Sequence[Entry]) -> dict[tuple[str, int], int]:
    """The greatest attempt of each (case, repeat) that was ever begun."""
    found: dict[tuple[str, int], int] = {}
    for entry in entries:
        if entry.kind == RUN:
            key = (entry.case, entry.repeat)
            found[key] = max(found.get(key, 0), entry.attempt)
    return found


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
