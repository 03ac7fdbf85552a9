"""What is remembered of a DER after each thing that it says, field by field, and at the edges."""

from typing import Any

import pytest

from pcs.core import der_state, ders, observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.order import Able, Order
from pcs.model.fault import FaultKind
from pcs.model.reading import DerReading, LimitApplied, LimitReadback
from pcs.model.site import DerKind
from tests import core_site as site

CHARGE_W = 5000.0
BATTERY: dict[str, Any] = {"kind": DerKind.BATTERY, "charge_w": CHARGE_W}
MET: dict[str, Any] = {"charge_rating_w": 4000.0, "bounds_charge": True, "takes_setpoint": True}


def new(**more: Any) -> DerState:
    return der_state.new(site.der_spec(**more), site.TIMING, 0.0)


def held(**more: Any) -> LimitReadback:
    return LimitReadback(der_id="d0", **{"limit_w": None, "sent_s": 7.0, "received_s": 7.0, **more})


def met(der: DerState, *, own: bool = False, found: dict[str, Any] | None = None, **facts: Any) -> DerState:
    return ders.identified(der, evolve(site.der_met(own=own, **facts), found=held(**(found or {}))), 7.0)


def kinds(der: DerState) -> list[FaultKind]:
    return [c.kind for c in der.conditions]


def test_what_nobody_has_met_is_what_the_site_file_says() -> None:
    der = new(nameplate_w=8000.0, **BATTERY)
    assert (der.weight_w, der.most_w, der.least_w, der.size_w) == (8000.0, 8000.0, -5000.0, 8000.0)
    assert (der.want_w, der.want_charge_w, der.since_s) == (8000.0, 5000.0, 0.0)
    assert observe.present(der.track) == (-5000.0, 8000.0)
    assert (der.sent_w, der.held_w, der.takes_setpoint) == (None, None, False)
    assert new(nameplate_w=3000.0, **BATTERY).size_w == 5000.0, "the larger of what it injects and draws"


def test_an_inverter_that_is_met_anew_is_known_by_its_rating_and_owes_nothing() -> None:
    before = evolve(
        new(),
        pending=True,
        retries=3,
        unwritten_since_s=1.0,
        sent=Order(1.0),
        wish_w=5.0,
        failing=site.fault(FaultKind.NO_ANSWER, 1.0),
        conditions=tuple(
            site.fault(k, 1.0, "d0")
            for k in (
                FaultKind.WRONG_DEVICE,
                FaultKind.DER_SILENT,
                FaultKind.DER_UNWRITABLE,
                FaultKind.DER_DISOBEDIENT,
            )
        ),
    )
    der = met(before, rating_w=9000.0)
    assert (der.weight_w, der.most_w, der.least_w, der.want_w, der.want_charge_w) == (
        10_000.0,
        9000.0,
        0.0,
        9000.0,
        0.0,
    )
    assert (der.pending, der.retries, der.unwritten_since_s, der.sent, der.held) == (False, 0, None, None, None)
    assert (der.heard_s, der.failing, der.wish_w) == (7.0, None, None)
    assert kinds(der) == [FaultKind.DER_DISOBEDIENT], "to be met proves no obedience"
    assert (observe.present(der.track), der.track.sun) == ((0.0, 10_000.0), True)
    assert der.track.ticks[-1].at_s == 7.0
    assert der.identified is not None


def test_a_battery_is_known_by_both_of_its_ratings() -> None:
    der = met(new(**BATTERY), **MET)
    assert (der.most_w, der.least_w, der.want_charge_w) == (10_000.0, -4000.0, 4000.0)
    assert (der.bounds_charge, der.takes_setpoint, der.track.sun) == (True, True, False)
    assert observe.present(der.track) == (-4000.0, 10_000.0)
    assert der.able == Able(-4000.0, 10_000.0, True, None, True)
    assert met(new(**BATTERY), **{**MET, "charge_rating_w": 0.0}).least_w == -CHARGE_W, "else as the site file says"


def test_a_charger_injects_nothing_whatever_its_rating() -> None:
    der = met(new(kind=DerKind.EVSE, charge_w=7000.0), rating_w=7000.0, charge_rating_w=7000.0, bounds_charge=True)
    assert (der.most_w, der.want_w, der.least_w) == (0.0, 0.0, -7000.0)
    assert observe.present(der.track) == (-7000.0, 0.0)


def test_an_inverter_that_says_a_draw_draws_nothing() -> None:
    assert met(new(), charge_rating_w=4000.0).least_w == 0.0


@pytest.mark.parametrize("own", [True, False])
def test_all_that_it_was_found_with_is_held_and_only_a_stranger_s_is_honoured(own: bool) -> None:
    found = {"limit_w": 3000.0, "charge_limit_w": 1000.0, "setpoint_w": -500.0}
    der = met(new(**BATTERY), own=own, found=found, **MET)
    assert der.held == Order(3000.0, 1000.0, -500.0)
    expected = (10_000.0, -4000.0, None, None, []) if own else (3000.0, -1000.0, 3000.0, 1000.0, kinds(der))
    assert (der.most_w, der.least_w, der.foreign_w, der.foreign_charge_w, kinds(der)) == expected
    assert kinds(der) == ([] if own else [FaultKind.DER_FOREIGN_LIMIT])


def test_a_stranger_s_limit_is_named_and_how_it_is_released() -> None:
    (fault,) = met(new(), found={"limit_w": 3000.0}).conditions
    assert (fault.source_id, fault.at_s) == ("d0", 7.0)
    assert fault.detail.startswith("holds 3000 W that the journal does not know: it is honoured.")
    assert "`pcs run SITE.yaml --release d0`" in fault.detail
    (draw,) = met(new(**BATTERY), found={"charge_limit_w": 900.0}, **MET).conditions
    assert draw.detail.startswith("holds 900 W of charge that the journal does not know")


def test_a_foreign_limit_above_the_rating_takes_nothing_away() -> None:
    der = met(new(**BATTERY), found={"limit_w": 12_000.0, "charge_limit_w": 4500.0}, **MET)
    assert (der.most_w, der.least_w) == (10_000.0, -4000.0)


def test_a_foreign_limit_stays_in_both_directions_when_the_device_comes_back_without_it() -> None:
    first = met(new(**BATTERY), found={"limit_w": 3000.0, "charge_limit_w": 1000.0}, **MET)
    again = met(first, **MET)
    assert (again.most_w, again.least_w) == (3000.0, -1000.0)
    assert (again.foreign_w, again.foreign_charge_w) == (3000.0, 1000.0)


def says(injection_w: float | None, received_s: float, soc_pct: float | None = None) -> DerReading:
    return DerReading(
        der_id="d0", injection_w=injection_w, soc_pct=soc_pct, sent_s=received_s - 0.01, received_s=received_s
    )


def known(lo_w: float, hi_w: float, **more: Any) -> DerState:
    """An inverter that is thought to inject so much at 10 s."""
    der = met(new(**more), **(MET if more else {}))
    tick = der.track.ticks[-1]._replace(at_s=10.0, lo_w=lo_w, hi_w=hi_w)
    failing = site.fault(FaultKind.NO_ANSWER, 1.0)
    return evolve(der, track=evolve(der.track, ticks=(tick,)), failing=failing)


@pytest.mark.parametrize(
    ("injection_w", "surprised"), [(2500.0, False), (2499.0, True), (4000.0, False), (4500.0, False), (4501.0, True)]
)
def test_power_beyond_the_bounds_by_five_percent_of_the_size_is_a_surprise(injection_w: float, surprised: bool) -> None:
    """Thought to be between 3 and 4 kW, of 10 kW."""
    der = ders.telemetry(known(3000.0, 4000.0), says(injection_w, 10.0))
    assert (der.surprised_s == 10.0) is surprised
    assert (der.heard_s, der.failing, der.track.telemetry_w) == (10.0, None, injection_w)


def test_an_answer_without_power_is_an_answer() -> None:
    der = ders.telemetry(known(3000.0, 4000.0), says(None, 11.0, soc_pct=42.0))
    assert (der.heard_s, der.failing, der.soc_pct) == (11.0, None, 42.0)
    assert der.track == known(3000.0, 4000.0).track
    stranger = ders.telemetry(evolve(known(3000.0, 4000.0), identified=None), says(3500.0, 11.0))
    assert (stranger.heard_s, stranger.failing, stranger.track.telemetry_w) == (11.0, None, None)


def test_a_state_of_charge_that_is_not_said_is_the_last_one() -> None:
    der = ders.telemetry(known(3000.0, 4000.0), says(3500.0, 11.0, soc_pct=42.0))
    assert ders.telemetry(der, says(3500.0, 11.5)).soc_pct == 42.0


def done(limit_w: float, setpoint_w: float | None = None) -> LimitApplied:
    return LimitApplied(
        der_id="d0", limit_w=limit_w, charge_limit_w=1000.0, setpoint_w=setpoint_w, sent_s=19.0, received_s=20.0
    )


def test_a_confirmation_is_held_and_ends_all_that_came_to_nothing() -> None:
    before = evolve(
        met(new(**BATTERY), **MET),
        pending=True,
        retries=4,
        unwritten_since_s=3.0,
        failing=site.fault(FaultKind.NO_ANSWER, 1.0),
        conditions=tuple(
            site.fault(k, 1.0, "d0")
            for k in (FaultKind.DER_RESTARTED, FaultKind.DER_UNWRITABLE, FaultKind.DER_SECOND_WRITER)
        ),
    )
    der = ders.applied(before, done(2000.0))
    assert (der.held, der.held_s, der.heard_s) == (Order(2000.0, 1000.0), 20.0, 20.0)
    assert (der.pending, der.retries, der.unwritten_since_s, der.failing) == (False, 0, None, None)
    assert kinds(der) == [FaultKind.DER_SECOND_WRITER]
    last = der.track.told[-1]
    assert (last.sent_s, last.acked_s, last.floor_w, last.cap_w) == (19.0, 20.0, -1000.0, 2000.0)


@pytest.mark.parametrize(
    ("before", "after", "released"),
    [(-700.0, None, True), (-700.0, -500.0, False), (None, None, False), (None, -500.0, False)],
)
def test_a_der_is_free_from_the_moment_when_a_set_point_ends(
    before: float | None, after: float | None, released: bool
) -> None:
    der = evolve(met(new(**BATTERY), **MET), held=Order(2000.0, 1000.0, before), free_s=5.0)
    assert ders.applied(der, done(2000.0, after)).free_s == (20.0 if released else 5.0)
    assert ders.applied(evolve(der, held=None), done(2000.0, after)).free_s == 5.0


@pytest.mark.parametrize(("step_w", "off_w", "theirs"), [(10.0, 20.0, False), (10.0, 20.5, True), (0.5, 1.5, True)])
def test_a_limit_is_ours_within_two_steps_of_the_device(step_w: float, off_w: float, theirs: bool) -> None:
    der = evolve(ders.applied(met(new()), site.done(3000.0, 8.0)), sent=Order(3000.0))
    for found_w in (3000.0 + off_w, 3000.0 - off_w):
        seen = ders.readback(der, site.holds(found_w, 9.0), step_w)
        assert (kinds(seen) == [FaultKind.DER_SECOND_WRITER]) is theirs


@pytest.mark.parametrize(
    ("want_w", "said_w", "dt_s", "expected_w"),
    [
        (8000.0, 2000.0, 0.1, 7950.0),
        (8000.0, 2000.0, 100.0, 3000.0),
        (3000.0, 2000.0, 0.0, 3000.0),
        (0.0, 9500.0, 1.0, 10_000.0),
        (0.0, -50.0, 1.0, 1000.0),
        (0.0, 8000.0, 1.0, 8000.0 * 1.02 / 0.85),
    ],
)
def test_what_a_sun_limited_der_wants_falls_by_five_percent_a_second_to_its_own_power_and_room(
    want_w: float, said_w: float, dt_s: float, expected_w: float
) -> None:
    der = met(new())
    der = evolve(der, want_w=want_w, track=evolve(der.track, limit_bound=False, telemetry_w=said_w))
    assert ders.wants(der, dt_s).want_w == pytest.approx(min(10_000.0, expected_w))


def drawing(telemetry_w: float | None, want_w: float = 0.0, **more: Any) -> DerState:
    """A battery that may draw all of its 4 kW and says that it injects this."""
    der = met(new(**BATTERY), **MET)
    order = Order(10_000.0, 4000.0)
    given = {"held": order, "sent": order, "want_charge_w": want_w, **more}
    return evolve(der, track=evolve(der.track, telemetry_w=telemetry_w), **given)


@pytest.mark.parametrize(
    ("der", "dt_s", "expected_w"),
    [
        (drawing(-1000.0), 1.0, 2000.0),
        (drawing(0.0), 1.0, 1000.0),
        (drawing(500.0), 1.0, 1000.0),
        (drawing(-1000.0, want_w=4000.0), 1.0, 3500.0),
        (drawing(-1000.0, want_w=4000.0), 100.0, 2000.0),
        (drawing(-3100.0), 1.0, 4000.0),
        (drawing(-4000.0), 1.0, 4000.0),
        (drawing(None), 1.0, 4000.0),
        (drawing(-1000.0, sent=Order(10_000.0, None, -500.0), wish_w=-2000.0), 1.0, 3000.0),
        (drawing(-1000.0, sent=Order(10_000.0, None, -500.0), wish_w=None, held=None), 1.0, 4000.0),
    ],
)
def test_what_storage_wants_to_draw_is_its_wish_and_a_tenth_of_its_size(
    der: DerState, dt_s: float, expected_w: float
) -> None:
    assert ders.wants_charge(der, dt_s).want_charge_w == pytest.approx(expected_w)


def test_what_cannot_draw_wants_no_draw() -> None:
    der = met(new())
    assert ders.wants_charge(der, 1.0) is der


def restarted(**more: Any) -> DerState:
    """An inverter that held 3 kW since 8 s and is found without, asked just when that was confirmed."""
    der = evolve(ders.applied(met(new()), site.done(3000.0, 8.0)), sent=Order(3000.0), sent_s=7.0, **more)
    return ders.readback(der, held(sent_s=8.0, received_s=9.0), 1.0)


def test_a_limit_that_is_gone_leaves_the_whole_nameplate_possible_and_ends_every_back_off() -> None:
    der = restarted(retries=3, failing=site.fault(FaultKind.NO_ANSWER, 1.0))
    assert (kinds(der), der.retries, der.failing, der.heard_s) == ([FaultKind.DER_RESTARTED], 0, None, 9.0)
    last = der.track.told[-1]
    assert (last.cap_w, last.sent_s, last.acked_s) == (10_000.0, 8.0, 9.0)
    assert der.conditions[0].detail == "no limit in force where 3000 W was confirmed"


def test_every_command_whose_answer_was_lost_may_be_what_is_found() -> None:
    der = ders.applied(met(new()), site.done(3000.0, 8.0))
    for sent_s, cap_w in ((9.0, 1000.0), (10.0, 2000.0)):
        der = evolve(der, track=observe.tell(der.track, sent_s, 0.0, cap_w), sent=Order(cap_w), sent_s=sent_s)
    for found_w in (1000.0, 2000.0, 3000.0):
        assert kinds(ders.readback(der, site.holds(found_w, 12.0), 1.0)) == []
    assert kinds(ders.readback(der, site.holds(1500.0, 12.0), 1.0)) == [FaultKind.DER_SECOND_WRITER]


def test_only_storage_that_is_held_by_set_points_has_a_wish_to_remember() -> None:
    assert ders.telemetry(known(3000.0, 4000.0), says(3500.0, 11.0)).wish_w is None
    assert ders.telemetry(known(-1000.0, 4000.0, **BATTERY), says(3500.0, 11.0)).wish_w is None
    free = evolve(known(-1000.0, 4000.0, **BATTERY), bounds_charge=False)
    assert ders.telemetry(free, says(3500.0, 11.0)).wish_w == 3500.0
