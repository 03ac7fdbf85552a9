"""Intents outlive the process, whatever happens to it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pcs.io import intents
from pcs.io.intents import FILE_BYTES, FILE_NAMES, KEPT, LATE_S, IntentLog


def opened(directory: Path) -> IntentLog:
    log = IntentLog(directory)
    log.sync()
    return log


def reopened(directory: Path) -> IntentLog:
    """What a new process sees: nothing but the files."""
    return opened(directory)


def test_an_intent_is_explained_without_any_close_or_sync(tmp_path: Path) -> None:
    opened(tmp_path).intend("SN1", 4000.0, 0.0)
    log = reopened(tmp_path)
    assert log.explains("SN1", 4000.0, 1.0)
    assert log.explains("SN1", 0.0, 1.0), "the armed reversion value is ours too"
    assert log.explains("SN1", 4030.0, 30.0), "the device rounds"
    assert not log.explains("SN1", 4030.1, 30.0)
    assert not log.explains("SN2", 4000.0, 1.0), "another device"
    assert not log.explains("SN1", 2000.0, 1.0)
    assert not log.trouble()


def test_a_torn_last_line_is_ignored_and_nothing_else_is(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.intend("SN1", 1000.0, 0.0)
    log.intend("SN1", 2000.0, 0.0)
    for name in FILE_NAMES:
        path = tmp_path / name
        text = path.read_bytes()
        at = text.rfind(b"2000.0")
        if at > 0:
            path.write_bytes(text[: at + 2] + bytes(FILE_BYTES - at - 2))
    log = reopened(tmp_path)
    assert log.explains("SN1", 1000.0, 0.5)
    assert not log.explains("SN1", 2000.0, 0.5)
    assert not log.explains("SN1", 20.0, 0.5)


@pytest.mark.parametrize("damage", [b"", b"\xff" * 5000, b"garbage\n" * 100, b"00000000 \n" * 9, b"[" * 100_000])
def test_damaged_files_open_as_empty_and_work_again(tmp_path: Path, damage: bytes) -> None:
    for name in FILE_NAMES:
        (tmp_path / name).write_bytes(damage)
    log = opened(tmp_path)
    log.intend("SN1", 1000.0, 0.0)
    assert not log.trouble()
    assert reopened(tmp_path).explains("SN1", 1000.0, 0.5)


def test_the_last_intents_of_every_device_stay_however_many_the_others_have(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.intend("rarely", 7.0, 0.0)
    for n in range(30_000):
        log.intend(f"often{n % 3}", float(n), 0.0)
        if n % 50 == 0:
            log.sync()
    log = reopened(reopened(tmp_path)._directory)
    assert log.explains("rarely", 7.0, 0.1)
    for n in range(30_000 - 3 * KEPT, 30_000):
        assert log.explains(f"often{n % 3}", float(n), 0.1)
    assert not log.explains("often0", 0.0 + 3, 0.1), "bounded: old ones are forgotten"
    assert sum((tmp_path / name).stat().st_size for name in FILE_NAMES) == 2 * FILE_BYTES


def test_a_thousand_serials_stay_within_the_files(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for n in range(1000):
        for k in range(20):
            log.intend(f"\x07{n:063d}", float(k), 0.0)
        log.sync()
    assert not log.trouble()
    assert reopened(tmp_path).explains(f"\x07{999:063d}", 19.0, 0.1)
    assert sum((tmp_path / name).stat().st_size for name in FILE_NAMES) == 2 * FILE_BYTES


def test_intents_that_come_while_a_file_is_compacted_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(tmp_path)
    log.intend("SN1", 1.0, 0.0)
    real: Callable[[int], None] = os.fdatasync
    calls = iter(range(100))

    def slow_disk(fd: int) -> None:
        n = next(calls)
        log.intend("SN1", 100.0 + n, 0.0)
        seen = reopened_copy(tmp_path, n)
        assert seen.explains("SN1", 1.0, 0.1)
        assert seen.explains("SN1", 100.0 + n, 0.1)
        real(fd)

    def reopened_copy(directory: Path, n: int) -> IntentLog:
        copy = directory / f"copy{n}"
        copy.mkdir()
        for name in FILE_NAMES:
            (copy / name).write_bytes((directory / name).read_bytes())
        with monkeypatch.context() as m:
            m.setattr(intents.os, "fdatasync", real)
            return opened(copy)

    monkeypatch.setattr(intents.os, "fdatasync", slow_disk)
    log._offset = FILE_BYTES - 200
    log.sync()
    assert next(calls) >= 1, "the disk was slow while compacting"
    monkeypatch.undo()
    (tmp_path / FILE_NAMES[1 - log._active]).unlink()  # the next compaction may be torn: each file must stand alone
    seen = reopened(tmp_path)
    assert seen.explains("SN1", 1.0, 0.1)
    assert seen.explains("SN1", 100.0, 0.1)


def test_a_snapshot_that_was_torn_by_a_power_cut_costs_nothing_even_twice(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for n in range(100):
        log.intend("SN1", float(n), 0.0)
    for _ in range(2):
        active, spare = log._active, tmp_path / FILE_NAMES[1 - log._active]
        newest = log._kept["SN1"][-1].line()
        # only the page with the newest line of the next snapshot reached the disk
        spare.write_bytes(bytes(4096) + b"\n" + newest + bytes(FILE_BYTES - 4097 - len(newest)))
        log = reopened(tmp_path)
        assert log._active == 1 - active, "the torn file was the one to be overwritten, not the whole one"
        assert all(log.explains("SN1", float(n), 0.1) for n in range(100))


def test_a_directory_that_appears_late_is_taken_into_use_with_what_it_holds(tmp_path: Path) -> None:
    away, home = tmp_path / "away", tmp_path / "home"
    home.mkdir()
    opened(home).intend("SN1", 1000.0, 0.0)
    log = opened(away)
    log.intend("SN1", 2000.0, 0.0)
    assert "cannot be remembered" in log.trouble()
    assert log.explains("SN1", 2000.0, 0.1), "this run knows it"
    home.rename(away)
    log.sync()
    assert not log.trouble()
    assert reopened(away).explains("SN1", 1000.0, 0.1)
    assert reopened(away).explains("SN1", 2000.0, 0.1)


def test_the_same_limit_again_writes_nothing(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.intend("SN1", 1000.0, 0.0)
    before = log._offset
    log.intend("SN1", 1000.0, 0.0)
    assert log._offset == before
    log.intend("SN1", 1000.0, 5.0)
    assert log._offset > before


def test_intending_after_close_or_without_a_directory_does_not_raise(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    log = opened(tmp_path / "file" / "journal")
    log.intend("SN1", 1000.0, 0.0)
    log.sync()
    log.close()
    log.intend("SN1", 1001.0, 0.0)
    assert log.explains("SN1", 1001.0, 0.1)
    assert "cannot be remembered" in log.trouble()


def test_a_disk_that_takes_a_page_away_is_told_and_kills_nobody(tmp_path: Path) -> None:
    """What a write-protected or dying disk does to a mapped page is SIGBUS for whoever stores into it."""
    script = f"""
import os
from pathlib import Path
from pcs.io.intents import FILE_NAMES, IntentLog
log = IntentLog(Path({str(tmp_path)!r}))
log.sync()
for name in FILE_NAMES:
    os.truncate(Path({str(tmp_path)!r}) / name, 0)
log.intend("SN1", 4000.0, 0.0)
print(log.explains("SN1", 4000.0, 0.1), log.trouble())
"""
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert child.stdout.startswith("True limits sent to devices cannot be remembered")


def confirmed(log: IntentLog, limit_w: float, at_s: float) -> None:
    """A limit that is written and found on the device."""
    log.intend("SN1", limit_w, 0.0)
    log.confirm("SN1", limit_w, 0.0, at_s)


def test_what_was_intended_before_a_confirmed_limit_is_forgotten_in_a_while_and_after_a_restart(tmp_path: Path) -> None:
    log = opened(tmp_path)
    confirmed(log, 1000.0, 0.0)
    confirmed(log, 2000.0, 1.0)
    confirmed(log, 3000.0, 1.0 + LATE_S)
    assert not log.explains("SN1", 1000.0, 0.1)
    assert log.explains("SN1", 2000.0, 0.1), "it was there a moment ago, and may land once more"
    log.intend("SN1", 4000.0, 0.0)
    seen = reopened(tmp_path)
    assert [seen.explains("SN1", w, 0.1) for w in (1000.0, 2000.0, 3000.0, 4000.0)] == [False, True, True, True]


def test_a_limit_that_was_not_confirmed_ends_nothing_and_is_itself_kept(tmp_path: Path) -> None:
    log = opened(tmp_path)
    confirmed(log, 1000.0, 0.0)
    log.intend("SN1", 2000.0, 0.0)
    confirmed(log, 1000.0, 0.5)
    log.intend("SN1", 3000.0, 0.0)
    log.confirm("SN1", 5000.0, 0.0, 100.0)
    log.confirm("SN2", 3000.0, 0.0, 100.0)
    for seen in (log, reopened(tmp_path)):
        assert all(seen.explains("SN1", w, 0.1) for w in (1000.0, 2000.0, 3000.0))


def test_a_limit_that_is_only_said_again_has_the_restart_forget_too_and_costs_one_line(tmp_path: Path) -> None:
    log = opened(tmp_path)
    confirmed(log, 1000.0, 0.0)
    for n in range(20):
        confirmed(log, 2000.0, 1.0 + n * LATE_S / 3)
    written = log._offset
    for n in range(20, 40):
        confirmed(log, 2000.0, 1.0 + n * LATE_S / 3)
    assert log._offset == written, "nothing new is to be told"
    seen = reopened(tmp_path)
    assert seen.explains("SN1", 2000.0, 0.1)
    assert not seen.explains("SN1", 1000.0, 0.1)


def test_what_is_over_stays_over_when_the_files_change_places(tmp_path: Path) -> None:
    log = opened(tmp_path)
    confirmed(log, 1000.0, 0.0)
    confirmed(log, 2000.0, 1.0)
    confirmed(log, 3000.0, 1.0 + LATE_S)
    log.intend("SN1", 4000.0, 0.0)
    for _ in range(2):
        log._offset = FILE_BYTES - 100
        log.sync()
        seen = reopened(tmp_path)
        assert [seen.explains("SN1", w, 0.1) for w in (1000.0, 2000.0, 3000.0, 4000.0)] == [False, True, True, True]


def test_lines_of_an_older_program_are_read_and_forget_nothing(tmp_path: Path) -> None:
    rows = [(1, "SN1", 1000.0, 0.0), (2, "SN1", 2000.0, 0.0)]
    (tmp_path / FILE_NAMES[0]).write_bytes(b"".join(intents._line(row) for row in rows))
    log = reopened(tmp_path)
    assert log.explains("SN1", 1000.0, 0.1)
    assert log.explains("SN1", 2000.0, 0.1)
