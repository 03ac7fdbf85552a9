"""What the rig's sheet says of the instruments behind a recording, as far as a judgement needs it."""

from collections.abc import Mapping
from dataclasses import dataclass

from hil.analysis.uncertainty import Instruments
from hil.profile.rig_sheet import RigSheet
from hil.profile.words import Role

RECORDED_BY = {"power": Role.POWER_METER, "waveform": Role.WAVEFORM}
"""Which role made the recording of that name."""
TOLD = ("fault.contact", "power.contact", "limit.value")
"""Channels that are contacts or told values: no measuring filter lies before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One instrument. `uncertainty_ratio` is of the value, expanded (95 %); `calibration_due` ISO 8601, empty: unknown.

    What the sheet does not state is 0: a note of the verdict says so.
    """

    name: str
    update_s: float = 0.0
    group_delay_s: float = 0.0
    uncertainty_ratio: float = 0.0
    calibration_due: str = ""
    stated: bool = True


Gauges = Mapping[str, Gauge]
"""By the name of the recording."""


def gauges_of(sheet: RigSheet) -> Gauges:
    """The measuring instruments of a rig."""
    found = {}
    for recording, role in RECORDED_BY.items():
        part = sheet.roles.get(role)
        if part is not None:
            found[recording] = Gauge(
                name=part.instrument or role.value,
                update_s=part.update_s or 0.0,
                group_delay_s=part.group_delay_s or 0.0,
                uncertainty_ratio=part.uncertainty_ratio or 0.0,
                calibration_due=part.calibration_due,
                stated=None not in (part.update_s, part.group_delay_s, part.uncertainty_ratio),
            )
    return found


def gauge_of(gauges: Gauges, recording: str) -> Gauge:
    """The instrument of a recording; one without any statement where the sheet has none."""
    return gauges.get(recording) or Gauge(name=recording, stated=False)


def instruments(stimulus: Gauge, response: Gauge, channel: str) -> Instruments:
    """What the timing of a response needs to know of the two instruments; `channel` is that of the stimulus.

    Two channels of one instrument are late by the same time, which cancels. Two instruments differ by what their sheets
    say, give or take half of both. A contact or a told value may have passed the filter of its meter or not: the delay
    lies between nothing and all of it (a rectangle, JCGM 100 4.3.7).
    """
    averaging_s = response.update_s
    if channel in TOLD:
        half_s = 0.5 * response.group_delay_s
        return Instruments(delay_s=half_s, u_delay_s=half_s, averaging_s=averaging_s)
    if stimulus is response or stimulus == response:
        return Instruments(averaging_s=averaging_s)
    return Instruments(
        delay_s=response.group_delay_s - stimulus.group_delay_s,
        u_delay_s=0.5 * (response.group_delay_s + stimulus.group_delay_s),
        averaging_s=averaging_s,
    )
