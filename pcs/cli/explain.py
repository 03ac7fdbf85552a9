"""`pcs explain`: what binds now and why, what each DER was told and answered, and what comes next."""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import click

from pcs.cli.exits import Exit
from pcs.cli.lockout_lines import lockout_lines

ASK_WITHIN_S = 3.0


@click.command("explain")
@click.argument("site_file", metavar="[SITE.yaml]", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--step",
    "step",
    metavar="N|last",
    help="Where the time of a measured response went: of number N (from 1), or of the last one.",
)
@click.option(
    "--journal",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --step: the journal, where there is no site file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(site_file: Path | None, step: str | None, directory: Path | None, as_json: bool) -> Exit:
    """Say why the site is where it is; without SITE.yaml, ask the controller that keeps ./journal.

    With --step the journal is read, and no controller needs to run.
    """
    if step is not None:
        from pcs.cli.explain_step import tell

        return tell(journal_dir(site_file) if directory is None else directory, step, as_json)
    if directory is not None:
        raise click.UsageError("--journal goes with --step: `pcs explain --step last --journal DIR`")
    from pcs.io.control_socket import SOCKET_NAME, NobodyThereError, ask

    path = journal_dir(site_file) / SOCKET_NAME
    try:
        told = ask(path, "explain", ASK_WITHIN_S)
    except NobodyThereError as error:
        _nobody_there(str(error), site_file, as_json)
    if "error" in told:
        _nobody_there(f"the controller on {path} says: {told['error']}", site_file, as_json)
    click.echo(json.dumps(told, indent=2) if as_json else "\n".join(page(told)))
    return Exit.DONE


def journal_dir(site_file: Path | None) -> Path:
    """Where the controller of a site keeps its journal and its socket."""
    if site_file is None:
        return Path("journal")
    from pcs.config import load_site

    return Path(load_site(site_file).journal_dir)


def _nobody_there(why: str, site_file: Path | None, as_json: bool) -> NoReturn:
    start = f"pcs run {site_file or 'SITE.yaml'}"
    hint = f"start the controller with `{start}`"
    hint += "" if site_file else ", or name its site file: `pcs explain SITE.yaml`"
    if as_json:
        click.echo(json.dumps({"schema": "pcs.explain/1", "error": why, "hint": hint}))
    else:
        click.echo(f"{why}\n{hint}", err=True)
    sys.exit(Exit.LINK)


def page(told: Mapping[str, Any]) -> Iterator[str]:
    """The same for people: the sentence, then a line or two for each limit and DER, then what comes next."""
    zone = ZoneInfo(told["timezone"])
    yield told["sentence"]
    yield from lockout_lines(told.get("lockout") or {}, zone)
    for one in told["limits"]:
        yield ""
        yield from _limit(one, zone)
    if told["conflicts"]:
        yield ""
        yield from (f"CONTRADICTION  {words}" for words in told["conflicts"])
    for one in told["busbars"]:
        feeds = ", ".join(f"{a:,.0f}" for a in one["infeed_a"]) or "not measured yet"
        yield ""
        yield f"busbar {one['id']}: {'RELIEVED, ' if one['relieved'] else ''}fed {feeds} A of {one['rating_a']:,.0f} A"
    for one in told["ders"]:
        yield ""
        yield from _der(one, zone)
    yield ""
    yield "next:" if told["next"] else "next: nothing is due"
    yield from (f"  {one['words']}" for one in told["next"])


def _limit(one: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    since = one["binds_since"]
    state = f"BINDS since {_time(since, zone)}" if since else "holds with room"
    yield f"{one['name']}: {state if one['action'] == 'normal' else one['action'].upper()}  (from: {one['source']})"
    if one["limit_w"] is None:
        return
    if since is None or one["action"] != "normal":
        yield f"  {one['why']}"
    if one["unit"] != "w":
        yield f"  at the volts and reactive power of now it allows {_w(one['limit_w'])}"
    flow = "not measured yet" if one["flow"] is None else f"{one['flow']} {_ago(one['flow_at'])}"
    yield f"  {flow}; {' and '.join(one['ders']) or 'no DER'} may use {_w(one['budget_w'])} together"
    yield f"  kept free: {_margin(one['margin'])}"
    yield from (f"  {line}" for line in _responses(one["response"]))


def _margin(margin: Mapping[str, Any]) -> str:
    total = _w(margin["total_w"])
    if margin["given"]:
        return f"{total}, as the site file says"
    names = (("meter_w", "meter"), ("ct_w", "CT ratio"), ("phase_error_w", "CT phase"), ("resolution_w", "resolution"))
    parts = [f"{name} {_w(margin[key])}" for key, name in names if margin[key]]
    squares = " (the errors add up as squares)" if len(parts) > 2 else ""
    return f"{total} = {' + '.join([*parts, 'cushion ' + _w(margin['cushion_w'])])}{squares}"


def _responses(response: Mapping[str, Any]) -> Iterator[str]:
    for way, words in (("restrict", "came down"), ("release", "came back up")):
        tally = response[way]
        if tally["count"]:
            times = "once" if tally["count"] == 1 else f"{tally['count']} times"
            figures = f"longest {tally['max_s']:.2f} s, average {tally['average_s']:.2f} s"
            last, between = tally["last"], "{:.2f} to {:.2f}".format(*tally["last"]["olrt_between_s"])
            judged = f"last {max(last['olrt_s'], last['beyond_s']):.2f} s"
            yield f"{way}: {words} {times}, {figures}, {judged} (90 % after {last['olrt_s']:.2f} s, {between} s)"


def _der(one: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    now = "says no power" if one["injection_w"] is None else _does(one["injection_w"])
    between = " to ".join(f"{w:,.0f}" for w in one["injection_between_w"])
    age = f" {_ago(one['injection_at'])}" if one["injection_at"] else ""
    yield f"{one['id']} ({one['kind']}): {now}{age}, surely {between} W; decided by {one['decides']}"
    if one.get("telemetry_late_s"):
        yield f"  its telemetry is {one['telemetry_late_s']:.1f} s older than its profile says"
    yield from (f"  FAULT {words}" for words in one["conditions"])
    told, answered = one["told"], one["answered"]
    if told:
        yield f"  told {told['words']} at {_time(told['at'], zone)}; {answered['words']}"
    else:
        yield "  told nothing yet"
    bounds = [f"may feed {_w(max(0.0, one['cap_w']))} of {_w(one['rating_w'])}"]
    if one["floor_w"] is not None:
        bounds.append(f"may draw {_w(max(0.0, -one['floor_w']))} of {_w(one['charge_rating_w'])}")
    if one["wish_w"] is not None:
        bounds.append(f"by itself it {_does(one['wish_w'])}")
    if one["soc_pct"] is not None:
        bounds.append(f"charged to {one['soc_pct']:.0f} %")
    yield f"  {', '.join(bounds)}"


def _does(injection_w: float) -> str:
    if abs(injection_w) < 0.5:
        return "rests"
    return f"{'feeds' if injection_w > 0 else 'draws'} {_w(abs(injection_w))}"


def _w(value_w: float) -> str:
    return f"{value_w:,.0f} W"


def _ago(moment: Mapping[str, Any] | None) -> str:
    return "" if moment is None else f"{moment['ago_s']:.1f} s ago"


def _time(moment: Mapping[str, Any], zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(moment['utc_s'], zone):%H:%M:%S}"
