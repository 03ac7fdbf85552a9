"""`pcs reset-lockout` over a real control socket, and what status and explain say of a lock-out."""

import asyncio
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pcs.cli.lockout_lines import lockout_lines
from pcs.cli.main import run
from pcs.core import lockout
from pcs.core.evolve import evolve
from pcs.core.state import initial
from pcs.io.control_socket import ControlSocket
from pcs.model.lockout import LEFT_OVER, Lockout, LockoutAction, LockoutRecord, Who
from pcs.model.units import Instant
from pcs.runtime import lockouts
from pcs.runtime.in_process import MemoryLockouts
from tests import core_site
from tests.unit.test_core_lockout import G100

SITE = """\
schema: pcs.site/1
site: {name: Demo, timezone: Europe/London, system: single, nominal_v: 230}
preset: uk-g100-2
meters:
  - {id: poi, profile: sunspec/meter, link: "tcp://127.0.0.1:15020", unit: 1, point: poi}
ders:
  - {id: inv1, kind: pv, profile: sunspec/inverter, link: "tcp://127.0.0.1:15021", unit: 1, nameplate_w: 8000}
limits:
  - {direction: export, quantity: a, basis: conductor, value: 16}
"""
NOW = Instant(mono_s=100.0, utc_s=1_780_000_000.0)


def record(ago_s: float = 3600.0, begun: int = 1) -> LockoutRecord:
    """Locked out an hour ago."""
    locked = Lockout(renewed_s=10_000.0 - ago_s, since_utc_s=NOW.utc_s - ago_s, action=LockoutAction.TRIP, why="62 s")
    return LockoutRecord(clock_s=10_000.0, locked=locked, begun_s=(10_000.0 - ago_s,) * begun)


class Held:
    """The answers of a controller that is locked out."""

    def __init__(self, kept: LockoutRecord) -> None:
        self.policy = evolve(core_site.policy(), lockout=G100)
        self.state = initial(self.policy, NOW, kept)

    def __call__(self, question: str) -> dict[str, Any]:
        what, _, who = question.partition(" ")
        assert what == "reset-lockout"
        return lockouts.answer_reset(self.state, self.policy, Who(who), NOW)

    def told(self) -> dict[str, Any]:
        told = lockouts.told(self.state, self.policy, NOW)
        assert told is not None
        return told


async def asked(folder: Path, kept: LockoutRecord, *arguments: str) -> int:
    (folder / "site.yaml").write_text(SITE)
    (folder / "journal").mkdir()
    async with ControlSocket(folder / "journal", Held(kept)):
        return await asyncio.to_thread(run, ["reset-lockout", str(folder / "site.yaml"), *arguments])


async def test_a_reset_that_comes_too_early_is_refused_with_the_time_from_which_it_will_be_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """G100-I2-RST: 4 h; three of them are left, from 20:26:40 UTC."""
    assert await asked(tmp_path, record()) == 1
    said = capsys.readouterr().out
    assert said.startswith(
        "refused for the user: not before 4 h have passed; it will be allowed from Fri 2026-05-29 00:26"
    )
    assert "nobody proves who they are" in said


async def test_a_reset_in_time_is_allowed_and_says_what_was_not_proven(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asked(tmp_path, record(14_400.0), "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["allowed"], answer["as"]) == ("pcs.reset/1", True, "user")
    assert answer["proof"] == lockouts.NO_PROOF


async def test_a_user_is_sent_to_the_installer_who_is_let_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """G100-I2-RST: at the third within 30 days."""
    assert await asked(tmp_path, record(14_400.0, begun=3), "--as", "installer") == 0
    assert "as the installer asked" in capsys.readouterr().out


def test_without_a_controller_nothing_is_reset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    assert run(["reset-lockout", str(tmp_path / "site.yaml")]) == 3
    assert "only a running one can end a lock-out" in capsys.readouterr().err
    assert run(["reset-lockout", str(tmp_path / "site.yaml"), "--as", "owner"]) == 2


def test_status_says_since_when_why_what_and_who_may_end_it() -> None:
    said = "\n".join(lockout_lines(Held(record(begun=3)).told(), ZoneInfo("Europe/London")))
    for words in (
        "LOCKED OUT since 2026-05-28 20:26:40 BST (as uk-g100-2): 62 s",
        "a relay, where there is one, is asked to open",
        "the user may not reset it: 3 lock-outs within 30 d: only the installer may",
        "the installer may not reset it: not before 4 h have passed (2026-05-29 00:26:40 BST)",
    ):
        assert words in said


def test_status_counts_what_leads_towards_a_lock_out() -> None:
    held = Held(LockoutRecord())
    state = lockout.LockoutState(record=LockoutRecord(marks=(lockout.Mark(rule_id="daily", at_s=0.0),)))
    held.state = evolve(held.state, lockout=state)
    assert list(lockout_lines(held.told())) == ["towards a lock-out (as uk-g100-2): rule daily: 1 of 4"]
    assert list(lockout_lines({})) == []


def test_a_lock_out_stays_where_the_site_file_has_lost_its_preset() -> None:
    memory = MemoryLockouts()
    memory.record = record(10.0)
    remembered = lockouts.Remembered(memory)
    site_policy = core_site.policy()
    assert site_policy.lockout is None
    policy = remembered.policy(site_policy)
    assert policy.lockout is LEFT_OVER
    state = initial(policy, NOW, remembered.found)
    assert not lockouts.answer_reset(state, policy, Who.USER, NOW)["allowed"]
    assert lockouts.answer_reset(state, policy, Who.INSTALLER, NOW)["allowed"]


def test_a_site_without_a_preset_says_nothing_of_lock_outs() -> None:
    policy = core_site.policy()
    assert lockouts.told(initial(policy, NOW), policy, NOW) is None
    assert not lockouts.answer_reset(initial(policy, NOW), policy, Who.USER, NOW)["allowed"]
