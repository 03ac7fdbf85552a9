"""Recordings in other people's forms: a run's, or any file that `hil measure` reads."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np

from hil.record.comtrade_writer import EPOCH, Form, Head, write_comtrade
from hil.record.csv_file import write_csv
from hil.record.folder import CAMPAIGN, RUN, list_runs, read_run, read_sources
from hil.record.hdf5_file import write_hdf5
from hil.record.model import RunRecord
from hil.record.recording import Recording, RecordingError, read_recording
from hil.record.source import Source


class Kind(StrEnum):
    """What is made, under the name of its option."""

    COMTRADE = "comtrade"
    CSV = "csv"
    HDF5 = "hdf5"
    PARQUET = "parquet"


ENDING = {Kind.COMTRADE: ".cfg", Kind.CSV: ".csv", Kind.HDF5: ".h5", Kind.PARQUET: ".parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One recording and the name that its export gets, without an ending."""

    name: str
    recording: Recording
    source: Source
    head: Head


def items_of(path: Path) -> Iterator[Item]:
    """Every recording that a path means, one by one: a campaign's folder (all its runs), a run's, or a file's.

    Raises:
        RecordingError: it is none of these, or one of them cannot be read.
    """
    if (path / CAMPAIGN).exists():
        runs = list_runs(path)
        if not runs:
            raise RecordingError(path, 0, "has no finished run", "run it: `hil resume`")
        for run in runs:
            yield from _of_run(run)
    elif (path / RUN).exists():
        yield from _of_run(path)
    elif path.is_dir():
        raise RecordingError(path, 0, "is no campaign and no run", f"name the folder that has {CAMPAIGN} or {RUN}")
    else:
        recording = read_recording(path)
        yield Item(name=path.stem, recording=recording, source=Source(), head=Head(station=path.stem))


def export(item: Item, folder: Path, kind: Kind, form: Form = Form.FLOAT32) -> list[Path]:
    """Write one recording into a folder; returns the files.

    Raises:
        RecordingError: there is such a file already, or the form cannot hold it.
        OSError: it cannot be written.
    """
    target = folder / f"{item.name}{ENDING[kind]}"
    made = [target, target.with_suffix(".dat")] if kind is Kind.COMTRADE else [target]
    for path in made:
        if path.exists():
            raise RecordingError(path, 0, "is there already", "name another folder with --out, or move it away")
    folder.mkdir(parents=True, exist_ok=True)
    match kind:
        case Kind.COMTRADE:
            write_comtrade(target, item.recording, item.head, form)
        case Kind.CSV:
            write_csv(target, item.recording)
        case Kind.HDF5:
            write_hdf5(target, item.recording, item.source)
        case Kind.PARQUET:
            from hil.record.parquet_file import write_parquet  # pyarrow is large, and the others do without

            write_parquet(target, item.recording)
    return made


def _of_run(folder: Path) -> Iterator[Item]:
    run, sources = read_run(folder), read_sources(folder)
    for recording in run.recordings:
        if len(recording.t_s):
            source = sources[recording.name]
            name = f"{folder.resolve().name}-{recording.name}"
            yield Item(name=name, recording=recording, source=source, head=_head(run, recording, source))


def _head(run: RunRecord, recording: Recording, source: Source) -> Head:
    """The wall clock of the first sample is that of the run's start and what passed since its first mark."""
    started = EPOCH
    with suppress(ValueError, OverflowError):
        started = datetime.fromisoformat(run.started_utc).astimezone(UTC)
        if run.marks and np.isfinite(recording.t_s[0]):
            started += timedelta(seconds=float(recording.t_s[0]) - run.marks[0].t_s)
    trigger_s = next((mark.t_s for mark in run.marks if mark.step == 1), None)
    return Head(
        station=run.case.id,
        device=source.instrument,
        line_hz=_line_hz(run, recording),
        started=started,
        trigger_s=trigger_s,
    )


def _line_hz(run: RunRecord, recording: Recording) -> float | None:
    """The frequency that was recorded, otherwise the case's nominal one; None: nobody said."""
    seen = recording.channels.get("poi.frequency_hz", np.empty(0))
    if np.any(np.isfinite(seen)):
        return float(np.nanmedian(seen))
    with suppress(KeyError):
        value = run.case.parameter("nominal_hz").value
        return value if isinstance(value, float) else None
    return None
