"""`hil log`: every OLRT that was ever judged below a folder, searched, and its trend."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hil.cli.profiles import with_json

if TYPE_CHECKING:
    from hil.verdict.register import Entry, Trend

SHOWN = 200  # lines for people; --json has all


@click.command("log")
@click.argument("root", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path())
@click.option("--device", default="", help="Maker, model or serial number has this in it.")
@click.option("--firmware", default="", help="The device's firmware has this in it.")
@click.option("--rig", default="", help="The rig's id has this in it.")
@click.option("--profile", default="", help="The profile's id has this in it.")
@click.option("--profile-version", "version", type=int, help="Of this version of the profile.")
@click.option("--case", default="", help="The case's id has this in it.")
@click.option("--verdict", default="", help="The case's verdict.")
@click.option("--since", default="", metavar="DATE", help="Not before this (2026-03-01, or a longer ISO 8601 time).")
@click.option("--until", default="", metavar="DATE", help="Before this.")
@click.option("--rebuild", is_flag=True, help="Make the register anew from the campaigns.")
@with_json
def log(root: Path, version: int | None, since: str, until: str, rebuild: bool, as_json: bool, **words: str) -> None:
    """List the OLRTs of all judged campaigns below ROOT (this folder), oldest first, with their trend.

    The register, ROOT/hil-log.jsonl, is brought up to date first. Exit codes: 0, or 2 for wrong usage.
    """
    from dataclasses import asdict

    from hil.cli.judge import dumped
    from hil.cli.register_file import up_to_date
    from hil.verdict.register import filtered, trend

    entries, troubles = up_to_date(root, rebuild=rebuild)
    for trouble in troubles:
        click.echo(trouble, err=True)
    found = filtered(entries, words, version, since, until)
    slope = trend(found)
    if as_json:
        click.echo(dumped({"entries": [asdict(each) for each in found], "trend": asdict(slope) if slope else None}))
        return
    if len(found) > SHOWN:
        click.echo(f"the newest {SHOWN} of {len(found)}; --json has all")
    for entry in found[-SHOWN:]:
        click.echo(_line(entry))
    click.echo(_trend_line(slope, len(found)))


def _line(entry: "Entry") -> str:
    if entry.olrt_judged_s is None:
        time = "no OLRT"
    else:
        time = f"{entry.olrt_judged_s:.4g} s ± {entry.olrt_judged_u95_s or 0.0:.2g} s"
    grade = f" grade {entry.grade}" if entry.grade else ""
    firmware = f" {entry.firmware}" if entry.firmware else ""
    where = f"{entry.case} v{entry.version} repeat {entry.repeat} step {entry.step}"
    who = f"{entry.device}{firmware} on {entry.rig}{grade}"
    return f"{entry.started_utc[:16]}  {time:<20} {entry.verdict:<13}{where}  {who}"


def _trend_line(slope: "Trend | None", count: int) -> str:
    if slope is None:
        return f"{count} entries; no trend: it takes three times of one case, over more than a day"
    real = "" if slope.is_real else ": none beyond its uncertainty"
    of = f"{slope.count} times of {slope.cases} case{'s' if slope.cases > 1 else ''}"
    return f"{count} entries; trend {slope.slope_s:+.3g} s ± {slope.slope_u95_s:.2g} s in 30 days, from {of}{real}"
