"""A device under test that is a process: any command line that takes a site file. On real time only."""

import asyncio
import ctypes
import hashlib
import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from hil.rig.roles import RigError

STOP_WITHIN_S = 10.0  # what service managers grant at least before they kill
LOG_TAIL_BYTES = 2000  # of what it said last, for the reason why it ended
SITE = "{site}"
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """A bench that is killed leaves no controller behind; on Linux alone, elsewhere nothing happens."""
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ProcessDevice:
    """`command` with `{site}` in the place of the configuration file."""

    def __init__(self, command: str, folder: Path) -> None:
        """A device without a configuration.

        Raises:
            RigError: there is no such program, or the command line has no place for the site file.
        """
        words = shlex.split(command)
        beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        program = shutil.which(words[0], path=beside) if words else None
        if program is None or not any(SITE in word for word in words[1:]):
            what = "has no place for {site}" if program else "is no program of this machine"
            raise RigError("device under test", f"`{command}` {what}", "see `device: run:` of the rig's sheet")
        self._file, self._log = folder / "site.yaml", folder / "device.log"
        self._words = (program, *(word.replace(SITE, str(self._file)) for word in words[1:]))
        self._process: asyncio.subprocess.Process | None = None
        self._digest = ""

    async def configure(self, site: Mapping[str, object]) -> None:
        """See `DeviceUnderTest.configure`."""
        data = json.dumps(site, indent=1).encode()  # JSON is YAML
        self._file.write_bytes(data)
        self._digest = hashlib.sha256(data).hexdigest()

    async def start(self) -> None:
        """See `DeviceUnderTest.start`."""
        if not self._digest or (self._process is not None and self._process.returncode is None):
            return
        with self._log.open("wb") as log:  # of this start alone, so that it does not grow over a campaign
            self._process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._file.parent,
                preexec_fn=_die_with_parent,
            )

    async def stop(self) -> None:
        """See `DeviceUnderTest.stop`; one that does not end in good order is killed."""
        if self._alive is None:
            self._process = None
            return
        self.resume()
        self._alive.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._alive.wait()
        except TimeoutError:
            await self.kill()
        self._process = None

    async def kill(self) -> None:
        """See `DeviceUnderTest.kill`."""
        if self._alive is not None:
            self._alive.kill()
            await self._alive.wait()
        self._process = None

    def hang(self) -> None:
        """See `DeviceUnderTest.hang`."""
        if self._alive is not None:
            self._alive.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """See `DeviceUnderTest.resume`."""
        if self._alive is not None:
            self._alive.send_signal(signal.SIGCONT)

    def set_clock(self, ahead_s: float) -> None:
        """A process has the clock of its machine, which a bench does not touch.

        Raises:
            RigError: for any other time than the true one.
        """
        if ahead_s:
            raise RigError("DutLink", "the clock of a process cannot be set", "take clock_jump out of the rig's sheet")

    def ended(self) -> str:
        """See `DeviceUnderTest.ended`; its last words."""
        if self._process is None or self._process.returncode is None:
            return ""
        said = self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip().splitlines()
        return f"exit code {self._process.returncode}: {said[-1] if said else 'without a word'}"

    def identity(self) -> Mapping[str, str]:
        """See `DeviceUnderTest.identity`."""
        return {"configuration": self._digest}

    @property
    def _alive(self) -> asyncio.subprocess.Process | None:
        process = self._process
        return process if process is not None and process.returncode is None else None
