"""Of a rig's sheet: the recordings that somebody else makes, and which of their columns is which channel."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import Field

from hil.profile.schema import Part
from hil.profile.units import WRITTEN
from hil.profile.words import CHANNELS, PHASES
from hil.profile.yaml_file import Place, YamlFile

FILE_KEYS = {"files", "columns", "offset"}
"""Keys of the driver `file`, and of no other."""
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
PLACEHOLDERS = {"{case}", "{hash}", "{repeat}"}


class ColumnPart(Part):
    """Where a channel stands in a file that somebody else recorded."""

    column: Annotated[str, Field(min_length=1, max_length=128)]
    unit: str | None = Field(default=None, max_length=8, description="the file's, where it differs (`kW`)")
    reversed: bool = Field(default=False, description="the file counts the other direction as positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Where a channel stands in a file: value = `factor` * what the column says."""

    name: str
    factor: float = 1.0


class FilePart(Protocol):
    """What this module reads of a role's sheet."""

    @property
    def driver(self) -> str:
        """The role's driver."""
        ...

    @property
    def files(self) -> str | None:
        """The path, with its placeholders."""
        ...

    @property
    def columns(self) -> dict[str, ColumnPart] | None:
        """The columns, by channel."""
        ...

    @property
    def model_fields_set(self) -> set[str]:
        """The keys that the file has."""
        ...


def read_columns(part: FilePart, channels: Sequence[str], file: YamlFile, place: Place) -> Mapping[str, Column]:
    """The columns of a role's channels; mistakes of the keys of the driver `file` are reported."""
    if part.driver != "file":
        for name in sorted(FILE_KEYS & part.model_fields_set):
            file.report((*place, name), "belongs to the driver `file`")
        return {}
    _check_pattern(part.files, file, place)
    found = {}
    for name, column in (part.columns or {}).items():
        where = (*place, "columns", name)
        conductor = name.rsplit(".", 1)[-1]
        channel = name.removesuffix(f".{conductor}") if conductor in PHASES else name
        if channel not in channels:
            file.report(where, f"is none of the channels of this role: {', '.join(channels)}")
            continue
        factor, own = 1.0, CHANNELS[channel][0]
        if column.unit is not None:
            unit, factor = WRITTEN.get(column.unit, ("", 1.0))
            if unit != own:
                file.report((*where, "unit"), f"{column.unit} is no unit of {channel}, which is in {own or 'no unit'}")
        found[name] = Column(name=column.column, factor=-factor if column.reversed else factor)
    return found


def _check_pattern(files: str | None, file: YamlFile, place: Place) -> None:
    if not files:
        file.report(place, "the driver `file` must say files", "for example: recordings/{hash}-r{repeat}.csv")
        return
    said = PLACEHOLDER.findall(files)
    if set(said) - PLACEHOLDERS or files.count("{") != len(said) or files.count("}") != len(said):
        file.report((*place, "files"), f"knows {', '.join(sorted(PLACEHOLDERS))} and no other placeholder")
    elif "{repeat}" not in said or not {"{case}", "{hash}"} & set(said):
        file.report((*place, "files"), "needs {repeat}, and {case} or {hash}: each run has a file of its own")
