"""The RTU link: gaps, strict replies, quarantine, echoes, ports that vanish, units that are dead (DESIGN section 6)."""

import asyncio
import itertools
from collections.abc import Callable

import pytest

from pcs.codec.rtu import ask_read, sealed
from pcs.io.modbus_rtu import ModbusRtuLink
from pcs.io.rtu_unit import UnitRules
from pcs.model.fault import FaultKind
from pcs.ports import Priority, Reply
from tests.rtu_kit import (
    CHARACTER_S,
    GAP_S,
    LATE_S,
    Answer,
    Asked,
    Bus,
    fault,
    good,
    healthy,
    late,
    on_bus,
    read,
    refusing_beyond,
    right,
    saying,
    silent,
)

WINDOW_S = 0.5


def test_a_read_is_one_frame_and_its_registers() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        good(await read(link))
        answer = good(await read(link, function=4))
        assert bus.asked[-1].frame == ask_read(1, 4, 100, 4).frame
        assert answer.sent_s == bus.asked[-1].from_s
        assert answer.received_s == bus.heard_s

    assert on_bus(work, Bus()).good == 2


def test_each_frame_waits_for_three_and_a_half_characters_of_silence() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        for _ in range(5):
            before_s = bus.heard_s
            good(await read(link))
            assert before_s < 0 or bus.asked[-1].from_s - before_s == pytest.approx(GAP_S, abs=2e-5)

    on_bus(work, Bus())


def test_a_unit_gets_the_longer_pause_that_it_needs_and_others_do_not_wait_for_it() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        good(await read(link, unit=1))
        rested_s = bus.heard_s + 0.04
        good(await read(link, unit=2))
        assert bus.asked[-1].from_s < rested_s - 0.01
        good(await read(link, unit=1))
        assert bus.asked[-1].from_s >= rested_s - 2e-5

    on_bus(work, Bus(), {1: UnitRules(min_gap_s=0.04), 2: UnitRules()})


BAD: dict[str, Callable[[Asked], bytes]] = {
    "wrong unit": lambda a: sealed(b"\x07" + right(a)[1:-2]),
    "wrong function": lambda a: sealed(b"\x01\x04" + right(a)[2:-2]),
    "one register short": lambda a: sealed(b"\x01\x03\x06" + right(a)[3:9]),
    "one register long": lambda a: sealed(b"\x01\x03\x0a" + right(a)[3:-2] + b"\0\0"),
    "check sum wrong": lambda a: right(a)[:-1] + bytes([right(a)[-1] ^ 1]),
    "noise before": lambda a: b"\x55\xaa" + right(a),
    "noise behind": lambda a: right(a) + b"\x55\xaa\x55",
    "two replies glued": lambda a: right(a) * 2,
    "noise alone": lambda a: bytes(range(64, 90)),
    "noise without end": lambda a: bytes(range(64, 128)) * 12,
    **{f"cut at byte {n}": lambda a, n=n: right(a)[:n] for n in range(1, 13)},  # type: ignore[misc]
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_the_reply_is_a_bad_answer_and_the_next_good_one_is_the_right_one(name: str) -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        good(await read(link))
        fault(await read(link, 200), FaultKind.BAD_ANSWER)
        failed_s = asyncio.get_running_loop().time()
        good(await read(link, 300), 300)
        assert bus.asked[-1].from_s - failed_s <= WINDOW_S + 12 * CHARACTER_S + GAP_S + LATE_S

    counters = on_bus(work, Bus(script=[healthy, saying(BAD[name])]))
    assert (counters.good, counters.bad, counters.quarantines) == (2, 1, 1)


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 11])
def test_an_exception_is_an_answer_and_costs_nobody_a_quarantine(code: int) -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        kind = FaultKind.NOT_NOW if code in (5, 6, 11) else FaultKind.REFUSED
        fault(await read(link), kind, f"exception {code}")
        refused_s = bus.heard_s
        good(await read(link))
        assert bus.asked[-1].from_s - refused_s == pytest.approx(GAP_S, abs=2e-5)
        assert bus.asked[-1].count == 4

    bus = Bus(script=[saying(lambda a: sealed(bytes((a.unit, 0x83, code))))])
    assert on_bus(work, bus).quarantines == 0


def test_after_a_lost_reply_the_bus_is_quiet_until_the_window_is_over_and_another_count_is_read() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        answer = await read(link, deadline_s=0.1)
        assert fault(answer, FaultKind.NO_ANSWER).at_s == pytest.approx(0.1, abs=0.01)
        good(await read(link))
        assert bus.asked[1].from_s - bus.asked[0].to_s >= WINDOW_S
        assert [asked.count for asked in bus.asked] == [4, 6]
        await asyncio.sleep(4 * WINDOW_S)
        good(await read(link))
        assert bus.asked[-1].count == 4

    counters = on_bus(work, Bus(script=[silent]))
    assert (counters.timeouts, counters.quarantines) == (1, 1)


@pytest.mark.parametrize("delay_s", [0.11, 0.2, 0.3, 0.45, 0.499])
def test_a_late_reply_inside_its_window_is_dropped_and_counted(delay_s: float) -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        fault(await read(link, 100, deadline_s=0.1), FaultKind.NO_ANSWER)
        good(await read(link, 200), 200)

    assert on_bus(work, Bus(script=[late(delay_s)])).late_replies == 1


@pytest.mark.parametrize("delay_s", [n / 1000 for n in range(510, 570)])
def test_a_reply_later_than_its_window_is_never_taken_for_another_one(delay_s: float) -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        fault(await read(link, 100), FaultKind.NO_ANSWER)
        for address in (200, 300, 400, 500):
            answer = await read(link, address)
            if isinstance(answer, Reply):
                good(answer, address)

    on_bus(work, Bus(script=[late(delay_s)]))


def test_a_unit_that_refuses_a_longer_read_is_asked_again_at_once_with_its_own_length() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        bus.script = [silent]
        fault(await read(link), FaultKind.NO_ANSWER)
        good(await read(link))
        assert [asked.count for asked in bus.asked] == [4, 6, 4]

    on_bus(work, Bus(otherwise=refusing_beyond(4)))


def test_a_reply_that_no_other_count_can_prove_is_not_used() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        bus.script = [silent]
        fault(await read(link), FaultKind.NO_ANSWER)
        fault(await read(link), FaultKind.BAD_ANSWER, "may be the late reply")
        good(await read(link))
        assert [asked.count for asked in bus.asked] == [4, 4, 4]

    on_bus(work, Bus(), {1: UnitRules(read_max=4)})


def test_a_request_that_is_cancelled_leaves_a_bus_in_quarantine() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        asked = asyncio.ensure_future(read(link))
        await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        good(await read(link))
        assert bus.asked[1].from_s - bus.asked[0].to_s >= WINDOW_S

    assert on_bus(work, Bus(script=[late(0.3)])).late_replies == 1


def test_an_adapter_that_echoes_is_recognised_and_its_echo_consumed() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        good(await read(link))
        assert isinstance(await link.write(1, 7, (1,), deadline_s=1, priority=Priority.VERIFY, function=6), Reply)
        assert isinstance(await link.write(1, 7, (1, 2), deadline_s=1, priority=Priority.VERIFY), Reply)
        bus.script = [silent]
        fault(await read(link), FaultKind.NO_ANSWER, "the adapter echoes, the device does not answer")

    counters = on_bus(work, Bus(echo=True))
    assert counters.echoes
    assert (counters.good, counters.bad) == (3, 0)


def test_an_echo_that_comes_back_changed_is_somebody_else_talking() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        good(await read(link))
        bus.echo, bus.script = False, [lambda a: [(0.0, b"\x01\x13" + a.frame[2:])]]
        fault(await read(link), FaultKind.BAD_ANSWER, "somebody else was talking")

    assert on_bus(work, Bus(echo=True)).collisions == 1


def test_a_port_that_vanishes_is_opened_again_with_a_growing_pause() -> None:
    gone = OSError("there is no /dev/ttyTEST; no USB serial adapter is plugged in")

    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        loop = asyncio.get_running_loop()
        good(await read(link))
        bus.script = [silent]
        asked = asyncio.ensure_future(read(link))
        await asyncio.sleep(0.01)
        bus.vanish()
        fault(await asked, FaultKind.NO_CONNECTION, "adapter unplugged?")
        tries_s = []
        while not isinstance(answer := await read(link), Reply):
            fault(answer, FaultKind.NO_CONNECTION)
            if bus.opened > len(tries_s) + 1:
                tries_s.append(loop.time())
            await asyncio.sleep(0.01)
        pauses_s = [later - earlier for earlier, later in itertools.pairwise(tries_s)]
        assert pauses_s == sorted(pauses_s)
        assert pauses_s[-1] < 5.1

    counters = on_bus(work, Bus(opens=[None, gone, gone, gone, gone]))
    assert (counters.connects, counters.connected) == (2, True)


async def _meter_beside(link: ModbusRtuLink, seconds_s: float) -> float:
    """Poll the control meter as the runtime does, with a DER beside it; returns the longest time between good ones."""
    loop = asyncio.get_running_loop()
    until_s, good_s, longest_s = loop.time() + seconds_s, loop.time(), 0.0

    async def der() -> None:
        while loop.time() < until_s:
            await read(link, unit=2, deadline_s=1.0, priority=Priority.SLOW_READ)
            await asyncio.sleep(0.05)

    async def meter() -> None:
        nonlocal good_s, longest_s
        while loop.time() < until_s:
            if isinstance(await read(link, deadline_s=0.5), Reply):
                longest_s, good_s = max(longest_s, loop.time() - good_s), loop.time()
            await asyncio.sleep(0.05)

    await asyncio.gather(der(), meter())
    return longest_s


@pytest.mark.parametrize("answer", [silent, late(0.49), late(0.6), saying(lambda a: sealed(b"\x09" + right(a)[1:-2]))])
def test_a_dead_or_slow_unit_rests_ever_longer_and_costs_the_control_meter_one_window_at_most(answer: Answer) -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        longest_s = await _meter_beside(link, 60.0)
        assert longest_s <= WINDOW_S + 0.15  # the window, one reply's length and the meter's own turn
        dead = [asked for asked in bus.asked if asked.unit == 2]
        meter = [asked for asked in bus.asked if asked.unit == 1]
        if answer not in DEAD:
            return
        assert len(dead) <= 12
        assert len(meter) >= 600

    on_bus(work, Bus(units={2: answer}))


DEAD = (silent,)


def test_a_unit_that_comes_back_is_found_again() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        bus.units = {2: silent}
        for _ in range(200):
            await read(link, unit=2)
            await asyncio.sleep(0.1)
        assert link.counters().resting_units == (2,)
        bus.units = {}
        began_s = asyncio.get_running_loop().time()
        for _ in range(110):
            answer = await read(link, unit=2)
            if isinstance(answer, Reply):
                break
            await asyncio.sleep(0.1)
        good(answer)
        assert asyncio.get_running_loop().time() - began_s <= 10.2

    on_bus(work, Bus())


def test_nobody_starves_on_a_busy_bus_and_the_control_meter_waits_for_one_turn_more_at_most() -> None:
    served: dict[str, list[float]] = {"meter": [], "write": [], "slow": []}

    async def ask(link: ModbusRtuLink, name: str, priority: Priority, unit: int) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < 20.0:
            began_s = loop.time()
            assert isinstance(await read(link, unit=unit, priority=priority, deadline_s=60.0), Reply)
            served[name].append(loop.time() - began_s)

    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        await asyncio.gather(
            ask(link, "meter", Priority.FAST_READ, 1),
            ask(link, "write", Priority.LIMIT_WRITE, 2),
            ask(link, "slow", Priority.SCAN, 3),
        )

    on_bus(work, Bus())
    turn_s = (8 + 13) * CHARACTER_S + 0.005 + GAP_S
    assert max(served["write"]) <= 2.1 * turn_s
    assert max(served["meter"]) <= 10 * turn_s
    assert max(served["slow"]) <= 20 * turn_s


def test_a_broadcast_goes_out_where_a_profile_allows_it_and_gives_units_time_to_obey() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        answer = await link.write(0, 7, (1,), deadline_s=1.0, priority=Priority.LIMIT_WRITE)
        assert isinstance(answer, Reply)
        assert bus.asked[0].frame[0] == 0
        good(await read(link))
        assert bus.asked[1].from_s - bus.asked[0].to_s >= 0.1 - 2e-5

    on_bus(work, Bus(echo=True), {1: UnitRules(broadcast=True)})


def test_a_broadcast_that_no_profile_allows_is_a_mistake_of_the_program() -> None:
    async def work(link: ModbusRtuLink, bus: Bus) -> None:
        with pytest.raises(ValueError, match="unit 0"):
            await link.write(0, 7, (1,), deadline_s=1.0, priority=Priority.LIMIT_WRITE)

    on_bus(work, Bus())
