"""What a survivor of the unit tests has to pass: whole sites and the core loop, a few of each, quick ones first."""

from collections.abc import Callable

from hil.rig.simulated import SimulatedSite
from pcs.core.policy import policy_for
from pcs.model.site import Tuning
from tests.property import test_core_loop as loop
from tests.random_site import random_site
from tests.simulation.bounds import response_s, tolerance_w
from tests.simulation.direct import Direct
from tests.simulation.stack import site_of
from tests.simulation.test_direct import SITE
from tests.simulation.truth import Truth
from tests.site_invariants import run

SEEDS = (37, 6272, 3, 7)
"""Two sites that once broke an invariant, and two others."""
LOOP = (
    loop.test_every_step_keeps_the_invariants,
    loop.test_the_interval_contains_what_a_plant_of_the_band_injects,
    loop.test_an_added_fault_never_allows_more,
)
"""The cheap properties of the core loop; what they draw is the same in every run."""


def core_beside_the_plant() -> None:
    """Three load steps: one excursion, no longer than the response of the site."""
    direct = Direct.of(SITE, policy_for(site_of(SimulatedSite(SITE), Tuning(), True)))
    direct.run(45)
    truth = Truth(columns=direct.plant.columns, rows=tuple(direct.plant.truth))
    assert len(truth.beyond(0.0, tolerance_w(SITE), 10.0)) == 1
    assert truth.beyond_s(0.0, tolerance_w(SITE), 10.0) <= response_s(SITE, 5000)


def battery() -> list[Callable[[], object]]:
    """Each raises when something does not hold."""
    sites: list[Callable[[], object]] = [lambda seed=seed: run(random_site(seed)) for seed in SEEDS]  # type: ignore[misc]
    return [*sites, core_beside_the_plant, *LOOP]
