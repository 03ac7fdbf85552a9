"""The live feed, `feed.jsonl`: where the campaign is and what the meters read, for a screen that follows the file.

One JSON object a line: `kind` "state" whenever a run enters a state, "values" at most once a second with the newest
value of each recorded channel, "run" when a run is done, "campaign" at the start and the end. It is for looking at: it
is not forced to the disk, and a line may be lost with the power. When it has grown to `MAX_BYTES` it becomes
`feed.1.jsonl` in place of the one before, and a new one begins; whoever follows by name (`tail -F`) loses nothing.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

FEED, FEED_BEFORE = "feed.jsonl", "feed.1.jsonl"
FEED_SCHEMA = "hil.feed/1"
MAX_BYTES = 2_000_000  # two of them: some four hours of values of eight channels at 1 Hz
VALUES_EVERY_S = 1.0

Fact = str | int | float | bool | None | Mapping[str, float | None]
Line = Mapping[str, Fact]


class Feed:
    """The writer. `also` gets every line too (`hil run --feed`)."""

    def __init__(self, folder: Path, *, also: IO[str] | None = None, max_bytes: int = MAX_BYTES):
        self._folder, self._also, self._max_bytes = folder, also, max_bytes
        self._file = (folder / FEED).open("ab", buffering=0)
        self._size = self._file.tell()

    def say(self, line: Line) -> None:
        """Add a line. One that cannot be written is lost: the feed stops no run."""
        text = json.dumps({"schema": FEED_SCHEMA, **line}, separators=(",", ":"), allow_nan=False)
        with suppress(OSError):
            self._write(text.encode() + b"\n")
        if self._also is not None:
            try:
                self._also.write(text + "\n")
                self._also.flush()
            except OSError:  # whoever read it has gone
                self._also = None

    def _write(self, content: bytes) -> None:
        if self._size and self._size + len(content) > self._max_bytes:
            self._file.close()
            (self._folder / FEED).replace(self._folder / FEED_BEFORE)
            self._file = (self._folder / FEED).open("ab", buffering=0)
            self._size = 0
        self._size += self._file.write(content) or 0

    def close(self) -> None:
        """Nothing more is said."""
        self._file.close()
