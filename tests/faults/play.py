"""Plays a fault on a kind of link and measures what its caller sees."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcs.io.modbus_tcp import BACKOFF_FIRST_S, ModbusTcpLink
from pcs.model.fault import Fault
from pcs.model.site import LinkAddress
from pcs.ports import Link, Priority, Reply
from tests.faults.device import TCP, Device, Play, SocketDevice
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
    device: Callable[[Play, Path], Device]
    link: Callable[[Any], Link]
    at_once_s: float
    reconnect_s: float
    window_s: float = 0.0

    def expects(self, row: Row) -> Seen | None:
        """What the core should see of a fault here; None where it cannot happen."""
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
    lag = asyncio.ensure_future(_lag_s())
    device.arm()
    began_s = loop.time()
    with _jumps(loop, row):
        first = await read(100, 4)
    took_s = loop.time() - began_s - row.clock_s
    for _ in range(PATIENCE):
        await asyncio.sleep(ASK_EVERY_S)
        answer = await read(*row.then)
        if isinstance(answer, Reply):
            break
    else:
        raise AssertionError(answer)
    again_s = loop.time() - began_s - row.clock_s
    lag.cancel()
    for k in range(READS_AFTER):
        await asyncio.sleep(DEADLINE_S / 4)
        assert isinstance(await read(400 + k, 4), Reply)
    saw, detail = (GOOD, "") if isinstance(first, Reply) else (first.kind.value, first.detail)
    return Outcome(
        saw=saw, detail=detail, took_s=took_s, again_s=again_s, wrong=tuple(wrong), lag_s=_LAGS.get(loop, 0.0)
    )


_LAGS: dict[asyncio.AbstractEventLoop, float] = {}


async def _lag_s() -> None:
    """Keep the most that this loop was late."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + LAG_EVERY_S
        await asyncio.sleep(LAG_EVERY_S)
        _LAGS[loop] = max(_LAGS.get(loop, 0.0), loop.time() - due_s)


@contextmanager
def _jumps(loop: asyncio.AbstractEventLoop, row: Row) -> Iterator[None]:
    """Let the clocks jump just after the request has gone out."""
    if row.clock_s:
        loop.call_later(0.001, _stop_for, loop, row.clock_s)
    if not row.wall_s:
        yield
        return
    real = time.time
    loop.call_later(0.001, lambda: setattr(time, "time", lambda: real() + row.wall_s))
    try:
        yield
    finally:
        time.time = real


def _stop_for(loop: asyncio.AbstractEventLoop, seconds_s: float) -> None:
    """What a stopped process sees: no time passes for it, and then all at once."""
    selector = getattr(loop, "_selector", None)
    clock = getattr(selector, "clock", None)
    if clock is not None:
        clock.advance(seconds_s)
    else:
        time.sleep(seconds_s)


def _tcp_link(device: Any) -> Link:
    return ModbusTcpLink(device.address)


TCP_KIND = Kind(
    name="tcp",
    rtu=False,
    real=False,
    device=lambda play, _: SocketDevice(TCP, play, LinkAddress(host="127.0.0.1", port=1502)),
    link=_tcp_link,
    at_once_s=0.02,
    reconnect_s=BACKOFF_FIRST_S,
)
KINDS: tuple[Kind, ...] = (TCP_KIND,)
assert LATE_WINDOW_S > DEADLINE_S


def played(row: Row, kind: Kind) -> Outcome:
    """One fault on a link that runs on virtual time."""
    assert not kind.real
    outcome: Outcome = run_virtually(play(row, kind))
    return outcome
