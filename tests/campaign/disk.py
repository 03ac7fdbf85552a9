"""The real journal on a disk that the campaign owns: full, read-only, slow, torn by a power cut.

The journal's writer has no thread here: it takes its turns when virtual time says so, so that a run is the same each
time. Everything else (files, chains, intents, patience with a disk that refuses) is the journal's own.
"""

import asyncio
import errno
from pathlib import Path
from random import Random
from typing import Any

from pcs.io import journal_file
from pcs.io.journal_file import JournalFile, StepBlob
from pcs.io.journal_sqlite import TICK_S, SqliteJournal
from pcs.model.event import Event
from pcs.ports import Clock

SLOW_S = 7.0
"""A slow disk lets the writer have a turn this often."""
_ERRORS = {"full": errno.ENOSPC, "read_only": errno.EROFS}


class Disk:
    """A folder, and how its disk behaves now: "" well, "full", "read_only" or "slow"."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.state = folder, ""
        self._random = Random(f"{seed}:disk")

    def open_file(self, directory: Path, *, max_bytes: int) -> tuple[JournalFile, str]:
        """As `pcs.io.journal_file.open_file`, on this disk."""
        self.refuse()
        file, notice = journal_file.open_file(directory, max_bytes=max_bytes)
        file.__class__ = _OnDisk
        file.disk = self  # type: ignore[attr-defined]
        return file, notice

    def refuse(self) -> None:
        """Raise what a disk in this state raises.

        Raises:
            OSError: it takes nothing.
        """
        if self.state in _ERRORS:
            raise OSError(_ERRORS[self.state], "refused by the campaign")

    def tear(self) -> None:
        """A power cut: the newest segment of each kind loses its tail, as far as it was not synced."""
        for suffix in ("steps", "events"):
            segments = sorted(self.folder.glob(f"*{suffix}/*.log"))
            if segments:
                size = segments[-1].stat().st_size
                with segments[-1].open("r+b") as file:
                    file.truncate(max(0, size - self._random.randint(1, 200)))


class _OnDisk(JournalFile):
    """A journal file that the disk may refuse."""

    disk: Disk

    def add_events(self, events: Any) -> None:
        self.disk.refuse()
        super().add_events(events)

    def add_steps(self, blob: StepBlob) -> None:
        self.disk.refuse()
        super().add_steps(blob)


class TurnJournal(SqliteJournal):
    """The journal with its writer on the loop's time."""

    def __init__(self, disk: Disk, clock: Clock) -> None:
        self._disk = disk
        super().__init__(disk.folder, clock, open_file=disk.open_file)
        self._thread.join()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def _run(self) -> None:
        """No thread."""

    def _tick(self) -> None:
        self._go(everything=False)
        self._timer = self._loop.call_later(SLOW_S if self._disk.state == "slow" else TICK_S, self._tick)

    def _go(self, *, everything: bool) -> None:
        if self._lock:
            self._sync_intents(always=everything)
        self._turn(write_all=everything)

    def event(self, event: Event) -> None:
        super().event(event)
        if self._disk.state != "slow":
            self._go(everything=False)

    def close(self) -> None:
        """End in good order."""
        self._timer.cancel()
        self._go(everything=True)
        self._end()
        self._release()

    def cut(self) -> None:
        """End as kill -9 does: what is not with the kernel is lost."""
        self._timer.cancel()
        if self._file is not None:
            self._file.abandon()
            self._file = None
        self._intents.close()
        self._release()

    def _release(self) -> None:
        if self._lock:
            self._lock.release()
            self._lock = None
