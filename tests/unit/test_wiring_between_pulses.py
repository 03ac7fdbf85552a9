"""The wiring check finds its movement between the pulses of a load that never rests."""

import pytest

from pcs.core.wiring import Wiring, WiringState, watch

NAMEPLATE_W = 10_000.0
CREEP_W_S = 300.0  # how fast caps rise on probation


def after(seconds: float, pulse_s: float, sign: float, pulse_w: float = 5000.0) -> Wiring:
    """The verdict after so long: a load that jumps every `pulse_s`, DERs that creep up, a meter with this sign."""
    state = WiringState()
    for k in range(int(seconds * 10)):
        now_s = pulse_s - 0.5 + k / 10  # the window is not full yet when the load first jumps
        load_w = 6000.0 - pulse_w * (int(now_s / pulse_s) % 2)
        phase_s = now_s % (2 * pulse_s)  # up while the load is high, down while it is low
        injection_w = CREEP_W_S * (phase_s if phase_s < pulse_s else 2 * pulse_s - phase_s)
        state = watch(state, (sign * (load_w - injection_w),), injection_w, True, False, NAMEPLATE_W, now_s)
    return state.verdict


@pytest.mark.parametrize("pulse_s", [1.9, 2.0, 2.4, 2.9])
def test_a_movement_between_two_pulses_verifies(pulse_s: float) -> None:
    assert after(20.0, pulse_s, 1.0) is Wiring.VERIFIED


@pytest.mark.parametrize("pulse_s", [0.3, 0.7, 1.9, 2.4, 5.0])
@pytest.mark.parametrize("pulse_w", [300.0, 600.0, 1200.0, 5000.0])
def test_a_reversed_meter_is_never_verified_by_a_pulsing_load(pulse_s: float, pulse_w: float) -> None:
    assert after(60.0, pulse_s, -1.0, pulse_w) is not Wiring.VERIFIED


@pytest.mark.parametrize("pulse_s", [0.3, 0.7, 1.9, 2.4, 5.0])
@pytest.mark.parametrize("pulse_w", [300.0, 600.0, 1200.0, 5000.0])
def test_a_right_meter_is_never_called_reversed_by_a_pulsing_load(pulse_s: float, pulse_w: float) -> None:
    assert after(60.0, pulse_s, 1.0, pulse_w) is not Wiring.WRONG
