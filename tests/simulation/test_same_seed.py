"""One seed, one trace: to the last bit of truth and journal, in any process."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.stack import Stack, inverter, play, twin

ROOT = Path(__file__).parents[2]
SEED = 11


async def an_eventful_run(stack: Stack) -> None:
    """Steps, faults on three devices, an end in good order and one without."""
    stack.start()
    await stack.until(12)
    stack.inject("inv1", "garbage")
    await stack.until(14)
    stack.inject("inv1", "clear")
    stack.inject("poi", "noise")
    await stack.until(15)
    stack.inject("poi", "clear")
    stack.inject("inv2", "down")
    await stack.until(20)
    stack.inject("inv2", "up")
    await stack.kill()
    await stack.run(2)
    stack.start()
    await stack.run(10)
    await stack.stop()


def digests(seed: int) -> dict[str, str]:
    """SHA-256 of the truth and of the journal's lines of one run."""
    ders = [
        inverter(),
        inverter("inv2", 5000, control=704, dead_jitter_s=0.3),
        inverter("inv3", 2000, registers="float"),
    ]
    stack = play(an_eventful_run, twin(seed=seed, ders=ders, load=[{"steps": [[0, 5000], [10, 3000], [18, 6000]]}]))
    truth = json.dumps(stack.truth.rows).encode()
    return {"truth": hashlib.sha256(truth).hexdigest(), "lines": hashlib.sha256(b"\n".join(stack.lines)).hexdigest()}


def in_a_fresh_process(hash_seed: int) -> dict[str, str]:
    """The same run where sets and dictionaries of texts have another order."""
    run = f"import json; from tests.simulation.test_same_seed import digests; print(json.dumps(digests({SEED})))"
    done = subprocess.run(
        [sys.executable, "-c", run],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_two_processes_with_one_seed_leave_the_same_truth_and_the_same_lines() -> None:
    assert in_a_fresh_process(1) == in_a_fresh_process(2)


def test_another_seed_leaves_another_trace() -> None:
    one, other = digests(SEED), digests(SEED + 1)
    assert one["truth"] != other["truth"]
    assert one["lines"] != other["lines"]
