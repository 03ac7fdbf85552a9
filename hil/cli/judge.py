"""`hil judge`: verdicts from records, as often as wanted."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hil.cli.profiles import NOTE, with_json

if TYPE_CHECKING:
    from hil.verdict.model import CampaignResult, CaseResult

EXIT_NOT_PASS = 1
JOBS_MAX = 64
PATH = click.Path(path_type=Path)


@click.command()
@click.argument("record", type=PATH)
@click.option("--zip", "bundle", type=PATH, metavar="FILE.zip", help="Also everything that a verification needs.")
@click.option("--csv", "table", type=PATH, metavar="FILE.csv", help="Also a row for each case and criterion.")
@click.option("--junit", type=PATH, metavar="FILE.xml", help="Also JUnit XML, for a CI server.")
@click.option("--jobs", type=click.IntRange(1, JOBS_MAX), default=1, help="Processes at a time.")
@with_json
@click.pass_context
def judge(
    context: click.Context,
    record: Path,
    bundle: Path | None,
    table: Path | None,
    junit: Path | None,
    jobs: int,
    as_json: bool,
) -> None:
    """Judge a campaign's folder and write its results.json, or one run's folder and write nothing.

    A results.json that says something else is kept as results-N.json. Exit codes: 0 every case that the rig can do
    passes, 1 one does not, 2 usage or a record that cannot be read.
    """
    from hil.cli.judged import judge_folder, results_text, write_bundle, write_results
    from hil.record.folder import CAMPAIGN
    from hil.record.recording import RecordingError
    from hil.verdict.campaign import all_pass
    from hil.verdict.machine import to_csv, to_junit

    is_campaign = (record / CAMPAIGN).exists()
    if bundle and not is_campaign:
        raise click.ClickException(f"{record} is no campaign: --zip wants the folder that has {CAMPAIGN}")
    try:
        result = judge_folder(record, jobs) if is_campaign else _alone(record)
        if is_campaign:
            write_results(record, result)
        if bundle:
            write_bundle(record, bundle)
    except RecordingError as error:
        raise click.ClickException(str(error)) from None
    for path, text in ((table, to_csv), (junit, to_junit)):
        if path:
            path.write_text(text(result), encoding="utf-8", newline="")
    click.echo(results_text(result).rstrip("\n") if as_json else "\n".join(_page(result)))
    context.exit(0 if all_pass(result) else EXIT_NOT_PASS)


def _alone(folder: Path) -> "CampaignResult":
    """One run as a campaign of its own; its case asks for one repeat, and the instruments are those of its campaign."""
    from dataclasses import replace

    from hil.record.folder import CAMPAIGN, read_campaign, read_run
    from hil.record.model import Campaign, People
    from hil.verdict.campaign import judge_campaign

    run = read_run(folder)
    run = replace(run, case=replace(run.case, repeats=1), repeat=1)
    around = folder.resolve().parents[1]
    if (around / CAMPAIGN).exists():
        campaign = replace(read_campaign(around), cases=(run.case,))
    else:
        campaign = Campaign(
            started_utc=run.started_utc,
            people=People(),
            rig_file="",
            rig_text="",
            digests=(),
            versions={},
            cases=(run.case,),
        )
    return judge_campaign(campaign, [run])


def _page(result: "CampaignResult") -> list[str]:
    from hil.verdict.campaign import lacking

    lines = []
    for case in result.cases:
        if not lacking(case):
            lines += _case_lines(case)
    counts = Counter(case.verdict.value for case in result.cases if not lacking(case))
    left_out = sum(1 for case in result.cases if lacking(case))
    said = ", ".join(f"{counts[word]} {word}" for word in ("PASS", "FAIL", "INDETERMINATE", "INVALID") if counts[word])
    tail = f"; {left_out} that the rig cannot do" if left_out else ""
    return [*lines, f"{said or 'no case'}{tail}. {NOTE}"]


def _case_lines(case: "CaseResult") -> list[str]:
    grade = f" (grade {case.grade.value})" if case.grade else ""
    lines = [f"{case.verdict.value:<14}{case.case.id}{grade}"]
    if not case.criteria or not all(run.steps for run in case.runs):
        lines.append(f"    {case.reason}")
    lines += [f"    {each.verdict.value:<14}{each.criterion.id}: {each.reason}" for each in case.criteria]
    return [*lines, *(f"    note: {note}" for note in case.notes)]


def dumped(value: object) -> str:
    """JSON for people and machines alike."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
