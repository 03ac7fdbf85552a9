"""Bytes off a wire explained field by field: Modbus TCP and RTU framing, function, checksum, exception by name.

A damaged frame is explained as far as it goes; nothing here raises for what the bytes hold. The layouts are `construct`
declarations: slow and readable, which is right for a tool and wrong for the control path (`pcs.io`).
"""

from dataclasses import dataclass, field

from construct import Construct, Int8ub, Int16ub, Int16ul, StreamError  # type: ignore[import-untyped]

from pcs.codec.exceptions import exception_words
from pcs.codec.rtu import FRAME_MAX, crc16

FUNCTIONS = {  # MODBUS application protocol V1.1b3, section 6
    1: "read coils",
    2: "read discrete inputs",
    3: "read holding registers",
    4: "read input registers",
    5: "write one coil",
    6: "write one register",
    7: "read exception status",
    8: "diagnostics",
    11: "read event counter",
    12: "read event log",
    15: "write coils",
    16: "write registers",
    17: "report server id",
    20: "read file record",
    21: "write file record",
    22: "mask write register",
    23: "read and write registers",
    24: "read FIFO queue",
    43: "read device identification",
}
READS, WRITES = (1, 2, 3, 4), (15, 16)
MBAP = (("transaction", Int16ub), ("protocol", Int16ub), ("length", Int16ub))
SHORTEST_LENGTH, LONGEST_LENGTH = 2, 254  # unit and PDU; MODBUS messaging on TCP/IP V1.0b, section 4.1
SEARCHED = FRAME_MAX  # how far noise before a frame is looked through

KNOWN = frozenset((*READS, *WRITES, 5, 6))

Layout = tuple[tuple[str, Construct], ...]
REQUESTS: dict[int, Layout] = {
    **dict.fromkeys(READS, (("address", Int16ub), ("count", Int16ub))),
    **dict.fromkeys((5, 6), (("address", Int16ub), ("word", Int16ub))),
    **dict.fromkeys(WRITES, (("address", Int16ub), ("count", Int16ub), ("bytes", Int8ub))),
}
REPLIES: dict[int, Layout] = {
    **dict.fromkeys(READS, (("bytes", Int8ub),)),
    **dict.fromkeys((5, 6), (("address", Int16ub), ("word", Int16ub))),
    **dict.fromkeys(WRITES, (("address", Int16ub), ("count", Int16ub))),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One field of a frame: where it begins, its bytes, its name and what it says."""

    at: int
    raw: bytes
    name: str
    says: str = ""


@dataclass(slots=True, kw_only=True)
class Frame:
    """One frame as far as it can be explained: `facts` are numbers by field name, `data` the registers it carries."""

    framing: str
    is_request: bool
    raw: bytes
    parts: list[Part] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)
    data: bytes = b""
    problems: list[str] = field(default_factory=list)

    @property
    def function(self) -> int | None:
        """The function code without the mark of an exception; None where the frame ends before it."""
        found = self.facts.get("function")
        return None if found is None else found & 0x7F

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        kind = "request" if self.is_request else "reply"
        if self.function is None:
            return f"{len(self.raw)} bytes of a {kind}"
        name = FUNCTIONS.get(self.function, "a function that is not in the standard")
        code = self.facts.get("exception")
        if code is not None:
            return f"{exception_words(code)}, to {self.function} {name}"
        return f"{kind} {self.function} {name}"


def tcp_frames(data: bytes, *, is_request: bool) -> list[Frame]:
    """Every frame in a piece of a Modbus TCP stream that begins with a frame."""
    frames, at = [], 0
    while at < len(data):
        frame, at = _tcp_frame(data, at, is_request)
        frames.append(frame)
    return frames


def _tcp_frame(data: bytes, at: int, is_request: bool) -> tuple[Frame, int]:
    head = Frame(framing="tcp", is_request=is_request, raw=data[at:])
    inside = _fields(head, MBAP, at_in_frame=0)
    length = head.facts.get("length")
    if length is None:
        return head, len(data)
    if head.facts["protocol"] != 0:
        head.problems.append(f"protocol {head.facts['protocol']} instead of 0: no Modbus TCP")
    elif not SHORTEST_LENGTH <= length <= LONGEST_LENGTH:
        head.problems.append(f"length {length} is none that a frame can have")
    if head.problems:
        head.parts.append(Part(at=inside, raw=data[at + inside :], name="rest", says="not explained"))
        return head, len(data)
    head.raw = data[at : at + 6 + length]
    _pdu(head, inside)
    if len(head.raw) < 6 + length:
        head.problems.append(f"cut: {6 + length - len(head.raw)} of its {6 + length} bytes are missing")
    return head, at + len(head.raw)


def rtu_frames(data: bytes, *, is_request: bool) -> list[Frame]:
    """Every frame in a piece of a serial stream; noise before a frame with a right checksum is told apart."""
    frames, at = [], 0
    while at < len(data):
        found = _next_rtu(data, at, is_request)
        if found is None:
            frames.append(_damaged(data[at:], is_request))
            break
        begins, length = found
        if begins > at:
            frames.append(_noise(data[at:begins], is_request))
        frame = Frame(framing="rtu", is_request=is_request, raw=data[begins : begins + length])
        _rtu(frame)
        frames.append(frame)
        at = begins + length
    return frames


def _next_rtu(data: bytes, at: int, is_request: bool) -> tuple[int, int] | None:
    """Where the next frame with a right checksum begins, and its length."""
    for begins in range(at, min(len(data) - 3, at + SEARCHED)):
        if begins > at and data[begins + 1] & 0x7F not in KNOWN:
            continue  # behind noise only what we know counts: with any function nearly anything is a frame
        length = _rtu_length(data, begins, is_request)
        if length is not None and begins + length <= len(data):
            end = begins + length
            if crc16(data[begins : end - 2]) == int.from_bytes(data[end - 2 : end], "little"):
                return begins, length
    return None


def _rtu_length(data: bytes, at: int, is_request: bool) -> int | None:
    """How long the frame at `at` says that it is, checksum included; None where it does not say."""
    function = data[at + 1]
    if function & 0x80:
        return None if is_request else 5
    if function in READS:
        if is_request:
            return 8
        return 5 + data[at + 2]
    if function in (5, 6):
        return 8
    if function in WRITES:
        if not is_request:
            return 8
        return 9 + data[at + 6] if at + 6 < len(data) else None
    rest = len(data) - at
    return rest if 4 <= rest <= FRAME_MAX else None  # a function whose length we do not know: all that came


def _rtu(frame: Frame) -> None:
    """The fields of an RTU frame, its checksum last."""
    body, crc = frame.raw[:-2], frame.raw[-2:]
    whole, frame.raw = frame.raw, body
    _pdu(frame, 0)
    frame.raw = whole
    told, right = Int16ul.parse(crc), crc16(body)
    says = f"{told:04x}, right" if told == right else f"{told:04x}, but the bytes make {right:04x}"
    frame.parts.append(Part(at=len(body), raw=crc, name="checksum", says=says))
    if told != right:
        frame.problems.append(f"wrong checksum: {says}")


def _damaged(data: bytes, is_request: bool) -> Frame:
    """Bytes without a right checksum anywhere: the fields that they would have, and what is wrong."""
    frame = Frame(framing="rtu", is_request=is_request, raw=data)
    length = _rtu_length(data, 0, is_request) if len(data) >= 3 else None
    if length is not None and len(data) >= length:
        frame.raw = data[:length]
        _rtu(frame)
        if len(data) > length:
            frame.raw = data
            frame.parts.append(Part(at=length, raw=data[length:], name="rest"))
            frame.problems.append(f"{len(data) - length} bytes more than the frame says")
        return frame
    _pdu(frame, 0)
    missing = f"{length - len(data)} of its {length} bytes are missing" if length else f"only {len(data)} bytes"
    frame.problems.append(f"cut, or no frame at all (another baud rate or parity?): {missing}")
    return frame


def _noise(data: bytes, is_request: bool) -> Frame:
    frame = Frame(framing="rtu", is_request=is_request, raw=data)
    frame.parts.append(Part(at=0, raw=data, name="noise", says="no frame"))
    frame.problems.append(f"{len(data)} bytes of noise before a frame")
    return frame


def _pdu(frame: Frame, at: int) -> None:
    """Unit, function and what the function carries, as far as the bytes go."""
    at = _fields(frame, (("unit", Int8ub), ("function", Int8ub)), at)
    code = frame.facts.get("function")
    if code is None:
        return
    name = FUNCTIONS.get(code & 0x7F, "not in the standard")
    frame.parts[-1] = Part(at=at - 1, raw=frame.raw[at - 1 : at], name="function", says=f"{code & 0x7F} {name}")
    if code & 0x80:
        at = _fields(frame, (("exception", Int8ub),), at)
        _rest(frame, at)
        return
    layout = (REQUESTS if frame.is_request else REPLIES).get(code)
    if layout is None:
        frame.data = frame.raw[at:]
        _rest(frame, at, name="body")
        return
    at = _fields(frame, layout, at)
    told = frame.facts.get("bytes")
    if told is not None:
        frame.data = frame.raw[at : at + told]
        if frame.data:
            frame.parts.append(Part(at=at, raw=frame.data, name="data"))
        if len(frame.data) < told:
            frame.problems.append(f"cut: {told - len(frame.data)} of {told} bytes of data are missing")
        at += len(frame.data)
    elif code == 6:
        frame.data = frame.raw[at - 2 : at] if "word" in frame.facts else b""
    _rest(frame, at)


def _fields(frame: Frame, layout: Layout, at_in_frame: int) -> int:
    """Take fields off the frame until its bytes end; returns where."""
    at = at_in_frame
    for name, kind in layout:
        try:
            value = int(kind.parse(frame.raw[at:]))
        except StreamError:
            if at < len(frame.raw):
                frame.parts.append(Part(at=at, raw=frame.raw[at:], name=name, says="cut"))
            frame.problems.append(f"ends before its {name}")
            return len(frame.raw)
        size = kind.sizeof()
        frame.parts.append(Part(at=at, raw=frame.raw[at : at + size], name=name, says=str(value)))
        frame.facts[name] = value
        at += size
    return at


def _rest(frame: Frame, at: int, name: str = "rest") -> None:
    """What stands behind the last field that is known."""
    if at < len(frame.raw):
        frame.parts.append(Part(at=at, raw=frame.raw[at:], name=name))
        if name == "rest":
            frame.problems.append(f"{len(frame.raw) - at} bytes more than its function has")
