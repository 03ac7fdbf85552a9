"""The capability sheet of a rig, `hil.rig/1`: what each role can do, and what it is driven by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from hil.profile.file_columns import FILE_KEYS, Column, ColumnPart, read_columns
from hil.profile.schema import Name, Part, Prose
from hil.profile.units import Quantity, UnitError, parse_quantity
from hil.profile.words import ACTING, CHANNELS, FAULTS, LIMITS, MODES, PHASES, POWERED, REGIMES, SETTERS, Role
from hil.profile.yaml_file import Place, YamlFile, parse_yaml, read_yaml

RIG_SCHEMA = "hil.rig/1"
Literal_ = Annotated[str, Field(min_length=1, max_length=40, description="a quantity with its unit (`12 kW`)")]


class RangePart(Part):
    """What can be set, both ends included."""

    least: Literal_
    most: Literal_


class RoleSheetPart(Part):
    """What one role can do. Which keys belong to which role is in `KEYS`."""

    driver: Literal["simulated", "human", "file"]
    instrument: Prose | None = Field(default=None, description="maker, model, serial")
    calibration_due: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    range: RangePart | None = None
    voltage: RangePart | None = None
    frequency: RangePart | None = None
    storage: RangePart | None = None
    phases: list[Literal[PHASES]] | None = None  # type: ignore[valid-type]
    slew: Literal_ | None = None
    step: Literal_ | None = Field(default=None, description="the time that any step takes, where there is no slew")
    update: Literal_ | None = None
    group_delay: Literal_ | None = None
    uncertainty: Literal_ | None = None
    channels: list[Literal[tuple(CHANNELS)]] | None = None  # type: ignore[valid-type]
    each_phase: bool = False
    faults: list[Literal[tuple(FAULTS)]] | None = None  # type: ignore[valid-type]
    switches: list[Literal[POWERED]] | None = None  # type: ignore[valid-type]
    shorting: bool = Field(default=False, description="a CT's secondary is short-circuited before it is opened")
    limits: list[Literal[LIMITS]] | None = None  # type: ignore[valid-type]
    modes: list[Literal[MODES]] | None = None  # type: ignore[valid-type]
    files: str | None = Field(
        default=None,
        max_length=200,
        description="of the driver `file`: where its recordings lie, `{case}` or `{hash}` and `{repeat}` filled in",
    )
    columns: dict[str, ColumnPart] | None = Field(
        default=None, description="of the driver `file`: the column of a channel (`poi.import_w`, `poi.import_w.L1`)"
    )
    offset: str | None = Field(
        default=None, max_length=40, description="of the driver `file`: how long after its start the first sample is"
    )
    setters: list[Literal[SETTERS]] | None = Field(  # type: ignore[valid-type]
        default=None, description="who can set a limit here; left out: the installer alone"
    )
    without_remote: Prose | None = Field(default=None, description="why the device has no remote source of limits")


class DevicePart(Part):
    """The device under test, as its label says."""

    maker: Prose
    model: Prose
    serial: str | None = None
    hardware: str | None = None
    firmware: str | None = None
    run: str | None = Field(
        default=None,
        max_length=500,
        description="what the simulated drivers start: a command line with `{site}`, or `python:MODULE:NAME`",
    )
    ratings: dict[Name, Literal_] = Field(default_factory=dict)
    regime: Literal[REGIMES] | None = Field(  # type: ignore[valid-type]
        default=None, description="what the device was commissioned for, where profiles ask for that"
    )
    preset: str | dict[str, Any] | None = Field(
        default=None, description="what the installer writes as `preset` into a simulated device's configuration"
    )


class RigFile(Part):
    """The whole file."""

    schema_: Literal["hil.rig/1"] = Field(alias="schema")
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Prose
    laboratory: Prose | None = None
    system: Literal["single", "split", "wye", "delta"]
    time: Literal["real", "virtual"] = Field(
        default="real", description="`virtual`: everything is simulated in one process, and jumps from event to event"
    )
    grade: Literal["A", "B", "C"] | None = Field(
        default=None,
        description="the best grade of this rig's records: cases that ask for a better one are run at this, to screen",
    )
    samples: Literal["hdf5", "csv"] = Field(default="hdf5", description="the form of the samples of each record")
    device: DevicePart
    roles: dict[Literal[tuple(role.value for role in Role)], RoleSheetPart]  # type: ignore[valid-type]


UNITS: dict[str, tuple[str, ...]] = {  # of the keys that are quantities
    "range": ("W",),
    "voltage": ("pu",),
    "frequency": ("Hz",),
    "storage": ("W",),
    "slew": ("W/s", "pu/s"),
    "step": ("s",),
    "update": ("s",),
    "group_delay": ("s",),
    "uncertainty": ("pu",),
    "offset": ("s",),
}
COMMON_KEYS = {"driver", "instrument", "calibration_due", "update", "group_delay", "uncertainty"}
MEASURING_KEYS = {"channels", "each_phase", *FILE_KEYS}
KEYS: dict[Role, tuple[set[str], set[str]]] = {  # what each role's sheet may say, and what it must
    Role.AC_LOAD: ({"range", "phases", "slew", "step"}, {"range"}),
    Role.DC_SOURCE: ({"range", "slew", "step"}, {"range"}),
    Role.GRID_SIM: ({"voltage", "frequency", "slew", "step"}, {"voltage", "frequency"}),
    Role.POWER_METER: (MEASURING_KEYS, {"channels", "update", "group_delay", "uncertainty"}),
    Role.WAVEFORM: (MEASURING_KEYS, {"channels", "update", "group_delay", "uncertainty"}),
    Role.RELAY: ({"faults", "switches", "shorting"}, set()),
    Role.DUT_LINK: ({"limits", "modes", "setters", "without_remote", "faults", "storage"}, set()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What can be set, both ends included, in `unit`."""

    lo: float
    hi: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSheet:
    """What one role can do; None: not stated. `slew_value` is in units of the range per second; `line` of the sheet.

    `files`: the path of a recording, from where the sheet lies, with its placeholders.
    """

    role: Role
    driver: str
    line: int
    ranges: Mapping[str, Range] = field(default_factory=dict)
    phases: tuple[str, ...] = ("total",)
    slew_value: float | None = None
    step_s: float | None = None
    update_s: float | None = None
    group_delay_s: float | None = None
    uncertainty_ratio: float | None = None
    channels: tuple[str, ...] = ()
    each_phase: bool = False
    faults: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    shorting: bool = False
    limits: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    setters: tuple[str, ...] = ("installer",)
    without_remote: str = ""
    instrument: str = ""
    calibration_due: str = ""
    files: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)
    offset_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RigSheet:
    """A rig. `ratings` are those of the device under test; profiles take them for parameters of the same name.

    `time` is real or virtual. `grade`: cases that ask for better records are run all the same, at this grade.
    """

    id: str
    title: str
    file: str
    digest: str
    system: str
    laboratory: str
    device: DevicePart
    ratings: Mapping[str, Quantity]
    roles: Mapping[Role, RoleSheet]
    time: str = "real"
    grade: str = "A"
    samples: Literal["hdf5", "csv"] = "hdf5"


def load_rig(path: Path) -> RigSheet:
    """Read a capability sheet.

    Raises:
        BadFileError: with every mistake found.
    """
    return _rig(read_yaml(path))


def parse_rig(text: str, name: str) -> RigSheet:
    """A capability sheet that is kept as text; `name` is how mistakes call it.

    Raises:
        BadFileError: with every mistake found.
    """
    return _rig(parse_yaml(text.encode("utf-8"), name))


def _rig(file: YamlFile) -> RigSheet:
    content = file.checked(RigFile, RIG_SCHEMA)
    if content is None:
        file.stop()
    assert content is not None
    ratings = {name: _literal(text, file, ("device", "ratings", name)) for name, text in content.device.ratings.items()}
    roles = {Role(name): _role(Role(name), part, file, ("roles", name)) for name, part in content.roles.items()}
    _check_run(content, file)
    file.stop()
    return RigSheet(
        id=content.id,
        title=content.title,
        file=file.name,
        digest=file.digest,
        system=content.system,
        laboratory=content.laboratory or "",
        device=content.device,
        ratings=ratings,
        roles=roles,
        time=content.time,
        grade=content.grade or "A",
        samples=content.samples,
    )


def _check_run(content: RigFile, file: YamlFile) -> None:
    """Virtual time and the device that is started belong to drivers that are simulated."""
    run, drivers = content.device.run, {part.driver for part in content.roles.values()}
    if content.time == "virtual" and (drivers != {"simulated"} or not (run or "").startswith("python:")):
        file.report(("time",), "only simulated drivers and a device `python:MODULE:NAME` can run on virtual time")


def _literal(text: str, file: YamlFile, place: Place, units: tuple[str, ...] = ()) -> Quantity:
    try:
        found = parse_quantity(text)
    except UnitError as error:
        file.report(place, str(error))
        return Quantity(value=0.0, unit="W")
    if units and found.unit not in units:
        file.report(place, f"{text} is in {found.unit}", f"expected {' or '.join(units)}")
    return found


def _role(role: Role, part: RoleSheetPart, file: YamlFile, place: Place) -> RoleSheet:
    may, must = KEYS[role]
    said = {name for name in type(part).model_fields if name in part.model_fields_set}
    for name in sorted(said - may - COMMON_KEYS):
        file.report((*place, name), f"does not belong to {role.value}")
    for name in sorted(must - said):
        file.report(place, f"{role.value} must say {name}")
    if part.driver == "file" and role in ACTING:
        file.report(
            (*place, "driver"), f"a file cannot act as {role.value}", "simulated or human; a file only measures"
        )
    ranges = {}
    for name in ("range", "voltage", "frequency", "storage"):
        given: RangePart | None = getattr(part, name)
        if given is not None:
            least = _literal(given.least, file, (*place, name, "least"), UNITS[name])
            most = _literal(given.most, file, (*place, name, "most"), UNITS[name])
            if least.value > most.value:
                file.report((*place, name), f"{given.least} is more than {given.most}")
            ranges[name] = Range(lo=least.value, hi=most.value, unit=most.unit)
    numbers: dict[str, float | None] = {}
    for name in ("slew", "step", "update", "group_delay", "uncertainty", "offset"):
        text: str | None = getattr(part, name)
        numbers[name] = _literal(text, file, (*place, name), UNITS[name]).value if text is not None else None
    return RoleSheet(
        role=role,
        driver=part.driver,
        line=file.line(place),
        ranges=ranges,
        phases=tuple(part.phases or ("total",)),
        slew_value=numbers["slew"],
        step_s=numbers["step"],
        update_s=numbers["update"],
        group_delay_s=numbers["group_delay"],
        uncertainty_ratio=numbers["uncertainty"],
        channels=tuple(part.channels or ()),
        each_phase=part.each_phase,
        faults=tuple(part.faults or ()),
        switches=tuple(part.switches or ()),
        shorting=part.shorting,
        limits=tuple(part.limits or ()),
        modes=tuple(part.modes or ()),
        setters=tuple(part.setters or ("installer",)),
        without_remote=part.without_remote or "",
        instrument=part.instrument or "",
        calibration_due=part.calibration_due or "",
        files=part.files or "",
        columns={} if role in ACTING else read_columns(part, part.channels or [], file, place),
        offset_s=numbers["offset"] or 0.0,
    )
