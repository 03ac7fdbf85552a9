"""What was set, when: a quantity that holds from instant to instant."""

import numpy as np

from hil.record.recording import FloatArray

KEPT = 10_000  # settings of one run; a case has some twenty steps


class Trail:
    """Values and the instants from which they hold. Before the first one its value held already."""

    def __init__(self, value: float):
        self._times_s: list[float] = [0.0]
        self._values: list[float] = [value]

    @property
    def value(self) -> float:
        """The present one."""
        return self._values[-1]

    def set(self, at_s: float, value: float) -> None:
        """From `at_s` on it is `value`. Beyond what is kept the oldest is forgotten."""
        if value == self._values[-1]:
            return
        if len(self._times_s) >= KEPT:
            del self._times_s[0], self._values[0]
        self._times_s.append(at_s)
        self._values.append(value)

    def values(self, times_s: FloatArray) -> FloatArray:
        """The values at instants."""
        places = np.searchsorted(np.array(self._times_s), times_s, side="right") - 1
        return np.array(self._values)[np.maximum(places, 0)]
