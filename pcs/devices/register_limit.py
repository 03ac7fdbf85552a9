"""The active-power limit of a device with a register map: values to write, and what the registers say. No I/O."""

from dataclasses import dataclass

from pcs.codec.register_map import encode, step_down
from pcs.devices.register_unit import Sample
from pcs.model.profile import LimitAction
from pcs.model.registers import UNITS, LimitRegisters, Point, RegisterMap

REVERSION_S, REVERSION_LIMIT = "reversion_s", "reversion_limit"
_HALF = 0.5  # of a step: two values closer than this are one


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One frame: the point, its words, and the value in the point's base unit that they stand for."""

    name: str
    address: int
    words: tuple[int, ...]
    value: float


class LimitControl:
    """One limit action of a profile, bound to a register map and to the rating that is its 100 %."""

    def __init__(self, registers: LimitRegisters, action: LimitAction, register_map: RegisterMap) -> None:
        self.registers, self.action = registers, action
        self._points = register_map.points
        self._point = register_map.points[registers.point]
        self._step = registers.step_value * self._unit(self._point)
        self._armed = {step.point: step.value for step in registers.arm}  # the last value written to a point holds
        self.reversion_point = next((p for p, value in self._armed.items() if value == REVERSION_LIMIT), None)
        self.names = tuple(dict.fromkeys([registers.point, *self._armed]))
        """Points that tell the state of the limit."""

    def resolution_w(self, rating_w: float) -> float:
        """The smallest step of the limit, watts."""
        return self._watts(self._point, self._step, rating_w)

    def limit(self, limit_w: float, rating_w: float) -> Write:
        """The frame of a limit, rounded down to the device's steps and kept inside what it takes."""
        return self._write(self.registers.point, limit_w, rating_w)

    def reversion(self, limit_w: float, rating_w: float) -> Write | None:
        """The frame of the limit that the device's own timer falls back to, if it has one."""
        return None if self.reversion_point is None else self._write(self.reversion_point, limit_w, rating_w)

    def arming(self, reversion_limit_w: float, rating_w: float) -> tuple[Write, ...]:
        """The frames that make the device ready, in their order."""
        frames = []
        for step in self.registers.arm:
            point = self._points[step.point]
            if step.value == REVERSION_LIMIT:
                frames.append(self._write(step.point, reversion_limit_w, rating_w))
                continue
            value = self.action.reversion_s or 0.0 if step.value == REVERSION_S else float(step.value)
            value *= 1.0 if step.value == REVERSION_S else self._unit(point)
            frames.append(Write(name=step.point, address=point.address, words=encode(point, value), value=value))
        return tuple(frames)

    def limit_w(self, sample: Sample, rating_w: float) -> float | None:
        """The limit in force, watts; `None` where there is none."""
        enable = self.registers.enable_point
        value = sample.number(self.registers.point)
        if value is None or (enable is not None and not sample.number(enable)):
            return None
        return self._watts(self._point, value, rating_w)

    def reversion_limit_w(self, sample: Sample, rating_w: float) -> float | None:
        """What the armed timer falls back to, watts; `None` without one."""
        value = None if self.reversion_point is None else sample.number(self.reversion_point)
        return (
            None
            if value is None or self.reversion_point is None
            else self._watts(self._points[self.reversion_point], value, rating_w)
        )

    def reversion_s(self, sample: Sample) -> float | None:
        """The time that the timer is armed with, seconds; `None` without one."""
        return next((sample.number(p) for p, value in self._armed.items() if value == REVERSION_S), None)

    def difference(self, sample: Sample, wanted: Write) -> str:
        """What reads back differently from one frame, in words; empty if it is there."""
        value = sample.number(wanted.name)
        point = self._points[wanted.name]
        step = self._step if wanted.name in (self.registers.point, self.reversion_point) else point.scale
        if value is not None and abs(value - wanted.value) <= _HALF * step:
            return ""
        shown = "no value" if value is None else f"{value:g}"
        return f"{wanted.name} is {shown} instead of {wanted.value:g}"

    def not_ready(self, sample: Sample, rating_w: float) -> str:
        """Which armed point reads back otherwise, in words; the limit that the timer falls back to may differ."""
        last = {write.name: write for write in self.arming(0.0, rating_w) if write.name != self.reversion_point}
        return "; ".join(words for write in last.values() if (words := self.difference(sample, write)))

    def _write(self, name: str, limit_w: float, rating_w: float) -> Write:
        point, unit = self._points[name], self._unit(self._point)
        wanted = 100.0 * limit_w / rating_w if point.unit == "pct" else limit_w
        allowed = min(max(wanted, self.registers.allowed_values.lo * unit), self.registers.allowed_values.hi * unit)
        value = max(step_down(allowed, self._step), self.registers.allowed_values.lo * unit)
        return Write(name=name, address=point.address, words=encode(point, value), value=value)

    def watts(self, write: Write, rating_w: float) -> float:
        """The limit that a frame stands for, watts."""
        return self._watts(self._points[write.name], write.value, rating_w)

    @staticmethod
    def _watts(point: Point, value: float, rating_w: float) -> float:
        return value * rating_w / 100.0 if point.unit == "pct" else value

    @staticmethod
    def _unit(point: Point) -> float:
        return UNITS[point.unit]
