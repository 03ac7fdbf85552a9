"""Storage under SunSpec 704, whose draw only a set point bounds: what it wishes is found out, and nothing is left open.

Two batteries of 6 and 4 kW that wish to draw all they can, behind an import limit of 8 kW.
"""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from hil.rig.twin_file import TwinFile
from tests.simulation.bounds import response_s, tolerance_w
from tests.simulation.stack import Stack, inverter, play, twin

LIMIT_W = 8000.0
REVERSION_S, SETTLES_S = 10.0, 3.0


def batteries(
    *,
    wishes: list[dict[str, Any]] | None = None,
    ders: list[dict[str, Any]] | None = None,
    limit_w: float = LIMIT_W,
) -> TwinFile:
    """The site with 6 kW of load."""
    wish = wishes or [{"constant": -6000}, {"constant": -4000}]
    sizes = zip(("bat1", "bat2"), (6000.0, 4000.0), (0.37, 0.71), wish, strict=True)
    storage = [
        {
            "id": name,
            "kind": "battery",
            "nameplate_w": size_w,
            "capacity_wh": 8 * size_w,
            "control": 704,
            "telemetry_phase_s": phase_s,
            "reply_s": 0.01,
            "wish_w": wish_w,
        }
        for name, size_w, phase_s, wish_w in sizes
    ]
    meter = {"id": "poi", "update_s": 0.1, "averaging_s": 0.1, "noise_w": 4, "phase_s": 0.03, "reply_s": 0.005}
    return TwinFile.model_validate(
        {
            "schema": "hil.twin/1",
            "site": {"name": "wishes", "system": "wye", "nominal_v": 277},
            "meters": [meter],
            "ders": [*storage, *(ders or [])],
            "load": [{"constant": 6000}],
            "limits": [{"point": "poi", "direction": "import", "quantity": "w", "value": limit_w}],
        }
    )


def excursions_s(stack: Stack, from_s: float) -> list[float]:
    """How long each time beyond the import limit lasted that began after `from_s`."""
    k = stack.truth.columns.index("import_w")
    mirrored = replace(stack.truth, rows=tuple((*row[:k], -row[k], *row[k + 1 :]) for row in stack.truth.rows))
    return [b.lasted_s for b in mirrored.beyond(LIMIT_W, tolerance_w(stack.twin), from_s)]


def told_units(stack: Stack) -> list[str]:
    """The batteries in whose registers there is anything of ours."""
    units = {name: stack.site.plant.units[name] for name in ("bat1", "bat2")}
    return [name for name, unit in units.items() if any(slot.version for slot in unit.slots.values())]


@pytest.mark.parametrize("at_s", [0.165, 0.17, 0.175, 0.2, 0.35, 0.6, 1.0, 2.0, 4.75])
def test_killed_at_any_moment_a_battery_that_was_told_anything_rests_after_its_reversion(at_s: float) -> None:
    """CRD-ABN-1, CRD-ABN-6. Between two frames, too: the set point, which bounds both directions, goes first."""
    told: list[str] = []

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(at_s)
        told.extend(told_units(stack))
        await stack.kill()
        await asyncio.sleep(REVERSION_S + SETTLES_S)

    stack = play(story, batteries())
    end_s = at_s + REVERSION_S + SETTLES_S
    assert {name: round(stack.truth.at(f"{name}_injection_w", end_s), -1) for name in told} == dict.fromkeys(told, 0.0)
    assert told or at_s < 0.17, "the moments are those of the first commands"


@pytest.mark.parametrize("at_s", [2.0, 20.0])
def test_after_a_power_cut_hidden_wishes_are_asked_for_within_a_minute_one_after_the_other(at_s: float) -> None:
    """CRD-ABN-1. What rests after its reversion tells a new process nothing. Each question may cost one response."""

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(at_s)
        await stack.kill()
        await asyncio.sleep(REVERSION_S + SETTLES_S)
        stack.start()
        await stack.run(60.0)

    stack = play(story, batteries())
    asked_s = excursions_s(stack, at_s + REVERSION_S + SETTLES_S)
    assert len(asked_s) <= 2
    assert max(asked_s, default=0.0) <= 2.0
    assert stack.truth.at("import_w", at_s + REVERSION_S + SETTLES_S + 59.0) >= 0.95 * LIMIT_W


def test_batteries_that_do_not_wish_to_charge_any_more_are_not_kept_at_it_while_a_car_waits() -> None:
    """They were held at what the limit leaves them; nobody can see what they wish meanwhile."""
    turned = [{"steps": [[0, -6000], [30, 6000]]}, {"steps": [[0, -4000], [30, 4000]]}]
    car = {
        "id": "car",
        "kind": "evse",
        "profile": "alfen/ng9xx",
        "nameplate_w": 11_040.0,
        "most_a": 16,
        "step_a": 0.1,
        "demand_w": {"constant": 11_040},
    }

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(150.0)

    stack = play(story, batteries(wishes=turned, ders=[car], limit_w=14_000.0))
    assert stack.truth.at("bat1_injection_w", 149.0) > 0.0
    assert stack.truth.at("bat2_injection_w", 149.0) > 0.0
    assert stack.truth.at("car_injection_w", 149.0) < -5000.0


def test_a_battery_that_charges_by_its_own_wish_takes_the_sun_that_export_may_not_have() -> None:
    """A battery with 124 takes no set point; what it draws is a load for the sun beside it, until it draws no more."""
    storage = {
        "id": "bat",
        "kind": "battery",
        "nameplate_w": 5000.0,
        "capacity_wh": 40_000.0,
        "control": 123,
        "wish_w": {"steps": [[0, -4000], [60, 0]]},
    }
    site = twin(ders=[inverter("pv", 10_000, control=704), storage], load=[{"constant": 1000}])

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(90.0)

    stack = play(story, site)
    assert stack.truth.at("import_w", 59.0) < 500.0
    assert stack.truth.at("bat_injection_w", 59.0) == pytest.approx(-4000.0, abs=50.0)
    late = stack.truth.beyond(0.0, tolerance_w(site), 20.0)
    assert [b.lasted_s <= response_s(site, 4000.0) for b in late] == [True], "when it ends that is a step of load"
    assert -100.0 < stack.truth.at("import_w", 89.0) < 500.0
