"""Channels of a run: from its recordings to the series of a case's stimulus and response, net and per conductor.

A channel is called as in `hil.profile.words.CHANNELS`, one conductor of it `NAME.L1`. A waveform recording holds
voltages and currents of conductors; a power is made of those whose currents it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hil.analysis.build import Quantity, build
from hil.analysis.channel import Term, TermKind
from hil.analysis.series import Invalid, Series, gap, unordered
from hil.profile.words import CHANNELS
from hil.record.recording import Recording
from hil.verdict.gauges import Gauge, Gauges, gauge_of

CONDUCTORS = ("L1", "L2", "L3", "N")
WAVEFORM = "waveform"
LEAST_STILL = 8  # samples, as a series needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A channel that has one value from beginning to end: either at rest, or an instrument that is dead."""

    value: float


Part = Series | Still | Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A channel: net (None where a sum has no meaning: currents), its conductors by name, and the instrument."""

    name: str
    recording: Recording
    gauge: Gauge
    net: Part | None
    phases: dict[str, Part]


def find(recordings: Sequence[Recording], name: str, gauges: Gauges) -> Found | Invalid:
    """The channel from the best recording that has it: waveforms first.

    The time base must be in order and the recording without a gap as a whole: a judgement looks around its step alone,
    but a record with a hole anywhere is not what was asked for.
    """
    for recording in sorted(recordings, key=lambda each: each.name != WAVEFORM):
        terms = _terms(recording, name)
        if terms:
            broken = unordered(recording.t_s)
            if broken is not None:
                return Invalid(reason=f"{name} {broken.reason}")
            return _found(recording, name, terms, gauge_of(gauges, recording.name))
    there = ", ".join(sorted({column for each in recordings for column in each.channels})) or "nothing"
    return Invalid(reason=f"the record has no channel {name} (it has: {there})")


def _terms(recording: Recording, name: str) -> dict[str, Term]:
    """What the channel is made of: "" for a net column, conductors by their names."""
    made: dict[str, Term] = {}
    if recording.name != WAVEFORM and name in recording.channels:
        made[""] = Term(kind=TermKind.SAMPLED, columns=(name,))
    for conductor in CONDUCTORS:
        column = f"{name}.{conductor}"
        if recording.name == WAVEFORM:
            term = _wave_term(recording, name, conductor)
            if term is not None:
                made[conductor] = term
        elif column in recording.channels:
            made[conductor] = Term(kind=TermKind.SAMPLED, columns=(column,))
    return made


def _wave_term(recording: Recording, name: str, conductor: str) -> Term | None:
    place, unit = name.split(".", 1)[0], CHANNELS.get(name, ("", ""))[0]
    current = f"{place}.current_a.{conductor}"
    if current not in recording.channels:
        return None
    voltage = next(
        (v for v in (f"{place}.voltage_v.{conductor}", f"poi.voltage_v.{conductor}") if v in recording.channels), None
    )
    if unit in ("A", "W") and voltage is not None:
        return Term(kind=TermKind.TRUE_POWER, columns=(voltage, current))  # a current's period is that of its voltage
    return Term(kind=TermKind.RMS, columns=(current,)) if unit == "A" else None


def _found(recording: Recording, name: str, terms: dict[str, Term], gauge: Gauge) -> Found:
    quantity = Quantity.A if CHANNELS.get(name, ("", ""))[0] == "A" else Quantity.W
    phases = {key: _part(recording, (term,), quantity, gauge) for key, term in terms.items() if key}
    net: Part | None = None
    if "" in terms:
        net = _part(recording, (terms[""],), quantity, gauge)
    elif quantity is Quantity.W or len(phases) == 1:
        net = _part(recording, tuple(terms.values()), quantity, gauge)
    return Found(name=name, recording=recording, gauge=gauge, net=net, phases=phases)


def _part(recording: Recording, terms: tuple[Term, ...], quantity: Quantity, gauge: Gauge) -> Part:
    if all(term.kind is TermKind.SAMPLED for term in terms):
        y = np.sum([recording.channels[term.columns[0]] for term in terms], axis=0)
        present = np.isfinite(y)
        if np.count_nonzero(present) >= LEAST_STILL and np.all(y[present] == y[present][0]):
            hole = gap(
                Series(t_s=recording.t_s[present], y=y[present], step_s=float(np.median(np.diff(recording.t_s))))
            )
            return hole or Still(value=float(y[present][0]))
    built = build(recording, terms, quantity, gauge.update_s)
    if isinstance(built, Invalid):
        return built
    part = built.net if built.net is not None else built.parts[0]
    if quantity is Quantity.A and isinstance(part, Series):
        part = replace(part, y=np.abs(part.y))  # an RMS value: the channel has no direction
    return (gap(part) or part) if isinstance(part, Series) else part
