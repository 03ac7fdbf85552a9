"""One DER: met, silent, disobedient, restarted, limited by others, and what it can use."""

from dataclasses import replace

import pytest

from pcs.core import der_state, ders, economy, obey, observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.motion import BOUND_GAIN, BOUND_SHARE
from pcs.core.order import Order
from pcs.model.fault import FaultKind
from tests import core_site as site


def met(limit_w: float | None = None, *, own: bool = False, **more: float) -> DerState:
    """An inverter that was identified at 0 s."""
    der = der_state.new(site.der_spec(), site.TIMING, 0.0)
    return ders.identified(der, site.der_met(limit_w=limit_w, own=own, **more), 0.0)


def told(cap_w: float, at_s: float = 1.0) -> DerState:
    """An inverter that confirmed `cap_w` at `at_s`."""
    der = met()
    der = evolve(der, track=observe.tell(der.track, at_s - 0.03, 0.0, cap_w), sent=Order(cap_w), sent_s=at_s - 0.03)
    return ders.applied(der, site.done(cap_w, at_s))


def lives(der: DerState, injection_w: float, from_s: float, to_s: float, every_s: float = 0.2) -> DerState:
    """The same inverter after it said its power again and again."""
    now_s = from_s
    while now_s <= to_s:
        track = observe.advance(der.track, now_s, der.timing, 0.2)
        der = ders.telemetry(evolve(der, track=track), site.der_says(injection_w, now_s))
        now_s += every_s
    return der


def kinds(der: DerState) -> list[FaultKind]:
    return [c.kind for c in der.conditions]


def test_a_der_that_nobody_has_met_may_inject_anything_up_to_its_nameplate() -> None:
    der = der_state.new(site.der_spec(nameplate_w=4000.0), site.TIMING, 0.0)
    assert observe.present(der.track) == (0.0, 4000.0)


def test_the_rating_bounds_the_cap_and_the_larger_figure_is_assumed_in_trouble() -> None:
    assert (met(rating_w=8000.0).most_w, met(rating_w=8000.0).weight_w) == (8000.0, 10_000.0)
    assert (met(rating_w=12_000.0).most_w, met(rating_w=12_000.0).weight_w) == (12_000.0, 12_000.0)


def test_a_limit_of_our_own_is_no_foreign_limit() -> None:
    der = met(3000.0, own=True)
    assert (der.most_w, der.held_w, kinds(der)) == (10_000.0, 3000.0, [])


def test_a_limit_that_nobody_explains_is_honoured() -> None:
    der = met(3000.0)
    assert (der.most_w, der.foreign_w, kinds(der)) == (3000.0, 3000.0, [FaultKind.DER_FOREIGN_LIMIT])


def test_a_foreign_limit_stays_when_the_der_is_met_again_with_our_own() -> None:
    again = ders.identified(met(3000.0), site.der_met(limit_w=1000.0, own=True), 9.0)
    assert (again.most_w, kinds(again)) == (3000.0, [FaultKind.DER_FOREIGN_LIMIT])


def test_a_limit_that_somebody_left_before_this_start_is_kept_to_though_what_is_found_is_our_own() -> None:
    """Fault campaign, seed 197: said again as ours it was explained by the journal, and raised after a crash."""
    found = replace(site.der_met(limit_w=300.0, own=True), foreign_w=300.0)
    der = ders.identified(der_state.new(site.der_spec(), site.TIMING, 0.0), found, 0.0)
    assert (der.foreign_w, der.most_w, kinds(der)) == (300.0, 300.0, [FaultKind.DER_FOREIGN_LIMIT])
    assert "300 W before this start" in der.conditions[0].detail
    _, told = economy.command(der, economy.Bounds(10_000.0, 0.0, 0.0, 0.0), 0.0)
    assert told is not None
    assert (told.limit_w, told.foreign_w) == (300.0, 300.0), "and it is remembered again"
    lower = replace(found, found=replace(found.found, limit_w=200.0), foreign_charge_w=50.0)
    again = ders.identified(der, lower, 1.0)
    assert (again.foreign_w, again.foreign_charge_w) == (300.0, 50.0), "what is ours below it is not theirs"


def test_a_silent_der_is_found_after_two_seconds_or_three_polls() -> None:
    der = ders.telemetry(met(), site.der_says(500.0, 10.0))
    assert kinds(obey.age(der, 0.2, 11.99)) == []
    silent = obey.age(der, 0.2, 12.0)
    assert (kinds(silent), silent.held_w) == ([FaultKind.DER_SILENT], None)
    assert kinds(obey.age(der, 1.0, 12.5)) == []
    assert kinds(obey.age(der, 1.0, 13.0)) == [FaultKind.DER_SILENT]


def test_a_silence_says_what_the_last_request_came_to() -> None:
    der = obey.refused(met(), site.fault(FaultKind.NO_CONNECTION, 1.0, "d0"))
    assert "no connection" in obey.age(der, 0.2, 5.0).conditions[0].detail


def test_a_der_has_five_seconds_to_be_met() -> None:
    new = der_state.new(site.der_spec(), site.TIMING, 100.0)
    assert kinds(obey.age(new, 0.2, 104.9)) == []
    assert "has not answered yet" in obey.age(new, 0.2, 105.0).conditions[0].detail


@pytest.mark.parametrize(
    "answer",
    [
        lambda der: ders.telemetry(der, site.der_says(None, 13.0)),
        lambda der: ders.telemetry(der, site.der_says(500.0, 13.0)),
        lambda der: ders.readback(der, site.holds(None, 13.0), 1.0),
        lambda der: ders.applied(der, site.done(0.0, 13.0)),
    ],
)
def test_any_valid_answer_ends_a_silence(answer: object) -> None:
    silent = obey.age(told(3000.0), 0.2, 12.0)
    assert kinds(obey.age(answer(silent), 0.2, 13.1)) == []  # type: ignore[operator]


def test_a_der_that_was_silent_is_told_again_because_it_may_have_forgotten() -> None:
    silent = obey.age(told(3000.0), 0.2, 12.0)
    back = obey.age(ders.telemetry(silent, site.der_says(500.0, 13.0)), 0.2, 13.0)
    assert back.sent_w is None
    assert observe.present(back.track)[1] == 10_000.0, "whether its limit is still in force is not known"


def test_a_der_that_repeats_its_silence_condition_keeps_the_first_time() -> None:
    first = obey.age(told(3000.0), 0.2, 12.0)
    assert obey.age(first, 0.2, 20.0).conditions[0].at_s == 12.0


def test_another_device_at_the_address_is_never_commanded_until_it_is_identified() -> None:
    wrong = obey.refused(told(3000.0), site.fault(FaultKind.WRONG_DEVICE, 2.0, "d0", "serial 7"))
    assert (wrong.identified, kinds(wrong)) == (None, [FaultKind.WRONG_DEVICE])
    assert kinds(ders.identified(wrong, site.der_met(), 3.0)) == []


def test_a_der_above_all_that_it_was_told_disobeys_after_two_times_without_effect() -> None:
    """What it was told has had the slowest plant's settling time already; then dead time and lag, twice."""
    der = lives(told(2000.0), 2000.0, 1.0, 20.0)
    effect_s = site.TIMING.dead_time_s.hi + site.TIMING.time_constant_s.hi
    young = lives(der, 6000.0, 20.2, 20.2 + 2 * effect_s - 0.3)
    assert kinds(young) == []
    assert kinds(lives(young, 6000.0, 20.2 + 2 * effect_s, 21.0 + 2 * effect_s)) == [FaultKind.DER_DISOBEDIENT]


@pytest.mark.parametrize(
    ("cap_w", "injection_w"), [(8000.0, 9500.0), (0.0, 450.0)], ids=["20 % of the cap", "5 % of nameplate"]
)
def test_a_gain_error_is_no_disobedience(cap_w: float, injection_w: float) -> None:
    assert kinds(lives(lives(told(cap_w), cap_w, 1.0, 20.0), injection_w, 20.2, 60.0)) == []


def test_an_excess_that_shrinks_is_no_disobedience() -> None:
    der = lives(told(2000.0), 2000.0, 1.0, 20.0)
    now_s, excess_w = 20.2, 5000.0
    while excess_w > 10.0:
        der = lives(der, 2000.0 + excess_w, now_s, now_s + 3.9)
        now_s, excess_w = now_s + 4.1, excess_w * 0.8
    assert kinds(der) == []


def test_a_disobedient_der_is_counted_on_again_after_ten_seconds_below_its_cap() -> None:
    der = lives(lives(told(2000.0), 2000.0, 1.0, 20.0), 6000.0, 20.2, 30.0)
    assert kinds(lives(der, 1900.0, 30.2, 39.9)) == [FaultKind.DER_DISOBEDIENT]
    relapsed = lives(lives(der, 1900.0, 30.2, 37.0), 6000.0, 37.2, 37.2)
    assert kinds(lives(relapsed, 1900.0, 37.4, 45.0)) == [FaultKind.DER_DISOBEDIENT], "in one piece"
    assert kinds(lives(der, 1900.0, 30.2, 40.4)) == []


def test_a_confirmed_limit_that_is_gone_is_written_again_at_once() -> None:
    der = ders.readback(told(3000.0), site.holds(None, 2.0), 1.0)
    assert (kinds(der), der.sent_w, der.held_w) == ([FaultKind.DER_RESTARTED], None, None)
    assert kinds(ders.applied(der, site.done(3000.0, 2.1))) == []


def test_a_timer_that_ran_out_is_no_second_writer() -> None:
    der = evolve(told(3000.0), reversion_w=500.0)
    der = ders.readback(der, site.holds(500.0, 2.0, reversion_limit_w=500.0), 1.0)
    assert (kinds(der), der.sent_w) == ([FaultKind.DER_RESTARTED], None)
    assert "timer" in der.conditions[0].detail


def test_what_it_has_armed_is_what_it_falls_back_to_whatever_was_told_since() -> None:
    """Fault campaign, stack, seed 13270: deaf for 10 s it fell back to the share of the order before the last."""
    der = evolve(told(8000.0), reversion_w=0.0)
    fell_back = ders.readback(der, site.holds(500.0, 2.0, reversion_limit_w=500.0), 1.0)
    assert ([c.kind for c in fell_back.conditions], fell_back.foreign_w) == ([FaultKind.DER_RESTARTED], None)
    somebody = ders.readback(der, site.holds(700.0, 2.0, reversion_limit_w=500.0), 1.0)
    assert [c.kind for c in somebody.conditions] == [FaultKind.DER_SECOND_WRITER]


@pytest.mark.parametrize("found_w", [2998.0, 3002.0])
def test_a_limit_that_reads_back_within_two_steps_is_ours(found_w: float) -> None:
    assert kinds(ders.readback(told(3000.0), site.holds(found_w, 2.0), 1.0)) == []


def test_a_second_writer_below_us_is_honoured() -> None:
    der = ders.readback(told(3000.0), site.holds(1000.0, 2.0), 1.0)
    assert (der.most_w, der.held_w, der.sent_w, kinds(der)) == (1000.0, 1000.0, 1000.0, [FaultKind.DER_SECOND_WRITER])
    lower = ders.readback(der, site.holds(400.0, 4.0), 1.0)
    assert (lower.most_w, lower.foreign_w) == (400.0, 400.0)


def test_a_second_writer_above_us_is_told_ours_again() -> None:
    der = ders.readback(told(3000.0), site.holds(9000.0, 2.0), 1.0)
    assert (der.most_w, der.sent_w, kinds(der)) == (10_000.0, None, [FaultKind.DER_SECOND_WRITER])
    later = observe.advance(observe.advance(der.track, 3.1, site.TIMING, 0.2), 9.0, site.TIMING, 0.2)
    assert later.ticks[-1].told_hi_w == pytest.approx(9000.0, abs=1.0), "what it may inject follows the limit found"


def test_a_read_that_overlaps_a_command_proves_no_second_writer() -> None:
    commanded = evolve(told(3000.0), sent=Order(1000.0), sent_s=5.0, pending=True)
    between = site.holds(1000.0, 5.04)  # after the write, before its own read-back came
    assert kinds(ders.readback(commanded, between, 1.0)) == []
    unanswered = obey.unwritten(commanded, site.failed(1000.0, 5.5))
    assert kinds(ders.readback(unanswered, site.holds(1000.0, 7.0), 1.0)) == [], "it may have taken it"


def test_a_read_older_than_the_last_confirmation_says_nothing() -> None:
    assert kinds(ders.readback(told(3000.0, 5.0), site.holds(None, 4.9), 1.0)) == []


def test_a_failed_write_leaves_old_and_new_cap_possible() -> None:
    der = told(8000.0)
    der = evolve(der, track=observe.tell(der.track, 20.0, 0.0, 1000.0), sent=Order(1000.0), sent_s=20.0, pending=True)
    der = obey.unwritten(der, site.failed(1000.0, 20.5))
    assert (der.pending, der.retries, der.held_w) == (False, 1, 8000.0)
    track = der.track
    for k in range(300):
        track = observe.advance(track, 20.0 + k / 10, der.timing, 0.2)
    assert track.ticks[-1].told_hi_w == 8000.0


def test_a_sun_limited_der_wants_what_it_makes_and_a_little_more() -> None:
    der = lives(told(8000.0), 2000.0, 20.0, 30.0)
    for _ in range(100):
        der = ders.wants(der, 0.5)
    assert der.want_w == 3000.0
    assert ders.wants(evolve(der, want_w=8000.0), 1.0).want_w == 7500.0, "given up slowly"
    bound = lives(der, 7950.0, 30.2, 30.2)
    assert ders.wants(bound, 0.1).want_w == 10_000.0, "and taken back at once"


def test_what_a_sun_limited_der_wants_never_makes_it_look_limit_bound() -> None:
    """Else it claims all, takes that from others for nothing, gives it back slowly, and begins again."""
    for said_w in range(0, 10_001, 250):
        der = told(10_000.0)
        der = evolve(der, track=evolve(der.track, limit_bound=False, telemetry_w=float(said_w)), want_w=0.0)
        want_w = ders.wants(der, 1.0).want_w
        assert want_w == der.most_w or said_w < want_w - max(BOUND_SHARE * 10_000.0, BOUND_GAIN * want_w)


def test_a_der_that_does_not_say_its_power_wants_everything() -> None:
    assert ders.wants(ders.telemetry(told(3000.0), site.der_says(None, 2.0)), 1.0).want_w == 10_000.0


def test_another_device_is_named_with_its_moment_and_why_and_nothing_of_ours_is_in_force_there() -> None:
    wrong = obey.refused(told(3000.0), site.fault(FaultKind.WRONG_DEVICE, 2.0, "d0", "serial 7"))
    assert [(c.at_s, c.detail) for c in wrong.conditions] == [(2.0, "serial 7")]
    assert wrong.held is None
    assert wrong.failing is not None
    assert wrong.failing.kind is FaultKind.WRONG_DEVICE


def test_a_der_that_takes_no_command_for_two_seconds_is_found_at_that_moment() -> None:
    first = obey.unwritten(told(3000.0), site.failed(1000.0, 5.0))
    young = obey.unwritten(first, site.failed(1000.0, 6.9))
    assert kinds(young) == []
    assert [(c.kind, c.at_s) for c in obey.unwritten(young, site.failed(1000.0, 7.0)).conditions] == [
        (FaultKind.DER_UNWRITABLE, 7.0)
    ]


@pytest.mark.parametrize(("charge_w", "sun"), [(0.0, True), (1.0, False), (5000.0, False)])
def test_what_can_draw_does_not_follow_the_sun_after_its_silence_either(charge_w: float, sun: bool) -> None:
    der = der_state.new(site.der_spec(charge_w=charge_w), site.TIMING, 0.0)
    assert der.track.sun is sun
    assert der_state.unseen(der, 9.0).sun is sun
