"""The simulated site that a case needs, from the ratings of the rig's sheet: as little as the case can be done with.

One PV inverter, always; one battery where the case touches storage; chargers where a parameter says how many amperes;
further points where it limits them. The phases of
everything that has a period are drawn anew for each repeat: no step of a load meets a meter twice at the same instant.
"""

from math import ceil, sqrt
from random import Random
from typing import Any

from hil.profile.model import Case
from hil.profile.rig_sheet import RigSheet
from hil.profile.words import Role, Verb
from hil.rig.twin_file import TwinFile

PV, BATTERY, CHARGER = "pv1", "bat1", "ev"
POINTS = {"generation": "gen", "busbar": "bus", "conductor": "feeder"}
"""Limits that hold at a point of their own: everything of the site lies behind it, but for `gen` the DERs alone."""
METER_UPDATE_S = 0.2  # 10 or 12 cycles: the basic measurement interval of IEC 61000-4-30; window as long as that
TELEMETRY_S = 0.2  # SunSpec inverters renew their power some times a second
NOISE_W = 4.0  # on the meter of the site, standard deviation; twice the resolution of a class 1 meter at 8 kW
BATTERY_HOURS = 2.7  # of its rating, as the homes of docs/twin.md have it: 13.5 kWh behind 5 kW
SOC_PCT = 50.0
CHARGER_MOST_A = 32.0  # IEC 61851-1 and its profiles in firmware_config/ end there
_KINDS = {"generation": "net", "busbar": "busbar", "conductor": "conductor"}


def case_limits(case: Case) -> set[str]:
    """The limits that the case sets."""
    return {step.word("limit") for step in case.steps if step.verb is Verb.SET_LIMIT}


def has_storage(case: Case) -> bool:
    """Whether the case touches storage."""
    verbs = {step.verb for step in case.steps}
    watched = any(channel.startswith("ess.") for channel in case.record.channels)
    return (
        bool(verbs & {Verb.SET_STORAGE, Verb.SET_MODE}) or watched or any(n.endswith("_ess") for n in case_limits(case))
    )


def phase_v(sheet: RigSheet) -> float:
    """Conductor to neutral, V; of a delta conductor to conductor."""
    ratings = sheet.ratings
    if "phase_v" in ratings:
        return ratings["phase_v"].value
    nominal_v = ratings["nominal_v"].value
    return {"split": nominal_v / 2, "wye": nominal_v / sqrt(3)}.get(sheet.system, nominal_v)


def seed_of(case: Case, repeat: int) -> int:
    """One seed for each repeat of each case, the same on every machine."""
    return int(case.hash[:12], 16) ^ repeat


def twin_for(sheet: RigSheet, case: Case, repeat: int) -> TwinFile:
    """The twin of one run; no load, no sun and no wish: what sets them is the rig."""
    random = Random(f"{seed_of(case, repeat)}:phases")
    special = sorted(case_limits(case) & POINTS.keys())
    inner = next((POINTS[limit] for limit in special if limit != "generation"), "poi")
    ders_at = "gen" if "generation" in special else inner
    nameplate_w = sheet.ratings["der_nameplate"].value
    der: dict[str, Any] = {"control": 704, "telemetry_s": TELEMETRY_S, "point": ders_at}
    pv = der | {"id": PV, "nameplate_w": nameplate_w, "available_w": {"constant": 0}}
    ders = [pv | {"telemetry_phase_s": random.uniform(0.0, TELEMETRY_S)}]
    if has_storage(case):
        ess_w = sheet.ratings["ess_nameplate"].value
        storage = {"id": BATTERY, "kind": "battery", "nameplate_w": ess_w, "capacity_wh": ess_w * BATTERY_HOURS}
        ders.append(der | storage | {"soc_pct": SOC_PCT, "telemetry_phase_s": random.uniform(0.0, TELEMETRY_S)})
    names = ["poi", *(POINTS[limit] for limit in special)]
    ders += _chargers(case, inner)
    return TwinFile.model_validate(
        {
            "schema": "hil.twin/1",
            "site": {
                "name": sheet.id,
                "system": sheet.system,
                "nominal_v": phase_v(sheet),
                "nominal_hz": sheet.ratings["nominal_hz"].value if "nominal_hz" in sheet.ratings else 60.0,
            },
            "seed": seed_of(case, repeat),
            "points": [
                {"id": POINTS[limit], "kind": _KINDS[limit], "parent": inner if limit == "generation" else "poi"}
                for limit in special
            ],
            "meters": [_meter(name, random) for name in names],
            "ders": ders,
            "load": _loads(sheet, inner),
        }
    )


def _chargers(case: Case, point: str) -> list[dict[str, Any]]:
    """Chargers with a car in want of everything, where the case has a parameter `charger_a`: so many amperes together.

    No charger whose profile we have gives more than `CHARGER_MOST_A`.
    """
    most_a = next((float(one.value) for one in case.parameters if one.name == "charger_a"), 0.0)
    count = ceil(most_a / CHARGER_MOST_A)
    own = {"kind": "evse", "profile": "alfen/ng9xx", "point": point, "step_a": 0.1, "telemetry_s": 1.0}
    return [own | {"id": f"{CHARGER}{k + 1}", "most_a": most_a / count} for k in range(count)]


def _meter(name: str, random: Random) -> dict[str, Any]:
    own = {"id": name, "point": name, "phase_s": random.uniform(0.0, METER_UPDATE_S), "noise_w": NOISE_W}
    return own | {"update_s": METER_UPDATE_S, "averaging_s": METER_UPDATE_S, "reply_s": 0.005, "reply_jitter_s": 0.002}


def _loads(sheet: RigSheet, point: str) -> list[dict[str, Any]]:
    """A load on each conductor; in a delta, which has no neutral, one on all."""
    count = {"single": 1, "split": 2, "wye": 3}.get(sheet.system, 0)
    names = [f"L{k + 1}N" for k in range(count)] or ["L123"]
    load = sheet.roles.get(Role.AC_LOAD)
    most_w = load.ranges["range"].hi if load is not None else 0.0
    return [{"connection": name, "point": point, "constant": 0, "most_w": most_w / len(names)} for name in names]
