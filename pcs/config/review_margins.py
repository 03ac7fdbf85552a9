"""The margin of a limit as an error budget, item by item, as the controller works it out."""

from dataclasses import dataclass, replace

from pcs.core.envelope import Margin, error_budget
from pcs.core.line_state import at_start
from pcs.core.policy import Line, Policy, policy_for
from pcs.model.limit import Limit
from pcs.model.site import CurrentTransformer, MeterSpec, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBudget:
    """What is kept free below a limit (W). Meter, CT ratio and CT phase error add as the root of their squares.

    `given`: the site file states the margin, and nothing is computed. Of a limit per conductor it is the largest.
    """

    given: bool
    meter_w: float
    ct_ratio_w: float
    ct_phase_w: float
    resolution_w: float
    cushion_w: float
    total_w: float


def error_budgets(site: Site) -> tuple[ErrorBudget | None, ...]:
    """The budget of every limit, at its usual value, in the order of the site file; None where it bounds nothing."""
    policy = policy_for(site)
    largest: dict[int, ErrorBudget] = {}
    for line, bounded, _ in at_start(policy):
        budget = _itemised(policy, line, bounded.limit_w or 0.0)
        known = largest.get(line.limit_number)
        if known is None or budget.total_w > known.total_w:
            largest[line.limit_number] = budget
    return tuple(largest.get(number) for number in range(len(site.limits)))


def _itemised(policy: Policy, line: Line, flow_w: float) -> ErrorBudget:
    meters = tuple(policy.meters[number] for number, _ in line.meter_signs)
    plain = tuple(replace(m, class_pct=0.0, ct=replace(m.ct, class_pct=0.0, phase_error_deg=0.0)) for m in meters)

    def budget(of: tuple[MeterSpec, ...], limit: Limit = line.limit) -> Margin:
        return error_budget(limit, of, flow_w, line.size_w)

    whole, bare = budget(meters), budget(plain)
    with_meter = tuple(replace(p, class_pct=m.class_pct) for p, m in zip(plain, meters, strict=True))
    with_ratio = tuple(
        replace(p, ct=CurrentTransformer(class_pct=m.ct.class_pct)) for p, m in zip(plain, meters, strict=True)
    )
    with_phase = tuple(
        replace(p, ct=CurrentTransformer(phase_error_deg=m.ct.phase_error_deg))
        for p, m in zip(plain, meters, strict=True)
    )
    return ErrorBudget(
        given=line.limit.margin_w is not None,
        meter_w=budget(with_meter).measurement_w - bare.measurement_w,
        ct_ratio_w=budget(with_ratio).measurement_w - bare.measurement_w,
        ct_phase_w=budget(with_phase).measurement_w - bare.measurement_w,
        resolution_w=bare.measurement_w,
        cushion_w=whole.cushion_w,
        total_w=whole.total_w,
    )
