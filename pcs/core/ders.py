"""What a DER says, taken in: identity, power, limits as they are held, and how much of a cap it can use."""

from pcs.core import obey, observe, wishes
from pcs.core.der_state import DerState, having, without
from pcs.core.evolve import evolve
from pcs.core.motion import BOUND_GAIN, BOUND_SHARE
from pcs.core.order import Order
from pcs.model.fault import FaultKind
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback

SURPRISE_SHARE = 0.05
"""Telemetry beyond the bounds by 5 % of nameplate, the least movement by which wiring is judged: a cloud edge, or a DER
that does not do what it was told. Until then its part in the flow was thought wrong."""
WANT_ROOM_SHARE = 0.1
"""Room above its present power that a sun-limited DER keeps (share of nameplate)."""
WANT_GAIN = 1.02 / (1.0 - BOUND_GAIN)
"""And at least so much that it is not taken for limit-bound: it would claim all, take that from others for nothing,
give it back slowly, and begin again."""
WANT_FALL_PER_S = 0.05
"""How fast its unused share goes to the others (share of nameplate per second); it comes back at once."""
IDLE_SHARE = 0.02
IDLE_S = 60.0
"""A charger that may draw, and draws less than 2 % for so long, has no car that wants: others get its room. Cars take
5 s to begin (IEC 61851-1 Annex A), those that were asleep some tens."""


def identified(der: DerState, found: DerIdentified, now_s: float) -> DerState:
    """It was met: ratings are frozen now, and a limit found on it is our own or somebody else's."""
    spec, seen = der.spec, found.found
    foreign = seen.limit_w is not None and not found.found_is_own
    foreign_w = seen.limit_w if foreign else _lower_w(der.foreign_w, found.foreign_w)
    foreign_charge_w = _lower_w(der.foreign_charge_w, found.foreign_charge_w)
    if seen.charge_limit_w is not None and not found.found_is_own:
        foreign, foreign_charge_w = True, seen.charge_limit_w
    weight_w = max(found.rating_w, spec.nameplate_w)
    rating_w = 0.0 if spec.most_w <= 0.0 else found.rating_w
    draw_w = 0.0 if spec.charge_w <= 0.0 else found.charge_rating_w or spec.charge_w
    least_w = -(draw_w if foreign_charge_w is None else min(draw_w, foreign_charge_w))
    held = None if seen.limit_w is None else Order(seen.limit_w, seen.charge_limit_w, seen.setpoint_w)
    der = evolve(
        der,
        identified=found,
        weight_w=weight_w,
        most_w=rating_w if foreign_w is None else min(rating_w, foreign_w),
        least_w=least_w,
        bounds_charge=found.bounds_charge,
        heard_s=now_s,
        failing=None,
        held=held,
        sent=None,
        pending=False,
        retries=0,
        unwritten_since_s=None,
        foreign_w=foreign_w,
        foreign_charge_w=foreign_charge_w,
        wish_w=None,
        track=observe.unknown(now_s, -draw_w, 0.0 if spec.most_w <= 0.0 else weight_w, sun=spec.charge_w <= 0.0),
        want_w=rating_w,
        want_charge_w=draw_w,
    )
    der = without(der, FaultKind.WRONG_DEVICE, FaultKind.DER_SILENT, FaultKind.DER_UNWRITABLE)
    if foreign:
        limit = f"{seen.limit_w:.0f} W" if seen.limit_w is not None else f"{seen.charge_limit_w:.0f} W of charge"
        detail = (
            f"holds {limit} that the journal does not know: it is honoured. If nobody else set it (the journal "
            f"is new, or was deleted), stop and start once with `pcs run SITE.yaml --release {der.spec.id}`"
        )
        return having(der, FaultKind.DER_FOREIGN_LIMIT, now_s, detail)
    if found.foreign_w is not None or found.foreign_charge_w is not None:
        left_w = (("", found.foreign_w), (" of charge", found.foreign_charge_w))
        limit = " and ".join(f"{w:.0f} W{what}" for what, w in left_w if w is not None)
        detail = (
            f"somebody else limited it to {limit} before this start: it is honoured. If that is over, stop and start "
            f"once with `pcs run SITE.yaml --release {der.spec.id}`"
        )
        return having(der, FaultKind.DER_FOREIGN_LIMIT, now_s, detail)
    return der


def _lower_w(one_w: float | None, other_w: float | None) -> float | None:
    return min((w for w in (one_w, other_w) if w is not None), default=None)


def telemetry(der: DerState, reading: DerReading) -> DerState:
    """It answered. Where it says its power, the observer is corrected at the time the value was true."""
    if reading.soc_pct is not None and reading.soc_pct != der.soc_pct:
        der = evolve(der, soc_pct=reading.soc_pct)
    if reading.injection_w is None or der.identified is None:
        return evolve(der, heard_s=reading.received_s, failing=None)
    lo_w, hi_w = observe.present(der.track)
    beyond_w = max(lo_w - reading.injection_w, reading.injection_w - hi_w)
    track = observe.correct(der.track, reading.injection_w, reading.sent_s, reading.received_s, der.timing)
    der = evolve(der, track=track, heard_s=reading.received_s, failing=None)
    if beyond_w > SURPRISE_SHARE * der.size_w:
        der = evolve(der, surprised_s=reading.received_s)
    if der.least_w < 0.0 and not der.bounds_charge:
        der = wishes.take(der, reading.injection_w, reading.sent_s)
    if der.spec.charge_min_w and reading.injection_w < -IDLE_SHARE * der.size_w:
        der = evolve(der, drew_s=reading.received_s)
    return obey.judge(der, reading.injection_w, reading.received_s)


def applied(der: DerState, ack: LimitApplied) -> DerState:
    """A command is confirmed: written, read back, equal."""
    held = Order(ack.limit_w, ack.charge_limit_w, ack.setpoint_w)
    released = held.setpoint_w is None and der.held is not None and der.held.setpoint_w is not None
    return without(
        evolve(
            der,
            track=observe.confirm(der.track, held.floor_w(der.track.least_w), held.cap_w, ack.sent_s, ack.received_s),
            heard_s=ack.received_s,
            failing=None,
            held=held,
            held_s=ack.received_s,
            free_s=ack.received_s if released else der.free_s,
            pending=False,
            retries=0,
            unwritten_since_s=None,
        ),
        FaultKind.DER_RESTARTED,
        FaultKind.DER_UNWRITABLE,
    )


def readback(der: DerState, seen: LimitReadback, resolution_w: float, charge_resolution_w: float = 1.0) -> DerState:
    """Its limits, read while running: as we left them, dropped, or changed by somebody else."""
    der = evolve(der, heard_s=seen.received_s, failing=None)
    if der.held is None or der.pending or seen.sent_s < max(der.held_s, der.sent_s):
        return der  # nothing of ours there yet, or something of ours under way: it may be there before it is confirmed
    held, now_s, least_w = der.held, seen.received_s, der.track.least_w
    dropped = _dropped(der, held, seen)
    open_w = der.weight_w if der.most_w > 0.0 else 0.0
    found = Order(open_w if seen.limit_w is None else seen.limit_w, seen.charge_limit_w, seen.setpoint_w)
    cap_w, floor_w = found.cap_w, found.floor_w(least_w)
    unconfirmed = [(t.cap_w, t.floor_w) for t in der.track.told if t.acked_s == observe.INFINITY]  # their answers lost
    ours = [(o.cap_w, o.floor_w(least_w)) for o in (held, der.sent) if o is not None] + unconfirmed
    is_cap = any(
        abs(cap_w - cap) <= 2 * resolution_w for cap, _ in ours
    )  # one by one: an order may have been cut short
    if not dropped and is_cap and any(abs(floor_w - floor) <= 2 * charge_resolution_w for _, floor in ours):
        return _lowered(der, held, found, now_s) if _is_lowered(der, held, seen, resolution_w) else der
    der = evolve(der, track=observe.confirm(der.track, floor_w, cap_w, seen.sent_s, now_s))
    was = f"where {_words(held)} was confirmed"
    if dropped:
        return _forgets(der, now_s, f"no limit in force {was}")
    if _fell_back(der, seen, resolution_w, charge_resolution_w):
        return _forgets(der, now_s, f"fell back to {_words(found)}: its timer ran out")
    der = having(der, FaultKind.DER_SECOND_WRITER, now_s, f"{_words(found)} found {was}")
    return _honour(der, held, found, cap_w, floor_w)


def _is_lowered(der: DerState, held: Order, seen: LimitReadback, resolution_w: float) -> bool:
    """Whether beneath our set point, which hides it, lies a lower limit than any of ours: those told and the armed one.

    An order whose answer was lost may have left its limit, of which only the last one's is known.
    """
    if seen.setpoint_w is None or seen.limit_w is None:
        return False
    if any(t.acked_s == observe.INFINITY and t.sent_s < der.sent_s for t in der.track.told):
        return False
    ours_w = min(o.limit_w for o in (held, der.sent) if o is not None)
    return seen.limit_w < ours_w - 2 * resolution_w and abs(seen.limit_w - der.reversion_w) > 2 * resolution_w


def _lowered(der: DerState, held: Order, found: Order, now_s: float) -> DerState:
    """Somebody else lowered the limit beneath our set point: theirs holds, and so does the set point."""
    lower_w = found.limit_w if der.foreign_w is None else min(found.limit_w, der.foreign_w)
    detail = f"a limit of {found.limit_w:.0f} W found beneath our set point where {held.limit_w:.0f} W was confirmed"
    der = having(der, FaultKind.DER_SECOND_WRITER, now_s, detail)
    return evolve(der, foreign_w=lower_w, most_w=min(der.most_w, lower_w), held=found, sent=found)


def _dropped(der: DerState, held: Order, seen: LimitReadback) -> bool:
    """Whether something of ours is simply gone."""
    return (
        (seen.limit_w is None and der.most_w > 0.0)
        or (held.charge_w is not None and seen.charge_limit_w is None)
        or (held.setpoint_w is not None and seen.setpoint_w is None)
    )


def _fell_back(der: DerState, seen: LimitReadback, resolution_w: float, charge_resolution_w: float) -> bool:
    """Whether it holds what its armed timer falls back to: the safe cap, the safe draw, or rest (DESIGN section 6)."""
    if seen.reversion_limit_w is None and seen.reversion_charge_limit_w is None:
        return False
    draw_w, safe_draw_w = seen.charge_limit_w, seen.reversion_charge_limit_w
    if draw_w is not None and safe_draw_w is not None and abs(draw_w - safe_draw_w) <= 2 * charge_resolution_w:
        return True
    rests = seen.setpoint_w is not None and abs(seen.setpoint_w) <= 2 * charge_resolution_w
    armed_w = (der.reversion_w, seen.reversion_limit_w)  # what it has armed may be that of an order before the last
    near = (abs(seen.limit_w - w) <= 2 * resolution_w for w in armed_w if seen.limit_w is not None and w is not None)
    return rests or any(near)


def _honour(der: DerState, held: Order, found: Order, cap_w: float, floor_w: float) -> DerState:
    """The lower of both holds: somebody else's where it is tighter, else ours is said again."""
    tighter_cap, tighter_draw = cap_w < held.cap_w, floor_w > held.floor_w(der.track.least_w)
    if found.setpoint_w is not None or not (tighter_cap or tighter_draw):
        return evolve(der, sent=None, held=None)
    if tighter_cap:
        lower_w = cap_w if der.foreign_w is None else min(cap_w, der.foreign_w)
        der = evolve(der, foreign_w=lower_w, most_w=min(der.most_w, lower_w))
    if tighter_draw:
        lower_w = -floor_w if der.foreign_charge_w is None else min(-floor_w, der.foreign_charge_w)
        der = evolve(der, foreign_charge_w=lower_w, least_w=max(der.least_w, -lower_w))
    return evolve(der, held=found, sent=found)


def _words(order: Order) -> str:
    if order.setpoint_w is not None:
        return f"a set point of {order.setpoint_w:.0f} W"
    charge = "" if order.charge_w is None else f" ({order.charge_w:.0f} W of charge)"
    return f"{order.limit_w:.0f} W{charge}"


def _forgets(der: DerState, now_s: float, detail: str) -> DerState:
    """The device dropped our limits: anything up to its nameplate is possible until it is told again."""
    der = having(der, FaultKind.DER_RESTARTED, now_s, detail)
    return evolve(der, held=None, sent=None, retries=0)


def wants(der: DerState, dt_s: float) -> DerState:
    """How much of a cap it can use: all of it while the cap decides, its own power and some room while the sun does."""
    if der.track.limit_bound or der.track.telemetry_w is None:
        return evolve(der, want_w=der.most_w) if der.want_w != der.most_w else der
    said_w = max(0.0, der.track.telemetry_w)
    room_w = max(said_w + WANT_ROOM_SHARE * der.weight_w, said_w * WANT_GAIN)
    want_w = max(room_w, der.want_w - WANT_FALL_PER_S * der.weight_w * dt_s)
    want_w = min(der.most_w, want_w)
    return der if want_w == der.want_w else evolve(der, want_w=want_w)


def wants_charge(der: DerState, dt_s: float) -> DerState:
    """How much of a draw it can use: its wish where one is known, all of it while the limit decides.

    A known wish counts, and not its power: after a release it is on its way, and if its claim fell with its power
    others would get the room that it was released for, and it would be caught again.
    """
    if der.least_w >= 0.0:
        return der
    if idles(der):
        return evolve(der, want_charge_w=0.0) if der.want_charge_w else der
    wish_w = der.wish_w
    if wish_w is None and not at_floor(der):
        wish_w = der.track.telemetry_w
    if wish_w is None:
        return evolve(der, want_charge_w=-der.least_w) if der.want_charge_w != -der.least_w else der
    room_w = max(0.0, -wish_w) + WANT_ROOM_SHARE * der.size_w
    if may_draw(der):
        room_w = max(room_w, der.spec.charge_min_w)
    want_w = min(-der.least_w, max(room_w, der.want_charge_w - WANT_FALL_PER_S * der.size_w * dt_s))
    return der if want_w == der.want_charge_w else evolve(der, want_charge_w=want_w)


def idles(der: DerState) -> bool:
    """Whether it is a charger that may draw, and that nobody has drawn from for `IDLE_S`."""
    return may_draw(der) and der.heard_s is not None and der.heard_s - der.drew_s >= IDLE_S


def may_draw(der: DerState) -> bool:
    """Whether it is a charger that was told at least its least current."""
    least_w = der.spec.charge_min_w
    return least_w > 0.0 and der.sent is not None and (der.sent.charge_w or 0.0) >= least_w


def at_floor(der: DerState) -> bool:
    """Whether the limit of its draw, and not its own wish, decides: it draws about what it may, or may not begin.

    Whether the slowest plant may still be on its way does not matter here: what it does not draw others may have.
    """
    said_w = der.track.telemetry_w
    if said_w is None or der.held is None:
        return True
    may_draw_w = -der.held.floor_w(der.track.least_w)
    if may_draw_w < der.spec.charge_min_w:
        return True
    return -said_w >= (1.0 - BOUND_GAIN) * may_draw_w - BOUND_SHARE * der.size_w
