"""The budget, shared out: a cap for every DER that obeys, so that their sum never exceeds the budget.

Shares are pro rata to nameplate. A DER that the sun limits keeps what it can use and a little room; the rest goes to
those that can use it. The caps always add up to the budget, so a returning sun meets caps that hold.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One obeying DER: `most_w` bounds its cap (rating, foreign limits), `want_w` is what it can use now (watts)."""

    weight_w: float
    most_w: float
    want_w: float


def dispatch(budget_w: float, claims: tuple[Claim, ...]) -> tuple[float, ...]:
    """Caps in watts, in the order of the claims; their sum is min(budget, sum of `most_w`)."""
    caps = _fill(max(0.0, budget_w), claims, tuple(min(c.want_w, c.most_w) for c in claims), (0.0,) * len(claims))
    left_w = budget_w - sum(caps)
    return _fill(left_w, claims, tuple(c.most_w for c in claims), caps) if left_w > 0.0 else caps


def share(total_w: float, weights_w: tuple[float, ...]) -> tuple[float, ...]:
    """`total_w` pro rata to the weights (watts): the safe set, where nothing is known of anybody's use."""
    whole_w = sum(weights_w)
    return tuple(min(w, total_w * w / whole_w) if whole_w > 0.0 else 0.0 for w in weights_w)


def _fill(
    budget_w: float, claims: tuple[Claim, ...], ceilings_w: tuple[float, ...], caps_w: tuple[float, ...]
) -> tuple[float, ...]:
    """Raise `caps_w` pro rata to weight until the budget is used or every ceiling is met (water filling)."""
    caps = list(caps_w)
    open_ = [k for k in range(len(claims)) if ceilings_w[k] > caps[k]]
    while open_ and budget_w > 1e-9:
        weight_w = sum(claims[k].weight_w for k in open_)
        full = [k for k in open_ if (ceilings_w[k] - caps[k]) * weight_w <= budget_w * claims[k].weight_w]
        if not full:
            for k in open_:
                caps[k] += budget_w * claims[k].weight_w / weight_w
            break
        for k in full:
            budget_w -= ceilings_w[k] - caps[k]
            caps[k] = ceilings_w[k]
        open_ = [k for k in open_ if k not in full]
    return tuple(caps)
