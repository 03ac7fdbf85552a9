"""A trace keeps the phasors at a point from instant to instant, as the seed of a waveform."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

KEPT_ROWS = 100_000  # some 15 minutes at 100 rows a second


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasorRow:
    """What holds from `at_s` on: volts and amperes (RMS, in the place's own direction) of each conductor.

    `angle_deg` is the grid's angle, whole turns taken off; it grows by 360 times `frequency_hz` each second. Until the
    next row the phasors go straight to those of that one; two rows of one instant are a jump.
    """

    at_s: float
    frequency_hz: float
    angle_deg: float
    volts: tuple[complex, ...]
    amps: tuple[complex, ...]


class Trace:
    """The rows of one place, one at least every `every_s` and on both sides of every jump; the newest are kept."""

    __slots__ = ("_every_s", "next_event_s", "place", "rows")

    def __init__(self, place: str, every_s: float, kept_rows: int = KEPT_ROWS):
        self.place, self._every_s = place, every_s
        self.next_event_s = 0.0
        self.rows: deque[PhasorRow] = deque(maxlen=kept_rows)

    def note(self, now_s: float, frequency_hz: float, volts: tuple[complex, ...], flows: Iterable[complex]) -> None:
        """Keep what holds now; `flows` are W + j var of each conductor."""
        amps = tuple([(flow / volt).conjugate() for flow, volt in zip(flows, volts, strict=True)])
        rows, angle_deg = self.rows, 0.0
        self.next_event_s = now_s + self._every_s
        if rows:
            last = rows[-1]
            angle_deg = (last.angle_deg + 360.0 * last.frequency_hz * (now_s - last.at_s)) % 360.0
            if last.at_s == now_s and (len(rows) > 1 and rows[-2].at_s == now_s):
                rows.pop()  # of several jumps at one instant the first side and the last one matter
            elif (last.at_s, last.frequency_hz, last.volts, last.amps) == (now_s, frequency_hz, volts, amps):
                return
        rows.append(PhasorRow(at_s=now_s, frequency_hz=frequency_hz, angle_deg=angle_deg, volts=volts, amps=amps))
