# ruff: noqa: ASYNC110 (a process tells nobody when it has written or ended)
"""Devices under test that are processes: what reaches them, how they are hung and killed; ours through a whole case."""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hil.rig.device_process import ProcessDevice
from hil.rig.device_under_test import make_device
from hil.rig.roles import RigError
from tests.rig_kit import case_of, make, play, sheet, step, with_device

pytestmark = [pytest.mark.realtime, pytest.mark.slow]

SITE: dict[str, object] = {"schema": "pcs.site/1"}
WAITS = "python3 -c 'import sys, time; print(open(sys.argv[1]).read(), flush=True); time.sleep(60)' {site}"
WHO = "python3 -c 'import os, time; print(os.getpid(), flush=True); time.sleep(60)' {site}"
FAILS = "python3 -c 'print(\"no such port\"); raise SystemExit(3)' {site}"


async def test_a_process_gets_the_site_file_is_hung_and_killed_and_tells_what_it_was_configured_with(
    tmp_path: Path,
) -> None:
    device = make_device(WAITS, tmp_path)
    assert isinstance(device, ProcessDevice)
    await device.start()
    assert not (tmp_path / "device.log").exists()  # without a configuration it does not start
    await device.configure(SITE)
    await device.start()
    await device.start()
    while not (said := (tmp_path / "device.log").read_text().strip()):
        await asyncio.sleep(0.01)
    assert json.loads(said[: said.rindex("}") + 1]) == SITE
    device.hang()
    device.resume()
    assert device.ended() == ""
    await device.kill()
    assert device.ended() == ""
    assert len(device.identity()["configuration"]) == 64


async def test_a_process_that_ends_by_itself_is_told_with_its_exit_code_and_last_words(tmp_path: Path) -> None:
    device = make_device(FAILS, tmp_path)
    await device.configure(SITE)
    await device.start()
    while not device.ended():
        await asyncio.sleep(0.01)
    assert device.ended() == "exit code 3: no such port"
    await device.stop()


def test_a_bench_that_is_killed_leaves_no_device_behind(tmp_path: Path) -> None:
    """kill -9 of the bench: the process that it started, here one that says its id, is gone, too."""
    story = f"""
import asyncio, pathlib
from hil.rig.device_under_test import make_device
async def main():
    device = make_device({WHO!r}, pathlib.Path({str(tmp_path)!r}))
    await device.configure({{"schema": "pcs.site/1"}})
    await device.start()
    await asyncio.sleep(60)
asyncio.run(main())
"""
    bench = subprocess.Popen([sys.executable, "-c", story])
    log = tmp_path / "device.log"
    try:
        while not (log.exists() and log.read_text().strip()):
            assert bench.poll() is None
            time.sleep(0.01)
    finally:
        bench.kill()
        bench.wait()
    while _lives(log.read_text().strip()):
        time.sleep(0.01)


def _lives(process_id: str) -> bool:
    try:
        return "\nState:\tZ" not in Path("/proc", process_id, "status").read_text()
    except OSError:
        return False


async def test_a_process_that_is_hung_still_stops_in_good_order(tmp_path: Path) -> None:
    device = make_device(WAITS, tmp_path)
    await device.configure(SITE)
    await device.start()
    device.hang()
    await device.stop()
    assert device.ended() == ""


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ("no-such-program-here {site}", "is no program of this machine"),
        ("python3 -V", "has no place for {site}"),
        ("", "is no program of this machine"),
        ("python:no.such.module:Device", "cannot be loaded"),
        ("python:pcs.runtime.in_process:Nothing", "cannot be loaded"),
        ("python:", "cannot be loaded"),
    ],
)
def test_a_device_that_cannot_be_made_is_an_error_of_the_rig(run: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(RigError, match=says):
        make_device(run, tmp_path)


def test_the_clock_of_a_process_is_not_touched(tmp_path: Path) -> None:
    device = make_device(WAITS, tmp_path)
    device.set_clock(0.0)
    with pytest.raises(RigError, match="clock of a process"):
        device.set_clock(5.0)


async def test_a_case_of_the_library_plays_in_real_time_against_pcs_run_as_a_process() -> None:
    """CRD-STEP-L: the same case and the same rig as on virtual time, recorded for shorter."""
    case = case_of(
        "crd/step-load-export-all", "limit_level=0pct", "gen_level=100pct", "load_to=50pct", pre_s=2, post_s=6
    )
    prepare = (*case.prepare[:-1], step("wait", duration=(14.0, "s")))
    run = await play(make(with_device(sheet(), "pcs run {site}", "real")), replace(case, prepare=prepare))
    assert run.mean("load.demand_w", -1, -0.02) == pytest.approx(8000, abs=30)
    assert run.mean("load.demand_w", 0.05, 6) == pytest.approx(4000, abs=30)
    assert run.mean("der.injection_w", -1, -0.02) > 7500
    assert run.least("poi.import_w", 0, 1) < -3500
    assert run.least("poi.import_w", 5, 6) > -160
    assert "device.ended" not in run.identity
    assert len(run.identity["device.configuration"]) == 64
