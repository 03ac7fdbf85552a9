"""What the flow answers when the DERs move, from a few points whose sums are done by hand."""

import pytest

from pcs.core.answer import (
    Point,
    Wiring,
    answer,
    in_part,
    since_load,
    span_w,
    verifies,
    words_of_part,
    words_of_right,
    words_of_wrong,
)

SIZE_W = 10_000.0


def points(*flows_w: tuple[float, ...], rises_w: float = 900.0, every_s: float = 1.0) -> tuple[Point, ...]:
    """DERs that rise by so much with each point; total and phases of the flow at each."""
    return tuple((n * every_s, flow, n * rises_w) for n, flow in enumerate(flows_w))


def total(*flows_w: float) -> tuple[Point, ...]:
    return points(*((w,) for w in flows_w))


def test_a_flow_that_gives_way_watt_by_watt_is_right_and_one_that_follows_is_wrong() -> None:
    assert answer(total(0.0, -900.0), 0, 0) is Wiring.VERIFIED
    assert answer(total(0.0, 900.0), 0, 0) is Wiring.WRONG
    assert answer(total(0.0, 0.0), 0, 0) is Wiring.UNVERIFIED


@pytest.mark.parametrize(
    ("flow_w", "found"),
    [
        (-586.0, Wiring.VERIFIED),
        (-585.0, Wiring.UNVERIFIED),
        (-1214.0, Wiring.VERIFIED),
        (-1215.0, Wiring.UNVERIFIED),
        (586.0, Wiring.WRONG),
        (585.0, Wiring.UNVERIFIED),
        (1214.0, Wiring.WRONG),
        (1215.0, Wiring.UNVERIFIED),
        (360.0, Wiring.UNVERIFIED),
    ],
)
def test_an_answer_may_be_off_by_a_third_of_the_movement(flow_w: float, found: Wiring) -> None:
    """Of 900 W: by less than 315 W, in either sign."""
    assert answer(total(0.0, flow_w), 0, 0) is found


def test_a_wrong_sign_leaves_the_load_no_room() -> None:
    """A load that falls by what the DERs rise, and comes back, moves both sums."""
    assert answer(points((0.0,), (1000.0,), (1800.0,)), 0, 0) is Wiring.WRONG
    assert answer(points((0.0,), (300.0,), (600.0,), rises_w=300.0), 0, 0) is Wiring.WRONG
    assert answer(points((0.0,), (200.0,), (200.0,), rises_w=0.0), 0, 0) is Wiring.UNVERIFIED


def test_each_phase_answers_with_its_share() -> None:
    seen = points((0.0, 0.0, 0.0, 0.0), (-900.0, -300.0, -900.0, 300.0))
    assert answer(seen, 0, 3) is Wiring.VERIFIED
    assert [answer(seen, k, 3) for k in (1, 2, 3)] == [Wiring.VERIFIED, Wiring.UNVERIFIED, Wiring.WRONG]


def test_the_whole_window_or_its_later_part_may_verify() -> None:
    jumped = total(5000.0, 0.0, -900.0)
    assert answer(jumped, 0, 0) is Wiring.UNVERIFIED
    assert verifies(jumped, 900.0, 0)
    assert not verifies(jumped, 901.0, 0), "the later part moves too little"
    assert verifies(total(0.0, -900.0), 900.0, 0)
    assert not verifies(total(0.0, 900.0), 900.0, 0)
    assert not verifies(total(0.0), 0.0, 0), "one point is no movement"
    assert not verifies((), 0.0, 0)


def test_every_phase_that_is_asked_for_has_to_verify() -> None:
    seen = points((0.0, 0.0, 0.0, 0.0), (-900.0, -300.0, -300.0, 300.0))
    assert verifies(seen, 900.0, 0)
    assert not verifies(seen, 900.0, 3)
    assert verifies(points((0.0, 0.0, 0.0, 0.0), (-900.0, -300.0, -300.0, -300.0)), 900.0, 3)


@pytest.mark.parametrize(
    ("share", "found"),
    [
        (-0.5, -0.5),
        (-0.6, -0.6),
        (-0.61, None),
        (-1.0, None),
        (-0.35, -0.35),
        (-0.34, None),
        (0.5, 0.5),
        (0.34, None),
        (0.9, 0.9),
        (0.0, None),
    ],
)
def test_half_an_answer_is_one_in_part_and_nearly_all_of_it_may_be_right(share: float, found: float | None) -> None:
    """DERs that rise by 900 W, then by 900 W more."""
    answered = in_part(total(100.0, 100.0 + share * 900.0, 100.0 + share * 1800.0), 0, 0)
    assert answered == (None if found is None else pytest.approx(found))


@pytest.mark.parametrize(("off_w", "clear"), [(265.0, True), (275.0, False)])
def test_a_load_that_moves_makes_an_answer_unclear(off_w: float, clear: bool) -> None:
    """Half of 1800 W, but for the middle point: the rest may span 15 % of the movement, which are 270 W."""
    assert (in_part(total(0.0, -450.0 + off_w, -900.0), 0, 0) is not None) is clear


def test_a_phase_answers_in_part_of_its_own_share() -> None:
    seen = points((0.0, 10.0, 0.0), (0.0, 10.0 - 225.0, 0.0), (0.0, 10.0 - 450.0, 0.0))
    assert in_part(seen, 1, 2) == pytest.approx(-0.5)
    assert in_part(seen, 2, 2) is None
    assert in_part(points((0.0,), (5.0,), rises_w=0.0), 0, 0) is None, "what does not move answers nothing"


@pytest.mark.parametrize(
    ("flows_w", "rises_w", "every_s", "left"),
    [
        ((0.0, 0.0, 0.0, -501.0), 10.0, 0.5, 1),
        ((0.0, 0.0, 0.0, -500.0), 10.0, 0.5, 4),
        ((0.0, 0.0, 0.0, 501.0), 10.0, 0.5, 1),
        ((0.0, 0.0, 0.0, -501.0), 34.0, 0.5, 4),
        ((0.0, 0.0, 0.0, -501.0), 33.0, 0.5, 1),
        ((0.0, 0.0, -501.0), 10.0, 0.5, 3),
        ((0.0, 0.0, 0.0, -501.0), 10.0, 0.49, 4),
        ((0.0, -501.0), 10.0, 1.5, 1),
        ((-501.0,), 10.0, 0.5, 1),
    ],
)
def test_a_jump_while_the_ders_had_rested_for_a_second_and_a_half_is_a_load(
    flows_w: tuple[float, ...], rises_w: float, every_s: float, left: int
) -> None:
    """Of 10 kW: a jump of more than 500 W, and a rest within 100 W."""
    seen = points(*((w,) for w in flows_w), rises_w=rises_w, every_s=every_s)
    assert since_load(seen, SIZE_W) == seen[len(seen) - left :]


def test_a_rest_is_judged_by_the_last_three_seconds_and_a_phase_by_its_share_of_the_jump() -> None:
    """They moved before that; a sixth of a kilowatt in one of three phases is a jump."""
    moved = ((0.0, (0.0,), -900.0), (4.0, (0.0,), 0.0), (5.5, (0.0,), 0.0), (7.0, (-600.0,), 0.0))
    assert since_load(moved, SIZE_W) == moved[-1:]
    for jump_w, left in ((170.0, 1), (160.0, 4)):
        seen = points(*[(0.0,) * 4] * 3, (jump_w, 0.0, jump_w, 0.0), rises_w=0.0)
        assert len(since_load(seen, SIZE_W)) == left
    assert since_load((), SIZE_W) == ()


def test_the_words_say_conductor_size_and_what_it_may_be() -> None:
    assert words_of_right(899.6) == "flow answered 900 W of the DERs with the right sign"
    assert words_of_wrong(0, 900.0).startswith("the total follows the DERs' 900 W with the wrong sign: CT reversed")
    assert words_of_wrong(2, 900.0).startswith("L2 follows the DERs' 900 W")
    assert words_of_part(0, 0.5).startswith(
        "the total follows the DERs by 50%, with the wrong sign: CTs or voltage taps"
    )
    assert words_of_part(3, -0.5).startswith("L3 answers the DERs by 50% only: CT ratio")


def test_the_span_of_nothing_is_nothing() -> None:
    assert span_w([]) == 0.0
    assert span_w([3.0]) == 0.0
    assert span_w([3.0, -2.0, 1.0]) == 5.0
