"""The systemd units: what they promise in docs/supervisor.md is in them, and they agree with the program."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from pcs.cli.main import cli
from pcs.io.watchdog import FEED_S

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = {path.stem: path.read_text() for path in DEPLOY.glob("*.service")}
HARDENING = (
    *("NoNewPrivileges", "PrivateTmp", "ProtectHome", "ProtectKernelTunables", "RestrictNamespaces", "LockPersonality"),
    *("MemoryDenyWriteExecute", "ProtectControlGroups", "RestrictSUIDSGID", "ProtectKernelModules"),
)


def parsed(text: str) -> dict[str, dict[str, list[str]]]:
    """Sections of a unit; a key may stand more than once."""
    found: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
            continue
        key, equals, value = line.partition("=")
        assert equals, line
        section.setdefault(key, []).append(value)
    return found


def seconds(unit: dict[str, dict[str, list[str]]], key: str) -> float:
    return float(unit["Service"][key][0])


@pytest.mark.parametrize("name", ["openpcs", "openpcs-supervisor"])
def test_a_unit_has_its_watchdog_restarts_and_walls(name: str) -> None:
    unit = parsed(UNITS[name])
    assert unit["Service"]["Type"] == ["notify"]
    assert seconds(unit, "WatchdogSec") >= 5 * FEED_S
    assert unit["Service"]["Restart"] == ["always"]
    assert unit["Service"]["RestartPreventExitStatus"] == ["2"]
    assert seconds(unit, "RestartSec") >= 5
    assert unit["Service"]["ProtectSystem"] == ["strict"]
    assert unit["Service"]["CapabilityBoundingSet"] == [""]
    assert all(unit["Service"][key] == ["yes"] for key in HARDENING)


def test_the_controller_never_gives_up_and_the_supervisor_does_after_few_starts() -> None:
    """A controller that gave up holds no limit; a supervisor that gave up leaves its relay open."""
    controller, supervisor = parsed(UNITS["openpcs"]), parsed(UNITS["openpcs-supervisor"])
    assert controller["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert float(controller["Service"]["RestartMaxDelaySec"][0]) <= 60
    assert 0 < int(supervisor["Unit"]["StartLimitBurst"][0]) <= 5
    assert float(supervisor["Unit"]["StartLimitIntervalSec"][0]) >= 600


def test_neither_unit_starts_stops_or_waits_for_the_other() -> None:
    for name, other in (("openpcs", "openpcs-supervisor"), ("openpcs-supervisor", "openpcs")):
        unit = parsed(UNITS[name])["Unit"]
        bound = [v for key in ("Wants", "Requires", "BindsTo", "PartOf", "After", "Before") for v in unit.get(key, [])]
        assert f"{other}.service" not in " ".join(bound).split()


def test_the_supervisor_is_served_before_the_controller_when_the_gateway_is_busy() -> None:
    controller, supervisor = parsed(UNITS["openpcs"]), parsed(UNITS["openpcs-supervisor"])
    assert seconds(supervisor, "Nice") < seconds(controller, "Nice")
    assert seconds(supervisor, "OOMScoreAdjust") < seconds(controller, "OOMScoreAdjust")


@pytest.mark.parametrize("name", sorted(UNITS))
def test_the_command_of_a_unit_exists_and_its_page_is_there(name: str) -> None:
    unit = parsed(UNITS[name])
    words = unit["Service"]["ExecStart"][0].split()
    assert words[0] == "/opt/openpcs/.venv/bin/pcs"
    assert CliRunner().invoke(cli, [words[1], "--help"]).exit_code == 0
    page = re.search(r"docs/\S+\.md", unit["Unit"]["Documentation"][0])
    assert page is not None
    assert (DEPLOY.parent / page[0]).is_file()
