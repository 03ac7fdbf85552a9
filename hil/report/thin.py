"""Fewer points for a line, so that a page stays small: the least and the greatest of each stretch, in order of time."""

import numpy as np

from hil.record.recording import FloatArray

POINTS_MAX = 600  # of a line: as many as its panel has pixels, so that nothing that could be seen is lost
PIECES_MAX = 60  # of a line that is broken: more breaks than that are shown where they fill a stretch
HOLE_STEPS = 8.0  # times the usual distance of samples: a hole in the record, where the line is broken


def thin(t_s: FloatArray, y: FloatArray, points: int = POINTS_MAX) -> tuple[FloatArray, FloatArray]:
    """About `points` points, whose least and greatest values are those of the whole line.

    Each hole, as NaN or as missing rows, is one NaN, so that the line is broken there.
    """
    t_s, y = _broken(t_s, y)
    if len(y) <= points:
        return t_s, y
    there = np.isfinite(y)
    edges = np.flatnonzero(np.diff(there.astype(np.int8))) + 1
    pieces = [piece for piece in np.split(np.arange(len(y)), edges) if there[piece[0]]]
    if not 1 < len(pieces) <= PIECES_MAX:
        return _stretches(t_s, y, points)
    thinned = [_stretches(t_s[at], y[at], max(4, points * len(at) // len(y))) for at in pieces]
    broken = [(np.append(a_s, a_s[-1]), np.append(b, np.nan)) for a_s, b in thinned[:-1]] + thinned[-1:]
    return np.concatenate([a_s for a_s, _ in broken]), np.concatenate([b for _, b in broken])


def _stretches(t_s: FloatArray, y: FloatArray, points: int) -> tuple[FloatArray, FloatArray]:
    """The least and the greatest of each stretch, in order of time; NaN where a stretch has neither."""
    if len(y) <= points:
        return t_s, y
    stretch = -(-len(y) // max(1, points // 2))
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
