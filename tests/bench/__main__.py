"""`make bench`: runs every `tests/bench/bench_*.py` and prints one table. Benchmarks show; they never fail on a number.

A module offers `run() -> dict[str, float | str]`. Its keys are measurements with their unit (`reads_per_s`). Where the
same run measured a reference, `reference_<key>` stands beside `<key>`, and the table shows their ratio. What a module
prints by itself goes to stderr. Exit 1 when a module raised, after the others have run.
"""

import argparse
import contextlib
import importlib
import json
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
REFERENCE = "reference_"
Result = dict[str, float | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    value: float | str
    reference: float | str | None = None
    ratio: float | None = None


def rows(bench: str, result: Result) -> list[Row]:
    """The lines of one benchmark, in its own order."""
    found = []
    for key, value in result.items():
        if key.startswith(REFERENCE):
            continue
        reference = result.get(REFERENCE + key)
        numbers = isinstance(value, int | float) and isinstance(reference, int | float) and reference != 0
        ratio = float(value) / float(reference) if numbers and reference is not None else None
        found.append(Row(name=f"{bench}.{key}", value=value, reference=reference, ratio=ratio))
    return found


def said(value: float | str | None) -> str:
    """A value for people: four digits are enough."""
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def table(lines: list[Row]) -> str:
    """Name, value, reference, ratio, in columns."""
    cells = [("name", "value", "reference", "ratio")]
    cells += [(line.name, said(line.value), said(line.reference), said(line.ratio)) for line in lines]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in cells
    )


def benchmarks(folder: Path, wanted: list[str]) -> list[str]:
    """Names of the benchmarks there are, or of the wanted ones."""
    names = sorted(path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py"))
    unknown = set(wanted) - set(names)
    if unknown:
        raise SystemExit(f"bench: no {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    return [name for name in names if not wanted or name in wanted]


def measure(name: str) -> Result | None:
    """Run one benchmark; None when it raised, with the trace on stderr."""
    print(f"bench: {name} ...", file=sys.stderr, flush=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result: Result = importlib.import_module(f"tests.bench.bench_{name}").run()
    except Exception:  # one broken benchmark does not hide the others
        traceback.print_exc()
        return None
    return result


def main() -> int:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmarks, each with its reference.")
    parser.add_argument("names", nargs="*", help="only these (bench_NAME.py)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    arguments = parser.parse_args()
    results = {name: measure(name) for name in benchmarks(HERE, arguments.names)}
    lines = [row for name, result in results.items() for row in rows(name, result or {})]
    print(json.dumps([asdict(line) for line in lines], indent=1) if arguments.json else table(lines))
    return 1 if None in results.values() else 0


if __name__ == "__main__":
    raise SystemExit(main())
