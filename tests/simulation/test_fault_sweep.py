"""Exactly one reply of a short run goes wrong: whichever it is and however, the limit holds within the allowed time.

`PCS_SWEEP=every` tries each kind of failure at each request; without it one kind each at the requests of the start,
of a rise and around a load drop. A failing case names the request's number and the kind, all it takes to see it again.
"""

import asyncio
import os
from functools import partial

import pytest

from hil.rig.link_fault import LinkFault
from hil.rig.modbus_server import DeviceServer
from tests.simulation.bounds import response_s, tolerance_w
from tests.simulation.stack import Stack, inverter, play, twin

TWICE_THE_FLOW = ((4.0, 6, "wrong_unit"), (4.0, 13, "garbage"))
"""In these runs the window that holds the drop shows by chance the flow before it with the other sign (below): the part
of 5.5 kW that it holds may be any, and of all parts 2.5 % are within 23 W a conductor of that flow."""
KINDS = (
    *("silent", "busy", "garbage", "noise", "truncated", "short", "wrong_unit", "stale_tid", "endless", "slow", "down"),
)
SLOW_S, DOWN_S = 1.2, 0.3  # later than every deadline; a cable that is pulled and put back
DROP_S, END_S = 7.0, 12.0
WINDOWS = {0.0: 55, 4.0: 20, DROP_S - 0.05: 30}
"""From when on which number of requests fails, one in each run: until everybody is identified, commanded and confirmed;
some of the time in which the caps rise; from a little before the load drop until its answer is confirmed."""
ONE_LOST_REPLY_S = 1.0 + 0.1 + 0.35  # the longest deadline, a breath, and the next cycle with its own write
METER_AWAY_S = 0.9  # a cable that was out for 0.3 s: three attempts with growing pauses
CREDIT_S = (
    0.25 * 9.0
)  # what commands in flight may explain: a quarter of the profile's settling time (design section 5)
ONE_LOST_MEETING_S = ONE_LOST_REPLY_S + 0.2 + 0.3  # identification begins anew, after its pause


DERS = [inverter("inv1", 6000), inverter("inv2", 4000, control=704, telemetry_phase_s=0.71)]


class OneFailure:
    """Counts the requests of all devices and lets one reply go wrong."""

    def __init__(self, stack: Stack, from_s: float, number: int, kind: str) -> None:
        self._now_s, self._from_s = stack.site.now_s, from_s
        self._number, self._kind, self.seen = number, kind, 0
        for server in stack.site.servers.values():
            server.delay_s = partial(self._delay_s, server, server.delay_s)  # type: ignore[method-assign]

    def _delay_s(self, server: DeviceServer, usual: object) -> float:
        delay_s = usual()  # type: ignore[operator]
        self.seen += self._now_s() >= self._from_s
        if self.seen != self._number:
            return float(delay_s)
        loop = asyncio.get_running_loop()
        if self._kind == "down":
            server.down()
            loop.call_later(DOWN_S, lambda: self._tasks.append(loop.create_task(server.up())))
            return float(delay_s)
        if self._kind == "slow":
            return float(delay_s) + SLOW_S
        server.set_fault(LinkFault(self._kind))
        loop.call_later(delay_s + 0.0005, server.set_fault, LinkFault.OK)
        return float(delay_s)

    @property
    def _tasks(self) -> list[asyncio.Task[None]]:
        return self.__dict__.setdefault("tasks", [])


def played(from_s: float, number: int, kind: str, until_s: float = END_S) -> tuple[Stack, int]:
    """The run in which the reply to this request after `from_s` fails, and how many requests there were since then."""
    seen: list[int] = []

    async def story(stack: Stack) -> None:
        failure = OneFailure(stack, from_s, number, kind)
        stack.start()
        await stack.until(until_s)
        seen.append(failure.seen)

    return play(story, twin(ders=DERS, load=[{"steps": [[0, 6000], [DROP_S, 500]]}])), seen[0]


def cases() -> list[tuple[float, int, str]]:
    """Which request fails, and how."""
    if os.environ.get("PCS_SWEEP") == "every":
        return [(0.0, number, kind) for number in range(1, 600) for kind in KINDS]
    return [
        (from_s, number, KINDS[number % len(KINDS)])
        for from_s, last in WINDOWS.items()
        for number in range(1, last + 1)
    ]


@pytest.mark.parametrize(("from_s", "number", "kind"), cases())
def test_one_reply_that_goes_wrong_costs_no_more_than_its_own_delay(from_s: float, number: int, kind: str) -> None:
    """CRD-ABN-2, CRD-ABN-6."""
    stack, _ = played(from_s, number, kind)
    beyond = stack.truth.beyond(0.0, tolerance_w(stack.twin))
    assert len(beyond) <= 2
    for excursion in beyond:
        if excursion.from_s < 1.0:
            assert excursion.to_s <= 0.5 + response_s(stack.twin, 3500) + ONE_LOST_MEETING_S
        else:
            assert excursion.from_s >= DROP_S
            assert excursion.lasted_s <= response_s(stack.twin, 2000) + max(ONE_LOST_REPLY_S, METER_AWAY_S + CREDIT_S)
    by_chance = (from_s, number, kind) in TWICE_THE_FLOW
    assert set(stack.faults()) - ({"METER_DOUBTED"} if by_chance else set()) <= {
        "METER_LOST",
        "METER_LATE",
        "METER_STALE",
    }
    assert stack.faults().count("METER_LOST") == 1
    assert (0 if by_chance else 350) <= stack.truth.injection_w(END_S) <= 500 + tolerance_w(stack.twin)


@pytest.mark.parametrize("run", TWICE_THE_FLOW)
def test_a_drop_that_is_twice_the_flow_by_chance_costs_some_seconds_of_production(run: tuple[float, int, str]) -> None:
    """CRD-ABN-5: a doubt that the fall to the safe set does not answer ends when nothing is left that could."""
    stack, _ = played(*run, 20.0)
    assert "METER_DOUBTED" in stack.faults()
    assert 350 <= stack.truth.injection_w(16.0) <= 500 + tolerance_w(stack.twin)
    assert all(e.lasted_s <= response_s(stack.twin, 2000) for e in stack.truth.beyond(0.0, tolerance_w(stack.twin)))


def test_the_sweep_covers_what_it_says() -> None:
    """Each window has as many requests within a second."""
    for from_s, last in WINDOWS.items():
        assert played(from_s, 0, "silent", from_s + 1.0)[1] >= last
