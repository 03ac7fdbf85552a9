"""Every fault of the table on real sockets and on a pty; all at once, because they wait rather than work."""

import asyncio

import pytest

from tests.faults.play import KINDS, Kind, play_all, trouble
from tests.faults.table import TABLE

pytestmark = [pytest.mark.realtime, pytest.mark.slow]
REAL = [kind for kind in KINDS if kind.real]
LOTS = 2  # so that the faults of one lot do not make the machine late for each other


@pytest.mark.parametrize("kind", REAL, ids=[kind.name for kind in REAL])
def test_the_core_sees_every_fault_as_declared_on_the_real_clock(kind: Kind) -> None:
    found = []
    for lot in range(LOTS):
        for row, outcome in asyncio.run(play_all(TABLE[lot::LOTS], kind)):
            found += [f"{row.name}: {words}" for words in trouble(row, kind, outcome)]
    assert found == []
