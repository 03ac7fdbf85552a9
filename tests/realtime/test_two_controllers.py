"""Two controllers for one site: the second refuses, names the first, and sends nothing."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcs.io.starts import STARTS_NAME

pytestmark = [pytest.mark.realtime, pytest.mark.slow]
ROOT = Path(__file__).parents[2]


def site(folder: Path, port: int) -> Path:
    """A site whose devices nobody answers for."""
    folder.mkdir(exist_ok=True)
    path = folder / "site.yaml"
    path.write_text(
        f"""schema: pcs.site/1
site: {{name: Test, timezone: UTC, system: wye, nominal_v: 230}}
meters: [{{id: poi, profile: sunspec/meter, link: "tcp://127.0.0.1:{port}", unit: 1, point: poi}}]
ders: [{{id: inv1, kind: pv, profile: sunspec/inverter, link: "tcp://127.0.0.1:{port}", unit: 2, nameplate_w: 10000}}]
limits: [{{direction: export, value: 0}}]
"""
    )
    return path


def run(path: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "pcs.cli.main", "run", str(path), "--duration", "60"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def first(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    path = site(tmp_path / "a", 30_000 + os.getpid() % 30_000)
    with run(path) as process:
        until_s = time.monotonic() + 30
        while not (path.parent / "journal" / STARTS_NAME).exists() and time.monotonic() < until_s:
            time.sleep(0.05)
        yield process
        process.kill()


@pytest.mark.parametrize("folder", ["a", "b"])
def test_a_second_controller_of_the_same_site_or_of_a_copy_names_the_first_and_since_when(
    first: "subprocess.Popen[str]", tmp_path: Path, folder: str
) -> None:
    path = site(tmp_path / folder, 30_000 + os.getpid() % 30_000)
    with run(path) as second:
        _, said = second.communicate(timeout=60)
    assert second.returncode == 3
    assert f"process {first.pid} since 2" in said
    assert first.poll() is None


def test_a_controller_that_was_killed_leaves_nothing_that_refuses_the_next(
    first: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    first.kill()
    first.wait()
    path = tmp_path / "a" / "site.yaml"
    with run(path) as second:
        time.sleep(5)
        assert second.poll() is None
        second.terminate()
        second.communicate(timeout=20)
    assert second.returncode == 0


def test_systemd_hears_that_it_is_ready_and_alive_although_no_device_answers_until_it_is_stopped(
    tmp_path: Path,
) -> None:
    path = site(tmp_path / "c", 29_000 + os.getpid() % 1000)
    name = f"@openpcs-run-{os.getpid()}"
    command = [sys.executable, "-m", "pcs.cli.main", "run", str(path), "--duration", "60"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0" + name[1:])
        heard.settimeout(30)
        with subprocess.Popen(
            command, cwd=ROOT, stderr=subprocess.DEVNULL, env=os.environ | {"NOTIFY_SOCKET": name}
        ) as process:
            assert heard.recv(500).startswith(b"READY=1")
            fed = 0
            while fed < 4:
                fed += heard.recv(500) == b"WATCHDOG=1"
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            while select.select([heard], [], [], 0)[0]:
                heard.recv(500)
            heard.settimeout(2.5)
            with pytest.raises(TimeoutError):
                heard.recv(500)
            process.kill()
