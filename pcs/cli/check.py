"""`pcs check`: is the site file right, what was understood, and what does it mean for safety."""

import json
import time
from pathlib import Path

import click

from pcs.cli.check_facts import report
from pcs.cli.check_lines import lines
from pcs.config import load_site


@click.command(name="check")
@click.argument("site_file", metavar="SITE.yaml", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def command(site_file: Path, as_json: bool) -> None:
    """Check a site file: every mistake at once, or what was understood and what it means for safety.

    Nothing is sent to any device. Worst cases are worked out from the profiles; schedules are listed from now on.
    """
    site = load_site(site_file)
    now_utc_s = time.time()
    click.echo(json.dumps(report(site, now_utc_s), indent=2) if as_json else "\n".join(lines(site, now_utc_s)))
