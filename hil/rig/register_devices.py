"""Simulated meters, inverters and chargers as the registers of any profile show them (protocol `modbus`)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from math import hypot
from typing import ClassVar

from hil.plant.evse import EvseSpec
from hil.plant.meter import Meter
from hil.plant.orders import CurrentOrder, LimitOrder, Order
from hil.plant.units import AnyUnit
from hil.rig.devices import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Grid
from hil.rig.register_image import RegisterImage
from hil.rig.register_profile import UNITS, BadProfileError, LimitRegistersPart, ProbePart, RegisterProfile

_WRITES = (6, 16)
ROUNDING = 1e-6  # of a limit in its own unit: what binary fractions of a register may be off


class RegisterDevice:
    """What a meter and an inverter share: who they are, and how their registers are read."""

    def __init__(self, profile: RegisterProfile, *, name: str, largest_w: float):
        registers = profile.registers
        self.image = RegisterImage(registers, largest_w=largest_w)
        self.read_max = registers.read_max
        for probe in registers.identity:
            self._satisfy(probe)
        for point, text in ((registers.who.serial_point, name), (registers.who.firmware_point, "1.0")):
            if point is not None and self.image.points[point].type == "string":
                self.image.put_text(point, text)

    def read(self, function: int, address: int, count: int) -> bytes | int:
        """See `Device.read`."""
        if function not in self.image.functions:
            return ILLEGAL_FUNCTION
        if count > self.read_max:
            return ILLEGAL_VALUE
        data = self.image.read(function, address, count)
        return ILLEGAL_ADDRESS if data is None else data

    def show(self, values: Mapping[str, float | None]) -> None:
        """Put what the profile has a point for."""
        for name, value in values.items():
            if self.image.has(name):
                self.image.put(name, value)

    def _satisfy(self, probe: ProbePart) -> None:
        """Let a point hold what the profile wants to see there."""
        point, equals = self.image.points[probe.point], probe.equals
        if point.type == "string":
            self.image.put_text(probe.point, str(equals[0]) if equals else "")
            return
        wanted = equals[0] if equals else probe.at_least if probe.at_least is not None else probe.at_most
        if isinstance(wanted, int | float):
            self.image.put(probe.point, wanted * UNITS[point.unit])


class RegisterMeter(RegisterDevice):
    """A `Meter` behind a register map."""

    def __init__(self, meter: Meter, profile: RegisterProfile, *, largest_w: float):
        super().__init__(profile, name=meter.spec.id, largest_w=largest_w)
        if profile.kind != "meter":
            raise BadProfileError(f"{profile.title} describes no meter")
        self.meter = meter
        self._sign = -1.0 if profile.registers.sign == "export+" else 1.0
        self._version = -1

    def refresh(self, now_s: float) -> None:
        """Encode the newest sample."""
        if self.meter.version == self._version:
            return
        self._version = self.meter.version
        sample = self.meter.sample
        phases = [self._sign * phase_w if sample.valid else None for phase_w in sample.phase_import_w]
        self.show({"power_total": self._sign * sample.import_w if sample.valid else None})
        self.show({f"power_l{k}": phase_w for k, phase_w in enumerate(phases, 1)})
        if not sample.valid:
            return
        volts = sample.phase_voltage_v
        self.show({f"voltage_l{k}": phase_v for k, phase_v in enumerate(volts, 1)})
        self.show({f"current_l{k}": phase_a for k, phase_a in enumerate(sample.phase_current_a, 1)})
        self.show({f"reactive_l{k}": self._sign * var for k, var in enumerate(sample.phase_import_var, 1)})
        apparent_va = hypot(sample.import_w, sample.import_var)
        factor = sample.import_w / apparent_va if apparent_va > 0.0 else 1.0
        self.show(
            {"frequency": sample.frequency_hz, "power_factor": factor, "reactive_total": self._sign * sample.import_var}
        )
        self.show({"energy_import": sample.imported_wh, "energy_export": sample.exported_wh})

    def write(self, now_s: float, function: int, address: int, words: tuple[int, ...]) -> int:
        """A meter takes no writes."""
        return ILLEGAL_FUNCTION


class RegisterDer(RegisterDevice, ABC):
    """A DER behind a register map. Each write of the limit or of an armed point becomes an order to it."""

    kind: ClassVar[str]
    """The kind of profile that describes such a device."""
    takes: ClassVar[type[Order]]
    """The kind of order that its limit is."""

    def __init__(self, unit: AnyUnit, profile: RegisterProfile, *, variant: str | None, grid: Grid):
        rated_w = unit.spec.nameplate_w
        super().__init__(profile, name=unit.spec.id, largest_w=rated_w)
        if profile.kind != self.kind:
            raise BadProfileError(f"{profile.title} describes no {self.kind}")
        self.unit, self._grid = unit, grid
        self._limit = profile.limit(variant)
        self._sign = -1.0 if profile.registers.sign == "injection-" else 1.0
        self._write_max = profile.registers.write_max
        self._telemetry_version = self._order_version = -1
        if self._limit is not None:
            self.begin(self._limit)

    @abstractmethod
    def begin(self, limit: LimitRegistersPart) -> None:
        """Registers as they are before anybody writes: no limit, no timer."""

    @abstractmethod
    def encode_order(self, limit: LimitRegistersPart) -> None:
        """Show the order in force."""

    @abstractmethod
    def order_of(self, limit: LimitRegistersPart) -> Order | None:
        """What the registers mean; None where the limit is out of its range."""

    def refresh(self, now_s: float) -> None:
        """Encode what changed: telemetry, and a limit that the device changed by itself."""
        unit = self.unit
        if unit.telemetry_version != self._telemetry_version:
            self._telemetry_version = unit.telemetry_version
            said = unit.telemetry
            self.show({"power_total": self._sign * said.injection_w, "frequency": self._grid.frequency_hz})
            link = unit.spec.connection
            for k, (p_part, q_part) in enumerate(zip(link.p_part, link.q_part, strict=True), 1):
                phase_a = abs(said.injection_w) * hypot(p_part, q_part) / self._grid.voltage_v
                self.show({f"power_l{k}": self._sign * said.injection_w * p_part, f"current_l{k}": phase_a})
                self.show({f"voltage_l{k}": self._grid.voltage_v})
            self.show({"energy_export": said.energy_wh, "energy_import": said.absorbed_wh})
        version = unit.slots[self.takes].version
        if self._limit is not None and version != self._order_version:
            self._order_version = version
            self.encode_order(self._limit)

    def write(self, now_s: float, function: int, address: int, words: tuple[int, ...]) -> int:
        """Take a frame of whole points: all of it or nothing."""
        limit = self._limit
        if limit is None or function not in _WRITES or (limit.write_function == 6 and function != 6):
            return ILLEGAL_FUNCTION
        if len(words) > self._write_max:
            return ILLEGAL_VALUE
        self.refresh(now_s)
        writable = {limit.point, *(arm.point for arm in limit.arm)}
        found: list[tuple[str, bytes]] = []
        at = 0
        while at < len(words):
            name = self.image.point_at(address + at)
            size = self.image.points[name].size if name is not None else 0
            if name not in writable or at + size > len(words):
                return ILLEGAL_ADDRESS
            found.append((name, b"".join(word.to_bytes(2, "big") for word in words[at : at + size])))
            at += size
        before = {name: self.image.value(name) for name, _ in found}
        for name, data in found:
            self.image.take(name, data)
        order = self.order_of(limit)
        if order is None:
            for name, value in before.items():
                self.image.put(name, value)
            return ILLEGAL_VALUE
        if limit.point in before or order != self.unit.slots[self.takes].order:
            self.unit.write(now_s, order)
        self.refresh(now_s)
        return 0

    def stated_value(self, limit: LimitRegistersPart) -> float:
        """The limit in the profile's own unit of its point."""
        return self.image.value(limit.point) / UNITS[self.image.points[limit.point].unit]


class RegisterInverter(RegisterDer):
    """An inverter behind a register map: its limit is in percent of its rating, or in watts."""

    kind = "inverter"
    takes: ClassVar[type[Order]] = LimitOrder

    def begin(self, limit: LimitRegistersPart) -> None:
        """Full rating, and nothing armed."""
        if limit.rating_point is not None:
            self.image.put(limit.rating_point, self.unit.spec.nameplate_w)
        self.image.put(limit.point, self._of_pct(limit, 100.0))
        fallback = limit.armed("reversion_limit")
        if fallback is not None:
            self.image.put(fallback, self._of_pct_at(fallback, 100.0))

    def encode_order(self, limit: LimitRegistersPart) -> None:
        """The limit, and whether it is in force."""
        order = self.unit.held(LimitOrder)
        self.image.put(limit.point, self._of_pct(limit, order.limit_pct))
        if limit.enable_point is not None:
            self.image.put_raw(limit.enable_point, int(order.enabled))

    def order_of(self, limit: LimitRegistersPart) -> LimitOrder | None:
        """Read limit, timer and fallback."""
        if not limit.at_least - ROUNDING <= self.stated_value(limit) <= limit.at_most + ROUNDING:
            return None
        seconds, fallback = limit.armed("reversion_s"), limit.armed("reversion_limit")
        enabled = limit.enable_point is None or self.image.value(limit.enable_point) != 0
        order = LimitOrder(enabled=enabled, limit_pct=min(self._pct(limit.point), 100.0))
        if seconds is not None:
            order = replace(order, revert_s=self.image.value(seconds))
        if fallback is not None:
            order = replace(order, revert_enabled=True, revert_limit_pct=min(self._pct(fallback), 100.0))
        return order

    def _pct(self, name: str) -> float:
        """A limit point in percent of the nameplate rating."""
        value = self.image.value(name)
        return value if self.image.points[name].unit == "pct" else 100.0 * value / self.unit.spec.nameplate_w

    def _of_pct(self, limit: LimitRegistersPart, limit_pct: float) -> float:
        """A limit in the bench's unit of its point, within the point's range."""
        unit = UNITS[self.image.points[limit.point].unit]
        return min(self._of_pct_at(limit.point, limit_pct), limit.at_most * unit)

    def _of_pct_at(self, name: str, limit_pct: float) -> float:
        return limit_pct if self.image.points[name].unit == "pct" else limit_pct * self.unit.spec.nameplate_w / 100.0


class RegisterCharger(RegisterDer):
    """A charger behind a register map: its limit is a current, 0 (a pause) or from the least to the most.

    Where the profile arms a time-out and a fail-safe current these are the charger's; else the twin file's are, which
    stand for what an installer has set.
    """

    kind = "evse"
    takes: ClassVar[type[Order]] = CurrentOrder

    def begin(self, limit: LimitRegistersPart) -> None:
        """The most current, and what the installer has set."""
        spec: EvseSpec = self.unit.spec
        if limit.rating_point is not None:
            self.image.put(limit.rating_point, spec.most_a)
        self.image.put(limit.point, min(spec.most_a, limit.at_most))
        circuits = 3 if len(spec.connection.conductors) == 3 else 1  # between two conductors lies one circuit
        self.show({"safe_current": spec.failsafe_a, "phases": float(circuits)})
        for name, value in ((limit.armed("reversion_limit"), spec.failsafe_a), (limit.armed("reversion_s"), 0.0)):
            if name is not None:
                self.image.put(name, value)

    def encode_order(self, limit: LimitRegistersPart) -> None:
        """The current in force."""
        order = self.unit.held(CurrentOrder)
        self.image.put(limit.point, min(order.limit_a, self.unit.spec.most_a, limit.at_most))

    def order_of(self, limit: LimitRegistersPart) -> CurrentOrder | None:
        """Read current, time-out and fail-safe current."""
        limit_a, spec = self.stated_value(limit), self.unit.spec
        if limit_a != 0.0 and not limit.at_least - ROUNDING <= limit_a <= limit.at_most + ROUNDING:
            return None
        seconds, fallback = limit.armed("reversion_s"), limit.armed("reversion_limit")
        revert_s = self.image.value(seconds) if seconds is not None else spec.failsafe_s
        revert_a = self.image.value(fallback) if fallback is not None else spec.failsafe_a
        return CurrentOrder(enabled=True, limit_a=limit_a, revert_s=revert_s, revert_a=revert_a)
