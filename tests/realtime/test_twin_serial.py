"""The twin's serial bus: a pty behind a symlink, spoken to by pymodbus over pyserial."""

import asyncio
import csv
import os
import subprocess
import sys
import termios
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusSerialClient

from hil.rig.framing import rtu_frame
from hil.rig.simulated import SimulatedSite
from hil.rig.twin_file import FaultPart
from tests.realtime.test_twin_process import ROOT, serving
from tests.twin_kit import READ_W, twin

pytestmark = pytest.mark.realtime


async def with_bus(
    folder: Path, settings: str, work: Callable[[SimulatedSite, AsyncModbusSerialClient], Awaitable[None]]
) -> None:
    """Run `work` with a meter (unit 1) and an inverter (unit 2) on one bus, and a third party's client."""
    link = f"serial://bus0{settings}"
    site = SimulatedSite(
        twin(
            meters=[{"id": "poi", "link": link, "reply_s": 0.001}],
            ders=[{"id": "inv1", "link": link, "unit": 2, "nameplate_w": 10000, "reply_s": 0.001}],
        ),
        folder,
    )
    await site.start()
    client = AsyncModbusSerialClient(str(folder / "bus0"), baudrate=9600, timeout=2, retries=0, reconnect_delay=0)
    try:
        assert await client.connect()
        await work(site, client)
    finally:
        client.close()
        await site.stop()
    assert not (folder / "bus0").is_symlink()


async def test_a_third_party_reads_and_commands_two_units_of_one_serial_bus(tmp_path: Path) -> None:
    async def work(site: SimulatedSite, client: AsyncModbusSerialClient) -> None:
        for unit, serial in ((1, "poi"), (2, "inv1")):
            reply = await client.read_holding_registers(40052, count=2, device_id=unit)
            text = b"".join(word.to_bytes(2, "big") for word in reply.registers)
            assert text.rstrip(b"\0").decode() == serial
        point = site.servers["inv1"].device.image.points[123, "WMaxLimPct"].address
        reply = await client.write_registers(point, [2000, 0, 0, 0, 1], device_id=2)
        assert not reply.isError()
        assert site.plant.units["inv1"].order.limit_pct == 20

    await with_bus(tmp_path, "", work)


async def test_a_paced_reply_takes_at_least_its_time_on_the_line(tmp_path: Path) -> None:
    async def work(site: SimulatedSite, client: AsyncModbusSerialClient) -> None:
        began_s = time.monotonic()
        reply = await client.read_holding_registers(40000, count=50, device_id=1)
        assert not reply.isError()
        assert time.monotonic() - began_s >= (8 + 105 + 3.5) * 10 / 9600 + 0.001

    await with_bus(tmp_path, "?baud=9600", work)


async def test_a_client_at_another_speed_hears_nothing(tmp_path: Path) -> None:
    async def work(site: SimulatedSite, client: AsyncModbusSerialClient) -> None:
        assert not (await client.read_holding_registers(40000, count=2, device_id=1)).isError()
        port = os.open(tmp_path / "bus0", os.O_RDWR | os.O_NOCTTY)
        try:
            settings = termios.tcgetattr(port)
            settings[4] = settings[5] = termios.B19200
            termios.tcsetattr(port, termios.TCSANOW, settings)
            os.write(port, rtu_frame(0, 1, READ_W))
            await asyncio.sleep(0.2)
            assert site.servers["poi"].reads == 1
            settings[4] = settings[5] = termios.B9600
            termios.tcsetattr(port, termios.TCSANOW, settings)
        finally:
            os.close(port)
        assert not (await client.read_holding_registers(40000, count=2, device_id=1)).isError()
        assert site.servers["poi"].reads == 2

    await with_bus(tmp_path, "?baud=9600", work)


async def test_a_port_that_is_pulled_is_gone_and_comes_back_under_its_name(tmp_path: Path) -> None:
    async def work(site: SimulatedSite, client: AsyncModbusSerialClient) -> None:
        site.inject(FaultPart(at_s=0, on="poi", fault="down"))
        assert not (tmp_path / "bus0").is_symlink()
        client.close()
        site.inject(FaultPart(at_s=0, on="inv1", fault="up"))
        await asyncio.sleep(0)
        assert await client.connect()
        assert not (await client.read_holding_registers(40000, count=2, device_id=1)).isError()

    await with_bus(tmp_path, "", work)


async def test_an_old_symlink_gives_way_and_a_file_does_not(tmp_path: Path) -> None:
    (tmp_path / "bus0").symlink_to("nowhere")

    async def work(site: SimulatedSite, client: AsyncModbusSerialClient) -> None:
        assert not (await client.read_holding_registers(40000, count=2, device_id=1)).isError()

    await with_bus(tmp_path, "", work)
    (tmp_path / "bus0").write_text("kept")
    with pytest.raises(FileExistsError, match="stays as it is"):
        await with_bus(tmp_path, "", work)
    assert (tmp_path / "bus0").read_text() == "kept"


def test_a_twin_of_a_serial_bus_says_where_it_is_and_writes_it_into_the_site_file(tmp_path: Path) -> None:
    twin_file, site_file = tmp_path / "twin.yaml", tmp_path / "site.yaml"
    twin_file.write_text(
        "schema: hil.twin/1\nsite: {name: T, system: wye, nominal_v: 230}\n"
        'meters: [{id: poi, link: "serial://bus0?baud=19200"}]\n'
        'ders: [{id: inv1, link: "serial://bus0?baud=19200", unit: 2, nameplate_w: 5000}]\n'
    )
    with serving(str(twin_file), "--write-site", str(site_file)) as (process, _):
        link = f"serial://{tmp_path}/bus0?baud=19200"
        assert site_file.read_text().count(f"link: {link}\n") == 2
        assert (tmp_path / "bus0").resolve().is_char_device()
        process.terminate()
        assert process.wait(30) == 0
    assert not (tmp_path / "bus0").is_symlink()


def test_the_controller_runs_a_twin_of_register_profiles_on_one_paced_bus(tmp_path: Path) -> None:
    twin_file, site_file, truth = tmp_path / "twin.yaml", tmp_path / "site.yaml", tmp_path / "truth.csv"
    link = 'link: "serial://bus0?baud=38400"'
    twin_file.write_text(
        "schema: hil.twin/1\nsite: {name: T, system: wye, nominal_v: 230}\n"
        f"meters: [{{id: poi, {link}, profile: eastron/sdm630, noise_w: 4}}]\n"
        f"ders: [{{id: inv1, {link}, unit: 2, profile: solaredge/edpc, nameplate_w: 10000}}]\n"
        "load: [{constant: 4000}]\nsun: {constant: 0.9}\n"
        "limits: [{point: poi, direction: export, quantity: w, value: 0}]\n"
    )
    with serving(str(twin_file), "--write-site", str(site_file), "--record", str(truth)) as (process, _):
        pcs = [sys.executable, "-m", "pcs.cli.main", "run", str(site_file), "--duration", "10"]
        told = subprocess.run(pcs, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
        process.terminate()
        assert process.wait(30) == 0
    assert told.returncode == 0, told.stderr
    said = told.stdout + told.stderr
    assert "poi: found Eastron SDM630" in said
    assert "inv1: found SolarEdge EDPC serial inv1" in said
    with truth.open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["inv1_injection_w"]) == pytest.approx(9000)
    assert float(rows[-1]["inv1_injection_w"]) <= 4000
