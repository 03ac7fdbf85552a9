"""The rig of a sheet under the runner: safe before and after everything, and every role that fails is named."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hil.profile.model import Step
from hil.profile.rig_sheet import load_rig
from hil.profile.words import ACTING, Role
from hil.rig.assemble import SAFE_ORDER, AssembledRig, assemble
from hil.rig.roles import Done, RigError
from hil.runner.play import make_safe
from hil.runner.rigs import make_bench

SHEET = Path("test_profiles/rigs/simulated-wye.yaml")


@dataclass(slots=True)
class Part:
    """A role that says when it is made safe, and may fail at it."""

    role: Role
    asked: list[Role]
    fails: bool = False
    done: list[Step] = field(default_factory=list)

    async def do(self, step: Step) -> Done:
        self.done.append(step)
        return Done(asked_s=0.0, done_s=0.0)

    async def safe(self) -> None:
        self.asked.append(self.role)
        if self.fails:
            raise RigError(self.role.value, "is stuck", "switch it off by hand")


def parts(*failing: Role) -> tuple[AssembledRig, list[Role]]:
    sheet, asked = load_rig(SHEET), list[Role]()
    rig = assemble(sheet)
    assert isinstance(rig, AssembledRig)
    return AssembledRig(sheet, rig.world, {r: Part(r, asked, r in failing) for r in ACTING}, {}), asked


async def test_roles_are_made_safe_in_order_whichever_of_them_fail() -> None:
    rig, asked = parts(Role.DC_SOURCE, Role.AC_LOAD)
    with pytest.raises(ExceptionGroup) as failed:
        await rig.safe()
    assert asked == list(SAFE_ORDER)
    assert set(SAFE_ORDER) == set(ACTING)
    assert [str(error).split(":")[0] for error in failed.value.exceptions] == ["DcSource", "AcLoad"]


async def test_every_role_that_is_not_safe_is_reported() -> None:
    rig, _ = parts(Role.RELAY, Role.GRID_SIM)
    said = await make_safe(rig)
    assert "Relay: is stuck (switch it off by hand)" in said
    assert "GridSim: is stuck" in said


def test_a_simulated_rig_is_safe_before_any_run_is_open() -> None:
    bench = make_bench(SHEET)
    assert bench.is_virtual
    assert bench.play(make_safe) == ""
