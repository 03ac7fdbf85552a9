"""Limits that we are about to write, remembered before they go on the wire.

After a crash, a limit found on a device is our own only if it is in here (DESIGN section 6); one that is missing would
hold the site down until an installer comes. So every intent is in the page cache, which survives kill -9, before
`intend` returns, and `sync`, called from the journal's thread, brings it to the disk now and then: a sync costs a whole
block of 4 kB even for a line of 70 bytes, 0.35 GB a day at one a second. A power cut may cost the intents since the
last one; the limit on the device is then explained by its armed reversion value, or honoured as somebody else's.

What a device confirmed ends what came before it: `LATE_S` later the intents before are forgotten, so that a limit of
somebody else is not taken for one of ours from long ago. A line says from where intents count, so a restart forgets
what the last line of before knew to be over.

Two files of fixed size, allocated once: a full disk cannot keep an intent out. Their pages are mapped: a `write` would
change the file's time as well, which ext4 brings to the disk every 5 s with blocks of its log around it: 0.2 GB a day.

One file is active and takes new lines; when it fills up, the other one gets the last intents of every device and
becomes active. Each line has a number and a checksum, so that stale, torn and damaged lines harm nothing and no moment
exists at which the two files together lack an intent.
"""

import errno
import json
import mmap
import os
import threading
import zlib
from collections import deque
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from pcs.model.command import LimitActivePower, charge_limit_of, setpoint_of

FILE_NAMES = ("intents-a.log", "intents-b.log")
FILE_BYTES = 524_288  # a line is 60-80 bytes: some 7,000 intents
COMPACT_AT_BYTES = FILE_BYTES * 3 // 4  # leaves room for half a minute of intents at 50/s should the disk stall
KEPT = 256  # by device: 25 s of a new limit every 100 ms that the device does not take
LATE_S = 10.0  # a frame that lands behind a later, confirmed one waited in some buffer; links give up within seconds
MAX_SERIALS = 320  # 64 devices: limit, charge limit, set point, and what somebody else left of the first two
MAX_SERIAL_CHARS = 64  # SunSpec model 1 has 32, what it is about 16; bounds a line to less than 512 bytes

_encode_text = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One limit that may be on a device; `number` orders the intents of a directory over all restarts."""

    number: int
    serial: str
    limit_w: float
    reversion_limit_w: float
    since: int = 0
    """Earlier intents for this device, those with lower numbers, are not on it any more."""

    @property
    def values_w(self) -> tuple[float, float]:
        """What the device holds, and what it falls back to, where this intent is on it."""
        return self.limit_w, self.reversion_limit_w

    def line(self) -> bytes:
        """The line in the file; a hundredth of a watt is below what any device resolves."""
        row = (self.number, self.serial, round(self.limit_w, 2), round(self.reversion_limit_w, 2))
        return _line((*row, self.since) if self.since else row)


def parts_of(serial: str, command: LimitActivePower) -> list[tuple[str, float, float]]:
    """What a command puts on the device: under which name, how much, and what it falls back to (W)."""
    parts = [(serial, command.limit_w, command.reversion_limit_w)]
    if command.charge_limit_w is not None:
        parts.append((charge_limit_of(serial), command.charge_limit_w, command.reversion_charge_limit_w))
    if command.bounded_setpoint_w is not None:
        parts.append((setpoint_of(serial), command.bounded_setpoint_w, 0.0))  # its timer falls back to rest
    return parts


class _Confirmed:
    """What one device confirmed: from which intent on (`since`) some may still be on it."""

    def __init__(self) -> None:
        self.since = 0
        self.is_told = True
        self._lately: deque[tuple[int, float]] = deque(maxlen=KEPT)

    def note(self, number: int, now_s: float) -> None:
        """It confirmed this intent now; one that it confirmed `LATE_S` ago ends what came before."""
        if not self._lately or self._lately[-1][0] != number:
            self._lately.append((number, now_s))
        while self._lately and self._lately[0][1] <= now_s - LATE_S:
            self.since = max(self.since, self._lately.popleft()[0])

    def forget(self, kept: deque[Intent]) -> None:
        """Drop what is over; the next line has to tell so where that would explain anything else."""
        gone = []
        while kept and kept[0].number < self.since:
            gone.append(kept.popleft())
        values_w = {intent.values_w for intent in kept}
        if any(intent.values_w not in values_w for intent in gone):
            self.is_told = False


class IntentLog:
    """The intents of one directory, read at once; `sync` opens the files for writing.

    `intend` and `explains` belong to one thread, `sync` to another. Two writers would spoil the files: hold the
    directory's lock before the first `sync`.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kept: dict[str, deque[Intent]] = {}
        self._confirmed: dict[str, _Confirmed] = {}
        self._number = 0
        self._loaded = False
        self._files: list[_Pages] = []
        self._active = 0
        self._offset = FILE_BYTES  # no room before the first compaction
        self._dirty = False
        self._unwritten = 0
        self._lock = threading.Lock()  # held for one write to the page cache at most
        self._why_not = ""
        self._load()

    def intend(self, serial: str, limit_w: float, reversion_limit_w: float) -> None:
        """Remember a limit. One write to the page cache; the same limit again costs nothing."""
        serial = serial[:MAX_SERIAL_CHARS]
        with self._lock:
            kept, confirmed = self._kept.get(serial), self._confirmed.get(serial, _Confirmed())
            if kept and confirmed.is_told and not self._unwritten and kept[-1].values_w == (limit_w, reversion_limit_w):
                return
            intent = Intent(
                number=self._number + 1,
                serial=serial,
                limit_w=limit_w,
                reversion_limit_w=reversion_limit_w,
                since=confirmed.since,
            )
            self._keep(intent)
            confirmed.is_told = True
            if not self._append(intent.line()):
                self._unwritten += 1

    def confirm(self, serial: str, limit_w: float, reversion_limit_w: float, now_s: float) -> None:
        """The device was found to hold an intent, at this monotonic time: `LATE_S` later those before it are over."""
        serial = serial[:MAX_SERIAL_CHARS]
        with self._lock:
            kept = self._kept.get(serial, deque())
            same = (i.number for i in reversed(kept) if i.values_w == (limit_w, reversion_limit_w))
            number = next(same, None)
            if number is not None:
                confirmed = self._confirmed.setdefault(serial, _Confirmed())
                confirmed.note(number, now_s)
                confirmed.forget(kept)

    def explains(self, serial: str, limit_w: float, tolerance_w: float) -> bool:
        """Whether a kept intent for this device put this limit, or armed it as the value to revert to."""
        return any(
            abs(intent.limit_w - limit_w) <= tolerance_w or abs(intent.reversion_limit_w - limit_w) <= tolerance_w
            for intent in self._kept.get(serial[:MAX_SERIAL_CHARS], ())
        )

    def last_w(self, serial: str) -> float | None:
        """The last limit that was remembered for this device."""
        kept = self._kept.get(serial[:MAX_SERIAL_CHARS])
        return kept[-1].limit_w if kept else None

    def sync(self, *, to_disk: bool = True) -> None:
        """Make room and try again what did not work; bring what was appended to the disk, too, if so wanted.

        Not for the event loop.
        """
        try:
            if not self._files:
                self._open()
            if self._offset >= COMPACT_AT_BYTES or self._unwritten:
                self._compact()
            if self._dirty and to_disk:
                self._dirty = False
                self._files[self._active].sync()
                self._touch()
            self._why_not = ""
        except OSError as error:
            self._why_not = error.strerror or str(error)

    def _touch(self) -> None:
        """Make the next pages dirty now: each first store into a clean one changes the file's time once more."""
        with self._lock:
            for at in (self._offset, self._offset + mmap.PAGESIZE):
                if at < FILE_BYTES:
                    self._files[self._active].put(b"\n", at)

    def trouble(self) -> str:
        """What is wrong, in words; empty when every intent is written."""
        if not self._why_not and not self._unwritten:
            return ""
        return (
            f"limits sent to devices cannot be remembered in {self._directory} ({self._why_not or 'no room yet'}): "
            "after a restart our own limits may look foreign and need a release by hand; make the directory writable"
        )

    def close(self) -> None:
        """Bring everything to the disk and close; later intents are kept in memory only."""
        self.sync()
        with self._lock:
            for file in self._files:
                file.close()
            self._files, self._offset = [], FILE_BYTES

    def _keep(self, intent: Intent) -> None:
        kept = self._kept.pop(intent.serial, None)
        if kept is None:
            kept = deque(maxlen=KEPT)
            if len(self._kept) >= MAX_SERIALS:
                longest_ago = next(iter(self._kept))
                self._kept.pop(longest_ago)
                self._confirmed.pop(longest_ago, None)
        kept.append(intent)
        self._kept[intent.serial] = kept  # moved to the end: the order is that of the last intents
        self._number = max(self._number, intent.number)

    def _append(self, line: bytes) -> bool:
        if self._offset + len(line) > FILE_BYTES:
            return False
        try:
            self._files[self._active].put(line, self._offset)
        except OSError as error:
            self._why_not = error.strerror or str(error)
            return False
        self._dirty = True
        self._offset += len(line)
        return True

    def _load(self) -> None:
        """Read what both files hold, once; the directory may only appear while we run (a mount that comes late)."""
        if self._loaded or not self._directory.is_dir():
            return
        contents = [_read(self._directory / name) for name in FILE_NAMES]
        # The newest seal marks the file with the last complete snapshot: never the first to be overwritten.
        self._active = max((0, 1), key=lambda i: contents[i].seal)
        with self._lock:
            own = sorted((i for kept in self._kept.values() for i in kept), key=lambda i: i.number)
            self._kept, self._confirmed = {}, {}
            self._number = max(content.seal for content in contents)
            found = {intent.number: intent for content in contents for intent in content.intents}
            since: dict[str, int] = {}
            for intent in found.values():
                since[intent.serial] = max(since.get(intent.serial, 0), intent.since)
            for number in sorted(found):
                if number >= since[found[number].serial]:
                    self._keep(found[number])
            for intent in own:
                self._keep(replace(intent, number=self._number + 1, since=0))
            self._loaded = True

    def _open(self) -> None:
        self._load()
        first = _Pages(self._directory / FILE_NAMES[0])
        try:
            self._files = [first, _Pages(self._directory / FILE_NAMES[1])]
        except OSError:
            first.close()
            raise

    def _compact(self) -> None:
        """Put the last intents of every device into the other file and go on there.

        The active file stays as it is, with all that the other one held; only when the snapshot is on the disk do new
        lines go behind it: the seal first, then what came in the meantime.
        """
        spare = 1 - self._active
        with self._lock:
            kept, last = [list(k) for k in self._kept.values()], self._number
        snapshot = _snapshot(kept)
        self._files[spare].put(snapshot, 0)
        self._files[spare].sync()
        with self._lock:
            late = self._since(last)
            self._number += 1
            tail = b"".join((_line((self._number,)), *(intent.line() for intent in late)))
            self._files[spare].put(tail, len(snapshot))
            self._active, self._offset = spare, len(snapshot) + len(tail)
            self._dirty, self._unwritten = True, 0

    def _since(self, number: int) -> list[Intent]:
        late: list[Intent] = []
        for kept in self._kept.values():
            for intent in reversed(kept):
                if intent.number <= number:
                    break
                late.append(intent)
        return sorted(late, key=lambda i: i.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What one file holds: its whole lines, and the number of its newest seal (0: none)."""

    intents: tuple[Intent, ...]
    seal: int


def _line(row: tuple[int | float | str, ...]) -> bytes:
    text = _encode_text(row).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _snapshot(kept: list[list[Intent]]) -> bytes:
    """The newest intents of every device, device by device in turn, up to half a file."""
    lines: list[bytes] = []
    room = FILE_BYTES // 2
    for rank in zip_longest(*(reversed(one) for one in kept)):
        for intent in rank:
            line = intent.line() if intent else b""
            if len(line) <= room:
                room -= len(line)
                lines.append(line)
    return b"".join(reversed(lines))


class _Pages:
    """One file of `FILE_BYTES`, mapped into memory."""

    def __init__(self, path: Path) -> None:
        """Open or make it, and give it its blocks now, so that a full disk does not refuse them later."""
        self._source = -1
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if os.fstat(self._fd).st_size < FILE_BYTES:
                os.posix_fallocate(self._fd, 0, FILE_BYTES)
                os.fsync(self._fd)
            os.posix_fadvise(
                self._fd, 0, 0, os.POSIX_FADV_DONTNEED
            )  # ext4 keeps what it read in pieces of up to 0.5 MB,
            self._pages = mmap.mmap(self._fd, FILE_BYTES)
            self._pages.madvise(mmap.MADV_RANDOM)  # and would write such a piece for each byte: now it is single pages
            self._source = os.memfd_create("intent", os.MFD_CLOEXEC)
        except OSError:
            os.close(self._fd)
            raise

    def put(self, data: bytes, at: int) -> None:
        """Into the page cache, by way of the kernel: where a disk fails, it returns an error, and sends no SIGBUS.

        Raises:
            OSError: it is not, or not all, there.
        """
        os.pwrite(self._source, data, 0)
        with memoryview(self._pages) as pages, pages[at : at + len(data)] as place:
            if os.preadv(self._source, [place], 0) < len(data):
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    def sync(self) -> None:
        """Bring it to the disk."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close it, as it is."""
        self._pages.close()
        os.close(self._source)
        os.close(self._fd)


def _read(path: Path) -> _Content:
    """Every whole line of one file; what is torn, damaged or empty is passed over."""
    intents: list[Intent] = []
    seal = 0
    try:
        text = path.read_bytes()[:FILE_BYTES]
    except OSError:
        text = b""  # not there yet, or not ours to read: nothing is known
    for line in text.split(b"\n"):
        check, _, row = line.lstrip(b"\x00").partition(b" ")
        if not row or check != b"%08x" % zlib.crc32(row):
            continue
        match json.loads(row):
            case [int(number), str(serial), float(limit_w) | int(limit_w), float(back_w) | int(back_w), *more]:
                since = more[0] if more and isinstance(more[0], int) else 0  # an older program did not say it
                intents.append(
                    Intent(number=number, serial=serial, limit_w=limit_w, reversion_limit_w=back_w, since=since)
                )
            case [int(number)]:
                seal = max(seal, number)
    return _Content(intents=tuple(intents), seal=seal)
