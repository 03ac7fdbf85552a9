"""What was sent to devices is known to the next run, through the journal."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.command import LimitActivePower, charge_limit_of, setpoint_of
from tests.unit.journal_kit import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def open_journal(clock: HandClock) -> Iterator[Callable[..., SqliteJournal]]:
    opened: list[SqliteJournal] = []

    def make(directory: Path) -> SqliteJournal:
        opened.append(SqliteJournal(directory, clock))
        return opened[-1]

    yield make
    for journal in opened:
        journal.close()


def test_intents_are_explained_by_the_next_run(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    journal = open_journal(tmp_path)
    command = LimitActivePower(der_id="inv1", limit_w=4200.0, reversion_limit_w=100.0, urgent=True)
    journal.intend("SN1", command, clock.now())
    journal.close()
    journal = open_journal(tmp_path)
    assert journal.explains("SN1", 4200.0, 1.0)
    assert journal.explains("SN1", 100.0, 1.0)
    assert not journal.explains("SN1", 3000.0, 1.0)


def test_what_somebody_else_left_is_known_to_the_next_run_until_a_command_no_longer_keeps_to_it(
    tmp_path: Path, open_journal: Callable[..., SqliteJournal], clock: HandClock
) -> None:
    told = LimitActivePower(der_id="inv", limit_w=200.0, reversion_limit_w=100.0, foreign_w=300.0, urgent=True)
    journal = open_journal(tmp_path)
    assert journal.foreign("SN1") == (None, None)
    journal.intend("SN1", told, clock.now())
    journal.intend("SN2", replace(told, foreign_w=None, foreign_charge_w=0.0), clock.now())
    journal.close()
    journal = open_journal(tmp_path)
    assert (journal.foreign("SN1"), journal.foreign("SN2")) == ((300.0, None), (None, 0.0))
    journal.intend("SN1", replace(told, foreign_w=None), clock.now())
    journal.close()
    assert open_journal(tmp_path).foreign("SN1") == (None, None)


def test_charge_limits_and_set_points_are_explained_apart_from_limits(
    tmp_path: Path, clock: HandClock, open_journal: Callable[..., SqliteJournal]
) -> None:
    journal = open_journal(tmp_path)
    command = LimitActivePower(
        der_id="bat",
        limit_w=4200.0,
        reversion_limit_w=100.0,
        charge_limit_w=2500.0,
        reversion_charge_limit_w=200.0,
        setpoint_w=-3000.0,
        urgent=True,
    )
    journal.intend("SN1", command, clock.now())
    journal.close()
    journal = open_journal(tmp_path)
    assert journal.explains(charge_limit_of("SN1"), 2500.0, 1.0)
    assert journal.explains(charge_limit_of("SN1"), 200.0, 1.0)
    assert journal.explains(setpoint_of("SN1"), -2500.0, 1.0), "as it was told: inside both limits"
    assert journal.explains(setpoint_of("SN1"), 0.0, 1.0), "what its timer falls back to"
    assert not journal.explains(setpoint_of("SN1"), 4200.0, 1.0)
    assert not journal.explains("SN1", 2500.0, 1.0)
