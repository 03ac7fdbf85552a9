"""How a run begins and ends: at noon, at night and at dawn; in good order, by kill -9, and again on the same site."""

from pathlib import Path

import pytest

from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.event import EventKind
from tests.simulation.bounds import response_s, slowest_fall_s, tolerance_w
from tests.simulation.stack import Stack, inverter, play, twin

MIXED = [
    inverter("inv1", 5000),
    inverter("inv2", 3000, control=704, telemetry_phase_s=0.71),
    inverter("inv3", 2000, registers="float", telemetry_phase_s=0.11),
]
REVERSION_S = 10.0  # of the 704 profile


def test_at_noon_a_zero_export_site_is_inside_its_limit_at_once_and_produces_by_itself() -> None:
    site = twin(ders=MIXED, load=[{"constant": 4000}])

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.run(30)

    stack = play(story, site)
    beyond = stack.truth.beyond(0.0, tolerance_w(site))
    assert len(beyond) == 1
    assert beyond[0].to_s <= 0.5 + response_s(site, 5500)
    assert stack.truth.injection_w(30) == pytest.approx(4000, abs=150)


@pytest.mark.parametrize("control", [123, 704])
def test_at_night_it_waits_unverified_and_at_dawn_production_begins_by_itself(control: int) -> None:
    """CRD-CHK-1."""
    sun = {"ramps": [[0, 0.0], [40, 0.0], [100, 0.6]]}
    site = twin(ders=[inverter("inv1", control=control), inverter("inv2")], load=[{"constant": 3000}], sun=sun)

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.run(39)
        assert stack.controller is not None
        assert stack.controller.status()["state"] == "unverified"
        await stack.until(100)

    stack = play(story, site)
    assert stack.truth.beyond(0.0, tolerance_w(site)) == []
    assert stack.truth.injection_w(50) == pytest.approx(2 * 1000, rel=0.1)
    assert stack.truth.injection_w(100) == pytest.approx(3000, abs=200)


def test_inverters_that_sleep_off_the_network_join_when_they_wake() -> None:
    """CRD-ABN-2."""
    sun = {"ramps": [[0, 0.0], [20, 0.0], [60, 0.6]]}
    site = twin(ders=MIXED, load=[{"constant": 4000}], sun=sun)

    async def story(stack: Stack) -> None:
        for name in ("inv1", "inv2"):
            stack.inject(name, "down")
        stack.start()
        await stack.until(24)
        stack.inject("inv1", "up")
        await stack.until(28)
        stack.inject("inv2", "up")
        await stack.until(80)

    stack = play(story, site)
    assert {e.source_id for e in stack.told(EventKind.IDENTIFIED)} == {"poi", "inv1", "inv2", "inv3"}
    assert stack.truth.beyond(0.0, tolerance_w(site)) == []
    assert stack.truth.injection_w(80) == pytest.approx(4000, abs=200)


@pytest.mark.parametrize("limit_w", [0.0, 3000.0])
def test_sigterm_leaves_every_der_at_its_share_of_the_safe_set(limit_w: float) -> None:
    site = twin(limit_w=limit_w, ders=MIXED, load=[{"steps": [[0, 6000], [21, 0]]}])

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(20)
        began_s = stack.now_s
        await stack.stop()
        assert stack.now_s - began_s < 0.5
        await stack.until(50)

    stack = play(story, site)
    assert stack.truth.injection_w(19) > 5000
    assert stack.events[-1].kind is EventKind.STOPPED
    assert stack.events[-1].text == "every DER left at its safe cap"
    for at_s in (25.0, 50.0):
        shares_w = [stack.truth.at(f"{part.id}_injection_w", at_s) for part in site.ders]
        assert sum(shares_w) <= limit_w + 1.0
        assert shares_w == pytest.approx([0.985 * limit_w * w for w in (0.5, 0.3, 0.2)], abs=30 + 0.01 * limit_w)
    assert stack.truth.beyond(limit_w, tolerance_w(site), 23.0) == []


def test_sigterm_with_a_dead_der_ends_in_time_and_says_which() -> None:
    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(15)
        stack.inject("inv2", "silent")
        began_s = stack.now_s
        await stack.stop()
        assert stack.now_s - began_s <= 3.5
        await stack.run(3)

    stack = play(story, twin(ders=MIXED, load=[{"constant": 5000}]))
    assert stack.events[-1].text.endswith("could not be left safe: inv2")
    assert stack.truth.at("inv1_injection_w", stack.truth.rows[-1][0]) <= 1


def test_after_kill_704_falls_to_its_armed_share_and_123_holds_its_last_cap_and_status_said_so() -> None:
    """CRD-ABN-1, SW-IMPL."""
    site = twin(ders=[inverter("inv1", 5000), inverter("inv2", 5000, control=704)], load=[{"constant": 6000}])
    said: list[str] = []

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(20)
        assert stack.controller is not None
        said.extend(stack.controller.status()["protections"])
        await stack.kill()
        await stack.until(45)

    stack = play(story, site)
    held_w = stack.truth.at("inv1_injection_w", 20)
    assert stack.truth.at("inv2_injection_w", 20) > 2500
    assert stack.truth.at("inv1_injection_w", 45) == pytest.approx(held_w, abs=30)
    assert stack.truth.at("inv2_injection_w", 20 + REVERSION_S + slowest_fall_s(site, 3000)) <= 50
    assert "inv1 does not fall back when this controller dies: it will hold" in said
    assert not any(line.startswith("inv2 does not fall back") for line in said)
    assert not stack.told(EventKind.STOPPED)


@pytest.mark.parametrize("control", [123, 704])
@pytest.mark.parametrize("pause_s", [1.0, 25.0])
def test_after_kill_and_restart_it_produces_again_without_help_and_knows_its_own_limits(
    control: int, pause_s: float, tmp_path: Path
) -> None:
    """With the real journal: the intents of a run that was killed explain what is found on the devices."""
    site = twin(ders=[inverter("inv1", 6000, control=control), inverter("inv2", 4000)], load=[{"constant": 6000}])

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(20)
        await stack.kill()
        await stack.run(pause_s)
        stack.start()
        await stack.run(30)

    stack = play(story, site, journal=lambda clock: SqliteJournal(tmp_path, clock))
    assert set(stack.faults()) == {"METER_LOST"}
    assert len(stack.told(EventKind.STARTED)) == 2
    assert stack.truth.beyond(0.0, tolerance_w(site), 10.0) == []
    assert stack.truth.injection_w(20) == pytest.approx(6000, abs=200)
    assert stack.truth.injection_w(50 + pause_s) == pytest.approx(6000, abs=200)
