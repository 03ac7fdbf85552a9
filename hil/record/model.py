"""What a campaign leaves on disk, as objects: the campaign, its runs and their marks.

DIR/campaign.json            who, what, with which rig, profiles and versions; never changed after the start
DIR/journal.jsonl            states of every run, one line each, in order (hil.runner)
DIR/runs/HASH12-r1-a1/       one attempt of one repeat of a case; immutable once `manifest.json` is there
    case.json                the whole case as it was done
    run.json                 this run: marks, identity, times
    power.h5 (or .csv)       samples of the power meter; waveform.h5 those of the waveform recorder
    manifest.json            SHA-256 of every other file, written last
DIR/results.json             verdicts (hil.verdict): made from the runs, may be made again
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hil.profile.model import Case
from hil.record.recording import Recording

CAMPAIGN_SCHEMA = "hil.campaign/1"
RUN_SCHEMA = "hil.run/1"
CASE_SCHEMA = "hil.case/1"


class End(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    """Recorded to its end."""
    NOT_STEADY = "not steady"
    """The wait for rest before the stimulus ran out: recorded, but INVALID."""
    RIG_FAILED = "rig failed"
    """A role could not do its step: nothing to judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that the runner did or saw, on the clock of the recordings. `step`: of the stimulus, from 1; 0: other.

    Marks are for reading a record. Time zero of a judgement is never taken from them.
    """

    t_s: float
    what: str
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One attempt of one repeat of a case. `started_utc` is ISO 8601 with Z. `digest`: SHA-256 of its manifest."""

    case: Case
    repeat: int
    attempt: int
    end: End
    reason: str
    started_utc: str
    marks: tuple[Mark, ...]
    identity: Mapping[str, str]
    recordings: tuple[Recording, ...] = ()
    folder: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who and where, for page one; empty: not stated, and the report says so."""

    operator: str = ""
    laboratory: str = ""
    witness: str = ""
    supply: str = ""
    ambient: str = ""
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What was decided before the first run. `rig_text` is the sheet as it was, `digests` name and SHA-256 of files."""

    started_utc: str
    people: People
    rig_file: str
    rig_text: str
    digests: tuple[tuple[str, str], ...]
    versions: Mapping[str, str]
    cases: tuple[Case, ...] = ()
    lacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Cases that this rig cannot do, by id, and why: they are listed and not run."""
