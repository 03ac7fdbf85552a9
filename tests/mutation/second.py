"""The second round: each survivor of the unit tests against whole sites, with every invariant, in some seconds.

One process loads everything once and forks a child for each mutant. Killed: an invariant, an error, or far more time
than the code as it is takes.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from os import waitstatus_to_exitcode

from tests.mutation import swap
from tests.mutation.mutants import STRONGER, SURVIVED, drawn, stronger, verdicts

SLOWEST = 5.0
"""A mutant that takes so many times the CPU of the code as it is runs for ever."""
KEEP_EVERY = 5
"""After so many verdicts they are written: no more is lost when the run is ended."""


def child(things: list[Callable[[], object]], name: str, cpu_s: int) -> int:
    """Fork one that tries this mutant; returns its process id. Its exit code is 0 when the mutant passes everything."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        swap.exchange(name)
        for thing in things:
            thing()
        code = 0
    finally:
        os._exit(code)


def tried(things: list[Callable[[], object]], names: list[str], cpu_s: int, jobs: int, kept: dict[str, bool]) -> None:
    """Try all of these, `jobs` at a time, and keep whether each was killed."""
    running: dict[int, str] = {}
    waiting, done = list(reversed(names)), 0
    while waiting or running:
        while waiting and len(running) < jobs:
            name = waiting.pop()
            running[child(things, name, cpu_s)] = name
        pid, status = os.wait()
        kept[running.pop(pid)] = waitstatus_to_exitcode(status) != 0
        done += 1
        if done % KEEP_EVERY == 0 or not (waiting or running):
            STRONGER_HERE.write_text(json.dumps(kept, indent=0, sort_keys=True))
            print(f"second round: {done} of {len(names)}, {sum(kept.values())} killed in all", file=sys.stderr)


STRONGER_HERE = STRONGER.absolute()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.second")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    found, kept = verdicts(), stronger()
    names = [n for n in drawn(list(found), asked.seed)[: asked.sample or None] if found[n] == SURVIVED]
    names = [n for n in names if n not in kept]
    swap.enter()
    from tests.mutation.battery import battery

    things = battery()
    before = time.process_time()
    for thing in things:
        thing()
    own_s = time.process_time() - before
    print(f"second round: {len(names)} survivors, {own_s:.1f} s of CPU each at most, as the code is", file=sys.stderr)
    tried(things, names, round(SLOWEST * own_s) + 5, asked.jobs, kept)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
