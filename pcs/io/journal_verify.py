"""Reads a whole journal once: is every entry what was written, is none missing, and what does it hold?"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pcs.codec import journal as codec
from pcs.codec.values import Table
from pcs.io.journal_read import connect, decode_blob, padded, pages_bytes, read_runs, rows, unpacked
from pcs.io.journal_schema import COLUMNS, CONTENTS, NOTHING, Head, following, given_up, head, heads_of

MAX_PROBLEMS = 20  # told; a damaged disk has thousands


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a journal holds. Missing steps or events inside a run are gaps; `problems` are damage, in words.

    `first_bad` is the earliest of them. `heads` are the last links of the chains: noted elsewhere, they show later
    whether a journal that is whole in itself was replaced by another.
    """

    file: str
    runs: int
    runs_not_closed: int
    steps: int
    events: int
    checkpoints: int
    step_gaps: int
    steps_missing: int
    events_missing: int
    first_bad: str
    problems: tuple[str, ...]
    heads: dict[str, str]


def verify(path: Path) -> Verification:
    """Read everything once, check it and count it.

    Raises:
        UnreadableError: it cannot be opened at all.
    """
    size, whole = path.stat().st_size, pages_bytes(path)
    if size < whole:
        with padded(path, whole) as copy:
            found = _verified(copy, path)
        cut = f"the file is cut off: {size} of {whole} bytes are there"
        return replace(found, first_bad=found.first_bad or cut, problems=(*found.problems, cut)[-MAX_PROBLEMS:])
    return _verified(path, path)


def _verified(path: Path, original: Path) -> Verification:
    with closing(connect(path, original)) as db:
        check = _Check(db)
        for part in (check.runs, check.steps, check.checkpoints, check.events, check.files, check.cuts, check.pages):
            try:
                part()
            except sqlite3.Error as error:
                check.problem(check.reached_utc_s, f"behind {check.reached} the file cannot be read: {error}")
        return check.found(original.name)


def unreadable(name: str, why: str) -> Verification:
    """What is known of a file that cannot be opened: nothing but why."""
    counts = {field.name: 0 for field in fields(Verification) if field.type is int}
    return Verification(file=name, first_bad=why, problems=(why,), heads={}, **counts)


class _Check:
    """One verification under way."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.reached, self.reached_utc_s = "the beginning", 0.0
        self._count = dict.fromkeys(("runs", "not_closed", "steps", "events", "checkpoints"), 0)
        self._gaps = self._steps_missing = self._events_missing = 0
        self._problems: list[tuple[float, str]] = []
        self._heads: dict[str, Head] = {}
        self._tables: dict[int, Table] = {}

    def problem(self, utc_s: float, text: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append((utc_s, text))

    def found(self, name: str) -> Verification:
        problems = [text for _, text in sorted(self._problems, key=lambda p: p[0])]
        return Verification(
            file=name,
            runs=self._count["runs"],
            runs_not_closed=self._count["not_closed"],
            steps=self._count["steps"],
            events=self._count["events"],
            checkpoints=self._count["checkpoints"],
            step_gaps=self._gaps,
            steps_missing=self._steps_missing,
            events_missing=self._events_missing,
            first_bad=problems[0] if problems else "",
            problems=tuple(problems),
            heads={table: f"{at.id}:{at.hash.hex()}" for table, at in self._heads.items()},
        )

    def runs(self) -> None:
        for row in self._chained("run", lambda row: f"run entry {row[0]} (opened"):
            self._count["runs"] += 1
            self.reached_utc_s = row[1]
        self._count["not_closed"] = self._db.execute("SELECT count(*) - count(closed_utc_s) FROM run").fetchone()[0]
        try:
            self._tables = {run.id: run.origin.table for run in read_runs(self._db)}
        except codec.BadLineError as error:
            self.problem(self.reached_utc_s, str(error))

    def steps(self) -> None:
        expected: tuple[int, int] | None = None
        for _, run, first, count, utc_s, _, data in self._chained("steps", _steps_name, utc=4):
            if not isinstance(first, int) or not isinstance(count, int):
                continue  # told already: it does not fit its chain
            if expected and expected[0] == run and expected[1] != first:
                self._gaps += 1
                self._steps_missing += first - expected[1]
            expected = (run, first + count)
            try:
                self._count["steps"] += len(decode_blob(count, data, self._tables.get(run)))
            except (codec.BadLineError, codec.UnknownVersionError) as error:
                self.problem(utc_s, f"{self.reached}: {error}")

    def checkpoints(self) -> None:
        for _, _, _, utc_s, data in self._chained("checkpoint", _checkpoint_name, utc=3):
            try:
                unpacked(data)
                self._count["checkpoints"] += 1
            except codec.BadLineError as error:
                self.problem(utc_s, f"{self.reached}: {error}")

    def events(self) -> None:
        expected: tuple[int, int] | None = None
        for _, run, number, utc_s, _, _, line in self._chained("event", _event_name, utc=3):
            if not isinstance(number, int):
                continue
            if expected and expected[0] == run:
                self._events_missing += number - expected[1]
            expected = (run, number + 1)
            try:
                codec.decode_event(line, self._tables.get(run))
                self._count["events"] += 1
            except codec.BadLineError as error:
                self.problem(utc_s, f"{self.reached}: {error}")

    def files(self) -> None:
        """What of the append-only files is no entry."""
        for utc_s, text in self._db.execute("SELECT utc_s, text FROM trouble").fetchall():
            self.problem(utc_s, text)

    def cuts(self) -> None:
        """Every run says what it found and what it left: who cuts off the end of a chain must forge that, too."""
        for run, opened_utc_s, closed_utc_s, found, left in rows(
            self._db,
            "SELECT id, id, opened_utc_s, closed_utc_s, found, left FROM run WHERE id > ? ORDER BY id LIMIT 64",
        ):
            for utc_s, text, what in ((opened_utc_s, found, "found"), (closed_utc_s, left, "left")):
                if text is not None:
                    self._check_heads(utc_s, text, f"run {run} {what}")

    def _check_heads(self, utc_s: float, text: str, who: str) -> None:
        try:
            noted = heads_of(text)
        except ValueError as error:
            self.problem(utc_s, f"{who}: {error}")
            return
        for table in CONTENTS:
            at = noted[table]
            if at.id <= given_up(self._db, table).id or at == NOTHING:
                continue
            row = self._db.execute(f"SELECT hash FROM {table} WHERE id = ?", (at.id,)).fetchone()
            last = self._heads.get(table, NOTHING).id
            if row is None and at.id > last:
                self.problem(utc_s, f"{table} entries {last + 1} to {at.id} are cut off: {who} {at.id} of them")
            elif row is not None and row[0] != at.hash:
                self.problem(utc_s, f"{table} entry {at.id} is not the one that {who}")

    def pages(self) -> None:
        for (text,) in self._db.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})").fetchall():
            if text != "ok":
                self.problem(float("inf"), f"SQLite: {text}")

    def _chained(self, table: str, name: Callable[[Any], str], utc: int = 1) -> Iterator[tuple[Any, ...]]:
        """The rows of a table, each checked against its chain."""
        before = given_up(self._db, table)
        self._heads[table] = before
        columns = ", ".join(("id", "id", *COLUMNS[table], "hash"))
        self.reached = f"the beginning of {table}"
        for *row, link in rows(self._db, f"SELECT {columns} FROM {table} WHERE id > ? ORDER BY id LIMIT 16", before.id):
            number, utc_s = row[0], row[utc]
            self.reached, self.reached_utc_s = f"{name(row)}{_at(utc_s)}", utc_s if isinstance(utc_s, float) else 0.0
            if number != before.id + 1:
                self.problem(self.reached_utc_s, f"before {self.reached} {number - before.id - 1} entries are missing")
            elif following(table, before, tuple(row[1:])) != Head(number, link):
                self.problem(self.reached_utc_s, f"{self.reached} was changed: it does not fit its chain")
            before = self._heads[table] = Head(number, link)
            yield tuple(row)
        last = head(self._db, table)
        if last.id != before.id:
            self.problem(self.reached_utc_s, f"{table}: entry {last.id} cannot be reached from entry {before.id}")


def _steps_name(row: Any) -> str:
    return f"steps entry {row[0]} (steps {row[2]} to {_sum(row[2], row[3])} of run {row[1]}"


def _sum(first: Any, count: Any) -> Any:
    return first + count - 1 if isinstance(first, int) and isinstance(count, int) else "?"


def _checkpoint_name(row: Any) -> str:
    return f"checkpoint entry {row[0]} (behind step {row[2]} of run {row[1]}"


def _event_name(row: Any) -> str:
    return f"event entry {row[0]} (event {row[2]} of run {row[1]}"


def _at(utc_s: Any) -> str:
    """When, as far as the entry says so."""
    try:
        return f", {datetime.fromtimestamp(utc_s, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    except (TypeError, ValueError, OverflowError, OSError):
        return ")"
