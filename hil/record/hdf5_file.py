"""Samples as HDF5, `hil.samples/1`: a layout that any HDF5 reader opens without this project.

    /                   attributes: schema, name, instrument, calibration_due
    /t_s                seconds by the clock of the record (float64), the scale of every channel
    /channels/NAME      float64, NaN where a sample was lost; attributes: name, unit, phase, instrument,
                        uncertainty_ratio (of the value; NaN: not stated)

Compressed without loss, in chunks. Channels keep their order. A `/` in a name is `|` in the path; `name` has it right.
"""

import io
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from hil.record.channel_facts import phase_of, unit_of
from hil.record.recording import FloatArray, Recording, RecordingError
from hil.record.source import Source

SAMPLES_SCHEMA = "hil.samples/1"
CHUNK_ROWS = 65_536  # 512 kB: read in one piece, and small enough for h5py's default cache of 1 MB
DAMAGED = "take it again from the bench, or from a copy whose manifest fits"


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
    try:
        with h5py.File(path, "r") as file:
            return _recording(path, file)
    except FileNotFoundError:
        raise RecordingError(path, 0, "cannot be read: No such file or directory", "check the name") from None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # what h5py raises for a damaged file
        raise RecordingError(path, 0, f"is no whole HDF5 file: {_first_line(error)}", DAMAGED) from None


def _recording(path: Path, file: Any) -> Recording:
    said = str(file.attrs.get("schema", "nothing"))
    if said != SAMPLES_SCHEMA:
        remedy = "read it with the version of hil that wrote it, or export it as CSV with the column t_s first"
        raise RecordingError(path, 0, f"is HDF5 of {said}, expected {SAMPLES_SCHEMA}", remedy)
    t_s = _values(file["t_s"])
    channels: dict[str, FloatArray] = {}
    for key, dataset in file["channels"].items():
        name = str(dataset.attrs.get("name", key))
        channels[name] = _values(dataset)
        if len(channels[name]) != len(t_s):
            what = f"has {len(channels[name])} samples of {name} at {len(t_s)} instants"
            raise RecordingError(path, 0, what, DAMAGED)
    return Recording(name=path.name, t_s=t_s, channels=channels)


def _dataset(group: Any, name: str, values: FloatArray) -> Any:
    data = np.ascontiguousarray(values, dtype=np.float64)
    if not len(data):
        return group.create_dataset(name, data=data)
    return group.create_dataset(
        name, data=data, chunks=(min(CHUNK_ROWS, len(data)),), compression="gzip", compression_opts=1, shuffle=True
    )


def _values(dataset: Any) -> FloatArray:
    values = np.asarray(dataset[()], dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"{dataset.name} is no row of numbers")
    return values


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
