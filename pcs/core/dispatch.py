"""The budgets of all lines, shared out: a bound for every DER that obeys, so that every line holds.

Claims are served by order, within one order pro rata to weight (progressive filling: all grow alike until a line is
used up or a claim is met). Where lines cross, as conductors do under units between two of them, that alone may waste
room; then the least is moved that makes the sum of each order the most that there is (`pcs.core.most`). What can help,
storage that is told to absorb, starts at its least, so it gives room before anybody is curtailed, and rises back only
into what is left. At last the rest goes to those that cannot use it now: the bounds use the budgets up, so a returning
sun meets caps that hold.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pcs.core.most import Column, is_most, most

TINY_W = 1e-9
NEVER = float("inf")


class Claim(NamedTuple):
    """One DER that obeys (watts): `want_w` is what it can use now, `least_w` (<= 0) how far it can help.

    Its bound is at most `most_w`, and 0 or at least `grain_w` (a charger's least current). `order`: served before
    others with a higher one. `runs`: it has its grain already, and keeps it before others of its order get more.
    `served_s`: when it last used its grain, or got it; who waits longest gets the next one.
    """

    weight_w: float
    most_w: float
    want_w: float
    least_w: float = 0.0
    grain_w: float = 0.0
    order: int = 0
    runs: bool = False
    served_s: float = -NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: the weighted sum of the bounds of its members (number, weight) must not exceed `total_w`."""

    members: tuple[tuple[int, float], ...]
    total_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Which claims are on which lines: `members` of each line (claim, weight), and the same by claim: `columns`."""

    members: tuple[tuple[tuple[int, float], ...], ...]
    columns: tuple[Column, ...]


def grid(members: tuple[tuple[tuple[int, float], ...], ...], count: int) -> Grid:
    """The grid of these lines for `count` claims."""
    columns: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for number, line in enumerate(members):
        for k, w in line:
            columns[k].append((number, w))
    return Grid(members=members, columns=tuple(map(tuple, columns)))


def dispatch(rows: tuple[Row, ...], claims: tuple[Claim, ...]) -> tuple[float, ...]:
    """Bounds in watts, in the order of the claims; no row exceeds its total while a member can give way."""
    return dispatch_on(grid(tuple(r.members for r in rows), len(claims)), [r.total_w for r in rows], claims)


def dispatch_on(lines: Grid, totals_w: list[float], claims: tuple[Claim, ...]) -> tuple[float, ...]:
    """The same on a grid that is known; a total of infinity: the line does not hold now."""
    bounds_w = _fill_all(lines, totals_w, claims)
    short = _short(claims, bounds_w)
    if any(claims[k].runs for k in short):  # a watt less for all must not pause a car, which takes long to return
        keeping = _keeping(claims, short)
        kept_w = _fill_all(lines, totals_w, keeping)
        if not any(claims[k].runs for k in _short(keeping, kept_w)):
            claims, bounds_w = keeping, kept_w
            short = _short(claims, bounds_w)
    if not short:
        return tuple(bounds_w)
    short.sort(key=lambda k: (claims[k].order, claims[k].want_w <= 0.0, claims[k].served_s, k))
    few, many = 0, len(short)  # so many of the last are paused: not enough, enough
    best_w = _fill_all(lines, totals_w, _paused(claims, short))
    while many - few > 1:
        paused = (few + many) // 2
        bounds_w = _fill_all(lines, totals_w, _paused(claims, short[-paused:]))
        if _short(claims, bounds_w):
            few = paused
        else:
            many, best_w = paused, bounds_w
    while left := _short(claims, best_w):  # a charger that had enough before, and has less since the others moved
        short += left  # one more in each turn, so this ends with all of them paused
        best_w = _fill_all(lines, totals_w, _paused(claims, short))
    return tuple(best_w)


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


def _keeping(claims: tuple[Claim, ...], short: list[int]) -> tuple[Claim, ...]:
    """The running ones that would be short claim their grain and no more."""
    made = list(claims)
    for k in short:
        if made[k].runs:
            made[k] = made[k]._replace(most_w=made[k].grain_w, want_w=made[k].grain_w)
    return tuple(made)


def _fill_all(lines: Grid, totals_w: list[float], claims: tuple[Claim, ...]) -> list[float]:
    """Every order to what it can use, best first; then every order to the most that it may get."""
    leasts_w = [c.least_w for c in claims]
    bounds_w = list(leasts_w)
    slack_w = list(totals_w)
    if any(leasts_w):
        for n, line in enumerate(lines.members):
            slack_w[n] -= sum([w * leasts_w[k] for k, w in line])
    groups: dict[int, list[int]] = {}
    for k, c in enumerate(claims):
        if c.weight_w > 0.0:
            groups.setdefault(c.order, []).append(k)
    served = [groups[order] for order in sorted(groups)]
    wants_w = [min(c.want_w, c.most_w) for c in claims]
    for n, group in enumerate(served):
        firsts = [k for k in group if claims[k].runs and claims[k].most_w <= claims[k].grain_w]
        if firsts:
            _fill(bounds_w, wants_w, firsts, slack_w, lines, claims)
        _fill(bounds_w, wants_w, group, slack_w, lines, claims)
        if not is_most(bounds_w, leasts_w, wants_w, served[: n + 1], slack_w, lines.members):
            most(bounds_w, leasts_w, wants_w, [c.weight_w for c in claims], served[: n + 1], slack_w, lines.columns)
    mosts_w = [c.most_w for c in claims]
    for group in served:
        _fill(bounds_w, mosts_w, group, slack_w, lines, claims)
    return bounds_w


def _fill(
    bounds_w: list[float],
    goals_w: list[float],
    group: list[int],
    slack_w: list[float],
    lines: Grid,
    claims: tuple[Claim, ...],
) -> None:
    """Raise the group's bounds towards their goals, pro rata to weight, until lines or goals stop them."""
    columns = lines.columns
    growing = {k for k in group if goals_w[k] > bounds_w[k] + TINY_W}
    if growing:
        for number, left_w in enumerate(slack_w):
            if left_w <= TINY_W:
                growing.difference_update([k for k, _ in lines.members[number]])
    if not growing:
        return
    due = sorted([((goals_w[k] - bounds_w[k]) / claims[k].weight_w, k) for k in growing], reverse=True)
    speed = [0.0] * len(slack_w)  # how fast each line is used up per unit of level
    count = [0] * len(slack_w)  # by how many
    for k in growing:
        for number, w in columns[k]:
            speed[number] += w * claims[k].weight_w
            count[number] += 1
    known = [0.0] * len(slack_w)  # the level up to which each line's slack is counted
    full = [slack_w[n] / speed[n] if count[n] else NEVER for n in range(len(slack_w))]
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
            stopping = [k for k, _ in lines.members[number] if k in growing]
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
