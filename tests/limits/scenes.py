"""The scenes of docs/limits.md as data: a plant, what it is limited to, and what happens to it when.

Steps lie a little beside the whole second, so that no meter takes its sample at the very instant of a step.
"""

from dataclasses import dataclass, field
from typing import Any

from hil.rig.twin_file import TwinFile
from tests.simulation.stack import inverter, twin

STEP_S = 0.02
"""Of the plant: the distance of two rows of truth, and so the resolution of every time on the page."""
FROM_S = 12.0
"""Judged from here on: before it the controller meets its devices and comes down from what it found."""
LOAD: list[list[float]] = [[0, 6000], [20.04, 1000], [34.07, 5000], [48.02, 1500]]
ASKED_S = 75.0
"""After a minute under a set point the controller asks a battery for its own wish; storage is watched past that."""
LONGEST_STEP_S = 12.0
"""A restricting step is over by then; a release lasts until the next step."""
FALLS_S = (20.04, 48.02)
RISES_S = (34.07,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What may not be exceeded. `kind`: export, import, phase (export of each), from_ess, to_ess, no_exchange, busbar.

    `value` is in W, of a busbar in A; `wording` says it on the page.
    """

    kind: str
    value: float
    wording: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One row of the table: a site, its limit, and when it is stepped towards it (`restricts_s`) and away from it.

    `answers`: the DERs whose output is the response; empty: all that are controlled. `is_yielding`: sources alone are
    limited, so that what an all-knowing controller would deliver is plain.
    """

    name: str
    plant: str
    bound: Bound
    site: TwinFile
    until_s: float = 62.0
    restricts_s: tuple[float, ...] = FALLS_S
    releases_s: tuple[float, ...] = RISES_S
    answers: tuple[str, ...] = ()
    is_yielding: bool = True

    @property
    def answering(self) -> tuple[str, ...]:
        """The DERs whose output is the response."""
        return self.answers or tuple(part.id for part in self.site.ders if part.controlled)

    def end_s(self, at_s: float) -> float:
        """When the step at an instant is over."""
        later = min((t for t in (*self.restricts_s, *self.releases_s, self.until_s) if t > at_s), default=self.until_s)
        return min(later, at_s + LONGEST_STEP_S) if at_s in self.restricts_s else later


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usual:
    """A site of `tests.simulation.stack.twin` with rows of truth close enough for response times."""

    more: dict[str, Any] = field(default_factory=dict)

    def made(self, limit_w: float = 0.0) -> TwinFile:
        return twin(limit_w=limit_w, **{"step_s": STEP_S, "load": [{"steps": LOAD}], **self.more})


def _export(value: float) -> Bound:
    return Bound(kind="export", value=value, wording=f"export {value / 1000:g} kW")


def _pv(name: str, plant: str, limit_w: float = 0.0, /, **more: Any) -> Scene:
    """PV alone behind an export limit, with the usual steps of the load."""
    return Scene(name=name, plant=plant, bound=_export(limit_w), site=_Usual(more=more).made(limit_w))


def _battery(**more: Any) -> dict[str, Any]:
    """A battery of a twin that wishes for more than it may."""
    usual = {"nameplate_w": 5000, "capacity_wh": 10_000, "control": 704, "dead_time_s": 0.4, "telemetry_s": 0.2}
    return {"id": "bat1", "kind": "battery", **usual, "telemetry_phase_s": 0.13, **more}


def _quick() -> list[Scene]:
    ramps: dict[str, Any] = {"ramp_up_pct_s": 25, "ramp_down_pct_s": 25}
    late: dict[str, Any] = {"telemetry_s": 2.0, "telemetry_latency_s": 1.0}
    unequal = [inverter("inv1", 8000, **late), inverter("inv2", 5000, control=704, dead_time_s=0.6, **late)]
    fifty = [inverter(f"inv{k}", 50_000, telemetry_phase_s=0.2 * k) for k in (1, 2, 3)]
    slowest = inverter(dead_time_s=1.0, time_constant_s=1.0, ramp_up_pct_s=20, ramp_down_pct_s=20)
    whole = [{"steps": [[0, 9400], [20.04, 300], [34.07, 9400], [48.02, 300]]}]
    large = [{"steps": [[t, 20 * w] for t, w in LOAD]}]
    slow = {"update_s": 1.0, "averaging_s": 1.0}
    return [
        _pv("one", "one inverter, 10 kW"),
        _pv("late", "two unequal inverters, 8 and 5 kW; telemetry every 2 s, 1 s late", ders=unequal),
        _pv("gain_low", "one inverter; its telemetry says 85 % of the truth", ders=[inverter(telemetry_gain=0.85)]),
        _pv("gain_high", "one inverter; its telemetry says 115 % of the truth", ders=[inverter(telemetry_gain=1.15)]),
        _pv("ramp", "one inverter with ramps of 25 %/s", ders=[inverter(**ramps)]),
        _pv(
            "slowest",
            "the slowest inverter of its profile, and steps over nearly all it has",
            ders=[slowest],
            load=whole,
        ),
        _pv("meter_1s", "one inverter; a meter that averages and renews over 1 s", meter=slow),
        _pv("fifty", "three inverters of 50 kW", 10_000, ders=fifty, load=large, meter={"noise_w": 40}),
    ]


def _record(start_s: float) -> dict[str, Any]:
    """The solar record from `start_s` on; its maximum of 499.68 is 95 % of nameplate."""
    return {"record": {"file": "solar-one-day-1s.csv", "column": "sun", "start_s": start_s, "scale": 0.95 / 499.68}}


def _restless() -> list[Scene]:
    """Sun and load that do not wait for an answer."""
    clouds = [inverter("inv1", 6000, sun=_record(14_666)), inverter("inv2", 6000, sun=_record(14_651))]
    cloudy = _Usual(more={"ders": clouds, "load": [{"constant": 5000}]}).made(3000)
    edge = {"steps": [[0, 0.95], [25.04, 0.2], [45.03, 0.95]]}
    sharp = [inverter("inv1", 6000, sun=edge), inverter("inv2", 6000, telemetry_phase_s=0.71)]
    on_s = [12.03 + 10 * k for k in range(5)]
    pulses = [[0, 1000], *(pair for t in on_s for pair in ([t, 6000], [t + 4, 1000]))]
    pulsing = _Usual(more={"load": [{"steps": pulses}]}).made()
    return [
        Scene(
            name="cloud_edge",
            plant="two inverters of 6 kW; clouds of a solar record pass over the second 15 s later",
            bound=_export(3000),
            site=cloudy,
            until_s=95.0,
            restricts_s=(),
            releases_s=(),
        ),
        Scene(
            name="sharp_edge",
            plant="the same two; the sun of the first falls to a fifth at once, and returns 20 s later at once",
            bound=_export(3000),
            site=_Usual(more={"ders": sharp, "load": [{"constant": 5000}]}).made(3000),
            until_s=70.0,
            restricts_s=(),
            releases_s=(),
        ),
        Scene(
            name="pulsing",
            plant="one inverter; a load of 5 kW, 4 s on and 6 s off",
            bound=_export(0),
            site=pulsing,
            restricts_s=tuple(t + 4 for t in on_s),
            releases_s=tuple(on_s),
        ),
    ]


def _conductors_and_sources() -> list[Scene]:
    phases = [inverter(f"inv{k}", 4000, connection=f"L{k}N", telemetry_phase_s=0.2 * k) for k in (1, 2, 3)]
    loads = [
        {"connection": "L1N", "steps": [[0, 2500], [20.04, 500], [34.07, 2500]]},
        {"connection": "L2N", "constant": 1500},
        {"connection": "L3N", "steps": [[0, 3000], [48.02, 600]]},
    ]
    per_phase = {"point": "poi", "direction": "export", "quantity": "w", "value": 300, "basis": "phase"}
    old = inverter("old", 3000, controlled=False)
    return [
        Scene(
            name="per_phase",
            plant="three single-phase inverters of 4 kW, one on each conductor",
            bound=Bound(kind="phase", value=300, wording="export 0.3 kW on each phase"),
            site=_Usual(more={"ders": phases, "load": loads, "limits": [per_phase]}).made(),
        ),
        _pv(
            "uncontrolled",
            "one inverter beside an old one of 3 kW that nobody controls",
            3000,
            ders=[inverter(), old],
        ),
    ]


def _limit(direction: str, value: float, scope: str = "all") -> list[dict[str, Any]]:
    return [{"point": "poi", "direction": direction, "quantity": "w", "value": value, "scope": scope}]


def _storage() -> list[Scene]:
    sun = {"constant": 0.3}
    charges, discharges = _battery(wish_w={"constant": -5000}), _battery(wish_w={"constant": 5000})
    both = _battery(wish_w={"steps": [[0, 5000], [34.07, -5000]]})
    rising = {"load": [{"steps": [[0, 1000], [20.04, 4500], [34.07, 1500], [48.02, 4000]]}]}
    surplus = {"load": [{"steps": [[0, 500], [20.04, 2000], [34.07, 500], [48.02, 2500]]}], "sun": sun}
    deficit = {"load": [{"steps": [[0, 6500], [20.04, 4000], [34.07, 7000], [48.02, 3800]]}], "sun": sun}
    to_and_fro = {"load": [{"steps": [[0, 6000], [20.04, 4000], [34.07, 500], [48.02, 2000]]}], "sun": sun}
    fed: dict[str, Any] = {"answers": ("bat1",), "is_yielding": False, "until_s": ASKED_S}
    return [
        Scene(
            name="site_import",
            plant="a battery of 5 kW that wants to charge",
            bound=Bound(kind="import", value=6000, wording="import 6 kW"),
            site=_Usual(more={"ders": [charges], "limits": _limit("import", 6000), **rising}).made(),
            **fed,
        ),
        Scene(
            name="to_storage",
            plant="a battery of 5 kW that wants to charge, beside PV that makes 3 kW",
            bound=Bound(kind="to_ess", value=0, wording="import to storage 0 (export only)"),
            site=_Usual(more={"ders": [inverter(), charges], "limits": _limit("import", 0, "ess"), **surplus}).made(),
            **fed,
        ),
        Scene(
            name="from_storage",
            plant="a battery of 5 kW that wants to discharge, beside PV that makes 3 kW",
            bound=Bound(kind="from_ess", value=0, wording="export from storage 0 (import only)"),
            site=_Usual(
                more={"ders": [inverter(), discharges], "limits": _limit("export", 0, "ess"), **deficit}
            ).made(),
            **fed,
        ),
        Scene(
            name="no_exchange",
            plant="a battery of 5 kW that wants to discharge, from 34 s on to charge, beside PV that makes 3 kW",
            bound=Bound(kind="no_exchange", value=0, wording="no exchange of storage"),
            site=_Usual(
                more={"ders": [inverter(), both], "limits": [], "modes": {"ess": "no_exchange"}, **to_and_fro}
            ).made(),
            **fed | {"releases_s": ()},
        ),
    ]


def _busbar() -> Scene:
    meters = [{"id": name, "noise_w": 4, "phase_s": 0.03 * k} for k, name in ((1, "poi"), (2, "sub"))]
    pv = inverter("pv1", 12_000, control=704, point="panel_b", telemetry_s=0.2)
    car = {
        "id": "ev1",
        "kind": "evse",
        "profile": "amperfied/connect",
        "most_a": 16,
        "step_a": 0.1,
        "point": "panel_b",
        "dead_time_s": 1.0,
        "dead_jitter_s": 0.0,
        "time_constant_s": 0.5,
        "telemetry_s": 0.5,
        "telemetry_phase_s": 0.19,
    }
    heater = {"connection": "L1N", "point": "panel_b", "steps": [[0, 0], [40.04, 4400], [52.04, 0]]}
    return Scene(
        name="busbar",
        plant="a subpanel with PV of 12 kW under little sun, a charger of 11 kW and a heater on one conductor",
        bound=Bound(kind="busbar", value=25, wording="busbar 25 A"),
        site=TwinFile.model_validate(
            {
                "schema": "hil.twin/1",
                "site": {"name": "simulation", "system": "wye", "nominal_v": 230, "nominal_hz": 50},
                "step_s": STEP_S,
                "points": [{"id": "panel_b", "kind": "busbar", "rating_a": 25}],
                "meters": [meters[0], meters[1] | {"point": "panel_b"}],
                "ders": [pv, car],
                "load": [{"constant": 500}, {"constant": 500, "point": "panel_b"}, heater],
                "sun": {"constant": 0.1},
                "limits": _limit("import", 20_000),
            }
        ),
        until_s=52.0,
        restricts_s=(40.04,),
        releases_s=(),
        answers=("ev1",),
        is_yielding=False,
    )


def scenes() -> tuple[Scene, ...]:
    """Every row of the table."""
    return (*_quick(), *_restless(), *_conductors_and_sources(), *_storage(), _busbar())


PREDICTED = ("one", "slowest", "meter_1s", "site_import")
"""Scenes whose sites `pcs check` is asked about."""


def boundary() -> Scene:
    """A limit that a schedule tightens from 20 s to 80 s: virtual time begins at 20:26:40 UTC."""
    window = {"from": "20:27", "to": "20:28", "value": 1000, "name": "evening"}
    limits = [{"point": "poi", "direction": "export", "quantity": "w", "value": 5000, "schedule": [window]}]
    return Scene(
        name="schedule_boundary",
        plant="one inverter, 10 kW, beside a load of 2 kW",
        bound=Bound(kind="export", value=5000, wording="export 5 kW, from 20 s to 80 s 1 kW"),
        site=_Usual(more={"limits": limits, "load": [{"constant": 2000}]}).made(),
        until_s=95.0,
        restricts_s=(),
        releases_s=(),
        is_yielding=False,
    )
