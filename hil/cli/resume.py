"""`hil resume`: go on with a campaign that was stopped or killed."""

from pathlib import Path

import click

from hil.cli.campaign import RIG_ERRORS, USAGE_ERRORS, Teller, failed, feed_stream, finish
from hil.cli.profiles import with_json
from hil.cli.run import JOBS_MAX
from hil.runner.launch import ChangedError, How, resume


@click.command("resume")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--anyway", is_flag=True, help="Go on although files or versions have changed since the start.")
@click.option("--jobs", type=click.IntRange(1, JOBS_MAX), help="Processes at a time; as at the start if not said.")
@click.option("--feed", is_flag=True, help="Print the live feed on stdout, one JSON object a line.")
@with_json
@click.pass_context
def resume_command(
    context: click.Context, folder: Path, anyway: bool, jobs: int | None, feed: bool, as_json: bool
) -> None:
    """Go on with the campaign in DIR: first the rig's safe state, then every run that is not recorded yet.

    A run that was not finished, or in which the rig failed, is played again as a new attempt; a finished one never is.
    Exit codes are those of `hil run`; 2, too, when a profile, the rig's sheet or a version is not what it was.
    """
    teller = Teller()
    try:
        how = How(bench="", jobs=jobs or 0, tell=teller, feed_to=feed_stream(feed))
        summary = resume(folder, how, anyway=anyway)
    except ChangedError as error:
        click.echo(f"hil: {folder} was started with something else:\n{error}", err=True)
        failed(context, ChangedError("put it back, start anew, or go on with --anyway: the journal will say so"))
    except (*USAGE_ERRORS, *RIG_ERRORS) as error:
        failed(context, error)
    else:
        teller.end()
        finish(context, folder, summary, as_json=as_json, feed=feed)
