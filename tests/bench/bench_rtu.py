"""Poll periods of the RTU link against paced units in a process of their own, over a pty.

The reference of each period is what the wire itself takes: request and reply at 10 bits a byte, two gaps of 3.5
characters (at least 1.75 ms) and 5 ms turnaround. Run it: ``python -m tests.bench rtu``.
"""

import asyncio
import itertools
import json
import multiprocessing
import os
import select
import statistics
import struct
import sys
import time
import tty
from multiprocessing.connection import Connection

from pcs.codec.rtu import ask_read, is_sealed, sealed
from pcs.io.modbus_rtu import ModbusRtuLink
from pcs.model.site import LinkAddress, LinkKind
from pcs.ports import Priority, Reply

TURNAROUND_S = 0.005
COUNT = 72  # registers: the fast group of the SDM630 profile
BAUDS = (9600, 19200, 115200)
POLLS = {9600: 15, 19200: 25, 115200: 100}
UNITS, ROUNDS_OF_UNITS = 32, 3
ROUNDS = 3
FIFO_BYTES = 16  # how many bytes an ordinary receiver hands over at once
SPIN_S = 0.0004  # the kernel may wake a sleeper this late


def gap_s(baud: int) -> float:
    """3.5 characters of 10 bits, at least 1.75 ms."""
    return max(0.00175, 35 / baud)


def floor_s(baud: int, count: int = COUNT) -> float:
    """The shortest period that the wire allows."""
    return (8 + 5 + 2 * count) * 10 / baud + 2 * gap_s(baud) + TURNAROUND_S


def _until(due_s: float) -> None:
    """Be back at `due_s` within some microseconds."""
    rest_s = due_s - time.monotonic() - SPIN_S
    if rest_s > 0:
        time.sleep(rest_s)
    while time.monotonic() < due_s:
        pass


def _serve(pipe: Connection) -> None:
    """All units of a bus: what is written to the pty arrives at once, so the time on the wire is kept here."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    pipe.send(os.ttyname(theirs))
    baud = pipe.recv()
    character_s, heard, began_s = 10 / baud, b"", 0.0
    while True:
        data = os.read(ours, 4096)
        began_s = began_s if heard else time.monotonic()
        heard += data
        if len(heard) < 8:
            continue
        assert is_sealed(heard), heard.hex()
        unit, function, _, count = struct.unpack_from(">BBHH", heard)
        heard = b""
        reply = sealed(bytes((unit, function, 2 * count)) + bytes(2 * count))
        starts_s = began_s + 8 * character_s + gap_s(baud) + TURNAROUND_S
        for at in range(0, len(reply), FIFO_BYTES):
            chunk = reply[at : at + FIFO_BYTES]
            _until(starts_s + (at + len(chunk)) * character_s)
            os.write(ours, chunk)


async def _poll(link: ModbusRtuLink, unit: int, polls: int) -> list[float]:
    """Moments at which the replies were there."""
    moments = []
    for _ in range(polls):
        answer = await link.read(unit, 0, COUNT, deadline_s=60.0, priority=Priority.FAST_READ, function=4)
        assert isinstance(answer, Reply), answer
        moments.append(answer.received_s)
    return moments


async def _period_s(device: str, baud: int, units: int, polls: int) -> float:
    """Time from one reply on the bus to the next, seconds: the median for one meter, the mean for many."""
    link = ModbusRtuLink(LinkAddress(kind=LinkKind.SERIAL, device=device, port=0, baud=baud))
    try:
        await _poll(link, 1, 2)
        polled = await asyncio.gather(*(_poll(link, 1 + n, polls) for n in range(units)))
    finally:
        await link.close()
    return _step_s(sorted(itertools.chain.from_iterable(polled)), mean=units > 1)


def _step_s(moments: list[float], *, mean: bool = False) -> float:
    steps_s = [later - earlier for earlier, later in itertools.pairwise(moments)]
    return statistics.fmean(steps_s) if mean else statistics.median(steps_s)


def _bare_s(device: str, baud: int, polls: int) -> float:
    """The same with blocking calls and a spinning gap: what the units' process and the machine leave possible."""
    port, ask, moments = os.open(device, os.O_RDWR | os.O_NOCTTY), ask_read(1, 4, 0, COUNT), []
    try:
        for _ in range(polls):
            os.write(port, ask.frame)
            heard = b""
            while len(heard) < ask.reply_bytes:
                select.select([port], [], [])
                heard += os.read(port, 4096)
            moments.append(time.monotonic())
            _until(moments[-1] + gap_s(baud))
    finally:
        os.close(port)
    return _step_s(moments)


def _measured(baud: int, units: int, polls: int) -> tuple[float, float]:
    """The period of the link and that of the bare client, each of its quietest round, seconds."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        device = ours.recv()
        ours.send(baud)
        rounds = [
            (asyncio.run(_period_s(device, baud, units, polls)), _bare_s(device, baud, polls)) for _ in range(ROUNDS)
        ]
    finally:
        process.terminate()
        process.join()
    link_s, bare_s = (min(column) for column in zip(*rounds, strict=True))
    return link_s, bare_s


def run() -> dict[str, float | str]:
    """Periods in milliseconds; the ratio of one meter must be at most 1.05, that of the 32 units at most 1 / 0.9."""
    result: dict[str, float | str] = {}
    for units, baud, polls in (*((1, baud, POLLS[baud]) for baud in BAUDS), (UNITS, 19200, ROUNDS_OF_UNITS)):
        for name, period_s in zip(("link", "bare"), _measured(baud, units, polls), strict=True):
            key = f"units_{units}_at_{baud}_{name}_ms"
            result[key] = round(1000 * period_s, 3)
            result[f"reference_{key}"] = round(1000 * floor_s(baud), 3)
    sys.stdout.write(json.dumps(result) + "\n")
    return result


if __name__ == "__main__":
    run()
