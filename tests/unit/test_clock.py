"""Both clocks of an instant come from one place, and the time of day is believed only for a reason."""

import asyncio

from pcs.io.clock import JUMP_S, STEADY_S, LoopClock, SystemClock, WatchedTime, kernel_synchronised
from pcs.model.units import Instant


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


def instant(mono_s: float, offset_s: float = 1.7e9) -> Instant:
    return Instant(mono_s=mono_s, utc_s=mono_s + offset_s)


def test_time_is_trusted_while_it_is_synchronised() -> None:
    synchronised = True
    watched = WatchedTime(lambda: synchronised)
    assert watched.trusted(instant(0.0))
    synchronised = False
    assert not watched.trusted(instant(0.1))
    synchronised = True
    assert watched.trusted(instant(0.2))


def test_a_clock_that_is_set_is_trusted_again_only_after_it_has_run_steadily() -> None:
    watched = WatchedTime(lambda: True)
    assert watched.trusted(instant(0.0))
    set_by_s = 1.7e9 + JUMP_S + 0.5
    assert not watched.trusted(instant(1.0, set_by_s))
    assert not watched.trusted(instant(STEADY_S, set_by_s))
    assert watched.trusted(instant(1.0 + STEADY_S, set_by_s))


def test_many_small_steps_are_a_jump_and_slewing_is_none() -> None:
    creeping, slewed = WatchedTime(lambda: True), WatchedTime(lambda: True)
    assert not all(creeping.trusted(instant(k * 0.1, 1.7e9 + 0.3 * k)) for k in range(10))
    assert all(slewed.trusted(instant(k * 10.0, 1.7e9 + 0.005 * k)) for k in range(2000))


def test_the_kernel_is_asked_without_changing_its_clock() -> None:
    """What it answers depends on the machine; asked twice within a moment it says the same."""
    assert kernel_synchronised() is kernel_synchronised()
