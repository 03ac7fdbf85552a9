"""Polls into measurements: what is new, when it was true, how old it is, what is believed."""

import math
from dataclasses import replace

import pytest

from pcs.core import circuit, measure
from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Policy
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import MeterReading
from pcs.model.site import System
from tests import core_site as site


def fed(
    rules: Policy, *readings: MeterReading | Fault, state: MeterState | None = None, moving_w: float = 0.0
) -> tuple[MeterState, list[Sample]]:
    """The meter's state after some polls, and the samples they held."""
    state, samples = state or MeterState(identified=site.meter_met()), []
    for reading in readings:
        state, sample = measure.take(state, reading, rules.meters[0], rules, moving_w)
        samples += [sample] if sample else []
    return state, samples


def living(rules: Policy, until_s: float, period_s: float = 0.1) -> MeterState:
    """A meter that has shown something new in every period since 0."""
    polls = [site.meter_says(500.0, k * period_s) for k in range(round(until_s / period_s) + 1)]
    return fed(rules, *polls)[0]


def kind_at(state: MeterState, now_s: float) -> FaultKind | None:
    fault = measure.age_fault(state, "poi", now_s)
    return fault.kind if fault else None


def test_a_poll_with_the_same_words_is_no_measurement() -> None:
    same = [site.meter_says(500.0, t, words=b"a") for t in (0.0, 0.05, 0.1)]
    assert fed(site.policy(), *same)[1] == []


def test_the_first_poll_only_shows_where_we_begin() -> None:
    _, samples = fed(site.policy(), site.meter_says(500.0, 0.0, words=b"a"), site.meter_says(600.0, 0.1, words=b"b"))
    assert [s.import_w for s in samples] == [600.0]


@pytest.mark.parametrize("published_s", [0.041, 0.1, 0.149])
def test_the_span_of_a_sample_contains_the_window_that_was_measured(published_s: float) -> None:
    rules = site.policy(meter=site.meter_spec(update_s=0.1, averaging_s=0.3))
    polls = [
        site.meter_says(0.0, t + 0.01, words=b"old" if t < published_s else b"new", sent_s=t) for t in (0.0, 0.05, 0.15)
    ]
    sample = fed(rules, *polls)[1][0]
    assert sample.published_s <= published_s <= sample.received_s
    assert sample.span.from_s <= published_s - 0.3
    assert sample.span.to_s >= published_s


def test_without_a_declared_window_one_update_period_is_assumed() -> None:
    state = living(site.policy(meter=site.meter_spec(update_s=0.2)), 2.0, 0.2)
    assert state.sample is not None
    assert state.sample.span.from_s == pytest.approx(state.sample.published_s - 0.2)


def test_the_site_file_overrides_period_and_window_of_the_profile() -> None:
    spec = site.meter_spec(update_s=0.1, averaging_s=0.1)
    rules = site.policy(meter=type(spec)(**{**fields(spec), "update_s": 0.5, "averaging_s": 2.0}))
    state = living(rules, 3.0, 0.5)
    assert state.period_s == 0.5
    assert state.sample is not None
    assert state.sample.span.from_s == pytest.approx(state.sample.published_s - 2.0)


def fields(spec: object) -> dict[str, object]:
    return {name: getattr(spec, name) for name in type(spec).__slots__}  # type: ignore[attr-defined]


def test_an_undeclared_period_is_the_median_of_three_intervals_and_later_of_five() -> None:
    rules = site.policy(meter=site.meter_spec(update_s=None))
    times_s = [0.0, 1.0, 2.0, 7.0]  # the first poll begins, the first change has no interval yet
    state, _ = fed(rules, *(site.meter_says(500.0, t) for t in times_s))
    assert state.period_s is None
    state, _ = fed(rules, site.meter_says(500.0, 8.0), state=state)
    assert state.period_s == pytest.approx(1.0)
    state, _ = fed(rules, *(site.meter_says(500.0, t) for t in (8.5, 9.0)), state=state)
    assert state.period_s == pytest.approx(1.0), "two short ones of five are forgiven"


def test_a_meter_is_believed_with_the_sample_that_tells_its_period() -> None:
    """Three new ones were seen by then: nothing is gained by waiting for three more (seconds, with a slow meter)."""
    rules = site.policy(meter=site.meter_spec(update_s=None))
    state = MeterState(identified=site.meter_met())
    for k in range(5):
        assert kind_at(state, k + 0.01) is FaultKind.METER_LOST
        state, _ = fed(rules, site.meter_says(500.0, float(k)), state=state)
    assert kind_at(state, 4.01) is None


def test_an_identified_period_only_becomes_shorter() -> None:
    rules = site.policy(meter=site.meter_spec(update_s=None))
    state = living(rules, 2.0, 0.2)
    slower, _ = fed(rules, *(site.meter_says(500.0, 2.0 + k * 1.0) for k in range(1, 9)), state=state)
    assert slower.period_s == pytest.approx(0.2)
    quicker, _ = fed(rules, *(site.meter_says(500.0, 2.0 + k * 0.1) for k in range(1, 9)), state=state)
    assert quicker.period_s == pytest.approx(0.1)


def test_a_meter_slower_than_five_seconds_is_never_identified() -> None:
    rules = site.policy(meter=site.meter_spec(update_s=None))
    state, _ = fed(rules, *(site.meter_says(500.0, k * 6.0) for k in range(12)))
    assert state.period_s is None
    assert kind_at(state, 67.0) is FaultKind.METER_LOST


@pytest.mark.parametrize(
    ("silent_s", "kind"),
    [
        (0.15, None),
        (0.18, FaultKind.METER_LATE),
        (0.25, FaultKind.METER_LATE),
        (0.28, FaultKind.METER_STALE),
        (1.98, FaultKind.METER_STALE),
        (2.0, FaultKind.METER_LOST),
    ],
)
def test_ages_count_in_missed_updates_when_polls_end_without_news(silent_s: float, kind: FaultKind | None) -> None:
    rules, state = site.policy(), living(site.policy(), 1.0)
    unanswered = site.fault(FaultKind.NO_ANSWER, 1.0 + silent_s)
    state, _ = fed(rules, unanswered, state=state)
    assert kind_at(state, 1.0 + silent_s) is kind


def test_the_ages_of_a_slow_meter_are_longer() -> None:
    rules = site.policy(meter=site.meter_spec(update_s=1.0))
    state = living(rules, 6.0, 1.0)
    ended, _ = fed(rules, site.fault(FaultKind.NO_ANSWER, 9.4), state=state)
    assert [kind_at(ended, t) for t in (7.4, 9.4, 9.51)] == [
        FaultKind.METER_STALE,
        FaultKind.METER_STALE,
        FaultKind.METER_LOST,
    ]
    ended, _ = fed(rules, site.fault(FaultKind.NO_ANSWER, 7.6), state=state)
    assert kind_at(ended, 7.6) is FaultKind.METER_LATE


def test_late_needs_the_evidence_of_a_poll_that_ended_but_lost_does_not() -> None:
    state = living(site.policy(), 1.0)
    assert kind_at(state, 1.3) is None, "nobody has asked since: our own silence is not the meter's age yet"
    assert kind_at(state, 1.6) is FaultKind.METER_LATE
    assert kind_at(state, 3.0) is FaultKind.METER_LOST


def test_a_meter_that_repeats_itself_is_frozen_and_one_that_is_silent_is_lost() -> None:
    rules, state = site.policy(), living(site.policy(), 1.0)
    repeated = [site.meter_says(500.0, 1.0 + k / 10, words=state.words) for k in range(1, 25)]
    frozen, samples = fed(rules, *repeated, state=state)
    assert samples == []
    assert kind_at(frozen, 3.4) is FaultKind.METER_FROZEN
    silent, _ = fed(rules, *(site.fault(FaultKind.NO_ANSWER, 1.0 + k / 2) for k in range(1, 6)), state=state)
    fault = measure.age_fault(silent, "poi", 3.5)
    assert fault is not None
    assert (fault.kind, fault.detail) == (FaultKind.METER_LOST, "no answer in time")


def test_a_meter_without_liveness_confirms_an_idle_site_once_a_period() -> None:
    rules = site.policy()
    state, _ = fed(rules, *(site.meter_says(500.0, k / 10) for k in range(9)), state=MeterState(identified=dumb()))
    same = [site.meter_says(500.0, 0.8 + k * 0.06, words=state.words) for k in range(1, 9)]
    _, samples = fed(rules, *same, state=state)
    assert [round(s.received_s, 2) for s in samples] == [0.92, 1.04, 1.16, 1.28]


def test_a_meter_whose_poll_still_waits_for_a_reply_is_lost_and_does_not_repeat_itself() -> None:
    state, _ = fed(site.policy(), site.meter_says(500.0, 1.1), state=living(site.policy(), 1.0))
    state, _ = fed(site.policy(), site.meter_says(500.0, 1.2, words=state.words), state=state)
    assert kind_at(state, 4.0) is FaultKind.METER_LOST, "one repeated reply is no evidence for three seconds"


def test_power_is_stuck_only_while_replies_say_so() -> None:
    state = living(site.policy(), 1.0)
    assert measure.stuck_fault(state, "poi", 1.5, 9.0) is None, "no reply since the DERs moved"
    state, _ = fed(site.policy(), site.meter_says(500.0, 3.6), state=state)
    assert measure.stuck_fault(state, "poi", 1.5, 3.6) is not None
    state, _ = fed(site.policy(), site.fault(FaultKind.NO_ANSWER, 4.0), state=state)
    assert measure.stuck_fault(state, "poi", 1.5, 9.0) is not None, "silence is no measurement that clears it"


def test_a_meter_without_liveness_that_misses_a_movement_is_frozen() -> None:
    rules = site.policy()
    state, _ = fed(rules, *(site.meter_says(500.0, k / 10) for k in range(9)), state=MeterState(identified=dumb()))
    same = [site.meter_says(500.0, 0.8 + k / 20, words=state.words) for k in range(1, 60)]
    state, samples = fed(rules, *same, state=state, moving_w=5.1)
    assert samples == []
    assert kind_at(state, 3.8) is FaultKind.METER_FROZEN


def dumb() -> site.MeterIdentified:
    return site.meter_met(has_liveness=False)


def test_a_lost_meter_is_believed_after_three_new_samples_in_a_row() -> None:
    rules = site.policy()
    state = measure.MeterState(identified=site.meter_met())
    lost = []
    for k in range(5):
        state, _ = fed(rules, site.meter_says(500.0, k / 10), state=state)
        lost.append(state.lost)
    assert lost == [True, True, True, False, False]


def test_a_failed_poll_breaks_the_row_of_a_meter_that_comes_back() -> None:
    rules = site.policy()
    polls = [site.meter_says(500.0, k / 10) for k in range(3)]
    state, _ = fed(rules, *polls, site.fault(FaultKind.BAD_ANSWER, 0.25), site.meter_says(500.0, 0.3))
    assert state.lost


def test_a_long_gap_breaks_the_row_of_a_meter_that_comes_back() -> None:
    polls = [site.meter_says(500.0, t) for t in (0.0, 0.1, 0.2, 9.0)]
    assert fed(site.policy(), *polls)[0].lost


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (site.meter_says(1000.0, 1.1, phase_import_w=(300.0, 300.0, 300.0)), "add up to 900 W"),
        (site.meter_says(0.0, 1.1, phase_voltage_v=(230.0, 12.0, 230.0)), "L2 shows 12 V"),
        (site.meter_says(0.0, 1.1, phase_voltage_v=(230.0, 230.0, 500.0)), "L3 shows 500 V"),
        (site.meter_says(math.nan, 1.1), "not a number"),
        (site.meter_says(math.inf, 1.1), "not a number"),
        (site.meter_says(0.0, 1.1, phase_import_w=(math.nan, 0.0, 0.0)), "not a number"),
    ],
)
def test_values_that_contradict_each_other_are_no_measurement(reading: MeterReading, words: str) -> None:
    state, samples = fed(site.policy(), reading, state=living(site.policy(), 1.0))
    assert samples == []
    assert state.bad is not None
    assert (state.bad.kind, words in state.bad.detail) == (FaultKind.METER_IMPLAUSIBLE, True)
    assert kind_at(state, 3.2) is FaultKind.METER_LOST


def test_phases_may_differ_from_the_total_by_two_percent_and_rounding() -> None:
    near = site.meter_says(915.0, 1.1, phase_import_w=(300.0, 300.0, 300.0))
    assert measure.implausible(near, site.policy()) is None


def test_voltages_are_judged_on_three_phase_services_only() -> None:
    single = site.policy(system=System.SINGLE)
    assert measure.implausible(site.meter_says(0.0, 1.0, phase_voltage_v=(12.0,)), single) is None


def zeros(rules: Policy, phases_w: tuple[float, ...], **more: object) -> MeterState:
    """A meter whose phases read this from 1 s to 2.1 s."""
    polls = [site.meter_says(sum(phases_w), 1.0 + k / 10, phase_import_w=phases_w, **more) for k in range(1, 13)]
    return fed(rules, *polls, state=living(rules, 1.0))[0]


def test_exact_zeros_for_a_second_are_an_open_ct() -> None:
    """CRD-ABN-3, CRD-ABN-4."""
    state = zeros(site.policy(), (0.0, 0.0, 0.0))
    assert circuit.circuit_fault(state, "poi", (), 10_000.0, 2.05) is None
    fault = circuit.circuit_fault(state, "poi", (), 10_000.0, 2.15)
    assert fault is not None
    assert fault.kind is FaultKind.METER_OPEN_CT


def test_a_current_shows_that_a_zero_is_a_balance_and_no_open_ct() -> None:
    state = zeros(site.policy(), (0.0, 0.0, 0.0), phase_current_a=(1.0, 1.0, 1.0))
    assert circuit.circuit_fault(state, "poi", (3000.0,) * 3, 10_000.0, 2.2) is None


def test_one_phase_at_zero_is_an_open_ct_only_while_ders_feed_it() -> None:
    """CRD-ABN-3."""
    state = zeros(site.policy(), (400.0, 0.0, 400.0))
    assert circuit.circuit_fault(state, "poi", (), 10_000.0, 2.2) is None
    assert circuit.circuit_fault(state, "poi", (19.7,) * 3, 10_000.0, 2.2) is None, "too little to tell"
    fault = circuit.circuit_fault(state, "poi", (300.0,) * 3, 10_000.0, 2.2)
    assert fault is not None
    assert (fault.kind, "L2" in fault.detail) == (FaultKind.METER_OPEN_CT, True)


def test_the_open_ct_ends_with_the_first_measurement_that_is_none() -> None:
    rules = site.policy()
    state, _ = fed(rules, site.meter_says(30.0, 2.3), state=zeros(rules, (0.0, 0.0, 0.0)))
    assert circuit.circuit_fault(state, "poi", (), 10_000.0, 2.3) is None


@pytest.mark.parametrize(("age_s", "part"), [(0.1, 0.0), (0.26, 0.0), (1.13, 0.5), (2.0, 1.0), (9.0, 1.0)])
def test_tightening_reaches_the_safe_set_when_the_meter_is_lost(age_s: float, part: float) -> None:
    state = living(site.policy(), 1.0)
    assert measure.tightened_part(state, 1.0 + age_s) == pytest.approx(part)
    assert measure.tightened_part(MeterState(), 0.0) == 1.0


def test_zeros_that_were_shown_to_be_a_balance_are_believed_for_longer_each_time() -> None:
    """The DERs went to the safe set, and the flow came back: the CT is whole. A jump to zero is never believed."""
    rules = site.policy()
    state, at_s, found_s = living(rules, 1.0), 1.0, []
    for _ in range(3):
        state, _ = fed(rules, site.meter_says(100.0, at_s := at_s + 0.1), state=state)
        began_s = at_s
        while circuit.circuit_fault(state, "poi", (), 10_000.0, at_s) is None:
            state, _ = fed(rules, site.meter_says(0.0, at_s := at_s + 0.1), state=state)
        found_s.append(round(at_s - began_s, 0))
    assert found_s == [1.0, 10.0, 20.0]
    state, _ = fed(rules, site.meter_says(4000.0, at_s + 0.1), state=state)
    state, _ = fed(rules, *(site.meter_says(0.0, at_s + 0.1 + k / 10) for k in range(1, 13)), state=state)
    assert circuit.circuit_fault(state, "poi", (), 10_000.0, at_s + 1.3) is not None


@pytest.mark.parametrize(("last_reply_s", "kind"), [(3.1, FaultKind.METER_FROZEN), (2.9, FaultKind.METER_LOST)])
def test_old_words_for_half_of_the_time_are_a_frozen_meter_and_for_less_a_silent_one(
    last_reply_s: float, kind: FaultKind
) -> None:
    """New words until 2 s, then the same ones in every reply until the last; asked at 4 s."""
    rules = site.policy()
    state = living(rules, 2.0)
    old = [site.meter_says(500.0, 2.1 + k / 10, words=state.words) for k in range(round((last_reply_s - 2.1) * 10) + 1)]
    assert kind_at(fed(rules, *old, state=state)[0], 4.0) is kind


def test_a_fault_of_a_meter_names_the_meter_and_its_moment() -> None:
    bad = measure.implausible(site.meter_says(math.nan, 7.0), site.policy())
    assert bad is not None
    assert (bad.kind, bad.source_id, bad.at_s) == (FaultKind.METER_IMPLAUSIBLE, "poi", 7.0)


def test_a_meter_that_never_said_anything_new_has_no_caps_to_move_from() -> None:
    state = living(site.policy(), 2.0)
    assert measure.tightened_part(state, 2.0) == 0.0
    assert measure.tightened_part(replace(state, fresh_s=None), 2.0) == 1.0
    assert measure.tightened_part(replace(state, period_s=None), 2.0) == 1.0
