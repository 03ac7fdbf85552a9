"""A person as a driver: each step is asked for in words, confirmed, and what was set is asked back."""

from hil.profile.model import Step
from hil.profile.rig_sheet import RoleSheet
from hil.profile.units import Quantity
from hil.profile.words import ACTING
from hil.rig.console import Answer, Console
from hil.rig.human_meter import TypedMeter
from hil.rig.human_words import Instruction, instructions, safe_instructions
from hil.rig.real_world import RealWorld
from hil.rig.roles import Actor, Done, Gauge, RigError, World

NAMES = {"phase", "limit", "by", "kind", "of"}
"""Arguments that say what is set; the others say to what."""


class HumanActor:
    """An `Actor` for any acting role. What a person did already is not asked for again."""

    def __init__(self, sheet: RoleSheet, console: Console):
        self._sheet, self._console = sheet, console
        self._set: dict[tuple[str, ...], Step] = {}
        self._is_safe = False

    async def do(self, step: Step) -> Done:
        """See `Actor.do`. `done_s` is the Enter after the last thing to do; the value is asked back after it.

        Raises:
            RigError: the person says that it cannot be done, or does not answer.
        """
        what = (step.verb.value, *(str(a.value) for a in step.arguments if a.name in NAMES))
        if self._set.get(what) == step:
            now_s = self._console.now_s()
            return Done(asked_s=now_s, done_s=now_s, note="it is so already")
        self._set.pop(what, None)
        self._is_safe = False
        asked: list[Answer[str]] = []
        notes: list[str] = []
        async with self._console.turn():
            for instruction in instructions(step):
                asked.append(await self._console.confirm(self._part, instruction.text, word=instruction.word))
                notes += await self._readback(instruction)
        self._set[what] = step
        return Done(asked_s=asked[0].asked_s, done_s=asked[-1].done_s, note="; ".join(["by a person", *notes]))

    async def safe(self) -> None:
        """See `Actor.safe`. Each thing to do is confirmed and cannot be given up; confirmed once, it stays so.

        Raises:
            RigError: nobody answers.
        """
        if self._is_safe:
            return
        self._set.clear()
        async with self._console.turn():
            for instruction in safe_instructions(self._sheet):
                await self._console.confirm(self._part, f"SAFE: {instruction.text}", word=instruction.word, must=True)
        self._is_safe = True

    @property
    def _part(self) -> str:
        return self._sheet.role.value

    async def _readback(self, instruction: Instruction) -> list[str]:
        if instruction.words:
            word = await self._console.word(self._part, instruction.ask, instruction.words)
            if word.value != instruction.expected:
                what = f"{instruction.expected} was asked for, the operator says {word.value}"
                raise RigError(self._part, what, "put it right, then `hil resume`")
            return [f"said: {word.value}"]
        if instruction.unit:
            number = await self._console.number(
                self._part, instruction.ask, instruction.unit, instruction.expected_value
            )
            return [f"typed: {Quantity(value=number.value, unit=instruction.unit)}"]
        return []


def human_actor(sheet: RoleSheet, world: World) -> Actor:
    """The driver of one acting role of a sheet.

    Raises:
        RigError: people are not told of in this world.
    """
    assert sheet.role in ACTING
    return HumanActor(sheet, console_of(sheet, world))


def human_gauge(sheet: RoleSheet, world: World) -> Gauge:
    """A power meter that a person reads.

    Raises:
        RigError: people are not told of in this world, or it would have to be a waveform.
    """
    return TypedMeter(sheet, console_of(sheet, world))


def console_of(sheet: RoleSheet, world: World) -> Console:
    """Where the people of a world are asked.

    Raises:
        RigError: there is nobody in it.
    """
    if not isinstance(world, RealWorld):
        remedy = "drive every role of a rig by simulation, or none"
        raise RigError(sheet.role.value, f"`{sheet.driver}` cannot work beside simulated roles", remedy)
    return world.console
