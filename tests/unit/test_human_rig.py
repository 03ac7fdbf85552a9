"""A person as a driver: one thing at a time, with number and unit; what is set is asked back; safety is a must."""

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import pytest

from hil.profile.model import Step, StepArgument
from hil.profile.rig_sheet import RigSheet, RoleSheet, load_rig
from hil.profile.words import ACTING, FAULTS, VERBS, Role, Verb
from hil.rig.assemble import assemble
from hil.rig.console import ASK_WITHIN_S, Console, NoAnswerError, StandardTerminal, typed_value
from hil.rig.human import HumanActor, human_actor, human_gauge
from hil.rig.human_words import instructions, safe_instructions
from hil.rig.real_world import RealWorld
from hil.rig.roles import Done, RigError
from tests.people import Script, world
from tests.profile_kit import rig
from tests.virtual_time import run_virtually

RIGS = Path(__file__).parents[2] / "test_profiles" / "rigs"


def step(verb: Verb, role: Role, **arguments: float | str) -> Step:
    units = {"to": "W", "voltage": "pu", "frequency": "Hz", "amount": "s"}
    given = tuple(
        StepArgument(name=name, value=value, unit=units[name] if isinstance(value, float) else "")
        for name, value in arguments.items()
    )
    return Step(verb=verb, role=role, at_s=None, arguments=given)


LOAD = step(Verb.SET_LOAD, Role.AC_LOAD, to=2000.0, phase="L1")


def laboratory() -> RigSheet:
    return load_rig(RIGS / "laboratory-recorder.yaml")


def actor(terminal: Script, role: Role = Role.AC_LOAD) -> HumanActor:
    sheet = laboratory()
    made = human_actor(sheet.roles[role], world(sheet, terminal))
    assert isinstance(made, HumanActor)
    return made


def do(terminal: Script, *steps: Step) -> list[Done]:
    async def work() -> list[Done]:
        human = actor(terminal, steps[0].role or Role.AC_LOAD)
        return [await human.do(one) for one in steps]

    return run_virtually(work())


def test_a_step_is_asked_for_with_number_and_unit_and_asked_back() -> None:
    terminal = Script((30.0, ""), (5.0, "1,98 kW"))
    (done,) = do(terminal, LOAD)
    assert terminal.questions == [
        "AcLoad: set the load on L1 to 2000 W. Then press Enter.",
        "AcLoad: What is the load on L1 now, in W:",
    ]
    assert (done.asked_s, done.done_s) == (0.0, 30.0)
    assert done.note == "by a person; typed: 1980 W"


def test_a_question_is_repeated_when_asked_for_and_an_answer_that_is_none_is_said() -> None:
    terminal = Script("?", "2000", "", "many", "2000")
    do(terminal, LOAD)
    assert terminal.shown[0] == terminal.shown[1]
    assert "press Enter alone once it is done" in terminal.shown[2]
    assert "type a number in W" in terminal.shown[4]


def test_a_value_far_from_what_was_asked_for_is_typed_twice_or_set_again() -> None:
    for lines, typed in ((("", "200", "2000"), "2000 W"), (("", "200", "200"), "200 W")):
        terminal = Script(*lines)
        assert do(terminal, LOAD)[0].note == f"by a person; typed: {typed}"
        assert "2000 W was asked for: set it and type the new value" in terminal.shown[2]


def test_giving_up_needs_a_reason_which_is_the_error() -> None:
    terminal = Script("fail", "fail the breaker is stuck")
    with pytest.raises(RigError, match=r"AcLoad: given up by the operator: the breaker is stuck .*hil resume"):
        do(terminal, LOAD)
    assert "say why" in terminal.shown[1]


def test_nobody_is_waited_for_without_end() -> None:
    async def work() -> float:
        with pytest.raises(RigError, match=r"nobody answered .* in 1500 s"):
            await actor(Script(silent=True)).do(LOAD)
        return asyncio.get_running_loop().time()

    assert run_virtually(work()) == ASK_WITHIN_S
    with pytest.raises(RigError, match="input has ended"):
        do(Script(), LOAD)
    with pytest.raises(RigError, match=r"50 answers .* were none"):
        do(Script(*["what"] * 60), LOAD)


def test_what_was_done_is_not_asked_for_again() -> None:
    terminal = Script("", "2000", "", "500", "", "2000")
    other = step(Verb.SET_LOAD, Role.AC_LOAD, to=500.0, phase="L2")
    notes = [done.note for done in do(terminal, LOAD, other, LOAD)]
    assert notes[2] == "it is so already"
    assert len(terminal.questions) == 4
    back = step(Verb.SET_LOAD, Role.AC_LOAD, to=0.0, phase="L1")
    terminal = Script("", "2000", "", "0", "", "2000")
    do(terminal, LOAD, back, LOAD)
    assert len(terminal.questions) == 6


def test_words_are_asked_back_and_another_one_is_an_error() -> None:
    mode = step(Verb.SET_MODE, Role.DUT_LINK, mode="export_only")
    assert do(Script("", "export_only"), mode)[0].note == "by a person; said: export_only"
    with pytest.raises(RigError, match="export_only was asked for, the operator says other"):
        do(Script("", "other"), mode)


def test_every_step_that_a_role_does_has_its_words() -> None:
    values: dict[Verb, list[dict[str, float | str]]] = {
        Verb.SET_LOAD: [{"to": 1.0}],
        Verb.SET_SOURCE: [{"to": 1.0}],
        Verb.SET_STORAGE: [{"to": -1.0}],
        Verb.SET_GRID: [{"voltage": 1.0, "frequency": 60.0}],
        Verb.SET_LIMIT: [{"limit": "export_all", "to": 0.0, "by": "remote"}],
        Verb.SET_MODE: [{"mode": "export_only"}],
        Verb.SWITCH: [{"of": "der", "to": "off"}],
        Verb.FAULT: [{"kind": kind, "to": to, "amount": 5.0} for kind in FAULTS for to in ("on", "off")],
    }
    assert {verb for verb, (role, _) in VERBS.items() if role is not None or verb is Verb.FAULT} == set(values)
    for verb, all_given in values.items():
        for given in all_given:
            role = VERBS[verb][0] or FAULTS[str(given["kind"])].role
            said = instructions(step(verb, role, **given))
            assert said
            assert all(one.text for one in said)
            assert sum(1 for one in said if one.ask) == (2 if verb is Verb.SET_GRID else 1)


@pytest.mark.parametrize("kind", [kind for kind, fault in FAULTS.items() if fault.opens_ct])
def test_a_live_ct_is_short_circuited_before_it_is_opened_and_the_word_must_be_typed(kind: str) -> None:
    on = step(Verb.FAULT, Role.RELAY, kind=kind, to="on", phase="L1")
    off = step(Verb.FAULT, Role.RELAY, kind=kind, to="off", phase="L1")
    terminal = Script("", "yes", "shorted", "", "on", *(["removed"] if kind != "sensor_open" else []))
    do(terminal, on)
    assert "Short-circuit the secondary of the CT on L1" in terminal.questions[0]
    assert sum('type "shorted"' in line for line in terminal.shown) == 3  # neither Enter nor yes went on
    assert f"make the fault {kind} on L1" in terminal.questions[1]
    terminal = Script("", "off", "", "removed")
    do(terminal, off)
    assert f"end the fault {kind} on L1" in terminal.questions[0]
    assert "only then remove its short-circuit" in terminal.questions[-1]


def test_the_ct_that_stays_open_stays_short_circuited() -> None:
    said = [one.text for one in instructions(step(Verb.FAULT, Role.RELAY, kind="sensor_open", to="on"))]
    assert not any("remove its short-circuit" in text for text in said)


@pytest.mark.parametrize("role", ACTING)
def test_safety_is_confirmed_in_order_and_cannot_be_given_up(role: Role) -> None:
    sheet = laboratory().roles[role]
    wanted = safe_instructions(sheet)
    assert wanted
    lines = [line for one in wanted for line in ("fail no time", one.word)]
    terminal = Script(*lines)

    async def work() -> None:
        human = actor(terminal, role)
        await human.safe()
        await human.safe()  # confirmed once it stays so

    run_virtually(work())
    assert [question.partition("SAFE: ")[2].partition(". Then")[0] for question in terminal.questions] == [
        one.text for one in wanted
    ]
    assert sum("this cannot be left out" in text for text in terminal.shown) == len(wanted)


def test_short_circuits_are_removed_after_the_cts_are_connected_and_power_comes_last() -> None:
    texts = [one.text for one in safe_instructions(laboratory().roles[Role.RELAY])]
    ended = max(i for i, text in enumerate(texts) if text.startswith("end the fault"))
    removed = next(i for i, text in enumerate(texts) if "remove its short-circuit" in text)
    assert ended < removed < min(i for i, text in enumerate(texts) if text.startswith("switch control power"))


def test_safety_is_asked_for_again_once_something_was_done() -> None:
    terminal = Script("", "", "2000", "")

    async def work() -> None:
        human = actor(terminal)
        await human.safe()
        await human.do(LOAD)
        await human.safe()

    run_virtually(work())
    assert [text for text in terminal.questions if "SAFE" in text] == [terminal.questions[0]] * 2


@pytest.mark.parametrize(
    ("line", "unit", "value"),
    [("1980", "W", 1980.0), ("1.98 kW", "W", 1980.0), ("-3,5", "W", -3.5), ("66", "pu", 0.66), ("66 %", "pu", 0.66)],
)
def test_a_number_is_typed_as_people_write_it(line: str, unit: str, value: float) -> None:
    assert typed_value(line, unit) == pytest.approx(value)


@pytest.mark.parametrize("line", ["", "nan", "inf", "2 A", "two", "1 2", "1e400"])
def test_what_is_no_typed_value_the_unit_is_no_answer(line: str) -> None:
    with pytest.raises(NoAnswerError, match="type a number in W"):
        typed_value(line, "W")


def test_opening_a_run_says_the_case_and_asks_for_rest(tmp_path: Path) -> None:
    from tests.record_kit import case

    terminal = Script("")

    async def work() -> RealWorld:
        made = world(laboratory(), terminal)
        with pytest.raises(RigError, match="no run is open"):
            _ = made.case
        await made.open(case(tmp_path), 2)
        return made

    made = run_virtually(work())
    assert (made.case, made.repeat) == (case(tmp_path), 2)
    assert "repeat 2 of 3" in terminal.shown[0]
    assert made.identity()["device maker (by the rig's sheet)"] == "Somebody"


def test_a_person_cannot_work_beside_a_simulated_plant(tmp_path: Path) -> None:
    with pytest.raises(RigError, match="every role of a rig by simulation, or none"):
        assemble(rig(tmp_path))


def test_nobody_types_a_waveform() -> None:
    sheet: RoleSheet = replace(laboratory().roles[Role.POWER_METER], role=Role.WAVEFORM, driver="human")
    with pytest.raises(RigError, match="nobody can type a waveform"):
        human_gauge(sheet, world(laboratory(), Script()))


@pytest.mark.realtime
async def test_the_terminal_reads_lines_until_its_input_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n"))
    terminal = StandardTerminal()
    console = Console(terminal, asyncio.get_running_loop().time)
    terminal.forget()
    assert [await terminal.read_line() for _ in range(4)] == ["one", "two", None, None]
    with pytest.raises(RigError, match="input has ended"):
        await console.confirm("AcLoad", "switch it off")
    assert capsys.readouterr().err == "[1] AcLoad: switch it off. Then press Enter.\n"


@pytest.mark.realtime
def test_one_terminal_serves_every_run_whatever_its_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign has a loop for each run, and there is one stdin: a line must not go to a loop that is closed."""
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n"))
    terminal = StandardTerminal()

    async def given_up() -> None:
        task = asyncio.create_task(terminal.read_line())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert [asyncio.run(terminal.read_line()) for _ in range(3)] == ["one", "two", None]
    asyncio.run(given_up())
    assert asyncio.run(terminal.read_line()) is None
