"""One controller and one supervisor for each journal directory: locks that die with their process."""

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path

LOCK_NAME = "journal.lock"
SUPERVISOR_LOCK_NAME = "supervisor.lock"


class JournalInUseError(Exception):
    """Another program has this directory. `pid` is its process (0: not said), `since` when it began, as text."""

    def __init__(self, directory: Path, pid: int, since: str = "", who: str = "controller") -> None:
        self.pid, self.since = pid, since
        by = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{directory} is the journal of a {who} that runs as {by}{' since ' + since if since else ''}; "
            "stop that one first, or give this site a journal directory of its own"
        )


class DirectoryLock:
    """An `flock` on a file in the directory. The kernel drops it when the process ends, however it ends."""

    def __init__(self, directory: Path, name: str = LOCK_NAME, who: str = "controller") -> None:
        """Take the lock.

        Raises:
            JournalInUseError: somebody else holds it.
            OSError: there is no such directory, or it cannot be written.
        """
        self._fd = _open(directory / name)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid, since = _read(self._fd)
            os.close(self._fd)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise JournalInUseError(directory, pid, since, who) from None
            raise
        with contextlib.suppress(OSError):  # a courtesy to whoever is refused; the lock holds without it
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n{time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime())}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in. The file stays: removing it would let two processes lock two files of one name."""
        os.close(self._fd)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.ENOSPC):
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a read-only file can be locked too


def _read(fd: int) -> tuple[int, str]:
    """Process and beginning, as far as the file says them."""
    pid, _, since = os.pread(fd, 60, 0).decode("ascii", "replace").partition("\n")
    return (int(pid) if pid.isdigit() else 0), since.partition("\n")[0].strip()


def holder(directory: Path, name: str) -> int | None:
    """The process that holds a lock now; 0: somebody who has not said; None: nobody."""
    try:
        fd = os.open(directory / name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(fd)[0]
    else:
        return None
    finally:
        os.close(fd)
