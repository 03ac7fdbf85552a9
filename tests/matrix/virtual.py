"""One cell on virtual time: the fast reference of the real one, the same to the last bit each time."""

import asyncio

from hil.plant.orders import LimitOrder, SetOrder
from pcs.io.clock import LoopClock
from pcs.model.site import LinkAddress
from pcs.ports import Link, Watchdog
from pcs.runtime.controller import Controller, World
from pcs.runtime.in_process import _GatedLink, _HangableController, _Life
from tests.matrix.cells import Cell, twin_of
from tests.matrix.judge import Outcome, Said, judged
from tests.simulation.stack import Stack, play

BEGUN_S = 2.0
"""By when control has begun here; what fails at the start and needs a process fails then."""
JUMP_S = 3600.0
PHASES_S = (0.0, 0.5, 0.55, 0.6)
"""How much later another client's writes come, each second: what it does hangs on what of ours lies between them."""


class _Process(Stack):
    """A stack whose controller can hang as a process does, and whose time of day can jump."""

    _life: _Life
    _clock: LoopClock

    def start(self, *, watchdog: Watchdog | None = None, storm: str = "") -> None:
        self._life = _Life()
        super().start(watchdog=watchdog, storm=storm)

    def _controller(self, world: World) -> Controller:
        return _HangableController(self.controlled_site, world, self._life)

    def _link(self, address: LinkAddress) -> Link:
        return _GatedLink(super()._link(address), self._life)

    def hang(self, is_hung: bool) -> None:
        (self._life.awake.clear if is_hung else self._life.awake.set)()

    def jump(self, by_s: float) -> None:
        self._clock._offset_s += by_s


def played(cell: Cell) -> Outcome:
    """Play one cell; where somebody else writes at a phase of his own, the worst of some."""
    phases_s = PHASES_S if cell.failure.act == "second" else PHASES_S[:1]
    return max((_played(cell, phase_s) for phase_s in phases_s), key=lambda one: one.beyond_s)


def _played(cell: Cell, phase_s: float) -> Outcome:
    twin = twin_of(cell)

    async def story(stack: Stack) -> None:
        assert isinstance(stack, _Process)
        stack.start()
        await _act(stack, cell, phase_s)
        await stack.until(cell.ends_s)

    stack = play(story, twin, of=_Process)
    said = [
        Said(
            at_s=e.at.mono_s,
            kind=e.kind,
            source_id=e.source_id,
            fault=str(dict(e.facts).get("fault", "")),
            text=e.text,
        )
        for e in stack.events
    ]
    return judged(cell, twin, stack.truth, said)


async def _act(stack: _Process, cell: Cell, phase_s: float) -> None:
    at_s = max(cell.fails_s, BEGUN_S)
    match cell.failure.act:
        case "kill":
            await stack.until(at_s)
            await stack.kill()
            await asyncio.sleep(cell.clears_s - at_s)
            stack.start()
        case "hang" | "wedge":
            await stack.until(at_s)
            stack.hang(True)
            await stack.until(cell.clears_s)
            stack.hang(False)
        case "clock":
            await stack.until(at_s)
            stack.jump(JUMP_S)
            await stack.until(cell.clears_s)
            stack.jump(-JUMP_S)
        case "second":
            at_s += phase_s
            while at_s < cell.clears_s:
                await stack.until(at_s)
                _write(stack, cell)
                at_s += 1.0


def _write(stack: _Process, cell: Cell) -> None:
    """another client's order to do all it can."""
    unit = stack.site.plant.units["der1"]
    if cell.side.sign < 0.0:
        unit.write(stack.now_s, LimitOrder(enabled=True, limit_pct=100.0))
    else:
        unit.write(stack.now_s, SetOrder(enabled=True, setpoint_w=-unit.spec.nameplate_w))
