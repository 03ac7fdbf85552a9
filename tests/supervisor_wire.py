"""A meter and a relay board for the supervisor over real sockets, in threads of the test: written apart from `pcs`.

The board is what a maker sells: function 5 at 0x0200 + relay closes it for the value times 0.1 s from the last such
frame, function 5 at its own address closes or opens it, function 2 reads an auxiliary contact.
"""

import os
import socketserver
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while True:
            head = self._exactly(7)
            if head is None:
                return
            number, _, length, unit = struct.unpack(">HHHB", head)
            pdu = self._exactly(length - 1)
            if pdu is None:
                return
            answer = self.server.answer(pdu)  # type: ignore[attr-defined]
            if answer is not None:
                self.request.sendall(struct.pack(">HHHB", number, 0, 1 + len(answer), unit) + answer)

    def _exactly(self, count: int) -> bytes | None:
        data = b""
        while len(data) < count:
            try:
                more = self.request.recv(count - len(data))
            except OSError:
                return None
            if not more:
                return None
            data += more
        return data


class Server(socketserver.ThreadingTCPServer):
    """A Modbus TCP server with one `answer` per request; None: it stays silent."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.port = int(self.server_address[1])
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.shutdown()
        self.server_close()


class Meter:
    """An SDM630 in small: watts at 52, volts at 0 to 4, a frequency that jitters at 70; input registers, floats."""

    def __init__(self) -> None:
        self.import_w, self.silent, self.reads = 0.0, False, 0

    def answer(self, pdu: bytes) -> bytes | None:
        if self.silent:
            return None
        function, first, count = struct.unpack(">BHH", pdu)
        self.reads += 1
        image = {0: 230.0, 2: 231.0, 4: 229.0, 52: self.import_w, 70: 50.0 + (self.reads % 7) / 1000}
        data = b"".join(struct.pack(">f", image.get(at, 0.0)) for at in range(first, first + count, 2))
        return bytes([function, len(data)]) + data


class Board:
    """One relay with a time of its own, and its auxiliary contact at the first input."""

    def __init__(self) -> None:
        self.until_s = 0.0
        self.welded = self.silent = False
        self.flashes: list[tuple[float, float]] = []

    @property
    def closed(self) -> bool:
        return self.welded or time.monotonic() < self.until_s

    def answer(self, pdu: bytes) -> bytes | None:
        if self.silent:
            return None
        function, address, value = struct.unpack(">BHH", pdu)
        if function == 5:
            if address >= 0x200:
                self.until_s = time.monotonic() + 0.1 * value
                self.flashes.append((time.monotonic(), 0.1 * value))
            else:
                self.until_s = float("inf") if value else 0.0
            return pdu
        return bytes([function, 1, int(self.closed)])

    def wait(self, closed: bool, within_s: float) -> float:
        """Seconds from now until the contact is as wanted.

        Raises:
            AssertionError: it is not, in time.
        """
        began_s = time.monotonic()
        while time.monotonic() - began_s < within_s:
            if self.closed is closed:
                return time.monotonic() - began_s
            time.sleep(0.002)
        raise AssertionError(f"the contact did not {'close' if closed else 'open'} within {within_s} s")


def site_file(folder: Path, meter_port: int, board_port: int, *, delay_s: float = 7.5, hold_s: float = 1.5) -> Path:
    """A site whose supervisor has a meter and a board at these ports; trips end only by a person."""
    path = folder / "site.yaml"
    path.write_text(
        f"""schema: pcs.site/1
site: {{name: Test, timezone: UTC, system: wye, nominal_v: 230}}
meters:
  - {{id: poi, profile: sunspec/meter, link: "tcp://127.0.0.1:9", unit: 1, point: poi, update_s: 0.2, averaging_s: 0}}
ders:
  - {{id: inv1, kind: pv, profile: sunspec/inverter, link: "tcp://127.0.0.1:9", unit: 2, nameplate_w: 10000}}
limits: [{{direction: export, value: 0}}]
supervisor:
  meter: {{profile: eastron/sdm630, link: "tcp://127.0.0.1:{meter_port}", unit: 1}}
  watch: [{{direction: export, tolerance_w: 500, delay_s: {delay_s}}}]
  relay: {{board: "tcp://127.0.0.1:{board_port}", unit: 1, hold_s: {hold_s}}}
  feedback: {{input: 1}}
  settle_s: 1
  missing_s: 3
"""
    )
    return path


def supervise(path: Path, *options: str) -> subprocess.Popen[str]:
    """`pcs supervise` as a process of its own."""
    command = [sys.executable, "-m", "pcs.cli.main", "supervise", str(path), *options]
    environment = {key: value for key, value in os.environ.items() if key not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[1],
    )
