"""A raise looks first: whatever was left on a device and changed since is heard, and not overwritten unseen."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from pcs.core.policy import Policy
from pcs.devices.registry import Inverter
from pcs.io.clock import LoopClock
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitFailed, LimitReadback
from pcs.model.units import Instant
from pcs.ports import Journal
from pcs.runtime.inbox import Inbox
from pcs.runtime.pollers import SLOW_S, DerTasks
from tests.bench.bench_core import met, policy
from tests.link_helpers import in_virtual_time

HELD = LimitApplied(der_id="inv0", limit_w=1_000.0, charge_limit_w=500.0, setpoint_w=-500.0, sent_s=0.0, received_s=0.0)
SAME = LimitReadback(
    der_id="inv0", limit_w=1_000.0, charge_limit_w=500.0, setpoint_w=-500.0, sent_s=1.0, received_s=1.0
)
RAISE = LimitActivePower(
    der_id="inv0", limit_w=2_000.0, reversion_limit_w=0.0, charge_limit_w=500.0, setpoint_w=-500.0, urgent=False
)


class Storage:
    """A device that holds what it is told, and says what it is made to say."""

    def __init__(self) -> None:
        self.says = SAME
        self.applied = 0
        self.measured_s: list[float] = []
        self.refreshed_s: list[float] = []

    async def identify(self) -> DerIdentified | Fault:
        found = met(0.0).observations[1]
        assert isinstance(found, DerIdentified)
        return replace(found, charge_rating_w=5_000.0)

    async def measure(self) -> DerReading | Fault:
        now_s = asyncio.get_running_loop().time()
        self.measured_s.append(now_s)
        return DerReading(der_id="inv0", injection_w=0.0, sent_s=now_s, received_s=now_s)

    async def still_same(self) -> Fault | None:
        return None

    async def refresh(self) -> Fault | None:
        self.refreshed_s.append(asyncio.get_running_loop().time())
        return None

    async def read_limit(self) -> LimitReadback | Fault:
        return self.says

    async def apply(self, command: LimitActivePower) -> LimitApplied | Fault:
        self.applied += 1
        return HELD


class Memory:
    """A journal that keeps intents only."""

    def __init__(self) -> None:
        self.intended: list[LimitActivePower] = []

    def intend(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        self.intended.append(command)

    def confirm(self, serial: str, command: LimitActivePower, at: Instant) -> None: ...

    def foreign(self, serial: str) -> tuple[float | None, float | None]:
        return 300.0, 50.0


def raised(says: LimitReadback) -> tuple[Storage, list[object]]:
    """What becomes of a raise when the device says this after it confirmed `HELD`."""
    device, inbox = Storage(), Inbox()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        tasks = DerTasks(
            cast(Inverter, device),
            "inv0",
            cast(Policy, policy()),
            inbox,
            cast(Journal, Memory()),
            LoopClock(loop, 0.0),
        )
        polling = asyncio.ensure_future(tasks.poll())
        await asyncio.sleep(0.1)
        assert await tasks.carry_out(replace(RAISE, urgent=True))
        inbox.take()
        device.says = says
        await tasks.carry_out(RAISE)
        polling.cancel()

    in_virtual_time(work)
    return device, list(inbox.take())


def test_a_device_that_holds_what_it_was_told_is_raised() -> None:
    device, heard = raised(replace(SAME, limit_w=1_001.0))
    assert device.applied == 2
    assert heard == [HELD]


@pytest.mark.parametrize(("says", "words"), [
    (replace(SAME, limit_w=400.0), "limit 400 W"),
    (replace(SAME, limit_w=None), "no limit"),
    (replace(SAME, charge_limit_w=100.0), "charge limit 100 W"),
    (replace(SAME, setpoint_w=0.0), "set point 0 W"),
    (replace(SAME, setpoint_w=None, charge_limit_w=None), "no charge limit, no set point"),
])  # fmt: skip
def test_whatever_else_it_holds_is_heard_and_not_overwritten(says: LimitReadback, words: str) -> None:
    device, heard = raised(says)
    assert device.applied == 1
    failed, seen = heard
    assert isinstance(failed, LimitFailed)
    assert (failed.fault.kind, failed.charge_limit_w, failed.setpoint_w) == (FaultKind.NOT_APPLIED, 500.0, -500.0)
    assert failed.fault.detail.startswith(f"{words} found instead of ours")
    assert seen == says


def test_slow_values_are_read_now_and_then_and_always_behind_the_power() -> None:
    device, inbox = Storage(), Inbox()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        tasks = DerTasks(
            cast(Inverter, device), "inv0", cast(Policy, policy()), inbox, cast(Journal, Memory()), LoopClock(loop, 0.0)
        )
        polling = asyncio.ensure_future(tasks.poll())
        await asyncio.sleep(3.5 * SLOW_S)
        polling.cancel()

    in_virtual_time(work)
    assert len(device.refreshed_s) == 4
    assert set(device.refreshed_s) <= set(device.measured_s)


@pytest.mark.parametrize(("released", "left_w"), [(False, (300.0, 50.0)), (True, (None, None))])
def test_what_somebody_else_left_before_this_start_is_heard_with_the_device_unless_it_was_released(
    released: bool, left_w: tuple[float | None, float | None]
) -> None:
    device, inbox = Storage(), Inbox()

    async def work() -> None:
        clock, journal = LoopClock(asyncio.get_running_loop(), 0.0), cast(Journal, Memory())
        tasks = DerTasks(
            cast(Inverter, device), "inv0", cast(Policy, policy()), inbox, journal, clock, released=released
        )
        polling = asyncio.ensure_future(tasks.poll())
        await asyncio.sleep(0.1)
        polling.cancel()

    in_virtual_time(work)
    met_ = inbox.take()[0]
    assert isinstance(met_, DerIdentified)
    assert (met_.foreign_w, met_.foreign_charge_w) == left_w
