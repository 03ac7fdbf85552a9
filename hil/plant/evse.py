"""A charger with a car: the car wants power, the charger bounds its current in whole amperes or pauses it.

By IEC 61851-1 the offer is 6 A or more, or none. Chargers renew their offer now and then and cars react slowly: both
are dead time here. A car whose charge was paused takes `start_s` more until it draws again.
"""

from dataclasses import dataclass
from math import floor, inf
from typing import ClassVar

from hil.plant.orders import CurrentOrder, Order
from hil.plant.unit import Telemetry, Unit, UnitSpec

LEAST_A = 6.0  # IEC 61851-1: the smallest current that a charger can offer
ROUNDING_A = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseSpec(UnitSpec):
    """A charger. `nameplate_w` is what it draws at `most_a` in each of its conductors.

    Once it was written to, it falls back to `failsafe_a` when `failsafe_s` pass without another write (0: never).
    """

    most_a: float
    least_a: float = LEAST_A
    step_a: float = 1.0
    start_s: float = 10.0
    failsafe_s: float = 0.0
    failsafe_a: float = LEAST_A

    def offered_a(self, limit_a: float) -> float:
        """The current that a bound leaves: in whole steps, at most the rating, and nothing below the least."""
        offer_a = floor(min(limit_a, self.most_a) / self.step_a + ROUNDING_A) * self.step_a
        return offer_a if offer_a >= self.least_a else 0.0


class Evse(Unit[EvseSpec]):
    """A charger's state; `output_w` is what the car draws. What drives it is what the car wants, W >= 0."""

    takes: ClassVar[tuple[type[Order], ...]] = (CurrentOrder,)
    sign: ClassVar[float] = -1.0
    columns: ClassVar[tuple[str, ...]] = ("injection_w", "wish_w")

    def __init__(self, spec: EvseSpec, *, seed: int, demand_w: float = 0.0):
        self.demand_w = max(0.0, min(demand_w, spec.nameplate_w))
        self.offered_a = spec.offered_a(inf)
        self._starts_at_s = inf
        self._waiting_a = 0.0
        super().__init__(spec, seed=seed, output_w=self.demand_w)

    @property
    def order(self) -> CurrentOrder:
        """The bound in its registers."""
        return self.held(CurrentOrder)

    def limit(self, at_s: float, limit_a: float) -> None:
        """Write a bound; the charger's own fail-safe timer starts anew."""
        spec = self.spec
        self.write(
            at_s, CurrentOrder(enabled=True, limit_a=limit_a, revert_s=spec.failsafe_s, revert_a=spec.failsafe_a)
        )

    def advance(self, span_s: float, from_w: float, slope_w_s: float) -> float:
        """Move on with a car that wants `from_w` and then `slope_w_s` more each second."""
        cap_w = self.spec.nameplate_w * self.offered_a / self.spec.most_a if self._off_until_s <= 0.0 else 0.0
        wants_0, wants_1 = max(0.0, from_w), max(0.0, from_w + slope_w_s * span_s)
        energy_j = self._follow(span_s, min(wants_0, cap_w), min(wants_1, cap_w))
        self.demand_w = min(wants_1, self.spec.nameplate_w)
        self.output_w, self._ramped_w = min(self.output_w, wants_1), min(self._ramped_w, wants_1)
        energy_j = min(energy_j, 0.5 * (wants_0 + wants_1) * span_s)
        return self._count(-energy_j)

    def see(self, drive_w: float) -> None:
        """The car wants something else; less of it shows at once, an unplugged car draws nothing."""
        self.demand_w = max(0.0, min(drive_w, self.spec.nameplate_w))
        self.output_w, self._ramped_w = min(self.output_w, self.demand_w), min(self._ramped_w, self.demand_w)

    def row(self) -> tuple[float, ...]:
        """Injection, and what it would be without a bound."""
        return -self.output_w, -self.demand_w

    def fire(self, now_s: float) -> None:
        """Besides the rest, let a paused car begin."""
        if now_s >= self._starts_at_s:
            self.offered_a, self._starts_at_s = self._waiting_a, inf
        super().fire(now_s)

    def _apply(self, order: Order, now_s: float) -> None:
        assert isinstance(order, CurrentOrder)
        offer_a = self.spec.offered_a(order.limit_a if order.enabled else inf)
        if offer_a > 0.0 and self.offered_a <= 0.0:
            if self._starts_at_s == inf:
                self._starts_at_s = now_s + self.spec.start_s
            self._waiting_a = offer_a
        else:
            self.offered_a, self._starts_at_s = offer_a, inf

    def _sample(self, now_s: float) -> Telemetry:
        return Telemetry(
            at_s=now_s,
            injection_w=-self.output_w * self.spec.telemetry_gain,
            energy_wh=0.0,
            absorbed_wh=self.drawn_j / 3600,
            limited=self.spec.nameplate_w * self.offered_a / self.spec.most_a < self.demand_w,
            asleep=self.demand_w <= 0.0,
        )

    def _schedule(self) -> None:
        super()._schedule()
        self.next_event_s = min(self.next_event_s, self._starts_at_s)
