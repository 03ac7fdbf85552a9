"""The strict Modbus RTU link: `ports.Link` for one bus, on a serial port or through a TCP gateway. One bus, one owner.

Requests of all units take turns by priority, and nobody starves. A unit that does not answer is asked ever more rarely,
so that it cannot take the bus from the others; its callers get their answer at once. Nothing is retried that nobody
asked for, but one read that a device refuses only because it was made longer than wanted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pcs.codec.rtu import READ_FUNCTIONS, WRITE_MULTIPLE, WRITE_SINGLE, Ask, ask_read, ask_write
from pcs.io.modbus_connection import Failure
from pcs.io.modbus_tcp import BACKOFF_FIRST_S, BACKOFF_LAST_S, COUNTED, READ_MAX, WRITE_MAX, LinkCounters
from pcs.io.rtu_connection import NOT_SENT, Heard, RtuConnection, Until
from pcs.io.rtu_line import Line, TcpLine
from pcs.io.rtu_trouble import named
from pcs.io.rtu_unit import Unit, UnitRules, is_answer
from pcs.io.serial_line import SerialLine
from pcs.io.turn import MOST_PASSES, PriorityTurn, Turn
from pcs.model.fault import Fault, FaultKind
from pcs.model.site import LinkAddress, LinkKind
from pcs.ports import Priority, Reply

UNIT_MAX = 247  # MODBUS over serial line V1.02, section 2.2
REPLY_LIKELY_S = (
    0.05  # meters answer within 5 to 25 ms (WattNode manual p. 57); half the deadline where that is shorter
)
SILENCES_UNTIL_REOPEN = 3  # of a gateway, whoever was asked: a half-open socket, or a gateway that hangs


@dataclass(frozen=True, slots=True, kw_only=True)
class RtuCounters(LinkCounters):
    """What a bus has seen; the first keys are those of every link."""

    quarantines: int = 0
    unasked_bytes: int = 0
    """Bytes that nobody here asked for: another client, or noise."""
    collisions: int = 0
    echoes: bool = False
    resting_units: tuple[int, ...] = ()
    note: str = ""


_COUNTS = ("requests", "good", "not_sent", "connects", *dict.fromkeys(COUNTED.values()))
_Asking = Callable[[RtuConnection, Until], Awaitable[Reply | Failure]]
"""A request that has its turn: it gets the line and its bounds."""


def line_for(address: LinkAddress) -> Line:
    """The line that an address means: a serial port, or a TCP connection to a gateway."""
    return SerialLine(address) if address.kind is LinkKind.SERIAL else TcpLine(address)


class ModbusRtuLink:
    """A `ports.Link` over one RTU bus. Times are loop time, which is `time.monotonic()` on the usual event loops."""

    def __init__(
        self,
        address: LinkAddress,
        *,
        units: Mapping[int, UnitRules] | None = None,
        line: Callable[[LinkAddress], Line] | None = None,
    ) -> None:
        """Describe the link; nothing is opened before the first request.

        Args:
            address: The bus.
            units: What is known of its units; others get the defaults.
            line: Makes the line; by default a serial port or a TCP connection, as the address says.
        """
        self.address = address
        self._make_line = line or line_for
        self._units = {unit: Unit(rules=rules) for unit, rules in (units or {}).items()}
        self._turn = PriorityTurn(most_passes=MOST_PASSES)
        self._connection: RtuConnection | None = None
        self._closed = False
        self._backoff_s = 0.0
        self._backoff_until_s = 0.0
        self._lost_because = ""
        self._silences = 0
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._last_error = ""
        self._last_error_s: float | None = None
        self._before = Heard()
        """What lines that were given up had told."""

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        """See `ports.Link.read`."""
        fits = 1 <= count <= READ_MAX and 0 <= address <= 0x1_0000 - count
        if not (fits and 1 <= unit <= UNIT_MAX and function in READ_FUNCTIONS):
            raise ValueError(f"no read of {count} registers at {address} of unit {unit} with function {function}")

        async def ask(connection: RtuConnection, until: Until) -> Reply | Failure:
            return await self._read(connection, unit, function, address, count, until)

        return await self._request(unit, ask, deadline_s, priority, f"reading {count} at {address}")

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
        """See `ports.Link.write`. A broadcast needs a unit whose profile allows it."""
        count = len(words)
        most = {WRITE_MULTIPLE: WRITE_MAX, WRITE_SINGLE: 1}.get(function, 0)
        allowed = unit != 0 or any(u.rules.broadcast for u in self._units.values())
        if not (1 <= count <= most and 0 <= address <= 0x1_0000 - count and 0 <= unit <= UNIT_MAX and allowed):
            raise ValueError(f"no write of {count} registers at {address} of unit {unit} with function {function}")

        async def ask(connection: RtuConnection, until: Until) -> Reply | Failure:
            return await self._transact(connection, unit, ask_write(unit, function, address, words), until)

        return await self._request(unit, ask, deadline_s, priority, f"writing {count} at {address}")

    async def close(self) -> None:
        """Close the line; requests under way and later ones answer `NO_CONNECTION`."""
        self._closed = True
        self._give_up("link closed")
        await asyncio.sleep(0)  # lets a transport close its socket

    def counters(self) -> RtuCounters:
        """What the link has seen so far."""
        connection = self._connection
        heard = self._heard()
        now_s = asyncio.get_running_loop().time()
        return RtuCounters(
            **self._counts,
            late_replies=heard.late_replies,
            connected=connection is not None and not connection.broken,
            last_error=self._last_error,
            last_error_s=self._last_error_s,
            quarantines=heard.quarantines,
            unasked_bytes=heard.unasked_bytes,
            collisions=heard.collisions,
            echoes=connection is not None and connection.echoes,
            resting_units=tuple(sorted(n for n, unit in self._units.items() if unit.rest_until_s > now_s)),
            note=connection.note if connection is not None else "",
        )

    async def _request(
        self, unit: int, ask: _Asking, deadline_s: float, priority: Priority, what: str
    ) -> Reply | Fault:
        """One request from the wish to the answer."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        end_s = began_s + deadline_s
        known = self._units.setdefault(unit, Unit(rules=UnitRules()))
        until = Until(send_by_s=end_s - min(max(REPLY_LIKELY_S, known.took_s), deadline_s / 2), end_s=end_s)
        self._counts["requests"] += 1
        outcome: Reply | Failure | None = self._not_now(known, began_s)
        if outcome is None:
            turn = Turn.MINE if self._turn.take() else await self._turn.wait(priority, until.send_by_s)
            if turn is Turn.MINE:
                try:
                    outcome = self._not_now(known, loop.time()) or await self._on_the_bus(loop, known, ask, until)
                finally:
                    self._turn.release()
            else:
                self._counts["not_sent"] += 1
                outcome = Failure(kind=FaultKind.NO_ANSWER, detail=turn.value)
        if isinstance(outcome, Reply):
            return outcome
        self._last_error, self._last_error_s = f"unit {unit}: {outcome.detail} ({what})", loop.time()
        return Fault(
            kind=outcome.kind,
            source_id=f"{self.address} unit {unit}",
            at_s=self._last_error_s,
            detail=f"{outcome.detail} ({what})",
        )

    def _not_now(self, unit: Unit, now_s: float) -> Failure | None:
        """Why a request need not even wait for its turn, if so."""
        if self._closed:
            self._counts["no_connection"] += 1
            return Failure(kind=FaultKind.NO_CONNECTION, detail="link closed")
        if now_s < self._backoff_until_s:
            self._counts["no_connection"] += 1
            wait_s = self._backoff_until_s - now_s
            return Failure(kind=FaultKind.NO_CONNECTION, detail=f"{self._lost_because}; next attempt in {wait_s:.1f} s")
        resting = unit.resting(now_s)
        self._counts["not_sent"] += resting is not None
        return resting

    async def _on_the_bus(
        self, loop: asyncio.AbstractEventLoop, unit: Unit, ask: _Asking, until: Until
    ) -> Reply | Failure:
        """The part of a request that owns the bus."""
        connection = self._connection
        if connection is None or connection.broken:
            opened = await self._open(until.end_s)
            if isinstance(opened, Failure):
                self._lose(opened, loop.time())
                return opened
            connection = opened
        outcome = await ask(connection, until)
        now_s = loop.time()
        if isinstance(outcome, Failure) and outcome.detail.startswith(NOT_SENT):
            self._counts["not_sent"] += 1
            return outcome
        self._counts["good" if isinstance(outcome, Reply) else COUNTED[outcome.kind]] += 1
        if is_answer(outcome):
            unit.answered()
            self._backoff_s, self._silences = 0.0, 0
            return outcome
        assert isinstance(outcome, Failure)
        if connection.broken:
            self._lose(outcome, now_s)
            return outcome
        self._silences = self._silences + 1 if outcome.kind is FaultKind.NO_ANSWER else 0
        if self.address.kind is not LinkKind.SERIAL and self._silences >= SILENCES_UNTIL_REOPEN:
            self._lose(Failure(kind=outcome.kind, detail="the gateway does not answer"), now_s)
            self._silences = 0
        return outcome

    async def _read(
        self, connection: RtuConnection, number: int, function: int, address: int, count: int, until: Until
    ) -> Reply | Failure:
        """A read whose reply no reply to an earlier request can stand for (DESIGN section 6)."""
        loop = asyncio.get_running_loop()
        unit = self._units[number]
        room = min(0x1_0000 - address, READ_MAX) - count
        longer_by = unit.longer_by(function, count, room, loop.time())
        wanted = count + (longer_by or 0)
        outcome = await self._transact(connection, number, ask_read(number, function, address, wanted), until)
        if longer_by and isinstance(outcome, Failure) and outcome.kind is FaultKind.REFUSED:
            # An exception is no late reply, so the unit is in step again; it only wants its own length.
            unit.forgotten_s.clear()
            outcome = await self._transact(connection, number, ask_read(number, function, address, count), until)
        if not isinstance(outcome, Reply):
            return outcome
        if longer_by is None:
            unit.forgotten_s.clear()
            connection.quarantine(outcome.sent_s + unit.rules.late_window_s)
            detail = "may be the late reply to an earlier request, so it is not used"
            return Failure(kind=FaultKind.BAD_ANSWER, detail=detail)
        return Reply(data=outcome.data[: 2 * count], sent_s=outcome.sent_s, received_s=outcome.received_s)

    async def _transact(self, connection: RtuConnection, number: int, ask: Ask, until: Until) -> Reply | Failure:
        """One frame and its answer, with what is learnt of the unit."""
        loop = asyncio.get_running_loop()
        unit = self._units[number]
        sent, answered = True, False
        try:
            outcome = await connection.transact(
                ask,
                not_before_s=unit.quiet_until_s,
                until=until,
                late_window_s=unit.rules.late_window_s,
            )
            answered = is_answer(outcome)
            if isinstance(outcome, Reply):
                unit.heard(outcome.received_s - outcome.sent_s)
            sent = isinstance(outcome, Reply) or not outcome.detail.startswith(NOT_SENT)
        finally:
            now_s = loop.time()
            if sent and unit.rules.min_gap_s:
                unit.quiet_until_s = now_s + unit.rules.min_gap_s
            if sent and not answered and ask.function in READ_FUNCTIONS:
                unit.give_up(ask.function, ask.head[2] // 2, now_s)
        if isinstance(outcome, Failure) and not answered and not connection.broken:
            outcome = named(
                outcome,
                self._heard(),
                self.address,
                number,
                unit_garbled=unit.garbled,
                now_s=now_s,
                complaints=connection.complaints(),
                note=connection.note,
            )
            if sent:
                unit.failed(outcome, now_s, alone=len(self._units) == 1)
        return outcome

    async def _open(self, until_s: float) -> RtuConnection | Failure:
        """An open line, or why there is none."""
        self._give_up("")
        connection = RtuConnection(self._make_line(self.address))
        failure = await connection.open(until_s)
        if failure is None and self._closed:
            connection.abort("link closed")
            failure = Failure(kind=FaultKind.NO_CONNECTION, detail="link closed")
        if failure is not None:
            return failure
        self._connection = connection
        self._counts["connects"] += 1
        return connection

    def _lose(self, failure: Failure, now_s: float) -> None:
        """Give the line up, and wait longer each time before it is opened again."""
        if failure.kind is FaultKind.NO_CONNECTION and self._connection is None:
            self._counts["no_connection"] += 1
        self._give_up(failure.detail)
        self._lost_because = failure.detail
        self._backoff_s = min(max(2.0 * self._backoff_s, BACKOFF_FIRST_S), BACKOFF_LAST_S)
        self._backoff_until_s = now_s + self._backoff_s

    def _give_up(self, reason: str) -> None:
        """Drop the line; the next request opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._before = self._before.and_then(connection.heard)
            connection.abort(reason)

    def _heard(self) -> Heard:
        """What this line and those before it have told."""
        return self._before.and_then(self._connection.heard) if self._connection is not None else self._before
