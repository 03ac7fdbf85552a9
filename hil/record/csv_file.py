"""CSV recordings: a header row whose first column is `t_s`, then numbers.

Tolerated: comma, semicolon or tab between cells; a decimal comma where cells are not parted by commas; `#` comments
and empty lines; quotes; a byte order mark; an empty cell or `nan` for a sample that was lost. Everything else is said
with its line.
"""

import csv
import warnings
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from hil.record.recording import FloatArray, Recording, RecordingError

MISTAKES_SHOWN = 5  # who has more has one kind of mistake
LOST = {"", "nan", "null", "none", "n/a"}
TIME = "t_s"


def read_csv(path: Path) -> Recording:
    """Read one CSV file.

    Raises:
        RecordingError: with every mistake (at most a few lines of them), each as file:line.
    """
    line, delimiter, names = _header(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # numpy warns of an empty body; it is said below
        try:
            table = np.loadtxt(path, delimiter=delimiter, skiprows=line, ndmin=2, comments="#", encoding="utf-8-sig")
        except ValueError:  # an empty cell, a decimal comma, quotes, or a mistake: the slow reader knows which
            with path.open(encoding="utf-8-sig", newline="") as file:
                table = _slowly(path, enumerate(islice(file, line, None), start=line + 1), delimiter, len(names))
    if not table.size:
        raise RecordingError(path, line, "has no rows under its header", "record again, or take the whole file")
    if table.shape[1] != len(names):
        what = f"has {table.shape[1]} numbers in each row under {len(names)} names"
        raise RecordingError(path, line + 1, what, "one name for each column")
    columns = {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(names)}
    return Recording(name=path.name, t_s=columns.pop(TIME), channels=columns)


def csv_names(path: Path) -> tuple[str, ...]:
    """The channels that a CSV file names.

    Raises:
        RecordingError: its header is none.
    """
    return tuple(_header(path)[2][1:])


def csv_blocks(path: Path, rows: int, columns: Collection[str]) -> Iterator[Recording]:
    """The columns asked for, some rows at once; lines as they come, so mistakes are found as far as it is read.

    Raises:
        RecordingError: as `read_csv`, for the first block that has a mistake.
    """
    header, delimiter, names = _header(path)
    picked = [i for i, name in enumerate(names) if name in columns]
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = enumerate(islice(file, header, None), start=header + 1)
        while block := list(islice(lines, rows)):
            table = _block(path, block, delimiter, len(names), picked)
            channels = {names[i]: np.ascontiguousarray(table[:, k]) for k, i in enumerate(picked, start=1)}
            yield Recording(name=path.name, t_s=np.ascontiguousarray(table[:, 0]), channels=channels)


def _block(path: Path, lines: list[tuple[int, str]], delimiter: str, width: int, picked: list[int]) -> FloatArray:
    """Time and the picked columns of some lines; each row has as many cells as the header."""
    kept = [0, *picked]
    whole = all(text.count(delimiter) == width - 1 for _, text in lines)
    if whole:
        try:
            texts = [text for _, text in lines]
            return np.loadtxt(texts, delimiter=delimiter, usecols=kept, ndmin=2, comments=None)
        except ValueError:  # as in `read_csv`
            pass
    return _slowly(path, lines, delimiter, width)[:, kept]


def _header(path: Path) -> tuple[int, str, list[str]]:
    """Line number of the header row, the delimiter and the names."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = enumerate(file, start=1)
            number, text = next(((n, line) for n, line in lines if line.strip() and not line.startswith("#")), (0, ""))
            if not number:
                raise RecordingError(path, 0, "is empty", f"the first row names the columns, {TIME} first")
    except UnicodeDecodeError:
        raise RecordingError(path, 0, "is no UTF-8 text", "export it as CSV, or give the .cfg of a COMTRADE") from None
    delimiter = max(";\t,", key=text.count)
    names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter))]
    if names[0].lower() != TIME:
        got = f'the first column is "{names[0]}"'
        raise RecordingError(path, number, got, f'name it "{TIME}" and give the time in seconds')
    if len(names) < 2:
        raise RecordingError(path, number, f"has no column but {TIME}", "part cells by comma, semicolon or tab")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecordingError(path, number, f'names "{twice[0]}" twice', "give each column a name of its own")
    return number, delimiter, [TIME, *names[1:]]


def _slowly(path: Path, lines: Iterable[tuple[int, str]], delimiter: str, width: int) -> FloatArray:
    """Read numbered lines cell by cell, collecting what is wrong."""
    rows: list[list[float]] = []
    wrong: list[tuple[int, str]] = []
    for number, text in lines:
        text = text.partition("#")[0].strip("\r\n")
        if not text.strip():
            continue
        cells = next(csv.reader([text], delimiter=delimiter))
        if len(cells) != width:
            wrong.append((number, f"has {len(cells)} cells, the header {width}"))
        else:
            rows.append([_number(cell, i, number, wrong, delimiter) for i, cell in enumerate(cells)])
        if len(wrong) >= MISTAKES_SHOWN:
            break
    if wrong:
        first, *others = wrong
        remedy = "mend the cell, or leave it empty where a sample was lost"
        raise RecordingError(path, first[0], first[1], remedy, others)
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _number(cell: str, column: int, line: int, wrong: list[tuple[int, str]], delimiter: str) -> float:
    text = cell.strip()
    if text.lower() in LOST and column > 0:
        return float("nan")
    if delimiter != "," and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        wrong.append((line, f'"{cell.strip()[:40]}" in column {column + 1} is no number'))
        return float("nan")


def write_csv(path: Path, recording: Recording) -> None:
    """Write a new file that `read_csv` reads back to the last bit, and a spreadsheet as well: a lost sample is empty.

    Raises:
        OSError: it is there already, or cannot be written.
    """
    columns = [recording.t_s.tolist(), *(values.tolist() for values in recording.channels.values())]
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([TIME, *recording.channels])
        writer.writerows(["" if value != value else value for value in row] for row in zip(*columns, strict=True))
