"""A CT meter: a window over true power, an update grid with a phase, noise, creep, resolution, and its faults."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class MeterMode(StrEnum):
    """What is wrong with the meter or its CTs. A frozen meter goes on answering."""

    OK = "ok"
    FROZEN = "frozen"
    NAN = "nan"
    OPEN = "open"
    OPEN_A = "open_a"
    OPEN_B = "open_b"
    OPEN_C = "open_c"
    REVERSED = "reversed"
    REVERSED_A = "reversed_a"
    REVERSED_B = "reversed_b"
    REVERSED_C = "reversed_c"


_ALL = (0, 1, 2)
_FACTOR: dict[MeterMode, tuple[tuple[int, ...], float]] = {
    MeterMode.OPEN: (_ALL, 0.0),
    MeterMode.OPEN_A: ((0,), 0.0),
    MeterMode.OPEN_B: ((1,), 0.0),
    MeterMode.OPEN_C: ((2,), 0.0),
    MeterMode.REVERSED: (_ALL, -1.0),
    MeterMode.REVERSED_A: ((0,), -1.0),
    MeterMode.REVERSED_B: ((1,), -1.0),
    MeterMode.REVERSED_C: ((2,), -1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSpec:
    """How one meter measures.

    A new value every `update_s`, the first at `phase_s`: the mean of true power over the last `averaging_s`, shown
    `latency_s` later. `noise_w` is the standard deviation of the total. Power per phase below `creep_w` reads as zero.
    """

    id: str
    update_s: float = 0.1
    averaging_s: float = 0.1
    phase_s: float = 0.0
    latency_s: float = 0.0
    noise_w: float = 0.0
    noise_v: float = 0.1
    creep_w: float = 0.0
    resolution_w: float = 1.0
    ratio_error_pct: float = 0.0
    nominal_v: float = 230.0
    nominal_hz: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSample:
    """One measurement; positive is import. `valid` False: the meter answers with "not a number"."""

    at_s: float
    phase_import_w: tuple[float, ...]
    phase_voltage_v: tuple[float, ...]
    frequency_hz: float
    imported_wh: float
    exported_wh: float
    valid: bool

    @property
    def import_w(self) -> float:
        """Sum of the phases, as the meter states it."""
        return sum(self.phase_import_w)


class Meter:
    """One meter's state. It is told the energy that has passed at every step of the plant and measures when due."""

    def __init__(self, spec: MeterSpec, *, seed: int, phase_import_w: Sequence[float]):
        self.spec = spec
        self.mode = MeterMode.OK
        self.ratio_error_pct = spec.ratio_error_pct
        self.version = 0
        self._random = Random(f"{seed}:{spec.id}")
        self._phases = len(phase_import_w)
        self._noise_w = spec.noise_w / self._phases**0.5
        self._imported_wh = self._exported_wh = 0.0
        # Energy by instant, back to the beginning of the window; plants step at 1 ms or more, windows are 60 s or less.
        self._passed: deque[tuple[float, tuple[float, ...]]] = deque(maxlen=65536)
        self._passed.append((-spec.averaging_s, tuple(-w * spec.averaging_s for w in phase_import_w)))
        self._passed.append((0.0, (0.0,) * self._phases))
        self._index = 0
        self._shown_later: deque[MeterSample] = deque(maxlen=64)
        self.sample = self._measure(0.0)
        self.next_event_s = spec.phase_s

    def passed(self, now_s: float, phase_j: tuple[float, ...]) -> None:
        """Note the energy (W*s per phase, import positive) that has passed from time zero until `now_s`."""
        self._passed.append((now_s, phase_j))

    def fire(self, now_s: float) -> None:
        """Measure and show what is due at `now_s`."""
        while self._due_s() <= now_s:
            self._shown_later.append(self._measure(now_s))
            self._index += 1
        while self._shown_later and self._shown_later[0].at_s + self.spec.latency_s <= now_s:
            shown = self._shown_later.popleft()
            if self.mode is not MeterMode.FROZEN:
                self.sample = shown
                self.version += 1
        self.next_event_s = self._due_s()
        if self._shown_later:
            self.next_event_s = min(self.next_event_s, self._shown_later[0].at_s + self.spec.latency_s)

    def _due_s(self) -> float:
        return self.spec.phase_s + self._index * self.spec.update_s

    def _measure(self, now_s: float) -> MeterSample:
        spec, gauss = self.spec, self._random.gauss
        gain = 1 + self.ratio_error_pct / 100
        wrong, factor = _FACTOR.get(self.mode, ((), 1.0))
        phase_import_w = []
        for k, true_w in enumerate(self._mean(now_s)):
            shown_w = true_w * gain + (gauss(0.0, self._noise_w) if self._noise_w else 0.0)
            if k in wrong:
                shown_w *= factor
            if abs(shown_w) < spec.creep_w:
                shown_w = 0.0
            phase_import_w.append(round(shown_w / spec.resolution_w) * spec.resolution_w)
        wh = sum(phase_import_w) * spec.update_s / 3600
        if self._index:
            self._imported_wh += max(wh, 0.0)
            self._exported_wh += max(-wh, 0.0)
        return MeterSample(
            at_s=now_s,
            phase_import_w=tuple(phase_import_w),
            phase_voltage_v=tuple(spec.nominal_v + gauss(0.0, spec.noise_v) for _ in phase_import_w),
            frequency_hz=spec.nominal_hz + gauss(0.0, 0.01),
            imported_wh=self._imported_wh,
            exported_wh=self._exported_wh,
            valid=self.mode is not MeterMode.NAN,
        )

    def _mean(self, now_s: float) -> tuple[float, ...]:
        """Mean true power over the window that ends now, W per phase."""
        passed, window_s = self._passed, self.spec.averaging_s
        start_s = now_s - window_s
        while len(passed) > 2 and passed[1][0] <= start_s + 1e-9:
            passed.popleft()
        (before_s, before_j), (after_s, after_j) = passed[0], passed[1]
        part = min(1.0, max(0.0, (start_s - before_s) / (after_s - before_s)))
        now_j = passed[-1][1]
        return tuple((n - b - part * (a - b)) / window_s for n, b, a in zip(now_j, before_j, after_j, strict=True))
