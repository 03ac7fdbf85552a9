"""Whether a finished run can be believed: files, samples and time base. Everything that is wrong at once, named."""

import os
from pathlib import Path

import numpy as np

from hil.profile.expand import case_hash
from hil.profile.model import Case
from hil.record.folder import CASE, RUN_NAME, read_run, run_name
from hil.record.manifest import AGAIN, MANIFEST, Problem, manifest_problems
from hil.record.model import End, RunRecord
from hil.record.recording import FloatArray, Recording, RecordingError

GAP_SAMPLES = 5.5  # as the analysis: five samples lost in a row
GAP_MIN_S = 0.02  # as the analysis: one period at 50 Hz
MEASURE_AGAIN = "the run is INVALID: measure it again"


def verify_run(folder: Path, digest: str = "") -> tuple[Problem, ...]:
    """What is wrong with a run; empty: nothing. `digest`: what its manifest was when it was judged, where known.

    A changed file is found by the manifest; a manifest that was changed with it is found by `digest` alone.
    """
    problems = manifest_problems(folder)
    if problems:
        return tuple(problems)
    try:
        run = read_run(folder)
    except RecordingError as error:
        return (Problem(file=folder.name, what=str(error).replace(f"{folder}{os.sep}", ""), remedy=AGAIN),)
    if digest and run.digest != digest:
        problems.append(Problem(file=MANIFEST, what="is not the one that was judged: another SHA-256", remedy=AGAIN))
    if RUN_NAME.fullmatch(folder.name) and folder.name != run_name(run.case, run.repeat, run.attempt):
        what = f"is {run_name(run.case, run.repeat, run.attempt)} by its content"
        problems.append(Problem(file=folder.name, what=what, remedy="give the folder its name back"))
    if not _is_itself(run.case):
        problems.append(Problem(file=CASE, what="has another hash than it says", remedy=AGAIN))
    return (*problems, *run_problems(run))


def _is_itself(case: Case) -> bool:
    try:
        return case_hash(case) == case.hash
    except ValueError:  # a number that is not finite: no profile makes such a case
        return False


def run_problems(run: RunRecord) -> tuple[Problem, ...]:
    """What is wrong with a run's samples."""
    found = [p for recording in run.recordings for p in _recording_problems(recording)]
    if run.end is not End.RIG_FAILED:
        recorded = {name for recording in run.recordings for name in recording.channels}
        found += [
            Problem(file=run.folder or run.case.id, what=f"has no channel {channel}", remedy=MEASURE_AGAIN)
            for channel in dict.fromkeys((run.case.stimulus.channel, run.case.response.channel))
            if not any(name == channel or name.startswith(f"{channel}.") for name in recorded)
        ]
    return tuple(found)


def _recording_problems(recording: Recording) -> list[Problem]:
    said = time_fault(recording.t_s)
    found = [Problem(file=recording.name, what=said, remedy=MEASURE_AGAIN)] if said else []
    for name, values in recording.channels.items():
        if len(values) and not np.any(np.isfinite(values)):
            found.append(Problem(file=recording.name, what=f"{name} has no value at all", remedy=MEASURE_AGAIN))
    return found


def time_fault(t_s: FloatArray) -> str:
    """What is wrong with a time base; empty: nothing."""
    if len(t_s) < 2:
        return f"has {len(t_s)} samples"
    if not np.all(np.isfinite(t_s)):
        return f"time is not a number at sample {int(np.argmin(np.isfinite(t_s))) + 1}"
    steps_s = np.diff(t_s)
    if np.min(steps_s) <= 0.0:
        k = int(np.argmax(steps_s <= 0.0))
        return f"time {'stands still' if steps_s[k] == 0.0 else 'goes back'} after {t_s[k]:.6g} s (sample {k + 1})"
    step_s = float(np.median(steps_s))
    if np.max(steps_s) > max(GAP_SAMPLES * step_s, GAP_MIN_S):
        k = int(np.argmax(steps_s))
        return f"has a gap of {steps_s[k]:.3g} s after {t_s[k]:.6g} s (samples are {step_s:.3g} s apart)"
    return ""
