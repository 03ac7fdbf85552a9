"""What the whole stack kept can be run again, on any stretch, and decides the same."""

import bz2
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pcs.cli.replay import command
from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.codec.origin import Origin
from pcs.io import journal_sqlite
from pcs.io.journal_gaps import gaps
from pcs.io.journal_read import connect, read_steps
from pcs.io.journal_sqlite import SqliteJournal
from pcs.io.journal_verify import verify
from pcs.model.event import EventKind
from pcs.model.reading import MeterReading
from pcs.runtime import controller
from pcs.runtime.checkpoint import VOCABULARY, decode_checkpoint
from tests.simulation.stack import UTC_START_S, Stack, inverter, play, twin
from tests.unit.journal_kit import tampered

LOAD = [{"steps": [[0, 6000], [20.04, 1000], [30.07, 4500], [62, 800]]}]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Stack]:
    """A controller with two inverters, a silent meter, a kill and a restart; a checkpoint each 12 s."""
    directory = tmp_path_factory.mktemp("journal")

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(40)
        stack.inject("poi", "silent", 5)
        await stack.until(50)
        await stack.kill()
        await stack.until(55)
        stack.start()
        await stack.until(80)
        await stack.stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controller, "CHECKPOINT_S", 12.0)
        patch.setattr(journal_sqlite, "MAX_BLOB_LINES", 50)
        site = twin(load=LOAD, ders=[inverter(), inverter("inv2", 4000, control=704)])
        origin = Origin(program="test", table=VOCABULARY.table)
        stack = play(story, site, journal=lambda clock: SqliteJournal(directory, clock, origin=origin))
    return directory, stack


def replayed(directory: Path, *options: str) -> tuple[Result, dict[str, Any]]:
    result = CliRunner().invoke(command, [str(directory), "--json", *options], standalone_mode=False)
    assert result.exception is None, result.exception
    return result, json.loads(result.stdout)


def test_the_whole_journal_gives_the_same_commands_and_events_again(day: tuple[Path, Stack]) -> None:
    directory, stack = day
    result, found = replayed(directory)
    assert result.return_value == 0
    assert found["identical"]
    assert found["steps"] == len(stack.lines)
    assert found["commands"] == len(stack.commands) > 20
    assert found["events"] > 10
    assert found["states_compared"] == 4 + 2, "each checkpoint on the way but the first of each controller"
    assert found["steps_without_checkpoint"] == 0
    assert not verify(directory / "journal.sqlite").problems


@pytest.mark.parametrize(("from_s", "to_s"), [(0.0, 3.0), (18.0, 24.0), (33.3, 61.7), (70.0, 1e9)])
def test_any_stretch_is_replayed_from_the_checkpoint_before_it(
    day: tuple[Path, Stack], from_s: float, to_s: float
) -> None:
    directory, stack = day
    result, found = replayed(directory, "--from", str(UTC_START_S + from_s), "--to", str(UTC_START_S + to_s))
    assert result.return_value == 0
    wanted = [s for s in stack.steps if from_s <= s.now.utc_s - UTC_START_S <= to_s]
    assert found["steps"] >= len(wanted) > 0
    assert found["from_utc_s"] <= wanted[0].now.utc_s
    assert found["from_utc_s"] >= wanted[0].now.utc_s - 12.5 - 5, "no earlier than one checkpoint before it"
    assert found["to_utc_s"] == wanted[-1].now.utc_s


def test_until_stops_before_the_event_with_the_state_as_it_was(day: tuple[Path, Stack]) -> None:
    directory, stack = day
    wanted = stack.told(EventKind.FAULT_RAISED, "poi")
    lost = next(e for e in wanted if ("fault", "METER_LOST") in e.facts and e.at.mono_s > 40)
    result, found = replayed(directory, "--until", "METER_LOST:poi", "--from", str(UTC_START_S + 39))
    stop = found["stop"]
    assert result.return_value == 0
    assert stop["utc_s"] == lost.at.utc_s
    kinds = [f["kind"] for f in stop["state"]["faults"]]
    assert "METER_STALE" in kinds
    assert "METER_LOST" not in kinds, "the state before the event"
    assert [d["spec"]["id"] for d in stop["state"]["ders"]] == ["inv1", "inv2"]
    assert stop["policy"]["limits"][0]["direction"] == "EXPORT"
    assert any("EVENT fault raised: poi" in moment["words"] for moment in stop["before"])


def test_until_an_event_that_never_came_exits_2_and_says_so(day: tuple[Path, Stack]) -> None:
    result = CliRunner().invoke(command, [str(day[0]), "--until", "METER_MISWIRED"], standalone_mode=False)
    assert result.return_value == 2
    assert "no event 'METER_MISWIRED' in this stretch" in result.stdout


def copied(directory: Path, to: Path, change: Callable[[sqlite3.Connection], object]) -> Path:
    shutil.copytree(directory, to, dirs_exist_ok=True)
    tampered(to / "journal.sqlite", change)
    return to


def test_a_changed_reading_is_the_first_difference_and_breaks_the_chain(
    day: tuple[Path, Stack], tmp_path: Path
) -> None:
    def more_export(db: sqlite3.Connection) -> None:
        entry, count, data = db.execute("SELECT id, count, data FROM steps WHERE first > 220 LIMIT 1").fetchone()
        steps = [codec.decode(line) for line in codec.unpack(bz2.decompress(data))]
        assert len(steps) == count
        lines = [codec.encode(with_export(step) if n == 20 else step) for n, step in enumerate(steps)]
        db.execute("UPDATE steps SET data = ? WHERE id = ?", (bz2.compress(codec.pack(lines)), entry))

    directory = copied(day[0], tmp_path, more_export)
    result, found = replayed(directory)
    assert result.return_value == 1
    assert not found["identical"]
    assert found["difference"]["what"] == "commands"
    assert found["difference"]["kept"] != found["difference"]["replayed"]
    with closing(connect(directory / "journal.sqlite")) as db:
        changed = next(n for _, n, step in read_steps(db) if any(is_changed(i) for i in step.inputs))
    assert found["difference"]["step"] in (changed, changed + 1)
    assert f"(steps {changed - 20} to" in verify(directory / "journal.sqlite").first_bad


def is_changed(record: object) -> bool:
    return isinstance(record, MeterReading) and record.words == b"changed"


def with_export(step: StepRecord) -> StepRecord:
    meter = MeterReading(
        meter_id="poi", import_w=-9000.0, words=b"changed", sent_s=step.now.mono_s, received_s=step.now.mono_s
    )
    return replace(step, inputs=(*step.inputs, meter))


def test_missing_steps_are_named_and_replay_goes_on_at_the_next_checkpoint(
    day: tuple[Path, Stack], tmp_path: Path
) -> None:
    directory = copied(day[0], tmp_path, lambda db: db.execute("DELETE FROM steps WHERE id = 4"))
    _, found = replayed(directory)
    assert found["identical"]
    assert found["steps_without_checkpoint"] > 0
    assert found["steps"] + found["steps_without_checkpoint"] == len(day[1].lines) - found["missing"][0]["steps"]
    assert found["missing"][0]["to_utc_s"] - found["missing"][0]["from_utc_s"] > 0
    assert "before steps entry 5" in verify(directory / "journal.sqlite").first_bad


def test_the_seconds_that_a_kill_and_a_pause_cost_are_named(tmp_path: Path) -> None:
    async def life(stack: Stack) -> None:
        stack.start()
        await stack.run(20)

    for _ in range(2):
        play(life, twin(load=LOAD), journal=lambda clock: SqliteJournal(tmp_path, clock))
    with closing(connect(tmp_path / "journal.sqlite")) as db:
        (gap,) = gaps(db)
    assert gap.run == 1
    assert gap.why == "the controller was not running"
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as db, db:
        db.execute("UPDATE run SET closed_utc_s = NULL, left = NULL WHERE id = 1")
    _, found = replayed(tmp_path)
    assert "killed, or without power" in found["missing"][0]["why"]
    assert found["identical"]


def test_a_checkpoint_comes_back_as_it_was(day: tuple[Path, Stack]) -> None:
    stack = day[1]
    assert stack.controller is not None
    kept = controller.Checkpoint(begins=False, policy=stack.controller.policy, state=stack.controller.state)
    line = controller.encode_checkpoint(kept)
    assert repr(decode_checkpoint(line)) == repr(kept)
