"""The whole stack in one process on virtual time: controller, pymodbus link and devices against the simulated site.

Everything of `pcs` runs here but signals and the control socket; the site's servers answer real Modbus TCP bytes on the
sockets of the virtual loop. One seed gives one trace, to the last bit. Time zero of the loop, the plant and the
controller's monotonic clock is the same instant.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hil.rig.modbus_server import DeviceServer
from hil.rig.simulated import SimulatedSite
from hil.rig.site_file import site_file
from hil.rig.twin_file import FaultPart, TwinFile
from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.config import load_site
from pcs.io.clock import LoopClock
from pcs.io.links import link_for
from pcs.model.command import LimitActivePower
from pcs.model.event import Event, EventKind
from pcs.model.limit import Direction, Limit
from pcs.model.lockout import LockoutRecord
from pcs.model.preset import PLAIN, Preset
from pcs.model.profile import DeviceProfile
from pcs.model.site import DerKind, DerSpec, LinkAddress, LinkKind, MeterSpec, Site, System, Tuning
from pcs.model.units import Instant
from pcs.ports import Clock, Journal, Link, Watchdog
from pcs.runtime.controller import Controller, World
from pcs.runtime.in_process import UTC_START_S, MemoryJournal, MemoryLockouts, known_profiles
from tests.simulation.truth import Truth
from tests.virtual_time import run_virtually

profiles: Callable[[], dict[str, DeviceProfile]] = known_profiles


class _Pen:
    """A controller's way to the journal: notes what passes, and stops when its controller is killed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.lines: list[bytes] = []
        self.events: list[Event] = []
        self.dead = False

    def intend(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        if not self.dead:
            self._journal.intend(serial, command, at)

    def confirm(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        if not self.dead:
            self._journal.confirm(serial, command, at)

    def explains(self, serial: str, limit_w: float, tolerance_w: float) -> bool:
        return self._journal.explains(serial, limit_w, tolerance_w)

    def foreign(self, serial: str) -> tuple[float | None, float | None]:
        return self._journal.foreign(serial)

    def step(self, line: bytes) -> None:
        if not self.dead:
            self.lines.append(line)
            self._journal.step(line)

    def checkpoint(self, line: bytes) -> None:
        if not self.dead:
            self._journal.checkpoint(line)

    def event(self, event: Event) -> None:
        if not self.dead:
            self.events.append(event)
            self._journal.event(event)

    def trouble(self) -> str:
        return self._journal.trouble()

    def close(self) -> None: ...


class _Disk(MemoryLockouts):
    """A controller's way to what survives of lock-outs, which ends when it is killed."""

    def __init__(self, memory: MemoryLockouts) -> None:
        super().__init__()
        self._memory, self.dead = memory, False

    def load(self) -> LockoutRecord:
        return self._memory.load()

    def save(self, record: LockoutRecord) -> None:
        if not self.dead:
            self._memory.save(record)


class Stack:
    """A simulated site and the controllers that ran on it, one after the other."""

    def __init__(
        self,
        twin: TwinFile,
        *,
        tuning: Tuning | None = None,
        journal: Callable[[Clock], Journal] | None = None,
        declared: bool = True,
        folder: Path | None = None,
        preset: Preset = PLAIN,
    ) -> None:
        """Describe the stack; nothing runs yet.

        Args:
            twin: the site to simulate; its limits are those that the controller gets.
            tuning: the controller's knobs.
            journal: makes the journal; one in memory by default.
            declared: whether the site file states the meter's update period and window.
            folder: what the twin's record files are relative to.
            preset: what the jurisdiction decides.
        """
        self.twin, self.site = twin, SimulatedSite(twin, folder)
        self.controller: Controller | None = None
        self._preset, self.lockouts = preset, MemoryLockouts()
        self._tuning, self._declared = tuning or Tuning(), declared
        self._make_journal = journal or (lambda _: MemoryJournal())
        self._journal: Journal | None = None
        self._pens: list[_Pen] = []
        self._links: list[Link] = []
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def __aenter__(self) -> "Stack":
        await self.site.start()
        self._clock = LoopClock(asyncio.get_running_loop(), UTC_START_S)
        self._journal = self._make_journal(self._clock)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await self.kill()
        await self.site.stop()
        if self._journal is not None:
            self._journal.close()

    # -- what a story does

    def start(self, *, watchdog: Watchdog | None = None, storm: str = "") -> None:
        """Start a controller, as `pcs run` does."""
        assert self._task is None
        assert self._journal is not None
        self._pens.append(_Pen(self._journal))
        self._links, self._stop = [], asyncio.Event()
        self._disk = _Disk(self.lockouts)
        world = World(
            clock=self._clock,
            journal=self._pens[-1],
            link=self._link,
            watchdog=watchdog,
            storm=storm,
            lockouts=self._disk,
        )
        self.controller = self._controller(world)
        self._task = asyncio.create_task(self.controller.run(self._stop))

    async def run(self, seconds_s: float) -> None:
        """Let virtual time pass; whatever ends the controller meanwhile is raised here."""
        if self._task is None:
            await asyncio.sleep(seconds_s)
            return
        done, _ = await asyncio.wait({self._task}, timeout=seconds_s)
        if done:
            self._task.result()
            raise AssertionError("the controller ended by itself")

    async def until(self, at_s: float) -> None:
        """Let time pass until this instant."""
        await self.run(at_s - self.now_s)

    async def stop(self) -> None:
        """End the controller in good order, as SIGTERM does."""
        assert self._task is not None
        self._stop.set()
        await self._task
        self._task = None

    async def kill(self) -> None:
        """End the controller as kill -9 does: nothing more goes out or into the journal, connections are cut."""
        assert self._task is not None
        self._pens[-1].dead = self._disk.dead = True
        for link in self._links:
            await link.close()
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=0)
        self._task = None

    def inject(self, on: str, fault: str, seconds_s: float = 0.0) -> None:
        """Let a device fail from now on."""
        self.site.inject(FaultPart(at_s=0.0, on=on, fault=fault, seconds=seconds_s))

    @property
    def now_s(self) -> float:
        """The present instant."""
        return asyncio.get_running_loop().time()

    # -- what there is to see

    @property
    def truth(self) -> Truth:
        """What really happened so far."""
        return Truth(columns=self.site.columns, rows=tuple(self.site.plant.truth))

    @property
    def events(self) -> list[Event]:
        """Every event of every controller."""
        return [event for pen in self._pens for event in pen.events]

    @property
    def lines(self) -> list[bytes]:
        """Every line of every controller's steps."""
        return [line for pen in self._pens for line in pen.lines]

    @property
    def steps(self) -> list[StepRecord]:
        """The lines, read back."""
        return [codec.decode(line) for line in self.lines]

    @property
    def commands(self) -> list[tuple[float, LimitActivePower]]:
        """Everything that was commanded, and when."""
        return [(step.now.mono_s, command) for step in self.steps for command in step.commands]

    def told(self, kind: EventKind, source_id: str | None = None) -> list[Event]:
        """The events of one kind, of one source if given."""
        return [e for e in self.events if e.kind is kind and source_id in (None, e.source_id)]

    def faults(self, source_id: str | None = None) -> list[str]:
        """Names of the fault kinds raised so far, in order, of one source if given."""
        return [str(dict(e.facts)["fault"]) for e in self.told(EventKind.FAULT_RAISED, source_id)]

    @property
    def controlled_site(self) -> Site:
        """The site as the controller gets it."""
        return replace(site_of(self.site, self._tuning, self._declared), preset=self._preset)

    def _controller(self, world: World) -> Controller:
        return Controller(self.controlled_site, world)

    def _link(self, address: LinkAddress) -> Link:
        link = link_for(self.controlled_site, address)
        self._links.append(link)
        return link


def play(
    story: Callable[[Stack], Awaitable[None]], twin: TwinFile, *, of: type[Stack] = Stack, **options: Any
) -> Stack:
    """Run a story on virtual time, on a stack of this class; afterwards the stack still tells what happened."""

    async def whole() -> Stack:
        async with of(twin, **options) as stack:
            await story(stack)
        return stack

    played: Stack = run_virtually(whole())
    return played


def site_of(simulated: SimulatedSite, tuning: Tuning, declared: bool) -> Site:
    """The site as its file would describe it, with the ports that the servers really have."""
    twin, servers = simulated.twin, simulated.servers
    if _needs_file(twin):
        return _filed(simulated, tuning)
    return Site(
        name=twin.site.name,
        timezone=twin.site.timezone,
        system=System(twin.site.system),
        nominal_v=twin.site.nominal_v,
        meters=tuple(
            MeterSpec(
                id=part.id,
                profile=profiles()[part.profile],
                link=_address(servers[part.id]),
                unit=part.unit,
                point="poi",
                update_s=part.update_s if declared else None,
                averaging_s=part.averaging_s if declared else None,
            )
            for part in twin.meters
        ),
        ders=tuple(
            DerSpec(
                id=part.id,
                kind=DerKind.PV,
                nameplate_w=part.nameplate_w,
                profile=profiles()[part.profile],
                link=_address(servers[part.id]),
                unit=part.unit,
            )
            for part in twin.ders
        ),
        limits=tuple(Limit(direction=Direction(limit["direction"]), value=limit["value"]) for limit in twin.limits),
        journal_dir="",
        tuning=tuning,
    )


def _needs_file(twin: TwinFile) -> bool:
    """Whether the site has more than PV behind one point and limits of a direction and a value."""
    plain = {"point": "poi", "quantity": "w", "basis": "total", "scope": "all"}
    return (
        bool(twin.points or twin.modes)
        or len(twin.meters) > 1
        or any(part.kind != "pv" or not part.controlled or part.connection != "L123" for part in twin.ders)
        or any(plain.get(key, value) != value for limit in twin.limits for key, value in limit.items())
        or any(limit.keys() - plain.keys() - {"direction", "value"} for limit in twin.limits)
    )


def _filed(simulated: SimulatedSite, tuning: Tuning) -> Site:
    """The site by way of its file: for sites of several kinds of DER, points or meters."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        path.write_text(site_file(simulated), encoding="utf-8")
        return replace(load_site(path, profiles()), tuning=tuning, journal_dir="", digest="")


def _address(server: DeviceServer) -> LinkAddress:
    """Where a device of the simulated site is reached."""
    return LinkAddress(host=server.host, port=server.port, kind=LinkKind(server.bus.link.scheme))


def twin(*, limit_w: float = 0.0, ders: list[dict[str, Any]] | None = None, **more: Any) -> TwinFile:
    """A twin file: by default one 10 kW inverter under full sun and 2 kW of load behind a limit of 0 W."""
    meter = {"id": "poi", "noise_w": 4, "phase_s": 0.03, "reply_s": 0.005, "reply_jitter_s": 0.002}
    return TwinFile.model_validate(
        {
            "schema": "hil.twin/1",
            "site": {"name": "simulation", "system": "wye", "nominal_v": 277},
            "meters": [meter | more.pop("meter", {})],
            "ders": [inverter()] if ders is None else ders,
            "load": [{"constant": 2000}],
            "sun": {"constant": 0.95},
            "limits": [{"point": "poi", "direction": "export", "quantity": "w", "value": limit_w}],
            **more,
        }
    )


def inverter(name: str = "inv1", nameplate_w: float = 10_000, **more: Any) -> dict[str, Any]:
    """One inverter of a twin: 123 with integer registers by default; telemetry once a second, out of step."""
    return {
        "id": name,
        "nameplate_w": nameplate_w,
        "reply_s": 0.01,
        "reply_jitter_s": 0.005,
        "telemetry_phase_s": 0.37,
        **more,
    }
