"""What is declared: how long a limit may be exceeded after something moved, by profile timings and the design.

Without a fault that is `pcs.core.predict`: the meter's window, period and link, and the whole movement of the slowest
plant that the profiles vouch for. A fault adds its detection time while it lasts.
"""

from math import inf

from pcs.core.predict import PartKind, lead_s, predict
from pcs.model.limit import Limit
from pcs.model.site import Site
from tests.campaign.happenings import Costs, Happening

LOST_S, PERIODS = 2.0, 3.5
"""DESIGN section 6: safe at max(2 s, three periods), with the jitter of a period."""
STARTS_S = 6.0
"""A process that starts: identification with its pauses of up to 5 s, and the first commands."""
MEET_AGAIN_S = 5.0 + 1.0 + 2.0
"""A DER that was away: it is identified again every 5 s, a request takes its deadline, a write is tried every 2 s."""
_SEEING = (PartKind.WINDOW, PartKind.UPDATE, PartKind.BUS, PartKind.COMPUTE)


def response_s(site: Site, limit: Limit) -> float:
    """From a step to the flow inside the limit, with nothing out of order."""
    seen = predict(site, limit)
    detection_s = sum(p.time_s for p in seen.restrict if p.kind in _SEEING) if seen else 0.5
    return detection_s + lead_s(site, limit)


def detection_s(site: Site, limit: Limit, costs: Costs) -> float:
    """What a fault adds while it lasts."""
    period_s = site.meters[0].update_s or 1.0
    deadline_s = site.meters[0].profile.link.deadline_s
    match costs:
        case Costs.METER_LOST:
            return max(LOST_S, PERIODS * period_s) + period_s + deadline_s
        case Costs.DER_LOST:  # silent after 2 s; disobedient after two steps without effect, each a settling time
            return LOST_S + MEET_AGAIN_S + 2.0 * lead_s(site, limit)
        case Costs.CAP_DROPPED:
            return site.tuning.verify_s + 1.0
        case Costs.NOBODY:
            return STARTS_S
        case Costs.UNDECLARED:
            return inf
        case _:
            return 0.0


def allowed_s(site: Site, limit: Limit, happenings: tuple[Happening, ...], at_s: float) -> float:
    """How long ago at most something may have moved, for the limit to be exceeded at this instant."""
    base_s = response_s(site, limit)
    total_s = base_s
    for happening in happenings:
        added_s = detection_s(site, limit, happening.kind.costs)
        after_s = base_s if added_s == inf else base_s + added_s
        if happening.at_s <= at_s <= happening.ends_s + after_s:
            total_s += added_s
    return total_s
