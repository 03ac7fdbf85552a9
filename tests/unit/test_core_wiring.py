"""The passive wiring check on known movements."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pcs.core import wiring
from pcs.core.wiring import Wiring, WiringState, watch

NAMEPLATE_W = 10_000.0


def watched(
    injection: Callable[[float], float],
    imports: Callable[[float, float], tuple[float, ...]],
    *,
    seconds: float = 10.0,
    balanced: bool = True,
    state: WiringState | None = None,
    start_s: float = 0.0,
) -> WiringState:
    """The verdict after samples at 10 Hz; `imports` gets the time and the true injection."""
    state = state or WiringState(since_s=start_s)
    for k in range(round(seconds * 10)):
        t = start_s + k / 10
        state = watch(state, imports(t, injection(t)), injection(t), True, balanced, NAMEPLATE_W, t)
    return state


def rising(t: float) -> float:
    return min(3000.0, 300.0 * t)


def still(_: float) -> float:
    return 1000.0


def right(t: float, injection_w: float, demand_w: float = 3000.0) -> tuple[float, ...]:
    return (demand_w - injection_w, *((demand_w - injection_w) / 3,) * 3)


def phases_reversed(*wrong: int) -> Callable[[float, float], tuple[float, ...]]:
    def imports(_: float, injection_w: float) -> tuple[float, ...]:
        phases = [(3000.0 - injection_w) / 3 * (-1 if k in wrong else 1) for k in (1, 2, 3)]
        return (sum(phases), *phases)

    return imports


def test_a_flow_that_answers_the_ders_verifies_the_wiring() -> None:
    state = watched(rising, right)
    assert state.verdict is Wiring.VERIFIED
    assert "right sign" in state.detail
    assert 1.6 <= state.since_s <= 1.9, "as soon as the movement is 5 % of nameplate"


def test_a_reversed_total_is_found() -> None:
    """CRD-ABN-5, CRD-CHK-1."""
    state = watched(rising, lambda t, w: tuple(-v for v in right(t, w)), balanced=False)
    assert (state.verdict, "the total" in state.detail) == (Wiring.WRONG, True)


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_one_reversed_phase_is_found_and_named(phase: int) -> None:
    """CRD-ABN-5."""
    state = watched(rising, phases_reversed(phase))
    assert (state.verdict, f"L{phase}" in state.detail) == (Wiring.WRONG, True)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((-1.0, -1.0, -0.5), "L3 answers the DERs by 50% only"),
        ((-0.5, -0.5, -0.5), "the total answers the DERs by 50% only"),
        ((0.5, 0.5, -1.0), "L1 follows the DERs by 50%"),
        ((0.5, 0.5, 0.5), "the total follows the DERs by 50%"),
    ],
)
def test_an_answer_in_part_names_the_conductor_and_what_it_may_be(shares: tuple[float, ...], words: str) -> None:
    """CRD-ABN-5: half a ratio or cable on one conductor or all; two CTs swapped; voltage taps one conductor off."""

    def imports(t: float, injection_w: float) -> tuple[float, ...]:
        phases = tuple(1000.0 + share * injection_w / 3.0 for share in shares)
        return (sum(phases), *phases)

    state = watched(rising, imports)
    assert state.verdict is Wiring.WRONG
    assert words in state.detail


def test_phases_are_not_judged_where_the_ders_do_not_feed_them_alike() -> None:
    assert watched(rising, phases_reversed(2), balanced=False).verdict is Wiring.UNVERIFIED


def test_a_wrong_answer_is_found_after_the_wiring_was_verified_too() -> None:
    """CRD-CHK-1."""
    verified = watched(rising, right)
    state = watched(lambda t: rising(t - 20.0), phases_reversed(1, 2, 3), state=verified, start_s=20.0)
    assert state.verdict is Wiring.WRONG


def test_nothing_is_proven_while_nothing_moves() -> None:
    assert watched(still, right).verdict is Wiring.UNVERIFIED
    assert watched(lambda t: 1000.0 + 40.0 * (round(t * 10) % 10), right).verdict is Wiring.UNVERIFIED, "too small"


def test_a_load_step_inside_the_window_proves_nothing_until_the_ders_have_moved_enough_since() -> None:
    for seconds, verdict in ((2.6, Wiring.UNVERIFIED), (3.9, Wiring.VERIFIED)):
        state = watched(rising, lambda t, w: right(t, w, 3000.0 if t < 1.0 else 6000.0), seconds=seconds)
        assert state.verdict is verdict


def test_a_load_step_that_the_ders_follow_is_no_wrong_sign() -> None:
    for step_w in (-5000.0, 5000.0):
        state = watched(
            lambda t, s=step_w: 5500.0 + s * min(1.0, max(0.0, t - 2.3)),
            lambda t, w, s=step_w: right(t, w, 5500.0 + (s if t >= 2.0 else 0.0)),
        )
        assert state.verdict is not Wiring.WRONG


def test_a_wrong_verdict_is_tried_again_after_five_minutes_of_safety_and_then_half_as_often() -> None:
    """Each trial is an excursion at a meter that is still reversed; a person has to turn it."""
    wrong = watched(rising, phases_reversed(1, 2, 3))
    waits_s = []
    for _ in range(6):
        waits_s.append(wrong.backoff_s)
        end_s = wrong.since_s + wrong.backoff_s + 1e-6
        assert watch(wrong, right(0, 0), 0.0, True, True, NAMEPLATE_W, end_s - 0.1).verdict is Wiring.WRONG
        again = watch(wrong, right(0, 0), 0.0, True, True, NAMEPLATE_W, end_s)
        assert again.verdict is Wiring.UNVERIFIED
        wrong = watched(lambda t: rising(t - end_s), phases_reversed(1, 2, 3), state=again, start_s=end_s + 0.1)  # noqa: B023
        assert wrong.verdict is Wiring.WRONG
    assert waits_s == [300.0, 600.0, 1200.0, 2400.0, 3600.0, 3600.0]
    turned = watched(lambda t: rising(t - end_s), right, state=again, start_s=end_s + 0.1)
    assert turned.backoff_s == 300.0, "a right answer clears it"


def test_the_memory_is_bounded() -> None:
    state = WiringState()
    for k in range(5000):
        state = watch(state, right(0.0, 0.0), 0.0, True, True, NAMEPLATE_W, k / 500)
        assert len(state.points) <= wiring.POINTS + 2


def test_a_site_without_ders_proves_nothing() -> None:
    state = WiringState()
    for k in range(50):
        state = watch(state, (float(k),), 0.0, True, False, 0.0, k / 10)
    assert state.verdict is Wiring.UNVERIFIED


@pytest.mark.parametrize(("broken_s", "verdict"), [(-1.0, Wiring.DOUBTED), (1.0, Wiring.VERIFIED)])
def test_a_load_step_that_hides_where_the_injection_was_unknown_is_no_wrong_sign(
    broken_s: float, verdict: Wiring
) -> None:
    """Where the jump was not seen the two ends say so; that is a doubt, which the fall has to confirm."""
    state = WiringState(verdict=Wiring.VERIFIED)
    for t, import_w, injection_w in ((0.0, 2000.0, 1500.0), (0.2, 1900.0, 1600.0), (2.0, 350.0, 150.0)):
        state = watch(replace(state, broken_s=broken_s), (import_w,), injection_w, True, False, NAMEPLATE_W, t)
    assert state.verdict is verdict


def test_no_wrong_sign_is_found_while_telemetry_contradicts_what_is_thought_of_the_ders() -> None:
    state = WiringState(verdict=Wiring.VERIFIED)
    for k in range(40):
        state = watch(state, (-3000.0 + rising(k / 10),), rising(k / 10), False, False, NAMEPLATE_W, k / 10)
    assert state.verdict is Wiring.VERIFIED


def test_a_wrong_sign_is_found_behind_a_gap() -> None:
    state = WiringState(verdict=Wiring.VERIFIED, broken_s=0.5)
    for k in range(20):
        state = watch(state, (-3000.0 + rising(k / 10),), rising(k / 10), True, False, NAMEPLATE_W, k / 10)
    assert state.verdict is Wiring.VERIFIED
    for k in range(20, 40):
        state = watch(state, (-3000.0 + rising(k / 10),), rising(k / 10), True, False, NAMEPLATE_W, k / 10)
    assert state.verdict is Wiring.DOUBTED, "the safe set from here on; what the fall does confirms it"
    for k in range(40, 70):
        injection_w = rising(k / 10) - 1000.0
        state = watch(state, (-3000.0 + injection_w,), injection_w, True, False, NAMEPLATE_W, k / 10)
    assert state.verdict is Wiring.WRONG


@pytest.mark.parametrize("before", [True, False])
def test_phases_that_come_or_go_between_two_samples_are_not_compared(before: bool) -> None:
    """A meter that leaves a phase out now and then: what lacks it is no evidence, and no reason to fall over."""
    state = watched(rising, lambda t, w: right(t, w) if (t < 3.0) is before else right(t, w)[:1])
    assert state.verdict is Wiring.VERIFIED
    assert len({len(values) for _, values, _ in state.points}) == 1
