"""kill -9 at any instant, and a disk that fills up under a real process, cost nothing that was promised."""

import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pcs.io.clock import SystemClock
from pcs.io.journal_sqlite import SqliteJournal
from pcs.io.journal_verify import verify

pytestmark = pytest.mark.realtime

CHILD = """
import os, sys
from pathlib import Path
from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.io import intents
from pcs.io.clock import SystemClock
from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.command import LimitActivePower
from pcs.model.event import Event, EventKind

intents.COMPACT_AT_BYTES = 4000  # many compactions, so that kills fall into them
start, directory = int(sys.argv[1]), Path(sys.argv[2])
clock = SystemClock()
journal = SqliteJournal(directory, clock, max_bytes=4_000_000)
for n in range(start, start + 1_000_000):
    command = LimitActivePower(der_id="inv1", limit_w=float(n), reversion_limit_w=0.5, urgent=True)
    journal.intend("SN%d" % (n % 3), command, clock.now())
    os.write(1, b"i %d\\n" % n)
    journal.step(codec.encode(StepRecord(now=clock.now(), commands=(command,))))
    if n % 50 == 0:
        journal.event(Event(at=clock.now(), kind=EventKind.STARTED, text=str(n)))
        if journal.flush():
            os.write(1, b"c %d\\n" % n)
    elif n % 7 == 0:
        journal._wake.set()
"""

FULL_CHILD = """
import resource, sys
from pathlib import Path
from pcs.io.clock import SystemClock
from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.command import LimitActivePower
from pcs.model.event import Event, EventKind

clock = SystemClock()
journal = SqliteJournal(Path(sys.argv[1]), clock)
assert journal.flush() and not journal.trouble(), journal.trouble()
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
words = __import__("os").urandom(300_000).hex()
for n in range(6):
    journal.event(Event(at=clock.now(), kind=EventKind.STARTED, text=words))
    journal.flush()
print(journal.trouble())
journal.intend("SN1", LimitActivePower(der_id="a", limit_w=77.0, reversion_limit_w=0.0, urgent=True), clock.now())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
while journal.trouble():
    journal.flush()
journal.close()
"""


def run_and_kill(directory: Path, start: int, after_s: float) -> tuple[list[int], list[int]]:
    """Start a child, let it work for a while, kill it, and give back what it had intended and committed."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(start), str(directory)], stdout=subprocess.PIPE)
    assert child.stdout
    with child:
        select.select([child.stdout], [], [])
        time.sleep(after_s)
        child.send_signal(signal.SIGKILL)
        said = child.stdout.read().split(b"\n")[:-1]
    numbers = [(line[:1], int(line[2:])) for line in said]
    return [n for kind, n in numbers if kind == b"i"], [n for kind, n in numbers if kind == b"c"]


def test_kill_9_at_any_instant_loses_no_intent_and_nothing_that_was_committed(tmp_path: Path) -> None:
    """DESIGN section 6, own and foreign limits: a restart recognises its own limits."""
    rng = random.Random(20)
    intended: list[int] = []
    committed: list[int] = []
    for _ in range(30):
        start = intended[-1] + 1 if intended else 0
        more, done = run_and_kill(tmp_path, start, rng.uniform(0.0, 0.12))
        intended, committed = intended + more, committed + done
        journal = SqliteJournal(tmp_path, SystemClock())
        try:
            assert journal.trouble() == ""
            missing = [n for n in intended[-400:] if not journal.explains(f"SN{n % 3}", float(n), 0.1)]
            assert not missing
        finally:
            journal.close()
    found = verify(tmp_path / "journal.sqlite")
    assert not found.problems
    assert found.step_gaps == 0
    assert found.events_missing == 0
    assert found.events >= len(committed) > 0
    assert found.steps > 0
    assert found.runs == 60
    assert found.runs_not_closed == 30, "the killed ones"


def test_killed_controllers_leave_journals_that_verify_and_replay() -> None:
    """A few of what `make kills` does a thousand times; in a process of its own, because it forks."""
    loop = subprocess.run(
        [sys.executable, "-m", "tests.kills", "--kills", "12", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert loop.returncode == 0, loop.stderr
    assert loop.stdout.startswith("12 kills")


def test_a_disk_that_fills_up_is_told_and_writing_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", FULL_CHILD, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "control goes on" in child.stdout
    found = verify(tmp_path / "journal.sqlite")
    assert not found.problems
    assert found.events >= 6 + 2, "every event, the trouble, and that it ended"
    assert found.events_missing == 0
    journal = SqliteJournal(tmp_path, SystemClock())
    assert journal.explains("SN1", 77.0, 0.1), "intents have their room from the start"
    journal.close()
