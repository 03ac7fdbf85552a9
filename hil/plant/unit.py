"""What all DERs share: orders with dead time and timers, ramp and first-order lag, telemetry, restart, disobedience.

Within a step the input of the lag is a straight line, for which the lag has a closed solution; a step of 100 ms is
therefore as right as one of 1 ms.
"""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from math import exp, inf
from random import Random
from typing import ClassVar, Generic, TypeVar

from hil.plant.orders import CurrentOrder, LimitOrder, Order, RateOrder, SetOrder
from hil.plant.system import Connection, System

THREE_PHASE = System().connect("L123")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSpec:
    """How one unit behaves.

    An order takes effect after `dead_time_s` and up to `dead_jitter_s` more. Ramps are in percent of nameplate per
    second. Telemetry is sampled every `telemetry_s` (first at `telemetry_phase_s`) and shown `telemetry_latency_s`
    later. `gain_error_pct`: stationary error of a held limit (+2: 2 % more than allowed). `limit_step_pct`: smallest
    step of a limit inside the device, 0 = continuous.
    """

    id: str
    nameplate_w: float
    dead_time_s: float = 0.25
    dead_jitter_s: float = 0.0
    time_constant_s: float = 0.3
    ramp_up_pct_s: float = inf
    ramp_down_pct_s: float = inf
    limit_step_pct: float = 0.0
    gain_error_pct: float = 0.0
    telemetry_s: float = 1.0
    telemetry_phase_s: float = 0.0
    telemetry_latency_s: float = 0.0
    telemetry_gain: float = 1.0
    connection: Connection = THREE_PHASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What a unit says of itself. `at_s` is when it was sampled.

    `injection_w` is negative while it draws. `energy_wh` was injected, `absorbed_wh` drawn. `limited`: an order holds
    it back. `asleep`: it has nothing to do; a PV unit at night, a charger without a car.
    """

    at_s: float
    injection_w: float
    energy_wh: float
    limited: bool
    asleep: bool
    absorbed_wh: float = 0.0
    soc_pct: float = 0.0


class Slot:
    """One kind of order of a unit: what the registers show, how often it changed, when its timer runs out."""

    __slots__ = ("order", "revert_at_s", "version")

    def __init__(self, order: Order):
        self.order, self.version, self.revert_at_s = order, 0, inf

    def show(self, order: Order) -> None:
        """Put an order into the registers."""
        self.order = order
        self.version += 1


S = TypeVar("S", bound=UnitSpec)
K = TypeVar("K", LimitOrder, SetOrder, RateOrder, CurrentOrder)


class Unit(ABC, Generic[S]):
    """One unit's state. `advance` integrates, `fire` does what is due; `next_event_s` says when that is.

    `output_w` is what comes out of ramp and lag; its direction is the kind's own, `injection_w` the project's.
    """

    takes: ClassVar[tuple[type[Order], ...]] = (LimitOrder,)
    """Kinds of order that a unit of this kind obeys."""
    sign: ClassVar[float] = 1.0
    """What turns `output_w` into an injection; -1 for what only draws."""
    columns: ClassVar[tuple[str, ...]] = ("injection_w",)
    """What it adds to a row of truth, each name behind its id."""

    def __init__(self, spec: S, *, seed: int, output_w: float):
        self.spec = spec
        self.slots: dict[type[Order], Slot] = {kind: Slot(kind()) for kind in self.takes}
        self.restarts = 0
        self.output_w = self._ramped_w = output_w
        self.obeys = True
        self.telemetry_frozen = False
        self.telemetry_version = 0
        self.energy_j = 0.0
        """Injected less drawn, W*s."""
        self.injected_j = self.drawn_j = 0.0
        self._random = Random(f"{seed}:{spec.id}")
        self._pending: deque[tuple[float, Order]] = deque(maxlen=256)
        self._off_until_s = 0.0
        self._sample_index = 0
        self._shown_later: deque[Telemetry] = deque(maxlen=256)
        self._up_w_s = spec.ramp_up_pct_s / 100 * spec.nameplate_w
        self._down_w_s = spec.ramp_down_pct_s / 100 * spec.nameplate_w
        self._ramps = self._up_w_s != inf or self._down_w_s != inf
        self.telemetry = self._sample(0.0)
        self.next_event_s = 0.0
        self._schedule()

    @property
    def injection_w(self) -> float:
        """Into the site; negative while it draws."""
        return self.sign * self.output_w

    def held(self, kind: type[K]) -> K:
        """The order of a kind in its registers."""
        order = self.slots[kind].order
        assert isinstance(order, kind)
        return order

    # -- what a controller does to it

    def write(self, at_s: float, order: Order) -> None:
        """Take an order at `at_s`. It shows in the registers at once and at the terminals after the dead time.

        Raises:
            KeyError: a unit of this kind does not take such orders.
        """
        slot = self.slots[type(order)]
        slot.show(order)
        slot.revert_at_s = at_s + order.revert_s if order.revert_s > 0.0 and order.enabled else inf
        jitter_s = self._random.random() * self.spec.dead_jitter_s
        # First come, first served: an order whose dead time is shorter waits for the one before it.
        self._pending.append((at_s + self.spec.dead_time_s + jitter_s, order))
        self._schedule()

    def restart(self, at_s: float, off_s: float = 0.0) -> None:
        """Restart: volatile settings are forgotten; the unit does nothing for `off_s`."""
        self._pending.clear()
        self.restarts += 1
        for kind, slot in self.slots.items():
            slot.show(kind())
            slot.revert_at_s = inf
            self._apply(slot.order, at_s)
        if off_s > 0.0:
            self._off_until_s = at_s + off_s
            self.output_w = self._ramped_w = 0.0
        self._schedule()

    def obey(self, at_s: float, obeys: bool) -> None:
        """A disobedient unit shows orders in its registers and keeps the limits it had."""
        self.obeys = obeys
        if obeys:
            self._pending.extend((at_s, slot.order) for slot in self.slots.values())
            self._schedule()

    # -- what time does to it

    @abstractmethod
    def advance(self, span_s: float, from_w: float, slope_w_s: float) -> float:
        """Move on by `span_s` while what drives the unit is `from_w` and then `slope_w_s` more each second.

        No event may lie inside the span. Returns the energy injected, in W*s.
        """

    @abstractmethod
    def see(self, drive_w: float) -> None:
        """What drives the unit jumped to `drive_w`."""

    @abstractmethod
    def row(self) -> tuple[float, ...]:
        """The present values of `columns`."""

    def fire(self, now_s: float) -> None:
        """Do everything that is due at `now_s`: revert, take effect, sample and show telemetry."""
        for slot in self.slots.values():
            if now_s >= slot.revert_at_s:
                slot.show(slot.order.reverted())
                slot.revert_at_s = inf
                self._pending.append((now_s, slot.order))
        while self._pending and self._pending[0][0] <= now_s:
            order = self._pending.popleft()[1]
            if self.obeys:
                self._apply(order, now_s)
        if 0.0 < self._off_until_s <= now_s:
            self._off_until_s = 0.0
        while self._sample_s() <= now_s:
            self._shown_later.append(self._sample(now_s))
            self._sample_index += 1
        while self._shown_later and self._shown_later[0].at_s + self.spec.telemetry_latency_s <= now_s:
            shown = self._shown_later.popleft()
            if not self.telemetry_frozen:
                self.telemetry = shown
                self.telemetry_version += 1
        self._schedule()

    # -- inside

    @abstractmethod
    def _apply(self, order: Order, now_s: float) -> None:
        """An order takes effect."""

    @abstractmethod
    def _sample(self, now_s: float) -> Telemetry:
        """What telemetry says of this moment."""

    def _follow(self, span_s: float, from_w: float, to_w: float) -> float:
        """Ramp and lag over `span_s` of a target that runs straight from `from_w` to `to_w`; returns W*s."""
        if self._ramps:
            return self._ramp(span_s, from_w, to_w)
        self._ramped_w = to_w
        return self._lag(span_s, from_w, to_w)

    def _count(self, energy_j: float) -> float:
        """Keep the account of what was injected and drawn."""
        self.energy_j += energy_j
        if energy_j > 0.0:
            self.injected_j += energy_j
        else:
            self.drawn_j -= energy_j
        return energy_j

    def _lag(self, span_s: float, from_w: float, to_w: float) -> float:
        tau_s = self.spec.time_constant_s
        mean_j = 0.5 * (from_w + to_w) * span_s
        if tau_s <= 0.0:
            self.output_w = to_w
            return mean_j
        if span_s <= 0.0:
            return 0.0
        behind_w = (to_w - from_w) / span_s * tau_s  # how far a lag trails a ramp
        offset_w = self.output_w - from_w + behind_w
        decay = exp(-span_s / tau_s)
        self.output_w = to_w - behind_w + offset_w * decay
        return mean_j - behind_w * span_s + offset_w * tau_s * (1.0 - decay)

    def _ramp(self, span_s: float, from_w: float, to_w: float) -> float:
        """The lag behind a ramp limit: chase the target at the ramp's slope, then go along with it; returns W*s."""
        slope_w_s = (to_w - from_w) / span_s if span_s > 0.0 else 0.0
        gap_w = from_w - self._ramped_w
        rate_w_s = self._up_w_s if gap_w > 0.0 else -self._down_w_s
        closing_w_s = rate_w_s - slope_w_s
        chase_s = 0.0
        if gap_w != 0.0 and abs(rate_w_s) != inf:
            chase_s = gap_w / closing_w_s if closing_w_s * gap_w > 0.0 else inf
        chase_s = min(chase_s, span_s)
        energy_j = 0.0
        if chase_s > 0.0:
            reached_w = self._ramped_w + rate_w_s * chase_s
            energy_j = self._lag(chase_s, self._ramped_w, reached_w)
            self._ramped_w = reached_w
        if chase_s < span_s:
            rest_s = span_s - chase_s
            start_w = from_w + slope_w_s * chase_s
            along_w_s = min(max(slope_w_s, -self._down_w_s), self._up_w_s)
            self._ramped_w = start_w + along_w_s * rest_s
            energy_j += self._lag(rest_s, start_w, self._ramped_w)
        return energy_j

    def _sample_s(self) -> float:
        return self.spec.telemetry_phase_s + self._sample_index * self.spec.telemetry_s

    def _schedule(self) -> None:
        soonest_s = self._sample_s()
        for slot in self.slots.values():
            if slot.revert_at_s < soonest_s:
                soonest_s = slot.revert_at_s
        if self._pending and self._pending[0][0] < soonest_s:
            soonest_s = self._pending[0][0]
        if self._shown_later:
            soonest_s = min(soonest_s, self._shown_later[0].at_s + self.spec.telemetry_latency_s)
        if self._off_until_s > 0.0:
            soonest_s = min(soonest_s, self._off_until_s)
        self.next_event_s = soonest_s
