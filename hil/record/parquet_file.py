"""Parquet of a controller's tables (exported as CSV) and of recordings: typed columns that carry their unit."""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from hil.record import channel_facts
from hil.record.recording import Recording, RecordingError
from pcs.model.units import UNIT_SUFFIXES

BLOCK_BYTES = 8 << 20  # read and written block by block: a month of a journal does not fit into a gateway's memory
REMEDY = "export it again with `pcs journal export DIR --out FOLDER`"
WHOLE = frozenset({"run", "step", "number"})
"""Columns of whole numbers."""
TRUTHS = frozenset({"urgent"})
UNITS = {"_w": "W", "_va": "VA", "_var": "var", "_a": "A", "_v": "V", "_hz": "Hz", "_s": "s", "_pct": "%", "_wh": "Wh"}


def unit_of(column: str) -> str | None:
    """The unit at the end of a column's name; None: it is no number with a unit."""
    suffix = next((s for s in sorted(UNIT_SUFFIXES, key=len, reverse=True) if column.endswith(s)), None)
    return None if suffix is None else UNITS.get(suffix, suffix.removeprefix("_"))


def to_parquet(source: Path, target: Path) -> int:
    """Write one CSV file as Parquet, block by block; returns its rows.

    Raises:
        RecordingError: it is no such table; the message names the place.
    """
    schema = _schema(source)
    options = pa_csv.ConvertOptions(column_types={f.name: f.type for f in schema}, strings_can_be_null=False)
    rows = 0
    try:
        with (
            pa_csv.open_csv(
                source, read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES), convert_options=options
            ) as reader,
            pq.ParquetWriter(target, schema, compression="zstd") as writer,
        ):
            for batch in reader:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
                rows += batch.num_rows
    except pa.ArrowInvalid as error:
        target.unlink(missing_ok=True)
        raise RecordingError(source, 0, str(error), REMEDY) from error
    return rows


def write_parquet(target: Path, recording: Recording) -> None:
    """A recording as one table: `t_s`, then its channels; a lost sample is null.

    Raises:
        OSError: it is there already, or cannot be written.
    """
    columns = {"t_s": recording.t_s, **recording.channels}
    units = {name: channel_facts.unit_of(name) for name in recording.channels} | {"t_s": "s"}
    schema = pa.schema(
        [pa.field(name, pa.float64(), metadata={"unit": unit} if (unit := units[name]) else None) for name in columns]
    )
    arrays = [pa.array(values, from_pandas=True) for values in columns.values()]  # from_pandas: NaN is null
    with target.open("xb") as file:
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), file, compression="zstd")


def _schema(source: Path) -> Any:
    with source.open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file), [])
    if "utc_s" not in columns:
        raise RecordingError(source, 1, "has no column utc_s, so it is no table of a journal", REMEDY)
    return pa.schema([pa.field(name, _type(name), metadata=_metadata(name)) for name in columns])


def _type(column: str) -> Any:
    if column in WHOLE:
        return pa.int64()
    if column == "utc":
        return pa.timestamp("ms", tz="UTC")
    if column in TRUTHS:
        return pa.bool_()
    return pa.float64() if unit_of(column) else pa.string()


def _metadata(column: str) -> dict[str, str] | None:
    unit = unit_of(column)
    return {"unit": unit} if unit else None
