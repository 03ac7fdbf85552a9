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


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A journal of two steps and one event."""
    journal = SqliteJournal(tmp_path, SystemClock())
    now = Instant(mono_s=5.0, utc_s=1.7e9)
    reading = MeterReading(meter_id="poi", import_w=-12.5, sent_s=4.9, received_s=4.95)
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
    assert "2 steps and 1 events in 1 runs" in result.stdout
    found = json.loads(CliRunner().invoke(command, ["verify", str(directory), "--json"]).stdout)["files"][0]
    assert (found["steps"], found["events"], found["problems"]) == (2, 1, [])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE steps SET data = x'00'",
        "UPDATE event SET line = x'5b'",
        "UPDATE steps SET count = 3",
        "PRAGMA user_version = 9",
        "DROP TABLE event",
    ],
)
def test_a_damaged_journal_exits_1(directory: Path, sql: str) -> None:
    with closing(sqlite3.connect(directory / "journal.sqlite")) as db, db:
        db.execute(sql)
    result = CliRunner().invoke(command, ["verify", str(directory)])
    assert result.exit_code == 1
    assert "DAMAGED" in result.stdout


def test_a_damaged_blob_is_named_by_its_run_and_steps(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "journal.sqlite")) as db, db:
        db.execute("UPDATE steps SET data = substr(data, 1, length(data) - 9)")
    assert "steps 1 to 2 of run 1: damaged blob" in CliRunner().invoke(command, ["verify", str(directory)]).stdout


def test_a_file_full_of_garbage_exits_1(directory: Path) -> None:
    (directory / "journal.sqlite").write_bytes(b"\x5a" * 8192)
    assert CliRunner().invoke(command, ["verify", str(directory)]).exit_code == 1
    assert CliRunner().invoke(command, ["export", str(directory)]).exit_code == 1


def test_a_directory_without_a_journal_exits_2(tmp_path: Path) -> None:
    for verb in ("verify", "export"):
        result = CliRunner().invoke(command, [verb, str(tmp_path)])
        assert result.exit_code == 2
        assert "there is no journal" in result.stderr


def test_the_export_holds_every_event_input_and_command(directory: Path) -> None:
    result = CliRunner().invoke(command, ["export", str(directory), "--format", "csv"])
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(r["record"], r["id"]) for r in rows] == [
        ("event", "inv1"),
        ("MeterReading", "poi"),
        ("LimitActivePower", "inv1"),
        ("Fault", "inv1"),
    ]
    assert rows[0]["text"] == "silent age_s=2.5"
    assert rows[1]["import_w"] == "-12.5"
    assert (rows[2]["limit_w"], rows[2]["step"]) == ("4000.0", "1")
    assert (rows[3]["kind"], rows[3]["text"]) == ("no answer in time", "after 0.3 s, twice")


def test_the_export_can_go_to_a_file(directory: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert CliRunner().invoke(command, ["export", str(directory), "--out", str(out)]).exit_code == 0
    assert len(out.read_text().splitlines()) == 5


def test_verifying_a_journal_changes_nothing_in_it(directory: Path) -> None:
    before = {p.name: p.read_bytes() for p in directory.iterdir()}
    CliRunner().invoke(command, ["verify", str(directory)])
    assert {name: (directory / name).read_bytes() for name in before} == before
