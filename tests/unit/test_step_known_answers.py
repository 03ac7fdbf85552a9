"""What a whole step leaves behind, read off a small site whose numbers are known."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core import observe
from pcs.core.evolve import evolve
from pcs.core.failsafe import Action
from pcs.core.order import Order
from pcs.core.policy import Policy
from pcs.model.event import EventKind
from pcs.model.fault import FaultKind
from pcs.model.limit import Direction, Limit
from pcs.model.lockout import ExcursionRule, LockoutAction, LockoutRules, ResetRules, Who
from pcs.model.reading import LockoutReset, MeterReading
from pcs.model.site import PointKind, PointSpec, System
from tests import core_site as site
from tests.core_site import Run

SUB = site.meter_spec(id="sub", point="panel")


def feeding(rules: Policy, flow_w: float, seconds: float, *, held_w: float = 5000.0, **meters: float) -> Run:
    """A site whose DERs hold and inject `held_w` each, with this flow at the POI (and at other meters by name)."""
    run = Run(rules)
    for meter_id in meters:
        run.step(replace(site.meter_met(), meter_id=meter_id))
    run.state = replace(
        run.state, ders=tuple(evolve(d, held=Order(held_w), sent=Order(held_w)) for d in run.state.ders)
    )
    for tenth in range(round(seconds * 10)):
        at_s = run.now_s + 0.1
        heard: list[Any] = [site.der_says(held_w, at_s, n) for n in range(len(rules.controlled))]
        heard.append(site.meter_says(flow_w + tenth % 2, at_s))
        for meter_id, w in meters.items():
            heard.append(replace(site.meter_says(w + tenth % 2, at_s), meter_id=meter_id))
        run.step(*heard, after_s=0.1)
    return run


def test_the_host_load_is_the_flow_at_the_poi_and_all_that_is_injected() -> None:
    rules = site.policy(meters=(SUB, site.meter_spec()), ders=(site.der_spec(0), site.der_spec(1)))
    run = feeding(rules, 700.0, 3.0, sub=-9000.0)
    sample = run.state.meters[1].sample
    assert sample is not None
    bounds = [observe.bounds(d.track, sample.span) for d in run.state.ders]
    assert run.state.demand_w == (
        pytest.approx(sample.import_w + sum(lo for lo, _ in bounds)),
        pytest.approx(sample.import_w + sum(hi for _, hi in bounds)),
    )
    before = run.state.demand_w
    run.step(after_s=0.01)
    assert run.state.demand_w == before, "without a new sample it is the last one"


def test_a_step_remembers_when_it_was_and_what_every_der_may_do() -> None:
    run = feeding(site.policy(limit_w=3000.0, ders=(site.der_spec(0), site.der_spec(1))), 0.0, 2.0)
    state = run.state
    assert state.at_s == pytest.approx(2.0)
    assert len(state.caps_w) == len(state.floors_w) == len(state.safe_w) == len(state.safe_charge_w) == 2
    assert state.safe_w == (pytest.approx((3000.0 - 50.0) / 2),) * 2
    assert state.floors_w == state.safe_charge_w == (0.0, 0.0)
    assert state.conflicts == ()


def test_a_sum_of_meters_is_used_only_when_each_of_them_is_new() -> None:
    """Two feeders make the POI: what is summed should be of one moment."""
    point = PointSpec(id="poi", meters=(("poi", 1), ("sub", 1)))
    rules = site.policy(meters=(site.meter_spec(), replace(SUB, point="second")), points=(point,))
    run = feeding(rules, 300.0, 3.0, sub=400.0)
    flow = run.state.lines[0].flow
    assert flow is not None
    used_s = run.state.lines[0].used_s
    assert flow.import_w == pytest.approx(700.0, abs=2.0)
    run.step(site.meter_says(5000.0, run.now_s + 0.1), after_s=0.1)
    assert (run.state.lines[0].flow, run.state.lines[0].used_s) == (flow, used_s)
    run.step(replace(site.meter_says(6000.0, run.now_s + 0.1), meter_id="sub"), after_s=0.1)
    assert run.state.lines[0].flow is not None
    assert run.state.lines[0].flow.import_w == 11_000.0
    assert run.state.lines[0].used_s == pytest.approx(run.now_s)


RULES = LockoutRules(
    preset="test",
    rules=(ExcursionRule(id="long", lasting_s=1.0),),
    action=LockoutAction.ZERO,
    reset=ResetRules(user_after_s=None, installer_after_s=5.0),
)


def asks(run: Run, who: Who) -> LockoutReset:
    return LockoutReset(who=who, sent_s=run.now_s, received_s=run.now_s)


def exporting(action: LockoutAction = LockoutAction.ZERO, limit_w: float = 3000.0) -> Run:
    """A site that is 2 kW beyond its limit for two seconds."""
    rules = replace(site.policy(limit_w=limit_w), lockout=replace(RULES, action=action))
    return feeding(rules, -limit_w - 2000.0, 4.0)


def test_an_excursion_that_locks_out_leaves_nothing_at_once_and_says_so() -> None:
    run = exporting()
    assert FaultKind.LOCKED_OUT in run.kinds()
    assert run.state.lockout.record.locked is not None
    assert (run.state.caps_w, run.state.floors_w) == ((0.0,), (0.0,))
    assert (run.state.safe_w, run.state.safe_charge_w) == ((0.0,), (0.0,))
    assert run.state.action is Action.SAFE
    told = [o for o in run.outcomes if any(e.kind is EventKind.LOCKED_OUT for e in o.events)]
    (first,) = told
    assert FaultKind.LOCKED_OUT in {f.kind for f in first.state.faults}, "in the very step"
    assert first.state.caps_w == (0.0,)
    assert [c.limit_w for o in run.outcomes for c in o.commands][-1] == 0.0


def test_a_lock_out_to_the_safe_set_leaves_that() -> None:
    run = exporting(LockoutAction.SAFE)
    assert FaultKind.LOCKED_OUT in run.kinds()
    assert run.state.safe_w == (pytest.approx(3000.0 - 25.0),)
    assert 0.0 < run.state.caps_w[0] <= 2975.0


def test_only_who_may_end_a_lock_out_ends_it_and_the_step_that_does_is_free_of_it() -> None:
    run = exporting()
    for tenth in range(80):
        run.step(site.meter_says(500.0 + tenth % 2, run.now_s + 0.1), site.der_says(0.0, run.now_s + 0.1), after_s=0.1)
    run.step(asks(run, Who.USER))
    assert FaultKind.LOCKED_OUT in run.kinds()
    assert [e.kind for e in run.outcomes[-1].events] == [EventKind.LOCKOUT_REFUSED]
    outcome = run.step(asks(run, Who.INSTALLER))
    assert FaultKind.LOCKED_OUT not in run.kinds()
    assert EventKind.LOCKOUT_ENDED in [e.kind for e in outcome.events]
    assert outcome.state.action is not Action.SAFE


def test_a_site_without_rules_never_locks_out() -> None:
    run = feeding(site.policy(limit_w=3000.0), -5000.0, 4.0)
    assert run.state.lockout.record.locked is None
    assert FaultKind.LOCKED_OUT not in run.kinds()


def bus_site(rating_a: float) -> Policy:
    panel = PointSpec(id="panel", kind=PointKind.BUSBAR, meters=(("poi", 1),), rating_a=rating_a)
    ders = (site.der_spec(0, point="panel"), site.der_spec(1))
    return site.policy(ders=ders, system=System.SINGLE, points=(panel,), limit_w=20_000.0)


def test_a_bus_beyond_its_rating_takes_everything_from_what_lies_on_it_and_nothing_from_others() -> None:
    """11.5 kW from the grid and 5 kW from the DER make 71.7 A at 230 V."""
    run = feeding(bus_site(74.0), 11_500.0, 3.0)
    assert run.state.buses[0].infeed_a == (pytest.approx(16_501.0 / 230.0, abs=0.01),)
    assert run.state.buses[0].relieved
    assert run.state.caps_w[0] == 0.0
    assert run.state.caps_w[1] > 0.0
    used_s = run.state.buses[0].used_s
    run.step(after_s=0.05)
    assert run.state.buses[0].used_s == used_s, "without a new sample it is not judged again"
    assert not feeding(bus_site(80.0), 11_500.0, 3.0).state.buses[0].relieved


def test_a_limit_binds_from_when_it_alone_decides_what_a_der_does() -> None:
    """On probation the budget is small, and all of it is used."""
    run = feeding(site.policy(limit_w=3000.0), -100.0, 3.0, held_w=2900.0)
    bound = run.state.lines[0].binds_since_s
    assert bound is not None
    first = next(o.state.lines[0].binds_since_s for o in run.outcomes if o.state.lines[0].binds_since_s is not None)
    assert bound == first, "since when, and not for how long"
    free = feeding(site.policy(limit_w=None), -100.0, 3.0, held_w=2900.0)
    assert free.state.lines == ()


def test_a_der_that_never_said_its_power_or_was_never_told_anything_is_held_by_no_limit() -> None:
    run = Run(site.policy(limit_w=3000.0))
    for tenth in range(30):
        run.step(site.meter_says(500.0 + tenth % 2, run.now_s + 0.1), after_s=0.1)
    assert run.state.lines[0].binds_since_s is None


def test_readings_of_a_meter_that_the_site_does_not_have_are_nobody_s() -> None:
    run = feeding(site.policy(limit_w=3000.0), 500.0, 1.0)
    strange: MeterReading = replace(site.meter_says(9.0, run.now_s + 0.1), meter_id="who")
    before = run.state.meters
    run.step(strange, after_s=0.01)
    assert run.state.meters == before


def test_both_directions_of_a_site_are_bounded_in_one_step() -> None:
    limits = (Limit(direction=Direction.EXPORT, value=3000.0), Limit(direction=Direction.IMPORT, value=4000.0))
    battery = site.der_spec(charge_w=5000.0, failsafe_charge_w=700.0)
    run = Run(site.policy(ders=(battery,), limits=limits))
    assert run.state.safe_w == (pytest.approx(3000.0 - 25.0),)
    assert run.state.safe_charge_w == (pytest.approx(700.0),)


@pytest.mark.parametrize(("flow_w", "peak_w"), [(6000.0, 2001.0), (3900.0, None), (-6000.0, None)])
def test_flow_beyond_an_import_limit_is_an_excursion_of_it(flow_w: float, peak_w: float | None) -> None:
    """Import is positive: 6 kW are 2 kW more than 4 kW, and export is none at all."""
    battery = site.der_spec(charge_w=5000.0)
    rules = site.policy(ders=(battery,), limits=(Limit(direction=Direction.IMPORT, value=4000.0),))
    present = feeding(rules, flow_w, 2.0, held_w=0.0).state.lines[0].excursions.present
    assert (None if present is None else present.peak_w) == (None if peak_w is None else pytest.approx(peak_w))
