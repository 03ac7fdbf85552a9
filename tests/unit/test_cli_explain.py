"""`pcs explain` says what to do when nobody answers, and keeps the exit codes of the outside contract."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pcs.cli import main as pcs
from pcs.cli.explain import command


def test_explain_exits_3_and_says_how_to_start_when_nobody_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 3
    assert "pcs run SITE.yaml" in result.stderr
    result = CliRunner().invoke(command, ["--json"])
    assert result.exit_code == 3
    assert "no controller answers" in json.loads(result.stdout)["error"]


def test_a_site_file_that_is_wrong_exits_2(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("schema: pcs.site/1\n", encoding="utf-8")
    assert pcs.run(["explain", str(site)]) == 2
