"""A campaign's folder as a report needs it: `results.json` of the judge, and each run's record when it is asked for."""

from dataclasses import dataclass
from pathlib import Path

from hil.record.codec import CodecError, from_json
from hil.record.folder import RUNS, read_run
from hil.record.model import RunRecord
from hil.record.recording import RecordingError
from hil.report.access import Unreadable
from hil.verdict.model import RESULTS_SCHEMA, CampaignResult, RunResult

RESULTS = "results.json"


class NotJudgedError(Exception):
    """A folder holds no verdicts that could be reported. The text has the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRecords:
    """The records of a campaign on disk."""

    folder: Path

    def read(self, run: RunResult) -> RunRecord | Unreadable:
        """As `Records.read`. A record that is not the one that was judged is not shown."""
        try:
            record = read_run(self.folder / RUNS / Path(run.folder).name)
        except (RecordingError, OSError) as error:
            return Unreadable(reason=f"the record cannot be read: {error}")
        if record.digest != run.digest:
            return Unreadable(reason="the record is not the one that was judged: its digest differs")
        return record


def read_results(folder: Path) -> CampaignResult:
    """What the judge left.

    Raises:
        NotJudgedError: there is none, or it cannot be understood.
    """
    path = folder / RESULTS
    try:
        return from_json(CampaignResult, path.read_text(encoding="utf-8"), RESULTS_SCHEMA)
    except FileNotFoundError:
        raise NotJudgedError(f"{path} is not there; make it with `hil judge {folder}`") from None
    except (CodecError, UnicodeDecodeError) as error:
        raise NotJudgedError(f"{path}: {error}; make it again with `hil judge {folder}`") from None
