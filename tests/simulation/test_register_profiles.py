"""A site of register profiles on one RTU bus behind a gateway: an SDM630 and a SolarEdge EDPC inverter, end to end.

The twin reads the profiles by itself and encodes with its own code; what the controller makes of it is held against
the truth.
"""

import pytest

from hil.rig.link_fault import LinkFault
from pcs.model.event import EventKind
from tests.simulation.bounds import LOST_AFTER_S, response_s, tolerance_w
from tests.simulation.stack import Stack, play, twin
from tests.simulation.test_link_budget import METER_DEADLINE_S, longest_gap_s, story_of

BUS = "rtu+tcp://127.0.0.1:15020?baud=19200"
DROP_S, END_S = 45.0, 60.0
POLL_S = 0.45
"""One round on this bus at 19200 baud: 72 + 8 bytes of the meter's fast group (0.09 s), telemetry, and a limit with its
read-back, each with its silences and turnaround."""
LATE_WINDOW_S, REST_S = 0.5, 0.5


def site(**more: object) -> object:
    meter = {"link": BUS, "unit": 1, "profile": "eastron/sdm630", "update_s": 0.2, "averaging_s": 0.2}
    inv = {"id": "inv1", "link": BUS, "unit": 2, "profile": "solaredge/edpc", "nameplate_w": 10000, "reply_s": 0.01}
    return twin(meter=meter, ders=[inv], load=[{"steps": [[0, 6000], [DROP_S, 1000]]}], **more)


def test_a_site_of_register_profiles_on_one_bus_holds_its_limit_through_a_load_drop() -> None:
    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(END_S)

    stack = play(story, site())  # type: ignore[arg-type]
    beyond = [e for e in stack.truth.beyond(0.0, tolerance_w(stack.twin)) if e.from_s > 2.0]
    assert all(e.from_s >= DROP_S - 0.1 for e in beyond)
    assert all(e.lasted_s <= response_s(stack.twin, 5000) + 3 * POLL_S for e in beyond)
    assert 5000 <= stack.truth.injection_w(DROP_S - 1.0) <= 6000 + tolerance_w(stack.twin)
    assert 600 <= stack.truth.injection_w(END_S) <= 1000 + tolerance_w(stack.twin)
    assert {e.source_id for e in stack.told(EventKind.IDENTIFIED)} == {"poi", "inv1"}


def test_when_the_controller_is_killed_the_inverter_falls_back_by_itself_to_what_was_armed() -> None:
    """CRD-ABN-1, SW-IMPL."""

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(25.0)
        await stack.kill()
        await stack.run(70.0)  # the profile arms 60 s

    stack = play(story, site())  # type: ignore[arg-type]
    assert stack.truth.injection_w(25.0) > 1000
    assert stack.truth.injection_w(95.0) <= tolerance_w(stack.twin)


@pytest.mark.parametrize(
    "fault", ["silent", "slow", "garbage", "truncated", "crc", "wrong_unit", "noise_before", "endless", "half_open"]
)
def test_one_bad_reply_of_the_meter_on_a_bus_costs_its_declared_budget_at_most(fault: str) -> None:
    """A lost reply costs the late window, the wait for one round on the bus, and the rest after a second loss."""
    stack = play(story_of("poi", LinkFault(fault)), site())  # type: ignore[arg-type]
    assert longest_gap_s(stack) <= METER_DEADLINE_S + LATE_WINDOW_S + POLL_S + REST_S


def test_a_silent_inverter_on_the_meters_bus_does_not_starve_the_meter() -> None:
    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(12.0)
        stack.inject("inv1", "silent")
        await stack.until(40.0)

    stack = play(story, site())  # type: ignore[arg-type]
    assert longest_gap_s(stack) <= LOST_AFTER_S
    assert stack.faults("poi").count("METER_LOST") == 1
    assert "DER_SILENT" in stack.faults("inv1")
