"""Sources with a limit: a PV inverter under its sun, or a generator on its own schedule.

Chain of a written limit: dead time -> quantisation and gain error -> ramp -> first-order lag. A PV unit follows falling
sun at once (there is nothing else to feed in) and rising sun through the same ramp and lag; a generator has a stock of
its own and follows its schedule through ramp and lag both ways.
"""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from hil.plant.orders import LimitOrder, Order
from hil.plant.unit import Telemetry, Unit, UnitSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterSpec(UnitSpec):
    """A source. `has_stock`: what drives it is a wish and no ceiling (a generator with fuel)."""

    has_stock: bool = False


class Inverter(Unit[InverterSpec]):
    """A source's state. What drives it is the power available to it, W."""

    columns: ClassVar[tuple[str, ...]] = ("injection_w", "available_w")

    def __init__(self, spec: InverterSpec, *, seed: int, available_w: float = 0.0):
        self.available_w = max(0.0, min(available_w, spec.nameplate_w))
        self._cap_w = inf
        super().__init__(spec, seed=seed, output_w=self.available_w)

    @property
    def order(self) -> LimitOrder:
        """The limit in its registers."""
        return self.held(LimitOrder)

    def advance(self, span_s: float, from_w: float, slope_w_s: float) -> float:
        """Move on under a sun that offers `from_w` and then `slope_w_s` more each second."""
        ceiling_w = self.spec.nameplate_w if self._off_until_s <= 0.0 else 0.0
        to_w = from_w + slope_w_s * span_s
        sun_0 = ceiling_w if from_w > ceiling_w else (from_w if from_w > 0.0 else 0.0)
        sun_1 = ceiling_w if to_w > ceiling_w else (to_w if to_w > 0.0 else 0.0)
        cap_w = self._cap_w
        target_0, target_1 = sun_0 if sun_0 < cap_w else cap_w, sun_1 if sun_1 < cap_w else cap_w
        if self._ramps:
            energy_j = self._ramp(span_s, target_0, target_1)
        else:  # the usual case, and the plant's innermost loop
            self._ramped_w = target_1
            energy_j = self._lag(span_s, target_0, target_1)
        self.available_w = sun_1
        if not self.spec.has_stock:
            if self.output_w > sun_1:
                self.output_w = sun_1
            if self._ramped_w > sun_1:
                self._ramped_w = sun_1
            roof_j = 0.5 * (sun_0 + sun_1) * span_s
            if energy_j > roof_j:
                energy_j = roof_j
        self.energy_j += energy_j
        self.injected_j += energy_j
        return energy_j

    def see(self, drive_w: float) -> None:
        """The sun jumped: less of it shows at once."""
        ceiling_w = self.spec.nameplate_w if self._off_until_s <= 0.0 else 0.0
        self.available_w = max(0.0, min(drive_w, ceiling_w))
        if not self.spec.has_stock:
            self.output_w = min(self.output_w, self.available_w)
            self._ramped_w = min(self._ramped_w, self.available_w)

    def row(self) -> tuple[float, ...]:
        """Injection and what the sun offers."""
        return self.output_w, self.available_w

    def _apply(self, order: Order, now_s: float) -> None:
        assert isinstance(order, LimitOrder)
        self._cap_w = held_w(order, self.spec)

    def _sample(self, now_s: float) -> Telemetry:
        asleep = self.available_w <= 0.0 and not self.spec.has_stock
        return Telemetry(
            at_s=now_s,
            injection_w=0.0 if asleep else self.output_w * self.spec.telemetry_gain,
            energy_wh=self.energy_j / 3600,
            limited=self._cap_w < self.available_w,
            asleep=asleep,
        )


def held_w(order: LimitOrder, spec: UnitSpec) -> float:
    """The watts that a device makes of a limit: quantised, and with its stationary error; infinite without one."""
    if not order.enabled:
        return inf
    step_pct = spec.limit_step_pct
    limit_pct = round(order.limit_pct / step_pct) * step_pct if step_pct > 0.0 else order.limit_pct
    return spec.nameplate_w * max(0.0, limit_pct) / 100 * (1 + spec.gain_error_pct / 100)
