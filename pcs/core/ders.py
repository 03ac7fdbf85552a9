"""One DER as the core sees it: identity, what it was told, what it does, and whether it can be counted on."""

from dataclasses import dataclass

from pcs.core import observe
from pcs.core.evolve import evolve
from pcs.core.observe import Track
from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import DerTiming
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitFailed, LimitReadback
from pcs.model.site import DerSpec

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
SURPRISE_SHARE = 0.05
"""Telemetry beyond the bounds by 5 % of nameplate, the least movement by which wiring is judged: a cloud edge, or a DER
that does not do what it was told. Until then its part in the flow was thought wrong."""
WANT_ROOM_SHARE = 0.1
"""Room above its present power that a sun-limited DER keeps (share of nameplate)."""
WANT_FALL_PER_S = 0.05
"""How fast its unused share goes to the others (share of nameplate per second); it comes back at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DerState:
    """What is remembered of one DER (watts; times on the monotonic clock, seconds)."""

    spec: DerSpec
    timing: DerTiming
    track: Track
    identified: DerIdentified | None = None
    weight_w: float
    """Its nameplate or rating, whichever is more: for shares, and for what it may inject when it does not obey."""
    most_w: float
    """The highest cap it may ever get: its rating, or a foreign limit."""
    since_s: float
    """When this run began to look for it."""
    heard_s: float | None = None
    """Last valid answer of any kind."""
    failing: Fault | None = None
    """Why the last request failed; None after a good one."""
    sent_w: float | None = None
    """The cap last commanded; None: nothing yet."""
    sent_s: float = float("-inf")
    held_w: float | None = None
    """The cap that the device last confirmed."""
    held_s: float = float("-inf")
    reversion_w: float = 0.0
    pending: bool = False
    """A command is under way: neither confirmed nor failed yet."""
    retries: int = 0
    """Commands in a row that came to nothing."""
    unwritten_since_s: float | None = None
    """When the first of them failed."""
    foreign_w: float | None = None
    """A limit that somebody else set and that is honoured."""
    conditions: tuple[Fault, ...] = ()
    strikes: int = 0
    excess_since_s: float | None = None
    excess_w: float = 0.0
    obeying_since_s: float | None = None
    surprised_s: float = float("-inf")
    """Up to when what was thought of its injection was wrong: nothing before may be compared with what comes after."""
    want_w: float = 0.0


def new(spec: DerSpec, timing: DerTiming, now_s: float) -> DerState:
    """A DER that nobody has met yet."""
    return DerState(
        spec=spec,
        timing=timing,
        track=observe.unknown(now_s, spec.nameplate_w),
        weight_w=spec.nameplate_w,
        most_w=spec.nameplate_w,
        since_s=now_s,
        want_w=spec.nameplate_w,
    )


def identified(der: DerState, found: DerIdentified, now_s: float) -> DerState:
    """It was met: ratings are frozen now, and a limit found on it is our own or somebody else's."""
    held_w = found.found.limit_w
    foreign = held_w is not None and not found.found_is_own
    foreign_w = held_w if foreign else der.foreign_w
    weight_w = max(found.rating_w, der.spec.nameplate_w)
    der = evolve(
        der,
        identified=found,
        weight_w=weight_w,
        most_w=found.rating_w if foreign_w is None else min(found.rating_w, foreign_w),
        heard_s=now_s,
        failing=None,
        held_w=held_w,
        sent_w=None,
        pending=False,
        retries=0,
        unwritten_since_s=None,
        foreign_w=foreign_w,
        track=observe.unknown(now_s, weight_w),
        want_w=found.rating_w,
    )
    der = without(der, FaultKind.WRONG_DEVICE, FaultKind.DER_SILENT, FaultKind.DER_UNWRITABLE)
    if foreign:
        detail = (
            f"holds {held_w:.0f} W that the journal does not know: it is honoured. If nobody else set it (the journal "
            f"is new, or was deleted), stop and start once with `pcs run SITE.yaml --release {der.spec.id}`"
        )
        der = having(der, FaultKind.DER_FOREIGN_LIMIT, now_s, detail)
    return der


def having(der: DerState, kind: FaultKind, now_s: float, detail: str) -> DerState:
    """The DER with this condition (unchanged if it has it already)."""
    if any(c.kind is kind for c in der.conditions):
        return der
    fault = Fault(kind=kind, source_id=der.spec.id, at_s=now_s, detail=detail)
    return evolve(der, conditions=(*der.conditions, fault))


def without(der: DerState, *kinds: FaultKind) -> DerState:
    """The DER without these conditions."""
    if not der.conditions or not any(c.kind in kinds for c in der.conditions):
        return der
    return evolve(der, conditions=tuple(c for c in der.conditions if c.kind not in kinds))


def telemetry(der: DerState, reading: DerReading) -> DerState:
    """It answered. Where it says its power, the observer is corrected at the time the value was true."""
    if reading.injection_w is None or der.identified is None:
        return evolve(der, heard_s=reading.received_s, failing=None)
    lo_w, hi_w = observe.present(der.track)
    beyond_w = max(lo_w - reading.injection_w, reading.injection_w - hi_w)
    track = observe.correct(
        der.track, reading.injection_w, reading.sent_s, reading.received_s, der.timing, der.weight_w
    )
    der = evolve(der, track=track, heard_s=reading.received_s, failing=None)
    if beyond_w > SURPRISE_SHARE * der.weight_w:
        der = evolve(der, surprised_s=reading.received_s)
    return _judge(der, reading.injection_w, reading.received_s)


def _judge(der: DerState, injection_w: float, now_s: float) -> DerState:
    """Disobedience: power above all that its commands explain, which two settling times do not bring down."""
    excess_w = injection_w - der.track.ticks[-1].told_hi_w
    threshold_w = max(DISOBEYS_SHARE * der.weight_w, DISOBEYS_GAIN * der.track.ticks[-1].told_hi_w)
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
        detail = f"injects {injection_w:.0f} W, {excess_w:.0f} W above all that it was told, and does not come down"
        return having(der, FaultKind.DER_DISOBEDIENT, now_s, detail)
    return der


def applied(der: DerState, ack: LimitApplied) -> DerState:
    """A cap is confirmed: written, read back, equal."""
    return without(
        evolve(
            der,
            track=observe.confirm(der.track, ack.limit_w, ack.sent_s, ack.received_s),
            heard_s=ack.received_s,
            failing=None,
            held_w=ack.limit_w,
            held_s=ack.received_s,
            pending=False,
            retries=0,
            unwritten_since_s=None,
        ),
        FaultKind.DER_RESTARTED,
        FaultKind.DER_UNWRITABLE,
    )


def readback(der: DerState, seen: LimitReadback, resolution_w: float) -> DerState:
    """Its limit, read while running: as we left it, dropped, or changed by somebody else."""
    der = evolve(der, heard_s=seen.received_s, failing=None)
    if der.held_w is None or der.pending or seen.sent_s < max(der.held_s, der.sent_s):
        return der  # nothing of ours there yet, or something of ours under way: it may be there before it is confirmed
    now_s, held_w, found_w = seen.received_s, der.held_w, seen.limit_w
    unconfirmed_w = (t.cap_w for t in der.track.told if t.acked_s == observe.INFINITY)  # lost on the way back, perhaps
    ours_w = (held_w, held_w if der.sent_w is None else der.sent_w, *unconfirmed_w)
    if found_w is not None and any(abs(found_w - w) <= 2 * resolution_w for w in ours_w):
        return der
    in_force_w = der.weight_w if found_w is None else found_w
    der = evolve(der, track=observe.confirm(der.track, in_force_w, seen.sent_s, now_s))
    if found_w is None:
        return _forgets(der, now_s, f"no limit in force where {held_w:.0f} W was confirmed")
    if seen.reversion_limit_w is not None and abs(found_w - der.reversion_w) <= 2 * resolution_w:
        return _forgets(der, now_s, f"fell back to {found_w:.0f} W: its timer ran out")
    detail = f"{found_w:.0f} W found where {held_w:.0f} W was confirmed"
    der = having(der, FaultKind.DER_SECOND_WRITER, now_s, detail)
    if found_w < held_w:
        lower_w = found_w if der.foreign_w is None else min(found_w, der.foreign_w)
        return evolve(der, foreign_w=lower_w, most_w=min(der.most_w, lower_w), held_w=found_w, sent_w=found_w)
    return evolve(der, sent_w=None, held_w=None)  # ours is the lower: say it again


def _forgets(der: DerState, now_s: float, detail: str) -> DerState:
    """The device dropped our cap: anything up to its nameplate is possible until it is told again."""
    der = having(der, FaultKind.DER_RESTARTED, now_s, detail)
    return evolve(der, held_w=None, sent_w=None, retries=0)


def refused(der: DerState, fault: Fault) -> DerState:
    """A request failed. Whether the DER is silent is decided by time."""
    if fault.kind is FaultKind.WRONG_DEVICE:
        return having(evolve(der, failing=fault, identified=None, held_w=None), fault.kind, fault.at_s, fault.detail)
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
        return evolve(der, held_w=None)
    heard = without(der, FaultKind.DER_SILENT)
    return der if heard is der else evolve(heard, sent_w=None, retries=0, track=observe.unknown(now_s, der.weight_w))


def wants(der: DerState, dt_s: float) -> DerState:
    """How much of a cap it can use: all of it while the cap decides, its own power and some room while the sun does."""
    if der.track.limit_bound or der.track.telemetry_w is None:
        return evolve(der, want_w=der.most_w) if der.want_w != der.most_w else der
    room_w = max(0.0, der.track.telemetry_w) + WANT_ROOM_SHARE * der.weight_w
    want_w = max(room_w, der.want_w - WANT_FALL_PER_S * der.weight_w * dt_s)
    want_w = min(der.most_w, want_w)
    return der if want_w == der.want_w else evolve(der, want_w=want_w)
