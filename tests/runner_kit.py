"""A small deterministic rig for the runner's tests: a first-order plant on virtual time, and faults of every role."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hil.profile.model import Case, Step
from hil.profile.rig_sheet import RigSheet, load_rig
from hil.profile.words import Verb
from hil.record.recording import Recording
from hil.rig.roles import Done, Rig, RigError
from tests.profile_kit import RIG, changed, profile, written
from tests.virtual_time import virtual_loop

T = TypeVar("T")
LAG_S = 0.3
AVAILABLE_W = 4000.0
SAMPLE_S = 0.1
CALL_S = 0.05
SHORT = (
    ("within: {value: 30 s,", "within: {value: 2 s,"),
    (
        "- {do: wait, duration: time}",
        "- {do: await_steady, channel: poi.import_w, band: band, duration: time, timeout: patience}",
    ),
    (
        "  edge: ",
        "  band: {value: 2 %, provenance: project default, source: a choice}\n"
        "  patience: {value: 60 s, provenance: project default, source: a choice}\n  edge: ",
    ),
    ("repeats: {value: 3 times", "repeats: {value: 2 times"),
)
SHEET = changed(RIG, ("ratings: {nameplate: 10 kW}", "ratings: {nameplate: 10 kW, der_nameplate: 10 kW}"))


@dataclass(slots=True)
class FakeRig:
    """Demand follows the load with a lag, injection at once: 4 kW at most, never more than demand.

    `calls` is what was asked for, in order.
    """

    sheet: RigSheet
    calls: list[str] = field(default_factory=list)
    load_w: float = 0.0
    demand_w: float = 0.0
    at_s: float = 0.0
    noise_w: float = 0.0
    began_s: float | None = None
    rows: list[tuple[float, float, float]] = field(default_factory=list)
    sampler: "asyncio.Task[None] | None" = None
    before: Callable[[str], None] = lambda call: None
    """Called with the name of each call before it does anything: raises what a test wants raised."""
    hang: str = ""
    """The call that does not return."""

    async def _called(self, call: str) -> None:
        self.calls.append(call)
        self.before(call)
        await asyncio.sleep(CALL_S)
        if self.hang == call:
            await asyncio.sleep(1e6)

    def _advance(self) -> None:
        now_s = self.now_s()
        self.demand_w += (self.load_w - self.demand_w) * (1.0 - math.exp(-(now_s - self.at_s) / LAG_S))
        self.at_s = now_s

    def _import_w(self) -> float:
        return max(0.0, self.demand_w - AVAILABLE_W)

    async def open(self, case: Case, repeat: int) -> None:
        await self._called("open")

    async def close(self) -> None:
        if self.sampler is not None:
            self.sampler.cancel()
            self.sampler = None
        await self._called("close")

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds_s: float) -> None:
        await asyncio.sleep(seconds_s)

    async def do(self, step: Step) -> Done:
        asked_s = self.now_s()
        await self._called(step.verb.value)
        self._advance()
        if step.verb is Verb.SET_LOAD:
            self.load_w = step.number("to")
        return Done(asked_s=asked_s, done_s=self.now_s())

    async def latest_value(self, channel: str) -> float | None:
        self.before("latest_value")
        self._advance()
        wobble_w = self.noise_w * math.sin(self.now_s())
        return {"poi.import_w": self._import_w() + wobble_w, "load.demand_w": self.demand_w}.get(channel)

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        await self._called("begin")
        self.rows = []
        self.sampler = asyncio.create_task(self._sample())

    async def _sample(self) -> None:
        while True:
            self._advance()
            self.rows.append((self.now_s(), self._import_w(), self.demand_w))
            await asyncio.sleep(SAMPLE_S)

    async def end(self) -> tuple[Recording, ...]:
        await self._called("end")
        if self.sampler is not None:
            self.sampler.cancel()
            self.sampler = None
        table = np.array(self.rows).reshape(len(self.rows), 3)
        channels = {"poi.import_w": table[:, 1], "load.demand_w": table[:, 2]}
        return (Recording(name="power", t_s=table[:, 0], channels=channels),)

    async def safe(self) -> None:
        await self._called("safe")
        self._advance()
        self.load_w = 0.0

    def identity(self) -> Mapping[str, str]:
        return {"device": "fake"}


@dataclass(slots=True)
class FakeBench:
    """Makes a fresh fake rig on a fresh virtual loop for each run; `rigs` are those it made."""

    sheet: RigSheet
    is_virtual: bool = True
    shape: Callable[[FakeRig], None] = lambda rig: None
    rigs: list[FakeRig] = field(default_factory=list)

    def play(self, work: Callable[[Rig], Coroutine[Any, Any, T]]) -> T:
        rig = FakeRig(self.sheet)
        self.shape(rig)
        self.rigs.append(rig)
        loop = virtual_loop()
        asyncio.set_event_loop(loop)
        try:
            return loop.run_until_complete(work(rig))
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            asyncio.set_event_loop(None)
            loop.close()


def fake_bench(path: Path) -> FakeBench:
    """The maker that worker processes use."""
    return FakeBench(load_rig(path))


def sheet_file(folder: Path) -> Path:
    """A sheet of the fake rig."""
    return written(folder, "rig.yaml", SHEET)


def cases(folder: Path, *changes: tuple[str, str]) -> tuple[Case, ...]:
    """Short cases with a wait for rest: three of them, two repeats each."""
    return profile(folder, *SHORT, *changes).cases


def fail_at(call: str, error: BaseException | None = None) -> Callable[[FakeRig], None]:
    """A rig that fails at one kind of call."""

    def before(name: str) -> None:
        if name == call:
            raise error or RigError("AcLoad", "the contactor did not close", "look at its fuse")

    def shape(rig: FakeRig) -> None:
        rig.before = before

    return shape
