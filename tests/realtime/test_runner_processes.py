"""True processes: killed with SIGKILL, stopped by signals, locked out, several at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hil.record.folder import list_runs
from hil.runner.journal import JOURNAL, read_journal
from tests.profile_kit import PROFILE, changed, written
from tests.runner_kit import SHORT, sheet_file
from tests.unit.test_runner_kills import Result, results

pytestmark = pytest.mark.realtime
ROOT = Path(__file__).parents[2]
FOUND_WITHIN_S = 60.0
Process = subprocess.Popen[bytes]


def hil(*words: str | Path, **environment: str) -> Process:
    """`hil` with some words, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "hil.cli.main", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )


def run_words(folder: Path, out: Path, *more: str) -> tuple[str | Path, ...]:
    profile = written(folder, "step.yaml", changed(PROFILE, *SHORT))
    rig = sheet_file(folder)
    return ("run", profile, "--rig", rig, "--out", out, "--bench", "tests.runner_kit:fake_bench", *more)


def done(process: Process, code: int = 0) -> str:
    """What it said once it has ended, with that code."""
    out, err = process.communicate(timeout=FOUND_WITHIN_S)
    assert process.returncode == code, (process.returncode, out, err)
    return (out + err).decode()


def wait_for_lines(out: Path, lines: int, process: Process) -> None:
    """Wait until the journal has so many lines, or the process has ended."""
    until_s = time.monotonic() + FOUND_WITHIN_S
    while process.poll() is None and time.monotonic() < until_s:
        path = out / JOURNAL
        if path.exists() and path.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.001)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """The results of a campaign that nobody disturbed."""
    folder = tmp_path_factory.mktemp("truth")
    done(hil(*run_words(folder, folder / "out")))
    found = results(folder / "out")
    assert len(found) == 6
    return found


@pytest.mark.parametrize(("lines", "jobs"), [(9, "1"), (38, "1"), (31, "2")])
def test_after_a_true_kill_the_results_are_the_same(tmp_path: Path, truth: list[Result], lines: int, jobs: str) -> None:
    out = tmp_path / "out"
    process = hil(*run_words(tmp_path, out, "--jobs", jobs))
    wait_for_lines(out, lines, process)
    process.kill()
    process.communicate()
    done(hil("resume", out))
    assert results(out) == truth


def test_several_processes_find_what_one_finds(tmp_path: Path, truth: list[Result]) -> None:
    said = done(hil(*run_words(tmp_path, tmp_path / "out", "--jobs", "2", "--json")))
    assert results(tmp_path / "out") == truth
    assert json.JSONDecoder().raw_decode(said)[0]["ends"] == {"complete": 6}
    entries = read_journal(tmp_path / "out")
    begun = [(entry.case, entry.repeat) for entry in entries if entry.state == "check"]
    assert len(begun) == len(set(begun)) == 6


@pytest.mark.parametrize(
    ("number", "jobs"), [(signal.SIGTERM, "1"), (signal.SIGINT, "1"), (signal.SIGHUP, "1"), (signal.SIGTERM, "2")]
)
def test_a_signal_ends_it_in_the_safe_state(tmp_path: Path, truth: list[Result], number: int, jobs: str) -> None:
    out = tmp_path / "out"
    process = hil(*run_words(tmp_path, out, "--jobs", jobs))
    wait_for_lines(out, 7, process)
    process.send_signal(number)
    said = done(process, 128 + number)
    assert "hil resume" in said
    entries = read_journal(out)
    assert entries[-1].kind == "stop"
    begun = {(entry.case, entry.repeat) for entry in entries if entry.state == "open"}
    left = {(entry.case, entry.repeat) for entry in entries if entry.state == "safe"}
    assert begun == left
    assert len(list_runs(out)) < 6
    done(hil("resume", out))
    assert results(out) == truth


def test_a_second_runner_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = hil(*run_words(tmp_path, out, "--repeats", "4000"))
    wait_for_lines(out, 3, process)
    said = done(hil("resume", out), 3)
    assert f"process {process.pid} since 20" in said
    assert str(out) in said
    process.kill()
    process.communicate()


def test_a_worker_that_dies_is_replaced_and_its_run_is_played_again(tmp_path: Path, truth: list[Result]) -> None:
    out = tmp_path / "out"
    process = hil(*run_words(tmp_path, out, "--jobs", "2"))
    workers: list[psutil.Process] = []
    while len(workers) < 2:  # the campaign is short: look as soon as both are there
        assert process.poll() is None
        workers = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGSTOP)  # so that it does not hand out anything while we look
    workers[0].kill()
    process.send_signal(signal.SIGCONT)
    said = done(process, 3)
    assert "its process has ended with code -9" in said
    done(hil("resume", out))
    assert results(out) == truth
