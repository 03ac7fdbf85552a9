"""COMTRADE recordings (IEEE C37.111-1991, -1999, -2013): .cfg with .dat, or the single file .cff.

ASCII, BINARY, BINARY32 and FLOAT32. Analog values are returned as primary quantities; status channels as 0 and 1.
Time is in seconds from the first sample: from the sample rates where the file declares them, otherwise from the time
stamps. A reader of our own, because it is small and the known package reads sample by sample in Python.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hil.record.recording import FloatArray, Recording, RecordingError

MISSING_INT16, MISSING_INT32 = -(2**15), -(2**31)  # C37.111-2013 8.6: the value of a missing sample
RAW = {"BINARY": "<i2", "BINARY32": "<i4", "FLOAT32": "<f4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Analog:
    name: str
    gain: float
    offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Config:
    analog: tuple[_Analog, ...]
    status: tuple[str, ...]
    rates: tuple[tuple[float, int], ...]
    """(samples per second, last sample number); empty when the time stamps count."""
    form: str
    stamp_factor: float


class _Lines:
    """The lines of a .cfg, one by one, knowing where it is."""

    def __init__(self, path: Path, lines: list[str]):
        self.path, self.lines, self.at = path, lines, 0

    def cells(self) -> list[str]:
        if self.at >= len(self.lines):
            raise RecordingError(self.path, self.at, "ends too early", "take the whole .cfg that belongs to the .dat")
        self.at += 1
        return [cell.strip() for cell in next(csv.reader([self.lines[self.at - 1]]), [""])]

    def wrong(self, what: str) -> RecordingError:
        return RecordingError(self.path, self.at, what, "is this a COMTRADE configuration file?")


def read_comtrade(path: Path) -> Recording:
    """Read a COMTRADE record by the name of its .cfg, .dat or .cff.

    Raises:
        RecordingError: what is wrong, with the line of the configuration.
    """
    if path.suffix.lower() == ".cff":
        data, lines = _single_file(path)
        reader = _Lines(path, lines)
        config = _understood(reader)
    else:
        reader, config = _pair(path)
        data = _beside(path, ".dat").read_bytes()
    samples = _ascii(reader, config, data) if config.form == "ASCII" else _binary(reader, config, data)
    if not len(samples[0]):
        raise RecordingError(path, 0, "has no samples", "take the .dat that belongs to the .cfg")
    return _recording(path, config, samples, 0, float(samples[0][0]))


def comtrade_names(path: Path) -> tuple[str, ...] | None:
    """The channels of a pair of files whose samples can be taken in blocks; None: only as a whole.

    Raises:
        RecordingError: as `read_comtrade`.
    """
    _, config = _pair(path)
    names = dict.fromkeys([*(channel.name for channel in config.analog), *config.status])
    return None if config.form == "ASCII" else tuple(names)


def comtrade_blocks(path: Path, rows: int) -> Iterator[Recording]:
    """The samples of a binary pair of files, some at once.

    Raises:
        RecordingError: as `read_comtrade`.
    """
    reader, config = _pair(path)
    first, stamp = 0, None
    with _beside(path, ".dat").open("rb") as file:
        while data := file.read(rows * _row(config).itemsize):
            samples = _binary(reader, config, data)
            stamp = float(samples[0][0]) if stamp is None else stamp
            yield _recording(path, config, samples, first, stamp)
            first += len(samples[0])


def _pair(path: Path) -> tuple[_Lines, _Config]:
    configuration = _beside(path, ".cfg")
    reader = _Lines(configuration, configuration.read_bytes().decode("utf-8-sig", errors="replace").splitlines())
    return reader, _understood(reader)


def _understood(reader: _Lines) -> _Config:
    try:
        return _configuration(reader)
    except (ValueError, IndexError):
        raise reader.wrong("cannot be understood") from None


def _recording(
    path: Path, config: _Config, samples: tuple[FloatArray, FloatArray, FloatArray], first: int, stamp_value: float
) -> Recording:
    """Samples from number `first` on (0: the first of the file, stamped `stamp_value`), as primary quantities."""
    stamps, analog, status = samples
    channels = {c.name: analog[:, i] * c.gain + c.offset for i, c in enumerate(config.analog)}
    channels |= {name: status[:, i] for i, name in enumerate(config.status) if name not in channels}
    return Recording(name=path.name, t_s=_time_s(config, stamps, first, stamp_value), channels=channels)


def _beside(path: Path, suffix: str) -> Path:
    """The file of the pair with this suffix, in the case of letters that exists."""
    for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
        if candidate.exists():
            return candidate
    raise RecordingError(path, 0, f"has no {suffix} beside it", "COMTRADE is a pair of files: copy both")


def _single_file(path: Path) -> tuple[bytes, list[str]]:
    """Data and configuration lines of a .cff (sections `--- file type: CFG ---`)."""
    sections: dict[str, bytes] = {}
    for part in path.read_bytes().split(b"--- file type:")[1:]:
        head, _, body = part.partition(b"\n")
        sections[head.decode("ascii", errors="replace").split()[0].upper()] = body
    if not {"CFG", "DAT"} <= sections.keys():
        raise RecordingError(path, 0, "has no CFG and DAT section", "export it again, or as .cfg and .dat")
    return sections["DAT"], sections["CFG"].decode("utf-8", errors="replace").splitlines()


def _configuration(reader: _Lines) -> _Config:
    reader.cells()  # station, device, revision
    counts = reader.cells()
    if len(counts) < 3 or counts[1][-1:].upper() != "A" or counts[2][-1:].upper() != "D":
        raise reader.wrong(f'"{",".join(counts)[:40]}" is no count of channels')
    analog = tuple(_analog(reader.cells()) for _ in range(int(counts[1][:-1])))
    status = tuple(reader.cells()[1] for _ in range(int(counts[2][:-1])))
    names = [channel.name for channel in analog]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise reader.wrong(f'names the channel "{twice}" twice')
    reader.cells()  # line frequency
    declared = int(reader.cells()[0])
    rows = [reader.cells() for _ in range(max(1, declared))]
    rates = tuple((float(row[0]), int(row[1])) for row in rows if float(row[0]) > 0) if declared else ()
    reader.cells(), reader.cells()  # time of the first sample and of the trigger
    form = reader.cells()[0].upper()
    if form != "ASCII" and form not in RAW:
        raise reader.wrong(f'"{form}" is no known form of data')
    factor = reader.cells()[0] if reader.at < len(reader.lines) else ""
    return _Config(analog=analog, status=status, rates=rates, form=form, stamp_factor=float(factor or 1.0))


def _analog(cells: list[str]) -> _Analog:
    """One analog channel: `An, name, phase, component, unit, a, b, skew, min, max[, primary, secondary, PS]`."""
    factor = 1.0
    if len(cells) >= 13 and cells[12].upper() == "S" and float(cells[11]) != 0.0:
        factor = float(cells[10]) / float(cells[11])
    return _Analog(name=cells[1], gain=float(cells[5]) * factor, offset=float(cells[6]) * factor)


def _ascii(reader: _Lines, config: _Config, data: bytes) -> tuple[FloatArray, FloatArray, FloatArray]:
    width = 2 + len(config.analog) + len(config.status)
    rows = []
    for number, line in enumerate(data.decode("ascii", errors="replace").splitlines(), start=1):
        cells = line.strip().strip("\x1a").split(",")
        if cells == [""]:
            continue
        try:
            values = [float(cell) if cell.strip() else float("nan") for cell in cells]
        except ValueError:
            values = []
        if len(values) != width:
            path = reader.path.with_suffix(".dat")
            raise RecordingError(path, number, f"is no row of {width} numbers", "take the .dat of this .cfg")
        rows.append(values)
    table = np.array(rows, dtype=np.float64).reshape(len(rows), width)
    analog = table[:, 2 : 2 + len(config.analog)]
    analog[analog == 99999] = np.nan  # C37.111-1999 6.4: a missing value in ASCII
    return table[:, 1], analog, table[:, 2 + len(config.analog) :]


def _row(config: _Config) -> np.dtype[np.void]:
    """How one sample lies in a binary .dat."""
    words = -(-len(config.status) // 16)
    return np.dtype(
        [("n", "<u4"), ("t", "<u4"), ("a", RAW[config.form], (len(config.analog),)), ("d", "<u2", (words,))]
    )


def _binary(reader: _Lines, config: _Config, data: bytes) -> tuple[FloatArray, FloatArray, FloatArray]:
    row = _row(config)
    if len(data) % row.itemsize:
        what = f"has {len(data)} bytes, no multiple of the {row.itemsize} of one sample"
        raise RecordingError(reader.path.with_suffix(".dat"), 0, what, "copy it as binary; take the .dat of this .cfg")
    table = np.frombuffer(data, dtype=row)
    analog = table["a"].astype(np.float64)
    missing = {"BINARY": MISSING_INT16, "BINARY32": MISSING_INT32}.get(config.form)
    if missing is not None:
        analog[analog == missing] = np.nan
    bits = [(table["d"][:, i // 16] >> (i % 16)) & 1 for i in range(len(config.status))]
    status = np.stack(bits, axis=1).astype(np.float64) if bits else np.empty((len(table), 0))
    return table["t"].astype(np.float64), analog, status


def _time_s(config: _Config, stamps: FloatArray, first: int, stamp_value: float) -> FloatArray:
    """Seconds from the first sample of the file, for samples from number `first` on.

    A sample follows the one before it by the step of its own rate; after the last rate's end that rate goes on.
    """
    if not config.rates:
        return np.asarray((stamps - stamp_value) * (config.stamp_factor * 1e-6))
    number = np.arange(first, first + len(stamps), dtype=np.float64)
    t_s = np.zeros(len(stamps))
    done = 0
    for k, (rate_hz, last) in enumerate(config.rates):
        until = np.inf if k == len(config.rates) - 1 else last - 1
        t_s += np.clip(np.minimum(number, until) - done, 0.0, None) / rate_hz
        done = max(done, last - 1)
    return t_s
