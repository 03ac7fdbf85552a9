"""The lines of a run: the channels that its case asked for, found in its recordings."""

from dataclasses import dataclass

import numpy as np

from hil.analysis.series import Invalid, Series
from hil.profile.model import Case
from hil.profile.words import CHANNELS
from hil.record.model import RunRecord
from hil.record.recording import FloatArray, Recording
from hil.verdict.channels import find

PHASES = ("L1", "L2", "L3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One line. `phase` is empty for the net quantity; a sum of phases is one, a sum of RMS currents is not made."""

    channel: str
    phase: str
    unit: str
    t_s: FloatArray
    y: FloatArray

    @property
    def name(self) -> str:
        """The channel, and the conductor where it is one."""
        return f"{self.channel} {self.phase}".rstrip()


def traces_of(record: RunRecord, case: Case) -> list[Trace]:
    """Every channel of the case that the record holds, the response first, then the stimulus."""
    order = sorted(case.record.channels, key=lambda name: _rank(name, case))
    return [trace for channel in order for trace in _channel(record, channel, case)]


def _rank(channel: str, case: Case) -> int:
    return 0 if channel == case.response.channel else 1 if channel == case.stimulus.channel else 2


def _channel(record: RunRecord, channel: str, case: Case) -> list[Trace]:
    unit = CHANNELS.get(channel, ("", ""))[0] or (case.response.unit if channel == "limit.value" else "")
    for recording in sorted(record.recordings, key=lambda found: found.name != "power"):
        phases = [phase for phase in PHASES if f"{channel}.{phase}" in recording.channels]
        if channel in recording.channels:
            return [_trace(recording, channel, "", unit, recording.channels[channel])]
        if phases and unit == "W":
            summed = np.sum([recording.channels[f"{channel}.{phase}"] for phase in phases], axis=0)
            return [_trace(recording, channel, "", unit, summed)]
        if phases:
            return [_trace(recording, channel, p, unit, recording.channels[f"{channel}.{p}"]) for p in phases]
    return _waves(record, channel, unit)


def _waves(record: RunRecord, channel: str, unit: str) -> list[Trace]:
    """The channel made of voltages and currents, as the judge makes it, where only waveforms were recorded."""
    found = find(record.recordings, channel, {})
    if isinstance(found, Invalid):
        return []
    parts = {"": found.net} if isinstance(found.net, Series) else found.phases
    return [
        Trace(channel=channel, phase=phase, unit=unit, t_s=part.t_s + part.origin_s, y=part.y)
        for phase, part in parts.items()
        if isinstance(part, Series)
    ]


def _trace(recording: Recording, channel: str, phase: str, unit: str, y: FloatArray) -> Trace:
    return Trace(channel=channel, phase=phase, unit=unit, t_s=recording.t_s, y=np.asarray(y, dtype=np.float64))
