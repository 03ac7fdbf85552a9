"""Connections of the virtual loop do what TCP does."""

import asyncio
import random
import socket
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.rig import virtual_wire
from hil.rig.virtual_time import run_virtually
from hil.rig.virtual_wire import ROOM_BYTES
from tests.virtual_kit import Ear, pair


@given(data=st.binary(min_size=1, max_size=60), cuts=st.sets(st.integers(1, 59)), together=st.booleans())
@settings(max_examples=60, deadline=None)
def test_bytes_cut_anywhere_arrive_whole_and_in_order_both_ways(data: bytes, cuts: set[int], together: bool) -> None:
    async def whole() -> None:
        client, server, _ = await pair()
        ends = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
        begin = 0
        for end in ends:
            client.transport.write(data[begin:end])
            server.transport.write(data[begin:end])
            assert len(server.heard) <= begin  # never within the call that writes
            begin = end
            if not together:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        assert server.heard == client.heard == data
        assert len(server.pieces) == len(client.pieces) == (1 if together else len(ends))

    run_virtually(whole())


def test_bytes_take_no_time_and_come_on_the_next_turn() -> None:
    async def whole() -> None:
        client, server, _ = await pair()
        before_s = asyncio.get_running_loop().time()
        client.transport.write(b"x")
        assert server.heard == b""
        await asyncio.sleep(0)
        assert server.heard == b"x"
        assert asyncio.get_running_loop().time() == before_s

    run_virtually(whole())


def test_a_half_closed_connection_still_carries_the_other_direction() -> None:
    async def whole() -> None:
        client, server, _ = await pair(server_keeps_half=True)
        client.transport.write(b"ask")
        client.transport.write_eof()
        with pytest.raises(RuntimeError, match="after write_eof"):
            client.transport.write(b"more")
        await asyncio.sleep(0.001)
        assert (server.heard, server.told) == (b"ask", ["made", "data", "eof"])
        server.transport.write(b"answer")
        server.transport.close()
        await asyncio.sleep(0.001)
        assert (client.heard, client.told, client.error) == (b"answer", ["made", "data", "eof", "lost"], None)
        assert server.told[-1] == "lost"

    run_virtually(whole())


def test_a_close_brings_every_byte_first_and_the_other_end_closes_too() -> None:
    async def whole() -> None:
        client, server, _ = await pair()
        server.transport.write(b"bye")
        server.transport.close()
        server.transport.write(b"too late")
        await asyncio.sleep(0.001)
        assert client.told == ["made", "data", "eof", "lost"]
        assert (client.heard, client.error, server.error) == (b"bye", None, None)
        assert server.told == ["made", "lost"]
        assert client.transport.is_closing()

    run_virtually(whole())


@pytest.mark.parametrize("how", ["reset", "linger", "unread"])
def test_a_reset_is_told_as_one_after_the_bytes_that_came_before_it(how: str) -> None:
    async def whole() -> None:
        client, server, _ = await pair()
        server.transport.write(b"half a rep")
        if how == "reset":
            server.transport.reset()
        elif how == "linger":
            raw = server.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.transport.close()
        else:  # an end that goes with bytes that it never read
            server.transport.pause_reading()
            client.transport.write(b"never read")
            await asyncio.sleep(0)
            server.transport.abort()
        await asyncio.sleep(0.001)
        assert client.heard == b"half a rep"
        assert isinstance(client.error, ConnectionResetError)
        assert server.told == ["made", "lost"]

    run_virtually(whole())


def test_writing_to_a_peer_that_is_gone_ends_with_a_reset() -> None:
    async def whole() -> None:
        client, server, _ = await pair(server_keeps_half=True)
        client.transport.abort()
        await asyncio.sleep(0.001)
        assert server.told == ["made", "eof"]
        server.transport.write(b"anybody there?")
        await asyncio.sleep(0.001)
        assert isinstance(server.error, ConnectionResetError)

    run_virtually(whole())


def test_where_nobody_listens_a_connection_is_refused() -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.1:502"):
            await loop.create_connection(Ear, "127.0.0.1", 502)
        client, server, listener = await pair(port=502)
        listener.close()
        await listener.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Ear, "127.0.0.1", 502)
        client.transport.write(b"still")  # what was taken before lives on
        await asyncio.sleep(0.001)
        assert server.heard == b"still"
        with pytest.raises(socket.gaierror, match="no name is known"):
            await loop.create_connection(Ear, "inverter.local", 502)

    run_virtually(whole())


def test_a_server_closed_before_it_took_a_connection_resets_it() -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Ear, "127.0.0.1", 502)
        _, client = await loop.create_connection(Ear, "127.0.0.1", 502)
        server.close()
        await asyncio.sleep(0.001)
        assert isinstance(client.error, ConnectionResetError)

    run_virtually(whole())


def test_two_servers_hear_their_own_clients_and_no_port_is_given_twice() -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()
        a, at_a, server_a = await pair()
        b, at_b, server_b = await pair()
        a.transport.write(b"to a")
        b.transport.write(b"to b")
        await asyncio.sleep(0.001)
        assert (at_a.heard, at_b.heard) == (b"to a", b"to b")
        names = [ear.transport.get_extra_info("sockname") for ear in (a, at_a, b, at_b)]
        assert len(set(names)) == 4
        assert a.transport.get_extra_info("peername") == server_a.sockets[0].getsockname() == names[1]
        assert at_a.transport.get_extra_info("peername") == names[0]
        with pytest.raises(OSError, match="is taken"):
            await loop.create_server(Ear, "127.0.0.1", names[1][1])
        server_b.close()
        assert server_b.sockets == ()
        again = await loop.create_server(Ear, "127.0.0.1", names[3][1])
        assert again.is_serving()

    run_virtually(whole())


def test_a_writer_is_paused_while_its_peer_does_not_read_and_resumed_after() -> None:
    async def whole() -> None:
        client, server, _ = await pair()
        data = random.Random(1).randbytes(ROOM_BYTES + 100_000)
        server.transport.pause_reading()
        client.transport.write(data)
        await asyncio.sleep(1.0)
        assert (server.heard, client.told) == (b"", ["made", "pause"])
        assert client.transport.get_write_buffer_size() == 100_000
        server.transport.resume_reading()
        await asyncio.sleep(1.0)
        assert client.told == ["made", "pause", "resume"]
        assert server.heard == data
        assert max(map(len, server.pieces)) <= ROOM_BYTES

    run_virtually(whole())


def test_an_abort_loses_what_had_no_room_and_a_close_does_not() -> None:
    async def whole() -> None:
        for goes, kept in (("abort", ROOM_BYTES), ("close", ROOM_BYTES + 5)):
            client, server, _ = await pair()
            server.transport.pause_reading()
            client.transport.write(bytes(ROOM_BYTES + 5))
            getattr(client.transport, goes)()
            await asyncio.sleep(0.001)
            server.transport.resume_reading()
            await asyncio.sleep(0.001)
            assert len(server.heard) == kept
            assert client.told == ["made", "lost"]
            assert server.told[-2:] == ["eof", "lost"]

    run_virtually(whole())


def test_a_peer_that_never_reads_does_not_eat_all_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_wire, "UNSENT_MAX_BYTES", 1000)

    async def whole() -> None:
        client, server, _ = await pair()
        server.transport.pause_reading()
        client.transport.write(bytes(ROOM_BYTES + 1000))
        with pytest.raises(RuntimeError, match="does not read"):
            client.transport.write(b"x")
        await asyncio.sleep(0.001)
        assert client.told[-1] == "lost"

    run_virtually(whole())


def test_a_protocol_that_fails_is_cut_and_the_loop_hears_why() -> None:
    class Fails(Ear):
        def data_received(self, data: bytes) -> None:
            raise ValueError("no such function")

    async def whole() -> None:
        loop, heard = asyncio.get_running_loop(), list[Any]()
        loop.set_exception_handler(lambda _, context: heard.append(context["exception"]))
        server = await loop.create_server(Fails, "127.0.0.1", 502)
        _, client = await loop.create_connection(Ear, "127.0.0.1", 502)
        client.transport.write(b"x")
        await asyncio.sleep(0.001)
        assert [str(error) for error in heard] == ["no such function"]
        assert client.told == ["made", "eof", "lost"]
        server.close()

    run_virtually(whole())


def test_streams_of_asyncio_work_on_it() -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            await asyncio.sleep(0.25)
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def whole() -> None:
        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"one\ntwo\n")
        writer.write_eof()
        assert await reader.read() == b"ONE\nTWO\n"
        assert asyncio.get_running_loop().time() == 0.5
        writer.close()
        await writer.wait_closed()
        server.close()

    run_virtually(whole())


def test_options_that_need_a_real_socket_are_refused() -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(NotImplementedError, match="ssl"):
            await loop.create_connection(Ear, "127.0.0.1", 502, ssl=True)
        server = await loop.create_server(Ear, "127.0.0.1", 502, ssl=None, reuse_address=True, start_serving=True)
        transport, _ = await loop.create_connection(Ear, "localhost", 502, ssl=None, local_addr=None)
        transport.close()
        server.close()

    run_virtually(whole())
