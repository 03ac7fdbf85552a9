"""`pcs devices`: the library of device profiles, and how well each is proven."""

import json
from dataclasses import asdict

import click

from pcs.config.profiles import load_profiles
from pcs.model.profile import DeviceProfile


@click.command(name="devices")
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def command(as_json: bool) -> None:
    """List the device profiles: what they are, how well they are proven, what happens without a controller."""
    profiles = load_profiles()
    if as_json:
        click.echo(json.dumps([asdict(profile) for profile in profiles.values()], indent=2))
        return
    for profile in profiles.values():
        click.echo("\n".join(_lines(profile)))


def _lines(profile: DeviceProfile) -> list[str]:
    lines = [
        f"{profile.id}",
        f"  {profile.title}",
        f"  kind {profile.kind.value}, protocol {profile.protocol}, evidence: {profile.evidence.value}",
    ]
    for variant, action in (profile.limits or {}).items():
        timer = f"after {action.reversion_s:g} s" if action.reversion_s is not None else "its timer is never armed"
        lines.append(f"  limit by model {variant}: without a controller {action.fallback.value}, {timer}")
    return [*lines, *(f"  source: {source}" for source in profile.sources)]
