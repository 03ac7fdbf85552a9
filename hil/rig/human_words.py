"""What a person is asked to do for each step, and to make the rig safe: tables of plain sentences. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from hil.profile.model import Step
from hil.profile.rig_sheet import RoleSheet
from hil.profile.units import Quantity
from hil.profile.words import FAULTS, PHASES, Role, Verb

SHORTED, REMOVED = "shorted", "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One thing to do. `word` is what must be typed where Enter is too easy.

    What was set is asked back by `ask`: a number near `expected_value` in `unit`, or one of `words`.
    """

    text: str
    word: str = ""
    ask: str = ""
    unit: str = ""
    expected_value: float | None = None
    words: tuple[str, ...] = ()
    expected: str = ""


def instructions(step: Step) -> tuple[Instruction, ...]:
    """What a person does for a step, in order."""
    return tuple(_for_step(step))


def safe_instructions(sheet: RoleSheet) -> tuple[Instruction, ...]:
    """What a person does to make a role safe, in order."""
    return tuple(_for_safety(sheet))


def _for_step(step: Step) -> Iterator[Instruction]:
    phase = step.word("phase")
    where = f" on {phase}" if phase in PHASES[1:] else ""
    match step.verb:
        case Verb.SET_LOAD:
            yield _number(f"set the load{where or ', shared over all conductors,'} to", step, "to", f"the load{where}")
        case Verb.SET_SOURCE:
            yield _number("let the DC source of the DER deliver at most", step, "to", "the DC source")
        case Verb.SET_STORAGE:
            yield _number("ask the storage (discharging positive, charging negative) for", step, "to", "that wish")
        case Verb.SET_GRID:
            if step.argument("voltage") is not None:
                yield _number("set the voltage of the grid simulator, of nominal, to", step, "voltage", "the voltage")
            if step.argument("frequency") is not None:
                yield _number("set the frequency of the grid simulator to", step, "frequency", "the frequency")
        case Verb.SET_LIMIT:
            by = " from the remote source" if step.word("by") == "remote" else ""
            name = step.word("limit")
            yield _number(f"set the limit {name} of the device under test{by} to", step, "to", f"the limit {name}")
        case Verb.SET_MODE:
            mode = step.word("mode")
            text = f"set the operating mode of the device under test to {mode}"
            yield Instruction(text=text, ask="What is the mode now", words=(mode, "other"), expected=mode)
        case Verb.SWITCH:
            yield _switch(step.word("of"), step.word("to"))
        case Verb.FAULT:
            yield from _fault(step, where)
        case Verb.WAIT | Verb.AWAIT_STEADY | Verb.SAFE:
            raise ValueError(f"{step.verb.value} is no step of a role")


def _fault(step: Step, where: str) -> Iterator[Instruction]:
    """Make or clear a fault. A CT is opened only behind a short-circuit, and the short-circuit taken off last."""
    kind, on = step.word("kind"), step.word("to") == "on"
    fault = FAULTS[kind]
    amount = step.argument("amount")
    by = f", by {Quantity(value=amount, unit=fault.amount_unit)}" if isinstance(amount, float) else ""
    if on and fault.opens_ct:
        yield Instruction(
            text=f"DANGER: a live CT that is opened makes kilovolts. Short-circuit the secondary of the CT{where} "
            "at its shorting terminal, and see at the meter that its current is 0",
            word=SHORTED,
        )
    doing = "make" if on else "end"
    yield Instruction(
        text=f"{doing} the fault {kind}{where}: {fault.text}{by}",
        ask=f"Is {kind} on or off now",
        words=("on", "off"),
        expected="on" if on else "off",
    )
    if fault.opens_ct and (not on or kind != "sensor_open"):
        yield _unshort(f"the CT{where}")


def _unshort(what: str) -> Instruction:
    return Instruction(
        text=f"see that the secondary of {what} is connected to the meter again; only then remove its short-circuit",
        word=REMOVED,
    )


def _switch(powered: str, to: str) -> Instruction:
    return Instruction(
        text=f"switch control power of the {powered} {to}",
        ask=f"Is control power of the {powered} on or off now",
        words=("on", "off"),
        expected=to,
    )


def _number(text: str, step: Step, name: str, what: str) -> Instruction:
    given = next(argument for argument in step.arguments if argument.name == name)
    assert isinstance(given.value, float)
    wanted = Quantity(value=given.value, unit=given.unit)
    return Instruction(text=f"{text} {wanted}", ask=f"What is {what} now", unit=given.unit, expected_value=given.value)


def _for_safety(sheet: RoleSheet) -> Iterator[Instruction]:
    match sheet.role:
        case Role.AC_LOAD:
            yield Instruction(text="switch every load off")
        case Role.DC_SOURCE:
            yield Instruction(text="set the DC source to 0 W and switch its output off")
        case Role.GRID_SIM:
            yield Instruction(text="set the grid simulator to nominal voltage")
            yield Instruction(text="set the grid simulator to nominal frequency")
        case Role.DUT_LINK:
            if "storage" in sheet.ranges:
                yield Instruction(text="ask the storage for nothing (0 W)")
            for kind in sheet.faults:
                yield Instruction(text=f"end the fault {kind} ({FAULTS[kind].text}), if it is made")
        case Role.RELAY:
            opening = [kind for kind in sheet.faults if FAULTS[kind].opens_ct]
            for kind in sheet.faults:
                yield Instruction(text=f"end the fault {kind} ({FAULTS[kind].text}), if it is made")
            if opening:
                yield _unshort("every CT")
            for powered in sheet.switches:
                yield Instruction(text=f"switch control power of the {powered} on")
        case Role.POWER_METER | Role.WAVEFORM:
            return
