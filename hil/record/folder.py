"""The Record folder: a campaign and its runs on disk, as `hil.record.model` lays them out.

A run is written into a folder beside its name, forced to the disk, sealed by its manifest, renamed and made read-only:
after a power cut it is whole or not there. A finished run is never overwritten, and one that does not fit its manifest
is never read.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from hil.profile.model import Case
from hil.record.codec import CodecError, from_json, to_json
from hil.record.csv_file import write_csv
from hil.record.durable import READ_ONLY_FILE, READ_ONLY_FOLDER, remove_folder, to_disk, write_whole
from hil.record.hdf5_file import write_hdf5
from hil.record.manifest import MANIFEST, digest_of, make_manifest, manifest_problems
from hil.record.model import CAMPAIGN_SCHEMA, CASE_SCHEMA, RUN_SCHEMA, Campaign, End, Mark, RunRecord
from hil.record.recording import Recording, RecordingError, read_recording
from hil.record.source import Source

T = TypeVar("T")
SampleForm = Literal["hdf5", "csv"]

CAMPAIGN, CASE, RUN, RUNS = "campaign.json", "case.json", "run.json", "runs"
RUN_NAME = re.compile(r"([0-9a-f]{12})-r(\d{1,6})-a(\d{1,6})")
SAMPLES_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
JSON_BYTES_MAX = 200_000_000  # ten thousand cases of 10 kB, doubled
WRITE_AGAIN = "run it again, or take the folder again from the bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """One recording of a run. `file` is empty where it has no samples; `channels` are its names, in order."""

    name: str
    file: str
    rows: int
    channels: tuple[str, ...]
    source: Source = field(default_factory=Source)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """What run.json says: a `RunRecord` without its case and samples, and where those are."""

    case_id: str
    case_hash: str
    repeat: int
    attempt: int
    end: End
    reason: str
    started_utc: str
    marks: tuple[Mark, ...]
    identity: Mapping[str, str]
    samples: tuple[Samples, ...]


def run_name(case: Case, repeat: int, attempt: int) -> str:
    """The name of a run's folder: HASH12-rREPEAT-aATTEMPT."""
    return f"{case.hash[:12]}-r{repeat}-a{attempt}"


def write_campaign(folder: Path, campaign: Campaign) -> Path:
    """Write campaign.json; the folder is made if need be.

    Raises:
        RecordingError: there is one already.
        OSError: it cannot be written.
    """
    path = folder / CAMPAIGN
    if path.exists():
        raise RecordingError(path, 0, "is there already", "name another folder, or go on with `hil resume`")
    (folder / RUNS).mkdir(parents=True, exist_ok=True)
    write_whole(path, to_json(campaign, CAMPAIGN_SCHEMA).encode())
    return path


def read_campaign(folder: Path) -> Campaign:
    """What `write_campaign` wrote.

    Raises:
        RecordingError: there is none, or it cannot be understood.
    """
    return _read_json(Campaign, folder / CAMPAIGN, CAMPAIGN_SCHEMA)


def write_run(
    folder: Path, run: RunRecord, *, samples: SampleForm = "hdf5", sources: Mapping[str, Source] | None = None
) -> Path:
    """Write one run of a campaign into its folder, finished and read-only; returns the run's own folder.

    `sources`: what each recording was made with, by its name.

    Raises:
        RecordingError: this attempt was written before, or a recording has a name that is no file's.
        OSError: it cannot be written; nothing of it is left.
    """
    name = run_name(run.case, run.repeat, run.attempt)
    target = folder / RUNS / name
    if not RUN_NAME.fullmatch(name):
        raise RecordingError(target, 0, "is no name of a run", "a case's hash is of hexadecimal digits")
    if target.exists():
        what = "is there already" if (target / MANIFEST).exists() else "is there already, unfinished"
        raise RecordingError(target, 0, what, "a run is never overwritten: count the attempts on")
    names = [recording.name for recording in run.recordings]
    if len(set(names)) < len(names) or not all(map(SAMPLES_NAME.fullmatch, names)):
        raise RecordingError(target, 0, f"has recordings named {', '.join(names)}", "each a name of its own, as power")
    beside = target.with_name(f".{name}.part")
    remove_folder(beside)  # of an attempt that was killed
    try:
        beside.mkdir(parents=True)
        _fill(beside, run, samples, sources or {})
        beside.rename(target)
        target.chmod(READ_ONLY_FOLDER)
    except BaseException:
        remove_folder(beside)
        raise
    to_disk(target.parent)
    return target


def read_run(folder: Path) -> RunRecord:
    """What `write_run` wrote, with its folder and digest.

    Gaps and times that go back are in the recording as they were: `verify_run` names them, the analysis refuses them.

    Raises:
        RecordingError: unfinished, changed since, damaged, or of a newer version: everything that is wrong.
    """
    problems = manifest_problems(folder)
    if problems:
        first, *others = problems
        also = [(0, f"{problem.file}: {problem.what}") for problem in others]
        raise RecordingError(folder / first.file, 0, first.what, first.remedy, also)
    said = _read_json(RunFile, folder / RUN, RUN_SCHEMA)
    case = _read_json(Case, folder / CASE, CASE_SCHEMA)
    if case.hash != said.case_hash:
        raise RecordingError(folder / CASE, 0, "is not the case of run.json", WRITE_AGAIN)
    return RunRecord(
        case=case,
        repeat=said.repeat,
        attempt=said.attempt,
        end=said.end,
        reason=said.reason,
        started_utc=said.started_utc,
        marks=said.marks,
        identity=said.identity,
        recordings=tuple(_samples(folder, part) for part in said.samples),
        folder=folder.name,
        digest=digest_of(folder),
    )


def read_sources(folder: Path) -> Mapping[str, Source]:
    """What each recording of a run was made with, by its name.

    Raises:
        RecordingError: run.json is not there, or cannot be understood.
    """
    return {part.name: part.source for part in _read_json(RunFile, folder / RUN, RUN_SCHEMA).samples}


def list_runs(folder: Path) -> tuple[Path, ...]:
    """The folders of every finished run of a campaign, by case, repeat and attempt. Unfinished ones are left out."""
    found = []
    with suppress(FileNotFoundError):
        for path in (folder / RUNS).iterdir():
            match = RUN_NAME.fullmatch(path.name)
            if match and (path / MANIFEST).is_file():
                found.append((match[1], int(match[2]), int(match[3]), path))
    return tuple(path for *_, path in sorted(found))


def _fill(folder: Path, run: RunRecord, form: SampleForm, sources: Mapping[str, Source]) -> None:
    """Every file of a run, the manifest last."""
    parts = []
    for recording in run.recordings:
        file = f"{recording.name}.{'csv' if form == 'csv' else 'h5'}" if len(recording.t_s) else ""
        source = sources.get(recording.name, Source())
        if file and form == "csv":
            write_csv(folder / file, recording)
        elif file:
            write_hdf5(folder / file, recording, source)
        channels = tuple(recording.channels)
        parts.append(Samples(name=recording.name, file=file, rows=len(recording.t_s), channels=channels, source=source))
    said = RunFile(
        case_id=run.case.id,
        case_hash=run.case.hash,
        repeat=run.repeat,
        attempt=run.attempt,
        end=run.end,
        reason=run.reason,
        started_utc=run.started_utc,
        marks=run.marks,
        identity=run.identity,
        samples=tuple(parts),
    )
    (folder / CASE).write_text(to_json(run.case, CASE_SCHEMA), encoding="utf-8")
    (folder / RUN).write_text(to_json(said, RUN_SCHEMA), encoding="utf-8")
    (folder / MANIFEST).write_bytes(make_manifest(folder))
    for path in folder.iterdir():
        to_disk(path)
        path.chmod(READ_ONLY_FILE)
    to_disk(folder)


def _samples(folder: Path, part: Samples) -> Recording:
    if not part.file:
        empty = np.empty(0)
        return Recording(name=part.name, t_s=empty, channels=dict.fromkeys(part.channels, empty))
    found = read_recording(folder / part.file)
    if len(found.t_s) != part.rows or tuple(found.channels) != part.channels:
        raise RecordingError(folder / part.file, 0, "has other samples than run.json says", WRITE_AGAIN)
    return Recording(name=part.name, t_s=found.t_s, channels=found.channels)


def _read_json(kind: type[T], path: Path, schema: str) -> T:
    try:
        if path.stat().st_size > JSON_BYTES_MAX:
            raise RecordingError(path, 0, f"is larger than {JSON_BYTES_MAX} bytes", WRITE_AGAIN)
        return from_json(kind, path.read_text(encoding="utf-8"), schema)
    except OSError as error:
        raise RecordingError(path, 0, f"cannot be read: {error.strerror}", "is it the right folder?") from None
    except UnicodeDecodeError:
        raise RecordingError(path, 0, "is no UTF-8 text", WRITE_AGAIN) from None
    except CodecError as error:
        raise RecordingError(path, 0, str(error), WRITE_AGAIN) from None
