"""The world of a rig without simulation: the running loop's clock, and a device under test that people look after."""

import asyncio
from collections.abc import Mapping

from hil.profile.model import Case
from hil.profile.rig_sheet import RigSheet
from hil.rig.console import Console, Terminal, standard_terminal
from hil.rig.roles import RigError


class RealWorld:
    """A `World` with a person in it. `case` and `repeat` are those that are open."""

    def __init__(self, sheet: RigSheet, terminal: Terminal | None = None):
        self.sheet = sheet
        self.console = Console(terminal or standard_terminal(), self.now_s)
        self._open: tuple[Case, int] | None = None

    @property
    def case(self) -> Case:
        """The case that is open.

        Raises:
            RigError: none is.
        """
        return self._opened()[0]

    @property
    def repeat(self) -> int:
        """The repeat that is open.

        Raises:
            RigError: none is.
        """
        return self._opened()[1]

    async def open(self, case: Case, repeat: int) -> None:
        """See `World.open`: a person says that everything is at rest.

        Raises:
            RigError: they say why not, or nobody answers.
        """
        self._open = case, repeat
        self.console.say(f"--- {case.id}, repeat {repeat} of {case.repeats}: {case.title}")
        async with self.console.turn():
            text = "see that the device under test is as it was delivered, that every load is off and nothing moves"
            await self.console.confirm("rig", text)

    async def close(self) -> None:
        """See `World.close`."""
        self._open = None

    def now_s(self) -> float:
        """See `World.now_s`."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds_s: float) -> None:
        """See `World.sleep`."""
        await asyncio.sleep(seconds_s)

    def identity(self) -> Mapping[str, str]:
        """See `World.identity`: what the sheet says of the device under test, for nobody has asked it."""
        device = self.sheet.device
        said = {"maker": device.maker, "model": device.model, "serial": device.serial}
        said |= {"hardware": device.hardware, "firmware": device.firmware}
        return {f"device {key} (by the rig's sheet)": value for key, value in said.items() if value}

    def _opened(self) -> tuple[Case, int]:
        if self._open is None:
            raise RigError("rig", "no run is open", "open a case first")
        return self._open
