"""`make crd`: every case of the library on the first simulated rig that can do it; then judged and reported.

A campaign for each rig, because a case for split phase cannot be played on a wye, and one about a lock-out only with a
controller that is commissioned for it. Called again after an interruption it goes on where it was. It ends with 0 when
everything was played and reported, whatever the verdicts: those are for reading.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from hil.cli.judged import read_results
from hil.cli.profiles import read_profiles
from hil.profile.lint import lint_case
from hil.verdict.campaign import lacking

ROOT = Path(__file__).resolve().parents[2]
RIGS = ("simulated-wye", "simulated-split", "simulated-single", "simulated-g100-1", "simulated-g100-2")
PLAYED = (0, 1)  # every case passes, or one does not


def hil(*words: str) -> int:
    """Run a command of the bench as a person would."""
    return subprocess.run(
        [sys.executable, "-c", "from hil.cli.main import main; main()", *words], check=False
    ).returncode


def sheet_of(rig: str) -> Path:
    """The rig's sheet, as one types it here: its name stands in the report."""
    return Path(os.path.relpath(ROOT / f"test_profiles/rigs/{rig}.yaml"))


def shared_out() -> dict[str, list[str]]:
    """The cases of each rig: each case once, on the first rig that can do it; those of no rig under an empty name."""
    found: dict[str, list[str]] = {name: [] for name in (*RIGS, "")}
    left: list[str] = []
    for number, name in enumerate(RIGS):
        profiles, sheet = read_profiles((), (), sheet_of(name))
        assert sheet is not None
        cases = [case for profile in profiles for case in profile.cases]
        left = left if number else [case.id for case in cases]
        found[name] = [case.id for case in cases if case.id in set(left) and not lint_case(case, sheet)]
        left = [case_id for case_id in left if case_id not in set(found[name])]
    found[""] = left
    return found


def play(rig: str, cases: list[str], out: Path, more: list[str]) -> int:
    """Play, or go on with, one campaign, and leave its report."""
    if (out / "campaign.json").exists():
        code = hil("resume", str(out))
    else:
        code = hil("run", *cases, "--rig", str(sheet_of(rig)), "--out", str(out), *more)
    if code not in PLAYED:
        return code
    return hil("report", str(out), "--pdf")


def main() -> int:
    """Play what is asked; print what did not pass, and where the reports are."""
    parser = argparse.ArgumentParser(prog="python -m tests.crd", description="The library against our controller.")
    parser.add_argument("--out", type=Path, default=Path("crd-run"))
    parser.add_argument("--repeats", help="instead of the profiles' own: quicker, and a deviation")
    parser.add_argument("--jobs", default="2")
    arguments = parser.parse_args()
    more = ["--jobs", arguments.jobs, *(["--repeats", arguments.repeats] if arguments.repeats else [])]
    cases = shared_out()
    worst = 0
    for rig in RIGS:
        if cases[rig]:
            worst = max(worst, play(rig, cases[rig], arguments.out / rig, more))
    if worst:
        return worst
    for rig in (name for name in RIGS if cases[name]):
        result = read_results(arguments.out / rig)
        judged = [case for case in result.cases if not lacking(case)]
        bad = [case for case in judged if case.verdict.value != "PASS"]
        print(
            f"{rig}: {len(judged) - len(bad)} of {len(judged)} cases pass: {arguments.out / rig / 'report/report.html'}"
        )
        for case in bad:
            print(f"  {case.verdict.value:13} {case.case.id}: {case.reason}")
    print(f"{len(cases[''])} cases no simulated rig can do: `hil lint --rig` says why. A pre-test, no certification.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
