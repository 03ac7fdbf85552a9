"""From caps to commands: what is worth a write, and when. Lowering is never delayed; raising and refreshing can wait.

A register that may wear out is never written in a loop: such a DER is parked at its static safe cap (DESIGN section 6).
"""

from pcs.core import observe
from pcs.core.ders import DerState
from pcs.core.evolve import evolve
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


def command(der: DerState, cap_w: float, safe_w: float, now_s: float) -> tuple[DerState, LimitActivePower | None]:
    """The command that brings this DER to `cap_w`, if one is due. `safe_w` is its share of the safe set (watts)."""
    action = action_of(der)
    if action is None:
        return der, None
    cap_w, safe_w = min(cap_w, der.most_w), min(safe_w, der.most_w)
    if action.persistence is not Persistence.VOLATILE:
        return _park(der, safe_w, now_s)
    due, urgent = _due(der, cap_w, safe_w, action, now_s)
    if not due:
        return der, None
    return _send(der, cap_w, safe_w, urgent, now_s)


def _due(der: DerState, cap_w: float, safe_w: float, action: LimitAction, now_s: float) -> tuple[bool, bool]:
    """Whether to write now, and whether it is urgent."""
    if der.sent_w is None:
        return True, True
    waited_s = now_s - der.sent_s
    if cap_w < der.sent_w - LOWER_SHARE * der.weight_w:
        return True, True
    if action.reversion_s is not None and safe_w < der.reversion_w - LOWER_SHARE * der.weight_w:
        return True, True
    if der.pending:
        return False, False
    if der.retries:
        return waited_s >= min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(der.retries - 1, 4)), True
    raises = cap_w > der.sent_w + RAISE_SHARE * der.weight_w or (cap_w >= der.most_w > der.sent_w)
    if raises and waited_s >= RAISE_EVERY_S:
        return True, False
    return 0.0 < action.refresh_s <= waited_s, False


def _park(der: DerState, safe_w: float, now_s: float) -> tuple[DerState, LimitActivePower | None]:
    held = der.held_w is not None and der.held_w <= safe_w + LOWER_SHARE * der.weight_w
    waited_s = now_s - der.sent_s
    if held or der.pending or waited_s < RETRY_MOST_S * 2 ** min(der.retries, 10):
        return der, None
    return _send(der, safe_w, safe_w, True, now_s)


def _send(der: DerState, cap_w: float, safe_w: float, urgent: bool, now_s: float) -> tuple[DerState, LimitActivePower]:
    told = observe.tell(der.track, now_s, 0.0, cap_w) if der.sent_w is None or cap_w != der.sent_w else der.track
    der = evolve(der, track=told, sent_w=cap_w, sent_s=now_s, pending=True, reversion_w=safe_w)
    order = LimitActivePower(der_id=der.spec.id, limit_w=cap_w, reversion_limit_w=safe_w, urgent=urgent)
    return der, order
