"""A DER that was away is asked for its limit as soon as it is back: it may have restarted without it."""

import asyncio
from typing import cast

from pcs.core.policy import Policy
from pcs.devices.registry import Inverter
from pcs.io.clock import LoopClock
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerReading, LimitApplied, LimitReadback
from pcs.ports import Journal
from pcs.runtime.inbox import Inbox
from pcs.runtime.pollers import DerTasks
from tests.bench.bench_core import policy
from tests.link_helpers import in_virtual_time
from tests.poller_kit import StandIn

AWAY_FROM_S, AWAY_TO_S = 2.5, 3.5


class ComesAndGoes(StandIn):
    """An inverter whose link is gone for a second."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []

    async def measure(self) -> DerReading | Fault:
        now_s = asyncio.get_running_loop().time()
        if AWAY_FROM_S <= now_s < AWAY_TO_S:
            return Fault(kind=FaultKind.NO_CONNECTION, source_id="", at_s=now_s)
        return await super().measure()

    async def read_limit(self) -> LimitReadback | Fault:
        now_s = asyncio.get_running_loop().time()
        self.asked_s.append(now_s)
        return LimitReadback(der_id="inv0", limit_w=None, sent_s=now_s, received_s=now_s)

    async def apply(self, command: LimitActivePower) -> LimitApplied | Fault:
        raise AssertionError(command)


class Empty:
    """A journal that knows nothing of anybody."""

    def foreign(self, serial: str) -> tuple[float | None, float | None]:
        return None, None


def test_its_limit_is_read_with_the_first_answer_after_it_was_away() -> None:
    device, rules = ComesAndGoes(), policy()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        tasks = DerTasks(
            cast(Inverter, device), "inv0", cast(Policy, rules), Inbox(), cast(Journal, Empty()), LoopClock(loop, 0.0)
        )
        polling = asyncio.ensure_future(tasks.poll())
        await asyncio.sleep(4.5)
        polling.cancel()

    in_virtual_time(work)
    first, after = (min(s for s in device.asked_s if s >= t) for t in (0.0, AWAY_FROM_S))
    assert 2.0 <= first <= 2.0 + rules.tuning.telemetry_poll_s
    assert AWAY_TO_S <= after <= AWAY_TO_S + rules.tuning.telemetry_poll_s
