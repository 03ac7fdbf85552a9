"""Words to systemd, as sd_notify(3) has them: datagrams to the socket that `NOTIFY_SOCKET` names. No library."""

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """Tells systemd that the program is ready, alive or ending. Without a socket it says nothing; it never waits."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        known = os.environ if environment is None else environment
        path = known.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if path else None
        if self._socket is not None:
            self._socket.setblocking(False)
        usec = known.get("WATCHDOG_USEC", "")
        meant = known.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(usec) / 1e6 if usec.isdigit() and int(usec) and meant else None
        """How often `feed` must come at least; None: nobody waits for it."""

    def ready(self, status: str) -> None:
        """The start is over."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={_line(status)}")

    def feed(self) -> None:
        """Alive: the time of the watchdog begins anew."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()

    def _send(self, text: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # nobody listens: systemd will notice before we do
                self._socket.sendto(text.encode("utf-8", "replace"), self._address)


def _line(text: str) -> str:
    return text.replace("\n", " ")[:400]
