"""One repeat on the fake rig: what is marked, and that every way out ends in the safe state."""

import asyncio
import itertools
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from hil.profile.model import Case, Step, StepArgument
from hil.profile.words import Role, Verb
from hil.record.model import End
from hil.rig.roles import RigError
from hil.runner.play import Order, Outcome, make_safe, play
from hil.runner.script import FOLLOWS, State, phase_offset_s
from hil.runner.stop import Stop
from tests.runner_kit import FakeBench, FakeRig, cases, fail_at, fake_bench, sheet_file

CALLS = ("open", "set_limit", "set_load", "begin", "end", "latest_value")


def played(case: Case, bench: FakeBench, *, repeat: int = 1) -> tuple[Outcome, list[State]]:
    """One repeat, and the states that it went through."""
    states = [State.CHECK]
    order = Order(case=case, repeat=repeat, attempt=1)
    outcome = bench.play(lambda rig: play(rig, order, lambda state, _: states.append(state)))
    return outcome, states


@pytest.fixture
def bench(tmp_path: Path) -> FakeBench:
    return fake_bench(sheet_file(tmp_path))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return cases(tmp_path)[0]


def left_in_order(rig: FakeRig) -> bool:
    """The safe state before anything else; then a recording may be handed over; putting away comes last."""
    return "-".join(rig.calls).endswith(("-safe-close", "-safe-end-close")) and rig.calls.count("close") == 1


def in_order(states: list[State]) -> bool:
    return all(after in FOLLOWS[before] for before, after in itertools.pairwise(states))


def test_a_run_goes_through_its_states_and_records_before_and_after(case: Case, bench: FakeBench) -> None:
    outcome, states = played(case, bench)
    assert in_order(states)
    assert states[-1] is State.SAFE
    run = outcome.record
    assert (run.end, outcome.troubles, outcome.is_safe) == (End.COMPLETE, (), True)
    (stimulus,) = [mark for mark in run.marks if mark.step == 1]
    t_s = run.recordings[0].t_s
    assert stimulus.t_s - t_s[0] == pytest.approx(case.record.pre_s + phase_offset_s(case.hash, 1))
    assert t_s[-1] - stimulus.t_s == pytest.approx(case.record.post_s, abs=0.11)
    assert bench.rigs[0].calls == ["open", "set_limit", "set_load", "begin", "set_load", "end", "safe", "close"]


def test_repeats_meet_the_device_at_other_phases_and_attempts_at_the_same(case: Case, bench: FakeBench) -> None:
    offsets_s = {phase_offset_s(case.hash, repeat) for repeat in range(1, 100)}
    assert len(offsets_s) == 99
    assert max(offsets_s) - min(offsets_s) > 4.5
    first, again = (played(case, bench)[0].record for _ in range(2))
    assert first.marks == again.marks


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", [None, ZeroDivisionError("a bug of a driver"), TimeoutError("a socket")])
def test_whatever_a_role_raises_the_rig_is_made_safe(
    case: Case, bench: FakeBench, call: str, error: Exception | None
) -> None:
    bench.shape = fail_at(call, error)
    outcome, states = played(case, bench)
    assert in_order(states)
    assert outcome.record.end is End.RIG_FAILED
    assert str(error or "the contactor did not close") in outcome.record.reason
    assert left_in_order(bench.rigs[0])
    assert outcome.is_safe


@pytest.mark.parametrize("call", ["open", "set_load", "begin", "end"])
def test_a_step_that_does_not_return_is_a_rig_failure(case: Case, bench: FakeBench, call: str) -> None:
    def shape(rig: FakeRig) -> None:
        rig.hang = call

    bench.shape = shape
    outcome, _ = played(case, bench)
    assert outcome.record.end is End.RIG_FAILED
    assert "had not returned after" in outcome.record.reason
    assert left_in_order(bench.rigs[0])


def test_a_recording_that_was_begun_is_kept_when_the_stimulus_fails(case: Case, bench: FakeBench) -> None:
    def shape(rig: FakeRig) -> None:
        def before(call: str) -> None:
            if call == "set_load" and "begin" in rig.calls:
                raise RigError("AcLoad", "the contactor did not close", "look at its fuse")

        rig.before = before

    bench.shape = shape
    run = played(case, bench)[0].record
    assert run.end is End.RIG_FAILED
    assert len(run.recordings[0].t_s) > 40
    assert bench.rigs[0].calls[-4:] == ["set_load", "safe", "end", "close"]


def test_a_safe_state_that_is_not_reached_is_said_and_the_rest_is_still_put_away(case: Case, bench: FakeBench) -> None:
    bench.shape = fail_at("safe", ExceptionGroup("not safe", [RigError("A", "stuck", "x"), RigError("B", "hot", "y")]))
    outcome, _ = played(case, bench)
    assert not outcome.is_safe
    assert outcome.record.end is End.COMPLETE
    assert any("A: stuck (x)" in trouble and "B: hot (y)" in trouble for trouble in outcome.troubles)
    assert bench.rigs[0].calls[-1] == "close"
    assert "A: stuck" in bench.play(make_safe)


def test_without_rest_it_is_recorded_and_says_that_it_was_not_steady(case: Case, bench: FakeBench) -> None:
    def shape(rig: FakeRig) -> None:
        rig.noise_w = 500.0

    bench.shape = shape
    run = played(case, bench)[0].record
    assert run.end is End.NOT_STEADY
    assert run.reason.startswith("poi.import_w moved by ")
    assert run.reason.endswith("in the last 4 s, 400 allowed")
    assert len(run.recordings[0].t_s) > 40


@pytest.mark.parametrize("state", [state for state in State if state not in (State.CHECK, State.SAFE, State.DONE)])
def test_a_stop_in_any_state_ends_in_the_safe_state(case: Case, bench: FakeBench, state: State) -> None:
    stop, states = Stop(), []

    def enter(entered: State, _: float) -> None:
        states.append(entered)
        if entered is state:
            stop.ask(signal.SIGTERM)
            stop.ask(signal.SIGINT)

    order = Order(case=with_cleanup(case), repeat=1, attempt=1)
    with pytest.raises(asyncio.CancelledError):
        bench.play(lambda rig: stop.guard(play(rig, order, enter)))
    assert states[-1] is State.SAFE
    assert left_in_order(bench.rigs[0])
    assert stop.signal is signal.SIGTERM


def test_a_stop_does_not_cut_the_safe_state_short_and_the_record_is_kept(case: Case, bench: FakeBench) -> None:
    stop = Stop()

    def shape(rig: FakeRig) -> None:
        rig.before = lambda call: stop.ask(signal.SIGTERM) if call == "safe" else None

    bench.shape = shape
    order = Order(case=replace(case, cleanup=()), repeat=1, attempt=1)
    outcome = bench.play(lambda rig: stop.guard(play(rig, order, lambda state, at_s: None)))
    assert (outcome.record.end, outcome.is_safe) == (End.COMPLETE, True)
    assert "safe state reached" in [mark.what for mark in outcome.record.marks]
    assert left_in_order(bench.rigs[0])


def with_cleanup(case: Case) -> Case:
    """The case with a cleanup that acts, so that every state has something to wait for."""
    to = StepArgument(name="to", value=0.0, unit="W")
    off = Step(verb=Verb.SET_LOAD, role=Role.AC_LOAD, at_s=None, arguments=(to,))
    return replace(case, cleanup=(off, *case.cleanup))


def test_a_cleanup_that_fails_keeps_the_record_and_is_told(case: Case, bench: FakeBench) -> None:
    def shape(rig: FakeRig) -> None:
        def before(call: str) -> None:
            if call == "set_load" and "end" in rig.calls:
                raise RigError("AcLoad", "the contactor did not open", "look at its spring")

        rig.before = before

    bench.shape = shape
    outcome, _ = played(with_cleanup(case), bench)
    assert outcome.record.end is End.COMPLETE
    assert "the contactor did not open" in outcome.troubles[0]
    assert outcome.is_safe


def test_a_band_without_a_rating_is_a_failure_with_its_remedy(case: Case, tmp_path: Path) -> None:
    bench = fake_bench(sheet_file(tmp_path))
    bench.sheet = replace(bench.sheet, ratings={})
    run = played(case, bench)[0].record
    assert run.end is End.RIG_FAILED
    assert "device.ratings" in run.reason
