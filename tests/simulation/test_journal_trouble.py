"""The real journal under the controller, and a disk that refuses while it runs: control goes on, and status says so."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pcs.codec import journal as codec
from pcs.io import journal_file
from pcs.io.journal_file import JournalFile, StepBlob
from pcs.io.journal_read import connect, read_events, read_steps
from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.event import Event
from pcs.ports import Clock
from tests.simulation.bounds import response_s, tolerance_w
from tests.simulation.stack import Stack, inverter, play, twin

LOAD = [{"steps": [[0, 6000], [20.04, 1000], [30.07, 4500]]}]


class _Refusing(JournalFile):
    """A file on a disk that takes nothing more."""

    code = sqlite3.SQLITE_FULL

    def add_events(self, events: list[tuple[int, Event]]) -> None:
        self._refuse()

    def add_steps(self, blob: StepBlob) -> None:
        self._refuse()

    def _refuse(self) -> None:
        error = sqlite3.OperationalError("refused by the test")
        error.sqlite_errorcode = self.code
        raise error


class _ReadOnly(_Refusing):
    code = sqlite3.SQLITE_READONLY


def refusing(kind: type[_Refusing]) -> Callable[..., tuple[JournalFile, str]]:
    """`journal_file.open_file` on such a disk."""

    def open_refusing(directory: Path, *, max_bytes: int) -> tuple[JournalFile, str]:
        return kind(directory / journal_file.FILE_NAME, max_bytes=max_bytes), ""

    return open_refusing


async def with_a_load_drop(stack: Stack) -> None:
    stack.start()
    await stack.run(45)


@pytest.mark.parametrize("kind", [_Refusing, _ReadOnly])
def test_control_goes_on_while_the_journals_disk_refuses(kind: type[_Refusing], tmp_path: Path) -> None:
    made: list[SqliteJournal] = []

    def journal(clock: Clock) -> SqliteJournal:
        made.append(SqliteJournal(tmp_path, clock, open_file=refusing(kind)))
        return made[-1]

    async def story(stack: Stack) -> None:
        await with_a_load_drop(stack)
        made[0].flush()
        assert stack.controller is not None
        assert "control goes on" in stack.controller.status()["journal"]["trouble"]

    site = twin(load=LOAD)
    stack = play(story, site, journal=journal)
    beyond = stack.truth.beyond(0.0, tolerance_w(site), 10.0)
    assert len(beyond) == 1
    assert beyond[0].lasted_s <= response_s(site, 5000)
    assert stack.truth.injection_w(45) == pytest.approx(4500, abs=200)


def test_what_was_controlled_is_in_the_journal_line_by_line(tmp_path: Path) -> None:
    async def story(stack: Stack) -> None:
        await with_a_load_drop(stack)
        await stack.stop()

    site = twin(load=LOAD, ders=[inverter(), inverter("inv2", 4000, control=704)])
    stack = play(story, site, journal=lambda clock: SqliteJournal(tmp_path, clock))
    with closing(connect(tmp_path / "journal.sqlite")) as db:
        assert [codec.encode(step) for _, _, step in read_steps(db)] == stack.lines
        assert [e for _, _, e in read_events(db)] == stack.events
