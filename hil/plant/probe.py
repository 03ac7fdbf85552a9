"""A probe notes the plant's energies at fixed instants, for an instrument that takes the truth from it."""

from collections import deque


class Probe:
    """Rows of instant, energy by group (W*s, import positive) and energy by unit (W*s, injection positive).

    Between two rows the mean power is exact, whatever moved meanwhile. The newest rows are kept.
    """

    __slots__ = ("_every_s", "_start_s", "next_event_s", "noted", "rows")

    def __init__(self, start_s: float, every_s: float, kept_rows: int):
        """The first row is at `start_s`, the others follow every `every_s`."""
        self._start_s, self._every_s = start_s, every_s
        self.next_event_s = start_s
        self.noted = 0
        """How many rows there have been, kept or not."""
        self.rows: deque[tuple[float, ...]] = deque(maxlen=kept_rows)

    def note(self, now_s: float, *energies_j: float) -> None:
        """Keep the row that is due."""
        self.rows.append((now_s, *energies_j))
        self.noted += 1
        self.next_event_s = self._start_s + self.noted * self._every_s
