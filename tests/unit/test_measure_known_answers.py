"""Measurements at their edges: which poll is one, what is kept of it, when it is late, and what is said of that."""

import math
from dataclasses import replace
from typing import Any

import pytest

from pcs.core import measure
from pcs.core.measure import MeterState, Sample
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import MeterReading
from pcs.model.site import System
from pcs.model.units import Span
from tests import core_site as site

RULES = site.policy()


def meter(**more: Any) -> MeterState:
    """A meter that has shown something new at 10 s, as it does ten times a second."""
    sample = Sample(
        import_w=500.0,
        phase_import_w=(),
        resolution_w=1.0,
        span=Span(from_s=9.8, to_s=10.0),
        published_s=9.9,
        received_s=10.0,
    )
    given = {
        "identified": site.meter_met(),
        "words": b"old",
        "shown_s": 9.99,
        "fresh_s": 10.0,
        "evidence_s": 9.99,
        "period_s": 0.1,
        "sample": sample,
        "moved_s": 7.0,
        "zero_from_w": 500.0,
        "fresh_run": 9,
        "lost": False,
        **more,
    }
    return MeterState(**given)


def taken(
    state: MeterState, reading: MeterReading | Fault, moving_w: float = 0.0, spec: Any = None
) -> tuple[MeterState, Sample | None]:
    return measure.take(state, reading, spec or RULES.meters[0], RULES, moving_w)


def says(import_w: float, at_s: float, words: bytes = b"new", **more: Any) -> MeterReading:
    return site.meter_says(import_w, at_s, words=words, **{"sent_s": round(at_s - 0.01, 3), **more})


def test_a_request_that_failed_is_remembered_as_why_and_breaks_the_row() -> None:
    failed = site.fault(FaultKind.NO_ANSWER, 10.3)
    state, sample = taken(meter(), failed)
    assert (sample, state.bad, state.evidence_s, state.fresh_run) == (None, failed, 10.3, 0)
    assert (state.fresh_s, state.words) == (10.0, b"old")


def test_an_implausible_reading_is_evidence_from_when_it_was_asked_for() -> None:
    state, sample = taken(meter(), says(math.nan, 10.3))
    assert (sample, state.evidence_s, state.fresh_run, state.shown_s) == (None, 10.29, 0, 9.99)
    assert state.bad is not None
    assert (state.bad.source_id, state.bad.at_s, state.bad.detail) == ("poi", 10.3, "a power is not a number")


def test_old_words_are_evidence_and_no_measurement() -> None:
    state, sample = taken(meter(bad=site.fault(FaultKind.NO_ANSWER, 10.1)), says(500.0, 10.3, b"old"))
    assert (sample, state.shown_s, state.evidence_s, state.bad) == (None, 10.29, 10.29, None)
    assert (state.fresh_s, state.fresh_run) == (10.0, 9)


def test_the_first_words_are_kept_and_end_what_was_wrong() -> None:
    before = MeterState(identified=site.meter_met(), bad=site.fault(FaultKind.NO_ANSWER, 1.0))
    state, sample = taken(before, says(500.0, 10.3))
    assert (sample, state.words, state.shown_s, state.evidence_s, state.bad) == (None, b"new", 10.29, 10.29, None)
    assert taken(meter(shown_s=None), says(500.0, 10.3))[1] is None, "words whose time is not known begin, too"


def test_a_measurement_is_remembered_with_all_that_it_says() -> None:
    more = {
        "phase_import_w": (100.0, 0.0, 200.0),
        "phase_import_var": (1.0, 2.0, 3.0),
        "phase_current_a": (1.0, 0.0, 2.0),
        "phase_voltage_v": (230.0,) * 3,
        "resolution_w": 0.5,
    }
    spec = site.meter_spec(averaging_s=0.4)
    state, sample = taken(meter(zero_since_s=8.0), says(300.0, 10.11, **more), spec=spec)
    assert sample == Sample(
        import_w=300.0,
        phase_import_w=(100.0, 0.0, 200.0),
        phase_import_var=(1.0, 2.0, 3.0),
        phase_current_a=(1.0, 0.0, 2.0),
        phase_voltage_v=(230.0,) * 3,
        resolution_w=0.5,
        span=Span(from_s=9.59, to_s=10.11),
        published_s=9.99,
        received_s=10.11,
    )
    assert (state.words, state.shown_s, state.evidence_s, state.fresh_s) == (b"new", 10.1, 10.1, 10.11)
    assert (state.moved_s, state.fresh_run, state.lost, state.bad) == (10.11, 10, False, None)
    assert (state.zero_since_s, state.zero_from_w) == (None, 300.0)
    assert state.phase_zero_since_s == (None, 10.11, None)
    assert state.phase_zero_from_w == (100.0, None, 200.0)


def test_the_window_is_the_site_s_else_the_profile_s_else_one_period() -> None:
    own = replace(site.meter_spec(averaging_s=0.4), averaging_s=0.7)
    for spec, window_s in ((own, 0.7), (site.meter_spec(averaging_s=0.4), 0.4), (site.meter_spec(), 0.1)):
        sample = taken(meter(), says(500.0, 10.1), spec=spec)[1]
        assert sample is not None
        assert sample.span.from_s == pytest.approx(9.99 - window_s)
    unknown = taken(meter(period_s=None), says(500.0, 10.1), spec=site.meter_spec(update_s=None))[1]
    assert unknown is not None
    assert unknown.span.from_s == 9.99


def test_power_that_repeats_itself_has_not_moved_though_the_words_are_new() -> None:
    assert taken(meter(), says(500.0, 10.1))[0].moved_s == 7.0
    assert taken(meter(), says(501.0, 10.1))[0].moved_s == 10.1
    assert taken(meter(sample=None), says(500.0, 10.1))[0].moved_s == 10.1


def test_zeros_keep_when_they_began_and_from_what() -> None:
    first = taken(meter(), says(0.0, 10.1))[0]
    assert (first.zero_since_s, first.zero_from_w) == (10.1, 500.0)
    second = taken(first, says(0.0, 10.2, b"newer"))[0]
    assert (second.zero_since_s, second.zero_from_w) == (10.1, 500.0)
    over = taken(second, says(-3.0, 10.3, b"newest"))[0]
    assert (over.zero_since_s, over.zero_from_w) == (None, -3.0)


@pytest.mark.parametrize(
    ("more", "zero"),
    [
        ({}, True),
        ({"phase_import_w": (0.0, 0.0, 0.0)}, True),
        ({"phase_import_w": (5.0, -5.0, 0.0)}, False),
        ({"phase_import_w": (0.0, 0.0, 0.0), "phase_current_a": (0.0, 0.1, 0.0)}, False),
        ({"phase_import_w": (0.0, 0.0, 0.0), "phase_current_a": (0.0, 0.0, 0.0)}, True),
    ],
)
def test_only_a_meter_without_watts_and_amperes_in_every_phase_shows_nothing(more: dict[str, Any], zero: bool) -> None:
    assert (taken(meter(), says(0.0, 10.1, **more))[0].zero_since_s is not None) is zero


def test_a_phase_with_a_current_but_no_watts_is_no_zero() -> None:
    phases = {"phase_import_w": (0.0, 0.0, 300.0), "phase_current_a": (0.0, 2.0, 3.0)}
    assert taken(meter(), says(300.0, 10.1, **phases))[0].phase_zero_since_s == (10.1, None, None)


@pytest.mark.parametrize(
    ("patience_s", "lasted_s", "expected_s"),
    [
        (1.0, 0.9, 1.0),
        (1.0, 1.0, 10.0),
        (10.0, 9.9, 10.0),
        (10.0, 10.0, 20.0),
        (300.0, 400.0, 600.0),
        (600.0, 700.0, 900.0),
    ],
)
def test_zeros_that_ended_after_an_alarm_are_believed_twice_as_long_next_time(
    patience_s: float, lasted_s: float, expected_s: float
) -> None:
    """From ten seconds up to a quarter of an hour; of all phases, and of each by itself."""
    now_s = 10.0 + lasted_s
    before = meter(zero_patience_s=patience_s, zero_since_s=10.0, words=b"0")
    assert taken(before, says(7.0, now_s))[0].zero_patience_s == pytest.approx(expected_s)
    assert taken(before, says(0.0, now_s))[0].zero_patience_s == patience_s, "they have not ended"
    one = meter(phase_patience_s=patience_s, phase_zero_since_s=(None, 10.0, None), words=b"0")
    phases = {"phase_import_w": (7.0, 7.0, 7.0)}
    assert taken(one, says(21.0, now_s, **phases))[0].phase_patience_s == pytest.approx(expected_s)
    assert taken(one, says(14.0, now_s, phase_import_w=(7.0, 0.0, 7.0)))[0].phase_patience_s == patience_s


DUMB = site.meter_met(has_liveness=False)


@pytest.mark.parametrize(
    ("more", "at_s", "moving_w", "fresh"),
    [
        ({}, 10.125, 0.0, True),
        ({}, 10.12, 0.0, False),
        ({}, 10.125, 5.0, True),
        ({}, 10.125, 5.1, False),
        ({"period_s": None}, 10.125, 0.0, False),
        ({"fresh_s": None}, 10.125, 0.0, False),
        ({"identified": None}, 10.125, 0.0, False),
        ({"identified": site.meter_met()}, 10.125, 0.0, False),
    ],
)
def test_old_words_are_new_only_where_nothing_in_the_meter_must_move_and_nothing_has(
    more: dict[str, Any], at_s: float, moving_w: float, fresh: bool
) -> None:
    """Once a period of an eighth of a second, and while the DERs moved by no more than five steps of 1 W."""
    state = meter(**{"identified": DUMB, "fresh_s": 10.0, "period_s": 0.125, **more})
    assert (taken(state, says(500.0, at_s, b"old"), moving_w)[1] is not None) is fresh


def test_a_confirmation_is_no_interval_to_learn_the_period_from() -> None:
    spec = site.meter_spec(update_s=None)
    state, sample = taken(meter(identified=DUMB, intervals_s=(0.1, 0.1)), says(500.0, 10.5, b"old"), spec=spec)
    assert sample is not None
    assert (state.intervals_s, state.period_s) == ((0.1, 0.1), 0.1)


def period(intervals_s: tuple[float, ...], last_s: float, period_s: float | None = None) -> MeterState:
    spec = site.meter_spec(update_s=None)
    state = meter(period_s=period_s, intervals_s=intervals_s)
    return taken(state, says(500.0, 10.0 + last_s), spec=spec)[0]


def test_an_undeclared_period_is_the_middle_of_the_last_intervals() -> None:
    assert (period((0.5,), 1.0).period_s, period((0.5,), 1.0).intervals_s) == (None, (0.5, 1.0))
    assert period((0.5, 2.0), 1.0).period_s == 1.0
    assert period((9.0, 4.0, 3.0, 2.0, 1.0), 0.5).intervals_s == (4.0, 3.0, 2.0, 1.0, 0.5)
    assert period((9.0, 4.0, 3.0, 2.0, 1.0), 0.5).period_s == 2.0
    assert period((5.0, 5.0), 5.0).period_s == 5.0, "the slowest meter to control by"
    assert period((5.1, 5.1), 5.1).period_s is None
    assert period((1.0, 1.0), 1.0, period_s=0.5).period_s == 0.5, "never longer again"
    assert period((0.3, 0.3), 0.3, period_s=0.5).period_s == pytest.approx(0.3)


def test_the_first_change_of_all_has_no_interval() -> None:
    state, _ = taken(meter(fresh_s=None, period_s=None), says(500.0, 10.5), spec=site.meter_spec(update_s=None))
    assert (state.intervals_s, state.period_s, state.fresh_s) == ((), None, 10.5)


@pytest.mark.parametrize(("gap_s", "run"), [(1.99, 3), (2.0, 1)])
def test_a_gap_as_long_as_a_loss_begins_the_row_anew(gap_s: float, run: int) -> None:
    state, _ = taken(meter(fresh_run=2, lost=True), says(500.0, 10.0 + gap_s))
    assert (state.fresh_run, state.lost) == (run, run < 3)


def test_a_meter_whose_period_is_not_known_is_not_believed_after_any_number_of_samples() -> None:
    state, _ = taken(
        meter(period_s=None, fresh_run=20, lost=True), says(500.0, 10.1), spec=site.meter_spec(update_s=None)
    )
    assert (state.fresh_run, state.lost) == (21, True)


@pytest.mark.parametrize(
    ("total_w", "good"), [(924.0, True), (927.0, True), (927.1, False), (873.0, True), (872.9, False)]
)
def test_total_and_phases_differ_by_two_percent_and_three_steps_of_each_at_most(total_w: float, good: bool) -> None:
    """900 W in three phases of 300 W: 18 W and nine steps of 1 W."""
    reading = says(total_w, 10.1, phase_import_w=(300.0, 300.0, 300.0))
    assert (measure.implausible(reading, RULES) is None) is good
    words = measure.implausible(says(1000.0, 10.1, phase_import_w=(300.0, 300.0, 300.0)), RULES)
    assert words is not None
    assert words.detail == "total 1000 W, but the phases add up to 900 W"


def test_the_tolerance_of_a_sum_follows_what_flows_and_the_steps_of_the_meter() -> None:
    opposed = says(50.0, 10.1, phase_import_w=(5000.0, -5000.0, 0.0))
    assert measure.implausible(opposed, RULES) is None, "2 % of 10 kW that flow in and out again"
    coarse = says(990.0, 10.1, phase_import_w=(300.0, 300.0, 300.0), resolution_w=10.0)
    assert measure.implausible(coarse, RULES) is None
    assert measure.implausible(says(990.0, 10.1, phase_import_w=(900.0,)), RULES) is None, "one phase is no sum"
    assert measure.implausible(says(990.0, 10.1, phase_import_w=(450.0, 450.0)), RULES) is not None


@pytest.mark.parametrize(
    ("volts", "detail"),
    [
        ((115.0, 460.0, 230.0), None),
        ((114.9, 230.0, 230.0), "L1 shows 115 V where 230 V is nominal: voltage tap lost?"),
        ((230.0, 230.0, 460.1), "L3 shows 460 V where 230 V is nominal: voltage tap lost?"),
        ((230.0, 230.0, 230.0, 0.0), None),
    ],
)
def test_volts_between_half_and_twice_the_nominal_are_believed(volts: tuple[float, ...], detail: str | None) -> None:
    found = measure.implausible(says(0.0, 10.1, phase_voltage_v=volts), RULES)
    assert (found.detail if found else None) == detail
    split = site.policy(system=System.SPLIT)
    assert measure.implausible(says(0.0, 10.1, phase_voltage_v=(1.0, 1.0)), split) is None


def test_reactive_power_that_is_not_a_number_is_no_measurement_either() -> None:
    assert measure.implausible(says(0.0, 10.1, phase_import_var=(0.0, math.nan, 0.0)), RULES) is not None
    assert measure.implausible(says(0.0, 10.1, phase_import_w=(0.0, math.inf, 0.0)), RULES) is not None


def aged(state: MeterState, now_s: float) -> tuple[FaultKind | None, str]:
    fault = measure.age_fault(state, "poi", now_s)
    assert fault is None or (fault.source_id, fault.at_s) == ("poi", now_s)
    return (None, "") if fault is None else (fault.kind, fault.detail)


@pytest.mark.parametrize(
    ("period_s", "age_s", "kind"),
    [
        (0.1, 0.16, None),
        (0.1, 0.17, FaultKind.METER_LATE),
        (0.1, 0.26, FaultKind.METER_LATE),
        (0.1, 0.27, FaultKind.METER_STALE),
        (0.1, 1.99, FaultKind.METER_STALE),
        (0.1, 2.0, FaultKind.METER_LOST),
        (1.0, 1.5, None),
        (1.0, 1.51, FaultKind.METER_LATE),
        (1.0, 2.5, FaultKind.METER_LATE),
        (1.0, 2.51, FaultKind.METER_STALE),
        (1.0, 3.49, FaultKind.METER_STALE),
        (1.0, 3.5, FaultKind.METER_LOST),
    ],
)
def test_late_stale_and_lost_count_in_missed_updates_and_their_jitter(
    period_s: float, age_s: float, kind: FaultKind | None
) -> None:
    """One period and half of it (at least 60 ms), two and half, three and half (at least 2 s)."""
    silent = site.fault(FaultKind.NO_ANSWER, age_s)
    state = meter(period_s=period_s, fresh_s=0.0, evidence_s=age_s, shown_s=0.0, bad=silent)
    assert aged(state, age_s) == (kind, silent.kind.value if kind else "")


def test_our_own_silence_counts_as_age_after_four_tenths_of_a_second() -> None:
    state = meter(fresh_s=0.0, evidence_s=0.0)
    assert aged(state, 0.55)[0] is None
    assert aged(state, 0.57)[0] is FaultKind.METER_LATE
    assert aged(state, 0.66)[0] is FaultKind.METER_LATE
    assert aged(state, 0.67)[0] is FaultKind.METER_STALE
    assert aged(evolve_evidence(state, None), 0.5)[0] is None


def evolve_evidence(state: MeterState, evidence_s: float | None) -> MeterState:
    return replace(state, evidence_s=evidence_s)


def test_the_words_of_a_meter_that_is_not_believed_say_why() -> None:
    lost = FaultKind.METER_LOST
    assert aged(meter(fresh_s=None), 10.0) == (lost, "waiting for its first measurements")
    assert aged(meter(period_s=None), 10.0) == (lost, "waiting for its first measurements")
    detailed = site.fault(FaultKind.METER_IMPLAUSIBLE, 10.0, detail="L2 shows 3 V")
    said = f"{FaultKind.METER_IMPLAUSIBLE.value} (L2 shows 3 V)"
    assert aged(meter(fresh_s=None, bad=detailed), 10.0) == (lost, said)
    assert aged(meter(lost=True), 10.05) == (lost, "coming back")
    assert aged(meter(), 13.0) == (lost, "no reply")
    assert aged(meter(bad=detailed), 13.0) == (lost, said)
    assert aged(meter(shown_s=12.9), 13.0) == (FaultKind.METER_FROZEN, "same words in every reply")
    assert aged(meter(shown_s=12.9, bad=detailed), 13.0) == (lost, said)
    assert aged(meter(shown_s=11.5), 13.0) == (FaultKind.METER_FROZEN, "same words in every reply")
    assert aged(meter(shown_s=11.4), 13.0) == (lost, "no reply")
    assert aged(meter(shown_s=None), 13.0) == (lost, "no reply")


@pytest.mark.parametrize(("age_s", "part"), [(2.5, 0.0), (2.6, 0.1), (3.0, 0.5), (3.5, 1.0), (4.0, 1.0), (1.0, 0.0)])
def test_the_way_to_the_safe_set_is_as_long_as_a_slow_meter_is_stale(age_s: float, part: float) -> None:
    assert measure.tightened_part(meter(period_s=1.0, fresh_s=10.0), 10.0 + age_s) == pytest.approx(part)


@pytest.mark.parametrize(
    ("moved_w", "least_w", "resolution_w", "stuck"),
    [(100.0, 100.0, 1.0, False), (100.1, 100.0, 1.0, True), (50.0, 1.0, 10.0, False), (50.1, 1.0, 10.0, True)],
)
def test_power_is_stuck_when_the_ders_moved_by_more_than_noise_and_five_steps(
    moved_w: float, least_w: float, resolution_w: float, stuck: bool
) -> None:
    state = meter()
    assert state.sample is not None
    coarse = replace(state, sample=replace(state.sample, resolution_w=resolution_w))
    assert measure.stuck(coarse, moved_w, least_w) is stuck
    assert not measure.stuck(meter(sample=None), moved_w, least_w)


def test_power_that_was_stuck_for_two_seconds_of_replies_is_frozen() -> None:
    fault = measure.stuck_fault(meter(), "poi", 7.99, 11.0)
    assert fault is not None
    assert (fault.kind, fault.source_id, fault.at_s) == (FaultKind.METER_FROZEN, "poi", 11.0)
    assert fault.detail == "500 W in every reply while the DERs move"
    assert measure.stuck_fault(meter(), "poi", 8.0, 11.0) is None
    assert measure.stuck_fault(meter(), "poi", None, 11.0) is None
    assert measure.stuck_fault(meter(sample=None), "poi", 0.0, 11.0) is None
    assert measure.stuck_fault(meter(shown_s=None), "poi", 0.0, 11.0) is None
