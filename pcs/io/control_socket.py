"""Where a running controller answers questions: a Unix socket in the journal directory.

One request is one line of JSON, `{"ask": "status"}`; the answer is one line of JSON. Only the user that runs the
controller may ask. Whatever clients do, they cost the controller a bounded number of small buffers.
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
from pathlib import Path
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
        except OSError as error:
            return f"cannot listen on {self._path} ({error.strerror or error}); `pcs status` will not work"
        self._inode = self._path.stat().st_ino
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_REQUEST_BYTES)
        return ""

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
            if len(self._clients) >= MAX_CLIENTS:
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
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(deadline_s)
            connection.connect(str(path))
            with contextlib.suppress(BrokenPipeError):  # who is too busy answers first and hangs up
                connection.sendall(_line({"ask": question}))
            text = _receive_line(connection, until_s)
        reply = json.loads(text)
    except (OSError, ValueError) as error:
        raise NobodyThereError(f"no controller answers on {path} ({error})") from error
    if not isinstance(reply, dict):
        raise NobodyThereError(f"{path} is not the socket of a controller")
    return reply


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
