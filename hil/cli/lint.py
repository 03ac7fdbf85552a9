"""`hil lint`: every mistake of a profile, and whatever a rig lacks for it, before anything is energised."""

from pathlib import Path

import click

from hil.cli.profiles import as_json_text, read_profiles, with_json, with_overlay, with_rig
from hil.profile.lint import Lack, lint_profile

EXIT_RIG = 3


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@with_overlay
@with_rig
@with_json
@click.pass_context
def lint(
    context: click.Context, ids: tuple[str, ...], overlays: tuple[Path, ...], rig: Path | None, as_json: bool
) -> None:
    """Check test profiles (all for no ID), and with --rig whether that rig can do every case of them.

    Exit codes: 0 nothing is wrong, 2 mistakes in a file (all of them, with file and line), 3 the rig lacks a
    capability (each one named). Nothing is energised and nothing is connected.
    """
    profiles, sheet = read_profiles(ids, overlays, rig)
    lacks = [lack for profile in profiles for lack in lint_profile(profile, sheet)] if sheet else []
    cases = sum(len(profile.cases) for profile in profiles)
    blocked = len({lack.case for lack in lacks})
    if as_json:
        rows = [{"case": lack.case, "part": lack.part, "lacks": lack.what} for lack in lacks]
        click.echo(as_json_text({"profiles": len(profiles), "cases": cases, "blocked": blocked, "lacks": rows}))
    else:
        for line in _lines(lacks, sheet.file if sheet else ""):
            click.echo(line, err=True)
        able = f"; {sheet.id} can do {cases - blocked} of them" if sheet else ""
        click.echo(f"{len(profiles)} profiles, {cases} cases: no mistakes{able}")
    context.exit(EXIT_RIG if lacks else 0)


def _lines(lacks: list[Lack], file: str) -> list[str]:
    """One line for each thing that is lacking, with the profiles that need it and the number of their cases."""
    groups: dict[tuple[str, str, int], list[str]] = {}
    for lack in lacks:
        profile = lack.case.rsplit("/", 1)[0] if "=" in lack.case else lack.case
        groups.setdefault((lack.part, lack.what, lack.line), []).append(profile)
    return [
        f"{file}:{line}: {', '.join(dict.fromkeys(profiles))}: {part}: {what}"
        + (f" ({len(profiles)} cases)" if len(profiles) > 1 else "")
        for (part, what, line), profiles in groups.items()
    ]
