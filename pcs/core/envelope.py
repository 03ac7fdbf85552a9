"""All limits into the one that binds at the point, and the margin that its measurement needs.

Limits compose by the minimum; whoever set the tightest is named. The margin is an error budget (DESIGN section 5).
"""

from dataclasses import dataclass
from math import radians, sqrt, tan

from pcs.core.policy import Policy
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What must hold at the point now. `export_limit_w` None: export is not limited."""

    export_limit_w: float | None
    binding: Limit | None
    margin: Margin


def margin(limit: Limit, meter: MeterSpec, nameplate_w: float, resolution_w: float = 1.0) -> Margin:
    """The error budget of a limit (watts): k·√(meter² + CT² + (tan φ·δ)²)·flow + resolution, and the cushion.

    Source: DESIGN section 5; classes come from the site file. `margin_w` of the limit replaces all of it.
    """
    if limit.margin_w is not None:
        return Margin(measurement_w=0.0, cushion_w=limit.margin_w)
    share = sqrt(
        (meter.class_pct / 100) ** 2
        + (meter.ct.class_pct / 100) ** 2
        + (WORST_TAN_PHI * tan(radians(meter.ct.phase_error_deg))) ** 2
    )
    return Margin(
        measurement_w=COVERAGE * share * (limit.value or 0.0) + resolution_w,
        cushion_w=max(CUSHION_LEAST_W, CUSHION_SHARE * nameplate_w, CREEPS * meter.creep_w),
    )


def envelope(policy: Policy) -> Envelope:
    """The tightest export limit at the point, by minimum over all that are stated."""
    exports = [limit for limit in policy.limits if limit.direction is Direction.EXPORT and limit.value is not None]
    if not exports:
        return Envelope(export_limit_w=None, binding=None, margin=Margin(measurement_w=0.0, cushion_w=0.0))
    budgets = [margin(limit, policy.meter, policy.nameplate_w) for limit in exports]
    k = min(range(len(exports)), key=lambda i: (exports[i].value or 0.0) - budgets[i].total_w)
    return Envelope(export_limit_w=exports[k].value, binding=exports[k], margin=budgets[k])


def safe_total_w(envelope_: Envelope, policy: Policy, reserved_w: float) -> float | None:
    """What the obeying DERs may inject together when nothing is known of the load (W); None: unlimited.

    No credit for load beyond `credited_min_load_w`; sources that nobody controls and DERs that do not obey
    (`reserved_w`) count at nameplate (DESIGN section 6). The meter's error does not matter here, the cushion does.
    """
    if envelope_.export_limit_w is None:
        return None
    free_w = envelope_.export_limit_w - envelope_.margin.cushion_w + policy.tuning.credited_min_load_w
    return max(0.0, free_w - policy.uncontrolled_w - reserved_w)
