"""Excursions that lead to a lock-out, a loss of power in the middle, resets: the whole stack on virtual time.

One inverter whose link takes no writes (model 123 keeps its last limit), so that an excursion lasts as long as the
load is off.
"""

import pytest

from pcs.core.failsafe import Action
from pcs.model.event import EventKind
from pcs.model.lockout import (
    ExcursionRule,
    LockoutAction,
    LockoutRules,
    ResetRules,
    Who,
)
from pcs.model.preset import Preset
from tests.simulation.stack import Stack, play, twin

RESET_S = 60.0
LIMIT_W, LOAD_W = 3000.0, 8000.0
G100 = Preset(
    id="as uk-g100-2",
    lockout=LockoutRules(
        preset="as uk-g100-2",
        rules=(
            ExcursionRule(id="long", lasting_s=60.0),
            ExcursionRule(id="twice", lasting_s=15.0, count=2, window_s=600.0),
        ),
        action=LockoutAction.ZERO,
        reset=ResetRules(
            user_after_s=RESET_S, user_fewer_than=2, user_window_s=30 * 86_400.0, installer_after_s=RESET_S
        ),
    ),
)
"""As the preset, but for shorter waiting times."""
SITE = {"limit_w": LIMIT_W, "load": [{"constant": LOAD_W}]}


async def settle(stack: Stack) -> None:
    """A controller that has come to rest, its wiring verified by the movements of the start."""
    stack.start()
    await stack.run(60.0)


def load_w(stack: Stack, watts: float) -> None:
    """The host load from now on (W)."""
    stack.site.plant.set_load(stack.site.now_s(), 0, watts)


async def excursion(stack: Stack, seconds: float) -> None:
    """The inverter hears nothing while the load is off, for so long."""
    stack.inject("inv1", "deaf")
    load_w(stack, 0.0)
    await stack.run(seconds)
    stack.inject("inv1", "clear")
    load_w(stack, LOAD_W)
    await stack.run(20.0)


def seconds_locked(stack: Stack) -> list[float]:
    return [event.at.mono_s for event in stack.told(EventKind.LOCKED_OUT)]


def test_two_excursions_of_fifteen_seconds_end_at_nothing_and_stay_there() -> None:
    """G100-I2-ST: the second locks out while it lasts; after it the inverter stays at 0 W, whatever the load."""

    async def story(stack: Stack) -> None:
        await settle(stack)
        await excursion(stack, 20.0)
        assert not seconds_locked(stack)
        assert stack.told(EventKind.EXCURSION_COUNTED)
        await stack.run(100.0)
        await excursion(stack, 20.0)
        await stack.run(60.0)

    stack = play(story, twin(**SITE), preset=G100)
    (locked_s,) = seconds_locked(stack)
    begun_s = 60.0 + 20.0 + 20.0 + 100.0
    assert 14.8 <= locked_s - begun_s <= 16.5  # from the last sample that was inside
    assert stack.faults("lockout") == ["LOCKED_OUT"]
    assert stack.truth.injection_w(stack.truth.rows[-1][0]) == pytest.approx(0.0, abs=20.0)
    assert stack.controller is not None
    assert stack.controller.state.action is Action.SAFE


def test_an_ordinary_load_step_does_not_count() -> None:
    """G100-I2-ST: corrected in a second or two, it is no State 2."""

    async def story(stack: Stack) -> None:
        await settle(stack)
        for _ in range(5):
            load_w(stack, 0.0)
            await stack.run(20.0)
            load_w(stack, LOAD_W)
            await stack.run(20.0)

    stack = play(story, twin(**SITE), preset=G100)
    assert stack.told(EventKind.EXCURSION_ENDED)
    assert not stack.told(EventKind.EXCURSION_COUNTED)


def test_power_lost_between_two_excursions_forgets_neither() -> None:
    """G100-I2-NV."""

    async def story(stack: Stack) -> None:
        await settle(stack)
        await excursion(stack, 20.0)
        await stack.kill()
        await stack.run(50.0)
        await settle(stack)
        await excursion(stack, 20.0)

    assert len(seconds_locked(play(story, twin(**SITE), preset=G100))) == 1


def test_power_lost_in_the_middle_of_an_excursion_loses_none_of_its_time() -> None:
    """G100-I2-NV: 40 s before, and what is missing to 60 s after it; 0 W from then on."""

    async def story(stack: Stack) -> None:
        await settle(stack)
        stack.inject("inv1", "deaf")
        load_w(stack, 0.0)
        await stack.run(40.0)
        await stack.kill()
        await stack.run(5.0)
        stack.start()
        await stack.run(25.0)
        stack.inject("inv1", "clear")
        load_w(stack, LOAD_W)
        await stack.run(40.0)

    stack = play(story, twin(**SITE), preset=G100)
    (locked_s,) = seconds_locked(stack)
    assert 60.0 + 45.0 < locked_s <= 60.0 + 40.0 + 5.0 + 20.0 + 1.0
    assert stack.truth.injection_w(stack.truth.rows[-1][0]) == pytest.approx(0.0, abs=20.0)


def test_a_lock_out_survives_a_loss_of_power_and_its_time_stands_meanwhile() -> None:
    """G100-I2-NV, G100-I2-RST: an hour without power counts nothing; a reset that comes too early changes nothing."""

    async def story(stack: Stack) -> None:
        await settle(stack)
        await excursion(stack, 62.0)
        await stack.kill()
        await stack.run(3600.0)
        stack.start()
        await stack.run(30.0)
        assert stack.controller is not None
        assert stack.controller.status()["lockout"]["locked"]
        answer = stack.controller.reset_lockout(Who.USER)
        assert not answer["allowed"]
        assert answer["from_utc_s"] > stack.controller.status()["utc_s"]
        await stack.run(1.0)
        assert stack.controller.state.caps_w == (0.0,)
        await stack.run(RESET_S)
        assert stack.controller.reset_lockout(Who.USER)["allowed"]
        await stack.run(60.0)

    stack = play(story, twin(**SITE), preset=G100)
    assert [e.text.split(":")[0] for e in stack.told(EventKind.LOCKOUT_REFUSED)] == ["asked for by user"]
    assert len(stack.told(EventKind.LOCKOUT_ENDED)) == 1
    assert stack.truth.injection_w(stack.truth.rows[-1][0]) > LOAD_W, "production returns without other help"


def test_the_second_lock_out_of_a_month_is_for_the_installer() -> None:
    """G100-I2-RST: and status and explain say so."""

    async def story(stack: Stack) -> None:
        await settle(stack)
        for _ in range(2):
            await excursion(stack, 62.0)
            await stack.run(RESET_S)
            assert stack.controller is not None
            stack.controller.reset_lockout(Who.USER)
            await stack.run(60.0)
        told = stack.controller.explain()["lockout"]
        assert not told["reset"]["user"]["allowed"]
        assert "only the installer" in told["reset"]["user"]["why"]
        assert told["reset"]["installer"]["allowed"]
        stack.controller.reset_lockout(Who.INSTALLER)
        await stack.run(60.0)
        assert not stack.controller.status()["lockout"]["locked"]

    assert len(play(story, twin(**SITE), preset=G100).told(EventKind.LOCKOUT_ENDED)) == 2


def test_a_locked_out_controller_leaves_its_inverter_at_nothing() -> None:
    """G100-I2-NV: also where an end in good order would leave a share of the safe set."""

    async def story(stack: Stack) -> None:
        await settle(stack)
        await excursion(stack, 62.0)
        await stack.stop()
        await stack.run(20.0)

    stack = play(story, twin(**SITE), preset=G100)
    assert stack.truth.injection_w(stack.truth.rows[-1][0]) == pytest.approx(0.0, abs=20.0)
    assert stack.lockouts.record.locked is not None
    assert stack.lockouts.record.orderly
