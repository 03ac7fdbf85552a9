"""Eight cells of the abnormal matrix with real processes, side by side: `make matrix` plays all of them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.matrix.cells import Cell, cells
from tests.matrix.real import played

pytestmark = [pytest.mark.realtime, pytest.mark.slow]

QUICK = (
    "CT open, one conductor, running, export",
    "meter silent, running, export",
    "meter silent, running, import",
    "meter stale but valid, running, import",
    "gateway power lost, running, export",
    "process hangs, running, export",
    "event loop wedged, running, import",
    "second client, running, export",
)


def quick() -> list[Cell]:
    return [replace(cell, quick=True) for cell in cells() if cell.name in QUICK]


def test_real_processes_keep_the_bounds_of_the_matrix_however_busy_the_machine_is() -> None:
    """CRD-ABN-2, CRD-ABN-3, CRD-ABN-6. Bounds are those of the design and what this machine kept a sleeper waiting."""
    chosen = quick()
    assert len(chosen) == len(QUICK)
    with ThreadPoolExecutor(len(chosen)) as threads:
        outcomes = list(threads.map(played, chosen))
    assert {cell.name: one.violations for cell, one in zip(chosen, outcomes, strict=True) if one.violations} == {}
    assert all(one.found_s is not None for one in outcomes)
