"""Load and generation steps through the whole stack: the limit holds in time, and the yield comes back."""

from typing import Any

import pytest

from hil.rig.twin_file import TwinFile
from pcs.model.event import EventKind
from tests.simulation.bounds import response_s, tolerance_w
from tests.simulation.stack import Stack, inverter, play, twin

LOAD = [{"steps": [[0, 6000], [20.04, 1000], [35.07, 4500]]}]
SUN = {"steps": [[0, 0.15], [20.04, 0.95], [35.07, 0.3], [45.02, 0.9]]}
FLEETS: dict[str, list[dict[str, Any]]] = {
    "123 int": [inverter()],
    "113 float": [inverter(registers="float", time_constant_s=0.6)],
    "704": [inverter(control=704, dead_time_s=0.5)],
    "two": [inverter("inv1", 8000), inverter("inv2", 5000, control=704, ramp_down_pct_s=50, ramp_up_pct_s=20)],
    "three": [
        inverter("inv1", 6000, registers="float", telemetry_s=0.2),
        inverter("inv2", 5000, control=704, telemetry_phase_s=0.71, limit_sf=-1),
        inverter("inv3", 3000, limit_step_pct=1, dead_time_s=0.6, dead_jitter_s=0.2, telemetry_phase_s=0.11),
    ],
}


async def a_minute(stack: Stack) -> None:
    stack.start()
    await stack.run(60)


def excursions_after_the_start(stack: Stack, limit_w: float) -> list[float]:
    """How long each excursion was, but for the one that stood before the controller came."""
    return [b.lasted_s for b in stack.truth.beyond(limit_w, tolerance_w(stack.twin), 10.0)]


def assert_calm(stack: Stack) -> None:
    """No fault but the meter's first moments."""
    assert stack.faults() == ["METER_LOST"]


@pytest.mark.parametrize("limit_w", [0.0, 3000.0])
@pytest.mark.parametrize("fleet", FLEETS)
def test_a_load_step_is_answered_in_the_plants_own_time_and_the_yield_returns(fleet: str, limit_w: float) -> None:
    """CRD-STEP-L, CRD-OLRT-2, CRD-LIM-EA."""
    site: TwinFile = twin(limit_w=limit_w, ders=FLEETS[fleet], load=LOAD)
    stack = play(a_minute, site)
    nameplate_w = sum(part.nameplate_w for part in site.ders)
    falls_w = min(0.95 * nameplate_w, 6000 + limit_w) - 1000 - limit_w
    lasted = excursions_after_the_start(stack, limit_w)
    assert len(lasted) == 1
    assert lasted[0] <= response_s(site, falls_w)
    for demand_w, at_s in ((1000, 34.0), (4500, 60.0)):
        could_w = min(0.95 * nameplate_w, demand_w + limit_w)
        assert could_w - 0.02 * nameplate_w - 0.02 * limit_w <= stack.truth.injection_w(at_s) <= could_w
    assert len(stack.told(EventKind.WIRING_VERIFIED)) == 1
    assert_calm(stack)


@pytest.mark.parametrize("limit_w", [0.0, 3000.0])
@pytest.mark.parametrize("fleet", FLEETS)
def test_a_step_of_the_sun_meets_caps_that_hold(fleet: str, limit_w: float) -> None:
    """CRD-STEP-G, CRD-OLRT-2."""
    site: TwinFile = twin(limit_w=limit_w, ders=FLEETS[fleet], load=[{"constant": 3000}], sun=SUN)
    stack = play(a_minute, site)
    nameplate_w = sum(part.nameplate_w for part in site.ders)
    lasted = excursions_after_the_start(stack, limit_w)
    assert all(lasted_s <= response_s(site, 0.8 * nameplate_w) for lasted_s in lasted)
    for sun, at_s in ((0.15, 20.0), (0.95, 35.0), (0.3, 45.0), (0.9, 60.0)):
        could_w = min(sun * nameplate_w, 3000 + limit_w)
        assert could_w - 0.03 * nameplate_w - 0.02 * limit_w <= stack.truth.injection_w(at_s) <= could_w + 1
    assert_calm(stack)


def test_a_meter_that_nobody_described_is_understood_and_holds_the_same_limit() -> None:
    """Its update period is identified before the first cap rises (docs/decisions/0008)."""
    site = twin(load=LOAD, meter={"update_s": 0.5, "averaging_s": 0.5})
    stack = play(a_minute, site, declared=False)
    assert stack.controller is not None
    assert stack.controller.state.meters[0].period_s == pytest.approx(0.5, abs=0.1)
    lasted = excursions_after_the_start(stack, 0.0)
    assert len(lasted) == 1
    assert lasted[0] <= response_s(site, 5000) + 2 * 0.5
    assert stack.truth.injection_w(60.0) == pytest.approx(4500, abs=200)
    assert_calm(stack)


def test_the_controllers_own_account_of_excursions_and_responses_agrees_with_the_truth() -> None:
    """CRD-DEF-3, CRD-OLRT-5."""
    stack = play(a_minute, twin(load=LOAD))
    true = stack.truth.beyond(0.0, 100.0)
    told = [dict(e.facts) for e in stack.told(EventKind.EXCURSION_ENDED)]
    assert [float(t["duration_s"]) for t in told] == pytest.approx([b.lasted_s for b in true], abs=0.3)
    assert [float(t["peak_w"]) for t in told] == pytest.approx([b.peak_w for b in true], abs=200)
    restrict, release = (dict(e.facts) for e in stack.told(EventKind.RESPONSE_MEASURED))
    assert (restrict["way"], release["way"]) == ("restrict", "release")
    rows = stack.truth.series("inv1_injection_w")
    ninetieth_s = next(t for t, w in rows if t > 20.04 and w < 5970 - 0.9 * 5000) - 20.04
    assert float(restrict["olrt_lo_s"]) - 0.1 <= ninetieth_s <= float(restrict["olrt_hi_s"]) + 0.1
