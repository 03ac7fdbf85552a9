"""A trace of everything on the wire, as JSON lines: for the desk of whoever asks what a device really said.

Off by default, and free then: nothing is wrapped. When on, each link is wrapped once and its connection tapped; lines
wait in a bounded queue for a thread that writes them, so that a slow disk costs the trace its lines and control
nothing. The trace is a ring of two files, FILE and the older FILE.1, with a size that both together never exceed.

A line is one of these; times are loop time, which the head dates:
    {"schema": "pcs.trace/1", "mono_s", "utc_s"}     head of each file
    {"at_s", "link", "tx" | "rx": hex}               bytes as they went out or came in, framing and checksum included
    {"asked_s", "link", "unit", "function", ...}     a request as the controller sees it, with reply or fault
`"again": true` marks the frames of the first moments (who is there, where its registers lie), repeated in each file.
"""

import asyncio
import json
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from pcs.model.fault import Fault
from pcs.model.site import LinkAddress
from pcs.model.units import Instant
from pcs.ports import Link, Priority, Reply

MOST_BYTES = 50_000_000  # an hour and a half of a meter at 20 Hz with two inverters at 5 Hz; can still be mailed
LINES_WAITING = 4_096  # some three minutes of such a site, should the disk stall
FIRST_FRAMES = 1_000  # the walks of some ten devices: without them nobody can name the registers of later frames
CLOSE_WITHIN_S = 2.0  # the end of a run waits no longer for a disk that hangs
OLDER = ".1"  # what the name of the older file of the ring ends with

_encode = json.JSONEncoder(separators=(",", ":")).encode


class FrameTrace:
    """The trace's file and the thread that writes it. `note` never blocks, never raises and never grows."""

    def __init__(
        self, path: Path, start: Instant, *, most_bytes: int = MOST_BYTES, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """Open the file; an existing trace is continued, and its size counts.

        Args:
            path: Where the lines go.
            start: Now on both clocks; the first line carries it, so that monotonic times can be dated later.
            most_bytes: The size that the two files of the ring together never exceed.
            say: Told once, in words, why the trace has ended before the run.

        Raises:
            OSError: the file cannot be opened.
        """
        self.path = path
        self._most_bytes = most_bytes
        self._say = say
        self._file: BinaryIO = path.open("ab")
        self._bytes = self._file.tell()
        self._head = {"schema": "pcs.trace/1", "mono_s": start.mono_s, "utc_s": start.utc_s}
        self._first: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue(LINES_WAITING)
        self._lost = 0
        self.ended = ""
        """Why nothing is written any more, in words; empty while it goes on."""
        self.note(self._head)
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    def note(self, line: dict[str, Any]) -> None:
        """Leave a line for the writer; counted as lost when too many wait."""
        if self.ended:
            return
        if self._lost:
            line = {"lost_before": self._lost, **line}
        try:
            self._lines.put_nowait(line)
            self._lost = 0
        except queue.Full:
            self._lost += 1

    def tap(self, address: LinkAddress) -> Callable[[bool, bytes], None]:
        """What a link calls with every piece of bytes that it sends (True) or receives (False)."""
        loop, name = asyncio.get_running_loop(), str(address)

        def note(sending: bool, data: bytes) -> None:
            self.note({"at_s": round(loop.time(), 6), "link": name, "tx" if sending else "rx": data.hex()})

        return note

    def close(self) -> None:
        """Write what waits and close; not longer than `CLOSE_WITHIN_S`."""
        self.ended = self.ended or "closed"
        try:
            self._lines.put(None, timeout=CLOSE_WITHIN_S)
        except queue.Full:
            return  # the disk hangs, and so does the writer: a daemon, which ends with the process
        self._thread.join(CLOSE_WITHIN_S)

    def _run(self) -> None:
        """Write lines until the end; after trouble only take them."""
        writing = True
        while (line := self._lines.get()) is not None:
            if not writing:
                continue
            try:
                self._write(line)
                if self._lines.empty():
                    self._file.flush()
            except OSError as error:
                self._stop(f"the trace ended: {self.path}: {error.strerror or error}")
                writing = False
        try:
            self._file.close()
        except OSError as error:
            self._stop(f"the trace's last lines are lost: {self.path}: {error.strerror or error}")

    def _write(self, line: dict[str, Any]) -> None:
        data = _encode(line).encode("ascii") + b"\n"
        if self._bytes + len(data) > self._most_bytes // 2 and self._bytes:
            self._turn_over()
        if self._bytes + len(data) <= self._most_bytes // 2:
            self._bytes += self._file.write(data)
        if "at_s" in line and len(self._first) < FIRST_FRAMES:
            self._first.append({**line, "again": True})

    def _turn_over(self) -> None:
        """The present file becomes the older one; a new one begins with the head and the first frames."""
        self._file.close()
        self.path.replace(self.path.with_name(self.path.name + OLDER))
        self._file, self._bytes = self.path.open("wb"), 0
        for line in (self._head, *self._first):
            data = _encode(line).encode("ascii") + b"\n"
            if self._bytes + len(data) > self._most_bytes // 4:
                break
            self._bytes += self._file.write(data)

    def _stop(self, why: str) -> None:
        self.ended = why
        self._say(why)


class TracedLink:
    """A `ports.Link` that notes every request of another one. It changes nothing: not a value, not a moment.

    A line holds `asked_s` (when the caller asked: the wait for the turn begins), the request, and either `sent_s`,
    `received_s` and `reply`, or `fault`, `detail` and the moment at which it was known. Times are loop time.
    """

    def __init__(self, link: Link, address: LinkAddress, trace: FrameTrace) -> None:
        self._link = link
        self._name = str(address)
        self._trace = trace

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        """See `ports.Link.read`."""
        line = self._line(unit, function, address, count)
        try:
            answer = await self._link.read(
                unit, address, count, deadline_s=deadline_s, priority=priority, function=function
            )
        except asyncio.CancelledError:
            self._trace.note({**line, "fault": "cancelled"})
            raise
        self._note(line, answer)
        return answer

    async def write(
        self,
        unit: int,
        address: int,
        words: tuple[int, ...],
        *,
        deadline_s: float,
        priority: Priority,
        function: int = 16,
    ) -> Reply | Fault:
        """See `ports.Link.write`."""
        line = {**self._line(unit, function, address, len(words)), "words": words}
        try:
            answer = await self._link.write(
                unit, address, words, deadline_s=deadline_s, priority=priority, function=function
            )
        except asyncio.CancelledError:
            self._trace.note({**line, "fault": "cancelled"})
            raise
        self._note(line, answer)
        return answer

    async def close(self) -> None:
        """See `ports.Link.close`. The trace stays open: it belongs to all links."""
        await self._link.close()

    @property
    def counters(self) -> object:
        """What the link counts, if it counts; for status."""
        return getattr(self._link, "counters", None)

    def _line(self, unit: int, function: int, address: int, count: int) -> dict[str, Any]:
        asked_s = asyncio.get_running_loop().time()
        return {
            "asked_s": round(asked_s, 6),
            "link": self._name,
            "unit": unit,
            "function": function,
            "address": address,
            "count": count,
        }

    def _note(self, line: dict[str, Any], answer: Reply | Fault) -> None:
        if isinstance(answer, Reply):
            told = {"sent_s": round(answer.sent_s, 6), "received_s": round(answer.received_s, 6)}
            self._trace.note({**line, **told, "reply": answer.data.hex()})
        else:
            known_s = round(answer.at_s, 6)
            self._trace.note({**line, "fault": answer.kind.value, "detail": answer.detail, "known_s": known_s})
