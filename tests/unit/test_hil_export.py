"""Parquet of a journal holds what its CSV holds, with types and units."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from hil.cli.export import export
from hil.record.parquet_file import unit_of
from pcs.cli.journal import command
from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.io.clock import SystemClock
from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.command import LimitActivePower
from pcs.model.event import Event, EventKind
from pcs.model.reading import DerReading, MeterReading
from pcs.model.units import Instant

THIRD_W = 1000 / 3


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """The CSV files of a journal of two readings, a command and an event."""
    journal = SqliteJournal(tmp_path / "journal", SystemClock())
    now = Instant(mono_s=5.0, utc_s=1.7e9)
    meter = MeterReading(meter_id="poi", import_w=-THIRD_W, phase_import_w=(1.0, 2.0, 3.0), sent_s=4.9, received_s=4.95)
    der = DerReading(der_id="inv1", injection_w=None, words=b"\x01", sent_s=4.9, received_s=4.95)
    limit = LimitActivePower(der_id="inv1", limit_w=THIRD_W, reversion_limit_w=0.0, urgent=True)
    journal.step(codec.encode(StepRecord(now=now, inputs=(meter, der), commands=(limit,))))
    journal.event(Event(at=now, kind=EventKind.STARTED, text='a "word", or two'))
    journal.close()
    out = tmp_path / "tables"
    assert CliRunner().invoke(command, ["export", str(tmp_path / "journal"), "--out", str(out)]).exit_code == 0
    return out


def test_parquet_holds_the_same_rows_with_exact_numbers_nulls_and_units(tables: Path) -> None:
    assert CliRunner().invoke(export, [str(tables)]).exit_code == 0
    readings = pq.read_table(tables / "readings.parquet")
    assert readings.num_rows == 2
    assert readings["import_w"].to_pylist() == [-THIRD_W, None]
    assert readings["phase_import_l2_w"].to_pylist() == [2.0, None]
    assert readings["words"].to_pylist() == ["", "01"]
    assert readings["utc_s"].to_pylist() == [1.7e9, 1.7e9]
    assert readings.schema.field("import_w").metadata == {b"unit": b"W"}
    assert readings.schema.field("utc").type == pa.timestamp("ms", tz="UTC")
    commands = pq.read_table(tables / "commands.parquet")
    assert (commands["limit_w"].to_pylist(), commands["urgent"].to_pylist()) == ([THIRD_W], [True])
    assert pq.read_table(tables / "events.parquet")["text"].to_pylist() == ['a "word", or two']


def test_a_folder_without_tables_says_how_to_make_them(tmp_path: Path) -> None:
    result = CliRunner().invoke(export, [str(tmp_path)])
    assert result.exit_code == 2
    assert "pcs journal export DIR --out" in result.stderr


@pytest.mark.parametrize(("text", "why"), [("a,b\n1,2\n", "no column utc_s"), ("utc_s,x_w\n1,two\n", "two")])
def test_a_file_that_is_no_table_of_a_journal_is_refused_by_name(tables: Path, text: str, why: str) -> None:
    (tables / "commands.csv").write_text(text)
    result = CliRunner().invoke(export, [str(tables)])
    assert result.exit_code == 1
    assert "commands.csv" in result.stderr
    assert why in result.stderr
    assert not (tables / "commands.parquet").exists()


@pytest.mark.parametrize(
    ("column", "unit"), [("import_w", "W"), ("slew_pct_s", "pct_s"), ("words", None), ("frequency_hz", "Hz")]
)
def test_a_column_says_its_unit_at_its_end(column: str, unit: str | None) -> None:
    assert unit_of(column) == unit
