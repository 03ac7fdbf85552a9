"""A flow that becomes its own negative: known from one sample to the next, and told from what loads and DERs do."""

from random import Random

import pytest

from pcs.core import mirror
from pcs.core.measure import Sample
from pcs.core.mirror import Mirror, Turn
from pcs.model.units import Span

SIZE_W = 10_000.0
STEADY_W = (9000.0, 9000.0)


def sample(at_s: float, *imports_w: float, window_s: float = 0.1) -> Sample:
    """A sample that was received at this time: its total, or its phases."""
    return Sample(
        import_w=sum(imports_w),
        phase_import_w=imports_w if len(imports_w) > 1 else (),
        resolution_w=1.0,
        span=Span(from_s=at_s - 0.05 - window_s, to_s=at_s),
        published_s=at_s - 0.05,
        received_s=at_s,
    )


def turns(
    *flows: tuple[float, ...],
    every_s: float = 0.1,
    window_s: float = 0.1,
    injections_w: tuple[tuple[float, float], ...] = (),
    balanced: bool = True,
) -> list[Turn | None]:
    """What is found at each of these samples."""
    state, found = Mirror(), []
    for k, imports_w in enumerate(flows):
        bounds_w = injections_w[k] if injections_w else STEADY_W
        state, turn = mirror.look(state, sample(k * every_s, *imports_w, window_s=window_s), bounds_w, SIZE_W, balanced)
        found.append(turn)
    return found


def conductors(found: list[Turn | None]) -> tuple[int, ...]:
    """Those of the only turn; nothing where there is none."""
    (turn,) = [t for t in found if t is not None] or [None]
    return turn.conductors if turn is not None else ()


@pytest.mark.parametrize(
    ("before_w", "after_w", "expected"),
    [
        ((-1000.0,), (1000.0,), (0,)),
        ((5000.0,), (-5010.0,), (0,)),
        ((-300.0,), (300.0,), (0,)),
        ((-333.0, -333.0, -333.0), (333.0, 330.0, 336.0), (1, 2, 3)),
        ((-333.0, -333.0, -333.0), (-333.0, 333.0, -333.0), (2,)),
        ((-2000.0, 15.0, 2500.0), (2000.0, -15.0, -2500.0), (1, 3)),
        ((1500.0, -600.0), (1500.0, 600.0), (2,)),
    ],
)
def test_a_flow_that_becomes_its_own_negative_is_in_doubt_at_once(
    before_w: tuple[float, ...], after_w: tuple[float, ...], expected: tuple[int, ...]
) -> None:
    """CRD-ABN-5."""
    found = turns(before_w, before_w, before_w, after_w, after_w)
    assert found[3] is not None
    assert conductors(found) == expected


@pytest.mark.parametrize(
    ("before_w", "after_w"),
    [
        ((-1000.0,), (1100.0,)),
        ((-1000.0,), (-1000.0,)),
        ((-200.0,), (200.0,)),
        ((60.0,), (-60.0,)),
        ((-333.0, -333.0, -333.0), (-333.0, 380.0, -333.0)),
        ((-333.0, -333.0, -333.0), (-333.0, 333.0, -100.0)),
        ((-80.0, 400.0, 400.0), (80.0, 400.0, 400.0)),
    ],
)
def test_other_jumps_and_flows_near_zero_are_in_no_doubt(
    before_w: tuple[float, ...], after_w: tuple[float, ...]
) -> None:
    assert conductors(turns(before_w, before_w, before_w, after_w, after_w)) == ()


def test_a_window_that_holds_the_turn_shows_it_in_two_steps() -> None:
    assert conductors(turns((-1000.0,), (-1000.0,), (-1000.0,), (-400.0,), (1000.0,), (1000.0,))) == (0,)
    assert conductors(turns((-1000.0,), (-1000.0,), (-1000.0,), (-400.0,), (1000.0,), every_s=1.0, window_s=1.0)) == (
        0,
    )


def test_a_flow_that_was_not_at_rest_is_known_by_no_size() -> None:
    assert conductors(turns((-1300.0,), (-800.0,), (-1000.0,), (1000.0,))) == ()


def test_a_sliding_window_that_passes_the_negative_on_its_way_is_in_no_doubt() -> None:
    slope = [(-1000.0 + 400.0 * k,) for k in range(11)]
    assert conductors(turns((-1000.0,), *slope, *[slope[-1]] * 10, window_s=1.0)) == ()
    to_negative = [(-1000.0 + 200.0 * k,) for k in range(11)]
    assert conductors(turns(*[(-1000.0,)] * 12, *to_negative, (1000.0,), window_s=1.0)) == (0,)


def test_what_the_ders_explain_is_no_turn() -> None:
    """The sun goes: the flow turns from export to import by what the DERs feed less."""
    flows = ((-1000.0,), (-1000.0,), (-1000.0,), (1000.0,))
    fell = ((9000.0, 9000.0), (9000.0, 9000.0), (9000.0, 9000.0), (7000.0, 7000.0))
    assert conductors(turns(*flows, injections_w=fell)) == ()
    moving = ((9000.0, 9000.0), (9000.0, 9000.0), (9000.0, 9000.0), (5000.0, 9000.0))
    assert conductors(turns(*flows, injections_w=moving)) == (), "nobody knows what they inject"


def test_ders_that_move_a_little_hide_no_turn() -> None:
    rising = ((8700.0, 8700.0), (8800.0, 8800.0), (8900.0, 8900.0), (9000.0, 9000.0))
    assert conductors(turns((-1700.0,), (-1800.0,), (-1900.0,), (2000.0,), injections_w=rising)) == (0,)


def test_a_load_that_was_shown_to_be_one_is_no_turn_when_it_switches_again() -> None:
    """A kettle of exactly twice the flow, on and off."""
    state, on, off = Mirror(), (-333.0, 900.0, -333.0), (-333.0, -900.0, -333.0)
    for k in range(3):
        state, _ = mirror.look(state, sample(k / 10, *off), STEADY_W, SIZE_W, True)
    state, turn = mirror.look(state, sample(0.3, *on), STEADY_W, SIZE_W, True)
    assert turn is not None
    state = mirror.was_load(Mirror(recent=state.recent, turn=turn), 3.0)
    for k, flow in enumerate((on, on, on, off, off, off, on, on, on)):
        state, again = mirror.look(state, sample(5.0 + k, *flow), STEADY_W, SIZE_W, True)
        assert again is None
    state, again = mirror.look(state, sample(3.0 + mirror.LOAD_FOR_S + 1.0, *off), STEADY_W, SIZE_W, True)
    assert again is not None, "an hour later nobody knows"


def test_a_window_that_was_caught_in_the_middle_of_a_load_s_step_is_no_turn() -> None:
    """Half of a kettle of 2 kW looks like a turn; the next sample shows the rest, and no DER moved so far."""
    off, part, on = (400.0, 400.0, 400.0), (400.0, -400.0, 400.0), (400.0, -1600.0, 400.0)
    state = Mirror()
    for k in range(3):
        state, _ = mirror.look(state, sample(k / 10, *off), STEADY_W, SIZE_W, True)
    state, turn = mirror.look(state, sample(0.3, *part), STEADY_W, SIZE_W, True)
    assert turn is not None
    assert not mirror.goes_on(turn, sample(0.4, *part), STEADY_W, SIZE_W, True)
    assert mirror.goes_on(turn, sample(0.4, *on), (8000.0, 9000.0), SIZE_W, True)
    assert not mirror.goes_on(turn, sample(0.4, *on), (4000.0, 9000.0), SIZE_W, True), "the DERs can have done it"
    assert not mirror.goes_on(turn, sample(0.9, *on), STEADY_W, SIZE_W, True), "beyond the window it is another step"


def test_what_is_remembered_is_bounded_and_no_noise_is_a_turn() -> None:
    random, state = Random(1), Mirror()
    for k in range(5000):
        flow = tuple(random.gauss(0.0, 60.0) for _ in range(3))
        state, turn = mirror.look(state, sample(k / 10, *flow, window_s=5.0), STEADY_W, SIZE_W, True)
        assert turn is None
        assert len(state.recent) <= mirror.KEPT
