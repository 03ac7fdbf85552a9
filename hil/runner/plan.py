"""Which runs a campaign still lacks: from its cases, its journal and the finished folders on the disk. Pure.

A finished folder decides, whatever the journal says: a runner that was killed between sealing a record and saying so
does not repeat it, and a record that was taken away is made again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hil.profile.model import Case
from hil.record.model import End
from hil.runner.play import Order

ENDED = (End.COMPLETE, End.NOT_STEADY)
"""Ends that are not repeated: there is a recording, and what it is worth is for the judge to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A finished folder: HASH12, repeat and attempt by its name, and how the run ended."""

    hash12: str
    repeat: int
    attempt: int
    end: End


def all_runs(cases: Iterable[Case]) -> list[tuple[Case, int]]:
    """Every repeat of every case, in the order in which they are played."""
    return [(case, repeat) for case in cases for repeat in range(1, case.repeats + 1)]


def missing_runs(
    cases: Sequence[Case], finished: Iterable[Finished], attempts: Mapping[tuple[str, int], int]
) -> list[Order]:
    """What is still to be played, in order. `attempts`: the greatest attempt that was ever begun, by (hash, repeat).

    An attempt's number is never used twice, so nothing that was left half done is ever written over.
    """
    there: dict[tuple[str, int], list[Finished]] = {}
    for run in finished:
        there.setdefault((run.hash12, run.repeat), []).append(run)
    orders = []
    for case, repeat in all_runs(cases):
        runs = there.get((case.hash[:12], repeat), [])
        if any(run.end in ENDED for run in runs):
            continue
        begun = max([attempts.get((case.hash, repeat), 0), *(run.attempt for run in runs)])
        orders.append(Order(case=case, repeat=repeat, attempt=begun + 1))
    return orders
