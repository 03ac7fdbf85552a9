"""`pcs journal`: check a journal, and get it out for other programs."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path
from typing import TextIO

import click

from pcs.codec.journal import BadLineError, StepRecord, UnknownVersionError
from pcs.io.journal_read import (
    UnreadableError,
    Verification,
    connect,
    journal_files,
    read_events,
    read_steps,
    verify,
)
from pcs.model.event import Event
from pcs.model.reading import LimitFailed

EXIT_DAMAGED, EXIT_USAGE = 1, 2
COLUMNS = (
    "run", "step", "mono_s", "utc_s", "record", "id", "kind", "import_w", "injection_w", "limit_w",
    "reversion_limit_w", "sent_s", "received_s", "text",
)  # fmt: skip
_ID_NAMES = ("meter_id", "der_id", "source_id")
_TEXT_NAMES = ("detail", "serial")


@click.group("journal")
def command() -> None:
    """Check or export a journal directory, also while the controller is writing to it."""


@command.command("verify")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def verify_command(directory: Path, as_json: bool) -> None:
    """Read everything in DIR once: is it whole, and what does it hold? Exit code 1 if it is damaged."""
    found = [_verify(path) for path in _files(directory)]
    if as_json:
        click.echo(json.dumps({"schema": "pcs.journal.verify/1", "files": [asdict(one) for one in found]}, indent=2))
    else:
        for one in found:
            click.echo("\n".join(_words(one)))
    aside = sorted(directory.glob("*.damaged"))
    for path in aside:
        click.echo(f"{path.name}: a damaged journal that the controller moved aside", err=True)
    sys.exit(EXIT_DAMAGED if any(one.problems for one in found) else 0)


@command.command("export")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(["csv"]), default="csv", show_default=True)
@click.option("--out", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="File instead of stdout.")
def export_command(directory: Path, format_: str, out: TextIO) -> None:
    """Write the events of DIR, then every input and command of its steps, one per row."""
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    try:
        for path in _files(directory):
            with closing(connect(path)) as db:
                for run, _, event in read_events(db):
                    writer.writerow(_event_row(run, event))
                for run, number, step in read_steps(db):
                    writer.writerows(_step_rows(run, number, step))
    except (UnreadableError, BadLineError, UnknownVersionError) as error:
        click.echo(f"{error}\nthe export is not complete; `pcs journal verify {directory}` says more", err=True)
        sys.exit(EXIT_DAMAGED)


def _files(directory: Path) -> list[Path]:
    files = journal_files(directory)
    if not files:
        click.echo(
            f"there is no journal in {directory}; give the directory that SITE.yaml names as journal.dir", err=True
        )
        sys.exit(EXIT_USAGE)
    return files


def _verify(path: Path) -> Verification:
    try:
        return verify(path)
    except UnreadableError as error:
        counts = {field.name: 0 for field in fields(Verification) if field.type is int}
        return Verification(file=path.name, problems=(str(error),), **counts)


def _words(found: Verification) -> Iterator[str]:
    yield f"{found.file}: {found.steps} steps and {found.events} events in {found.runs} runs"
    if found.runs_not_closed:
        yield f"  {found.runs_not_closed} runs without an orderly end (the one that is running, a kill or a power cut)"
    if found.step_gaps:
        yield f"  {found.step_gaps} gaps inside runs, {found.steps_missing} steps missing"
    if found.events_missing:
        yield f"  {found.events_missing} events missing inside runs"
    for problem in found.problems:
        yield f"  DAMAGED: {problem}"
    if not found.problems:
        yield "  not damaged"


def _event_row(run: int, event: Event) -> dict[str, object]:
    facts = " ".join(f"{name}={value}" for name, value in event.facts)
    return {
        "run": run,
        "mono_s": event.at.mono_s,
        "utc_s": event.at.utc_s,
        "record": "event",
        "id": event.source_id,
        "kind": str(event.kind),
        "text": f"{event.text} {facts}".strip(),
    }


def _step_rows(run: int, number: int, step: StepRecord) -> Iterator[dict[str, object]]:
    head = {"run": run, "step": number, "mono_s": step.now.mono_s, "utc_s": step.now.utc_s}
    for record in (*step.inputs, *step.commands):
        values = {field.name: getattr(record, field.name) for field in fields(record)}
        row: dict[str, object] = {name: values[name] for name in COLUMNS if name in values}
        row["id"] = next(values[name] for name in _ID_NAMES if name in values)
        row["text"] = " ".join(str(values[name]) for name in _TEXT_NAMES if name in values)
        if isinstance(record, LimitFailed):
            row |= {"kind": str(record.fault.kind), "text": record.fault.detail}
        yield head | {"record": type(record).__name__} | row
