"""Every observation reaches whom it concerns, and nobody else."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core import conditions
from pcs.core.evolve import evolve
from pcs.core.hear import Heard, hear
from pcs.core.measure import MeterState
from pcs.core.order import Order
from pcs.core.policy import Policy
from pcs.core.state import Inputs, State, initial
from pcs.core.watch import Watch
from pcs.core.wiring import Wiring, WiringState
from pcs.model.fault import FaultKind
from pcs.model.lockout import Who
from pcs.model.reading import LimitsInForce, LockoutReset, MeterIdentified, Observation
from tests import core_site as site

SUB = site.meter_spec(id="sub", point="panel")
RULES = site.policy(meters=(site.meter_spec(), SUB), ders=(site.der_spec(), site.der_spec(1, point="panel")))
LIMITS = LimitsInForce(values=(1.0,), sources=("x",), sent_s=9.0, received_s=9.0)


def met(meter_id: str, **more: Any) -> MeterIdentified:
    return replace(site.meter_met(), meter_id=meter_id, **more)


def begun(policy: Policy = RULES) -> State:
    """Both meters have shown where they begin, both DERs were met."""
    state = initial(policy, site.at(0.0))
    meters = tuple(MeterState(identified=met(m.id), words=b"old", shown_s=8.9, fresh_s=8.9) for m in policy.meters)
    heard = hear(state, Inputs(observations=(site.der_met(0), site.der_met(1))), policy, state.ders, 5.0)
    return replace(state, meters=meters, ders=heard.ders)


def heard(*observations: Observation, state: State | None = None, now_s: float = 9.0) -> Heard:
    state = state or begun()
    return hear(state, Inputs(observations=observations), RULES, state.ders, now_s)


def test_nothing_heard_changes_nothing() -> None:
    state = begun()
    found = heard(state=state)
    assert (found.meters, found.watches, found.ders) == (state.meters, state.watches, state.ders)
    assert (found.samples, found.in_force, found.held, found.resets) == ((None, None), None, None, ())


def test_a_reading_belongs_to_its_own_meter() -> None:
    state = begun()
    found = heard(replace(site.meter_says(77.0, 9.0), meter_id="sub"), state=state)
    assert found.samples[0] is None
    assert found.samples[1] is not None
    assert found.samples[1].import_w == 77.0
    assert found.meters[0] == state.meters[0]


def test_of_several_samples_of_one_step_the_newest_counts_and_an_old_one_hides_none() -> None:
    readings = [site.meter_says(w, t) for w, t in ((1.0, 9.0), (2.0, 9.05))]
    again = site.meter_says(2.0, 9.06, words=readings[1].words)
    found = heard(*readings, again)
    assert found.samples[0] is not None
    assert found.samples[0].import_w == 2.0


def test_a_failed_request_of_a_meter_is_why_it_is_not_known() -> None:
    failed = site.fault(FaultKind.NO_ANSWER, 9.0, "sub")
    found = heard(failed)
    assert (found.meters[1].bad, found.meters[0].bad) == (failed, None)


def test_what_a_stranger_says_is_nobody_s() -> None:
    state = begun()
    strange = (site.fault(FaultKind.NO_ANSWER, 9.0, "who"), site.der_says(1.0, 9.0, 7))
    assert heard(*strange, state=state) == heard(state=state)


def test_each_kind_of_news_of_a_der_reaches_it() -> None:
    state = begun()
    news: list[Observation] = [
        site.der_says(500.0, 9.0, 1),
        site.done(3000.0, 9.0, 1),
        site.holds(None, 9.0, 1),
        site.failed(3000.0, 9.0, 1),
        site.fault(FaultKind.NO_ANSWER, 9.0, "d1"),
        site.der_met(1, 9.0, limit_w=2000.0, own=True),
    ]
    for one in news:
        found = heard(one, state=state)
        assert found.ders[0] == state.ders[0]
        assert found.ders[1] != state.ders[1], type(one).__name__
    assert heard(news[0]).ders[1].track.telemetry_w == 500.0
    assert heard(news[1]).ders[1].held == Order(3000.0)
    assert heard(news[3]).ders[1].retries == 1
    assert heard(news[5]).ders[1].heard_s == 9.0


@pytest.mark.parametrize(("resolution_w", "off_w", "theirs"), [(1.0, 15.0, True), (10.0, 15.0, False)])
def test_a_limit_is_read_back_in_the_steps_of_the_device_that_was_met(
    resolution_w: float, off_w: float, theirs: bool
) -> None:
    state = heard(site.der_met(0, resolution_w=resolution_w), site.done(3000.0, 6.0))
    told = replace(begun(), ders=state.ders)
    found = heard(site.holds(3000.0 + off_w, 9.0), state=told)
    assert bool(found.ders[0].conditions) is theirs


@pytest.mark.parametrize(("resolution_w", "theirs"), [(1.0, True), (10.0, False)])
def test_a_draw_is_read_back_in_its_own_steps(resolution_w: float, theirs: bool) -> None:
    state = heard(site.der_met(0, charge_resolution_w=resolution_w), site.done(3000.0, 6.0))
    der = evolve(state.ders[0], held=Order(3000.0, 2000.0))
    der = evolve(der, track=evolve(der.track, least_w=-5000.0))
    told = replace(begun(), ders=(der, state.ders[1]))
    found = heard(site.holds(3000.0, 9.0, charge_limit_w=2015.0), state=told)
    assert bool(found.ders[0].conditions) is theirs


WRONG = replace(Watch.new(0.0), wiring=WiringState(verdict=Wiring.WRONG, since_s=1.0))


@pytest.mark.parametrize(("change", "other"), [({}, False), ({"serial": "2"}, True), ({"variant": "201"}, True)])
def test_another_meter_begins_anew_and_the_same_one_goes_on(change: dict[str, str], other: bool) -> None:
    state = replace(begun(), watches=(WRONG, WRONG))
    found = heard(met("sub", **change), state=state)
    assert found.meters[0] == state.meters[0]
    assert found.meters[1].words == (b"" if other else b"old")
    assert found.meters[1].identified == met("sub", **change)
    assert found.watches[0] == WRONG
    assert found.watches[1].wiring == (WiringState(since_s=9.0) if other else WRONG.wiring)


def test_a_meter_that_is_met_first_is_no_other() -> None:
    state = replace(begun(), meters=(MeterState(words=b"old"), MeterState()), watches=(WRONG, WRONG))
    found = heard(met("poi"), state=state)
    assert (found.meters[0].words, found.watches[0]) == (b"old", WRONG)


def test_limits_a_storm_of_restarts_and_resets_are_of_the_whole_site() -> None:
    storm = site.fault(FaultKind.RESTARTS, 8.0, "somebody")
    reset = LockoutReset(who=Who.USER, sent_s=8.9, received_s=8.9)
    reading = site.meter_says(1.0, 9.0)
    found = heard(LIMITS, storm, reset, reading)
    assert (found.in_force, found.held, found.resets) == (LIMITS, storm, (reset,))
    assert found.samples[0] is not None, "and what is heard behind them is heard"
    later = heard(state=replace(begun(), in_force=LIMITS, held=storm), now_s=8.0 + conditions.HELD_S)
    assert (later.in_force, later.held) == (LIMITS, None)
    assert heard(state=replace(begun(), held=storm)).held == storm


@pytest.mark.parametrize(
    ("has_liveness", "fresh_w", "confirmed"), [(False, 6000.0, True), (False, 5990.0, False), (True, 6000.0, False)]
)
def test_a_meter_without_liveness_may_repeat_itself_while_the_ders_behind_it_rest(
    has_liveness: bool, fresh_w: float, confirmed: bool
) -> None:
    """Behind the panel is only d1, whose bounds have 6 kW in their middle; a period is over."""
    state = begun()
    meter = replace(state.meters[1], identified=met("sub", has_liveness=has_liveness), period_s=0.1)
    der = state.ders[1]
    tick = der.track.ticks[-1]._replace(lo_w=4000.0, hi_w=8000.0)
    ders = (state.ders[0], evolve(der, track=evolve(der.track, ticks=(tick,))))
    watches = (state.watches[0], evolve(state.watches[1], injection_fresh_w=fresh_w))
    state = replace(state, meters=(state.meters[0], meter), ders=ders, watches=watches)
    same = replace(site.meter_says(5.0, 9.1, words=b"old"), meter_id="sub")
    assert (heard(same, state=state, now_s=9.1).samples[1] is not None) is confirmed
