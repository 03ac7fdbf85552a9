"""Watchdogs of the controller on virtual time, restarts that come too often, and every order in which a site boots."""

import asyncio
import itertools

import pytest

from pcs.core import conditions
from pcs.io.starts import STORM_STARTS
from pcs.runtime.alive import KNOWN_WITHIN_S
from pcs.runtime.controller import Controller
from tests.simulation.bounds import response_s, tolerance_w
from tests.simulation.stack import Stack, inverter, play, twin

MIXED = [inverter("inv1", 5000), inverter("inv2", 5000, control=704, telemetry_phase_s=0.71)]
SETTLED_S = 45.0
HELD_S = 60.0


class Keeper:
    """A watchdog that notes when it was fed."""

    def __init__(self) -> None:
        self.fed_s: list[float] = []
        self.starved: list[str] = []

    def feed(self, now_s: float, status: str) -> None:
        self.fed_s.append(now_s)

    def starve(self, why: str) -> None:
        self.starved.append(why)

    def longest_pause_s(self, from_s: float, to_s: float) -> float:
        times = [from_s, *(at_s for at_s in self.fed_s if from_s < at_s < to_s), to_s]
        return max(b - a for a, b in itertools.pairwise(times))


@pytest.mark.parametrize("fault", ["silent", "down", "nan", "frozen"])
def test_a_meter_that_is_lost_for_minutes_does_not_starve_the_watchdog(fault: str) -> None:
    """A restart would not bring it back: the fail-safe holds, and the storm that would follow helps nobody."""
    keeper = Keeper()

    async def story(stack: Stack) -> None:
        stack.start(watchdog=keeper)
        await stack.until(15)
        stack.inject("poi", fault)
        await stack.until(90)

    play(story, twin(ders=MIXED))
    assert keeper.longest_pause_s(1, 90) < 1.0
    assert keeper.starved == []


def test_a_meter_that_was_never_there_does_not_starve_the_watchdog() -> None:
    keeper = Keeper()

    async def story(stack: Stack) -> None:
        stack.inject("poi", "down")
        stack.start(watchdog=keeper)
        await stack.until(60)

    play(story, twin(ders=MIXED))
    assert keeper.longest_pause_s(1, 60) < 1.0


def test_a_meters_task_that_hangs_starves_the_watchdog_in_time_and_is_named() -> None:
    """Steps go on without it; nothing but the watchdog would ever notice that nobody asks the meter any more."""
    keeper = Keeper()

    async def story(stack: Stack) -> None:
        stack.start(watchdog=keeper)
        await stack.until(15)
        assert stack.controller is not None
        device = stack.controller._meters[0]

        async def hang() -> object:
            await asyncio.Event().wait()
            raise AssertionError

        device.measure = hang  # type: ignore[method-assign,assignment]
        await stack.until(15 + KNOWN_WITHIN_S + 20)

    play(story, twin(ders=MIXED))
    assert keeper.fed_s[-1] == pytest.approx(15 + KNOWN_WITHIN_S, abs=1.0)
    assert "poi" in keeper.starved[0]


def test_steps_that_no_longer_complete_starve_the_watchdog_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper()

    async def story(stack: Stack) -> None:
        stack.start(watchdog=keeper)
        await stack.until(15)

        async def stuck(_: float) -> None:
            await asyncio.Event().wait()

        assert isinstance(stack.controller, Controller)
        monkeypatch.setattr(stack.controller._inbox, "wait", stuck)
        await stack.until(40)

    play(story, twin(ders=MIXED))
    assert keeper.fed_s[-1] == pytest.approx(15, abs=0.3)


def test_a_start_after_too_many_restarts_is_held_in_the_safe_set_says_so_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Held for a minute here; how long it is otherwise decides nothing else."""
    monkeypatch.setattr(conditions, "HELD_S", HELD_S)
    site = twin(ders=MIXED, load=[{"constant": 4000}])
    said: list[str] = []

    async def story(stack: Stack) -> None:
        stack.start(storm=f"started {STORM_STARTS} times")
        await stack.until(HELD_S - 5)
        assert stack.controller is not None
        said.append(str(stack.controller.status()["faults"]))
        await stack.until(HELD_S + SETTLED_S)

    stack = play(story, site)
    assert "RESTARTS" in stack.faults("controller")
    assert f"started {STORM_STARTS} times" in said[0]
    held = [stack.truth.injection_w(at_s) for at_s in (20.0, 40.0, HELD_S - 5)]
    assert held == pytest.approx([0.0] * 3, abs=60)
    assert stack.truth.injection_w(HELD_S + SETTLED_S) == pytest.approx(4000, abs=200)
    assert stack.truth.beyond(0.0, tolerance_w(site), 5.0) == []


ORDERS = {
    "DERs boot first": {"gateway": 40.0, "poi": 0.0, "inv1": 0.0, "inv2": 0.0},
    "gateway boots first": {"gateway": 0.0, "poi": 40.0, "inv1": 20.0, "inv2": 60.0},
    "meter boots last": {"gateway": 10.0, "poi": 60.0, "inv1": 0.0, "inv2": 20.0},
    "meter boots first": {"gateway": 30.0, "poi": 0.0, "inv1": 10.0, "inv2": 45.0},
}


@pytest.mark.parametrize(("order", "limit_w"), [*((order, 0.0) for order in ORDERS), ("DERs boot first", 3000.0)])
def test_in_whatever_order_a_site_boots_the_limit_holds_from_the_controllers_first_word_on(
    order: str, limit_w: float
) -> None:
    """Before the controller runs nothing of it can hold; from then on only what it has not yet met may inject.

    A DER that the network does not show counts as its own fall-back says: here the limit is checked from the moment
    at which gateway and DER were both there, and their own response later.
    """
    site = twin(limit_w=limit_w, ders=MIXED, load=[{"constant": 4000}])
    boots_s = ORDERS[order]

    async def story(stack: Stack) -> None:
        for name in ("poi", "inv1", "inv2"):
            if boots_s[name]:
                stack.inject(name, "down")
        for name, at_s in sorted(boots_s.items(), key=lambda item: item[1]):
            await stack.until(max(at_s, stack.now_s))
            if name == "gateway":
                stack.start()
            elif at_s:
                stack.inject(name, "up")
        await stack.until(max(boots_s.values()) + SETTLED_S)

    stack = play(story, site)
    both_s = max(boots_s["gateway"], boots_s["inv1"], boots_s["inv2"])
    within_s = 5.0 + response_s(site, 10_000)  # identification backs off to 5 s
    assert stack.truth.beyond(limit_w, tolerance_w(site), both_s + within_s) == []
    end_s = max(boots_s.values()) + SETTLED_S
    assert stack.truth.injection_w(end_s) == pytest.approx(min(9500, 4000 + limit_w), abs=250)


def test_while_the_meter_is_the_last_to_boot_the_ders_wait_in_the_safe_set() -> None:
    ready_s = 60.0
    site = twin(ders=MIXED, load=[{"constant": 4000}])

    async def story(stack: Stack) -> None:
        stack.inject("poi", "down")
        stack.start()
        await stack.until(ready_s)
        stack.inject("poi", "up")
        await stack.until(ready_s + SETTLED_S)

    stack = play(story, site)
    assert stack.truth.injection_w(ready_s - 1) == pytest.approx(0.0, abs=60)
    assert stack.truth.beyond(0.0, tolerance_w(site), 5.0 + response_s(site, 10_000)) == []
    assert stack.truth.injection_w(ready_s + SETTLED_S) == pytest.approx(4000, abs=250)
