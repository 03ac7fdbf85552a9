"""The journal keeps what it was given, gives way in the right order, and never gets in the way of control."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from pcs.codec import journal as codec
from pcs.io import journal_file, journal_sqlite
from pcs.io.dirlock import JournalInUseError
from pcs.io.journal_file import JournalFile
from pcs.io.journal_read import UnreadableError, connect, read_events, read_steps
from pcs.io.journal_segments import Segments
from pcs.io.journal_sqlite import SqliteJournal
from pcs.io.journal_verify import verify
from pcs.model.command import LimitActivePower
from pcs.model.event import Event, EventKind
from tests.unit.journal_kit import HandClock, contents, event, line, noisy


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def open_journal(clock: HandClock) -> Iterator[Callable[..., SqliteJournal]]:
    opened: list[SqliteJournal] = []

    def make(directory: Path, **more: object) -> SqliteJournal:
        opened.append(SqliteJournal(directory, clock, **more))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for journal in opened:
        journal.close()


def size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file() and "intents" not in path.name)


def test_steps_and_events_are_read_back_as_they_were_given(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    journal = open_journal(tmp_path)
    for n in range(1300):
        journal.step(line(n))
    journal.event(event(1, clock))
    journal.close()
    with closing(connect(tmp_path / "journal.sqlite")) as db:
        assert [codec.encode(step) for _, _, step in read_steps(db)] == [line(n) for n in range(1300)]
        assert [e for _, _, e in read_events(db)] == [event(1, clock)]
    found = verify(tmp_path / "journal.sqlite")
    assert (found.steps, found.events, found.step_gaps, found.runs_not_closed) == (1300, 1, 0, 0)
    assert not found.problems


def test_an_event_takes_the_steps_before_it_along_at_once_and_steps_alone_wait(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    journal = open_journal(tmp_path)
    journal.step(line(0))
    assert contents(tmp_path) == ([], [])
    journal.event(event(1, clock))
    assert journal.flush()
    assert contents(tmp_path) == ([1], ["event 1"])
    journal.step(line(1))
    clock.mono_s += journal_sqlite.BATCH_S
    journal.flush()
    assert contents(tmp_path)[0] == [1, 2]


def test_a_second_controller_is_refused_by_the_number_of_the_first(
    tmp_path: Path, open_journal: Callable[..., SqliteJournal]
) -> None:
    open_journal(tmp_path)
    with pytest.raises(JournalInUseError, match=f"process {os.getpid()}") as refused:
        open_journal(tmp_path)
    assert refused.value.pid == os.getpid()


def test_the_directory_is_free_again_after_close(tmp_path: Path, open_journal: Callable[..., SqliteJournal]) -> None:
    open_journal(tmp_path).close()
    assert not open_journal(tmp_path).trouble()


def test_a_directory_that_cannot_be_made_is_trouble_and_not_an_error(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = open_journal(tmp_path / "file" / "journal")
    assert "control goes on" in journal.trouble()
    journal.step(line(0))
    journal.event(event(1, clock))
    journal.intend("SN1", LimitActivePower(der_id="a", limit_w=1.0, reversion_limit_w=0.0, urgent=True), clock.now())
    assert not journal.flush()
    assert journal.explains("SN1", 1.0, 0.1)

    (tmp_path / "file").unlink()
    clock.mono_s += journal_sqlite.LONGEST_RETRY_S
    assert journal.flush()
    assert journal.flush()
    assert journal.trouble() == ""
    steps, texts = contents(tmp_path / "file" / "journal")
    assert steps == [1], "steps that still fit in memory are not lost"
    assert "event 1" in texts
    assert any("written again" in text for text in texts)


def test_the_newest_schema_is_left_alone_and_the_journal_goes_on_beside_it(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    open_journal(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as db:
        db.execute("PRAGMA user_version = 7")
    before = (tmp_path / "journal.sqlite").read_bytes()
    journal = open_journal(tmp_path)
    assert "schema 7" in journal.trouble()
    assert "update openpcs" in journal.trouble()
    journal.event(event(1, clock))
    assert journal.flush()
    journal.close()
    assert (tmp_path / "journal.sqlite").read_bytes() == before
    assert verify(tmp_path / "journal-schema3.sqlite").events == 2, "the event, and the note about the schema"
    with pytest.raises(UnreadableError, match="schema 7"):
        verify(tmp_path / "journal.sqlite")


@pytest.mark.parametrize("spoil", ["garbage", "half", "pages"])
def test_a_damaged_file_is_kept_aside_and_a_fresh_one_begun(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal], spoil: str
) -> None:
    journal = open_journal(tmp_path)
    for n in range(300):
        journal.step(noisy(n))
    journal.close()
    path = tmp_path / "journal.sqlite"
    whole = path.read_bytes()
    damaged = {"garbage": b"\x5a" * 8192, "half": whole[:5000], "pages": whole[:100] + b"\xff" * (len(whole) - 100)}[
        spoil
    ]
    path.write_bytes(damaged)
    journal = open_journal(tmp_path)
    assert "journal.sqlite.damaged" in journal.trouble()
    journal.event(event(1, clock))
    assert journal.flush()
    assert "event 1" in contents(tmp_path)[1]
    assert (tmp_path / "journal.sqlite.damaged").read_bytes() == damaged


def test_damage_that_shows_while_running_is_moved_aside_too(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    class Spoilt(JournalFile):
        def add_steps(self, blob: journal_file.StepBlob) -> None:
            if not (tmp_path / "journal.sqlite.damaged").exists():
                error = sqlite3.DatabaseError("database disk image is malformed")
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
            super().add_steps(blob)

    def open_spoilt(directory: Path, *, max_bytes: int) -> tuple[JournalFile, str]:
        return Spoilt(directory / "journal.sqlite", max_bytes=max_bytes), ""

    journal = open_journal(tmp_path, open_file=open_spoilt)
    journal.step(line(0))
    assert not journal.flush()
    clock.mono_s += journal_sqlite.LONGEST_RETRY_S
    journal.step(line(1))
    journal.flush()
    assert "journal.sqlite.damaged" in journal.trouble(), "told for the rest of the run"
    assert contents(tmp_path)[0] == [2]


def full_at(disk: dict[str, int]) -> Callable[..., tuple[JournalFile, str]]:
    """A disk with room for so many bytes of entries, which the test can change."""

    def append(self: Segments, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        used = sum(path.stat().st_size for path in self._folder.parent.glob("journal.*/*.log"))
        if used + sum(len(bytes(row[-1])) for row in rows) > disk["bytes"]:  # type: ignore[call-overload]
            raise OSError(errno.ENOSPC, "No space left on device")
        Segments.append(self, table, rows)

    class Cramped(JournalFile):
        def __init__(self, path: Path, *, max_bytes: int) -> None:
            super().__init__(path, max_bytes=max_bytes)
            for folder in (self._steps, self._events):
                folder.append = partial(append, folder)  # type: ignore[method-assign]

    def open_cramped(directory: Path, *, max_bytes: int) -> tuple[JournalFile, str]:
        return Cramped(directory / "journal.sqlite", max_bytes=1_000_000), ""

    return open_cramped


def test_on_a_full_disk_old_steps_give_way_and_every_event_stays(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    journal = open_journal(tmp_path, open_file=full_at({"bytes": 160_000}))
    for n in range(400):
        journal.step(noisy(n))
        if n % 10 == 9:
            journal.event(event(n, clock))
            journal.flush()
    steps, texts = contents(tmp_path)
    assert [t for t in texts if t.startswith("event")] == [f"event {n}" for n in range(9, 400, 10)]
    assert steps, "the newest steps fit"
    assert steps[0] > 1, "the oldest ones gave way"
    assert steps[-1] == 400
    assert journal.trouble() == ""


def test_a_disk_without_any_room_is_told_and_events_wait_in_memory_until_there_is(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    disk = {"bytes": 4_000_000}
    journal = open_journal(tmp_path, open_file=full_at(disk))
    assert journal.flush()
    disk["bytes"] = 0
    long = Event(at=clock.now(), kind=EventKind.FAULT_RAISED, text="x" * 20_000)
    journal.event(long)
    for n in range(20):
        journal.step(noisy(n))
    assert not journal.flush()
    assert "no room for the journal" in journal.trouble()
    assert "free some space" in journal.trouble()

    disk["bytes"] = 4_000_000
    clock.mono_s += journal_sqlite.LONGEST_RETRY_S
    assert journal.flush()
    assert journal.flush()
    assert journal.trouble() == ""
    texts = contents(tmp_path)[1]
    assert long.text in texts
    assert any("no room" in text for text in texts), "the trouble itself is journaled afterwards"
    assert any("written again" in text for text in texts)


def test_the_size_stays_below_its_bound_while_steps_and_events_pour_in(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    bound = 8_000_000
    lines = [noisy(n) for n in range(200)]
    journal = open_journal(tmp_path, max_bytes=bound)
    for n in range(8000):
        journal.step(lines[n % 200])
        if n % 200 == 199:
            journal.event(event(n, clock))
            journal.flush()
            assert size(tmp_path) < bound
    steps, texts = contents(tmp_path)
    assert steps[0] > 1
    assert steps[-1] == 8000
    assert len(texts) == 40, "no event gave way while there were steps"
    long = "x" * 3000
    for n in range(4000):
        journal.event(replace(event(n, clock), text=f"{n} {long}"))
        if n % 100 == 0:
            journal.flush()
            assert size(tmp_path) < bound
    journal.flush()
    assert contents(tmp_path)[1][-1].startswith("3999 "), "bounded even then: the oldest events went"
    assert journal.trouble() == ""


def test_a_queue_that_overflows_drops_steps_and_no_event(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(journal_sqlite, "MAX_WAITING_BYTES", 100 * len(line(50)))
    journal = open_journal(tmp_path / "file" / "journal")
    for n in range(1000):
        journal.step(line(n))
        if n % 2:
            journal.event(event(n, clock))
    (tmp_path / "file").unlink()
    clock.mono_s += journal_sqlite.LONGEST_RETRY_S
    assert journal.flush()
    journal.step(line(1000))
    assert journal.flush()
    steps, texts = contents(tmp_path / "file" / "journal")
    assert [t for t in texts if t.startswith("event")] == [f"event {n}" for n in range(1, 1000, 2)]
    assert 90 < len(steps) < 110
    found = verify(tmp_path / "file" / "journal" / "journal.sqlite")
    assert (found.step_gaps, found.steps_missing) == (1, 1001 - len(steps))
    assert any(f"{found.steps_missing} steps" in text for text in texts), "the loss is counted, by number"


def test_waiting_events_are_bounded_and_the_newest_stay(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = open_journal(tmp_path / "file" / "journal")
    for n in range(3 * journal_sqlite.MAX_WAITING_EVENTS):
        journal.event(event(n, clock))
        if n % 1000 == 0:
            journal.flush()
    assert len(journal._events) + len(journal._unsaved) <= 2 * journal_sqlite.MAX_WAITING_EVENTS
    (tmp_path / "file").unlink()
    clock.mono_s += journal_sqlite.LONGEST_RETRY_S
    journal.flush()
    journal.flush()
    texts = contents(tmp_path / "file" / "journal")[1]
    assert f"event {3 * journal_sqlite.MAX_WAITING_EVENTS - 1}" in texts
    assert any("lost since the start: 0 steps" in text for text in texts)


def test_an_oversized_line_is_refused_and_counted(tmp_path: Path, open_journal: Callable[..., SqliteJournal]) -> None:
    journal = open_journal(tmp_path)
    journal.step(b"[" * (journal_sqlite.MAX_LINE_BYTES + 1))
    journal.step(line(0))
    journal.flush()
    assert contents(tmp_path)[0] == [2]


def test_a_bug_in_the_writer_becomes_trouble_and_writing_is_tried_again(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    bugs = iter([RuntimeError("a bug")])

    class Buggy(JournalFile):
        def sync(self) -> None:
            for bug in bugs:
                raise bug

    def open_buggy(directory: Path, *, max_bytes: int) -> tuple[JournalFile, str]:
        return Buggy(directory / "journal.sqlite", max_bytes=max_bytes), ""

    journal = open_journal(tmp_path, open_file=open_buggy)
    journal.step(line(0))
    assert not journal.flush()
    assert "a bug" in journal.trouble()
    clock.mono_s += journal_sqlite.LONGEST_RETRY_S
    assert journal.flush()
    journal.event(event(1, clock))
    assert journal.flush()
    assert "event 1" in contents(tmp_path)[1]


def test_nothing_raises_after_close(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    journal = open_journal(tmp_path)
    journal.close()
    journal.step(line(0))
    journal.event(event(1, clock))
    journal.intend("SN1", LimitActivePower(der_id="a", limit_w=1.0, reversion_limit_w=0.0, urgent=True), clock.now())
    journal.close()
