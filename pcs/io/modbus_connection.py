"""One Modbus TCP connection: pymodbus carries the frames, and nothing reaches the caller that does not fit exactly.

A connection is used for one request at a time and never for long after it misbehaved: it only *says* that it must be
given up (`broken`); opening another one is the link's business. Each connection is a pymodbus client of its own, so
that bytes from an old socket can never reach a new one.

pymodbus 3.16 as it is: it connects by itself, retries by itself, skips replies of other units until its time-out, takes
replies with transaction id 0, decodes short replies as fewer registers, and raises out of `data_received` for unknown
functions. So requests go out as "no response expected", and the packet trace, which sees the bytes first, checks them.
"""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from pcs.codec.exceptions import exception_words
from pcs.model.fault import FaultKind
from pcs.model.site import LinkAddress
from pcs.ports import Reply

# What pymodbus would log arrives at the caller as a fault with evidence; at lower levels it also formats each frame.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

READ_HOLDING = 3
WRITE_MULTIPLE = 16

_MBAP = struct.Struct(">HHHBB")  # transaction, protocol, length, unit, function
_LENGTH_MIN, _LENGTH_MAX = 3, 254  # unit + function + at least one byte; MODBUS messaging on TCP/IP V1.0b, section 4.1
_BUFFER_MAX = (
    1 << 18
)  # asyncio reads at most 256 KiB at once; everything must pass the check, so pymodbus may drop nothing
_ABANDONED_MAX = 8  # requests whose reply may still come; two time-outs in a row close the connection anyway


NOT_NOW = frozenset({5, 6, 10, 11})
"""Exceptions that say nothing of the request: later, or with the unit awake, the same one may be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a request has no reply: the kind of fault and the evidence in words."""

    kind: FaultKind
    detail: str


Tap = Callable[[bool, bytes], None]
"""Told of every piece of bytes that goes out (True) or comes in (False), before anybody judges it."""


class _Pending:
    """The request on the wire: what its reply must begin with, and the future that waits for it."""

    __slots__ = ("future", "head", "sent_s", "transaction")

    def __init__(self, head: bytes, sent_s: float, future: "asyncio.Future[Reply | Failure]") -> None:
        self.head = head
        self.sent_s = sent_s
        self.future = future
        self.transaction = 0

    def settle(self, outcome: Reply | Failure) -> None:
        """Answer the caller unless that has happened."""
        if not self.future.done():
            self.future.set_result(outcome)


class ModbusConnection:
    """One open connection. Create it with `open`; `broken` says in words why it must not be used again."""

    def __init__(self, address: LinkAddress, tap: Tap | None = None) -> None:
        self._tap = tap
        self._tapped = 0
        self._loop = asyncio.get_running_loop()
        self._pending: _Pending | None = None
        self._abandoned: deque[int] = deque(maxlen=_ABANDONED_MAX)
        self._seen = 0
        self._torn = 0
        self.broken = ""
        self.late_replies = 0
        self._client = AsyncModbusTcpClient(
            address.host,
            port=address.port,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._on_packet,
            trace_connect=self._on_connect,
        )
        self._client.ctx.max_buffer_size = _BUFFER_MAX

    async def open(self, deadline_s: float) -> Failure | None:
        """Connect until `deadline_s` (loop time). The reason of a failure is kept; pymodbus' own connect drops it."""
        context = self._client.ctx
        try:
            async with asyncio.timeout_at(deadline_s):
                await context.call_create()
        except TimeoutError:
            self.abort("not connected in time")
            return Failure(kind=FaultKind.NO_CONNECTION, detail="no TCP connection in time")
        except OSError as error:
            self.abort("not connected")
            return Failure(kind=FaultKind.NO_CONNECTION, detail=f"cannot connect: {error}")
        except asyncio.CancelledError:
            self.abort("cancelled while connecting")
            raise
        # asyncio sets TCP_NODELAY on every TCP socket; tests/realtime proves it for ours.
        return None

    async def transact(self, pdu: ModbusPDU, head: bytes, deadline_s: float) -> Reply | Failure:
        """Send `pdu` and wait for its reply until `deadline_s` (loop time).

        Args:
            pdu: The request; pymodbus gives it its transaction id.
            head: What the reply must have behind its protocol id: length, unit, function, fixed part of the body.
            deadline_s: Loop time at which waiting ends.
        """
        if self.broken:  # lost while the unit's gap was kept
            return Failure(kind=FaultKind.NO_CONNECTION, detail=self.broken)
        loop = self._loop
        self._torn = 0
        pending = self._pending = _Pending(head, loop.time(), loop.create_future())
        await self._client.execute(True, pdu)
        pending.transaction = pdu.transaction_id
        timer = loop.call_at(deadline_s, self._expire, pending)
        try:
            return await pending.future
        except asyncio.CancelledError:
            self._abandoned.append(pending.transaction)
            if self._torn:
                self.broken = "request given up in the middle of its reply"
            raise
        finally:
            timer.cancel()
            self._pending = None

    def abort(self, reason: str) -> None:
        """Drop the connection at once, also when its peer takes no bytes any more."""
        self.broken = self.broken or reason
        transport = self._client.ctx.transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
        self._client.close()
        if self._pending is not None:
            self._pending.settle(Failure(kind=FaultKind.NO_CONNECTION, detail=self.broken))

    def _expire(self, pending: _Pending) -> None:
        """The deadline of a request: its reply may still come, and will then be dropped."""
        self._abandoned.append(pending.transaction)
        if self._torn:
            self.broken = f"only {self._torn} bytes of a reply in time"
            pending.settle(Failure(kind=FaultKind.BAD_ANSWER, detail=self.broken))
        else:
            pending.settle(Failure(kind=FaultKind.NO_ANSWER, detail="no reply in time"))

    def _on_connect(self, connected: bool) -> None:
        """The peer or the network ended the connection."""
        if not connected:
            self.abort("connection closed by the device")

    def _on_packet(self, sending: bool, data: bytes) -> bytes:
        """See every byte before pymodbus does, which is then left nothing to decode."""
        if self._tap is not None:
            self._tap(sending, data if sending else data[self._tapped :])
            self._tapped = 0 if sending else len(data)
        if sending:  # pymodbus forgets what it has received
            self._seen = 0
            return data
        trouble = self._receive(data)
        if trouble:
            pending = self._pending
            if pending is not None:
                pending.settle(Failure(kind=FaultKind.BAD_ANSWER, detail=trouble))
            self.abort(trouble)
        return b""

    def _receive(self, data: bytes) -> str:
        """Look at what came since the last whole frame; returns what is wrong with it, if anything is.

        `data` is everything since the last request was sent. Allowed are replies to requests that were given up, each
        once, and then exactly one reply to the present request.
        """
        pending = self._pending
        at, end = self._seen, len(data)
        while end - at >= 8:
            transaction, protocol, length, unit, function = _MBAP.unpack_from(data, at)
            if protocol != 0 or not _LENGTH_MIN <= length <= _LENGTH_MAX:
                return f"no Modbus TCP header: {data[at : at + 8].hex(' ')}"
            frame = data[at : at + 6 + length]
            if len(frame) < 6 + length:
                break
            at = self._seen = at + 6 + length
            if pending is not None and transaction == pending.transaction:
                if at != end:
                    return f"{end - at} bytes too many behind the reply"
                return self._judge(pending, frame, unit, function)
            if transaction not in self._abandoned:
                return f"reply to a request that was never made (transaction {transaction})"
            self._abandoned.remove(transaction)
            self.late_replies += 1
        self._torn = end - at
        if at < end and pending is None:
            return f"{end - at} bytes that nobody asked for"
        return ""

    def _judge(self, pending: _Pending, frame: bytes, unit: int, function: int) -> str:
        """Settle the request with a frame that carries its transaction id; returns what does not fit."""
        head, received_s = pending.head, self._loop.time()
        if frame.startswith(head, 4):  # the head begins with the length, so the size fits too
            pending.settle(Reply(data=frame[4 + len(head) :], sent_s=pending.sent_s, received_s=received_s))
            return ""
        wanted_unit, wanted_function = head[2], head[3]
        if unit != wanted_unit:
            return f"reply from unit {unit} instead of {wanted_unit}"
        if function == wanted_function | 0x80 and len(frame) == 9:
            code = frame[8]
            detail = exception_words(code)
            kind = FaultKind.NOT_NOW if code in NOT_NOW else FaultKind.REFUSED
            pending.settle(Failure(kind=kind, detail=detail))
            return ""
        if function != wanted_function:
            return f"reply with function {function} instead of {wanted_function}"
        if frame[4:6] != head[:2]:
            return f"reply of {len(frame) - 6} bytes instead of {int.from_bytes(head[:2], 'big')}"
        return f"reply body begins {frame[8:12].hex(' ')} instead of {head[4:].hex(' ')}"
