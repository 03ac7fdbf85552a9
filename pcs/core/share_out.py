"""From the budgets of all lines to bounds for every DER: caps from export lines, floors from import lines.

What helps one direction is bounded by the other: a battery absorbs no more than the import lines let it draw, and
supports with no more than the export lines let it inject. Where lines of both directions contradict each other, the one
with the better rank wins, and the conflict is reported (DESIGN section 5, composition).
"""

from dataclasses import dataclass, replace
from operator import is_not

from pcs.core import ders, observe, wishes
from pcs.core.der_state import DerState
from pcs.core.dispatch import Claim, dispatch_on
from pcs.core.evolve import evolve
from pcs.core.failsafe import Action
from pcs.core.line_state import LineState
from pcs.core.lines import Fleet, draws_freely
from pcs.core.order import NEAR_SHARE
from pcs.core.policy import Policy
from pcs.model.site import DerKind

CONFLICT_W = 1.0
"""Bounds that cross by less than a watt are rounding."""
LAST = 1000
"""The order of a question: behind everybody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Bounds per DER (watts), the DERs with what they want now, and conflicts in words."""

    caps_w: tuple[float, ...]
    floors_w: tuple[float, ...]
    safe_w: tuple[float, ...]
    safe_charge_w: tuple[float, ...]
    ders: tuple[DerState, ...]
    conflicts: tuple[str, ...]


def share_out(
    policy: Policy,
    states: tuple[LineState, ...],
    fleet: Fleet,
    relieved: frozenset[int],
    dt_s: float,
    *,
    now_s: float = 0.0,
    asks: bool = False,
) -> Shares:
    """Caps, floors and safe shares; `relieved`: DERs on a busbar that must be relieved neither feed nor draw.

    `asks`: hidden wishes may be asked for now.
    """
    wanting = tuple(ders.wants_charge(ders.wants(d, dt_s), dt_s) for d in fleet.ders)
    if relieved or any(map(is_not, wanting, fleet.ders)):
        obeying = tuple(o and n not in relieved for n, o in enumerate(fleet.obeying))
        fleet = evolve(fleet, ders=wanting, obeying=obeying)
    blind = any(s.action is Action.SAFE for s in states)
    safe_w = dispatch_on(policy.up, _safe_totals_w(policy, states, 1.0), _claims(policy, fleet, 1.0, blind=True))
    if not any(d.least_w < 0.0 for d in wanting):
        caps_w = dispatch_on(policy.up, _totals_w(policy, states, 1.0), _claims(policy, fleet, 1.0, blind))
        nothing = (0.0,) * len(wanting)
        return Shares(caps_w=caps_w, floors_w=nothing, safe_w=safe_w, safe_charge_w=nothing, ders=wanting, conflicts=())
    safe_charge_w = dispatch_on(
        policy.down, _safe_totals_w(policy, states, -1.0), _claims(policy, fleet, -1.0, blind=True)
    )
    charge_totals_w = _totals_w(policy, states, -1.0)
    absorbs_w = _absorbed(policy, states, fleet, blind)
    charge_w = dispatch_on(policy.down, charge_totals_w, _claims(policy, fleet, -1.0, blind, absorbs_w=absorbs_w))
    helps_w = tuple(map(min, absorbs_w or (0.0,) * len(wanting), charge_w))
    caps_w = _caps(policy, states, fleet, helps_w, charge_w, blind)
    if any(fleet.support_w):
        supports_w = tuple(max(0.0, min(s, c)) for s, c in zip(fleet.support_w, caps_w, strict=True))
        charge_w = dispatch_on(policy.down, charge_totals_w, _claims(policy, fleet, -1.0, blind, supports_w, absorbs_w))
    floors_w = tuple(-w for w in charge_w)
    wanting, floors_w = _asked(policy, charge_totals_w, fleet, caps_w, floors_w, now_s, asks and not blind)
    caps_w, floors_w, conflicts = settled(policy, fleet, caps_w, floors_w)
    return Shares(
        caps_w=caps_w,
        floors_w=floors_w,
        safe_w=safe_w,
        safe_charge_w=safe_charge_w,
        ders=wanting,
        conflicts=conflicts,
    )


def within(shares: Shares, opened_share: tuple[float, ...]) -> Shares:
    """The same with no DER above its share of its rating: a busbar that was relieved opens again slowly."""
    if all(o >= 1.0 for o in opened_share):
        return shares
    ratings = [(max(0.0, d.most_w), min(0.0, d.least_w)) for d in shares.ders]
    return replace(
        shares,
        caps_w=tuple(min(c, o * m) for c, o, (m, _) in zip(shares.caps_w, opened_share, ratings, strict=True)),
        floors_w=tuple(
            _startable(max(f, o * x), d)
            for f, o, (_, x), d in zip(shares.floors_w, opened_share, ratings, shares.ders, strict=True)
        ),
    )


def unraised(shares: Shares, policy: Policy, states: tuple[LineState, ...]) -> Shares:
    """The same with nobody raised on a line that tightens: what one leaves there goes to no other.

    The sum would stay in its budget; but the flow would rise where the one could not use its part, and nobody sees it.
    What limits of the other direction ask for comes first: a support that they need, a draw that they forbid.
    """
    tight = [line for line, s in zip(policy.lines, states, strict=True) if s.action is Action.TIGHTEN]
    if not tight:
        return shares
    caps_w, floors_w = list(shares.caps_w), list(shares.floors_w)
    for n in {n for line in tight if line.sign > 0.0 for n in line.members}:
        sent = shares.ders[n].sent
        caps_w[n] = caps_w[n] if sent is None else max(min(caps_w[n], sent.cap_w), floors_w[n])
    for n in {n for line in tight if line.sign < 0.0 for n in line.members}:
        sent, least_w = shares.ders[n].sent, shares.ders[n].track.least_w
        floors_w[n] = floors_w[n] if sent is None else min(max(floors_w[n], sent.floor_w(least_w)), caps_w[n])
    return replace(shares, caps_w=tuple(caps_w), floors_w=tuple(floors_w))


def at_nothing(shares: Shares) -> Shares:
    """Every DER at 0 W in both directions, also where it falls back to without us."""
    nothing = (0.0,) * len(shares.ders)
    return replace(within(shares, nothing), safe_w=nothing, safe_charge_w=nothing)


def _startable(floor_w: float, der: DerState) -> float:
    """A charger draws at least its least current, or is paused."""
    return 0.0 if 0.0 < -floor_w < der.spec.charge_min_w else floor_w


def _absorbed(policy: Policy, states: tuple[LineState, ...], fleet: Fleet, blind: bool) -> tuple[float, ...] | None:
    """What storage would be told to draw for the export lines if no import line stood in the way (W); None: nothing.

    It makes room for sources and never for what other storage would discharge: that would only lose energy.
    """
    if not any(fleet.help_w):
        return None
    claims = _claims(policy, fleet, 1.0, blind, fleet.help_w)
    claims = tuple(
        c._replace(most_w=0.0, want_w=0.0) if d.spec.kind is DerKind.BATTERY else c
        for c, d in zip(claims, fleet.ders, strict=True)
    )
    caps_w = dispatch_on(policy.up, _totals_w(policy, states, 1.0), claims)
    return tuple(max(0.0, -w) for w in caps_w) if min(caps_w) < 0.0 else None


def _caps(
    policy: Policy,
    states: tuple[LineState, ...],
    fleet: Fleet,
    helps_w: tuple[float, ...],
    charge_w: tuple[float, ...],
    blind: bool,
) -> tuple[float, ...]:
    """Caps with storage absorbing; what it gives to others counts only as far as it is seen to obey.

    A draw of storage that cannot be told to (124) counts as a load does, for as long as it is seen: a cap below nothing
    is then none that is told.
    """
    totals_w, zipped = _totals_w(policy, states, 1.0), zip(fleet.ders, fleet.obeying, charge_w, strict=True)
    draws_w = tuple(min(w, observe.drawn_w(d.track)) if o and draws_freely(d) else 0.0 for d, o, w in zipped)
    least_w = tuple(map(max, helps_w, draws_w))
    caps_w = dispatch_on(policy.up, totals_w, _drawing(_claims(policy, fleet, 1.0, blind, least_w), draws_w))
    if all(w >= 0.0 for w in caps_w):
        return caps_w
    shown_w = tuple(min(w, observe.drawn_w(d.track)) for w, d in zip(least_w, fleet.ders, strict=True))
    others_w = dispatch_on(policy.up, totals_w, _drawing(_claims(policy, fleet, 1.0, blind, shown_w), draws_w))
    return tuple(w if w < 0.0 else o for w, o in zip(caps_w, others_w, strict=True))


def _drawing(claims: tuple[Claim, ...], draws_w: tuple[float, ...]) -> tuple[Claim, ...]:
    """What draws by its own wish wants no more of the room that its draw makes than a step back, as a load would."""
    return tuple(c._replace(want_w=c.want_w - w) if w > 0.0 else c for c, w in zip(claims, draws_w, strict=True))


def _totals_w(policy: Policy, states: tuple[LineState, ...], sign: float) -> list[float]:
    """What the lines of one direction leave (W); infinity where one is not in force."""
    return [
        s.budget.total_w if s.envelope.limit_w is not None else observe.INFINITY
        for line, s in zip(policy.lines, states, strict=True)
        if line.sign == sign
    ]


def _safe_totals_w(policy: Policy, states: tuple[LineState, ...], sign: float) -> list[float]:
    return [
        observe.INFINITY if s.safe_w is None else s.safe_w
        for line, s in zip(policy.lines, states, strict=True)
        if line.sign == sign
    ]


def _claims(
    policy: Policy,
    fleet: Fleet,
    sign: float,
    blind: bool,
    helps_w: tuple[float, ...] | None = None,
    absorbs_w: tuple[float, ...] | None = None,
) -> tuple[Claim, ...]:
    """What each DER can use; nothing is known of that while a meter is lost (`blind`): then all claim alike."""
    made = []
    up = sign > 0.0
    for n, d in enumerate(fleet.ders):
        weight_w, most_w, want_w = d.weight_w, d.most_w, d.want_w
        if not up:
            weight_w, most_w, want_w = max(1.0, -d.track.least_w), -d.least_w, d.want_charge_w
        if not fleet.obeying[n] or _is_spent(d, sign):
            most_w = want_w = 0.0
        grain_w = 0.0 if up else d.spec.charge_min_w
        if blind:
            made.append(Claim(weight_w, most_w, most_w, 0.0, grain_w))
            continue
        if absorbs_w and not up:  # storage that has to absorb claims that of the import lines, whatever its own wish
            want_w = max(want_w, min(most_w, absorbs_w[n]))
        least_w = -helps_w[n] if helps_w else 0.0
        runs = not up and ders.may_draw(d) and not ders.idles(d)
        made.append(Claim(weight_w, most_w, want_w, least_w, grain_w, policy.orders[n], runs, d.drew_s))
    return tuple(made)


def _asked(
    policy: Policy,
    totals_w: list[float],
    fleet: Fleet,
    caps_w: tuple[float, ...],
    floors_w: tuple[float, ...],
    now_s: float,
    asks: bool,
) -> tuple[tuple[DerState, ...], tuple[float, ...]]:
    """One hidden wish after the other is asked for: the others' storage rests first, so that there is most room."""
    told = any(w < 0.0 and d.takes_setpoint for w, d in zip(caps_w, fleet.ders, strict=True))
    helping = told or any(w > 0.0 for w in floors_w)
    may = tuple(asks and not helping and o for o in fleet.obeying)
    known = tuple(
        d if m and not wishes.is_over(d, now_s) else wishes.ends_turn(d, now_s)
        for d, m in zip(fleet.ders, may, strict=True)
    )
    if not any(may):
        return known, floors_w
    turns = [n for n, d in enumerate(known) if d.turn_s is not None]
    for n in turns or [n for n, d in enumerate(known) if wishes.is_due(d, floors_w[n], -d.least_w, now_s)]:
        der = known[n]
        rests = [k for k, d in enumerate(known) if k != n and wishes.hides(d)]
        charge_w = dispatch_on(policy.down, totals_w, _claims_in_turn(policy, fleet, n, rests))
        if not may[n] or not (turns or wishes.is_due(der, floors_w[n], charge_w[n], now_s)):
            continue
        der = der if der.turn_s is not None else evolve(der, turn_s=now_s)
        made = [-w for w in charge_w]
        if all(_rests(known[k], now_s - (der.turn_s or now_s), fleet.settle_s[k]) for k in rests):
            der = wishes.let_go(der, made[n])
        elif der.sent is not None:  # those that rest are on their way
            made[n] = max(made[n], der.sent.floor_w(der.least_w))
        return (*known[:n], der, *known[n + 1 :]), tuple(made)
    return known, floors_w


def _rests(der: DerState, told_s: float, settle_s: float) -> bool:
    """Whether it draws nothing any more: it is known, or the slowest plant has arrived."""
    return told_s >= settle_s or observe.present(der.track)[0] >= -NEAR_SHARE * der.size_w


def _claims_in_turn(policy: Policy, fleet: Fleet, number: int, rests: list[int]) -> tuple[Claim, ...]:
    """What is claimed while one is asked: hidden storage rests, nobody gets more than it has, that one the rest."""
    made = list(_claims(policy, fleet, -1.0, blind=False))
    for n, (d, c) in enumerate(zip(fleet.ders, made, strict=True)):
        if n == number:
            made[n] = c._replace(want_w=c.most_w, order=LAST)
        elif n in rests:
            made[n] = c._replace(most_w=0.0, want_w=0.0)
        elif d.sent is not None and d.sent.charge_w is not None:
            made[n] = c._replace(most_w=min(c.most_w, d.sent.charge_w))
    return tuple(made)


def _is_spent(der: DerState, sign: float) -> bool:
    """Whether its state of charge forbids the direction."""
    if der.soc_pct is None:
        return False
    return der.soc_pct <= der.spec.soc_min_pct if sign > 0.0 else der.soc_pct >= der.spec.soc_max_pct


def able_to_help(policy: Policy, all_ders: tuple[DerState, ...], obeying: tuple[bool, ...]) -> tuple[float, ...]:
    """How far each DER may be told to absorb (W): obeying storage that has room and says so."""
    return tuple(
        -d.least_w if o and d.spec.absorbs and d.spec.is_storage and _can_be_told(d, -1.0) else 0.0
        for d, o in zip(all_ders, obeying, strict=True)
    )


def able_to_support(policy: Policy, all_ders: tuple[DerState, ...], obeying: tuple[bool, ...]) -> tuple[float, ...]:
    """How far each DER may be told to discharge for an import limit (W): declared, obeying, not empty."""
    return tuple(
        d.most_w if o and d.spec.supports and _can_be_told(d, 1.0) else 0.0
        for d, o in zip(all_ders, obeying, strict=True)
    )


def _can_be_told(der: DerState, sign: float) -> bool:
    """Whether it takes set points, and its state of charge is known and leaves room in this direction."""
    return der.takes_setpoint and der.soc_pct is not None and not _is_spent(der, sign)


def settled(
    policy: Policy, fleet: Fleet, caps_w: tuple[float, ...], floors_w: tuple[float, ...]
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[str, ...]]:
    """Bounds that do not cross: the line with the better rank wins where two directions contradict each other."""
    if all(f <= c + CONFLICT_W for c, f in zip(caps_w, floors_w, strict=True)):
        return caps_w, tuple(map(min, floors_w, caps_w)), ()
    caps, floors, conflicts = list(caps_w), list(floors_w), []
    for n, d in enumerate(fleet.ders):
        if floors[n] <= caps[n] + CONFLICT_W:
            floors[n] = min(floors[n], caps[n])
            continue
        up = min((x for x in policy.lines if x.sign > 0.0 and n in x.members), key=lambda x: x.rank)
        down = min((x for x in policy.lines if x.sign < 0.0 and n in x.members), key=lambda x: x.rank)
        winner = up if up.rank <= down.rank else down
        if winner is up:
            floors[n] = caps[n]
        else:
            caps[n] = floors[n]
        conflicts.append(f"{d.spec.id}: {up.name} and {down.name} contradict each other; {winner.limit.direction} wins")
    return tuple(caps), tuple(floors), tuple(conflicts)
