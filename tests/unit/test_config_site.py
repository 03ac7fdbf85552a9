"""Site files: what is accepted, and every mistake with its line."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pcs.config import ConfigError, load_site
from pcs.model.limit import Direction
from pcs.model.site import LinkAddress, MeterSign, System, Tuning

GOOD = """\
schema: pcs.site/1
site: {name: Demo, timezone: UTC, system: wye, nominal_v: 277}
meters:
  - {id: poi, profile: sunspec/meter, link: "tcp://127.0.0.1:15020", unit: 1, point: poi}
ders:
  - {id: inv1, kind: pv, profile: sunspec/inverter, link: "tcp://127.0.0.1:15021", unit: 1, nameplate_w: 10000}
  - {id: old, kind: pv, nameplate_w: 3000, controlled: false}
limits:
  - {point: poi, direction: export, quantity: w, value: 0, basis: total, scope: all}
journal: {dir: ./journal}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def mistakes(text: str | bytes) -> list[str]:
    """Every line that a site file is refused with."""
    path = Path("site.yaml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as refused:
        load_site(path)
    return str(refused.value).splitlines()


def changed(*changes: tuple[str, str]) -> str:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def accepted(text: str) -> object:
    Path("site.yaml").write_text(text)
    return load_site("site.yaml")


def test_the_example_of_the_design_is_understood(tmp_path: Path) -> None:
    Path("site.yaml").write_text(GOOD)
    site = load_site("site.yaml")
    assert (site.name, site.system, site.nominal_v) == ("Demo", System.WYE, 277)
    assert site.meters[0].link == LinkAddress(host="127.0.0.1", port=15020)
    assert site.meters[0].sign is MeterSign.IMPORT_POSITIVE
    assert [(der.id, der.controlled, der.nameplate_w) for der in site.ders] == [
        ("inv1", True, 10000),
        ("old", False, 3000),
    ]
    assert site.limits[0].direction is Direction.EXPORT
    assert site.tuning == Tuning()
    assert site.digest == hashlib.sha256(GOOD.encode()).hexdigest()


def test_a_relative_journal_folder_is_taken_from_the_site_files_folder(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    Path("sub/site.yaml").write_text(GOOD)
    assert load_site("sub/site.yaml").journal_dir == str(tmp_path / "sub" / "journal")


def test_a_site_file_may_be_json_on_several_lines() -> None:
    data = {
        "schema": "pcs.site/1",
        "site": {"name": "Referee \U0001f600", "timezone": "UTC", "system": "wye", "nominal_v": 277},
        "meters": [{"id": "poi", "profile": "sunspec/meter", "link": "tcp://h:1", "unit": 1, "point": "poi"}],
        "ders": [
            {"id": "a", "kind": "pv", "profile": "sunspec/inverter", "link": "tcp://h:2", "unit": 1, "nameplate_w": 1e4}
        ],
        "limits": [{"point": "poi", "direction": "export", "quantity": "w", "value": 0, "basis": "total"}],
        "journal": {"dir": "./journal"},
    }
    data["ders"][0]["connection"] = "L1N"  # type: ignore[index]
    for text in (json.dumps(data, indent=1), json.dumps(data), json.dumps(data, indent="\t")):
        Path("site.yaml").write_text(text)
        assert load_site("site.yaml").name == "Referee \U0001f600"
    data["limits"][0]["value"] = -1  # type: ignore[index]
    text = json.dumps(data, indent=1)
    line = text.splitlines().index('   "value": -1,') + 1
    assert mistakes(text)[0].startswith(f"site.yaml:{line}: limits[0].value: is out of range (got -1)")


def test_every_optional_key_reaches_the_model() -> None:
    text = changed(
        ("unit: 1, point: poi", "unit: 3, point: poi, sign: export+, ct: {ratio: 2, class: 0.5, phase_error_deg: 1}"),
        ("sign: export+", "sign: export+, update_s: 0.2, averaging_s: 0, class_pct: 0.2"),
        ("scope: all", "scope: all, correct_within_s: 5, margin: 50, source: Agreement 7"),
        ("journal:", "controller: {release_slew_pct_s: 5, cycle_s: 0.05, credited_min_load_w: 100}\njournal:"),
        ("nameplate_w: 10000", "nameplate_w: 10000, connection: L1L2"),
        ("tcp://127.0.0.1:15020", "tcp://[::1]"),
    )
    Path("site.yaml").write_text(text)
    site = load_site("site.yaml")
    meter, limit = site.meters[0], site.limits[0]
    assert (meter.sign, meter.unit, meter.link) == (MeterSign.EXPORT_POSITIVE, 3, LinkAddress(host="::1"))
    assert str(meter.link) == "tcp://[::1]:502"
    assert (meter.ct.ratio, meter.ct.class_pct, meter.ct.phase_error_deg) == (2, 0.5, 1)
    assert (meter.update_s, meter.averaging_s, meter.class_pct) == (0.2, 0, 0.2)
    assert (limit.correct_within_s, limit.margin_w, limit.source) == (5, 50, "Agreement 7")
    assert site.tuning == Tuning(release_slew_pct_s=5, cycle_s=0.05, credited_min_load_w=100)
    assert site.ders[0].connection == "L1L2"


TABLE = YAML(typ="safe", pure=True).load((Path(__file__).parent / "config_mistakes.yaml").read_text())


@pytest.mark.parametrize("row", TABLE, ids=[row["name"] for row in TABLE])
def test_a_mistake_is_told_with_its_line_and_what_was_expected(row: dict[str, Any]) -> None:
    assert mistakes(changed((row["right"], row["wrong"]))) == row["said"]


SITE = (Path(__file__).parent / "storage_site.yaml").read_text()
STORAGE = YAML(typ="safe", pure=True).load((Path(__file__).parent / "storage_mistakes.yaml").read_text())


@pytest.mark.parametrize("row", STORAGE, ids=[row["name"] for row in STORAGE])
def test_a_mistake_about_storage_points_and_limits_is_told_with_its_remedy(row: dict[str, Any]) -> None:
    text = SITE
    for change in row["changes"]:
        assert change["right"] in text
        text = text.replace(change["right"], change["wrong"], 1)
    assert mistakes(text) == row["said"]


def test_the_site_with_storage_points_and_limits_is_itself_right() -> None:
    assert accepted(SITE)


NOT_YET: list[tuple[str, str, str, str]] = [
    ("controlled: false", "controlled: false, fallback: {}", "7: ders[1].fallback", "fallbacks of a single DER"),
]


@pytest.mark.parametrize(("right", "wrong", "place", "what"), NOT_YET, ids=[row[1].strip() for row in NOT_YET])
def test_a_valid_wish_that_is_not_built_yet_is_refused_as_such(right: str, wrong: str, place: str, what: str) -> None:
    said = mistakes(changed((right, wrong)))
    assert len(said) == 1
    assert said[0].startswith(f"site.yaml:{place}: not supported yet: {what}")


def test_every_mistake_of_a_file_is_told_at_once_in_the_order_of_its_lines() -> None:
    said = mistakes(
        changed(
            ("timezone: UTC", "timezone: Mars"),
            ("unit: 1, point: poi", "point: poi"),
            ("10000", "ten"),
            ("id: old", "id: inv1"),
            ("direction: export", "direction: exports"),
            ("value: 0", "valu: 0"),
        )
    )
    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in said] == [
        "site.yaml:2 site.timezone",
        "site.yaml:4 meters[0].unit",
        "site.yaml:6 ders[0].nameplate_w",
        "site.yaml:7 ders[1].id",
        "site.yaml:9 limits[0].direction",
        "site.yaml:9 limits[0].valu",
        "site.yaml:9 limits[0].value",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "site.yaml:1: is empty"),
        (b"# nothing\n", "site.yaml:1: is empty"),
        (b"- a\n", "site.yaml:1: must be a block of keys (got a list)"),
        (b"just words\n", 'site.yaml:1: must be a block of keys (got "just words")'),
        (b"schema: pcs.site/1\nsite: {name: [\n", "site.yaml:2: is not valid YAML"),
        (b"site:\n\tname: x\n", "site.yaml:2: is not valid YAML: found character '\\t' that cannot start any token"),
        (b"a: 1\n---\nb: 2\n", "site.yaml:2: is not valid YAML: but found another document"),
        (b"a: 1\nb: caf\xe9\n", "site.yaml:2: is not UTF-8 text"),
        (b"\xff\xfes\x00", "site.yaml:1: is not UTF-8 text"),
        (b"a: 1\nb: \x00\n", "site.yaml:2: holds a character that YAML does not allow (got #x0000)"),
        (b"[" * 5000, "site.yaml:1: is nested too deeply"),
        (
            b"#" * 100_001,
            "site.yaml:1: is too large to be a site file or profile, expected at most 100 kB; a site of 64",
        ),
        (b"key: " + b"9" * 5000 + b"\n", "site.yaml:1: "),
        (b"site: &a [*a]\n", "site.yaml:1: "),
        (b'site: {name: "\\ud800"}\n', "site.yaml:1: "),
    ],
)
def test_a_file_that_is_no_site_file_at_all_is_refused_with_a_line(content: bytes, said: str) -> None:
    assert mistakes(content)[0].startswith(said)


def test_aliases_cannot_unfold_without_end() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in range(1, 9):
        text += f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n"
    assert any("unfolds too far" in line for line in mistakes(text))


def test_a_missing_file_and_a_folder_are_told_without_a_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_site(path)


def test_a_thousand_mistakes_are_counted_and_not_all_listed() -> None:
    said = mistakes(GOOD + "".join(f"key{i}: 1\n" for i in range(1000)))
    assert len(said) == 201
    assert said[-1] == "... and 800 more"


FITTING = {
    "single": "L1N",
    "split": "L1N L2N L1L2",
    "wye": "L1N L2N L3N L1L2 L2L3 L3L1 L123",
    "delta": "L1L2 L2L3 L3L1 L123",
}


@pytest.mark.parametrize("system", list(FITTING))
@pytest.mark.parametrize("connection", FITTING["wye"].split())
def test_a_connection_is_accepted_only_where_the_service_has_its_conductors(system: str, connection: str) -> None:
    text = changed(
        ("system: wye", f"system: {system}"), ("controlled: false", f"controlled: false, connection: {connection}")
    )
    if connection in FITTING[system].split():
        assert accepted(text)
    else:
        assert f"does not fit a {system} service" in mistakes(text)[0]


@pytest.mark.parametrize("text", ["meters:\n  -\n", "meters:\n  -\n\n\n", "-\n", "site:\n", "limits:\n- point: poi\n-"])
def test_an_empty_entry_at_the_end_is_told_with_a_line_of_the_file(text: str) -> None:
    lines = [int(line.split(":")[1]) for line in mistakes(text)]
    assert min(lines) >= 1
    assert max(lines) <= len(text.splitlines())
