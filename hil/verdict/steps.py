"""Which steps of a recorded stimulus are those of the case: found in the record alone, as many as the case makes.

A staircase has small steps beside large ones. The analysis takes for a step what is half as large as the largest, so
the record is cut at the steps that are known and looked at again between them, until there are as many as there must
be. Marks of the runner are not asked: time zero comes from the record.
"""

from itertools import pairwise

from hil.analysis.series import Invalid, Series
from hil.analysis.step import Step, find_steps
from hil.profile.model import Case
from hil.profile.words import Verb

MOVED_BY: dict[str, tuple[Verb, ...]] = {
    "load.demand_w": (Verb.SET_LOAD,),
    "source.available_w": (Verb.SET_SOURCE,),
    "limit.value": (Verb.SET_LIMIT,),
    "fault.contact": (Verb.FAULT,),
    "power.contact": (Verb.SWITCH,),
    "poi.voltage_v": (Verb.SET_GRID,),
    "poi.frequency_hz": (Verb.SET_GRID,),
    "ess.injection_w": (Verb.SET_STORAGE, Verb.SET_MODE),
}
"""Which verbs move a channel by themselves; a channel that is not here is moved by every step."""
ROUNDS = 8  # each finds steps half as small as the one before
LEAST_SHARE = 0.02  # of the largest step: a smaller one could be noise; the library's smallest is a seventh
LENGTH_SHARE = 0.9  # of what the case asks to be recorded: people and timers are a little early


def expected(case: Case) -> int:
    """How many steps the record must show: those of the stimulus that change its channel."""
    stimulus = case.stimulus
    verbs = MOVED_BY.get(stimulus.channel)
    if stimulus.channel in ("fault.contact", "power.contact"):
        return _contact_changes(case)
    quantity = stimulus.channel.rsplit(".", 1)[-1].split("_", 1)[0]  # set_grid sets a voltage, a frequency, or both
    grid = [step for step in stimulus.steps if step.verb is not Verb.SET_GRID or step.argument(quantity) is not None]
    return sum(1 for step in grid if verbs is None or step.verb in verbs)


def _contact_changes(case: Case) -> int:
    """How often a contact changes: it shows whether any of what the stimulus makes or switches is there."""
    verbs = MOVED_BY[case.stimulus.channel]
    key = "kind" if Verb.FAULT in verbs else "of"
    own = {step.word(key) for step in case.stimulus.steps if step.verb in verbs}
    there: set[tuple[str, str]] = set()
    changes, at = 0, False
    for steps, counted in ((case.prepare, False), (case.stimulus.steps, True)):
        for step in steps:
            if step.verb in verbs and step.word(key) in own:
                made = (step.word(key), step.word("phase"))
                there = there | {made} if (step.word("to") == "on") is (key == "kind") else there - {made}
                changes += counted and bool(there) is not at
                at = bool(there)
    return changes


def asked(case: Case, count: int) -> tuple[int, ...]:
    """The numbers of the steps that are judged, of so many, from 1."""
    match case.response.steps:
        case "first":
            return (1,)
        case "last":
            return (count,)
        case _:
            return tuple(range(1, count + 1))


def locate(stimulus: Series, count: int) -> list[Step] | Invalid:
    """So many steps in order of time, the largest that there are; or why there are not as many."""
    found = find_steps(stimulus)
    if isinstance(found, Invalid):
        return found
    for _ in range(ROUNDS):
        if len(found) >= count:
            break
        least_value = LEAST_SHARE * max(abs(step.size_value) for step in found)
        parts = _between(stimulus, found)
        more = [step for part in parts for step in _steps(part) if abs(step.size_value) >= least_value]
        if not more:
            break
        found = sorted([*found, *more], key=lambda step: step.t0_s)
    if len(found) < count:
        return Invalid(reason=f"the stimulus steps {len(found)} times, the case {count} times")
    largest = sorted(found, key=lambda step: -abs(step.size_value))[:count]
    return sorted(largest, key=lambda step: step.t0_s)


def too_short(case: Case, stimulus: Series, steps: list[Step]) -> Invalid | None:
    """Whether the record covers less than the case asks for, before the first step or after the last."""
    before_s = steps[0].t0_s - float(stimulus.t_s[0])
    if before_s < LENGTH_SHARE * case.record.pre_s:
        return Invalid(
            reason=f"the record begins {before_s:.3g} s before the step, the case asks for {case.record.pre_s:g} s"
        )
    own = [step for step in case.stimulus.steps if step.verb in MOVED_BY.get(case.stimulus.channel, (step.verb,))]
    first_s = (own[0].at_s if own else None) or 0.0
    wanted_s = case.stimulus.last_s - first_s + case.record.post_s
    after_s = float(stimulus.t_s[-1]) - steps[0].t0_s
    if after_s < LENGTH_SHARE * wanted_s:
        return Invalid(reason=f"the record ends {after_s:.3g} s after the step, the case asks for {wanted_s:g} s")
    return None


def around(steps: list[Step], number: int, series: Series) -> tuple[float, float]:
    """From when until when the record belongs to one step: from the end of the one before to the next one's begin."""
    from_s = steps[number - 2].end_s + series.smear_s if number > 1 else float(series.t_s[0])
    to_s = steps[number].begin_s if number < len(steps) else float(series.t_s[-1])
    return from_s, to_s


def _between(stimulus: Series, steps: list[Step]) -> list[Series]:
    """The stretches before, between and after the steps that are known."""
    clear_s = 2.0 * stimulus.smear_s
    edges = [(-float("inf"), -float("inf")), *((s.begin_s, s.end_s) for s in steps), (float("inf"), float("inf"))]
    return [stimulus.between(before[1] + clear_s, after[0] - clear_s) for before, after in pairwise(edges)]


def _steps(part: Series) -> list[Step]:
    found = find_steps(part) if len(part.y) >= 8 else Invalid(reason="too short")
    return [] if isinstance(found, Invalid) else found
