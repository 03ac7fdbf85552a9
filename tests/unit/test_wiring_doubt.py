"""A sign that is in doubt, and the answer that is asked for: the DERs go down, and what the flow does is the proof."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from pcs.core import question, wiring
from pcs.core.question import Question
from pcs.core.wiring import Wiring, WiringState, seen, watch

SIZE_W = 10_000.0
LOAD_W = 8000.0


@dataclass
class Site:
    """A meter before DERs that inject `injection_w` and do what they are asked; `shows` is how its CTs are wired.

    A doubt takes them to the safe set, so far below what they injected then.
    """

    shows: Callable[[tuple[float, ...]], tuple[float, ...]] = field(default=lambda phases_w: phases_w)
    injection_w: float = 9000.0
    load_w: float = LOAD_W
    state: WiringState = field(default_factory=lambda: WiringState(verdict=Wiring.VERIFIED, since_s=-100.0))
    question: Question = field(default_factory=Question)
    now_s: float = 0.0
    asked_s: list[float] = field(default_factory=list)
    follows: bool = True
    moves: bool = False

    def live(self, seconds: float) -> None:
        """Ten samples a second; what is asked is done half a second later, in one step."""
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            asks = self.now_s < self.state.asks_until_s or self.state.verdict is Wiring.DOUBTED
            if asks and not self.was_asked:
                self.asked_s.append(self.now_s)
            self.was_asked = asks
            down = asks and self.follows and self.now_s > self.asked_s[-1] + 0.5
            fall_w = 3000.0 if self.state.verdict is Wiring.DOUBTED and self.now_s > self.state.since_s + 0.5 else 700.0
            self.sample(self.injection_w - (fall_w if down and self.injection_w > fall_w else 0.0))

    was_asked: bool = False

    def sample(self, injection_w: float) -> None:
        phases_w = self.shows(tuple((self.load_w - injection_w) / 3 for _ in range(3)))
        imports_w = (sum(phases_w), *phases_w)
        self.state = seen(self.state, imports_w[0], SIZE_W, self.now_s)
        self.state = watch(self.state, imports_w, injection_w, True, True, SIZE_W, self.now_s)
        self.question, self.state = question.follow(
            self.question, self.state, imports_w, injection_w, 0.1, True, self.moves, SIZE_W, self.now_s
        )


def reversed_all(phases_w: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(-w for w in phases_w)


def swapped(phases_w: tuple[float, ...]) -> tuple[float, ...]:
    """The CTs of two conductors exchanged, at unity: each shows half of the flow with the other sign."""
    a, b, c = phases_w
    return (-0.5 * b, -0.5 * a, c)


def half(phases_w: tuple[float, ...]) -> tuple[float, ...]:
    a, b, c = phases_w
    return (0.5 * a, b, c)


def resting(**more: object) -> Site:
    """A verified site at rest with an export of 1 kW."""
    site = Site(**more)  # type: ignore[arg-type]
    site.live(10.0)
    assert site.asked_s == [], "nobody asks while nothing happens"
    return site


def test_a_right_meter_answers_once_after_a_jump_across_zero_and_is_asked_no_more() -> None:
    """The load rises by 5 kW while the DERs feed all they have: nothing answers by itself."""
    site = resting()
    site.load_w = LOAD_W + 5000.0
    site.live(100.0)
    assert len(site.asked_s) == 1
    assert 10.0 + question.PATIENCE_S <= site.asked_s[0] <= 10.0 + question.PATIENCE_S + 1.0
    assert site.state.verdict is Wiring.VERIFIED
    assert site.question.owed_s is None


@pytest.mark.parametrize("load_w", [3000.0, 12_000.0])
def test_a_meter_that_is_turned_around_as_the_load_moves_is_found_by_asking(load_w: float) -> None:
    """CRD-ABN-5: the flow does not mirror itself then, but it jumps across zero."""
    site = resting()
    site.shows, site.load_w = reversed_all, load_w
    site.live(15.0)
    if load_w > 9000.0:  # an export before, an export shown: no jump across zero, and nothing is asked
        assert site.asked_s == []
        return
    assert site.state.verdict is Wiring.WRONG


def test_swapped_cts_are_found_by_asking_twice() -> None:
    site = resting()
    site.shows, site.load_w = swapped, 3000.0
    site.live(60.0)
    assert site.state.verdict is Wiring.WRONG
    assert "on wrong conductors" in site.state.detail
    assert len(site.asked_s) == 2


def test_a_site_that_rests_unverified_is_asked_and_half_a_ratio_on_one_conductor_is_found() -> None:
    right = Site(state=WiringState())
    right.live(question.START_S + 5.0)
    assert (right.state.verdict, len(right.asked_s)) == (Wiring.VERIFIED, 1)
    wrong = Site(state=WiringState(), shows=half)
    wrong.live(60.0)
    assert wrong.state.verdict is Wiring.WRONG
    assert "L1 answers the DERs by 50% only" in wrong.state.detail


def test_ders_that_do_not_go_down_are_asked_seldom() -> None:
    """A question costs 7 % of nameplate for some seconds: at most once in five minutes."""
    site = resting(follows=False)
    site.load_w = LOAD_W + 5000.0
    site.live(3 * question.AGAIN_S)
    assert len(site.asked_s) == 3
    assert min(b - a for a, b in zip(site.asked_s, site.asked_s[1:], strict=False)) >= question.AGAIN_S - 0.2


def test_nobody_asks_idle_ders_nor_after_a_movement_that_answered() -> None:
    idle = resting(injection_w=300.0, load_w=-500.0)
    idle.load_w = 5000.0
    idle.live(60.0)
    assert idle.asked_s == []
    idle.injection_w = 5000.0
    idle.live(20.0)
    assert idle.asked_s == [], "their rise was the answer"


def test_small_flows_that_cross_zero_owe_no_answer() -> None:
    site = resting(load_w=9100.0)
    for load_w in (8900.0, 9200.0, 8950.0, 9150.0) * 5:
        site.load_w = load_w
        site.live(2.0)
    assert site.asked_s == []


def doubted(
    signs: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> tuple[WiringState, Callable[[float], tuple[float, ...]]]:
    def shows(injection_w: float) -> tuple[float, ...]:
        phases_w = tuple(s * (LOAD_W - injection_w) / 3 for s in signs)
        return (sum(phases_w), *phases_w)

    state = WiringState(verdict=Wiring.VERIFIED, backoff_s=600.0)
    return wiring.doubt(state, (1, 2, 3), "why", 0.0, 0.1), shows


@pytest.mark.parametrize(
    ("signs", "verdict"),
    [
        ((1.0, 1.0, 1.0), Wiring.VERIFIED),
        ((-1.0, -1.0, -1.0), Wiring.WRONG),
        ((1.0, -1.0, 1.0), Wiring.WRONG),
    ],
)
@pytest.mark.parametrize("takes_s", [0.3, 6.0])
def test_the_fall_to_the_safe_set_decides_a_doubt_quick_or_slow(
    signs: tuple[float, float, float], verdict: Wiring, takes_s: float
) -> None:
    state, shows = doubted(signs)
    for k in range(1, 140):
        now_s = k / 10
        injection_w = 9000.0 - 6000.0 * min(1.0, now_s / takes_s)
        state = seen(state, shows(injection_w)[0], SIZE_W, now_s)
        state = watch(state, shows(injection_w), injection_w, True, True, SIZE_W, now_s)
    assert state.verdict is verdict


@pytest.mark.parametrize(
    ("injection_w", "ends_s"), [(100.0, wiring.WINDOW_S), (3000.0, wiring.DOUBT_S)], ids=["nothing is left", "it stays"]
)
def test_a_doubt_that_nothing_answers_ends_unverified(injection_w: float, ends_s: float) -> None:
    state, shows = doubted()
    for k in range(1, 200):
        state = seen(state, shows(injection_w)[0], SIZE_W, k / 10)
        state = watch(state, shows(injection_w), injection_w, True, True, SIZE_W, k / 10)
        assert (state.verdict is Wiring.DOUBTED) is (k / 10 - 0.1 < ends_s)
    assert (state.verdict, state.backoff_s) == (Wiring.UNVERIFIED, 600.0)


def test_a_load_that_switches_after_the_fall_is_no_wrong_sign() -> None:
    """It hides what the fall showed, on one phase: then the doubt ends unverified and is not confirmed."""
    state, shows = doubted()
    for k in range(1, 200):
        now_s, noise_w = k / 10, 300.0 * (k % 2) if k < 40 else 0.0  # until then a motor hides the answer of L2
        injection_w = 9000.0 - 1800.0 * min(1.0, now_s)
        total_w, first_w, second_w, third_w = shows(injection_w)
        second_w += noise_w - (1200.0 if now_s > 5.0 else 0.0)
        imports_w = (total_w + noise_w - (1200.0 if now_s > 5.0 else 0.0), first_w, second_w, third_w)
        state = seen(state, imports_w[0], SIZE_W, now_s)
        state = watch(state, imports_w, injection_w, True, True, SIZE_W, now_s)
        assert state.verdict is not Wiring.WRONG


def test_a_wrong_meter_is_not_doubted_on_top() -> None:
    wrong = WiringState(verdict=Wiring.WRONG, since_s=5.0, detail="why")
    assert wiring.doubt(wrong, (0,), "again", 6.0, 6.1) is wrong


def test_ders_that_commands_move_are_not_asked_meanwhile() -> None:
    """A slow release after a load's rise would be broken off by the question, and answers by itself."""
    site = Site(injection_w=3000.0, state=WiringState(), moves=True)
    site.live(30.0)
    assert site.asked_s == []
    site.moves = False
    site.live(10.0)
    assert len(site.asked_s) == 1
