"""What storage would do if it were free: seen while it is, remembered while a set point hides it, and asked for again.

SunSpec 704 has no limit of the draw, so a battery that wishes to draw too much is held by a set point, under which its
wish cannot be seen (DESIGN section 5: a battery's own wish is respected inside the limits).
"""

from pcs.core import observe
from pcs.core.der_state import ASK_FIRST_S, ASK_MOST_S, DerState
from pcs.core.evolve import evolve
from pcs.core.order import NEAR_SHARE

CHANGED_SHARE = 0.05
"""A wish that differs by 5 % of its size from the one asked about is another one."""


def take(der: DerState, injection_w: float, sent_s: float) -> DerState:
    """What it wishes to inject, seen while no set point is in force (W).

    Just after its release it is on its way to its wish: what draws more than was known counts at once, less only when
    it must have arrived.
    """
    found = der.identified.found if der.identified else None
    told = der.sent if der.sent is not None else der.held
    if told is None and found is not None and found.setpoint_w is not None:
        return der
    if told is not None and (told.setpoint_w is not None or der.held is None or der.held.setpoint_w is not None):
        return _shown_beyond(der, injection_w)
    if sent_s < der.free_s:
        return der
    arrived_s = der.free_s + der.timing.telemetry_s + observe.settle_s(der.timing, 1.0)
    if sent_s >= arrived_s:
        changed = der.hidden_w is not None and injection_w > der.hidden_w + CHANGED_SHARE * der.size_w
        ask_after_s = ASK_FIRST_S if changed else der.ask_after_s
        return evolve(der, wish_w=injection_w, hidden_w=None, ask_after_s=ask_after_s)
    if der.wish_w is None:
        return evolve(der, wish_w=injection_w)
    if injection_w < der.wish_w - NEAR_SHARE * der.size_w:
        return evolve(der, wish_w=min(injection_w, der.wish_w if der.hidden_w is None else der.hidden_w), hidden_w=None)
    return der


def _shown_beyond(der: DerState, injection_w: float) -> DerState:
    """A draw beyond the known wish and every set point is that of a larger wish, seen before the set point works.

    Without this a wish that was seen on its way looks as if it fitted, and the battery is let go again and again.
    """
    if der.wish_w is None:
        return der
    set_w = [t.floor_w for t in der.track.told if t.floor_w == t.cap_w]  # those of the last settling time
    set_w += [o.setpoint_w for o in (der.sent, der.held) if o is not None and o.setpoint_w is not None]
    if injection_w >= min([der.wish_w, *set_w]) - NEAR_SHARE * der.size_w:
        return der
    return evolve(der, wish_w=injection_w)


def ask(der: DerState, floor_w: float, now_s: float) -> DerState:
    """Let go of a wish that a set point has hidden for long: it is assumed to fit, and will be seen if it does not."""
    if der.sent is None or der.sent.setpoint_w is None or der.bounds_charge:
        return der
    if der.hidden_w is not None and now_s - der.told_since_s < 0.5 * der.ask_after_s:  # caught before it could answer
        der = evolve(der, wish_w=der.hidden_w, hidden_w=None)
    fits = der.wish_w is not None and der.wish_w >= floor_w
    if fits or now_s - der.told_since_s < der.ask_after_s:
        return der
    ask_after_s = min(ASK_MOST_S, 2.0 * der.ask_after_s)
    return evolve(
        der, wish_w=floor_w, hidden_w=der.least_w if der.wish_w is None else der.wish_w, ask_after_s=ask_after_s
    )
