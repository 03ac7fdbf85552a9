"""How far a DER can have moved in a moment: two bounding plants, each driven by the caps that can be in force.

Caps push down and release upwards; floors push up and release downwards. Both are one mechanism: a floor is the cap of
the mirrored DER, and `_below` is asked for either with the signs turned.
"""

from math import exp

from pcs.core.told import Caps
from pcs.model.profile import DerTiming

ARRIVED_W = 0.5
"""An exponential never arrives; half a watt is there."""
BOUND_SHARE = 0.02
BOUND_GAIN = 0.15
"""A unit within 2 % of nameplate, or 15 % of its cap, is limit-bound: so much may its gain or its telemetry be off."""


def move(
    lo: float,
    hi: float,
    caps: Caps | None,
    floors: Caps | None,
    dt_s: float,
    timing: DerTiming,
    rated_w: float,
    follows: tuple[bool, bool],
) -> tuple[float, float]:
    """Both bounds, `dt_s` later (watts). None: a side that no command moves.

    `follows`: whether the cap decides, and whether the floor does; only then does its release move the DER.
    """
    if floors is None:
        return (lo, hi) if caps is None else _below(lo, hi, caps, dt_s, timing, rated_w, follows[0])
    turned_lo, turned_hi = _below(-hi, -lo, floors, dt_s, timing, rated_w, follows[1])
    lo_w, hi_w = -turned_hi, -turned_lo
    if caps is not None:  # where both sides move a bound, the wider result counts
        fallen_lo, fallen_hi = _below(lo, hi, caps, dt_s, timing, rated_w, follows[0])
        lo_w = min(fallen_lo, lo_w) if fallen_lo < lo else lo_w
        hi_w = max(fallen_hi, hi_w) if hi_w > hi else fallen_hi
    return (lo_w, hi_w) if lo_w <= hi_w else (hi_w, lo_w)


def follow(value: float, caps: Caps, dt_s: float, timing: DerTiming, rated_w: float) -> float:
    """The least that a DER which uses all of its cap injects, `dt_s` later (watts). Below that its cap does not decide.

    Down with the fastest plant, up with the slowest.
    """
    goal_w = min(caps.down_w, caps.lo_w) if value > caps.hi_w else caps.down_w
    if value > goal_w:
        return _fall(value, goal_w, dt_s, timing.time_constant_s.lo, None)
    if value < caps.lo_w:
        return -_fall(-value, -caps.lo_w, dt_s, timing.time_constant_s.hi, timing.ramp_pct_s / 100.0 * rated_w)
    return value


def _below(
    lo: float, hi: float, caps: Caps, dt_s: float, timing: DerTiming, rated_w: float, follows: bool
) -> tuple[float, float]:
    """What caps do to both bounds: down with their own plant; up only where the cap decides, with the fastest."""
    cap_lo, cap_hi, cap_down, raises_w = caps
    if lo > cap_hi:  # a raise that came before it was down leaves it on its way
        cap_down = min(cap_down, cap_lo)
    if lo > cap_down:
        lo = _fall(lo, cap_down, dt_s, timing.time_constant_s.lo, None)
    if hi > cap_hi:
        hi = _fall(hi, cap_hi, dt_s, timing.time_constant_s.hi, timing.ramp_pct_s / 100.0 * rated_w)
    elif follows and raises_w:
        up_w = _lifted_to(hi, raises_w, BOUND_SHARE * rated_w)
        rest_w = (up_w - hi) * exp(-dt_s / timing.time_constant_s.lo)
        hi = up_w if rest_w < ARRIVED_W else up_w - rest_w
    return lo, hi if hi > lo else lo


def _lifted_to(hi: float, raises_w: tuple[tuple[float, float], ...], near_w: float) -> float:
    """How far the raises under way can lift a DER that injects `hi` now (W): each only from the cap that it raised."""
    for from_w, to_w in raises_w:
        if hi < to_w and hi >= from_w - near_w:
            hi = to_w
    return hi


def _fall(value: float, goal_w: float, dt_s: float, tau_s: float, ramp_w_s: float | None) -> float:
    if value - goal_w < ARRIVED_W:
        return goal_w
    step = (value - goal_w) * (1.0 - exp(-dt_s / tau_s))
    return value - (min(step, ramp_w_s * dt_s) if ramp_w_s is not None else step)
