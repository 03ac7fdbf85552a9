"""`pcs replay`: run the controller's core again on a journal, and see whether it decides the same."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pcs import __version__
from pcs.cli.exits import Exit
from pcs.codec.journal import BadLineError, UnknownVersionError
from pcs.io.journal_gaps import Gap, gaps
from pcs.io.journal_read import OtherSchemaError, UnreadableError, connect, journal_files, read_runs
from pcs.model.event import Event
from pcs.runtime.replay import Replay, Stop, Wanted, plain, replay

STATIC = frozenset({"spec", "timing"})
"""Parts of the state that never change in a run: they are the site file's and the profiles'."""


class _When(click.ParamType[Any]):
    """A time: seconds since 1970, or ISO 8601, in UTC where it does not say otherwise."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return float(value)
        except ValueError:
            pass
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-05-28T20:26:40, or seconds since 1970", param, ctx)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


@click.command("replay")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "from_utc_s", type=_When(), help="Compare from here on (UTC).")
@click.option("--to", "to_utc_s", type=_When(), help="Up to here.")
@click.option(
    "--until", metavar="EVENT", help="Stop before this event and show the state: a kind, a fault, or KIND:SOURCE."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, with the whole state.")
def command(
    directory: Path, from_utc_s: float | None, to_utc_s: float | None, until: str | None, as_json: bool
) -> Exit:
    """Run the core again on the journal in DIR: the same inputs must give the same commands.

    Exit code 0 if they do, 1 at the first difference or a damaged entry, 2 if there is nothing to replay.
    """
    files = journal_files(directory)
    if not files:
        raise click.UsageError(f"there is no journal in {directory}; give the directory that the site file names")
    found, missing, programs, damage = Replay(), list[Gap](), list[str](), ""
    wanted = matcher(until) if until else None
    for path in files:
        try:
            with closing(connect(path)) as db:
                programs += [r.origin.program for r in read_runs(db) if r.origin.program not in programs]
                missing += [g for g in gaps(db) if _inside(g, from_utc_s, to_utc_s)]
                replay(db, found, from_utc_s=from_utc_s, to_utc_s=to_utc_s, until=wanted)
        except OtherSchemaError as error:
            raise click.UsageError(str(error)) from None
        except (UnreadableError, BadLineError, UnknownVersionError) as error:
            damage = f"{error}; `pcs journal verify {directory}` names what is damaged"
        if damage or found.difference or found.stop:
            break
    content = report(found, missing, programs, damage, until)
    click.echo(json.dumps(content, indent=2) if as_json else "\n".join(page(content, found.stop)))
    if found.difference or damage:
        return Exit.VERDICT
    return Exit.CONFIG if not found.steps or (until and not found.stop) else Exit.DONE


def matcher(text: str) -> Wanted:
    """Which event is meant: its kind by name or words, or a fact of it (the name of a fault), and whom it is about."""
    what, _, source = text.partition(":")
    words = what.strip().lower().replace("_", " ")

    def wanted(event: Event) -> bool:
        facts = (str(value) for _, value in event.facts)
        names = (event.kind.value, event.kind.name, *facts)
        about = not source or event.source_id == source.strip()
        return about and words in (name.lower().replace("_", " ") for name in names)

    return wanted


def report(found: Replay, missing: list[Gap], programs: list[str], damage: str, until: str | None) -> dict[str, Any]:
    """Everything that came of a replay (schema pcs.replay/1)."""
    stop = found.stop
    return {
        "schema": "pcs.replay/1",
        "identical": bool(found.steps) and not found.difference and not damage,
        "steps": found.steps,
        "commands": found.commands,
        "events": found.events,
        "states_compared": found.compared_states,
        "steps_without_checkpoint": found.not_replayable,
        "from_utc_s": found.from_utc_s,
        "to_utc_s": found.to_utc_s,
        "missing": [asdict(gap) for gap in missing],
        "kept_by": programs,
        "replayed_by": __version__,
        "damage": damage,
        "difference": asdict(found.difference) if found.difference else None,
        "until": until,
        "stop": stop
        and {
            "run": stop.run,
            "step": stop.step,
            "utc_s": stop.utc_s,
            "event": plain(stop.event),
            "before": [asdict(moment) for moment in stop.before],
            "state": plain(stop.state),
            "policy": plain(stop.policy),
        },
    }


def page(content: dict[str, Any], stop: Stop | None) -> Iterator[str]:
    """The same for people."""
    counted = f"{content['steps']} steps, {content['commands']} commands and {content['events']} events"
    if content["identical"]:
        yield f"identical: {counted}, {_at(content['from_utc_s'])} to {_at(content['to_utc_s'])}"
        yield f"  {content['states_compared']} checkpoints on the way hold the same state"
    elif not content["difference"] and not content["damage"]:
        yield "nothing to replay: no step in this stretch has a checkpoint before it"
    if content["steps_without_checkpoint"]:
        yield f"  {content['steps_without_checkpoint']} steps have no checkpoint before them: not replayed"
    for gap in content["missing"]:
        steps = f", {gap['steps']} steps" if gap["steps"] else ""
        seconds = f"{gap['to_utc_s'] - gap['from_utc_s']:.1f} s" if gap["to_utc_s"] is not None else "since then"
        yield f"  missing: {seconds} from {_at(gap['from_utc_s'])}{steps} (run {gap['run']}): {gap['why']}"
    if content["difference"]:
        yield from _difference(content, counted)
    if content["damage"]:
        yield f"DAMAGED after {counted}: {content['damage']}"
    if stop:
        yield from _stop(stop)
    elif content["until"]:
        yield f"no event {content['until']!r} in this stretch; `pcs journal export --table events` lists them"


def _difference(content: dict[str, Any], counted: str) -> Iterator[str]:
    one = content["difference"]
    where = f"step {one['step']} of run {one['run']}, {_at(one['utc_s'])}"
    yield f"DIFFERENT {one['what']} at {where}, after {counted} alike"
    yield f"  kept:     {json.dumps(one['kept'])}"
    yield f"  replayed: {json.dumps(one['replayed'])}"
    if others := [program for program in content["kept_by"] if program not in ("", content["replayed_by"])]:
        yield f"  kept by openpcs {', '.join(others)}, replayed by {content['replayed_by']}: use the one that kept it"


def _stop(stop: Stop) -> Iterator[str]:
    yield f"what led to it ({len(stop.before)} moments):"
    yield from (f"  {moment.utc_s - stop.utc_s:+8.3f} s  {moment.words}" for moment in stop.before)
    text = " ".join(filter(None, (stop.event.source_id, stop.event.text)))
    yield f"stopped before step {stop.step} of run {stop.run}, {_at(stop.utc_s)}: {stop.event.kind.value}: {text}"
    yield from (f"  {name} = {value}" for name, value in stop.event.facts)
    yield "the state before it (what each device is stands in the policy, with `--json`):"
    yield from (f"  {line}" for line in lines_of(plain(stop.state)))


def lines_of(value: Any, name: str = "") -> Iterator[str]:
    """Every leaf of a state on a line of its own; rows of numbers stay together."""
    match value:
        case dict():
            for key, inner in value.items():
                if key not in STATIC:
                    yield from lines_of(inner, f"{name}.{key}" if name else str(key))
        case [dict(), *_]:
            for number, inner in enumerate(value):
                yield from lines_of(inner, f"{name}[{number}]")
        case _:
            yield f"{name} = {json.dumps(value)}"


def _inside(gap: Gap, from_utc_s: float | None, to_utc_s: float | None) -> bool:
    ended = gap.to_utc_s is not None and from_utc_s is not None and gap.to_utc_s < from_utc_s
    return not ended and (to_utc_s is None or gap.from_utc_s <= to_utc_s)


def _at(utc_s: float | None) -> str:
    return "?" if utc_s is None else f"{datetime.fromtimestamp(utc_s, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
