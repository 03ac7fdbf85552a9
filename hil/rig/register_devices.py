"""A simulated meter and inverter as the registers of any profile show them (protocol `modbus`)."""

from collections.abc import Mapping
from dataclasses import replace

from hil.plant.inverter import Inverter, LimitOrder
from hil.plant.meter import Meter
from hil.rig.devices import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Grid
from hil.rig.register_image import RegisterImage
from hil.rig.register_profile import UNITS, BadProfileError, LimitRegistersPart, ProbePart, RegisterProfile

_WRITES = (6, 16)


class _RegisterDevice:
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


class RegisterMeter(_RegisterDevice):
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
        amperes = (abs(phase_w) / phase_v for phase_w, phase_v in zip(sample.phase_import_w, volts, strict=True))
        self.show({f"current_l{k}": phase_a for k, phase_a in enumerate(amperes, 1)})
        self.show({"frequency": sample.frequency_hz, "power_factor": 1.0})
        self.show({"energy_import": sample.imported_wh, "energy_export": sample.exported_wh})

    def write(self, now_s: float, function: int, address: int, words: tuple[int, ...]) -> int:
        """A meter takes no writes."""
        return ILLEGAL_FUNCTION


class RegisterInverter(_RegisterDevice):
    """An `Inverter` behind a register map. Each write of the limit or of an armed point becomes an order to it."""

    def __init__(self, inverter: Inverter, profile: RegisterProfile, *, variant: str | None, grid: Grid):
        rated_w = inverter.spec.nameplate_w
        super().__init__(profile, name=inverter.spec.id, largest_w=rated_w)
        if profile.kind != "inverter":
            raise BadProfileError(f"{profile.title} describes no inverter")
        self.inverter, self._grid = inverter, grid
        self._limit = profile.limit(variant)
        self._sign = -1.0 if profile.registers.sign == "injection-" else 1.0
        self._write_max = profile.registers.write_max
        self._rated_w = rated_w
        self._telemetry_version = self._order_version = -1
        if self._limit is not None:
            self._begin(self._limit)

    def _begin(self, limit: LimitRegistersPart) -> None:
        """Registers as they are before anybody writes: no limit, no timer."""
        if limit.rating_point is not None:
            self.image.put(limit.rating_point, self._rated_w)
        self.image.put(limit.point, self._of_pct(limit, 100.0))
        fallback = limit.armed("reversion_limit")
        if fallback is not None:
            self.image.put(fallback, self._of_pct_at(fallback, 100.0))

    def refresh(self, now_s: float) -> None:
        """Encode what changed: telemetry, and a limit that the device changed by itself."""
        unit = self.inverter
        if unit.telemetry_version != self._telemetry_version:
            self._telemetry_version = unit.telemetry_version
            injection_w = unit.telemetry.injection_w
            self.show({"power_total": self._sign * injection_w, "frequency": self._grid.frequency_hz})
            for k, share in enumerate(unit.spec.phase_share, 1):
                phase_a = abs(injection_w) * share / self._grid.voltage_v
                self.show({f"power_l{k}": self._sign * injection_w * share, f"current_l{k}": phase_a})
                self.show({f"voltage_l{k}": self._grid.voltage_v})
            self.show({"energy_export": unit.telemetry.energy_wh})
        if self._limit is not None and unit.order_version != self._order_version:
            self._order_version = unit.order_version
            self.image.put(self._limit.point, self._of_pct(self._limit, unit.order.limit_pct))
            if self._limit.enable_point is not None:
                self.image.put_raw(self._limit.enable_point, int(unit.order.enabled))

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
        order = self._order(limit)
        if order is None:
            for name, value in before.items():
                self.image.put(name, value)
            return ILLEGAL_VALUE
        if limit.point in before or order != self.inverter.order:
            self.inverter.write(now_s, order)
        self.refresh(now_s)
        return 0

    def _order(self, limit: LimitRegistersPart) -> LimitOrder | None:
        """What the registers mean; None where the limit is out of its range."""
        value = self.image.value(limit.point) / UNITS[self.image.points[limit.point].unit]
        if not limit.at_least - 1e-6 <= value <= limit.at_most + 1e-6:
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
        return value if self.image.points[name].unit == "pct" else 100.0 * value / self._rated_w

    def _of_pct(self, limit: LimitRegistersPart, limit_pct: float) -> float:
        """A limit in the bench's unit of its point, within the point's range."""
        unit = UNITS[self.image.points[limit.point].unit]
        return min(self._of_pct_at(limit.point, limit_pct), limit.at_most * unit)

    def _of_pct_at(self, name: str, limit_pct: float) -> float:
        return limit_pct if self.image.points[name].unit == "pct" else limit_pct * self._rated_w / 100.0
