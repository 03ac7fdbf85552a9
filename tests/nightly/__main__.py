"""`make nightly`: random sites, a minute of virtual time each, every invariant; a violation names its seed.

`FIRST_SEED=4000 SEEDS=1000 make nightly` goes on where another night ended; `SEEDS=1 FIRST_SEED=4711` is one site.
"""

import argparse
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor

from tests.random_site import random_site
from tests.site_invariants import InvariantError, run

CHUNK = 8
LOUD_EVERY = 250


def violation(seed: int) -> tuple[int, str]:
    """What this site violates; empty when nothing."""
    try:
        run(random_site(seed))
    except InvariantError as error:
        return seed, str(error)
    except Exception as error:  # whatever it is, it is the night's finding, and the next site goes on
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return seed, f"{type(error).__name__} in {frame.name}, line {frame.lineno}: {error}"
    return seed, ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.nightly", description="Random sites, every invariant.")
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    found, began_s = 0, time.monotonic()
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for done, (seed, what) in enumerate(pool.map(violation, seeds, chunksize=CHUNK), start=1):
            if what:
                found += 1
                print(f"seed {seed}: {what}", flush=True)
            if done % LOUD_EVERY == 0:
                print(f"nightly: {done} of {len(seeds)} sites, {found} violations", file=sys.stderr, flush=True)
    took_s = time.monotonic() - began_s
    print(f"nightly: {len(seeds)} sites from seed {seeds.start}, {found} violations, {took_s:.0f} s")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
