"""What was changed, cut off or taken out of a journal is found, and the first bad entry is named."""

import os
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.codec.chain import ORIGIN, Field, link
from pcs.codec.origin import Origin, decode_origin, encode_origin, source_file
from pcs.io.journal_read import connect, read_runs
from pcs.io.journal_sqlite import SqliteJournal
from pcs.io.journal_verify import Verification, verify
from tests.unit.journal_kit import HandClock, event, line, noisy, tampered

FILE = "journal.sqlite"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Two runs of four step entries each, with an event and a checkpoint behind each entry."""
    clock = HandClock()
    for run in range(2):
        journal = SqliteJournal(tmp_path, clock, origin=Origin(program=f"1.{run}"))
        for entry in range(4):
            for n in range(10):
                clock.mono_s += 0.1
                journal.step(line(100 * run + 10 * entry + n))
            journal.checkpoint(b"[]")
            journal.event(event(entry, clock))
            journal.flush()
        journal.close()
    return tmp_path


def after(directory: Path, *sql: str) -> Verification:
    tampered(directory / FILE, lambda db: [db.execute(statement) for statement in sql])
    return verify(directory / FILE)


def test_a_whole_journal_has_no_first_bad_entry(directory: Path) -> None:
    found = verify(directory / FILE)
    assert (found.steps, found.events, found.checkpoints, found.runs) == (80, 8, 8, 2)
    assert found.first_bad == ""
    assert found.heads["steps"].startswith("8:")


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("UPDATE steps SET from_utc_s = from_utc_s + 1 WHERE id = 3", "steps entry 3 (steps 21 to 30 of run 1, 2023"),
        ("UPDATE steps SET data = (SELECT data FROM steps WHERE id = 4) WHERE id = 5", "steps entry 5 (steps 1 to 10"),
        ("UPDATE event SET line = replace(line, 'event 2', 'event 3') WHERE id = 3", "event entry 3 (event 3 of run 1"),
        ("UPDATE event SET kind = 'started' WHERE id = 7", "event entry 7 (event 3 of run 2"),
        ("UPDATE checkpoint SET step = 11 WHERE id = 1", "checkpoint entry 1 (behind step 11 of run 1"),
        ("UPDATE run SET origin = x'00' WHERE id = 2", "run entry 2"),
        ("DELETE FROM steps WHERE id = 2", "before steps entry 3"),
        ("DELETE FROM event WHERE id IN (4, 5)", "before event entry 6"),
        ("DELETE FROM steps WHERE id = 8", "steps entries 8 to 8 are cut off: run 2 left"),
        ("DELETE FROM event WHERE id > 5", "event entries 6 to 8 are cut off: run 2 left"),
        ("DELETE FROM steps WHERE id > 2 AND id < 5", "before steps entry 5"),
        ("DELETE FROM steps WHERE id < 3", "before steps entry 3"),
        ("UPDATE steps SET count = 'many' WHERE id = 6", "steps entry 6"),
        ("UPDATE given_up SET id = 2", ""),
    ],
)
def test_the_first_entry_that_was_changed_or_taken_out_is_named(directory: Path, sql: str, first: str) -> None:
    assert after(directory, sql).first_bad.startswith(first)


def test_of_several_bad_entries_the_earliest_comes_first(directory: Path) -> None:
    found = after(
        directory,
        "UPDATE steps SET count = 9 WHERE id = 6",
        "UPDATE event SET kind = 'stopped' WHERE id = 2",
        "UPDATE checkpoint SET data = x'00' WHERE id = 7",
    )
    assert found.first_bad.startswith("event entry 2")
    assert len(found.problems) >= 3


def test_a_cut_between_two_runs_shows_in_what_the_later_run_found(directory: Path) -> None:
    found = after(
        directory,
        "DELETE FROM steps WHERE id >= 4",
        "UPDATE run SET left = NULL, closed_utc_s = NULL",
    )
    assert found.first_bad == "steps entries 4 to 4 are cut off: run 2 found 4 of them"


@pytest.mark.parametrize("pages", [1, 2])
def test_a_file_that_was_cut_off_is_damaged_and_says_how_far_it_is_good(directory: Path, pages: int) -> None:
    path = directory / FILE
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4096 * pages)
    found = verify(path)
    assert found.first_bad


@given(data=st.data())
def test_no_single_byte_can_be_changed_unseen(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.getbasetemp() / "bytes"
    path = directory / FILE
    if not path.exists():
        directory.mkdir(exist_ok=True)
        clock = HandClock()
        journal = SqliteJournal(directory, clock)
        for n in range(100):
            journal.step(noisy(n))
            if n % 25 == 0:
                journal.event(event(n, clock))
                journal.flush()
        journal.close()
    with closing(connect(path)) as db:
        table, column = data.draw(st.sampled_from([("steps", "data"), ("event", "line"), ("steps", "hash")]))
        entry, content = data.draw(st.sampled_from(db.execute(f"SELECT id, {column} FROM {table}").fetchall()))
    at = data.draw(st.integers(0, len(content) - 1))
    other = content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :]
    for value, is_good in ((other, False), (content, True)):
        changed = (f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, entry))
        tampered(path, lambda db, changed=changed: db.execute(*changed))
        found = verify(path)
        assert (found.first_bad == "") == is_good
        assert is_good or f"{table} entry {entry} (" in found.first_bad


@pytest.mark.parametrize("folder", ["steps", "events"])
def test_no_byte_on_the_disk_can_be_changed_unseen_not_even_one_that_frames(directory: Path, folder: str) -> None:
    path = directory / f"journal.{folder}" / "00000001.log"
    whole = path.read_bytes()
    for at in range(0, len(whole), 31):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x15]) + whole[at + 1 :])
        assert verify(directory / FILE).first_bad, f"byte {at}"
    path.write_bytes(whole)
    assert not verify(directory / FILE).first_bad


@pytest.mark.parametrize("folder", ["steps", "events"])
def test_entries_that_are_cut_off_at_any_byte_are_missed(directory: Path, folder: str) -> None:
    path = directory / f"journal.{folder}" / "00000001.log"
    whole = path.read_bytes()
    for size in (0, 1, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert "cut off: run " in verify(directory / FILE).first_bad


def test_an_entry_that_is_there_twice_is_told(directory: Path) -> None:
    path = directory / "journal.steps" / "00000001.log"
    path.write_bytes(path.read_bytes() * 2)
    assert "is there twice" in verify(directory / FILE).first_bad


def test_a_file_that_was_taken_out_is_named_by_the_entries_that_are_missing(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path, HandClock(), max_bytes=600_000)
    for n in range(100):
        journal.step(noisy(n))
        if n % 10 == 9:
            journal.flush()
    journal.close()
    assert not verify(tmp_path / FILE).problems
    paths = sorted((tmp_path / "journal.steps").iterdir())
    assert len(paths) >= 3
    paths[1].unlink()
    assert "before steps entry" in verify(tmp_path / FILE).first_bad


def test_what_gave_way_for_want_of_room_is_no_damage(tmp_path: Path) -> None:
    clock = HandClock()
    journal = SqliteJournal(tmp_path, clock, max_bytes=600_000)
    for n in range(2000):
        journal.step(noisy(n))
        if n % 10 == 0:
            journal.checkpoint(os.urandom(500).hex().encode())
            journal.flush()
    journal.close()
    found = verify(tmp_path / FILE)
    assert found.problems == ()
    assert 0 < found.steps < 2000, "the oldest gave way"
    assert 0 < found.checkpoints < 200, "and what no kept step needs with them"
    assert after(tmp_path, "DELETE FROM steps WHERE id = (SELECT min(id) FROM steps)").first_bad.startswith(
        "before steps"
    )


def test_the_origin_of_a_run_comes_back_with_its_files(tmp_path: Path) -> None:
    text = "site: {name: Müller \udcff}\n".encode("utf-8", "surrogateescape")
    origin = Origin(program="0.3.0", files=(source_file("site.yaml", text),), table={"Fault": ["kind"]})
    assert decode_origin(encode_origin(origin)) == origin
    assert origin.files[0].is_whole()
    SqliteJournal(tmp_path, HandClock(), origin=origin).close()
    with closing(connect(tmp_path / FILE)) as db:
        (run,) = read_runs(db)
    assert run.origin == origin
    assert run.closed_utc_s is not None


fields = st.lists(st.none() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(), max_size=4)


@given(fields, fields)
def test_two_entries_have_one_link_only_if_they_are_the_same(one: list[Field], other: list[Field]) -> None:
    same = [(type(f), repr(f)) for f in one] == [(type(f), repr(f)) for f in other]
    assert (link(ORIGIN, *one) == link(ORIGIN, *other)) == same
    assert link(link(ORIGIN), *one) != link(ORIGIN, *one)
