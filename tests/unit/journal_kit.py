"""What the journal's tests put into it, and what they do to it."""

import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.io.journal_read import connect, journal_files, read_events, read_steps
from pcs.io.journal_schema import COLUMNS, CONTENTS, FOLDERS, Head, folder_of
from pcs.io.journal_segments import encode_entry, segment_paths
from pcs.model.event import Event, EventKind
from pcs.model.reading import MeterReading
from pcs.model.units import Instant


class HandClock:
    """Time moves when the test says so."""

    def __init__(self) -> None:
        self.mono_s = 100.0

    def now(self) -> Instant:
        return Instant(mono_s=self.mono_s, utc_s=1.7e9 + self.mono_s)


def event(n: int, clock: HandClock) -> Event:
    return Event(
        at=clock.now(), kind=EventKind.FAULT_RAISED, source_id="poi", text=f"event {n}", facts=(("n", float(n)),)
    )


def line(n: int) -> bytes:
    reading = MeterReading(
        meter_id="poi", import_w=float(n), words=bytes(range(80)), sent_s=n * 0.1, received_s=n * 0.1
    )
    return codec.encode(StepRecord(now=Instant(mono_s=n * 0.1, utc_s=1.7e9), inputs=(reading,)))


def noisy(n: int) -> bytes:
    """A line that zlib cannot make smaller by much."""
    words = b"".join(zlib.crc32(b"%d %d" % (n, k)).to_bytes(4, "big") for k in range(250))
    reading = MeterReading(meter_id="poi", import_w=float(n), words=words, sent_s=0.0, received_s=0.0)
    return codec.encode(StepRecord(now=Instant(mono_s=n * 0.1, utc_s=1.7e9), inputs=(reading,)))


def contents(directory: Path) -> tuple[list[int], list[str]]:
    """Step numbers and event texts, as anyone can read them while the controller runs."""
    steps: list[int] = []
    texts: list[str] = []
    for path in journal_files(directory):
        with closing(connect(path)) as db:
            steps += [number for _, number, _ in read_steps(db)]
            texts += [e.text for _, _, e in read_events(db)]
    return steps, texts


def tampered(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    """Change a journal as somebody would who knows its form, but not SHA-256: all its tables are tables of SQL here.

    What is written back has whole lines with right checksums; the entries of a folder stand in one file then.
    """
    with closing(sqlite3.connect(path)) as db:
        with closing(connect(path)) as kept:
            for table in CONTENTS:
                names = ("id", *COLUMNS[table], "hash")
                db.execute(f"CREATE TEMP TABLE {table} (id INTEGER PRIMARY KEY, {', '.join(names[1:])})")
                rows = kept.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()
                db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", rows)
        change(db)
        db.commit()
        for suffix, tables in FOLDERS.items():
            entries = [
                encode_entry(table, Head(number, link), (*fields, data if isinstance(data, bytes) else data.encode()))
                for table in tables
                for number, *fields, data, link in db.execute(f"SELECT * FROM {table} ORDER BY id")
            ]
            for old in segment_paths(folder_of(path, suffix)):
                old.unlink()
            (folder_of(path, suffix) / "00000001.log").write_bytes(b"".join(entries))
