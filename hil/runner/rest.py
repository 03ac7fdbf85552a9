"""When a channel is at rest: within a band around its middle for as long as is asked. Pure."""

from collections import deque
from math import sqrt

from hil.profile.model import Case
from hil.profile.rig_sheet import RigSheet
from hil.profile.words import CHANNELS

SAMPLES_PER_DURATION = 100  # enough to see any movement of a tenth of the duration; bounds the memory
SAMPLE_LEAST_S = 0.1  # a controller's cycle: nothing on a site is asked for faster
FULL_VALUES = {"V": "phase_v", "Hz": "nominal_hz"}
RATINGS_W = ("der_nameplate", "ess_nameplate")


class NoRatingError(Exception):
    """A band is a share of a rating that nobody has stated."""


def rating_value(case: Case, sheet: RigSheet, channel: str) -> float:
    """What a band of `channel` is a share of, in the channel's unit: the rating of the device under test.

    Of powers the nameplate that the case works with (of the storage for its own channel), of currents that nameplate
    on all conductors at nominal voltage, of voltage and frequency the nominal value.

    Raises:
        NoRatingError: neither the case nor the sheet states it.
    """
    unit = CHANNELS[channel][0]
    names = RATINGS_W[::-1] if channel.startswith("ess.") else RATINGS_W
    if unit == "W":
        return _first(case, sheet, names)
    if unit == "A":
        nominal_v = _first(case, sheet, ("nominal_v",))
        conductors_factor = sqrt(3.0) if sheet.system in ("wye", "delta") else 1.0
        return _first(case, sheet, names) / (conductors_factor * nominal_v)
    if unit in FULL_VALUES:
        return _first(case, sheet, (FULL_VALUES[unit],))
    return 1.0


def _first(case: Case, sheet: RigSheet, names: tuple[str, ...]) -> float:
    stated: dict[str, float] = {name: quantity.value for name, quantity in sheet.ratings.items()}
    stated |= {p.name: p.value for p in case.parameters if isinstance(p.value, float)}
    for name in names:
        if stated.get(name, 0.0) > 0.0:
            return stated[name]
    raise NoRatingError(f"a band is a share of {' or '.join(names)}; neither the profile nor the rig's sheet states it")


class Rest:
    """Watches one channel. Fed with samples it says whether all of the last `duration_s` lie within +-`band_value`."""

    def __init__(self, *, band_value: float, duration_s: float):
        self.band_value, self.duration_s = band_value, duration_s
        self.period_s = max(SAMPLE_LEAST_S, duration_s / SAMPLES_PER_DURATION)
        self._seen: deque[tuple[float, float]] = deque()

    def see(self, t_s: float, value: float) -> bool:
        """Take one sample; True: at rest."""
        self._seen.append((t_s, value))
        while len(self._seen) > 1 and self._seen[1][0] <= t_s - self.duration_s + 1e-9:
            self._seen.popleft()
        whole = t_s - self._seen[0][0] >= self.duration_s - 1e-9
        return whole and self.spread_value() <= 2.0 * self.band_value

    def lose(self) -> None:
        """There was no sample: what was seen before says nothing of now."""
        self._seen.clear()

    def spread_value(self) -> float:
        """Greatest less least of what was seen in the last `duration_s`; nothing was seen: 0."""
        values = [value for _, value in self._seen]
        return max(values) - min(values) if values else 0.0
