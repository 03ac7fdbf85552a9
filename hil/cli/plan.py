"""`hil plan`: the matrix of a profile, with the time that each case takes."""

from collections import Counter
from pathlib import Path

import click

from hil.cli.profiles import NOTE, as_json_text, duration_text, read_profiles, with_json, with_overlay, with_rig
from hil.profile.lint import lint_case
from hil.profile.model import Case
from hil.profile.rig_sheet import RigSheet


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@with_overlay
@with_rig
@with_json
def plan(ids: tuple[str, ...], overlays: tuple[Path, ...], rig: Path | None, as_json: bool) -> None:
    """Print the cases of test profiles (all for no ID) in the order in which they run, and how long they take.

    The first time is if everything settles at once, the second if every wait runs to its end; both with all repeats.
    """
    profiles, sheet = read_profiles(ids, overlays, rig)
    cases = [case for profile in profiles for case in profile.cases]
    if as_json:
        click.echo(as_json_text([_row(case, sheet) for case in cases]))
        return
    missing: Counter[str] = Counter()
    for case in cases:
        lacks = lint_case(case, sheet) if sheet else []
        missing.update({f"{lack.part}: {lack.what}" for lack in lacks})
        blocked = "  the rig cannot" if lacks else ""
        spans = (
            f"{duration_text(case.duration_s * case.repeats):>11} {duration_text(case.longest_s * case.repeats):>11}"
        )
        click.echo(f"{case.hash[:8]}  {case.repeats} x {spans}  {case.id}{blocked}")
    quick_s = sum(case.duration_s * case.repeats for case in cases)
    longest_s = sum(case.longest_s * case.repeats for case in cases)
    runs = sum(case.repeats for case in cases)
    click.echo(f"{len(cases)} cases, {runs} runs, {duration_text(quick_s)} to {duration_text(longest_s)}")
    for what, count in missing.most_common():
        click.echo(f"{count} cases cannot be run here: {what}")
    click.echo(NOTE)


def _row(case: Case, rig: RigSheet | None) -> dict[str, object]:
    lacks = [f"{lack.part}: {lack.what}" for lack in lint_case(case, rig)] if rig else []
    values = {axis: case.parameter(axis).written for axis in case.axes}
    spans = {"duration_s": case.duration_s * case.repeats, "longest_s": case.longest_s * case.repeats}
    return {"id": case.id, "hash": case.hash, "axes": values, "repeats": case.repeats, **spans, "lacks": lacks}
