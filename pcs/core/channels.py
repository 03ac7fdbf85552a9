"""The flow on each line's channel: signed sums of meters, conductors, and amperes turned into watts.

RMS current has no sign. The power that a current limit leaves on a conductor is sqrt((V*I)^2 - Q^2) with measured volts
and reactive power, in the direction of the line (DESIGN section 5). Where reactive power alone is beyond the limit
nothing holds it; without active power it is least far beyond, and the state is "cannot hold (reactive)".
"""

from math import sqrt

from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Line
from pcs.model.limit import Quantity
from pcs.model.units import Span


def summed(meter_signs: tuple[tuple[int, int], ...], meters: tuple[MeterState, ...]) -> Sample | None:
    """One sample of a point: the signed sum of its meters' latest, true in the hull of their spans (watts)."""
    if len(meter_signs) == 1:
        number, sign = meter_signs[0]
        sample = meters[number].sample
        if sign > 0 or sample is None:
            return sample
    samples = [(meters[number].sample, sign) for number, sign in meter_signs]
    known = [(sample, sign) for sample, sign in samples if sample is not None]
    if not known or len(known) < len(samples):
        return None
    return Sample(
        import_w=sum(sign * s.import_w for s, sign in known),
        phase_import_w=_sums([(s.phase_import_w, sign) for s, sign in known]),
        phase_import_var=_sums([(_vars(s), sign) for s, sign in known]),
        phase_voltage_v=known[0][0].phase_voltage_v,
        resolution_w=sum(s.resolution_w for s, _ in known),
        span=Span(from_s=min(s.span.from_s for s, _ in known), to_s=max(s.span.to_s for s, _ in known)),
        published_s=min(s.published_s for s, _ in known),
        received_s=max(s.received_s for s, _ in known),
    )


def _vars(sample: Sample) -> tuple[float, ...]:
    """Reactive power per phase as far as it is known: RMS currents of several meters cannot be added, this can."""
    known = [_phase_var(sample, k) for k in range(len(sample.phase_import_w))]
    return () if None in known else tuple(v for v in known if v is not None)


def _sums(phases: list[tuple[tuple[float, ...], int]]) -> tuple[float, ...]:
    """Phase by phase; empty where one meter does not say its phases."""
    most = min(len(values) for values, _ in phases)
    return tuple(sum(sign * values[k] for values, sign in phases) for k in range(most))


def import_w(line: Line, sample: Sample, phases: int) -> float | None:
    """The flow on the line's channel, import positive (W); None where the meters do not say it."""
    if line.phase is None:
        return sample.import_w
    if line.phase < len(sample.phase_import_w):
        return sample.phase_import_w[line.phase]
    return sample.import_w if phases == 1 else None


def reactive_var(line: Line, sample: Sample) -> float | None:
    """Reactive power on the line's channel (var, without sign); None where the meters say neither it nor the currents.

    Where a meter states no reactive power it is what volts, amperes and watts leave over: sqrt((V*I)^2 - P^2).
    """
    numbers = range(len(sample.phase_import_w)) if line.phase is None else (line.phase,)
    known = [_phase_var(sample, k) for k in numbers]
    if not known or None in known:
        return None
    return abs(sum(v for v in known if v is not None))


def _phase_var(sample: Sample, k: int) -> float | None:
    if k < len(sample.phase_import_var):
        return sample.phase_import_var[k]
    if k >= min(len(sample.phase_current_a), len(sample.phase_voltage_v), len(sample.phase_import_w)):
        return None
    apparent_va = sample.phase_current_a[k] * sample.phase_voltage_v[k]
    return sqrt(max(0.0, apparent_va**2 - sample.phase_import_w[k] ** 2))


def measurable(line: Line, sample: Sample, phases: int) -> str:
    """What the meters of the line lack, in words; empty when nothing."""
    if import_w(line, sample, phases) is None:
        return f"the power of L{(line.phase or 0) + 1}"
    if line.limit.quantity is Quantity.W:
        return ""
    if line.limit.quantity is Quantity.A and (line.phase or 0) >= len(sample.phase_voltage_v):
        return f"the voltage of L{(line.phase or 0) + 1}"
    return "" if reactive_var(line, sample) is not None else "reactive power, or the currents to tell it from"


def room_w(line: Line, value: float, sample: Sample | None, nominal_v: float) -> float | None:
    """The limit in watts on its channel; None: reactive power alone is beyond it.

    `value` is in the limit's own unit. Without a sample, before the first or for `pcs check`, `nominal_v` of one
    conductor and no reactive power are assumed.
    """
    quantity = line.limit.quantity
    if quantity is Quantity.W:
        return value
    var = (reactive_var(line, sample) or 0.0) if sample is not None else 0.0
    apparent_va = value
    if quantity is Quantity.A:
        volts, phase = sample.phase_voltage_v if sample is not None else (), line.phase or 0
        apparent_va *= volts[phase] if phase < len(volts) else nominal_v
    left = apparent_va * apparent_va - var * var
    return sqrt(left) if left >= 0.0 else None
