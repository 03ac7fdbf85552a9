"""One controller for each DER of a machine, wherever its journal lies: a name in the kernel that dies with its process.

Two site files with two journals may name the same inverter; both would command it. Each controller therefore listens
at an abstract Unix socket named after each DER's address. The kernel frees it however the process ends, no file stays,
and whoever is refused learns who holds it.
"""

import contextlib
import os
import socket
import struct
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from pcs.model.site import DerSpec

_NAME_MOST = 107  # sun_path less the zero byte in front


class DerInUseError(Exception):
    """Another controller on this machine commands this DER: which process, and since when."""

    def __init__(self, der: DerSpec, pid: int) -> None:
        self.pid = pid
        since = running_since(pid)
        by = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{der.id} at {der.link} unit {der.unit} is commanded by a controller that runs as {by}"
            f"{' since ' + since if since else ''}; stop that one first: two controllers cannot hold one site"
        )


class DerLocks:
    """The locks of one controller's DERs."""

    def __init__(self, ders: Iterable[DerSpec]) -> None:
        """Take them all, or none.

        Raises:
            DerInUseError: another controller has one.
        """
        self._held: list[socket.socket] = []
        if not sys.platform.startswith("linux"):
            return  # abstract sockets are Linux's, and so are the gateways
        for der in ders:
            try:
                self._held.append(_listen(_name(der)))
            except OSError:
                self.release()
                raise DerInUseError(der, _holder(_name(der))) from None

    def release(self) -> None:
        """Let go of all."""
        for held in self._held:
            held.close()
        self._held = []


def running_since(pid: int) -> str:
    """When a process began, as text; empty where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        up_s = float(Path("/proc/uptime").read_text().split()[0])
        began_s = time.time() - up_s + ticks / os.sysconf("SC_CLK_TCK")
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(began_s))
    return ""


def _name(der: DerSpec) -> bytes:
    place = der.link.place if der.link is not None else ""
    return f"\0openpcs/der/{der.unit}/{place}".encode()[:_NAME_MOST]


def _listen(name: bytes) -> socket.socket:
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        held.bind(name)
        held.listen(1)
    except OSError:
        held.close()
        raise
    return held


def _holder(name: bytes) -> int:
    """The process behind a name, 0 where it cannot be asked."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(0.5)
        try:
            asked.connect(name)
            pid, _, _ = struct.unpack("=3i", asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except OSError:
            return 0
    return int(pid)
