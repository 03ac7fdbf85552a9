"""The append-only files of a journal stand up to what ends in the middle of them."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pcs.io import journal_segments
from pcs.io.journal_read import connect, read_steps
from pcs.io.journal_schema import NOTHING, Head
from pcs.io.journal_segments import Segments, encode_entry, scan, segment_paths
from pcs.io.journal_sqlite import SqliteJournal
from pcs.io.journal_verify import verify
from tests.unit.journal_kit import HandClock, event, line, noisy


def opened(folder: Path, segment_bytes: int = 1000, given_up: Head = NOTHING) -> Segments:
    return Segments(folder, segment_bytes=segment_bytes, given_up={"event": given_up})


def row(n: int) -> tuple[object, ...]:
    return (1, n, 1.7e9 + n, "fault raised", "poi", b"line %d" % n)


def ids(folder: Path) -> list[int]:
    found: list[int] = []
    for path in segment_paths(folder):
        with path.open("rb") as file:
            found += [entry.id for entry in scan(file).entries]
    return found


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"0", b"01234567 [", "half"])
def test_what_is_unfinished_at_the_end_is_cut_off_and_the_chain_goes_on(tmp_path: Path, tail: bytes | str) -> None:
    segments = opened(tmp_path / "e")
    segments.append("event", [row(1), row(2)])
    segments.close()
    (path,) = segment_paths(tmp_path / "e")
    whole = path.read_bytes()
    path.write_bytes(whole + (whole[: len(whole) // 2 - 3] if isinstance(tail, str) else tail))
    segments = opened(tmp_path / "e")
    assert segments.heads["event"].id == 2
    assert segments.damaged == ()
    segments.append("event", [row(3)])
    assert ids(tmp_path / "e") == [1, 2, 3]


def test_a_damaged_file_stays_as_it_is_and_a_new_one_is_begun(tmp_path: Path) -> None:
    clock = HandClock()
    journal = SqliteJournal(tmp_path, clock)
    for n in range(3):
        journal.event(event(n, clock))
        journal.flush()
    journal.close()
    path = tmp_path / "journal.events" / "00000001.log"
    whole = path.read_bytes()
    damaged = whole[:10] + b"\xff" + whole[11:]
    path.write_bytes(damaged)
    journal = SqliteJournal(tmp_path, clock)
    assert "journal.events/00000001.log is damaged" in journal.trouble()
    journal.event(event(9, clock))
    journal.close()
    assert path.read_bytes() == damaged
    found = verify(tmp_path / "journal.sqlite")
    assert "journal.events/00000001.log is damaged behind byte 0" in found.problems
    assert found.events == 2, "the new event, and the note about the damage"


def test_an_entry_that_a_stranger_put_in_is_told_and_does_not_keep_the_journal_from_opening(tmp_path: Path) -> None:
    SqliteJournal(tmp_path, HandClock()).close()
    for table, number in (("strange", 1), ("event", 1 << 70)):
        path = tmp_path / "journal.events" / "00000001.log"
        path.write_bytes(encode_entry(table, Head(number, bytes(32)), row(1)))
        journal = SqliteJournal(tmp_path, HandClock())
        journal.event(event(1, HandClock()))
        journal.close()
        assert "journal.events/00000001.log" in verify(tmp_path / "journal.sqlite").first_bad


def test_a_write_that_fails_halfway_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = opened(tmp_path / "e")
    segments.append("event", [row(1)])
    (path,) = segment_paths(tmp_path / "e")
    whole, real = path.read_bytes(), os.pwrite

    def halfway(fd: int, data: bytes, at: int) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return real(fd, data[: len(data) // 2], at)

    with monkeypatch.context() as patch:
        patch.setattr(journal_segments.os, "pwrite", halfway)
        with pytest.raises(OSError, match="No space"):
            segments.append("event", [row(2)])
    assert path.read_bytes() == whole
    segments.append("event", [row(2)])
    assert ids(tmp_path / "e") == [1, 2]


def test_a_file_that_was_given_up_but_not_deleted_is_deleted_at_the_next_start(tmp_path: Path) -> None:
    segments = opened(tmp_path / "e", segment_bytes=1)
    for n in range(1, 4):
        segments.append("event", [row(n)])
    gone = segments.oldest()["event"]
    segments.close()
    assert gone.id == 1
    segments = opened(tmp_path / "e", segment_bytes=1, given_up=gone)
    assert ids(tmp_path / "e") == [2, 3]
    segments.drop_oldest()
    segments.drop_oldest()
    segments.append("event", [row(4)])
    assert ids(tmp_path / "e") == [4]


def test_files_without_their_database_are_set_aside_and_not_taken_for_the_new_journals(tmp_path: Path) -> None:
    for _ in range(2):
        journal = SqliteJournal(tmp_path, HandClock())
        journal.step(line(0))
        journal.close()
        (tmp_path / "journal.sqlite").unlink()
    journal = SqliteJournal(tmp_path, HandClock())
    journal.step(line(1))
    journal.close()
    assert (tmp_path / "journal.steps.damaged").is_dir()
    found = verify(tmp_path / "journal.sqlite")
    assert (found.steps, found.problems) == (1, ())


@pytest.fixture
def growing(tmp_path: Path) -> tuple[SqliteJournal, Callable[[int], None]]:
    journal = SqliteJournal(tmp_path, HandClock(), max_bytes=300_000)

    def more(count: int) -> None:
        for n in range(count):
            journal.step(noisy(n))
            if n % 10 == 9:
                journal.flush()

    return journal, more


def test_a_reader_sees_the_journal_as_it_was_opened_though_its_oldest_part_gives_way(
    tmp_path: Path, growing: tuple[SqliteJournal, Callable[[int], None]]
) -> None:
    journal, more = growing
    more(50)
    with closing(connect(tmp_path / "journal.sqlite")) as db:
        more(1000)
        assert [n for _, n, _ in read_steps(db)] == list(range(1, 51))
    journal.close()
    assert not verify(tmp_path / "journal.sqlite").problems
