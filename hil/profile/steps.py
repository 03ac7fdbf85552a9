"""Steps of a profile made into steps of one case: verbs with their arguments in base units, conditions decided."""

from collections.abc import Sequence

from hil.profile.model import Step, StepArgument
from hil.profile.names import Names
from hil.profile.schema import StepPart
from hil.profile.words import FAULTS, VERBS, Argument, Role, Verb
from hil.profile.yaml_file import Place

NOT_ARGUMENTS = {"do", "when", "at"}


def make_steps(parts: Sequence[StepPart], names: Names, place: Place, *, timed: bool = False) -> tuple[Step, ...]:
    """The steps whose `when` holds. `timed`: they may say `at` (a stimulus)."""
    steps: list[Step] = []
    for i, part in enumerate(parts):
        there = (*place, i)
        if not names.holds(part.when, (*there, "when")):
            continue
        at_s = None
        if part.at is not None and not timed:
            names.file.report((*there, "at"), "only the steps of a stimulus or fault have a time of their own")
        elif part.at is not None:
            at = names.quantity(part.at, (*there, "at"), ("s",))
            at_s = at.value if at else None
            before_s = max((step.at_s or 0.0 for step in steps), default=0.0)
            if at_s is not None and (at_s < before_s or (not steps and at_s > 0.0)):
                what = "the first step is at 0 s, and none is before the one above it"
                names.file.report((*there, "at"), what)
        step = _step(part, names, there, at_s)
        if step is not None:
            steps.append(step)
    return tuple(steps)


def _step(part: StepPart, names: Names, place: Place, at_s: float | None) -> Step | None:
    verb = Verb(part.do)
    role, known = VERBS[verb]
    said = {name: text for name, text in part if text is not None and name not in NOT_ARGUMENTS}
    for name in said.keys() - known.keys():
        takes = ", ".join(known) or "nothing"
        names.file.report((*place, name), f"{verb.value} does not take it", f"it takes {takes}")
    arguments = []
    for name, spec in known.items():
        if name in said:
            argument = _argument(name, str(said[name]), spec, names, (*place, name))
            if argument is None:
                return None
            arguments.append(argument)
        elif not spec.optional:
            names.file.report(place, f"{verb.value} needs {name}")
            return None
    if verb is Verb.SET_GRID and not arguments:
        names.file.report(place, "set_grid needs voltage or frequency")
    step = Step(verb=verb, role=role, at_s=at_s, arguments=tuple(arguments))
    return _fault(step, names, place) if verb is Verb.FAULT else step


def _argument(name: str, text: str, spec: Argument, names: Names, place: Place) -> StepArgument | None:
    if spec.words:
        word = names.word(text, place, spec.words)
        return None if word is None else StepArgument(name=name, value=word, unit="")
    quantity = names.quantity(text, place, spec.units, signed=name == "amount")
    return None if quantity is None else StepArgument(name=name, value=quantity.value, unit=quantity.unit)


def _fault(step: Step, names: Names, place: Place) -> Step | None:
    """The role of a fault is that of its kind, and so is the amount."""
    kind = FAULTS[step.word("kind")]
    wants = bool(kind.amount_unit) and step.word("to") == "on"
    if wants != (step.argument("amount") is not None):
        what = f"{step.word('kind')} {'needs an' if wants else 'has no'} amount"
        names.file.report(place, what, f"in {kind.amount_unit}" if wants else "")
        return None
    return Step(verb=step.verb, role=Role(kind.role), at_s=step.at_s, arguments=step.arguments)
