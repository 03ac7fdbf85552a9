"""Twin files: what they may say, and that every mistake is told at once, with its line."""

from pathlib import Path

import pytest

from hil.rig.mistake import BadFileError
from hil.rig.simulated import SimulatedSite
from hil.rig.twin_build import build_plant
from hil.rig.twin_load import load_twin
from tests.twin_kit import mistakes, write

DEMO = Path(__file__).parents[2] / "hil" / "data" / "demo-twin.yaml"

GOOD = """\
schema: hil.twin/1
site: {name: T, system: split, nominal_v: 120}
meters:
  - {id: poi}
ders:
  - {id: inv1, nameplate_w: 5000, connection: L1L2}
load:
  - {constant: 400}
"""


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    twin = load_twin(write(tmp_path, GOOD))
    assert (twin.system.phases, twin.meters[0].where.port, twin.ders[0].control, twin.sun.constant) == (2, 0, 123, 1.0)


def test_every_mistake_is_told_at_once_with_its_line_and_a_hint(tmp_path: Path) -> None:
    told = mistakes(
        tmp_path,
        """\
schema: hil.twin/1
site: {name: T, system: star, nominal_v: 120}
meters:
  - {id: poi, udate_s: 1, link: "tcp://127.0.0.1:15020"}
  - {id: poi, link: "tcp://127.0.0.1:15020"}
ders:
  - id: inv1
    nameplate_w: 5kW
    unit: 0
    unit: 1
  - {id: inv2, nameplate_w: -1}
load:
  - {constant: 1, steps: [[0, 1]]}
  - {record: {file: missing.csv, column: w}}
faults:
  - {at_s: 1, on: inv9, fault: silent}
  - {at_s: 1, on: poi, fault: restart}
  - {at_s: 1, on: poi, fault: tired}
""",
    )
    expected = [
        ("twin.yaml:2: site.system", "'single', 'split', 'wye' or 'delta'"),
        ("twin.yaml:4: meters[0].udate_s", "did you mean update_s?"),
        ("twin.yaml:5: meters[1].id", "poi is used twice"),
        ("twin.yaml:5: meters[1].link", "used twice"),
        ("twin.yaml:8: ders[0].nameplate_w", "a number without a unit"),
        ("twin.yaml:9: ders[0].unit", "greater than or equal to 1"),
        ("twin.yaml:10: ders[0].unit", "given twice (first on line 9)"),
        ("twin.yaml:11: ders[1].nameplate_w", "greater than 0"),
        ("twin.yaml:13: load[0]", "exactly one of"),
        ("twin.yaml:14: load[1].record.file", "no file missing.csv"),
        ("twin.yaml:16: faults[0].on", "devices: poi, inv1, inv2"),
        ("twin.yaml:17: faults[1].fault", "poi cannot fail with restart"),
        ("twin.yaml:18: faults[2].fault", '"tired"'),
    ]
    for place, words in expected:
        assert any(line.startswith(place) and words in line for line in told), (place, words, told)
    assert len(told) == len(expected), told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a mapping"),
        ("- 1\n", "must be a mapping"),
        ("schema: [\n", "is not YAML"),
        (GOOD.replace("hil.twin/1", "hil.twin/2"), "schema"),
        (GOOD + "sun: &a {constant: 1}\n", "aliases are off"),
        (GOOD.replace("L1L2", "L3N"), "L3N"),
        (GOOD.replace("nominal_v: 120", "nominal_v: .nan"), "finite"),
        (GOOD.replace("name: T", "name: 22:00").replace("id: poi", "id: NO"), "pattern"),
        (GOOD.replace("{id: poi}", '{id: poi, link: "tcp://127.0.0.1:99999"}'), "65535"),
        (GOOD + "sun: {steps: [[1, 0], [1, 1]]}\n", "rise strictly"),
        (GOOD + "folder: /tmp\n", "unknown key"),
    ],
)
def test_a_file_that_is_no_twin_says_why(tmp_path: Path, text: str, words: str) -> None:
    assert words in "\n".join(mistakes(tmp_path, text))


def test_yaml_1_2_reads_22_00_and_no_as_text(tmp_path: Path) -> None:
    assert load_twin(write(tmp_path, GOOD.replace("name: T", "name: 22:00"))).site.name == "22:00"
    assert load_twin(write(tmp_path, GOOD.replace("name: T", "name: NO"))).site.name == "NO"


def test_a_missing_file_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="cannot be read"):
        load_twin(tmp_path / "none.yaml")


def test_a_record_is_replayed_from_a_column_with_scale_and_start(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text("t,kw\n0,1\n10,2\n20,4\n")
    record = "record: {file: day.csv, column: kw, time_column: t, start_s: 10, scale: 1000, offset: 5}"
    path = write(tmp_path, GOOD.replace("constant: 400", record))
    plant = build_plant(load_twin(path), tmp_path)
    plant.advance(5)
    assert plant.demand_w == pytest.approx(3005)


def test_the_demo_binds_but_for_a_cloud_and_has_large_load_steps_both_ways() -> None:
    """A minute that shows everything: more than 2 kW within 2 s, up and down, while the limit binds."""
    twin = load_twin(DEMO)
    plant = SimulatedSite(twin, DEMO.parent).plant
    plant.advance(60)
    rows = [dict(zip(plant.columns, row, strict=True)) for row in plant.truth]
    spare_w = {row["t_s"]: row["inv1_available_w"] + row["inv2_available_w"] - row["demand_w"] - 2000 for row in rows}
    cloud = [t for t, w in spare_w.items() if w < 0]
    assert 21 < min(cloud) < max(cloud) < 40
    demand = {round(row["t_s"]): row["demand_w"] for row in rows}
    steps = [demand[t + 2] - demand[t] for t in range(58)]
    assert max(steps) > 2000
    assert min(steps) < -2000
    assert all(spare_w[t] > 500 for t in spare_w if 4 < t < 20 or 41 < t < 60)
