"""Sources: a quantity over time (host load in W, sun in per unit), piecewise linear so that it integrates exactly."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import Self


class Source:
    """Values at instants, held or joined by straight lines; before the first and after the last the end value holds.

    A looped source repeats with the period from its first to its last instant.
    """

    __slots__ = ("_linear", "_period_s", "_times", "_values")

    def __init__(self, times_s: Sequence[float], values: Sequence[float], *, linear: bool, loop: bool = False):
        if not times_s or len(times_s) != len(values):
            raise ValueError("a source needs as many values as instants, and at least one")
        if any(later <= earlier for earlier, later in pairwise(times_s)):
            raise ValueError("the instants of a source must rise strictly")
        self._times, self._values, self._linear = tuple(times_s), tuple(values), linear
        self._period_s = times_s[-1] - times_s[0] if loop else 0.0

    @classmethod
    def constant(cls, value: float) -> Self:
        """The same value for ever."""
        return cls((0.0,), (value,), linear=False)

    @classmethod
    def record(
        cls,
        times_s: Sequence[float],
        values: Sequence[float],
        *,
        start_s: float = 0.0,
        scale: float = 1.0,
        offset: float = 0.0,
        linear: bool = True,
        loop: bool = False,
    ) -> Self:
        """Replay a record: its instant `start_s` is the source's zero; values become `value * scale + offset`."""
        return cls([t - start_s for t in times_s], [v * scale + offset for v in values], linear=linear, loop=loop)

    @property
    def peak(self) -> float:
        """The largest value there is."""
        return max(self._values)

    def segment(self, at_s: float) -> tuple[float, float, float]:
        """Value at `at_s`, its slope per second from there on, and the instant until which that slope holds."""
        times, values = self._times, self._values
        shift_s = 0.0
        if self._period_s > 0.0 and at_s >= times[-1]:
            shift_s = (at_s - times[0]) // self._period_s * self._period_s
        i = bisect_right(times, at_s - shift_s) - 1
        if i < 0:
            return values[0], 0.0, times[0]
        if i == len(times) - 1:
            # Rounding may land a looped source on its last instant: that is the first one of the next round.
            return (values[0], 0.0, at_s + 1e-9) if self._period_s else (values[i], 0.0, inf)
        until_s = times[i + 1] + shift_s
        if until_s <= at_s:  # the shift cost the last bits; never hand out an empty segment
            until_s = at_s + 1e-9
        if not self._linear:
            return values[i], 0.0, until_s
        slope = (values[i + 1] - values[i]) / (times[i + 1] - times[i])
        return values[i] + slope * (at_s - shift_s - times[i]), slope, until_s

    def value(self, at_s: float) -> float:
        """Value at `at_s`; at a step it is the value after the step."""
        return self.segment(at_s)[0]
