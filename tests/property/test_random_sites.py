"""A slice of the night (`make nightly`): random sites for a minute each, with every invariant."""

import os

import pytest

from tests.random_site import random_site
from tests.site_invariants import run

SEEDS = int(os.environ.get("SITE_SEEDS", "24"))
SLICES = 6


@pytest.mark.parametrize("slice_", range(SLICES))
def test_random_sites_hold_every_invariant_for_a_minute(slice_: int) -> None:
    """CRD-LIM-EA, CRD-LIM-ES, CRD-LIM-II, U3141-SC-4."""
    for seed in range(slice_, SEEDS, SLICES):
        try:
            run(random_site(seed))
        except Exception as error:
            error.add_note(f"seed {seed}: FIRST_SEED={seed} SEEDS=1 make nightly")
            raise


@pytest.mark.parametrize("seed", [37, 5033, 6272])
def test_a_site_that_once_broke_an_invariant_holds_it_now(seed: int) -> None:
    """A limit cycle between priorities; a charger below its least current, twice (a bus that opens, the simplex)."""
    run(random_site(seed))
