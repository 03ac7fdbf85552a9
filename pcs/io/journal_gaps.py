"""Which seconds a journal lacks, and where in it a replay can begin."""

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

UNKNOWN_S = 30.0
"""Steps wait so long in memory before they are written (`journal_sqlite.BATCH_S`): so much a kill may cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch without steps: of which run, how many steps where that is known, and why."""

    run: int
    from_utc_s: float
    to_utc_s: float | None
    steps: int | None
    why: str


class Place(NamedTuple):
    """Behind which step of which run."""

    run: int
    step: int


def gaps(db: sqlite3.Connection) -> list[Gap]:
    """Every stretch without steps, in order, between the first kept step and the last."""
    opened = dict(db.execute("SELECT id, opened_utc_s FROM run"))
    closed = {run: at_s for run, at_s in db.execute("SELECT id, closed_utc_s FROM run") if at_s is not None}
    found: list[Gap] = []
    before: tuple[int, int, float] | None = None
    for run, first, count, from_s, to_s in db.execute(
        "SELECT run, first, count, from_utc_s, to_utc_s FROM steps ORDER BY id"
    ):
        if before and before[0] == run and before[1] != first:
            why = "the disk was full or too slow: steps were given up"
            found.append(Gap(run=run, from_utc_s=before[2], to_utc_s=from_s, steps=first - before[1], why=why))
        elif before and before[0] != run:
            found.append(_between(before[0], before[2], closed.get(before[0]), from_s))
        before = (run, first + count, to_s)
    later = [run for run in sorted(opened) if before and run > before[0]]
    if before and later and before[0] not in closed:
        found.append(_between(before[0], before[2], None, opened[later[0]]))
    return found


def _between(run: int, last_s: float, closed_s: float | None, next_s: float) -> Gap:
    if closed_s is not None:
        return Gap(run=run, from_utc_s=closed_s, to_utc_s=next_s, steps=None, why="the controller was not running")
    why = (
        "the controller ended without order (killed, or without power): steps of its last "
        f"{UNKNOWN_S:g} s at most were not written yet, then it was not running"
    )
    return Gap(run=run, from_utc_s=last_s, to_utc_s=next_s, steps=None, why=why)


def checkpoints(db: sqlite3.Connection) -> dict[Place, int]:
    """Where the core's memory is kept: the entry's id by its place."""
    return {Place(run, step): at for at, run, step in db.execute("SELECT id, run, step FROM checkpoint ORDER BY id")}


def start(db: sqlite3.Connection, from_utc_s: float | None) -> Place:
    """From where to replay so that everything from this time on is replayed: a checkpoint, or the beginning."""
    first = db.execute(
        "SELECT run, first FROM steps WHERE to_utc_s >= ? ORDER BY id LIMIT 1",
        (float("-inf") if from_utc_s is None else from_utc_s,),
    ).fetchone()
    if first is None:
        return Place(1 << 62, 0)  # behind everything
    place = db.execute(
        "SELECT run, step FROM checkpoint WHERE (run, step) < (?, ?) ORDER BY id DESC LIMIT 1", first
    ).fetchone()
    return Place(*place) if place and place[0] == first[0] else Place(first[0], first[1] - 1)
