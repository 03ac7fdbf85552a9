"""`pcs journal`: check a journal, and get it out for other programs."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, get_args

import click

from pcs.codec.flat import columns as flat_columns
from pcs.codec.flat import flat
from pcs.codec.journal import BadLineError, StepRecord, UnknownVersionError
from pcs.io.journal_read import OtherSchemaError, UnreadableError, connect, journal_files, read_events, read_steps
from pcs.io.journal_verify import Verification, unreadable, verify
from pcs.model.command import Command
from pcs.model.event import Event
from pcs.model.reading import Observation
from pcs.model.units import Instant

EXIT_DAMAGED, EXIT_USAGE = 1, 2
TABLES = ("readings", "commands", "events")
HEAD = ("run", "step", "mono_s", "utc_s", "utc")
EVENT_COLUMNS = ("run", "number", "mono_s", "utc_s", "utc", "kind", "source_id", "text", "facts")


@click.group("journal")
def command() -> None:
    """Check or export a journal directory, also while the controller is writing to it."""


@command.command("verify")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def verify_command(directory: Path, as_json: bool) -> None:
    """Read everything in DIR once: is it whole, and what does it hold?

    Exit code 1 if it is damaged (the first bad entry is named), 2 if another version wrote it or there is none.
    """
    foreign: list[str] = []
    found = [one for path in _files(directory) if (one := _verify(path, foreign))]
    if as_json:
        content = {"schema": "pcs.journal.verify/2", "files": [asdict(one) for one in found], "not_checked": foreign}
        click.echo(json.dumps(content, indent=2))
    else:
        for one in found:
            click.echo("\n".join(_words(one)))
    for line in foreign:
        click.echo(f"NOT CHECKED: {line}", err=True)
    for path in sorted(directory.glob("*.sqlite.damaged")):
        click.echo(f"{path.name}: a damaged journal that the controller moved aside", err=True)
    if any(one.problems for one in found):
        sys.exit(EXIT_DAMAGED)
    sys.exit(EXIT_USAGE if foreign else 0)


@command.command("export")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(["csv"]), default="csv", show_default=True)
@click.option("--table", type=click.Choice(TABLES), default="readings", show_default=True, help="Which one on stdout.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for all three tables as files.")
def export_command(directory: Path, format_: str, table: str, out: Path | None) -> None:
    """Write what came in (readings), what was commanded (commands) or what happened (events) as CSV.

    Units stand at the end of the columns' names. `hil export FOLDER` makes Parquet of the three files.
    """
    files = _files(directory)
    try:
        if out is None:
            _export(table, files, sys.stdout)
            return
        out.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            with (out / f"{name}.{format_}").open("w", encoding="utf-8", newline="") as file:
                count = _export(name, files, file)
            click.echo(f"{out / name}.{format_}: {count} rows", err=True)
    except OtherSchemaError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_USAGE)
    except (UnreadableError, BadLineError, UnknownVersionError) as error:
        click.echo(f"{error}\nthe export is not complete; `pcs journal verify {directory}` says more", err=True)
        sys.exit(EXIT_DAMAGED)


def _export(table: str, files: list[Path], out: TextIO) -> int:
    """Write one table of all files; returns its rows."""
    kinds = {"readings": Observation, "commands": Command}.get(table)
    columns = EVENT_COLUMNS if kinds is None else (*HEAD, "record", *flat_columns(get_args(kinds) or (kinds,)))
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    count = 0
    for path in files:
        with closing(connect(path)) as db:
            if kinds is None:
                rows = (_event_row(run, number, event) for run, number, event in read_events(db))
            else:
                steps = read_steps(db)
                rows = (row for run, number, step in steps for row in _step_rows(run, number, step, table))
            for row in rows:
                writer.writerow(row)
                count += 1
    return count


def _files(directory: Path) -> list[Path]:
    files = journal_files(directory)
    if not files:
        click.echo(
            f"there is no journal in {directory}; give the directory that SITE.yaml names as journal.dir", err=True
        )
        sys.exit(EXIT_USAGE)
    return files


def _verify(path: Path, foreign: list[str]) -> Verification | None:
    try:
        return verify(path)
    except OtherSchemaError as error:
        foreign.append(str(error))
        return None
    except UnreadableError as error:
        return unreadable(path.name, str(error))


def _words(found: Verification) -> Iterator[str]:
    counts = f"{found.steps} steps, {found.events} events and {found.checkpoints} checkpoints"
    yield f"{found.file}: {counts} in {found.runs} runs"
    if found.runs_not_closed:
        yield f"  {found.runs_not_closed} runs without an orderly end (the one that is running, a kill or a power cut)"
    if found.step_gaps:
        yield f"  {found.step_gaps} gaps inside runs, {found.steps_missing} steps missing"
    if found.events_missing:
        yield f"  {found.events_missing} events missing inside runs"
    if found.first_bad:
        yield f"  DAMAGED, first at: {found.first_bad}"
        yield from (f"    then: {problem}" for problem in found.problems[1:])
    else:
        yield "  not damaged"
    yield from (f"  {table} end with {link}" for table, link in found.heads.items() if found.runs)


def _event_row(run: int, number: int, event: Event) -> dict[str, object]:
    return {
        "run": run,
        "number": number,
        **_times(event.at),
        "kind": event.kind.value,
        "source_id": event.source_id,
        "text": event.text,
        "facts": json.dumps(dict(event.facts)) if event.facts else "",
    }


def _step_rows(run: int, number: int, step: StepRecord, table: str) -> Iterator[dict[str, object]]:
    for record in step.inputs if table == "readings" else step.commands:
        yield {"run": run, "step": number, **_times(step.now), "record": type(record).__name__, **flat(record)}


def _times(at: Instant) -> dict[str, object]:
    text = datetime.fromtimestamp(at.utc_s, UTC).isoformat(timespec="milliseconds") if 0 <= at.utc_s < 2**37 else ""
    return {"mono_s": at.mono_s, "utc_s": at.utc_s, "utc": text}
