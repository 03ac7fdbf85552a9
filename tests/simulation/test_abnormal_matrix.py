"""The whole abnormal matrix on virtual time: each cell keeps its bound, or is known not to."""

import pytest

from tests.matrix.cells import KNOWN, Cell, cells
from tests.matrix.virtual import played

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cell", [pytest.param(cell, id=cell.name) for cell in cells()])
def test_a_cell_of_the_abnormal_matrix_keeps_its_bound_or_is_known_not_to(cell: Cell) -> None:
    """CRD-ABN-1 to CRD-ABN-6. A known one that keeps its bound is to be taken off the list."""
    known, found = KNOWN.get(cell.name), played(cell).violations
    what = [sentence for sentence in found if known is not None and sentence.startswith(known.what)]
    assert [sentence for sentence in found if sentence not in what] == []
    assert bool(what) == (known is not None), "it keeps its bound: take it off the list"


def test_every_known_hole_is_that_of_a_cell_that_is_played() -> None:
    """A name that nothing has would excuse nothing and look as if it did."""
    assert set(KNOWN) <= {cell.name for cell in cells()}
