"""The command line: commands, their output, and exit codes."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import click
import pytest

from pcs import __version__
from pcs.cli import main as cli
from pcs.cli.check_facts import report
from pcs.cli.exits import Exit
from pcs.config import load_site
from pcs.config.profiles import profile_folder

EXAMPLE = profile_folder() / "sites" / "example.yaml"
GOLDEN = Path(__file__).parent / "golden" / "check_example.txt"


@pytest.fixture(autouse=True)
def _logger() -> Iterator[None]:
    logger = logging.getLogger("pcs")
    before = (logger.handlers[:], logger.propagate, logger.level)
    yield
    logger.handlers[:], logger.propagate, logger.level = before


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command `probe` that logs, breaks, or returns an exit code."""

    @click.command()
    @click.argument("what")
    def command(what: str) -> Exit | None:
        logging.getLogger("pcs.probe").debug("probe.told what=%s", what)
        if what == "break":
            raise RuntimeError("the floor gave way")
        if what == "interrupt":
            raise KeyboardInterrupt
        return Exit[what] if what in Exit.__members__ else None

    module = ModuleType("pcs.cli.probe")
    module.__spec__ = ModuleSpec("pcs.cli.probe", None)
    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pcs.cli.probe", module)
    monkeypatch.setitem(cli.COMMANDS, "probe", "A probe.")
    monkeypatch.setattr(cli.cli, "commands", {})


def test_check_prints_what_it_understood_of_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    """The golden output; `<digest>` and `<folder>` stand for what differs between machines and edits."""
    assert cli.run(["check", str(EXAMPLE)]) == Exit.DONE
    printed = capsys.readouterr().out.replace(str(EXAMPLE.parent), "<folder>")
    assert re.sub(r"Configuration [0-9a-f]{16}", "Configuration <digest>", printed) == GOLDEN.read_text()


def test_check_says_the_same_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", str(EXAMPLE), "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert told["ders"][0]["without_controller"]["704"].startswith("safe: ")
    assert told["limits"][0]["name"] == "export limit 0 W at poi"
    assert told["safe_total_w"] == 0
    assert told["meters"][0]["link"] == "tcp://127.0.0.1:15020"
    assert any("cannot hold" in warning for warning in told["warnings"])


def test_check_says_what_the_safe_state_leaves_and_which_margin_each_limit_keeps(tmp_path: Path) -> None:
    """3 kW are uncontrolled and the cushion is 25 W; margins are 2 % of the limit, 1 W, and the cushion."""
    path = tmp_path / "site.yaml"
    for values, safe_w in (((5000,), 1975), ((9000, 5000, 7000), 1975), ((1_000_000,), 10_000)):
        limit = "  - {point: poi, direction: export, quantity: w, value: %d, basis: total, scope: all}\n"
        head, _, tail = EXAMPLE.read_text().partition("limits:\n")
        kept = "".join(line for line in tail.splitlines(keepends=True) if not line.startswith("  - {point"))
        path.write_text(head + "limits:\n" + "".join(limit % value for value in values) + kept)
        told = report(load_site(path), 0.0)
        assert told["safe_total_w"] == safe_w
        assert [one["margin_w"] for one in told["limits"]] == [0.02 * value + 26 for value in values]


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(EXAMPLE.read_text().replace("value: 0", "value: -1").replace("10000", "10kW"))
    return path


def test_a_wrong_site_file_ends_with_2_and_every_mistake_on_stderr(
    wrong: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["check", str(wrong)]) == Exit.CONFIG
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[1] for line in err.splitlines()] == ["ders[0].nameplate_w", "limits[0].value"]


def test_a_wrong_site_file_is_told_in_json_on_stdout(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "--json", str(wrong)]) == Exit.CONFIG
    out, err = capsys.readouterr()
    assert err == ""
    told = json.loads(out)
    assert (told["ok"], told["error"], told["exit_code"]) == (False, "configuration", 2)
    assert [(p["line"], p["path"]) for p in told["problems"]] == [(9, "ders[0].nameplate_w"), (12, "limits[0].value")]


def test_devices_lists_every_profile_with_its_evidence_and_fallback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["devices"]) == Exit.DONE
    text = capsys.readouterr().out
    assert "sunspec/meter\n" in text
    assert "evidence: unverified on hardware" in text
    assert "limit by model 704: without a controller safe, after 10 s" in text
    assert "limit by model 123: without a controller hold, its timer is never armed" in text


def test_devices_says_the_same_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["devices", "--json"]) == Exit.DONE
    profiles = {profile["id"]: profile for profile in json.loads(capsys.readouterr().out)}
    assert profiles["sunspec/inverter"]["limits"]["704"]["fallback"] == "safe"
    assert profiles["sunspec/meter"]["evidence"] == "unverified on hardware"


@pytest.mark.parametrize("arguments", [["chekc"], ["check"], ["check", "a", "b"], ["--nonsense"], []])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == Exit.CONFIG
    assert "Usage: pcs" in capsys.readouterr().err


def test_version_and_help_end_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == Exit.DONE
    assert capsys.readouterr().out == f"pcs {__version__}\n"
    assert cli.run(["--help"]) == Exit.DONE
    assert "Check a site file" in capsys.readouterr().out
    assert cli.run(["check", "--help"]) == Exit.DONE
    assert "--log-format" in capsys.readouterr().out


def test_wrong_usage_is_told_in_json_on_stdout_when_json_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "--json"]) == Exit.CONFIG
    told = json.loads(capsys.readouterr().out)
    assert (told["error"], told["exit_code"], told["message"]) == ("usage", 2, "Missing argument 'SITE.yaml'.")


@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize("code", list(Exit))
def test_a_command_ends_with_the_code_that_it_returns(code: Exit) -> None:
    assert cli.run(["probe", code.name]) == code
    with pytest.raises(SystemExit) as ended:
        cli.main(["probe", code.name])
    assert ended.value.code == int(code)


@pytest.mark.usefixtures("probe")
def test_an_internal_error_is_one_line_with_advice_and_a_traceback_only_with_v(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["probe", "break"]) == Exit.INTERNAL
    assert capsys.readouterr().err == (
        "pcs: internal error: RuntimeError: the floor gave way (run again with -v for the details)\n"
    )
    for arguments in (["-v", "probe", "break"], ["probe", "break", "--verbose"]):
        assert cli.run(arguments) == Exit.INTERNAL
        assert "Traceback" in capsys.readouterr().err


@pytest.mark.usefixtures("probe")
def test_an_interrupt_is_no_internal_error() -> None:
    assert cli.run(["probe", "interrupt"]) == 130


@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize("before", [True, False])
def test_log_options_count_before_and_after_the_command(before: bool, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-v", "--log-format", "json"]
    assert cli.run([*options, "probe", "x"] if before else ["probe", "x", *options]) == Exit.DONE
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["logger"], line["event"]) == ("debug", "pcs.probe", "probe.told what=x")
    assert cli.run(["probe", "x"]) == Exit.DONE
    assert capsys.readouterr().err == ""


def test_help_loads_no_library_of_any_command() -> None:
    code = (
        "import sys; from pcs.cli.main import run; run(['--help']); "
        "print([m for m in ('pydantic', 'ruamel.yaml', 'rich', 'pymodbus', 'asyncio') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
