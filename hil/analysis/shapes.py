"""Responses that a record may hide: what a coarse record shows is compared with these, seen through its own window.

A record whose samples are about as wide as the response cannot show its 90 % crossing. It can only tell which dead
times and rise times, of responses of ordinary shapes, would have left the same samples; the range of their 90 % times
is the answer and its uncertainty. Where samples are narrow this is only a diagnosis (dead time and lag).
"""

from dataclasses import dataclass

import numpy as np

from hil.record.recording import FloatArray

POINTS = 120
NEAR_STEPS = 12
GRID = 15
ROUNDS = 7
KEEP = 0.08  # of a grid's points decide where the next, finer grid lies
GRID_END = 14.0  # time constants: e^-14 is a millionth
ACCEPT_RATIO = 2.0  # twice the least mean square misfit: a shape between two of ours is still believed
ACCEPT_SIGMA = 2.0
LEAST_SIGMA = 0.001  # of the movement: quantisation, a lost sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A normalised response over time in units of its own time constant: table of values and of their integral."""

    name: str
    x: FloatArray
    y: FloatArray
    total: FloatArray
    x90_value: float

    def seen(self, t_s: FloatArray, dead_time_s: FloatArray, scale_s: FloatArray, window_s: float) -> FloatArray:
        """The response through a centred averaging window; broadcasts over grids of dead times and scales."""
        scale_s = np.maximum(scale_s, 1e-9)
        if window_s <= 0.0:
            return np.asarray(np.interp((t_s - dead_time_s) / scale_s, self.x, self.y, left=0.0))
        ends = []
        for side_s in (0.5 * window_s, -0.5 * window_s):
            x = np.maximum((t_s + side_s - dead_time_s) / scale_s, 0.0)
            ends.append(np.interp(x, self.x, self.total) + np.maximum(x - self.x[-1], 0.0))
        return np.asarray((ends[0] - ends[1]) * scale_s / window_s)


def _shape(name: str, y: FloatArray, x: FloatArray) -> Shape:
    total = np.concatenate([[0.0], np.cumsum(0.5 * (y[1:] + y[:-1]) * np.diff(x))])
    k = int(np.argmax(y >= 0.9))
    x90 = float(x[k - 1] + (0.9 - y[k - 1]) / (y[k] - y[k - 1]) * (x[k] - x[k - 1]))
    return Shape(name=name, x=x, y=y, total=total, x90_value=x90)


def _second_order(x: FloatArray, damping_ratio: float) -> FloatArray:
    if damping_ratio == 1.0:
        return np.asarray(1.0 - np.exp(-x) * (1.0 + x))
    damped = np.sqrt(1.0 - damping_ratio**2)
    wave = np.cos(damped * x) + damping_ratio / damped * np.sin(damped * x)
    return np.asarray(1.0 - np.exp(-damping_ratio * x) * wave)


_X = np.linspace(0.0, GRID_END, 1401)
FIRST_ORDER = _shape("first order", -np.expm1(-_X), _X)
SHAPES = (
    FIRST_ORDER,
    _shape("ramp", np.minimum(_X, 1.0), _X),
    *(_shape(f"second order, damping {z:g}", _second_order(_X * 2.0, z), _X) for z in (1.0, 0.7, 0.5, 0.4, 0.32)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One shape fitted: dead time and time constant of the nearest, its misfit, and all that was tried."""

    shape: Shape
    dead_time_s: float
    scale_s: float
    mean_square_value: float
    tried_s: FloatArray
    """90 % times of everything tried."""
    tried_square: FloatArray

    @property
    def misfit_pct(self) -> float:
        """RMS misfit in percent of the movement."""
        return 100.0 * float(np.sqrt(self.mean_square_value))

    @property
    def t90_s(self) -> float:
        """When the nearest response has made 90 % of its movement."""
        return self.dead_time_s + self.scale_s * self.shape.x90_value


def picked(t_s: FloatArray, reached_s: float, window_s: float, step_s: float) -> FloatArray:
    """Indices of the samples that a fit looks at: from before the step to well after 90 %, all of those around 90 %."""
    until_s = 2.0 * reached_s + 2.0 * window_s + 3.0 * step_s
    inside = np.flatnonzero((t_s >= -window_s - step_s) & (t_s <= until_s))
    near_s = NEAR_STEPS * step_s + window_s
    near = np.flatnonzero(np.abs(t_s - reached_s) <= near_s)[: 2 * POINTS]
    return np.union1d(inside[:: max(1, len(inside) // POINTS)], near)


def fit(shape: Shape, t_s: FloatArray, share: FloatArray, reached_s: float, window_s: float, step_s: float) -> Fit:
    """Search dead time and rise time on ever finer grids; `reached_s` is about when 90 % were reached."""
    latest_s = reached_s + 0.5 * window_s + step_s
    box = [0.0, latest_s, 0.0, latest_s]
    tried_s, tried = [], []
    best = (np.inf, 0.0, 0.0)
    for _ in range(ROUNDS):
        dead = np.linspace(box[0], box[1], GRID)[:, None, None]
        rise = np.linspace(box[2], box[3], GRID)[None, :, None]
        square = np.mean((shape.seen(t_s[None, None, :], dead, rise / shape.x90_value, window_s) - share) ** 2, axis=2)
        tried_s.append((dead[:, :, 0] + rise[:, :, 0]).ravel())
        tried.append(square.ravel())
        i, j = np.unravel_index(int(np.argmin(square)), square.shape)
        best = min(best, (float(square[i, j]), float(dead[i, 0, 0]), float(rise[0, j, 0])))
        rows, columns = np.nonzero(square <= np.quantile(square, KEEP))
        cell_dead, cell_rise = (box[1] - box[0]) / (GRID - 1), (box[3] - box[2]) / (GRID - 1)
        box = [
            max(0.0, float(dead[rows.min(), 0, 0]) - cell_dead),
            float(dead[rows.max(), 0, 0]) + cell_dead,
            max(0.0, float(rise[0, columns.min(), 0]) - cell_rise),
            float(rise[0, columns.max(), 0]) + cell_rise,
        ]
    return Fit(
        shape=shape,
        dead_time_s=best[1],
        scale_s=best[2] / shape.x90_value,
        mean_square_value=best[0],
        tried_s=np.concatenate(tried_s),
        tried_square=np.concatenate(tried),
    )


def believable_s(fits: list[Fit], sigma: float, samples: int) -> tuple[float, float]:
    """Least and greatest 90 % time of everything that fits nearly as well as the best."""
    best = min(each.mean_square_value for each in fits)
    most = ACCEPT_RATIO * best + (ACCEPT_SIGMA * max(sigma, LEAST_SIGMA)) ** 2 / max(1, samples)
    good_s = np.concatenate([each.tried_s[each.tried_square <= most] for each in fits])
    return float(np.min(good_s)), float(np.max(good_s))
