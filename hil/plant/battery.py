"""Storage: a battery with a wish of its own, and a hybrid, which has PV behind the same AC port.

What it would do when left alone is its wish (W, negative: charge). A set point replaces the wish; limits of discharge
and charge bound both. Where PV of a hybrid is held back at the AC port, its battery takes the rest before any is lost.
"""

from dataclasses import dataclass
from typing import ClassVar

from hil.plant.inverter import held_w
from hil.plant.orders import LimitOrder, Order, RateOrder, SetOrder
from hil.plant.unit import Telemetry, Unit, UnitSpec

BMS_S = 1.0  # how often the battery's own supervision looks at its state of charge; project default
RESUMES_PCT = 1.0  # a full battery charges again so much lower, an empty one discharges so much higher; same


@dataclass(frozen=True, slots=True, kw_only=True)
class BatterySpec(UnitSpec):
    """Storage. `nameplate_w` is its discharge rating, `charge_w` its charge rating, both at the AC port.

    `efficiency_pct` is that of one way: charging stores so much of what is drawn, discharging draws accordingly more
    from the cells. Outside `soc_min_pct` to `soc_max_pct` its own supervision stops it.
    """

    charge_w: float
    capacity_wh: float
    soc_pct: float = 50.0
    soc_min_pct: float = 0.0
    soc_max_pct: float = 100.0
    efficiency_pct: float = 97.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridSpec(BatterySpec):
    """A hybrid: `nameplate_w` and `charge_w` are those of its AC port; the battery behind it has ratings of its own."""

    battery_charge_w: float
    battery_discharge_w: float


class Storage(Unit[BatterySpec]):
    """A battery's state. What drives it is its wish."""

    takes: ClassVar[tuple[type[Order], ...]] = (LimitOrder, SetOrder, RateOrder)
    columns: ClassVar[tuple[str, ...]] = ("injection_w", "wish_w", "soc_pct")

    def __init__(self, spec: BatterySpec, *, seed: int, wish_w: float = 0.0):
        self.wish_w = wish_w
        self.stored_j = spec.soc_pct / 100 * spec.capacity_wh * 3600
        self._orders: dict[type[Order], Order] = {kind: kind() for kind in self.takes}
        self._full = self._empty = False
        self._bms_index = 0
        self._cap_w = self._floor_w = 0.0
        self._setpoint_w: float | None = None
        self.spec = spec
        self._bind()
        super().__init__(spec, seed=seed, output_w=self._bounded(wish_w))

    @property
    def soc_pct(self) -> float:
        """State of charge."""
        return 100 * self.stored_j / (self.spec.capacity_wh * 3600)

    def advance(self, span_s: float, from_w: float, slope_w_s: float) -> float:
        """Move on with a wish of `from_w` and then `slope_w_s` more each second."""
        self.wish_w = from_w + slope_w_s * span_s
        if self._off_until_s > 0.0:
            target_0 = target_1 = 0.0
        elif self._setpoint_w is not None:
            target_0 = target_1 = self._bounded(self._setpoint_w)
        else:
            target_0, target_1 = self._bounded(from_w), self._bounded(self.wish_w)
        energy_j = self._follow(span_s, target_0, target_1)
        self._store(energy_j)
        return self._count(energy_j)

    def see(self, drive_w: float) -> None:
        """Another wish; it is followed through ramp and lag."""
        self.wish_w = drive_w

    def row(self) -> tuple[float, ...]:
        """Injection, wish and state of charge."""
        return self.output_w, self.wish_w, self.soc_pct

    def fire(self, now_s: float) -> None:
        """Besides the rest, let the battery's supervision look at the state of charge."""
        while self._bms_index * BMS_S <= now_s:
            self._bms_index += 1
            self._supervise()
        super().fire(now_s)

    def _supervise(self) -> None:
        spec, soc_pct = self.spec, self.soc_pct
        self._full = soc_pct >= spec.soc_max_pct - (RESUMES_PCT if self._full else 0.0)
        self._empty = soc_pct <= spec.soc_min_pct + (RESUMES_PCT if self._empty else 0.0)
        self._bind()

    def _bind(self) -> None:
        """What all orders, ratings and the state of charge leave."""
        limit, rate, setpoint = (self._orders[kind] for kind in (LimitOrder, RateOrder, SetOrder))
        assert isinstance(limit, LimitOrder)
        assert isinstance(rate, RateOrder)
        assert isinstance(setpoint, SetOrder)
        spec = self.spec
        error = 1 + spec.gain_error_pct / 100
        most_w, least_w = min(spec.nameplate_w, held_w(limit, spec)), -spec.charge_w
        if rate.bounds_discharge:
            most_w = min(most_w, rate.discharge_pct / 100 * spec.charge_w * error)
        if rate.bounds_charge:
            least_w = max(least_w, -rate.charge_pct / 100 * spec.charge_w * error)
        self._cap_w = min(most_w, 0.0) if self._empty else most_w
        self._floor_w = max(least_w, 0.0) if self._full else least_w
        if self._empty and self._floor_w > 0.0:
            self._floor_w = 0.0
        self._setpoint_w = setpoint.setpoint_w * error if setpoint.enabled else None

    def _bounded(self, wanted_w: float) -> float:
        return min(max(wanted_w, self._floor_w), self._cap_w)

    def _store(self, energy_j: float) -> None:
        """Take what was injected out of the cells, or put into them what was drawn."""
        efficiency = self.spec.efficiency_pct / 100
        self.stored_j -= energy_j / efficiency if energy_j > 0.0 else energy_j * efficiency

    def _apply(self, order: Order, now_s: float) -> None:
        self._orders[type(order)] = order
        self._bind()

    def _sample(self, now_s: float) -> Telemetry:
        return Telemetry(
            at_s=now_s,
            injection_w=self.output_w * self.spec.telemetry_gain,
            energy_wh=self.injected_j / 3600,
            absorbed_wh=self.drawn_j / 3600,
            limited=self._setpoint_w is not None or not self._floor_w <= self.wish_w <= self._cap_w,
            asleep=False,
            soc_pct=self.soc_pct,
        )

    def _schedule(self) -> None:
        super()._schedule()
        self.next_event_s = min(self.next_event_s, self._bms_index * BMS_S)


class Hybrid(Storage):
    """A hybrid's state. What drives it is its sun (DC watts); its battery's wish is told beside it."""

    columns: ClassVar[tuple[str, ...]] = ("injection_w", "available_w", "wish_w", "soc_pct")

    def __init__(self, spec: HybridSpec, *, seed: int, available_w: float = 0.0, wish_w: float = 0.0):
        self.available_w = available_w
        self.used_j = 0.0
        """What PV gave, W*s."""
        self._battery_w = (spec.battery_charge_w, spec.battery_discharge_w)
        super().__init__(spec, seed=seed, wish_w=wish_w + available_w)
        self.wish_w, self.wish_slope_w_s = wish_w, 0.0

    def advance(self, span_s: float, from_w: float, slope_w_s: float) -> float:
        """Move on under a sun of `from_w`, and then `slope_w_s` more each second, beside the battery's wish."""
        sun_0, sun_1 = max(0.0, from_w), max(0.0, from_w + slope_w_s * span_s)
        wish_0, wish_1 = self.wish_w, self.wish_w + self.wish_slope_w_s * span_s
        self.wish_w, self.available_w = wish_1, sun_1
        if self._off_until_s > 0.0:
            target_0 = target_1 = 0.0
        elif self._setpoint_w is not None:
            target_0, target_1 = self._port(self._setpoint_w, sun_0), self._port(self._setpoint_w, sun_1)
        else:
            target_0, target_1 = self._port(sun_0 + wish_0, sun_0), self._port(sun_1 + wish_1, sun_1)
        energy_j = self._follow(span_s, target_0, target_1)
        sun_j = 0.5 * (sun_0 + sun_1) * span_s
        charge_w = 0.0 if self._full else self._battery_w[0]
        used_j = min(sun_j, max(0.0, energy_j + charge_w * span_s))  # what neither port nor battery takes is lost
        self.used_j += used_j
        self._store(energy_j - used_j)
        return self._count(energy_j)

    def see(self, drive_w: float) -> None:
        """The sun jumped; the battery fills the gap until the port has followed."""
        self.available_w = max(0.0, drive_w)

    def row(self) -> tuple[float, ...]:
        """Injection, sun, the battery's wish and state of charge."""
        return self.output_w, self.available_w, self.wish_w, self.soc_pct

    def _port(self, wanted_w: float, sun_w: float) -> float:
        """What the AC port can do for a wanted injection: the battery adds and takes no more than its ratings."""
        charge_w, discharge_w = self._battery_w
        most_w = sun_w + (0.0 if self._empty else discharge_w)
        least_w = 0.0 if self._full else -charge_w
        return self._bounded(min(max(wanted_w, least_w), most_w))

    def _bind(self) -> None:
        """The port's own bounds; sun goes through it whatever the battery's state."""
        full, empty = self._full, self._empty
        self._full = self._empty = False
        super()._bind()
        self._full, self._empty = full, empty

    def _sample(self, now_s: float) -> Telemetry:
        said = super()._sample(now_s)
        wanted_w = self.available_w + self.wish_w
        limited = self._setpoint_w is not None or not self._floor_w <= wanted_w <= self._cap_w
        return Telemetry(
            at_s=said.at_s,
            injection_w=said.injection_w,
            energy_wh=said.energy_wh,
            absorbed_wh=said.absorbed_wh,
            limited=limited,
            asleep=False,
            soc_pct=said.soc_pct,
        )
