"""`hil run`: play the cases of test profiles on a rig and leave a record of each repeat."""

from pathlib import Path

import click

from hil.cli.campaign import BENCH, EXIT_RIG, RIG_ERRORS, USAGE_ERRORS, Teller, failed, feed_stream, finish
from hil.cli.profiles import read_profiles, with_json, with_overlay
from hil.profile.lint import Lack
from hil.record.folder import CAMPAIGN
from hil.record.model import People
from hil.runner.launch import How, start
from hil.runner.start import make_campaign, repeated, sorted_out

COUNT = click.IntRange(min=1, max=10_000)
JOBS_MAX = 64


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--rig", type=click.Path(path_type=Path), required=True, metavar="RIG.yaml", help="The rig's sheet.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A new folder.")
@with_overlay
@click.option("--repeats", type=COUNT, help="Repeats of each case instead of the profile's: noted as a deviation.")
@click.option("--jobs", type=click.IntRange(1, JOBS_MAX), default=1, help="Processes at a time, on virtual time only.")
@click.option("--skip-lacking", is_flag=True, help="Leave out what the rig cannot do, and say so in campaign.json.")
@click.option("--operator", default="", help="Who plays it.")
@click.option("--laboratory", default="", help="Where; else what the rig's sheet says.")
@click.option("--witness", default="", help="Who watches.")
@click.option("--supply", default="", help="The supply, as page one of the report says it.")
@click.option("--ambient", default="", help="Temperature and humidity.")
@click.option("--deviation", "deviations", multiple=True, help="What is not as the profile says; several times.")
@click.option("--feed", is_flag=True, help="Print the live feed on stdout, one JSON object a line.")
@click.option("--bench", default=BENCH, metavar="MODULE:FUNCTION", help="Who makes the rig: drivers of your own.")
@with_json
@click.pass_context
def run(
    context: click.Context,
    ids: tuple[str, ...],
    rig: Path,
    out: Path,
    overlays: tuple[Path, ...],
    repeats: int | None,
    jobs: int,
    skip_lacking: bool,
    deviations: tuple[str, ...],
    feed: bool,
    bench: str,
    as_json: bool,
    operator: str,
    laboratory: str,
    witness: str,
    supply: str,
    ambient: str,
) -> None:
    """Play the cases of test profiles (all for no ID; an ID may be that of a case) on a rig, and record them in DIR.

    Exit codes: 0 every case passes, 1 one does not (`hil judge` says why), 2 usage or a mistake in a file, 3 the rig:
    it lacks a capability, failed, is in use or has no room left; 128 + the number of the signal that stopped it. In
    every case the rig has been brought to its safe state, or it says that it was not.
    """
    profiles, sheet = read_profiles(ids, overlays, rig)
    assert sheet is not None
    if (out / CAMPAIGN).exists():
        raise click.ClickException(
            f"{out} holds a campaign already: go on with `hil resume {out}`, or name a new folder"
        )
    cases, deviating = repeated(profiles, repeats)
    able, lacking = sorted_out(cases, sheet)
    for line in _lines(lacking, sheet.file):
        click.echo(line, err=True)
    if lacking and not (skip_lacking and able):
        hint = "" if skip_lacking or not able else "; --skip-lacking runs the others"
        click.echo(f"{sheet.id} cannot do {len(lacking)} of {len(cases)} cases; nothing was energised{hint}", err=True)
        context.exit(EXIT_RIG)
    who = People(
        operator=operator,
        laboratory=laboratory or sheet.laboratory,
        witness=witness,
        supply=supply,
        ambient=ambient,
        deviations=(*deviations, *deviating),
    )
    teller = Teller()
    try:
        campaign = make_campaign(profiles, cases, sheet, who, lacking)
        summary = start(out, campaign, How(bench=bench, jobs=jobs, tell=teller, feed_to=feed_stream(feed)))
    except (*USAGE_ERRORS, *RIG_ERRORS) as error:
        failed(context, error)
    else:
        teller.end()
        finish(context, out, summary, as_json=as_json, feed=feed, jobs=jobs)


def _lines(lacking: dict[str, tuple[Lack, ...]], file: str) -> list[str]:
    """Each case with each thing that is missing for it."""
    return [
        f"{file}:{lack.line}: {name}: {lack.part}: {lack.what}" for name, lacks in lacking.items() for lack in lacks
    ]
