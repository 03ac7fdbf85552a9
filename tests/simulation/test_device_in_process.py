"""Our controller as a device under test on the loop of the bench: configured, killed, hung and with another clock."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hil.profile.words import Verb
from hil.rig.roles import Rig, RigError
from pcs.runtime.in_process import Device
from tests.rig_kit import bench_of, case_of, make, sheet, step
from tests.virtual_time import run_virtually


def on_bench(story: Callable[[Rig, Device], Awaitable[Any]]) -> Any:
    """A story on a rig with our own controller: no export, 8 kW of sun and of load."""

    async def whole() -> Any:
        rig = make(sheet())
        await rig.open(case_of("crd/step-load-export-all"), 1)
        try:
            await rig.do(step("set_limit", limit="export_all", to=0.0))
            await rig.do(step("set_source", to=8000.0))
            await rig.do(step("set_load", to=8000.0))
            await rig.sleep(20.0)
            device = bench_of(rig).device
            assert isinstance(device, Device)
            return await story(rig, device)
        finally:
            await rig.close()

    return run_virtually(whole())


async def export_w(rig: Rig) -> float:
    value = await rig.latest_value("poi.import_w")
    assert value is not None
    return -value


def test_a_hung_controller_answers_no_step_and_goes_on_when_it_is_let() -> None:
    async def story(rig: Rig, device: Device) -> None:
        writes = bench_of(rig).site.servers["pv1"].writes
        device.hang()
        device.hang()
        await rig.do(step("set_load", to=4000.0))
        await rig.sleep(5.0)
        assert bench_of(rig).site.servers["pv1"].writes <= writes + 1  # one may have been on the wire
        assert await export_w(rig) > 3500
        device.resume()
        await rig.sleep(5.0)
        assert await export_w(rig) < 160
        assert device.ended() == ""

    on_bench(story)


def test_a_killed_controller_sends_nothing_and_recognises_its_own_limit_after_the_start() -> None:
    async def story(rig: Rig, device: Device) -> None:
        await device.kill()
        await device.kill()
        server = bench_of(rig).site.servers["pv1"]
        reads, writes = server.reads, server.writes
        await rig.sleep(5.0)
        assert (server.reads, server.writes) == (reads, writes)
        await device.start()
        await device.start()
        await rig.sleep(20.0)
        assert server.reads > reads
        await rig.do(step("set_load", to=4000.0))
        await rig.sleep(5.0)
        assert await export_w(rig) < 160
        await device.stop()
        await device.stop()
        assert device.ended() == ""

    on_bench(story)


def test_a_controller_whose_clock_is_set_knows_it_and_its_monotonic_clock_stays() -> None:
    async def story(rig: Rig, device: Device) -> None:
        before = device.now()
        await rig.do(step("fault", kind="clock_jump", to="on", amount=(3600.0, "s")))
        during = device.now()
        assert during.mono_s == before.mono_s
        assert during.utc_s - before.utc_s == pytest.approx(3600)
        await rig.do(step("fault", kind="clock_jump", to="off"))
        assert device.now() == before

    on_bench(story)


def test_a_configuration_that_differs_restarts_the_device_and_the_same_one_does_not() -> None:
    async def story(rig: Rig, device: Device) -> None:
        assert device.identity()["configuration"]
        first = device.identity()
        assert (await rig.do(step("set_limit", limit="export_all", to=0.0))).note == "as it was"
        assert device.identity() == first
        assert (await rig.do(step("set_limit", limit="export_all", to=(0.5, "pu")))).note == "configured and restarted"
        assert device.identity()["configuration"] != first["configuration"]
        await rig.do(step("set_load", to=0.0))
        await rig.sleep(60.0)
        assert 3500 < await export_w(rig) <= 4000

    on_bench(story)


def test_a_limit_by_a_remote_source_is_refused_because_the_device_has_none() -> None:
    async def story(rig: Rig, device: Device) -> None:
        with pytest.raises(RigError, match="no remote source"):
            await rig.do(step("set_limit", limit="export_all", to=0.0, by="remote"))

    on_bench(story)


def test_a_configuration_that_the_device_refuses_is_an_error_of_the_rig_with_its_reason() -> None:
    async def story() -> None:
        rig = make(sheet())
        await rig.open(case_of("crd/step-load-export-all"), 1)
        try:
            with pytest.raises(RigError, match=r"refuses its configuration.*limits"):
                await rig.do(step("set_limit", limit="export_all", to=-5.0))
        finally:
            await rig.close()

    run_virtually(story())


def test_verbs_that_a_role_does_not_have_are_refused() -> None:
    async def story(rig: Rig, device: Device) -> None:
        load = step("set_load", to=5.0)
        with pytest.raises(RigError, match="nobody here does"):
            await rig.do(step("wait", duration=(1.0, "s")))
        assert load.verb is Verb.SET_LOAD
        with pytest.raises(RigError, match="cannot load L3 alone"):
            await rig.do(step("set_load", to=5.0, phase="L3"))

    on_bench(story)
