"""The budgets of all lines, shared out: a bound for every DER that obeys, so that every line holds.

Claims are served by order, within one order pro rata to weight (progressive filling: all grow alike until a line is
used up or a claim is met). What can help, storage that is told to absorb, starts at its least, so it gives room before
anybody is curtailed, and rises back only into what is left. Then the rest goes to those that cannot use it now: the
bounds use the budgets up, so a returning sun meets caps that hold.
"""

from dataclasses import dataclass

TINY_W = 1e-9
DROPS = 8
"""How many chargers are paused one after the other before all that cannot reach their least current are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One DER that obeys (watts): `want_w` is what it can use now, `least_w` (<= 0) how far it can help.

    Its bound is at most `most_w`, and 0 or at least `grain_w` (a charger's least current). `order`: served before
    others with a higher one.
    """

    weight_w: float
    most_w: float
    want_w: float
    least_w: float = 0.0
    grain_w: float = 0.0
    order: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: the weighted sum of the bounds of its members (number, weight) must not exceed `total_w`."""

    members: tuple[tuple[int, float], ...]
    total_w: float


def dispatch(rows: tuple[Row, ...], claims: tuple[Claim, ...]) -> tuple[float, ...]:
    """Bounds in watts, in the order of the claims; no row exceeds its total while a member can give way."""
    bounds_w = _fill_all(rows, claims)
    for n in range(len(claims)):
        short = [k for k, c in enumerate(claims) if TINY_W < bounds_w[k] < c.grain_w - TINY_W]
        if not short:
            break
        last = short if n >= DROPS else [max(short, key=lambda k: (claims[k].order, k))]
        claims = tuple(_paused(c) if k in last else c for k, c in enumerate(claims))
        bounds_w = _fill_all(rows, claims)
    return tuple(bounds_w)


def share(total_w: float, weights_w: tuple[float, ...]) -> tuple[float, ...]:
    """`total_w` pro rata to the weights (watts): the safe set, where nothing is known of anybody's use."""
    whole_w = sum(weights_w)
    return tuple(min(w, total_w * w / whole_w) if whole_w > 0.0 else 0.0 for w in weights_w)


def _paused(claim: Claim) -> Claim:
    return Claim(weight_w=claim.weight_w, most_w=0.0, want_w=0.0, least_w=claim.least_w, order=claim.order)


def _fill_all(rows: tuple[Row, ...], claims: tuple[Claim, ...]) -> list[float]:
    bounds_w = [c.least_w for c in claims]
    slack_w = [r.total_w - sum(w * bounds_w[k] for k, w in r.members) for r in rows]
    in_rows: list[list[tuple[int, float]]] = [[] for _ in claims]
    for number, row in enumerate(rows):
        for k, w in row.members:
            in_rows[k].append((number, w))
    orders = sorted({c.order for c in claims})
    for met in (True, False):
        for order in orders:
            group = [k for k, c in enumerate(claims) if c.order == order]
            goals_w = {k: min(claims[k].want_w, claims[k].most_w) if met else claims[k].most_w for k in group}
            _fill(bounds_w, goals_w, slack_w, in_rows, claims)
    return bounds_w


def _fill(
    bounds_w: list[float],
    goals_w: dict[int, float],
    slack_w: list[float],
    in_rows: list[list[tuple[int, float]]],
    claims: tuple[Claim, ...],
) -> None:
    """Raise the bounds towards their goals, pro rata to weight, until lines or goals stop them."""
    growing = {k for k, goal_w in goals_w.items() if goal_w > bounds_w[k] + TINY_W and claims[k].weight_w > 0.0}
    speed = [0.0] * len(slack_w)  # how fast each line is used up per unit of level
    for k in growing:
        for number, w in in_rows[k]:
            speed[number] += w * claims[k].weight_w
    for k in [k for k in growing if any(slack_w[number] <= TINY_W for number, _ in in_rows[k])]:
        _stop(k, growing, speed, in_rows, claims)
    due = sorted((((goals_w[k] - bounds_w[k]) / claims[k].weight_w, k) for k in growing), reverse=True)
    level = 0.0
    while growing:
        while due and due[-1][1] not in growing:
            due.pop()
        step = due[-1][0] - level
        tight = [number for number, v in enumerate(speed) if v > TINY_W]
        least = min((slack_w[number] / speed[number] for number in tight), default=step)
        step = max(0.0, min(step, least))
        level += step
        for number in tight:
            slack_w[number] -= speed[number] * step
        for k in growing:
            bounds_w[k] += claims[k].weight_w * step
        full = {number for number in tight if slack_w[number] <= TINY_W * (1.0 + speed[number])}
        met = [k for k in growing if bounds_w[k] >= goals_w[k] - TINY_W or any(n in full for n, _ in in_rows[k])]
        for k in met or [due[-1][1]]:
            if bounds_w[k] >= goals_w[k] - TINY_W:
                bounds_w[k] = goals_w[k]
            _stop(k, growing, speed, in_rows, claims)


def _stop(
    k: int, growing: set[int], speed: list[float], in_rows: list[list[tuple[int, float]]], claims: tuple[Claim, ...]
) -> None:
    growing.discard(k)
    for number, w in in_rows[k]:
        speed[number] -= w * claims[k].weight_w
