"""`hil demo` as a process: it ends, says how, and leaves no process behind."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A run folder with a name that is short enough for a socket, however long the test's own folder is."""
    with tempfile.TemporaryDirectory(prefix="demo") as name:
        yield Path(name) / "run"


def started(folder: Path, seconds: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "hil.cli.main", "demo", "--seconds", str(seconds), "--out", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def processes(folder: Path) -> list[psutil.Process]:
    """Every process that has the run folder in its command line, but for the demo itself."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if "demo" not in command and any(str(folder) in word for word in command):
            found.append(process)
    return found


def wait_for(folder: Path, name: str) -> psutil.Process:
    """The process that was called with this command of ours, once the controller controls."""
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        found = [process for process in processes(folder) if name in process.cmdline()]
        if found and "control begins" in (folder / "controller.log").read_text():
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"{name} did not start")


def test_a_short_demo_holds_its_limit_and_leaves_nothing_running(folder: Path) -> None:
    with started(folder, 10) as demo:
        out, err = demo.communicate(timeout=100)
    assert (demo.returncode, err) == (0, "")
    assert "the export limit of 3,000 W, as promised" in out
    assert "pcs journal verify" in out
    assert processes(folder) == []
    assert "left at its safe cap" in (folder / "controller.log").read_text()
    verified = subprocess.run(
        [sys.executable, "-m", "pcs.cli.main", "journal", "verify", str(folder / "journal")], cwd=ROOT, check=False
    )
    assert verified.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_the_inverters_safe_and_nothing_running(folder: Path, number: int) -> None:
    with started(folder, 60) as demo:
        wait_for(folder, "run")
        demo.send_signal(number)
        _, err = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "interrupted" in err
    assert processes(folder) == []
    assert "left at its safe cap" in (folder / "controller.log").read_text()


def test_a_controller_that_ends_early_is_shown_with_its_last_words(folder: Path) -> None:
    with started(folder, 60) as demo:
        wait_for(folder, "run").kill()
        _, err = demo.communicate(timeout=60)
    assert demo.returncode == 3
    assert "the controller ended early" in err
    assert "control begins" in err
    assert processes(folder) == []


def test_a_second_demo_in_the_same_folder_is_refused_and_the_first_goes_on(folder: Path) -> None:
    with started(folder, 60) as demo:
        wait_for(folder, "run")
        with started(folder, 10) as second:
            _, err = second.communicate(timeout=60)
        assert second.returncode == 3
        assert "runs in" in err
        assert demo.poll() is None
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)
