"""Reads a profile: YAML, schema, then every expression of every case. Reports every mistake at once, with its line."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from hil.profile.expand import make_case
from hil.profile.expression import ExpressionError, names_in
from hil.profile.library import COMMON, library_folders
from hil.profile.model import Basis, Case, Profile
from hil.profile.names import Given, Sourced, all_names
from hil.profile.overlay import Overlay
from hil.profile.schema import COMMON_SCHEMA, PROFILE_SCHEMA, CommonFile, ProfileFile
from hil.profile.units import Quantity
from hil.profile.words import Provenance
from hil.profile.yaml_file import YamlFile, read_yaml

PARENTS_MAX = 3  # a profile lies at most so deep under its library


def load_profile(
    path: Path,
    *,
    name: str = "",
    ratings: Mapping[str, Quantity] | None = None,
    rated_by: str = "",
    overlays: Sequence[Overlay] = (),
) -> Profile:
    """Read, check and expand a profile. `ratings`: of the device under test, by parameter; `rated_by`: whose sheet.

    Raises:
        BadFileError: with every mistake of the file and of what the overlays put into it.
    """
    file = read_yaml(path, name)
    content = file.checked(ProfileFile, PROFILE_SCHEMA)
    if content is None:
        file.stop()
    assert content is not None
    parts, common = _parameters(content, file, path)
    known = {*content.matrix, *(part.name for part in parts)}
    given = _rated(parts, ratings or {}, rated_by)
    for overlay in overlays:
        given |= overlay.given(content.id, known)
    cases: list[Case] = []
    used: set[str] = set()
    count = 0
    for names in all_names(content, file, parts, given):
        count += 1
        case = make_case(content, names)
        used |= names.used
        if case is not None:
            cases.append(case)
    if not count and not file.mistakes:
        file.report(("where",), "no combination of the matrix is left")
    _check_used(content, parts, file, used)
    _check_different(cases, file)
    for other in (*([common] if common else []), *(overlay.file for overlay in overlays)):
        file.mistakes += [mistake for mistake in other.mistakes if mistake not in file.mistakes]
    file.stop()
    read = (file, *([common] if common else []), *(overlay.file for overlay in overlays))
    return Profile(
        id=content.id,
        version=content.version,
        title=content.title,
        about=content.about,
        public=content.public,
        basis=tuple(Basis(doc=basis.doc, ref=basis.ref, says=basis.says) for basis in content.basis),
        file=file.name,
        digests=tuple((one.name, one.digest) for one in read),
        cases=tuple(cases),
    )


def _parameters(content: ProfileFile, file: YamlFile, path: Path) -> tuple[list[Sourced], YamlFile | None]:
    """The profile's parameters, those it takes from `common.yaml` first, and that file."""
    own = [Sourced(name=name, part=part, file=file) for name, part in content.parameters.items()]
    if not content.common:
        return own, None
    folders = [*list(path.resolve().parents)[:PARENTS_MAX], *library_folders()]
    found = next((folder / COMMON for folder in folders if (folder / COMMON).is_file()), None)
    if found is None:
        file.report(("common",), f"there is no {COMMON} beside the profile or above it")
        return own, None
    common = read_yaml(found, _shown(found))
    parts = common.checked(CommonFile, COMMON_SCHEMA)
    if parts is None:
        return own, common
    for i, name in enumerate(content.common):
        if name not in parts.parameters:
            near = get_close_matches(name, parts.parameters, n=1)
            file.report(("common", i), f"{COMMON} has no {name}", f"did you mean {near[0]}?" if near else "")
        if name in content.parameters:
            file.report(("parameters", name), f"is also taken from {COMMON}", "one name, one thing")
    wanted = set(content.common)
    for name in reversed(parts.parameters):  # what is taken brings what it is made of, which stands above it
        if name in wanted:
            wanted |= _names_in(parts.parameters[name].value) & parts.parameters.keys()
    taken = [Sourced(name=name, part=part, file=common) for name, part in parts.parameters.items() if name in wanted]
    return [*taken, *own], common


def _names_in(text: str) -> set[str]:
    try:
        return names_in(text)
    except ExpressionError:
        return set()  # said where it is evaluated


def _shown(path: Path) -> str:
    """A path as it was most likely typed: from the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _rated(parts: Sequence[Sourced], ratings: Mapping[str, Quantity], by: str) -> dict[str, Given]:
    """The parameters that the device under test decides."""
    return {
        part.name: Given(
            texts=(f"{ratings[part.name].value:.12g} {ratings[part.name].unit}",),
            provenance=Provenance.DEVICE,
            origin=f"device under test ({by})",
            source="rating declared on the rig's sheet",
            file=part.file,
            place=("parameters", part.name, "value"),
        )
        for part in parts
        if part.part.rating and part.name in ratings
    }


def _check_used(content: ProfileFile, parts: Sequence[Sourced], file: YamlFile, used: set[str]) -> None:
    """A parameter that nothing uses is a number that somebody believes in vain."""
    if file.mistakes:
        return
    texts = [*content.where, content.repeats, *(part.part.value for part in parts)]
    used = used.union(*map(_names_in, texts))
    for part in ("matrix", "parameters"):
        for name in getattr(content, part):
            if name not in used:
                file.report((part, name), "is used nowhere")
    for i, name in enumerate(content.common):
        if name not in used:
            file.report(("common", i), f"{name} is used nowhere")


def _check_different(cases: list[Case], file: YamlFile) -> None:
    """Two combinations that do and judge the same are one case too many: an axis is missing in the steps."""
    seen: dict[object, str] = {}
    for case in cases:
        twin = seen.setdefault((case.steps, case.record, case.response, case.criteria), case.id)
        if twin != case.id:
            file.report(("matrix",), f"{case.id} and {twin} are the same test", "leave one out by `where`")
