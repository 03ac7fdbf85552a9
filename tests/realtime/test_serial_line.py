"""The RTU link on a real event loop: over a pty, over a TCP socket, and what is said of ports that do not open."""

import asyncio
import contextlib
import os
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcs.codec.rtu import is_sealed
from pcs.io.fine_timer import FineTimer
from pcs.io.modbus_rtu import ModbusRtuLink
from pcs.io.serial_line import SerialLine
from pcs.model.fault import Fault, FaultKind
from pcs.model.site import LinkAddress, LinkKind
from pcs.ports import Priority, Reply
from tests.rtu_kit import Asked, right, words

pytestmark = pytest.mark.realtime


class Pty:
    """A pty with a healthy unit behind it, in a thread."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._plug()

    def _plug(self) -> None:
        self.ours, self.theirs = os.openpty()
        tty.setraw(self.theirs)
        self.link.symlink_to(os.ttyname(self.theirs))
        self._thread = threading.Thread(target=self._serve, args=(self.ours,), daemon=True)
        self._thread.start()

    def _serve(self, ours: int) -> None:
        heard = b""
        with contextlib.suppress(OSError):
            while data := os.read(ours, 4096):
                heard += data
                if is_sealed(heard):
                    reply = right(Asked(heard, 0.0, 0.0))
                    os.write(ours, reply[:3])
                    os.write(ours, reply[3:])
                    heard = b""

    def unplug(self) -> None:
        """Both ends go away, and so does the name; the thread ends with its read."""
        self.link.unlink()
        os.close(self.theirs)
        os.close(self.ours)

    def plug_again(self) -> None:
        self._plug()


@pytest.fixture
def pty(tmp_path: Path) -> Iterator[Pty]:
    made = Pty(tmp_path / "ttyTEST")
    yield made
    with contextlib.suppress(OSError):
        made.unplug()


def serial_address(pty: Pty) -> LinkAddress:
    return LinkAddress(kind=LinkKind.SERIAL, device=str(pty.link), port=0, baud=115200)


async def read(link: ModbusRtuLink, count: int = 10) -> Reply | Fault:
    return await link.read(1, 100, count, deadline_s=2.0, priority=Priority.FAST_READ)


async def test_registers_come_through_a_serial_port(pty: Pty) -> None:
    link = ModbusRtuLink(serial_address(pty))
    for _ in range(5):
        answer = await read(link)
        assert isinstance(answer, Reply), answer
        assert answer.data == words(100, 10)
        assert answer.received_s >= answer.sent_s
    counters = link.counters()
    await link.close()
    assert (counters.good, counters.connects, counters.quarantines) == (5, 1, 0)
    closed = await read(link)
    assert isinstance(closed, Fault)
    assert closed.kind is FaultKind.NO_CONNECTION


async def test_an_adapter_that_is_unplugged_is_told_and_found_again_when_it_is_back(pty: Pty) -> None:
    link = ModbusRtuLink(serial_address(pty))
    assert isinstance(await read(link), Reply)
    pty.unplug()
    gone = await read(link)
    assert isinstance(gone, Fault)
    assert gone.kind is FaultKind.NO_CONNECTION
    assert "adapter unplugged?" in gone.detail or "there is no " in gone.detail or "cannot send" in gone.detail
    pty.plug_again()
    async with asyncio.timeout(10):
        while not isinstance(answer := await read(link), Reply):  # noqa: ASYNC110 -- the pause is the link's own
            await asyncio.sleep(0.05)
    assert answer.data == words(100, 10)
    assert link.counters().connects == 2
    await link.close()


async def test_a_port_that_another_program_holds_is_not_shared(pty: Pty) -> None:
    first, second = ModbusRtuLink(serial_address(pty)), ModbusRtuLink(serial_address(pty))
    assert isinstance(await read(first), Reply)
    refused = await read(second)
    await first.close()
    await second.close()
    assert isinstance(refused, Fault)
    assert "is in use by another program" in refused.detail


async def test_a_port_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    line = SerialLine(LinkAddress(kind=LinkKind.SERIAL, device=str(tmp_path / "none"), port=0))
    with pytest.raises(OSError, match=r"there is no .*none; (there are|no USB serial adapter)"):
        await line.open()


async def test_a_file_that_is_no_serial_port_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    line = SerialLine(LinkAddress(kind=LinkKind.SERIAL, device=str(tmp_path / "file"), port=0))
    with pytest.raises(OSError, match="no serial port"):
        await line.open()


async def test_a_port_without_permission_names_the_command_that_mends_it(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serial.serialposix.os.open", refuse)
    line = SerialLine(serial_address(pty))
    with pytest.raises(OSError, match=r"no permission for .*: sudo usermod -aG \w+ \$USER, then log in again"):
        await line.open()


@pytest.mark.parametrize(("kept_ms", "noted"), [(16, True), (1, False)])
async def test_a_latency_timer_is_recognised_and_its_mending_said(
    pty: Pty, tmp_path: Path, kept_ms: int, noted: bool
) -> None:
    name = pty.link.resolve().name
    timer = tmp_path / "class" / name / "device" / "latency_timer"
    timer.parent.mkdir(parents=True)
    timer.write_text(f"{kept_ms}\n", encoding="ascii")
    line = SerialLine(serial_address(pty), devices=tmp_path / "class")
    await line.open()
    line.close()
    assert (f"{kept_ms} ms; mend it with: echo 1 | sudo tee {timer}" in line.note) is noted
    assert line.late_s == pytest.approx((kept_ms + 1) / 1000)


async def test_rtu_frames_travel_through_a_tcp_gateway_that_cuts_them() -> None:
    gone = asyncio.Event()

    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                reply = right(Asked(await reader.readexactly(8), 0.0, 0.0))
                writer.write(reply[:7])
                await writer.drain()
                await asyncio.sleep(0.01)
                writer.write(reply[7:])
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(gateway, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = ModbusRtuLink(LinkAddress(host="127.0.0.1", port=port, kind=LinkKind.RTU_OVER_TCP))
    for _ in range(3):
        answer = await read(link)
        assert isinstance(answer, Reply), answer
        assert answer.data == words(100, 10)
    await link.close()
    await gone.wait()
    server.close()
    await server.wait_closed()


async def test_a_fine_wait_ends_on_time_and_its_end_wakes_it() -> None:
    loop, timer = asyncio.get_running_loop(), FineTimer()
    late_s = []
    for _ in range(20):
        due_s = loop.time() + 0.0011
        await timer.wait_until(due_s)
        late_s.append(loop.time() - due_s)
    assert min(late_s) >= 0
    assert min(late_s) < 0.0005  # the loop's own timers round up to the next millisecond, here by 0.9 ms
    waiting = asyncio.ensure_future(timer.wait_until(loop.time() + 60))
    await asyncio.sleep(0.01)
    timer.close()
    await waiting
