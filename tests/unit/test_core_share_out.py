"""From the lines' budgets to bounds for every DER: absorbing, conflicts, busbars, states of charge, chargers."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.core import der_state, line_state, observe, share_out
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.failsafe import Action
from pcs.core.lines import Fleet
from pcs.core.order import Order
from pcs.core.policy import Policy
from pcs.core.share_out import Shares
from pcs.model.limit import Direction, Limit, Scope
from pcs.model.site import DerKind, DerSpec
from tests import core_site as site

EXPORT = Limit(direction=Direction.EXPORT, value=0.0)
IMPORT = Limit(direction=Direction.IMPORT, value=0.0)


def pv(number: int = 0, **more: Any) -> DerSpec:
    return site.der_spec(number, **more)


def battery(number: int = 1, nameplate_w: float = 5000.0, **more: Any) -> DerSpec:
    return site.der_spec(number, nameplate_w, **{"kind": DerKind.BATTERY, "charge_w": nameplate_w, **more})


def charger(number: int, nameplate_w: float = 7400.0) -> DerSpec:
    return site.der_spec(number, nameplate_w, kind=DerKind.EVSE, charge_w=nameplate_w, charge_min_w=1400.0)


def met(spec: DerSpec, policy: Policy, shown_w: float | None = None, soc_pct: float | None = 50.0) -> DerState:
    """A DER that obeys; `shown_w`: it is known to inject exactly this."""
    der = der_state.new(spec, policy.timings[0], 0.0)
    if shown_w is not None:
        tick = der.track.ticks[-1]._replace(lo_w=shown_w, hi_w=shown_w)
        der = evolve(der, track=evolve(der.track, ticks=(tick,)))
    found = site.der_met(int(spec.id[1:]), takes_setpoint=True, rating_w=spec.nameplate_w)
    return evolve(der, soc_pct=soc_pct, identified=found)


def shared(
    policy: Policy,
    budgets_w: tuple[float, ...],
    ders: tuple[DerState, ...],
    *,
    relieved: frozenset[int] = frozenset(),
    action: Action = Action.NORMAL,
    now_s: float = 0.0,
    asks: bool = False,
) -> Shares:
    """What comes of these budgets, line by line."""
    states = []
    for line, budget_w in zip(policy.lines, budgets_w, strict=True):
        state = line_state.new(line, policy)
        states.append(evolve(state, budget=evolve(state.budget, total_w=budget_w), safe_w=0.0, action=action))
    obeying = (True,) * len(ders)
    nothing = (0.0,) * len(ders)
    fleet = Fleet(
        ders=ders,
        obeying=obeying,
        help_w=share_out.able_to_help(policy, ders, obeying),
        support_w=share_out.able_to_support(policy, ders, obeying),
        left_cap_w=nothing,
        left_charge_w=nothing,
        settle_s=tuple(observe.settle_s(t, 1.0) for t in policy.timings),
    )
    return share_out.share_out(policy, tuple(states), fleet, relieved, 0.1, now_s=now_s, asks=asks)


def held(spec: DerSpec, policy: Policy, setpoint_w: float, shown_w: float | None = None, **more: Any) -> DerState:
    """Storage without a limit of its draw, under this set point since 0 s; it wished to draw all that it can."""
    der = met(spec, policy, setpoint_w if shown_w is None else shown_w)
    told = {"sent": Order(0.0, None, setpoint_w), "held": Order(0.0, None, setpoint_w)}
    return evolve(der, **told, **{"wish_w": der.least_w, "told_since_s": 0.0, "want_charge_w": -der.least_w, **more})


def two(first_w: float, second_w: float, first_shown_w: float | None = None, **more: Any) -> tuple[Policy, Any]:
    """Two such batteries behind an import limit, with their set points."""
    specs = (battery(0), battery(1))
    policy = site.policy(ders=specs, limits=(IMPORT,))
    return policy, (
        held(specs[0], policy, first_w, first_shown_w),
        held(specs[1], policy, second_w, **more),
    )


def test_the_others_rest_before_a_hidden_wish_is_asked_for() -> None:
    """There is room for one at a time, with 6 kW for two of 5 kW: that question costs nothing and waits a minute."""
    policy, ders = two(-3000.0, -3000.0)
    early = shared(policy, (6000.0,), ders, now_s=59.0, asks=True)
    assert (early.floors_w, early.ders[0].turn_s) == ((-3000.0, -3000.0), None)
    shares = shared(policy, (6000.0,), ders, now_s=61.0, asks=True)
    assert shares.floors_w == pytest.approx((-3000.0, 0.0)), "its own bound waits until the other one rests"
    assert [d.turn_s for d in shares.ders] == [61.0, None]
    assert [d.hidden_w for d in shares.ders] == [None, None]
    resting = (shares.ders[0], held(battery(1), policy, 0.0))
    asked = shared(policy, (6000.0,), resting, now_s=62.0, asks=True)
    assert asked.floors_w == pytest.approx((-5000.0, 0.0))
    assert asked.ders[0].hidden_w == -5000.0


def test_a_question_that_costs_more_waits_longer() -> None:
    policy, ders = two(-500.0, -500.0)
    assert shared(policy, (1000.0,), ders, now_s=890.0, asks=True).ders[0].turn_s is None
    assert shared(policy, (1000.0,), ders, now_s=900.0, asks=True).ders[0].turn_s == 900.0


def test_nobody_is_asked_while_something_is_wrong_and_a_turn_ends_with_it() -> None:
    policy, ders = two(-3000.0, -3000.0)
    assert shared(policy, (6000.0,), ders, now_s=61.0).ders[0].turn_s is None
    turned = (evolve(ders[0], turn_s=60.5), ders[1])
    ended = shared(policy, (6000.0,), turned, now_s=61.0)
    assert (ended.ders[0].turn_s, ended.floors_w) == (None, (-3000.0, -3000.0))


def test_a_turn_ends_with_the_obedience_of_the_one_that_has_it() -> None:
    policy, ders = two(-3000.0, -3000.0)
    turned = (evolve(ders[0], turn_s=60.5, hidden_w=-5000.0, wish_w=-6000.0, sent=Order(0.0)), ders[1])
    lost = shared(policy, (6000.0,), turned, relieved=frozenset({0}), now_s=61.0, asks=True)
    assert (lost.ders[0].turn_s, lost.ders[0].wish_w) == (None, -5000.0)
    assert lost.floors_w == pytest.approx((0.0, -5000.0))


@given(
    st.floats(-2000.0, 14_000.0),
    st.tuples(st.floats(-5000.0, 0.0), st.floats(-5000.0, 0.0)),
    st.sampled_from([None, 95.0, 55.0]),
    st.floats(0.0, 1000.0),
    st.booleans(),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_whoever_is_asked_all_draws_together_stay_inside_the_budget(
    budget_w: float, setpoints_w: tuple[float, float], turn_s: float | None, now_s: float, has_car: bool
) -> None:
    specs = (battery(0), battery(1), charger(2)) if has_car else (battery(0), battery(1))
    policy = site.policy(ders=specs, limits=(IMPORT,))
    ders = [held(spec, policy, w) for spec, w in zip(specs, setpoints_w, strict=False)]
    ders[1] = evolve(ders[1], turn_s=turn_s)
    if has_car:
        ders.append(evolve(met(specs[2], policy), sent=Order(0.0, 3000.0), held=Order(0.0, 3000.0)))
    shares = shared(policy, (budget_w,), tuple(ders), now_s=now_s, asks=True)
    assert -sum(shares.floors_w) <= max(0.0, budget_w) + 1e-6
    assert sum(d.turn_s is not None for d in shares.ders) <= 1


def test_a_question_takes_nothing_from_a_car() -> None:
    specs = (battery(0), charger(1))
    policy = site.policy(ders=specs, limits=(IMPORT,))
    car = evolve(met(specs[1], policy), sent=Order(0.0, 3000.0), held=Order(0.0, 3000.0), want_charge_w=7400.0)
    ders = (held(specs[0], policy, -2000.0), car)
    for turn_s in (None, 995.0):
        shares = shared(policy, (5000.0,), (evolve(ders[0], turn_s=turn_s), car), now_s=1000.0, asks=True)
        assert shares.floors_w == pytest.approx((-2000.0, -3000.0))


def test_what_storage_draws_by_its_own_wish_makes_room_for_sources_as_a_load_does() -> None:
    """Its draw has a limit (124), so it cannot be told to draw; its own injection is not allowed meanwhile."""
    policy = site.policy(ders=(pv(), battery(nameplate_w=9000.0)), limits=(EXPORT, IMPORT))
    for shown_w, let_w, pv_w in ((-3000.0, 9000.0, 5000.0), (-9000.0, 9000.0, 10_000.0), (-3000.0, 1000.0, 3000.0)):
        der = met(battery(nameplate_w=9000.0), policy, shown_w)
        assert der.identified is not None
        ders = (met(pv(), policy), evolve(der, identified=replace(der.identified, takes_setpoint=False)))
        shares = shared(policy, (2000.0, let_w), ders)
        assert shares.caps_w == pytest.approx((pv_w, 2000.0 - pv_w))
        assert not shares.conflicts
        safe = shared(policy, (2000.0, let_w), ders, action=Action.SAFE)
        assert sum(safe.caps_w) <= 2000.0


def test_a_draw_by_its_own_wish_makes_room_for_other_storage_that_wishes_to_discharge() -> None:
    """It claims a step back (10 %) from what it draws, and not half of the room that its draw makes."""
    policy = site.policy(ders=(battery(0), battery(1)), limits=(EXPORT,))
    drawing, wishing = met(battery(0), policy, -4000.0), met(battery(1), policy, 2000.0)
    assert drawing.identified is not None
    bounded = replace(drawing.identified, takes_setpoint=False)
    said = evolve(drawing.track, telemetry_w=-4000.0, limit_bound=False)
    drawing = evolve(drawing, identified=bounded, track=said, want_w=0.0)
    held = evolve(wishing.track, telemetry_w=2000.0, limit_bound=True)
    wishing = evolve(wishing, identified=bounded, track=held)
    assert shared(policy, (1000.0,), (drawing, wishing)).caps_w == pytest.approx((-3500.0, 4500.0))


def test_storage_makes_room_for_sources_and_not_for_what_other_storage_discharges() -> None:
    policy = site.policy(ders=(battery(0), battery(1)), limits=(EXPORT,))
    shares = shared(policy, (1000.0,), (met(battery(0), policy, 0.0), met(battery(1), policy, 0.0)))
    assert min(shares.caps_w) >= 0.0
    assert sum(shares.caps_w) == pytest.approx(1000.0)


def test_storage_claims_of_the_import_lines_what_it_has_to_absorb_and_no_more() -> None:
    """Until something is there to absorb, a car has what a free battery of its order does not want."""
    specs = (battery(0), charger(1))
    policy = site.policy(ders=specs, limits=(EXPORT, IMPORT))
    free = met(specs[0], policy, 0.0)
    said = evolve(free.track, telemetry_w=2000.0)
    free = evolve(free, sent=Order(0.0), held=Order(0.0), want_charge_w=500.0, track=said)
    ders = (free, met(specs[1], policy))
    assert shared(policy, (4000.0, 5000.0), ders).floors_w == pytest.approx((-500.0, -4500.0))
    surplus = shared(policy, (-4000.0, 5000.0), ders)
    assert surplus.floors_w[0] == pytest.approx(-2016.1, abs=0.1), "its fair share, as it needs more"


def test_a_battery_is_told_to_absorb_before_pv_is_curtailed_but_pv_counts_only_on_what_it_is_seen_to_do() -> None:
    policy = site.policy(ders=(pv(), battery()), limits=(EXPORT,))
    for shown_w, pv_w in ((0.0, 2000.0), (-1500.0, 3500.0), (-5000.0, 7000.0)):
        shares = shared(policy, (2000.0,), (met(pv(), policy), met(battery(), policy, shown_w)))
        assert shares.caps_w == pytest.approx((pv_w, -5000.0)), "all that it can absorb is asked of it"


def test_storage_that_wants_no_part_in_it_does_not_absorb() -> None:
    own = battery(absorbs=False)
    policy = site.policy(ders=(pv(), own), limits=(EXPORT,))
    assert shared(policy, (2000.0,), (met(pv(), policy), met(own, policy, 0.0))).caps_w == pytest.approx((2000.0, 0.0))


def test_a_battery_that_is_full_or_of_unknown_charge_is_not_told_to_absorb() -> None:
    spec = battery(soc_max_pct=95.0)
    policy = site.policy(ders=(pv(), spec), limits=(EXPORT,))
    for soc_pct in (95.0, None):
        shares = shared(policy, (2000.0,), (met(pv(), policy), met(spec, policy, 0.0, soc_pct)))
        assert shares.caps_w == pytest.approx((2000.0, 0.0))


def test_a_full_battery_is_given_no_charge_and_an_empty_one_no_discharge() -> None:
    spec = battery(0, soc_min_pct=10.0, soc_max_pct=95.0)
    policy = site.policy(ders=(spec,), limits=(EXPORT, IMPORT))
    full = shared(policy, (3000.0, 3000.0), (met(spec, policy, 0.0, 95.0),))
    empty = shared(policy, (3000.0, 3000.0), (met(spec, policy, 0.0, 10.0),))
    assert (full.caps_w, full.floors_w) == ((3000.0,), (0.0,))
    assert (empty.caps_w, empty.floors_w) == ((0.0,), (-3000.0,))


def test_absorbing_is_bounded_by_what_the_import_lines_let_it_draw() -> None:
    policy = site.policy(ders=(pv(), battery()), limits=(EXPORT, IMPORT))
    shares = shared(policy, (2000.0, 1000.0), (met(pv(), policy), met(battery(), policy, -1000.0)))
    assert shares.floors_w[1] == pytest.approx(-1000.0)
    assert shares.caps_w == pytest.approx((3000.0, -1000.0))


def test_storage_supports_an_import_limit_only_where_it_is_declared_and_not_empty() -> None:
    """The host alone draws 2 kW more than the import limit allows."""
    spec = battery(0, supports=True, soc_min_pct=10.0)
    policy = site.policy(ders=(spec,), limits=(IMPORT,))
    assert shared(policy, (-2000.0,), (met(spec, policy, 0.0),)).floors_w == pytest.approx((2000.0,))
    assert shared(policy, (-2000.0,), (met(spec, policy, 0.0, 10.0),)).floors_w == (0.0,)
    own = battery(0)
    policy = site.policy(ders=(own,), limits=(IMPORT,))
    assert shared(policy, (-2000.0,), (met(own, policy, 0.0),)).floors_w == (0.0,)


@pytest.mark.parametrize(("export_priority", "import_priority", "bound_w"), [(1, 2, -1000.0), (2, 1, 1000.0)])
def test_where_both_directions_contradict_each_other_the_better_rank_wins_and_it_is_said(
    export_priority: int, import_priority: int, bound_w: float
) -> None:
    up = Limit(direction=Direction.EXPORT, value=0.0, priority=export_priority)
    down = Limit(direction=Direction.IMPORT, value=0.0, priority=import_priority)
    policy = site.policy(ders=(battery(0, supports=True),), limits=(up, down))
    fleet = (met(battery(0, supports=True), policy, 0.0),)
    one: dict[str, Any] = dict.fromkeys(("help_w", "support_w", "left_cap_w", "left_charge_w", "settle_s"), (0.0,))
    caps_w, floors_w, conflicts = share_out.settled(
        policy, Fleet(ders=fleet, obeying=(True,), **one), (-1000.0,), (1000.0,)
    )
    assert caps_w == floors_w == (bound_w,)
    winner = "export" if export_priority < import_priority else "import"
    assert len(conflicts) == 1
    assert conflicts[0].endswith(f"{winner} wins")


def test_everything_on_a_relieved_bus_neither_feeds_nor_draws() -> None:
    policy = site.policy(ders=(pv(0), battery(1), charger(2), pv(3)), limits=(EXPORT, IMPORT))
    fleet = tuple(met(d, policy, 0.0) for d in policy.controlled)
    shares = shared(policy, (9000.0, 9000.0), fleet, relieved=frozenset((0, 1, 2)))
    assert shares.caps_w[:3] == (0.0, 0.0, 0.0)
    assert shares.floors_w[:3] == (0.0, 0.0, 0.0)
    assert shares.caps_w[3] == pytest.approx(9000.0), "the other panel is not concerned"


@given(st.floats(0.0, 30_000.0), st.integers(1, 5))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_charger_gets_nothing_or_at_least_its_least_current(budget_w: float, count: int) -> None:
    policy = site.policy(ders=tuple(charger(k) for k in range(count)), limits=(IMPORT,))
    shares = shared(policy, (budget_w,), tuple(met(d, policy, 0.0, None) for d in policy.controlled))
    assert -sum(shares.floors_w) <= budget_w + 1e-6
    assert all(w == 0.0 or w <= -1400.0 + 1e-6 for w in shares.floors_w)
    assert sum(w < 0.0 for w in shares.floors_w) == min(count, int((budget_w + 1e-6) // 1400.0))


def test_while_a_meter_is_lost_all_claim_alike_and_nobody_is_told_to_help() -> None:
    policy = site.policy(ders=(pv(), battery()), limits=(EXPORT,))
    idle = evolve(met(pv(), policy), want_w=0.0)
    shares = shared(policy, (3000.0,), (idle, met(battery(), policy, -5000.0)), action=Action.SAFE)
    assert shares.caps_w == pytest.approx((2000.0, 1000.0))


def test_a_limit_on_storage_alone_leaves_pv_as_it_is() -> None:
    """CRD-LIM-ES, CRD-MODE-IMP."""
    own = Limit(direction=Direction.EXPORT, value=0.0, scope=Scope.ESS)
    policy = site.policy(ders=(pv(), battery()), limits=(own,))
    shares = shared(policy, (0.0,), (met(pv(), policy), met(battery(), policy, 0.0)))
    assert shares.caps_w[0] == 10_000.0
    assert shares.caps_w[1] == pytest.approx(0.0)


@pytest.mark.parametrize(("opened_share", "draws_w"), [(0.02, 0.0), (0.1, 0.0), (0.9, 6660.0), (1.0, 7400.0)])
def test_on_a_bus_that_opens_a_charger_waits_until_it_may_draw_its_least_current(
    opened_share: float, draws_w: float
) -> None:
    policy = site.policy(ders=(charger(0),), limits=(Limit(direction=Direction.IMPORT, value=50_000.0),))
    shares = shared(policy, (50_000.0,), (met(policy.controlled[0], policy),))
    opened = share_out.within(shares, (opened_share,))
    assert -opened.floors_w[0] == pytest.approx(draws_w)


def contradicting(policy: Policy, count: int) -> Fleet:
    ders = tuple(met(battery(k, supports=True), policy, 0.0) for k in range(count))
    zeros = dict.fromkeys(("help_w", "support_w", "left_cap_w", "left_charge_w", "settle_s"), (0.0,) * count)
    return Fleet(ders=ders, obeying=(True,) * count, **zeros)


def test_a_contradiction_at_one_der_is_settled_there_and_leaves_the_others_as_they_were() -> None:
    policy = site.policy(ders=tuple(battery(k, supports=True) for k in range(4)), limits=(EXPORT, IMPORT))
    caps_w, floors_w = (500.0, -1000.0, 200.0, -300.0), (-500.0, 1000.0, 200.4, 400.0)
    caps, floors, conflicts = share_out.settled(policy, contradicting(policy, 4), caps_w, floors_w)
    assert caps == (500.0, -1000.0, 200.0, -300.0), "export has the better rank"
    assert floors == (-500.0, -1000.0, 200.0, -300.0), "what crosses by less than a watt is rounding"
    assert [text.split(":")[0] for text in conflicts] == ["d1", "d3"]


def test_of_several_limits_of_a_direction_the_best_ranked_decides_a_contradiction() -> None:
    limits = tuple(
        Limit(direction=way, value=0.0, priority=priority)
        for way, priority in (
            (Direction.EXPORT, 4),
            (Direction.IMPORT, 2),
            (Direction.EXPORT, 1),
            (Direction.IMPORT, 3),
        )
    )
    policy = site.policy(ders=(battery(0, supports=True),), limits=limits)
    caps_w, floors_w, _ = share_out.settled(policy, contradicting(policy, 1), (-1000.0,), (1000.0,))
    assert caps_w == floors_w == (-1000.0,), "an export limit ranks first of all four"


def test_a_contradiction_begins_at_one_watt() -> None:
    policy = site.policy(ders=(battery(0, supports=True),), limits=(EXPORT, IMPORT))
    fleet = contradicting(policy, 1)
    assert share_out.settled(policy, fleet, (100.0,), (101.0,)) == ((100.0,), (100.0,), ())
    assert len(share_out.settled(policy, fleet, (100.0,), (101.1,))[2]) == 1


def test_a_charger_on_an_opening_bus_draws_from_its_least_current_on() -> None:
    policy = site.policy(ders=(charger(0),), limits=(Limit(direction=Direction.IMPORT, value=50_000.0),))
    shares = shared(policy, (50_000.0,), (met(policy.controlled[0], policy),))
    least_share = 1400.0 / 7400.0
    assert share_out.within(shares, (least_share * 1.001,)).floors_w[0] == pytest.approx(-1401.4)
    assert share_out.within(shares, (least_share * 0.999,)).floors_w[0] == 0.0


def tightening(direction: Direction, caps_w: tuple[float, ...], floors_w: tuple[float, ...], *sent: Order) -> Shares:
    """Two batteries that were told `sent`, and get these bounds while the line of this direction tightens."""
    policy = site.policy(ders=(battery(0), battery(1)), limits=(EXPORT, IMPORT))
    ders = tuple(evolve(met(battery(k), policy), sent=o) for k, o in enumerate(sent))
    states = tuple(
        evolve(line_state.new(x, policy), action=Action.TIGHTEN if x.limit.direction is direction else Action.HOLD)
        for x in policy.lines
    )
    shares = shared(policy, (0.0, 0.0), ders)
    return share_out.unraised(replace(shares, caps_w=caps_w, floors_w=floors_w), policy, states)


def test_on_a_line_that_tightens_each_is_lowered_and_none_is_raised() -> None:
    told = (Order(3000.0, 2000.0), Order(1000.0, 500.0))
    bounds = (2500.0, 1400.0), (-1500.0, -900.0)
    export = tightening(Direction.EXPORT, *bounds, *told)
    assert (export.caps_w, export.floors_w) == ((2500.0, 1000.0), (-1500.0, -900.0))
    drawing = tightening(Direction.IMPORT, *bounds, *told)
    assert (drawing.caps_w, drawing.floors_w) == ((2500.0, 1400.0), (-1500.0, -500.0))


def test_while_a_line_tightens_what_the_other_direction_asks_for_comes_first() -> None:
    """Support for an import limit, and a draw for an export limit; a draw that an import limit forbids ends."""
    resting = Order(0.0, None, 0.0), Order(0.0, None, -4000.0)
    export = tightening(Direction.EXPORT, (5000.0, 5000.0), (1000.0, -500.0), *resting)
    assert (export.caps_w, export.floors_w) == ((1000.0, -500.0), (1000.0, -500.0))
    drawing = tightening(Direction.IMPORT, (-1000.0, -4500.0), (-3000.0, -5000.0), *resting)
    assert (drawing.caps_w, drawing.floors_w) == ((-1000.0, -4500.0), (-1000.0, -4500.0))
