"""No single fault on a wire delays the control meter's next good sample by more than its declared budget.

The budget is made of what is declared: the deadline of the request that fails, the first pause before a link connects
again, the deadline of whoever had the wire, and the rhythm of the meter.
"""

import asyncio
from itertools import pairwise

import pytest

from hil.rig.link_fault import RTU_ONLY, LinkFault
from pcs.io.modbus_tcp import BACKOFF_FIRST_S
from pcs.model.reading import MeterReading
from pcs.runtime.pollers import SLOWEST_POLL_S
from tests.simulation.stack import Stack, inverter, play, profiles, twin

FAULTS = tuple(fault for fault in LinkFault if fault is not LinkFault.OK and fault not in RTU_ONLY)
LATE_S = 0.7  # later than the meter's deadline, sooner than the inverters'
FAILS_S, END_S = 12.0, 18.0
REPLY_S = 0.03  # the twin's reply time with its jitter, and one more read that makes sure the same device is back
METER_DEADLINE_S = profiles()["sunspec/meter"].link.deadline_s
DER_DEADLINE_S = profiles()["sunspec/inverter"].link.deadline_s
RECONNECTED_S = BACKOFF_FIRST_S + 2 * SLOWEST_POLL_S + 2 * REPLY_S
ONE_ADDRESS = "tcp://127.0.0.1:15020"


def fail_once(stack: Stack, on: str, fault: LinkFault) -> None:
    """Let exactly the next reply of a device fail, and those of a hung connection until it is given up."""
    server, loop = stack.site.servers[on], asyncio.get_running_loop()
    usual = server.delay_s

    def delay_s() -> float:
        server.__dict__.pop("delay_s")
        if fault is LinkFault.SLOW:
            return usual() + LATE_S
        server.set_fault(fault)
        delayed_s = usual()
        loop.call_later(delayed_s + 0.0005, server.set_fault, LinkFault.OK)
        return delayed_s

    server.delay_s = delay_s  # type: ignore[method-assign]


def longest_gap_s(stack: Stack) -> float:
    """The longest time between two good samples of the meter around the fault."""
    received_s = [seen.received_s for step in stack.steps for seen in step.inputs if isinstance(seen, MeterReading)]
    return max(later - before for before, later in pairwise(received_s) if later > FAILS_S - 1.0)


def story_of(on: str, fault: LinkFault) -> object:
    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(FAILS_S)
        fail_once(stack, on, fault)
        await stack.until(END_S)

    return story


@pytest.mark.parametrize("fault", FAULTS)
def test_one_bad_reply_of_the_meter_costs_its_deadline_and_a_reconnection_at_most(fault: LinkFault) -> None:
    stack = play(story_of("poi", fault), twin())  # type: ignore[arg-type]
    assert longest_gap_s(stack) <= METER_DEADLINE_S + RECONNECTED_S
    assert stack.faults("poi").count("METER_LOST") <= 1  # the one of the start


@pytest.mark.parametrize("fault", FAULTS)
def test_one_bad_reply_of_a_der_behind_the_meters_address_costs_the_ders_deadline_at_most(fault: LinkFault) -> None:
    shared = twin(
        meter={"link": ONE_ADDRESS, "unit": 1},
        ders=[inverter("inv1", 6000, link=ONE_ADDRESS, unit=2), inverter("inv2", 4000, link=ONE_ADDRESS, unit=3)],
    )
    stack = play(story_of("inv1", fault), shared)  # type: ignore[arg-type]
    assert longest_gap_s(stack) <= DER_DEADLINE_S + METER_DEADLINE_S + RECONNECTED_S
    assert stack.faults("poi").count("METER_LOST") <= 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_reply_of_a_der_with_an_address_of_its_own_does_not_touch_the_meter(fault: LinkFault) -> None:
    stack = play(story_of("inv1", fault), twin())  # type: ignore[arg-type]
    assert longest_gap_s(stack) <= SLOWEST_POLL_S + REPLY_S
