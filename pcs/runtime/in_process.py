"""A whole controller that runs on the loop of whoever loads it, for a bench on virtual time.

What a process has of its own is behind this class: its configuration file, its memory, its clock, and that it can be
stopped, killed and hung. `pcs run` is the same controller in a process.
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pcs import __version__
from pcs.config import load_profiles, load_site
from pcs.io.clock import WatchedTime
from pcs.io.links import link_for
from pcs.model.command import LimitActivePower
from pcs.model.event import Event
from pcs.model.fault import Fault
from pcs.model.lockout import NOTHING_YET, LockoutRecord
from pcs.model.profile import DeviceProfile
from pcs.model.site import LinkAddress, Site
from pcs.model.units import Instant
from pcs.ports import Journal, Link, Priority, Reply
from pcs.runtime.controller import Controller, World

UTC_START_S = 1_780_000_000.0  # a fixed day, so that two runs on virtual time are equal
KEPT_INTENTS = 1000
KILL_TURNS = 100  # of the loop: a cancelled task ends within a few


@cache
def known_profiles() -> dict[str, DeviceProfile]:
    """The profiles of this installation, read once."""
    return load_profiles()


class MemoryJournal:
    """`pcs.ports.Journal` for a site whose disk is a list. It outlives the controller, as a disk does."""

    def __init__(self) -> None:
        self._intents: dict[str, deque[LimitActivePower]] = {}

    def intend(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        """See `Journal.intend`."""
        self._intents.setdefault(serial, deque(maxlen=KEPT_INTENTS)).append(command)

    def confirm(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        """Nothing is forgotten: the disk is this list."""

    def explains(self, serial: str, limit_w: float, tolerance_w: float) -> bool:
        """See `Journal.explains`."""
        return any(
            min(abs(c.limit_w - limit_w), abs(c.reversion_limit_w - limit_w)) <= tolerance_w
            for c in self._intents.get(serial, ())
        )

    def foreign(self, serial: str) -> tuple[float | None, float | None]:
        """See `Journal.foreign`."""
        kept = self._intents.get(serial)
        return (kept[-1].foreign_w, kept[-1].foreign_charge_w) if kept else (None, None)

    def step(self, line: bytes) -> None:
        """Not kept."""

    def checkpoint(self, line: bytes) -> None:
        """Not kept."""

    def event(self, event: Event) -> None:
        """Not kept."""

    def trouble(self) -> str:
        """Never any."""
        return ""

    def close(self) -> None:
        """Nothing is open."""


class _Life:
    """One run of the controller: what it may do, from its start until it ends or is killed."""

    def __init__(self) -> None:
        self.dead = False
        self.awake = asyncio.Event()
        self.awake.set()
        self.stop = asyncio.Event()
        self.links: list[Link] = []
        self.task: asyncio.Task[None] | None = None


class _Pen(MemoryJournal):
    """A controller's way to the journal, which ends when it is killed."""

    def __init__(self, journal: Journal, life: _Life) -> None:
        super().__init__()
        self._journal, self._life = journal, life

    def intend(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        """Onto the disk, while there is a process that writes."""
        if not self._life.dead:
            self._journal.intend(serial, command, at)

    def confirm(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        """Onto the disk, while there is a process that writes."""
        if not self._life.dead:
            self._journal.confirm(serial, command, at)

    def explains(self, serial: str, limit_w: float, tolerance_w: float) -> bool:
        """What the disk says."""
        return self._journal.explains(serial, limit_w, tolerance_w)

    def foreign(self, serial: str) -> tuple[float | None, float | None]:
        """What the disk says."""
        return self._journal.foreign(serial)


class MemoryLockouts:
    """`pcs.ports.LockoutMemory` for a site whose disk is a value. It outlives the controller."""

    def __init__(self) -> None:
        self.record = NOTHING_YET

    def load(self) -> LockoutRecord:
        """What the last controller left."""
        return self.record

    def save(self, record: LockoutRecord) -> None:
        """Kept at once."""
        self.record = record

    def trouble(self) -> str:
        """Never any."""
        return ""


class _LockoutPen(MemoryLockouts):
    """A controller's way to that memory, which ends when it is killed."""

    def __init__(self, memory: MemoryLockouts, life: _Life) -> None:
        super().__init__()
        self._memory, self._life = memory, life

    def load(self) -> LockoutRecord:
        """What the disk says."""
        return self._memory.load()

    def save(self, record: LockoutRecord) -> None:
        """Onto the disk, while there is a process that writes."""
        if not self._life.dead:
            self._memory.save(record)


class _GatedLink:
    """A link whose user may be hung: it asks nothing meanwhile, and hears the answer when it goes on."""

    def __init__(self, link: Link, life: _Life) -> None:
        self._link, self._life = link, life

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        """See `Link.read`."""
        await self._life.awake.wait()
        answer = await self._link.read(
            unit, address, count, deadline_s=deadline_s, priority=priority, function=function
        )
        await self._life.awake.wait()
        return answer

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
        """See `Link.write`."""
        await self._life.awake.wait()
        answer = await self._link.write(
            unit, address, words, deadline_s=deadline_s, priority=priority, function=function
        )
        await self._life.awake.wait()
        return answer

    async def close(self) -> None:
        """See `Link.close`."""
        await self._link.close()


class _HangableController(Controller):
    """A controller that does not step while its process is hung."""

    def __init__(self, site: Site, world: World, life: _Life) -> None:
        super().__init__(site, world)
        self._life = life

    def _step(self) -> None:
        if self._life.awake.is_set():
            super()._step()


class Device:
    """The controller as a device under test. Every method may be called in any state."""

    def __init__(self, folder: Path) -> None:
        """A device without a configuration, whose files lie in `folder`."""
        self._file = folder / "site.yaml"
        self._journal = MemoryJournal()
        self._lockouts = MemoryLockouts()
        self._site: Site | None = None
        self._life: _Life | None = None
        self._offset_s = 0.0

    async def configure(self, site: Mapping[str, object]) -> None:
        """Write its configuration, a site in the words of `pcs.site/1`; it counts from the next start on.

        Raises:
            ConfigError: with everything that is wrong with it.
        """
        self._file.write_text(json.dumps(site, indent=1), encoding="utf-8")  # JSON is YAML
        self._site = load_site(self._file, known_profiles())

    async def start(self) -> None:
        """Start; nothing while it runs or has no configuration."""
        if self._site is None or (self._life is not None and not self._ended(self._life)):
            return
        life, site = _Life(), self._site

        def link(address: LinkAddress) -> Link:
            life.links.append(link_for(site, address))
            return _GatedLink(life.links[-1], life)

        world = World(
            clock=self,
            journal=_Pen(self._journal, life),
            link=link,
            time_trust=WatchedTime(lambda: True),
            lockouts=_LockoutPen(self._lockouts, life),
        )
        self._life = life
        life.task = asyncio.create_task(_HangableController(site, world, life).run(life.stop))

    async def stop(self) -> None:
        """End in good order, as on SIGTERM."""
        if self._life is not None and self._life.task is not None:
            self.resume()
            self._life.stop.set()
            await asyncio.wait({self._life.task})
            self._life = None

    async def kill(self) -> None:
        """End at once: nothing more leaves it, connections are cut."""
        if self._life is None or self._life.task is None:
            return
        life, task = self._life, self._life.task
        life.dead, self._life = True, None
        for link in life.links:
            await link.close()
        for _ in range(KILL_TURNS):
            if task.done():
                return
            task.cancel()
            await asyncio.wait({task}, timeout=0)
        raise RuntimeError("the controller's task does not end")

    def hang(self) -> None:
        """Stop as SIGSTOP does: alive, and silent."""
        if self._life is not None:
            self._life.awake.clear()

    def resume(self) -> None:
        """Go on as after SIGCONT."""
        if self._life is not None:
            self._life.awake.set()

    def set_clock(self, ahead_s: float) -> None:
        """From now on its time of day is `ahead_s` ahead of the true one (negative: behind)."""
        self._offset_s = ahead_s

    def now(self) -> Instant:
        """Its clocks (`pcs.ports.Clock`): the loop's, and the time of day as it is set."""
        mono_s = asyncio.get_running_loop().time()
        return Instant(mono_s=mono_s, utc_s=UTC_START_S + mono_s + self._offset_s)

    def ended(self) -> str:
        """Why it ended by itself; empty while it runs, and after it was stopped or killed."""
        life = self._life
        if life is None or not self._ended(life) or life.task is None:
            return ""
        error = None if life.task.cancelled() else life.task.exception()
        return str(error or "it ended without a word")

    def identity(self) -> dict[str, str]:
        """Version, and hash of the configuration."""
        return {"version": __version__, "configuration": self._site.digest if self._site else ""}

    @staticmethod
    def _ended(life: _Life) -> bool:
        return life.task is not None and life.task.done()
