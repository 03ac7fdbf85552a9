"""What is done for one repeat of a case, in order: a case made into acts. Pure; `hil.runner.play` does them.

The list *is* the state machine: each act belongs to a state, and `FOLLOWS` says which state may come after which. What
is done on the way out, from wherever a run is left, is `way_out`.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hil.profile.model import Case, Step
from hil.profile.words import ACTING, Role, Verb

OFFSET_SPAN_S = 5.0  # the slowest meter in use averages over 5 s: repeats then meet it at every phase
MACHINE_WITHIN_S = (
    300.0  # a controller or inverter that is powered starts within two minutes (`boot`), and as much again
)
PERSON_WITHIN_S = 1800.0  # somebody walks to a switchboard and back, and asks a colleague
BY_HAND = ("human", "file")  # drivers that somebody has a hand in: a recorder is started, its file saved
PAUSE_GRACE_S = 60.0  # a clock that lets a wait last this much longer than asked for has stopped
SAFE_WITHIN_S = 120.0  # for machines: a source's discharge time of some seconds, for each of five roles, and time-outs


class State(StrEnum):
    """Where a run is. The words of the journal and the feed."""

    CHECK = "check"
    OPEN = "open"
    PREPARE = "prepare"
    SETTLE = "settle"
    RECORD = "record"
    STIMULATE = "stimulate"
    WAIT = "wait"
    END = "end"
    CLEANUP = "cleanup"
    SAFE = "safe"
    DONE = "done"


FOLLOWS: Mapping[State, frozenset[State]] = {
    State.CHECK: frozenset({State.OPEN}),
    State.OPEN: frozenset({State.PREPARE, State.SETTLE, State.RECORD, State.SAFE}),
    State.PREPARE: frozenset({State.SETTLE, State.RECORD, State.SAFE}),
    State.SETTLE: frozenset({State.PREPARE, State.RECORD, State.SAFE}),
    State.RECORD: frozenset({State.STIMULATE, State.SAFE}),
    State.STIMULATE: frozenset({State.WAIT, State.SAFE}),
    State.WAIT: frozenset({State.END, State.SAFE}),
    State.END: frozenset({State.CLEANUP, State.SAFE}),
    State.CLEANUP: frozenset({State.SAFE}),
    State.SAFE: frozenset({State.DONE}),
    State.DONE: frozenset(),
}
"""What may come after each state. Whatever fails goes to SAFE at once; a recording is handed over after it."""


class Deed(StrEnum):
    """What kind of act it is."""

    OPEN = "open"
    STEP = "step"
    """A role's step."""
    PAUSE = "pause"
    """Let `pause_s` pass, or wait until `at_s` after the first stimulus."""
    REST = "rest"
    """Wait until a channel stays within its band."""
    BEGIN = "begin"
    END = "end"
    SAFE = "safe"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act. `within_s`: it fails if it has not returned by then. `number`: of the stimulus, from 1; 0: another."""

    state: State
    deed: Deed
    within_s: float
    step: Step | None = None
    pause_s: float = 0.0
    at_s: float | None = None
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a role may take for a step, and the rig for its safe state."""

    by_role_s: Mapping[Role, float]
    safe_s: float = SAFE_WITHIN_S
    gauges_s: float = MACHINE_WITHIN_S
    """To begin and to end a recording; somebody who starts a recorder walks to it."""
    rest_s: float = 0.0
    """How much longer than its own time waiting for rest may take: somebody who reads a meter walks to it."""

    def step_s(self, step: Step) -> float:
        """Seconds within which a step must be done."""
        return self.by_role_s.get(step.role, MACHINE_WITHIN_S) if step.role else MACHINE_WITHIN_S


def patience(drivers: Mapping[Role, str]) -> Patience:
    """From the drivers of a rig's roles: a person takes longer than a machine."""
    roles = {role: PERSON_WITHIN_S if driver in BY_HAND else MACHINE_WITHIN_S for role, driver in drivers.items()}
    people = sum(1 for driver in drivers.values() if driver == "human")
    read_by_hand = any(driver in BY_HAND for role, driver in drivers.items() if role not in ACTING)
    return Patience(
        by_role_s=roles,
        safe_s=SAFE_WITHIN_S + people * PERSON_WITHIN_S,
        gauges_s=PERSON_WITHIN_S if read_by_hand else MACHINE_WITHIN_S,
        rest_s=PERSON_WITHIN_S if read_by_hand else 0.0,
    )


def phase_offset_s(case_hash: str, repeat: int, span_s: float = OFFSET_SPAN_S) -> float:
    """How much later than `pre_s` the stimulus of a repeat comes; the same for every attempt, on every machine."""
    seed = hashlib.sha256(f"{case_hash}/{repeat}".encode()).digest()
    return random.Random(seed).uniform(0.0, span_s)


def script(case: Case, offset_s: float, patience: Patience) -> tuple[Act, ...]:
    """Everything that one repeat consists of, from OPEN to the end of CLEANUP."""
    numbers = stimulus_numbers(case)
    acts = [Act(state=State.OPEN, deed=Deed.OPEN, within_s=max(patience.by_role_s.values(), default=MACHINE_WITHIN_S))]
    acts += _plain(case.prepare, State.PREPARE, patience)
    acts.append(Act(state=State.RECORD, deed=Deed.BEGIN, within_s=patience.gauges_s))
    acts.append(_pause(State.RECORD, case.record.pre_s + offset_s))
    for number, step in zip(numbers, case.stimulus.steps, strict=True):
        if step.at_s:
            acts.append(_pause(State.STIMULATE, step.at_s, at_s=step.at_s))
        acts.append(_act(step, State.STIMULATE, patience, number=number))
    acts.append(_pause(State.WAIT, case.record.post_s + case.stimulus.last_s, at_s=case.stimulus.last_s))
    acts.append(_pause(State.WAIT, case.record.post_s))
    acts.append(Act(state=State.END, deed=Deed.END, within_s=patience.gauges_s))
    acts += _plain(case.cleanup, State.CLEANUP, patience)
    return tuple(acts)


def way_out(*, opened: bool, recording: bool, is_safe: bool, patience: Patience) -> tuple[Act, ...]:
    """What is left to do from wherever a run is left: the safe state, hand over the recording, put away.

    The safe state is asked for even where nothing was opened: what a rig did before it failed is not known. `is_safe`:
    the cleanup has just reached it; a person is not sent to the switchboard twice.
    """
    acts = [] if is_safe else [Act(state=State.SAFE, deed=Deed.SAFE, within_s=patience.safe_s)]
    if recording:
        acts.append(Act(state=State.SAFE, deed=Deed.END, within_s=patience.gauges_s))
    if opened:
        acts.append(Act(state=State.SAFE, deed=Deed.CLOSE, within_s=MACHINE_WITHIN_S))
    return tuple(acts)


def stimulus_numbers(case: Case) -> tuple[int, ...]:
    """For each step of the stimulus which step of its channel it is, from 1; 0: it does not move the channel.

    A step that sets again what is set already moves nothing and has no number.
    """
    verbs = MOVES.get(case.stimulus.channel)
    was = {_what(step): _value(step) for step in case.prepare}
    numbers: list[int] = []
    count = 0
    for step in case.stimulus.steps:
        moves = (verbs is None or step.verb in verbs) and was.get(_what(step)) != _value(step)
        was[_what(step)] = _value(step)
        count += moves
        numbers.append(count if moves else 0)
    return tuple(numbers)


MOVES: Mapping[str, frozenset[Verb]] = {
    "load.demand_w": frozenset({Verb.SET_LOAD}),
    "source.available_w": frozenset({Verb.SET_SOURCE}),
    "limit.value": frozenset({Verb.SET_LIMIT}),
    "fault.contact": frozenset({Verb.FAULT}),
    "power.contact": frozenset({Verb.SWITCH}),
    "poi.voltage_v": frozenset({Verb.SET_GRID}),
    "poi.frequency_hz": frozenset({Verb.SET_GRID}),
}
"""Which verbs move a stimulus' channel; channels that are not here are moved by any step."""


def span_s(case: Case) -> float:
    """What is recorded at most, in seconds: for the room that a record takes."""
    waits_s = sum(_longest_s(step) for step in case.stimulus.steps)
    return case.record.pre_s + OFFSET_SPAN_S + case.stimulus.last_s + waits_s + case.record.post_s


def _longest_s(step: Step) -> float:
    match step.verb:
        case Verb.WAIT:
            return step.number("duration")
        case Verb.AWAIT_STEADY:
            return step.number("timeout")
        case _:
            return 0.0


def _what(step: Step) -> tuple[str, ...]:
    """What a step sets, without the value that it is set to."""
    words = (step.word(name) for name in ("phase", "limit", "by", "kind", "of"))
    return (step.verb.value, *words)


def _value(step: Step) -> tuple[object, ...]:
    return tuple(step.argument(name) for name in ("to", "mode", "voltage", "frequency", "amount"))


def _plain(steps: Sequence[Step], state: State, patience: Patience) -> Iterator[Act]:
    """Steps one after the other; waiting for rest before the stimulus is a state of its own."""
    for step in steps:
        settles = state is State.PREPARE and step.verb in (Verb.AWAIT_STEADY, Verb.WAIT)
        yield _act(step, State.SETTLE if settles else state, patience)


def _act(step: Step, state: State, patience: Patience, number: int = 0) -> Act:
    match step.verb:
        case Verb.WAIT:
            return _pause(state, step.number("duration"), step=step)
        case Verb.AWAIT_STEADY:
            within_s = step.number("timeout") + PAUSE_GRACE_S + patience.rest_s
            return Act(state=state, deed=Deed.REST, within_s=within_s, step=step)
        case Verb.SAFE:
            return Act(state=state, deed=Deed.SAFE, within_s=patience.safe_s, step=step)
        case _:
            return Act(state=state, deed=Deed.STEP, within_s=patience.step_s(step), step=step, number=number)


def _pause(state: State, pause_s: float, *, at_s: float | None = None, step: Step | None = None) -> Act:
    return Act(state=state, deed=Deed.PAUSE, within_s=pause_s + PAUSE_GRACE_S, pause_s=pause_s, at_s=at_s, step=step)
