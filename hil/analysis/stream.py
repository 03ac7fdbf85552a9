"""Means over measured periods from a waveform of any length, block by block: memory is that of one block.

A block is as much of the recording as its reader hands over at once. Between blocks some periods are kept, so that
where a block ends leaves no mark on the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hil.analysis.power import (
    FREQUENCY_MAX_HZ,
    FREQUENCY_MIN_HZ,
    HOPS_PER_PERIOD,
    PERIODS_AVERAGED,
    SMOOTHED_S,
    Periods,
    periods_of,
    rising_s,
    window_mean,
)
from hil.analysis.series import Invalid, unordered
from hil.record.recording import FloatArray, Recording

LEAST_SAMPLES = 64
CROSSINGS_KEPT = 2 * PERIODS_AVERAGED + 4
LONGEST_SEARCH_S = 1.0  # without a measured period: 40 periods at 40 Hz
GAP_PERIOD_SHARE, GAP_STEPS = 1.0 / 16.0, 2.5  # one lost sample is bridged by a straight line, more are not


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Means of each product over the period around each instant."""

    t_s: FloatArray
    width_s: FloatArray
    values: tuple[FloatArray, ...]


@dataclass(slots=True, kw_only=True)
class PeriodMeans:
    """Feed blocks in order, then finish. After an `Invalid` there is nothing more to feed.

    `voltage` is the column whose period counts; `products` are pairs of columns, each averaged after multiplication.
    """

    voltage: str
    products: Sequence[tuple[str, str]]
    _t_s: FloatArray = field(default_factory=lambda: np.empty(0))
    _v: FloatArray = field(default_factory=lambda: np.empty(0))
    _values: list[FloatArray] = field(default_factory=list)
    _crossings_s: FloatArray = field(default_factory=lambda: np.empty(0))
    _step_s: float = 0.0
    _first_s: float = 0.0
    _hop_s: float = 0.0
    _made: int = 0
    _rows: int = 0

    def feed(self, block: Recording) -> Readings | Invalid:
        """Take the next block; the readings that it completes, perhaps none."""
        broken = self._take(block)
        return broken if broken is not None else self._readings(last=False)

    def finish(self) -> Readings | Invalid:
        """The readings that waited for more."""
        if len(self._t_s) < LEAST_SAMPLES:
            return Invalid(reason=f"has only {len(self._t_s)} samples: too few for waveforms")
        return self._readings(last=True)

    def _take(self, block: Recording) -> Invalid | None:
        """Append a block to what was kept."""
        names = dict.fromkeys([self.voltage, *(name for pair in self.products for name in pair)])
        columns = {name: block.channels[name] for name in names}
        t_s = np.concatenate([self._t_s[-1:], block.t_s])
        broken = unordered(t_s, 1, self._rows + 1 - (len(t_s) - len(block.t_s)))
        self._rows += len(block.t_s)
        if broken is not None:
            return broken
        t_s = block.t_s
        present = np.isfinite(np.sum(list(columns.values()), axis=0))
        if not present.all():
            t_s, columns = t_s[present], {name: y[present] for name, y in columns.items()}
        new = [columns[a] * columns[b] for a, b in self.products]
        fresh_s = np.concatenate([self._t_s[-1:], t_s])
        if len(self._t_s):
            self._t_s, self._v = np.concatenate([self._t_s, t_s]), np.concatenate([self._v, columns[self.voltage]])
            self._values = [np.concatenate([y, more]) for y, more in zip(self._values, new, strict=True)]
        else:
            self._t_s, self._v, self._values = t_s, columns[self.voltage], new
        return self._hole(fresh_s)

    def _hole(self, t_s: FloatArray) -> Invalid | None:
        steps_s = np.diff(t_s)
        if not len(steps_s):
            return None
        self._step_s = self._step_s or float(np.median(steps_s))
        k = int(np.argmax(steps_s))
        if steps_s[k] <= max(GAP_PERIOD_SHARE / FREQUENCY_MAX_HZ, GAP_STEPS * self._step_s):
            return None
        return Invalid(reason=f"has a gap of {steps_s[k]:.3g} s after {t_s[k]:.12g} s in a waveform")

    def _readings(self, *, last: bool) -> Readings | Invalid:
        periods = self._periods(last=last)
        none = Readings(t_s=np.empty(0), width_s=np.empty(0), values=tuple(np.empty(0) for _ in self.products))
        waited_s = self._t_s[-1] - np.append(self._t_s[:1], self._crossings_s)[-1] if len(self._t_s) else 0.0
        if periods is None or waited_s > LONGEST_SEARCH_S:
            if last or waited_s > LONGEST_SEARCH_S:
                lowest, highest = FREQUENCY_MIN_HZ, FREQUENCY_MAX_HZ
                what = f'"{self.voltage}" has no steady line frequency between {lowest:g} and {highest:g} Hz'
                return Invalid(reason=what)
            return none
        half_s = 0.5 * float(np.max(periods.period_s))
        if not self._hop_s:
            self._hop_s = float(periods.period_s[0]) / HOPS_PER_PERIOD
            self._first_s = float(self._t_s[0]) + 0.5 / FREQUENCY_MIN_HZ
        until_s = float(self._t_s[-1]) - half_s
        until_s = until_s if last else min(until_s, float(periods.t_s[-1]))
        count = int(np.ceil((until_s - self._first_s) / self._hop_s))
        if count <= self._made:
            return none
        at_s = self._first_s + self._hop_s * np.arange(self._made, count, dtype=np.float64)
        width_s = periods.at(at_s)
        values = tuple(window_mean(self._t_s, y, at_s, width_s) for y in self._values)
        self._made = count
        kept_s = self._first_s + self._hop_s * count - 2.0 * half_s - SMOOTHED_S
        i = max(0, int(np.searchsorted(self._t_s, kept_s)) - 1)
        self._t_s, self._v, self._values = self._t_s[i:], self._v[i:], [y[i:] for y in self._values]
        return Readings(t_s=at_s, width_s=width_s, values=values)

    def _periods(self, *, last: bool) -> Periods | None:
        """The periods around what is kept, with the crossings that the last block brought."""
        found_s = rising_s(self._t_s, self._v)
        known = self._crossings_s
        if len(known):
            found_s = found_s[found_s > known[-1] + 0.5 / FREQUENCY_MAX_HZ]
        if not last and len(self._t_s):  # smoothing has no right neighbours at the end
            found_s = found_s[found_s < self._t_s[-1] - SMOOTHED_S]
        every_s = np.concatenate([known, found_s])
        if not last and len(every_s) <= PERIODS_AVERAGED:
            return None  # found again with the next block
        self._crossings_s = every_s[-CROSSINGS_KEPT:]
        return periods_of(every_s)
