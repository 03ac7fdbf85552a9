"""The shell around the core: tasks for every device, one cycle that steps, and an end that leaves the site safe."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pcs.codec.journal import StepRecord, encode
from pcs.core.economy import leaving
from pcs.core.policy import Policy, policy_for
from pcs.core.predict import lead_s
from pcs.core.state import Inputs, Outcome, State, initial
from pcs.core.step import step
from pcs.devices import registry
from pcs.limits.source import ScheduledLimits
from pcs.model.command import LimitActivePower
from pcs.model.event import Event, EventKind
from pcs.model.fault import Fault, FaultKind
from pcs.model.lockout import Who
from pcs.model.reading import LockoutReset
from pcs.model.site import LinkAddress, Site
from pcs.model.units import Instant
from pcs.ports import Clock, Journal, Link, LockoutMemory, TimeTrust, Watchdog
from pcs.runtime import alive
from pcs.runtime.checkpoint import CHECKPOINT_S, Checkpoint, encode_checkpoint
from pcs.runtime.explain import explain
from pcs.runtime.health import Health
from pcs.runtime.inbox import Inbox
from pcs.runtime.lockouts import Remembered, answer_reset
from pcs.runtime.pollers import DerTasks, poll_meter
from pcs.runtime.status import status
from pcs.runtime.watched_link import WatchedLink

PATIENCE_S = 0.02
"""A meter that is polled once a cycle may be this late with its reply; else each cycle would step twice."""
LEAVE_WITHIN_S = 3.0
"""How long the end may take to leave every DER at its share of the safe set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything the controller needs from outside, behind ports: time, memory, and a link per address."""

    clock: Clock
    journal: Journal
    link: Callable[[LinkAddress], Link]
    on_event: Callable[[Event], None] = lambda _: None
    time_trust: TimeTrust | None = None
    """Whether the time of day can be believed (None: always): if not, the tightest entries of schedules hold."""
    released: frozenset[str] = frozenset()
    """DERs whose limit, as it is found, the installer releases: it counts as our own."""
    watchdog: Watchdog | None = None
    """Who waits for completed steps; None: nobody."""
    lockouts: LockoutMemory | None = None
    """What survives of lock-outs (None: nothing does)."""
    storm: str = ""
    """Why this start is held in the safe set (too many restarts), in words; empty: it is not."""


class Controller:
    """One run of the controller on one site."""

    def __init__(self, site: Site, world: World) -> None:
        self.site, self.world = site, world
        self._lockouts = Remembered(world.lockouts)
        self.policy: Policy = self._lockouts.policy(policy_for(site))
        self.state: State = initial(self.policy, world.clock.now(), self._lockouts.found)
        self.started = world.clock.now()
        self.steps = 0
        self._journal_trouble = ""
        self._checkpoint_s = float("-inf")
        self._inbox = Inbox()
        self._alive = alive.at_start(tuple(m.id for m in self.policy.meters), self.started.mono_s)
        self._limits = ScheduledLimits(site.limits, site.timezone, [lead_s(site, limit) for limit in site.limits])
        self._links: dict[LinkAddress, Link] = {}
        self.health = Health(self._links, world.clock.now, self._note)
        self._meters = [registry.meter_for(spec, self._link(spec.link)) for spec in self.policy.meters]
        self._ders = {d.id: self._der(d.id) for d in self.policy.controlled}

    def _link(self, address: LinkAddress) -> Link:
        """The one connection to an address; devices behind the same address share it."""
        if address not in self._links:
            self._links[address] = WatchedLink(self.world.link(address))
        return self._links[address]

    def _der(self, der_id: str) -> DerTasks:
        spec = next(d for d in self.policy.controlled if d.id == der_id)
        assert spec.link is not None

        def explains(serial: str, limit_w: float, tolerance_w: float) -> bool:
            return der_id in self.world.released or self.world.journal.explains(serial, limit_w, tolerance_w)

        device = registry.inverter_for(spec, self._link(spec.link), explains)
        journal, clock, released = self.world.journal, self.world.clock, der_id in self.world.released
        return DerTasks(device, der_id, self.policy, self._inbox, journal, clock, released=released)

    def status(self) -> dict[str, Any]:
        """What people may know of this moment (schema pcs.status/1)."""
        return self.health.beside(
            status(
                self.site,
                self.policy,
                self.state,
                self.started,
                self.world.clock.now(),
                self.steps,
                self._links,
                self.world.journal.trouble(),
            )
        )

    def explain(self) -> dict[str, Any]:
        """Why everything is as it is at this moment, and what comes next (schema pcs.explain/1)."""
        return explain(self.site, self.policy, self.state, self.world.clock.now())

    def reset_lockout(self, who: Who) -> dict[str, Any]:
        """Ask for the end of a lock-out, as `who` they say they are; the next step does it, or tells why not."""
        now = self.world.clock.now()
        answer = answer_reset(self.state, self.policy, who, now)
        self._inbox.put(LockoutReset(who=who, sent_s=now.mono_s, received_s=now.mono_s), urgent=True)
        return answer

    async def run(self, stop: asyncio.Event) -> None:
        """Control until `stop` is set; whatever ends it, the DERs are left at the safe set.

        Raises:
            WrongDeviceError: at start, a device is not what its profile says.
        """
        self._tell(EventKind.STARTED, f"{self.site.name}: not commissioned: settings are not sealed")
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    *(
                        group.create_task(poll_meter(meter, spec.id, self._inbox, partial(self._period_s, number)))
                        for number, (meter, spec) in enumerate(zip(self._meters, self.policy.meters, strict=True))
                    ),
                    group.create_task(self._cycle()),
                    group.create_task(self.health.run()),
                    *(group.create_task(work) for d in self._ders.values() for work in (d.poll(), d.write())),
                ]
                await self._until(stop, tasks)
        except* Exception as trouble:
            raise trouble.exceptions[0] from None
        finally:
            await self._leave()

    async def _until(self, stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
        await stop.wait()
        for task in tasks:
            task.cancel()

    def _period_s(self, number: int) -> float | None:
        return self.state.meters[number].period_s

    async def _cycle(self) -> None:
        """Step on everything the meter says, and at least every cycle without it."""
        loop = asyncio.get_running_loop()
        while True:
            await self._inbox.wait(loop.time() + self.policy.tuning.cycle_s + PATIENCE_S)
            self._step()

    def _step(self) -> None:
        now = self.world.clock.now()
        if self.steps == 0:
            self._checkpoint(now)
        trust = self.world.time_trust
        told = self._limits.news(now, trusted=trust is None or trust.trusted(now))
        inputs = Inputs(observations=self._held() + ((told,) if told else ()) + self._inbox.take())
        outcome: Outcome = step(self.state, inputs, self.policy, now)
        self.state = outcome.state
        self.steps += 1
        for command in outcome.commands:  # commands go out first
            self._ders[command.der_id].command(command)
        record = StepRecord(now=now, inputs=inputs.observations, commands=outcome.commands, events=outcome.events)
        self.world.journal.step(encode(record))
        for event in outcome.events:
            self.world.journal.event(event)
            self.world.on_event(event)
        if now.mono_s - self._checkpoint_s >= CHECKPOINT_S:
            self._checkpoint(now)
        self._lockouts.keep(self.state)
        self._watch_journal()
        self.health.step.add(self.world.clock.now().mono_s - now.mono_s)
        self._feed(inputs, now)

    def _held(self) -> tuple[Fault, ...]:
        """Told to the core once, at the first step: this start is one of too many."""
        if self.steps or not self.world.storm:
            return ()
        at_s = self.world.clock.now().mono_s
        return (Fault(kind=FaultKind.RESTARTS, source_id="controller", at_s=at_s, detail=self.world.storm),)

    def _feed(self, inputs: Inputs, now: Instant) -> None:
        """The step is complete: whoever waits for that is told, unless a meter's task says nothing any more."""
        self._alive = alive.after_step(self._alive, inputs.observations, now.mono_s)
        if self.world.watchdog is None:
            return
        hangs = alive.starved(self._alive, now.mono_s)
        if hangs:
            self.world.watchdog.starve(hangs)
        else:
            found = ", ".join(dict.fromkeys(f.kind.value for f in self.state.faults))
            self.world.watchdog.feed(now.mono_s, f"{self.state.action.name.lower()}{': ' + found if found else ''}")

    def _checkpoint(self, now: Instant) -> None:
        """Keep everything that decides, so that the steps from here can be replayed."""
        self._checkpoint_s = now.mono_s
        kept = Checkpoint(begins=self.steps == 0, policy=self.policy, state=self.state)
        self.world.journal.checkpoint(encode_checkpoint(kept))

    def _watch_journal(self) -> None:
        """A journal in trouble is an alarm; control goes on."""
        memory = self.world.lockouts
        trouble = self.world.journal.trouble() or (memory.trouble() if memory is not None else "")
        if trouble != self._journal_trouble:
            self._journal_trouble = trouble
            self._tell(EventKind.JOURNAL_ALARM, trouble or "the journal works again")

    def _tell(self, kind: EventKind, text: str) -> None:
        self._note(Event(at=self.world.clock.now(), kind=kind, text=text))

    def _note(self, event: Event) -> None:
        self.world.journal.event(event)
        self.world.on_event(event)

    async def _leave(self) -> None:
        """Leave every DER at its share of the safe set, all at once and within a bound; then close everything."""
        left: list[str] = []

        async def leave(command: LimitActivePower) -> None:
            der_id = command.der_id
            while self._ders[der_id].met and not await self._ders[der_id].carry_out(command):
                pass  # tried again until the time for leaving is over
            if self._ders[der_id].met:
                left.append(der_id)

        state = self.state
        limited = any(line.envelope.limit_w is not None for line in state.lines)
        commands = leaving(state.ders, state.safe_w, state.safe_charge_w) if limited else ()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await asyncio.gather(*map(leave, commands))
        self._tell(EventKind.STOPPED, self._how_left(left))
        self._lockouts.keep(self.state, leaves=True)
        for link in self._links.values():
            await link.close()

    def _how_left(self, left: list[str]) -> str:
        """How the DERs were left, in words; one that was never met was never commanded either."""
        kept = [d for d, tasks in self._ders.items() if tasks.met and d not in left]
        unmet = [d for d, tasks in self._ders.items() if not tasks.met]
        if not kept and not unmet:
            return "every DER left at its safe cap"
        words = [f"could not be left safe: {', '.join(kept)}"] if kept else []
        words += [f"not met or away, so not commanded: {', '.join(unmet)}"] if unmet else []
        return "; ".join(words)
