"""The demonstration's two processes, `hil twin` and `pcs run`, in a folder of their own, and how the latter is asked.

Every child is bounded: it is told to stop, then ended, then killed, and it stops by itself should this process vanish.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

CODE = Path(__file__).parents[2]  # the children run the very code that this process runs
DATA = Path(__file__).parents[1] / "data"
TWIN_FILE = "demo-twin.yaml"  # the name in the run folder, whichever site it is
MARK = "demo-twin.yaml"  # a folder that holds this is a run folder of ours, and may be made anew
SERVING_WITHIN_S = 20.0  # a twin starts in about a second; a busy gateway takes several
END_WITHIN_S = 8.0  # the controller leaves the DERs safe within 3 s of SIGTERM and closes its journal
OUTLIVES_S = 30.0  # a child whose parent vanished stops by itself so much later
ANSWER_WITHIN_S = 1.0
MAX_ANSWER_BYTES = 1 << 20
MAX_SOCKET_PATH_BYTES = 107  # man 7 unix: sun_path has 108, one of them for the final zero


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSite:
    """A site to show: its twin file in the data folder, and how long it has something to show."""

    twin_file: str
    shows_s: float


SITES = {
    "pv": DemoSite(twin_file="demo-twin.yaml", shows_s=60.0),
    "wye": DemoSite(twin_file="demo-wye-twin.yaml", shows_s=135.0),
    "split": DemoSite(twin_file="demo-split-twin.yaml", shows_s=90.0),
}


class DemoError(Exception):
    """The demonstration cannot go on; the message says why and what to do. `exit_code` is that of the command."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


class Child:
    """One process with its own log file, and nothing of it left behind when the block ends."""

    def __init__(self, name: str, command: list[str], folder: Path):
        self.name, self.log = name, folder / f"{name}.log"
        self._command, self._folder = command, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._file = self.log.open("wb")
        # A session of its own: Ctrl-C reaches this process alone, which then ends its children in order.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=self._file,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(CODE), os.environ.get("PYTHONPATH"))))},
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.end()
        if self._file is not None:
            self._file.close()

    def end(self) -> int:
        """Tell it to stop, wait, and do what is needed; returns its exit code."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process is not None else None

    def words(self) -> list[str]:
        """What it said so far."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def ended_early(self) -> DemoError:
        """It is gone before its time: its last words."""
        last = "\n".join(f"  {line}" for line in self.words()[-8:]) or "  (it said nothing)"
        code = self.exit_code
        return DemoError(f"the {self.name} ended early (exit code {code}); its last words:\n{last}", 3)


def beside(name: str, module: str) -> list[str]:
    """How to call a command of this very installation, whatever PATH says."""
    script = Path(sys.executable).parent / name
    return [str(script)] if script.is_file() else [sys.executable, "-m", module]


def twin(folder: Path, duration_s: float) -> Child:
    """The simulated site; writes site.yaml and truth.csv into the folder."""
    command = [*beside("hil", "hil.cli.main"), "twin", str(folder / TWIN_FILE)]
    options = ["--write-site", str(folder / "site.yaml"), "--record", str(folder / "truth.csv")]
    return Child("twin", [*command, *options, "--duration", str(duration_s + SERVING_WITHIN_S + OUTLIVES_S)], folder)


def controller(folder: Path, duration_s: float) -> Child:
    """The controller of the site that the twin wrote down."""
    command = [*beside("pcs", "pcs.cli.main"), "run", str(folder / "site.yaml")]
    return Child("controller", [*command, "--duration", str(duration_s + OUTLIVES_S)], folder)


def fresh_folder(folder: Path, site: DemoSite = SITES["pv"]) -> Path:
    """An empty run folder with the site's twin file and records. A folder of an earlier run is made anew, no other.

    Raises:
        DemoError: the folder holds something else, is in use, cannot be written or has too long a name.
    """
    folder = folder.absolute()
    control = folder / "journal" / "control.sock"
    if len(os.fsencode(control)) > MAX_SOCKET_PATH_BYTES:
        raise DemoError(f"the name of {folder} is too long for the controller's socket; give a shorter --out", 2)
    try:
        if folder.exists() and any(folder.iterdir()):
            if not (folder / MARK).is_file():
                raise DemoError(f"{folder} is not empty and no run of the demo; give another --out", 2)
            if ask(control) is not None:
                raise DemoError(f"a controller runs in {folder} already; wait for it, or give another --out", 3)
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = (DATA / site.twin_file).read_text(encoding="utf-8")
        for name in sorted(set(re.findall(r"\bfile: ([\w.-]+)", text))):
            shutil.copyfile(DATA / name, folder / name)
        text = re.sub(r"tcp://127\.0\.0\.1:\d+", "tcp://127.0.0.1:0", text)  # 0: any free port
        (folder / TWIN_FILE).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DemoError(f"{folder}: {error.strerror or error}", 2) from None
    return folder


def wait_until_serving(child: Child, folder: Path) -> None:
    """Return when the twin serves and the site file is there.

    Raises:
        DemoError: the twin ended, or does not come up.
    """
    until_s = time.monotonic() + SERVING_WITHIN_S
    while "serving" not in child.words():
        if child.exit_code is not None:
            raise child.ended_early()
        if time.monotonic() > until_s:
            raise DemoError(f"the twin did not come up within {SERVING_WITHIN_S:g} s; see {child.log}", 3)
        time.sleep(0.02)


def ask(control: Path) -> dict[str, Any] | None:
    """The controller's status (`pcs.status/1`); None while nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_WITHIN_S)
            connection.connect(str(control))
            connection.sendall(b'{"ask": "status"}\n')
            text = b"".join(_lines(connection.recv))
        status = json.loads(text)
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) and status.get("schema") == "pcs.status/1" else None


def _lines(receive: Callable[[int], bytes]) -> Iterable[bytes]:
    size = 0
    while size < MAX_ANSWER_BYTES:
        chunk = receive(65_536)
        yield chunk
        size += len(chunk)
        if not chunk or chunk.endswith(b"\n"):
            return
