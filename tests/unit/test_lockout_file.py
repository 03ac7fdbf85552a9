"""What survives of lock-outs on the disk: two copies, each whole or known to be damaged; never looser than before."""

import errno
import os
from pathlib import Path

import pytest

from pcs.codec.lockout import decode_lockout, encode_lockout
from pcs.core import lockout
from pcs.io.lockout_file import FILE_NAMES, LockoutFile
from pcs.model.lockout import (
    NOTHING_YET,
    ExcursionRule,
    Lockout,
    LockoutAction,
    LockoutRecord,
    LockoutRules,
    Mark,
    ResetRules,
    UnderWay,
    Who,
)

LOCKED = LockoutRecord(
    clock_s=1234.5,
    marks=(Mark(rule_id="day", at_s=1000.25),),
    locked=Lockout(renewed_s=1200.0, since_utc_s=1.78e9, action=LockoutAction.ZERO, why="L1 — 60 s"),
    begun_s=(10.0, 1200.0),
    under_way=(UnderWay(line="export limit 0 W at poi", beyond_pct=2.0, lasted_s=7.5),),
)


def keep(folder: Path, *records: LockoutRecord) -> None:
    memory = LockoutFile(folder)
    memory.load()
    for record in records:
        memory.save(record)
    memory.close()
    assert memory.trouble() == ""


def spoil(path: Path, at: int = 40) -> None:
    text = bytearray(path.read_bytes())
    text[at] ^= 1
    path.write_bytes(bytes(text))


def test_what_was_saved_is_what_is_found(tmp_path: Path) -> None:
    """G100-I2-NV."""
    keep(tmp_path, NOTHING_YET, LOCKED)
    assert LockoutFile(tmp_path).load() == LOCKED


def test_a_site_that_was_never_started_has_nothing_to_remember(tmp_path: Path) -> None:
    assert LockoutFile(tmp_path / "missing").load() == NOTHING_YET


def test_a_shorter_record_over_a_longer_one_is_read_whole(tmp_path: Path) -> None:
    keep(tmp_path, LOCKED)
    keep(tmp_path, NOTHING_YET)
    assert LockoutFile(tmp_path).load() == NOTHING_YET


@pytest.mark.parametrize("name", FILE_NAMES)
def test_of_a_spoilt_copy_the_other_counts_as_of_an_end_without_order(tmp_path: Path, name: str) -> None:
    keep(tmp_path, LOCKED)
    spoil(tmp_path / name)
    found = LockoutFile(tmp_path).load()
    assert found.locked == LOCKED.locked
    assert not found.orderly


def test_a_power_cut_between_the_two_copies_is_seen(tmp_path: Path) -> None:
    keep(tmp_path, NOTHING_YET)
    (tmp_path / FILE_NAMES[0]).write_bytes(encode_lockout(LOCKED, 99))
    found = LockoutFile(tmp_path).load()
    assert found.locked == LOCKED.locked
    assert not found.orderly


@pytest.mark.parametrize("cut", range(1, len(encode_lockout(LOCKED, 1)), 37))
def test_two_half_written_copies_lock_out_until_the_installer_has_looked(tmp_path: Path, cut: int) -> None:
    for name in FILE_NAMES:
        (tmp_path / name).write_bytes(encode_lockout(LOCKED, 1)[:cut])
    found = LockoutFile(tmp_path).load()
    assert found.locked is not None
    assert "damaged" in found.locked.why
    rules = LockoutRules(
        preset="test",
        rules=(ExcursionRule(id="any", lasting_s=1.0),),
        reset=ResetRules(user_after_s=0.0, user_fewer_than=3, user_window_s=1e9),
    )
    state = lockout.resumed(found, rules, (), 0.0, 0.0)
    assert not lockout.may_reset(state, rules, Who.USER).allowed
    assert lockout.may_reset(state, rules, Who.INSTALLER).allowed


def test_every_single_flipped_bit_is_noticed() -> None:
    line = encode_lockout(LOCKED, 7)
    assert decode_lockout(line) == (7, LOCKED)
    for at in range(len(line) - 1):
        for bit in range(8):
            flipped = bytearray(line)
            flipped[at] ^= 1 << bit
            try:
                found = decode_lockout(bytes(flipped))
            except ValueError:
                continue
            assert found == (7, LOCKED), f"bit {bit} of byte {at}"


def test_a_full_disk_is_told_and_what_has_its_blocks_is_still_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, NOTHING_YET)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    keep(tmp_path, LOCKED)
    assert LockoutFile(tmp_path).load() == LOCKED
    memory = LockoutFile(tmp_path / "gone")
    memory.save(LOCKED)
    memory.close()
    assert "cannot be remembered" in memory.trouble()


def test_a_file_that_nobody_may_read_counts_as_damaged(tmp_path: Path) -> None:
    for name in FILE_NAMES:
        (tmp_path / name).mkdir()
    assert LockoutFile(tmp_path).load().locked is not None
