"""What storage would do if it were free: seen while it is, remembered while a set point hides it, and asked for again.

SunSpec 704 has no limit of the draw, so a battery that wishes to draw too much is held by a set point, under which its
wish cannot be seen (DESIGN section 5: a battery's own wish is respected inside the limits).
"""

from pcs.core import observe
from pcs.core.der_state import ASK_FIRST_S, ASK_MOST_S, DerState
from pcs.core.evolve import evolve
from pcs.core.order import NEAR_SHARE

ASK_NEW_S = 20.0
"""A wish that was hidden when the controller started is asked for after so long: the meter has been met, wiring has
mostly been verified, and the CRD's 30 s (CRD-OLRT-2) hold from then on."""
FREE_SHARE = 1.0 / 15.0
"""Of the usual wait, where the question costs nothing: a minute at first (decision 0013)."""
DEAR_GAIN = 4.0
"""Where a quarter of the draw has no room, the question costs an excursion and waits its whole time."""
CAUGHT_MOST = 5
"""From then on it waits a quarter of an hour."""
TURN_MOST_S = 30.0
"""A device that neither takes its release nor is held again has lost its turn: six times what a slow one needs."""
CHANGED_SHARE = 0.05
"""A wish that differs by 5 % of its size from the one asked about is another one."""


def take(der: DerState, injection_w: float, sent_s: float) -> DerState:
    """What it wishes to inject, seen while no set point is in force (W).

    Just after its release it is on its way to its wish: what draws more than was known and than any set point of late
    asked for counts at once, and so does what injects more than any of them; the rest only when it must have arrived.
    """
    found = der.identified.found if der.identified else None
    told = der.sent if der.sent is not None else der.held
    if told is None and found is not None and found.setpoint_w is not None:
        return der
    if told is not None and (told.setpoint_w is not None or der.held is None or der.held.setpoint_w is not None):
        return _shown_beyond(der, injection_w)
    if sent_s < der.free_s:
        return der
    near_w, set_w = NEAR_SHARE * der.size_w, _set_w(der)
    arrived_s = der.free_s + der.timing.telemetry_s + observe.settle_s(der.timing, 1.0)
    if sent_s >= arrived_s or (der.wish_w is not None and injection_w > max([0.0, *set_w]) + near_w):
        changed = der.hidden_w is not None and injection_w > der.hidden_w + CHANGED_SHARE * der.size_w
        ask_after_s = ASK_FIRST_S if changed else der.ask_after_s
        return evolve(der, wish_w=injection_w, hidden_w=None, ask_after_s=ask_after_s)
    if der.wish_w is None:
        return evolve(der, wish_w=injection_w)
    if injection_w < min([der.wish_w, *set_w]) - near_w:
        return evolve(der, wish_w=min(injection_w, der.wish_w if der.hidden_w is None else der.hidden_w), hidden_w=None)
    return der


def _shown_beyond(der: DerState, injection_w: float) -> DerState:
    """A draw beyond the known wish and every set point is that of a larger wish, seen before the set point works.

    Without this a wish that was seen on its way looks as if it fitted, and the battery is let go again and again.
    """
    if der.wish_w is None or injection_w >= min([der.wish_w, *_set_w(der)]) - NEAR_SHARE * der.size_w:
        return der
    return evolve(der, wish_w=injection_w)


def _set_w(der: DerState) -> list[float]:
    """The set points of the last settling time (W): it may be where one of them brought it, or on its way there."""
    set_w = [t.floor_w for t in der.track.told if t.floor_w == t.cap_w]
    return set_w + [o.setpoint_w for o in (der.sent, der.held) if o is not None and o.setpoint_w is not None]


def hides(der: DerState) -> bool:
    """Whether a set point hides its wish."""
    return der.sent is not None and der.sent.setpoint_w is not None and not der.bounds_charge and der.least_w < 0.0


def waits_s(der: DerState, room_w: float) -> float:
    """How long its wish may stay hidden, where it could draw `room_w` if all other hidden storage rested (s).

    One that nobody has seen since the start is asked soon: that happens once. The rest wait for what the question may
    cost: how far the flow is beyond the limit grows with what there is no room for.
    """
    if der.wish_w is None:
        return ASK_NEW_S
    lacks = max(0.0, 1.0 + room_w / der.least_w) if der.least_w < 0.0 else 0.0
    most_s = ASK_MOST_S if lacks > NEAR_SHARE else ASK_FIRST_S
    return min(most_s, der.ask_after_s * (FREE_SHARE + (1.0 - FREE_SHARE) * min(1.0, DEAR_GAIN * lacks)))


def caught(der: DerState, now_s: float) -> int:
    """How often in a row it had to be held again too soon, if a set point holds it from now on.

    A question that is answered so does not count: it has its own wait.
    """
    if der.turn_s is not None:
        return der.caught
    again = now_s - der.let_go_s < der.timing.telemetry_s + observe.settle_s(der.timing, 1.0)
    return min(CAUGHT_MOST, der.caught + 1) if again else 0


def waits_again(der: DerState, now_s: float) -> bool:
    """Whether it is too soon after a release in vain for the next one, whatever made it look as if its wish fitted.

    It waits as a question that costs nothing does, and twice as long each time. Meanwhile its set point asks for the
    wish that is known, as far as there is room: only another wish is seen later.
    """
    if not der.caught or der.turn_s is not None or not hides(der) or der.wish_w is None or der.wish_w >= 0.0:
        return False
    return now_s - der.told_since_s < min(ASK_FIRST_S, FREE_SHARE * ASK_FIRST_S * 2.0 ** (der.caught - 1))


def is_due(der: DerState, floor_w: float, room_w: float, now_s: float) -> bool:
    """Whether to ask for it now; not where its known wish fits its floor, for then it will be free anyhow."""
    if not hides(der) or (der.wish_w is not None and der.wish_w >= floor_w):
        return False
    return now_s - der.told_since_s >= waits_s(der, room_w)


def let_go(der: DerState, floor_w: float) -> DerState:
    """Ask: its wish is assumed to fit the floor that it has in its turn, and will be seen if it does not."""
    if der.hidden_w is not None:
        return der
    known_w = der.least_w if der.wish_w is None else der.wish_w
    ask_after_s = der.ask_after_s if der.wish_w is None else min(ASK_MOST_S / FREE_SHARE, 2.0 * der.ask_after_s)
    return evolve(der, wish_w=max(known_w, floor_w), hidden_w=known_w, ask_after_s=ask_after_s)


def is_over(der: DerState, now_s: float) -> bool:
    """Whether its turn has ended: answered, held again, or without end."""
    if der.turn_s is None or der.sent is None:
        return True
    if der.sent.setpoint_w is None:
        return der.hidden_w is None
    return der.told_since_s >= der.turn_s or now_s - der.turn_s >= TURN_MOST_S


def ends_turn(der: DerState, now_s: float) -> DerState:
    """The others need not rest any more. A question cut short before its answer: what was known before holds again.

    And the next one waits, as after an answer.
    """
    if der.turn_s is None:
        return der
    if der.hidden_w is not None:
        der = evolve(der, wish_w=der.hidden_w, hidden_w=None)
    return evolve(der, turn_s=None, told_since_s=max(der.told_since_s, now_s) if hides(der) else der.told_since_s)
