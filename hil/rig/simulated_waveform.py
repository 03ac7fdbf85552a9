"""The simulated waveform recorder: point-on-wave voltages and currents at the truth of the plant.

A power is recorded as what it is made of: `poi.import_w` as `poi.voltage_v.L1` ... and `poi.current_a.L1` ..., in the
direction of that power. All currents are those beside the voltages of the point of interconnection. Its error is a
seeded gain of each input for the whole run, with a quarter of the stated uncertainty as standard deviation, and noise
of a 16-bit converter. At 256 samples per cycle two minutes are kept, at 64 eight: see `MAX_SAMPLES`.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np

from hil.plant.plant import DER, LOAD, Plant
from hil.plant.trace import Trace
from hil.plant.waveform import MAX_SAMPLES, SAMPLES_PER_CYCLE, WAVEFORM, WaveformSpec, waveform
from hil.profile.rig_sheet import RoleSheet
from hil.record.recording import FloatArray, Recording
from hil.rig.roles import RigError

PART_OF_UNCERTAINTY = 0.25  # as of the power meter
FULL_SCALE_RATIO = 1.5  # of nominal crest values: head room of an input
BITS = 16  # what common recorders have
PLACES = {"poi": "poi", "der": DER, "load": LOAD, "conductor": "feeder"}
QUANTITIES = ("import_w", "injection_w", "demand_w", "current_a", "voltage_v")


class WaveformRecorder:
    """A `Gauge` over one run's plant. `update` of its sheet is the distance of two samples."""

    def __init__(
        self, sheet: RoleSheet, plant: Plant, *, settle: Callable[[], float], scale_w: float, seed: int
    ) -> None:
        """Look at `plant` from now on; `settle` brings it up to date and says how far the clock is ahead of it."""
        self._sheet, self.plant, self._settle = sheet, plant, settle
        system = plant.spec.system
        self._rate_hz = SAMPLES_PER_CYCLE * system.nominal_hz if not sheet.update_s else 1.0 / sheet.update_s
        steps = 2 ** (BITS - 1)
        rated_a = scale_w / system.phases / system.conductor_v
        self._resolution_v = FULL_SCALE_RATIO * sqrt(2.0) * system.conductor_v / steps
        self._resolution_a = FULL_SCALE_RATIO * sqrt(2.0) * rated_a / steps
        self._sigma = PART_OF_UNCERTAINTY * (sheet.uncertainty_ratio or 0.0)
        self._seed = seed
        self._traces: dict[str, Trace] = {}
        self._began_s: float | None = None

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        """See `Gauge.begin`. Every conductor is recorded, asked for or not: a power needs them all."""
        places = [self._place(channel) for channel in channels]
        self._settle()
        self._traces = {name: self.plant.trace(PLACES[name]) for name in dict.fromkeys((*places, "poi"))}
        self._began_s = self.plant.now_s

    async def latest_value(self, channel: str) -> float | None:
        """See `Gauge.latest_value`: RMS volts or amperes (the highest conductor's), or watts, at this moment."""
        place, quantity = self._place(channel), channel.partition(".")[2]
        self._settle()
        flows = self.plant.place_va(PLACES[place])
        volts = [abs(volt) for volt in self.plant.voltages()]
        if quantity == "voltage_v":
            return sum(volts) / len(volts)
        if quantity == "current_a":
            return max(abs(flow) / volt for flow, volt in zip(flows, volts, strict=True))
        return sum(flows).real

    async def end(self) -> Recording:
        """See `Gauge.end`."""
        if self._began_s is None:
            raise RigError("Waveform", "it does not record", "begin before the end")
        ahead_s = self._settle()
        from_s, to_s = self._began_s, self.plant.now_s
        from_s = max(from_s, to_s - MAX_SAMPLES / self._rate_hz)
        self._began_s = None
        channels: dict[str, FloatArray] = {}
        t_s: FloatArray = np.zeros(0)
        for number, (name, trace) in enumerate(self._traces.items()):
            spec = WaveformSpec(
                rate_hz=self._rate_hz,
                noise_v=self._resolution_v / 2,
                noise_a=self._resolution_a / 2,
                resolution_v=self._resolution_v,
                resolution_a=self._resolution_a,
                seed=self._seed + number,
            )
            made = waveform(trace.rows, spec, from_s, to_s, place=name)
            t_s = made.t_s
            channels |= {key: y for key, y in made.channels.items() if name == "poi" or "current" in key}
            self.plant.forget(trace)
        self._traces = {}
        random = np.random.default_rng(self._seed)
        for key in channels:
            channels[key] = channels[key] * (1.0 + self._sigma * random.standard_normal())
        return Recording(name=WAVEFORM, t_s=t_s + ahead_s, channels=channels)

    def _place(self, channel: str) -> str:
        place, _, quantity = channel.partition(".")
        if channel not in self._sheet.channels:
            raise RigError("Waveform", f"does not record {channel}", "see its `channels` in the rig's sheet")
        known = {"poi", *(point.id for point in self.plant.spec.points), DER, LOAD}
        if place not in PLACES or PLACES[place] not in known or quantity not in QUANTITIES:
            raise RigError("Waveform", f"has no waveform of {channel}", "take it from a power meter")
        return place
