"""Records on disk: CSV files with a header row, read once when a twin is built."""

import csv
from pathlib import Path

MAX_ROWS = 2_000_000  # 23 days at 1 s


class BadRecordError(Exception):
    """A record file cannot be used; the message says why, with file and line."""


def has_column(path: Path, column: str) -> bool:
    """Whether the header row of a record names this column."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return column in next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError):
        return False


def read_record(path: Path, column: str, time_column: str | None, period_s: float) -> tuple[list[float], list[float]]:
    """Instants (s) and values of one column. Without a time column rows are `period_s` apart, the first at zero.

    Raises:
        BadRecordError: the file cannot be read, is empty, too long or has a cell that is no number.
    """
    times_s: list[float] = []
    values: list[float] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for i, row in enumerate(csv.DictReader(file)):
                if i >= MAX_ROWS:
                    raise BadRecordError(f"{path}: more than {MAX_ROWS} rows")
                times_s.append(float(row[time_column]) if time_column is not None else i * period_s)
                values.append(float(row[column]))
    except (OSError, UnicodeDecodeError) as error:
        raise BadRecordError(f"{path}: cannot be read: {error}") from None
    except (TypeError, ValueError):
        raise BadRecordError(f"{path}:{len(values) + 2}: a cell is not a number") from None
    if not values:
        raise BadRecordError(f"{path}: has no rows")
    return times_s, values
