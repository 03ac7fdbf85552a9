"""`make campaign`: seeded sites with faults at every seam, the whole controller on virtual time, every invariant.

`FIRST_SEED=4000 SEEDS=1000 make campaign` goes on where another run ended; `make campaign SEEDS=1 FIRST_SEED=4711` is
one site again. A violated invariant is one line with the command that replays it. What a commit has played is
entered into the ledger, and not played again.
"""

import argparse
import logging
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.campaign import ledger
from tests.campaign.bench import play
from tests.campaign.frames import frame_case, frame_cases
from tests.campaign.hours import long_site
from tests.campaign.invariants import violations
from tests.campaign.ledger import Stretch
from tests.campaign.pypy import complete_os
from tests.campaign.reached import Cell, reached, table
from tests.campaign.scenario import scenario

LOUD_EVERY = 10
S_PER_H = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one run came to: which it was, how long it simulated and computed, and a digest of all that it did."""

    kind: str
    seed: int
    site_s: float
    cpu_s: float
    violated: tuple[str, ...] = ()
    reached: Counter[Cell] = field(default_factory=Counter)
    digest: str = ""

    @property
    def name(self) -> str:
        """It alone, as arguments of `make campaign`."""
        kind = "" if self.kind == "stack" else f"KIND={self.kind} "
        return f"{kind}SEEDS=1 FIRST_SEED={self.seed}"


def of_seed(seed: int) -> Found:
    """The whole stack on the site of this seed."""
    began_s, run, digest = time.process_time(), scenario(seed), ""
    try:
        played = play(run)
        digest = played.digest()
        found, rows = violations(played), reached(played)
    except Exception as error:  # whatever it is, it is a finding, and the next site goes on
        found, rows = [_where(error)], Counter()
    if found:
        found.append("happened: " + "; ".join(map(str, run.happenings)))
    return Found(
        kind="stack",
        seed=seed,
        site_s=run.until_s,
        cpu_s=time.process_time() - began_s,
        violated=tuple(found),
        reached=rows,
        digest=digest,
    )


def of_long_seed(seed: int) -> Found:
    """Core and plant alone on the site of this seed."""
    began_s = time.process_time()
    long = long_site(seed)
    spent_s = time.process_time() - began_s
    return Found(kind="core", seed=seed, site_s=long.site_s, cpu_s=spent_s, violated=long.violated, digest=long.digest)


def of_frame(number: int) -> Found:
    """The n-th case of the loop over every frame."""
    began_s = time.process_time()
    try:
        site_s, found, digest = frame_case(number)
    except Exception as error:
        site_s, found, digest = 0.0, [_where(error)], ""
    spent_s = time.process_time() - began_s
    return Found(kind="frames", seed=number, site_s=site_s, cpu_s=spent_s, violated=tuple(found), digest=digest)


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno}: {error}"


def told(runs: Iterable[Found], count: int, commit: str = "", path: Path = ledger.LEDGER, every: int = 1) -> int:
    """Print each violation as it is found, progress, and the summary; returns how many runs violated something.

    Args:
        runs: of the campaign, as they end.
        count: how many there will be.
        commit: what they are runs of; where it is given they are entered into the ledger.
        path: the ledger.
        every: each which of the seeds of a stretch is played.
    """
    bad, site_s, cpu_s, rows = 0, 0.0, 0.0, Counter[Cell]()
    for done, found in enumerate(runs, start=1):
        site_s, cpu_s = site_s + found.site_s, cpu_s + found.cpu_s
        rows.update(found.reached)
        bad += bool(found.violated)
        for words in found.violated:
            print(f"make campaign {found.name}: {words}", flush=True)
        if commit:
            ledger.enter(replace(_stretch(found, commit), every=every), path)
        if done % LOUD_EVERY == 0:
            hours = f"{site_s / S_PER_H:.1f} site-hours"
            print(f"campaign: {done} of {count}, {hours}, {bad} with violations", file=sys.stderr, flush=True)
    if rows:
        print("\n".join(table(rows)))
    rate = site_s / cpu_s if cpu_s else 0.0
    print(
        f"campaign: {count} runs, {site_s / S_PER_H:.2f} site-hours in {cpu_s / S_PER_H:.2f} hours of processor", end=""
    )
    print(f" ({rate:.0f} site-hours an hour), {bad} with violations")
    return bad


def _stretch(found: Found, commit: str) -> Stretch:
    return Stretch(
        kind=found.kind,
        first=found.seed,
        seeds=1,
        commit=commit,
        interpreter=ledger.interpreter(),
        site_s=found.site_s,
        cpu_s=round(found.cpu_s, 3),
        digest=found.digest,
        violated=(found.seed,) if found.violated else (),
    )


KINDS: dict[str, Callable[[int], Found]] = {"stack": of_seed, "core": of_long_seed, "frames": of_frame}


def digests(kind: str, seeds: Iterable[int]) -> None:
    """One line a seed: the same seed is the same run on every interpreter, so that two such lists can be compared."""
    for found in map(KINDS[kind], seeds):
        print(found.kind, found.seed, found.digest, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description="Seeded faults, every invariant.")
    parser.add_argument("--kind", choices=KINDS, default="stack", help="whole stack, core and plant, every frame")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="only each n-th of them")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--ledger", type=Path, default=ledger.LEDGER)
    parser.add_argument("--commit", help="what this code is, where git cannot say")
    parser.add_argument("--digests", action="store_true", help="print a digest of each run, and judge nothing")
    return parser.parse_args()


def main() -> int:
    complete_os()
    logging.disable(logging.ERROR)  # what a journal says of a full disk is not news here
    given = _arguments()
    last = given.first + given.seeds
    seeds = range(given.first, min(last, frame_cases()) if given.kind == "frames" else last, given.every)
    if given.digests:
        digests(given.kind, seeds)
        return 0
    commit = ledger.commit() if given.commit is None else given.commit
    left = ledger.still_to_play(seeds, given.kind, commit, ledger.read(given.ledger)) if len(seeds) > 1 else [*seeds]
    print(f"campaign: {len(left)} of {len(seeds)} are still to play", "" if commit else "(not entered: no commit)")
    commit = commit if len(seeds) > 1 else ""
    play_one, count, where = KINDS[given.kind], len(left), (commit, given.ledger, given.every)
    if given.jobs == 1:
        return 1 if told(map(play_one, left), count, *where) else 0
    with ProcessPoolExecutor(given.jobs, initializer=logging.disable, initargs=(logging.ERROR,)) as pool:
        return 1 if told(pool.map(play_one, left, chunksize=1), count, *where) else 0


if __name__ == "__main__":
    raise SystemExit(main())
