"""`hil show`: one profile in words, with the provenance of each of its numbers; or one case, with its values."""

from pathlib import Path

import click

from hil.cli.profiles import NOTE, as_json_text, duration_text, read_profiles, with_json, with_overlay, with_rig
from hil.profile.model import Case, Parameter, Profile
from hil.profile.units import Quantity


@click.command()
@click.argument("name", metavar="ID")
@with_overlay
@with_rig
@with_json
def show(name: str, overlays: tuple[Path, ...], rig: Path | None, as_json: bool) -> None:
    """Show a test profile, or one case of it: what it rests on, its numbers and who published them, its criteria."""
    profiles, _ = read_profiles([name], overlays, rig)
    for profile in profiles:
        click.echo(as_json_text(profile) if as_json else "\n".join(page(profile)))


def page(profile: Profile) -> list[str]:
    """A profile in words."""
    first = profile.cases[0]
    lines = [f"{profile.id} version {profile.version}: {profile.title}", "", profile.about, ""]
    lines += [f"  {basis.ref}: {basis.says} ({basis.doc})" for basis in profile.basis]
    lines += ["", f"Public: {profile.public}", "", "Numbers:"]
    for parameter in _all(profile):
        lines.append(f"  {parameter.name:<18}{_values(profile, parameter):<26}{parameter.origin}: {parameter.source}")
    lines += ["", "Prepare:", *(f"  {step}" for step in first.prepare)]
    lines += [f"{'Fault' if first.stimulus.is_fault else 'Stimulus'}, seen on {first.stimulus.channel}:"]
    lines += [f"  {step}" for step in first.stimulus.steps]
    lines += [f"Response: {_response(first)}", "Criteria:"]
    for criterion in first.criteria:
        beyond = f" ± {criterion.tolerance_value:g}" if criterion.tolerance_value else ""
        rule = f"{criterion.over}, {criterion.rule}, {criterion.basis}, {criterion.origin}"
        limit = f"{criterion.op} {criterion.limit_value:g}{beyond} {criterion.unit}"
        lines.append(f"  {criterion.id}: {criterion.measure.value} {limit} ({rule})")
    if len(profile.cases) > 1:
        lines.append("(steps and values of the first case; `hil show` with the id of another shows that one)")
    else:
        lines += [f"Case {first.id}", f"  hash {first.hash}, {first.repeats} times {duration_text(first.duration_s)}"]
    return [*lines, NOTE]


def _all(profile: Profile) -> list[Parameter]:
    return list({parameter.name: parameter for case in profile.cases for parameter in case.parameters}.values())


def _values(profile: Profile, parameter: Parameter) -> str:
    """All values that a parameter takes over the cases."""
    found = dict.fromkeys(_spoken(case.parameter(parameter.name)) for case in profile.cases)
    text = ", ".join(found)
    return text if len(text) < 60 else f"{len(found)} values"


def _spoken(parameter: Parameter) -> str:
    value = parameter.value
    return value if isinstance(value, str) else str(Quantity(value=value, unit=parameter.unit))


def _response(case: Case) -> str:
    response = case.response
    limit = "" if response.limit_value is None else f", beyond {response.side} {response.limit_value:g} {response.unit}"
    tolerance = "" if response.tolerance_value is None else f" + {response.tolerance_value:g} {response.unit}"
    return f"{response.kind.value} {response.channel}{limit}{tolerance}; step: {response.steps}"
