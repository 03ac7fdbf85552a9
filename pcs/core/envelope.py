"""What one line may use: its limit now, the margin that its measurement needs, and what is safe without measuring.

Limits compose by the minimum, because each has lines of its own. The margin is an error budget (DESIGN section 5).
"""

from dataclasses import dataclass
from math import radians, sqrt, tan

from pcs.core.policy import Line, Policy
from pcs.model.limit import Direction, Limit
from pcs.model.site import MeterSpec

COVERAGE = 2.0
"""Coverage factor k of the error budget: about 95 % for a normal distribution."""
CUSHION_SHARE = 0.0025
"""Of the controlled nameplate: room for the meter's noise, and it keeps the flow away from zero, where an open CT could
not be told from success. Vendors take 1 to 6.5 % (reference controllers study section 4) because their loops ripple."""
CREEPS = 3.0
"""DESIGN section 6: the cushion is at least three times the creep below which the meter shows zero."""
CUSHION_LEAST_W = 20.0
WORST_TAN_PHI = 0.48
"""Reactive share of the flow at a power factor of 0.9, for the CT's phase error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """The error budget of one limit, watts: `measurement_w` scales with the flow, `cushion_w` is always kept."""

    measurement_w: float
    cushion_w: float

    @property
    def total_w(self) -> float:
        """What is kept free below the limit."""
        return self.measurement_w + self.cushion_w

    @property
    def inner_w(self) -> float:
        """The part that flow must not use: inside it the caps go down, between it and `total_w` they rest."""
        return self.measurement_w + 0.5 * self.cushion_w


NOTHING_KEPT = Margin(measurement_w=0.0, cushion_w=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What must hold on one line now. `limit_w` None: it is not limited at this moment."""

    limit_w: float | None
    margin: Margin


def margin(limit: Limit, meter: MeterSpec, nameplate_w: float, resolution_w: float = 1.0) -> Margin:
    """The error budget of a limit in watts, measured by one meter, at the limit's own value (watts)."""
    return error_budget(limit, (meter,), limit.value or 0.0, nameplate_w, resolution_w)


def error_budget(
    limit: Limit, meters: tuple[MeterSpec, ...], flow_w: float, size_w: float, resolution_w: float = 1.0
) -> Margin:
    """The error budget (watts): k·√(meter² + CT² + (tan φ·δ)²)·flow + resolution, and the cushion.

    Source: DESIGN section 5; classes come from the site file. Meters that are summed err independently, each with up to
    the whole flow. `size_w` is what the limit can bound at all. `margin_w` of the limit replaces all of it.
    """
    if limit.margin_w is not None:
        return Margin(measurement_w=0.0, cushion_w=limit.margin_w)
    squares = sum(
        (m.class_pct / 100) ** 2
        + (m.ct.class_pct / 100) ** 2
        + (WORST_TAN_PHI * tan(radians(m.ct.phase_error_deg))) ** 2
        for m in meters
    )
    creep_w = max((m.creep_w for m in meters), default=0.0)
    return Margin(
        measurement_w=COVERAGE * sqrt(squares) * flow_w + resolution_w * max(1, len(meters)),
        cushion_w=max(CUSHION_LEAST_W, CUSHION_SHARE * size_w, CREEPS * creep_w),
    )


def envelope(line: Line, policy: Policy, limit_w: float | None) -> Envelope:
    """What must hold on the line while its limit is `limit_w` (watts on its channel; None: not limited)."""
    if limit_w is None:
        return Envelope(limit_w=None, margin=NOTHING_KEPT)
    meters = tuple(policy.meters[number] for number, _ in line.meter_signs)
    return Envelope(limit_w=limit_w, margin=error_budget(line.limit, meters, limit_w, line.size_w))


def safe_total_w(line: Line, envelope_: Envelope, policy: Policy, reserved_w: float) -> float | None:
    """What the obeying DERs may put on the line when nothing is known of the flow (W); None: unlimited.

    No credit for load beyond `credited_min_load_w`; sources that nobody controls and DERs that do not obey
    (`reserved_w`) count at nameplate (DESIGN section 6). The meter's error does not matter here, the cushion does.
    Towards import nothing is known of the load, so nothing is drawn but what is declared for the safe state.
    """
    if envelope_.limit_w is None:
        return None
    if line.limit.direction is Direction.IMPORT:
        ders = policy.controlled
        return sum(line.weights[n] * min(ders[n].failsafe_charge_w, ders[n].charge_w) for n in line.members)
    credited_w = policy.tuning.credited_min_load_w if line.point.id == "poi" else 0.0
    if line.phase is not None:
        credited_w /= policy.phases
    free_w = envelope_.limit_w - envelope_.margin.cushion_w + credited_w
    return max(0.0, free_w - line.uncontrolled_w - reserved_w)
