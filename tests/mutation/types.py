"""Mutants that `mypy --strict` refuses: `make test` kills them without a test, and they need not be run.

mutmut can ask mypy itself, but parses every mutated file anew at each start, for minutes. Its index of lines says at
once which mutant an error is in.
"""

import json
import subprocess
import sys
from bisect import bisect
from pathlib import Path

from tests.mutation.mutants import FOLDER

REFUSED = 37
"""mutmut's exit code for a mutant that the type checker caught."""
MAKE_DO = ("no-redef", "has-type", "var-annotated")
"""What mypy says of several variants of one method beside each other, not of a mutant."""


def mark() -> int:
    """Mark every mutant without a verdict that mypy refuses; returns how many."""
    hits: dict[str, set[str]] = {}
    for path, line in _errors():
        if name := _mutant_at(path, line):
            hits.setdefault(path, set()).add(name)
    marked = 0
    for path, names in hits.items():
        meta = FOLDER / f"{path}.meta"
        kept = json.loads(meta.read_text())
        prefix = path.removesuffix(".py").replace("/", ".")
        for name in (f"{prefix}.{n}" for n in names):
            if kept["exit_code_by_key"].get(name, 0) is None:
                kept["exit_code_by_key"][name] = REFUSED
                marked += 1
        meta.write_text(json.dumps(kept, indent=4))
    return marked


def _errors() -> list[tuple[str, int]]:
    command = [sys.executable, "-m", "mypy", "pcs/core", "--output", "json", "--no-warn-unused-ignores"]
    command += [word for code in MAKE_DO for word in ("--disable-error-code", code)]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [(e["file"], e["line"]) for e in found if e["severity"] == "error"]


_SPANS: dict[str, list[tuple[int, int, str]]] = {}


def _mutant_at(path: str, line: int) -> str:
    """The name of the generated function on this line, if it is a mutant."""
    if path not in _SPANS:
        index = Path(FOLDER / f"{path}.spans")
        spans = json.loads(index.read_text())["spans"] if index.exists() else {}
        _SPANS[path] = sorted((first, last, name) for name, (first, last) in spans.items())
    spans_of = _SPANS[path]
    at = bisect(spans_of, line, key=lambda s: s[0]) - 1
    if at < 0 or line > spans_of[at][1] or "__mutmut_orig" in spans_of[at][2]:
        return ""
    return spans_of[at][2]
