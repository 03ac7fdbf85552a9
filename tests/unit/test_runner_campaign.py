"""A campaign from start to end on the fake rig: what lies on the disk, what is refused, what stops it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hil.record.folder import list_runs, read_campaign, read_run
from hil.record.model import Campaign, End, People
from hil.rig.roles import RigError
from hil.runner.campaign import Conductor, Summary
from hil.runner.feed import FEED, Feed
from hil.runner.journal import Journal, read_journal
from hil.runner.launch import ChangedError, How, JobsError, NotSafeError, resume, start
from hil.runner.plan import ENDED
from hil.runner.start import changes, make_campaign, repeated, versions
from hil.runner.stop import Stop
from tests import runner_kit
from tests.profile_kit import profile
from tests.runner_kit import SHORT, FakeBench, FakeRig, fail_at, fake_bench, sheet_file

BENCH = "tests.runner_kit:fake_bench"
PLENTY = 10**12


def campaign_of(folder: Path) -> Campaign:
    whole = profile(folder, *SHORT)
    whole = replace(whole, digests=tuple((str(folder / name), digest) for name, digest in whole.digests))
    sheet = fake_bench(sheet_file(folder)).sheet
    return make_campaign([whole], whole.cases, sheet, People(operator="A. Person"), {})


def conducted(
    folder: Path, shape: Callable[[FakeRig], None] = lambda rig: None, free: Callable[[Path], int] = lambda _: PLENTY
) -> Summary:
    """A campaign on a bench of the test's own, in folder/out; called again it goes on."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    bench = fake_bench(sheet_file(folder))
    bench.shape = shape
    journal, feed = Journal(out), Feed(out)
    cases = runner_kit.cases(folder)
    try:
        return Conductor(
            folder=out, bench=bench, cases=cases, journal=journal, feed=feed, stop=Stop(), free=free
        ).play()
    finally:
        journal.close()
        feed.close()


def test_a_campaign_leaves_a_finished_record_of_every_repeat(tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = start(out, campaign_of(tmp_path), How(bench=BENCH))
    assert (summary.done, summary.total, summary.stopped) == (6, 6, "")
    runs = [read_run(path) for path in list_runs(out)]
    assert {(run.case.hash, run.repeat, run.attempt) for run in runs} == {
        (case.hash, repeat, 1) for case in read_campaign(out).cases for repeat in (1, 2)
    }
    assert all(run.end is End.COMPLETE and len(run.recordings[0].t_s) > 80 for run in runs)


def test_the_feed_names_states_and_ends_with_the_whole_count(tmp_path: Path) -> None:
    start(tmp_path / "out", campaign_of(tmp_path), How(bench=BENCH))
    lines = [json.loads(line) for line in (tmp_path / "out" / FEED).read_text().splitlines()]
    assert {line["kind"] for line in lines} >= {"campaign", "state", "run"}
    assert [line["done"] for line in lines] == sorted(line["done"] for line in lines)
    assert (lines[-1]["what"], lines[-1]["done"], lines[-1]["left_s"]) == ("is finished", 6, 0.0)


def test_a_changed_profile_is_named_and_refused_unless_anyway(tmp_path: Path) -> None:
    out = tmp_path / "out"
    start(out, campaign_of(tmp_path), How(bench=BENCH))
    path = tmp_path / "step.yaml"
    path.write_text(path.read_text() + "# another edition\n")
    with pytest.raises(ChangedError, match=r"step\.yaml: has changed"):
        resume(out, How(bench=BENCH))
    assert resume(out, How(bench=BENCH), anyway=True).done == 6
    assert "step.yaml: has changed" in [entry.note for entry in read_journal(out) if entry.kind == "resume"][-1]


def test_changed_versions_and_files_that_are_gone_are_all_named(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path)
    assert changes(campaign, Path.cwd(), versions()) == []
    (tmp_path / "rig.yaml").unlink()
    now = {**versions(), "code": "another", "numpy": "0"}
    found = changes(campaign, Path.cwd(), now)
    assert [line.split(":")[0].split("/")[-1] for line in found] == ["rig.yaml", "numpy", "code"]


def test_a_full_disk_stops_before_the_next_run_and_never_inside_one(tmp_path: Path) -> None:
    left = [PLENTY, PLENTY, 0]
    summary = conducted(tmp_path, free=lambda _: left.pop(0))
    assert "make room" in summary.stopped
    assert len([read_run(path) for path in list_runs(tmp_path / "out")]) == 2
    assert {entry.attempt for entry in read_journal(tmp_path / "out") if entry.state == "check"} == {1}
    assert conducted(tmp_path).done == 6


def test_a_rig_that_fails_is_given_up_after_three_runs_and_played_again(tmp_path: Path) -> None:
    summary = conducted(tmp_path, shape=fail_at("set_load"))
    assert "3 times in a row" in summary.stopped
    assert len(summary.rig_troubles) == 3
    again = conducted(tmp_path)
    assert (again.done, again.stopped) == (6, "")
    runs = [read_run(path) for path in list_runs(tmp_path / "out")]
    assert sorted(run.attempt for run in runs if run.end in ENDED) == [1, 1, 1, 2, 2, 2]


def test_a_rig_that_is_not_safe_is_not_played_on(tmp_path: Path) -> None:
    summary = conducted(tmp_path, shape=fail_at("safe"))
    assert "safe state was not reached" in summary.stopped
    assert summary.done == 1


def test_a_resume_is_refused_where_the_safe_state_is_not_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path / "out", campaign_of(tmp_path), How(bench=BENCH))
    bench = fake_bench(tmp_path / "rig.yaml")
    bench.shape = fail_at("safe", RigError("DcSource", "does not answer", "switch it off by hand"))
    monkeypatch.setattr(runner_kit, "fake_bench", lambda path: bench)
    with pytest.raises(NotSafeError, match="switch it off by hand"):
        resume(tmp_path / "out", How(bench=BENCH))
    assert [rig.calls for rig in bench.rigs] == [["safe", "close"]]


def test_a_resume_begins_with_the_safe_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(tmp_path / "out", campaign_of(tmp_path), How(bench=BENCH))
    first, *_ = list_runs(tmp_path / "out")
    first.chmod(0o755)
    (first / "run.json").chmod(0o644)
    (first / "run.json").write_text("changed")  # a record that does not fit its manifest is none
    bench: FakeBench = fake_bench(tmp_path / "rig.yaml")
    monkeypatch.setattr(runner_kit, "fake_bench", lambda path: bench)
    assert resume(tmp_path / "out", How(bench=BENCH)).done == 6
    assert bench.rigs[0].calls == ["safe", "close"]
    assert len(bench.rigs) == 2
    assert [path.name for path in list_runs(tmp_path / "out") if path.name.endswith("a2")] == [
        first.name.replace("-a1", "-a2")
    ]


def test_other_repeats_are_another_hash_and_a_deviation(tmp_path: Path) -> None:
    whole = profile(tmp_path, *SHORT)
    same, none = repeated([whole], 2)
    assert (tuple(same), none) == (whole.cases, ())
    more, deviations = repeated([whole], 5)
    assert deviations == ("lab/step: 5 repeats instead of 2",)
    assert {case.repeats for case in more} == {5}
    assert not {case.hash for case in more} & {case.hash for case in whole.cases}


def test_a_rig_in_one_place_is_not_played_by_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = campaign_of(tmp_path)
    bench = fake_bench(tmp_path / "rig.yaml")
    bench.is_virtual = False
    monkeypatch.setattr(runner_kit, "fake_bench", lambda path: bench)
    with pytest.raises(JobsError, match="--jobs 1"):
        start(tmp_path / "out", campaign, How(bench=BENCH, jobs=2))
    assert not (tmp_path / "out" / "campaign.json").exists()
    assert not bench.rigs
