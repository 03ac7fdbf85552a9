"""A person for tests: types what a script says, on virtual time, and remembers what was asked."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from hil.profile.rig_sheet import RigSheet, load_rig
from hil.rig.assemble import DRIVERS, AssembledRig, assemble
from hil.rig.real_world import RealWorld

Line = str | tuple[float, str] | tuple[float, str, str] | Callable[[], str]
"""What is typed; with the time it takes (s), and with words of the question that it waits for; or done first."""
TYPING_S = 2.0


class Script:
    """A `Terminal` that answers from a list, and has no more to say after it (or is silent for ever)."""

    def __init__(self, *lines: Line, silent: bool = False):
        self.lines, self.silent = list(lines), silent
        self.shown: list[str] = []

    def write(self, text: str) -> None:
        """See `Terminal.write`."""
        self.shown.append(text)

    async def read_line(self) -> str | None:
        """See `Terminal.read_line`. A line that is not waited for to its end is not typed."""
        if not self.lines:
            if self.silent:
                await asyncio.Event().wait()
            return None
        line = self.lines[0]
        after_s, text, words = (*line, "")[:3] if isinstance(line, tuple) else (TYPING_S, line, "")
        if words not in self.questions[-1]:
            await asyncio.Event().wait()
        await asyncio.sleep(after_s)
        self.lines.pop(0)
        return text() if callable(text) else text

    def forget(self) -> None:
        """See `Terminal.forget`: nothing is typed ahead."""

    @property
    def questions(self) -> list[str]:
        """What was asked, in order, without numbers."""
        return [text.partition("] ")[2] for text in self.shown if text.startswith("[")]


class Obliging:
    """A `Terminal` of somebody who does everything: Enter, the word that is wanted, the number that was asked for."""

    def __init__(self, numbers: Mapping[str, str] | None = None, done: Callable[[str], None] = lambda text: None):
        self.shown: list[str] = []
        self.numbers, self.done = dict(numbers or {}), done
        self._last = ""

    def write(self, text: str) -> None:
        """See `Terminal.write`."""
        self.shown.append(text)

    async def read_line(self) -> str | None:
        """See `Terminal.read_line`."""
        await asyncio.sleep(TYPING_S)
        question = self.shown[-1].partition("] ")[2]
        if question.endswith("press Enter."):
            self.done(question)
            self._last = question
            return ""
        if 'type "' in question:
            return question.split('type "')[1].split('"')[0]
        for key, text in self.numbers.items():
            if key in question:
                return text
        if question.endswith("):"):
            words = question.rsplit("(", 1)[1].removesuffix("):").split(" or ")
            return next(
                (word for word in words if f" {word}" in f" {self._last.split('. Then')[0]}"), _made(self._last)
            )
        return " ".join(self._last.split(". Then")[0].split()[-2:])

    def forget(self) -> None:
        """See `Terminal.forget`."""


def _made(question: str) -> str:
    return "on" if "make the fault" in question else "off"


def world(sheet: RigSheet, terminal: object) -> RealWorld:
    """A world with that person."""
    return RealWorld(sheet, terminal)  # type: ignore[arg-type]


def people_rig(path: Path, terminal: object, *, folder: Path | None = None) -> AssembledRig:
    """The rig of a sheet, with that person at it; `folder`: where the sheet is taken to lie."""
    sheet = load_rig(path)
    if folder is not None:
        sheet = replace(sheet, file=str(folder / path.name))
    drivers = {name: replace(driver, world=lambda s: world(s, terminal)) for name, driver in DRIVERS.items()}
    rig = assemble(sheet, drivers)
    assert isinstance(rig, AssembledRig)
    return rig
