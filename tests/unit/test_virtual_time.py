"""The virtual loop: time goes from timer to timer, exactly, and the same program gives the same trace."""

import asyncio
import random
import threading

import pytest

from hil.rig import virtual_time
from hil.rig.virtual_time import StandstillError, VirtualLoop, run_virtually, virtual_loop
from tests.virtual_kit import Ear


def test_time_goes_to_each_timer_exactly_and_in_their_order() -> None:
    order: list[tuple[float, float]] = []

    async def wait(due_s: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(due_s, lambda: order.append((due_s, loop.time())))
        await asyncio.sleep(200.0)

    async def whole() -> None:
        dues_s = [random.Random(n).uniform(0.0, 100.0) for n in range(50)]
        await asyncio.gather(*(wait(due_s) for due_s in dues_s))
        assert order == [(due_s, due_s) for due_s in sorted(dues_s)]
        assert asyncio.get_running_loop().time() == 200.0

    run_virtually(whole())


def test_timers_for_one_instant_fall_due_in_the_order_in_which_they_were_set() -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()
        order: list[int] = []
        timers = [loop.call_at(3.0, order.append, n) for n in range(20)]
        timers[4].cancel()
        await asyncio.sleep(3.0)
        assert order == [n for n in range(20) if n != 4]

    run_virtually(whole())


def test_a_timeout_ends_a_wait_at_its_deadline_and_not_before() -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout_at(7.25):
                await loop.create_future()
        assert loop.time() == 7.25
        async with asyncio.timeout_at(9.0):
            await asyncio.sleep(1.5)
        assert loop.time() == 8.75

    run_virtually(whole())


def test_a_process_that_is_stopped_finds_everything_due_at_once() -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        order: list[int] = []
        for n in (3, 1, 2):
            loop.call_at(float(n), order.append, n)
        loop.skip(10.0)
        await asyncio.sleep(0)  # this turn finds them due, and the next one runs them
        await asyncio.sleep(0)
        assert (order, loop.time()) == ([1, 2, 3], 10.0)

    run_virtually(whole())


def test_a_loop_that_would_wait_for_ever_says_so() -> None:
    async def whole() -> None:
        await asyncio.sleep(3.0)
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StandstillError, match=r"nothing is due at 3\.0 s"):
        run_virtually(whole())


def test_a_loop_that_turns_without_time_passing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "TURNS_MAX", 1000)

    async def whole() -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            loop.call_soon(again)

        loop.call_at(1.0, again)
        await asyncio.sleep(2.0)

    with pytest.raises(StandstillError, match=r"1000 turns of the loop at 1\.0 s"):
        run_virtually(whole())


def test_a_timer_beyond_the_horizon_is_an_error_and_one_of_weeks_is_none() -> None:
    run_virtually(asyncio.sleep(virtual_time.HORIZON_S))
    with pytest.raises(StandstillError, match="virtual time ends"):
        run_virtually(asyncio.sleep(virtual_time.HORIZON_S + 1.0))


def test_what_is_left_over_at_the_end_is_cancelled_and_waited_for() -> None:
    ended: list[float] = []

    async def other() -> None:
        try:
            await asyncio.sleep(1e5)
        finally:
            ended.append(asyncio.get_running_loop().time())

    async def whole() -> float:
        tasks.append(asyncio.create_task(other()))
        await asyncio.sleep(2.0)
        return 1.5

    tasks: list[asyncio.Task[None]] = []
    assert run_virtually(whole()) == 1.5
    assert ended == [2.0]


def test_work_for_a_thread_is_done_in_place_and_another_thread_is_refused() -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()
        assert await asyncio.to_thread(threading.get_ident) == threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        called = loop.create_future()
        loop.call_soon_threadsafe(called.set_result, 4)
        assert await called == 4
        refused: list[str] = []

        def stranger() -> None:
            try:
                loop.call_soon_threadsafe(print)
            except RuntimeError as error:
                refused.append(str(error))

        thread = threading.Thread(target=stranger)
        thread.start()
        thread.join()
        assert "belongs to the thread" in refused[0]

    run_virtually(whole())


def trace(seed: int) -> list[tuple[float, str, bytes]]:
    """What some chattering clients and servers were told, and when."""
    loop, told = virtual_loop(), list[tuple[float, str, bytes]]()

    async def chat(name: str, port: int) -> None:
        chance = random.Random(f"{seed} {name}")

        class Echo(Ear):
            def data_received(self, data: bytes) -> None:
                loop.call_later(chance.uniform(0.0, 0.01), self.transport.write, data)

        class Teller(Ear):
            def data_received(self, data: bytes) -> None:
                told.append((loop.time(), name, data))

        server = await loop.create_server(Echo, "127.0.0.1", port)
        transport, _ = await loop.create_connection(Teller, "127.0.0.1", port)
        for n in range(40):
            transport.write(bytes([n]))
            await asyncio.sleep(chance.choice([0.0, 0.001, chance.random()]))
        server.close()

    async def whole() -> None:
        await asyncio.gather(*(chat(f"c{n}", 1500 + n) for n in range(6)))
        await asyncio.sleep(1.0)

    loop.run_until_complete(whole())
    loop.close()
    return told


def test_the_same_seed_gives_the_same_trace_to_the_last_bit() -> None:
    first = trace(1)
    assert len(first) > 100
    assert first == trace(1) != trace(2)
