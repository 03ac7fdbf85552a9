"""Measuring chains as they are and not as the analyser thinks they are: phase, delay, averaging, noise, loss, drift.

Nothing here is shared with the analyser. Averages are trailing, as meters make them; every record has a phase of its
own; samples are quantised, some are lost, and the clock runs wrong.
"""

from dataclasses import dataclass

import numpy as np

from tests.known_answers.shapes import Random, Shape, Values

STEP_W, START_W = 4000.0, 9000.0
FINE_S = 0.002
CLOCK = 50e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One way to sample power."""

    name: str
    period_s: float
    averaging_s: float = 0.0
    noise: float = 0.002  # of the step, standard deviation
    quantum_w: float = 1.0
    lost: float = 0.01
    hold_s: float = 0.0
    """Update period of a meter that is polled faster than that."""

    @property
    def width_s(self) -> float:
        return max(self.period_s, self.averaging_s, self.hold_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A record of samples: the load that stepped, the DER, and the flow at the point, import-positive."""

    t_s: Values
    load_w: Values
    der_w: Values
    poi_w: Values
    truth_s: float


SAMPLED = (
    Chain(name="10 kHz, little noise", period_s=0.0001, noise=1e-5, quantum_w=0.01),
    Chain(name="1 kHz", period_s=0.001, noise=2e-4, quantum_w=0.1),
    Chain(name="1 kHz, noise", period_s=0.001),
    Chain(name="100 Hz", period_s=0.01),
    Chain(name="10 Hz analyser", period_s=0.1, averaging_s=0.1),
    Chain(name="5 Hz, 200 ms windows", period_s=0.2, averaging_s=0.2),
    Chain(name="10 Hz poll, 1 s averages", period_s=0.1, averaging_s=1.0),
    Chain(name="10 Hz poll, 1 s updates", period_s=0.1, averaging_s=1.0, hold_s=1.0),
    Chain(name="1 Hz instants", period_s=1.0, lost=0.0),
    Chain(name="1 Hz, 1 s averages", period_s=1.0, averaging_s=1.0, lost=0.0),
    Chain(name="1 Hz, 5 s averages", period_s=1.0, averaging_s=5.0, lost=0.0),
)


def sample(shape: Shape, chain: Chain, random: Random) -> Sampled:
    """One record of this response through this chain, the load dropping and the DER following."""
    before_s = 8.0 * chain.width_s + 2.0 + random.uniform(0.0, 2.0 * chain.width_s)
    after_s = 1.6 * shape.rest_s + 24.0 * chain.width_s + 1.0
    fine = np.arange(-before_s - 3 * chain.width_s, after_s, min(FINE_S, chain.period_s / 4))
    load, der = (fine >= 0.0).astype(float), shape.share(fine)
    at = np.arange(-before_s + random.uniform(0.0, chain.period_s), after_s - chain.period_s, chain.period_s)
    if chain.hold_s:
        phase_s = random.uniform(0.0, chain.hold_s)
        seen = np.floor((at - phase_s) / chain.hold_s) * chain.hold_s + phase_s
    else:
        seen = at
    if chain.averaging_s:
        parts = [_averaged(fine, y, seen, chain.averaging_s) for y in (load, der)]
    else:
        parts = [(seen >= 0.0).astype(float), shape.share(seen)]
    shifts = np.round((seen - seen[0]) / (chain.hold_s or chain.period_s)).astype(int)
    noise = [chain.noise * STEP_W * random.standard_normal(shifts[-1] + 1)[shifts] for _ in range(2)]
    load_w = START_W - STEP_W * parts[0] + noise[0]
    der_w = START_W - STEP_W * parts[1] + noise[1]
    kept = random.uniform(size=len(at)) >= chain.lost
    clock_s = (at + 1000.0) * (1.0 + CLOCK * random.uniform(-1.0, 1.0))
    quantised = [np.round(y / chain.quantum_w) * chain.quantum_w for y in (load_w, der_w, load_w - der_w)]
    return Sampled(
        t_s=clock_s[kept],
        load_w=quantised[0][kept],
        der_w=quantised[1][kept],
        poi_w=quantised[2][kept],
        truth_s=shape.t90_s,
    )


def _averaged(fine_s: Values, y: Values, at_s: Values, averaging_s: float) -> Values:
    """Trailing averages at the given instants."""
    total = np.concatenate([[0.0], np.cumsum(y[:-1] * np.diff(fine_s))])
    ends = [np.interp(at_s - back_s, fine_s, total) for back_s in (0.0, averaging_s)]
    return np.asarray((ends[0] - ends[1]) / averaging_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveforms:
    """Voltages and currents of a load and a DER, per phase, with the truth."""

    t_s: Values
    v: tuple[Values, ...]
    load_a: tuple[Values, ...]
    der_a: tuple[Values, ...]
    truth_s: float
    period_s: float


def waveforms(
    shape: Shape, random: Random, *, phases: int = 3, rate_hz: float = 10_000.0, hz: float = 60.0, drift: float = 0.0
) -> Waveforms:
    """Voltage with harmonics and noise, currents in phase with some harmonics; frequency off nominal and drifting."""
    before_s, after_s = 1.0 + random.uniform(0.0, 0.1), 1.4 * shape.rest_s + 0.8
    t = np.arange(-before_s, after_s, 1.0 / rate_hz) + random.uniform(0.0, 1.0 / rate_hz)
    angle = 2 * np.pi * (hz * t + 0.5 * drift * t * t) + random.uniform(0.0, 2 * np.pi)
    peak_v = 277.0 * np.sqrt(2.0)
    load = (START_W - STEP_W * (t >= 0.0)) / phases
    der = (START_W - STEP_W * shape.share(t)) / phases
    v, load_a, der_a = [], [], []
    for k in range(phases):
        x = angle - 2 * np.pi * k / 3
        clean_v = peak_v * (np.sin(x) + 0.02 * np.sin(5 * x))
        unit_a = 2.0 / peak_v * (np.sin(x) + 0.05 * np.sin(3 * x + 0.4))
        v.append(clean_v + 0.002 * peak_v * random.standard_normal(len(t)))
        for flow, out in ((load, load_a), (der, der_a)):
            scale = START_W / phases * 2.0 / peak_v
            out.append(np.round((flow * unit_a + 0.002 * scale * random.standard_normal(len(t))) / 0.01) * 0.01)
    return Waveforms(
        t_s=t + 50.0, v=tuple(v), load_a=tuple(load_a), der_a=tuple(der_a), truth_s=shape.t90_s, period_s=1.0 / hz
    )
