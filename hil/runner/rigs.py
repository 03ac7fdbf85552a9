"""The bench of a rig's sheet: its drivers put together, on a loop of the rig's own time."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hil.profile.rig_sheet import RigSheet, load_rig
from hil.rig.assemble import assemble
from hil.rig.roles import Rig
from hil.rig.virtual_time import run_virtually

T = TypeVar("T")


class SheetBench:
    """See `hil.runner.bench.Bench`."""

    def __init__(self, sheet: RigSheet):
        self.sheet = sheet
        self.is_virtual = sheet.time == "virtual"

    def play(self, work: Callable[[Rig], Coroutine[Any, Any, T]]) -> T:
        """See `Bench.play`."""
        rig = assemble(self.sheet)
        if not self.is_virtual:
            return asyncio.run(work(rig))
        played: T = run_virtually(work(rig))
        return played


def make_bench(path: Path) -> SheetBench:
    """The bench whose sheet lies at `path`.

    Raises:
        BadFileError: with every mistake of the sheet.
    """
    return SheetBench(load_rig(path))
