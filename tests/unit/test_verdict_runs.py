"""Runs measured: known answers, steps that are found, and records that say nothing."""

from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.result import Grade, Verdict
from hil.profile.words import Measure, ResponseKind, Verb
from hil.record.model import End
from hil.record.recording import Recording
from hil.verdict.case import judge_case
from hil.verdict.gauges import Gauge
from hil.verdict.model import CaseResult
from hil.verdict.run import judge_run
from hil.verdict.steps import expected
from tests import verdict_kit as kit
from tests.verdict_kit import AT_S, GAUGES, SINCE, T, answered, asleep, case, criterion, lag, load, noise, run, step

BACK = criterion(Measure.BACK_UNDER_LIMIT, id="back")
LEVEL = criterion(Measure.FINAL, -100.0, op=">=", id="level")


def judged(of: kit.Case, *records: kit.RunRecord) -> CaseResult:
    return judge_case(of, [judge_run(record, GAUGES) for record in records])


def reason_of(record: kit.RunRecord) -> str:
    """Why a run is INVALID; it must be."""
    result = judge_run(record, GAUGES)
    found = judge_case(record.case, [result])
    assert found.verdict is Verdict.INVALID
    assert [each.value for each in found.criteria] == [None] * len(record.case.criteria)
    return found.reason


def test_a_first_order_response_is_measured_with_its_analytic_truth() -> None:
    """CRD-OLRT-1, 1547.1-EVAL."""
    of = case(criterion(), BACK, LEVEL)
    result = judge_run(answered(of), GAUGES)
    found = result.steps[0].net
    t90_s, back_s = 0.5 + 0.5 * np.log(10.0), 0.5 + 0.5 * np.log(5100.0 / 200.0)
    assert found.t90_from_extreme_s == pytest.approx(t90_s, abs=0.02)
    assert found.back_under_limit_s == pytest.approx(back_s, abs=0.03)
    assert found.t90_from_extreme_u95_s is not None
    assert abs(t90_s - found.t90_from_extreme_s) <= found.t90_from_extreme_u95_s + 0.005  # type: ignore[operator]
    assert found.grade is Grade.B
    verdict = judge_case(of, [result])
    assert verdict.verdict is Verdict.PASS
    assert [each.value for each in verdict.criteria] == [
        found.olrt_judged_s,
        found.back_under_limit_s,
        found.final_value,
    ]


def test_a_device_that_never_moves_fails_every_kind_of_criterion() -> None:
    """CRD-OLRT-1: what one sample at Tr lets pass."""
    for each in (criterion(), BACK, LEVEL, criterion(over="maximum"), criterion(over="average")):
        of = case(each)
        assert judged(of, asleep(of)).verdict is Verdict.FAIL


def test_a_sleeping_controller_fails_a_generation_step() -> None:
    """CRD-OLRT-5: the sun rises, the DER follows it at once, nobody restricts it; literal t90 would pass it."""
    sun = load(2000.0, 9000.0)
    output = lag(2000.0, 9000.0, dead_s=0.05, lag_s=0.1)
    demand = np.full(len(T), 3000.0)
    channels = {
        "source.available_w": sun,
        "der.injection_w": output,
        "load.demand_w": demand,
        "poi.import_w": demand - output,
    }
    to_sun = (step(Verb.SET_SOURCE, to=9000.0),)
    at_point = case(criterion(), BACK, channel="source.available_w", steps=to_sun)
    at_der = case(
        criterion(Measure.OLRT),
        channel="source.available_w",
        steps=to_sun,
        response="der.injection_w",
        side="above",
        limit_value=3000.0,
        kind=ResponseKind.DER_OUTPUT,
    )
    for of in (at_point, at_der):
        found = judged(of, run(of, channels))
        assert found.verdict is Verdict.FAIL
        assert "still beyond the limit" in found.reason


def test_a_device_that_is_off_passes_no_response_time() -> None:
    """It was never beyond the limit because it never ran: nothing was asked of it."""
    demand = load()
    output = noise(2)
    of = case(criterion())
    off = run(of, {"load.demand_w": demand, "der.injection_w": output, "poi.import_w": demand - output})
    assert "asked nothing" in reason_of(off)
    back = case(BACK)
    assert "asked nothing" in reason_of(replace(off, case=back))


def test_a_fault_that_leaves_nothing_to_move_passes_with_no_time_beyond_the_limit() -> None:
    """CRD-ABN-6: power is at or below the limit during the fault, so it needs no movement to get there."""
    of = case(
        BACK,
        LEVEL,
        channel="fault.contact",
        steps=(step(Verb.FAULT, kind="meter_comms", to="on"), step(at_s=30.0, to=0.0)),
        is_fault=True,
    )
    contact = np.where(SINCE < 0.0, 0.0, 1.0)
    demand = 4000.0 + noise(1)
    quiet = run(of, {"fault.contact": contact, "load.demand_w": demand, "poi.import_w": demand + noise(2)})
    found = judged(of, quiet)
    assert (found.verdict, found.criteria[0].value) == (Verdict.PASS, 0.0)
    exact = np.full(len(T), 4000.0)  # a simulated meter without noise
    still = {"fault.contact": contact, "load.demand_w": exact, "der.injection_w": 0 * T, "poi.import_w": exact}
    found = judged(of, run(of, still))
    assert (found.verdict, found.criteria[0].value) == (Verdict.PASS, 0.0)
    assert found.criteria[1].value == 4000.0


def test_a_fault_is_judged_until_the_flow_is_last_beyond_the_limit() -> None:
    """CRD-ABN-6: The load falls 30 s after the contact; 5 s later the DER is down by itself."""
    of = case(
        criterion(Measure.BACK_UNDER_LIMIT, 40.0),
        channel="fault.contact",
        steps=(step(Verb.FAULT, kind="meter_comms", to="on"), step(at_s=30.0, to=0.0)),
        is_fault=True,
    )
    demand = np.where(SINCE < 30.0, 5000.0, 0.0) + noise(1)
    output = np.where(SINCE < 35.0, 5000.0, 0.0) + noise(2)
    contact = np.where(SINCE < 0.0, 0.0, 1.0)
    record = run(
        of,
        {"fault.contact": contact, "load.demand_w": demand, "der.injection_w": output, "poi.import_w": demand - output},
    )
    found = judged(of, record)
    assert found.verdict is Verdict.PASS
    assert found.criteria[0].value == pytest.approx(35.0, abs=0.03)
    late = case(
        criterion(Measure.BACK_UNDER_LIMIT, 33.0), channel="fault.contact", steps=of.stimulus.steps, is_fault=True
    )
    assert judged(late, replace(record, case=late)).verdict is Verdict.FAIL


def test_a_dead_channel_never_passes() -> None:
    """It reads 0 W, which is the limit, while the load beside it moves."""
    of = case(BACK, LEVEL)
    dead = kit.changed(asleep(of), poi_import_w=0 * T)
    assert "do not balance" in reason_of(dead)
    alone = run(of, {"load.demand_w": load(), "poi.import_w": 0 * T})
    assert "nothing recorded beside it confirms" in reason_of(alone)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda t, y: (np.delete(t, slice(1500, 1900)), np.delete(y, slice(1500, 1900), axis=1)), "gap of 8.02 s"),
        (lambda t, y: (np.where(t == t[700], t[690], t), y), "goes back"),
        (lambda t, y: (np.where(t == t[700], t[699], t), y), "stands still"),
        (lambda t, y: (t[:900], y[:, :900]), "all the time|no step"),
        (lambda t, y: (t[:1100], y[:, :1100]), "after the step, the case asks for 30 s"),
        (lambda t, y: (t, y + np.where(t > 30.0, 400.0 * np.sin(t), 0.0)), "not settled"),
        (
            lambda t, y: (t[995:], y[:, 995:]),
            "s before the step, the case asks for 20 s",
        ),
        (lambda t, y: (t, np.where(np.arange(3)[:, None] == 0, 8000.0, y)), "no step in the stimulus"),
        (lambda t, y: (t, np.where(np.arange(3)[:, None] == 2, np.nan, y)), "only 0 samples"),
    ],
)
def test_a_spoiled_record_is_invalid_with_its_reason(spoil: object, why: str) -> None:
    of = case(criterion(), BACK, LEVEL)
    record = answered(of)
    names = ("load.demand_w", "der.injection_w", "poi.import_w")
    t_s, y = spoil(T, np.array([record.recordings[0].channels[name] for name in names]))  # type: ignore[operator]
    channels = dict(zip(names, y, strict=True))
    said = reason_of(run(of, channels, t_s=t_s))
    assert any(word in said for word in why.split("|")), said


def test_a_missing_channel_is_named_with_those_that_are_there() -> None:
    of = case(criterion())
    assert reason_of(run(of, {"load.demand_w": load()})) == (
        "repeat 1: the record has no channel poi.import_w (it has: load.demand_w)"
    )


@pytest.mark.parametrize("end", [End.NOT_STEADY, End.RIG_FAILED])
def test_a_run_that_did_not_end_is_invalid_whatever_it_recorded(end: End) -> None:
    of = case(criterion())
    said = reason_of(answered(of, end=end, reason="the load bank tripped"))
    assert said == f"repeat 1: {end.value}: the load bank tripped"


def staircase(levels_w: tuple[float, ...], hold_s: float) -> kit.Values:
    return np.array([levels_w[max(0, min(len(levels_w) - 1, 1 + int((t - AT_S) // hold_s)))] for t in T])


def test_small_steps_of_a_staircase_are_found_beside_large_ones() -> None:
    """AU-SAPN-T1: 10, 7.5, 5, 1.5, 0.5, 0 kW; the last is a seventh of the largest."""
    levels_w = (10_000.0, 7500.0, 5000.0, 1500.0, 500.0, 0.0)
    t_s = np.arange(0.0, 320.0, 0.05)
    told = np.array([levels_w[max(0, min(5, 1 + int((t - AT_S) // 60.0)))] for t in t_s])
    output = np.interp(t_s - 1.0, t_s, told) + np.random.default_rng(3).standard_normal(len(t_s))
    limits = tuple(step(Verb.SET_LIMIT, at_s=60.0 * i, to=level) for i, level in enumerate(levels_w[1:]))
    of = case(BACK, channel="limit.value", steps=limits, which="last")
    record = run(of, {"limit.value": told, "poi.import_w": -output}, t_s=t_s)
    result = judge_run(record, GAUGES)
    assert [each.number for each in result.steps] == [5]
    assert result.steps[0].net.t0_s == pytest.approx(AT_S + 240.0, abs=0.1)
    assert result.steps[0].net.back_under_limit_s == pytest.approx(1.0, abs=0.1)
    every = judge_run(
        replace(record, case=case(channel="limit.value", steps=limits, which="each", limit_value=None)), GAUGES
    )
    assert [each.net.t0_s for each in every.steps] == pytest.approx([AT_S + 60.0 * i for i in range(5)], abs=0.1)
    assert [each.net.olrt_s for each in every.steps] == pytest.approx([1.0] * 5, abs=0.1)


def test_fewer_steps_than_the_case_makes_are_invalid() -> None:
    of = case(BACK, steps=(step(to=3000.0), step(to=8000.0, at_s=60.0)), which="last")
    assert reason_of(answered(of)) == "repeat 1: the stimulus steps 1 times, the case 2 times"


def test_a_contact_changes_once_for_faults_that_are_made_together() -> None:
    on, off = (step(Verb.FAULT, kind="meter_comms", to=to) for to in ("on", "off"))
    other = step(Verb.FAULT, kind="der_comms", to="on")
    assert expected(case(channel="fault.contact", steps=(on, other))) == 1
    assert expected(case(channel="fault.contact", steps=(on, other, off))) == 1
    assert expected(case(channel="fault.contact", steps=(on, off, on, off))) == 4
    assert expected(case(channel="power.contact", steps=(step(Verb.SWITCH, of="der", to="off"), step(to=0.0)))) == 1


def test_a_contact_knows_of_no_filter_so_the_meters_delay_is_open() -> None:
    slow = {"power": Gauge(name="m", update_s=0.02, group_delay_s=0.4)}
    of = case(criterion(), channel="fault.contact", steps=(step(Verb.FAULT, kind="der_comms", to="on"),), is_fault=True)
    record = kit.changed(answered(of), fault_contact=np.where(SINCE < 0.0, 0.0, 1.0))
    open_s, none_s = (judge_run(record, gauges).steps[0].net for gauges in (slow, GAUGES))
    assert none_s.olrt_judged_s - open_s.olrt_judged_s == pytest.approx(0.2, abs=0.001)  # type: ignore[operator]
    assert open_s.olrt_judged_u95_s == pytest.approx(0.19, abs=0.02)
    same = judge_run(answered(case()), slow).steps[0].net  # load and flow by one instrument: the delay cancels
    assert same.olrt_judged_s == judge_run(answered(case()), GAUGES).steps[0].net.olrt_judged_s


def test_the_conductor_beyond_its_limit_decides_for_currents() -> None:
    sun = load(0.0, 8000.0)
    x = np.maximum(SINCE - 1.0, 0.0)
    held = np.where(SINCE < 0.0, 0.0, np.where(SINCE < 1.0, 33.0, 20.0 + 13.0 * np.exp(-x / 0.5))) + noise(4, 0.02)
    free = np.where(SINCE < 0.0, 0.0, 33.0) + noise(5, 0.02)
    of = case(
        criterion(Measure.BACK_UNDER_LIMIT),
        channel="source.available_w",
        steps=(step(Verb.SET_SOURCE, to=8000.0),),
        response="bus.current_a",
        side="above",
        limit_value=25.0,
        tolerance_value=0.5,
    )
    both = run(of, {"source.available_w": sun, "bus.current_a.L1": held, "bus.current_a.L2": held + noise(6, 0.02)})
    assert judged(of, both).verdict is Verdict.PASS
    one = run(of, {"source.available_w": sun, "bus.current_a.L1": held, "bus.current_a.L2": free})
    found = judged(of, one)
    assert found.verdict is Verdict.FAIL
    assert set(found.runs[0].steps[0].phases) == {"L1", "L2"}
    assert found.runs[0].steps[0].net == found.runs[0].steps[0].phases["L2"]


def test_the_sum_of_conductors_is_judged_and_each_is_measured() -> None:
    of = case(criterion())
    record = answered(of)
    whole = record.recordings[0].channels
    parts = {f"poi.import_w.L{i}": share * whole["poi.import_w"] for i, share in ((1, 0.5), (2, 0.3), (3, 0.2))}
    split = judge_run(run(of, {"load.demand_w": whole["load.demand_w"], **parts}), GAUGES).steps[0]
    assert set(split.phases) == {"L1", "L2", "L3"}
    assert split.net.olrt_judged_s == pytest.approx(judge_run(record, GAUGES).steps[0].net.olrt_judged_s, abs=1e-6)
    assert split.phases["L1"].limit_value is None


@pytest.mark.parametrize(("scale", "shift_s"), [(1e-3, 0.0), (250.0, 0.0), (1.0, 1.7e9), (1.0, -19.0)])
def test_scaling_and_shifting_a_record_changes_no_verdict(scale: float, shift_s: float) -> None:
    for make in (answered, asleep):
        for tau_s in (0.5, 13.0, 13.2):  # the last two lie around the limit of 30 s
            of = case(criterion(), BACK)
            record = make(of) if make is asleep else answered(of, lag_s=tau_s / 1.3)
            other = case(criterion(), BACK, tolerance_value=100.0 * scale)
            recording = record.recordings[0]
            moved = run(other, {k: scale * y for k, y in recording.channels.items()}, t_s=recording.t_s + shift_s)
            assert judged(other, moved).verdict is judged(of, record).verdict


def test_power_and_current_are_made_of_waveforms_where_there_are_some() -> None:
    """True power of a conductor at 3.84 kHz; the stimulus is that of the power meter beside it."""
    t_s = np.arange(0.0, 80.0, 1.0 / 3840.0)
    since_s = t_s - AT_S
    x = np.maximum(since_s - 1.0, 0.0)
    flow_w = np.where(since_s < 0.0, 100.0, np.where(since_s < 1.0, -2300.0, 100.0 - 2400.0 * np.exp(-x / 0.3)))
    v = 230.0 * np.sqrt(2.0) * np.sin(2.0 * np.pi * 50.0 * t_s)
    i = flow_w / 230.0 * np.sqrt(2.0) * np.sin(2.0 * np.pi * 50.0 * t_s)
    waves = Recording(name="waveform", t_s=t_s, channels={"poi.voltage_v.L1": v, "poi.current_a.L1": i})
    of = case(BACK, tolerance_value=20.0)
    power = run(of, {"load.demand_w": load(2400.0, 0.0)}).recordings[0]
    record = replace(run(of, {}), recordings=(power, waves))
    gauges = {**GAUGES, "waveform": Gauge(name="DAQ", update_s=1.0 / 3840.0)}
    found = judge_run(record, gauges).steps[0].net
    assert found.back_under_limit_s == pytest.approx(1.0 + 0.3 * np.log(2400.0 / 120.0), abs=0.02)
    assert found.initial_value == pytest.approx(100.0, abs=0.5)
    amps = case(
        criterion(Measure.FINAL, 0.5), response="poi.current_a", side="above", limit_value=5.0, tolerance_value=0.1
    )
    seen = judge_run(replace(record, case=amps), gauges).steps[0].net
    assert seen.final_value == pytest.approx(100.0 / 230.0, abs=0.01)
    assert seen.peak_excess_value == pytest.approx(10.0 - 5.0, abs=0.1)
    other = replace(record, case=case(BACK, response="der.injection_w"))
    assert "no channel der.injection_w" in reason_of(other)


def test_waveforms_without_a_line_frequency_are_invalid() -> None:
    t_s = np.arange(0.0, 80.0, 1.0 / 2000.0)
    flat = np.random.default_rng(1).standard_normal(len(t_s))
    waves = Recording(name="waveform", t_s=t_s, channels={"poi.voltage_v.L1": flat, "poi.current_a.L1": flat})
    of = case(BACK)
    record = replace(run(of, {}), recordings=(run(of, {"load.demand_w": load()}).recordings[0], waves))
    assert "no steady line frequency" in reason_of(record)


def test_a_response_that_rests_around_its_step_is_at_rest_there() -> None:
    """A staircase of limits above what the DER can do: it moves at another step, not at this one."""
    told = np.where(SINCE < 0.0, 9000.0, np.where(SINCE < 30.0, 8000.0, 4000.0))
    flow = np.where(SINCE < 30.5, -5000.0, -4000.0)
    steps = (step(Verb.SET_LIMIT, to=8000.0), step(Verb.SET_LIMIT, to=4000.0, at_s=30.0))
    of = case(BACK, channel="limit.value", steps=steps, limit_value=8000.0, which="first")
    first = judge_run(run(of, {"limit.value": told, "poi.import_w": flow}), GAUGES).steps[0].net
    assert (first.back_under_limit_s, first.final_value, first.direction) == (0.0, -5000.0, None)
