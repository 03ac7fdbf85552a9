"""The DERs' rows of the fail-safe table, on the truth: the others make room, and what drops its limit gets it back."""

from pathlib import Path

import pytest

from hil.plant.orders import LimitOrder
from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.event import EventKind
from tests.simulation.bounds import response_s, slowest_fall_s, tolerance_w
from tests.simulation.stack import Stack, inverter, play, twin

FAILS_S, CLEARS_S, END_S = 18.03, 30.0, 50.0
SILENT_AFTER_S = 2.0
DEADLINE_S = 1.0  # of one request to an inverter, by its profile
TWO = [inverter("inv1", 6000), inverter("inv2", 4000, control=704, telemetry_phase_s=0.71)]


def failing(on: str, fault: str, seconds_s: float = 0.0, clears_s: float = CLEARS_S, end_s: float = END_S) -> object:
    """The story of a DER that fails once and comes back."""

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(FAILS_S)
        stack.inject(on, fault, seconds_s)
        await stack.until(clears_s)
        stack.inject(on, "clear")
        await stack.until(end_s)

    return story


@pytest.mark.parametrize("limit_w", [0.0, 3000.0])
@pytest.mark.parametrize("fault", ["silent", "down", "half_open", "busy", "garbage", "endless"])
def test_a_der_that_says_nothing_counts_with_its_nameplate_and_the_other_makes_room(fault: str, limit_w: float) -> None:
    """CRD-ABN-2, CRD-ABN-6: It holds its last cap in truth; the load falls below both, only the other can make room."""
    load = [{"steps": [[0, 5000], [FAILS_S + 6, 3500]]}]
    site = twin(limit_w=limit_w, ders=TWO, load=load)
    stack = play(failing("inv1", fault), site)  # type: ignore[arg-type]
    assert "DER_SILENT" in stack.faults("inv1")
    silent = stack.told(EventKind.FAULT_RAISED, "inv1")[0]
    assert silent.at.mono_s - FAILS_S <= SILENT_AFTER_S + DEADLINE_S + 0.3
    before = [b for b in stack.truth.beyond(limit_w, tolerance_w(site), 10.0) if b.from_s < CLEARS_S]
    assert all(b.lasted_s <= response_s(site, 1500) for b in before)
    made_room_s = silent.at.mono_s + 0.5 + slowest_fall_s(site, 4000)
    assert stack.truth.at("inv2_injection_w", made_room_s) <= max(0.0, 5000 + limit_w - 6000) + 100
    cleared = [dict(e.facts)["fault"] for e in stack.told(EventKind.FAULT_CLEARED, "inv1")]
    assert cleared.count("DER_SILENT") == 1
    assert set(cleared) <= {"DER_SILENT", "DER_UNWRITABLE"}
    assert stack.truth.injection_w(END_S) == pytest.approx(3500 + limit_w, abs=200)
    assert stack.truth.beyond(limit_w, tolerance_w(site), CLEARS_S) == []


@pytest.mark.parametrize("control", [123, 704])
@pytest.mark.parametrize("limit_w", [0.0, 3000.0])
def test_a_der_that_restarts_and_forgets_its_cap_is_told_again(control: int, limit_w: float) -> None:
    """CRD-ABN-6."""
    site = twin(limit_w=limit_w, ders=[inverter(control=control)], load=[{"constant": 2000}])
    stack = play(failing("inv1", "restart"), site)  # type: ignore[arg-type]
    beyond = stack.truth.beyond(limit_w, tolerance_w(site), 10.0)
    assert len(beyond) == 1
    assert beyond[0].lasted_s <= response_s(site, 7500 - limit_w)
    assert stack.truth.injection_w(END_S) == pytest.approx(2000 + limit_w, abs=200)


def test_a_der_that_is_off_after_its_restart_wakes_up_into_a_cap() -> None:
    """Nine seconds off and unlimited: its cap is written again before it feeds in."""
    site = twin(ders=[inverter()], load=[{"constant": 2000}])
    stack = play(failing("inv1", "restart", 9.0), site)  # type: ignore[arg-type]
    assert stack.truth.beyond(0.0, tolerance_w(site), 10.0) == []
    assert stack.truth.injection_w(END_S) == pytest.approx(2000, abs=200)


def test_a_cap_that_was_dropped_under_a_low_sun_is_found_missing_before_the_sun_comes() -> None:
    """CRD-CHK-1: Nothing moves when an unbound DER forgets its cap: only the verification can see it."""
    site = twin(ders=[inverter()], load=[{"constant": 4000}], sun={"steps": [[0, 0.2], [FAILS_S + 3, 0.9]]})
    stack = play(failing("inv1", "restart"), site)  # type: ignore[arg-type]
    assert "DER_RESTARTED" in stack.faults("inv1")
    assert stack.truth.beyond(0.0, tolerance_w(site), 10.0) == []
    assert stack.truth.injection_w(END_S) == pytest.approx(4000, abs=200)


def test_a_disobedient_der_is_named_and_the_other_one_makes_room() -> None:
    """Its registers show what was written; only the flow and its power tell."""
    load = [{"steps": [[0, 6000], [FAILS_S + 1, 4000]]}]
    site = twin(ders=TWO, load=load)
    stack = play(failing("inv1", "disobey", clears_s=36.0, end_s=60.0), site)  # type: ignore[arg-type]
    kept_w = stack.truth.at("inv1_injection_w", FAILS_S)
    assert "DER_DISOBEDIENT" in stack.faults("inv1")
    assert stack.truth.at("inv2_injection_w", 35.0) <= max(0.0, 4000 - kept_w)
    assert sum(b.lasted_s for b in stack.truth.beyond(0.0, tolerance_w(site), 10.0)) <= 12.0
    assert set(stack.faults()) <= {"METER_LOST", "DER_DISOBEDIENT", "CANNOT_HOLD"}
    assert stack.truth.injection_w(60.0) == pytest.approx(4000, abs=200)


def test_a_disobedient_der_alone_is_an_alarm_that_the_limit_cannot_be_held() -> None:
    site = twin(ders=[inverter()], load=[{"steps": [[0, 6000], [FAILS_S + 1, 1000]]}])
    stack = play(failing("inv1", "disobey"), site)  # type: ignore[arg-type]
    assert {"CANNOT_HOLD", "DER_DISOBEDIENT"} <= set(stack.faults())
    assert stack.truth.injection_w(END_S) == pytest.approx(1000, abs=200)


async def _second_writer(stack: Stack, limit_pct: float) -> None:
    stack.start()
    await stack.until(FAILS_S)
    stack.site.settle()
    unit = stack.site.plant.units["inv1"]
    unit.write(stack.now_s, LimitOrder(enabled=True, limit_pct=limit_pct))
    await stack.until(CLEARS_S)


def test_a_lower_limit_of_a_second_writer_stands_and_is_never_raised() -> None:
    site = twin(limit_w=3000.0, ders=TWO, load=[{"constant": 4000}])

    async def story(stack: Stack) -> None:
        await _second_writer(stack, 20.0)
        await stack.until(END_S)

    stack = play(story, site)
    assert stack.faults("inv1") == ["DER_SECOND_WRITER"]
    assert stack.truth.at("inv1_injection_w", END_S) <= 1200.0 + 1
    assert stack.truth.at("inv2_injection_w", END_S) == pytest.approx(3800.0, abs=10)
    assert stack.truth.beyond(3000.0, tolerance_w(site), 10.0) == []
    written = [c.limit_w for t, c in stack.commands if t > FAILS_S + 3 and c.der_id == "inv1"]
    assert all(w <= 1200.0 for w in written)


def test_a_higher_limit_of_a_second_writer_is_undone() -> None:
    site = twin(ders=TWO, load=[{"constant": 2000}])

    async def story(stack: Stack) -> None:
        await _second_writer(stack, 100.0)
        await stack.until(END_S)

    stack = play(story, site)
    beyond = stack.truth.beyond(0.0, tolerance_w(site), 10.0)
    assert len(beyond) <= 1
    assert all(b.lasted_s <= response_s(site, 4500) for b in beyond)
    assert stack.truth.injection_w(END_S) == pytest.approx(2000, abs=200)


@pytest.mark.parametrize("control", [123, 704])
def test_a_limit_that_was_there_before_us_is_honoured(control: int) -> None:
    site = twin(limit_w=3000.0, ders=[inverter(control=control)], load=[{"constant": 4000}])

    async def story(stack: Stack) -> None:
        stack.site.plant.units["inv1"].write(0.0, LimitOrder(enabled=True, limit_pct=35.0))
        stack.start()
        await stack.until(30)

    stack = play(story, site)
    assert stack.faults("inv1") == ["DER_FOREIGN_LIMIT"]
    assert stack.truth.injection_w(30) <= 3500 + 1
    assert stack.truth.injection_w(30) == pytest.approx(3500, abs=50)
    assert max(c.limit_w for _, c in stack.commands) <= 3500


@pytest.mark.parametrize("own", [False, True])
def test_a_limit_from_long_ago_that_somebody_sets_again_while_nobody_runs_is_his(tmp_path: Path, own: bool) -> None:
    """Confirmed and left behind by later ones, a limit of ours can no longer be on the device; the last one can."""
    site = twin(ders=[inverter("inv1", 6000)], load=[{"steps": [[0, 2000], [15, 4000]]}])
    was: dict[str, float] = {}

    async def story(stack: Stack) -> None:
        stack.start()
        unit = stack.site.plant.units["inv1"]
        for name, at_s in (("long ago", 14.0), ("last", 40.0)):
            await stack.until(at_s)
            told = [c.limit_w for t, c in stack.commands if c.der_id == "inv1"]
            was[name] = told[-1]
        await stack.kill()
        stack.site.settle()
        left_w = was["last" if own else "long ago"]
        unit.write(stack.now_s, LimitOrder(enabled=True, limit_pct=100.0 * left_w / 6000.0))
        stack.start()
        await stack.until(45.0)

    stack = play(story, site, journal=lambda clock: SqliteJournal(tmp_path, clock))
    assert was["last"] - was["long ago"] > 1000.0
    assert ("DER_FOREIGN_LIMIT" in stack.faults("inv1")) is not own
