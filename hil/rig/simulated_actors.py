"""The simulated roles that act: load, DC source, grid, relays, and the link to the device under test."""

from collections.abc import Awaitable, Callable

from hil.profile.model import Step
from hil.profile.words import Role, Verb
from hil.rig.roles import Done, RigError
from hil.rig.simulated_faults import clear_faults, set_fault, switch
from hil.rig.simulated_twin import BATTERY, PV
from hil.rig.simulated_world import SimulatedWorld

Work = Callable[[Step], Awaitable[str]]


class SimulatedActor:
    """An `Actor` for one role. Each verb that the role has is one method; what it returns is the note."""

    role: Role

    def __init__(self, world: SimulatedWorld):
        self.world = world
        self.verbs: dict[Verb, Work] = {}

    async def do(self, step: Step) -> Done:
        """See `Actor.do`."""
        work = self.verbs.get(step.verb)
        if work is None:
            raise RigError(self.role.value, f"cannot {step}", "see what its role can do in the rig's sheet")
        asked_s = self.world.now_s()
        note = await work(step)
        return Done(asked_s=asked_s, done_s=self.world.now_s(), note=note)

    async def safe(self) -> None:
        """See `Actor.safe`. Where no run is open there is no site, and nothing to make safe."""
        if self.world.is_open:
            await self._safe()

    async def _safe(self) -> None:
        """What this role's safe state is."""


class AcLoad(SimulatedActor):
    """A load bank on each conductor. `total` sets all of them to equal shares, a conductor that one alone."""

    role = Role.AC_LOAD

    def __init__(self, world: SimulatedWorld):
        super().__init__(world)
        self.verbs = {Verb.SET_LOAD: self._set}

    async def _safe(self) -> None:
        """No load."""
        self._share(0.0)

    async def _set(self, step: Step) -> str:
        phase, demand_w = step.word("phase") or "total", step.number("to")
        if phase == "total":
            self._share(demand_w)
            return ""
        plant, number = self.world.bench.site.plant, int(phase.removeprefix("L")) - 1
        if number >= len(plant.spec.loads):
            raise RigError(self.role.value, f"cannot load {phase} alone", "see its `phases` in the rig's sheet")
        plant.set_load(self.world.bench.site.now_s(), number, demand_w)
        return ""

    def _share(self, demand_w: float) -> None:
        site = self.world.bench.site
        count = len(site.plant.spec.loads)
        for number in range(count):
            site.plant.set_load(site.now_s(), number, demand_w / count)


class DcSource(SimulatedActor):
    """What the PV inverter under test can deliver."""

    role = Role.DC_SOURCE

    def __init__(self, world: SimulatedWorld):
        super().__init__(world)
        self.verbs = {Verb.SET_SOURCE: self._set}

    async def _safe(self) -> None:
        """Nothing to deliver."""
        self._to(0.0)

    async def _set(self, step: Step) -> str:
        self._to(step.number("to"))
        return ""

    def _to(self, available_w: float) -> None:
        bench = self.world.bench
        bench.site.plant.set_drive(bench.site.now_s(), PV, available_w)
        bench.note("source.available_w", available_w)


class GridSim(SimulatedActor):
    """The grid: stiff, with a voltage and a frequency."""

    role = Role.GRID_SIM

    def __init__(self, world: SimulatedWorld):
        super().__init__(world)
        self.verbs = {Verb.SET_GRID: self._set}

    async def _safe(self) -> None:
        """Nominal."""
        self._to(1.0, self.world.bench.site.plant.spec.system.nominal_hz)

    async def _set(self, step: Step) -> str:
        plant = self.world.bench.site.plant
        voltage, frequency = step.argument("voltage"), step.argument("frequency")
        self._to(
            plant.supply.voltage_factor if voltage is None else float(voltage),
            plant.frequency_hz if frequency is None else float(frequency),
        )
        return ""

    def _to(self, voltage_factor: float, frequency_hz: float) -> None:
        bench = self.world.bench
        bench.site.set_grid(voltage_factor=voltage_factor, frequency_hz=frequency_hz)
        bench.note("grid.voltage", voltage_factor)
        bench.note("poi.frequency_hz", frequency_hz)


class Relay(SimulatedActor):
    """Relays in the leads of meters, links and control power."""

    role = Role.RELAY

    def __init__(self, world: SimulatedWorld):
        super().__init__(world)
        self.verbs = {Verb.FAULT: self._fault, Verb.SWITCH: self._switch}

    async def _safe(self) -> None:
        """Faults cleared, then control power on."""
        clear_faults(self.world.bench)
        for part in sorted(self.world.bench.dark):
            await switch(self.world.bench, part, True)

    async def _fault(self, step: Step) -> str:
        return set_fault(self.world.bench, step)

    async def _switch(self, step: Step) -> str:
        return await switch(self.world.bench, step.word("of"), step.word("to") == "on")


class DutLink(SimulatedActor):
    """The way to the device under test: its configuration, the wish of its storage, and faults of its own."""

    role = Role.DUT_LINK

    def __init__(self, world: SimulatedWorld):
        super().__init__(world)
        self.verbs = {
            Verb.SET_LIMIT: self._limit,
            Verb.SET_MODE: self._mode,
            Verb.SET_STORAGE: self._storage,
            Verb.FAULT: self._fault,
        }

    async def _safe(self) -> None:
        """The storage is asked for nothing. Limits stay: nothing is safer without them."""
        self._wish(0.0)

    async def _limit(self, step: Step) -> str:
        bench = self.world.bench
        if (step.word("by") or "installer") != "installer":
            raise RigError(self.role.value, "the device has no remote source of limits", "see `setters` of the sheet")
        given = next(argument for argument in step.arguments if argument.name == "to")
        value = step.number("to")
        bench.note("limit.value", value)
        if bench.configuration.limits.get(step.word("limit")) == (value, given.unit):
            return "as it was"
        bench.configuration.limits[step.word("limit")] = (value, given.unit)
        await bench.configure()
        return "configured and restarted" if bench.has_power else "configured"

    async def _mode(self, step: Step) -> str:
        bench = self.world.bench
        if bench.configuration.mode == step.word("mode"):
            return "as it was"
        bench.configuration.mode = step.word("mode")
        await bench.configure()
        return "configured and restarted" if bench.has_power else "configured"

    async def _storage(self, step: Step) -> str:
        self._wish(step.number("to"))
        return ""

    async def _fault(self, step: Step) -> str:
        return set_fault(self.world.bench, step)

    def _wish(self, injection_w: float) -> None:
        bench = self.world.bench
        if BATTERY in bench.site.plant.units:
            bench.site.plant.set_drive(bench.site.now_s(), BATTERY, injection_w)
        elif injection_w:
            raise RigError(self.role.value, "this case has no storage", "it is built where a case touches it")
