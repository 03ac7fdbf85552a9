"""What `hil list`, `show`, `lint` and `plan` share: profiles by their ids, with overlays and a rig's ratings."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hil.profile.library import UnknownProfileError
from hil.profile.model import Case, Profile
from hil.profile.rig_sheet import RigSheet
from hil.profile.select import select_profiles

NOTE = "A pre-test, not a certification. Where it says project default, nobody has published a number."

with_overlay = click.option(
    "--overlay",
    "overlays",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Your own text's numbers over ours (hil.overlay/1); may be given several times, the last one wins.",
)
with_rig = click.option("--rig", type=click.Path(path_type=Path), metavar="RIG.yaml", help="A rig's capability sheet.")
with_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def read_profiles(
    ids: Sequence[str], overlay_paths: Sequence[Path] = (), rig_path: Path | None = None
) -> tuple[list[Profile], RigSheet | None]:
    """The profiles that some ids mean, and the rig; an unknown id is a mistake of usage."""
    try:
        return select_profiles(ids, overlay_paths, rig_path)
    except UnknownProfileError as error:
        raise click.ClickException(str(error)) from None


def as_json_text(value: Any) -> str:
    """JSON of a profile, case or rows of plain values."""
    plain = asdict(value) if isinstance(value, Profile | Case) else value
    return json.dumps(plain, indent=2, allow_nan=False)


def duration_text(seconds_s: float) -> str:
    """A time as people say it: 45 s, 12 min, 3 h 20 min."""
    if seconds_s < 120.0:
        return f"{seconds_s:.0f} s"
    minutes = round(seconds_s / 60.0)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
