"""A PV inverter: what the sun offers, what the limit allows, and how long it takes from one to the other.

Chain of a written limit: dead time -> quantisation and gain error -> ramp -> first-order lag. Falling sun is followed
at once (there is nothing else to feed in), rising sun through the same ramp and lag. Within a step the input of the lag
is a straight line, for which the lag has a closed solution; a step of 100 ms is therefore as right as one of 1 ms.
"""

from collections import deque
from dataclasses import dataclass, replace
from math import exp, inf
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterSpec:
    """How one inverter behaves.

    `gain_error_pct`: stationary error of the held limit (+2: it feeds in 2 % more than allowed). `limit_step_pct`:
    smallest step of the limit inside the device, 0 = continuous. Ramps are in percent of nameplate per second.
    Telemetry is sampled every `telemetry_s` (first at `telemetry_phase_s`) and shown `telemetry_latency_s` later.
    `phase_share` says how the injection spreads over the conductors; it sums to 1.
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
    phase_share: tuple[float, ...] = (1 / 3, 1 / 3, 1 / 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOrder:
    """What a controller asked for: the limit in percent of nameplate, in force when `enabled`.

    `revert_s` > 0 arms the device's timer: when it runs out the limit becomes `revert_limit_pct` if `revert_enabled`,
    else there is none. SunSpec 123 knows only the latter.
    """

    enabled: bool = False
    limit_pct: float = 100.0
    revert_s: float = 0.0
    revert_enabled: bool = False
    revert_limit_pct: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What the inverter says of itself; at night (`asleep`) that is zero. `at_s` is when it was sampled."""

    at_s: float
    injection_w: float
    energy_wh: float
    limited: bool
    asleep: bool


class Inverter:
    """One inverter's state. `advance` integrates, `fire` does what is due; `next_event_s` says when that is."""

    def __init__(self, spec: InverterSpec, *, seed: int, available_w: float = 0.0):
        self.spec = spec
        self.order = LimitOrder()
        self.order_version = 0
        self.restarts = 0
        self.revert_at_s = inf
        self.injection_w = self._ramped_w = max(0.0, min(available_w, spec.nameplate_w))
        self.available_w = self.injection_w
        self.obeys = True
        self.telemetry_frozen = False
        self.energy_j = 0.0
        self.telemetry = Telemetry(
            at_s=0.0, injection_w=self.injection_w, energy_wh=0.0, limited=False, asleep=self.injection_w <= 0.0
        )
        self.telemetry_version = 0
        self._random = Random(f"{seed}:{spec.id}")
        self._cap_w = inf
        self._pending: deque[tuple[float, LimitOrder]] = deque(maxlen=256)
        self._off_until_s = 0.0
        self._sample_index = 0
        self._shown_later: deque[Telemetry] = deque(maxlen=256)
        self._up_w_s = spec.ramp_up_pct_s / 100 * spec.nameplate_w
        self._down_w_s = spec.ramp_down_pct_s / 100 * spec.nameplate_w
        self.next_event_s = 0.0
        self._schedule()

    # -- what a controller does to it

    def write(self, at_s: float, order: LimitOrder) -> None:
        """Take an order at `at_s`. It shows in the registers at once and at the terminals after the dead time."""
        self._show(order)
        self.revert_at_s = at_s + order.revert_s if order.revert_s > 0.0 and order.enabled else inf
        jitter_s = self._random.random() * self.spec.dead_jitter_s
        # First come, first served: an order whose dead time is shorter waits for the one before it.
        self._pending.append((at_s + self.spec.dead_time_s + jitter_s, order))
        self._schedule()

    def restart(self, at_s: float, off_s: float = 0.0) -> None:
        """Restart: volatile settings are forgotten; the unit feeds in nothing for `off_s`."""
        self._pending.clear()
        self.restarts += 1
        self._show(LimitOrder())
        self.revert_at_s, self._cap_w = inf, inf
        if off_s > 0.0:
            self._off_until_s = at_s + off_s
            self.injection_w = self._ramped_w = 0.0
        self._schedule()

    def obey(self, at_s: float, obeys: bool) -> None:
        """A disobedient unit shows orders in its registers and keeps the limit it had."""
        self.obeys = obeys
        if obeys:
            self._pending.append((at_s, self.order))
            self._schedule()

    # -- what time does to it

    def advance(self, span_s: float, from_w: float, slope_w_s: float) -> float:
        """Move on by `span_s` with a sun that offers `from_w` and then `slope_w_s` more each second.

        No event may lie inside the span. Returns the energy fed in, in W*s.
        """
        ceiling_w = self.spec.nameplate_w if self._off_until_s <= 0.0 else 0.0
        to_w = from_w + slope_w_s * span_s
        sun_0 = ceiling_w if from_w > ceiling_w else (from_w if from_w > 0.0 else 0.0)
        sun_1 = ceiling_w if to_w > ceiling_w else (to_w if to_w > 0.0 else 0.0)
        cap_w = self._cap_w
        target_0 = sun_0 if sun_0 < cap_w else cap_w
        target_1 = sun_1 if sun_1 < cap_w else cap_w
        if self._up_w_s == inf and self._down_w_s == inf:
            energy_j = self._lag(span_s, target_0, target_1)
            self._ramped_w = target_1
        else:
            energy_j = self._ramp(span_s, target_0, target_1)
            self._ramped_w = min(self._ramped_w, sun_1)
        if self.injection_w > sun_1:
            self.injection_w = sun_1
        roof_j = 0.5 * (sun_0 + sun_1) * span_s
        if energy_j > roof_j:
            energy_j = roof_j
        self.available_w = sun_1
        self.energy_j += energy_j
        return energy_j

    def see(self, available_w: float) -> None:
        """The sun jumped to `available_w`: less of it shows at once."""
        ceiling_w = self.spec.nameplate_w if self._off_until_s <= 0.0 else 0.0
        self.available_w = max(0.0, min(available_w, ceiling_w))
        self.injection_w = min(self.injection_w, self.available_w)
        self._ramped_w = min(self._ramped_w, self.available_w)

    def fire(self, now_s: float) -> None:
        """Do everything that is due at `now_s`: revert, take effect, sample and show telemetry."""
        if now_s >= self.revert_at_s:
            order = replace(
                self.order,
                enabled=self.order.revert_enabled,
                limit_pct=self.order.revert_limit_pct if self.order.revert_enabled else self.order.limit_pct,
                revert_s=0.0,
            )
            self._show(order)
            self.revert_at_s = inf
            self._pending.append((now_s, order))
        while self._pending and self._pending[0][0] <= now_s:
            self._take_effect(self._pending.popleft()[1])
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

    def _lag(self, span_s: float, from_w: float, to_w: float) -> float:
        """First-order lag over `span_s` of an input that runs straight from `from_w` to `to_w`; returns W*s."""
        tau_s = self.spec.time_constant_s
        mean_j = 0.5 * (from_w + to_w) * span_s
        if tau_s <= 0.0:
            self.injection_w = to_w
            return mean_j
        if span_s <= 0.0:
            return 0.0
        behind_w = (to_w - from_w) / span_s * tau_s  # how far a lag trails a ramp
        offset_w = self.injection_w - from_w + behind_w
        decay = exp(-span_s / tau_s)
        self.injection_w = to_w - behind_w + offset_w * decay
        return mean_j - behind_w * span_s + offset_w * tau_s * (1.0 - decay)

    def _ramp(self, span_s: float, from_w: float, to_w: float) -> float:
        """The same behind a ramp limit: chase the target at the ramp's slope, then go along with it; returns W*s."""
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

    def _take_effect(self, order: LimitOrder) -> None:
        if not self.obeys:
            return
        if not order.enabled:
            self._cap_w = inf
            return
        step_pct = self.spec.limit_step_pct
        limit_pct = round(order.limit_pct / step_pct) * step_pct if step_pct > 0.0 else order.limit_pct
        self._cap_w = self.spec.nameplate_w * max(0.0, limit_pct) / 100 * (1 + self.spec.gain_error_pct / 100)

    def _show(self, order: LimitOrder) -> None:
        self.order = order
        self.order_version += 1

    def _sample_s(self) -> float:
        return self.spec.telemetry_phase_s + self._sample_index * self.spec.telemetry_s

    def _sample(self, now_s: float) -> Telemetry:
        asleep = self.available_w <= 0.0
        return Telemetry(
            at_s=now_s,
            injection_w=0.0 if asleep else self.injection_w * self.spec.telemetry_gain,
            energy_wh=self.energy_j / 3600,
            limited=self._cap_w < self.available_w,
            asleep=asleep,
        )

    def _schedule(self) -> None:
        soonest_s = min(self._sample_s(), self.revert_at_s)
        if self._pending and self._pending[0][0] < soonest_s:
            soonest_s = self._pending[0][0]
        if self._shown_later:
            soonest_s = min(soonest_s, self._shown_later[0].at_s + self.spec.telemetry_latency_s)
        if self._off_until_s > 0.0:
            soonest_s = min(soonest_s, self._off_until_s)
        self.next_event_s = soonest_s
