"""The bounds against a linear program: what each order gets, one after the other, is the most that there is.

`DISPATCH_CASES=20000` tries that many seeds instead of the few that belong to every change.
"""

import os
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from scipy.optimize import linprog

from pcs.core.dispatch import Claim, Row, dispatch
from pcs.core.service import shares
from pcs.model.site import System

CASES = int(os.environ.get("DISPATCH_CASES", "150"))
CONNECTIONS = {
    System.SINGLE: [None],
    System.SPLIT: ["L1N", "L2N", "L1L2", None],
    System.WYE: ["L1N", "L2N", "L3N", "L1L2", "L2L3", "L3L1", "L123"],
    System.DELTA: ["L1L2", "L2L3", "L3L1", "L123"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...]


def nested(random: Random, most_ders: int = 14) -> Case:
    """Points inside points, each with limits for the sum or the conductors, in watts or amperes; absorbers, orders."""
    system = random.choice(list(System))
    parents: list[int | None] = [None, *(random.randint(0, n) for n in range(random.randint(0, 4)))]
    ders = [
        (random.randrange(len(parents)), random.choice(CONNECTIONS[system]))
        for _ in range(random.randint(1, most_ders))
    ]
    sizes_w = [random.choice([1.0, 3.0, 10.0, 50.0]) * 1000.0 * random.uniform(0.9, 1.1) for _ in ders]
    orders = random.choice([(0,), (0, 2), (0, 1, 2)])
    claims = []
    for size_w in sizes_w:
        storage = random.random() < 0.4
        claims.append(
            Claim(
                weight_w=size_w,
                most_w=size_w * random.choice([0.0, 0.5, 1.0, 1.0]),
                want_w=size_w * random.uniform(0.0, 1.2),
                least_w=-size_w * random.choice([0.0, random.random()]) if storage else 0.0,
                order=random.choice(orders),
            )
        )
    rows = []
    for point in range(len(parents)):
        behind = [k for k, (at, _) in enumerate(ders) if _inside(at, point, parents)]
        for _ in range(random.randint(0, 2)):
            conductor, amperes = random.random() < 0.6, random.random() < 0.5
            for phase in range(len(shares(system, None, False))) if conductor else (None,):
                members = tuple(
                    (k, 1.0 if phase is None else w)
                    for k in behind
                    for w in [shares(system, ders[k][1], amperes)[phase or 0]]
                    if phase is None or w > 0.0
                )
                whole_w = sum(w * sizes_w[k] for k, w in members)
                rows.append(Row(members=members, total_w=whole_w * random.uniform(-0.2, 0.9)))
    return Case(rows=tuple(rows), claims=tuple(claims))


def _inside(at: int | None, point: int, parents: list[int | None]) -> bool:
    while at is not None and at != point:
        at = parents[at]
    return at == point


def best_w(case: Case) -> dict[int, float]:
    """The most that each order can be given, one after the other (HiGHS). Lines that nobody can hold: all at least."""
    claims = case.claims
    a = np.zeros((len(case.rows), len(claims)))
    b = np.zeros(len(case.rows))
    for n, row in enumerate(case.rows):
        for k, w in row.members:
            a[n, k] = w
        b[n] = max(row.total_w, sum(w * claims[k].least_w for k, w in row.members))
    limits = [(c.least_w, max(c.least_w, min(c.want_w, c.most_w))) for c in claims]
    found: dict[int, float] = {}
    for order in sorted({c.order for c in claims}):
        gain = np.array([1.0 if c.order == order else 0.0 for c in claims])
        result = linprog(-gain, A_ub=a if len(a) else None, b_ub=b if len(b) else None, bounds=limits)
        assert result.status == 0, result.message
        found[order] = -result.fun
        a = np.vstack([a, -gain])
        b = np.append(b, result.fun + 1e-7 * max(1.0, abs(result.fun)))
    return found


@pytest.mark.parametrize("slice_", range(5))
def test_each_order_gets_the_most_that_a_linear_program_finds(slice_: int) -> None:
    for seed in range(slice_, CASES, 5):
        case = nested(Random(seed))
        bounds_w = dispatch(case.rows, case.claims)
        scale_w = max(1.0, sum(c.weight_w for c in case.claims))
        for n, row in enumerate(case.rows):
            least_w = sum(w * case.claims[k].least_w for k, w in row.members)
            used_w = sum(w * bounds_w[k] for k, w in row.members)
            assert used_w <= max(row.total_w, least_w) + 1e-9 * scale_w, (seed, n)
        for c, bound_w in zip(case.claims, bounds_w, strict=True):
            assert c.least_w - 1e-6 <= bound_w <= max(c.least_w, c.most_w) + 1e-6, seed
        for order, most_w in best_w(case).items():
            got_w = sum(
                min(bound_w, max(c.least_w, min(c.want_w, c.most_w)))
                for c, bound_w in zip(case.claims, bounds_w, strict=True)
                if c.order == order
            )
            assert got_w == pytest.approx(most_w, rel=1e-3, abs=1e-6 * scale_w), (seed, order)
            assert bounds_w == dispatch(case.rows, case.claims), "the same case, the same bounds"
