"""One cell on real time: `hil twin` and `pcs run` as processes of their own, over sockets and a pty.

The truth is that of the twin, on its own clock; a mark in its log ties that to the clock of the machine.
"""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from pcs.io.control_socket import SOCKET_NAME, NobodyThereError, ask
from pcs.io.journal_read import connect, journal_files, read_events
from pcs.model.event import EventKind
from tests.matrix.cells import Cell, twin_of
from tests.matrix.judge import Outcome, Said, judged
from tests.matrix.ptrace import wedged
from tests.simulation.truth import Truth

ROOT = Path(__file__).parents[2]
UP_WITHIN_S = 60.0
END_WITHIN_S = 20.0
LOOK_S = 0.02
PROCESSES = 3
"""Twin, controller and what acts on them: each may be kept waiting in turn."""
TRIES = 3
STARTERS = threading.BoundedSemaphore(2)
"""Starting costs seconds of both cores, running next to nothing: so few start at a time, many run."""
STARTS_WITHIN_S = 6.0


class TooBusyError(Exception):
    """The machine gave the processes so little time that the run proves nothing."""


class Waiting:
    """How late the machine wakes a sleeper: a measure of how long it keeps any process waiting."""

    def __init__(self) -> None:
        self.late_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Waiting":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def slack_s(self) -> float:
        """How much later than on an idle machine something may be seen or done."""
        return PROCESSES * self.late_s

    def _watch(self) -> None:
        while not self._stop.is_set():
            began_s = time.monotonic()
            time.sleep(LOOK_S)
            self.late_s = max(self.late_s, time.monotonic() - began_s - LOOK_S)


def played(cell: Cell) -> Outcome:
    """Play one cell, again where the machine was too busy.

    Raises:
        TooBusyError: it was so each time.
    """
    for left in range(TRIES - 1, -1, -1):
        try:
            with tempfile.TemporaryDirectory(prefix="mx") as name:
                return _Run(cell, Path(name)).play()
        except TooBusyError:
            if not left:
                raise
    raise AssertionError


class _Run:
    """The processes of one run and the folder that they share."""

    def __init__(self, cell: Cell, folder: Path) -> None:
        self._cell, self._folder, self._twin = cell, folder, twin_of(cell, pty=True)
        self._zero_utc_s = 0.0
        self._ports: dict[str, int] = {}

    def play(self) -> Outcome:
        cell = self._cell
        with Waiting() as waiting, ExitStack() as stack:
            with STARTERS:
                stack.enter_context(self._site())
                self._process = self._start()
                stack.callback(self._end)
                self._settle()
            self._act()
            self._until(cell.ends_s)
            if self._process.poll() is not None:
                raise AssertionError(f"the controller ended: {(self._folder / 'pcs.log').read_text()[-800:]}")
        said = self._said()
        begun = [s.at_s for s in said if s.kind is EventKind.ACTION_CHANGED and s.text.endswith("normal")]
        if cell.when == "running" and not any(at_s <= 0.5 * cell.moves_s for at_s in begun):
            raise TooBusyError(f"{cell.name}: control had not begun in time")
        return judged(cell, self._twin, self._truth(), said, waiting.slack_s)

    # -- the processes

    @contextmanager
    def _site(self) -> Iterator[None]:
        """The twin, serving; its truth is complete when the block has ended."""
        path = self._folder / "twin.yaml"
        path.write_text(self._twin.model_dump_json(by_alias=True, exclude_unset=True))  # JSON is YAML
        limit = ["--duration", f"{self._cell.ends_s + UP_WITHIN_S:g}"]
        words = ["twin", str(path), "--write-site", "site.yaml", "--record", "truth.csv", *limit]
        log = (self._folder / "twin.log").open("w")
        call = [sys.executable, "-m", "hil.cli.main", "-v", "--log-format", "json", *words]
        with (
            log,
            subprocess.Popen(
                call, cwd=self._folder, env=_environment(), stdout=subprocess.PIPE, stderr=log, text=True
            ) as twin,
        ):
            try:
                assert twin.stdout is not None
                for line in twin.stdout:
                    if line == "serving\n":
                        break
                    name, link, *_ = line.split()
                    if link.startswith("tcp:"):
                        self._ports[name] = int(link.rpartition(":")[2])
                self._zero_utc_s = time.time()
                yield
                twin.send_signal(signal.SIGTERM)
                twin.communicate(timeout=END_WITHIN_S)
            finally:
                if twin.poll() is None:
                    twin.kill()

    def _start(self) -> "subprocess.Popen[bytes]":
        log = (self._folder / "pcs.log").open("ab")
        limit = ["--duration", f"{self._cell.ends_s + UP_WITHIN_S:g}"]
        call = [sys.executable, "-m", "pcs.cli.main", "--log-format", "json", "run", "site.yaml", *limit]
        with log:
            return subprocess.Popen(call, cwd=self._folder, env=_environment(), stdout=log, stderr=log)

    def _end(self) -> None:
        process = self._process
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # -- what is done to them

    def _act(self) -> None:
        cell = self._cell
        if not cell.failure.act:
            return
        self._zero()
        if cell.when == "start":
            self._until_begun()
        self._until(cell.fails_s)
        match cell.failure.act:
            case "kill":
                self._process.kill()
                self._process.wait()
                self._until(cell.clears_s)
                self._process = self._start()
            case "hang":
                self._process.send_signal(signal.SIGSTOP)
                self._until(cell.clears_s)
                self._process.send_signal(signal.SIGCONT)
            case "wedge":
                with wedged(self._process.pid):
                    self._until(cell.clears_s)
            case "second":
                self._second_client()

    def _settle(self) -> None:
        """Until control has begun, or cannot because something is wrong from the beginning."""
        until_s = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < until_s and not self._begun():
            time.sleep(LOOK_S)

    def _begun(self) -> bool:
        return "control begins" in (self._folder / "pcs.log").read_text()

    def _told(self) -> bool:
        """Whether it acts on every DER; one that was never told anything is as the controller found it."""
        try:
            known = ask(self._folder / "journal" / SOCKET_NAME, "status")
        except NobodyThereError:
            return False
        ders = known.get("ders")
        return isinstance(ders, list) and all(der["confirmed_w"] is not None for der in ders)

    def _until_begun(self) -> None:
        """Until the controller has met its devices and acts: what fails at the start fails now."""
        until_s = time.monotonic() + UP_WITHIN_S
        while not (self._begun() and self._told()):
            if time.monotonic() > until_s or self._process.poll() is not None:
                raise TooBusyError("the controller did not begin")
            time.sleep(LOOK_S)

    def _second_client(self) -> None:
        """Another Modbus client, of another maker, that writes the same registers each second."""
        with contextlib.closing(
            SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr="127.0.0.1", ipport=self._ports["der1"], timeout=5)
        ) as client:
            client.scan()
            orders = client.models[704][0]
            at_s = self._now_s()
            while at_s < self._cell.clears_s:
                if self._cell.side.sign < 0.0:
                    orders.WMaxLimPct.cvalue, orders.WMaxLimPctEna.cvalue = 100, 1
                else:
                    orders.WSet.cvalue, orders.WSetMod.cvalue, orders.WSetEna.cvalue = -6000, 1, 1
                orders.write()
                at_s += 1.0
                self._until(at_s)
                orders.read()

    def _now_s(self) -> float:
        return time.time() - self._zero_utc_s

    def _until(self, at_s: float) -> None:
        """Wait until this instant of the twin."""
        self._zero()
        time.sleep(max(0.0, at_s - self._now_s()))

    # -- what came of it

    def _zero(self) -> None:
        """When the twin's time began, by its own word: its mark is late by no more than a turn of its loop."""
        for line in (self._folder / "twin.log").read_text().splitlines():
            told = json.loads(line) if line.endswith("}") else {}
            if str(told.get("msg", "")).startswith("fault.injected on=der2"):
                self._zero_utc_s = float(told["t"]) - 0.2

    def _said(self) -> list[Said]:
        self._zero()
        found = []
        for path in journal_files(self._folder / "journal"):
            with contextlib.closing(connect(path)) as db:
                found += [event for _, _, event in read_events(db)]
        return [
            Said(
                at_s=e.at.utc_s - self._zero_utc_s,
                kind=e.kind,
                source_id=e.source_id,
                fault=str(dict(e.facts).get("fault", "")),
                text=e.text,
            )
            for e in found
        ]

    def _truth(self) -> Truth:
        with (self._folder / "truth.csv").open() as file:
            columns, *rows = csv.reader(file)
        whole = tuple(row for row in (tuple(map(float, row)) for row in rows) if row[0] <= self._cell.ends_s)
        return Truth(columns=tuple(columns), rows=whole)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}
