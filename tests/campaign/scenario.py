"""From a seed to a whole run: a site, its load and sun, and what goes wrong when. Nothing here runs.

Every run has a stretch in which anything may happen and then a quiet one, in which load and sun rest, every fault is
over, and production has to come back by itself.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from hil.rig.link_fault import RTU_ONLY, TCP_ONLY
from hil.rig.twin_file import TwinFile
from tests.campaign import happenings as table
from tests.campaign.happenings import Costs, Happening, Kind, Seam

EVENTFUL_S = 190.0
QUIET_S = 110.0
"""A wrong sign is tried again after 60 s, then caps rise at the probation slew: 5 %/s at worst, 20 s."""
STARTS_S = 12.0
"""A fault before this is one at start: until a site is met, verified and produces takes so long."""
Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One run. `stirs`: when load, sun or limits move (from, to): what follows may exceed a limit for a time."""

    seed: int
    twin: TwinFile
    happenings: tuple[Happening, ...]
    stirs: tuple[Span, ...]
    until_s: float = EVENTFUL_S + QUIET_S
    needs_file: bool = False

    @property
    def quiet_from_s(self) -> float:
        """From here on nothing happens any more."""
        return self.until_s - QUIET_S


def scenario(seed: int) -> Scenario:
    """The run of this seed."""
    random = Random(f"campaign:{seed}")
    ders = [_der(random, k) for k in range(random.randint(1, 4))]
    injects_w = sum(d["nameplate_w"] for d in ders if d["kind"] != "evse")
    draws_w = sum(_draw_w(d) for d in ders)
    update_s = random.choice([0.1, 0.2, 0.5, 1.0])
    load_w, load_stirs = _load(random, 0.9 * injects_w + 2000.0)
    sun, sun_stirs = _sun(random)
    demand_stirs: list[Span] = []
    for d in ders:
        key = {"battery": "wish_w", "evse": "demand_w"}.get(d["kind"])
        if key:
            d[key], stirs = _wish(random, d)
            demand_stirs += stirs
    twin = TwinFile.model_validate(
        {
            "schema": "hil.twin/1",
            "site": {"name": f"campaign {seed}", "system": "wye", "nominal_v": 230, "nominal_hz": 50},
            "seed": seed,
            "meters": [_meter(random, update_s)],
            "ders": ders,
            "load": [{"steps": load_w}],
            "sun": sun,
            "limits": _limits(random, injects_w, draws_w, max(w for _, w in load_w)),
        }
    )
    return Scenario(
        seed=seed,
        twin=twin,
        happenings=_happenings(random, twin),
        stirs=tuple(sorted([*load_stirs, *sun_stirs, *demand_stirs])),
    )


def _meter(random: Random, update_s: float) -> dict[str, Any]:
    meter = {
        "id": "poi",
        "update_s": update_s,
        "averaging_s": random.choice([0.5, 1.0]) * update_s,
        "phase_s": round(random.uniform(0.0, update_s), 3),
        "noise_w": random.choice([0, 4, 15]),
        "reply_s": 0.005,
        "reply_jitter_s": 0.002,
        "registers": random.choice(["int", "float"]),
    }
    if random.random() < 0.2:
        meter |= {"profile": "eastron/sdm630", "link": "rtu+tcp://127.0.0.1:0?baud=19200"}
    return meter


def _der(random: Random, number: int) -> dict[str, Any]:
    kind = random.choice(["pv", "pv", "pv", "battery", "evse"]) if number else random.choice(["pv", "pv", "battery"])
    der: dict[str, Any] = {
        "id": f"{kind}{number}",
        "kind": kind,
        "reply_s": random.choice([0.005, 0.01, 0.05]),
        "reply_jitter_s": 0.005,
        "telemetry_s": random.choice([0.2, 0.5, 1.0]),
        "telemetry_phase_s": round(random.uniform(0.0, 1.0), 3),
        "gain_error_pct": random.choice([0.0, 0.0, 1.5, -2.0]),
    }
    if kind == "evse":
        profile = random.choice(["amperfied/connect", "alfen/ng9xx"])
        slow = {"dead_time_s": random.uniform(0.3, 4.0), "dead_jitter_s": random.choice([0.0, 1.5])}
        slow |= {"time_constant_s": random.uniform(0.2, 2.0), "telemetry_s": random.choice([0.5, 1.0, 2.0])}
        return der | {"profile": profile, "most_a": 16, "nameplate_w": 11040.0, "step_a": 0.1} | slow
    der |= {"dead_time_s": random.uniform(0.05, 0.9), "time_constant_s": random.uniform(0.06, 0.9)}
    der |= {"nameplate_w": random.choice([3000.0, 5000.0, 10_000.0, 30_000.0])}
    if random.random() < 0.3:
        der |= {"ramp_down_pct_s": random.choice([25.0, 100.0]), "ramp_up_pct_s": random.choice([20.0, 100.0])}
    if kind == "pv" and random.random() < 0.25:
        return der | {"profile": "solaredge/edpc"}
    der |= {"control": random.choice([123, 704]), "registers": random.choice(["int", "float"])}
    if kind == "battery":
        der |= {"capacity_wh": 5.0 * der["nameplate_w"], "charge_w": 0.8 * der["nameplate_w"], "soc_pct": 50.0}
    return der


def _draw_w(der: dict[str, Any]) -> float:
    return float({"battery": der.get("charge_w", 0.0), "evse": der["nameplate_w"]}.get(der["kind"], 0.0))


def _load(random: Random, most_w: float) -> tuple[list[list[float]], list[Span]]:
    """Levels, and now and then a pulse of a second or two."""
    at_s, steps = 0.0, [[0.0, round(random.uniform(0.1, 1.0) * most_w)]]
    while (at_s := at_s + random.choice([3.0, 9.0, 18.0, 30.0]) * random.uniform(1.0, 1.5)) < EVENTFUL_S - 5.0:
        steps.append([round(at_s, 2), round(random.choice([0.05, 0.3, 0.6, 1.0]) * random.uniform(0.5, 1.0) * most_w)])
        if random.random() < 0.2:
            steps.append([round(at_s + random.uniform(0.3, 2.5), 2), steps[-2][1]])
    return steps, [(t, t) for t, _ in steps]


def _sun(random: Random) -> tuple[dict[str, Any], list[Span]]:
    """Constant, steps, clouds with edges of some seconds, or a dawn."""
    shape = random.choice(["constant", "steps", "clouds", "dawn"])
    if shape == "constant":
        return {"constant": random.choice([0.3, 0.8, 1.0])}, [(0.0, 0.0)]
    if shape == "steps":
        at = sorted(random.uniform(5.0, EVENTFUL_S - 5.0) for _ in range(random.randint(1, 5)))
        steps = [[0.0, 0.9], *([round(t, 2), round(random.uniform(0.0, 1.0), 3)] for t in at)]
        return {"steps": _rising(steps)}, [(t, t) for t, _ in steps]
    if shape == "dawn":
        from_s = random.uniform(10.0, 60.0)
        return {"ramps": [[0.0, 0.0], [from_s, 0.0], [from_s + 100.0, 0.8]]}, [(from_s, from_s + 100.0)]
    ramps, stirs, at_s = [[0.0, 0.95]], [(0.0, 0.0)], 5.0
    while (at_s := at_s + random.uniform(6.0, 40.0)) < EVENTFUL_S - 30.0:
        down_s, low_s, up_s = random.uniform(1.0, 8.0), random.uniform(1.0, 8.0), random.uniform(1.0, 8.0)
        low = round(random.uniform(0.1, 0.6), 3)
        times = (at_s, at_s + down_s, at_s + down_s + low_s, at_s + down_s + low_s + up_s)
        ramps += [[round(t, 2), v] for t, v in zip(times, (0.95, low, low, 0.95), strict=True)]
        stirs.append((times[0], times[3]))
        at_s = times[3]
    return {"ramps": ramps}, stirs


def _wish(random: Random, der: dict[str, Any]) -> tuple[dict[str, Any], list[Span]]:
    """What storage or a car would do by itself: a few levels. A car does not give back."""
    low, high = (0.0, der["nameplate_w"]) if der["kind"] == "evse" else (-der["charge_w"], der["nameplate_w"])
    at = sorted(random.uniform(5.0, EVENTFUL_S - 5.0) for _ in range(random.randint(0, 3)))
    steps = [[round(t, 2), round(random.choice([low, 0.0, 0.5 * high, high]))] for t in (0.0, *at)]
    return {"steps": _rising(steps)}, [(t, t) for t, _ in steps]


def _rising(steps: list[list[float]]) -> list[list[float]]:
    """Of steps at one instant the last."""
    return [[t, v] for t, v in dict(steps).items()]


def _limits(random: Random, injects_w: float, draws_w: float, load_w: float) -> list[dict[str, Any]]:
    export = {"direction": "export", "value": round(random.choice([0.0, 0.0, 0.15, 0.4]) * injects_w)}
    into = {"direction": "import", "value": round(random.choice([0.0, 0.3, 0.8]) * (load_w + draws_w))}
    if draws_w == 0.0:
        return [export]
    drawn = random.choice([[export], [into], [export, into]])
    if sum(limit["value"] for limit in drawn) == 0:  # no room between the two: no site file may ask for that
        return drawn[:1]
    return drawn


def _happenings(random: Random, twin: TwinFile) -> tuple[Happening, ...]:
    """One to four faults; some at start, some together."""
    found = []
    for _ in range(random.choice([1, 1, 2, 3, 4])):
        at_start = random.random() < 0.2
        at_s = random.uniform(0.0, STARTS_S) if at_start else random.uniform(STARTS_S, EVENTFUL_S - 35.0)
        found.append(_happening(random, twin, round(at_s, 3)))
    return tuple(sorted(found, key=lambda h: h.at_s))


def _happening(random: Random, twin: TwinFile, at_s: float) -> Happening:
    seam = random.choice([Seam.LINK, Seam.LINK, Seam.LINK, Seam.METER, Seam.DEVICE, Seam.DEVICE, *Seam])
    meter, ders = twin.meters[0], [d.id for d in twin.ders]
    on, kinds = "", {Seam.CLOCK: table.CLOCK, Seam.PROCESS: table.PROCESS, Seam.DISK: table.DISK}.get(seam, ())
    if seam is Seam.METER:
        on, kinds = meter.id, table.METER
    elif seam is Seam.DEVICE:
        on, kinds = random.choice(ders), table.DEVICE
    elif seam is Seam.LINK:
        on = random.choice([meter.id, *ders])
        part = meter if on == meter.id else next(d for d in twin.ders if d.id == on)
        wrong = TCP_ONLY if part.where.is_rtu else RTU_ONLY
        kinds = tuple(k for k in (table.METER_LINK if on == meter.id else table.DER_LINK) if k.name not in wrong)
    kind = random.choice(kinds)
    return Happening(
        kind=kind,
        at_s=at_s,
        lasts_s=round(random.choice([0.2, 1.0, 3.0, 8.0, kind.longest_s]) * random.uniform(0.8, 1.2), 3)
        if kind.longest_s
        else 0.0,
        on=on,
        amount=_amount(random, kind),
        every=random.choice([1, 1, 2, 5]) if seam is Seam.LINK and kind.name not in WHOLE else 1,
    )


WHOLE = ("down", "half_open", "endless", "deaf", "silent")
"""Faults of a link that are not those of one reply."""


def _amount(random: Random, kind: Kind) -> float:
    """Seconds of a delay, watts or percent of a limit, seconds of a clock: what the kind needs."""
    match kind.name:
        case "slow":
            return random.choice([0.1, 0.3, 0.7, 1.5])
        case "averaging" | "update":
            return random.choice([2.0, 5.0])
        case "writer_lower" | "clamps":
            return random.choice([10.0, 35.0])
        case "clock_step":
            return random.choice([5.0, 3600.0, 86400.0])
        case "clock_back":
            return -random.choice([5.0, 3600.0, 86400.0])
        case "clock_drift":
            return random.choice([2e-4, -2e-4, 0.01])
        case _:
            return 0.0


__all__ = ["Costs", "Scenario", "scenario"]
