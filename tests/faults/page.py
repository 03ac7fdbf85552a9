"""Makes `docs/links.md`: what the core sees of every fault on every kind of link, played on virtual time."""

import re
from itertools import groupby
from pathlib import Path

from tests.faults.play import ASK_EVERY_S, KINDS, Kind, Outcome, played
from tests.faults.table import DEADLINE_S, LATE_WINDOW_S, OUTAGE_S, STOP_S, TABLE, Row

TARGET = Path(__file__).parents[2] / "docs" / "links.md"
NUMBERED = re.compile(r"(.*after byte )(\d+)(.*)")

HEAD = f"""# What a link makes of a fault

<!-- Generated from tests/faults/table.py by tests/docs/links.py. Do not edit. -->

Every fault below is played to every kind of link, with a device that misbehaves once and is healthy before and after.
The core never sees wrong numbers: it sees the right reading, or a fault of one of these kinds, and a fault counts as
no answer. The table says what the faulted read gave and after how long, and how long after its beginning there was a
good reading again when asked every {1000 * ASK_EVERY_S:.0f} ms.

- Deadline of each request: {DEADLINE_S:g} s. Late window of the unit: {LATE_WINDOW_S:g} s; for that long after a lost
  or wrong reply an RTU bus is not used, because RTU has no transaction id by which a late reply could be told.
- The next good reading is asserted to be the right one, and so are the dozen after it.
- Times are on virtual time. `make faults` prints them for real sockets and for a serial port (a pty) too, where the
  tests judge what is seen and the next reading, but no duration: a machine may be busy.
- An outage lasts {OUTAGE_S:g} s and a stopped process {STOP_S:g} s, which does not count.
- Each request's deadline covers its wait for the end of a late window, too.
- A device that was silent twice rests for half a second before it is asked again, so that it cannot take the bus.

"""


def generate() -> str:
    """The whole page."""
    kinds = [kind for kind in KINDS if not kind.real]
    lines = ["| fault |" + "".join(f" {kind.name} |" for kind in kinds), "|---|" + "---|" * len(kinds)]
    rows = [(row, tuple(_cell(row, kind) for kind in kinds)) for row in TABLE]
    for (name, cells), group in groupby(rows, lambda pair: (_family(pair[0].name), pair[1])):
        members = [row.name for row, _ in group]
        lines.append(f"| {_together(name, members)} |" + "".join(f" {cell} |" for cell in cells))
    return HEAD + "\n".join(lines) + "\n"


def _cell(row: Row, kind: Kind) -> str:
    if kind.expects(row) is None:
        return "does not exist here"
    return said(played(row, kind))


def said(outcome: Outcome) -> str:
    """One outcome in words."""
    wrong = f"; WRONG: {'; '.join(outcome.wrong)}" if outcome.wrong else ""
    return f"{outcome.saw}, {max(outcome.took_s, 0.0):.2f} s; again {outcome.again_s:.2f} s{wrong}"


def _family(name: str) -> str:
    """The name of a row without its number."""
    return NUMBERED.sub(r"\1#\3", name)


def _together(family: str, members: list[str]) -> str:
    """One name for rows that differ in their number only."""
    numbers = [match[2] for name in members if (match := NUMBERED.fullmatch(name))]
    return (
        family.replace("#", f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else numbers[0]) if numbers else family
    )
