"""What somebody else left on a device is remembered beside our own limits, over restarts."""

from dataclasses import replace
from pathlib import Path

from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.command import LimitActivePower
from tests.unit.journal_kit import HandClock


def test_what_somebody_else_left_is_known_to_the_next_run_until_a_command_no_longer_keeps_to_it(
    tmp_path: Path,
) -> None:
    clock = HandClock()

    def opened() -> SqliteJournal:
        return SqliteJournal(tmp_path, clock)

    told = LimitActivePower(der_id="inv", limit_w=200.0, reversion_limit_w=100.0, foreign_w=300.0, urgent=True)
    journal = opened()
    assert journal.foreign("SN1") == (None, None)
    journal.intend("SN1", told, clock.now())
    journal.intend("SN2", replace(told, foreign_w=None, foreign_charge_w=0.0), clock.now())
    journal.close()
    journal = opened()
    assert (journal.foreign("SN1"), journal.foreign("SN2")) == ((300.0, None), (None, 0.0))
    journal.intend("SN1", replace(told, foreign_w=None), clock.now())
    journal.close()
    journal = opened()
    assert journal.foreign("SN1") == (None, None)
    journal.close()
