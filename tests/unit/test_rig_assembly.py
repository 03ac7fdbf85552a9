"""A rig is assembled from its sheet: drivers by name, steps to their roles, and a safe state that no error stops."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.profile.mistake import BadFileError
from hil.profile.model import Case, Step
from hil.profile.rig_sheet import RigSheet, RoleSheet, load_rig
from hil.profile.words import Role
from hil.record.recording import Recording
from hil.rig.assemble import DRIVERS, SAFE_ORDER, Driver, assemble
from hil.rig.roles import Actor, Done, Gauge, RigError, World
from tests.profile_kit import RIG, changed, written
from tests.rig_kit import case_of, make, sheet, spied, step


class Hands(World):
    """A world of people: it remembers what its roles did."""

    def __init__(self, rig: RigSheet):
        self.done: list[str] = []
        self.jammed: set[Role] = set()

    async def open(self, case: Case, repeat: int) -> None:
        self.done.append(f"open {repeat}")

    async def close(self) -> None:
        self.done.append("close")

    def now_s(self) -> float:
        return 7.0

    async def sleep(self, seconds_s: float) -> None:
        self.done.append(f"sleep {seconds_s:g}")

    def identity(self) -> Mapping[str, str]:
        return {"hands": "two"}


class Hand:
    """One role of it, acting or looking."""

    def __init__(self, part: RoleSheet, world: World):
        assert isinstance(world, Hands)
        self.role, self.world = part.role, world

    async def do(self, one: Step) -> Done:
        self.world.done.append(f"{self.role.value}: {one}")
        return Done(asked_s=1.0, done_s=2.0)

    async def safe(self) -> None:
        self.world.done.append(self.role.value)
        if self.role in self.world.jammed:
            raise RigError(self.role.value, "is jammed", "oil it")

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        self.world.done.append(f"{self.role.value}: {', '.join(channels)}")

    async def latest_value(self, channel: str) -> float | None:
        return 5.0

    async def end(self) -> Recording:
        return Recording(name=self.role.value, t_s=np.zeros(0), channels={})


def hand(part: RoleSheet, world: World) -> Actor:
    return Hand(part, world)


def eye(part: RoleSheet, world: World) -> Gauge:
    return Hand(part, world)


HUMAN = Driver(world=Hands, actor=hand, gauge=eye)


def by_hand(**channels: tuple[str, ...]) -> RigSheet:
    """The shipped rig with every role in somebody's hands; channels by role, where they differ."""
    rig = sheet()
    roles = {role: replace(part, driver="human") for role, part in rig.roles.items()}
    meter = roles[Role.POWER_METER]
    roles[Role.WAVEFORM] = replace(meter, role=Role.WAVEFORM)
    for name, seen in channels.items():
        roles[Role(name)] = replace(roles[Role(name)], channels=seen)
    return replace(rig, roles=roles)


def test_a_step_goes_to_its_role_and_time_and_identity_come_from_the_world() -> None:
    async def story() -> None:
        rig = assemble(by_hand(), {"human": HUMAN})
        await rig.open(case_of("crd/step-load-export-all"), 2)
        assert await rig.do(step("set_load", to=5.0)) == Done(asked_s=1.0, done_s=2.0)
        await rig.sleep(3.0)
        await rig.close()
        assert (rig.now_s(), rig.identity()) == (7.0, {"hands": "two"})
        assert rig.world.done == ["open 2", "AcLoad: set_load to=5 W", "sleep 3", "close"]  # type: ignore[attr-defined]

    asyncio.run(story())


def test_what_is_recorded_is_recorded_by_everybody_who_sees_it_and_by_nobody_else() -> None:
    async def story() -> None:
        rig = assemble(by_hand(PowerMeter=("poi.import_w",), Waveform=("poi.voltage_v",)), {"human": HUMAN})
        await rig.begin(("poi.import_w",), False)
        assert [recording.name for recording in await rig.end()] == ["PowerMeter"]
        await rig.begin(("poi.import_w", "poi.voltage_v"), False)
        assert [recording.name for recording in await rig.end()] == ["PowerMeter", "Waveform"]
        assert await rig.end() == ()
        assert await rig.latest_value("load.demand_w") is None
        with pytest.raises(RigError, match="nobody records"):
            await rig.begin(("load.demand_w",), False)

    asyncio.run(story())


def test_the_safe_state_reaches_every_role_in_order_though_one_is_jammed() -> None:
    async def story() -> None:
        rig = assemble(by_hand(), {"human": HUMAN})
        world = rig.world  # type: ignore[attr-defined]
        world.jammed = {Role.DC_SOURCE, Role.RELAY}
        with pytest.raises(ExceptionGroup) as caught:
            await rig.safe()
        assert [str(error) for error in caught.value.exceptions] == [
            "DcSource: is jammed (oil it)",
            "Relay: is jammed (oil it)",
        ]
        assert world.done == [role.value for role in SAFE_ORDER]

    asyncio.run(story())


def test_a_driver_that_there_is_not_or_that_cannot_do_a_role_is_named() -> None:
    with pytest.raises(RigError, match="no driver `human`"):
        assemble(by_hand(), {})
    with pytest.raises(RigError, match="AcLoad: there is no driver `human` for it"):
        assemble(by_hand(), {"human": Driver(world=Hands, gauge=eye)})


def test_a_simulated_role_brings_the_simulated_world_to_a_rig_of_several_drivers() -> None:
    rig = sheet()
    mixed = replace(rig, roles=rig.roles | {Role.GRID_SIM: replace(rig.roles[Role.GRID_SIM], driver="human")})

    def hands_anywhere(part: RoleSheet, world: World) -> Actor:
        return Hand(part, Hands(rig))

    made = assemble(mixed, DRIVERS | {"human": Driver(world=Hands, actor=hands_anywhere)})
    assert type(made.world).__name__ == "SimulatedWorld"  # type: ignore[attr-defined]


def test_nothing_can_be_asked_of_a_rig_whose_run_is_not_open() -> None:
    with pytest.raises(RigError, match="no run is open"):
        asyncio.run(make(spied(sheet())).do(step("set_load", to=5.0)))


def test_a_sheet_without_a_device_to_start_is_refused_before_anything_is_energised() -> None:
    rig = sheet()
    nothing = replace(rig, device=rig.device.model_copy(update={"run": None}))
    with pytest.raises(RigError, match="does not say how it is started"):
        asyncio.run(make(nothing).open(case_of("crd/step-load-export-all"), 1))


def test_virtual_time_is_for_simulated_drivers_and_a_device_in_the_same_process(tmp_path: Path) -> None:
    text = changed(RIG, ("system: split\n", "system: split\ntime: virtual\n"))
    with pytest.raises(BadFileError) as caught:
        load_rig(written(tmp_path, "rig.yaml", text))
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{tmp_path / 'rig.yaml'}:5: time: only simulated drivers")
