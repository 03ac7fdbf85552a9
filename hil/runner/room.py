"""Room on the disk: what a run will need, asked for before it begins and never found out inside it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from hil.profile.model import Case
from hil.profile.rig_sheet import RigSheet, RoleSheet
from hil.profile.words import Role
from hil.runner.script import span_s

SAMPLE_BYTES = 8  # a double; files are compressed, but noise is not
CONDUCTORS = 4  # total and three phases
UPDATE_S = {Role.POWER_METER: 0.02, Role.WAVEFORM: 1.0 / (256 * 60.0)}  # where the sheet says none: the finest we know
ROUNDING_FACTOR = 2.0  # a file is written beside its name before it replaces it, and CSV takes 17 characters
FOLDER_BYTES = 1_000_000  # case, marks, manifest, the journal's and the feed's lines
RESERVE_BYTES = 200_000_000  # left free for the report of what there is, and for everybody else on the machine

FreeBytes = Callable[[Path], int]


class NoRoomError(Exception):
    """Too little room for the next run: how much there is, how much it takes, and what to do."""


def free_bytes(folder: Path) -> int:
    """What is free where `folder` lies."""
    return shutil.disk_usage(folder).free


def needed_bytes(case: Case, sheet: RigSheet) -> int:
    """What one repeat of a case takes at most."""
    total = float(FOLDER_BYTES)
    for role, update_s in UPDATE_S.items():
        if role in sheet.roles:
            total += _numbers_count(case, sheet.roles[role], update_s) * SAMPLE_BYTES * ROUNDING_FACTOR
    return int(total)


def check_room(case: Case, sheet: RigSheet, folder: Path, free: FreeBytes = free_bytes, runs: int = 1) -> None:
    """See that the next run, and as many as are on their way beside it, will find room.

    Raises:
        NoRoomError: there is too little.
    """
    needed, there = needed_bytes(case, sheet) * runs + RESERVE_BYTES, free(folder)
    if there < needed:
        raise NoRoomError(
            f"{folder}: {there / 1e6:.0f} MB are free, {case.id} needs {needed / 1e6:.0f} MB "
            f"(with {RESERVE_BYTES / 1e6:.0f} MB in reserve); make room on that disk, then `hil resume` goes on with it"
        )


def _numbers_count(case: Case, sheet: RoleSheet, finest_s: float) -> float:
    """Numbers that one instrument records: its channels and the time beside them."""
    channels = sum(1 for channel in case.record.channels if channel in sheet.channels)
    conductors = CONDUCTORS if case.record.each_phase else 1
    update_s = sheet.update_s if sheet.update_s else finest_s
    return span_s(case) / update_s * (channels * conductors + 1) if channels else 0.0
