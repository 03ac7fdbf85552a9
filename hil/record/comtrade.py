"""COMTRADE recordings (IEEE C37.111-1991, -1999, -2013): .cfg with .dat, or the single file .cff.

ASCII, BINARY, BINARY32 and FLOAT32. Analog values are returned as primary quantities; status channels as 0 and 1.
Time is in seconds from the first sample: from the sample rates where the file declares them, otherwise from the time
stamps. A reader of our own, because it is small and the known package reads sample by sample in Python.
"""

import csv
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
        configuration, data, lines = path, *_single_file(path)
    else:
        configuration = _beside(path, ".cfg")
        data = _beside(path, ".dat").read_bytes()
        lines = configuration.read_bytes().decode("utf-8-sig", errors="replace").splitlines()
    reader = _Lines(configuration, lines)
    try:
        config = _configuration(reader)
    except (ValueError, IndexError):
        raise reader.wrong("cannot be understood") from None
    stamps, analog, status = _ascii(reader, config, data) if config.form == "ASCII" else _binary(reader, config, data)
    if not len(stamps):
        raise RecordingError(path, 0, "has no samples", "take the .dat that belongs to the .cfg")
    channels = {c.name: analog[:, i] * c.gain + c.offset for i, c in enumerate(config.analog)}
    channels |= {name: status[:, i] for i, name in enumerate(config.status) if name not in channels}
    return Recording(name=path.name, t_s=_time_s(config, stamps), channels=channels)


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


def _binary(reader: _Lines, config: _Config, data: bytes) -> tuple[FloatArray, FloatArray, FloatArray]:
    words = -(-len(config.status) // 16)
    row = np.dtype([("n", "<u4"), ("t", "<u4"), ("a", RAW[config.form], (len(config.analog),)), ("d", "<u2", (words,))])
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


def _time_s(config: _Config, stamps: FloatArray) -> FloatArray:
    """Seconds from the first sample."""
    if not config.rates:
        return np.asarray((stamps - stamps[0]) * (config.stamp_factor * 1e-6))
    steps, done = [], 0
    for rate_hz, last in config.rates:
        steps += [np.full(max(0, min(last, len(stamps)) - done), 1.0 / rate_hz)]
        done = max(done, min(last, len(stamps)))
    steps += [np.full(len(stamps) - done, 1.0 / config.rates[-1][0])]
    return np.asarray(np.concatenate([[0.0], np.cumsum(np.concatenate(steps)[1:])]))
