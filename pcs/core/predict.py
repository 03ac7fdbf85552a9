"""What the response of a limit will be at worst, from the timings of the profiles, before anything is connected.

OLRT here is the time from a step that uses the whole range of the DERs to 90 % of their movement (UL 1741 CRD,
CRD-OLRT-1), with every delay at its longest: the step comes just after a sample, the plant is the slowest that its
profile vouches for, and the largest DER of a link is written last. `restrict` goes towards the limit, `release` away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp

from pcs.core.policy import UNKNOWN_PLANT, all_points, lies_behind
from pcs.model.limit import Basis, Direction, Limit, Quantity, Scope
from pcs.model.profile import DerTiming
from pcs.model.site import DerSpec, LinkAddress, LinkKind, MeterSpec, PointKind, Site

CLASSES_S = (2.0, 5.0, 10.0, 15.0, 30.0)
"""What utilities and markings ask for: 2 to 10 s (California), 15 s (UK G100), 30 s (CRD-OLRT-2)."""
ASSUMED_UPDATE_S = 1.0
"""Of a meter whose update period is identified only at start; most that can control renew once a second or faster."""
POLL_S = 0.1
"""DESIGN section 5: a meter is asked every min(100 ms, half its update period)."""
TCP_REQUEST_S = 0.05
"""Request and reply over a local network, with room for a device that is slow to answer."""
SERIAL_CHARACTERS = 120
"""A read of 50 registers: 8 characters asked, 105 answered, twice 3.5 of silence (MODBUS over serial line V1.02)."""
COMPUTE_S = 0.04
"""A step of the core (2 ms), and what the shell waits for a reply that is about to come (20 ms), with as much again."""
RAISE_EVERY_S = 0.2
"""Raising commands are at least this far apart (`pcs.core.economy`)."""
LAGS_TO_THE_END = 4.6
"""ln 100: a first-order lag has 1 % of its way left, which a margin covers."""
_RESPONSE_SHARE = 0.9
_LONGEST_S = 3600.0
_S_PER_H = 3600.0


class PartKind(StrEnum):
    """What the time of a response is spent on."""

    WINDOW = "averaging window"
    UPDATE = "update period"
    BUS = "polling and link"
    COMPUTE = "computing"
    TELEMETRY = "telemetry"
    SLEW = "release slew"
    WRITE = "writing"
    DEAD_TIME = "dead time"
    RAMP = "ramp"
    LAG = "time constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a response: on what, by whom (the id of a meter or DER, empty for ours), and for how long."""

    kind: PartKind
    part_id: str
    time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The worst case of one limit. Parts add up to their times; `excess_w` is the flow beyond the limit at the step."""

    restrict_s: float
    release_s: float
    restrict: tuple[Part, ...]
    release: tuple[Part, ...]
    excess_w: float
    inadvertent_wh: float

    @property
    def judged_s(self) -> float:
        """The slower of the two."""
        return max(self.restrict_s, self.release_s)

    @property
    def class_s(self) -> float | None:
        """The shortest of the usual times that both responses keep; None: not even the longest."""
        return next((c for c in CLASSES_S if self.judged_s <= c), None)

    @property
    def change_first(self) -> Part:
        """The largest part of the slower response: what to change first to be faster."""
        parts = self.release if self.release_s > self.restrict_s else self.restrict
        return max(parts, key=lambda part: part.time_s)


@dataclass(frozen=True, slots=True)
class _Move:
    """What one DER has to do: how far (W), after which delays, and how (a ramp, then a first-order lag; seconds)."""

    der: DerSpec
    way_w: float
    wait_s: float
    dead_s: float
    ramp_s: float
    lag_s: float

    @property
    def delay_s(self) -> float:
        return self.wait_s + self.dead_s

    def made_share(self, at_s: float) -> float:
        """The share of its way that it has made after `at_s`."""
        return _share_made(at_s - self.delay_s, self.ramp_s, self.lag_s)


def request_time_s(address: LinkAddress) -> float:
    """What one request and its reply take on a link: the device's own time, and the characters of a serial line."""
    wire_s = SERIAL_CHARACTERS * address.character_s if address.kind is LinkKind.SERIAL else 0.0
    return TCP_REQUEST_S + wire_s


def predict(site: Site, limit: Limit, request_s: Callable[[LinkAddress], float] = request_time_s) -> Prediction | None:
    """The worst case of a limit; None where no controlled DER can act on it, or none of them can exceed it."""
    ders = members(site, limit)
    meters = meters_of(site, limit.point)
    on_bus = all_points(site)[limit.point].kind is PointKind.BUSBAR
    ways_w = {der.id: _way_w(der, limit, on_bus=on_bus) for der in ders}
    range_w = sum(ways_w.values())
    excess_w = min(range_w, _possible_excess_w(site, limit))
    if not meters or range_w <= 0.0 or excess_w <= 0.0:
        return None
    share = excess_w / range_w
    seen = _detection(max(meters, key=lambda m: update_s(m) + averaging_s(m)), request_s)
    moves = _moves(ders, ways_w, share, request_s)
    restrict = (*seen, *_movement(moves))
    slewed_s = 100.0 * share / site.tuning.release_slew_pct_s
    told_s = max(
        _timing(der).telemetry_s + site.tuning.telemetry_poll_s + request_s(der.link) for der in ders if der.link
    )
    oldest = max(ders, key=lambda der: _timing(der).telemetry_s)
    release = (
        *seen,
        Part(kind=PartKind.TELEMETRY, part_id=oldest.id, time_s=told_s + RAISE_EVERY_S),
        *_movement(moves, slewed_s),
    )
    detected_s = sum(part.time_s for part in seen)
    area_ws = sum(share * m.way_w * (detected_s + m.delay_s + 0.5 * m.ramp_s + m.lag_s) for m in moves)
    return Prediction(
        restrict_s=sum(part.time_s for part in restrict),
        release_s=sum(part.time_s for part in release),
        restrict=restrict,
        release=release,
        excess_w=excess_w,
        inadvertent_wh=area_ws / _S_PER_H,
    )


def lead_s(site: Site, limit: Limit, request_s: Callable[[LinkAddress], float] = request_time_s) -> float:
    """How long before a limit tightens the DERs must be told, so that they are there when it does (seconds).

    Nothing has to be measured first: one cycle, the writes, and the whole of the slowest movement.
    """
    on_bus = all_points(site)[limit.point].kind is PointKind.BUSBAR
    ders = members(site, limit)
    ways_w = {der.id: _way_w(der, limit, on_bus=on_bus) for der in ders}
    ends_s = (m.delay_s + m.ramp_s + LAGS_TO_THE_END * m.lag_s for m in _moves(ders, ways_w, 1.0, request_s))
    return site.tuning.cycle_s + COMPUTE_S + max(ends_s, default=0.0)


def follow_s(der: DerSpec) -> float:
    """How long a DER takes at most, once it has a new limit, for 90 % of the longest way there is (seconds)."""
    timing = _timing(der)
    whole = _Move(
        der=der,
        way_w=1.0,
        wait_s=0.0,
        dead_s=timing.dead_time_s.hi,
        ramp_s=100.0 / timing.ramp_pct_s,
        lag_s=timing.time_constant_s.hi,
    )
    return whole.delay_s + _time_to_made(whole)


def slowest_slew_pct_s(site: Site, limit: Limit) -> float | None:
    """The slowest release slew whose response still fits `correct_within_s`; None: no slew is fast enough."""
    low, high = 0.1, 1000.0  # the range of the site file
    if not _fits(site, limit, high):
        return None
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if _fits(site, limit, middle) else (middle, high)
    return high


def _fits(site: Site, limit: Limit, slew_pct_s: float) -> bool:
    changed = replace(site, tuning=replace(site.tuning, release_slew_pct_s=slew_pct_s))
    found = predict(changed, limit)
    return found is None or found.release_s <= limit.correct_within_s


def members(site: Site, limit: Limit) -> tuple[DerSpec, ...]:
    """The controlled DERs behind the point that can move the limited flow."""
    points = all_points(site)
    on_bus = points[limit.point].kind is PointKind.BUSBAR
    return tuple(
        der
        for der in site.ders
        if der.controlled
        and lies_behind(der, limit.point, points)
        and der.concerns(limit.scope)
        and _way_w(der, limit, on_bus=on_bus) > 0.0
    )


def meters_of(site: Site, point_id: str) -> tuple[MeterSpec, ...]:
    """The meters whose sum measures a point."""
    ids = {name for name, _ in all_points(site)[point_id].meters}
    return tuple(m for m in site.meters if m.id in ids)


def update_s(meter: MeterSpec) -> float:
    """The update period that is counted with."""
    declared_s = meter.profile.meter.update_s if meter.profile.meter else None
    return meter.update_s or declared_s or ASSUMED_UPDATE_S


def averaging_s(meter: MeterSpec) -> float:
    """The averaging window that is counted with: one update period where nothing is known of it."""
    declared_s = meter.profile.meter.averaging_s if meter.profile.meter else None
    known_s = meter.averaging_s if meter.averaging_s is not None else declared_s
    return update_s(meter) if known_s is None else known_s


def _timing(der: DerSpec) -> DerTiming:
    return (der.profile.der if der.profile else None) or UNKNOWN_PLANT


def _way_w(der: DerSpec, limit: Limit, *, on_bus: bool) -> float:
    """How far a DER can move the limited flow (W); a busbar's limit takes everything on it to 0."""
    if on_bus:
        return der.most_w + der.charge_w
    if limit.direction is Direction.EXPORT:
        return der.most_w
    return der.charge_w + (der.most_w if der.supports and limit.scope is Scope.ALL else 0.0)


def _possible_excess_w(site: Site, limit: Limit) -> float:
    """The most that the flow can be beyond the limit at a step (W); load knows no bound, sources have a nameplate."""
    if limit.direction is Direction.IMPORT or limit.quantity is not Quantity.W or limit.basis is not Basis.TOTAL:
        return float("inf")
    values = [v for v in (limit.value, *(w.value for w in limit.schedule)) if v is not None]
    points = all_points(site)
    behind = (d for d in site.ders if lies_behind(d, limit.point, points) and d.concerns(limit.scope))
    return sum(der.most_w for der in behind) - min(values, default=float("inf"))


def _detection(meter: MeterSpec, request_s: Callable[[LinkAddress], float]) -> tuple[Part, ...]:
    """From the step to the step of the core that has seen the whole of it."""
    bus_s = min(POLL_S, 0.5 * update_s(meter)) + 2.0 * request_s(meter.link)  # its own, and one that is on the wire
    return (
        Part(kind=PartKind.WINDOW, part_id=meter.id, time_s=averaging_s(meter)),
        Part(kind=PartKind.UPDATE, part_id=meter.id, time_s=update_s(meter)),
        Part(kind=PartKind.BUS, part_id=meter.id, time_s=bus_s),
        Part(kind=PartKind.COMPUTE, part_id="", time_s=COMPUTE_S),
    )


def _moves(
    ders: Sequence[DerSpec], ways_w: Mapping[str, float], share: float, request_s: Callable[[LinkAddress], float]
) -> tuple[_Move, ...]:
    """What each DER has to do for `share` of its range; each write is read back before the next on its link."""
    moves, busy_s = [], dict[LinkAddress, float]()
    for der in sorted(ders, key=lambda d: ways_w[d.id]):
        timing, one_s = _timing(der), request_s(der.link) if der.link else 0.0
        before_s = busy_s.get(der.link, one_s) if der.link else 0.0  # the first waits for what is on the wire
        if der.link:
            busy_s[der.link] = before_s + 2.0 * one_s
        moves.append(
            _Move(
                der=der,
                way_w=ways_w[der.id],
                wait_s=before_s + one_s,
                dead_s=timing.dead_time_s.hi,
                ramp_s=100.0 * share / timing.ramp_pct_s,
                lag_s=timing.time_constant_s.hi,
            )
        )
    return tuple(moves)


def _movement(moves: Sequence[_Move], slewed_s: float = 0.0) -> tuple[Part, ...]:
    """From the command to 90 % of the way of all together, told as the parts of the DER that matters most.

    `slewed_s`: what the whole way takes at the controller's own slew, which runs beside the ramps.
    """
    slower = [_Move(m.der, m.way_w, m.wait_s, m.dead_s, max(m.ramp_s, slewed_s), m.lag_s) for m in moves]
    low_s, high_s = 0.0, _LONGEST_S
    whole_w = sum(move.way_w for move in slower)
    for _ in range(50):
        middle_s = 0.5 * (low_s + high_s)
        made_w = sum(move.way_w * move.made_share(middle_s) for move in slower)
        low_s, high_s = (low_s, middle_s) if made_w >= _RESPONSE_SHARE * whole_w else (middle_s, high_s)
    worst = max(slower, key=lambda m: m.way_w * (m.delay_s + m.ramp_s + m.lag_s))
    own_ramp_s = next(move.ramp_s for move in moves if move.der is worst.der)
    ramp = PartKind.SLEW if slewed_s > own_ramp_s else PartKind.RAMP  # whichever decides
    raw = (
        (PartKind.WRITE, worst.wait_s),
        (PartKind.DEAD_TIME, worst.dead_s),
        (ramp, _RESPONSE_SHARE * worst.ramp_s),
        (PartKind.LAG, max(0.0, _time_to_made(worst) - _RESPONSE_SHARE * worst.ramp_s)),
    )
    whole_s = sum(time_s for _, time_s in raw)
    scale = high_s / whole_s if whole_s > 0.0 else 0.0
    return tuple(
        Part(kind=kind, part_id="" if kind is PartKind.SLEW else worst.der.id, time_s=scale * time_s)
        for kind, time_s in raw
    )


def _time_to_made(move: _Move) -> float:
    """From its first movement to 90 % of its way, seconds."""
    low_s, high_s = 0.0, _LONGEST_S
    for _ in range(50):
        middle_s = 0.5 * (low_s + high_s)
        enough = _share_made(middle_s, move.ramp_s, move.lag_s) >= _RESPONSE_SHARE
        low_s, high_s = (low_s, middle_s) if enough else (middle_s, high_s)
    return high_s


def _share_made(at_s: float, ramp_s: float, lag_s: float) -> float:
    """The share of its way that a ramp behind a first-order lag has made `at_s` after it began."""
    if at_s <= 0.0:
        return 0.0
    if ramp_s <= 0.0:
        return 1.0 - exp(-at_s / lag_s) if lag_s > 0.0 else 1.0
    if lag_s <= 0.0:
        return min(1.0, at_s / ramp_s)
    if at_s <= ramp_s:
        return (at_s - lag_s * (1.0 - exp(-at_s / lag_s))) / ramp_s
    left = lag_s / ramp_s * (1.0 - exp(-ramp_s / lag_s))
    return 1.0 - left * exp(-(at_s - ramp_s) / lag_s)
