"""Fewer points for a line, so that a page stays small: the least and the greatest of each stretch, in order of time."""

import numpy as np

from hil.record.recording import FloatArray

POINTS_MAX = 600  # of a line: as many as its panel has pixels, so that nothing that could be seen is lost
HOLE_STEPS = 8.0  # times the usual distance of samples: a hole in the record, where the line is broken


def thin(t_s: FloatArray, y: FloatArray, points: int = POINTS_MAX) -> tuple[FloatArray, FloatArray]:
    """At most `points` points (and a few at holes) whose least and greatest values are those of the whole line.

    Holes, as NaN or as missing rows, are one NaN each.
    """
    t_s, y = _broken(t_s, y)
    if len(y) <= points:
        return t_s, y
    stretch = -(-2 * len(y) // points)
    short = -len(y) % stretch
    t_s, y = np.pad(t_s, (0, short), mode="edge"), np.pad(y, (0, short), mode="edge")
    rows_t_s, rows_y = t_s.reshape(-1, stretch), y.reshape(-1, stretch)
    missing = np.isnan(rows_y)
    low = np.argmin(np.where(missing, np.inf, rows_y), axis=1)
    high = np.argmax(np.where(missing, -np.inf, rows_y), axis=1)
    columns = np.stack([np.minimum(low, high), np.maximum(low, high)], axis=1)
    rows = np.arange(len(rows_y))[:, None]
    return rows_t_s[rows, columns].ravel(), rows_y[rows, columns].ravel()


def _broken(t_s: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A NaN in every hole of the time base."""
    if len(t_s) < 3:
        return t_s, y
    steps_s = np.diff(t_s)
    holes = np.flatnonzero(steps_s > HOLE_STEPS * float(np.median(steps_s))) + 1
    if len(holes) == 0 or len(holes) > len(t_s) // 4:  # samples that come when they like have no holes
        return t_s, y
    return np.insert(t_s, holes, t_s[holes]), np.insert(y, holes, np.nan)
