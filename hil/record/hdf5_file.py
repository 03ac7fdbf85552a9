"""Samples as HDF5, `hil.samples/1`: a layout that any HDF5 reader opens without this project.

    /                   attributes: schema, name, instrument, calibration_due
    /t_s                seconds by the clock of the record (float64), the scale of every channel
    /channels/NAME      float64, NaN where a sample was lost; attributes: name, unit, phase, instrument,
                        uncertainty_ratio (of the value; NaN: not stated)

Compressed without loss, in chunks. Channels keep their order. A `/` in a name is `|` in the path; `name` has it right.
"""

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from hil.record.channel_facts import phase_of, unit_of
from hil.record.recording import FloatArray, Recording, RecordingError
from hil.record.source import Source

SAMPLES_SCHEMA = "hil.samples/1"
CHUNK_ROWS = 65_536  # 512 kB: read in one piece, and small enough for h5py's default cache of 1 MB
DAMAGED = "take it again from the bench, or from a copy whose manifest fits, or export it as CSV with t_s first"


def write_hdf5(path: Path, recording: Recording, source: Source | None = None) -> None:
    """Write a new file.

    Raises:
        OSError: it is there already, or cannot be written.
    """
    source = source or Source()
    memory = io.BytesIO()  # and not the disk: where that is full, HDF5 brings down the process
    with h5py.File(memory, "w", track_order=True) as file:
        file.attrs["schema"] = SAMPLES_SCHEMA
        file.attrs["name"] = recording.name
        file.attrs["instrument"] = source.instrument
        file.attrs["calibration_due"] = source.calibration_due
        time = _dataset(file, "t_s", recording.t_s)
        time.attrs["unit"] = "s"
        time.make_scale("t_s")
        group = file.create_group("channels", track_order=True)
        for name, values in recording.channels.items():
            channel = _dataset(group, name.replace("/", "|"), values)
            channel.dims[0].attach_scale(time)
            channel.attrs["name"] = name
            channel.attrs["unit"] = unit_of(name)
            channel.attrs["phase"] = phase_of(name)
            channel.attrs["instrument"] = source.instrument
            ratio = source.uncertainty_ratio
            channel.attrs["uncertainty_ratio"] = np.nan if ratio is None else ratio
    with path.open("xb") as target:
        target.write(memory.getbuffer())


def read_hdf5(path: Path) -> Recording:
    """Read what `write_hdf5` wrote.

    Raises:
        RecordingError: it is damaged, cut off, or something else.
    """
    with _opened(path) as file:
        said = str(file.attrs.get("schema", "nothing"))
        if said != SAMPLES_SCHEMA:
            remedy = "read it with the version of hil that wrote it, or export it as CSV with the column t_s first"
            raise RecordingError(path, 0, f"is HDF5 of {said}, expected {SAMPLES_SCHEMA}", remedy)
        channels = {name: _values(data, slice(None)) for name, data in _columns(path, file).items()}
        return Recording(name=path.name, t_s=_values(file["t_s"], slice(None)), channels=channels)


def hdf5_names(path: Path) -> tuple[str, ...]:
    """The channels of a file of this layout, whatever schema it says.

    Raises:
        RecordingError: it is damaged, cut off, or something else.
    """
    with _opened(path) as file:
        return tuple(_columns(path, file))


def hdf5_blocks(path: Path, most_rows: int, columns: Collection[str]) -> Iterator[Recording]:
    """Its rows in order, at most so many at once, with those of these columns that there are.

    Raises:
        RecordingError: while iterating, where it is damaged.
    """
    with _opened(path) as file:
        wanted = {name: data for name, data in _columns(path, file).items() if name in columns}
        for i in range(0, len(file["t_s"]), most_rows):
            rows = slice(i, i + most_rows)
            try:
                t_s = _values(file["t_s"], rows)
                channels = {name: _values(data, rows) for name, data in wanted.items()}
            except OSError as error:
                raise RecordingError(path, 0, f"is damaged at row {i + 1}: {error}", DAMAGED) from None
            yield Recording(name=path.name, t_s=t_s, channels=channels)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file; what h5py raises for a damaged one becomes a `RecordingError`."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError:
        raise RecordingError(path, 0, "cannot be read: No such file or directory", "check the name") from None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise RecordingError(path, 0, f"is no whole HDF5 file: {_first_line(error)}", DAMAGED) from None


def _columns(path: Path, file: Any) -> dict[str, Any]:
    """The datasets of the channels, by the name that each carries."""
    if "t_s" not in file or "channels" not in file:
        raise RecordingError(path, 0, f"has no t_s and channels (schema {SAMPLES_SCHEMA})", DAMAGED)
    count = len(file["t_s"])
    columns = {str(data.attrs.get("name", key)): data for key, data in file["channels"].items()}
    for name, data in columns.items():
        if len(data) != count:
            raise RecordingError(path, 0, f"has {len(data)} samples of {name} at {count} instants", DAMAGED)
    return columns


def _dataset(group: Any, name: str, values: FloatArray) -> Any:
    data = np.ascontiguousarray(values, dtype=np.float64)
    if not len(data):
        return group.create_dataset(name, data=data)
    return group.create_dataset(
        name, data=data, chunks=(min(CHUNK_ROWS, len(data)),), compression="gzip", compression_opts=1, shuffle=True
    )


def _values(dataset: Any, rows: slice) -> FloatArray:
    values = np.asarray(dataset[rows], dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"{dataset.name} is no row of numbers")
    return values


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
