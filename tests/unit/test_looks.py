"""When a DER is asked for the limit it holds: in a rhythm, soon after a lowering write, and often while another changes
it; never so often that a slow bus is full of it."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import cast

from pcs.core.policy import Policy
from pcs.devices.registry import Inverter
from pcs.io.clock import LoopClock
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault
from pcs.model.reading import LimitApplied, LimitReadback
from pcs.model.site import Tuning
from pcs.model.units import Instant
from pcs.ports import Journal
from pcs.runtime.inbox import Inbox
from pcs.runtime.looks import BUS_SHARE, SOON_S, WARY_S
from pcs.runtime.pollers import DerTasks
from tests.bench.bench_core import policy
from tests.link_helpers import in_virtual_time
from tests.poller_kit import StandIn

VERIFY_S, BEAT_S = Tuning().verify_s, Tuning().telemetry_poll_s
URGENT = LimitActivePower(der_id="inv0", limit_w=1_000.0, reversion_limit_w=0.0, urgent=True)
RAISE = LimitActivePower(der_id="inv0", limit_w=1_000.0, reversion_limit_w=0.0, urgent=False)


class Device(StandIn):
    """An inverter that holds what it is told, or what somebody else writes into it."""

    def __init__(self, reply_s: float = 0.0) -> None:
        self.limit_w: float | None = None
        self.reply_s = reply_s
        self.apply_s = 0.0
        self.looked_s: list[float] = []
        self.writes_s: list[tuple[float, float]] = []

    async def read_limit(self) -> LimitReadback | Fault:
        sent_s = asyncio.get_running_loop().time()
        self.looked_s.append(sent_s)
        await asyncio.sleep(self.reply_s)
        return LimitReadback(der_id="inv0", limit_w=self.limit_w, sent_s=sent_s, received_s=sent_s + self.reply_s)

    async def apply(self, command: LimitActivePower) -> LimitApplied | Fault:
        now_s, self.limit_w = asyncio.get_running_loop().time(), command.limit_w
        self.writes_s.append((now_s, now_s + self.apply_s))
        await asyncio.sleep(self.apply_s)
        return LimitApplied(der_id="inv0", limit_w=command.limit_w, sent_s=now_s, received_s=now_s)


class NoMemory:
    """A journal that keeps nothing."""

    def intend(self, serial: str, command: LimitActivePower, at: Instant) -> None: ...

    def confirm(self, serial: str, command: LimitActivePower, at: Instant) -> None: ...

    def foreign(self, serial: str) -> tuple[float | None, float | None]:
        return None, None


def looks(story: Callable[[DerTasks, Device], Awaitable[None]], reply_s: float = 0.0) -> list[float]:
    """When the device was asked for its limit during a story."""
    device = Device(reply_s)

    async def work() -> None:
        clock, journal = LoopClock(asyncio.get_running_loop(), 0.0), cast(Journal, NoMemory())
        tasks = DerTasks(cast(Inverter, device), "inv0", cast(Policy, policy()), Inbox(), journal, clock)
        polling = asyncio.ensure_future(tasks.poll())
        await asyncio.sleep(0.1)
        await story(tasks, device)
        polling.cancel()

    in_virtual_time(work)
    return device.looked_s


def gaps_s(looked_s: list[float]) -> list[float]:
    return [later - before for before, later in pairwise(looked_s)]


def test_a_lowering_write_is_looked_after_once_and_soon() -> None:
    async def story(tasks: DerTasks, device: Device) -> None:
        assert await tasks.carry_out(URGENT)
        await asyncio.sleep(VERIFY_S)

    first, *others = looks(story)
    assert 0.1 + SOON_S <= first <= 0.1 + SOON_S + BEAT_S
    assert others == []


def test_a_raise_is_looked_after_in_the_usual_rhythm_only() -> None:
    async def story(tasks: DerTasks, device: Device) -> None:
        assert await tasks.carry_out(RAISE)
        await asyncio.sleep(3 * VERIFY_S)

    assert min(gaps_s([0.0, *looks(story)])) >= VERIFY_S


def test_a_burst_of_lowering_writes_neither_postpones_the_look_nor_multiplies_it() -> None:
    async def story(tasks: DerTasks, device: Device) -> None:
        device.apply_s = 0.03
        for _ in range(50):
            assert await tasks.carry_out(URGENT)
            await asyncio.sleep(0.07)

    gaps = gaps_s([0.1, *looks(story)])
    assert max(gaps) <= SOON_S + BEAT_S + 0.03, "each poll meets a command under way"
    assert min(gaps) >= SOON_S


def test_whoever_changes_a_limit_is_looked_for_often_and_not_for_ever() -> None:
    async def story(tasks: DerTasks, device: Device) -> None:
        await tasks.carry_out(RAISE)
        device.limit_w = 5_000.0
        await asyncio.sleep(VERIFY_S + BEAT_S)
        await tasks.carry_out(URGENT)
        await asyncio.sleep(WARY_S + 3 * VERIFY_S)

    looked_s = looks(story)
    found_s = looked_s[0]
    wary = gaps_s([s for s in looked_s if s <= found_s + WARY_S])
    calm = gaps_s([s for s in looked_s if s >= found_s + WARY_S])
    assert len(wary) >= WARY_S / (2 * BEAT_S)
    assert max(wary) <= 2 * BEAT_S
    assert min(calm[1:]) >= VERIFY_S


def test_a_lower_limit_that_somebody_left_and_that_stays_is_news_only_once() -> None:
    async def story(tasks: DerTasks, device: Device) -> None:
        await tasks.carry_out(RAISE)
        device.limit_w = 500.0
        await asyncio.sleep(VERIFY_S + WARY_S + 3 * VERIFY_S)

    assert min(gaps_s(looks(story))[-2:]) >= VERIFY_S


def test_on_a_slow_bus_early_looks_take_no_more_than_their_share() -> None:
    reply_s = 0.15  # 100 bytes at 9600 baud, and the device's own thinking

    async def story(tasks: DerTasks, device: Device) -> None:
        for _ in range(100):
            await tasks.carry_out(URGENT)
            device.limit_w = 5_000.0
            await asyncio.sleep(0.1)

    gaps = gaps_s(looks(story, reply_s))
    assert len(gaps) >= 3
    assert min(gaps) >= reply_s / BUS_SHARE
    assert max(gaps) <= VERIFY_S + BEAT_S + reply_s


def test_on_a_bus_too_slow_for_early_looks_the_usual_rhythm_stays() -> None:
    async def story(tasks: DerTasks, device: Device) -> None:
        for _ in range(100):
            await tasks.carry_out(URGENT)
            await asyncio.sleep(0.1)

    gaps = gaps_s(looks(story, 0.5))
    assert len(gaps) >= 3
    assert all(VERIFY_S <= gap <= VERIFY_S + 0.5 + BEAT_S for gap in gaps)


def test_an_early_look_never_comes_between_the_frames_of_a_command_and_the_usual_one_may() -> None:
    during: list[float] = []

    async def story(tasks: DerTasks, device: Device) -> None:
        await tasks.carry_out(URGENT)
        device.apply_s = 0.91
        for _ in range(10):
            await tasks.carry_out(URGENT)
            await asyncio.sleep(0.17)
        during.extend(s for s in device.looked_s if any(begin_s <= s < end_s for begin_s, end_s in device.writes_s))

    looked_s = looks(story)
    assert len(looked_s) > len(during)
    assert all(s - max([0.1, *(t for t in looked_s if t < s)]) >= VERIFY_S - BEAT_S for s in during)
    assert max(gaps_s(looked_s)) <= VERIFY_S + BEAT_S


def test_raises_that_look_for_themselves_save_the_look_after_a_lowering_write() -> None:
    async def story(tasks: DerTasks, device: Device) -> None:
        await tasks.carry_out(URGENT)
        for _ in range(15):
            await asyncio.sleep(0.1)
            assert await tasks.carry_out(RAISE)
            del device.looked_s[-1:]  # its own
        assert device.looked_s == []
        await asyncio.sleep(2 * VERIFY_S)

    first, second = looks(story)
    assert VERIFY_S <= first <= VERIFY_S + BEAT_S
    assert second - first >= VERIFY_S
