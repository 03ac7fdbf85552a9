"""Virtual time over real time: the whole stack through pymodbus with the journal on, and core and plant without links.

The site has a meter that is polled at 10 Hz and four inverters that are asked once a second. References of the same
run: for the stack, a bare asyncio client that polls the same site as often and does nothing else; for core and plant,
the plant alone.
"""

import asyncio
import struct
import tempfile
from math import sin
from pathlib import Path
from time import perf_counter
from typing import Any

from hil.rig.modbus_server import DeviceServer
from hil.rig.simulated import SimulatedSite
from hil.rig.twin_build import build_plant
from hil.rig.twin_file import TwinFile
from pcs.core.policy import policy_for
from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.site import Tuning
from tests.simulation.direct import Direct
from tests.simulation.stack import Stack, inverter, play, site_of, twin
from tests.virtual_time import run_virtually

STACK_S = 600.0
DIRECT_S = 3_600.0
METER_EVERY_S, INVERTERS_EVERY_S = 0.1, 1.0
TUNING = Tuning(telemetry_poll_s=INVERTERS_EVERY_S, verify_s=5.0)


def site() -> TwinFile:
    """Four inverters of both kinds, a load that steps once a minute, and a sun that never stands still."""
    ders = [
        inverter(f"inv{n}", 10_000, control=(123, 704)[n % 2], telemetry_phase_s=0.2 * n, reply_jitter_s=0.0)
        for n in range(4)
    ]
    steps = [[60.0 * n, 12_000 + 8_000 * (n * 7 % 5) / 4] for n in range(70)]
    sun = [[10.0 * n, 0.6 + 0.3 * sin(n / 5)] for n in range(400)]
    meter = {"update_s": 2 * METER_EVERY_S, "averaging_s": 2 * METER_EVERY_S, "reply_jitter_s": 0.0}
    return twin(limit_w=2000.0, ders=ders, load=[{"steps": steps}], sun={"ramps": sun}, meter=meter)


def stack_speed(seconds_s: float) -> tuple[float, Stack]:
    """Virtual seconds per second of the controller on the site, with the real journal."""

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.run(seconds_s)

    with tempfile.TemporaryDirectory() as folder:
        began_s = perf_counter()
        stack = play(story, site(), tuning=TUNING, journal=lambda clock: SqliteJournal(Path(folder), clock))
        return seconds_s / (perf_counter() - began_s), stack


class _Bare(asyncio.Protocol):
    """The least that asyncio needs to read registers."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.answer.set_result(data)

    async def read(self, address: int, words: int) -> None:
        """One read of `words` registers; the reply is thrown away."""
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, address, words))
        await self.answer


def bare_speed(seconds_s: float) -> float:
    """The same of a client that polls as often, and of nothing behind it."""

    async def poll(server: DeviceServer, every_s: float) -> None:
        loop = asyncio.get_running_loop()
        transport, client = await loop.create_connection(_Bare, server.host, server.port)
        next_s = loop.time()
        while loop.time() < seconds_s:
            await client.read(40_073, 20)
            next_s += every_s
            await asyncio.sleep(max(0.0, next_s - loop.time()))
        transport.close()

    async def whole() -> None:
        simulated = SimulatedSite(site())
        await simulated.start()
        every_s = {"poi": METER_EVERY_S}
        await asyncio.gather(
            *(poll(server, every_s.get(name, INVERTERS_EVERY_S)) for name, server in simulated.servers.items())
        )
        await simulated.stop()

    began_s = perf_counter()
    run_virtually(whole())
    return seconds_s / (perf_counter() - began_s)


def direct_speed(seconds_s: float) -> tuple[float, Direct]:
    """The same of core and plant without links."""
    described = site()
    direct = Direct.of(described, policy_for(site_of(SimulatedSite(described), TUNING, True)))
    began_s = perf_counter()
    direct.run(seconds_s)
    return seconds_s / (perf_counter() - began_s), direct


def plant_speed(seconds_s: float) -> float:
    """The same of the plant alone."""
    plant = build_plant(site(), Path())
    began_s = perf_counter()
    plant.settle(seconds_s)
    return seconds_s / (perf_counter() - began_s)


def run() -> dict[str, float | str]:
    """Speeds over real time, and what says that there was control while they were measured."""
    stack_speed(10.0)
    stack = stack_speed(STACK_S)
    direct = direct_speed(DIRECT_S)
    return {
        "stack_speed": stack[0],
        "reference_stack_speed": bare_speed(STACK_S),
        "stack_steps": float(len(stack[1].lines)),
        "stack_commands": float(len(stack[1].commands)),
        "stack_excursions": float(len(stack[1].truth.beyond(2000.0, 400.0, 10.0))),
        "core_and_plant_speed": direct[0],
        "reference_core_and_plant_speed": plant_speed(DIRECT_S),
        "core_and_plant_commands": float(direct[1].commands),
    }
