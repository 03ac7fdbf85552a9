"""`make kills`: a controller is killed with SIGKILL, again and again, and its journal has to stand up to it.

A child runs the core against a simulated plant, keeps a real journal and says on a pipe what was acknowledged to it:
an intent when `intend` has returned, steps and events when `flush` has. The parent kills it at a random instant, opens
the directory as the next controller would, and checks that nothing acknowledged is lost, that the journal verifies, and
that every step that is in it gives the same commands again. Files are small, so that kills fall into compactions,
checkpoints of the write-ahead log and trimming, too.
"""

import argparse
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from pcs.codec.journal import StepRecord, encode
from pcs.codec.origin import Origin
from pcs.core.policy import Policy
from pcs.core.state import Inputs, Outcome, State
from pcs.io import intents, journal_sqlite
from pcs.io.clock import SystemClock
from pcs.io.journal_read import connect
from pcs.io.journal_sqlite import SqliteJournal
from pcs.io.journal_verify import verify
from pcs.runtime.checkpoint import VOCABULARY, Checkpoint, encode_checkpoint
from pcs.runtime.replay import Replay, replay
from tests import core_site
from tests.core_plant import Scene, Unit, simulate, steps

MAX_BYTES = 400_000
FRESH_AFTER = 20  # kills in one directory; then a new one, so that each check stays quick
LONGEST_S = 0.25
EARLY_SHARE, OPENING_S = 0.2, 0.03  # of the kills, and when: while the journal is opened and begun
CHECKED_INTENTS = 200  # by device; the log keeps 256


def life(directory: Path, seed: int, out: int) -> None:
    """A controller's life, until it is killed. Nothing here closes anything."""
    chance = random.Random(seed)
    clock = SystemClock()
    journal = SqliteJournal(directory, clock, max_bytes=MAX_BYTES, origin=Origin(table=VOCABULARY.table))
    count = Counter[str]()

    def keep(state: State, inputs: Inputs, policy: Policy, outcome: Outcome) -> None:
        if count["steps"] % 150 == 0:
            kept = Checkpoint(begins=count["steps"] == 0, policy=policy, state=state)
            journal.checkpoint(encode_checkpoint(kept))
        for command in outcome.commands:
            journal.intend(command.der_id, command, clock.now())
            os.write(out, f"i {command.der_id} {command.limit_w!r}\n".encode())
        now = core_site.at(outcome.state.at_s)
        record = StepRecord(now=now, inputs=inputs.observations, commands=outcome.commands, events=outcome.events)
        journal.step(encode(record))
        for event in outcome.events:
            journal.event(event)
        count.update(steps=1, events=len(outcome.events))
        if count["steps"] % chance.randint(20, 60) == 0 and journal.flush():
            os.write(out, f"c {count['steps']} {count['events']}\n".encode())

    demand = steps(*((float(at), chance.uniform(0, 9000)) for at in range(0, 600, 4)))
    units = (Unit(nameplate_w=6000.0), Unit(nameplate_w=4000.0))
    simulate(Scene(units=units, demand=demand, noise_w=10.0, seconds=600.0, seed=seed), keep)


def killed(directory: Path, seed: int, after_s: float, *, early: bool) -> list[bytes]:
    """What a child acknowledged before it was killed, so long after its first word or (early) its start."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            life(directory, seed, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with open(reader, "rb") as said:
        if not early:
            select.select([said], [], [], 60.0)
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return said.read().split(b"\n")[:-1]


def check(directory: Path, said: list[bytes], count: Counter[str]) -> None:
    """Open the directory as the next controller would; raises AssertionError where something is lost or wrong."""
    journal = SqliteJournal(directory, SystemClock(), max_bytes=MAX_BYTES)
    try:
        assert journal.trouble() == "", journal.trouble()
        intended = [line.split() for line in said if line.startswith(b"i")]
        for _, serial, limit_w in intended[-CHECKED_INTENTS:]:
            assert journal.explains(serial.decode(), float(limit_w), 0.01), f"intent lost: {serial!r} {limit_w!r}"
    finally:
        journal.close()
    path = directory / "journal.sqlite"
    found = verify(path)
    assert not found.problems, found.problems
    assert found.step_gaps == found.events_missing == 0, found
    commits = [line.split() for line in said if line.startswith(b"c")]
    with closing(connect(path)) as db:
        run = db.execute("SELECT max(id) - 1 FROM run").fetchone()[0]
        if commits:
            kept = db.execute("SELECT max(first + count - 1) FROM steps WHERE run = ?", (run,)).fetchone()[0]
            told = db.execute("SELECT max(number) FROM event WHERE run = ?", (run,)).fetchone()[0]
            assert (kept or 0) >= int(commits[-1][1]), f"steps lost: {kept} of {commits[-1]}"
            assert (told or 0) >= int(commits[-1][2]), f"events lost: {told} of {commits[-1]}"
        again = Replay()
        replay(db, again)
        assert again.difference is None, again.difference
        assert again.steps + again.not_replayable == found.steps, "every step that verifies is read again"
        count.update(kills=1, intents=len(intended), commits=len(commits), replayed=again.steps)
        count["trimmed"] += again.not_replayable > 0
        count["cut"] += found.runs_not_closed > 0


def main() -> int:
    """Kill as often as wanted; exit 1 at the first loss, with the directory kept for a look."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    intents.COMPACT_AT_BYTES = 8000  # many compactions
    journal_sqlite.CLOSE_WITHIN_S = 60.0
    chance, count, began_s = random.Random(arguments.seed), Counter[str](), time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="kills-"))
    for number in range(arguments.kills):
        if number % FRESH_AFTER == 0:
            shutil.rmtree(directory)
            directory.mkdir()
        early = chance.random() < EARLY_SHARE
        after_s = chance.uniform(0.0, OPENING_S if early else LONGEST_S)
        said = killed(directory, arguments.seed * 100_000 + number, after_s, early=early)
        try:
            check(directory, said, count)
        except AssertionError as error:
            print(f"kill {number} of seed {arguments.seed}: {error}; the journal is in {directory}", file=sys.stderr)
            return 1
    shutil.rmtree(directory)
    print(
        f"{count['kills']} kills in {time.monotonic() - began_s:.0f} s: {count['intents']} intents and "
        f"{count['commits']} commits acknowledged, none lost; {count['kills']} journals opened and verified, "
        f"{count['replayed']} steps replayed alike; "
        f"{count['cut']} found a run cut off, {count['trimmed']} an oldest part given up"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
