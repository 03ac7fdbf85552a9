"""The controller's journal: files behind a bounded queue and one writer thread.

The control loop only appends to queues in memory; whatever the disk does, nothing here blocks it, raises into it or
delays a command. Steps wait to become one large write, for half a minute or until an event comes that somebody will
want to look into; an event is written at once, one of the daily routine together with steps. When the disk refuses,
steps are given up before events, trouble is told in words, and writing is tried again with growing patience. Intents
take another way (`intents`): they are in the page cache when `intend` returns.
"""

import errno
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pcs.codec.origin import Origin, encode_origin
from pcs.io.dirlock import DirectoryLock, JournalInUseError
from pcs.io.intents import IntentLog, parts_of
from pcs.io.journal_file import JournalFile, StepBlob, is_damage, is_full, move_aside, open_file
from pcs.model.command import LimitActivePower, charge_limit_of, foreign_of
from pcs.model.event import Event, EventKind
from pcs.model.units import Instant
from pcs.ports import Clock

logger = logging.getLogger(__name__)

DEFAULT_MAX_BYTES = 1_000_000_000  # at some 70 MB a day (10 Hz, 5 devices): two weeks of steps, and every event
BATCH_S = 30.0  # a write costs 1 page of 4 kB beyond its data, and 3 to 5 of the file system's log
TELLING_S = 10.0  # with many telling events, no more often than this
TICK_S = 1.0  # how often the writer looks by itself
INTENTS_S = BATCH_S + 5.0  # intents are brought to the disk before each batch of steps, and where none comes, so often
ROUTINE = frozenset({EventKind.RESPONSE_MEASURED, EventKind.EXCURSION_ENDED})
"""Events of an ordinary day; every other kind is written at once."""
EVENTS_S = BATCH_S  # so long routine events wait for company: each write of events costs 1 to 2 pages of 4 kB
TELLING = frozenset({EventKind.FAULT_RAISED, EventKind.JOURNAL_ALARM, EventKind.STOPPED})
"""Events that take the steps before them along: what led there must survive a power cut that follows."""
MAX_BLOB_LINES = 1024
MAX_BLOB_BYTES = 1 << 19  # before compression; bounds what is compressed and written at once
MAX_WAITING_BYTES = 8 << 20  # some 27 minutes of steps at 10 Hz, in a process that may use 60 MB
MAX_LINE_BYTES = 65_536  # a step with a reading of every device a site can have is a tenth of it
MAX_CHECKPOINT_BYTES = 1 << 20  # of 64 DERs with 64 remembered moments each; five DERs have 50 kB
MAX_WAITING_CHECKPOINTS = 16
MAX_WAITING_EVENTS = 4096
WAKE_AT_STEPS = MAX_BLOB_LINES
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0
CALM_S = 600.0  # after so long without an error the patience starts anew
CLOSE_WITHIN_S = 10.0  # a dead card must not keep the process from ending

NOBODY_W = -1.0
"""Kept as somebody else's limit where there is none any more: limits are magnitudes."""

OpenFile = Callable[..., tuple[JournalFile, str]]


@dataclass(frozen=True, slots=True)
class _Step:
    number: int
    at: Instant
    line: bytes


class SqliteJournal:
    """`pcs.ports.Journal` in a directory. All methods are for one thread, that of the event loop."""

    def __init__(
        self,
        directory: Path | str,
        clock: Clock,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        open_file: OpenFile = open_file,
        origin: Origin | None = None,
    ) -> None:
        """Open what can be opened; a directory that cannot be written is trouble, not an error.

        Raises:
            JournalInUseError: another controller keeps its journal here.
        """
        self._directory = Path(directory)
        self._clock = clock
        self._max_bytes = max_bytes
        self._open_file = open_file
        self._origin = encode_origin(origin or Origin())
        self._lock: DirectoryLock | None = None
        self._file: JournalFile | None = None
        self._steps: deque[_Step] = deque()
        self._checkpoints: deque[_Step] = deque(maxlen=MAX_WAITING_CHECKPOINTS)
        self._step_number = 0
        self._put_bytes = 0  # written by the caller only, as `_taken_bytes` by the writer only: no lock is needed
        self._taken_bytes = 0
        self._steps_refused = 0  # by the caller, for want of room in memory
        self._steps_given_up = 0  # by the writer, for want of a disk
        self._steps_lost_told = 0
        self._events: deque[tuple[int, Event]] = deque()
        self._event_numbers = count(1)
        self._unsaved: list[tuple[int, Event]] = []
        self._events_refused = 0
        self._events_given_up = 0
        self._failure = ""
        self._notice = ""
        self._retry_at_s = 0.0
        self._intents_s = self._written_s = float("-inf")
        self._telling = False
        self._retry_s = FIRST_RETRY_S
        self._failed_at_s = float("-inf")
        self._wake = threading.Event()
        self._barriers: deque[threading.Event] = deque()
        self._closing = False
        self._open_first()
        self._intents = IntentLog(self._directory)
        if self._lock:
            self._intents.sync()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    # --- the caller's side

    def intend(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        """Remember a command before it goes on the wire; it survives kill -9 from the moment this returns.

        What concerns the draw is kept under names of its own (`charge_limit_of`, `setpoint_of`), and so is what
        somebody else left (`foreign_of`): it must be known before a limit of ours repeats it.
        """
        self._keep_foreign(foreign_of(serial), command.foreign_w)
        self._keep_foreign(foreign_of(charge_limit_of(serial)), command.foreign_charge_w)
        for name, limit_w, reversion_limit_w in parts_of(serial, command):
            self._intents.intend(name, limit_w, reversion_limit_w)

    def confirm(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        """The device was found to hold this command: what was intended before it is forgotten in a while."""
        for name, limit_w, reversion_limit_w in parts_of(serial, command):
            self._intents.confirm(name, limit_w, reversion_limit_w, at.mono_s)

    def explains(self, serial: str, limit_w: float, tolerance_w: float) -> bool:
        """Whether a limit found on this device is one that we intended, as limit or as armed reversion value."""
        return self._intents.explains(serial, limit_w, tolerance_w)

    def _keep_foreign(self, name: str, foreign_w: float | None) -> None:
        if foreign_w is not None or self._intents.last_w(name) not in (None, NOBODY_W):
            kept_w = NOBODY_W if foreign_w is None else foreign_w
            self._intents.intend(name, kept_w, kept_w)

    def foreign(self, serial: str) -> tuple[float | None, float | None]:
        """What the last command kept to because somebody else had left it: limit, limit of draw (W; None: nothing)."""
        kept = (self._intents.last_w(foreign_of(name)) for name in (serial, charge_limit_of(serial)))
        limit_w, draw_w = (None if w is None or w < 0.0 else w for w in kept)
        return limit_w, draw_w

    def step(self, line: bytes) -> None:
        """Keep a line of `pcs.codec.journal`; lost, and counted, when too much is waiting."""
        self._step_number += 1
        if self._put_bytes - self._taken_bytes + len(line) > MAX_WAITING_BYTES or len(line) > MAX_LINE_BYTES:
            self._steps_refused += 1
            return
        self._put_bytes += len(line)
        self._steps.append(_Step(self._step_number, self._clock.now(), line))
        if len(self._steps) >= WAKE_AT_STEPS:
            self._wake.set()

    def checkpoint(self, line: bytes) -> None:
        """Keep the core's whole memory as it is after the last step; written with the next batch."""
        if len(line) <= MAX_CHECKPOINT_BYTES:
            self._checkpoints.append(_Step(self._step_number, self._clock.now(), line))

    def event(self, event: Event) -> None:
        """Keep an event and wake the writer for it; lost, and counted, when thousands are waiting."""
        if len(self._events) >= MAX_WAITING_EVENTS:
            self._events_refused += 1
            return
        self._events.append((next(self._event_numbers), event))
        self._wake.set()

    def trouble(self) -> str:
        """What is wrong, in words and with the next step; empty when all is well."""
        lost = self._steps_lost() - self._steps_lost_told
        backlog = f"the disk is too slow for the journal: {lost} steps lost, no events" if lost else ""
        return "; ".join(filter(None, (self._failure or backlog, self._notice, self._intents.trouble())))

    def flush(self, within_s: float = CLOSE_WITHIN_S) -> bool:
        """Wait until all that came before is on the disk. For tests and shutdown, not for the event loop."""
        done = threading.Event()
        self._barriers.append(done)
        self._wake.set()
        return done.wait(within_s) and not self._failure

    def close(self) -> None:
        """Write out what is waiting and close; gives up after `CLOSE_WITHIN_S`."""
        self._closing = True
        self._wake.set()
        self._thread.join(CLOSE_WITHIN_S)
        if self._thread.is_alive():
            return  # the lock goes with the process; to release it now would let in a second writer
        if self._lock:
            self._lock.release()
            self._lock = None

    def _steps_lost(self) -> int:
        return self._steps_refused + self._steps_given_up

    # --- the writer's side

    def _run(self) -> None:
        while True:
            self._wake.wait(TICK_S)
            self._wake.clear()
            closing, barriers = self._closing, [self._barriers.popleft() for _ in range(len(self._barriers))]
            try:
                if self._lock:
                    self._sync_intents(always=closing or bool(barriers))
                self._turn(write_all=closing or bool(barriers))
            except Exception as error:  # a bug in here must not end the journal, nor the control
                logger.exception("journal.bug")
                self._fail(error)
            for barrier in barriers:
                barrier.set()
            if closing:
                self._end()
                return

    def _sync_intents(self, *, always: bool) -> None:
        now_s = self._clock.now().mono_s
        with_steps = bool(self._steps) and self._is_due(now_s)  # one entry in the file system's log for both
        due = always or with_steps or now_s - self._intents_s >= INTENTS_S
        self._intents.sync(to_disk=due)
        if due:
            self._intents_s = now_s

    def _turn(self, *, write_all: bool) -> None:
        self._take_events()
        if self._file is None and self._clock.now().mono_s >= self._retry_at_s:
            self._open()
        if self._file is None:
            return
        try:
            self._write(self._file, write_all=write_all)
        except (sqlite3.Error, OSError) as error:
            self._fail(error)

    def _write(self, file: JournalFile, *, write_all: bool) -> None:
        now_s = self._clock.now().mono_s
        is_batch = bool(self._steps) and (write_all or self._is_due(now_s))
        is_news = bool(self._unsaved) and (write_all or is_batch or self._events_due(now_s))
        if is_news:
            file.add_events(self._unsaved)
            self._telling |= any(event.kind in TELLING for _, event in self._unsaved)
            self._unsaved = []
        if is_batch or (self._steps and self._is_due(now_s)):
            self._write_batch(file, now_s)
        if is_batch or is_news:
            file.sync()
        lost = self._steps_lost()
        if lost > self._steps_lost_told and not self._is_filling():
            self._note(f"the disk was too slow for the journal: {lost - self._steps_lost_told} steps lost")
            self._steps_lost_told = lost

    def _write_batch(self, file: JournalFile, now_s: float) -> None:
        self._telling, self._written_s = False, now_s
        last = self._steps[-1].number  # what comes while the disk works waits for the next large write
        while self._steps and self._steps[0].number <= last and (blob := self._take_blob()):
            try:
                file.add_steps(blob)
            except (sqlite3.Error, OSError):
                self._steps_given_up += len(blob.lines)
                raise
        while self._checkpoints:
            waiting = self._checkpoints.popleft()
            file.add_checkpoint(waiting.number, waiting.at.utc_s, waiting.line)

    def _events_due(self, now_s: float) -> bool:
        waited_s = now_s - min(event.at.mono_s for _, event in self._unsaved)
        return waited_s >= EVENTS_S or any(event.kind not in ROUTINE for _, event in self._unsaved)

    def _is_due(self, now_s: float) -> bool:
        old = now_s - self._steps[0].at.mono_s >= BATCH_S
        return old or self._is_filling() or (self._telling and now_s - self._written_s >= TELLING_S)

    def _is_filling(self) -> bool:
        return len(self._steps) >= WAKE_AT_STEPS

    def _take_events(self) -> None:
        while self._events:
            self._unsaved.append(self._events.popleft())
        surplus = len(self._unsaved) - MAX_WAITING_EVENTS
        if surplus > 0:
            del self._unsaved[:surplus]
            self._events_given_up += surplus

    def _take_blob(self) -> StepBlob | None:
        """The next consecutive steps, off the queue."""
        taken: list[_Step] = []
        size = 0
        while self._steps and len(taken) < MAX_BLOB_LINES and size < MAX_BLOB_BYTES:
            if taken and self._steps[0].number != taken[-1].number + 1:
                break  # steps were lost here; a blob has no holes
            taken.append(self._steps.popleft())
            size += len(taken[-1].line)
        if not taken:
            return None
        self._taken_bytes += size
        return StepBlob(
            first=taken[0].number,
            lines=tuple(step.line for step in taken),
            from_utc_s=taken[0].at.utc_s,
            to_utc_s=taken[-1].at.utc_s,
        )

    def _open_first(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = DirectoryLock(self._directory)
        except OSError as error:
            self._fail(error)
            return
        self._open()

    def _open(self) -> None:
        try:
            if self._lock is None:
                self._directory.mkdir(parents=True, exist_ok=True)
                self._lock = DirectoryLock(self._directory)
            file, notice = self._open_file(self._directory, max_bytes=self._max_bytes)
            self._begin(file)
        except (sqlite3.Error, OSError, JournalInUseError) as error:
            self._fail(error)
            return
        self._file = file
        if notice:
            self._notice = notice
            self._note(notice)
        if self._failure:
            steps, events = self._steps_lost(), self._events_refused + self._events_given_up
            self._note(f"the journal is written again; lost since the start: {steps} steps, {events} events")
            self._failure, self._steps_lost_told = "", steps

    def _begin(self, file: JournalFile) -> None:
        try:
            file.begin(self._clock.now().utc_s, self._origin)
        except BaseException:
            file.abandon()
            raise

    def _fail(self, error: Exception) -> None:
        """Close, move aside what is damaged, say why, and try again later."""
        now_s = self._clock.now().mono_s
        calm = now_s - self._failed_at_s > CALM_S
        self._retry_s = FIRST_RETRY_S if calm else min(2 * self._retry_s, LONGEST_RETRY_S)
        self._failed_at_s, self._retry_at_s = now_s, now_s + self._retry_s
        words = in_words(error, self._directory)
        if self._file is not None:
            self._file.abandon()
            if isinstance(error, sqlite3.Error) and is_damage(error):
                self._notice = _moved(self._file.path)
            self._file = None
        if not self._failure:
            logger.error("journal.trouble %s", words)
            self._note(words)
        self._failure = words

    def _note(self, text: str) -> None:
        self._unsaved.append(
            (next(self._event_numbers), Event(at=self._clock.now(), kind=EventKind.JOURNAL_ALARM, text=text))
        )
        self._wake.set()

    def _end(self) -> None:
        self._intents.close()
        if self._file is not None:
            try:
                self._file.close(self._clock.now().utc_s)
            except sqlite3.Error as error:
                logger.warning("journal.close %s", error)
            self._file = None


def in_words(error: Exception, directory: Path) -> str:
    """What an error means for the installer, and what to do."""
    if isinstance(error, JournalInUseError):
        return str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or (isinstance(error, sqlite3.Error) and is_full(error)):
        return (
            f"no room for the journal in {directory}: control goes on, steps are not recorded, events wait in memory; "
            "free some space on that disk"
        )
    return (
        f"the journal in {directory} cannot be written ({error}): control goes on, steps are not recorded, events wait "
        "in memory; see that it is a writable directory on a healthy disk, or set journal.dir in the site file"
    )


def _moved(path: Path) -> str:
    try:
        return move_aside(path)
    except OSError as error:
        return f"{path.name} is damaged and cannot be moved aside ({error.strerror}): check the disk or SD card"
