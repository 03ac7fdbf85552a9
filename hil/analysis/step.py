"""When the stimulus stepped: a change-point on its own channel, never the clock of a command.

The instant is the centroid of the recorded transition. A window that averages, and one that samples, moves the centroid
of a step and that of a response by the same time; so the delay of a chain that both channels share cancels in an OLRT.
The transition's own width tells how much the chain smears (a load that needs a moment to switch counts as that too).
"""

from dataclasses import dataclass

import numpy as np

from hil.analysis.series import Invalid, Series, noise_sd_value
from hil.record.recording import FloatArray

LONGEST_S = 10.0  # the widest transition that is still a step: twice the slowest averaging known (5 s)
SIGNIFICANT_SIGMA = 8.0  # no false step in 10^9 samples
REACHED_SHARE = 0.8  # the smallest scale that shows this much of the largest change
SIMILAR_SHARE = 0.5  # a later change this large is another step
BASELINE_S = 5.0
BASELINE_SAMPLES = 20
MIDDLE = 0.03  # of the step: nearer to a level than this a sample is on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the stimulus, from level `before` to level `after` (in the unit of the channel).

    `smear_s` is the averaging window that the transition shows, 0 for a clean step between two samples; `u_half_s` the
    half-width of what sampling leaves open about `t0_s`, `u_noise_s` the standard uncertainty from noise.
    """

    t0_s: float
    begin_s: float
    end_s: float
    before_value: float
    after_value: float
    smear_s: float
    u_half_s: float
    u_noise_s: float

    @property
    def size_value(self) -> float:
        """How far it stepped."""
        return self.after_value - self.before_value


def find_steps(stimulus: Series) -> list[Step] | Invalid:
    """Every step of the stimulus that is at least half as large as the largest, in order."""
    y, n = stimulus.y, len(stimulus.y)
    scales = _scales(stimulus)
    if not scales:
        return Invalid(reason="the stimulus is too short to have a step")
    changes = [_change(y, m) for m in scales]
    largest = max(float(np.max(np.abs(c))) for c in changes)
    if not largest > 1e-9 * float(np.max(np.abs(y))):
        return Invalid(reason="no step in the stimulus")
    m, change = next(
        (m, c) for m, c in zip(scales, changes, strict=True) if np.max(np.abs(c)) >= REACHED_SHARE * largest
    )
    steps = []
    at = 0
    while at < n:
        over = np.flatnonzero(np.abs(change[at:]) >= SIMILAR_SHARE * largest)
        if not len(over):
            break
        k = at + int(over[0])
        k += int(np.argmax(np.abs(change[k : k + 2 * m])))
        step = _locate(stimulus, k, m)
        if step is not None:
            steps.append(step)
        at = k + 2 * m
    return steps or Invalid(reason="no step in the stimulus that stands out of its noise")


def _scales(stimulus: Series) -> list[int]:
    """Numbers of samples over which a change is looked for: powers of two."""
    longest = min(len(stimulus.y) // 4, max(8, int(LONGEST_S / stimulus.step_s)))
    return [2**i for i in range(20) if 2**i <= longest]


def _change(y: FloatArray, m: int) -> FloatArray:
    """Mean of the m samples from k on minus the mean of the m before; 0 where they do not fit in."""
    total = np.concatenate([[0.0], np.cumsum(y - y[0])])
    change = np.zeros(len(y))
    k = np.arange(m, len(y) - m + 1)
    change[k[k < len(y)]] = ((total[k + m] - 2 * total[k] + total[k - m]) / m)[k < len(y)]
    return change


def _locate(stimulus: Series, k: int, m: int) -> Step | None:
    """The step near sample k, or None where it does not stand out of the noise before it."""
    t_s, y, n = stimulus.t_s, stimulus.y, len(stimulus.y)
    span = max(BASELINE_SAMPLES, int(BASELINE_S / stimulus.step_s), 2 * m)
    pre = slice(max(0, k - m - span), max(0, k - m))
    if pre.stop - pre.start < 3:
        pre = slice(0, k)
    post = slice(min(n - 1, k + m), min(n, k + m + max(3, m)))
    before, after = float(np.mean(y[pre])), float(np.median(y[post]))
    size = after - before
    sd = max(noise_sd_value(y[pre], t_s[pre]), stimulus.resolution_value / np.sqrt(12.0))
    if abs(size) < SIGNIFICANT_SIGMA * sd / np.sqrt(min(m, 4)) or size == 0.0:
        return None
    a, b = max(0, k - 2 * m - 1), min(n - 1, k + 2 * m + 1)
    share = (y[a : b + 1] - before) / size
    level = min(max(MIDDLE, 4.0 * sd / abs(size)), 0.45)
    arrived = int(np.argmax(share >= 1.0 - level)) if (share >= 1.0 - level).any() else len(share) - 1
    left = np.flatnonzero(share[: arrived + 1] <= level)
    i, j = a + (int(left[-1]) if len(left) else 0), a + arrived
    if j <= i:
        return None
    t = t_s[i : j + 1]
    inside = np.clip((y[i : j + 1] - before) / size, 0.0, 1.0)
    inside[0], inside[-1] = 0.0, 1.0
    t0_s = float(t[-1] - np.sum(0.5 * (inside[1:] + inside[:-1]) * np.diff(t)))
    middle = j - i - 1
    smear_s = _smear_s(t, inside, stimulus)
    wide_s = float(np.max(np.diff(t)))
    return Step(
        t0_s=t0_s,
        begin_s=float(t[0]),
        end_s=float(t[-1]),
        before_value=before,
        after_value=after,
        smear_s=smear_s,
        u_half_s=0.5 * wide_s if middle == 0 and not stimulus.waveform else level * wide_s,
        u_noise_s=sd / abs(size) * stimulus.step_s * float(np.sqrt(max(middle, 0) + 0.5)),
    )


def _smear_s(t_s: FloatArray, share: FloatArray, stimulus: Series) -> float:
    """The width of the averaging that the transition shows, or what is known of it."""
    if stimulus.window_s > 0.0:
        return stimulus.window_s
    middle = len(t_s) - 2
    if middle <= 0:  # the step fell on a sample; a meter that repeats its values averages all the same
        return stimulus.step_s if stimulus.held else 0.0
    if middle == 1:
        return stimulus.step_s
    rising = np.maximum.accumulate(share)
    low_s = float(np.interp(0.2, rising, t_s))
    high_s = float(np.interp(0.8, rising, t_s))
    return max((high_s - low_s) / 0.6, stimulus.step_s)
