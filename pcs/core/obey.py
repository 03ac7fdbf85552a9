"""Whether a DER can be counted on: it answers, it takes its commands, and it follows them."""

from pcs.core.der_state import DerState, having, unseen, without
from pcs.core.evolve import evolve
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import LimitFailed

SILENT_AFTER_S = 2.0
"""DESIGN section 6: safe at max(2 s, three periods) without an answer."""
UNWRITABLE_AFTER_S = 2.0
"""As long as silence: a DER that answers but takes no command is as little help as one that is gone."""
DISOBEYS_SHARE = 0.05
DISOBEYS_GAIN = 0.35
"""Injection above everything its commands explain, by 5 % of nameplate and by 35 % of the cap, is disobedience; below
that it may be a gain error of the plant and of its telemetry (15 % each are allowed for), which the law corrects."""
START_GRACE_S = 5.0
"""How long a DER may take to be met before its silence is called a fault (it is not counted on meanwhile)."""
EFFECT_SHARE = 0.1
"""A step without effect: the excess shrank by less than this share in a whole settling time."""
STRIKES = 2
"""DESIGN section 5: two steps without effect are a disobedient DER."""
OBEYED_FOR_S = 10.0
"""How long a disobedient DER must stay below its cap before it is counted on again."""


def judge(der: DerState, injection_w: float, now_s: float) -> DerState:
    """Disobedience: power beyond all that its commands explain, which two settling times do not bring back."""
    told = der.track.ticks[-1]
    above = injection_w - told.told_hi_w >= told.told_lo_w - injection_w
    excess_w = injection_w - told.told_hi_w if above else told.told_lo_w - injection_w
    told_w = abs(told.told_hi_w if above else told.told_lo_w)
    threshold_w = max(DISOBEYS_SHARE * der.size_w, DISOBEYS_GAIN * told_w)
    if excess_w <= threshold_w:
        if der.strikes or der.excess_since_s is not None:
            der = evolve(der, strikes=0, excess_since_s=None)
        if der.conditions and any(c.kind is FaultKind.DER_DISOBEDIENT for c in der.conditions):
            since_s = der.obeying_since_s if der.obeying_since_s is not None else now_s
            if now_s - since_s >= OBEYED_FOR_S:
                return evolve(without(der, FaultKind.DER_DISOBEDIENT), obeying_since_s=None)
            return evolve(der, obeying_since_s=since_s)
        return der
    der = evolve(der, obeying_since_s=None)
    if der.excess_since_s is None:
        return evolve(der, excess_since_s=now_s, excess_w=excess_w)
    effect_s = der.timing.dead_time_s.hi + der.timing.time_constant_s.hi
    if now_s - der.excess_since_s < effect_s:  # what was told has had its settling time: `told_hi_w` contains it
        return der
    without_effect = excess_w > (1.0 - EFFECT_SHARE) * der.excess_w
    strikes = der.strikes + 1 if without_effect else 0
    der = evolve(der, strikes=strikes, excess_since_s=now_s, excess_w=excess_w)
    if strikes >= STRIKES:
        does = f"injects {injection_w:.0f} W" if above else f"draws {-injection_w:.0f} W"
        detail = f"{does}, {excess_w:.0f} W above all that it was told, and does not come down"
        return having(der, FaultKind.DER_DISOBEDIENT, now_s, detail)
    return der


def refused(der: DerState, fault: Fault) -> DerState:
    """A request failed. Whether the DER is silent is decided by time."""
    if fault.kind is FaultKind.WRONG_DEVICE:
        return having(evolve(der, failing=fault, identified=None, held=None), fault.kind, fault.at_s, fault.detail)
    return evolve(der, failing=fault)


def unwritten(der: DerState, failed: LimitFailed) -> DerState:
    """A command came to nothing, or half: old and new cap both stay possible until one is confirmed.

    DESIGN section 5: no help is assumed from a device that is not confirmed to obey.
    """
    now_s = failed.fault.at_s
    since_s = now_s if der.unwritten_since_s is None else der.unwritten_since_s
    der = evolve(refused(der, failed.fault), pending=False, retries=der.retries + 1, unwritten_since_s=since_s)
    if now_s - since_s < UNWRITABLE_AFTER_S:
        return der
    detail = f"{der.retries} commands in a row came to nothing: {failed.fault.kind.value}"
    return having(der, FaultKind.DER_UNWRITABLE, now_s, detail)


def age(der: DerState, poll_s: float, now_s: float) -> DerState:
    """Silent after max(2 s, three polls) without any valid answer; heard again, it is told its cap anew.

    It may have restarted meanwhile: whether the cap that it confirmed before is still in force is not known.
    """
    quiet_s = now_s - (der.heard_s if der.heard_s is not None else der.since_s)
    if quiet_s >= (max(SILENT_AFTER_S, 3 * poll_s) if der.heard_s is not None else START_GRACE_S):
        why = f": {der.failing.kind.value}" if der.failing else ""
        since = f"{quiet_s:.1f} s without an answer" if der.heard_s is not None else "has not answered yet"
        der = having(der, FaultKind.DER_SILENT, now_s, since + why)
        return evolve(der, held=None)
    heard = without(der, FaultKind.DER_SILENT)
    return (
        der
        if heard is der
        else evolve(
            heard,
            sent=None,
            retries=0,
            track=unseen(der, now_s),
        )
    )
