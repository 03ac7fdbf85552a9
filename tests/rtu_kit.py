"""For tests of the RTU link: a bus in memory whose units answer as told, paced like a real one, in virtual time."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pcs.codec.rtu import is_sealed, sealed
from pcs.io.modbus_rtu import ModbusRtuLink, RtuCounters
from pcs.io.rtu_unit import UnitRules
from pcs.model.fault import Fault, FaultKind
from pcs.model.site import LinkAddress, LinkKind
from pcs.ports import Priority, Reply
from tests.link_helpers import in_virtual_time

BUS = LinkAddress(kind=LinkKind.SERIAL, device="/dev/ttyTEST", port=0, baud=19200)
CHARACTER_S = 10 / 19200
GAP_S = 3.5 * CHARACTER_S
TURNAROUND_S = 0.005
LATE_S = 0.002


@dataclass(frozen=True)
class Asked:
    """One frame as the bus heard it: when its first and last bit were on the wire (loop time)."""

    frame: bytes
    from_s: float
    to_s: float

    @property
    def unit(self) -> int:
        return self.frame[0]

    @property
    def count(self) -> int:
        return int.from_bytes(self.frame[4:6], "big")


def words(address: int, count: int) -> bytes:
    """What a healthy unit says: every register holds its own address."""
    return b"".join(((address + i) & 0xFFFF).to_bytes(2, "big") for i in range(count))


def right(asked: Asked) -> bytes:
    """The reply that fits."""
    unit, function, address, count = struct.unpack_from(">BBHH", asked.frame)
    if function in (6, 16):
        return sealed(asked.frame[:6])
    return sealed(bytes((unit, function, 2 * count)) + words(address, count))


Answer = Callable[[Asked], list[tuple[float, bytes]]]
"""What comes back: pairs of delay after the request's last bit (seconds) and bytes."""


def healthy(asked: Asked) -> list[tuple[float, bytes]]:
    return [(TURNAROUND_S, right(asked))]


def silent(asked: Asked) -> list[tuple[float, bytes]]:
    return []


def late(delay_s: float) -> Answer:
    return lambda asked: [(delay_s, right(asked))]


def saying(build: Callable[[Asked], bytes]) -> Answer:
    return lambda asked: [(TURNAROUND_S, build(asked))]


def refusing_beyond(count: int, code: int = 2) -> Answer:
    """Refuse to read more registers than this."""

    def answer(asked: Asked) -> list[tuple[float, bytes]]:
        if asked.count > count:
            return [(TURNAROUND_S, sealed(bytes((asked.unit, asked.frame[1] | 0x80, code))))]
        return healthy(asked)

    return answer


@dataclass
class Bus:
    """The wire and everybody on it; also the `Line` that a link uses."""

    script: list[Answer] = field(default_factory=list)
    units: dict[int, Answer] = field(default_factory=dict)
    otherwise: Answer = healthy
    echo: bool = False
    opens: list[OSError | None] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    opened: int = 0
    character_s: float = CHARACTER_S
    late_s: float = LATE_S
    note: str = ""
    heard_s: float = -1.0
    on_bytes: Callable[[bytes], None] = lambda _: None
    on_lost: Callable[[str], None] = lambda _: None

    async def open(self) -> None:
        self.opened += 1
        trouble = self.opens.pop(0) if self.opens else None
        if trouble is not None:
            raise trouble

    def send(self, data: bytes) -> None:
        assert is_sealed(data)
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + len(data) * self.character_s
        asked = Asked(data, loop.time(), ends_s)
        self.asked.append(asked)
        if self.echo:
            loop.call_at(ends_s, self.say, data)
        answer = self.script.pop(0) if self.script else self.units.get(asked.unit, self.otherwise)
        if asked.unit:
            for delay_s, reply in answer(asked):
                loop.call_at(ends_s + delay_s + len(reply) * self.character_s, self.say, reply)

    def say(self, data: bytes) -> None:
        """Put bytes on the wire now; the last bit was just there."""
        self.heard_s = asyncio.get_running_loop().time()
        self.on_bytes(data)

    def vanish(self) -> None:
        self.on_lost("/dev/ttyTEST is gone: adapter unplugged?")

    def complaints(self) -> str:
        return ""

    def close(self) -> None:
        self.on_bytes, self.on_lost = lambda _: None, lambda _: None


def on_bus(
    work: Callable[[ModbusRtuLink, Bus], Awaitable[None]], bus: Bus, units: dict[int, UnitRules] | None = None
) -> RtuCounters:
    """Run `work` with a link on this bus in virtual time; returns the link's counters at the end."""

    async def whole() -> RtuCounters:
        link = ModbusRtuLink(
            BUS, units={1: UnitRules(vital=True), 2: UnitRules()} if units is None else units, line=lambda _: bus
        )
        try:
            await work(link, bus)
            return link.counters()
        finally:
            await link.close()

    return in_virtual_time(whole)


async def read(
    link: ModbusRtuLink,
    address: int = 100,
    count: int = 4,
    *,
    unit: int = 1,
    deadline_s: float = 1.0,
    priority: Priority = Priority.FAST_READ,
    function: int = 3,
) -> Reply | Fault:
    return await link.read(unit, address, count, deadline_s=deadline_s, priority=priority, function=function)


def fault(answer: Reply | Fault, kind: FaultKind, detail: str = "") -> Fault:
    assert isinstance(answer, Fault), answer
    assert answer.kind is kind, answer
    assert detail in answer.detail
    return answer


def good(answer: Reply | Fault, address: int = 100, count: int = 4) -> Reply:
    assert isinstance(answer, Reply), answer
    assert answer.data == words(address, count)
    return answer
