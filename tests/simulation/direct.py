"""Core and plant without links: the plant's samples go to `step` as observations, its commands to the plant as orders.

What the shell and the wire add is a fixed delay of each kind here. For questions about the law that need hours, and as
the reference for what the links cost.
"""

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from hil.plant.orders import LimitOrder
from hil.plant.plant import Plant
from hil.rig.twin_build import build_plant
from hil.rig.twin_file import TwinFile
from pcs.core.policy import Policy
from pcs.core.state import Inputs, State, initial
from pcs.core.step import step
from pcs.model.command import LimitActivePower
from pcs.model.event import Event
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback, MeterIdentified, MeterReading
from pcs.model.reading import Observation as Seen
from pcs.model.units import Instant

READ_S = 0.008
"""From a question to its answer."""
WRITE_S = 0.02
"""From a command to its confirmation: the write and the read that proves it."""


@dataclass(slots=True, kw_only=True)
class Direct:
    """A core that controls a plant. Everybody is met at time zero, by 704."""

    plant: Plant
    policy: Policy
    poll_s: float
    state: State
    commands: int = 0
    steps: int = 0
    events: list[Event] = field(default_factory=list)
    _due: list[tuple[float, Seen]] = field(default_factory=list)
    _next_s: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, twin: TwinFile, policy: Policy) -> "Direct":
        """The core at time zero beside the plant of a twin file."""
        plant = build_plant(twin, Path())
        poll_s = min(0.1, twin.meters[0].update_s / 2)
        made = cls(plant=plant, policy=policy, poll_s=poll_s, state=initial(policy, _instant(0.0)))
        made._due = [(0.0, _meter_met(policy)), *((0.0, _der_met(policy, n)) for n in range(len(policy.controlled)))]
        spread_s = policy.tuning.telemetry_poll_s / max(1, len(policy.controlled))
        made._next_s = {d.id: 0.01 + n * spread_s for n, d in enumerate(policy.controlled)}
        return made

    def run(self, until_s: float) -> None:
        """Step at every poll of the meter until this instant."""
        poll_s = self.poll_s
        for number in count(round(self.plant.now_s / poll_s) + 1):
            now_s = number * poll_s
            if now_s > until_s:
                return
            self._poll(now_s)

    def _poll(self, now_s: float) -> None:
        plant, due = self.plant, self._due
        plant.settle(now_s - READ_S)
        heard = [seen for at_s, seen in due if at_s <= now_s]
        due[:] = [(at_s, seen) for at_s, seen in due if at_s > now_s]
        for name, at_s in self._next_s.items():
            if at_s <= now_s:
                self._next_s[name] = at_s + self.policy.tuning.telemetry_poll_s
                heard.append(self._telemetry(name, now_s))
        heard.append(self._sample(now_s))
        outcome = step(self.state, Inputs(observations=tuple(heard)), self.policy, _instant(now_s))
        self.state = outcome.state
        self.steps += 1
        self.commands += len(outcome.commands)
        self.events += outcome.events
        for command in outcome.commands:
            self._carry_out(command, now_s)

    def _sample(self, now_s: float) -> MeterReading:
        meter = self.plant.meters[self.policy.meters[0].id]
        sample = meter.sample
        return MeterReading(
            meter_id=self.policy.meters[0].id,
            import_w=sample.import_w,
            phase_import_w=sample.phase_import_w,
            phase_current_a=tuple(
                abs(w) / v for w, v in zip(sample.phase_import_w, sample.phase_voltage_v, strict=True)
            ),
            phase_voltage_v=sample.phase_voltage_v,
            frequency_hz=sample.frequency_hz,
            words=meter.version.to_bytes(8, "big"),
            sent_s=now_s - READ_S,
            received_s=now_s,
        )

    def _telemetry(self, name: str, now_s: float) -> DerReading:
        said_w = self.plant.units[name].telemetry.injection_w
        return DerReading(der_id=name, injection_w=said_w, sent_s=now_s - READ_S, received_s=now_s)

    def _carry_out(self, command: LimitActivePower, now_s: float) -> None:
        unit = self.plant.units[command.der_id]
        unit.write(
            now_s + WRITE_S / 2, LimitOrder(enabled=True, limit_pct=100 * command.limit_w / unit.spec.nameplate_w)
        )
        done = LimitApplied(der_id=command.der_id, limit_w=command.limit_w, sent_s=now_s, received_s=now_s + WRITE_S)
        self._due.append((now_s + WRITE_S, done))


def _instant(at_s: float) -> Instant:
    return Instant(mono_s=at_s, utc_s=at_s)


def _meter_met(policy: Policy) -> MeterIdentified:
    return MeterIdentified(
        meter_id=policy.meters[0].id,
        manufacturer="",
        model="",
        serial="",
        firmware="",
        variant="203",
        phases=policy.phases,
        has_liveness=True,
    )


def _der_met(policy: Policy, number: int) -> DerIdentified:
    spec = policy.controlled[number]
    return DerIdentified(
        der_id=spec.id,
        manufacturer="",
        model="",
        serial=spec.id,
        firmware="",
        variant="704",
        rating_w=spec.nameplate_w,
        resolution_w=1.0,
        reverts_safe=True,
        found=LimitReadback(der_id=spec.id, limit_w=None, sent_s=0.0, received_s=0.0),
        found_is_own=True,
    )
