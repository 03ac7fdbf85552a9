"""The first round: each mutant against the unit tests that reach its function, the quickest first, until one fails.

One process collects all tests and forks a child for each mutant. Which tests reach which function, and in what time, is
found once for every state of a test file.
"""

import argparse
import hashlib
import json
import os
import resource
import sys
import time
from os import waitstatus_to_exitcode
from pathlib import Path
from typing import Any

import pytest

from tests.mutation import swap
from tests.mutation.mutants import FOLDER, SURVIVED, drawn, keep, verdicts

REACH = FOLDER / "reach.json"
"""By test file: what it was made of, and for each test its time (seconds of CPU) and the functions that it calls."""
SLOWEST = 5.0
"""A mutant that takes so many times the CPU of the code as it is runs for ever."""
LONGEST_S = 0.5
"""Tests that take longer are left to the second round: a handful of whole sites that take half of the time of all."""
KEEP_EVERY = 10
"""After so many verdicts they are written: no more is lost when the run is ended."""
QUIET = ("-s", "-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:logging")

Reach = dict[str, Any]


def files(config: Path) -> list[str]:
    """The test files that are asked, as `pyproject.toml` names them."""
    import tomllib

    named: list[str] = tomllib.loads(config.read_text())["tool"]["mutmut"]["pytest_add_cli_args_test_selection"]
    return named


def _mark(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


class Recorder:
    """A plugin of pytest that notes which functions of the core each test calls."""

    def __init__(self, known: Reach) -> None:
        self.known, self.called = known, set[str]()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for item in session.items:
            self.called.clear()
            before_s = time.process_time()
            _run(session, item, None)
            of = self.known[item.nodeid.split("::")[0]]["tests"]
            of[item.nodeid] = [round(time.process_time() - before_s, 4), sorted(self.called)]
        return True


class Trial:
    """A plugin of pytest that tries mutants instead of running its tests once."""

    def __init__(self, names: list[str], known: Reach, jobs: int) -> None:
        self.names, self.jobs = names, jobs
        self.of: dict[str, list[tuple[float, str]]] = {}
        for file in known.values():
            for test, (own_s, called) in file["tests"].items():
                for function in called if own_s <= LONGEST_S else ():
                    self.of.setdefault(function, []).append((own_s, test))

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        running: dict[int, str] = {}
        found: dict[str, int] = {}
        quick = [items[t] for t in sorted({test for of in self.of.values() for _, test in of}) if t in items]
        if os.waitpid(_child(session, "", quick, 600.0), 0)[1]:
            raise SystemExit("mutation: a test fails without any mutant")
        waiting, begun_s, done = list(reversed(self.names)), time.monotonic(), 0
        while waiting or running:
            while waiting and len(running) < self.jobs:
                name = waiting.pop()
                tests = sorted(self.of.get(name.rsplit("__mutmut_", 1)[0], []))
                chosen = [items[test] for _, test in tests if test in items]
                running[_child(session, name, chosen, SLOWEST * sum(s for s, _ in tests) + 5.0)] = name
            pid, status = os.wait()
            found[running.pop(pid)] = int(waitstatus_to_exitcode(status) != 0)
            done += 1
            if done % KEEP_EVERY == 0 or not (waiting or running):
                keep(found, Path.cwd().parent)
                alive = sum(code == 0 for code in found.values())
                spent_s = time.monotonic() - begun_s
                print(f"first round: {done} of {len(self.names)}, {alive} alive, {spent_s:.0f} s", file=sys.stderr)
        return True


def _run(session: pytest.Session, item: pytest.Item, following: pytest.Item | None) -> None:
    """Run one test and nothing around it: what pytest does to report a test takes more than most of these take."""
    if not getattr(item, "_request", None):
        item._initrequest()  # type: ignore[attr-defined]
    try:
        session._setupstate.setup(item)
        item.runtest()
    except pytest.skip.Exception:
        pass
    finally:
        session._setupstate.teardown_exact(following)


def _child(session: pytest.Session, name: str, chosen: list[pytest.Item], cpu_s: float) -> int:
    """Fork one that tries this mutant; returns its process id. Its exit code is 0 when no test fails.

    Without a name nothing is changed.
    """
    if pid := os.fork():
        return pid
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (round(cpu_s), round(cpu_s) + 1))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        if name:
            swap.exchange(name)
        for item, following in zip(chosen, [*chosen[1:], None], strict=True):
            _run(session, item, following)
        code = 0
    finally:
        os._exit(code)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.first")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--reach", action="store_true", help="find which tests reach what, and nothing else")
    asked = parser.parse_args()
    known: Reach = json.loads(REACH.read_text()) if REACH.exists() else {}
    marks = {file: _mark(file) for file in files(Path("pyproject.toml"))}
    changed = [file for file, mark in marks.items() if known.get(file, {}).get("mark") != mark]
    reach = REACH.absolute()
    if asked.reach:
        known = {file: of for file, of in known.items() if file in marks}
        known |= {file: {"mark": marks[file], "tests": {}} for file in changed}
        if changed:
            recorder = Recorder(known)
            swap.enter(recorder.called.add)
            if code := pytest.main([*QUIET, *changed], plugins=[recorder]):
                return int(code)
            reach.write_text(json.dumps(known))
        return 0
    found = verdicts()
    open_ = {None, SURVIVED} if asked.again else {None}
    names = [n for n in drawn(list(found), asked.seed)[: asked.sample or None] if found[n] in open_]
    if not names:
        return 0
    swap.enter()
    return int(pytest.main([*QUIET, *marks], plugins=[Trial(names, known, asked.jobs)]))


if __name__ == "__main__":
    raise SystemExit(main())
