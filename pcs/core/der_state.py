"""One DER as the core remembers it, and the conditions that it may be in."""

from dataclasses import dataclass

from pcs.core import observe
from pcs.core.evolve import evolve
from pcs.core.observe import Track
from pcs.core.order import Able, Order
from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import DerTiming
from pcs.model.reading import DerIdentified
from pcs.model.site import DerSpec

ASK_FIRST_S = 900.0
"""A battery whose draw can only be bounded by a set point is let free for a moment after so long, to see whether it
still wishes to draw, where there is no room for that: an excursion as long as its own response, which a limit is worth
more than a late wish. The more room there is, the sooner (`wishes.waits_s`)."""
ASK_MOST_S = 7200.0
"""With the same answer it is asked half as often each time, every two hours at least (where that costs nothing, every
quarter of an hour)."""


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
    least_w: float = 0.0
    """The lowest floor it may ever get (<= 0): minus what it can draw, or minus a foreign limit of its draw."""
    bounds_charge: bool = False
    soc_pct: float | None = None
    wish_w: float | None = None
    """What it last injected by its own wish: with no set point in force. Only storage has one."""
    hidden_w: float | None = None
    """The wish that it is asked about: one that draws at all is this one until it is seen whole."""
    told_since_s: float = float("-inf")
    """Since when a set point has hidden its wish."""
    ask_after_s: float = ASK_FIRST_S
    """How long a set point may hide its wish before it is asked for again, where the question costs most."""
    turn_s: float | None = None
    """Since when others rest so that it can be asked."""
    drew_s: float = float("-inf")
    """When a charger last drew, or was allowed to after a pause."""
    let_go_s: float = float("-inf")
    """When it was last told that it is free of a set point."""
    caught: int = 0
    """How often in a row a set point had to hold it again before it could have arrived at its wish."""
    since_s: float
    """When this run began to look for it."""
    heard_s: float | None = None
    """Last valid answer of any kind."""
    failing: Fault | None = None
    """Why the last request failed; None after a good one."""
    sent: Order | None = None
    """What was last commanded; None: nothing yet."""
    sent_s: float = float("-inf")
    held: Order | None = None
    """What the device last confirmed."""
    held_s: float = float("-inf")
    reversion_w: float = 0.0
    reversion_charge_w: float = 0.0
    pending: bool = False
    """A command is under way: neither confirmed nor failed yet."""
    retries: int = 0
    """Commands in a row that came to nothing."""
    unwritten_since_s: float | None = None
    """When the first of them failed."""
    foreign_w: float | None = None
    """A limit that somebody else set and that is honoured."""
    foreign_charge_w: float | None = None
    conditions: tuple[Fault, ...] = ()
    strikes: int = 0
    excess_since_s: float | None = None
    excess_w: float = 0.0
    obeying_since_s: float | None = None
    free_s: float = float("-inf")
    """When it was last released from a set point."""
    surprised_s: float = float("-inf")
    """Up to when what was thought of its injection was wrong: nothing before may be compared with what comes after."""
    want_w: float = 0.0
    want_charge_w: float = 0.0

    @property
    def sent_w(self) -> float | None:
        """The limit last commanded (W)."""
        return None if self.sent is None else self.sent.limit_w

    @property
    def held_w(self) -> float | None:
        """The limit that the device last confirmed (W)."""
        return None if self.held is None else self.held.limit_w

    @property
    def size_w(self) -> float:
        """The most that it can inject or draw (W)."""
        draw_w = -self.least_w
        return self.weight_w if self.weight_w >= draw_w else draw_w

    @property
    def able(self) -> Able:
        """What an order for it may ask."""
        told = self.sent is not None and self.sent.setpoint_w is not None
        return Able(self.least_w, self.most_w, self.bounds_charge, self.wish_w, self.takes_setpoint, told)

    @property
    def takes_setpoint(self) -> bool:
        """Whether it can be told what to do, beyond what it may do."""
        return self.identified is not None and self.identified.takes_setpoint


def new(spec: DerSpec, timing: DerTiming, now_s: float) -> DerState:
    """A DER that nobody has met yet."""
    return DerState(
        spec=spec,
        timing=timing,
        track=observe.unknown(now_s, spec.least_w, spec.most_w, sun=spec.charge_w <= 0.0),
        weight_w=spec.nameplate_w,
        most_w=spec.most_w,
        least_w=spec.least_w,
        since_s=now_s,
        want_w=spec.most_w,
        want_charge_w=spec.charge_w,
    )


def unseen(der: DerState, now_s: float) -> Track:
    """Nothing is known of what it does: anything between all that it can draw and all that it can inject."""
    return observe.unknown(now_s, der.track.least_w, der.track.most_w, sun=der.spec.charge_w <= 0.0)


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
