"""When a response first reaches a share of its movement: interpolated, confirmed, before any overshoot.

Works on a normalised response (0 at the start of the movement, 1 at its end). Three ways, chosen by what the record
shows: a quadratic fitted around the crossing where the response is smooth and there are samples enough; the centroid of
the transition where it is an edge that the chain cannot resolve; a straight line between two samples otherwise.
"""

from dataclasses import dataclass, replace

import numpy as np

from hil.analysis.series import moving_mean
from hil.record.recording import FloatArray

CONFIRM_SIGMA = 3.0
CONFIRM_MAX_SHARE = 0.05  # half of what is left beyond 90 %
NOISE_SHARE = 0.01  # smoothing brings the noise down to this, or as near as the record allows
FIT_RISE_SHARE = 0.1  # of the rise from 10 %: short enough for a quadratic, and off the corner where a ramp ends
FIT_SAMPLES = 5
EDGE_SHARE = 0.6  # of the change over four times the span happens within one: an edge (a straight line shows 0.25)
EDGE_SIGMA = 5.0
EDGE_REACH_SHARE = 0.9  # of a sample, from where a single edge shows 90 % to its centroid; farther: several edges
FLAT_SHARE = 0.15  # of an edge: how much may still move beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """One crossing. `slope` is that of the normalised response (1/s); `u_noise_s` standard, `u_half_s` half a width."""

    at_s: float
    slope_value: float
    u_noise_s: float
    u_half_s: float
    edge: bool
    rise_s: float = 0.0
    """From 10 % of the movement to the crossing."""
    from_s: float = -np.inf
    to_s: float = np.inf
    """The samples between which it lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What is known of how the samples came about: noise (normalised), time between them, window, correlation."""

    sigma: float
    step_s: float
    window_s: float
    waveform: bool

    @property
    def span_s(self) -> float:
        """What cannot be resolved: the window, or two samples."""
        return max(self.window_s, 2.0 * self.step_s)

    @property
    def smear_s(self) -> float:
        """The larger of the window and the time between samples."""
        return max(self.window_s, self.step_s)

    @property
    def overlaps(self) -> bool:
        """Whether the windows of neighbouring samples overlap, so that samples show what is shorter than a window."""
        return self.window_s > 1.5 * self.step_s

    @property
    def correlated_ratio(self) -> float:
        """How many neighbouring values share one window."""
        return max(1.0, self.window_s / self.step_s)


def smoothing(sigma: float, samples: int) -> int:
    """Over how many samples (odd) to average: noise below a hundredth, at most a fiftieth of the record."""
    wanted = int(np.ceil((sigma / NOISE_SHARE) ** 2))
    return max(1, min(wanted, samples // 50)) | 1


def first_crossing(
    t_s: FloatArray, share: FloatArray, level_share: float, chain: Chain, confirm_sigma: float = CONFIRM_SIGMA
) -> Crossing | None:
    """Where `share` first goes through `level_share` and is confirmed; None where it never does."""
    width = smoothing(chain.sigma, len(share))
    smooth = moving_mean(share, width)
    sure = min(confirm_sigma * chain.sigma / np.sqrt(width), CONFIRM_MAX_SHARE)
    reached = smooth >= level_share + sure
    if not reached.any():
        return None
    k = int(np.argmax(reached))
    below = np.flatnonzero(smooth[:k] < level_share)
    if not len(below):
        return Crossing(at_s=float(t_s[0]), slope_value=np.inf, u_noise_s=0.0, u_half_s=0.0, edge=True)
    j = int(below[-1]) + 1
    rise = (smooth[j] - smooth[j - 1]) / (t_s[j] - t_s[j - 1])
    coarse_s = float(t_s[j - 1] + (level_share - smooth[j - 1]) / rise)
    low = np.flatnonzero(smooth[:j] < 0.1)
    rise_s = coarse_s - float(t_s[low[-1]] if len(low) else t_s[0])
    found = _edge(t_s, share, smooth, coarse_s, chain) or _fitted(t_s, share, level_share, coarse_s, rise_s, chain)
    if found is None:
        slope = max(float(rise), 1e-12)
        noise_s = min(chain.sigma / np.sqrt(width) / slope, float(t_s[j] - t_s[j - 1]))
        found = Crossing(at_s=coarse_s, slope_value=slope, u_noise_s=noise_s, u_half_s=0.0, edge=False)
    return replace(found, rise_s=rise_s, from_s=float(t_s[j - 1]), to_s=float(t_s[j]))


def _mean(t_s: FloatArray, values: FloatArray, from_s: float, to_s: float) -> float:
    """Mean of the samples in a span; interpolated where there is none."""
    i, j = np.searchsorted(t_s, [from_s, to_s])
    return float(np.mean(values[i:j])) if j > i else float(np.interp(0.5 * (from_s + to_s), t_s, values))


def _edge(t_s: FloatArray, share: FloatArray, smooth: FloatArray, at_s: float, chain: Chain) -> Crossing | None:
    """The centroid of the transition around `at_s`, where most of it happens within what the chain resolves."""
    span_s = chain.span_s
    before, after = (_mean(t_s, share, at_s + a * span_s, at_s + b * span_s) for a, b in ((-2, -1), (1, 2)))
    far = _mean(t_s, smooth, at_s + 4 * span_s, at_s + 5 * span_s) - _mean(
        t_s, smooth, at_s - 5 * span_s, at_s - 4 * span_s
    )
    jump = after - before
    if jump <= EDGE_SHARE * abs(far) or jump <= EDGE_SIGMA * chain.sigma:
        return None
    beside = [np.interp(at_s + np.array([side, 2 * side]) * span_s, t_s, smooth) for side in (-1, 1)]
    if max(abs(float(b[1] - b[0])) for b in beside) > max(FLAT_SHARE * jump, 3.0 * chain.sigma):
        return None
    i, j = np.searchsorted(t_s, [at_s - 1.2 * span_s, at_s + 1.2 * span_s])
    i, j = max(0, int(i) - 1), min(len(t_s) - 1, int(j))
    t, part = t_s[i : j + 1], np.clip((share[i : j + 1] - before) / jump, 0.0, 1.0)
    part[0], part[-1] = 0.0, 1.0
    inside = int(np.sum((part > 0.03) & (part < 0.97)))
    centre_s = float(t[-1] - np.sum(0.5 * (part[1:] + part[:-1]) * np.diff(t)))
    if abs(centre_s - at_s) > EDGE_REACH_SHARE * chain.smear_s:
        return None
    noise_s = chain.sigma / jump * chain.step_s * np.sqrt(len(part) * chain.correlated_ratio)
    apart_s = float(np.max(np.diff(t)))
    open_s = 0.5 * apart_s if inside == 0 and not chain.waveform else 0.03 * apart_s
    return Crossing(at_s=centre_s, slope_value=jump / span_s, u_noise_s=float(noise_s), u_half_s=open_s, edge=True)


def _fitted(
    t_s: FloatArray, share: FloatArray, level_share: float, at_s: float, rise_s: float, chain: Chain
) -> Crossing | None:
    """The crossing of a quadratic through the samples around `at_s`, or None where they are too few."""
    half_s = FIT_RISE_SHARE * rise_s
    i, j = np.searchsorted(t_s, [at_s - half_s, at_s + half_s])
    if j - i < FIT_SAMPLES:
        return None
    x = (t_s[i:j] - at_s) / half_s
    design = np.stack([np.ones_like(x), x, x * x], axis=1)
    normal = design.T @ design
    if np.linalg.cond(normal) > 1e8:
        return None
    c, b, a = np.linalg.solve(normal, design.T @ (share[i:j] - level_share))
    root = -c / b if b > 0.0 else np.inf
    for _ in range(4):  # Newton from the straight line's root: the curvature is small by construction
        root -= (c + root * (b + root * a)) / (b + 2.0 * a * root) if np.isfinite(root) else 0.0
    slope = b + 2.0 * a * root
    if not (abs(root) <= 1.0 and slope > 0.0):
        return None
    here = np.array([1.0, root, root * root])
    spread = chain.sigma * np.sqrt(float(here @ np.linalg.solve(normal, here)) * chain.correlated_ratio)
    return Crossing(
        at_s=float(at_s + root * half_s),
        slope_value=float(slope / half_s),
        u_noise_s=float(spread / slope * half_s),
        u_half_s=0.0,
        edge=False,
    )
