"""What `hil list`, `show`, `lint` and `plan` share: profiles by their ids, with overlays and a rig's ratings."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from hil.profile.library import UnknownProfileError, profile_files
from hil.profile.load import load_profile
from hil.profile.mistake import BadFileError, Mistake
from hil.profile.model import Case, Profile
from hil.profile.overlay import Overlay, load_overlay
from hil.profile.rig_sheet import RigSheet, load_rig

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
    """The profiles that some ids mean (all for none), and the rig.

    An id may be that of a case; the profile then has that case alone.

    Raises:
        BadFileError: with every mistake of every file.
        click.ClickException: an id means nothing.
    """
    mistakes: list[Mistake] = []
    rig: RigSheet | None = None
    overlays: list[Overlay] = []
    for path in (*overlay_paths, *([rig_path] if rig_path else [])):
        try:
            if path == rig_path:
                rig = load_rig(path)
            else:
                overlays.append(load_overlay(path))
        except BadFileError as error:
            mistakes += error.mistakes
    profiles: list[Profile] = []
    wanted = [name for name in ids if "=" not in name]
    wanted += [name.rsplit("/", 1)[0] for name in ids if "=" in name]
    try:
        files = profile_files(wanted)
    except UnknownProfileError as error:
        raise click.ClickException(str(error)) from None
    for path in files.values():
        try:
            profiles.append(_one(path, overlays, rig))
        except BadFileError as error:
            mistakes += [mistake for mistake in error.mistakes if mistake not in mistakes]
    if not mistakes:
        for overlay in overlays:
            overlay.check_reached()
            mistakes += overlay.file.mistakes
    if mistakes:
        raise BadFileError(mistakes)
    return _only_named(profiles, ids), rig


def _one(path: Path, overlays: Sequence[Overlay], rig: RigSheet | None) -> Profile:
    try:
        name = str(path.relative_to(Path.cwd()))
    except ValueError:
        name = str(path)
    by = Path(rig.file).name if rig else ""
    return load_profile(path, name=name, ratings=rig.ratings if rig else None, rated_by=by, overlays=overlays)


def _only_named(profiles: list[Profile], ids: Sequence[str]) -> list[Profile]:
    """Profiles that were asked for by the ids of cases, with those cases alone."""
    named = {name for name in ids if "=" in name}
    if not named:
        return profiles
    known = {case.id for profile in profiles for case in profile.cases}
    for name in sorted(named - known):
        raise click.ClickException(f"there is no case {name}; `hil plan {name.rsplit('/', 1)[0]}` prints them")
    whole = {name for name in ids if "=" not in name}
    return [
        replace(profile, cases=tuple(case for case in profile.cases if case.id in named or _in(profile, whole)))
        for profile in profiles
    ]


def _in(profile: Profile, ids: set[str]) -> bool:
    return any(profile.id == name or profile.id.startswith(f"{name}/") for name in ids)


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
