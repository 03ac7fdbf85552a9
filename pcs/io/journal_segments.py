"""Append-only files of journal entries: what comes every few seconds, and would be written three times by a database.

A folder holds numbered files. An entry is one line of JSON (table, id, fields, length of the data, link of the chain)
with its checksum in front, and the data behind it. Entries are only ever added; what is unfinished at the end of the
last file after a kill or a power cut was never acknowledged, and is cut off. The oldest files give way whole.

Synchronous and for one thread. What `append` wrote survives kill -9, what `sync` has seen a power cut, too.
"""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pcs.io.journal_schema import Head, following

MAX_HEAD_BYTES = 1 << 16  # of the line before the data; the longest field is the name of a source, some 20 characters
HASH_DIGITS = 64
MAX_ID = (1 << 63) - 1  # that SQLite can number a row by

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Entry(NamedTuple):
    """One entry without its data, which is `size` bytes of the file from `at` on."""

    table: str
    id: int
    fields: tuple[Any, ...]
    at: int
    size: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The entries of one file up to `end`, and whether what follows there is unfinished (`torn`) or no entry at all."""

    entries: tuple[Entry, ...]
    end: int
    is_torn: bool = False
    is_damaged: bool = False


def encode_entry(table: str, head: Head, row: Sequence[Any]) -> bytes:
    """An entry as it stands in the file; the last field of the row is its data."""
    *fields, data = row
    text = _encode([table, head.id, fields, len(data), head.hash.hex()]).encode("ascii")
    return b"%08x %b\n%b" % (zlib.crc32(text), text, data)


def scan(file: BinaryIO) -> Scan:
    """Every entry of an open file, as far as it can be read; the data are not looked at."""
    size = os.fstat(file.fileno()).st_size
    entries: list[Entry] = []
    end = 0
    while end < size:
        file.seek(end)
        line = file.readline(MAX_HEAD_BYTES)
        entry = _entry(line, end + len(line))
        if entry is None:
            torn = (len(line) < MAX_HEAD_BYTES and not line.endswith(b"\n")) or _is_blank(file, end)
            return Scan(entries=tuple(entries), end=end, is_torn=torn, is_damaged=not torn)
        if entry.at + entry.size > size:
            return Scan(entries=tuple(entries), end=end, is_torn=True)
        entries.append(entry)
        end = entry.at + entry.size
    return Scan(entries=tuple(entries), end=end)


def segment_paths(folder: Path) -> list[Path]:
    """The files of a folder, oldest first."""
    return sorted((path for path in folder.glob("*.log") if path.stem.isdigit()), key=lambda path: int(path.stem))


class Segments:
    """The files of one folder, open for writing."""

    def __init__(self, folder: Path, *, segment_bytes: int, given_up: Mapping[str, Head]) -> None:
        """Open the newest file behind its last whole entry; a file with damage is left as it is, and a new one begun.

        Args:
            folder: made if it is not there.
            segment_bytes: a file that has grown beyond it is not written any more.
            given_up: the last entry of each table that gave way.

        Raises:
            OSError: the folder cannot be written.
        """
        self.heads = dict(given_up)
        self.damaged: tuple[str, ...] = ()
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._given_up = dict(given_up)
        self._fd = -1
        self._end = 0
        self._is_unsynced = False
        folder.mkdir(exist_ok=True)
        self._sizes = {int(path.stem): path.stat().st_size for path in segment_paths(folder)}
        while (last := self.oldest()) and all(head.id <= given_up[table].id for table, head in last.items()):
            self._unlink_oldest()  # a kill came between giving up and deleting
        self._find_heads()

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(self._sizes.values())

    def append(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows as the next links of their chain: all of them, or none.

        Raises:
            OSError: nothing was added.
        """
        at, entries = self.heads[table], []
        for row in rows:
            at = following(table, at, tuple(row))
            entries.append(encode_entry(table, at, row))
        if self._fd < 0 or self._end >= self._segment_bytes:
            self._begin()
        data = b"".join(entries)
        try:
            _write_all(self._fd, data, self._end)
        except OSError:
            os.ftruncate(self._fd, self._end)
            raise
        self._end += len(data)
        self._sizes[max(self._sizes)] = self._end
        self._is_unsynced = True
        self.heads[table] = at

    def sync(self) -> None:
        """Bring to the disk what was appended."""
        if self._is_unsynced:
            self._is_unsynced = False
            os.fdatasync(self._fd)

    def oldest(self) -> dict[str, Head]:
        """The last entries in the oldest file, by table; empty where it holds none or there is none."""
        return self._last(self._scan(min(self._sizes))) if self._sizes else {}

    def drop_oldest(self) -> None:
        """Delete the oldest file, be it the one that is written."""
        if len(self._sizes) == 1:
            self.close()
        self._unlink_oldest()

    def close(self) -> None:
        """Close the file that is written, as it is."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._is_unsynced = -1, False

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}.log"

    def _scan(self, number: int) -> Scan:
        with self._path(number).open("rb") as file:
            return scan(file)

    def _last(self, found: Scan) -> dict[str, Head]:
        """The last entries of the folder's own tables; what a stranger put in besides is for `verify` to tell."""
        return {e.table: Head(e.id, e.hash) for e in found.entries if e.table in self._given_up}

    def _unlink_oldest(self) -> None:
        number = min(self._sizes)
        self._path(number).unlink(missing_ok=True)
        del self._sizes[number]

    def _begin(self) -> None:
        """Begin the next file. Its name is on the disk before anything in it is counted on."""
        self.sync()
        number = max(self._sizes, default=0) + 1
        fd = os.open(self._path(number), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self.close()
        self._fd, self._end, self._sizes[number] = fd, 0, 0
        folder = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _find_heads(self) -> None:
        """Take up the newest file, and look for the last entry of each table, in older files where need be."""
        wanted, newest = set(self._given_up), max(self._sizes, default=0)
        for number in sorted(self._sizes, reverse=True):
            found = self._scan(number)
            for table, head in self._last(found).items():
                if table in wanted:
                    wanted.discard(table)
                    self.heads[table] = max(head, self._given_up[table], key=lambda h: h.id)
            if found.is_damaged or (found.is_torn and number != newest):
                self.damaged = (*self.damaged, f"{self._folder.name}/{self._path(number).name}")
            elif number == newest:
                self._take_up(number, found.end)
            if not wanted:
                return

    def _take_up(self, number: int, end: int) -> None:
        self._fd = os.open(self._path(number), os.O_RDWR | os.O_CLOEXEC)
        if self._sizes[number] > end:
            os.ftruncate(self._fd, end)
        self._end = self._sizes[number] = end
        os.fsync(self._fd)  # the next run notes what it found here: that must outlive a power cut


def _entry(line: bytes, at: int) -> Entry | None:
    check, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or check != b"%08x" % zlib.crc32(text):
        return None
    try:
        match json.loads(text):
            case [str(table), int(number), list(fields), int(size), str(link)] if (
                len(link) == HASH_DIGITS and 0 <= number <= MAX_ID and size >= 0
            ):
                return Entry(table, number, tuple(fields), at, size, bytes.fromhex(link))
    except (ValueError, RecursionError):
        pass
    return None


def _is_blank(file: BinaryIO, at: int) -> bool:
    """Whether only zeros follow: some file systems leave them after a power cut."""
    file.seek(at)
    while part := file.read(1 << 16):
        if part.strip(b"\0"):
            return False
    return True


def _write_all(fd: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written
