"""Where the time of a response went: out of the journal of the whole stack, whose delays are all known."""

import json
from math import log
from pathlib import Path
from typing import Any

import pytest

from pcs.cli import main as pcs
from pcs.cli.explain_step import page
from pcs.codec.origin import Origin
from pcs.io.journal_sqlite import SqliteJournal
from pcs.runtime.checkpoint import VOCABULARY
from pcs.runtime.measured_steps import NoStepError, explain_step
from tests.simulation.stack import inverter, play, twin

LOAD = [{"steps": [[0, 8000], [20.0, 2000], [30.0, 7000], [45.0, 2000]]}]
REPLY_S = (0.005, 0.007)
DEVICE_REPLY_S = 0.015
"""The most that the inverter takes to answer one frame: a limit is in it before it is confirmed."""
PLANTS: dict[str, dict[str, Any]] = {
    "quick": {"dead_time_s": 0.25, "time_constant_s": 0.3},
    "late": {"dead_time_s": 0.9, "time_constant_s": 0.5},
    "ramped": {"dead_time_s": 0.6, "time_constant_s": 0.2, "ramp_down_pct_s": 20},
}


def journal_of(directory: Path, load: list[dict[str, Any]] = LOAD, seconds_s: float = 60.0, **plant: Any) -> Path:
    """The journal of a controller with one inverter."""

    async def story(stack: Any) -> None:
        stack.start()
        await stack.until(seconds_s)
        await stack.stop()

    origin = Origin(program="test", table=VOCABULARY.table)
    site = twin(load=load, ders=[inverter(**plant)])
    play(story, site, journal=lambda clock: SqliteJournal(directory, clock, origin=origin))
    return directory


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: journal_of(tmp_path_factory.mktemp(name), **plant) for name, plant in PLANTS.items()}


def parts_of(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["name"]: part for part in found["parts"]}


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("name", PLANTS)
def test_the_parts_add_up_to_the_judged_figure(journals: dict[str, Path], name: str, number: int) -> None:
    found = explain_step(journals[name], number)
    assert found["of"] == 3
    assert sum(part["took_s"] for part in found["parts"]) == pytest.approx(found["judged_s"], abs=1e-9)
    for part in found["parts"]:
        lo_s, hi_s = part["between_s"]
        assert 0.0 <= lo_s <= part["took_s"] + 1e-9
        assert part["took_s"] <= hi_s + 1e-9
        assert part["how"]


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("name", PLANTS)
def test_every_part_of_a_restrict_contains_the_delay_that_it_really_had(
    journals: dict[str, Path], name: str, number: int
) -> None:
    """The twin's meter replies within 5 to 7 ms, averages over 0.1 s and is polled every 50 ms."""
    found, plant = explain_step(journals[name], number), PLANTS[name]
    assert found["way"] == "restrict"
    parts = parts_of(found)
    assert REPLY_S[0] - 1e-6 <= parts["bus"]["took_s"] <= REPLY_S[1] + 1e-6
    assert parts["meter window"]["between_s"][0] <= 0.2
    assert parts["age"]["between_s"][1] <= 0.06
    assert parts["compute"]["took_s"] < 0.001, "virtual time: a step takes none"
    assert parts["further commands"]["took_s"] == 0.0
    lo_s, hi_s = parts["dead time"]["between_s"]
    assert lo_s - 0.001 <= plant["dead_time_s"] <= hi_s + 2 * DEVICE_REPLY_S
    assert "ramp" in parts
    ramp_s = abs(found["step_w"]) / 2000.0 if "ramp_down_pct_s" in plant else 0.0
    assert parts["ramp"]["between_s"][0] <= ramp_s <= parts["ramp"]["between_s"][1] + 0.3
    if not ramp_s and found["judged_s"] == found["olrt_s"]:
        assert parts["lag"]["between_s"][1] >= 0.9 * plant["time_constant_s"] * log(10) - 0.1


def test_a_release_names_the_slew_that_makes_it_slow(journals: dict[str, Path]) -> None:
    """5 kW at 20 % of 10 kW per second: 90 % of it are allowed after 2.25 s at the soonest."""
    found = explain_step(journals["quick"], 2)
    parts = parts_of(found)
    assert found["way"] == "release"
    assert parts["slew"]["took_s"] >= 2.0
    assert not parts["ramp and lag"]["separable"]


def test_the_last_response_is_the_default_and_others_are_refused_in_words(journals: dict[str, Path]) -> None:
    assert explain_step(journals["quick"], None)["number"] == 3
    with pytest.raises(NoStepError, match="the journal holds 1 to 3"):
        explain_step(journals["quick"], 4)


def test_an_empty_folder_and_a_quiet_site_say_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NoStepError, match="there is no journal"):
        explain_step(tmp_path, None)
    quiet = journal_of(tmp_path / "quiet", load=[{"constant": 3000}], seconds_s=5.0)
    with pytest.raises(NoStepError, match="no response was measured yet"):
        explain_step(quiet, None)


def test_the_command_prints_a_waterfall_and_json(
    journals: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    directory = str(journals["quick"])
    assert pcs.run(["explain", "--step", "1", "--journal", directory]) == 0
    text = capsys.readouterr().out
    assert text.startswith("response 1 of 3, complete at 2026-05-28 20:27:03 UTC: restrict after a load step of -")
    assert "  dead time        |    " in text
    assert "#" in text
    assert pcs.run(["explain", "--step", "last", "--journal", directory, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["number"]) == ("pcs.step/1", 3)
    assert list(page(found))
    assert pcs.run(["explain", "--step", "9", "--journal", directory]) == 2
    assert pcs.run(["explain", "--step", "first", "--journal", directory]) == 2
    assert pcs.run(["explain", "--journal", directory]) == 2
    assert pcs.run(["explain", "--step", "last", "--journal", str(tmp_path)]) == 2
