"""What the journal's steps say around one response: the line's new measurements, commands and confirmations. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pcs.codec.journal import StepRecord
from pcs.core.policy import Line, Policy
from pcs.model.command import LimitActivePower
from pcs.model.reading import LimitApplied, MeterReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One new measurement: when it was published, asked for, received and used, and the flow it shows (W)."""

    published_s: float
    sent_s: float
    received_s: float
    used_s: float
    import_w: float

    @property
    def middle_s(self) -> float:
        """The middle of when it was published."""
        return 0.5 * (self.published_s + self.received_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One step's commands to the line's DERs: when, whom, and the most that all may put on the line then (W)."""

    at_s: float
    der_ids: tuple[str, ...]
    total_w: float


def samples(line: Line, policy: Policy, records: Sequence[StepRecord]) -> Iterator[Seen]:
    """Every new measurement of the line's point, in the line's own direction. New is what shows other words."""
    names = {policy.meters[number].id: sign for number, sign in line.meter_signs}
    last: dict[str, MeterReading] = {}
    latest: dict[str, float] = {}
    for record in records:
        for o in record.inputs:
            if not isinstance(o, MeterReading) or o.meter_id not in names:
                continue
            before, last[o.meter_id] = last.get(o.meter_id), o
            if before is None or before.words == o.words:
                continue
            latest[o.meter_id] = names[o.meter_id] * _flow_w(line, o)
            if len(latest) == len(names):
                yield Seen(
                    published_s=before.sent_s,
                    sent_s=o.sent_s,
                    received_s=o.received_s,
                    used_s=record.now.mono_s,
                    import_w=line.sign * sum(latest.values()),
                )


def _flow_w(line: Line, reading: MeterReading) -> float:
    whole = line.phase is None or line.phase >= len(reading.phase_import_w)
    return reading.import_w if whole or line.phase is None else reading.phase_import_w[line.phase]


def told_to(line: Line, policy: Policy, records: Sequence[StepRecord]) -> Iterator[Told]:
    """What the line's DERs were allowed together, after each step that told one of them something."""
    weights = {policy.controlled[n].id: line.weights[n] for n in line.members}
    most_w = {policy.controlled[n].id: _most_w(line, policy, n) for n in line.members}
    for record in records:
        mine = [c for c in record.commands if c.der_id in weights]
        for c in mine:
            most_w[c.der_id] = weights[c.der_id] * _bound_w(line, c, most_w[c.der_id])
        if mine:
            ids = tuple(c.der_id for c in mine)
            yield Told(at_s=record.now.mono_s, der_ids=ids, total_w=sum(most_w.values()))


def _most_w(line: Line, policy: Policy, number: int) -> float:
    spec = policy.controlled[number]
    return line.weights[number] * (spec.most_w if line.sign > 0.0 else spec.charge_w)


def _bound_w(line: Line, command: LimitActivePower, known_w: float) -> float:
    """The most that one command lets its DER put on the line (W)."""
    setpoint_w = command.setpoint_w
    if setpoint_w is not None:
        return line.sign * setpoint_w
    if line.sign > 0.0:
        return command.limit_w
    return known_w if command.charge_limit_w is None else command.charge_limit_w


def ack_of(records: Sequence[StepRecord], der_id: str, at_s: float) -> LimitApplied | None:
    """The first confirmation of what a DER was told then."""
    found = (
        o for r in records for o in r.inputs if isinstance(o, LimitApplied) and o.der_id == der_id and o.sent_s >= at_s
    )
    return next(found, None)
