"""One task for the meter and two for every DER: ask, hand what came to the inbox, carry commands out.

Each DER has one slot for its next command: the latest wins, so a slow device never works off a queue of old caps.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from pcs.core.policy import Policy
from pcs.devices.registry import Inverter, Meter
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerIdentified, LimitApplied, LimitFailed, LimitReadback, MeterIdentified
from pcs.model.units import Instant
from pcs.ports import Clock, Journal
from pcs.runtime.inbox import Inbox
from pcs.runtime.looks import Looks, found_instead

IDENTIFY_FIRST_S = 0.2
IDENTIFY_MOST_S = 5.0
"""Back-off of identification: quick while the site starts, polite to an inverter that sleeps at night."""
QUICKEST_POLL_S = 0.05
SLOWEST_POLL_S = 0.1
"""DESIGN section 5: poll every min(100 ms, update period / 2)."""
RETRY_S = 0.1
START_S = 10.0
"""A wrong device met this soon is a mistake of the installation and ends the start; later it is a fault."""
DER_LOOK_S, METER_LOOK_S = 10.0, 60.0
"""How often a device that never went away is asked who it is: behind a gateway two may change places between two polls.
The meter less often, because on a slow bus the question costs it a sample."""
SLOW_S = 10.0
"""How often slow values are read: a state of charge moves by 0.3 % meanwhile, at 1C."""
LINK_LOST = (FaultKind.NO_CONNECTION, FaultKind.NO_ANSWER, FaultKind.NOT_NOW)


T = TypeVar("T", covariant=True)


class _Asked(Protocol[T]):
    async def measure(self) -> T | Fault: ...

    async def still_same(self) -> Fault | None: ...


class WrongDeviceError(Exception):
    """At start, a device is not what its profile says: nothing was controlled with it, and nothing will be."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.source_id}: {fault.kind.value}: {fault.detail}")
        self.fault = fault


class Pace:
    """A fixed rhythm that skips what it missed instead of catching up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._next_s = loop.time()

    async def wait(self, period_s: float) -> None:
        """Sleep until the next beat of `period_s`."""
        now_s = self._loop.time()
        self._next_s += period_s
        if self._next_s <= now_s:
            self._next_s = now_s + period_s if now_s - self._next_s > period_s else now_s
        await asyncio.sleep(self._next_s - now_s)


def _named(outcome: Fault, source_id: str) -> Fault:
    return replace(outcome, source_id=source_id)


async def poll_meter(meter: Meter, meter_id: str, inbox: Inbox, period_s: Callable[[], float | None]) -> None:
    """Identify the meter, then ask it for ever. `period_s` is its update period as far as it is known."""
    loop = asyncio.get_running_loop()
    await _meet_meter(meter, meter_id, inbox, start_until_s=loop.time() + START_S)
    pace, lost, look_s = Pace(loop), False, loop.time() + METER_LOOK_S
    while True:
        look = lost or loop.time() >= look_s
        outcome = await _ask(meter, look)
        if look and not isinstance(outcome, Fault):
            look_s = loop.time() + METER_LOOK_S
        lost = isinstance(outcome, Fault) and (lost or outcome.kind in LINK_LOST)
        inbox.put(_named(outcome, meter_id) if isinstance(outcome, Fault) else outcome, urgent=True)
        if isinstance(outcome, Fault) and outcome.kind is FaultKind.WRONG_DEVICE:
            await _meet_meter(meter, meter_id, inbox)
            lost = False
        known_s = period_s()
        await pace.wait(QUICKEST_POLL_S if known_s is None else max(QUICKEST_POLL_S, min(SLOWEST_POLL_S, known_s / 2)))


async def _ask(device: _Asked[T], look: bool) -> T | Fault:
    """One poll; after a lost link, and now and then, first make sure that it is still the same device."""
    changed = await device.still_same() if look else None
    return await device.measure() if changed is None else changed


async def _meet_meter(meter: Meter, meter_id: str, inbox: Inbox, *, start_until_s: float = 0.0) -> None:
    backoff_s = IDENTIFY_FIRST_S
    while True:
        outcome = await meter.identify()
        if isinstance(outcome, MeterIdentified):
            inbox.put(outcome, urgent=True)
            return
        if outcome.kind is FaultKind.WRONG_DEVICE and asyncio.get_running_loop().time() < start_until_s:
            raise WrongDeviceError(_named(outcome, meter_id))
        inbox.put(_named(outcome, meter_id), urgent=True)
        await asyncio.sleep(backoff_s)
        backoff_s = min(IDENTIFY_MOST_S, 2 * backoff_s)


class DerTasks:
    """What runs for one DER: identification and polling, and the writer that owns its command slot."""

    def __init__(
        self,
        device: Inverter,
        der_id: str,
        policy: Policy,
        inbox: Inbox,
        journal: Journal,
        clock: Clock,
        *,
        released: bool = False,
    ) -> None:
        """`released`: what somebody else left on the device before this start is over."""
        self.device, self.der_id, self._released = device, der_id, released
        self._policy, self._inbox, self._journal, self._clock = policy, inbox, journal, clock
        self._slot: LimitActivePower | None = None
        self._wanted = asyncio.Event()
        self._identity: DerIdentified | None = None
        self._held: LimitApplied | None = None
        """What the device last confirmed; None: nothing of ours is there."""
        self._left: LimitApplied | LimitReadback | None = None
        """What it last confirmed or was seen to hold, whichever is later: anything else is news."""
        self._looks = Looks(policy.tuning.verify_s)
        self._idle = asyncio.Event()
        """Set while no command is under way."""
        self._idle.set()

    @property
    def met(self) -> bool:
        """Whether the DER has been identified, so that it can be commanded."""
        return self._identity is not None

    def command(self, command: LimitActivePower) -> None:
        """Put a command into the slot; one that still waits there is replaced."""
        self._slot = command
        self._wanted.set()

    async def poll(self) -> None:
        """Identify the DER, then ask for its power, and now and then for the limit that it holds, for ever."""
        tuning = self._policy.tuning
        loop = asyncio.get_running_loop()
        await self._meet(start_until_s=loop.time() + START_S)
        pace, slow_s, lost = Pace(loop), loop.time(), False
        look_s = loop.time() + DER_LOOK_S
        self._looks.looked(loop.time(), loop.time())
        while True:
            await pace.wait(tuning.telemetry_poll_s)
            look = lost or loop.time() >= look_s
            outcome = await _ask(self.device, look)
            if isinstance(outcome, Fault):
                lost = lost or outcome.kind in LINK_LOST
                self._inbox.put(_named(outcome, self.der_id))
                if outcome.kind is FaultKind.WRONG_DEVICE:
                    self._identity, lost = None, False
                    await self._meet()
                continue
            back, lost = lost, False
            look_s = loop.time() + DER_LOOK_S if look else look_s
            self._inbox.put(outcome)
            if back or await self._may_look(loop):  # whoever was away may have restarted without its limit
                await self._look(loop)
            elif loop.time() >= slow_s:  # behind the power, on a beat without a verification; a fault is only missing
                slow_s = loop.time() + SLOW_S
                await self.device.refresh()

    async def _may_look(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether it is time to look. An early look lets a command end first, for the time of a poll at most.

        Between the frames of the command it would hold them up, and what it found would prove nothing.
        """
        if self._idle.is_set() or not self._looks.is_due(loop.time()) or self._looks.is_overdue(loop.time()):
            return self._looks.is_due(loop.time())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._policy.tuning.telemetry_poll_s):
                await self._idle.wait()
        return self._idle.is_set()

    async def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ask for the limit that it holds. What is neither ours nor known yet makes the next looks come sooner."""
        began_s, left = loop.time(), self._left
        seen = await self.device.read_limit()
        self._inbox.put(_named(seen, self.der_id) if isinstance(seen, Fault) else seen)
        is_news = False
        if not isinstance(seen, Fault) and self._identity is not None and self._left is left:  # else ours came between
            is_news = left is not None and bool(found_instead(self._identity, left, seen))
            self._left = seen
        self._looks.looked(began_s, loop.time(), is_news=is_news)

    async def _meet(self, *, start_until_s: float = 0.0) -> None:
        backoff_s = IDENTIFY_FIRST_S
        while True:
            outcome = await self.device.identify()
            if isinstance(outcome, DerIdentified):
                if not self._released:
                    limit_w, draw_w = self._journal.foreign(outcome.serial)
                    outcome = replace(outcome, foreign_w=limit_w, foreign_charge_w=draw_w)
                first = await self.device.measure()
                self._identity, self._held, self._left = outcome, None, None
                self._inbox.put(outcome, *([] if isinstance(first, Fault) else [first]), urgent=True)
                return
            if outcome.kind is FaultKind.WRONG_DEVICE and asyncio.get_running_loop().time() < start_until_s:
                raise WrongDeviceError(_named(outcome, self.der_id))
            self._inbox.put(_named(outcome, self.der_id))
            await asyncio.sleep(backoff_s)
            backoff_s = min(IDENTIFY_MOST_S, 2 * backoff_s)

    async def write(self) -> None:
        """Carry out the newest command, for ever. What is intended is remembered before it goes on the wire."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            command, self._slot = self._slot, None
            if command is not None:
                await self.carry_out(command)

    async def carry_out(self, command: LimitActivePower) -> bool:
        """Write one command now; returns whether the device confirmed it."""
        identity = self._identity
        if identity is None:
            return False
        if not command.urgent and await self._is_changed(identity, command):
            return False
        now: Instant = self._clock.now()
        self._journal.intend(identity.serial, command, now)
        self._idle.clear()
        try:
            outcome = await self.device.apply(command)
        finally:
            self._idle.set()
        if command.urgent:  # unseen, it overwrote whatever was there
            self._looks.written(asyncio.get_running_loop().time())
        if isinstance(outcome, Fault):
            await self._failed(command, outcome)
            return False
        self._journal.confirm(identity.serial, command, self._clock.now())
        self._held = self._left = outcome
        self._inbox.put(outcome)
        return True

    async def _is_changed(self, identity: DerIdentified, command: LimitActivePower) -> bool:
        """Whether the device holds not what we left: then nothing is raised, and the core hears what was found.

        A raise can wait for this look; without it, it would overwrite a second writer's lower limit before the next
        verification could notice (design section 6: the lower holds).
        """
        held, loop = self._held, asyncio.get_running_loop()
        if held is None:
            return False
        began_s = loop.time()
        seen = await self.device.read_limit()
        if isinstance(seen, Fault):
            await self._failed(command, seen)
            return True
        found = found_instead(identity, held, seen)
        if not found:
            self._looks.seen_ours(began_s, loop.time())
            return False
        self._held = None
        why = Fault(
            kind=FaultKind.NOT_APPLIED,
            source_id=self.der_id,
            at_s=seen.received_s,
            detail=f"{found} found instead of ours: not overwritten unseen",
        )
        self._inbox.put(_failure(self.der_id, command, why), seen)
        return True

    async def _failed(self, command: LimitActivePower, outcome: Fault) -> None:
        """Tell the core that a command came to nothing, and breathe."""
        self._inbox.put(_failure(self.der_id, command, _named(outcome, self.der_id)))
        await asyncio.sleep(RETRY_S)


def _failure(der_id: str, command: LimitActivePower, fault: Fault) -> LimitFailed:
    return LimitFailed(
        der_id=der_id,
        limit_w=command.limit_w,
        charge_limit_w=command.charge_limit_w,
        setpoint_w=command.bounded_setpoint_w,
        fault=fault,
    )
