"""Where profiles lie, and which of them an ID means."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

COMMON = "common.yaml"
LIBRARIES = (
    Path(__file__).parents[2] / "test_profiles",
    Path(__file__).parents[1] / "_data" / "test_profiles",  # as the wheel carries it
)
NOT_PROFILES = ("schema", "rigs", "overlays")
FILES_MAX = 1000


class UnknownProfileError(Exception):
    """An ID means no profile. The text says what there is."""


def library_folders() -> list[Path]:
    """The libraries that exist on this machine, the checkout's first."""
    return [folder for folder in LIBRARIES if folder.is_dir()]


def library() -> dict[str, Path]:
    """Profile id -> file, in order. The id is the path under the library, without the ending."""
    found: dict[str, Path] = {}
    for folder in library_folders()[:1]:
        for path in sorted(folder.rglob("*.yaml"))[:FILES_MAX]:
            inside = path.relative_to(folder)
            if inside.parts[0] not in NOT_PROFILES and path.name != COMMON:
                found[str(inside.with_suffix("")).replace("\\", "/")] = path
    return found


def profile_files(ids: Sequence[str]) -> dict[str, Path]:
    """The profiles that some IDs mean: an id, a folder of them (`crd`), or a file's path; all for none.

    Raises:
        UnknownProfileError: an ID means nothing.
    """
    known = library()
    if not ids:
        return known
    found: dict[str, Path] = {}
    for name in ids:
        wanted = name.rstrip("/")
        here = {
            known_id: path
            for known_id, path in known.items()
            if known_id == wanted or known_id.startswith(f"{wanted}/")
        }
        if here:
            found |= here
        elif Path(name).suffix in (".yaml", ".yml"):
            found[name] = Path(name)
        else:
            near = get_close_matches(wanted, [*known, *{known_id.split("/")[0] for known_id in known}], n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "`hil list` shows them all"
            raise UnknownProfileError(f"there is no profile {name}; {hint}")
    return found
