"""From caps to commands: what is worth a write, and when. Lowering is never delayed; raising and refreshing can wait.

A register that may wear out is never written in a loop: such a DER is parked at its static safe cap (DESIGN section 6).
"""

from typing import NamedTuple

from pcs.core import observe, wishes
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.order import Order, order
from pcs.model.command import LimitActivePower
from pcs.model.profile import LimitAction, Persistence

LOWER_SHARE = 0.0005
"""A lowering below 0.05 % of nameplate is rounding, not control."""
RAISE_SHARE = 0.001
"""Raising waits for 0.1 % of nameplate: less is noise of the meter."""
RAISE_EVERY_S = 0.2
RETRY_FIRST_S = 0.25
RETRY_MOST_S = 2.0


def action_of(der: DerState) -> LimitAction | None:
    """How this DER's limit is written; None while it is not identified."""
    if der.identified is None or der.spec.profile is None or der.spec.profile.limits is None:
        return None
    return der.spec.profile.limits.get(der.identified.variant)


class Bounds(NamedTuple):
    """What dispatch decided for one DER (watts): cap and floor, and its share of the safe set for both."""

    cap_w: float
    floor_w: float
    safe_w: float
    safe_charge_w: float


def command(der: DerState, bounds: Bounds, now_s: float) -> tuple[DerState, LimitActivePower | None]:
    """The command that brings this DER between its bounds, if one is due."""
    action = action_of(der)
    if action is None:
        return der, None
    safe_w, safe_charge_w = min(bounds.safe_w, der.most_w), min(bounds.safe_charge_w, -der.least_w)
    if action.persistence is not Persistence.VOLATILE:
        return _park(der, order(safe_w, -safe_charge_w, der.able), safe_w, safe_charge_w, now_s)
    able = der.able._replace(waits=True) if der.caught and wishes.waits_again(der, now_s) else der.able
    wanted = order(min(bounds.cap_w, der.most_w), max(bounds.floor_w, der.least_w), able)
    due, urgent = _due(der, wanted, safe_w, safe_charge_w, action, now_s)
    if not due:
        return der, None
    return _send(der, wanted, safe_w, safe_charge_w, urgent, now_s)


def _due(
    der: DerState, wanted: Order, safe_w: float, safe_charge_w: float, action: LimitAction, now_s: float
) -> tuple[bool, bool]:
    """Whether to write now, and whether it is urgent."""
    if der.sent is None:
        return True, True
    waited_s = now_s - der.sent_s
    rounding_w = LOWER_SHARE * der.size_w
    down_w = max(der.sent.limit_w - wanted.limit_w, der.sent.cap_w - wanted.cap_w)
    least_w = der.track.least_w
    if down_w > rounding_w or wanted.floor_w(least_w) - der.sent.floor_w(least_w) > rounding_w:
        return True, True
    if action.reversion_s is not None and (
        safe_w < der.reversion_w - rounding_w or safe_charge_w < der.reversion_charge_w - rounding_w
    ):
        return True, True
    if der.pending:
        return False, False
    if der.retries:
        due_s = min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(der.retries - 1, 4))
        return waited_s >= due_s, not _only_raises(der, wanted)
    if _raises(der, der.sent, wanted) and waited_s >= RAISE_EVERY_S:
        return True, False
    return 0.0 < action.refresh_s <= waited_s, False


def _only_raises(der: DerState, wanted: Order) -> bool:
    """Whether the order leaves more room than what the device last confirmed, and is tighter nowhere.

    Told again it can wait for a look at what is there: somebody else may have written a lower limit between our write
    and its reading back, and all that we know of it is that ours was not found.
    """
    if der.held is None:
        return False
    least_w, held = der.track.least_w, der.held
    ups_w = (wanted.limit_w - held.limit_w, wanted.cap_w - held.cap_w, held.floor_w(least_w) - wanted.floor_w(least_w))
    return min(ups_w) >= 0.0 and max(ups_w) > LOWER_SHARE * der.size_w


def _raises(der: DerState, sent: Order, wanted: Order) -> bool:
    """Whether the order leaves more room, in either direction, than is worth waiting for."""
    least_w, worth_w = der.track.least_w, RAISE_SHARE * der.size_w
    floor_w, sent_floor_w = wanted.floor_w(least_w), sent.floor_w(least_w)
    return (
        max(wanted.limit_w - sent.limit_w, wanted.cap_w - sent.cap_w, sent_floor_w - floor_w) > worth_w
        or wanted.limit_w >= der.most_w > sent.limit_w
        or floor_w <= der.least_w < sent_floor_w
        or (wanted.setpoint_w is None) != (sent.setpoint_w is None)
    )


def _park(
    der: DerState, wanted: Order, safe_w: float, safe_charge_w: float, now_s: float
) -> tuple[DerState, LimitActivePower | None]:
    rounding_w, least_w = LOWER_SHARE * der.size_w, der.track.least_w
    held = (
        der.held is not None
        and der.held.cap_w <= wanted.cap_w + rounding_w
        and der.held.floor_w(least_w) >= wanted.floor_w(least_w) - rounding_w
    )
    waited_s = now_s - der.sent_s
    if held or der.pending or waited_s < RETRY_MOST_S * 2 ** min(der.retries, 10):
        return der, None
    return _send(der, wanted, safe_w, safe_charge_w, True, now_s)


def _send(
    der: DerState, wanted: Order, safe_w: float, safe_charge_w: float, urgent: bool, now_s: float
) -> tuple[DerState, LimitActivePower]:
    told, told_now = der.track, wanted.setpoint_w is not None
    told_before = der.sent is not None and der.sent.setpoint_w is not None
    if wanted != der.sent:
        told = observe.tell(told, now_s, wanted.floor_w(told.least_w), wanted.cap_w)
    if told_now and not told_before:
        der = evolve(der, caught=wishes.caught(der, now_s))
    elif told_before and not told_now:
        der = evolve(der, let_go_s=now_s)
    elif der.spec.charge_min_w and wanted.charge_w and (der.sent is None or not der.sent.charge_w):
        der = evolve(der, drew_s=now_s)
    der = evolve(
        der,
        track=told,
        sent=wanted,
        told_since_s=now_s if told_now and not told_before else der.told_since_s,
        sent_s=now_s,
        pending=True,
        reversion_w=safe_w,
        reversion_charge_w=safe_charge_w,
    )
    return der, LimitActivePower(
        der_id=der.spec.id,
        limit_w=wanted.limit_w,
        reversion_limit_w=safe_w,
        charge_limit_w=wanted.charge_w,
        reversion_charge_limit_w=safe_charge_w,
        setpoint_w=wanted.setpoint_w,
        foreign_w=der.foreign_w,
        foreign_charge_w=der.foreign_charge_w,
        urgent=urgent,
    )


def leaving(
    ders: tuple[DerState, ...], safe_w: tuple[float, ...], safe_charge_w: tuple[float, ...]
) -> tuple[LimitActivePower, ...]:
    """What every DER is told when the controller leaves: its share of the safe set, in both directions (watts)."""
    made = []
    for d, limit_w, charge_w in zip(ders, safe_w, safe_charge_w, strict=True):
        last = order(min(limit_w, d.most_w), max(-charge_w, d.least_w), d.able)
        made.append(
            LimitActivePower(
                der_id=d.spec.id,
                limit_w=last.limit_w,
                reversion_limit_w=limit_w,
                charge_limit_w=last.charge_w,
                reversion_charge_limit_w=charge_w,
                setpoint_w=last.setpoint_w,
                foreign_w=d.foreign_w,
                foreign_charge_w=d.foreign_charge_w,
                urgent=True,
            )
        )
    return tuple(made)
