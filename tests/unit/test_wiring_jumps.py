"""What was before a jump of the flow is not compared with what comes after it."""

from pcs.core.wiring import Wiring, WiringState, seen, watch

NAMEPLATE_W = 10_000.0


def load_drop(*, noted: bool) -> Wiring:
    """A load falls from 6000 W to 500 W and the DERs make room; while they move, nobody knows what they inject."""
    state = WiringState(verdict=Wiring.VERIFIED)
    for k in range(40):
        now_s = k / 10
        load_w = 6000.0 if now_s < 1.0 else 500.0
        moving = 1.0 <= now_s < 2.0
        injection_w = 3000.0 if now_s < 1.5 else 500.0
        if noted:
            state = seen(state, load_w - injection_w, NAMEPLATE_W, now_s)
        if not moving:
            state = watch(state, (load_w - injection_w,), injection_w, True, False, NAMEPLATE_W, now_s)
    return state.verdict


def test_a_load_that_falls_by_twice_what_the_ders_make_room_for_is_no_reversed_meter() -> None:
    assert load_drop(noted=False) is Wiring.DOUBTED  # the two ends alone say so
    assert load_drop(noted=True) is Wiring.VERIFIED


def test_a_meter_that_is_turned_around_while_the_ders_rise_is_found_without_waiting_for_the_old_points() -> None:
    state = WiringState(verdict=Wiring.VERIFIED)
    for k in range(30):
        injection_w = 5000.0 + (0.0 if k < 15 else 100.0 * (k - 15))
        import_w = (2000.0 - injection_w) * (1.0 if k < 15 else -1.0)
        state = seen(state, import_w, NAMEPLATE_W, k / 10)
        state = watch(state, (import_w,), injection_w, True, False, NAMEPLATE_W, k / 10)
    assert state.verdict is Wiring.WRONG


def test_a_step_that_a_slow_meter_shows_in_two_samples_is_no_wrong_sign() -> None:
    """The load rises at 1.06 s; a half-second meter shows 87 % of it, then the rest, while the DERs begin to rise."""
    state = WiringState(verdict=Wiring.VERIFIED)
    for k, (import_w, injection_w) in enumerate(((28.0, 972.0), (28.0, 972.0), (4378.0, 972.0), (4503.0, 1497.0))):
        state = seen(state, import_w, NAMEPLATE_W, 0.5 * k)
        state = watch(state, (import_w,), injection_w, True, False, NAMEPLATE_W, 0.5 * k)
    assert state.verdict is Wiring.VERIFIED
