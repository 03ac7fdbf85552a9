"""The most that crossing lines allow: a small exact simplex that starts where fair shares left off.

Fair shares waste nothing where lines lie inside each other. Where they cross, one watt of one DER may stand in the way
of two of others. `is_most` proves for the usual cases that nothing can be gained; otherwise `most` moves along the
edges of what is allowed until nothing can be gained any more: orders before later ones, each without loss to those
before it (lexicographic). DERs with the same weights on all lines stand for each other and count as one variable, and
only lines that are used up, or would be, take part: a handful of each.

Method: primal simplex with bounded variables (Dantzig, Linear Programming and Extensions, 1963, chapter 18), which may
start from any allowed point; Bland's rule (Mathematics of Operations Research 2, 1977, 103) ends it for certain.
"""

TINY_W = 1e-9
FULL_W = 1e-6
"""A line with less room than a microwatt is used up; fair filling sums up some 64 floats of 1e5 W."""
TINY = 1e-9
NEVER = float("inf")
PIVOTS = 8
"""So many pivots for each variable and line: the dearest gain goes first for half of them, then the rule that ends."""

Column = tuple[tuple[int, float], ...]
"""One DER: the lines that it is on, and its weight there."""


def is_most(
    bounds_w: list[float],
    leasts_w: list[float],
    goals_w: list[float],
    served: list[list[int]],
    slack_w: list[float],
    members: tuple[tuple[tuple[int, float], ...], ...],
) -> bool:
    """Whether the sum of the last order surely is the most that it can be (sufficient, not necessary).

    Proof by prices on used-up lines: in the last order whoever is not met costs at least what it brings, and whoever
    might give way costs no more; in each order before, an exchange would save nothing.
    """
    unmet = {k for k in served[-1] if bounds_w[k] < goals_w[k] - TINY_W}
    if not unmet:
        return True
    full = []
    for number, left_w in enumerate(slack_w):
        if left_w <= FULL_W:
            covers = [k for k, _ in members[number] if k in unmet]
            if covers:
                full.append((-len(covers), len(members[number]), number, covers))
    full.sort()
    costs: dict[int, float] = {}
    open_ = set(unmet)
    for _, _, number, covers in full:
        if open_.isdisjoint(covers):
            continue
        open_.difference_update(covers)
        heaviest = max([w for k, w in members[number] if k in unmet])
        for k, w in members[number]:
            costs[k] = costs.get(k, 0.0) + w / heaviest
    if open_ or min([costs[k] for k in unmet]) < 1.0 - TINY:
        return False
    for group in served:
        dear = [costs.get(k, 0.0) for k in group if bounds_w[k] < goals_w[k] - TINY_W]
        given = [costs.get(k, 0.0) for k in group if bounds_w[k] > leasts_w[k] + TINY_W]
        least = 1.0 if group is served[-1] else min(dear, default=NEVER)
        if max(given, default=0.0) > least + TINY:
            return False
    return True


def most(
    bounds_w: list[float],
    leasts_w: list[float],
    goals_w: list[float],
    weights_w: list[float],
    served: list[list[int]],
    slack_w: list[float],
    columns: tuple[Column, ...],
) -> None:
    """Raise the sum of the last order of `served` to the most there is, without loss to the orders before it.

    Works in place on `bounds_w` and `slack_w`; what DERs with the same column get is shared pro rata to weight.
    """
    alike: dict[tuple[int, Column], list[int]] = {}
    for order, group in enumerate(served):
        for k in group:
            if all(slack_w[number] >= -FULL_W for number, _ in columns[k]):  # else it is at its least for good
                alike.setdefault((order, columns[k]), []).append(k)
    keys = list(alike)
    now_w = [sum([bounds_w[k] - leasts_w[k] for k in alike[key]]) for key in keys]
    rooms_w = [sum([max(goals_w[k], bounds_w[k]) - leasts_w[k] for k in alike[key]]) for key in keys]
    orders = [order for order, _ in keys]
    part = {number for number, left_w in enumerate(slack_w) if -FULL_W <= left_w <= FULL_W}
    for _ in range(len(slack_w) + 1):  # lines that the gain would use up join in; each can do so once
        numbers = sorted(part)
        found_w = _Tableau([dict(c) for _, c in keys], numbers, orders, now_w, rooms_w, slack_w).best(len(served))
        left_w = list(slack_w)
        for (_, column), was_w, is_w in zip(keys, now_w, found_w, strict=True):
            if is_w != was_w:
                for number, w in column:
                    left_w[number] -= w * (is_w - was_w)
        beyond = {n for n, w in enumerate(left_w) if w < min(0.0, slack_w[n]) - FULL_W} - part
        if not beyond:
            break
        part |= beyond
    else:
        return
    for key, was_w, is_w in zip(keys, now_w, found_w, strict=True):
        if abs(is_w - was_w) > TINY_W:
            _spread(bounds_w, leasts_w, goals_w, weights_w, alike[key], is_w)
    slack_w[:] = [0.0 if n in part and abs(w) <= FULL_W else w for n, w in enumerate(left_w)]


def _spread(
    bounds_w: list[float],
    leasts_w: list[float],
    goals_w: list[float],
    weights_w: list[float],
    group: list[int],
    total_w: float,
) -> None:
    """Share what a group of equals gets, above their least, pro rata to weight."""
    due = sorted([((max(goals_w[k], bounds_w[k]) - leasts_w[k]) / weights_w[k], k) for k in group])
    weight_w = sum([weights_w[k] for k in group])
    for level, k in due:
        fair = total_w / weight_w if weight_w > 0.0 else 0.0
        got_w = weights_w[k] * min(level, fair)
        bounds_w[k] = leasts_w[k] + got_w
        total_w = max(0.0, total_w - got_w)
        weight_w -= weights_w[k]


class _Tableau:
    """A simplex tableau: variables are groups of equals, then the slack of each line (watts, both above their least).

    Lives for one call; it is the one mutable thing of the core, because a pivot touches every number of it.
    """

    def __init__(
        self,
        columns: list[dict[int, float]],
        numbers: list[int],
        orders: list[int],
        now_w: list[float],
        rooms_w: list[float],
        slack_w: list[float],
    ) -> None:
        width = len(columns)
        self.body = [
            [c.get(number, 0.0) for c in columns] + [1.0 if m == n else 0.0 for m in range(len(numbers))]
            for n, number in enumerate(numbers)
        ]
        self.basic = list(range(width, width + len(numbers)))
        self.value_w = now_w + [max(0.0, slack_w[number]) for number in numbers]
        self.room_w = rooms_w + [NEVER] * len(numbers)
        self.orders = orders
        self.gain: list[float] = []

    def best(self, orders: int) -> list[float]:
        """What each group gets when every order, one after the other, gets the most it can."""
        width, height = len(self.orders), len(self.body)
        free = list(range(width + height))
        for order in range(orders):
            self.gain = [1.0 if o == order else 0.0 for o in self.orders] + [0.0] * height
            for row, basic in zip(self.body, self.basic, strict=True):
                if self.gain[basic]:
                    factor = self.gain[basic]
                    self.gain = [g - factor * x for g, x in zip(self.gain, row, strict=True)]
            for n in range(PIVOTS * (width + height)):
                if not self._moved(free, n > PIVOTS // 2 * (width + height)):
                    break
            free = [j for j in free if abs(self.gain[j]) <= TINY]  # the rest would cost this order something
        return self.value_w[:width]

    def _moved(self, free: list[int], first: bool) -> bool:
        """One step along an edge that gains; False when there is none."""
        entering, way, dearest = -1, 0.0, TINY
        basic = set(self.basic)
        for j in free:
            g = self.gain[j]
            if abs(g) <= dearest or j in basic:
                continue
            if (g > 0.0 and self.value_w[j] < self.room_w[j] - TINY_W) or (g < 0.0 and self.value_w[j] > TINY_W):
                entering, way, dearest = j, 1.0 if g > 0.0 else -1.0, abs(g)
                if first:
                    break
        if entering < 0:
            return False
        step_w = self.room_w[entering] - self.value_w[entering] if way > 0.0 else self.value_w[entering]
        leaving = -1
        for n, row in enumerate(self.body):
            slope, j = way * row[entering], self.basic[n]
            if abs(slope) <= TINY:
                continue
            left_w = self.value_w[j] if slope > 0.0 else self.room_w[j] - self.value_w[j]
            ratio_w = max(0.0, left_w) / abs(slope)
            if ratio_w < step_w - TINY_W or (leaving >= 0 and ratio_w <= step_w and j < self.basic[leaving]):
                step_w, leaving = ratio_w, n
        for n, row in enumerate(self.body):
            self.value_w[self.basic[n]] -= way * row[entering] * step_w
        self.value_w[entering] += way * step_w
        if leaving >= 0:
            self._pivot(leaving, entering)
        else:  # it went all the way to its own bound
            self.value_w[entering] = self.room_w[entering] if way > 0.0 else 0.0
        return True

    def _pivot(self, leaving: int, entering: int) -> None:
        j = self.basic[leaving]
        self.value_w[j] = 0.0 if self.value_w[j] < 0.5 * self.room_w[j] else self.room_w[j]
        scale = self.body[leaving][entering]
        pivot = self.body[leaving] = [x / scale for x in self.body[leaving]]
        for n, row in enumerate(self.body):
            factor = row[entering]
            if n != leaving and factor:
                self.body[n] = [x - factor * p for x, p in zip(row, pivot, strict=True)]
        factor = self.gain[entering]
        self.gain = [x - factor * p for x, p in zip(self.gain, pivot, strict=True)]
        self.basic[leaving] = entering
