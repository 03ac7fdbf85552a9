"""Faults of one conductor's CT on sites that are not three-phase and behind storage that charges, on the truth."""

from typing import Any

import pytest

from tests.simulation.bounds import ROW_S, safe_s, tolerance_w
from tests.simulation.stack import Stack, play, twin

FAILS_S, DROPS_S, END_S = 20.03, 26.03, 45.0
HOUSE: dict[str, Any] = {"system": "split", "name": "house", "nominal_v": 120}


def lost(fault: str) -> Any:
    """The story of a CT that fails on one conductor, with the load unchanged at first."""

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(FAILS_S)
        stack.inject("poi", fault)
        await stack.until(END_S)

    return story


@pytest.mark.parametrize("fault", ["open_a", "open_b", "shorted_a", "shorted_b"])
def test_a_split_service_whose_one_ct_is_lost_is_safe_in_time_when_the_load_drops(fault: str) -> None:
    """CRD-ABN-3, CRD-ABN-4: both legs carry the DER alike, so the leg that shows nothing has no CT."""
    pv = {"id": "pv1", "nameplate_w": 8000, "connection": "L1L2", "control": 704}
    demand_w = [{"connection": leg, "steps": [[0, 4000], [DROPS_S, 0]]} for leg in ("L1N", "L2N")]
    site = twin(limit_w=1600.0, site=HOUSE, ders=[pv], load=demand_w)
    stack = play(lost(fault), site)
    assert "METER_OPEN_CT" in stack.faults("poi")
    assert stack.truth.beyond_s(1600.0, tolerance_w(site), FAILS_S) <= safe_s(site, 6400.0)
    assert stack.truth.most_export_w(END_S - 5.0, END_S) <= 1600.0 + tolerance_w(site)


@pytest.mark.parametrize("fault", ["open_a", "shorted_c"])
def test_a_lost_ct_of_one_conductor_is_found_while_a_battery_draws_from_it(fault: str) -> None:
    """The mirror of a phase that is fed: import is seen too small, and the battery would draw too much."""
    battery = {"id": "bat1", "kind": "battery", "nameplate_w": 10_000, "capacity_wh": 40_000, "control": 704}
    battery |= {"wish_w": {"constant": -10_000}}
    limits = [{"point": "poi", "direction": "import", "quantity": "w", "value": 8000}]
    site = twin(ders=[battery], load=[{"steps": [[0, 1000], [DROPS_S, 6000]]}], limits=limits)
    stack = play(lost(fault), site)
    beyond = [t for t, w in stack.truth.series("import_w") if t > FAILS_S and w > 8000 + tolerance_w(site)]
    assert "METER_OPEN_CT" in stack.faults("poi")
    assert sum(ROW_S for t in beyond if t > DROPS_S + safe_s(site, 5000.0)) == 0.0


def test_legs_whose_load_the_sun_just_covers_are_not_taken_for_open_cts_again_and_again() -> None:
    """Exact zeros of a leg at a limit above 0 are a balance here: each alarm shows it, and the next comes later."""
    pv = {"id": "pv1", "nameplate_w": 8000, "connection": "L1L2", "control": 704}
    demand_w = [{"connection": leg, "constant": 4000} for leg in ("L1N", "L2N")]
    site = twin(limit_w=1600.0, site=HOUSE, ders=[pv], load=demand_w, sun={"constant": 1.0}, meter={"resolution_w": 10})

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(60.0)

    stack = play(story, site)
    assert 1 <= stack.faults("poi").count("METER_OPEN_CT") <= 3
