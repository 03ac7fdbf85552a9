"""`pcs journal` tells whole journals from damaged ones, and gives everything out as CSV."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from pcs.cli.journal import command
from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.io.clock import SystemClock
from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.command import LimitActivePower
from pcs.model.event import Event, EventKind
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import MeterReading
from pcs.model.units import Instant
from tests.unit.journal_kit import tampered


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A journal of two steps and one event."""
    journal = SqliteJournal(tmp_path, SystemClock())
    now = Instant(mono_s=5.0, utc_s=1.7e9)
    reading = MeterReading(
        meter_id="poi", import_w=-12.5, phase_import_w=(-5.5, -3.5, -3.5), words=b"\0\xff", sent_s=4.9, received_s=4.95
    )
    limit = LimitActivePower(der_id="inv1", limit_w=4000.0, reversion_limit_w=0.0, urgent=True)
    fault = Fault(kind=FaultKind.NO_ANSWER, source_id="inv1", at_s=5.0, detail="after 0.3 s, twice")
    journal.step(codec.encode(StepRecord(now=now, inputs=(reading,), commands=(limit,))))
    journal.step(codec.encode(StepRecord(now=now, inputs=(fault,))))
    journal.event(Event(at=now, kind=EventKind.FAULT_RAISED, source_id="inv1", text="silent", facts=(("age_s", 2.5),)))
    journal.close()
    return tmp_path


def test_a_whole_journal_is_counted_and_exits_0(directory: Path) -> None:
    result = CliRunner().invoke(command, ["verify", str(directory)])
    assert result.exit_code == 0
    assert "2 steps, 1 events and 0 checkpoints in 1 runs" in result.stdout
    found = json.loads(CliRunner().invoke(command, ["verify", str(directory), "--json"]).stdout)["files"][0]
    assert (found["steps"], found["events"], found["problems"]) == (2, 1, [])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE steps SET data = x'00'",
        "UPDATE event SET line = x'5b'",
        "UPDATE steps SET count = 3",
        "DROP TABLE run",
    ],
)
def test_a_damaged_journal_exits_1(directory: Path, sql: str) -> None:
    tampered(directory / "journal.sqlite", lambda db: db.execute(sql))
    result = CliRunner().invoke(command, ["verify", str(directory)])
    assert result.exit_code == 1
    assert "DAMAGED" in result.stdout


def test_a_file_full_of_garbage_exits_1(directory: Path) -> None:
    (directory / "journal.sqlite").write_bytes(b"\x5a" * 8192)
    assert CliRunner().invoke(command, ["verify", str(directory)]).exit_code == 1
    assert CliRunner().invoke(command, ["export", str(directory)]).exit_code == 1


def test_a_directory_without_a_journal_exits_2(tmp_path: Path) -> None:
    for verb in ("verify", "export"):
        result = CliRunner().invoke(command, [verb, str(tmp_path)])
        assert result.exit_code == 2
        assert "there is no journal" in result.stderr


def exported(directory: Path, table: str) -> list[dict[str, str]]:
    result = CliRunner().invoke(command, ["export", str(directory), "--table", table])
    assert result.exit_code == 0
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_the_export_holds_every_reading_command_and_event_with_its_unit(directory: Path) -> None:
    reading, fault = exported(directory, "readings")
    assert (reading["record"], reading["meter_id"], reading["import_w"]) == ("MeterReading", "poi", "-12.5")
    assert (reading["phase_import_l1_w"], reading["phase_import_l3_w"]) == ("-5.5", "-3.5")
    assert (reading["words"], reading["received_s"], reading["utc"]) == (
        "00ff",
        "4.95",
        "2023-11-14T22:13:20.000+00:00",
    )
    assert (fault["record"], fault["kind"], fault["detail"]) == ("Fault", "no answer in time", "after 0.3 s, twice")
    (limit,) = exported(directory, "commands")
    assert (limit["der_id"], limit["limit_w"], limit["step"], limit["urgent"]) == ("inv1", "4000.0", "1", "True")
    (event,) = exported(directory, "events")
    assert (event["source_id"], event["text"], event["facts"]) == ("inv1", "silent", '{"age_s": 2.5}')


def test_the_export_to_a_folder_writes_all_three_tables(directory: Path, tmp_path: Path) -> None:
    assert CliRunner().invoke(command, ["export", str(directory), "--out", str(tmp_path / "out")]).exit_code == 0
    lines = {p.name: len(p.read_text().splitlines()) for p in (tmp_path / "out").iterdir()}
    assert lines == {"readings.csv": 3, "commands.csv": 2, "events.csv": 2}


def test_a_journal_of_a_newer_schema_is_not_called_damaged(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "journal.sqlite")) as db, db:
        db.execute("PRAGMA user_version = 9")
    for verb in ("verify", "export"):
        result = CliRunner().invoke(command, [verb, str(directory)])
        assert result.exit_code == 2
        assert "schema 9; this program reads schema 3: update openpcs" in result.stderr


def test_verifying_changes_nothing_on_the_disk(directory: Path) -> None:
    before = {p.relative_to(directory): p.read_bytes() for p in directory.rglob("*") if p.is_file()}
    CliRunner().invoke(command, ["verify", str(directory)])
    assert {name: (directory / name).read_bytes() for name in before} == before
