"""Poll periods of the RTU link against paced units in a process of their own, over a pty.

The reference of each period is what the wire itself takes: request and reply at 10 bits a byte, two gaps of 3.5
characters (at least 1.75 ms) and 5 ms turnaround. Run it: ``python -m tests.bench rtu``.
"""

import asyncio
import itertools
import json
import multiprocessing
import os
import statistics
import struct
import sys
import time
import tty
from multiprocessing.connection import Connection

from pcs.codec.rtu import is_sealed, sealed
from pcs.io.modbus_rtu import ModbusRtuLink
from pcs.model.site import LinkAddress, LinkKind
from pcs.ports import Priority, Reply

TURNAROUND_S = 0.005
COUNT = 72  # registers: the fast group of the SDM630 profile
BAUDS = (9600, 19200, 115200)
POLLS = {9600: 40, 19200: 60, 115200: 200}
UNITS, ROUNDS_OF_UNITS = 32, 4
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


async def _period_s(device: str, baud: int, units: int, polls: int) -> tuple[float, float]:
    """Mean and median time from one reply on the bus to the next, seconds."""
    link = ModbusRtuLink(LinkAddress(kind=LinkKind.SERIAL, device=device, port=0, baud=baud))
    try:
        await _poll(link, 1, 2)
        polled = await asyncio.gather(*(_poll(link, 1 + n, polls) for n in range(units)))
        moments = sorted(itertools.chain.from_iterable(polled))
    finally:
        await link.close()
    steps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    return statistics.fmean(steps), statistics.median(steps)


def _measured(baud: int, units: int, polls: int) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        device = ours.recv()
        ours.send(baud)
        return asyncio.run(_period_s(device, baud, units, polls))
    finally:
        process.terminate()
        process.join()


def run() -> dict[str, float | str]:
    """Periods in milliseconds; the ratio of a period must be at most 1.05, that of the 32 units at most 1 / 0.9."""
    result: dict[str, float | str] = {}
    for baud in BAUDS:
        mean_s, median_s = _measured(baud, 1, POLLS[baud])
        for name, period_s in (("mean", mean_s), ("median", median_s)):
            result[f"one_meter_{baud}_{name}_ms"] = round(1000 * period_s, 3)
            result[f"reference_one_meter_{baud}_{name}_ms"] = round(1000 * floor_s(baud), 3)
    mean_s, _ = _measured(19200, UNITS, ROUNDS_OF_UNITS)
    result["units_32_at_19200_mean_ms"] = round(1000 * mean_s, 3)
    result["reference_units_32_at_19200_mean_ms"] = round(1000 * floor_s(19200), 3)
    sys.stdout.write(json.dumps(result) + "\n")
    return result


if __name__ == "__main__":
    run()
