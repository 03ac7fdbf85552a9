"""`make matrix RUNS=3`: plays the whole matrix on real and on virtual time, writes docs/abnormal-matrix.md.

Ends with 1 where a cell violates its bound, and names it.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from tests.matrix import real, virtual
from tests.matrix.cells import Cell, cells
from tests.matrix.judge import Outcome
from tests.matrix.page import Row, page, said_of

TARGET = Path(__file__).parents[2] / "docs" / "abnormal-matrix.md"
VIRTUAL_ACTS = ("clock",)
"""A process has the clock of its machine, which no test sets: these cells are played on virtual time alone."""


def really(cell: Cell) -> Outcome | str | None:
    """A run on real time; words where it proves nothing; None where there is none."""
    if cell.failure.act in VIRTUAL_ACTS:
        return None
    try:
        return real.played(cell)
    except real.TooBusyError as busy:
        return f"not measured: {busy}"
    except (OSError, AssertionError) as error:
        return f"not measured: {type(error).__name__}: {error}"


def rows(chosen: list[Cell], runs: int, jobs: int) -> Iterator[Row]:
    """Play the cells: processes share virtual time; then, on a machine that is quiet again, threads wait for others."""
    with ProcessPoolExecutor(2) as fast:
        quick = list(fast.map(virtual.played, chosen))
    with ThreadPoolExecutor(jobs) as slow:
        long = [[slow.submit(really, cell) for _ in range(runs)] for cell in chosen]
        for cell, one, many in zip(chosen, quick, long, strict=True):
            row = Row(cell=cell, virtual=one, real=tuple(job.result() for job in many))
            sys.stdout.write(said_of(row) + "\n")
            sys.stdout.flush()
            yield row


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description="The abnormal matrix.")
    parser.add_argument("--runs", type=int, default=3, help="of each cell on real time; 0: virtual time alone")
    parser.add_argument("--jobs", type=int, default=7, help="cells at a time on real time")
    parser.add_argument("--only", default="", help="cells whose name holds this; then no page is written")
    arguments = parser.parse_args()
    chosen = [cell for cell in cells() if arguments.only in cell.name]
    made = list(rows(chosen, arguments.runs, arguments.jobs))
    if not arguments.only and arguments.runs:
        TARGET.write_text(page(made), encoding="utf-8")
    bad = [f"{row.cell.name}: {what}" for row in made for what in row.violations]
    sys.stderr.write(("\n".join(bad) or "every cell keeps its bound") + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
