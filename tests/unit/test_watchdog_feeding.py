"""Words to systemd, the kernel's watchdog, the count of starts, and who commands a DER."""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.core.conditions import HELD_S, still_held
from pcs.io.der_lock import DerInUseError, DerLocks, running_since
from pcs.io.notify import Notifier
from pcs.io.starts import STARTS_NAME, STORM_STARTS, STORM_WITHIN_S, Starts
from pcs.io.watchdog import MAGIC_CLOSE, SET_TIMEOUT, WatchdogDevice, Watchdogs
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import MeterReading
from pcs.model.site import DerKind, DerSpec, LinkAddress
from pcs.runtime.alive import KNOWN_WITHIN_S, after_step, at_start, starved

UTC_S = 1_700_000_000.0


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    name = f"@openpcs-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0" + name[1:])
        heard.settimeout(1)
        yield heard, {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "10000000"}


def test_systemd_hears_ready_once_then_is_fed_at_most_once_a_second(
    listener: tuple[socket.socket, dict[str, str]],
) -> None:
    heard, environment = listener
    notifier = Notifier(environment)
    watchdogs = Watchdogs(notifier)
    for n in range(35):
        watchdogs.feed(100 + 0.1 * n, "normal")
    watchdogs.starve("the task of poi says nothing")
    watchdogs.close(orderly=True)
    heard.setblocking(False)
    said = []
    while True:
        try:
            said.append(heard.recv(500).decode())
        except BlockingIOError:
            break
    assert said[0] == "READY=1\nSTATUS=normal"
    assert said.count("WATCHDOG=1") == 4
    assert "STATUS=HANGS: the task of poi says nothing" in said
    assert said[-1] == "STOPPING=1"
    assert sum(line.startswith("READY") for line in said) == 1
    assert notifier.watchdog_s == 10.0


def test_without_systemd_nothing_is_sent_and_nothing_fails() -> None:
    watchdogs = Watchdogs(Notifier({}))
    watchdogs.feed(0.0, "normal")
    watchdogs.close(orderly=False)
    gone = Watchdogs(Notifier({"NOTIFY_SOCKET": "/nonexistent/notify"}))
    gone.feed(0.0, "normal")
    gone.close(orderly=True)


@pytest.mark.parametrize("orderly", [True, False])
def test_the_kernels_watchdog_is_stopped_only_by_an_orderly_end(tmp_path: Path, orderly: bool) -> None:
    path, asked = tmp_path / "watchdog", []

    def ioctl(_: int, code: int, data: bytearray) -> None:
        asked.append((code, struct.unpack("=i", data)[0]))

    path.touch()
    device = WatchdogDevice(path, ioctl)
    device.feed()
    device.feed()
    device.close(orderly=orderly)
    assert path.read_bytes() == b"\0\0" + (MAGIC_CLOSE if orderly else b"")
    assert asked == [(SET_TIMEOUT, 15)]


def test_a_watchdog_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        WatchdogDevice(tmp_path / "none")


@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.sampled_from(["a", "b", "none"]), st.booleans()), max_size=40))
def test_the_watchdog_starves_exactly_when_a_meter_has_said_nothing_at_all_for_too_long(
    steps: list[tuple[float, str, bool]],
) -> None:
    alive, now_s = at_start(("a", "b"), 0.0), 0.0
    said_s = {"a": 0.0, "b": 0.0}
    for wait_s, source, good in steps:
        now_s += wait_s
        heard = (
            MeterReading(meter_id=source, import_w=0.0, sent_s=now_s, received_s=now_s)
            if good
            else Fault(kind=FaultKind.NO_ANSWER, source_id=source, at_s=now_s)
        )
        alive = after_step(alive, (heard,), now_s)
        said_s |= {source: now_s} if source in said_s else {}
        late = {name for name, at_s in said_s.items() if now_s - at_s > KNOWN_WITHIN_S}
        assert bool(starved(alive, now_s)) is bool(late)


def test_starts_in_quick_succession_are_a_storm_and_a_good_end_forgets_them(tmp_path: Path) -> None:
    starts = Starts(tmp_path)
    storms = [bool(starts.begin(UTC_S + 5 * n).storm) for n in range(STORM_STARTS + 1)]
    assert storms == [False] * (STORM_STARTS - 1) + [True] * 2
    starts.ended()
    assert starts.begin(UTC_S + 60).storm == ""


def test_rare_starts_are_no_storm_and_a_clock_that_jumped_back_hides_none(tmp_path: Path) -> None:
    starts = Starts(tmp_path)
    assert not any(starts.begin(UTC_S + n * STORM_WITHIN_S).storm for n in range(20))
    backwards = [starts.begin(UTC_S + 1e6 - 10 * n).storm for n in range(STORM_STARTS)]
    assert backwards[-1] != ""


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": "pcs.starts/1"}', b'{"starts": 1}', b"\xff\xfe"])
def test_a_half_written_count_of_starts_holds_the_start_in_the_safe_set(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STARTS_NAME).write_bytes(content)
    starts = Starts(tmp_path)
    assert "damaged" in starts.begin(UTC_S).storm
    assert starts.begin(UTC_S + 1).storm == ""


def test_a_held_start_is_released_after_its_time_and_not_before() -> None:
    held = Fault(kind=FaultKind.RESTARTS, source_id="controller", at_s=100.0)
    assert still_held(held, 100 + HELD_S - 0.1) is held
    assert still_held(held, 100 + HELD_S) is None


def der(port: int, unit: int = 1) -> DerSpec:
    return DerSpec(
        id="inv1", kind=DerKind.PV, nameplate_w=5000, link=LinkAddress(host="10.9.8.7", port=port), unit=unit
    )


def test_a_second_controller_of_one_der_is_refused_and_names_the_first_also_from_another_folder() -> None:
    port = 20_000 + os.getpid() % 40_000
    code = (
        "import sys; from tests.unit.test_watchdog_feeding import der, DerLocks; "
        f"locks = DerLocks([der({port}, 7)]); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(DerInUseError) as refused:
            DerLocks([der(port, 6), der(port, 7)])
        assert refused.value.pid == first.pid
        assert f"process {first.pid} since 2" in str(refused.value)
        DerLocks([der(port, 6)]).release()  # what was taken before the refusal is free again
        first.kill()
    DerLocks([der(port, 7)]).release()


def test_the_beginning_of_an_unknown_process_is_left_out() -> None:
    assert running_since(0) == ""
    assert running_since(os.getpid()).endswith(" UTC")
