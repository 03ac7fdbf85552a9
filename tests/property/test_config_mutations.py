"""However a site file is damaged: it is accepted, or refused with lines that lie within it."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.config import ConfigError, load_profiles, load_site
from pcs.config.profiles import profile_folder
from pcs.model.limit import Limit
from pcs.model.site import Site

PROFILES = load_profiles()
GOOD = (profile_folder() / "sites" / "example.yaml").read_text(encoding="utf-8")
DATA = {
    "schema": "pcs.site/1",
    "site": {"name": "Demo", "timezone": "UTC", "system": "wye", "nominal_v": 277},
    "meters": [{"id": "poi", "profile": "sunspec/meter", "link": "tcp://h:1", "unit": 1, "point": "poi", "ct": {}}],
    "ders": [
        {"id": "a", "kind": "pv", "profile": "sunspec/inverter", "link": "tcp://h:2", "unit": 1, "nameplate_w": 1e4},
        {"id": "b", "kind": "pv", "nameplate_w": 3000, "controlled": False},
        {"id": "s", "kind": "battery", "nameplate_w": 5000, "controlled": False, "charge_w": 3000, "soc_min_pct": 10},
    ],
    "points": [{"id": "poi", "kind": "net"}, {"id": "p", "kind": "busbar", "meter": ["poi"], "rating_a": 100}],
    "limits": [
        {
            "point": "poi",
            "direction": "export",
            "value": 0,
            "schedule": [
                {"value": 5, "from": "16:00", "to": "21:00", "days": ["mon"], "first_day": "02-29", "last_day": "12-31"}
            ],
        }
    ],
    "modes": {"ess": "import_only", "schedule": [{"ess": "no_exchange", "from": "22:00", "to": "06:00"}]},
    "journal": {"dir": "./journal"},
    "controller": {"cycle_s": 0.1},
    "supervisor": {
        "meter": {"profile": "eastron/sdm630", "link": "serial:///dev/ttyS9?baud=9600", "unit": 3, "update_s": 0.5},
        "watch": [{"direction": "export", "tolerance_w": 500, "delay_s": 30}],
        "relay": {"board": "tcp://h:9", "unit": 1, "relay": 2, "hold_s": 1.5},
        "feedback": {"input": 1, "closed_when": "inactive"},
        "rearm": {"after_s": 60, "most": 3},
    },
}
NASTY = st.sampled_from(
    [
        "22:00",
        "NO",
        "-1",
        "1e999",
        ".nan",
        "~",
        "''",
        '"',
        "'",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "<<: ",
        "? ",
        "- ",
        ": ",
        "!x ",
        "!!set ",
        "%YAML 1.1\n",
        "---\n",
        "...\n",
        "\t",
        "\r",
        "\n",
        "\n\n",
        "#",
        ",",
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
        "\\",
        "0x",
        "1_0",
        "010",
        "tcp://",
        "serial:",
        "poi",
        "inv1",
        "id",
        "unit",
        "true",
        "😀",
        "\x1b",
        "@",
        "`",
        "",
        ">",
        "=",
    ]
)
Edit = tuple[str, float, float, str]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["cut", "insert", "repeat"]), st.floats(0, 1), st.floats(0, 0.1), NASTY | st.text(max_size=5)
    ),
    min_size=1,
    max_size=4,
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.sampled_from(
        ["poi", "a", "b", "import", "learn", "tcp://h:1", "ess", "sunspec/meter", "battery", 10**400, "24:00", "02-30"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def judged(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        path.write_bytes(content)
        outcome = outcome_of(path)
    if isinstance(outcome, ConfigError):
        lines = len(content.decode("utf-8", "replace").splitlines())
        assert outcome.problems
        for problem in outcome.problems:
            assert problem.line is not None
            assert 1 <= problem.line <= max(1, lines)
            assert str(problem).isprintable()
    else:
        assert all(value is None or value >= 0 for limit in outcome.limits for value in values_of(limit))
        assert all(der.profile is not None and der.link is not None for der in outcome.ders if der.controlled)


def values_of(limit: Limit) -> tuple[float | None, ...]:
    return (limit.value, *(window.value for window in limit.schedule))


def outcome_of(path: Path) -> Site | ConfigError:
    try:
        return load_site(path, PROFILES)
    except ConfigError as refused:
        return refused


def edited(text: str, edits: list[Edit]) -> str:
    for kind, at, length, word in edits:
        start = int(at * len(text))
        end = start + int(length * len(text))
        middle = {"cut": "", "insert": word + text[start:end], "repeat": text[start:end] * 2}[kind]
        text = text[:start] + middle + text[end:]
    return text


def paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in paths(item, (*path, key)))]


@settings(max_examples=150, deadline=None)
@given(EDITS)
def test_edited_text_is_accepted_or_refused_with_lines_of_the_file(edits: list[Edit]) -> None:
    judged(edited(GOOD, edits).encode("utf-8", "surrogatepass"))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(paths(DATA)[1:]), st.booleans(), VALUES), min_size=1, max_size=3))
def test_wrong_values_in_the_right_form_are_accepted_or_refused_with_lines_of_the_file(
    changes: list[tuple[tuple[str | int, ...], bool, Any]],
) -> None:
    data: Any = json.loads(json.dumps(DATA))
    for path, remove, value in changes:
        place = data
        for part in path[:-1]:
            fits = part in place if isinstance(place, dict) else isinstance(place, list) and part in range(len(place))
            place = place[part] if fits else None
        if isinstance(place, dict) and remove:
            place.pop(path[-1], None)
        elif isinstance(place, dict) or (isinstance(place, list) and path[-1] in range(len(place))):
            place[path[-1]] = value
    judged(json.dumps(data, indent=1).encode())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_that_were_never_a_site_file_are_refused_with_a_line(content: bytes) -> None:
    judged(content)
