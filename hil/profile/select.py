"""From ids, overlays and a rig's sheet to checked profiles: what the command line and a runner begin with."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hil.profile.library import UnknownProfileError, profile_files
from hil.profile.load import load_profile
from hil.profile.mistake import BadFileError, Mistake
from hil.profile.model import Profile
from hil.profile.overlay import Overlay, load_overlay
from hil.profile.rig_sheet import RigSheet, load_rig


def select_profiles(
    ids: Sequence[str], overlay_paths: Sequence[Path] = (), rig_path: Path | None = None
) -> tuple[list[Profile], RigSheet | None]:
    """The profiles that some ids mean (all for none), and the rig.

    An id may be that of a case; the profile then has that case alone.

    Raises:
        BadFileError: with every mistake of every file.
        UnknownProfileError: an id means nothing.
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
    files = profile_files(wanted)
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
        raise UnknownProfileError(f"there is no case {name}; `hil plan {name.rsplit('/', 1)[0]}` prints them")
    whole = {name for name in ids if "=" not in name}
    return [
        replace(profile, cases=tuple(case for case in profile.cases if case.id in named or _in(profile, whole)))
        for profile in profiles
    ]


def _in(profile: Profile, ids: set[str]) -> bool:
    return any(profile.id == name or profile.id.startswith(f"{name}/") for name in ids)
