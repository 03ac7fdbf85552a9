"""The whole site: loads, DERs and meters at nested points, moved from event to event.

Balance per conductor and in the sum: ``import_w = demand_w - sum(injection_w)``. Between events everything has a closed
solution, so the plant steps only where something happens and at least every `step_s`; two runs with one seed and the
same writes are equal to the last bit.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from hil.plant.battery import Hybrid
from hil.plant.layout import Layout, PointSpec
from hil.plant.meter import Meter, MeterSpec
from hil.plant.probe import Probe
from hil.plant.source import Source
from hil.plant.system import Connection, Supply, System
from hil.plant.trace import Trace
from hil.plant.unit import THREE_PHASE, UnitSpec
from hil.plant.units import AnyUnit, make

TRUTH_ROWS = 1_000_000  # some 14 h at 20 rows a second; older rows are dropped
MAX_TURNS = 20  # of the fixed point between loads and voltage; each gains a digit or two at a drop of some percent
STILL_RATIO = 1e-9  # a hundredth of a milliwatt in 10 kW
LOAD, DER = "load", "der"  # places of a trace besides points
NOTHING = Source.constant(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A host load: demand in W over time, how it is connected (with its power factor), and at which point.

    `demand_w` is what it draws at nominal voltage. At u per unit the part `current_ratio` of it draws u times as much
    (constant current), the part `impedance_ratio` u squared times (constant impedance), the rest the same. The voltage
    is that of the point of interconnection; it is found anew at every event and holds until the next. `most_w`: what it
    may be set to while the plant runs (`Plant.set_load`); meters must be able to show it.
    """

    demand_w: Source
    connection: Connection = THREE_PHASE
    point: str = "poi"
    current_ratio: float = 0.0
    impedance_ratio: float = 0.0
    most_w: float = 0.0

    @property
    def is_soft(self) -> bool:
        """Whether the voltage matters to it."""
        return self.current_ratio != 0.0 or self.impedance_ratio != 0.0

    def drawn_ratio(self, voltage_ratio: float) -> float:
        """What it draws at this voltage, per unit of what it draws at nominal voltage."""
        steady = 1.0 - self.current_ratio - self.impedance_ratio
        return steady + self.current_ratio * voltage_ratio + self.impedance_ratio * voltage_ratio**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Der:
    """A DER, and what drives it, W over time: power available to a source, the wish of a battery, a car's demand.

    A hybrid is driven by its sun and has the wish of its battery beside it.
    """

    spec: UnitSpec
    drive_w: Source
    wish_w: Source = NOTHING
    point: str = "poi"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantSpec:
    """A site to simulate. `step_s` bounds the distance of two rows of truth. The point `poi` needs no declaration."""

    system: System = field(default_factory=System)
    supply: Supply = field(default_factory=Supply)
    seed: int = 1
    step_s: float = 0.1
    points: tuple[PointSpec, ...] = ()
    loads: tuple[Load, ...] = ()
    ders: tuple[Der, ...] = ()
    meters: tuple[MeterSpec, ...] = ()


class _Line:
    """A source at the present instant: value, slope, and how long they hold; and the group that its power is in.

    `drawn` is the part of its value that a load draws at the present voltage.
    """

    __slots__ = ("drawn", "group", "slope", "source", "until_s", "value")

    def __init__(self, source: Source, group: int):
        self.source, self.group, self.drawn = source, group, 1.0
        self.value, self.slope, self.until_s = source.segment(0.0)


class Plant:
    """The site's state at `now_s` and its `truth`: one row per step, described by `columns`."""

    def __init__(self, spec: PlantSpec):
        self.spec = spec
        self.now_s = 0.0
        self.supply, self.frequency_hz = spec.supply, spec.system.nominal_hz
        self.layout = Layout(spec)
        loads, ders = self.layout.load_groups, self.layout.der_groups
        self._loads = tuple(_Line(load.demand_w, group) for load, group in zip(spec.loads, loads, strict=True))
        self._soft = tuple((load, line) for load, line in zip(spec.loads, self._loads, strict=True) if load.is_soft)
        self._drives = tuple(_Line(der.drive_w, group) for der, group in zip(spec.ders, ders, strict=True))
        self._units: tuple[AnyUnit, ...] = tuple(
            make(der.spec, seed=spec.seed, drive_w=line.value, wish_w=der.wish_w.value(0.0))
            for der, line in zip(spec.ders, self._drives, strict=True)
        )
        self._driven = tuple(zip(self._units, self._drives, strict=True))
        self._wishes: tuple[tuple[Hybrid, _Line], ...] = tuple(
            (unit, _Line(der.wish_w, 0))
            for unit, der in zip(self._units, spec.ders, strict=True)
            if isinstance(unit, Hybrid)
        )
        self._lines = (*self._loads, *self._drives, *(line for _, line in self._wishes))
        self.units = {unit.spec.id: unit for unit in self._units}
        self._drive_of = {unit.spec.id: line for unit, line in self._driven}
        self._probes: list[Probe] = []
        self._traces: list[Trace] = []
        self._feel_voltage()
        group_w = self.group_w()
        self._meters = tuple(self._meter(meter, group_w) for meter in spec.meters)
        self.meters = {meter.spec.id: meter for meter in self._meters}
        self._group_j = [0.0] * self.layout.groups
        self._steps = 0
        self.truth: deque[tuple[float, ...]] = deque(maxlen=TRUTH_ROWS)
        self.columns = (
            *("t_s", "import_w", "demand_w", *self.layout.columns),
            *(f"{unit.spec.id}_{name}" for unit in self._units for name in unit.columns),
        )
        self._fire(0.0)
        self._note()

    def _meter(self, meter: MeterSpec, group_w: list[float]) -> Meter:
        return Meter(
            meter,
            seed=self.spec.seed,
            system=self.spec.system,
            through=self.layout.through(meter.point),
            group_w=group_w,
            voltages=self.voltages,
            frequency=lambda: self.frequency_hz,
        )

    @property
    def demand_w(self) -> float:
        """Host load now."""
        return sum(line.drawn * line.value for line in self._loads)

    def group_w(self) -> list[float]:
        """Import of each group now."""
        groups = [0.0] * self.layout.groups
        for line in self._loads:
            groups[line.group] += line.drawn * line.value
        for unit, line in self._driven:
            groups[line.group] -= unit.sign * unit.output_w
        return groups

    def phase_import_w(self, point: str = "poi") -> tuple[float, ...]:
        """True import per conductor now at a point, or at a DER."""
        return self.layout.flows(point, self.group_w())[0]

    def phase_import_var(self, point: str = "poi") -> tuple[float, ...]:
        """The same of reactive power."""
        return self.layout.flows(point, self.group_w())[1]

    def voltages(self) -> tuple[complex, ...]:
        """The voltage of each conductor at the point of interconnection now, V."""
        if self.supply.is_stiff:
            return self.supply.free(self.spec.system)
        return self.supply.voltages(self.spec.system, *self.layout.flows("poi", self.group_w()))

    def set_grid(self, at_s: float, *, voltage_factor: float | None = None, frequency_hz: float | None = None) -> None:
        """Move on to `at_s`; from then on the grid has another voltage (per unit of nominal) or frequency.

        Raises:
            ValueError: no grid is like that; nothing has changed.
        """
        if not (voltage_factor is None or 0.5 <= voltage_factor <= 1.5):
            raise ValueError(f"a grid has 0.5 to 1.5 of its nominal voltage, not {voltage_factor:g}")
        if not (frequency_hz is None or 40.0 <= frequency_hz <= 70.0):
            raise ValueError(f"a grid has 40 to 70 Hz, not {frequency_hz:g}")
        self.advance(at_s)
        if voltage_factor is not None:
            self.supply = replace(self.supply, voltage_factor=voltage_factor)
        if frequency_hz is not None:
            self.frequency_hz = frequency_hz
        self._feel_voltage()
        self._draw()
        self.truth.pop()
        self._note()

    def set_load(self, at_s: float, number: int, demand_w: float) -> None:
        """Move on to `at_s`; from then on the load of this number (from 0, as described) wants `demand_w`."""
        self._turn(at_s, self._loads[number], demand_w)

    def set_drive(self, at_s: float, der: str, drive_w: float) -> None:
        """Move on to `at_s`; from then on `drive_w` drives this DER (see `Der.drive_w`).

        Raises:
            KeyError: there is no such DER.
        """
        self._turn(at_s, self._drive_of[der], drive_w)

    def watch(self, every_s: float, kept_rows: int) -> Probe:
        """A probe that notes energies from now on."""
        probe = Probe(self.now_s, every_s, kept_rows)
        self._probes.append(probe)
        self._look()
        return probe

    def trace(self, place: str = "poi", every_s: float = 0.01) -> Trace:
        """A trace of phasors from now on, for waveforms.

        `place` is a point (positive away from the grid), all `load`, or all DERs together (`der`, positive into the
        site). Between rows they go straight: 10 ms leave 0.02 % of the movement of a lag of 0.3 s.

        Raises:
            ValueError: there is no such point.
        """
        if place not in (LOAD, DER):
            self.layout.through(place)
        trace = Trace(place, every_s)
        self._traces.append(trace)
        self._draw()
        return trace

    def forget(self, trace: Trace) -> None:
        """Draw this trace no further."""
        self._traces = [other for other in self._traces if other is not trace]

    def _draw(self) -> None:
        """Phasors for the traces."""
        if self._traces:
            volts = self.voltages()
            for trace in self._traces:
                trace.note(self.now_s, self.frequency_hz, volts, self.place_va(trace.place))

    def place_va(self, place: str) -> list[complex]:
        """W + j var of each conductor at a place now (see `trace`)."""
        if place not in (LOAD, DER):
            return [complex(w, var) for w, var in zip(*self.layout.flows(place, self.group_w()), strict=True)]
        if place == LOAD:
            parts = [
                (line.drawn * line.value, load.connection)
                for load, line in zip(self.spec.loads, self._loads, strict=True)
            ]
        else:
            parts = [(unit.injection_w, unit.spec.connection) for unit in self._units]
        flows = [0j] * self.spec.system.phases
        for watts, connection in parts:
            for k, (p, q) in enumerate(zip(connection.p_part, connection.q_part, strict=True)):
                flows[k] += watts * complex(p, q)
        return flows

    def _turn(self, at_s: float, line: _Line, value_w: float) -> None:
        """Let a line be constant from `at_s` on; what that changes happens at this instant."""
        self.advance(at_s)
        line.source, line.until_s = Source.constant(value_w), self.now_s
        self._step(self.now_s)

    def _look(self) -> None:
        """Rows for the probes that are due."""
        for probe in self._probes:
            if probe.next_event_s <= self.now_s:
                probe.note(self.now_s, *self._group_j, *[unit.energy_j for unit in self._units])

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
        for line in self._lines:
            if line.until_s < soonest_s:
                soonest_s = line.until_s
        for unit in self._units:
            if unit.next_event_s < soonest_s:
                soonest_s = unit.next_event_s
        for meter in self._meters:
            if meter.next_event_s < soonest_s:
                soonest_s = meter.next_event_s
        lookers: tuple[Probe | Trace, ...] = (*self._probes, *self._traces)
        for looker in lookers:
            if looker.next_event_s < soonest_s:
                soonest_s = looker.next_event_s
        return max(soonest_s, self.now_s)

    def _step(self, end_s: float) -> None:
        span_s = end_s - self.now_s
        if span_s > 0.0:
            self._integrate(span_s)
            self.now_s = end_s
            group_j = tuple(self._group_j)
            for meter in self._meters:
                meter.passed(end_s, group_j)
            self._look()
            self._draw()
        self._fire(end_s)
        self._draw()
        if span_s <= 0.0:  # something took effect at this very instant: the row states what holds from here on
            self.truth.pop()
        self._note()

    def _integrate(self, span_s: float) -> None:
        group_j = self._group_j
        for line in self._loads:
            group_j[line.group] += line.drawn * (line.value + 0.5 * line.slope * span_s) * span_s
            line.value += line.slope * span_s
        for hybrid, line in self._wishes:
            hybrid.wish_w, hybrid.wish_slope_w_s = line.value, line.slope
            line.value += line.slope * span_s
        for unit, line in self._driven:
            group_j[line.group] -= unit.advance(span_s, line.value, line.slope)
            line.value += line.slope * span_s

    def _fire(self, now_s: float) -> None:
        while (self._steps + 1) * self.spec.step_s <= now_s:
            self._steps += 1
        for line in self._loads:
            if line.until_s <= now_s:
                line.value, line.slope, line.until_s = line.source.segment(now_s)
        for hybrid, line in self._wishes:
            if line.until_s <= now_s:
                line.value, line.slope, line.until_s = line.source.segment(now_s)
                hybrid.wish_w = line.value
        for unit, line in self._driven:
            if line.until_s <= now_s:
                line.value, line.slope, line.until_s = line.source.segment(now_s)
                unit.see(line.value)
            if unit.next_event_s <= now_s:
                unit.fire(now_s)
        self._feel_voltage()
        for meter in self._meters:
            if meter.next_event_s <= now_s:
                meter.fire(now_s)

    def _feel_voltage(self) -> None:
        """What loads draw at the voltage that they and all others leave: a fixed point."""
        for _ in range(MAX_TURNS if self._soft else 0):
            volts, moved = self.voltages(), 0.0
            for load, line in self._soft:
                before = line.drawn
                line.drawn = load.drawn_ratio(self.spec.system.voltage_ratio(load.connection, volts))
                moved = max(moved, abs(line.drawn - before))
            if moved < STILL_RATIO:
                break

    def _note(self) -> None:
        group_w = self.group_w()
        row = [self.now_s, sum(group_w), self.demand_w]
        row += self.layout.row(group_w)
        for unit in self._units:
            row += unit.row()
        self.truth.append(tuple(row))
