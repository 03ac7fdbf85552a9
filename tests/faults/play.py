"""Plays a fault on a kind of link and measures what its caller sees."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcs.io.modbus_rtu import ModbusRtuLink
from pcs.io.modbus_tcp import BACKOFF_FIRST_S, ModbusTcpLink
from pcs.io.rtu_unit import REST_FIRST_S, UnitRules
from pcs.model.fault import Fault
from pcs.model.site import LinkAddress, LinkKind
from pcs.ports import Link, Priority, Reply
from tests.faults.device import RTU, TCP, Device, Framing, Play, PtyDevice, SocketDevice
from tests.faults.table import DEADLINE_S, GOOD, LATE_WINDOW_S, OUTAGE_S, Row, Seen, Took
from tests.modbus_link_kit import registers
from tests.virtual_time import run_virtually

ASK_EVERY_S = 0.01
PATIENCE = 1000  # asks until a good reply is given up: ten seconds, four times the longest outage here
READS_AFTER = 12
"""Good reads that must be right after the first one: whatever was late has come by then."""
LAG_EVERY_S = 0.005


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of link: how a device is served, how the link to it is made, and what it declares.

    `at_once_s` is how long a whole reply, or the silence behind a bad one, takes to be known; `reconnect_s` how long a
    lost connection is left alone; `window_s` how long after the request a bus is not used when a reply is missing.
    """

    name: str
    rtu: bool
    real: bool
    sockets: bool = True
    device: Callable[[Play, Path], Device]
    link: Callable[[Any], Link]
    at_once_s: float
    reconnect_s: float
    window_s: float = 0.0

    def expects(self, row: Row) -> Seen | None:
        """What the core should see of a fault here; None where it cannot happen."""
        if row.sockets_only and not self.sockets:
            return None
        return row.rtu if self.rtu else row.tcp

    def within_s(self, took: Took) -> float:
        """The bound that a duration stands for on this link, seconds."""
        ask = self.at_once_s + ASK_EVERY_S
        deadlines = {
            Took.AT_ONCE: self.at_once_s,
            Took.DEADLINE: DEADLINE_S + ASK_EVERY_S,
            Took.RECONNECT: self.at_once_s + self.reconnect_s + ask,
            Took.DEADLINE_RECONNECT: DEADLINE_S + self.reconnect_s + ask,
            Took.TWO_DEADLINES: 2 * DEADLINE_S + ask,
            Took.TWO_DEADLINES_RECONNECT: 2 * DEADLINE_S + self.reconnect_s + 2 * ask,
            Took.WINDOW: self.window_s + ask,
            Took.WINDOW_DEADLINE: self.window_s + DEADLINE_S + ask,
            Took.TWO_WINDOWS: 2 * self.window_s + DEADLINE_S + 2 * ask,
            Took.THREE_SILENCES: 3 * (DEADLINE_S + self.window_s + ask) + 2 * REST_FIRST_S + self.reconnect_s,
            Took.OUTAGE: OUTAGE_S + 2 * self.reconnect_s + ask,
        }
        return deadlines[took]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened. `wrong` are readings that the device never gave to that request; there must be none.

    `lag_s` is the most that the event loop itself was late meanwhile: nothing of it is the link's doing.
    """

    saw: str
    detail: str
    took_s: float
    again_s: float
    wrong: tuple[str, ...]
    lag_s: float


async def play(row: Row, kind: Kind) -> Outcome:
    """One fault on one link, from a good read before it to several good reads after it."""
    with tempfile.TemporaryDirectory() as folder:
        device = kind.device(row.play, Path(folder) / "port")
        await device.start()
        link = kind.link(device)
        try:
            return await _measured(row, link, device)
        finally:
            await link.close()
            await device.stop()


async def _measured(row: Row, link: Link, device: Device) -> Outcome:
    loop = asyncio.get_running_loop()
    wrong: list[str] = []

    async def read(address: int, count: int) -> Reply | Fault:
        answer = await link.read(1, address, count, deadline_s=DEADLINE_S, priority=Priority.FAST_READ)
        if isinstance(answer, Reply) and answer.data != registers(address, count):
            wrong.append(f"{count} at {address}: {answer.data.hex(' ')}")
        return answer

    before = await read(7, 4)
    assert isinstance(before, Reply), before
    lag = _Lag(loop)
    device.arm()
    began_s = loop.time()
    with _jumps(loop, row):
        first = await read(100, 4)
    took_s = loop.time() - began_s - row.stops_s
    for _ in range(PATIENCE):
        await asyncio.sleep(ASK_EVERY_S)
        answer = await read(*row.then)
        if isinstance(answer, Reply):
            break
    again_s = loop.time() - began_s - row.stops_s
    lag.stop()
    for k in range(READS_AFTER if isinstance(answer, Reply) else 0):
        await asyncio.sleep(DEADLINE_S / 4)
        answer = await read(400 + k, 4)
        if isinstance(answer, Fault):
            wrong.append(f"4 at {400 + k}: {answer.detail}")
    saw, detail = (GOOD, "") if isinstance(first, Reply) else (first.kind.value, first.detail)
    return Outcome(
        saw=saw,
        detail=detail,
        took_s=took_s,
        again_s=again_s,
        wrong=tuple(wrong),
        lag_s=max(lag.most_s - row.stops_s, 0.0),
    )


class _Lag:
    """Measures the most that a loop is late."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.most_s = 0.0
        self._loop = loop
        self._due_s = loop.time()
        self._timer = loop.call_soon(self._look)

    def stop(self) -> None:
        """Measure no more."""
        self._timer.cancel()

    def _look(self) -> None:
        self.most_s = max(self.most_s, self._loop.time() - self._due_s)
        self._due_s = self._loop.time() + LAG_EVERY_S
        self._timer = self._loop.call_at(self._due_s, self._look)


@contextmanager
def _jumps(loop: asyncio.AbstractEventLoop, row: Row) -> Iterator[None]:
    """Let the clocks jump just after the request has gone out."""
    if not row.wall_s:
        yield
        return
    real = time.time
    loop.call_later(0.001, lambda: setattr(time, "time", lambda: real() + row.wall_s))
    try:
        yield
    finally:
        time.time = real


def _socket(framing: Framing, kind: LinkKind, port: int) -> Callable[[Play, Path], Device]:
    address = LinkAddress(host="127.0.0.1", port=port, kind=kind)
    return lambda play, _: SocketDevice(framing, play, address, real=port == 0)


def _tcp_link(device: Any) -> Link:
    return ModbusTcpLink(device.address)


def _rtu_link(device: Any) -> Link:
    rules = UnitRules(late_window_s=LATE_WINDOW_S, vital=True)
    return ModbusRtuLink(device.address, units={1: rules})


TCP_AT_ONCE_S = 0.02
RTU_AT_ONCE_S = 0.08  # a torn frame is known after 50 ms of silence, a wrong one after the gateway's 50 ms
KINDS: tuple[Kind, ...] = (
    Kind(
        name="tcp",
        rtu=False,
        real=False,
        device=_socket(TCP, LinkKind.TCP, 1502),
        link=_tcp_link,
        at_once_s=TCP_AT_ONCE_S,
        reconnect_s=BACKOFF_FIRST_S,
    ),
    Kind(
        name="rtu+tcp",
        rtu=True,
        real=False,
        device=_socket(RTU, LinkKind.RTU_OVER_TCP, 1502),
        link=_rtu_link,
        at_once_s=RTU_AT_ONCE_S,
        reconnect_s=BACKOFF_FIRST_S,
        window_s=LATE_WINDOW_S,
    ),
    Kind(
        name="tcp, real sockets",
        rtu=False,
        real=True,
        device=_socket(TCP, LinkKind.TCP, 0),
        link=_tcp_link,
        at_once_s=TCP_AT_ONCE_S,
        reconnect_s=BACKOFF_FIRST_S,
    ),
    Kind(
        name="rtu+tcp, real sockets",
        rtu=True,
        real=True,
        device=_socket(RTU, LinkKind.RTU_OVER_TCP, 0),
        link=_rtu_link,
        at_once_s=RTU_AT_ONCE_S,
        reconnect_s=BACKOFF_FIRST_S,
        window_s=LATE_WINDOW_S,
    ),
    Kind(
        name="serial, real pty",
        sockets=False,
        rtu=True,
        real=True,
        device=PtyDevice,
        link=_rtu_link,
        at_once_s=RTU_AT_ONCE_S,
        reconnect_s=BACKOFF_FIRST_S,
        window_s=LATE_WINDOW_S,
    ),
)


def played(row: Row, kind: Kind) -> Outcome:
    """One fault on a link that runs on virtual time."""
    assert not kind.real
    outcome: Outcome = run_virtually(play(row, kind))
    return outcome


async def play_all(rows: Iterable[Row], kind: Kind) -> list[tuple[Row, Outcome]]:
    """Every fault that this link knows, on the running loop: at once, but for those that stop the whole process."""
    known = [row for row in rows if kind.expects(row)]
    together = [row for row in known if not row.alone]
    outcomes = list(zip(together, await asyncio.gather(*(play(row, kind) for row in together)), strict=True))
    return outcomes + [(row, await play(row, kind)) for row in known if row.alone]


def trouble(row: Row, kind: Kind, outcome: Outcome) -> list[str]:
    """In what an outcome is not as declared. Durations are judged on virtual time; a real machine may be busy."""
    expected = kind.expects(row)
    assert expected is not None
    found = [f"a wrong reading: {wrong}" for wrong in outcome.wrong]
    if outcome.saw != expected.saw:
        found.append(f"saw {outcome.saw} ({outcome.detail}) instead of {expected.saw}")
    if kind.real:
        return found
    for what, took_s, declared in (
        ("took", outcome.took_s, expected.took),
        ("again", outcome.again_s, expected.again),
    ):
        within_s = kind.within_s(declared) + outcome.lag_s
        if took_s > within_s:
            found.append(f"{what} {took_s:.3f} s, more than {declared.value} ({within_s:.3f} s)")
    return found
