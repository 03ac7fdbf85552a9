"""What a report is made from: the judged campaign, and one run's record at a time. It never sees a rig or a runner."""

from dataclasses import dataclass
from typing import Protocol

from hil.record.model import RunRecord
from hil.verdict.model import RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A run's record cannot be shown, and why; its verdict stands."""

    reason: str


class Records(Protocol):
    """Access to the records of a campaign."""

    def read(self, run: RunResult) -> RunRecord | Unreadable:
        """The record of a run, with its samples. It is read when it is drawn and not kept."""
        ...


def samples_missing(record: RunRecord | Unreadable) -> str:
    """Why there is nothing to draw; empty where there are samples."""
    if isinstance(record, Unreadable):
        return record.reason
    if not any(len(recording.t_s) for recording in record.recordings):
        return "the record holds no samples"
    return ""
