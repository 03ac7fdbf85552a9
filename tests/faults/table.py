"""The faults of a link as data: what the device does, what the core then sees, how long it may take.

A fault begins with a read of four registers. For each framing that knows the fault stands what that read gives (a kind
of fault, or `GOOD`), how long that may take, and how long until there is a good reply again when one asks every 10 ms;
both count from the beginning, in the units that `tests.faults.play` declares for each link.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from pcs.model.fault import FaultKind
from tests.faults.device import TCP, Play, Wire, stop_for
from tests.link_helpers import Request, body

GOOD = "the right reading"
DEADLINE_S = 0.2
LATE_WINDOW_S = 0.3
"""What the profile of the device declares: a reply may be this late."""
OUTAGE_S = 0.5
STOP_S = 2.5 * DEADLINE_S


class Took(Enum):
    """How long something may take, in what a link declares."""

    AT_ONCE = "at once"
    DEADLINE = "1 deadline"
    RECONNECT = "1 reconnection"
    DEADLINE_RECONNECT = "1 deadline, 1 reconnection"
    TWO_DEADLINES = "2 deadlines"
    TWO_DEADLINES_RECONNECT = "2 deadlines, 1 reconnection"
    WINDOW = "1 late window"
    WINDOW_DEADLINE = "1 late window, 1 deadline"
    TWO_WINDOWS = "2 late windows, 1 deadline"
    OUTAGE = "the outage, 2 reconnections"
    THREE_SILENCES = "3 deadlines, 3 late windows, 2 rests, 1 reconnection"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the core sees of a fault on one kind of framing."""

    saw: FaultKind | str
    took: Took
    again: Took


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault; a framing that does not know it says nothing."""

    name: str
    play: Play
    tcp: Seen | None = None
    rtu: Seen | None = None
    then: tuple[int, int] = (300, 4)
    """Address and count of the reads that follow."""
    stops_s: float = 0.0
    """How long the waiting process is stopped meanwhile, as by a full machine; it does not count."""
    wall_s: float = 0.0
    """How far the wall clock jumps meanwhile."""
    sockets_only: bool = False

    @property
    def alone(self) -> bool:
        """Whether it concerns the whole process, so that nothing else may be played meanwhile."""
        return bool(self.stops_s or self.wall_s)


GOOD_AT_ONCE = Seen(saw=GOOD, took=Took.AT_ONCE, again=Took.AT_ONCE)
TCP_BAD = Seen(saw=FaultKind.BAD_ANSWER, took=Took.AT_ONCE, again=Took.RECONNECT)
RTU_BAD = Seen(saw=FaultKind.BAD_ANSWER, took=Took.AT_ONCE, again=Took.WINDOW)
REFUSED = Seen(saw=FaultKind.REFUSED, took=Took.AT_ONCE, again=Took.AT_ONCE)
NOT_NOW = Seen(saw=FaultKind.NOT_NOW, took=Took.AT_ONCE, again=Took.AT_ONCE)
CUT = Seen(saw=FaultKind.NO_CONNECTION, took=Took.AT_ONCE, again=Took.RECONNECT)


def silence(again: Took) -> Seen:
    """Nothing comes until the deadline."""
    return Seen(saw=FaultKind.NO_ANSWER, took=Took.DEADLINE, again=again)


def once(build: Callable[[Wire, Request], bytes]) -> Play:
    """Say something else than the right reply, once."""

    def play(wire: Wire, request: Request, number: int) -> bool:
        if number == 0:
            wire.say(build(wire, request))
        return number == 0

    return play


def late(after_s: float) -> Play:
    """Reply late; the next reply takes its time too, so that the late one comes while it is waited for."""

    def play(wire: Wire, request: Request, number: int) -> bool:
        if number <= 1:
            wire.say(wire.frame(request), after_s if number == 0 else 0.2 * DEADLINE_S)
        return number <= 1

    return play


def cut(at: int, rest_after_s: float | None = None) -> Play:
    """Say the beginning of the reply only, or the rest of it later."""

    def play(wire: Wire, request: Request, number: int) -> bool:
        if number == 0:
            whole = wire.frame(request)
            wire.say(whole[:at])
            if rest_after_s is not None:
                wire.say(whole[at:], rest_after_s)
        return number == 0

    return play


def mute(wire: Wire, request: Request, number: int) -> bool:
    """Never answer on the connection that the fault found; on a port that stays the same, not to two requests."""
    return wire.faulty and (wire.framing is TCP or number < 2)


def hung(wire: Wire, request: Request, number: int) -> bool:
    """Read nothing more from the connection that the fault found."""
    if number == 0:
        wire.stop_reading()
    return wire.faulty


def reset(wire: Wire, request: Request, number: int) -> bool:
    """Cut the connection in the middle of the reply."""
    if number == 0:
        wire.write(wire.frame(request)[:7])
        wire.reset()
    return number == 0


def unplugged(wire: Wire, request: Request, number: int) -> bool:
    """Be gone, port and all, and come back."""
    if number == 0:
        wire.unplug(OUTAGE_S)
    return number == 0


def stopped(answers: bool) -> Play:
    """Stop the process that waits, beyond its deadline, with the reply in its socket or without."""

    def play(wire: Wire, request: Request, number: int) -> bool:
        if number == 0:
            if answers:
                wire.write(wire.frame(request))
            stop_for(STOP_S)
        return number == 0

    return play


def healthy(wire: Wire, request: Request, number: int) -> bool:
    """Answer as asked."""
    return False


def other(request: Request) -> Request:
    """What was asked before: the same count somewhere else."""
    return Request(request.transaction, request.unit, 3, 900, request.count, (), 0.0)


def read_of(count: int, *, says: int | None = None) -> Callable[[Wire, Request], bytes]:
    """A reply with `count` registers, and a byte count that says as many or something else."""

    def build(wire: Wire, request: Request) -> bytes:
        data = body(Request(0, 0, 3, request.address, count, (), 0.0))[2:]
        return wire.frame(request, bytes((3, 2 * count if says is None else says)) + data)

    return build


def exception(code: int, function: int = 0x83) -> Play:
    """Refuse."""
    return once(lambda wire, request: wire.frame(request, bytes((function, code))))


def bad(name: str, build: Callable[[Wire, Request], bytes], *, tcp: bool = True, rtu: bool = True) -> Row:
    """A reply that does not fit."""
    return Row(name=name, play=once(build), tcp=TCP_BAD if tcp else None, rtu=RTU_BAD if rtu else None)


def _flipped(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 0x01,))


NOISE = bytes.fromhex("00 fe 55")
WHOLE_TCP, WHOLE_RTU = 17, 13  # bytes of a reply with four registers

LATE = (
    Row(
        name="late reply, next read of the same count",
        play=late(1.1 * DEADLINE_S),
        tcp=silence(Took.TWO_DEADLINES),
        rtu=silence(Took.WINDOW_DEADLINE),
    ),
    Row(
        name="late reply, next read of another count",
        play=late(1.1 * DEADLINE_S),
        then=(300, 2),
        tcp=silence(Took.TWO_DEADLINES),
        rtu=silence(Took.WINDOW_DEADLINE),
    ),
    Row(
        name="reply later than the late window, same count",
        play=late(LATE_WINDOW_S + 0.1 * DEADLINE_S),
        tcp=silence(Took.TWO_DEADLINES),
        rtu=silence(Took.TWO_WINDOWS),
    ),
    Row(
        name="reply later than the late window, another count",
        play=late(LATE_WINDOW_S + 0.1 * DEADLINE_S),
        then=(300, 2),
        tcp=silence(Took.TWO_DEADLINES),
        rtu=silence(Took.TWO_WINDOWS),
    ),
)
WRONG = (
    bad("one register short", read_of(3)),
    bad("one register long", read_of(5)),
    bad("byte count below what follows", read_of(4, says=6)),
    bad("byte count above what follows", read_of(4, says=10)),
    bad("wrong unit", lambda wire, request: wire.frame(request, unit=2)),
    bad("wrong function", lambda wire, request: wire.frame(request, b"\x04" + body(request)[1:])),
    bad("function that nobody knows", lambda wire, request: wire.frame(request, b"\x63" + body(request)[1:])),
    bad("exception of another function", lambda wire, request: wire.frame(request, b"\x90\x02")),
    bad("wrong transaction", lambda w, r: w.frame(r, transaction=r.transaction + 1), rtu=False),
    bad("CRC error", lambda wire, request: _flipped(wire.frame(request)), tcp=False),
    bad("two frames glued: the reply twice", lambda wire, request: wire.frame(request) * 2),
    bad("two frames glued: another reply first", lambda w, r: w.frame(other(r), transaction=99) + w.frame(r)),
    bad("two frames glued: another reply behind", lambda w, r: w.frame(r) + w.frame(other(r), transaction=99)),
    bad("noise before the frame", lambda wire, request: NOISE + wire.frame(request)),
    bad("noise behind the frame", lambda wire, request: wire.frame(request) + NOISE),
    bad("noise in place of the frame", lambda wire, request: bytes(range(0x30, 0x41))),
)
REFUSALS = (
    Row(name="exception 2, illegal address", play=exception(2), tcp=REFUSED, rtu=REFUSED),
    Row(name="exception 4, device failure", play=exception(4), tcp=REFUSED, rtu=REFUSED),
    Row(name="exception 6, busy", play=exception(6), tcp=NOT_NOW, rtu=NOT_NOW),
    Row(name="exception 11, no reply behind the gateway", play=exception(11), tcp=NOT_NOW, rtu=NOT_NOW),
)
CUTS = tuple(
    Row(
        name=f"frame cut after byte {at}",
        play=cut(at),
        tcp=Seen(saw=FaultKind.BAD_ANSWER, took=Took.DEADLINE, again=Took.DEADLINE_RECONNECT),
        rtu=RTU_BAD if at < WHOLE_RTU else None,
    )
    for at in range(1, WHOLE_TCP)
) + tuple(
    Row(
        name=f"frame cut after byte {at}, the rest late",
        play=cut(at, 1.3 * DEADLINE_S),
        tcp=Seen(saw=FaultKind.BAD_ANSWER, took=Took.DEADLINE, again=Took.DEADLINE_RECONNECT),
        rtu=RTU_BAD if at < WHOLE_RTU else None,
    )
    for at in range(1, WHOLE_TCP)
)
BROKEN = (
    Row(
        name="half-open socket: nobody reads any more",
        play=hung,
        sockets_only=True,
        tcp=silence(Took.TWO_DEADLINES_RECONNECT),
        rtu=silence(Took.THREE_SILENCES),
    ),
    Row(
        name="connection or port that never answers",
        play=mute,
        tcp=silence(Took.TWO_DEADLINES_RECONNECT),
        rtu=silence(Took.TWO_WINDOWS),
    ),
    Row(name="reset in the middle of the reply", play=reset, tcp=CUT, rtu=CUT),
    Row(
        name="port gone for half a second",
        play=unplugged,
        tcp=Seen(saw=FaultKind.NO_CONNECTION, took=Took.AT_ONCE, again=Took.OUTAGE),
        rtu=Seen(saw=FaultKind.NO_CONNECTION, took=Took.AT_ONCE, again=Took.OUTAGE),
    ),
)
CLOCKS = (
    Row(name="wall clock jumps a day ahead", play=healthy, wall_s=86_400.0, tcp=GOOD_AT_ONCE, rtu=GOOD_AT_ONCE),
    Row(name="wall clock jumps a day back", play=healthy, wall_s=-86_400.0, tcp=GOOD_AT_ONCE, rtu=GOOD_AT_ONCE),
    Row(
        name="process stopped beyond the deadline, the reply waits",
        play=stopped(True),
        stops_s=STOP_S,
        tcp=GOOD_AT_ONCE,
        rtu=GOOD_AT_ONCE,
    ),
    Row(
        name="process stopped beyond the deadline, no reply",
        play=stopped(False),
        stops_s=STOP_S,
        tcp=Seen(saw=FaultKind.NO_ANSWER, took=Took.AT_ONCE, again=Took.AT_ONCE),
        rtu=Seen(saw=FaultKind.NO_ANSWER, took=Took.AT_ONCE, again=Took.AT_ONCE),
    ),
)
TABLE: tuple[Row, ...] = (*LATE, *WRONG, *REFUSALS, *CUTS, *BROKEN, *CLOCKS)
