"""The budgets of all lines, shared out: a bound for every DER that obeys, so that every line holds.

Claims are served by order, within one order pro rata to weight (progressive filling: all grow alike until a line is
used up or a claim is met). Where lines cross, as conductors do under units between two of them, that alone may waste
room; then the least is moved that makes the sum of each order the most that there is (`pcs.core.most`). What can help,
storage that is told to absorb, starts at its least, so it gives room before anybody is curtailed, and rises back only
into what is left. At last the rest goes to those that cannot use it now: the bounds use the budgets up, so a returning
sun meets caps that hold.
"""

from dataclasses import dataclass

from pcs.core.most import Column, is_most, most

TINY_W = 1e-9
NEVER = float("inf")


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
    short = _short(claims, bounds_w)
    if not short:
        return tuple(bounds_w)
    short.sort(key=lambda k: (claims[k].order, k))
    few, many = 0, len(short)  # so many of the last are paused: not enough, enough
    best_w = _fill_all(rows, _paused(claims, short))
    while many - few > 1:
        paused = (few + many) // 2
        bounds_w = _fill_all(rows, _paused(claims, short[-paused:]))
        if _short(claims, bounds_w):
            few = paused
        else:
            many, best_w = paused, bounds_w
    left = _short(claims, best_w)  # a charger that had enough before, and has less since the others moved
    return tuple(best_w if not left else _fill_all(rows, _paused(claims, short + left)))


def share(total_w: float, weights_w: tuple[float, ...]) -> tuple[float, ...]:
    """`total_w` pro rata to the weights (watts): the safe set, where nothing is known of anybody's use."""
    whole_w = sum(weights_w)
    return tuple(min(w, total_w * w / whole_w) if whole_w > 0.0 else 0.0 for w in weights_w)


def _short(claims: tuple[Claim, ...], bounds_w: list[float]) -> list[int]:
    """Chargers that would get something, but less than their least current."""
    return [k for k, c in enumerate(claims) if c.grain_w and TINY_W < bounds_w[k] < c.grain_w - TINY_W]


def _paused(claims: tuple[Claim, ...], numbers: list[int]) -> tuple[Claim, ...]:
    made = list(claims)
    for k in numbers:
        c = claims[k]
        made[k] = Claim(weight_w=c.weight_w, most_w=0.0, want_w=0.0, least_w=c.least_w, order=c.order)
    return tuple(made)


def _fill_all(rows: tuple[Row, ...], claims: tuple[Claim, ...]) -> list[float]:
    """Every order to what it can use, best first; then every order to the most that it may get."""
    leasts_w = [c.least_w for c in claims]
    bounds_w = list(leasts_w)
    slack_w = [r.total_w - sum([w * bounds_w[k] for k, w in r.members]) for r in rows]
    columns: list[Column] = [[] for _ in claims]
    for number, row in enumerate(rows):
        for k, w in row.members:
            columns[k].append((number, w))
    groups: dict[int, list[int]] = {}
    for k, c in enumerate(claims):
        if c.weight_w > 0.0:
            groups.setdefault(c.order, []).append(k)
    served = [groups[order] for order in sorted(groups)]
    wants_w = [min(c.want_w, c.most_w) for c in claims]
    for n, group in enumerate(served):
        _fill(bounds_w, wants_w, group, slack_w, columns, claims, rows)
        if not is_most(bounds_w, leasts_w, wants_w, served[: n + 1], slack_w, [r.members for r in rows]):
            most(bounds_w, leasts_w, wants_w, [c.weight_w for c in claims], served[: n + 1], slack_w, columns)
    mosts_w = [c.most_w for c in claims]
    for group in served:
        _fill(bounds_w, mosts_w, group, slack_w, columns, claims, rows)
    return bounds_w


def _fill(
    bounds_w: list[float],
    goals_w: list[float],
    group: list[int],
    slack_w: list[float],
    columns: list[Column],
    claims: tuple[Claim, ...],
    rows: tuple[Row, ...],
) -> None:
    """Raise the group's bounds towards their goals, pro rata to weight, until lines or goals stop them."""
    growing = {
        k
        for k in group
        if goals_w[k] > bounds_w[k] + TINY_W and not any(slack_w[number] <= TINY_W for number, _ in columns[k])
    }
    if not growing:
        return
    due = sorted([((goals_w[k] - bounds_w[k]) / claims[k].weight_w, k) for k in growing], reverse=True)
    speed, count = [0.0] * len(rows), [0] * len(rows)  # how fast each line is used up per unit of level, by how many
    for k in growing:
        for number, w in columns[k]:
            speed[number] += w * claims[k].weight_w
            count[number] += 1
    known = [0.0] * len(rows)  # the level up to which each line's slack is counted
    full = [slack_w[n] / speed[n] if count[n] else NEVER for n in range(len(rows))]
    while growing:
        while due[-1][1] not in growing:
            due.pop()
        level = min(full, default=NEVER)
        if due[-1][0] <= level:
            level, k = due.pop()
            stopping = [k]
            bounds_w[k] = goals_w[k]
        else:
            number = full.index(level)
            stopping = [k for k, _ in rows[number].members if k in growing]
            for k in stopping:
                bounds_w[k] += claims[k].weight_w * level
        growing.difference_update(stopping)
        for k in stopping:
            for number, w in columns[k]:
                slack_w[number] -= speed[number] * (level - known[number])
                known[number] = level
                speed[number] -= w * claims[k].weight_w
                count[number] -= 1
                if not count[number]:
                    full[number], speed[number] = NEVER, 0.0
                elif slack_w[number] <= TINY_W:
                    full[number] = level
                else:
                    full[number] = level + slack_w[number] / max(speed[number], TINY_W)
