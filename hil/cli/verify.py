"""`hil verify`: whether a record is what was recorded, and its verdicts are what follows from it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click

from hil.cli.profiles import with_json

EXIT_NOT_PASS = 1
SHOWN = 20  # problems that are printed; whoever has more has one


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, exists=True))
@with_json
@click.pass_context
def verify(context: click.Context, bundle: Path, as_json: bool) -> None:
    """Check a campaign's folder or zip: every manifest, then every verdict, made again from the raw data.

    Exit codes: 0 everything is as it says (whatever the verdicts are), 1 something differs, 2 usage or no campaign.
    """
    from hil.cli.judge import dumped
    from hil.cli.judged import opened
    from hil.record.folder import CAMPAIGN
    from hil.record.recording import RecordingError

    try:
        with opened(bundle) as folder:
            if not (folder / CAMPAIGN).exists():
                raise click.ClickException(f"{bundle} is no campaign: it has no {CAMPAIGN}")
            found = [problem.replace(str(folder), str(bundle)) for problem in problems(folder)]
            runs = len(list((folder / "runs").glob("*/manifest.json")))
    except RecordingError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(dumped({"bundle": bundle.name, "runs": runs, "verified": not found, "problems": found}))
    elif found:
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        click.echo("\n".join([*found[:SHOWN], *more]))
    else:
        click.echo(f"{bundle.name}: {runs} runs are as they were recorded, and every verdict follows from them")
    context.exit(EXIT_NOT_PASS if found else 0)


def problems(folder: Path) -> list[str]:
    """What is wrong with a campaign: its runs first, and only where they are right the verdicts.

    Raises:
        RecordingError: results.json or campaign.json cannot be read.
    """
    from hil.cli.judged import judge_folder, plain_results, results_text
    from hil.record.recording import RecordingError
    from hil.verdict.difference import first_difference

    said = plain_results(folder)
    found = list(_run_problems(folder, _digests(said)))
    if found:
        return found
    try:
        made = json.loads(results_text(judge_folder(folder)))
    except RecordingError as error:
        return [str(error)]
    if said.get("analysis") != made["analysis"]:
        return [
            f"results.json was made by version {said.get('analysis')} of the analysis, this is {made['analysis']}:"
            f" judge it again with `hil judge`, the earlier results are kept"
        ]
    difference = first_difference(said, made)
    return [f"{_case_of(difference, made)}{difference}"] if difference else []


def _digests(said: object) -> dict[str, str]:
    """Run folder -> SHA-256 of its manifest, as the results name them; whatever else a results.json holds."""
    cases = said.get("cases") if isinstance(said, dict) else None
    runs = [run for case in cases or [] if isinstance(case, dict) for run in case.get("runs") or []]
    named = [run for run in runs if isinstance(run, dict)]
    return {str(run.get("folder")): str(run.get("digest")) for run in named}


def _run_problems(folder: Path, digests: dict[str, str]) -> Iterator[str]:
    from hil.record.folder import RUNS, list_runs
    from hil.record.verify import MEASURE_AGAIN, verify_run

    there = {path.name: path for path in list_runs(folder)}
    for name in digests:
        if name not in there:
            yield f"{folder / RUNS / name}: was judged and is not there"
    for name, path in there.items():
        if name not in digests:
            yield f"{path}: is not in results.json (judge it again with `hil judge`)"
            continue
        for problem in verify_run(path, digests[name]):
            # a gap or a missing channel is no forgery: the verdict of such a run is INVALID, and that is compared
            if problem.remedy != MEASURE_AGAIN:
                yield f"{path}: {problem}"


def _case_of(difference: str, made: dict[str, object]) -> str:
    """The id of the case that a place in results.json is about."""
    match = re.match(r"cases\[(\d+)\]", difference)
    cases = made["cases"]
    if match is None or not isinstance(cases, list) or int(match[1]) >= len(cases):
        return ""
    return f"{cases[int(match[1])]['case']['id']}: "
