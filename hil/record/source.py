"""What a recording was made with, as the rig's sheet says it: kept beside the samples, for whoever has only those."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.profile.words import Role

if TYPE_CHECKING:  # it brings pydantic, which who reads a record has no use for
    from hil.profile.rig_sheet import RigSheet, RoleSheet

RECORDING_NAMES = {Role.POWER_METER: "power", Role.WAVEFORM: "waveform"}
"""How a rig calls the recording of each measuring role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One measuring instrument. Empty or None: not stated. `uncertainty_ratio`: of the value."""

    instrument: str = ""
    calibration_due: str = ""
    uncertainty_ratio: float | None = None
    update_s: float | None = None
    group_delay_s: float | None = None


def source_of(sheet: "RoleSheet") -> Source:
    """What a role's sheet says of its instrument."""
    return Source(
        instrument=sheet.instrument or sheet.driver,
        calibration_due=sheet.calibration_due,
        uncertainty_ratio=sheet.uncertainty_ratio,
        update_s=sheet.update_s,
        group_delay_s=sheet.group_delay_s,
    )


def sources_of(sheet: "RigSheet") -> dict[str, Source]:
    """What each recording of a rig is made with, by the recording's name."""
    return {name: source_of(sheet.roles[role]) for role, name in RECORDING_NAMES.items() if role in sheet.roles}
