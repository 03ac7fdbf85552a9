"""The maximum charging current of an EV charger with a register map: values to write, and what reads back. No I/O.

Currents are per conductor. A charger offers its least current (6 A by IEC 61851-1) or more, in steps, or nothing: below
the least it is paused by a 0. A limit of its draw in W becomes a current by the watts that one ampere carries.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pcs.codec.register_map import encode, step_down
from pcs.codec.registers import Value
from pcs.model.profile import LimitAction
from pcs.model.registers import UNITS, LimitRegisters, RegisterMap

REVERSION_S, REVERSION_LIMIT = "reversion_s", "reversion_limit"
VOLTS_BELIEVED = (0.85, 1.15)  # of nominal: IEC 60038 allows 10 % at the service, the wires cost some more
_SAME = 0.5  # of a step: two values closer than this are one


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentFrame:
    """One write: the point, its words, and the value in A or s that must read back to within half of `step_value`."""

    point: str
    address: int
    words: tuple[int, ...]
    value: float
    step_value: float


class CurrentControl:
    """One current limit of a profile, bound to its register map."""

    def __init__(self, action: LimitAction, register_map: RegisterMap) -> None:
        if action.registers is None:
            raise ValueError("this limit has no registers")
        self.registers: LimitRegisters = action.registers
        self._action, self._points = action, register_map.points
        unit = UNITS[self._points[self.registers.point].unit]
        self.step_a = self.registers.step_value * unit
        self._least_a, self._most_a = self.registers.allowed_values.lo * unit, self.registers.allowed_values.hi * unit
        self._armed = {step.point: step.value for step in self.registers.arm}
        self.names = tuple(dict.fromkeys([self.registers.point, *self._armed]))
        """Points that tell the state of the limit."""

    def current_a(self, wanted_a: float) -> float:
        """What the charger offers for a wish: rounded down to its steps; 0, a pause, below its least current."""
        offered_a = min(step_down(max(0.0, wanted_a), self.step_a), self._most_a)
        return offered_a if offered_a >= self._least_a - self.step_a * 1e-6 else 0.0

    def held_a(self, values: Mapping[str, Value]) -> float | None:
        """The current that the charger may offer now; `None` where it does not say it."""
        return _number(values, self.registers.point)

    def falls_back_to_a(self, values: Mapping[str, Value]) -> float | None:
        """What the charger's own timer falls back to; `None` where no timer of ours runs."""
        seconds = next((_number(values, p) for p, value in self._armed.items() if value == REVERSION_S), None)
        current_a = next((_number(values, p) for p, value in self._armed.items() if value == REVERSION_LIMIT), None)
        return current_a if seconds else None

    def frames(self, values: Mapping[str, Value], wanted_a: float, reversion_a: float) -> tuple[CurrentFrame, ...]:
        """The current, and what is not armed as it should be: the current first where it tightens, else last."""
        current = self._frame(self.registers.point, self.current_a(wanted_a), self.step_a)
        arming = [frame for frame in self.arming(reversion_a) if not self.holds(values, frame)]
        held_a = self.held_a(values)
        tightens = held_a is None or current.value <= held_a
        return (current, *arming) if tightens else (*arming, current)

    def arming(self, reversion_a: float) -> tuple[CurrentFrame, ...]:
        """What must be armed, in the order of the profile."""
        frames = []
        for point, value in self._armed.items():
            if value == REVERSION_LIMIT:
                frames.append(self._frame(point, self.current_a(reversion_a), self.step_a))
            else:
                unit = UNITS[self._points[point].unit]
                base = (self._action.reversion_s or 0.0) if value == REVERSION_S else float(value) * unit
                frames.append(self._frame(point, base, self._points[point].scale * unit))
        return tuple(frames)

    @staticmethod
    def holds(values: Mapping[str, Value], frame: CurrentFrame) -> bool:
        """Whether the charger says what the frame says."""
        value = _number(values, frame.point)
        return value is not None and abs(value - frame.value) <= _SAME * frame.step_value

    def difference(self, values: Mapping[str, Value], wanted_a: float, reversion_a: float) -> str:
        """What reads back differently, in words; empty if all of it is in force."""
        current = self._frame(self.registers.point, self.current_a(wanted_a), self.step_a)
        wrong = [frame for frame in (current, *self.arming(reversion_a)) if not self.holds(values, frame)]
        return "; ".join(f"{f.point} is {values.get(f.point)} instead of {f.value:g}" for f in wrong)

    def _frame(self, point: str, value: float, step_value: float) -> CurrentFrame:
        known = self._points[point]
        return CurrentFrame(
            point=point, address=known.address, words=encode(known, value), value=value, step_value=step_value
        )


def ampere_w(nominal_w: float, conductors: int | None, volts_v: tuple[float | None, ...]) -> float:
    """The watts that one ampere on each conductor carries: with the highest measured voltage, else at nominal.

    `nominal_w` is that figure at nominal volts. `conductors` None: how the unit is connected is not known, so its
    voltages say nothing. A voltage far from nominal is that of a conductor without one.
    """
    if conductors is None:
        return nominal_w
    nominal_v = nominal_w / conductors
    low_v, high_v = (factor * nominal_v for factor in VOLTS_BELIEVED)
    believed = [v for v in volts_v if v is not None and low_v <= v <= high_v]
    return conductors * max(believed) if believed else nominal_w


def _number(values: Mapping[str, Value], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) else None
