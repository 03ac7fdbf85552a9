"""What happens between a client and the simulated units it reaches: bytes become requests, requests replies, on time.

Over TCP one request is answered after another, as a gateway does. On a bus every unit hears every frame, a frame ends
with silence, and a unit answers when it is ready, whatever else is on the line by then: a late reply runs into what
follows, as it does on copper.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from hil.rig.framing import NotModbusError, rtu_frame, take_tcp, tcp_frame, whole_rtu
from hil.rig.link_fault import Asked, FrameOf, LinkFault, Spoiled, Then, spoil
from hil.rig.link_name import LinkName

if TYPE_CHECKING:
    from hil.rig.modbus_server import DeviceServer

DEVICE_BUSY = 6
GATEWAY_TARGET_SILENT = 0x0B
BROADCAST = 0
MAX_WAITING = 16  # requests of one connection that may wait; a client that sends more is cut off
MAX_UNSENT = 1 << 16  # bytes that may wait for a slow line: a minute at 9600 baud
ENDLESS_PERIOD_S = 0.02
ENDLESS_CHUNK = bytes(256)
ENDLESS_LIMIT = 1 << 20  # bytes; an endless reply ends here, so that no reader's memory fills
TIMER_LATE_S = 0.002  # an event loop wakes up to a millisecond late, and somebody else may have the processor
CLOCK_S = 2e-6  # an event loop may call this much too early: the resolution of its clock
PACE_S = 0.002  # paced bytes leave in lots this long; adapters hand them over every 1 to 16 ms

Units = Mapping[int, "DeviceServer"]


class Wire(ABC):
    """One client's end of a transport: a socket or a pty."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Put bytes on the wire now."""

    @abstractmethod
    def close(self) -> None:
        """End in good order, after what was written."""

    @abstractmethod
    def abort(self) -> None:
        """Cut without a word."""

    @abstractmethod
    def is_closing(self) -> bool:
        """Whether nothing more can be written."""


class Conversation(ABC):
    """The common part: the fault of the moment, and endless replies."""

    def __init__(self, units: Units, wire: Wire):
        self.units, self.wire = units, wire
        self.loop = asyncio.get_running_loop()
        self._flood_timer: asyncio.TimerHandle | None = None
        self._kept_back = b""

    @abstractmethod
    def receive(self, data: bytes) -> None:
        """Bytes came from the client."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Let bytes leave, at the speed of the line."""

    def end(self) -> None:
        """Nothing more will be said."""
        if self._flood_timer is not None:
            self._flood_timer.cancel()

    def reply(self, unit: "DeviceServer", asked: Asked, frame_of: FrameOf) -> Then:
        """Answer a request, spoiled by the unit's fault; returns what follows."""
        fault = unit.fault
        if fault is LinkFault.SILENT or fault is LinkFault.HALF_OPEN:
            return Then.GO_ON
        if fault is LinkFault.BUSY:
            spoiled = Spoiled(data=frame_of(asked.tag, asked.unit, bytes((asked.pdu[0] | 0x80, DEVICE_BUSY))))
        else:
            spoiled = spoil(fault, asked, unit.answer(asked.pdu), frame_of, unit.random)
        if fault is LinkFault.REORDERED and not self._kept_back:
            self._kept_back = spoiled.data
            return Then.GO_ON
        self.send(spoiled.data + self._kept_back)
        self._kept_back = b""
        if spoiled.then is Then.FLOOD:
            self._flood(unit, 0)
        return spoiled.then

    def _flood(self, unit: "DeviceServer", sent: int) -> None:
        """Go on sending as if the reply had no end, until the fault is cleared or the client hangs up."""
        if unit.fault is not LinkFault.ENDLESS or sent > ENDLESS_LIMIT or self.wire.is_closing():
            self._flood_timer = None
            return
        self.send(ENDLESS_CHUNK)
        self._flood_timer = self.loop.call_later(ENDLESS_PERIOD_S, self._flood, unit, sent + len(ENDLESS_CHUNK))


class TcpConversation(Conversation):
    """Modbus TCP. A unit that nobody has answers as a gateway does for it: exception 0x0B."""

    def __init__(self, units: Units, wire: Wire):
        super().__init__(units, wire)
        self._buffer = bytearray()
        self._waiting: deque[Asked] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def end(self) -> None:
        """Forget who waits."""
        super().end()
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def receive(self, data: bytes) -> None:
        """Take every whole request; cut off a client that speaks something else, or too much."""
        self._buffer += data
        try:
            while (asked := take_tcp(self._buffer)) is not None:
                if len(self._waiting) >= MAX_WAITING:
                    raise NotModbusError
                unit = self.units.get(asked.unit)
                if unit is None or unit.hears(asked.pdu):
                    self._waiting.append(asked)
                    if self._timer is None:
                        self._next()
        except NotModbusError:
            self._waiting.clear()
            self.wire.abort()

    def send(self, data: bytes) -> None:
        """At once."""
        self.wire.write(data)

    def _next(self) -> None:
        """Answer the first of those who wait, now or after its unit's reply time."""
        unit = self.units.get(self._waiting[0].unit)
        delay_s = unit.delay_s() if unit is not None else 0.0
        if delay_s > 0.0:
            self._timer = self.loop.call_later(delay_s, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        self._timer = None
        asked = self._waiting.popleft()
        unit = self.units.get(asked.unit)
        if unit is None:
            self.send(tcp_frame(asked.tag, asked.unit, bytes((asked.pdu[0] | 0x80, GATEWAY_TARGET_SILENT))))
            then = Then.GO_ON
        else:
            then = self.reply(unit, asked, tcp_frame)
        if then is not Then.GO_ON:
            self._waiting.clear()
        if then is Then.CLOSE:
            self.wire.close()
        elif then is Then.CUT:
            self.wire.abort()
        if self._waiting and self._timer is None:
            self._next()


class RtuConversation(Conversation):
    """Modbus RTU on a bus, over a pty or a socket. A unit that nobody has is silence."""

    def __init__(self, units: Units, wire: Wire, link: LinkName, listens: Callable[[], bool] = lambda: True):
        """`listens` says whether the client's line settings are those of the bus; if not, nobody understands it."""
        super().__init__(units, wire)
        self._character_s, self._gap_s, self._listens = link.character_s, link.gap_s, listens
        self._heard = bytearray()
        self._heard_until_s = 0.0
        self._silence: asyncio.TimerHandle | None = None
        self._due: dict[int, deque[asyncio.TimerHandle]] = {}
        self._unsent = bytearray()
        self._sent_until_s = 0.0
        self._pace: asyncio.TimerHandle | None = None

    def end(self) -> None:
        """Forget everything that is due."""
        super().end()
        for timer in (self._silence, self._pace, *(timer for due in self._due.values() for timer in due)):
            if timer is not None:
                timer.cancel()
        self._due.clear()
        self._unsent.clear()
        self._heard.clear()
        self._pace = self._silence = None

    def receive(self, data: bytes) -> None:
        """Bytes came; they are on the line for as long as their number says, and a frame ends with silence."""
        if any(unit.fault is LinkFault.ECHO for unit in self.units.values()):
            self.send(data)
        now_s = self.loop.time()
        self._heard_until_s = max(now_s, self._heard_until_s) + len(data) * self._character_s
        self._heard += data
        del self._heard[MAX_UNSENT:]
        if self._silence is not None:
            self._silence.cancel()
        self._silence = self.loop.call_at(self._heard_until_s + self._gap_s, self._frame)

    def _frame(self) -> None:
        """Silence: what was heard is a frame, or nothing."""
        ended_s = self._heard_until_s + self._gap_s
        asked, self._silence = whole_rtu(bytes(self._heard)), None
        self._heard.clear()
        if asked is None or not self._listens():
            return
        if asked.unit == BROADCAST:
            for unit in self.units.values():
                if unit.fault is not LinkFault.DEAF:
                    unit.answer(asked.pdu)
            return
        called = self.units.get(asked.unit)
        if called is None or not called.hears(asked.pdu):
            return
        due = self._due.setdefault(asked.unit, deque())
        if len(due) >= MAX_WAITING:
            return
        at_s = ended_s + called.delay_s()
        if due:
            at_s = max(at_s, due[-1].when())
        due.append(self.loop.call_at(at_s, self._answer, called, asked, at_s))

    def _answer(self, unit: "DeviceServer", asked: Asked, due_s: float) -> None:
        self._due[asked.unit].popleft()
        self._sent_until_s = max(self._sent_until_s, due_s)
        self.reply(unit, asked, rtu_frame)  # a bus has no connection that could be closed or cut

    def send(self, data: bytes) -> None:
        """Behind what is still leaving, each byte when the line has carried it."""
        if self._character_s == 0.0:
            self.wire.write(data)
            return
        if self._pace is None:
            self._sent_until_s = max(self._sent_until_s, self.loop.time() - TIMER_LATE_S)
        self._unsent += data
        del self._unsent[MAX_UNSENT:]
        if self._pace is None:
            self._drain()

    def _drain(self) -> None:
        """Let go of the bytes that have passed the line by now, and come back for the next lot."""
        self._pace = None
        waited_s = self.loop.time() - self._sent_until_s + CLOCK_S
        passed = min(int(waited_s / self._character_s), len(self._unsent))
        if passed > 0:
            self.wire.write(bytes(self._unsent[:passed]))
            del self._unsent[:passed]
            self._sent_until_s += passed * self._character_s
        if self._unsent and not self.wire.is_closing():
            lot = min(max(1, int(PACE_S / self._character_s)), len(self._unsent))
            self._pace = self.loop.call_at(self._sent_until_s + lot * self._character_s, self._drain)
