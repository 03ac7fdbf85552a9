"""`hil twin` as a process, read and commanded by a third party over real sockets."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "hil" / "data" / "demo-twin.yaml"
TWIN = """\
schema: hil.twin/1
site: {name: T, system: wye, nominal_v: 230}
meters: [{id: poi, noise_w: 4}]
ders:
  - {id: inv1, nameplate_w: 10000, telemetry_s: 0.1}
  - {id: inv2, nameplate_w: 6000, control: 704, telemetry_s: 0.1}
load: [{constant: 1500}]
sun: {constant: 0.5}
limits:
  - {point: poi, direction: export, quantity: w, value: 2000}
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from hil.cli.main import main; main()", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """A running twin and the port of each device."""
    with subprocess.Popen(command("twin", *arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ports: dict[str, int] = {}
            for line in process.stdout:
                if line == "serving\n":
                    break
                name, link, *_ = line.split()
                if link.startswith("tcp:"):
                    ports[name] = int(link.rpartition(":")[2])
            yield process, ports
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def reader(port: int) -> Iterator[SunSpecModbusClientDeviceTCP]:
    device = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr="127.0.0.1", ipport=port, timeout=5)
    device.scan()
    try:
        yield device
    finally:
        device.close()


def test_a_third_party_reads_the_site_and_its_limits_move_the_plant(tmp_path: Path) -> None:
    path, truth = tmp_path / "twin.yaml", tmp_path / "truth.csv"
    path.write_text(TWIN)
    with serving(str(path), "--write-site", str(tmp_path / "site.yaml"), "--record", str(truth)) as (process, ports):
        with reader(ports["poi"]) as meter, reader(ports["inv1"]) as inv1, reader(ports["inv2"]) as inv2:
            assert meter.models[203][0].W.cvalue == pytest.approx(1500 - 8000, abs=30)
            old = inv1.models[123][0]
            old.WMaxLimPct.cvalue, old.WMaxLim_Ena.cvalue = 20, 1
            old.write()
            new = inv2.models[704][0]
            new.WMaxLimPct.cvalue, new.WMaxLimPctEna.cvalue = 10, 1
            new.write()
            deadline_s = time.monotonic() + 30
            while time.monotonic() < deadline_s:
                meter.models[203][0].read()
                if meter.models[203][0].W.cvalue == pytest.approx(1500 - 2600, abs=30):
                    break
                time.sleep(0.05)
            meter.models[203][0].read()
            inv1.models[103][0].read()
            inv2.models[701][0].read()
            assert meter.models[203][0].W.cvalue == pytest.approx(1500 - 2600, abs=30)
            assert inv1.models[103][0].W.cvalue == pytest.approx(2000, abs=20)
            assert inv2.models[701][0].W.cvalue == pytest.approx(600, abs=20)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.read() == "stopped\n"
        assert process.wait(30) == 0
    site = YAML(typ="safe", pure=True).load((tmp_path / "site.yaml").read_text())
    assert site["schema"] == "pcs.site/1"
    assert site["ders"][0]["link"] == f"tcp://127.0.0.1:{ports['inv1']}"
    assert site["limits"][0]["value"] == 2000
    with truth.open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["import_w"]) == pytest.approx(1500 - 8000)
    assert float(rows[-1]["inv1_injection_w"]) == pytest.approx(2000, abs=20)
    instants = [float(row["t_s"]) for row in rows]
    assert instants == sorted(set(instants))


def test_the_duration_ends_it_with_0_and_sigint_does_too(tmp_path: Path) -> None:
    path = tmp_path / "twin.yaml"
    path.write_text(TWIN)
    done = run("twin", str(path), "--duration", "0.3")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "stopped")
    with serving(str(path)) as (process, _):
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) == 0


def test_a_taken_port_is_3_and_a_wrong_file_or_usage_is_2_each_in_words(tmp_path: Path) -> None:
    path = tmp_path / "twin.yaml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        link = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        path.write_text(TWIN.replace("{id: poi,", f'{{id: poi, link: "{link}",'))
        busy = run("twin", str(path))
    assert busy.returncode == 3
    assert "address already in use" in busy.stderr
    path.write_text(TWIN.replace("nominal_v: 230", "nominal_v: -1") + "sum: 1\n")
    wrong = run("twin", str(path))
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 2
    path.write_text(TWIN)
    nowhere = run("twin", str(path), "--record", str(tmp_path / "none" / "truth.csv"))
    assert (nowhere.returncode, run("twin").returncode, run("twin", str(path), "--bad").returncode) == (2, 2, 2)
    (tmp_path / "bad.csv").write_text("w\n1\nx\n")
    path.write_text(TWIN.replace("constant: 1500", "record: {file: bad.csv, column: w}"))
    record = run("twin", str(path))
    assert record.returncode == 2
    assert "bad.csv:3" in record.stderr
    for told in (busy, wrong, nowhere, record):
        assert "Traceback" not in told.stderr


def test_logs_can_be_json_and_the_version_is_told(tmp_path: Path) -> None:
    path = tmp_path / "twin.yaml"
    path.write_text(TWIN + "faults: [{at_s: 0.05, on: poi, fault: silent}]\n")
    told = run("-v", "--log-format", "json", "twin", str(path), "--duration", "0.3")
    assert json.loads(told.stderr.splitlines()[0])["msg"] == "fault.injected on=poi fault=silent"
    version = run("--version")
    assert version.returncode == 0
    assert version.stdout.startswith("hil")
