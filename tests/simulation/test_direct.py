"""The direct drive is worth its speed only if it controls as the whole stack does."""

import pytest

from hil.rig.simulated import SimulatedSite
from pcs.core.policy import policy_for
from pcs.model.site import Tuning
from tests.simulation.bounds import response_s, tolerance_w
from tests.simulation.direct import Direct
from tests.simulation.stack import Stack, inverter, play, site_of, twin
from tests.simulation.truth import Truth

SITE = twin(
    ders=[inverter("inv1", 6000, control=704), inverter("inv2", 4000, control=704, telemetry_phase_s=0.71)],
    load=[{"steps": [[0, 6000], [20.04, 1000], [35.07, 4500]]}],
)


async def a_minute(stack: Stack) -> None:
    stack.start()
    await stack.run(60)


def test_core_and_plant_without_links_do_what_the_whole_stack_does() -> None:
    direct = Direct.of(SITE, policy_for(site_of(SimulatedSite(SITE), Tuning(), True)))
    direct.run(60)
    alone = Truth(columns=direct.plant.columns, rows=tuple(direct.plant.truth))
    whole = play(a_minute, SITE).truth
    for truth in (alone, whole):
        assert len(truth.beyond(0.0, tolerance_w(SITE), 10.0)) == 1
        assert truth.beyond_s(0.0, tolerance_w(SITE), 10.0) <= response_s(SITE, 5000)
    for at_s in (19.0, 34.0, 59.0):
        assert alone.injection_w(at_s) == pytest.approx(whole.injection_w(at_s), abs=100)
