"""`make mutation`: mutants of the core, first against its unit tests, then the survivors against whole random sites.

`SAMPLE=1000 make mutation` draws so many at random (`SEED`), without it all are run. What has a verdict keeps it until
its function changes, so that a run that was ended goes on. docs/mutation.md says what the figures mean.
"""

import argparse
import subprocess
import sys

from tests.mutation import page, types
from tests.mutation.mutants import SURVIVED, TESTS, TYPES, drawn, interval, stronger, verdicts


def _part(name: str, *words: str) -> int:
    """Run a part of this package in a process of its own, which loads the core as it needs it."""
    return subprocess.run([sys.executable, "-m", f"tests.mutation.{name}", *words], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Mutants of the core.")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, drawn at random; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="survivors too, for instance after new tests")
    asked = parser.parse_args()
    if code := _part("generate", str(asked.jobs)):
        return code
    print(f"mutation: {types.mark()} mutants newly refused by mypy", file=sys.stderr)
    words = ["--sample", str(asked.sample), "--seed", str(asked.seed), "--jobs", str(asked.jobs)]
    again = ["--again"] if asked.again else []
    for part in (("first", "--reach"), ("first", *words, *again), ("second", *words)):
        if code := _part(*part):
            return code
    names = drawn(list(verdicts()), asked.seed)[: asked.sample or None]
    _say(names)
    page.write(names)
    return 0


def _say(names: list[str]) -> None:
    """Both scores, with their intervals."""
    found, later = verdicts(), stronger()
    done = [n for n in names if found[n] is not None]
    refused = sum(found[n] == TYPES for n in done)
    first = sum(found[n] == TESTS for n in done)
    second = sum(later.get(n, False) for n in done if found[n] == SURVIVED)
    print(f"mutation: {len(done)} mutants run of {len(names)} asked, {len(found)} in all")
    for words, killed, of in (
        ("types and unit tests", refused + first, len(done)),
        ("and the stronger tests", refused + first + second, len(done)),
        ("of those that mypy lets pass: unit tests", first, len(done) - refused),
        ("and the stronger tests", first + second, len(done) - refused),
    ):
        lo, hi = interval(killed, of)
        print(f"  {words}: {killed} of {of}, {100 * killed / max(1, of):.1f} % ({100 * lo:.1f} to {100 * hi:.1f})")


if __name__ == "__main__":
    raise SystemExit(main())
