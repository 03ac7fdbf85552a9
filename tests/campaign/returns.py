"""Whether production and draw return by themselves: what is held back at the end of a run, and reaches no limit."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from pcs.core.ders import WANT_GAIN, WANT_ROOM_SHARE
from pcs.core.wiring import BACKOFF_S
from pcs.model.command import LimitActivePower
from pcs.model.event import EventKind
from pcs.model.fault import FaultKind
from pcs.model.limit import Direction, Limit
from pcs.model.site import DerKind, DerSpec
from tests.campaign.bench import Played
from tests.campaign.happenings import Costs, Seam

RETURN_SHARE, RETURN_W = 0.08, 300.0
"""What margin, cushion and write economy may leave unused at the end."""
BY_SUN_SHARE = 0.02
"""Within 2 % of nameplate of what the sun gives no cap decides."""
LAST_S = 5.0
LEAST_DRAW_W = 4140.0  # 6 A on three conductors of 230 V: a car draws so much or nothing


class Unit(Protocol):
    """One DER of the hours of core and plant."""

    @property
    def spec(self) -> DerSpec: ...
    @property
    def wish(self) -> float: ...
    @property
    def gain(self) -> float: ...
    @property
    def injection_w(self) -> float: ...
    @property
    def foreign_w(self) -> float | None: ...
    @property
    def shown(self) -> LimitActivePower | None: ...


def production_returns_without_help(played: Played) -> Iterator[str]:
    """At the end of the quiet stretch every DER does what it would, or a limit keeps it from that.

    No draw may count on what storage discharges by a wish of its own, which may end at any moment; nor may storage that
    discharges on what other storage draws that can be told to, for that only loses energy. A charger that no import
    limit binds is told nothing.
    """
    truth, end_s = played.truth, played.scenario.until_s - LAST_S
    if _was_miswired(played, end_s):
        return
    last = [row for row in truth.rows if row[0] >= end_s]
    held = {h.on for h in played.scenario.happenings if h.kind.name == "writer_lower"}
    held |= _hidden(played)
    room_w = RETURN_W + RETURN_SHARE * sum(d.nameplate_w for d in played.site.ders)

    def mean(column: str) -> float:
        k = truth.columns.index(column)
        return sum(row[k] for row in last) / len(last)

    import_w = mean("import_w")
    left = {d: min((x.value or 0.0 for x in played.site.limits if x.direction is d), default=1e9) for d in Direction}
    sun_w = up_w = down_w = keeps_w = discharged_w = drawn_w = 0.0
    absorbs = {p.id for p in played.scenario.twin.ders if p.kind == "battery" and p.control == 704}
    for der in played.site.ders:
        made_w = mean(f"{der.id}_injection_w")
        wants_w = {"pv": "available_w", "battery": "wish_w", "evse": "wish_w"}[der.kind.value]
        lacks_w = mean(f"{der.id}_{wants_w}") - made_w
        up_w += max(0.0, lacks_w) if der.id not in held else 0.0
        sun_w += max(0.0, lacks_w) if der.id not in held and der.kind is DerKind.PV else 0.0
        told = der.kind is not DerKind.EVSE or left[Direction.IMPORT] < 1e9
        down_w += max(0.0, -lacks_w) if der.id not in held and told else 0.0
        keeps_w += sun_room_w(der, made_w, lacks_w)
        discharged_w += max(0.0, made_w) if der.is_storage else 0.0
        drawn_w += max(0.0, -made_w) if der.id in absorbs else 0.0
    left_w, made_w = left[Direction.EXPORT] - room_w - keeps_w, -import_w
    for lacks_w, reach_w in ((sun_w, made_w), (up_w, made_w + drawn_w)):
        if lacks_w > room_w + keeps_w and reach_w < left_w:
            yield f"{lacks_w:.0f} W of production are held back at the end, and {made_w:.0f} W of export reach no limit"
            break
    steps_w = LEAST_DRAW_W * sum(d.kind is DerKind.EVSE for d in played.site.ders)  # they take turns of a minute
    if down_w > room_w and import_w + discharged_w < left[Direction.IMPORT] - room_w - steps_w:
        yield f"{down_w:.0f} W of draw are held back at the end, and {import_w:.0f} W of import reach no limit"


def _was_miswired(played: Played, end_s: float) -> bool:
    """Whether a wrong sign that was one is still believed: five minutes, since nothing tells that it was mended."""
    wired = [h for h in played.scenario.happenings if h.kind.seam is Seam.METER and h.kind.costs is Costs.UNDECLARED]
    raised_s = [
        event.at.mono_s
        for event in (played.lives[-1].events if played.lives else ())
        if event.kind is EventKind.FAULT_RAISED and dict(event.facts).get("fault") == FaultKind.METER_MISWIRED.name
    ]
    return any(end_s - t < BACKOFF_S[0] and any(h.at_s <= t <= h.ends_s for h in wired) for t in raised_s)


def sun_room_w(der: DerSpec, made_w: float, lacks_w: float) -> float:
    """What is kept for the sun to return to (W), where the sun and no cap decides: no budget is promised twice."""
    if der.kind is not DerKind.PV or lacks_w > BY_SUN_SHARE * der.nameplate_w:
        return 0.0
    return min(der.nameplate_w - made_w, max(WANT_ROOM_SHARE * der.nameplate_w, (WANT_GAIN - 1.0) * made_w))


def _hidden(played: Played) -> set[str]:
    """Storage whose wish a set point may hide under an import limit: asked for after 1 to 15 minutes."""
    bound = any(limit.direction is Direction.IMPORT for limit in played.site.limits)
    return {p.id for p in played.scenario.twin.ders if bound and p.kind == "battery" and p.control == 704}


def held_back(units: Sequence[Unit], limits: Sequence[Limit], demand_w: float) -> list[str]:
    """The same of an hour of core and plant, after a quiet minute.

    A wish that a set point may hide is asked for too seldom to be judged here, and until then room is kept for it. A
    foreign limit stays. What storage draws or discharges by itself is nothing that others may count on: no state of
    charge is known here, and without it nobody is told to absorb.
    """
    least = {d: min((x.value or 0.0 for x in limits if x.direction is d), default=1e9) for d in Direction}
    import_w = demand_w - sum(u.injection_w for u in units)
    up_w = down_w = drawn_w = discharged_w = keeps_w = 0.0
    for number, unit in enumerate(units):
        storage = unit.spec.kind is DerKind.BATTERY
        lacks_w = unit.wish * min(1.0, unit.gain) - unit.injection_w
        drawn_w += max(0.0, -unit.injection_w) if storage else 0.0
        discharged_w += max(0.0, unit.injection_w) if storage else 0.0
        keeps_w += sun_room_w(unit.spec, unit.injection_w, lacks_w)
        if unit.foreign_w is not None or (storage and number % 2 == 1):
            continue
        up_w += max(0.0, lacks_w)
        down_w += max(0.0, -lacks_w)
    room_w = RETURN_W + RETURN_SHARE * sum(u.spec.nameplate_w for u in units)
    found = []
    hidden = any(u.shown is not None and u.shown.setpoint_w is not None for u in units)
    up_room_w = room_w + keeps_w
    if not hidden and up_w > up_room_w and drawn_w - import_w < least[Direction.EXPORT] - up_room_w:
        found.append(f"{up_w:.0f} W of production are held back at the end, and {-import_w:.0f} W reach no limit")
    if down_w > room_w and import_w + discharged_w < least[Direction.IMPORT] - room_w:
        found.append(f"{down_w:.0f} W of draw are held back at the end, and {import_w:.0f} W reach no limit")
    return found
