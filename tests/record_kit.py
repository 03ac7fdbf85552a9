"""A finished run of the small profile's case, for tests of what is on disk."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hil.profile.model import Case
from hil.record.model import Campaign, End, Mark, People, RunRecord
from hil.record.recording import Recording
from tests.profile_kit import profile


def case(folder: Path) -> Case:
    """The first case of the small profile."""
    return profile(folder).cases[0]


def samples(name: str = "power", rows: int = 200) -> Recording:
    """Samples 0.1 s apart on a clock that began long ago: a load step at half time, one sample lost."""
    t_s = 86_400.0 + 0.1 * np.arange(rows)
    demand = np.where(np.arange(rows) < rows // 2, 8000.0, 4000.0 / 3.0)
    flow = demand - 8000.0
    flow[3] = np.nan
    return Recording(name=name, t_s=t_s, channels={"poi.import_w": flow, "load.demand_w": demand})


def run(of: Case, *recordings: Recording, repeat: int = 1, attempt: int = 1, end: End = End.COMPLETE) -> RunRecord:
    """A run of a case."""
    return RunRecord(
        case=of,
        repeat=repeat,
        attempt=attempt,
        end=end,
        reason="",
        started_utc="2026-05-01T10:00:00Z",
        marks=(Mark(t_s=86_410.0, what="set_load to=1333 W", step=1), Mark(t_s=86_420.0, what='typed: "Ω, \n"')),
        identity={"controller": "1.2.3"},
        recordings=recordings or (samples(),),
    )


def campaign(*cases: Case) -> Campaign:
    """A campaign of some cases."""
    return Campaign(
        started_utc="2026-05-01T09:00:00Z",
        people=People(operator="A. Nyone", deviations=("no witness",)),
        rig_file="rig.yaml",
        rig_text="schema: hil.rig/1\n",
        digests=(("step.yaml", "ab" * 32),),
        versions={"openpcs": "0.1"},
        cases=cases,
        lacks={"other/case": ("AcLoad: the rig has none",)},
    )


def same(one: RunRecord, other: RunRecord) -> bool:
    """Whether two runs say the same, samples to the last bit, wherever they lie on the disk."""
    bare = [replace(run, recordings=(), folder="", digest="") for run in (one, other)]
    if bare[0] != bare[1] or len(one.recordings) != len(other.recordings):
        return False
    return all(same_samples(a, b) for a, b in zip(one.recordings, other.recordings, strict=True))


def same_samples(one: Recording, other: Recording) -> bool:
    """Whether two recordings have the same channels in the same order, bit by bit; any lost sample is as any other."""
    pairs = [(one.t_s, other.t_s), *((y, other.channels.get(name)) for name, y in one.channels.items())]
    return list(one.channels) == list(other.channels) and all(
        b is not None and np.array_equal(a, b, equal_nan=True) for a, b in pairs
    )
