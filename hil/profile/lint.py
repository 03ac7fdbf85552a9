"""Whether a rig can do a case, found out before anything is energised. What it lacks is named, role by role."""

from collections.abc import Iterator
from dataclasses import dataclass

from hil.profile.model import Case, Need, Profile, Step
from hil.profile.rig_sheet import RigSheet, RoleSheet
from hil.profile.units import Quantity
from hil.profile.words import FAULTS, Role, Verb

GRADE_B_S = 0.2  # `hil.analysis.result.Grade`: values at most so wide and apart
RANGED = {  # verb -> (argument, range of the role's sheet)
    Verb.SET_LOAD: (("to", "range"),),
    Verb.SET_SOURCE: (("to", "range"),),
    Verb.SET_STORAGE: (("to", "storage"),),
    Verb.SET_GRID: (("voltage", "voltage"), ("frequency", "frequency")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What a rig lacks for a case. `part`: a role, or "system". `what` says what is needed and what there is.

    `line`: of the rig's sheet, where the role stands; 1 where it does not.
    """

    case: str
    part: str
    what: str
    line: int


def lint_profile(profile: Profile, rig: RigSheet) -> list[Lack]:
    """Everything that the rig lacks for any case of a profile."""
    return [lack for case in profile.cases for lack in lint_case(case, rig)]


def lint_case(case: Case, rig: RigSheet) -> list[Lack]:
    """Everything that the rig lacks for a case; empty: it can be run."""
    found: list[Lack] = []

    def say(part: str, what: str) -> None:
        line = next((sheet.line for role, sheet in rig.roles.items() if role.value == part), 1)
        lack = Lack(case=case.id, part=part, what=what, line=line)
        if lack not in found:
            found.append(lack)

    if rig.system not in case.systems:
        say("system", f"needs a {' or '.join(case.systems)} system, the rig is {rig.system}")
    if case.regime and case.regime != rig.device.regime:
        has = f"for {rig.device.regime}" if rig.device.regime else "for no regime"
        say("device under test", f"needs one that is commissioned for {case.regime}, this one is {has} (`regime`)")
    needed = {step.role for step in case.steps if step.role is not None} | {need.role for need in case.needs}
    for role in Role:
        if role in needed - {Role.POWER_METER, Role.WAVEFORM} and role not in rig.roles:
            say(role.value, "the rig has none")
    for step in case.steps:
        if step.role is not None and step.role in rig.roles:
            for what in _step_lacks(step, rig.roles[step.role]):
                say(step.role.value, what)
    for role, what in (*_record_lacks(case, rig), *_need_lacks(case, rig)):
        say(role.value, what)
    return found


def _step_lacks(step: Step, sheet: RoleSheet) -> Iterator[str]:
    for argument, name in RANGED.get(step.verb, ()):
        value = step.argument(argument)
        if not isinstance(value, float):
            continue
        reach = sheet.ranges.get(name)
        if reach is None:
            yield f"cannot set {name if name != 'range' else 'a value'}"
        elif not reach.lo - 1e-9 <= value <= reach.hi + 1e-9:
            asked, lo, hi = (Quantity(value=number, unit=reach.unit) for number in (value, reach.lo, reach.hi))
            yield f"{step.verb.value} to {asked} needed, the rig reaches {lo} to {hi}"
    match step.verb:
        case Verb.SET_LOAD if (phase := step.word("phase") or "total") not in sheet.phases:
            yield f"cannot load {phase} alone"
        case Verb.SET_LIMIT if step.word("limit") not in sheet.limits:
            yield f"cannot set the limit {step.word('limit')}"
        case Verb.SET_LIMIT if (by := step.word("by") or "installer") not in sheet.setters:
            yield f"cannot set a limit by {by}" if by != "remote" else _no_remote(sheet)
        case Verb.SET_MODE if step.word("mode") not in sheet.modes:
            yield f"cannot set the mode {step.word('mode')}"
        case Verb.SWITCH if step.word("of") not in sheet.switches:
            yield f"cannot switch control power of the {step.word('of')}"
        case Verb.FAULT if step.word("kind") == "heartbeat" and "remote" not in sheet.setters:
            yield _no_remote(sheet)
        case Verb.FAULT:
            kind = step.word("kind")
            if kind not in sheet.faults:
                yield f"cannot make {kind}: {FAULTS[kind].text}"
            elif FAULTS[kind].opens_ct and not sheet.shorting:
                yield f"{kind} opens a CT's secondary: needs a shorting relay (make before break), `shorting: true`"


def _no_remote(sheet: RoleSheet) -> str:
    return "the device has no remote source of limits" + (f": {sheet.without_remote}" if sheet.without_remote else "")


def _record_lacks(case: Case, rig: RigSheet) -> Iterator[tuple[Role, str]]:
    meter, waveform = rig.roles.get(Role.POWER_METER), rig.roles.get(Role.WAVEFORM)
    instruments = [sheet for sheet in (meter, waveform) if sheet is not None]
    if not instruments:
        yield Role.POWER_METER, "the rig has neither PowerMeter nor Waveform"
        return
    for channel in case.record.channels:
        seen_by = [sheet for sheet in instruments if channel in sheet.channels]
        if not seen_by:
            yield Role.POWER_METER, f"does not record {channel}"
            continue
        if case.record.each_phase and not any(sheet.each_phase for sheet in seen_by):
            yield seen_by[0].role, f"does not record {channel} per conductor"
    grade = max(case.record.grade, rig.grade)  # a rig for screening runs what asks for better, at its own grade
    for channel in dict.fromkeys((case.stimulus.channel, case.response.channel)):
        updates_s = [
            sheet.update_s for sheet in instruments if channel in sheet.channels and sheet.update_s is not None
        ]
        in_waveform = waveform is not None and channel in waveform.channels
        if grade == "A" and not in_waveform:
            yield Role.WAVEFORM, f"grade A needs {channel} as a waveform"
        elif grade == "B" and updates_s and min(updates_s) > GRADE_B_S and not in_waveform:
            yield (
                Role.POWER_METER,
                f"grade B needs {channel} every {GRADE_B_S:g} s, the rig has it every {min(updates_s):g} s",
            )


def _need_lacks(case: Case, rig: RigSheet) -> Iterator[tuple[Role, str]]:
    for need in case.needs:
        sheet = rig.roles.get(need.role)
        if sheet is None:
            if need.role is Role.WAVEFORM:
                yield need.role, "the rig has none"
            continue
        for name, bound, has, unit in (
            ("values apart", need.update_within_s, sheet.update_s, "s"),
            ("group delay", need.delay_within_s, sheet.group_delay_s, "s"),
            ("uncertainty", need.uncertainty_within_ratio, sheet.uncertainty_ratio, "pu"),
        ):
            if bound is None or (name == "values apart" and rig.grade == "C"):  # which is what grade C means
                continue
            most = Quantity(value=bound, unit=unit)
            if has is None:
                yield need.role, f"{name} at most {most} needed, the sheet does not say it"
            elif has > bound * (1 + 1e-9):
                yield need.role, f"{name} at most {most} needed, the rig has {Quantity(value=has, unit=unit)}"
        if need.step_within_s is not None:
            yield from _edge_lacks(case, need, need.step_within_s, sheet)


def _edge_lacks(case: Case, need: Need, within_s: float, sheet: RoleSheet) -> Iterator[tuple[Role, str]]:
    """Whether the role's steps in the stimulus are over in time: what it sets there, from what it had set before."""
    at: float | None = None
    acting = [step for step in case.steps if step.role is need.role]
    for step in acting:
        value = step.argument("to")
        if not isinstance(value, float):
            continue
        if step in case.stimulus.steps and at is not None and value != at:
            takes_s = sheet.step_s if sheet.step_s is not None else _slewed_s(abs(value - at), sheet)
            if takes_s is None:
                yield need.role, f"a step within {within_s:g} s needed, the sheet says neither slew nor step"
            elif takes_s > within_s * (1 + 1e-9):
                yield need.role, f"a step within {within_s:g} s needed, the rig takes {takes_s:.3g} s"
        at = value


def _slewed_s(change_value: float, sheet: RoleSheet) -> float | None:
    return change_value / sheet.slew_value if sheet.slew_value else None
