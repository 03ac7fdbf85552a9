"""One open RTU line for one request at a time: silence, a frame, an exact reply; quarantine after anything else.

RTU has no transaction id, so what comes late must never meet the next request: after a time-out, a cancellation or a
reply that does not fit, bytes are read and dropped until the reply's window is over *and* the bus is silent.
"""

import asyncio
from dataclasses import dataclass

from pcs.codec.exceptions import exception_words
from pcs.codec.rtu import FRAME_MAX, Ask, Seen, Shape, judge, units_talking
from pcs.io.fine_timer import FineTimer
from pcs.io.modbus_connection import NOT_NOW, Failure
from pcs.io.rtu_line import Line, gap_s
from pcs.model.fault import FaultKind
from pcs.ports import Reply

HEARD_MAX = 2 * FRAME_MAX + 16  # an echo, a reply, and enough to name what else was there
TORN_LEAST_S = (
    0.05  # a frame may pause for 1.5 characters; three latency timers of 16 ms are more than any adapter adds
)
BROADCAST_PAUSE_S = 0.1  # turnaround delay: 100 to 200 ms; MODBUS over serial line V1.02, section 2.4.1
NOT_SENT = "not sent"
"""How the detail of a failure begins that says nothing of the unit."""
SOON_S = 1e-5  # a tenth of a bit at 9600 baud; clocks of less resolution would wait for ever for the rest
UNASKED_FOR_S = 30.0  # frames that nobody asked for are worth a word this long


@dataclass(slots=True)
class Heard:
    """What an open line has told so far, for counters and for naming what is wrong with a bus."""

    bytes: int = 0
    good: int = 0
    garbled_in_a_row: int = 0
    late_replies: int = 0
    quarantines: int = 0
    unasked_bytes: int = 0
    unasked_units: tuple[int, ...] = ()
    unasked_s: float = float("-inf")
    collisions: int = 0

    def and_then(self, later: "Heard") -> "Heard":
        """Both together: an earlier line of the same bus, and a later one."""
        return Heard(
            bytes=self.bytes + later.bytes,
            good=self.good + later.good,
            garbled_in_a_row=self.garbled_in_a_row * (later.good == 0) + later.garbled_in_a_row,
            late_replies=self.late_replies + later.late_replies,
            quarantines=self.quarantines + later.quarantines,
            unasked_bytes=self.unasked_bytes + later.unasked_bytes,
            unasked_units=later.unasked_units or self.unasked_units,
            unasked_s=max(self.unasked_s, later.unasked_s),
            collisions=self.collisions + later.collisions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """Bounds of one request, loop time: when it must have ended, and after when it is not sent any more.

    A reply could then hardly come in time, and would only cost a quarantine.
    """

    send_by_s: float
    end_s: float


class _Pending:
    """The request on the line, what was heard since, and the future that waits."""

    __slots__ = ("ask", "future", "heard", "sent_s")

    def __init__(self, ask: Ask, sent_s: float, future: "asyncio.Future[Reply | Failure]") -> None:
        self.ask, self.sent_s, self.future = ask, sent_s, future
        self.heard = bytearray()

    def settle(self, outcome: Reply | Failure) -> None:
        """Answer the caller unless that has happened."""
        if not self.future.done():
            self.future.set_result(outcome)


class RtuConnection:
    """An open line with one owner. `broken` says in words why it must not be used again."""

    def __init__(self, line: Line) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = line
        self._timer = FineTimer()
        self._gap_s = gap_s(line.character_s)
        self._silence_s = self._gap_s + line.late_s
        self._last_s = float("-inf")
        """When the last character was on the line, as far as we can know."""
        self._quarantined = False
        self._window_s = float("-inf")
        """Until when a reply to a request that was given up may come."""
        self._pending: _Pending | None = None
        self._quiet: asyncio.TimerHandle | None = None
        self._stray = bytearray()
        self.echoes = False
        """Whether the adapter hears what it sends."""
        self.broken = ""
        self.heard = Heard()
        line.on_bytes, line.on_lost = self._on_bytes, self.abort

    async def open(self, until_s: float) -> Failure | None:
        """Open the line until `until_s` (loop time)."""
        try:
            async with asyncio.timeout_at(until_s):
                await self._line.open()
        except TimeoutError:
            self.abort("not opened in time")
            return Failure(kind=FaultKind.NO_CONNECTION, detail="not opened in time")
        except OSError as error:
            self.abort("not opened")
            return Failure(kind=FaultKind.NO_CONNECTION, detail=str(error))
        except asyncio.CancelledError:
            self.abort("cancelled while opening")
            raise
        self._last_s = self._loop.time()
        return None

    def abort(self, reason: str) -> None:
        """Give the line up at once."""
        self.broken = self.broken or reason
        self._line.close()
        self._timer.close()
        if self._pending is not None:
            self._pending.settle(Failure(kind=FaultKind.NO_CONNECTION, detail=self.broken))

    @property
    def note(self) -> str:
        """What is worth knowing of the line."""
        return self._line.note

    def complaints(self) -> str:
        """What the receiver itself complains of."""
        return self._line.complaints()

    def quarantine(self, until_s: float) -> None:
        """Read and drop until `until_s` (loop time) and silence, whatever came."""
        self._quarantined = True
        self._window_s = until_s
        self.heard.quarantines += 1

    async def transact(
        self, ask: Ask, *, not_before_s: float = 0.0, until: Until, late_window_s: float
    ) -> Reply | Failure:
        """Wait for silence, send, and wait for the reply until it must be there or the end of its window.

        `late_window_s` is counted from the end of the request; the reply's own length comes on top of it.
        `not_before_s` is the loop time until which the unit wants its rest.
        """
        waiting = await self._silence(not_before_s, until.send_by_s)
        if waiting is not None:
            return waiting
        try:
            self._line.send(ask.frame)
        except OSError as error:
            self.abort(f"cannot send: {error.strerror or error}")
        if self.broken:
            return Failure(kind=FaultKind.NO_CONNECTION, detail=self.broken)
        sent_s = self._loop.time()
        self._stray.clear()
        self._last_s = sent_s + len(ask.frame) * self._line.character_s
        window_s = self._last_s + late_window_s + ask.reply_bytes * self._line.character_s
        if ask.reply_bytes == 0:
            return await self._spoken_to_all(ask, sent_s)
        pending = self._pending = _Pending(ask, sent_s, self._loop.create_future())
        timer = self._loop.call_at(min(until.end_s, window_s), self._expire, pending)
        outcome: Reply | Failure | None = None
        try:
            outcome = await pending.future
            return outcome
        finally:
            timer.cancel()
            self._stop_quiet()
            self._pending = None
            self._learn(outcome, window_s)

    async def _spoken_to_all(self, ask: Ask, sent_s: float) -> Reply:
        """A broadcast: nobody replies, and the units need a moment to obey."""
        self._pending = _Pending(ask, sent_s, self._loop.create_future())  # takes an adapter's echo
        try:
            await asyncio.sleep(self._last_s + BROADCAST_PAUSE_S - self._loop.time())
        finally:
            self._pending = None
        return Reply(data=b"", sent_s=sent_s, received_s=self._loop.time())

    def _learn(self, outcome: Reply | Failure | None, window_s: float) -> None:
        """After a request: is the bus clean? Not unless the device answered, for better or for worse."""
        if isinstance(outcome, Reply):
            self.heard.good += 1
            self.heard.garbled_in_a_row = 0
            return
        if outcome is not None and outcome.kind in (FaultKind.REFUSED, FaultKind.NOT_NOW):
            return
        self.quarantine(window_s)

    async def _silence(self, not_before_s: float, send_by_s: float) -> Failure | None:
        """Wait until the bus may be used: 3.5 characters after the last, or the end of the quarantine."""
        began = self.heard.bytes
        while not self.broken:
            now_s = self._loop.time()
            silence_s = self._silence_s if self._quarantined else self._gap_s
            due_s = max(self._last_s + silence_s, self._window_s, not_before_s)
            if max(due_s, now_s) > send_by_s:
                dropped = self.heard.bytes - began
                if dropped:
                    return Failure(
                        kind=FaultKind.NO_ANSWER, detail=f"{NOT_SENT}: the bus is not silent, {dropped} bytes"
                    )
                return Failure(
                    kind=FaultKind.NO_ANSWER, detail=f"{NOT_SENT}: the bus is in quarantine after a lost reply"
                )
            if due_s <= now_s + SOON_S:
                self._quarantined = False
                return None
            await self._timer.wait_until(due_s)
        return Failure(kind=FaultKind.NO_CONNECTION, detail=self.broken)

    def _on_bytes(self, data: bytes) -> None:
        """Bytes from the line: for the request under way, or for nobody."""
        self._last_s = self._loop.time()
        self.heard.bytes += len(data)
        pending = self._pending
        if pending is None or pending.future.done():
            self._drop(data)
            return
        pending.heard += data
        if pending.ask.reply_bytes == 0:
            del pending.heard[:-HEARD_MAX]
            return
        self._look(pending)

    def _look(self, pending: _Pending) -> None:
        """Judge what was heard so far; what cannot become the reply is judged again when the line is silent."""
        seen = self._judged(pending)
        self._stop_quiet()
        if seen.shape is Shape.GOOD:
            pending.settle(Reply(data=seen.data, sent_s=pending.sent_s, received_s=self._last_s))
        elif seen.shape is Shape.EXCEPTION:
            kind = FaultKind.NOT_NOW if seen.code in NOT_NOW else FaultKind.REFUSED
            pending.settle(Failure(kind=kind, detail=exception_words(seen.code)))
        elif len(pending.heard) > HEARD_MAX:
            self._refuse(pending)
        else:
            torn = seen.shape is Shape.INCOMPLETE
            quiet_s = max(TORN_LEAST_S, self._silence_s) if torn else self._silence_s
            self._quiet = self._loop.call_later(quiet_s, self._refuse, pending)

    def _judged(self, pending: _Pending) -> Seen:
        """What was heard is to the request, without the echo of an adapter that hears itself.

        A write of one register (function 6) is answered by its own words: there the echo must be known beforehand,
        from any other request.
        """
        ask, heard = pending.ask, bytes(pending.heard)
        raw = judge(ask, heard)
        if raw.shape in (Shape.GOOD, Shape.EXCEPTION) and not (self.echoes and heard.startswith(ask.frame)):
            self.echoes = False
            return raw
        if heard.startswith(ask.frame):
            self.echoes = True
            return judge(ask, heard[len(ask.frame) :])
        return Seen(shape=Shape.INCOMPLETE) if ask.frame.startswith(heard) else raw

    def _refuse(self, pending: _Pending) -> None:
        """The line fell silent on something that is not the reply, or talks without end."""
        heard = bytes(pending.heard)
        seen = self._judged(pending)
        if heard == pending.ask.frame:
            return  # only our echo: the reply is still to come
        if seen.shape is Shape.INCOMPLETE:
            detail = f"only {len(heard)} bytes of a reply: {heard[:16].hex(' ')}"
        elif self.echoes and not heard.startswith(pending.ask.frame):
            self.heard.collisions += 1
            detail = f"our own frame came back changed ({seen.detail}): somebody else was talking on the bus"
        else:
            detail = seen.detail
        self.heard.garbled_in_a_row += seen.crc_failed or seen.shape is Shape.INCOMPLETE
        pending.settle(Failure(kind=FaultKind.BAD_ANSWER, detail=detail))

    def _expire(self, pending: _Pending) -> None:
        """The end of waiting: nothing came, or nothing whole."""
        heard = len(pending.heard)
        if heard and bytes(pending.heard) != pending.ask.frame:
            self._refuse(pending)
        echo = "; the adapter echoes, the device does not answer" if heard else ""
        pending.settle(Failure(kind=FaultKind.NO_ANSWER, detail=f"no reply in time{echo}"))

    def _drop(self, data: bytes) -> None:
        """Bytes for nobody: a late reply while the quarantine waits for it, else somebody else's frames."""
        self._stray += data
        del self._stray[:-HEARD_MAX]
        units = units_talking(bytes(self._stray))
        if self._quarantined:
            self.heard.late_replies += bool(units)
        else:
            self.heard.unasked_bytes += len(data)
            if units:
                self.heard.unasked_units, self.heard.unasked_s = units, self._last_s
                self._quarantined = True  # wait until they have finished
        if units:
            self._stray.clear()

    def _stop_quiet(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
