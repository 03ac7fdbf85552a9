"""A CT meter at a point: a window over true power per conductor, an update grid, CT errors, creep, and its faults.

The plant sums energy by *group*: everything at one place with one connection. A meter knows which groups flow through
it and what a watt of each puts on every conductor; it works that out only when it measures.
"""

from cmath import exp, pi
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot
from random import Random

from hil.plant.system import System
from hil.plant.wiring import MeterMode, Wiring, matrices, seen

KEPT_ROWS = 65536  # plants step at 1 ms or more, windows are 60 s or less


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSpec:
    """How one meter measures, and where.

    `point` is a point of the plant (the meter sees all that lies behind it), or the id of a DER (it sees that one);
    positive flows away from the grid, towards what lies behind the meter.

    A new value every `update_s`, the first at `phase_s`: the mean over the last `averaging_s`, shown `latency_s` later.
    `noise_w` is the standard deviation of the total. Power per conductor below `creep_w` reads as zero.
    `ratio_error_pct` and `phase_error_deg` are those of the CTs; a positive phase error leads. `tap_a_ratio`: see
    `hil.plant.wiring`; it matters only without a neutral.
    """

    id: str
    point: str = "poi"
    update_s: float = 0.1
    averaging_s: float = 0.1
    phase_s: float = 0.0
    latency_s: float = 0.0
    noise_w: float = 0.0
    noise_v: float = 0.1
    creep_w: float = 0.0
    resolution_w: float = 1.0
    ratio_error_pct: float = 0.0
    phase_error_deg: float = 0.0
    tap_a_ratio: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSample:
    """One measurement; positive is import. `valid` False: the meter answers with "not a number".

    Currents are the RMS of the window's mean power: what a meter shows while nothing moves inside its window.
    """

    at_s: float
    phase_import_w: tuple[float, ...]
    phase_import_var: tuple[float, ...]
    phase_current_a: tuple[float, ...]
    phase_voltage_v: tuple[float, ...]
    line_voltage_v: tuple[float, ...]
    """L1L2, L2L3, L3L1; of a split system L1L2 alone."""
    frequency_hz: float
    imported_wh: float
    exported_wh: float
    valid: bool

    @property
    def import_w(self) -> float:
        """Sum of the conductors, as the meter states it."""
        return sum(self.phase_import_w)

    @property
    def import_var(self) -> float:
        """Sum of the conductors."""
        return sum(self.phase_import_var)


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """A group whose energy flows through a meter: its place in the plant's sums, and its parts per conductor."""

    group: int
    p_part: tuple[float, ...]
    q_part: tuple[float, ...]


class Meter:
    """One meter's state. It is told the energy that has passed at every step of the plant and measures when due."""

    def __init__(
        self,
        spec: MeterSpec,
        *,
        seed: int,
        system: System,
        through: Sequence[Through],
        group_w: Sequence[float],
        voltages: Callable[[], Sequence[complex]] | None = None,
        frequency: Callable[[], float] | None = None,
    ):
        """Look at the groups `through`, which carry `group_w` now.

        `voltages` and `frequency` (Hz) ask for those at the present; without them they are nominal.
        """
        self.spec = spec
        self._modes: frozenset[MeterMode] = frozenset()
        self.ratio_error_pct = spec.ratio_error_pct
        self.averaging_s = spec.averaging_s
        """Width of the window. A wider one begins with what the narrower one held, and fills up from there."""
        self._update_s = spec.update_s
        self.version = 0
        self._system, self._through = system, tuple(through)
        self._reactive = any(any(one.q_part) for one in through)
        self._voltages = voltages or system.phasors
        self._frequency = frequency or (lambda: system.nominal_hz)
        self._random = Random(f"{seed}:{spec.id}")
        self._phases = system.phases
        self._noise_w = spec.noise_w / self._phases**0.5
        self._phase_turn = exp(1j * pi * spec.phase_error_deg / 180)
        self._imported_wh = self._exported_wh = 0.0
        # Energy by instant, back to the beginning of the window.
        self._passed: deque[tuple[float, tuple[float, ...]]] = deque(maxlen=KEPT_ROWS)
        self._passed.append((-spec.averaging_s, tuple(-w * spec.averaging_s for w in group_w)))
        self._passed.append((0.0, (0.0,) * len(group_w)))
        self._grid_s, self._index = spec.phase_s, 0
        self._measured_s = 0.0
        self._shown_later: deque[MeterSample] = deque(maxlen=64)
        self.sample = self._measure(0.0)
        self.next_event_s = spec.phase_s

    # -- what can be wrong with it

    @property
    def modes(self) -> frozenset[MeterMode]:
        """Everything that is wrong with it now."""
        return self._modes

    @property
    def mode(self) -> MeterMode:
        """One of `modes`; setting it ends all others."""
        return next((mode for mode in MeterMode if mode in self._modes), MeterMode.OK)

    @mode.setter
    def mode(self, mode: MeterMode) -> None:
        self._modes = frozenset((mode,)) - {MeterMode.OK}

    def fail(self, mode: MeterMode) -> None:
        """Let this be wrong as well, from its next measurement on (frozen: from its next value on)."""
        self._modes |= {mode} - {MeterMode.OK}

    def mend(self, mode: MeterMode) -> None:
        """End this one fault; nothing happens where there is none."""
        self._modes -= {mode}

    def renew_every(self, now_s: float, update_s: float) -> None:
        """Another update period: the next value comes so long after the last one, or at once if that has passed."""
        self._grid_s, self._index, self._update_s = max(now_s, self._measured_s + update_s), 0, update_s
        self.next_event_s = min(self.next_event_s, self._due_s())

    def restore(self, now_s: float) -> None:
        """As it was delivered: nothing wrong, errors, window and update period of its description."""
        self._modes, self.ratio_error_pct = frozenset(), self.spec.ratio_error_pct
        self.averaging_s = self.spec.averaging_s
        if self._update_s != self.spec.update_s:
            self.renew_every(now_s, self.spec.update_s)

    # -- what time does to it

    def passed(self, now_s: float, group_j: tuple[float, ...]) -> None:
        """Note the energy (W*s per group, import positive) that has passed from time zero until `now_s`."""
        self._passed.append((now_s, group_j))

    def fire(self, now_s: float) -> None:
        """Measure and show what is due at `now_s`."""
        while self._due_s() <= now_s:
            self._shown_later.append(self._measure(now_s))
            self._measured_s = now_s
            self._index += 1
        while self._shown_later and self._shown_later[0].at_s + self.spec.latency_s <= now_s:
            shown = self._shown_later.popleft()
            if MeterMode.FROZEN not in self._modes:
                self.sample = shown
                self.version += 1
        self.next_event_s = self._due_s()
        if self._shown_later:
            self.next_event_s = min(self.next_event_s, self._shown_later[0].at_s + self.spec.latency_s)

    def _due_s(self) -> float:
        return self._grid_s + self._index * self._update_s

    def _measure(self, now_s: float) -> MeterSample:
        spec, gauss = self.spec, self._random.gauss
        phase_w, phase_var = self._flows(now_s)
        volts = self._voltages()
        wiring = matrices(self._modes, self._system.name, self._phases, spec.tap_a_ratio) if self._modes else None
        if wiring is not None or spec.phase_error_deg:
            volts, phase_w, phase_var, phase_a = self._as_wired(wiring, volts, phase_w, phase_var)
        else:
            gain = 1 + self.ratio_error_pct / 100
            phase_w, phase_var = [gain * w for w in phase_w], [gain * var for var in phase_var]
            phase_a = [hypot(w, var) / abs(v) for w, var, v in zip(phase_w, phase_var, volts, strict=True)]
        step_w, noise_w = spec.resolution_w, self._noise_w
        for k, true_w in enumerate(phase_w):
            # A channel without current or voltage shows nothing, not noise.
            alive = wiring is None or (any(wiring[0][k]) and any(wiring[1][k]))
            shown_w = true_w + gauss(0.0, noise_w) if noise_w and alive else true_w
            phase_w[k] = 0.0 if abs(shown_w) < spec.creep_w else round(shown_w / step_w) * step_w
        wh = sum(phase_w) * (now_s - self._measured_s) / 3600
        if self._measured_s or self._index:
            self._imported_wh += max(wh, 0.0)
            self._exported_wh += max(-wh, 0.0)
        return MeterSample(
            at_s=now_s,
            phase_import_w=tuple(phase_w),
            phase_import_var=tuple([round(var / step_w) * step_w for var in phase_var]),
            phase_current_a=tuple(phase_a),
            phase_voltage_v=tuple([max(0.0, abs(v) + gauss(0.0, spec.noise_v)) if v else 0.0 for v in volts]),
            line_voltage_v=_between(volts),
            frequency_hz=self._frequency() + gauss(0.0, 0.01),
            imported_wh=self._imported_wh,
            exported_wh=self._exported_wh,
            valid=MeterMode.NAN not in self._modes,
        )

    def _flows(self, now_s: float) -> tuple[list[float], list[float]]:
        """Mean true W and var per conductor over the window that ends now."""
        passed = self._passed
        start_s = max(now_s - self.averaging_s, passed[0][0])
        window_s = now_s - start_s
        while len(passed) > 2 and passed[1][0] <= start_s + 1e-9:
            passed.popleft()
        (before_s, before_j), (after_s, after_j) = passed[0], passed[1]
        part = min(1.0, max(0.0, (start_s - before_s) / (after_s - before_s)))
        now_j = passed[-1][1]
        phase_w, phase_var = [0.0] * self._phases, [0.0] * self._phases
        for one in self._through:
            g = one.group
            mean_w = (now_j[g] - before_j[g] - part * (after_j[g] - before_j[g])) / window_s
            for k, share in enumerate(one.p_part):
                phase_w[k] += mean_w * share
            if self._reactive:
                for k, share in enumerate(one.q_part):
                    phase_var[k] += mean_w * share
        return phase_w, phase_var

    def _as_wired(
        self,
        wiring: Wiring | None,
        volts: Sequence[complex],
        phase_w: list[float],
        phase_var: list[float],
    ) -> tuple[Sequence[complex], list[float], list[float], list[float]]:
        """Voltages, W, var and A as they arrive through wrong taps and CTs, and CTs with a phase error."""
        amps = [complex(w, -var) / v.conjugate() for w, var, v in zip(phase_w, phase_var, volts, strict=True)]
        if wiring is not None:
            volts, amps = seen(wiring[0], volts), seen(wiring[1], amps)
        turn = self._phase_turn * (1 + self.ratio_error_pct / 100)
        amps = [amp * turn for amp in amps]
        flows = [v * amp.conjugate() for v, amp in zip(volts, amps, strict=True)]
        return volts, [s.real for s in flows], [s.imag for s in flows], [abs(amp) for amp in amps]


def _between(volts: Sequence[complex]) -> tuple[float, ...]:
    """The voltages between conductors, V; none in a single-phase system."""
    pairs = zip(volts, (*volts[1:], volts[0]), strict=True)
    return tuple([abs(one - other) for one, other in pairs][: {1: 0, 2: 1}.get(len(volts), 3)])
