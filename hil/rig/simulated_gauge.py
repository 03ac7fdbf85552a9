"""The simulated power meter: an analyser of its own at the truth of the plant, beside the meter that is controlled by.

Model: true power over windows as long as its update period, one behind the other without a gap, each stamped at its
centre; so its group delay is 0. Its error is a gain for the whole run and noise from value to value, both normal and
seeded, each with a quarter of the stated uncertainty as standard deviation: of the reading, and of the DER's rating.
Together they are 0.35 of it, so that twice that stays inside. Of a current or voltage the value without a conductor is
that of the conductor with the highest current, and the mean of the voltages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from hil.plant.meter import Through
from hil.plant.plant import Plant
from hil.profile.rig_sheet import RoleSheet
from hil.record.recording import FloatArray, Recording
from hil.rig.roles import RigError
from hil.rig.simulated_twin import BATTERY
from hil.rig.trail import Trail

KEPT_S = 3600.0  # the longest record of the library takes ten minutes
NOISE_ROWS = 1 << 14  # noise repeats after so many values: 5 min at 20 ms
PART_OF_UNCERTAINTY = 0.25
NAME = "power"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """W and var of each conductor (columns) over windows (rows)."""

    watts: FloatArray
    var: FloatArray

    def amps(self, volts: FloatArray) -> FloatArray:
        """RMS of a current that is steady inside a window."""
        return np.hypot(self.watts, self.var) / volts


class PowerMeter:
    """A `Gauge` over one run's plant. `trails` are what it is told by contacts and knobs, by channel."""

    def __init__(
        self,
        sheet: RoleSheet,
        plant: Plant,
        *,
        trails: Mapping[str, Trail],
        settle: Callable[[], float],
        scale_w: float,
        seed: int,
    ):
        """Look at `plant` from now on; `settle` brings it up to date and says how far the clock is ahead of it."""
        self._sheet, self.plant, self.trails, self._settle = sheet, plant, trails, settle
        self._update_s = sheet.update_s or 0.02
        sigma = PART_OF_UNCERTAINTY * (sheet.uncertainty_ratio or 0.0)
        random = np.random.default_rng(seed)
        phases = plant.spec.system.phases
        self.gain = 1.0 + sigma * random.standard_normal(3 * phases)
        self._noise_w = sigma * scale_w / np.sqrt(phases) * random.standard_normal((NOISE_ROWS, 3 * phases))
        self._kept = int(KEPT_S / self._update_s)
        self._probe = plant.watch(self._update_s, self._kept)
        self._began: tuple[int, tuple[str, ...], bool] | None = None
        layout = plant.layout
        points = ("poi", *(point.id for point in plant.spec.points))
        self.matrices = {point: _matrix(layout.through(point), layout.groups, phases) for point in points}
        self.infeeds = {
            point.id: [_matrix((one,), layout.groups, phases) for one in layout.sources(point.id)]
            for point in plant.spec.points
            if point.busbar
        }
        self.units = list(plant.units)
        parts = [np.array(plant.units[name].spec.connection.p_part) for name in self.units]
        self.unit_parts = np.stack(parts)

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        """See `Gauge.begin`."""
        for channel in channels:
            self._must_know(channel)
        self._settle()
        self._began = (self._windows(), channels, each_phase)

    async def latest_value(self, channel: str) -> float | None:
        """See `Gauge.latest_value`."""
        self._must_know(channel)
        self._settle()
        windows = self._windows()
        return float(self._values(windows - 1, (channel,), False).channels[channel][0]) if windows else None

    async def end(self) -> Recording:
        """See `Gauge.end`."""
        if self._began is None:
            raise RigError("PowerMeter", "it does not record now", "begin before the end")
        ahead_s = self._settle()
        first, channels, each_phase = self._began
        self._began = None
        found = self._values(first, channels, each_phase)
        return Recording(name=NAME, t_s=found.t_s + ahead_s, channels=found.channels)

    def _must_know(self, channel: str) -> None:
        if channel not in self._sheet.channels:
            raise RigError("PowerMeter", f"does not record {channel}", "see its `channels` in the rig's sheet")
        place = channel.partition(".")[0]
        if place in ("bus", "conductor") and _POINT[place] not in self.matrices:
            raise RigError("PowerMeter", f"{channel}: this case limits no {place}", "record it where it is limited")

    def _windows(self) -> int:
        """How many windows have ended so far, counted from the first."""
        return self._probe.noted - 1

    def _values(self, first: int, channels: tuple[str, ...], each_phase: bool) -> Recording:
        """The windows from number `first` on, and what is still kept of them."""
        rows = self._probe.rows
        skipped = self._probe.noted - len(rows)
        begin = max(first - skipped, 0)
        table = np.array(list(islice(rows, begin, None)))
        ends_s, energies = table[:, 0], table[:, 1:]
        spans_s = np.diff(ends_s)
        means_w = np.diff(energies, axis=0) / spans_s[:, None]
        t_s = ends_s[:-1] + 0.5 * spans_s
        numbers = (np.arange(len(t_s)) + skipped + begin) % NOISE_ROWS
        window = Window(self, t_s, means_w, self._noise_w[numbers])
        found: dict[str, FloatArray] = {}
        for channel in channels:
            whole, by_conductor = window.channel(channel)
            found[channel] = whole
            if each_phase and by_conductor is not None:
                found |= {f"{channel}.L{k + 1}": by_conductor[:, k] for k in range(by_conductor.shape[1])}
        return Recording(name=NAME, t_s=t_s, channels=found)


class Window:
    """Windows of one reading, and every channel of them."""

    def __init__(self, meter: PowerMeter, t_s: FloatArray, means_w: FloatArray, noise_w: FloatArray):
        self._meter, self._t_s, self._noise_w = meter, t_s, noise_w
        groups = meter.plant.layout.groups
        self._group_w, self._unit_w = means_w[:, :groups], means_w[:, groups:]
        self._phases = meter.plant.spec.system.phases

    def channel(self, name: str) -> tuple[FloatArray, FloatArray | None]:
        """The channel as a whole, and by conductor (None: it has none)."""
        if name in self._meter.trails:
            return self._meter.trails[name].values(self._t_s), None
        place, _, quantity = name.partition(".")
        if quantity == "voltage_v":
            volts = self._volts() + 0.0 * self._group_w[:, :1] + np.zeros(self._phases)
            return volts.mean(axis=1), volts
        if quantity == "current_a":
            amps = self._amps(_POINT[place])
            return amps.max(axis=1), amps
        watts = {"poi": self._import_w, "der": self._injection_w, "ess": self._storage_w, "load": self._demand_w}[
            place
        ]()
        return watts.sum(axis=1), watts

    def _import_w(self) -> FloatArray:
        return self._seen(self._flow("poi").watts, 0)

    def _injection_w(self) -> FloatArray:
        return self._seen(self._unit_w @ self._meter.unit_parts, 1)

    def _storage_w(self) -> FloatArray:
        column = self._meter.units.index(BATTERY) if BATTERY in self._meter.units else None
        if column is None:
            raise RigError("PowerMeter", "ess.injection_w: this case has no storage", "record der.injection_w")
        return self._seen(np.outer(self._unit_w[:, column], self._meter.unit_parts[column]), 1)

    def _demand_w(self) -> FloatArray:
        return self._seen(self._flow("poi").watts + self._unit_w @ self._meter.unit_parts, 2)

    def _seen(self, watts: FloatArray, place: int) -> FloatArray:
        """With the errors of the instrument's inputs at one place."""
        inputs = slice(place * self._phases, (place + 1) * self._phases)
        seen: FloatArray = watts * self._meter.gain[inputs] + self._noise_w[:, inputs]
        return seen

    def _flow(self, point: str) -> Flow:
        p_part, q_part = self._meter.matrices[point]
        return Flow(watts=self._group_w @ p_part, var=self._group_w @ q_part)

    def _amps(self, point: str) -> FloatArray:
        volts, flow = self._volts(), self._flow(point)
        flow = Flow(watts=self._seen(flow.watts, 0), var=flow.var)
        if point not in self._meter.infeeds:
            return flow.amps(volts)
        total: FloatArray = np.where(flow.watts > 0.0, flow.amps(volts), 0.0)
        for p_part, q_part in self._meter.infeeds[point]:
            source = Flow(watts=self._group_w @ p_part, var=self._group_w @ q_part)
            total = total + np.where((source.watts @ np.ones(self._phases) < 0.0)[:, None], source.amps(volts), 0.0)
        return total

    def _volts(self) -> FloatArray:
        """Of a conductor against the neutral; the simulated grid is stiff."""
        factor = self._meter.trails["grid.voltage"].values(self._t_s)
        volts: FloatArray = (factor * self._meter.plant.spec.system.conductor_v)[:, None]
        return volts


_POINT = {"poi": "poi", "bus": "bus", "conductor": "feeder"}


def _matrix(through: tuple[Through, ...], groups: int, phases: int) -> tuple[FloatArray, FloatArray]:
    """W and var of each conductor for one watt of each group."""
    p_part, q_part = np.zeros((groups, phases)), np.zeros((groups, phases))
    for one in through:
        p_part[one.group], q_part[one.group] = one.p_part, one.q_part
    return p_part, q_part
