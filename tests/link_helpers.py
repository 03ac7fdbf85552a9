"""For tests of links and devices: a server that misbehaves on request, virtual time, and a link without a network."""

import asyncio
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pcs.model.fault import Fault, FaultKind
from pcs.model.site import LinkAddress
from pcs.ports import Priority, Reply
from tests.virtual_time import run_virtually

T = TypeVar("T")

ADDRESS = LinkAddress(host="127.0.0.1", port=1502)


def in_virtual_time(work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` on a loop whose clock jumps whenever everybody waits."""

    async def whole() -> T:
        return await work()

    return run_virtually(whole())


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    transaction: int
    unit: int
    function: int
    address: int
    count: int
    words: tuple[int, ...]
    at_s: float


def body(request: Request) -> bytes:
    """What a healthy server says: every register holds its own address."""
    if request.function == 16:
        return struct.pack(">BHH", 16, request.address, request.count)
    registers = [(request.address + i) & 0xFFFF for i in range(request.count)]
    return struct.pack(f">BB{request.count}H", 3, 2 * request.count, *registers)


def frame(
    request: Request,
    pdu: bytes | None = None,
    *,
    transaction: int | None = None,
    unit: int | None = None,
    protocol: int = 0,
) -> bytes:
    """A reply frame to `request`, wrong where told."""
    pdu = body(request) if pdu is None else pdu
    transaction = request.transaction if transaction is None else transaction
    unit = request.unit if unit is None else unit
    return struct.pack(">HHHB", transaction, protocol, 1 + len(pdu), unit) + pdu


Answer = Callable[["Peer", Request], None]


def healthy(peer: "Peer", request: Request) -> None:
    """Answer as asked."""
    peer.send(frame(request))


def silent(peer: "Peer", request: Request) -> None:
    """Do not answer."""


def late(delay_s: float, answer: Answer = healthy) -> Answer:
    """Answer after `delay_s`."""

    def later(peer: "Peer", request: Request) -> None:
        asyncio.get_running_loop().call_later(delay_s, answer, peer, request)

    return later


def saying(build: Callable[[Request], bytes]) -> Answer:
    """Send exactly these bytes."""
    return lambda peer, request: peer.send(build(request))


class Peer(asyncio.Protocol):
    """One connection of the server."""

    def __init__(self, server: "FaultyServer") -> None:
        self.server = server
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.peers.append(self)
        self.server.on_connect(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= 12:
            transaction, _, length, unit, function, address, count = struct.unpack_from(">HHHBBHH", self.buffer)
            words = struct.unpack(f">{count}H", self.buffer[13 : 6 + length]) if function == 16 else ()
            self.buffer = self.buffer[6 + length :]
            now_s = asyncio.get_running_loop().time()
            request = Request(transaction, unit, function, address, count, words, now_s)
            self.server.requests.append(request)
            answer = self.server.script.popleft() if self.server.script else self.server.otherwise
            answer(self, request)

    def send(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)


@dataclass
class FaultyServer:
    """Answers requests by its `script`, one entry each, and `otherwise` when the script has run out."""

    script: deque[Answer] = field(default_factory=deque)
    otherwise: Answer = healthy
    requests: list[Request] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    on_connect: Callable[[Peer], None] = lambda peer: None
    server: asyncio.Server | None = None

    async def start(self, address: LinkAddress = ADDRESS) -> LinkAddress:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Peer(self), address.host, address.port)
        return LinkAddress(host=address.host, port=self.server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
        for peer in self.peers:
            peer.transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


Reading = Callable[[int, int, int], bytes | FaultKind | None]


@dataclass
class FakeLink:
    """`ports.Link` without a network: registers in a dictionary, faults on demand, one millisecond per request.

    `refuse` lists addresses that answer with a fault, `refuse_writes` those that do so to a write; `on_write` may
    change what a write leaves behind; after `fail_after` more requests the connection is gone.
    """

    registers: dict[int, int] = field(default_factory=dict)
    fault: FaultKind | None = None
    refuse: set[int] = field(default_factory=set)
    refuse_writes: set[int] = field(default_factory=set)
    on_write: Callable[[int, tuple[int, ...]], tuple[int, ...]] | None = None
    after_write: Callable[[], None] | None = None
    log: list[tuple[str, int, int, Priority]] = field(default_factory=list)
    written: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    now_s: float = 100.0
    fail_after: int | None = None

    def put(self, address: int, *words: int) -> None:
        self.registers.update({address + i: word & 0xFFFF for i, word in enumerate(words)})

    def put_bytes(self, address: int, data: bytes) -> None:
        self.put(address, *struct.unpack(f">{len(data) // 2}H", data))

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        self._begin("read", address, count, priority)
        if not 1 <= count <= 125:
            raise ValueError(count)
        wanted = range(address, address + count)
        if self.fault is None and (self.refuse.intersection(wanted) or any(a not in self.registers for a in wanted)):
            return self._fault(FaultKind.REFUSED, "exception 2, illegal address")
        if self.fault is not None:
            return self._fault(self.fault, "as told")
        return self._reply(struct.pack(f">{count}H", *(self.registers[a] for a in wanted)))

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
        self._begin("write", address, len(words), priority)
        if self.fault is not None:
            return self._fault(self.fault, "as told")
        if address in self.refuse_writes:
            return self._fault(FaultKind.REFUSED, "exception 2, illegal address")
        self.written.append((address, words))
        self.put(address, *(self.on_write(address, words) if self.on_write else words))
        if self.after_write:
            self.after_write()
        return self._reply(b"")

    async def close(self) -> None:
        self.fault = FaultKind.NO_CONNECTION

    def _begin(self, kind: str, address: int, count: int, priority: Priority) -> None:
        self.log.append((kind, address, count, priority))
        if self.fail_after is not None:
            self.fail_after -= 1
            if self.fail_after < 0:
                self.fault = FaultKind.NO_CONNECTION

    def _reply(self, data: bytes) -> Reply:
        self.now_s += 0.001
        return Reply(data=data, sent_s=self.now_s - 0.001, received_s=self.now_s)

    def _fault(self, kind: FaultKind, detail: str) -> Fault:
        return Fault(kind=kind, source_id="link", at_s=self.now_s, detail=detail)
