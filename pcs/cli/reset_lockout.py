"""`pcs reset-lockout SITE.yaml`: ask a running controller to end a lock-out."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from pcs.cli.exits import Exit

ASK_WITHIN_S = 3.0


@click.command("reset-lockout")
@click.argument("site_file", metavar="SITE.yaml", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--as",
    "who",
    type=click.Choice(["user", "installer"]),
    default="user",
    show_default=True,
    help="Who asks. Nobody proves it in this version; the journal keeps what was said.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def command(site_file: Path, who: str, as_json: bool) -> Exit:
    """End the lock-out of the site of SITE.yaml, where its preset allows that.

    Exit code 0 if it ends, 1 if it is refused (with the reason, and from when on it will be allowed), 3 if no
    controller answers.
    """
    from pcs.config import load_site
    from pcs.io.control_socket import SOCKET_NAME, NobodyThereError, ask

    site = load_site(site_file)
    path = Path(site.journal_dir) / SOCKET_NAME
    try:
        answer = ask(path, f"reset-lockout {who}", ASK_WITHIN_S)
    except NobodyThereError as error:
        answer = {"error": str(error)}
    if "error" in answer:
        hint = f"start the controller with `pcs run {site_file}`: only a running one can end a lock-out"
        if as_json:
            click.echo(json.dumps({"schema": "pcs.reset/1", "error": answer["error"], "hint": hint}))
        else:
            click.echo(f"{answer['error']}\n{hint}", err=True)
        return Exit.LINK
    click.echo(json.dumps(answer, indent=2) if as_json else words(answer, ZoneInfo(site.timezone)))
    return Exit.DONE if answer["allowed"] else Exit.VERDICT


def words(answer: dict[str, Any], zone: ZoneInfo) -> str:
    """The answer for people."""
    said = f"({answer['proof']})"
    if answer["allowed"]:
        return f"the lock-out ends, as the {answer['as']} asked; the journal keeps it {said}"
    from_utc_s = answer.get("from_utc_s")
    when = ""
    if from_utc_s is not None:
        when = f"; it will be allowed from {datetime.fromtimestamp(from_utc_s, zone):%a %Y-%m-%d %H:%M:%S %Z}"
        when += " on, as long as the controller runs until then"
    return f"refused for the {answer['as']}: {answer['why']}{when} {said}"
