"""Killed at any moment, a campaign that is resumed ends with the same set of results."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.record.folder import list_runs, read_run
from hil.record.model import Campaign, People, RunRecord
from hil.runner.campaign import ENDED
from hil.runner.launch import How, resume, start
from hil.runner.start import make_campaign
from tests.profile_kit import profile
from tests.runner_kit import SHORT, fake_bench, sheet_file

BENCH = "tests.runner_kit:fake_bench"
Result = tuple[str, int, str, bytes, tuple[str, ...]]


class KilledError(BaseException):
    """What nothing catches: from then on the process does nothing any more."""


class Killer:
    """Kills at the n-th thing that is done to a file: opened for writing, made, renamed or removed.

    An audit hook cannot be taken away again, so there is one, and it is asleep between tests. A process that is dead
    does nothing: whatever is tried after the kill is killed, too.
    """

    EVENTS = frozenset({"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate"})

    def __init__(self) -> None:
        self.folder, self.at, self.count = "", 0, 0
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.folder or event not in self.EVENTS:
            return
        ours = event == "os.truncate" or str(arguments[0]).startswith(self.folder)
        reads = event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if ours and not reads:
            self.step()

    def step(self) -> None:
        self.count += 1
        if self.at and self.count >= self.at:
            raise KilledError

    @contextmanager
    def awake(self, folder: Path, at: int) -> Iterator[None]:
        self.folder, self.at, self.count = str(folder), at, 0
        try:
            yield
        finally:
            self.folder = ""


KILLER = Killer()


def campaign_of(folder: Path) -> Campaign:
    whole = profile(
        folder, *SHORT, ("values: [100 %, 50 %]", "values: [100 %]"), ("values: [50 %, 0 %]", "values: [0 %]")
    )
    whole = replace(whole, digests=tuple((str(folder / name), digest) for name, digest in whole.digests))
    return make_campaign([whole], whole.cases, fake_bench(sheet_file(folder)).sheet, People(), {})


def results(folder: Path) -> list[Result]:
    """What a campaign found: every finished run that has a recording, with all that was recorded and marked."""
    return sorted(result(run) for run in map(read_run, list_runs(folder)) if run.end in ENDED)


def result(run: RunRecord) -> Result:
    samples = b"".join(
        np.ascontiguousarray(values).tobytes()
        for recording in run.recordings
        for values in (recording.t_s, *recording.channels.values())
    )
    marks = tuple(f"{mark.t_s:.9f} {mark.what} {mark.step}" for mark in run.marks)
    return (run.case.hash, run.repeat, run.end.value, samples, marks)


def journal_writes(monkeypatch: pytest.MonkeyPatch, torn: bool) -> None:
    """Count each line of the journal as a step as well; `torn`: a kill leaves half of the line."""
    whole = os.write

    def write(fd: int, line: bytes) -> int:
        if KILLER.folder and line.startswith(b'{"utc"'):
            try:
                KILLER.step()
            except KilledError:
                if torn and KILLER.count == KILLER.at:
                    whole(fd, line[: len(line) // 2])
                raise
        return whole(fd, line)

    monkeypatch.setattr(os, "write", write)


@pytest.mark.parametrize("torn", [False, True])
def test_killed_at_every_step_it_ends_with_the_same_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: bool
) -> None:
    campaign = campaign_of(tmp_path)
    journal_writes(monkeypatch, torn)
    with KILLER.awake(tmp_path / "whole", 0):
        start(tmp_path / "whole", campaign, How(bench=BENCH))
    steps, truth = KILLER.count, results(tmp_path / "whole")
    assert steps > 40
    assert len(truth) == 2
    for at in range(2 if torn else 1, steps + 1, 2):  # the two tests together: every one
        out = tmp_path / f"killed-{at}"
        with pytest.raises(KilledError), KILLER.awake(out, at):
            start(out, campaign, How(bench=BENCH))
        go_on(out, campaign)
        assert results(out) == truth, at


def go_on(out: Path, campaign: Campaign) -> None:
    """What a person does: resume; where not even the campaign was written, start again."""
    if (out / "campaign.json").exists():
        resume(out, How(bench=BENCH))
    else:
        start(out, campaign, How(bench=BENCH))


def test_a_resume_that_is_killed_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = campaign_of(tmp_path)
    journal_writes(monkeypatch, torn=True)
    start(tmp_path / "whole", campaign, How(bench=BENCH))
    out = tmp_path / "killed"
    for at in (30, 4, 9, 17, 1, 2, 23):  # any moments
        with pytest.raises(KilledError), KILLER.awake(out, at):
            go_on(out, campaign)
    go_on(out, campaign)
    assert results(out) == results(tmp_path / "whole")
