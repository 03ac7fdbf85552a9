"""Meter polls in, measurements out: what is new, when it was true, how old it is, and whether it can be believed.

A poll is not a measurement. A sample is fresh when its words changed; only then may it move a cap. Its time is an
interval: it was published after the last poll that still showed the old words was sent, and before this reply came.
Ages count from the last fresh sample in missed updates (DESIGN section 6).
"""

from dataclasses import dataclass
from itertools import zip_longest
from math import isfinite

from pcs.core.evolve import evolve
from pcs.core.policy import Policy
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import MeterIdentified, MeterReading
from pcs.model.site import MeterSpec
from pcs.model.units import Span

LOST_AFTER_S = 2.0
"""DESIGN section 6: safe at max(2 s, three periods). Leaves 28 s of the CRD's 30 s (CRD-OLRT-2) for the DERs."""
FRESH_TO_RECOVER = 3
"""New samples in a row before a meter that was lost is believed again."""
INTERVALS_TO_IDENTIFY = 3
"""Intervals seen before the update period counts as identified: the median forgives one; it can only become shorter."""
INTERVALS_KEPT = 5
"""Intervals that the median is taken of later on: it forgives two."""
LONGEST_PERIOD_S = 5.0
"""A meter that is slower (or stands still) is no meter to control by: WattNode's default averaging is 5 s."""
UNEVIDENCED_S = 0.4
"""How long the shell may simply not have polled (a busy gateway) before its own silence counts as the meter's age."""
ZERO_FOR_S = 1.0
"""Exact zeros for this long are an open CT: the import cushion makes a legitimate exact zero impossible."""
PROBE_AGAIN_S = (10.0, 900.0)
"""How long such zeros are believed once they were shown to be a balance: doubled each time, within these bounds. The
alarm is the probe: the DERs go to the safe set, and a CT that is whole shows it."""
OPEN_FOR_S = 60.0
"""How long an open phase is believed open without new evidence: that of a reversed CT (DESIGN section 6)."""
PHASE_SUM_TOLERANCE = 0.02
"""Total against the sum of phases: class 1 meters add their phases in the same registers, 2 % allows for skew."""
FROZEN_RESOLUTIONS = 5
"""DESIGN section 6: unchanged words while the expected change exceeds five resolutions are a lost meter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One new measurement: `import_w` in total and per phase, true somewhere in `span`.

    It was published between `published_s` and `received_s`. Volts, amperes and reactive power per phase where the meter
    has them.
    """

    import_w: float
    phase_import_w: tuple[float, ...]
    phase_import_var: tuple[float, ...] = ()
    phase_current_a: tuple[float, ...] = ()
    phase_voltage_v: tuple[float, ...] = ()
    resolution_w: float
    span: Span
    published_s: float
    received_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterState:
    """What is remembered of the meter between steps (times on the monotonic clock, seconds)."""

    identified: MeterIdentified | None = None
    words: bytes = b""
    shown_s: float | None = None
    """When the last valid poll was sent, whatever it showed."""
    fresh_s: float | None = None
    """When the last new measurement was received."""
    evidence_s: float | None = None
    """When the last poll was sent that has ended, well or badly."""
    period_s: float | None = None
    intervals_s: tuple[float, ...] = ()
    sample: Sample | None = None
    moved_s: float | None = None
    """When the metered power itself last changed."""
    zero_since_s: float | None = None
    phase_zero_since_s: tuple[float | None, ...] = (None, None, None)
    zero_from_w: float | None = None
    """The last total that was not zero."""
    phase_zero_from_w: tuple[float | None, ...] = (None, None, None)
    """The last import of each phase that was not zero."""
    zero_patience_s: float = ZERO_FOR_S
    """How long zeros of all phases that began softly last before they are an open CT."""
    phase_patience_s: float = OPEN_FOR_S
    """The same of one phase while all of them carry little: an open one shows as soon as the others move."""
    fresh_run: int = 0
    lost: bool = True
    bad: Fault | None = None
    """Why the last poll was no measurement; None when it was one."""


def take(
    state: MeterState, reading: MeterReading | Fault, spec: MeterSpec, policy: Policy, moving_w: float
) -> tuple[MeterState, Sample | None]:
    """Take one poll of the meter `spec`; returns the new state and the sample when it holds a new measurement.

    `moving_w` is how much the DERs' injection has changed since the last fresh sample: a meter without a liveness
    channel that shows nothing of it is frozen.
    """
    if isinstance(reading, Fault):
        return evolve(state, bad=reading, evidence_s=reading.at_s, fresh_run=0), None
    bad = implausible(reading, policy)
    if bad:
        return evolve(state, bad=bad, evidence_s=reading.sent_s, fresh_run=0), None
    if not state.words or state.shown_s is None:  # the first poll only shows where we begin
        return evolve(state, words=reading.words, shown_s=reading.sent_s, evidence_s=reading.sent_s, bad=None), None
    if reading.words == state.words and not _confirms(state, reading, moving_w):
        return evolve(state, shown_s=reading.sent_s, evidence_s=reading.sent_s, bad=None), None
    return _fresh(state, reading, spec)


def _confirms(state: MeterState, reading: MeterReading, moving_w: float) -> bool:
    """Whether unchanged words are a new measurement: only where nothing in the meter must move."""
    if state.identified is None or state.identified.has_liveness or state.period_s is None or state.fresh_s is None:
        return False
    return (
        reading.received_s - state.fresh_s >= state.period_s and moving_w <= FROZEN_RESOLUTIONS * reading.resolution_w
    )


def _fresh(state: MeterState, reading: MeterReading, spec: MeterSpec) -> tuple[MeterState, Sample]:
    changed = reading.words != state.words
    period_s, intervals_s = _identify_period(state, reading, spec) if changed else (state.period_s, state.intervals_s)
    averaging_s = spec.averaging_s
    if averaging_s is None and spec.profile.meter is not None:
        averaging_s = spec.profile.meter.averaging_s
    if averaging_s is None:
        averaging_s = period_s or 0.0
    assert state.shown_s is not None
    sample = Sample(
        import_w=reading.import_w,
        phase_import_w=reading.phase_import_w,
        phase_import_var=reading.phase_import_var,
        phase_current_a=reading.phase_current_a,
        phase_voltage_v=reading.phase_voltage_v,
        resolution_w=reading.resolution_w,
        span=Span(from_s=state.shown_s - averaging_s, to_s=reading.received_s),
        published_s=state.shown_s,
        received_s=reading.received_s,
    )
    run = state.fresh_run + 1 if _follows(state, reading, period_s) else 1
    moved = state.sample is None or state.sample.import_w != reading.import_w
    zero, phase_zeros = _all_zero(reading), _phase_zeros(reading)
    return evolve(
        state,
        words=reading.words,
        shown_s=reading.sent_s,
        fresh_s=reading.received_s,
        evidence_s=reading.sent_s,
        period_s=period_s,
        intervals_s=intervals_s,
        sample=sample,
        moved_s=reading.received_s if moved else state.moved_s,
        zero_since_s=_since(state.zero_since_s, zero, reading.received_s),
        zero_from_w=state.zero_from_w if zero else reading.import_w,
        zero_patience_s=_patience_s(state.zero_patience_s, (state.zero_since_s,), (zero,), reading.received_s),
        phase_patience_s=_patience_s(state.phase_patience_s, state.phase_zero_since_s, phase_zeros, reading.received_s),
        phase_zero_since_s=tuple(
            _since(s, z, reading.received_s)
            for s, z in zip_longest(state.phase_zero_since_s, phase_zeros, fillvalue=None)
        ),
        phase_zero_from_w=tuple(
            before_w if z else w
            for before_w, w, z in zip_longest(state.phase_zero_from_w, reading.phase_import_w, phase_zeros)
        ),
        fresh_run=run,
        lost=state.lost and (run < FRESH_TO_RECOVER or period_s is None),
        bad=None,
    ), sample


def _identify_period(
    state: MeterState, reading: MeterReading, spec: MeterSpec
) -> tuple[float | None, tuple[float, ...]]:
    """The update period: declared, or the median of the changes seen; once identified it may only become shorter.

    A quiet night stretches the intervals between changes; letting the period grow with them would let the meter die
    unnoticed.
    """
    declared_s = spec.update_s or (spec.profile.meter.update_s if spec.profile.meter else None)
    if declared_s is not None:
        return declared_s, ()
    if state.fresh_s is None:
        return state.period_s, ()
    intervals_s = (*state.intervals_s, reading.received_s - state.fresh_s)[-INTERVALS_KEPT:]
    if len(intervals_s) < INTERVALS_TO_IDENTIFY:
        return state.period_s, intervals_s
    median_s = sorted(intervals_s)[len(intervals_s) // 2]
    if median_s > LONGEST_PERIOD_S:
        return state.period_s, intervals_s
    return (median_s if state.period_s is None else min(state.period_s, median_s)), intervals_s


def _follows(state: MeterState, reading: MeterReading, period_s: float | None) -> bool:
    """Whether no measurement is missing for so long that the row of new ones is broken."""
    return state.fresh_s is None or period_s is None or reading.received_s - state.fresh_s < _lost_after_s(period_s)


def _since(since_s: float | None, is_so: bool | None, now_s: float) -> float | None:
    return (since_s if since_s is not None else now_s) if is_so else None


def _patience_s(patience_s: float, since_s: tuple[float | None, ...], zeros: tuple[bool, ...], now_s: float) -> float:
    """How long soft zeros are believed from now on: longer if the flow, or that of a phase, is back from an alarm."""
    ended = (s for s, is_zero in zip(since_s, zeros, strict=False) if s is not None and not is_zero)
    if not any(now_s - ended_s >= patience_s for ended_s in ended):
        return patience_s
    least_s, most_s = PROBE_AGAIN_S
    return min(most_s, max(least_s, 2.0 * patience_s))


def _all_zero(reading: MeterReading) -> bool:
    return reading.import_w == 0.0 and not any(reading.phase_import_w) and not any(reading.phase_current_a)


def _phase_zeros(reading: MeterReading) -> tuple[bool, ...]:
    currents_a = reading.phase_current_a or (0.0,) * len(reading.phase_import_w)
    return tuple(w == 0.0 and a == 0.0 for w, a in zip(reading.phase_import_w, currents_a, strict=False))


def implausible(reading: MeterReading, policy: Policy) -> Fault | None:
    """Whether the values of one reading contradict each other or the service (watts, volts)."""
    phases_w = reading.phase_import_w
    if not all(map(isfinite, (reading.import_w, *phases_w, *reading.phase_import_var))):
        return _fault(reading, "a power is not a number")
    if len(phases_w) > 1:
        gap_w = abs(sum(phases_w) - reading.import_w)
        allowed_w = PHASE_SUM_TOLERANCE * sum(map(abs, phases_w)) + 3 * len(phases_w) * reading.resolution_w
        if gap_w > allowed_w:
            return _fault(reading, f"total {reading.import_w:.0f} W, but the phases add up to {sum(phases_w):.0f} W")
    for number, voltage_v in enumerate(reading.phase_voltage_v[: policy.phases], start=1):
        if policy.phases == 3 and not 0.5 * policy.nominal_v <= voltage_v <= 2.0 * policy.nominal_v:
            return _fault(
                reading, f"L{number} shows {voltage_v:.0f} V where {policy.nominal_v:g} V is nominal: voltage tap lost?"
            )
    return None


def _fault(reading: MeterReading, detail: str) -> Fault:
    return Fault(kind=FaultKind.METER_IMPLAUSIBLE, source_id=reading.meter_id, at_s=reading.received_s, detail=detail)


def age_fault(state: MeterState, meter_id: str, now_s: float) -> Fault | None:
    """How the meter's age stands at `now_s`: None, late (hold), stale (tighten) or lost (safe).

    Late and stale need the evidence of polls that ended; lost is the clock's word alone.
    """
    if state.fresh_s is None or state.period_s is None:
        detail = _why(state) or "waiting for its first measurements"
        return Fault(kind=FaultKind.METER_LOST, source_id=meter_id, at_s=now_s, detail=detail)
    jitter_s = _jitter_s(state.period_s)
    clock_s = now_s - state.fresh_s
    why = _why(state)
    if clock_s >= _lost_after_s(state.period_s):
        if state.bad is None and _repeated(state, now_s):
            detail = "same words in every reply"
            return Fault(kind=FaultKind.METER_FROZEN, source_id=meter_id, at_s=now_s, detail=detail)
        return Fault(kind=FaultKind.METER_LOST, source_id=meter_id, at_s=now_s, detail=why or "no reply")
    if state.lost:
        return Fault(kind=FaultKind.METER_LOST, source_id=meter_id, at_s=now_s, detail="coming back")
    age_s = max((state.evidence_s or state.fresh_s) - state.fresh_s, clock_s - UNEVIDENCED_S)
    if age_s > 2 * state.period_s + jitter_s:
        return Fault(kind=FaultKind.METER_STALE, source_id=meter_id, at_s=now_s, detail=why)
    if age_s > state.period_s + jitter_s:
        return Fault(kind=FaultKind.METER_LATE, source_id=meter_id, at_s=now_s, detail=why)
    return None


def _jitter_s(period_s: float) -> float:
    """How late a poll may see an update that was in time (seconds)."""
    return max(0.06, 0.5 * period_s)


def _lost_after_s(period_s: float) -> float:
    return max(LOST_AFTER_S, 3 * period_s + _jitter_s(period_s))


def _why(state: MeterState) -> str:
    """What the last poll came to, in words; empty when it was a valid one."""
    if state.bad is None:
        return ""
    return f"{state.bad.kind.value} ({state.bad.detail})" if state.bad.detail else state.bad.kind.value


def _repeated(state: MeterState, now_s: float) -> bool:
    """Whether replies with the old words went on for at least half of the time without new ones: else it is silence."""
    if state.shown_s is None or state.fresh_s is None:
        return False
    return state.shown_s - state.fresh_s >= 0.5 * (now_s - state.fresh_s)


def tightened_part(state: MeterState, now_s: float) -> float:
    """How far the caps have moved from where they were (0) to the safe set (1) while the meter is stale."""
    if state.fresh_s is None or state.period_s is None:
        return 1.0
    begin_s = 2 * state.period_s + _jitter_s(state.period_s)
    end_s = _lost_after_s(state.period_s)
    return min(1.0, max(0.0, (now_s - state.fresh_s - begin_s) / (end_s - begin_s)))


def stuck(state: MeterState, moved_w: float, least_w: float) -> bool:
    """Whether power repeats itself to the watt although the DERs have moved by `moved_w`, more than `least_w`."""
    return state.sample is not None and moved_w > max(least_w, FROZEN_RESOLUTIONS * state.sample.resolution_w)


def stuck_fault(state: MeterState, meter_id: str, since_s: float | None, now_s: float) -> Fault | None:
    """Power that has been stuck since `since_s` is frozen, though volts and hertz may still be alive.

    A number that does not follow what it measures is no number. Only replies can show that: who is silent is lost.
    """
    if since_s is None or state.sample is None or state.shown_s is None or state.shown_s - since_s < LOST_AFTER_S:
        return None
    detail = f"{state.sample.import_w:.0f} W in every reply while the DERs move"
    return Fault(kind=FaultKind.METER_FROZEN, source_id=meter_id, at_s=now_s, detail=detail)
