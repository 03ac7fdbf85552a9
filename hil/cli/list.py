"""`hil list`: the test profiles that there are."""

from collections import Counter

import click

from hil.cli.profiles import NOTE, as_json_text, duration_text, read_profiles, with_json
from hil.profile.model import Profile
from hil.profile.words import Provenance


@click.command(name="list")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@with_json
def list_profiles(ids: tuple[str, ...], as_json: bool) -> None:
    """List the test profiles: cases, the time they take, how many of their numbers are public.

    An ID is that of a profile, of a folder of them (`crd`), or a profile's file.
    """
    profiles, _ = read_profiles(ids)
    rows = [_row(profile) for profile in profiles]
    if as_json:
        click.echo(as_json_text(rows))
        return
    for row in rows:
        numbers = f"{row['public']}/{row['numbers']} public"
        span = duration_text(float(row["duration_s"]))
        click.echo(
            f"{row['id']:<34} v{row['version']} {row['cases']:>4} cases {span:>11}  {numbers:<13}  {row['title']}"
        )
    cases, total_s = sum(len(profile.cases) for profile in profiles), sum(map(_span_s, profiles))
    click.echo(f"{len(rows)} profiles, {cases} cases, {duration_text(total_s)} in real time with all repeats")
    click.echo(NOTE)


def _row(profile: Profile) -> dict[str, str | int | float]:
    sources = Counter(p.provenance for p in {p.name: p for case in profile.cases for p in case.parameters}.values())
    return {
        "id": profile.id,
        "version": profile.version,
        "title": profile.title,
        "cases": len(profile.cases),
        "duration_s": _span_s(profile),
        "numbers": sum(sources.values()),
        "public": sources[Provenance.PUBLIC],
    }


def _span_s(profile: Profile) -> float:
    return sum(case.duration_s * case.repeats for case in profile.cases)
