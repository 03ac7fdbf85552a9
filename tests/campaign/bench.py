"""Plays a scenario: the whole controller, process by process, against the simulated site on virtual time.

What comes back is truth and journal alone: rows of the plant, the lines and events that each controller kept, what was
written to each DER and when, and what the verification of the journal's files says.
"""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from hil.plant.orders import LimitOrder, Order
from hil.rig.simulated import SimulatedSite
from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.io.clock import WatchedTime
from pcs.io.journal_file import FILE_NAME
from pcs.io.journal_verify import Verification, verify
from pcs.io.links import link_for
from pcs.model.command import LimitActivePower
from pcs.model.event import Event
from pcs.model.fault import Fault
from pcs.model.site import LinkAddress, Site, Tuning
from pcs.model.units import Instant
from pcs.ports import Link, Priority, Reply
from pcs.runtime.controller import Controller, World
from pcs.runtime.in_process import UTC_START_S
from tests.campaign import seams
from tests.campaign.disk import Disk, TurnJournal
from tests.campaign.happenings import Happening, Seam
from tests.campaign.scenario import Scenario
from tests.simulation.stack import site_of
from tests.simulation.truth import Truth
from tests.virtual_time import run_virtually

SHM = Path("/dev/shm")
KILL_TURNS = 100
RESTARTS_S = 5.0
"""After an end by itself; as the unit file of the service has it."""


@dataclass(slots=True, kw_only=True)
class Life:
    """One controller process: from when to when, what it kept, and how it ended."""

    from_s: float
    to_s: float = float("inf")
    ended: str = ""
    error: bool = False
    lines: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _steps: list[StepRecord] = field(default_factory=list)

    @property
    def steps(self) -> list[StepRecord]:
        """The lines, read back once."""
        if len(self._steps) != len(self.lines):
            self._steps = [codec.decode(line) for line in self.lines]
        return self._steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a run left. `writes`: when which limit (W; None: none) got into a DER's registers, by DER."""

    scenario: Scenario
    site: Site
    truth: Truth
    lives: tuple[Life, ...]
    writes: dict[str, list[tuple[float, float | None]]]
    journal: Verification | None
    requests: int

    def digest(self) -> str:
        """Of all that the site did and all that its controllers kept."""
        kept = sha256(repr(self.truth.rows).encode())
        for life in self.lives:
            for line in life.lines:
                kept.update(line)
        return kept.hexdigest()


class _Clock:
    """The controller's clocks: the loop's, and a time of day that somebody may set wrong."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.ahead_s, self.drift, self._drifts_from_s = 0.0, 0.0, 0.0
        self.synchronised = True

    def now(self) -> Instant:
        mono_s = self._loop.time()
        drifted_s = self.drift * (mono_s - self._drifts_from_s)
        return Instant(mono_s=mono_s, utc_s=UTC_START_S + mono_s + self.ahead_s + drifted_s)

    def begin(self, happening: Happening) -> seams.End:
        match happening.kind.name:
            case "unsynchronised":
                self.synchronised = False
            case "clock_drift":
                self.drift, self._drifts_from_s = happening.amount, self._loop.time()
            case _:
                self.ahead_s += happening.amount
        return lambda: self._right(happening)

    def _right(self, happening: Happening) -> None:
        if happening.kind.name == "clock_drift":
            self.drift = 0.0
        elif happening.kind.name == "unsynchronised":
            self.synchronised = True
        else:
            self.ahead_s -= happening.amount


class _Process:
    """One controller process, and the point at which it crashes."""

    def __init__(self, bench: "Bench") -> None:
        loop = asyncio.get_running_loop()
        self._bench, self.life = bench, Life(from_s=loop.time())
        self.dead = False
        self.crash_at = ""
        self._stop, self._links = asyncio.Event(), list[Link]()
        self.journal = TurnJournal(bench.disk, bench.clock)
        trust = WatchedTime(lambda: bench.clock.synchronised)
        world = World(clock=bench.clock, journal=_Pen(self), link=self._link, time_trust=trust)
        self.controller = Controller(bench.site, world)
        self.task = asyncio.create_task(self.controller.run(self._stop))
        self.task.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        """It ended; where nobody asked for it, whatever starts processes starts another one."""
        if not self.dead and not self._stop.is_set():
            self._bench.crashes(self)

    def _link(self, address: LinkAddress) -> Link:
        link = link_for(self._bench.site, address)
        self._links.append(link)
        return _CrashingLink(link, self)

    async def point(self, name: str) -> None:
        """The process is here; if this is where it crashes it goes no further."""
        if name and self.crash_at == name and not self.dead:
            self.crash_at = ""
            self._bench.crashes(self)
        if self.dead:
            await asyncio.Event().wait()

    async def stop(self) -> None:
        """As SIGTERM."""
        self._stop.set()
        await asyncio.wait({self.task})
        self._over("ended in good order")
        self.journal.close()

    async def kill(self, why: str) -> None:
        """As kill -9."""
        if self.life.ended:
            return
        self.dead = True
        self._over(why)
        for link in self._links:
            await link.close()
        for _ in range(KILL_TURNS):
            if self.task.done():
                break
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=0)
        self.journal.cut()

    def _over(self, why: str) -> None:
        self.life.to_s, self.life.ended = asyncio.get_running_loop().time(), why
        error = self.task.exception() if self.task.done() and not self.task.cancelled() else None
        if error is not None:
            self.life.ended = f"{type(error).__name__}: {error}"
            self.life.error = True


class _Pen:
    """`pcs.ports.Journal` of a process: notes what passes; nothing passes when it is dead."""

    def __init__(self, process: _Process) -> None:
        self._of, self._life, self._journal = process, process.life, process.journal

    def intend(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        if not self._of.dead:
            self._journal.intend(serial, command, at)

    def confirm(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        if not self._of.dead:
            self._journal.confirm(serial, command, at)

    def explains(self, serial: str, limit_w: float, tolerance_w: float) -> bool:
        return self._journal.explains(serial, limit_w, tolerance_w)

    def foreign(self, serial: str) -> tuple[float | None, float | None]:
        return self._journal.foreign(serial)

    def step(self, line: bytes) -> None:
        if not self._of.dead:
            self._life.lines.append(line)
            self._journal.step(line)

    def checkpoint(self, line: bytes) -> None:
        if not self._of.dead:
            self._journal.checkpoint(line)

    def event(self, event: Event) -> None:
        if not self._of.dead:
            self._life.events.append(event)
            self._journal.event(event)

    def trouble(self) -> str:
        return self._journal.trouble()

    def close(self) -> None: ...


class _CrashingLink:
    """A link whose process may crash before or after each request. An intent is written just before a write."""

    def __init__(self, link: Link, process: _Process) -> None:
        self._link, self._process = link, process

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        await self._process.point("crash_at_read")
        said = await self._link.read(unit, address, count, deadline_s=deadline_s, priority=priority, function=function)
        await self._process.point("")
        return said

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
        await self._process.point("crash_before_write")
        said = await self._link.write(unit, address, words, deadline_s=deadline_s, priority=priority, function=function)
        await self._process.point("crash_after_write")
        return said

    async def close(self) -> None:
        await self._link.close()


class Bench:
    """The site, its disk, its clock, and the processes that ran on it."""

    def __init__(self, scenario: Scenario, folder: Path, tuning: Tuning) -> None:
        self.scenario, self._tuning = scenario, tuning
        self.simulated = SimulatedSite(scenario.twin)
        self.disk = Disk(folder, scenario.seed)
        self.writes: dict[str, list[tuple[float, float | None]]] = {name: [] for name in self.simulated.plant.units}
        self.lives: list[Life] = []
        self._process: _Process | None = None
        self._away_s = 0.0
        self._busy: set[asyncio.Task[None]] = set()

    async def play(self) -> Played:
        """From the first start to the end of the quiet stretch."""
        for name, unit in self.simulated.plant.units.items():
            unit.write = self._noted(name, unit.write)  # type: ignore[method-assign]
        await self.simulated.start()
        self.clock = _Clock(asyncio.get_running_loop())
        self.replies = seams.Replies(self.simulated)
        self.site = site_of(self.simulated, self._tuning, declared=True)
        self._start()
        loop = asyncio.get_running_loop()
        for happening in self.scenario.happenings:
            loop.call_at(happening.at_s, self._begin, happening)
        await asyncio.sleep(self.scenario.until_s)
        if self._busy:
            await asyncio.wait(self._busy)
        if self._process is not None:
            await self._process.stop()
        await self.simulated.stop()
        path = self.disk.folder / FILE_NAME
        return Played(
            scenario=self.scenario,
            site=self.site,
            truth=Truth(columns=self.simulated.columns, rows=tuple(self.simulated.plant.truth)),
            lives=tuple(self.lives),
            writes=self.writes,
            journal=verify(path) if path.exists() else None,
            requests=self.replies.total,
        )

    def crashes(self, process: _Process) -> None:
        """This process is dead from this moment on; another one starts later."""
        process.dead = True
        self._soon(self._die_and_return(process, "crashed", self._away_s or RESTARTS_S))

    def _noted(self, name: str, write: Callable[[float, Order], None]) -> Callable[[float, Order], None]:
        size_w = self.simulated.plant.units[name].spec.nameplate_w

        def noting(at_s: float, order: Order) -> None:
            if isinstance(order, LimitOrder):
                self.writes[name].append((at_s, order.limit_pct / 100.0 * size_w if order.enabled else None))
            write(at_s, order)

        return noting

    def _start(self) -> None:
        self._process = _Process(self)
        self.lives.append(self._process.life)

    def _begin(self, happening: Happening) -> None:
        seam, name = happening.kind.seam, happening.kind.name
        if seam is Seam.PROCESS or name == "torn":
            self._end_process(happening)
            return
        if seam is Seam.DISK:
            self.disk.state = name
            self._later(happening.lasts_s, lambda: setattr(self.disk, "state", ""))
            return
        ends = (
            self.clock.begin(happening) if seam is Seam.CLOCK else seams.begin(self.simulated, self.replies, happening)
        )
        self._later(happening.lasts_s, lambda: (self.simulated.settle(), ends()))

    def _later(self, delay_s: float, end: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(delay_s, end)

    def _end_process(self, happening: Happening) -> None:
        process, name = self._process, happening.kind.name
        if process is None or process.dead:
            return
        self._away_s = happening.lasts_s
        if name.startswith("crash"):
            process.crash_at = name
        elif name == "terminate":
            self._soon(self._terminate(process, happening.lasts_s))
        else:
            process.dead = True
            self._soon(self._die_and_return(process, name, happening.lasts_s))

    async def _terminate(self, process: _Process, away_s: float) -> None:
        self._process = None
        await process.stop()
        await asyncio.sleep(away_s)
        self._start()

    async def _die_and_return(self, process: _Process, why: str, away_s: float) -> None:
        self._process = None
        await process.kill(why)
        if why == "torn":
            self.disk.tear()
        await asyncio.sleep(away_s)
        self._start()

    def _soon(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)


def play(scenario: Scenario, tuning: Tuning | None = None) -> Played:
    """Play a scenario from the beginning to the end on virtual time."""
    with tempfile.TemporaryDirectory(dir=SHM if SHM.is_dir() else None) as folder:

        async def whole() -> Played:
            return await Bench(scenario, Path(folder), tuning or Tuning()).play()

        played: Played = run_virtually(whole())
    return played
