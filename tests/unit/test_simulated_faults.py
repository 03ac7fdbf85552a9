"""Every fault and every switch that the shipped sheets claim is really made and really ended, as the device sees it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hil.plant.orders import LimitOrder
from hil.profile.words import Role
from hil.rig.assemble import SAFE_ORDER
from hil.rig.roles import Rig
from hil.rig.simulated_faults import ENTER_SERVICE_S
from tests.rig_kit import SpyDevice, bench_of, case_of, make, sheet, spied, step
from tests.virtual_time import run_virtually

CLAIMED = sorted({kind for role in sheet("simulated-wye").roles.values() for kind in role.faults})
AMOUNTS = {"meter_averaging": 5.0, "clock_jump": 3600.0}
ON_ONE = ("sensor_open", "sensor_short", "ct_reversed", "ct_one_of_parallel", "ct_half_ratio", "tap_lost")
ALONE = ("tap_lost", "neutral_lost")  # of all taps: a dead meter; a neutral: shows with a lost tap, see below
MADE = [(kind, "total") for kind in CLAIMED if kind not in ALONE] + [(kind, "L2") for kind in ON_ONE]
PATIENCE_S = 1.0


def on_bench(story: Callable[[Rig], Awaitable[Any]], name: str = "simulated-wye") -> Any:
    """A story on a rig whose run is open: 8 kW of sun and, of load, 1 kW on L1, 2 kW on L2, 3 kW on L3."""

    async def whole() -> Any:
        rig = make(spied(sheet(name)))
        await rig.open(case_of("crd/step-load-import-ess"), 1)
        try:
            await rig.do(step("set_limit", limit="import_ess", to=5000.0))
            await rig.do(step("set_source", to=8000.0))
            for k, phase in enumerate(("L1", "L2", "L3"), 1):
                await rig.do(step("set_load", to=1000.0 * k, phase=phase))
            await rig.sleep(3.0)
            return await story(rig)
        finally:
            await rig.close()

    return run_virtually(whole())


async def asked(rig: Rig, name: str, *words: int) -> bytes | None:
    """What a device answers to a function code, an address and a count or value; None: nothing comes."""
    server = bench_of(rig).site.servers[name]
    try:
        reader, writer = await asyncio.open_connection(server.host, server.port)
    except OSError:
        return None
    pdu = bytes((words[0],)) + b"".join(word.to_bytes(2, "big") for word in words[1:])
    writer.write(b"\0\1\0\0" + (len(pdu) + 1).to_bytes(2, "big") + b"\1" + pdu)
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.readexactly(9)
    except (TimeoutError, asyncio.IncompleteReadError, OSError):
        return None
    finally:
        writer.close()


async def seen(rig: Rig) -> dict[str, Any]:
    """What a controller can see of the site, without the noise of its meter, and what was done to it."""
    await rig.sleep(0.5)
    bench = bench_of(rig)
    bench.site.settle()
    meter = bench.site.plant.meters["poi"]
    before = meter.sample.at_s
    await rig.sleep(1.0)
    bench.site.settle()
    sample = meter.sample
    assert isinstance(bench.device, SpyDevice)
    told_w = []
    for order in (LimitOrder(enabled=True, limit_pct=10.0), LimitOrder()):
        bench.site.plant.units["pv1"].write(bench.site.now_s(), order)
        await rig.sleep(5.0)
        bench.site.settle()
        told_w.append(round(bench.site.plant.units["pv1"].injection_w, -2))
    kept = [word for word in bench.device.done if word.startswith("clock") or word in ("hang", "resume")]
    return {
        "powers": [round(power, -2) for power in sample.phase_import_w],
        "volts": [round(volt, -1) for volt in sample.phase_voltage_v],
        "renewed": sample.at_s > before,
        "window": meter.averaging_s,
        "meter": await asked(rig, "poi", 3, 40000, 2) is not None,
        "der": await asked(rig, "pv1", 3, 40000, 2) is not None,
        "der takes": await asked(rig, "pv1", 6, 40000, 1) is not None,
        "told 10 % and nothing": told_w,
        "device": kept[-2:],
    }


@pytest.mark.parametrize(("kind", "phase"), MADE)
def test_every_claimed_fault_shows_while_it_is_made_and_is_gone_when_it_is_cleared(kind: str, phase: str) -> None:
    async def story(rig: Rig) -> None:
        amount = {"amount": (AMOUNTS[kind], "s")} if kind in AMOUNTS else {}
        before = await seen(rig)
        assert await rig.latest_value("fault.contact") == 0.0
        await rig.do(step("fault", kind=kind, to="on", phase=phase, **amount))
        await rig.do(step("fault", kind=kind, to="on", phase=phase, **amount))  # asked for twice, done once
        during = await seen(rig)
        assert during != before
        assert await rig.latest_value("fault.contact") == 1.0
        await rig.do(step("fault", kind=kind, to="off", phase=phase))
        after = await seen(rig)
        before.pop("device")
        assert {key: after[key] for key in before} == before
        assert after["device"] == ["clock 0", "resume"]
        assert await rig.latest_value("fault.contact") == 0.0

    on_bench(story)


def test_wrong_wiring_reads_as_a_meter_reads_that_is_wired_so() -> None:
    """CRD-ABN-5: Known answers, in 100 W: L1 to L3 carry 1 to 3 kW of load less a third of 8 kW of sun each."""

    async def story(rig: Rig) -> dict[str, list[float]]:
        found = {}
        for kind in ("ct_reversed", "ct_one_of_parallel", "sensor_open", "ct_swapped"):
            await rig.do(step("fault", kind=kind, to="on", phase="L1" if kind != "ct_swapped" else "total"))
            found[kind] = [power / 100 for power in (await seen(rig))["powers"]]
            await rig.do(step("fault", kind=kind, to="off", phase="L1" if kind != "ct_swapped" else "total"))
        return found

    found = on_bench(story)
    right = [-17, -7, 3]
    assert found["ct_reversed"] == [17, *right[1:]]
    assert found["ct_one_of_parallel"] == [-8, *right[1:]]
    assert found["sensor_open"] == [0, *right[1:]]
    # A CT on the other conductor sees that conductor's current at a voltage that trails by 120 degrees: half, reversed.
    assert found["ct_swapped"] == [3, 8, 3]


def test_a_lost_neutral_shows_once_a_tap_is_lost_as_well() -> None:
    """The two taps that are left see each half of the voltage between them: 400 V / 2."""

    async def story(rig: Rig) -> list[float]:
        await rig.do(step("fault", kind="tap_lost", to="on", phase="L1"))
        await rig.do(step("fault", kind="neutral_lost", to="on"))
        return list((await seen(rig))["volts"])

    assert on_bench(story) == [0, 200, 200]


def test_two_faults_of_links_add_up_and_end_one_by_one() -> None:
    async def story(rig: Rig) -> list[tuple[bool, bool]]:
        found = []
        for kind, to in (
            ("control_signal", "on"),
            ("der_comms", "on"),
            ("der_comms", "off"),
            ("control_signal", "off"),
        ):
            await rig.do(step("fault", kind=kind, to=to))
            now = await seen(rig)
            found.append((now["der"], now["der takes"]))
        return found

    assert on_bench(story) == [(True, False), (False, False), (True, False), (True, True)]


@pytest.mark.parametrize("part", ["controller", "gateway"])
def test_control_power_of_the_controller_kills_and_starts_it_with_what_was_configured_meanwhile(part: str) -> None:
    """CRD-ABN-1."""

    async def story(rig: Rig) -> list[str]:
        device = bench_of(rig).device
        assert isinstance(device, SpyDevice)
        device.done.clear()
        await rig.do(step("switch", of=part, to="off"))
        await rig.do(step("set_limit", limit="import_ess", to=4000.0))
        await rig.do(step("switch", of=part, to="on"))
        await rig.do(step("switch", of=part, to="on"))
        return list(device.done)

    assert on_bench(story) == ["kill", "configure", "start"]


def test_a_meter_without_power_does_not_answer_until_it_is_back() -> None:
    async def story(rig: Rig) -> list[bool]:
        found = []
        for to in ("off", "on"):
            await rig.do(step("switch", of="meter", to=to))
            found.append((await seen(rig))["meter"])
            assert await rig.latest_value("power.contact") == (to == "on")
        return found

    assert on_bench(story) == [False, True]


def test_a_der_without_power_delivers_nothing_and_enters_service_late_when_it_is_back() -> None:
    """1547-ES: 300 s until it enters service; it answers from the start."""

    async def story(rig: Rig) -> list[float]:
        await rig.do(step("switch", of="der", to="off"))
        found = [await value(rig)]
        assert not (await seen(rig))["der"]
        await rig.do(step("switch", of="der", to="on"))
        assert (await seen(rig))["der"]
        await rig.sleep(ENTER_SERVICE_S - 15)
        found.append(await value(rig))
        await rig.sleep(10)
        return [*found, await value(rig)]

    async def value(rig: Rig) -> float:
        await rig.sleep(0.1)
        found = await rig.latest_value("der.injection_w")
        assert found is not None
        return found

    assert on_bench(story) == pytest.approx([0, 0, 8000], abs=30)


def test_the_safe_state_ends_everything_in_its_order_from_any_state_and_twice() -> None:
    async def story(rig: Rig) -> None:
        await rig.do(step("set_storage", to=-5000.0))
        await rig.do(step("set_grid", voltage=(1.1, "pu"), frequency=(49.0, "Hz")))
        for kind in ("sensor_open", "der_comms", "controller_hang"):
            await rig.do(step("fault", kind=kind, to="on"))
        for part in ("controller", "meter", "der"):
            await rig.do(step("switch", of=part, to="off"))
        for _ in range(2):
            await rig.safe()
        await rig.sleep(ENTER_SERVICE_S + 10)
        for channel, value in {
            "load.demand_w": 0,
            "der.injection_w": 0,
            "source.available_w": 0,
            "fault.contact": 0,
            "power.contact": 1,
            "poi.voltage_v": 230,
            "poi.frequency_hz": 50,
        }.items():
            assert await rig.latest_value(channel) == pytest.approx(value, abs=15), channel
        assert bench_of(rig).dark == set()

    on_bench(story)
    assert SAFE_ORDER[0] is Role.DC_SOURCE
    assert SAFE_ORDER.index(Role.RELAY) < SAFE_ORDER.index(Role.AC_LOAD)
