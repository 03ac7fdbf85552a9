"""The device under test, a black box that is configured, powered and looked at from outside. Which one, the sheet says.

`run: python:MODULE:NAME` names a class that is made with the folder for its files; anything else is a command line.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from hil.rig.device_process import ProcessDevice
from hil.rig.roles import RigError

PYTHON = "python:"
NOT_STARTED = "nothing was energised; see `device: run:` of the rig's sheet"


class DeviceUnderTest(Protocol):
    """What a bench can do with a controller. Every method may be called in any state, and twice."""

    async def configure(self, site: Mapping[str, object]) -> None:
        """Write its configuration, limits and modes included: a site in the words of `pcs.site/1`.

        It counts from the next start on. An error of any kind means that the device refused it.
        """
        ...

    async def start(self) -> None:
        """Control power on; nothing happens while it runs or has no configuration."""
        ...

    async def stop(self) -> None:
        """End in good order, as its operating system would end it."""
        ...

    async def kill(self) -> None:
        """Control power off: nothing more leaves it."""
        ...

    def hang(self) -> None:
        """Stop it without ending it."""
        ...

    def resume(self) -> None:
        """Let it go on."""
        ...

    def set_clock(self, ahead_s: float) -> None:
        """From now on its time of day is so far ahead of the true one (negative: behind)."""
        ...

    def ended(self) -> str:
        """Why it ended by itself; empty while it runs, and after it was stopped or killed."""
        ...

    def identity(self) -> Mapping[str, str]:
        """Version, hash of the configuration, and what else it says of itself."""
        ...


def make_device(run: str, folder: Path) -> DeviceUnderTest:
    """The device that a sheet names; its files lie in `folder`.

    Raises:
        RigError: there is no such module, class or command.
    """
    if not run.startswith(PYTHON):
        return ProcessDevice(run, folder)
    module, _, name = run.removeprefix(PYTHON).partition(":")
    try:
        return cast(DeviceUnderTest, getattr(import_module(module), name)(folder))
    except (ImportError, AttributeError, ValueError) as error:
        raise RigError("device under test", f"{run} cannot be loaded: {error}", NOT_STARTED) from None
