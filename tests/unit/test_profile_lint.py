"""What a rig lacks is named before anything is energised; mistakes of its sheet have a line."""

from pathlib import Path

import pytest

from hil.profile.lint import lint_profile
from hil.profile.mistake import BadFileError
from hil.profile.words import FAULTS, Role
from tests.profile_kit import profile, rig

RELAY = "  Relay: {driver: simulated, faults: [sensor_open, meter_comms], shorting: true}\n  DutLink:"
FAULT = ("{do: wait, duration: time}", "{do: fault, kind: sensor_open, to: on, phase: L1}")


def lacks(folder: Path, *changes: tuple[str, str], of: tuple[tuple[str, str], ...] = ()) -> set[tuple[str, str]]:
    """What the small rig lacks for the small profile, after changes of either."""
    return {(lack.part, lack.what) for lack in lint_profile(profile(folder, *of), rig(folder, *changes))}


def test_a_rig_that_can_do_everything_lacks_nothing(tmp_path: Path) -> None:
    assert lacks(tmp_path) == set()


@pytest.mark.parametrize(
    ("change", "part", "what"),
    [
        (("most: 12 kW", "most: 6 kW"), "AcLoad", "set_load to 8000 W needed, the rig reaches 0 W to 6000 W"),
        (("step: 20 ms", "step: 1 s"), "AcLoad", "a step within 0.1 s needed, the rig takes 1 s"),
        (("step: 20 ms", "slew: 10 kW/s"), "AcLoad", "a step within 0.1 s needed, the rig takes 0.4 s"),
        ((", step: 20 ms", ""), "AcLoad", "a step within 0.1 s needed, the sheet says neither slew nor step"),
        (("[poi.import_w, load.demand_w]", "[poi.import_w]"), "PowerMeter", "does not record load.demand_w"),
        (("limits: [export_all]", "limits: [import_ess]"), "DutLink", "cannot set the limit export_all"),
        (("  DutLink: {driver: human, limits: [export_all]}\n", ""), "DutLink", "the rig has none"),
    ],
)
def test_each_capability_that_is_lacking_is_named(
    change: tuple[str, str], part: str, what: str, tmp_path: Path
) -> None:
    assert (part, what) in lacks(tmp_path, change)


def test_the_grade_of_a_record_asks_for_fast_values_or_a_waveform(tmp_path: Path) -> None:
    slow = ("update: 100 ms", "update: 1 s")
    for grade, has in (("C", set()), ("B", {"PowerMeter"}), ("A", {"Waveform"})):
        graded = (("post: time}", f"post: time, grade: {grade}}}"),)
        assert {part for part, _ in lacks(tmp_path, slow, of=graded)} == has


def test_a_need_that_the_sheet_does_not_meet_is_named_with_both_numbers(tmp_path: Path) -> None:
    of = (
        (
            "{step_within: edge}}",
            "{step_within: edge}, PowerMeter: {update_within: edge / 2, uncertainty_within: edge / time}}",
        ),
    )
    assert lacks(tmp_path, of=of) == {
        ("PowerMeter", "values apart at most 0.05 s needed, the rig has 0.1 s"),
        ("PowerMeter", "uncertainty at most 0.166667 % needed, the rig has 0.5 %"),
    }


def test_another_system_of_conductors_is_named(tmp_path: Path) -> None:
    of = (("requires:\n", "requires:\n  system: [wye]\n"),)
    assert lacks(tmp_path, of=of) == {("system", "needs a wye system, the rig is split")}


def test_a_current_transformer_is_never_opened_without_a_shorting_relay(tmp_path: Path) -> None:
    relay = ("  DutLink:", RELAY)
    assert lacks(tmp_path, relay, of=(FAULT,)) == set()
    unsafe = (relay, (", shorting: true", ""))
    assert {part for part, what in lacks(tmp_path, *unsafe, of=(FAULT,)) if "shorting relay" in what} == {"Relay"}
    comms = (FAULT[0], FAULT[1].replace("sensor_open", "meter_comms"))
    assert lacks(tmp_path, *unsafe, of=(comms,)) == set()


@pytest.mark.parametrize("driver", ["simulated", "human"])
@pytest.mark.parametrize("kind", [kind for kind, fault in FAULTS.items() if fault.opens_ct])
def test_whoever_opens_a_current_transformer_in_whatever_way_needs_a_shorting_relay(
    kind: str, driver: str, tmp_path: Path
) -> None:
    made = RELAY.replace("simulated", driver).replace("sensor_open", kind)
    relay, fault = ("  DutLink:", made), (FAULT[0], FAULT[1].replace("sensor_open", kind))
    assert lacks(tmp_path, relay, of=(fault,)) == set()
    unsafe = lacks(tmp_path, relay, (", shorting: true", ""), of=(fault,))
    assert [part for part, what in unsafe if f"{kind} opens a CT's secondary: needs a shorting relay" in what] == [
        "Relay"
    ]


def test_no_role_but_the_relay_opens_a_current_transformer() -> None:
    """`shorting` is a key of the relay's sheet alone, so a fault of another role could not be refused."""
    assert {fault.role for fault in FAULTS.values() if fault.opens_ct} == {Role.RELAY}


def test_a_fault_that_the_rig_does_not_make_is_named(tmp_path: Path) -> None:
    relay = ("  DutLink:", RELAY.replace("sensor_open, ", ""))
    assert ("Relay", "cannot make sensor_open: a CT's signal is interrupted") in lacks(tmp_path, relay, of=(FAULT,))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("driver: human, range", "driver: robot, range"),
            "rig.yaml:7: roles.AcLoad.driver: input should be 'simulated'",
        ),
        (
            ("driver: human, range", "driver: file, range"),
            "rig.yaml:7: roles.AcLoad.driver: a file cannot act as AcLoad",
        ),
        (("most: 12 kW", "most: 12"), "rig.yaml:7: roles.AcLoad.range.most: 12 has no unit"),
        (("most: 12 kW", "most: 12 A"), "rig.yaml:7: roles.AcLoad.range.most: 12 A is in A (expected W)"),
        (("least: 0 W", "least: 13 kW"), "rig.yaml:7: roles.AcLoad.range: 13 kW is more than 12 kW"),
        (("    update: 100 ms\n", ""), "rig.yaml:8: roles.PowerMeter: PowerMeter must say update"),
        (("limits: [export_all]", "shorting: true"), "rig.yaml:14: roles.DutLink.shorting: does not belong to DutLink"),
        (("nameplate: 10 kW", "nameplate: 10"), "rig.yaml:5: device.ratings.nameplate: 10 has no unit"),
    ],
)
def test_a_mistake_in_a_sheet_is_said_with_its_line(change: tuple[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(BadFileError) as refused:
        rig(tmp_path, change)
    assert words in str(refused.value).replace(f"{tmp_path}/", "")


def test_a_file_may_measure_where_it_may_not_act(tmp_path: Path) -> None:
    sheet = rig(tmp_path, ("driver: simulated", 'driver: file\n    files: "{hash}-{repeat}.csv"'))
    assert lint_profile(profile(tmp_path), sheet) == []
