"""`python -m fuzz [TARGET ...] [--runs N] [--corpus FOLDER]`: coverage-guided fuzzing with atheris, target by target.

Each target runs in a process of its own, because libFuzzer ends the process that it fuzzes. A finding stops its target:
the input lies in the corpus folder as `crash-...`, and `python -m fuzz TARGET --input FILE` repeats it without atheris.
"""

import argparse
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from fuzz.targets import TARGETS, seeds

FIRST_RUNS = {
    "tcp_frames": 500_000,
    "rtu_frames": 500_000,
    "register_points": 200_000,
    "sunspec_walk": 500_000,
    "sunspec_model": 200_000,
    "journal_line": 500_000,
    "dissected_frames": 200_000,
    "dissected_trace": 50_000,
    "site_yaml": 5_000,
    "profile_yaml": 5_000,
}
"""Executions of each target when nobody says how many: a few minutes in all."""
LONGEST_INPUT = {
    "rtu_frames": 48,
    "register_points": 300,
    "dissected_frames": 96,
    "dissected_trace": 2048,
    "site_yaml": 4096,
    "profile_yaml": 4096,
}  # bytes; longer files only repeat what shorter ones hold


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"any of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--runs", type=int, help="executions of each target")
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"), help="inputs that found something new, kept here")
    parser.add_argument("--input", type=Path, help="run one target on one file, without atheris")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    names = asked.targets or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    if asked.input:
        TARGETS[names[0]]()(asked.input.read_bytes())
        return 0
    if find_spec("atheris") is None:
        print("fuzz: there is no atheris here; type `make fuzz` (x86-64 alone), or run the same targets without it:")
        print("  python -m pytest tests/property/test_fuzz_targets.py")
        return 2
    if asked.inside:
        inside(names[0], asked.corpus / names[0], asked.runs)
    return max(outside(name, asked.corpus, asked.runs or FIRST_RUNS[name]) for name in names)


def outside(name: str, corpus: Path, runs: int) -> int:
    """Fuzz one target in a process of its own; prints executions and findings."""
    folder = corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    for k, seed in enumerate(seeds(name)):
        (folder / f"seed-{k}").write_bytes(seed)
    command = [sys.executable, "-m", "fuzz", name, "--inside", "--runs", str(runs), "--corpus", str(corpus)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        tail: list[str] = []
        done = covered = 0
        for line in process.stderr:
            tail = [*tail[-60:], line.rstrip()]
            if found := re.match(r"#(\d+)\s.*cov: (\d+)", line):
                done, covered = int(found[1]), int(found[2])
            elif found := re.match(r"Done (\d+) runs in (\d+) second", line):
                done = int(found[1])
    if process.returncode:
        print("\n".join(tail), file=sys.stderr)
    print(
        f"{name}: {done} executions, {covered} branches seen, {'FINDING' if process.returncode else 'no finding'}",
        flush=True,
    )
    return int(process.returncode != 0)


def inside(name: str, folder: Path, runs: int) -> None:
    """Hand the process over to libFuzzer."""
    import atheris

    with atheris.instrument_imports(include=["pcs"]):
        for module in [key for key in sys.modules if key.split(".")[0] in ("pcs", "fuzz")]:
            if key_is_ours(module):
                del sys.modules[module]
        from fuzz import targets

        target = targets.TARGETS[name]()
    options = [
        f"-runs={runs}",
        f"-max_len={LONGEST_INPUT.get(name, 600)}",
        f"-artifact_prefix={folder}/",
        "-timeout=20",
    ]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", str(folder)], target)
    atheris.Fuzz()


def key_is_ours(module: str) -> bool:
    """Modules that are imported again under atheris, so that it sees their branches."""
    return module != "fuzz.__main__"


if __name__ == "__main__":
    sys.exit(main())
