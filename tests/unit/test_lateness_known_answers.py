"""The lateness of telemetry, value by value: what witnesses an older moment, how many do, and what is forgotten."""

import pytest

from pcs.core.lateness import INFINITY, NEVER_LATE, Late, allows, learn, note

RATED_W = 10_000.0
DOWN = Late(past=((0.0, 8000.0, 8000.0), (10.0, 2000.0, 2000.0), (11.0, 2000.0, 2000.0)))
"""Commands allowed 8 kW until 10 s, and 2 kW from then on."""


def said(late: Late, value_w: float, now_s: float = 12.0, *, grants_s: float = 1.0, explained: bool = False) -> Late:
    """A value that is at most `grants_s` old, if the profile is right."""
    return learn(late, value_w, RATED_W, explained, now_s - grants_s, now_s)


def test_what_commands_allow_is_noted_four_times_a_second_and_kept_for_twice_the_longest_lateness() -> None:
    late = note(NEVER_LATE, 1.0, 0.0, 500.0)
    assert late.past == ((1.0, 0.0, 500.0),)
    assert note(late, 1.24, 1.0, 2.0) is late
    assert note(late, 1.25, 1.0, 2.0).past == ((1.0, 0.0, 500.0), (1.25, 1.0, 2.0))
    long = Late(past=((0.0, 0.0, 1.0), (5.0, 0.0, 2.0), (9.0, 0.0, 3.0)))
    assert [p[0] for p in note(long, 17.0, 0.0, 4.0).past] == [0.0, 5.0, 9.0, 17.0]
    assert [p[0] for p in note(long, 17.1, 0.0, 4.0).past] == [5.0, 9.0, 17.1], "the last one before stands for it"
    assert [p[0] for p in note(long, 99.0, 0.0, 4.0).past] == [9.0, 99.0]


@pytest.mark.parametrize(
    ("lo_w", "hi_w", "value_w", "may_be"),
    [
        (5000.0, 6000.0, 4250.0, True),
        (5000.0, 6000.0, 4249.0, False),
        (5000.0, 6000.0, 6900.0, True),
        (5000.0, 6000.0, 6901.0, False),
        (0.0, 1000.0, -200.0, True),
        (0.0, 1000.0, -201.0, False),
        (0.0, 1000.0, 1200.0, True),
        (0.0, 1000.0, 1201.0, False),
        (-4000.0, 0.0, -4600.0, True),
        (-4000.0, -2000.0, -1700.0, True),
        (-4000.0, -2000.0, -1699.0, False),
    ],
)
def test_a_value_may_be_off_by_two_percent_of_the_rating_or_fifteen_of_the_bound(
    lo_w: float, hi_w: float, value_w: float, may_be: bool
) -> None:
    assert allows(lo_w, hi_w, value_w, RATED_W) is may_be


def test_three_values_of_an_older_moment_make_the_middle_of_their_ages_the_lateness() -> None:
    """8 kW was allowed until 10 s: a value from 11 s at the earliest is a second and a quarter too old."""
    one = said(DOWN, 8000.0)
    assert (one.ages_s, one.more_s) == ((1.25,), 0.0)
    two = said(one, 8000.0, 12.5)
    assert two.ages_s == (1.25, 1.75)
    three = said(two, 8000.0, 12.2)
    assert (three.ages_s, three.more_s, three.needed_s) == ((), pytest.approx(1.45), 12.2)
    again = said(said(said(three, 8000.0), 8000.0), 8000.0, 13.0)
    assert again.more_s == pytest.approx(1.45 + 1.25), "on top of what was learnt"


def test_no_value_is_believed_to_be_older_than_six_seconds_more() -> None:
    late = Late(past=DOWN.past, more_s=5.5, ages_s=(1.25, 1.25))
    assert said(late, 8000.0).more_s == 6.0


def test_what_no_moment_allowed_is_no_witness_and_breaks_the_row() -> None:
    late = Late(past=DOWN.past, ages_s=(1.0, 1.0), more_s=0.5)
    assert said(late, 5000.0) == Late(past=DOWN.past, more_s=0.5)
    assert said(Late(past=((0.0, 8000.0, 8000.0),), ages_s=(1.0,)), 8000.0).ages_s == (), "nothing was different then"


@pytest.mark.parametrize(("oldest_s", "witness"), [(9.9, False), (10.0, True), (10.5, True)])
def test_only_a_moment_that_ended_before_the_value_could_be_true_is_older(oldest_s: float, witness: bool) -> None:
    assert bool(learn(DOWN, 8000.0, RATED_W, False, oldest_s, oldest_s + 1.0).ages_s) is witness


def test_an_explained_value_breaks_the_row_and_leaves_what_was_learnt() -> None:
    late = Late(past=DOWN.past, ages_s=(1.0,), more_s=2.0, needed_s=0.0)
    assert said(late, 2000.0, 899.9, explained=True) == Late(past=DOWN.past, more_s=2.0, needed_s=0.0)
    quiet = Late(past=DOWN.past, more_s=2.0, needed_s=0.0)
    assert said(quiet, 2000.0, 899.9, explained=True) is quiet


def test_a_lateness_that_nothing_has_needed_for_a_quarter_of_an_hour_is_forgotten() -> None:
    late = Late(past=DOWN.past, more_s=2.0, needed_s=0.0)
    assert said(late, 2000.0, 900.0, explained=True).more_s == 0.0
    assert said(NEVER_LATE, 2000.0, 900.0, explained=True) is NEVER_LATE
    assert NEVER_LATE.needed_s == -INFINITY
