"""Overlays: a laboratory that owns a standard puts its numbers over ours, in a file of its own (`hil.overlay/1`)."""

from dataclasses import dataclass
from pathlib import Path

from hil.profile.names import Given
from hil.profile.schema import OVERLAY_SCHEMA, OverlayFile
from hil.profile.words import Provenance
from hil.profile.yaml_file import YamlFile, read_yaml


@dataclass(slots=True)
class Overlay:
    """A checked overlay file. `reached`: which of its profiles or folders matched something."""

    file: YamlFile
    content: OverlayFile
    reached: set[str]

    @property
    def name(self) -> str:
        """The file's own name, as reports print it."""
        return Path(self.file.name).name

    def given(self, profile_id: str, known: set[str]) -> dict[str, Given]:
        """What replaces names of a profile. A folder's entry holds for the profiles in it that have such a name.

        The longest match wins: an entry for the profile itself before one for its folder.
        """
        found: dict[str, Given] = {}
        for key in sorted(self.content.profiles, key=len):
            if key != profile_id and not profile_id.startswith(f"{key}/"):
                continue
            for name, part in self.content.profiles[key].items():
                if name not in known and key != profile_id:
                    continue
                self.reached.add(f"{key}:{name}")
                found[name] = Given(
                    texts=tuple(part.values or ([part.value] if part.value else [])),
                    provenance=Provenance.STANDARD,
                    origin=f"standard (overlay {self.name})",
                    source=f"{self.content.standard}: {part.source}",
                    file=self.file,
                    place=("profiles", key, name, "values" if part.values else "value"),
                )
        return found

    def check_reached(self) -> None:
        """Report what matched nothing: a wrong id must not look like an overlay that works."""
        for key, names in self.content.profiles.items():
            for name in names:
                if f"{key}:{name}" not in self.reached:
                    self.file.report(("profiles", key, name), "matches no parameter of any profile that was read")


def load_overlay(path: Path) -> Overlay:
    """Read an overlay.

    Raises:
        BadFileError: with every mistake found.
    """
    file = read_yaml(path)
    content = file.checked(OverlayFile, OVERLAY_SCHEMA)
    for key, names in content.profiles.items() if content else ():
        for name, part in names.items():
            if (part.value is None) == (part.values is None):
                file.report(("profiles", key, name), "give exactly one of value and values")
    file.stop()
    assert content is not None
    return Overlay(file=file, content=content, reached=set())
