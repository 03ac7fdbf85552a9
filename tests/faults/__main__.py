"""`python -m tests.faults`: every fault on every kind of link, real sockets and a pty included, as a table."""

import asyncio
import sys

from tests.faults.page import said
from tests.faults.play import KINDS, Outcome, play_all, played, trouble
from tests.faults.table import TABLE


def main() -> int:
    """Play, print, and say how many rows are not as declared."""
    outcomes: dict[tuple[str, str], Outcome] = {}
    for kind in KINDS:
        if kind.real:
            outcomes |= {(kind.name, row.name): outcome for row, outcome in asyncio.run(play_all(TABLE, kind))}
        else:
            known = (row for row in TABLE if kind.expects(row))
            outcomes |= {(kind.name, row.name): played(row, kind) for row in known}
    bad = 0
    for row in TABLE:
        print(row.name)
        for kind in KINDS:
            outcome = outcomes.get((kind.name, row.name))
            if outcome is not None:
                found = trouble(row, kind, outcome)
                bad += bool(found)
                print(f"  {kind.name:22} {said(outcome)}" + (f"  <-- {'; '.join(found)}" if found else ""))
    print(f"{len(outcomes)} played, {bad} not as declared")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
