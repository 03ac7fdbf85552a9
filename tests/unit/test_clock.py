"""Both clocks of an instant come from one place."""

import asyncio

from pcs.io.clock import LoopClock, SystemClock


def test_a_loop_clock_moves_utc_with_the_loop() -> None:
    loop = asyncio.new_event_loop()
    times = iter([50.0, 50.0, 53.5])
    loop.time = lambda: next(times)  # type: ignore[method-assign]
    try:
        clock = LoopClock(loop, utc_start_s=1.7e9)
        first, second = clock.now(), clock.now()
    finally:
        loop.close()
    assert (first.mono_s, first.utc_s) == (50.0, 1.7e9)
    assert (second.mono_s, second.utc_s) == (53.5, 1.7e9 + 3.5)


def test_the_system_clock_does_not_run_backwards() -> None:
    clock = SystemClock()
    assert clock.now().mono_s <= clock.now().mono_s
