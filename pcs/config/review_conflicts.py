"""Limits that can pull the same DERs in opposite directions, and which of them then wins."""

from dataclasses import dataclass
from itertools import combinations

from pcs.core.policy import Line, Policy, policy_for
from pcs.model.limit import Limit
from pcs.model.site import Site

DEFAULT_ORDER = "conductor and thermal before export before site import before economic"
"""DESIGN section 5; `pcs.core.policy.rank_of` puts it into numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two limits that cannot always both hold, and the DERs that they share. The first wins, unless it is a tie."""

    first: Limit
    second: Limit
    der_ids: tuple[str, ...]
    is_tie: bool
    by_priority: bool
    """Whether a priority of the site file decides; else the default order does."""


def conflicts(site: Site) -> tuple[Conflict, ...]:
    """Every pair of limits of opposite direction that can contradict each other, once each."""
    policy = policy_for(site)
    found: dict[tuple[int, int], Conflict] = {}
    for one, other in combinations(policy.lines, 2):
        shared = set(one.members) & set(other.members)
        first, second = (one, other) if one.rank <= other.rank else (other, one)
        key = (first.limit_number, second.limit_number)
        if one.sign == other.sign or not shared or _one_flow(one, other) or key in found:
            continue
        found[key] = _conflict(policy, first, second, shared)
    return tuple(found[key] for key in sorted(found))


def _one_flow(one: Line, other: Line) -> bool:
    """Both bound the same flow: it cannot be beyond both at once."""
    return one.point.id == other.point.id and one.phase == other.phase


def _conflict(policy: Policy, first: Line, second: Line, shared: set[int]) -> Conflict:
    return Conflict(
        first=first.limit,
        second=second.limit,
        der_ids=tuple(policy.controlled[n].id for n in sorted(shared)),
        is_tie=first.rank == second.rank,
        by_priority=first.limit.priority is not None or second.limit.priority is not None,
    )
