"""`make campaign`: seeded sites with faults at every seam, the whole controller on virtual time, every invariant.

`FIRST_SEED=4000 SEEDS=1000 make campaign` goes on where another run ended; `make campaign SEEDS=1 FIRST_SEED=4711` is
one site again. A violated invariant is one line with the command that replays it.
"""

import argparse
import logging
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.campaign.bench import play
from tests.campaign.frames import frame_case, frame_cases
from tests.campaign.hours import long_site
from tests.campaign.invariants import violations
from tests.campaign.reached import Cell, reached, table
from tests.campaign.scenario import scenario

LOUD_EVERY = 10
S_PER_H = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one run of a campaign came to: its name as an argument, how long it simulated and computed."""

    name: str
    site_s: float
    cpu_s: float
    violated: tuple[str, ...] = ()
    reached: Counter[Cell] = field(default_factory=Counter)


def of_seed(seed: int) -> Found:
    """The whole stack on the site of this seed."""
    logging.disable(logging.ERROR)  # what a journal says of a full disk is not news here
    began_s, run = time.process_time(), scenario(seed)
    try:
        played = play(run)
        found, rows = violations(played), reached(played)
    except Exception as error:  # whatever it is, it is a finding, and the next site goes on
        found, rows = [_where(error)], Counter()
    if found:
        found.append("happened: " + "; ".join(map(str, run.happenings)))
    return Found(
        name=f"SEEDS=1 FIRST_SEED={seed}",
        site_s=run.until_s,
        cpu_s=time.process_time() - began_s,
        violated=tuple(found),
        reached=rows,
    )


def of_long_seed(seed: int) -> Found:
    """Core and plant alone on the site of this seed."""
    began_s = time.process_time()
    site_s, found = long_site(seed)
    spent_s = time.process_time() - began_s
    return Found(name=f"KIND=core SEEDS=1 FIRST_SEED={seed}", site_s=site_s, cpu_s=spent_s, violated=tuple(found))


def of_frame(number: int) -> Found:
    """The n-th case of the loop over every frame."""
    logging.disable(logging.ERROR)
    began_s = time.process_time()
    try:
        site_s, found = frame_case(number)
    except Exception as error:
        site_s, found = 0.0, [_where(error)]
    spent_s = time.process_time() - began_s
    return Found(name=f"KIND=frames SEEDS=1 FIRST_SEED={number}", site_s=site_s, cpu_s=spent_s, violated=tuple(found))


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno}: {error}"


def told(runs: Iterable[Found], count: int) -> int:
    """Print each violation as it is found, progress, and the summary; returns how many runs violated something."""
    bad, site_s, cpu_s, rows = 0, 0.0, 0.0, Counter[Cell]()
    for done, found in enumerate(runs, start=1):
        site_s, cpu_s = site_s + found.site_s, cpu_s + found.cpu_s
        rows.update(found.reached)
        bad += bool(found.violated)
        for words in found.violated:
            print(f"make campaign {found.name}: {words}", flush=True)
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


KINDS: dict[str, Callable[[int], Found]] = {"stack": of_seed, "core": of_long_seed, "frames": of_frame}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description="Seeded faults, every invariant.")
    parser.add_argument("--kind", choices=KINDS, default="stack", help="whole stack, core and plant, every frame")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    last = given.first + given.seeds
    seeds = range(given.first, min(last, frame_cases()) if given.kind == "frames" else last)
    if given.jobs == 1:
        return 1 if told(map(KINDS[given.kind], seeds), len(seeds)) else 0
    with ProcessPoolExecutor(given.jobs) as pool:
        return 1 if told(pool.map(KINDS[given.kind], seeds, chunksize=1), len(seeds)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
