# ruff: noqa: ASYNC240 (a test may look at a file)
"""The control socket answers its owner and is not disturbed by anybody."""

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from pcs.io import control_socket
from pcs.io.control_socket import MAX_CLIENTS, ControlSocket, NobodyThereError, ask

pytestmark = pytest.mark.realtime


def answer(question: str) -> dict[str, object]:
    if question == "bug":
        raise RuntimeError("a bug in the status page")
    return {"asked": question, "nan_safe": 1.5}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
async def server(path: Path) -> AsyncIterator[ControlSocket]:
    server = ControlSocket(path.parent, answer)
    assert await server.start() == ""
    yield server
    await server.close()


@pytest.fixture
def listener(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
        yield one


Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@pytest.fixture
async def connect(server: ControlSocket, path: Path) -> AsyncIterator[Connect]:
    writers: list[asyncio.StreamWriter] = []

    async def one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(path)
        writers.append(writer)
        return reader, writer

    yield one
    for writer in writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_a_question_is_answered(server: ControlSocket, path: Path) -> None:
    assert await asyncio.to_thread(ask, path, "status", 5.0) == {"asked": "status", "nan_safe": 1.5}


async def test_one_connection_may_ask_again(connect: Connect) -> None:
    reader, writer = await connect()
    for name in ("a", "b"):
        writer.write(b'{"ask": "%s"}\n' % name.encode())
        assert json.loads(await reader.readline())["asked"] == name


async def test_only_the_owner_may_connect_and_nothing_stays_after_close(server: ControlSocket, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await server.close()
    assert not path.exists()


@pytest.mark.parametrize(
    "request_line", [b"\n", b"status\n", b"[]\n", b'{"ask": 5}\n', b"\xff\xfe\n", b"[" * 4000 + b"\n"]
)
async def test_a_request_that_is_none_is_told_what_a_request_is(connect: Connect, request_line: bytes) -> None:
    reader, writer = await connect()
    writer.write(request_line)
    assert "one line of JSON" in json.loads(await reader.readline())["error"]


async def test_an_endless_request_is_refused(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"x" * 100_000)
    assert "longer than" in json.loads(await reader.readline())["error"]


async def test_a_bug_in_the_answer_is_an_error_and_the_server_lives_on(server: ControlSocket, path: Path) -> None:
    assert "could not answer 'bug'" in str((await asyncio.to_thread(ask, path, "bug", 5.0))["error"])
    assert "asked" in await asyncio.to_thread(ask, path, "status", 5.0)


async def test_one_client_too_many_is_told_busy_and_a_place_comes_free(connect: Connect, path: Path) -> None:
    crowd = [await connect() for _ in range(MAX_CLIENTS)]
    for reader, writer in crowd:
        writer.write(b'{"ask": "x"}\n')
        await reader.readline()
    assert "busy" in str((await asyncio.to_thread(ask, path, "status", 5.0))["error"])
    crowd[0][1].close()
    await crowd[0][1].wait_closed()
    while "error" in (reply := await asyncio.to_thread(ask, path, "status", 5.0)):
        pass
    assert reply["asked"] == "status"


async def test_a_client_that_says_nothing_is_let_go(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "IDLE_S", 0.01)
    reader, _ = await connect()
    assert await reader.read() == b""


async def test_closing_lets_connected_clients_go(server: ControlSocket, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b'{"ask": "x"}\n')
    await reader.readline()
    await server.close()
    assert await reader.read() == b""


async def test_a_leftover_of_a_killed_controller_is_replaced(path: Path, listener: socket.socket) -> None:
    listener.close()
    assert path.exists()
    server = ControlSocket(path.parent, answer)
    assert await server.start() == ""
    assert "asked" in await asyncio.to_thread(ask, path, "status", 5.0)
    await server.close()


async def test_a_socket_that_somebody_answers_is_left_to_them(server: ControlSocket, path: Path) -> None:
    second = ControlSocket(path.parent, answer)
    assert "another controller" in await second.start()
    await second.close()
    assert "asked" in await asyncio.to_thread(ask, path, "status", 5.0)


async def test_a_file_that_is_no_socket_is_not_removed(path: Path) -> None:
    path.write_text("precious")
    server = ControlSocket(path.parent, answer)
    assert "cannot listen" in await server.start()
    await server.close()
    assert path.read_text() == "precious"


async def test_a_folder_that_takes_no_socket_does_not_keep_the_controller_from_answering(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "journal" / "control.sock"
    server = ControlSocket(path.parent, answer)
    assert "`pcs status` is answered without that file" in await server.start()
    assert await asyncio.to_thread(ask, path, "status", 5.0) == {"asked": "status", "nan_safe": 1.5}
    second = ControlSocket(path.parent, answer)
    assert "nor without a file" in await second.start()
    await server.close()
    with pytest.raises(NobodyThereError, match="there is no folder"):
        ask(path, "status")


async def test_another_user_is_refused_whatever_the_socket_is(
    path: Path, server: ControlSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_socket, "_is_allowed", lambda client: False)
    refused = await asyncio.to_thread(ask, path, "status", 5.0)
    assert "only the user that runs the controller" in str(refused["error"])


def test_who_cannot_be_asked_is_told_apart(path: Path, listener: socket.socket) -> None:
    with pytest.raises(NobodyThereError, match="ended without order"):
        ask(path, "status")
    path.unlink()
    with pytest.raises(NobodyThereError, match="none runs here"):
        ask(path, "status")


async def test_a_path_too_long_for_a_socket_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / ("d" * (110 - len(os.fsencode(tmp_path)))) / "control.sock"
    assert "may have 107" in await ControlSocket(path.parent, answer).start()
    with pytest.raises(NobodyThereError, match="may have 107"):
        ask(path, "status")


async def test_as_a_context_it_says_in_the_log_why_it_cannot_listen(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with ControlSocket(path.parent, answer):
        assert not caplog.records
        async with ControlSocket(path.parent, answer):
            assert "another controller" in caplog.text
        assert "asked" in await asyncio.to_thread(ask, path, "status", 5.0)
    assert not path.exists()


def test_asking_where_nobody_is_says_so(path: Path) -> None:
    with pytest.raises(NobodyThereError, match="no controller answers"):
        ask(path, "status")


def test_asking_somebody_who_does_not_answer_ends_at_the_deadline(path: Path, listener: socket.socket) -> None:
    listener.listen()
    with pytest.raises(NobodyThereError):
        ask(path, "status", deadline_s=0.05)
