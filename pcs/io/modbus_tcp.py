"""The strict Modbus TCP link: `ports.Link` on pymodbus. One connection, one owner, no retry that nobody asked for.

Every request ends by its own deadline with exactly one value: the reply, or the fault that came instead. A device that
is gone costs its callers nothing but that answer: while the link backs off, requests fail at once. Links share nothing.
"""

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from pcs.codec.rtu import READ_FUNCTIONS, WRITE_SINGLE
from pcs.io.modbus_connection import READ_HOLDING, WRITE_MULTIPLE, Failure, ModbusConnection, Tap
from pcs.io.turn import PriorityTurn, Turn
from pcs.model.fault import Fault, FaultKind
from pcs.model.site import LinkAddress
from pcs.ports import Priority, Reply

READ_MAX = 125  # registers; MODBUS application protocol V1.1b3, section 6.3
WRITE_MAX = 123  # registers; MODBUS application protocol V1.1b3, section 6.12
BACKOFF_FIRST_S = 0.1  # one control cycle: a device that restarts its server is back in the next
BACKOFF_LAST_S = 5.0  # a device that was off for hours is found again within one meter outage's alarm delay
TIMEOUTS_UNTIL_REOPEN = 2  # one lost reply is an accident, two are a half-open socket

_READ_HEAD = struct.Struct(">HBBB")  # length, unit, function, byte count
_WRITE_HEAD = struct.Struct(">HBBHH")  # length, unit, function, address, count
COUNTED = {
    FaultKind.REFUSED: "refused",
    FaultKind.NOT_NOW: "refused",
    FaultKind.NO_ANSWER: "timeouts",
    FaultKind.BAD_ANSWER: "bad",
    FaultKind.NO_CONNECTION: "no_connection",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCounters:
    """What a link has seen since it was made, for status. `connects` counts connections that were opened."""

    requests: int = 0
    good: int = 0
    refused: int = 0
    timeouts: int = 0
    bad: int = 0
    no_connection: int = 0
    not_sent: int = 0
    """Requests that ended while they waited for their turn."""
    late_replies: int = 0
    connects: int = 0
    connected: bool = False
    last_error: str = ""
    last_error_s: float | None = None


class ModbusTcpLink:
    """A `ports.Link` over Modbus TCP. Times are loop time, which is `time.monotonic()` on the usual event loops."""

    def __init__(
        self, address: LinkAddress, *, min_gap_s: Mapping[int, float] | None = None, tap: Tap | None = None
    ) -> None:
        """Describe the link; nothing is opened before the first request.

        Args:
            address: Where the device or gateway listens.
            min_gap_s: Pause in seconds that a unit needs between a reply and the next request, by unit.
            tap: Told of every byte on the wire; for a trace.
        """
        self.address = address
        self._tap = tap
        self._turn = PriorityTurn()
        self._connection: ModbusConnection | None = None
        self._closed = False
        self._backoff_s = 0.0
        self._backoff_until_s = 0.0
        self._lost_because = ""
        self._timeouts_in_a_row = 0
        self._gap_s = {unit: gap for unit, gap in (min_gap_s or {}).items() if gap > 0.0}
        self._quiet_until_s: dict[int, float] = {}
        self._counts = dict.fromkeys(("requests", "good", "not_sent", "late_replies", "connects", *COUNTED.values()), 0)
        self._last_error = ""
        self._last_error_s: float | None = None

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        """See `ports.Link.read`."""
        known = function in READ_FUNCTIONS
        if not (1 <= count <= READ_MAX and 0 <= address <= 0x1_0000 - count and 0 <= unit <= 255 and known):
            raise ValueError(f"no read of {count} registers at {address} of unit {unit}")
        request = ReadHoldingRegistersRequest if function == READ_HOLDING else ReadInputRegistersRequest
        pdu = request(address=address, count=count, dev_id=unit)
        head = _READ_HEAD.pack(3 + 2 * count, unit, pdu.function_code, 2 * count)
        return await self._request(unit, pdu, head, deadline_s, priority)

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
        count = len(words)
        most = {WRITE_MULTIPLE: WRITE_MAX, WRITE_SINGLE: 1}.get(function, 0)
        if not (1 <= count <= most and 0 <= address <= 0x1_0000 - count and 0 <= unit <= 255):
            raise ValueError(f"no write of {count} registers at {address} of unit {unit} with function {function}")
        pdu: ModbusPDU
        if function == WRITE_SINGLE:
            pdu = WriteSingleRegisterRequest(address=address, count=1, registers=list(words), dev_id=unit)
        else:
            pdu = WriteMultipleRegistersRequest(address=address, registers=list(words), dev_id=unit)
        head = _WRITE_HEAD.pack(6, unit, function, address, words[0] if function == WRITE_SINGLE else count)
        return await self._request(unit, pdu, head, deadline_s, priority)

    async def close(self) -> None:
        """Close the connection; requests under way and later ones answer `NO_CONNECTION`."""
        self._closed = True
        self._give_up("link closed")
        await asyncio.sleep(0)  # lets the transport close its socket

    def counters(self) -> LinkCounters:
        """What the link has seen so far."""
        connection = self._connection
        usable = connection is not None and not connection.broken
        late = self._counts["late_replies"] + (connection.late_replies if connection else 0)
        seen = LinkCounters(
            **self._counts, connected=usable, last_error=self._last_error, last_error_s=self._last_error_s
        )
        return replace(seen, late_replies=late)

    async def _request(
        self, unit: int, pdu: ModbusPDU, head: bytes, deadline_s: float, priority: Priority
    ) -> Reply | Fault:
        """One request from the wish to the answer."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        until_s = began_s + deadline_s
        self._counts["requests"] += 1
        outcome: Reply | Failure | None = self._unreachable(began_s)
        if outcome is not None:
            self._counts["no_connection"] += 1
        else:
            turn = Turn.MINE if self._turn.take() else await self._turn.wait(priority, until_s)
            if turn is not Turn.MINE:
                self._counts["not_sent"] += 1
                outcome = Failure(kind=FaultKind.NO_ANSWER, detail=turn.value)
            else:
                try:
                    outcome = await self._on_the_wire(loop, unit, pdu, head, until_s)
                finally:
                    self._turn.release()
        if isinstance(outcome, Reply):
            return outcome
        now_s = loop.time()
        verb = "reading" if pdu.function_code in READ_FUNCTIONS else "writing"
        detail = f"{outcome.detail} ({verb} {pdu.count} at {pdu.address})"
        self._last_error, self._last_error_s = detail, now_s
        return Fault(kind=outcome.kind, source_id=f"{self.address} unit {unit}", at_s=now_s, detail=detail)

    async def _on_the_wire(
        self, loop: asyncio.AbstractEventLoop, unit: int, pdu: ModbusPDU, head: bytes, until_s: float
    ) -> Reply | Failure:
        """The part of a request that owns the connection."""
        unreachable = self._unreachable(loop.time())  # things may have changed while it waited
        if unreachable is not None:
            self._counts["no_connection"] += 1
            return unreachable
        connection = self._connection
        if connection is None or connection.broken:
            opened = await self._open(until_s)
            if isinstance(opened, Failure):
                self._judge(opened, loop.time())
                return opened
            connection = opened
        quiet_until_s = self._quiet_until_s.get(unit, 0.0)
        if quiet_until_s >= until_s:
            self._counts["not_sent"] += 1
            return Failure(kind=FaultKind.NO_ANSWER, detail="the pause that the unit needs outlasts the deadline")
        if quiet_until_s > loop.time():
            await asyncio.sleep(quiet_until_s - loop.time())
        try:
            answer = await connection.transact(pdu, head, until_s)
        finally:
            if unit in self._gap_s:
                self._quiet_until_s[unit] = loop.time() + self._gap_s[unit]
        if isinstance(answer, Reply):
            self._counts["good"] += 1
            self._alive()
            if connection.broken:
                self._give_up(connection.broken)
        else:
            self._judge(answer, loop.time())
        return answer

    async def _open(self, until_s: float) -> ModbusConnection | Failure:
        """A fresh connection, or why there is none."""
        self._give_up("")
        connection = ModbusConnection(self.address, self._tap)
        failure = await connection.open(until_s)
        if failure is None and self._closed:
            connection.abort("link closed")
            failure = Failure(kind=FaultKind.NO_CONNECTION, detail="link closed")
        if failure is not None:
            return failure
        self._connection = connection
        self._counts["connects"] += 1
        return connection

    def _alive(self) -> None:
        """The device answered: whatever went wrong before is over."""
        self._timeouts_in_a_row = 0
        self._backoff_s = 0.0

    def _judge(self, failure: Failure, now_s: float) -> None:
        """Count a failed request and decide whether the connection is worth keeping."""
        self._counts[COUNTED[failure.kind]] += 1
        if failure.kind in (FaultKind.REFUSED, FaultKind.NOT_NOW):
            self._alive()
            return
        if failure.kind is FaultKind.NO_ANSWER:
            self._timeouts_in_a_row += 1
            if self._timeouts_in_a_row < TIMEOUTS_UNTIL_REOPEN:
                return
        self._give_up(failure.detail)
        self._timeouts_in_a_row = 0
        self._lost_because = failure.detail
        self._backoff_s = min(max(2.0 * self._backoff_s, BACKOFF_FIRST_S), BACKOFF_LAST_S)
        self._backoff_until_s = now_s + self._backoff_s

    def _give_up(self, reason: str) -> None:
        """Drop the connection; the next request opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._counts["late_replies"] += connection.late_replies
            connection.abort(reason)

    def _unreachable(self, now_s: float) -> Failure | None:
        """Why a request need not even be tried, if so."""
        if self._closed:
            return Failure(kind=FaultKind.NO_CONNECTION, detail="link closed")
        if now_s < self._backoff_until_s:
            wait_s = self._backoff_until_s - now_s
            detail = f"{self._lost_because}; next attempt in {wait_s:.1f} s"
            return Failure(kind=FaultKind.NO_CONNECTION, detail=detail)
        return None
