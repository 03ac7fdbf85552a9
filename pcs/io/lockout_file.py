"""What survives of lock-outs: two copies of a small record beside the journal, each whole or known to be damaged.

Both files have their blocks from the beginning and are overwritten in place, one after the other, so that a full disk
keeps no lock-out from being remembered, and a power cut spoils one copy at most. If a copy is spoilt or older than the
other, something was being written: then the time that the other does not know of counts as if flow had been beyond the
limit. If both are spoilt, nobody knows what they held: the site is locked out until the installer has looked.
"""

import os
import threading
from pathlib import Path

from pcs.codec.lockout import decode_lockout, encode_lockout
from pcs.model.lockout import NOTHING_YET, Lockout, LockoutAction, LockoutRecord

FILE_NAMES = ("lockout-a.json", "lockout-b.json")
FILE_BYTES = 65_536  # 32 limits on 3 conductors with 3 thresholds each, all exceeded at once, are some 40 kB
BEGUN_UNKNOWN = 64
"""So many lock-outs are assumed of a record that cannot be read: no user may reset."""
RETRY_S = 5.0
CLOSE_WITHIN_S = 5.0


class LockoutFile:
    """`pcs.ports.LockoutMemory` in a directory whose lock is held. A thread of its own writes the newest record."""

    def __init__(self, directory: Path) -> None:
        self._paths = tuple(directory / name for name in FILE_NAMES)
        self._number = 0
        self._wanted: LockoutRecord | None = None
        self._why_not = ""
        self._closing = False
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def load(self) -> LockoutRecord:
        """What the last controller left; see the module for what is damaged."""
        copies = [_read(path) for path in self._paths]
        whole = [copy for copy in copies if isinstance(copy, tuple)]
        if not whole:
            return NOTHING_YET if all(copy is None for copy in copies) else _unknown(self._paths[0].parent)
        number, record = max(whole, key=lambda copy: copy[0])
        self._number = number
        if len(whole) == len(copies) and len({copy[0] for copy in whole}) == 1:
            return record
        return LockoutRecord(
            clock_s=record.clock_s,
            marks=record.marks,
            locked=record.locked,
            begun_s=record.begun_s,
            under_way=record.under_way,
            orderly=False,
        )

    def save(self, record: LockoutRecord) -> None:
        """Have the record written, soon; never blocks and never raises."""
        with self._change:
            self._wanted = record
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lockout", daemon=True)
                self._thread.start()
            self._change.notify()

    def trouble(self) -> str:
        """Why lock-outs cannot be remembered, in words; empty when all is well."""
        return f"lock-outs cannot be remembered in {self._paths[0].parent} ({self._why_not})" if self._why_not else ""

    def close(self) -> None:
        """Write out what waits, within a bound."""
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_WITHIN_S)

    def _run(self) -> None:
        while True:
            with self._change:
                while self._wanted is None and not self._closing:
                    self._change.wait()
                record, self._wanted = self._wanted, None
                if record is None:
                    return
            try:
                self._write(record)
                self._why_not = ""
            except OSError as error:
                self._why_not = error.strerror or str(error)
                with self._change:
                    self._wanted = self._wanted or record  # unless there is a newer one
                    if self._closing:
                        return
                    self._change.wait(RETRY_S)

    def _write(self, record: LockoutRecord) -> None:
        self._number += 1
        line = encode_lockout(record, self._number)
        for path in self._paths:
            _overwrite(path, line)


def _overwrite(path: Path, line: bytes) -> None:
    """The first line of the file, on the disk when this returns; what an older, longer line left behind is no matter.

    Raises:
        OSError: it is not, or not all, there.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.fstat(descriptor).st_size < FILE_BYTES:
            os.posix_fallocate(descriptor, 0, FILE_BYTES)
        os.pwrite(descriptor, line, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> tuple[int, LockoutRecord] | str | None:
    """Number and record; None: there is no such file, or nothing was ever written to it; words: it is damaged."""
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return error.strerror or str(error)
    try:
        return decode_lockout(text.partition(b"\n")[0]) if text.strip(b"\0") else None
    except ValueError as error:
        return str(error)


def _unknown(directory: Path) -> LockoutRecord:
    """The tightest that it may have been."""
    why = f"both copies of the memory of lock-outs in {directory} are damaged, so nobody knows what they held"
    locked = Lockout(renewed_s=0.0, since_utc_s=0.0, action=LockoutAction.TRIP, why=why)
    return LockoutRecord(locked=locked, begun_s=(0.0,) * BEGUN_UNKNOWN, orderly=False)
