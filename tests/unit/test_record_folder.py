"""The Record folder: what is written comes back to the last bit, stays as it was, and says what is wrong with it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from hil.profile.lint import lint_case
from hil.record import folder as folder_module
from hil.record.folder import (
    list_runs,
    read_campaign,
    read_run,
    read_sources,
    run_name,
    write_campaign,
    write_run,
)
from hil.record.model import End
from hil.record.recording import Recording, RecordingError, read_recording
from hil.record.source import Source
from hil.record.verify import verify_run
from tests.profile_kit import profile, rig
from tests.record_kit import campaign, case, run, same, same_samples, samples


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The folder of a finished run."""
    return write_run(tmp_path / "c", run(case(tmp_path)))


def opened(folder: Path) -> Path:
    """The folder, writable, as whoever wants to change it would make it."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(RecordingError) as error:
        read_run(folder)
    return str(error.value).replace(f"{folder}/", "")


@pytest.mark.parametrize("form", ["hdf5", "csv"])
def test_a_run_comes_back_to_the_last_bit(form: str, tmp_path: Path) -> None:
    waveform = Recording(name="waveform", t_s=np.arange(5) / 7, channels={"v/1, L1": np.array([1e-300, -0.0, 1, 2, 3])})
    done = run(case(tmp_path), samples(), waveform, repeat=3, attempt=2)
    path = write_run(tmp_path / "c", done, samples=form)  # type: ignore[arg-type]
    again = read_run(path)
    assert same(again, done)
    assert (again.folder, len(again.digest)) == (path.name, 64)
    assert path.name == f"{done.case.hash[:12]}-r3-a2"
    assert verify_run(path, again.digest) == ()


def test_a_run_without_samples_keeps_the_names_of_its_channels(tmp_path: Path) -> None:
    empty = Recording(name="power", t_s=np.empty(0), channels={"poi.import_w": np.empty(0)})
    done = run(case(tmp_path), empty, end=End.RIG_FAILED)
    assert same(read_run(write_run(tmp_path, done)), done)


def test_a_campaign_comes_back_with_its_cases(tmp_path: Path) -> None:
    cases = profile(tmp_path).cases
    said = campaign(*cases)
    write_campaign(tmp_path / "c", said)
    assert read_campaign(tmp_path / "c") == said
    assert lint_case(read_campaign(tmp_path / "c").cases[0], rig(tmp_path)) == []
    with pytest.raises(RecordingError, match=r"campaign\.json: is there already"):
        write_campaign(tmp_path / "c", said)


def test_runs_are_listed_by_case_repeat_and_attempt_and_unfinished_ones_are_not(tmp_path: Path) -> None:
    one = case(tmp_path)
    paths = [write_run(tmp_path, run(one, repeat=r, attempt=a)) for r, a in ((10, 1), (2, 1), (2, 2))]
    (tmp_path / "runs" / run_name(one, 3, 1)).mkdir()
    (tmp_path / "runs" / f".{run_name(one, 4, 1)}.part").mkdir()
    assert list_runs(tmp_path) == (paths[1], paths[2], paths[0])
    assert list_runs(tmp_path / "nowhere") == ()


def test_a_finished_run_is_read_only_and_never_overwritten(written: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    assert {oct(path.stat().st_mode & 0o777) for path in written.iterdir()} == {"0o444"}
    assert written.stat().st_mode & 0o222 == 0
    with pytest.raises(RecordingError, match="never overwritten"):
        write_run(tmp_path / "c", run(case(tmp_path), samples(rows=30)))
    assert {path.name: path.read_bytes() for path in written.iterdir()} == before


def test_a_run_that_was_cut_off_leaves_nothing_and_can_be_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    done = run(case(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "to_disk", full)
        with pytest.raises(OSError, match="No space left"):
            write_run(tmp_path, done)
    assert os.listdir(tmp_path / "runs") == []
    killed = tmp_path / "runs" / f".{run_name(done.case, 1, 1)}.part"
    killed.mkdir()
    (killed / "power.h5").write_bytes(b"half")
    assert same(read_run(write_run(tmp_path, done)), done)
    assert not killed.exists()


FULL = """
import resource, signal, sys
from pathlib import Path
from hil.record.folder import write_run
from tests.record_kit import case, run, samples
folder = Path(sys.argv[1])
done = run(case(folder), samples(rows=20_000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for form in ("hdf5", "csv"):
    try:
        write_run(folder / form, done, samples=form)
    except OSError as error:
        print(form, error.strerror, list((folder / form / "runs").iterdir()))
"""


@pytest.mark.parametrize("room", [0, 500, 5_000])
def test_a_disk_without_room_is_an_error_of_the_system_and_leaves_nothing(room: int, tmp_path: Path) -> None:
    """In a process of its own: where HDF5 itself meets a full disk, it brings the process down."""
    command = [sys.executable, "-c", FULL, str(tmp_path), str(room)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["hdf5 File too large []", "csv File too large []"]


def test_samples_can_be_read_with_nothing_but_h5py(tmp_path: Path) -> None:
    said = Source(instrument="Maker WT1, 42", calibration_due="2027-01-31", uncertainty_ratio=0.001)
    per_phase = Recording(
        name="power", t_s=np.array([0.0, 1.0]), channels={"poi.import_w.L2": np.array([5.0, np.nan]), "a": np.zeros(2)}
    )
    path = write_run(tmp_path, run(case(tmp_path), per_phase, end=End.RIG_FAILED), sources={"power": said})
    with h5py.File(path / "power.h5") as file:
        channel = file["channels/poi.import_w.L2"]
        assert list(file["channels"]) == ["poi.import_w.L2", "a"]
        assert file["t_s"][()].tolist() == [0.0, 1.0]
        assert (file["t_s"].attrs["unit"], channel.dims[0]["t_s"][1]) == ("s", 1.0)
        assert np.array_equal(channel[()], [5.0, np.nan], equal_nan=True)
        assert {key: channel.attrs[key] for key in ("unit", "phase", "instrument", "uncertainty_ratio")} == {
            "unit": "W",
            "phase": "L2",
            "instrument": "Maker WT1, 42",
            "uncertainty_ratio": 0.001,
        }
        assert (channel.compression, channel.shuffle) == ("gzip", True)
    assert read_sources(path)["power"] == said


def test_samples_of_a_record_are_a_recording_like_any_other(written: Path, tmp_path: Path) -> None:
    csv = write_run(tmp_path / "d", run(case(tmp_path)), samples="csv")
    for path in (written / "power.h5", csv / "power.csv"):
        assert same_samples(read_recording(path), samples())


@pytest.mark.parametrize(
    ("file", "change", "what"),
    [
        ("power.h5", lambda raw: raw[: len(raw) // 2], "power.h5: has "),
        ("power.h5", lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), "power.h5: is not what the manifest says"),
        ("case.json", lambda raw: raw.replace(b"30.0", b"60.0", 1), "case.json: is not what the manifest says"),
        ("manifest.json", lambda raw: raw[:-3], "manifest.json: line "),
        ("manifest.json", lambda raw: raw.replace(b"manifest/1", b"manifest/2"), "is newer than hil.manifest/1"),
        ("manifest.json", lambda raw: raw.replace(b"power.h5", b"../../p"), 'lists "../../p", which is no plain name'),
        ("manifest.json", lambda raw: raw.replace(b'"run.json"', b'"ran.json"'), "ran.json: is missing"),
        ("manifest.json", lambda raw: b"\xff" + raw, "manifest.json: is no UTF-8 text"),
    ],
)
def test_a_file_that_was_changed_is_named_and_the_run_not_read(
    file: str, change: object, what: str, written: Path
) -> None:
    path = opened(written) / file
    raw = path.read_bytes()
    assert change(raw) != raw  # type: ignore[operator]
    path.write_bytes(change(raw))  # type: ignore[operator]
    assert what in refused(written)
    assert any(what in str(problem) for problem in verify_run(written))


def test_every_missing_and_added_file_is_named_at_once(written: Path) -> None:
    (opened(written) / "power.h5").unlink()
    (written / "run.json").unlink()
    (written / "note.txt").write_text("hello")
    assert {problem.file for problem in verify_run(written)} == {"power.h5", "run.json", "note.txt"}
    assert all(name in refused(written) for name in ("power.h5", "run.json", "note.txt"))
    (written / "manifest.json").unlink()
    assert "the run was not finished" in refused(written)


def resealed(folder: Path) -> Path:
    """The folder with a manifest of what is in it now: what a forger would do."""
    from hil.record.manifest import MANIFEST, make_manifest

    (folder / MANIFEST).write_bytes(make_manifest(folder))
    return folder


def test_a_manifest_that_was_changed_with_its_file_is_found_by_its_digest(written: Path) -> None:
    judged = read_run(written).digest
    path = opened(written) / "run.json"
    path.write_text(path.read_text().replace("1.2.3", "9.9.9"))
    assert verify_run(resealed(written)) == ()
    assert [problem.file for problem in verify_run(written, judged)] == ["manifest.json"]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("hil.run/1", "hil.run/2", "run.json: schema: hil.run/2 is newer than hil.run/1"),
        ("hil.run/1", "pcs.site/1", 'run.json: schema: expected hil.run/1, got "pcs.site/1"'),
        ('"attempt"', '"attempts"', 'run.json: the whole: RunFile has no "attempts"'),
        ('"end": "complete"', '"end": "fine"', 'run.json: end: "fine" is no End'),
        ('"step": 1', '"step": 1.5', "run.json: marks[0].step: expected a whole number, got 1.5"),
        ('"t_s": 86410.0', '"t_s": NaN', "run.json: the whole: NaN is no number of JSON"),
        ('"reason": ""', '"reason": "", "reason": "x"', 'run.json: the whole: names "reason" twice'),
        ('"rows": 200', '"rows": 201', "power.h5: has other samples than run.json says"),
    ],
)
def test_what_cannot_be_understood_is_said_with_its_place(old: str, new: str, what: str, written: Path) -> None:
    path = opened(written) / "run.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert what in refused(resealed(written))
    assert any(what in str(problem) for problem in verify_run(written))


def test_samples_that_are_cut_off_are_no_recording_even_where_the_manifest_was_made_for_them(written: Path) -> None:
    path = opened(written) / "power.h5"
    raw = path.read_bytes()
    for size in (0, 10, len(raw) // 2, len(raw) - 1):
        path.write_bytes(raw[:size])
        assert "power.h5: is no whole HDF5 file" in refused(resealed(written))


def test_hdf5_of_somebody_else_is_no_recording(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["y"] = [1.0]
    with pytest.raises(RecordingError, match=r"HDF5 of nothing, expected hil\.samples/1"):
        read_recording(tmp_path / "x.h5")
    with pytest.raises(RecordingError, match="No such file"):
        read_recording(tmp_path / "gone.h5")


def test_gaps_lost_channels_and_time_that_goes_back_are_named(tmp_path: Path) -> None:
    good = samples()
    back, hole = good.t_s.copy(), good.t_s.copy()
    back[50:] -= 1.0
    hole[50:] += 3.0
    lost = {"poi.import_w": np.full(200, np.nan), "load.demand_w": good.channels["load.demand_w"]}
    one = case(tmp_path)
    for attempt, (bad, what) in enumerate(
        [
            (replace(good, t_s=back), "power: time goes back after 86404.9 s (sample 50)"),
            (replace(good, t_s=hole), "power: has a gap of 3.1 s after 86404.9 s (samples are 0.1 s apart)"),
            (replace(good, channels=lost), "power: poi.import_w has no value at all"),
            (replace(good, channels={"poi.import_w": lost["poi.import_w"]}), "has no channel load.demand_w"),
        ],
        start=1,
    ):
        path = write_run(tmp_path, run(one, bad, attempt=attempt))
        assert any(what in str(problem) for problem in verify_run(path)), what
        assert same_samples(read_run(path).recordings[0], bad)


def test_a_folder_with_the_name_of_another_run_is_named(written: Path) -> None:
    other = written.with_name(written.name.replace("-r1-", "-r2-"))
    shutil.copytree(written, other)
    assert [problem.what for problem in verify_run(other)] == [f"is {written.name} by its content"]


def test_a_case_whose_numbers_were_changed_is_no_longer_itself(written: Path) -> None:
    path = opened(written) / "case.json"
    said = json.loads(path.read_text())
    said["criteria"][0]["limit_value"] *= 2
    path.write_text(json.dumps(said))
    assert [problem.what for problem in verify_run(resealed(written))] == ["has another hash than it says"]


def test_two_recordings_of_one_name_and_names_that_are_no_files_are_refused(tmp_path: Path) -> None:
    for recordings in ((samples(), samples()), (samples("../power"),)):
        with pytest.raises(RecordingError, match="each a name of its own"):
            write_run(tmp_path, run(case(tmp_path), *recordings))
