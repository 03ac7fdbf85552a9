"""How far a campaign is and how long it will still take. Pure: the wall clock is an argument."""

from collections.abc import Iterable
from dataclasses import dataclass

from hil.profile.model import Case

RUN_EXTRA_S = 1.0  # opening, writing and sealing a record beside the case's own time
MEASURED_LEAST = 3  # runs before a measured pace counts for more than the plan's


@dataclass(slots=True)
class Progress:
    """Counts, and the pace: wall seconds that were needed for each planned second, over `jobs` at a time.

    `pace_ratio` to begin with is 1 on a real rig; on virtual time nobody knows it before the first runs are done.
    """

    total: int
    done: int = 0
    jobs: int = 1
    planned_left_s: float = 0.0
    planned_done_s: float = 0.0
    taken_s: float = 0.0
    measured: int = 0
    is_real_time: bool = True

    def finish(self, case: Case, taken_s: float) -> None:
        """A run has ended after `taken_s` of wall time."""
        self.done += 1
        self.measured += 1
        self.taken_s += taken_s
        self.planned_done_s += planned_s(case)
        self.planned_left_s = max(0.0, self.planned_left_s - planned_s(case))

    def left_s(self) -> float | None:
        """Wall seconds that are left, from the plan corrected by what was measured; None: not known yet."""
        if self.done >= self.total:
            return 0.0
        if self.measured < (1 if self.is_real_time else MEASURED_LEAST):
            return self.planned_left_s / self.jobs if self.is_real_time else None
        return self.planned_left_s * (self.taken_s / self.planned_done_s) / self.jobs


def planned_s(case: Case) -> float:
    """What one repeat takes by the plan, if everything settles at once."""
    return case.duration_s + RUN_EXTRA_S


def begin(missing: Iterable[Case], total: int, *, jobs: int, is_real_time: bool) -> Progress:
    """The progress of a campaign of `total` runs of which `missing` (a case for each) are to be played."""
    cases = list(missing)
    planned = sum(planned_s(case) for case in cases)
    done = total - len(cases)
    return Progress(total=total, done=done, jobs=jobs, planned_left_s=planned, is_real_time=is_real_time)
