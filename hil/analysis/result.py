"""What is asked of a recording, and what the analysis answers."""

from dataclasses import dataclass, field
from enum import StrEnum

from hil.analysis.movement import Direction, Side
from hil.analysis.uncertainty import Budget, Instruments


class Grade(StrEnum):
    """How good the record is for timing."""

    A = "A"
    """Power from waveforms."""
    B = "B"
    """A fast analyser: values at most 0.2 s wide and apart."""
    C = "C"
    """Meter polling: for screening."""


class Verdict(StrEnum):
    """Against the criterion that was given; a pre-test, never a certificate."""

    PASS = "PASS"
    FAIL = "FAIL"
    INDETERMINATE = "INDETERMINATE"
    INVALID = "INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. `limit_value` is a magnitude in the response's unit; `within_s` the greatest time that passes.

    `tolerance_value`: how far beyond the limit still counts as on it; None takes it from the record. `number` is which
    step of the stimulus is meant, from 1.
    """

    side: Side = Side.BELOW
    limit_value: float | None = None
    tolerance_value: float | None = None
    within_s: float | None = None
    number: int = 1
    instruments: Instruments = field(default_factory=Instruments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """All figures of one response. Times in seconds from `t0_s`, which is on the record's clock; None: does not exist.

    `olrt_s` is the literal figure: 90 % of the way from the initial to the final value, before any overshoot.
    `t90_from_extreme_s` is that of the movement that answers the step. `olrt_judged_s` is what the verdict is on: in a
    limit test the larger of `t90_from_extreme_s` and `back_under_limit_s`. Values (`initial_value` ...) are in the unit
    of the response.
    """

    reason: str = ""
    """Why there is no number, or what decided the verdict."""
    verdict: Verdict | None = None
    grade: Grade | None = None
    direction: Direction | None = None
    t0_s: float | None = None
    t0_u95_s: float | None = None
    olrt_s: float | None = None
    olrt_u95_s: float | None = None
    t90_from_extreme_s: float | None = None
    t90_from_extreme_u95_s: float | None = None
    olrt_judged_s: float | None = None
    olrt_judged_u95_s: float | None = None
    budget: Budget | None = None
    """What `olrt_judged_u95_s` is made of."""
    back_under_limit_s: float | None = None
    back_under_limit_u95_s: float | None = None
    settling_2pct_s: float | None = None
    settling_5pct_s: float | None = None
    overshoot_pct: float | None = None
    initial_value: float | None = None
    extreme_value: float | None = None
    final_value: float | None = None
    final_u95_value: float | None = None
    limit_value: float | None = None
    tolerance_value: float | None = None
    peak_excess_value: float | None = None
    inadvertent_value: float | None = None
    """Flow beyond the limit, summed over time: unit of the response times hours."""
    dead_time_s: float | None = None
    lag_s: float | None = None
    lag_misfit_pct: float | None = None
    window_s: float | None = None
    stimulus_value: float | None = None
    steps_found: int = 0
    within_s: float | None = None
    notes: tuple[str, ...] = ()
