"""Responses whose 90 % time is known: a share from 0 to 1 over the time since the step, and when it is 0.9."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """`share(t)` for t since the step; `t90_s` its truth; `rest_s` when it is at rest; `edge` if it jumps at 90 %."""

    share: Callable[[Values], Values]
    t90_s: float
    rest_s: float
    edge: bool = False


def first_order(random: Random) -> Shape:
    dead_s, lag_s = random.uniform(0.1, 1.0), random.uniform(0.2, 1.0)
    share = lambda t: np.where(t > dead_s, -np.expm1(-np.maximum(t - dead_s, 0.0) / lag_s), 0.0)  # noqa: E731
    return Shape(share=share, t90_s=dead_s + lag_s * np.log(10.0), rest_s=dead_s + 9 * lag_s)


def second_order(random: Random) -> Shape:
    """Damping 0.3 to 0.7: 37 to 5 % overshoot."""
    dead_s, zeta, omega = random.uniform(0.1, 1.0), random.uniform(0.3, 0.7), random.uniform(3.0, 8.0)
    damped = omega * np.sqrt(1.0 - zeta**2)

    def share(t: Values) -> Values:
        x = np.maximum(t - dead_s, 0.0)
        wave = np.cos(damped * x) + zeta / np.sqrt(1.0 - zeta**2) * np.sin(damped * x)
        return np.where(t > dead_s, 1.0 - np.exp(-zeta * omega * x) * wave, 0.0)

    grid = dead_s + np.linspace(0.0, np.pi / damped, 200_001)
    t90_s = float(grid[np.argmax(share(grid) >= 0.9)])
    return Shape(share=share, t90_s=t90_s, rest_s=dead_s + 8.0 / (zeta * omega))


def ramp(random: Random) -> Shape:
    dead_s, length_s = random.uniform(0.1, 1.0), random.uniform(0.5, 4.0)
    share = lambda t: np.clip((t - dead_s) / length_s, 0.0, 1.0)  # noqa: E731
    return Shape(share=share, t90_s=dead_s + 0.9 * length_s, rest_s=dead_s + length_s)


def staircase(random: Random) -> Shape:
    """A controller that acts once a second, in three steps."""
    dead_s, levels = random.uniform(0.1, 1.0), (0.5, 0.8, 1.0)

    def share(t: Values) -> Values:
        k = np.floor(t - dead_s).astype(int)
        return np.where(t >= dead_s, np.array(levels)[np.clip(k, 0, 2)], 0.0)

    return Shape(share=share, t90_s=dead_s + 2.0, rest_s=dead_s + 2.0, edge=True)


def jump(random: Random) -> Shape:
    """Dead time and then all at once."""
    dead_s = random.uniform(0.2, 3.0)
    return Shape(share=lambda t: np.where(t >= dead_s, 1.0, 0.0), t90_s=dead_s, rest_s=dead_s, edge=True)


def hunting(random: Random) -> Shape:
    """A dead-band controller: a first-order response with a swing of +-1 % that never ends."""
    dead_s, lag_s, period_s = random.uniform(0.1, 1.0), random.uniform(0.3, 0.8), random.uniform(0.8, 2.0)

    def share(t: Values) -> Values:
        x = np.maximum(t - dead_s, 0.0)
        return np.where(t > dead_s, -np.expm1(-x / lag_s) + 0.01 * np.sin(2 * np.pi * x / period_s), 0.0)

    grid = dead_s + np.linspace(0.0, 4 * lag_s, 200_001)
    return Shape(
        share=share, t90_s=float(grid[np.argmax(share(grid) >= 0.9)]), rest_s=dead_s + 9 * lag_s + 7 * period_s
    )


SHAPES: dict[str, Callable[[Random], Shape]] = {
    "first order": first_order,
    "second order": second_order,
    "ramp": ramp,
    "staircase": staircase,
    "jump": jump,
    "hunting": hunting,
}
