"""Measuring roles without an instrument on a wire: a recording that somebody else made, readings that are typed."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil.analysis.build import Quantity
from hil.analysis.channel import parse_channel
from hil.analysis.judge import judge
from hil.analysis.result import Grade, Question
from hil.profile.mistake import BadFileError
from hil.profile.model import Case
from hil.profile.rig_sheet import RigSheet, load_rig
from hil.profile.select import select_profiles
from hil.profile.words import Role
from hil.record.comtrade_writer import write_comtrade
from hil.record.csv_file import write_csv
from hil.record.recording import Recording
from hil.rig.human import HumanActor
from hil.rig.human_meter import TypedMeter
from hil.rig.human_words import safe_instructions
from hil.rig.recorded import FileGauge
from hil.rig.roles import RigError
from tests.people import Obliging, Script, people_rig, world
from tests.profile_kit import written
from tests.record_kit import case
from tests.virtual_time import run_virtually

RIGS = Path(__file__).parents[2] / "test_profiles" / "rigs"
KETTLE = RIGS / "breaker-and-kettle.yaml"
T_S = np.arange(0.0, 60.0, 1.0)
LOGGED = Recording(
    name="log",
    t_s=T_S + 3.0,
    channels={
        "grid power": np.where(T_S < 30.0, 1.5, 0.2),
        "inverter power": np.full(60, 1.0),
        "kettle power": np.where(T_S < 30.0, 2.5, 1.2),
    },
)
CHANNELS = ("poi.import_w", "load.demand_w")


def kettle(folder: Path, *changes: tuple[str, str]) -> RigSheet:
    """The sheet of the kettle, changed, lying in a folder of its own."""
    text = KETTLE.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return load_rig(written(folder, "rig.yaml", text))


def recorded(
    folder: Path, lines: list[Any], *changes: tuple[str, str], each_phase: bool = False, of: tuple[str, ...] = CHANNELS
) -> Recording:
    """What the file meter hands over after a run of the small case, with a person who types these lines."""
    one = case(folder)
    sheet = kettle(folder, *changes)

    async def work() -> Recording:
        site = world(sheet, Script("", *lines))
        await site.open(one, 2)
        gauge = FileGauge(sheet.roles[Role.POWER_METER], site, site.console)
        await gauge.begin(of, each_phase)
        return await gauge.end()

    return run_virtually(work())


def log(folder: Path, recording: Recording = LOGGED, repeat: int = 2) -> Path:
    path = folder / "recordings" / f"{case(folder).hash[:12]}-r{repeat}.csv"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    write_csv(path, recording)
    return path


def saving(folder: Path, recording: Recording = LOGGED) -> Any:
    """Enter, after the file was saved."""

    def save() -> str:
        log(folder, recording)
        return ""

    return save


def test_a_recording_is_handed_over_in_base_units_on_the_clock_of_the_world(tmp_path: Path) -> None:
    made = recorded(tmp_path, ["", saving(tmp_path)], ("update: 1 s", "update: 1 s\n    offset: 500 ms"))
    assert made.name == "power"
    assert made.t_s[[0, -1]] == pytest.approx([4.5, 63.5])  # Enter came at 4 s
    assert list(made.channels) == list(CHANNELS)
    assert made.channels["poi.import_w"][[0, -1]] == pytest.approx([1500.0, 200.0])


def test_a_column_that_counts_the_other_way_is_turned_round(tmp_path: Path) -> None:
    turned = ("{column: grid power, unit: kW}", "{column: grid power, unit: kW, reversed: true}")
    made = recorded(tmp_path, ["", saving(tmp_path)], turned)
    assert made.channels["poi.import_w"][0] == pytest.approx(-1500.0)


def test_conductors_are_handed_over_where_they_are_asked_for(tmp_path: Path) -> None:
    of = (
        "      poi.import_w: {column: grid power, unit: kW}\n",
        "      poi.import_w: {column: grid power, unit: kW}\n"
        "      poi.import_w.L1: {column: inverter power, unit: kW}\n",
    )
    for each_phase, names in ((True, ["poi.import_w", "poi.import_w.L1"]), (False, ["poi.import_w"])):
        made = recorded(tmp_path, ["", saving(tmp_path)], of, each_phase=each_phase, of=("poi.import_w",))
        assert list(made.channels) == names
        log(tmp_path).unlink()
    with pytest.raises(RigError, match=r"has no column load\.demand_w\.L1 for load\.demand_w\.L1"):
        recorded(tmp_path, ["", saving(tmp_path)], of, each_phase=True)


def test_comtrade_is_handed_over_as_csv_is(tmp_path: Path) -> None:
    def save() -> str:
        write_comtrade(tmp_path / "recordings" / f"{case(tmp_path).hash[:12]}-r2.cfg", LOGGED)
        return ""

    (tmp_path / "recordings").mkdir()
    made = recorded(tmp_path, ["", save], ("-r{repeat}.csv", "-r{repeat}.cfg"))
    assert made.channels["poi.import_w"][[0, -1]] == pytest.approx([1500.0, 200.0], rel=1e-6)


def test_a_file_that_is_missing_or_of_an_earlier_run_is_asked_for_again_and_then_named(tmp_path: Path) -> None:
    assert recorded(tmp_path, ["", "", saving(tmp_path)]).channels["poi.import_w"][0] == pytest.approx(1500.0)
    with pytest.raises(RigError, match=r"-r2\.csv is still the file that was there before this run"):
        recorded(tmp_path, [""] * 6)
    log(tmp_path).unlink()
    with pytest.raises(RigError, match=r"PowerMeter: .*recordings/[0-9a-f]{12}-r2\.csv is not there"):
        recorded(tmp_path, [""] * 6)


@pytest.mark.parametrize(
    ("channels", "what"),
    [
        ({"grid power": np.zeros(60)}, "has no column kettle power for load.demand_w; it has grid power"),
        ({}, "has no column but t_s"),
    ],
)
def test_a_channel_that_is_missing_is_named(channels: dict[str, Any], what: str, tmp_path: Path) -> None:
    with pytest.raises(RigError) as error:
        recorded(tmp_path, ["", saving(tmp_path, replace(LOGGED, channels=channels))])
    assert what in str(error.value)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("    files: recordings/{hash}-r{repeat}.csv\n", ""), "the driver `file` must say files"),
        (("{hash}-r{repeat}", "{hash}"), "each run has a file of its own"),
        (("{hash}-r{repeat}", "{run}-r{repeat}"), "knows {case}, {hash}, {repeat} and no other placeholder"),
        (
            ("column: grid power, unit: kW", "column: grid power, unit: A"),
            "A is no unit of poi.import_w, which is in W",
        ),
        (
            ("      poi.import_w: {", "      ess.injection_w: {"),
            "ess.injection_w: is none of the channels of this role",
        ),
        (("driver: file", "driver: human"), "files: belongs to the driver `file`"),
    ],
)
def test_mistakes_of_a_file_meter_are_said_with_their_line(change: tuple[str, str], what: str, tmp_path: Path) -> None:
    with pytest.raises(BadFileError) as refused:
        kettle(tmp_path, change)
    assert what in str(refused.value)
    assert "rig.yaml:" in str(refused.value)


def typed_meter(folder: Path, terminal: Script) -> tuple[TypedMeter, HumanActor, Any]:
    sheet = load_rig(RIGS / "laboratory-recorder.yaml")
    site = world(sheet, terminal)
    meter = replace(sheet.roles[Role.POWER_METER], driver="human", columns={}, files="")
    return TypedMeter(meter, site.console), HumanActor(sheet.roles[Role.AC_LOAD], site.console), site


def test_readings_are_typed_while_nobody_acts_and_lie_between_question_and_answer(tmp_path: Path) -> None:
    before = [(4.0, f"{2000 + i} 8000") for i in range(5)]
    after = [(4.0, f"{-500 + i} 1333") for i in range(20)]
    terminal = Script(*before, (1.0, "", "set the load"), (1.0, "1333", "What is the load"), *after, silent=True)
    load = next(step for step in case(tmp_path).stimulus.steps)
    load = replace(load, arguments=(replace(load.arguments[0], value=1333.0), *load.arguments[1:]))

    async def work() -> Recording:
        meter, actor, site = typed_meter(tmp_path, terminal)
        await meter.begin(CHANNELS, each_phase=False)
        await site.sleep(22.0)
        done = await actor.do(load)
        assert (done.asked_s, done.done_s) == (22.0, 23.0)
        assert await meter.latest_value("poi.import_w") == 2004.0
        await site.sleep(41.0)
        return await meter.end()

    made = run_virtually(work())
    assert made.t_s[:6].tolist() == [2.0, 6.0, 10.0, 14.0, 18.0, 26.0]
    assert made.channels["reading.took_s"].tolist() == [4.0] * len(made.t_s)
    assert made.channels["load.demand_w"][[0, 5]].tolist() == [8000.0, 1333.0]
    assert "    (put off)" in terminal.shown
    terms = [parse_channel(name, list(made.channels)) for name in ("load.demand_w", "poi.import_w")]
    assert judge(made, terms[0], terms[1], Quantity.W, Question()).headline.grade in (Grade.C, None)


def test_a_reading_is_one_number_for_each_channel_and_can_be_given_up(tmp_path: Path) -> None:
    async def work(terminal: Script) -> Recording:
        meter, _, site = typed_meter(tmp_path, terminal)
        await meter.begin(CHANNELS, each_phase=False)
        await site.sleep(20.0)
        return await meter.end()

    terminal = Script("5", "5 x", "5 6", silent=True)
    assert run_virtually(work(terminal)).channels["poi.import_w"].tolist() == [5.0]
    assert "type 2 numbers with blanks between them" in terminal.shown[1]
    with pytest.raises(RigError, match="the display is dark"):
        run_virtually(work(Script("fail the display is dark")))
    with pytest.raises(RigError, match="no reading was typed"):
        run_virtually(work(Script(silent=True)))


def test_a_rest_value_is_typed_and_counts_until_somebody_acts(tmp_path: Path) -> None:
    load = case(tmp_path).stimulus.steps[0]
    terminal = Script("2000", "", f"{load.number('to')}", "-500")

    async def work() -> list[float | None]:
        meter, actor, _ = typed_meter(tmp_path, terminal)
        values = [await meter.latest_value("poi.import_w"), await meter.rest_value("poi.import_w")]
        values.append(await meter.latest_value("poi.import_w"))
        await actor.do(load)
        values.append(await meter.latest_value("poi.import_w"))
        return [*values, await meter.rest_value("poi.import_w"), await meter.latest_value("poi.import_w")]

    assert run_virtually(work()) == [None, 2000.0, 2000.0, None, -500.0, -500.0]
    assert sum("at rest" in question for question in terminal.questions) == 2


def whole_run(rig_path: Path, folder: Path, one: Case) -> tuple[list[str], Recording]:
    """A case done by somebody who does everything, by hand through every step; what was asked, and the recording."""
    name = f"{one.hash[:12]}-r1.csv"
    (folder / "recordings").mkdir()
    logged = replace(LOGGED, channels={**LOGGED.channels, "input 1": np.zeros(60), "input 2": np.zeros(60)})

    def save(question: str) -> None:
        if "save what it recorded" in question:
            write_csv(folder / "recordings" / name, logged)

    person = Obliging({"at rest": "0"}, save)
    rig = people_rig(rig_path, person, folder=folder)

    async def work() -> Recording:
        await rig.open(one, 1)
        for step in one.prepare:
            if step.role is not None:
                await rig.do(step)
        assert await rig.rest_value("poi.import_w") == 0.0
        await rig.begin(one.record.channels, one.record.each_phase)
        for step in one.stimulus.steps:
            await rig.do(step)
        (made,) = await rig.end()
        await rig.safe()
        await rig.close()
        return made

    made = run_virtually(work())
    return [text.partition("] ")[2] for text in person.shown if text.startswith("[")], made


def test_a_person_with_a_breaker_and_a_kettle_does_a_whole_case(tmp_path: Path) -> None:
    profiles, _ = select_profiles(("crd/step-load-export-all",), (), KETTLE)
    one = profiles[0].cases[0]
    asked, made = whole_run(KETTLE, tmp_path, one)
    assert list(made.channels) == list(one.record.channels)
    safe = [text.partition("SAFE: ")[2].partition(". Then")[0] for text in asked if "SAFE: " in text]
    sheet = load_rig(KETTLE)
    order = (Role.DC_SOURCE, Role.DUT_LINK, Role.RELAY, Role.AC_LOAD)
    assert safe == [one.text for role in order for one in safe_instructions(sheet.roles[role])]
    said = next(step for step in one.stimulus.steps).number("to")
    assert any(f"set the load, shared over all conductors, to {said:g} W" in text for text in asked)


def test_both_example_sheets_can_do_cases_of_the_library_and_say_what_they_lack() -> None:
    from click.testing import CliRunner

    from hil.cli.lint import lint
    from hil.cli.plan import plan

    for name, case_id in (
        ("breaker-and-kettle", "crd/step-load-export-all"),
        ("laboratory-recorder", "crd/step-load-export-ess"),
    ):
        path = str(RIGS / f"{name}.yaml")
        result = CliRunner().invoke(lint, [case_id, "--rig", path])
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        assert "the rig cannot" not in CliRunner().invoke(plan, [case_id, "--rig", path]).output
        lacking = CliRunner().invoke(lint, ["nec/busbar", "--rig", path])
        assert lacking.exit_code == 3
        assert "does not record bus.current_a" in lacking.stderr
        assert "the rig cannot" in CliRunner().invoke(plan, ["nec/busbar", "--rig", path]).output


def test_a_sheet_of_grade_c_runs_what_asks_for_better_and_others_do_not(tmp_path: Path) -> None:
    from hil.profile.lint import lint_case

    profiles, _ = select_profiles(("crd/step-load-export-all",), (), KETTLE)
    one = profiles[0].cases[0]
    assert one.record.grade == "B"
    assert lint_case(one, kettle(tmp_path)) == []
    strict = lint_case(one, kettle(tmp_path, ("grade: C", "# grade: C")))
    assert any("grade B needs" in lack.what for lack in strict)
    assert any("values apart" in lack.what for lack in strict)


def test_readings_stop_with_the_recording(tmp_path: Path) -> None:
    async def work() -> int:
        meter, _, site = typed_meter(tmp_path, Script(*["1 2"] * 50, silent=True))
        await meter.begin(CHANNELS, each_phase=False)
        await site.sleep(9.0)
        await meter.end()
        return len([task for task in asyncio.all_tasks() if task.get_name() == "readings"])

    assert run_virtually(work()) == 0


def test_a_campaign_waits_for_people_longer_than_for_machines() -> None:
    from hil.runner.script import MACHINE_WITHIN_S, PERSON_WITHIN_S, Deed, patience, script

    profiles, _ = select_profiles(("crd/step-load-export-all",), (), KETTLE)
    one = profiles[0].cases[0]
    sheet = load_rig(KETTLE)
    drivers = {role: part.driver for role, part in sheet.roles.items()}
    for by_hand in (True, False):
        said = patience(drivers if by_hand else dict.fromkeys(drivers, "simulated"))
        acts = {act.deed: act.within_s for act in script(one, 0.0, said)}
        within_s = PERSON_WITHIN_S if by_hand else MACHINE_WITHIN_S
        assert (acts[Deed.BEGIN], acts[Deed.END], acts[Deed.STEP]) == (within_s, within_s, within_s)
        assert (acts[Deed.REST] > PERSON_WITHIN_S) == by_hand


def test_the_runner_plays_a_whole_case_with_a_person_and_a_logging_meter(tmp_path: Path) -> None:
    from hil.record.folder import read_run, read_sources
    from hil.record.model import End
    from hil.runner.play import Order
    from hil.runner.session import play_order
    from hil.runner.stop import Stop

    profiles, _ = select_profiles(("crd/step-load-export-all",), (), KETTLE)
    one = profiles[0].cases[0]
    (tmp_path / "recordings").mkdir()

    def save(question: str) -> None:
        if "save what it recorded" in question:
            write_csv(tmp_path / "recordings" / f"{one.hash[:12]}-r1.csv", LOGGED)

    person = Obliging({"at rest": "0"}, save)

    class Bench:
        sheet = load_rig(KETTLE)
        is_virtual = False

        def play(self, work: Any) -> Any:
            return run_virtually(work(people_rig(KETTLE, person, folder=tmp_path)))

    ended = play_order(Bench(), tmp_path / "c", Order(case=one, repeat=1, attempt=1), lambda news: None, Stop())
    assert (ended.end, ended.reason, ended.is_safe) == (End.COMPLETE, "", True)  # type: ignore[union-attr]
    folder = next((tmp_path / "c" / "runs").iterdir())
    assert sorted(path.name for path in folder.iterdir()) == ["case.json", "manifest.json", "power.csv", "run.json"]
    made = read_run(folder)
    assert made.recordings[0].channels["load.demand_w"][0] == pytest.approx(2500.0)
    assert any("as a person said" in mark.what for mark in made.marks)
    assert any("typed: 3000 W" in mark.what for mark in made.marks)
    assert read_sources(folder)["power"].uncertainty_ratio == 0.02
    assert person.shown.count(person.shown[-1]) == 1
