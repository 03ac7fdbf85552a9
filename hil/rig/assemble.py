"""From the sheet of a rig to a `Rig`: a world, a driver for each role, and the order in which they are made safe.

A driver is named in the sheet of each role. It brings a world of its own, or lives in that of another; it makes actors,
gauges or both. `DRIVERS` has them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hil.profile.model import Case, Step
from hil.profile.rig_sheet import RigSheet, RoleSheet
from hil.profile.words import ACTING, Role
from hil.record.recording import Recording
from hil.rig.human import human_actor, human_gauge
from hil.rig.real_world import RealWorld
from hil.rig.recorded import file_gauge
from hil.rig.roles import Actor, Done, Gauge, RestTeller, Rig, RigError, World
from hil.rig.simulated_actors import AcLoad, DcSource, DutLink, GridSim, Relay, SimulatedActor
from hil.rig.simulated_world import SimulatedWorld

SAFE_ORDER = (Role.DC_SOURCE, Role.DUT_LINK, Role.RELAY, Role.AC_LOAD, Role.GRID_SIM)
"""Sources and storage to nothing, then faults cleared and control power on, then loads off, then the grid nominal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """How roles of one driver are made. `precedence`: of several worlds in one rig the highest is taken."""

    world: Callable[[RigSheet], World]
    actor: Callable[[RoleSheet, World], Actor] | None = None
    gauge: Callable[[RoleSheet, World], Gauge] | None = None
    precedence: int = 0


class AssembledRig:
    """A `Rig`: each step is done by its role; what a case records is recorded by whoever can see it."""

    def __init__(self, sheet: RigSheet, world: World, actors: Mapping[Role, Actor], gauges: Mapping[Role, Gauge]):
        self.sheet = sheet
        self.world = world
        self.actors, self.gauges = dict(actors), dict(gauges)
        self._recording: tuple[Role, ...] = ()

    async def open(self, case: Case, repeat: int) -> None:
        """See `World.open`."""
        self._recording = ()
        await self.world.open(case, repeat)

    async def close(self) -> None:
        """See `World.close`."""
        await self.world.close()

    def now_s(self) -> float:
        """See `World.now_s`."""
        return self.world.now_s()

    async def sleep(self, seconds_s: float) -> None:
        """See `World.sleep`."""
        await self.world.sleep(seconds_s)

    async def do(self, step: Step) -> Done:
        """See `Rig.do`.

        Raises:
            RigError: it cannot be done, or no role of this rig does it.
        """
        if step.role is None or step.role not in self.actors:
            who = step.role.value if step.role is not None else "rig"
            raise RigError(who, f"nobody here does `{step}`", "add the role to the rig's sheet")
        return await self.actors[step.role].do(step)

    async def latest_value(self, channel: str) -> float | None:
        """See `Rig.latest_value`."""
        seeing = self._seeing(channel)
        return await self.gauges[seeing[0]].latest_value(channel) if seeing else None

    async def rest_value(self, channel: str) -> float | None:
        """See `RestTeller.rest_value`."""
        seeing = self._seeing(channel)
        gauge = self.gauges[seeing[0]] if seeing else None
        return await gauge.rest_value(channel) if isinstance(gauge, RestTeller) else None

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        """See `Rig.begin`.

        Raises:
            RigError: a channel that nobody sees.
        """
        unseen = [channel for channel in channels if not self._seeing(channel)]
        if unseen:
            raise RigError("rig", f"nobody records {', '.join(unseen)}", "see `channels` of the rig's sheet")
        recording = []
        for role, gauge in self.gauges.items():
            own = tuple(channel for channel in channels if channel in self.sheet.roles[role].channels)
            if own:
                await gauge.begin(own, each_phase)
                recording.append(role)
        self._recording = tuple(recording)

    async def end(self) -> tuple[Recording, ...]:
        """See `Rig.end`."""
        recording, self._recording = self._recording, ()
        return tuple([await self.gauges[role].end() for role in recording])

    async def safe(self) -> None:
        """See `Rig.safe`. Every role is asked, whatever becomes of the ones before it; then all errors are raised.

        Raises:
            ExceptionGroup: roles could not be made safe, each with its error.
        """
        errors: list[Exception] = []
        for role in SAFE_ORDER:
            if role in self.actors:
                try:
                    await self.actors[role].safe()
                except Exception as error:  # whatever it is, the other roles must be made safe
                    errors.append(error)
        if errors:
            raise ExceptionGroup("the rig is not safe", errors)

    def identity(self) -> Mapping[str, str]:
        """See `World.identity`."""
        return self.world.identity()

    def _seeing(self, channel: str) -> list[Role]:
        return [role for role in self.gauges if channel in self.sheet.roles[role].channels]


def _simulated_actor(sheet: RoleSheet, world: World) -> Actor:
    kinds: tuple[type[SimulatedActor], ...] = (AcLoad, DcSource, GridSim, Relay, DutLink)
    assert isinstance(world, SimulatedWorld)
    return next(kind(world) for kind in kinds if kind.role is sheet.role)


def _simulated_gauge(sheet: RoleSheet, world: World) -> Gauge:
    assert isinstance(world, SimulatedWorld)
    return _OfThisRun(world, sheet.role)


class _OfThisRun:
    """The power meter, or the waveform recorder, of the run that is open."""

    def __init__(self, world: SimulatedWorld, role: Role):
        self._world, self._role = world, role

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        await self._gauge.begin(channels, each_phase)

    async def latest_value(self, channel: str) -> float | None:
        return await self._gauge.latest_value(channel)

    async def end(self) -> Recording:
        return await self._gauge.end()

    @property
    def _gauge(self) -> Gauge:
        bench = self._world.bench
        gauge: Gauge | None = bench.recorder if self._role is Role.WAVEFORM else bench.gauge
        assert gauge is not None
        return gauge


DRIVERS: dict[str, Driver] = {
    "simulated": Driver(world=SimulatedWorld, actor=_simulated_actor, gauge=_simulated_gauge, precedence=1),
    "human": Driver(world=RealWorld, actor=human_actor, gauge=human_gauge),
    "file": Driver(world=RealWorld, gauge=file_gauge),
}


def assemble(sheet: RigSheet, drivers: Mapping[str, Driver] = DRIVERS) -> Rig:
    """The rig of a sheet; nothing is energised.

    Raises:
        RigError: a driver that there is not, or that cannot do a role.
    """
    for role, part in sheet.roles.items():
        known = drivers.get(part.driver)
        if known is None or (known.actor if role in ACTING else known.gauge) is None:
            raise RigError(role.value, f"there is no driver `{part.driver}` for it", f"there are: {', '.join(drivers)}")
    used = {part.driver: drivers[part.driver] for part in sheet.roles.values()}
    world = max(used.values(), key=lambda driver: driver.precedence).world(sheet)
    actors: dict[Role, Actor] = {}
    gauges: dict[Role, Gauge] = {}
    for role, part in sheet.roles.items():
        driver = used[part.driver]
        if role in ACTING and driver.actor is not None:
            actors[role] = driver.actor(part, world)
        elif driver.gauge is not None:
            gauges[role] = driver.gauge(part, world)
    return AssembledRig(sheet, world, actors, gauges)
