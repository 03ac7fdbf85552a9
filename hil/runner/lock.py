"""One runner at a time: locks on a campaign's folder and on the rig's instruments, given back by the kernel on any end.

A rig is locked by its id and by each of its instruments, in a run-time folder that all users of the machine share. What
is simulated in the runner's own process is shared with nobody: such a rig is locked by the campaign's folder alone.
"""

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from hil.profile.rig_sheet import RigSheet
from hil.runner.play import utc_text

LOCK_FOLDERS = (Path("/run/lock"), Path(tempfile.gettempdir()))
FOLDER_VARIABLE = "OPENPCS_LOCK_DIR"
CAMPAIGN_LOCK = ".lock"
PATIENCE_S = 3.0  # workers of a runner that was killed end within a second; they hold its locks until then
LOOK_AGAIN_S = 0.05
HOLDER_BYTES = 4096


class LockedError(Exception):
    """Somebody else has it: who, since when, for which campaign."""


def lock_files(folder: Path, sheet: RigSheet, *, is_private: bool) -> list[Path]:
    """The files to lock for a campaign, in the order in which they are locked. `is_private`: a rig of our process."""
    files = [folder / CAMPAIGN_LOCK]
    if not is_private:
        names = {f"rig-{sheet.id}"}
        names |= {f"instrument-{_short(role.instrument)}" for role in sheet.roles.values() if role.instrument}
        files += [lock_folder() / f"openpcs-{name}.lock" for name in sorted(names)]
    return files


def lock_folder() -> Path:
    """Where locks of rigs lie: `OPENPCS_LOCK_DIR`, or the first of `LOCK_FOLDERS` that can be written."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    return next((path for path in LOCK_FOLDERS if path.is_dir() and os.access(path, os.W_OK)), LOCK_FOLDERS[-1])


class Locks:
    """Locks that are held; `fds` may be handed to child processes, which then hold them too."""

    def __init__(self, fds: Sequence[int]):
        self.fds = tuple(fds)

    def release(self) -> None:
        """Give them back."""
        for fd in self.fds:
            os.close(fd)
        self.fds = ()


def acquire(files: Sequence[Path], campaign: Path, patience_s: float = PATIENCE_S) -> Locks:
    """Lock every file, or none.

    Raises:
        LockedError: another runner has one of them.
        OSError: one of them cannot be made.
    """
    with ExitStack() as unless_all:
        held: list[int] = []
        for path in files:
            fd = _one(path, patience_s)
            unless_all.callback(os.close, fd)
            held.append(fd)
        for fd in held:
            _sign(fd, campaign)
        unless_all.pop_all()
    return Locks(held)


def _one(path: Path, patience_s: float) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    with suppress(OSError):
        os.fchmod(fd, 0o666)  # whatever the umask: the next user of the bench locks the same file
    until_s = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                holder = _holder(fd)
                os.close(fd)
                what = "this campaign" if path.name == CAMPAIGN_LOCK else f"the rig ({path.name})"
                raise LockedError(f"{what} is in use by {holder}; wait for it, or end that process") from None
            time.sleep(LOOK_AGAIN_S)
        except BaseException:
            os.close(fd)
            raise
        else:
            return fd


def _sign(fd: int, campaign: Path) -> None:
    """Write who holds the lock, for whoever comes next."""
    line = json.dumps({"pid": os.getpid(), "since_utc": utc_text(), "campaign": str(campaign.resolve())}).encode()
    os.ftruncate(fd, 0)
    os.pwrite(fd, line + b"\n", 0)


def _holder(fd: int) -> str:
    try:
        said = json.loads(os.pread(fd, HOLDER_BYTES, 0))
        return f"process {said['pid']} since {said['since_utc']} for the campaign {said['campaign']}"
    except (ValueError, KeyError, TypeError):
        return "a process that has not said who it is"


def _short(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).lower().encode()).hexdigest()[:16]
