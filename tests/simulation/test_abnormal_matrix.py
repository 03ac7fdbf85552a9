"""The whole abnormal matrix on virtual time: each cell keeps its bound, or is known not to."""

import pytest

from tests.matrix.cells import KNOWN, Cell, cells
from tests.matrix.virtual import played

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cell", [pytest.param(cell, id=cell.name) for cell in cells()])
def test_a_cell_of_the_abnormal_matrix_keeps_its_bound_or_is_known_not_to(cell: Cell) -> None:
    """CRD-ABN-1 to CRD-ABN-6. A known one that keeps its bound is to be taken off the list."""
    assert bool(played(cell).violations) == (cell.name in KNOWN)
