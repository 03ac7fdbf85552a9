"""A trace file as exchanges: bytes become frames, requests find their replies, registers get their names."""

import itertools
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pcs.cli.dissect_frame import Frame, rtu_frames, tcp_frames
from pcs.cli.dissect_points import Maps, Named
from pcs.codec.rtu import FRAME_MAX
from pcs.model.registers import RegisterMap

LINE_MOST = 100_000  # characters; the longest line of our own holds a few hundred bytes of a frame
LINKS_MOST = 1_000
WAITING_MOST = 64  # requests of one link without a reply that are still waited for
PIECES_MOST = 4 * FRAME_MAX  # bytes of an unfinished frame that are kept for what follows
OLDER = ".1"  # what the name of the older file of a ring ends with
HOLDING = 3
SAME_AS_REPLY = (b"\x05", b"\x06")  # functions whose right reply is the request: an echo cannot be told from it
WROTE, READS = (6, 16), (HOLDING, 4)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """What went out and what came back for it; either may be missing. Times are the trace's own, in seconds."""

    link: str
    request: Frame | None = None
    reply: Frame | None = None
    sent_s: float | None = None
    received_s: float | None = None
    points: list[Named] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    again: bool = False
    echoed: bool = False
    """The adapter heard what it sent: usual with half-duplex adapters, and taken off before the reply."""

    @property
    def reply_time_s(self) -> float | None:
        """From the request on the wire to the last piece of its reply."""
        return None if self.sent_s is None or self.received_s is None else self.received_s - self.sent_s

    @property
    def is_wrong(self) -> bool:
        """Whether anything here is not as it should be."""
        frames = [frame for frame in (self.request, self.reply) if frame is not None]
        return bool(self.notes) or any(frame.problems or "exception" in frame.facts for frame in frames)


@dataclass(slots=True)
class _Wire:
    """What is under way on one link."""

    is_tcp: bool
    waiting: "OrderedDict[int, Exchange]" = field(default_factory=OrderedDict)
    pieces: bytes = b""
    sent: bytes = b""
    numbers: Iterator[int] = field(default_factory=itertools.count)


class Reader:
    """Takes the lines of a trace one after the other and gives back exchanges as they become complete."""

    def __init__(self, profiles: Mapping[tuple[str, int], RegisterMap] | None = None) -> None:
        """Begin; `profiles` are the register maps of devices that are no SunSpec ones, by link and unit."""
        self._wires: dict[str, _Wire] = {}
        self._maps = Maps(profiles)

    def line(self, text: str) -> Iterator[Exchange | str]:
        """One line of the file: the exchanges that it completes, or a sentence about the line itself."""
        if not text.strip():
            return
        try:
            line = json.loads(text[:LINE_MOST])
        except (ValueError, RecursionError):
            yield from self._bare(text)
            return
        if not isinstance(line, dict):
            yield from self._bare(text)
        elif "schema" in line:
            yield f"{line['schema']}, begun at {line.get('mono_s')} s, which was {line.get('utc_s')} s UTC"
        elif "at_s" in line:
            yield from self._piece(line)
        elif "fault" in line:
            yield _verdict(line)
        elif "ended" in line:
            yield f"the trace ends here: {line['ended']}"
        if line_lost := line.get("lost_before") if isinstance(line, dict) else None:
            yield f"{line_lost} lines are missing here: the disk was too slow for them"

    def end(self) -> Iterator[Exchange]:
        """What is still waiting when the file ends."""
        for link, wire in self._wires.items():
            yield from self._left_over(link, wire, None)
            while wire.waiting:
                _, unanswered = wire.waiting.popitem(last=False)
                unanswered.notes.append("no reply in this trace")
                yield unanswered

    def _piece(self, line: dict[str, Any]) -> Iterator[Exchange | str]:
        """Bytes that went out or came in."""
        link, at_s, sending = str(line.get("link", "")), line.get("at_s"), "tx" in line
        try:
            data = bytes.fromhex(line["tx"] if sending else line["rx"])
        except (KeyError, TypeError, ValueError):
            yield "a line of the trace is damaged: it holds no bytes"
            return
        at_s = float(at_s) if isinstance(at_s, int | float) and abs(at_s) < 1e12 else None
        if link not in self._wires and len(self._wires) >= LINKS_MOST:
            yield f"more than {LINKS_MOST} links: the others are left out"
            return
        wire = self._wires.setdefault(link, _Wire(is_tcp=link.startswith("tcp://")))
        again = bool(line.get("again"))
        if sending:
            yield from self._left_over(link, wire, at_s)
            wire.sent = b"" if data[1:2] in SAME_AS_REPLY else data
            yield from self._sent(link, wire, data, at_s, again)
        else:
            wire.pieces = (wire.pieces + data)[-PIECES_MOST:]
            yield from self._received(link, wire, at_s, again)

    def _sent(self, link: str, wire: _Wire, data: bytes, at_s: float | None, again: bool) -> Iterator[Exchange]:
        for frame in _frames(wire)(data, is_request=True):
            exchange = Exchange(link=link, request=frame, sent_s=at_s, again=again)
            if frame.function in WROTE and frame.data and "address" in frame.facts:
                facts = frame.facts
                exchange.points = self._maps.read(link, facts["unit"], HOLDING, facts["address"], frame.data)
            if not wire.is_tcp and wire.waiting:  # one request at a time on a bus: the one before had no reply
                _, before = wire.waiting.popitem(last=False)
                before.notes.append("no reply before the next request")
                yield before
            key = frame.facts.get("transaction", -1) if wire.is_tcp else next(wire.numbers)
            if key in wire.waiting:
                wire.waiting[key].notes.append("no reply before its transaction number was used again")
                yield wire.waiting.pop(key)
            wire.waiting[key] = exchange
            if len(wire.waiting) > WAITING_MOST:
                _, oldest = wire.waiting.popitem(last=False)
                oldest.notes.append(f"no reply before {WAITING_MOST} later requests")
                yield oldest

    def _received(self, link: str, wire: _Wire, at_s: float | None, again: bool) -> Iterator[Exchange]:
        """Every frame that the pieces so far hold whole; what is left waits for more."""
        if not wire.is_tcp and wire.sent and wire.sent.startswith(wire.pieces[: len(wire.sent)]):
            if len(wire.pieces) < len(wire.sent):
                return  # perhaps an echo that is not whole yet
            wire.pieces, wire.sent = wire.pieces[len(wire.sent) :], b""
            for exchange in wire.waiting.values():
                exchange.echoed = True
        frames = _frames(wire)(wire.pieces, is_request=False)
        if frames and _is_unfinished(frames[-1]):
            wire.pieces = frames.pop().raw
        else:
            wire.pieces = b""
        for frame in frames:
            yield self._pair(link, wire, frame, at_s, again)

    def _left_over(self, link: str, wire: _Wire, at_s: float | None) -> Iterator[Exchange]:
        """Pieces that never became a frame."""
        if wire.pieces:
            pieces, wire.pieces = wire.pieces, b""
            for frame in _frames(wire)(pieces, is_request=False):
                yield self._pair(link, wire, frame, at_s, again=False)

    def _pair(self, link: str, wire: _Wire, frame: Frame, at_s: float | None, again: bool) -> Exchange:
        """A frame that came in, with the request that it answers."""
        exchange = self._asked(wire, frame)
        if exchange is None:
            unasked = Exchange(link=link, reply=frame, received_s=at_s, again=again)
            if frame.parts and frame.parts[0].name != "noise":
                unasked.notes.append("nobody asked for this, or its request came before this trace")
            return unasked
        exchange.reply, exchange.received_s = frame, at_s
        request = exchange.request
        assert request is not None
        exchange.notes += _differences(request, frame)
        address = request.facts.get("address")
        if frame.function in READS and address is not None and frame.data and not exchange.notes:
            exchange.points = self._maps.read(link, request.facts["unit"], frame.function, address, frame.data)
        return exchange

    def _asked(self, wire: _Wire, frame: Frame) -> Exchange | None:
        if wire.is_tcp:
            exchange = wire.waiting.pop(frame.facts.get("transaction", -1), None)
            if exchange is not None and wire.waiting and next(reversed(wire.waiting.values())) is not exchange:
                late = any(o.sent_s and exchange.sent_s and o.sent_s > exchange.sent_s for o in wire.waiting.values())
                if late:
                    exchange.notes.append("late: a later request was already under way")
            return exchange
        if not wire.waiting or "function" not in frame.facts:
            return None
        return wire.waiting.popitem(last=False)[1]

    def _bare(self, text: str) -> Iterator[Exchange | str]:
        """A line of hexadecimal bytes that somebody typed or copied: framing and direction are guessed."""
        try:
            data = bytes.fromhex(text.strip()[:LINE_MOST].replace(":", " ").replace("0x", " "))
        except ValueError:
            yield f"neither a line of a trace nor hexadecimal bytes: {text.strip()[:40]!a}"
            return
        is_tcp = len(data) >= 8 and data[2:4] == b"\0\0" and int.from_bytes(data[4:6], "big") == len(data) - 6
        parse = tcp_frames if is_tcp else rtu_frames
        requests, replies = parse(data, is_request=True), parse(data, is_request=False)
        is_request = sum(len(f.problems) for f in requests) < sum(len(f.problems) for f in replies)
        for frame in requests if is_request else replies:
            yield Exchange(link="", request=frame) if is_request else Exchange(link="", reply=frame)


def _frames(wire: _Wire) -> Callable[..., list[Frame]]:
    return tcp_frames if wire.is_tcp else rtu_frames


def _is_unfinished(frame: Frame) -> bool:
    """Whether more bytes could still make this a whole frame."""
    return any(words.startswith(("cut", "ends before")) for words in frame.problems) and len(frame.raw) < PIECES_MOST


def _differences(request: Frame, reply: Frame) -> list[str]:
    """What does not fit between a request and the frame that came for it."""
    asked, told, found = request.facts, reply.facts, []
    for name in ("unit", "function"):
        wanted, got = asked.get(name), told.get(name)
        if wanted is not None and got is not None and (got & 0x7F if name == "function" else got) != wanted:
            found.append(f"{name} {got} instead of {wanted}")
    count, size = asked.get("count"), told.get("bytes")
    if asked.get("function") in READS and count is not None and size is not None and size != 2 * count:
        found.append(f"{size} bytes instead of {2 * count}")
    names = [name for name in ("address", "count", "word") if name in asked and name in told]
    return found + [f"{n} {told[n]} instead of {asked[n]}" for n in names if asked[n] != told[n]]


def _verdict(line: dict[str, Any]) -> str:
    """What the controller made of a request that had no good reply."""
    what = {16: "writing", 6: "writing"}.get(line.get("function", 0), "reading")
    where = f"{line.get('link')} unit {line.get('unit')}, {what} {line.get('count')} at {line.get('address')}"
    return f"controller: {where}: {line['fault']}" + (f" ({line['detail']})" if line.get("detail") else "")


def exchanges(path: Path, profiles: Mapping[tuple[str, int], RegisterMap] | None = None) -> Iterator[Exchange | str]:
    """Everything in a trace, the older file of its ring first; `profiles` as in `Reader`.

    Raises:
        OSError: the file cannot be read.
    """
    reader = Reader(profiles)
    older = path.with_name(path.name + OLDER)
    for part in (older, path) if older.is_file() else (path,):
        with part.open(encoding="utf-8", errors="replace") as lines:
            for line in _lines(lines):
                yield from reader.line(line)
    yield from reader.end()


def _lines(file: Any) -> Iterable[str]:
    """Lines of a bounded length, whatever the file holds."""
    while line := file.readline(LINE_MOST):
        yield line
