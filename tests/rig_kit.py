"""What tests of the simulated rig share: its sheet, cases of the library, a device that notes what is done to it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from hil.profile.library import library, library_folders
from hil.profile.load import load_profile
from hil.profile.model import Case, Setting, Step, StepArgument
from hil.profile.rig_sheet import RigSheet, load_rig
from hil.profile.words import FAULTS, VERBS, Role, Verb
from hil.record.recording import Recording
from hil.rig.assemble import AssembledRig, assemble
from hil.rig.roles import Rig
from hil.rig.simulated_world import Bench, SimulatedWorld

STEADY_LOOK_S = 0.2  # a power meter's update in most laboratories


@cache
def sheet(name: str = "simulated-split") -> RigSheet:
    """A sheet that is shipped."""
    return load_rig(library_folders()[0] / "rigs" / f"{name}.yaml")


def with_device(rig: RigSheet, run: str, time: str = "virtual") -> RigSheet:
    """The same rig with another device under test."""
    return replace(rig, time=time, device=rig.device.model_copy(update={"run": run}))


def spied(rig: RigSheet) -> RigSheet:
    """The same rig with a device that does nothing."""
    return with_device(rig, "python:tests.rig_kit:SpyDevice")


@cache
def cases(profile: str, rig_name: str = "simulated-split") -> tuple[Case, ...]:
    """The cases of a profile on one of the rigs."""
    rig = sheet(rig_name)
    return load_profile(library()[profile], name=profile, ratings=rig.ratings, rated_by=rig.id).cases


def case_of(profile: str, *parts: str, post_s: float | None = None, pre_s: float | None = None) -> Case:
    """The first case whose id has all these parts; recorded for shorter, if that is said."""
    case = next(case for case in cases(profile) if all(part in case.id for part in parts))
    record = case.record
    return replace(case, record=replace(record, post_s=post_s or record.post_s, pre_s=pre_s or record.pre_s))


def step(verb: str, role: Role | None = None, **arguments: Setting | tuple[float, str]) -> Step:
    """One step: words as they are, numbers in W or with their unit."""
    given = []
    for name, value in arguments.items():
        number, unit = value if isinstance(value, tuple) else (value, "W")
        given.append(StepArgument(name=name, value=number, unit="" if isinstance(number, str) else unit))
    kind = str(arguments.get("kind", ""))
    doer = role or (FAULTS[kind].role if kind else VERBS[Verb(verb)][0])
    return Step(verb=Verb(verb), role=doer, at_s=None, arguments=tuple(given))


def bench_of(rig: Rig) -> Bench:
    """What is behind a simulated rig whose run is open."""
    assert isinstance(rig, AssembledRig)
    assert isinstance(rig.world, SimulatedWorld)
    return rig.world.bench


class SpyDevice:
    """A device under test that notes what is done to it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.done: list[str] = []
        self.site: Mapping[str, object] = {}

    async def configure(self, site: Mapping[str, object]) -> None:
        self.site = site
        self.done.append("configure")

    async def start(self) -> None:
        self.done.append("start")

    async def stop(self) -> None:
        self.done.append("stop")

    async def kill(self) -> None:
        self.done.append("kill")

    def hang(self) -> None:
        self.done.append("hang")

    def resume(self) -> None:
        self.done.append("resume")

    def set_clock(self, ahead_s: float) -> None:
        self.done.append(f"clock {ahead_s:g}")

    def ended(self) -> str:
        return ""

    def identity(self) -> Mapping[str, str]:
        return {"version": "none"}


class Played:
    """A case that was played: when its stimulus began, what was recorded, and what was found of the device."""

    def __init__(self, zero_s: float, recording: Recording, identity: Mapping[str, str]):
        self.zero_s, self.recording, self.identity = zero_s, recording, identity

    def mean(self, channel: str, from_s: float, to_s: float) -> float:
        """The mean of a channel between two times from the stimulus."""
        part = self.recording.between(self.zero_s + from_s, self.zero_s + to_s)
        return float(part.channels[channel].mean())

    def least(self, channel: str, from_s: float, to_s: float) -> float:
        """The least value of a channel between two times from the stimulus."""
        return float(self.recording.between(self.zero_s + from_s, self.zero_s + to_s).channels[channel].min())


async def play(rig: Rig, case: Case, repeat: int = 1) -> Played:
    """A case as its text says, without any of the runner's care."""
    await rig.open(case, repeat)
    try:
        for one in case.prepare:
            await _do(rig, one)
        await rig.begin(case.record.channels, case.record.each_phase)
        await rig.sleep(case.record.pre_s)
        zero_s = rig.now_s()
        for one in case.stimulus.steps:
            await rig.sleep(max(0.0, zero_s + (one.at_s or 0.0) - rig.now_s()))
            await _do(rig, one)
        await rig.sleep(case.record.post_s)
        (recording,) = await rig.end()
        for one in case.cleanup:
            await _do(rig, one)
        return Played(zero_s, recording, rig.identity())
    finally:
        await rig.close()


async def _do(rig: Rig, one: Step) -> None:
    match one.verb:
        case Verb.WAIT:
            await rig.sleep(one.number("duration"))
        case Verb.AWAIT_STEADY:
            await _steady(rig, one)
        case Verb.SAFE:
            await rig.safe()
        case _:
            await rig.do(one)


async def _steady(rig: Rig, one: Step) -> None:
    """Until the newest values have stayed within the band for the duration."""
    band_w = one.number("band") * rig.sheet.ratings["der_nameplate"].value
    until_s, since_s = rig.now_s() + one.number("timeout"), rig.now_s()
    seen: list[float] = []
    while rig.now_s() < until_s and rig.now_s() - since_s < one.number("duration"):
        value = await rig.latest_value(one.word("channel"))
        if value is not None:
            seen.append(value)
        if seen and max(seen) - min(seen) > 2 * band_w:
            seen, since_s = seen[-1:], rig.now_s()
        await rig.sleep(STEADY_LOOK_S)


def make(rig: RigSheet) -> Rig:
    """The rig of a sheet."""
    return assemble(rig)
