"""Point-on-wave records: u(t) and i(t) of each conductor, at any rate, from the phasors that a trace kept.

The angle runs on through every step and change of frequency. Samples lie at whole multiples of 1/rate and are made
block by block, so that memory is bounded by the block; the result does not depend on how it is cut. Power of the
fundamental is the plant's, by construction; a harmonic adds power only where voltage and current both have it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from hil.plant.trace import PhasorRow
from hil.record.recording import FloatArray, Recording

SAMPLES_PER_CYCLE = 256  # of a power quality recorder; at 60 Hz 15 360 samples a second
BLOCK_SAMPLES = 1 << 14  # 16 384 rows of 6 channels are 0.8 MB
MAX_SAMPLES = 1 << 21  # of one recording in memory: two minutes at 15 360 samples a second, some 120 MB
WAVEFORM = "waveform"

ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmonic:
    """A harmonic: its order, its part of the fundamental, and how far it leads at the fundamental's crest."""

    order: int
    part_ratio: float
    angle_deg: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveformSpec:
    """A recorder. `noise_*` is the standard deviation of one sample, `resolution_*` its smallest step (0: none)."""

    rate_hz: float = SAMPLES_PER_CYCLE * 60.0
    voltage_harmonics: tuple[Harmonic, ...] = ()
    current_harmonics: tuple[Harmonic, ...] = ()
    noise_v: float = 0.0
    noise_a: float = 0.0
    resolution_v: float = 0.0
    resolution_a: float = 0.0
    seed: int = 1


def waveform_blocks(
    rows: Sequence[PhasorRow], spec: WaveformSpec, from_s: float, to_s: float, *, place: str = "poi"
) -> Iterator[Recording]:
    """The samples from `from_s` until `to_s` (both included where a sample lies there), in blocks.

    Channels are `PLACE.voltage_v.L1` ... and `PLACE.current_a.L1` ...; before the first row and after the last the
    phasors stay as they are there.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("a waveform needs a trace with at least one row")
    line = _Line(rows)
    phases = len(rows[0].volts)
    noise = [np.random.default_rng((spec.seed, channel)) for channel in range(2 * phases)]
    first, last = ceil(from_s * spec.rate_hz - 1e-9), floor(to_s * spec.rate_hz + 1e-9)
    for begin in range(first, last + 1, BLOCK_SAMPLES):
        t_s = np.arange(begin, min(begin + BLOCK_SAMPLES, last + 1)) / spec.rate_hz
        volts, amps, crest = line.at(t_s)
        channels: dict[str, FloatArray] = {}
        for k in range(phases):
            u = _instants(volts[k], crest, spec.voltage_harmonics)
            channels[f"{place}.voltage_v.L{k + 1}"] = _taken(u, noise[k], spec.noise_v, spec.resolution_v)
        for k in range(phases):
            i = _instants(amps[k], crest, spec.current_harmonics)
            channels[f"{place}.current_a.L{k + 1}"] = _taken(i, noise[phases + k], spec.noise_a, spec.resolution_a)
        yield Recording(name=WAVEFORM, t_s=t_s, channels=channels)


def waveform(
    rows: Sequence[PhasorRow], spec: WaveformSpec, from_s: float, to_s: float, *, place: str = "poi"
) -> Recording:
    """The same as one recording; of more than `MAX_SAMPLES` the newest."""
    from_s = max(from_s, to_s - MAX_SAMPLES / spec.rate_hz)
    blocks = list(waveform_blocks(rows, spec, from_s, to_s, place=place))
    if not blocks:
        return Recording(name=WAVEFORM, t_s=np.zeros(0), channels={})
    return Recording(
        name=WAVEFORM,
        t_s=np.concatenate([block.t_s for block in blocks]),
        channels={name: np.concatenate([block.channels[name] for block in blocks]) for name in blocks[0].channels},
    )


class _Line:
    """Rows as arrays: what holds at any instants."""

    def __init__(self, rows: Sequence[PhasorRow]):
        self._at_s = np.array([row.at_s for row in rows])
        self._hz = np.array([row.frequency_hz for row in rows])
        self._turns = np.array([row.angle_deg for row in rows]) / 360.0
        self._volts = np.array([row.volts for row in rows]).T
        self._amps = np.array([row.amps for row in rows]).T

    def at(self, t_s: FloatArray) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """Voltage and current phasors by conductor, and the grid's turning unit phasor."""
        last = len(self._at_s) - 1
        here = np.clip(np.searchsorted(self._at_s, t_s, side="right") - 1, 0, last)
        there = np.minimum(here + 1, last)
        since_s, span_s = t_s - self._at_s[here], self._at_s[there] - self._at_s[here]
        part = np.divide(since_s, span_s, out=np.zeros_like(t_s), where=span_s > 0.0).clip(0.0, 1.0)
        volts = self._volts[:, here] + part * (self._volts[:, there] - self._volts[:, here])
        amps = self._amps[:, here] + part * (self._amps[:, there] - self._amps[:, here])
        return volts, amps, np.exp(2j * np.pi * (self._turns[here] + self._hz[here] * since_s))


def _instants(phasors: ComplexArray, crest: ComplexArray, harmonics: Sequence[Harmonic]) -> FloatArray:
    """Instantaneous values of a phasor that turns with the grid."""
    turning = phasors * crest
    total = turning.real.copy()
    if harmonics:
        size = np.abs(turning)
        unit = np.divide(turning, size, out=np.zeros_like(turning), where=size > 0.0)
        for one in harmonics:
            total += one.part_ratio * size * (unit**one.order * np.exp(1j * np.radians(one.angle_deg))).real
    crests: FloatArray = np.sqrt(2.0) * total
    return crests


def _taken(true: FloatArray, random: np.random.Generator, noise_value: float, resolution_value: float) -> FloatArray:
    """What a recorder makes of a value."""
    seen = true + noise_value * random.standard_normal(len(true)) if noise_value > 0.0 else true
    return np.round(seen / resolution_value) * resolution_value if resolution_value > 0.0 else seen
