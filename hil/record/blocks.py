"""A recording of any length, taken piece by piece: an hour of waveforms does not fit into a laptop's memory.

Small files are read whole, as ever. Large CSV, large binary COMTRADE (.cfg with .dat) and HDF5 are read in blocks, and
of HDF5 and CSV only the columns that were asked for.
"""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hil.record.comtrade import comtrade_blocks, comtrade_names
from hil.record.csv_file import csv_blocks, csv_names
from hil.record.recording import Recording, RecordingError, read_recording

WHOLE_BYTES = 64_000_000  # read at once; takes ten times as much memory where it is COMTRADE of 16 bits
BLOCK_ROWS = 65_536  # a chunk of our HDF5; half a megabyte a column
HDF5 = (".h5", ".hdf5")

Reader = Callable[[Collection[str]], Iterator[Recording]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A recording that is still on disk: its channels, and its rows in order, at most `BLOCK_ROWS` at once."""

    names: tuple[str, ...]
    read: Reader

    def between(self, from_s: float | None, to_s: float | None, columns: Collection[str]) -> Iterator[Recording]:
        """The rows from one time to another, with these columns at least.

        Raises:
            RecordingError: while iterating, where the file is not what it seems.
        """
        for block in self.read(columns):
            if to_s is not None and len(block.t_s) and block.t_s[0] > to_s:
                return
            yield block.between(from_s, to_s)


def open_blocks(path: Path, whole_bytes: int = WHOLE_BYTES) -> Blocks:
    """What a file holds, told apart by its suffix; nothing but its head is read of a large one.

    Raises:
        RecordingError: the file cannot be read or is not what it seems.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in HDF5:
            from hil.record.hdf5_file import hdf5_blocks, hdf5_names  # h5py takes 0.1 s, which a CSV should not pay

            return Blocks(names=hdf5_names(path), read=partial(hdf5_blocks, path, BLOCK_ROWS))
        data = path.with_suffix(".dat" if path.suffix.islower() else ".DAT") if suffix == ".cfg" else path
        if data.exists() and data.stat().st_size > whole_bytes:
            if suffix in (".cfg", ".dat"):
                names = comtrade_names(path)
                if names is not None:
                    return Blocks(names=names, read=lambda _: comtrade_blocks(path, BLOCK_ROWS))
            elif suffix != ".cff":
                return Blocks(names=csv_names(path), read=partial(csv_blocks, path, BLOCK_ROWS))
    except OSError as error:
        what = f"cannot be read: {os.strerror(error.errno) if error.errno else error}"
        raise RecordingError(path, 0, what, "check the name and the rights") from None
    recording = read_recording(path)
    return Blocks(names=tuple(recording.channels), read=lambda _: _cut(recording))


def _cut(recording: Recording) -> Iterator[Recording]:
    for i in range(0, len(recording.t_s), BLOCK_ROWS):
        rows = slice(i, i + BLOCK_ROWS)
        channels = {name: y[rows] for name, y in recording.channels.items()}
        yield Recording(name=recording.name, t_s=recording.t_s[rows], channels=channels)
