"""A campaign from start to end on the fake rig: what lies on the disk, what is refused, what stops it."""

from dataclasses import replace
from pathlib import Path

from hil.record.folder import list_runs, read_campaign, read_run
from hil.record.model import Campaign, End, People
from hil.runner.launch import How, start
from hil.runner.start import make_campaign
from tests.profile_kit import profile
from tests.runner_kit import SHORT, fake_bench, sheet_file

BENCH = "tests.runner_kit:fake_bench"


def campaign_of(folder: Path) -> Campaign:
    whole = profile(folder, *SHORT)
    whole = replace(whole, digests=tuple((str(folder / name), digest) for name, digest in whole.digests))
    sheet = fake_bench(sheet_file(folder)).sheet
    return make_campaign([whole], whole.cases, sheet, People(operator="A. Person"), {})


def test_a_campaign_leaves_a_finished_record_of_every_repeat(tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = start(out, campaign_of(tmp_path), How(bench=BENCH))
    assert (summary.done, summary.total, summary.stopped) == (6, 6, "")
    runs = [read_run(path) for path in list_runs(out)]
    assert {(run.case.hash, run.repeat, run.attempt) for run in runs} == {
        (case.hash, repeat, 1) for case in read_campaign(out).cases for repeat in (1, 2)
    }
    assert all(run.end is End.COMPLETE and len(run.recordings[0].t_s) > 80 for run in runs)
