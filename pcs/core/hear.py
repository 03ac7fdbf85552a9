"""What was heard, to whom it concerns: the first block of a step."""

from pcs.core import ders, measure, observe
from pcs.core.ders import DerState
from pcs.core.evolve import evolve
from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Policy
from pcs.core.state import Inputs, State
from pcs.model.fault import Fault
from pcs.model.reading import (
    DerIdentified,
    DerReading,
    LimitApplied,
    LimitFailed,
    LimitReadback,
    LimitsInForce,
    MeterIdentified,
    MeterReading,
    Observation,
)


def hear(
    state: State, inputs: Inputs, policy: Policy, fleet: tuple[DerState, ...]
) -> tuple[MeterState, tuple[DerState, ...], Sample | None]:
    """Every observation to whom it concerns; the newest fresh sample counts."""
    meter, sample = state.meter, None
    by_id = {d.spec.id: d for d in fleet}
    for o in inputs.observations:
        if isinstance(o, MeterIdentified):
            meter = MeterState(identified=o) if _other(meter.identified, o) else evolve(meter, identified=o)
        elif isinstance(o, MeterReading) or (isinstance(o, Fault) and o.source_id == policy.meter.id):
            blind = meter.identified is not None and not meter.identified.has_liveness
            moving_w = (
                abs(sum(observe.middle_w(d.track) for d in by_id.values()) - state.injection_fresh_w) if blind else 0.0
            )
            meter, fresh = measure.take(meter, o, policy, moving_w)
            sample = fresh or sample
        elif not isinstance(o, LimitsInForce):
            der_id = o.source_id if isinstance(o, Fault) else o.der_id
            if der_id in by_id:
                by_id[der_id] = _heard(by_id[der_id], o)
    return meter, tuple(by_id.values()), sample


def _other(known: MeterIdentified | None, found: MeterIdentified) -> bool:
    return known is not None and (known.serial, known.variant) != (found.serial, found.variant)


def replaced(before: MeterState, after: MeterState) -> bool:
    """Another meter sits at the point: nothing that was learnt of the old one holds."""
    return after.identified is not None and _other(before.identified, after.identified)


def _heard(der: DerState, o: Observation) -> DerState:
    match o:
        case DerIdentified():
            return ders.identified(der, o, o.found.received_s)
        case DerReading():
            return ders.telemetry(der, o)
        case LimitApplied():
            return ders.applied(der, o)
        case LimitReadback():
            return ders.readback(der, o, der.identified.resolution_w if der.identified else 1.0)
        case LimitFailed():
            return ders.unwritten(der, o)
        case Fault():
            return ders.refused(der, o)
        case _:
            return der
