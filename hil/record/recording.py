"""What a recording is once it is read: named channels over one time base."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MAX_BYTES = 2_000_000_000  # ten minutes of six channels at 256 samples per cycle are 0.9 GB as CSV


class RecordingError(Exception):
    """A file cannot be used as a recording: which file, which line (0: the file as a whole), what, and the remedy.

    `also` are further mistakes of the same kind, each with its line.
    """

    def __init__(self, path: Path, line: int, what: str, remedy: str, also: Sequence[tuple[int, str]] = ()):
        place = f"{path}:{line}" if line else str(path)
        super().__init__("\n".join([f"{place}: {what} ({remedy})", *(f"{path}:{n}: {w}" for n, w in also)]))
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording. `t_s` as the file says it, in order of the file; a missing sample of a channel is NaN."""

    name: str
    t_s: FloatArray
    channels: Mapping[str, FloatArray]

    def between(self, from_s: float | None, to_s: float | None) -> "Recording":
        """The rows from one time to another; all of them where neither is said."""
        if from_s is None and to_s is None:
            return self
        keep = (self.t_s >= (-np.inf if from_s is None else from_s)) & (self.t_s <= (np.inf if to_s is None else to_s))
        return Recording(name=self.name, t_s=self.t_s[keep], channels={k: y[keep] for k, y in self.channels.items()})


def read_recording(path: Path) -> Recording:
    """Read a CSV, COMTRADE or HDF5 file, told apart by the suffix (.cfg, .dat or .cff is COMTRADE, .h5 a record's).

    Raises:
        RecordingError: the file cannot be read or is not what it seems.
    """
    from hil.record.comtrade import read_comtrade
    from hil.record.csv_file import read_csv

    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecordingError(path, 0, f"is larger than {MAX_BYTES} bytes", "cut out the minutes around the step")
        if path.suffix.lower() in (".h5", ".hdf5"):
            from hil.record.hdf5_file import read_hdf5  # h5py takes 0.1 s, which a CSV should not pay

            return read_hdf5(path)
        comtrade = path.suffix.lower() in (".cfg", ".dat", ".cff")
        return read_comtrade(path) if comtrade else read_csv(path)
    except OSError as error:
        raise RecordingError(path, 0, f"cannot be read: {error.strerror}", "check the name and the rights") from None
