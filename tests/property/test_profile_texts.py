"""Whatever a profile's text becomes, it is read or refused with mistakes that have a line; nothing else is raised."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hil.profile.load import load_profile
from hil.profile.mistake import BadFileError, Mistake
from hil.profile.model import Case
from tests.profile_kit import PROFILE

LINES = PROFILE.splitlines()
SCRAPS = st.sampled_from(
    ["", "- ", "{", "[1, 2]", "1e999 W", "level", "-level", "0", "null", "{do: safe}", "?", "*a", "!!int x", "\t"]
)


def read(path: Path) -> tuple[tuple[Case, ...], list[Mistake]]:
    """The cases of a file, or what is wrong with it."""
    try:
        return load_profile(path).cases, []
    except BadFileError as error:
        return (), error.mistakes


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_mutilated_profile_is_refused_with_lines_that_exist(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.integers(0, 3)):
            case 0:
                del lines[at]
            case 1:
                lines[at] = lines[data.draw(st.integers(0, len(lines) - 1))]
            case 2:
                head, colon, _ = lines[at].partition(": ")
                lines[at] = f"{head}{colon}{data.draw(SCRAPS)}"
            case _:
                cut = data.draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:cut] + data.draw(SCRAPS) + lines[at][cut:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.yaml"
        path.write_text("\n".join(lines), encoding="utf-8")
        cases, mistakes = read(path)
    assert bool(cases) != bool(mistakes)
    assert all(1 <= mistake.line <= len(lines) + 1 for mistake in mistakes)
    assert all(case.duration_s >= 0.0 for case in cases)
