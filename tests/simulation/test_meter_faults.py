"""The meter's rows of the fail-safe table, on the truth: how long the flow is beyond the limit, and what comes back.

In each story the load falls in the very moment in which the meter fails: nobody can know, and only the safe set helps.
"""

import itertools

import pytest

from pcs.model.event import EventKind
from tests.simulation.bounds import ON_THE_WAY_S, ROW_S, response_s, safe_s, slowest_fall_s, tolerance_w
from tests.simulation.stack import Stack, inverter, play, twin

FAILS_S, CLEARS_S, END_S = 18.03, 27.0, 45.0
LOAD = [{"steps": [[0, 6000], [FAILS_S, 1000]]}]
QUIET = {"meter": {"noise_w": 0}, "sun": {"constant": 1.0}}
SILENCES = {
    "silent": "METER_LOST",
    "half_open": "METER_LOST",
    "down": "METER_LOST",
    "busy": "METER_LOST",
    "garbage": "METER_LOST",
    "noise": "METER_LOST",
    "truncated": "METER_LOST",
    "short": "METER_LOST",
    "wrong_unit": "METER_LOST",
    "stale_tid": "METER_LOST",
    "endless": "METER_LOST",
    "nan": "METER_LOST",
    "frozen": "METER_FROZEN",
}


def failing(fault: str, seconds_s: float = 0.0, clears_s: float = CLEARS_S) -> object:
    """The story of a meter that fails once and comes back."""

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(FAILS_S)
        stack.inject("poi", fault, seconds_s)
        await stack.until(clears_s)
        stack.inject("poi", "clear")
        await stack.until(END_S)

    return story


@pytest.mark.parametrize(
    ("fault", "limit_w"),
    [*((fault, 0.0) for fault in SILENCES), *((fault, 3000.0) for fault in ("silent", "down", "garbage", "frozen"))],
)
def test_without_a_valid_sample_the_site_is_safe_in_time_and_comes_back_by_itself(fault: str, limit_w: float) -> None:
    """CRD-ABN-2, CRD-ABN-6, NEC-750.30-23."""
    site = twin(limit_w=limit_w, load=LOAD, ders=[inverter("inv1", 6000), inverter("inv2", 4000, control=704)])
    stack = play(failing(fault), site)  # type: ignore[arg-type]
    before_w = min(9500.0, 6000 + limit_w)
    beyond = stack.truth.beyond(limit_w, tolerance_w(site), 10.0)
    assert len(beyond) == 1
    assert beyond[0].lasted_s <= safe_s(site, before_w - 1000 - limit_w)
    assert stack.truth.injection_w(CLEARS_S) <= limit_w + 1.0
    assert SILENCES[fault] in stack.faults("poi")
    assert fault == "frozen" or "METER_FROZEN" not in stack.faults("poi"), "nobody repeats itself who does not answer"
    assert stack.told(EventKind.FAULT_CLEARED, "poi")[-1].at.mono_s < CLEARS_S + 6.0
    assert 1000 + limit_w - 300 <= stack.truth.injection_w(END_S) <= 1000 + limit_w


@pytest.mark.parametrize("limit_w", [0.0, 3000.0])
def test_a_meter_that_answers_late_costs_its_delay_and_nothing_else(limit_w: float) -> None:
    site = twin(limit_w=limit_w, load=LOAD)
    stack = play(failing("slow", 0.3), site)  # type: ignore[arg-type]
    beyond = stack.truth.beyond(limit_w, tolerance_w(site), 10.0)
    assert len(beyond) == 1
    assert beyond[0].lasted_s <= response_s(site, 5000) + 2 * 0.3
    assert "METER_LOST" not in stack.faults("poi")[1:]
    assert 1000 + limit_w - 300 <= stack.truth.injection_w(CLEARS_S) <= 1000 + limit_w


@pytest.mark.parametrize("fault", ["silent", "down", "frozen", "nan"])
def test_a_gap_of_a_second_is_survived_without_the_safe_set(fault: str) -> None:
    """Hold at one missed update, tighten at two, safe at 2 s (design section 6): a second costs some yield."""
    site = twin(limit_w=3000.0, load=[{"constant": 4000}])
    stack = play(failing(fault, clears_s=FAILS_S + 1.0), site)  # type: ignore[arg-type]
    assert stack.truth.beyond(3000.0, tolerance_w(site), 10.0) == []
    assert min(w for t, w in stack.truth.series("inv1_injection_w") if t > 15) > 3000
    assert "METER_LOST" not in stack.faults("poi")[1:]
    assert stack.truth.injection_w(END_S) == pytest.approx(6900, abs=100)


@pytest.mark.parametrize("fault", ["open", "open_a", "open_c"])
@pytest.mark.parametrize("limit_w", [0.0, 3000.0])
def test_an_open_ct_is_no_measurement(fault: str, limit_w: float) -> None:
    """CRD-ABN-3, CRD-ABN-6: Exact zeros for a second, on one phase or all: safe then, plus the DERs' own fall."""
    site = twin(limit_w=limit_w, load=LOAD)
    stack = play(failing(fault), site)  # type: ignore[arg-type]
    falls_w = min(9500.0, 6000 + limit_w) - 1000 - limit_w
    beyond = stack.truth.beyond(limit_w, tolerance_w(site), 10.0)
    assert beyond[0].lasted_s <= 1.0 + 0.2 + ON_THE_WAY_S + slowest_fall_s(site, falls_w + 3000) + ROW_S
    assert all(b.from_s < FAILS_S + 1 for b in beyond)
    assert "METER_OPEN_CT" in stack.faults("poi")
    assert 1000 + limit_w - 300 <= stack.truth.injection_w(END_S) <= 1000 + limit_w


def test_reversed_cts_are_found_by_the_first_movement_and_the_site_stays_safe() -> None:
    """CRD-ABN-5, CRD-ABN-6, CRD-CHK-1."""
    site = twin(limit_w=3000.0, load=[{"constant": 2000}])

    async def story(stack: Stack) -> None:
        stack.inject("poi", "reversed")
        stack.start()
        await stack.until(50)

    stack = play(story, site)
    assert "METER_MISWIRED" in stack.faults("poi")
    assert stack.truth.beyond(3000.0, tolerance_w(site), 8.0) == []
    assert 2900 <= stack.truth.injection_w(50) <= 3000


def test_cts_that_are_reversed_while_it_runs_are_found_too() -> None:
    """CRD-CHK-1."""
    site = twin(limit_w=3000.0, load=[{"constant": 2000}])
    stack = play(failing("reversed", clears_s=40.0), site)  # type: ignore[arg-type]
    assert "METER_MISWIRED" in stack.faults("poi")
    beyond = stack.truth.beyond(3000.0, tolerance_w(site), 10.0)
    assert sum(b.lasted_s for b in beyond) < 10
    assert stack.truth.injection_w(39.0) <= 3000


def test_a_site_whose_sun_just_covers_its_load_is_not_taken_for_an_open_ct_again_and_again() -> None:
    """Exact zeros at a limit above 0 are a balance here: the first alarm shows it, and is not repeated each second."""
    site = twin(limit_w=3000.0, load=[{"constant": 8000}], ders=[inverter("inv1", 8000)], **QUIET)

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(60.0)

    stack = play(story, site)
    alarms = [
        e.at.mono_s for e in stack.told(EventKind.FAULT_RAISED, "poi") if dict(e.facts)["fault"] == "METER_OPEN_CT"
    ]
    assert 1 <= len(alarms) <= 4
    assert all(later - sooner > 8.0 for sooner, later in itertools.pairwise(alarms))


@pytest.mark.parametrize("after_balance", [False, True])
def test_a_ct_that_opens_is_found_in_time_also_after_its_zeros_were_once_a_balance(after_balance: bool) -> None:
    """A CT that opens jumps to zero from a flow; a balance approaches it. CRD-ABN-3."""
    demand_w = [[0, 8000 if after_balance else 6000], [30, 6000], [40.03, 1000]]
    site = twin(limit_w=1000.0, load=[{"steps": demand_w}], ders=[inverter("inv1", 8000)], **QUIET)

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(40.0)
        stack.inject("poi", "open")
        await stack.until(60.0)

    stack = play(story, site)
    found_s = next(e.at.mono_s for e in stack.told(EventKind.FAULT_RAISED, "poi") if e.at.mono_s > 40.0)
    assert found_s < 42.0
    assert stack.truth.injection_w(50.0) <= 1001.0
