"""A campaign's folder as a report needs it: each run's record when it is asked for, if it is what was judged."""

from dataclasses import dataclass
from pathlib import Path

from hil.record.folder import RUNS, read_run
from hil.record.model import RunRecord
from hil.record.recording import RecordingError
from hil.report.access import Unreadable
from hil.verdict.model import RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRecords:
    """The records of a campaign on disk."""

    folder: Path

    def read(self, run: RunResult) -> RunRecord | Unreadable:
        """As `Records.read`. A record that is not the one that was judged is not shown."""
        try:
            record = read_run(self.folder / RUNS / Path(run.folder).name)
        except (RecordingError, OSError) as error:
            return Unreadable(reason=f"the record cannot be read: {self._inside(str(error))}")
        if record.digest != run.digest:
            return Unreadable(reason="the record is not the one that was judged: its digest differs")
        return record

    def _inside(self, said: str) -> str:
        """A text without the path of this machine."""
        return said.replace(f"{self.folder}/", "")
