"""Cases: values with provenance, steps as data, hashes, overlays of a laboratory, ratings of a device."""

import math
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from hil.profile.words import Measure, Provenance, Role, Verb
from tests.profile_kit import mistakes, profile, rig

OVERLAY = """\
schema: hil.overlay/1
standard: Our copy
profiles:
  lab:
    repeats: {value: 5 times, source: table 1}
  lab/step:
    within: {value: 10 s, source: table 2}
    level: {values: [75 %, 25 %], source: table 3}
"""


def test_a_case_is_complete_in_base_units(tmp_path: Path) -> None:
    case = profile(tmp_path).cases[0]
    assert [step.verb for step in case.steps] == [
        Verb.SET_LIMIT,
        Verb.SET_LOAD,
        Verb.WAIT,
        Verb.SET_LOAD,
        Verb.SAFE,
    ]
    assert case.prepare[1].number("to") == 8000.0
    assert case.prepare[1].role is Role.AC_LOAD
    assert case.prepare[0].word("limit") == "export_all"
    assert case.stimulus.steps[0].number("to") == 4000.0
    assert (case.repeats, case.record.pre_s, case.response.limit_value) == (3, 60.0, 0.0)
    assert case.criteria[0].measure is Measure.OLRT_JUDGED
    assert case.criteria[0].limit_value == 30.0


def test_a_case_cannot_be_changed(tmp_path: Path) -> None:
    case = profile(tmp_path).cases[0]
    with pytest.raises(FrozenInstanceError):
        case.repeats = 1  # type: ignore[misc]
    assert isinstance(hash(case), int)


def test_every_number_of_a_case_says_where_it_comes_from(tmp_path: Path) -> None:
    """CRD-STEP-REP."""
    case = profile(tmp_path).cases[0]
    assert case.parameter("within").origin == "public"
    assert case.parameter("nameplate").provenance is Provenance.PROJECT_DEFAULT
    assert case.parameter("level").written == "100 %"
    with pytest.raises(KeyError):
        case.parameter("nobody")


def test_a_criterion_is_as_well_known_as_the_least_known_of_its_numbers(tmp_path: Path) -> None:
    assert profile(tmp_path).cases[0].criteria[0].provenance is Provenance.PUBLIC
    guessed = profile(tmp_path, ("limit: within, basis", "limit: within - edge, basis"))
    assert guessed.cases[0].criteria[0].origin == "project default"
    banded = profile(tmp_path, ("side: below, limit: 0 W", "side: below, limit: 0 W, tolerance: 2 % * nameplate"))
    assert banded.cases[0].criteria[0].provenance is Provenance.PROJECT_DEFAULT


def test_the_hash_follows_what_is_done_and_not_how_it_is_told(tmp_path: Path) -> None:
    first = profile(tmp_path).cases[0].hash
    assert profile(tmp_path).cases[0].hash == first
    for told in (
        ("title: A step", "title: One step"),
        ("source: the toolkit", "source: page 5"),
        ("30 s,", "0.5 min,"),
    ):
        assert profile(tmp_path, told).cases[0].hash == first
    done = (
        ("value: 30 s", "value: 29 s"),
        ("value: 3 times", "value: 4 times"),
        ("side: below", "side: above"),
        ("version: 1", "version: 2"),
        ("value: 30 s, provenance: public", "value: 30 s, provenance: standard"),
        ("step_within: edge", "step_within: 2 * edge"),
        ("id: olrt,", "id: olrt_max,"),
    )
    others = [profile(tmp_path, change).cases[0].hash for change in done]
    assert len({first, *others}) == len(done) + 1


def test_the_duration_is_what_is_waited_and_recorded(tmp_path: Path) -> None:
    case = profile(tmp_path).cases[0]
    assert case.duration_s == case.longest_s == 60.0 + 60.0 + 60.0
    steady = "{do: await_steady, channel: poi.import_w, band: 2 * edge / time, duration: time, timeout: 3 * time}"
    waited = profile(tmp_path, ("{do: wait, duration: time}", steady)).cases[0]
    assert (waited.duration_s, waited.longest_s) == (180.0, 300.0)


def test_steps_of_a_stimulus_have_their_own_times(tmp_path: Path) -> None:
    second = "to: load * nameplate}\n    - {do: set_load, to: 0 W, at: time}"
    case = profile(
        tmp_path, ("to: load * nameplate}", second), ("load < level", "load == 50 % and level == 100 %")
    ).cases
    assert [step.at_s for step in case[0].stimulus.steps] == [None, 60.0]
    assert case[0].duration_s == 240.0


def test_a_step_whose_condition_does_not_hold_is_left_out(tmp_path: Path) -> None:
    cases = profile(tmp_path, ("duration: time}", "duration: time, when: level == 100 %}")).cases
    assert [len(case.prepare) for case in cases] == [3, 3, 2]


def test_an_overlay_puts_a_laboratorys_numbers_over_ours(tmp_path: Path) -> None:
    """CRD-STEP-REP."""
    found = profile(tmp_path, overlay=OVERLAY)
    case = found.cases[0]
    assert case.id == "lab/step/level=75pct,load=50pct"
    assert (case.repeats, case.criteria[0].limit_value, case.record.pre_s) == (5, 10.0, 20.0)
    assert case.criteria[0].origin == "standard (overlay lab.yaml)"
    assert case.parameter("within").source == "Our copy: table 2"
    assert case.parameter("time").origin == "project default"
    assert len(found.digests) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("    within:", "    wihtin:"), "lab.yaml:7: profiles.lab/step.wihtin"),
        (("value: 10 s", "value: 10"), "lab.yaml:7: profiles.lab/step.within.value"),
        (("value: 10 s", "value: 10 W"), "lab.yaml:7: profiles.lab/step.within.value: is in W, where within is in s"),
        (("value: 10 s, ", ""), "lab.yaml:7: profiles.lab/step.within: give exactly one of value and values"),
        (("[75 %, 25 %]", "[75 %, 25]"), "lab.yaml:8: profiles.lab/step.level.values[1]: 25 has no unit"),
    ],
)
def test_a_mistake_in_an_overlay_is_said_with_its_line(change: tuple[str, str], words: str, tmp_path: Path) -> None:
    assert any(said.startswith(words) for said in mistakes(tmp_path, overlay=OVERLAY.replace(*change)))


def test_a_rating_of_the_device_takes_the_place_of_our_default(tmp_path: Path) -> None:
    case = profile(tmp_path, ratings=rig(tmp_path)).cases[0]
    assert case.prepare[1].number("to") == 10_000.0
    assert case.parameter("nameplate").origin == "device under test (rig.yaml)"
    assert math.isclose(case.stimulus.steps[0].number("to"), 5000.0)
