"""The supervisor as a real process over real sockets and pipes: each way of dying drops the relay."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcs.io.dirlock import SUPERVISOR_LOCK_NAME, holder
from tests.supervisor_kit import HOLD_S
from tests.supervisor_wire import Board, Meter, Server, site_file, supervise

pytestmark = [pytest.mark.realtime, pytest.mark.slow]
BOARD_HOLD_S, DELAY_S = 1.5, 7.5
BUSY_S = 1.0
"""What a busy machine may add: these tests prove that it drops, and roughly when; exact times are on virtual clocks."""


def note(what: str, took_s: float) -> None:
    """Where MEASURED names a file, leave a figure there: what docs/supervisor.md states."""
    if "MEASURED" in os.environ:
        with open(os.environ["MEASURED"], "a", encoding="utf-8") as file:
            file.write(f"{what}: {took_s:.3f} s\n")


class Rig:
    """A meter, a board and the process between them."""

    def __init__(self, folder: Path) -> None:
        self.meter, self.board = Meter(), Board()
        self.servers = Server(self.meter.answer), Server(self.board.answer)
        self.path = site_file(folder, self.servers[0].port, self.servers[1].port, delay_s=DELAY_S, hold_s=BOARD_HOLD_S)
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, *options: str) -> subprocess.Popen[str]:
        self.processes.append(supervise(self.path, *options))
        return self.processes[-1]

    def closed(self) -> subprocess.Popen[str]:
        process = self.start()
        self.board.wait(True, 20)
        return process

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for server in self.servers:
            server.__exit__()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_whatever_signal_ends_or_stops_it_the_board_opens_within_its_own_time(rig: Rig, number: signal.Signals) -> None:
    process = rig.closed()
    time.sleep(1)
    os.kill(process.pid, number)
    took_s = rig.board.wait(False, BOARD_HOLD_S + BUSY_S)
    assert took_s <= BOARD_HOLD_S + 0.1
    note(f"board after {number.name}", took_s)
    process.kill()
    assert all(held_s == pytest.approx(BOARD_HOLD_S) for _, held_s in rig.board.flashes)


def test_flow_beyond_the_limit_opens_the_board_after_its_delay(rig: Rig) -> None:
    rig.closed()
    time.sleep(1)
    rig.meter.import_w = -4000
    took_s = rig.board.wait(False, DELAY_S + 3)
    assert DELAY_S - 0.3 < took_s < DELAY_S + 0.5 + BUSY_S
    note(f"trip, delay {DELAY_S:g} s", took_s)


def test_a_silent_meter_opens_the_board(rig: Rig) -> None:
    rig.closed()
    rig.meter.silent = True
    assert 2 < rig.board.wait(False, 8) < 3 + 0.5 + BUSY_S


def test_a_trip_outlives_the_process_and_ends_only_by_a_person(rig: Rig) -> None:
    process = rig.closed()
    rig.meter.import_w = -4000
    rig.board.wait(False, DELAY_S + 3)
    rig.meter.import_w = 0
    process.kill()
    process.communicate()
    assert rig.start("--status").wait(20) == 1
    again = rig.start()
    with pytest.raises(AssertionError):
        rig.board.wait(True, 4)
    asked = rig.start("--rearm")
    assert asked.wait(20) == 0
    rig.board.wait(True, 10)
    assert again.poll() is None


def test_a_second_supervisor_names_the_first_and_disturbs_nothing(rig: Rig) -> None:
    first = rig.closed()
    second = rig.start()
    _, said = second.communicate(timeout=20)
    assert second.returncode == 3
    assert f"process {first.pid} since 20" in said
    assert rig.board.closed


def test_a_trip_test_of_the_running_supervisor_opens_and_closes_the_contact(rig: Rig) -> None:
    rig.closed()
    time.sleep(BOARD_HOLD_S + 0.5)
    told, _ = rig.start("--trip-test").communicate(timeout=20)
    assert told.startswith("trip test passed: opened ")
    rig.board.wait(True, 2)
    rig.board.welded = True
    bad = rig.start("--trip-test")
    told, _ = bad.communicate(timeout=20)
    assert bad.returncode == 1
    assert "still closed" in told


def test_a_trip_test_without_a_running_supervisor_does_it_and_leaves_the_relay_open(rig: Rig) -> None:
    process = rig.start("--trip-test")
    told, said = process.communicate(timeout=30)
    assert told.startswith("trip test passed"), told + said
    assert process.returncode == 0
    rig.board.wait(False, BOARD_HOLD_S + BUSY_S)


def test_without_its_relay_it_says_what_is_missing_and_exits_with_three(rig: Rig) -> None:
    rig.board.silent = True
    process = rig.start()
    _, said = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "the supervisor's relay: board at tcp://127.0.0.1" in said
    assert "the relay stays open" in said
    assert not rig.board.closed


def test_without_its_gpio_chip_it_says_so_and_exits_with_three(tmp_path: Path) -> None:
    path = site_file(tmp_path, 9, 9)
    text = path.read_text().replace('board: "tcp://127.0.0.1:9", unit: 1', f"gpio: {{chip: {tmp_path}/none, line: 3}}")
    path.write_text(text.replace("  feedback: {input: 1}\n", ""))
    process = supervise(path)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "No such file or directory; the relay stays open" in said
    assert holder(tmp_path / "journal", SUPERVISOR_LOCK_NAME) is None


@pytest.mark.parametrize("way", ["kill", "stop", "raise", "wedge"])
def test_a_process_that_dies_or_hangs_sends_no_more_edges_and_the_monostable_drops(tmp_path: Path, way: str) -> None:
    command = [sys.executable, "-m", "tests.supervisor_pulses", str(tmp_path), way]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root) as process:
        edges_s: list[float] = []
        assert process.stdout is not None
        assert process.stderr is not None
        reader = threading.Thread(target=_read_edges, args=(process.stdout.fileno(), edges_s), daemon=True)
        reader.start()
        began_s = time.monotonic()
        while len(edges_s) < 10 and time.monotonic() - began_s < 20:
            time.sleep(0.01)
        if way in ("kill", "stop"):
            os.kill(process.pid, signal.SIGKILL if way == "kill" else signal.SIGSTOP)
        else:
            assert process.stderr.read(1) == b"x"
        died_s = time.monotonic()
        time.sleep(2 * HOLD_S)
        dropped_s = edges_s[-1] + HOLD_S
        process.kill()
        reader.join(5)
    gaps = [b - a for a, b in itertools.pairwise(edges_s) if b <= died_s]
    assert len(edges_s) >= 10
    assert max(gaps[:-1]) < HOLD_S
    assert dropped_s - died_s <= HOLD_S + 0.1
    note(f"pulses after {way}", dropped_s - died_s)


def _read_edges(fd: int, edges_s: list[float]) -> None:
    while data := os.read(fd, 1):
        edges_s.append(time.monotonic())
        assert data in b"01"
