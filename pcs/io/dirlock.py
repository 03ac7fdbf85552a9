"""One controller for each journal directory: a lock that dies with its process."""

import errno
import fcntl
import os
from pathlib import Path

LOCK_NAME = "journal.lock"


class JournalInUseError(Exception):
    """Another controller keeps its journal in this directory. `pid` is its process, 0 if it has not said."""

    def __init__(self, directory: Path, pid: int) -> None:
        self.pid = pid
        by = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{directory} is the journal of a controller that runs as {by}; "
            "stop that one first, or give this site a journal directory of its own"
        )


class DirectoryLock:
    """An `flock` on a file in the directory. The kernel drops it when the process ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        """Take the lock.

        Raises:
            JournalInUseError: somebody else holds it.
            OSError: there is no such directory, or it cannot be written.
        """
        self._fd = _open(directory / LOCK_NAME)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = _read_pid(self._fd)
            os.close(self._fd)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise JournalInUseError(directory, pid) from None
            raise
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass  # the pid is a courtesy to whoever is refused; the lock holds without it

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


def _read_pid(fd: int) -> int:
    digits = os.pread(fd, 20, 0).strip()
    return int(digits) if digits.isdigit() else 0
