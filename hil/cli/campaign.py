"""What `hil run` and `hil resume` share: how a campaign speaks while it is played, and how it ends."""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TextIO

import click

from hil.cli.profiles import NOTE, duration_text
from hil.record.model import End
from hil.record.recording import RecordingError
from hil.rig.roles import RigError
from hil.runner.campaign import Summary
from hil.runner.journal import BadJournalError
from hil.runner.launch import ChangedError, JobsError, NotSafeError
from hil.runner.lock import LockedError
from hil.runner.play import Order
from hil.runner.progress import Progress
from hil.runner.session import Ended

EXIT_NOT_PASS, EXIT_USAGE, EXIT_RIG, EXIT_SIGNAL = 1, 2, 3, 128
QUIET_EVERY_S = 60.0  # without a terminal: a log of a night's campaign stays readable
BENCH = "hil.runner.rigs:make_bench"

USAGE_ERRORS = (RecordingError, BadJournalError, ChangedError, JobsError)
RIG_ERRORS = (LockedError, NotSafeError, RigError)


class Teller:
    """Progress on stderr, without verdicts: one line that is written over on a terminal, a line a minute elsewhere."""

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._told_s: float | None = None

    def __call__(self, progress: Progress, order: Order, ended: Ended | None) -> None:
        """See `hil.runner.campaign.Tell`."""
        name = f"{order.case.id} repeat {order.repeat}"
        if ended is not None and ended.end is not End.COMPLETE:
            self._line(f"{name}: {ended.end.value}: {ended.reason}")
        for trouble in ended.troubles if ended is not None else ():
            self._line(f"{name}: {trouble}")
        left_s = progress.left_s()
        left = "" if left_s is None else f", {duration_text(left_s)} left"
        text = f"{progress.done}/{progress.total}{left}"
        if self._is_terminal:
            width = 118 - len(text)
            self._write(f"\r\x1b[K{text}  {name[-width:] if ended is None else ''}")
        elif self._told_s is None or time.monotonic() - self._told_s >= QUIET_EVERY_S:
            self._told_s = time.monotonic()
            self._line(text)

    def end(self) -> None:
        """Leave the line that was written over."""
        if self._is_terminal:
            self._write("\r\x1b[K")

    def _line(self, text: str) -> None:
        self._write(f"\r\x1b[K{text}\n" if self._is_terminal else f"{text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def feed_stream(wanted: bool) -> IO[str] | None:
    """Where `--feed` goes: stdout."""
    return sys.stdout if wanted else None


def finish(context: click.Context, folder: Path, summary: Summary, *, as_json: bool, feed: bool, jobs: int = 1) -> None:
    """Print how the campaign was left, and end with its exit code; `jobs` processes judge it."""
    verdicts = {} if summary.signal else _verdicts(folder, jobs)
    code = exit_code(summary, verdicts)
    ends = {end.value: count for end, count in sorted(summary.ends.items())}
    facts = {"folder": str(folder), "done": summary.done, "total": summary.total, "ends": ends, "verdicts": verdicts}
    if as_json:
        click.echo(json.dumps({**facts, "stopped": summary.stopped, "exit": code}, indent=2))
    else:
        said = ", ".join(f"{count} {name}" for name, count in ends.items())
        click.echo(f"{summary.done} of {summary.total} runs are done ({said or 'none'}): {folder}", err=feed)
        for trouble in dict.fromkeys(summary.rig_troubles):
            click.echo(f"rig: {trouble}", err=True)
        if summary.stopped:
            click.echo(f"stopped: {summary.stopped}; `hil resume {folder}` goes on", err=True)
        words = ", ".join(f"{count} {word}" for word, count in verdicts.items() if count)
        click.echo(f"{words or 'no verdict'}. {NOTE}", err=feed)
    context.exit(code)


def _verdicts(folder: Path, jobs: int) -> dict[str, int]:
    """Judge what there is, as `hil judge` does; returns how many cases that were not left out have which verdict."""
    from hil.cli.judged import judge_folder, write_results
    from hil.verdict.campaign import lacking

    result = judge_folder(folder, jobs)
    write_results(folder, result)
    count = Counter(case.verdict.value for case in result.cases if not lacking(case))
    return {word: count[word] for word in ("PASS", "FAIL", "INDETERMINATE", "INVALID")}


def exit_code(summary: Summary, verdicts: Mapping[str, int]) -> int:
    """0: every case passes; 1: one does not; 3: the rig; 128 + signal."""
    if summary.signal:
        return EXIT_SIGNAL + summary.signal
    if summary.stopped or summary.rig_troubles or summary.ends.get(End.RIG_FAILED):
        return EXIT_RIG
    return 0 if verdicts.get("PASS") == sum(verdicts.values()) else EXIT_NOT_PASS


def failed(context: click.Context, error: Exception) -> None:
    """Say why nothing was done, and end."""
    click.echo(f"hil: {error}", err=True)
    context.exit(EXIT_RIG if isinstance(error, RIG_ERRORS) else EXIT_USAGE)
