"""`evolve` means what `dataclasses.replace` means."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, fields, replace

import pytest

from pcs.core.evolve import evolve
from pcs.core.state import initial
from pcs.model.units import Instant
from tests import core_site as site


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    x: int
    y: tuple[int, ...] = ()


def test_a_copy_differs_from_its_value_in_what_was_changed_alone() -> None:
    was = Point(x=1, y=(2,))
    made = evolve(was, x=5)
    assert (made, was) == (Point(x=5, y=(2,)), Point(x=1, y=(2,)))
    assert made.y is was.y
    assert evolve(was) == was
    assert evolve(was) is not was


def test_a_copy_is_a_value_of_its_class_like_any_other() -> None:
    made = evolve(Point(x=1), x=5)
    assert type(made) is Point
    assert hash(made) == hash(Point(x=5))
    assert pickle.loads(pickle.dumps(made)) == copy.copy(made) == replace(made)
    with pytest.raises(FrozenInstanceError):
        made.x = 7  # type: ignore[misc]
    assert evolve(made, y=(1,)) == Point(x=5, y=(1,))


def test_a_field_that_a_value_does_not_have_is_an_error() -> None:
    with pytest.raises(AttributeError, match="z"):
        evolve(Point(x=1), z=3)


def test_every_value_that_the_core_remembers_can_be_copied_whole() -> None:
    """The state and what it is made of: each field of each copy is the very same object."""
    state = initial(site.policy(), Instant(mono_s=0.0, utc_s=0.0))
    for value in (state, state.ders[0], state.ders[0].track, state.lines[0], state.meters[0], state.watches[0]):
        made = evolve(value)
        assert type(made) is type(value)
        assert all(getattr(made, f.name) is getattr(value, f.name) for f in fields(value))  # type: ignore[arg-type]
