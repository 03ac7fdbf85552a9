"""Several figures as one: the greatest, the average, and how they spread, with what is known of their uncertainty.

The average of n figures with standard deviation s has the standard uncertainty (JCGM 100:2008, 4.2.3 and 5.2.2)

    u^2 = s^2 / n + (mean of u_i)^2

The first part is what the repeats show (type A, n - 1 degrees of freedom). The second is what the instruments leave
open (type B): clock, delay and window are the same in each repeat, so they are taken as fully correlated and do not
shrink with n. It is expanded by Student's t at the effective degrees of freedom of Welch and Satterthwaite (G.4.1):

    U = t(0.975, nu) u,   nu = (n - 1) u^4 / (s^2 / n)^2   cut to a whole number
"""

from collections.abc import Sequence

import numpy as np

from hil.analysis.decide import COVERAGE_FACTOR
from hil.verdict.figures import Figure
from hil.verdict.model import Spread

STUDENT_T = (
    12.71,
    4.30,
    3.18,
    2.78,
    2.57,
    2.45,
    2.36,
    2.31,
    2.26,
    2.23,
    2.20,
    2.18,
    2.16,
    2.14,
    2.13,
    2.12,
    2.11,
    2.10,
)
"""t for 95 % and 1 to 18 degrees of freedom (JCGM 100:2008, table G.2)."""
STUDENT_T_FROM = (
    (1000, COVERAGE_FACTOR),
    (100, 1.984),
    (50, 2.01),
    (45, 2.01),
    (40, 2.02),
    (35, 2.03),
    (30, 2.04),
    (25, 2.06),
    (20, 2.09),
    (19, 2.09),
)
"""The same from so many degrees of freedom on."""

NO_SPREAD_SHARE = 1e-12  # of the variance: repeats that agree to the last digits have no degrees of freedom to speak of


def student_t_factor(freedom_value: float) -> float:
    """Coverage factor for 95 % at so many degrees of freedom, cut to a whole number of the table."""
    if freedom_value < len(STUDENT_T) + 1:
        return STUDENT_T[max(1, int(freedom_value)) - 1]
    return next(factor for least, factor in STUDENT_T_FROM if freedom_value >= least)


def greatest(figures: Sequence[Figure]) -> Figure:
    """The greatest figure. Its upper end is the highest of all upper ends: any of them may be the greatest."""
    most = max(figure.value for figure in figures)
    end = max(figure.value + figure.u95_value for figure in figures)
    return Figure(value=most, u95_value=end - most)


def least(figures: Sequence[Figure]) -> Figure:
    """The least figure, mirrored."""
    found = greatest([Figure(value=-figure.value, u95_value=figure.u95_value) for figure in figures])
    return Figure(value=-found.value, u95_value=found.u95_value)


def average(figures: Sequence[Figure]) -> Figure:
    """The average with its uncertainty by the formula above; of one figure the figure itself."""
    values = np.array([figure.value for figure in figures])
    n = len(values)
    if n == 1:
        return figures[0]
    mean = float(np.mean(values))
    repeat_square = float(np.var(values, ddof=1)) / n
    other = float(np.mean([figure.u95_value for figure in figures])) / COVERAGE_FACTOR
    square = repeat_square + other**2
    if repeat_square <= NO_SPREAD_SHARE * square:
        return Figure(value=mean, u95_value=COVERAGE_FACTOR * other)
    freedom = (n - 1) * (square / repeat_square) ** 2
    return Figure(value=mean, u95_value=student_t_factor(freedom) * float(np.sqrt(square)))


def spread(values: Sequence[float]) -> Spread:
    """Count, least, average, greatest and the sample's standard deviation (0 for one)."""
    found = np.array(values)
    return Spread(
        count=len(found),
        least_value=float(np.min(found)),
        average_value=float(np.mean(found)),
        greatest_value=float(np.max(found)),
        deviation_value=float(np.std(found, ddof=1)) if len(found) > 1 else 0.0,
    )
