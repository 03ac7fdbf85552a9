"""How the runner comes to a rig: a bench makes one for each run and lets work run on it, on the rig's own time."""

from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeVar

from hil.profile.rig_sheet import RigSheet
from hil.rig.roles import Rig

T = TypeVar("T")


class Bench(Protocol):
    """A rig that can be made. `is_virtual`: all of it lives in our process on virtual time; several may be played."""

    sheet: RigSheet
    is_virtual: bool

    def play(self, work: Callable[[Rig], Coroutine[Any, Any, T]]) -> T:
        """Make the rig, run `work` on it to its end and put the rig away.

        A virtual rig begins at time zero each time: what a run measures does not depend on what was played before it.

        Raises:
            RigError: it cannot be made.
        """
        ...


BenchMaker = Callable[[Path], Bench]
"""From the file of a rig's sheet to the bench."""


def bench_maker(name: str) -> BenchMaker:
    """The maker by its name, `module:function`: how a process of ours tells another which one to use."""
    module, _, function = name.partition(":")
    maker: BenchMaker = getattr(import_module(module), function)
    return maker
