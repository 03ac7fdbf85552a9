"""What was heard, to whom it concerns: the first block of a step."""

from dataclasses import dataclass

from pcs.core import conditions, ders, measure, obey, observe, watch
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Policy
from pcs.core.state import Inputs, State
from pcs.core.watch import Watch
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import (
    DerIdentified,
    DerReading,
    LimitApplied,
    LimitFailed,
    LimitReadback,
    LimitsInForce,
    LockoutReset,
    MeterIdentified,
    MeterReading,
    Observation,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Meters, their watches and the DERs after all observations; `samples` are the fresh ones, by meter."""

    meters: tuple[MeterState, ...]
    watches: tuple[Watch, ...]
    ders: tuple[DerState, ...]
    samples: tuple[Sample | None, ...]
    in_force: LimitsInForce | None
    held: Fault | None
    resets: tuple[LockoutReset, ...]


def hear(state: State, inputs: Inputs, policy: Policy, fleet: tuple[DerState, ...], now_s: float) -> Heard:
    """Every observation to whom it concerns; the newest fresh sample of each meter counts."""
    meters = list(state.meters)
    watches = list(state.watches)
    samples: list[Sample | None] = [None] * len(meters)
    meter_numbers = {m.id: n for n, m in enumerate(policy.meters)}
    numbers = {d.spec.id: n for n, d in enumerate(fleet)}
    heard, in_force, held = list(fleet), state.in_force, state.held
    for o in inputs.observations:
        if isinstance(o, LimitsInForce):
            in_force = o
            continue
        if isinstance(o, Fault) and o.kind is FaultKind.RESTARTS:
            held = o
            continue
        if isinstance(o, LockoutReset):
            continue
        source_id = _source_id(o)
        if source_id in meter_numbers:
            n = meter_numbers[source_id]
            if isinstance(o, MeterIdentified):
                was = meters[n]
                meters[n] = MeterState(identified=o) if _other(was.identified, o) else evolve(was, identified=o)
                watches[n] = watch.renewed(watches[n], _other(was.identified, o), now_s)
            elif isinstance(o, MeterReading | Fault):
                moving_w = _moving_w(meters[n], watches[n], tuple(heard[k] for k in policy.behind[n]))
                meters[n], fresh = measure.take(meters[n], o, policy.meters[n], policy, moving_w)
                samples[n] = fresh or samples[n]
        elif source_id in numbers:
            heard[numbers[source_id]] = _heard(heard[numbers[source_id]], o)
    return Heard(
        meters=tuple(meters),
        watches=tuple(watches),
        ders=tuple(heard),
        samples=tuple(samples),
        in_force=in_force,
        held=conditions.still_held(held, now_s),
        resets=tuple(o for o in inputs.observations if isinstance(o, LockoutReset)),
    )


def _source_id(o: Observation) -> str:
    if isinstance(o, Fault):
        return o.source_id
    if isinstance(o, MeterIdentified | MeterReading):
        return o.meter_id
    return "" if isinstance(o, LimitsInForce | LockoutReset) else o.der_id


def _moving_w(meter: MeterState, seen: Watch, behind: tuple[DerState, ...]) -> float:
    """How much the DERs behind a meter without a liveness channel have moved since its last fresh sample (W)."""
    if meter.identified is None or meter.identified.has_liveness:
        return 0.0
    return abs(sum(observe.middle_w(d.track) for d in behind) - seen.injection_fresh_w)


def _other(known: MeterIdentified | None, found: MeterIdentified) -> bool:
    return known is not None and (known.serial, known.variant) != (found.serial, found.variant)


def _heard(der: DerState, o: Observation) -> DerState:
    match o:
        case DerIdentified():
            return ders.identified(der, o, o.found.received_s)
        case DerReading():
            return ders.telemetry(der, o)
        case LimitApplied():
            return ders.applied(der, o)
        case LimitReadback():
            found = der.identified
            return ders.readback(
                der, o, found.resolution_w if found else 1.0, found.charge_resolution_w if found else 1.0
            )
        case LimitFailed():
            return obey.unwritten(der, o)
        case Fault():
            return obey.refused(der, o)
        case _:
            return der
