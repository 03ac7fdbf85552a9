"""What docs/records.md tells people to type works, and prints what the page says."""

import contextlib
import io
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.cli.main import cli
from hil.record.folder import write_campaign, write_run
from hil.record.source import Source
from tests.record_kit import campaign, case, run

PAGE = Path(__file__).parents[2] / "docs" / "records.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page, with a record's name in place of RUN, in a folder that has that record as DIR."""
    one = case(tmp_path)
    write_campaign(tmp_path / "DIR", campaign(one))
    path = write_run(tmp_path / "DIR", run(one), sources={"power": Source(instrument="WT1")})
    monkeypatch.chdir(tmp_path)
    return PAGE.read_text(encoding="utf-8").replace("RUN", path.name)


def test_every_example_of_the_records_page_prints_what_the_page_says(told: str) -> None:
    blocks = FENCE.findall(told)
    for language, text in blocks:
        for line in text.splitlines() if language == "sh" else []:
            result = CliRunner().invoke(cli, shlex.split(line)[1:])
            assert result.exit_code == 0, result.output
    examples = [(text, after[1]) for (kind, text), after in pairwise(blocks) if kind == "python"]
    assert len(examples) == 5
    for text, expected in examples:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(text, "docs/records.md", "exec"), {})
        assert out.getvalue() == expected


def test_the_layout_of_the_records_page_is_the_one_on_disk(told: str, tmp_path: Path) -> None:
    layout = FENCE.findall(told)[0][1]
    for path in (tmp_path / "DIR").rglob("*.*"):
        assert path.name in layout, path
    assert "chmod -R u+w" in told
