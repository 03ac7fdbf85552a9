"""Where a running controller answers questions: a Unix socket in the journal directory.

One request is one line of JSON, `{"ask": "status"}`; the answer is one line of JSON. Only the user that runs the
controller may ask (and root). Where the directory takes no socket (read-only, full, not there), the controller answers
under a name that needs no file, made from the directory's path: then, above all, people want to know. Whatever clients
do, they cost the controller a bounded number of small buffers.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
import stat
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from struct import unpack
from typing import Self

logger = logging.getLogger(__name__)

SOCKET_NAME = "control.sock"
MAX_PATH_BYTES = 107  # sun_path of struct sockaddr_un has 108, one of them for the final zero (man 7 unix)
MAX_CLIENTS = 8
MAX_REQUEST_BYTES = 4096
MAX_REPLY_BYTES = 1 << 20
IDLE_S = 5.0
PROBE_S = 0.5  # for another controller to accept, before its socket is taken for a leftover

Answer = Callable[[str], dict[str, object]]


class NobodyThereError(Exception):
    """No controller answers; the message says where and what to do."""


class ControlSocket:
    """The server's side, in a journal directory. `answer` gets the question's name and runs on the event loop.

    As a context manager it listens if it can, and says in the log why not if it cannot.
    """

    def __init__(self, directory: Path, answer: Answer) -> None:
        self._path = directory / SOCKET_NAME
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._clients: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        trouble = await self.start()
        if trouble:
            logger.warning("control_socket.closed %s", trouble)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> str:
        """Listen. Returns, in words, why that is not possible (empty: it is); the controller runs on without."""
        too_long = path_too_long(self._path)
        if too_long:
            return too_long
        try:
            if _is_answered(self._path):
                return f"{self._path} is answered by another controller; `pcs status` shows that one"
            listener = _bind(self._path)
            self._inode = self._path.stat().st_ino
            trouble = ""
        except OSError as error:
            why = f"cannot listen on {self._path} ({error.strerror or error})"
            try:
                listener = _bind_nameless(self._path)
            except OSError as refused:
                return f"{why}, nor without a file ({refused.strerror or refused}); `pcs status` will not work"
            trouble = f"{why}; `pcs status` is answered without that file"
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_REQUEST_BYTES)
        return trouble

    async def close(self) -> None:
        """Stop listening, let every client go, remove the socket if it is still ours."""
        if self._server is None:
            return
        self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the loop's next round
        self._server = None
        try:
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        except OSError:
            pass  # gone already

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        try:
            if not _is_allowed(writer.get_extra_info("socket")):
                writer.write(_line({"error": "only the user that runs the controller may ask"}))
            elif len(self._clients) >= MAX_CLIENTS:
                writer.write(_line({"error": f"busy: {MAX_CLIENTS} clients are connected"}))
            else:
                self._clients.add(task)
                while await self._serve_one(reader, writer):
                    pass
        except (OSError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()  # it went away, says or reads nothing, or the server closes: nobody to tell
        finally:
            self._clients.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        async with asyncio.timeout(IDLE_S):
            try:
                request = await reader.readline()
            except ValueError:
                writer.write(_line({"error": f"the request is longer than {MAX_REQUEST_BYTES} bytes"}))
                return False
            if not request.endswith(b"\n"):
                return False
            writer.write(_line(self._reply(request)))
            await writer.drain()
        return True

    def _reply(self, request: bytes) -> dict[str, object]:
        try:
            question = json.loads(request)["ask"]
        except (ValueError, TypeError, LookupError, RecursionError):
            question = None
        if not isinstance(question, str):
            return {"error": 'a request is one line of JSON: {"ask": "status"}'}
        try:
            return self._answer(question)
        except Exception:  # a bug in a status page must not end the control
            logger.exception("control_socket.bug ask=%s", question)
            return {"error": f"the controller could not answer {question!r}; its log says why"}


def ask(path: Path, question: str, deadline_s: float = 3.0) -> dict[str, object]:
    """Ask a running controller; blocks, for command lines only.

    Raises:
        NobodyThereError: nobody answers there in time, or not in JSON.
    """
    too_long = path_too_long(path)
    if too_long:
        raise NobodyThereError(too_long)
    until_s = time.monotonic() + deadline_s
    try:
        with _connected(path, deadline_s) as connection:
            with contextlib.suppress(BrokenPipeError):  # who is too busy answers first and hangs up
                connection.sendall(_line({"ask": question}))
            text = _receive_line(connection, until_s)
        reply = json.loads(text)
    except (OSError, ValueError) as error:
        raise NobodyThereError(f"no controller answers on {path}: {_cause(path, error)}") from error
    if not isinstance(reply, dict):
        raise NobodyThereError(f"{path} is not the socket of a controller")
    return reply


def _connected(path: Path, deadline_s: float) -> socket.socket:
    """A connection to the controller of this path, by its file or by the name that needs none."""
    try:
        return _connect(str(path), deadline_s)
    except OSError as error:
        try:
            return _connect(_nameless(path), deadline_s)
        except OSError:
            raise error from None


def _connect(address: str | bytes, deadline_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(deadline_s)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _cause(path: Path, error: Exception) -> str:
    """Why nobody answered, as far as it can be seen from here."""
    match error:
        case PermissionError():
            return "this user may not ask; ask as the user that runs the controller (for example with sudo)"
        case FileNotFoundError() | NotADirectoryError() if not path.parent.is_dir():
            return f"there is no folder {path.parent}: no controller has run with this site file yet"
        case FileNotFoundError():
            return "none runs here"
        case ConnectionRefusedError():
            return "the one that ran here ended without order (killed, or without power)"
        case _:
            return f"{error}"


def _nameless(path: Path) -> bytes:
    """The abstract address of a path (man 7 unix): it lives as long as its socket, and nothing of it is on a disk."""
    return b"\0openpcs-" + sha256(os.fsencode(path.parent.resolve())).hexdigest()[:32].encode("ascii")


def _bind_nameless(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listener.bind(_nameless(path))
    except OSError:
        listener.close()
        raise
    return listener


def _is_allowed(client: socket.socket) -> bool:
    """Whether it is our own user who asks, or root: a nameless socket has no mode that would keep others away."""
    _, user, _ = unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return user in (0, os.geteuid())


def path_too_long(path: Path) -> str:
    """Why a socket cannot have this path, in words; empty when it can."""
    length = len(os.fsencode(path))
    if length <= MAX_PATH_BYTES:
        return ""
    return (
        f"the path {path} has {length} bytes and a Unix socket may have {MAX_PATH_BYTES}; "
        "set journal.dir in the site file to a shorter path to use `pcs status`"
    )


def _receive_line(connection: socket.socket, until_s: float) -> bytes:
    text = bytearray()
    while not text.endswith(b"\n"):
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no answer in time")
        connection.settimeout(left_s)
        chunk = connection.recv(65_536)
        if not chunk or len(text) > MAX_REPLY_BYTES:
            raise ValueError("the answer is cut off or too long")
        text += chunk
    return bytes(text)


def _line(content: dict[str, object]) -> bytes:
    return json.dumps(content, separators=(",", ":"), default=str).encode() + b"\n"


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_S)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except TimeoutError:
            return True  # it listens, and its queue is full
    return True


def _bind(path: Path) -> socket.socket:
    """A bound socket with mode 0600; nobody can connect before the server listens on it."""
    try:
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    except FileNotFoundError:
        pass
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener
