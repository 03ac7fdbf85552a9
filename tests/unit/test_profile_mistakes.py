"""Mistakes in a profile: every one, each with its line; nothing is guessed."""

from pathlib import Path

import pytest

from tests.profile_kit import mistakes, profile

MISTAKES = [  # (what is changed in the profile, the line of the mistake, words of it)
    (("value: 30 s", "value: 30"), 13, "30 has no unit"),
    (("value: 30 s", 'value: "30"'), 13, "30 has no unit"),
    (("value: 8 kW", "value: 8 parsec"), 12, "is no expression"),
    (("[100 %, 50 %]", "[100 %, 50 W]"), 18, "mixes W, pu"),
    (("[100 %, 50 %]", "[100 %, 100 %]"), 18, "the same value twice"),
    (("[100 %, 50 %]", "[100 %, 0.5]"), 18, "has no unit"),
    (("load < level", "load < nameplate"), 21, "do not go together"),
    (("load < level", "load > 200 %"), 20, "no combination"),
    (("load < level", "load"), 21, "is no comparison"),
    (("to: level * nameplate", "to: level * nobody"), 25, "there is no parameter nobody"),
    (("to: level * nameplate", "to: time"), 25, "is in s (expected W)"),
    (("to: level * nameplate", "to: 5 kW"), 25, "a number without provenance"),
    (("to: level * nameplate", "at: 0 s, to: level * nameplate"), 25, "have a time of their own"),
    (("duration: time}", "duration: time, to: time}"), 26, "wait does not take it (it takes duration)"),
    (("{do: wait, duration: time}", "{do: wait}"), 26, "wait needs duration"),
    (("value: 2 * within", "value: -2 * within"), 26, "is less than nothing"),
    (("do: wait", "do: sleep"), 26, "input should be"),
    (("limit: export_all", "limit: export"), 24, '"export" is not known here (one of export_all'),
    (("{do: wait, duration: time}", "{do: fault, kind: clock_jump, to: on}"), 26, "clock_jump needs an amount (in s)"),
    (("{do: wait, duration: time}", "{do: set_grid}"), 26, "needs voltage or frequency"),
    (("channel: load.demand_w", "channel: poi.current_a"), 29, "poi.current_a is not recorded"),
    (("channel: poi.import_w, side", "channel: load.demand_w, side"), 32, "load.demand_w is no flow at a point"),
    (("kind: reference_point", "kind: der_output"), 32, "poi.import_w is a flow at a point"),
    (("limit: within, basis", "limit: nameplate, basis"), 35, "is in W (expected s)"),
    (("limit: within, basis", "limit: 30 s, basis"), 35, "a number without provenance"),
    (("basis: CRD-OLRT-2}", "basis: CRD-OLRT-9}"), 35, "is not in the profile's basis"),
    (("measure: olrt_judged_s", "measure: olrt_s"), 35, "olrt_s is not measured"),
    (("measure: [olrt_judged_s]", "measure: [olrt]"), 33, "input should be"),
    (("- {do: safe}", "- {do: wait, duration: time}"), 36, "must end with `do: safe`"),
    (("repeats: repeats", "repeats: within"), 22, "is in s (expected times)"),
    (("value: 3 times", "value: 1000 times"), 22, "from 1 to 100"),
    (("  edge: {value:", "  idle: {value: 1 s, provenance: public, source: a b}\n  edge: {value:"), 14, "used nowhere"),
    (("time: {value: 2 * within", "time: {value: 2 * repeats"), 15, "no parameter repeats (parameters may use"),
    (("- {do: safe}", "- {do: safe}\nfault: {channel: load.demand_w, steps: [{do: safe}]}"), 38, "needs exactly one"),
    (("provenance: public", "provenance: hearsay"), 13, "input should be 'standard', 'public' or 'project default'"),
    (("title: A step", "titel: A step"), 4, "unknown key (did you mean title?)"),
    (("title: A step", "title: &a A step"), 4, "has an anchor"),
    (("version: 1\n", "version: 1\nversion: 2\n"), 4, "is given twice (first on line 3)"),
    (("  - load < level", "  - load < level\n  - ["), 24, "is not YAML"),
    (("schema: hil.profile/1", "schema: hil.profile/9"), 1, "input should be 'hil.profile/1'"),
    (("level: {values", "within: {values"), 18, "is a parameter too"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "line", "words"), MISTAKES)
def test_each_mistake_is_said_with_its_line(change: tuple[str, str], line: int, words: str, tmp_path: Path) -> None:
    found = mistakes(tmp_path, change)
    assert any(said.startswith(f"step.yaml:{line}: ") and words in said for said in found), found


def test_an_innocent_profile_has_no_mistakes_and_one_case_for_each_combination(tmp_path: Path) -> None:
    assert mistakes(tmp_path) == []
    assert [case.id for case in profile(tmp_path).cases] == [
        "lab/step/level=100pct,load=50pct",
        "lab/step/level=100pct,load=0pct",
        "lab/step/level=50pct,load=0pct",
    ]


def test_all_mistakes_are_said_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        ("to: level * nameplate", "to: level * nobody"),
        ("basis: CRD-OLRT-2}", "basis: CRD-OLRT-9}"),
        ("repeats: repeats", "repeats: within"),
    )
    assert [said.split(":")[1] for said in found] == ["22", "25", "35"]


def test_an_axis_that_changes_nothing_is_a_mistake(tmp_path: Path) -> None:
    found = mistakes(tmp_path, ("to: level * nameplate", "to: nameplate"))
    assert found == [
        "step.yaml:17: matrix: lab/step/level=50pct,load=0pct and lab/step/level=100pct,load=0pct are the same test "
        "(leave one out by `where`)"
    ]


def test_a_missing_file_and_one_that_is_no_text_are_said_as_mistakes(tmp_path: Path) -> None:
    from hil.profile.yaml_file import MAX_BYTES, read_yaml

    (tmp_path / "bytes.yaml").write_bytes(b"a: 1\nb: \xff\n")
    (tmp_path / "large.yaml").write_text("#" * (MAX_BYTES + 1))
    said = [str(read_yaml(tmp_path / name, name).mistakes[0]) for name in ("gone.yaml", "bytes.yaml", "large.yaml")]
    assert said[0].startswith("gone.yaml:1: cannot be read: No such file")
    assert said[1] == "bytes.yaml:2: is not UTF-8 text"
    assert said[2].startswith("large.yaml:1: is larger than 200 kB")
