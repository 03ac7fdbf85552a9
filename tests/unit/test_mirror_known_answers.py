"""What is kept of a turn that was a load, and for whom the phases of a meter are judged."""

from typing import Any

import pytest

from pcs.core import der_state
from pcs.core.mirror import LOAD_FOR_S, LOADS_KEPT, Mirror, Shown, Turn, was_load
from pcs.core.watch import all_balanced
from tests import core_site as site


def turn(step_w: float) -> Turn:
    after = Shown(at_s=10.0, imports_w=(step_w / 2,), lo_w=0.0, hi_w=0.0)
    return Turn(conductors=(0,), step_w=step_w, before_s=9.0, after=after)


def test_a_turn_that_was_a_load_is_in_doubt_no_more_and_known_for_an_hour() -> None:
    state = was_load(Mirror(turn=turn(4000.0)), 20.0)
    assert (state.turn, state.loads) == (None, ((20.0 + LOAD_FOR_S, turn(4000.0)),))
    assert was_load(state, 30.0) is state, "without a turn there is nothing to clear"


def test_the_newest_loads_are_kept_first_and_no_more_than_four() -> None:
    state = Mirror()
    for n in range(LOADS_KEPT + 2):
        state = was_load(Mirror(turn=turn(100.0 * n), loads=state.loads), float(n))
    assert [load.step_w for _, load in state.loads] == [500.0, 400.0, 300.0, 200.0]


@pytest.mark.parametrize(
    ("connections", "phases", "balanced"),
    [
        ((None,), 3, True),
        (("L123",), 3, True),
        (("L1L2",), 3, False),
        (("L1L2",), 2, True),
        (("L1N",), 2, False),
        ((None, "L1N"), 3, False),
        ((None, "L123"), 3, True),
        ((), 3, True),
    ],
)
def test_ders_feed_the_phases_alike_where_each_is_on_all_of_them(
    connections: tuple[Any, ...], phases: int, balanced: bool
) -> None:
    ders = tuple(der_state.new(site.der_spec(n, connection=c), site.TIMING, 0.0) for n, c in enumerate(connections))
    assert all_balanced(ders, phases) is balanced
