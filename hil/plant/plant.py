"""The whole site: load, sun, inverters and meters on one node, moved from event to event.

Balance per phase: ``import_w = demand_w - sum(injection_w)``. Between events everything has a closed solution, so the
plant steps only where something happens and at least every `step_s`; two runs with one seed and the same writes are
equal to the last bit.
"""

from collections import deque
from dataclasses import dataclass

from hil.plant.inverter import Inverter, InverterSpec
from hil.plant.meter import Meter, MeterSpec
from hil.plant.source import Source

TRUTH_ROWS = 1_000_000  # some 14 h at 20 rows a second; older rows are dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A host load: total demand in W over time and how it spreads over the conductors (sums to 1)."""

    demand_w: Source
    phase_share: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Der:
    """An inverter and the power that its sun offers, W over time."""

    inverter: InverterSpec
    available_w: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantSpec:
    """A site to simulate. `step_s` bounds the distance of two rows of truth; `phases` is 1, 2 or 3."""

    phases: int = 3
    seed: int = 1
    step_s: float = 0.1
    loads: tuple[Load, ...] = ()
    ders: tuple[Der, ...] = ()
    meters: tuple[MeterSpec, ...] = ()


class _Line:
    """A source at the present instant: value, slope, and how long they hold."""

    __slots__ = ("share", "slope", "source", "until_s", "value")

    def __init__(self, source: Source, share: tuple[float, ...]):
        self.source, self.share = source, share
        self.value, self.slope, self.until_s = source.segment(0.0)


class Plant:
    """The site's state at `now_s` and its `truth`: one row per step, described by `columns`."""

    def __init__(self, spec: PlantSpec):
        self.spec = spec
        self.now_s = 0.0
        self._loads = tuple(_Line(load.demand_w, load.phase_share) for load in spec.loads)
        self._suns = tuple(_Line(der.available_w, der.inverter.phase_share) for der in spec.ders)
        self._units = tuple(
            Inverter(der.inverter, seed=spec.seed, available_w=sun.value)
            for der, sun in zip(spec.ders, self._suns, strict=True)
        )
        self.inverters = {unit.spec.id: unit for unit in self._units}
        meters = (Meter(meter, seed=spec.seed, phase_import_w=self.phase_import_w()) for meter in spec.meters)
        self.meters = {meter.spec.id: meter for meter in meters}
        self._phase_j = (0.0,) * spec.phases
        self._steps = 0
        self.truth: deque[tuple[float, ...]] = deque(maxlen=TRUTH_ROWS)
        self.columns = (
            "t_s",
            "import_w",
            "demand_w",
            *(f"import_l{k + 1}_w" for k in range(spec.phases)),
            *(f"{name}_{what}_w" for name in self.inverters for what in ("injection", "available")),
        )
        self._fire(0.0)
        self._note()

    @property
    def demand_w(self) -> float:
        """Host load now."""
        return sum(line.value for line in self._loads)

    def phase_import_w(self) -> tuple[float, ...]:
        """True import per phase now."""
        phases = [0.0] * self.spec.phases
        for line in self._loads:
            for k, share in enumerate(line.share):
                phases[k] += line.value * share
        for unit in self._units:
            for k, share in enumerate(unit.spec.phase_share):
                phases[k] -= unit.injection_w * share
        return tuple(phases)

    def step(self, dt_s: float) -> None:
        """Move on by `dt_s`."""
        self.advance(self.now_s + dt_s)

    def advance(self, to_s: float) -> None:
        """Move on to exactly `to_s`."""
        self.settle(to_s)
        if self.now_s < to_s:
            self._step(to_s)

    def settle(self, to_s: float) -> None:
        """Do everything that happens until `to_s`; what lies between the last event and `to_s` waits. Cheap to repeat.

        Enough for reading meters and telemetry, which change at events only, and for writing orders, which take effect
        later than they are written.
        """
        while (end_s := self._next_event_s()) <= to_s:
            self._step(end_s)

    def _next_event_s(self) -> float:
        soonest_s = (self._steps + 1) * self.spec.step_s
        for line in self._loads:
            if line.until_s < soonest_s:
                soonest_s = line.until_s
        for line in self._suns:
            if line.until_s < soonest_s:
                soonest_s = line.until_s
        for unit in self._units:
            if unit.next_event_s < soonest_s:
                soonest_s = unit.next_event_s
        for meter in self.meters.values():
            if meter.next_event_s < soonest_s:
                soonest_s = meter.next_event_s
        return max(soonest_s, self.now_s)

    def _step(self, end_s: float) -> None:
        span_s = end_s - self.now_s
        if span_s > 0.0:
            self._integrate(span_s)
            self.now_s = end_s
            for meter in self.meters.values():
                meter.passed(end_s, self._phase_j)
        self._fire(end_s)
        if span_s > 0.0:
            self._note()
        else:  # something took effect at this very instant: the row states what holds from here on
            self.truth.pop()
            self._note()

    def _integrate(self, span_s: float) -> None:
        phase_j = list(self._phase_j)
        for line in self._loads:
            energy_j = (line.value + 0.5 * line.slope * span_s) * span_s
            line.value += line.slope * span_s
            for k, share in enumerate(line.share):
                phase_j[k] += energy_j * share
        for unit, line in zip(self._units, self._suns, strict=True):
            energy_j = unit.advance(span_s, line.value, line.slope)
            line.value += line.slope * span_s
            for k, share in enumerate(line.share):
                phase_j[k] -= energy_j * share
        self._phase_j = tuple(phase_j)

    def _fire(self, now_s: float) -> None:
        while (self._steps + 1) * self.spec.step_s <= now_s:
            self._steps += 1
        for line in self._loads:
            if line.until_s <= now_s:
                line.value, line.slope, line.until_s = line.source.segment(now_s)
        for unit, line in zip(self._units, self._suns, strict=True):
            if line.until_s <= now_s:
                line.value, line.slope, line.until_s = line.source.segment(now_s)
                unit.see(line.value)
            if unit.next_event_s <= now_s:
                unit.fire(now_s)
        for meter in self.meters.values():
            if meter.next_event_s <= now_s:
                meter.fire(now_s)

    def _note(self) -> None:
        phases = self.phase_import_w()
        row = [self.now_s, sum(phases), self.demand_w, *phases]
        for unit in self._units:
            row.append(unit.injection_w)
            row.append(unit.available_w)
        self.truth.append(tuple(row))


def shares(connection: str, phases: int) -> tuple[float, ...]:
    """How a unit's power spreads over the conductors: "L123" evenly, "L1N" on one, "L1L2" half and half.

    Raises:
        ValueError: a conductor is named that the system does not have.
    """
    if connection == "L123":
        return (1 / phases,) * phases
    named = [int(digit) for digit in connection if digit.isdigit()]
    if not named or max(named) > phases:
        raise ValueError(f"{connection} is no connection of a system with {phases} phase conductor(s)")
    return tuple(named.count(k + 1) / len(named) for k in range(phases))
