"""What must hold in every run: pure functions of the truth and of what the controller kept. Each yields sentences."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise

from pcs.core.der_state import ASK_FIRST_S
from pcs.core.economy import RAISE_EVERY_S
from pcs.core.wishes import FREE_SHARE
from pcs.model.command import LimitActivePower
from pcs.model.event import EventKind
from pcs.model.limit import Direction, Limit
from pcs.model.profile import FallbackDirection
from pcs.model.site import DerKind, DerSpec
from tests.campaign import declared
from tests.campaign.bench import Life, Played
from tests.campaign.happenings import Seam
from tests.campaign.returns import production_returns_without_help

TOLERANCE_SHARE, TOLERANCE_W = 0.01, 30.0
"""Beyond a limit only counts from 1 % of all nameplates on, and the noise of the meter."""
MERGE_S = 1.0
LOWERING_SHARE = 0.01
LOWERED_WITHIN_S = 1.0
"""From a lowering command to the register with no fault about: a cycle, a request under way, frames that arm."""
VAIN_S = 10.0
"""Caught again so soon, storage was let go in vain."""
LOOKS_S = 0.7
"""A poll's period behind the time of a verification, and the deadline of a read."""
ON_THE_WAY_S = 0.2
"""From the reply to a look to the register: its way back, that of the write, and the frames that arm."""
Sentences = Iterator[str]


def no_limit_longer_than_declared(played: Played) -> Sentences:
    """No limit is exceeded, by what DERs under control could avoid, longer than detection + response after a stir."""
    for limit in played.site.limits:
        found = [t for t, over_w in _avoidable(played, limit) if over_w > _tolerance_w(played)]
        stirs = _stirs(played)
        late = [t for t in found if not _is_explained(played, limit, stirs, t)]
        if late:
            worst_w = max(w for t, w in _avoidable(played, limit) if t in set(late))
            yield (
                f"{limit.direction.value} limit of {limit.value:g} W exceeded at {late[0]:.1f} s, by up to "
                f"{worst_w:.0f} W for {_spanned_s(late):.1f} s, later than declared after anything moved"
            )


def _spanned_s(instants: list[float]) -> float:
    """How long such instants last together: gaps of a second are counted in."""
    return 0.1 + sum(later - sooner for sooner, later in pairwise(instants) if later - sooner <= MERGE_S)


def _tolerance_w(played: Played) -> float:
    return TOLERANCE_W + TOLERANCE_SHARE * sum(d.nameplate_w for d in played.site.ders)


def _stirs(played: Played) -> list[tuple[float, float]]:
    """From when to when something moved: load, sun, wishes, faults that begin or end, processes that start or end."""
    scenario = played.scenario
    moments = [0.0, *(t for h in scenario.happenings for t in (h.at_s, h.ends_s))]
    moments += [t for life in played.lives for t in (life.from_s, life.to_s)]
    moments += [asked_s for _, asked_s, _ in _asks(played)]
    return sorted([*scenario.stirs, *((t, t) for t in moments)])


def _asks(played: Played) -> list[tuple[str, float, float]]:
    """When storage was let go of its set point (who, when), and when it was held again (s; infinite: not any more).

    Where a draw has no limit of its own (704) this is how a hidden wish is asked for: the core declares that it may
    exceed an import limit for one response: once, 20 s after a start that found it under a set point, else 60 s after
    the set point at the soonest, and ever more seldom.
    """
    found: list[tuple[str, float, float]] = []
    for life in played.lives:
        last: dict[str, LimitActivePower] = {}
        for step in life.steps:
            for command in step.commands:
                before, name, now_s = last.get(command.der_id), command.der_id, step.now.mono_s
                last[name] = command
                if before is None or (before.setpoint_w is None) == (command.setpoint_w is None):
                    continue
                if command.setpoint_w is None:
                    found.append((name, now_s, float("inf")))
                elif found and found[-1][0] == name:
                    found[-1] = (name, found[-1][1], now_s)
    return found


def wishes_are_asked_for_seldom(played: Played) -> Sentences:
    """Storage is not let go and caught again and again while nothing moves, nor has moved for a response."""
    asks = _asks(played)
    for (name, first_s, caught_s), (other, again_s, again_caught_s) in pairwise(asks):
        calm = not any(first_s - VAIN_S <= to_s and from_s <= again_caught_s for from_s, to_s in _moved(played))
        vain = caught_s < again_s < again_caught_s < again_s + VAIN_S and caught_s < first_s + VAIN_S
        if name == other and vain and calm and again_s - first_s < FREE_SHARE * ASK_FIRST_S:
            yield f"{name}: let go at {first_s:.1f} s, caught, let go again at {again_s:.1f} s, and nothing had moved"


def _moved(played: Played) -> list[tuple[float, float]]:
    """From when to when load, sun and wishes moved, or a fault lasted."""
    return [*played.scenario.stirs, *((h.at_s, h.ends_s) for h in played.scenario.happenings)]


def _is_explained(played: Played, limit: Limit, stirs: list[tuple[float, float]], at_s: float) -> bool:
    allowed_s = declared.allowed_s(played.site, limit, played.scenario.happenings, at_s)
    return any(from_s <= at_s <= to_s + allowed_s for from_s, to_s in stirs)


def _avoidable(played: Played, limit: Limit) -> list[tuple[float, float]]:
    """Instants and how far the flow is beyond the limit there, as far as DERs under control make it so (W)."""
    truth, sign = played.truth, -1.0 if limit.direction is Direction.EXPORT else 1.0
    column = truth.columns.index("import_w")
    ders = [(d, truth.columns.index(f"{d.id}_injection_w")) for d in played.site.ders if d.controlled]
    usable = {d.id: _usable(played, d) for d, _ in ders}
    made = []
    for row in truth.rows:
        over_w = sign * row[column] - (limit.value or 0.0)
        if over_w > 0.0:
            own_w = sum(max(0.0, -sign * row[k]) for d, k in ders if usable[d.id](row[0]))
            made.append((row[0], min(over_w, own_w)))
    return made


def _usable(played: Played, der: DerSpec) -> Callable[[float], bool]:
    """When a DER is under control: nothing spoils it, and there is a process, or it has fallen back by itself."""
    settles_s = max(declared.response_s(played.site, limit) for limit in played.site.limits)
    away_s = declared.MEET_AGAIN_S + settles_s
    spoilt = [(h.at_s, h.ends_s + away_s) for h in played.scenario.happenings if h.on == der.id and h.kind.spoils_der]
    falls_back_s = _falls_back_s(played, der)
    for life, following in zip(played.lives, [*played.lives[1:], None], strict=True):
        if life.ended != "ended in good order" and following is not None:
            back_s = life.to_s + (falls_back_s + settles_s if falls_back_s is not None else 1e9)
            spoilt.append((life.to_s, min(back_s, following.from_s + declared.STARTS_S + settles_s)))
    return lambda at_s: not any(from_s <= at_s <= to_s for from_s, to_s in spoilt)


def _falls_back_s(played: Played, der: DerSpec) -> float | None:
    """After how long without a controller it is inside its share of the safe set by itself; None: never."""
    if any(h.on == der.id and h.kind.name == "reverts_late" for h in played.scenario.happenings):
        return None
    limits = der.profile.limits if der.profile and der.profile.limits else {}
    part = next(p for p in played.scenario.twin.ders if p.id == der.id)
    action = limits.get(str(part.control)) if len(limits) > 1 else next(iter(limits.values()), None)
    safe = action is not None and action.fallback is FallbackDirection.SAFE and der.kind is not DerKind.BATTERY
    return action.reversion_s if action is not None and safe else None


def fail_safe_only_tightens(played: Played) -> Sentences:
    """A step that turns to tighten or safe raises neither the sum of all limits nor that of all draws."""
    for life in played.lives:
        told: dict[str, LimitActivePower] = {}
        action = "safe"
        for step in life.steps:
            was, before = action, dict(told)
            for event in step.events:
                if event.kind is EventKind.ACTION_CHANGED:
                    action = event.text.rpartition(" ")[2]
            told |= {c.der_id: c for c in step.commands}
            turns = was in ("normal", "hold") and action in ("tighten", "safe")
            moved = any(e.kind is EventKind.LIMITS_CHANGED for e in step.events)
            if not turns or moved or set(before) != set(told):
                continue
            for name, size in (("limits", _limit_w), ("limits of draw", _draw_w)):
                raised_w = sum(map(size, told.values())) - sum(map(size, before.values()))
                if raised_w > _tolerance_w(played):
                    yield f"{action} at {step.now.mono_s:.1f} s raises the sum of {name} by {raised_w:.0f} W"


def _limit_w(command: LimitActivePower) -> float:
    return command.limit_w


def _draw_w(command: LimitActivePower) -> float:
    return command.charge_limit_w or 0.0


def foreign_limits_stay(played: Played) -> Sentences:
    """What a second writer lowered is raised by nobody: every write of ours from then on is at or below it.

    But one: an order that tightens something of ours, the limit or the set point, waits for nothing (DESIGN section 5),
    not for a look either. Where it comes before the next verification, it cannot know of the other limit, and
    overwrites it. And one that was on its way already: a raise is written some milliseconds after its look.
    """
    for h in played.scenario.happenings:
        if h.kind.name != "writer_lower":
            continue
        der = next(d for d in played.site.ders if d.id == h.on)
        forgets = ("restart", "reverts_now", "writer_higher")
        others = [o for o in played.scenario.happenings if o.on == h.on and o.at_s > h.at_s]
        until_s = min((o.at_s for o in others if o.kind.name in (*forgets, "writer_lower")), default=1e9)
        own_w = [w for t, w in played.writes[h.on] if t < h.at_s]
        foreign_w = h.amount / 100.0 * der.nameplate_w
        if der.kind is DerKind.EVSE or (own_w and own_w[-1] is not None and own_w[-1] <= foreign_w):
            continue
        seen_s = h.at_s + played.site.tuning.verify_s + LOOKS_S
        for at_s, limit_w in played.writes[h.on]:
            lowers = limit_w is not None and own_w and (own_w[-1] is None or limit_w < own_w[-1])
            unseen = h.at_s < at_s <= seen_s and (limit_w or 0.0) > foreign_w
            if unseen and (lowers or at_s <= h.at_s + ON_THE_WAY_S or _tightens(played, h.on, at_s)):
                break
            if h.at_s < at_s < until_s and (limit_w is None or limit_w > foreign_w + 0.01 * der.nameplate_w):
                put = "no limit" if limit_w is None else f"{limit_w:.0f} W"
                yield f"{h.on}: {put} written at {at_s:.2f} s over somebody else's {foreign_w:.0f} W of {h.at_s:.2f} s"
                break


def _tightens(played: Played, name: str, at_s: float) -> bool:
    """Whether the order that was being written then waits for nothing because of its set point."""
    steps = [s for life in played.lives for s in life.steps if s.now.mono_s <= at_s]
    told = [c for s in steps for c in s.commands if c.der_id == name][-2:]
    return len(told) == 2 and told[1].urgent and told[1].setpoint_w not in (None, told[0].setpoint_w)


def budgets_hold_and_never_delay_lowering(played: Played) -> Sentences:
    """Raising commands keep their distance; a lowering one is in the register at once where nothing is wrong."""
    for life in played.lives:
        told: dict[str, tuple[float, LimitActivePower]] = {}
        for step in life.steps:
            for command in step.commands:
                at_s, last = told.get(command.der_id, (-1e9, None))
                now_s = step.now.mono_s
                told[command.der_id] = (now_s, command)
                if last is None:
                    continue
                if command.limit_w > last.limit_w + 1.0 and not command.urgent and now_s - at_s < RAISE_EVERY_S - 1e-6:
                    yield f"{command.der_id}: raised at {now_s:.2f} s, {now_s - at_s:.2f} s after the command before"
                if not _reached_its_register(played, life, command, last, now_s):
                    words = f"lowering to {command.limit_w:.0f} W of {now_s:.2f} s is not in its register"
                    yield f"{command.der_id}: {words}"


def _reached_its_register(
    played: Played, life: Life, command: LimitActivePower, last: LimitActivePower, now_s: float
) -> bool:
    """The latest command wins: one that is replaced within its time need not get there, its follower must."""
    der = next(d for d in played.site.ders if d.id == command.der_id)
    lowers = command.limit_w < last.limit_w - LOWERING_SHARE * der.nameplate_w
    about = [h for h in played.scenario.happenings if h.kind.seam in (Seam.LINK, Seam.DEVICE) and h.on == der.id]
    near = any(h.at_s - 2.0 <= now_s <= h.ends_s + declared.MEET_AGAIN_S for h in about)
    if not lowers or near or now_s + LOWERED_WITHIN_S >= life.to_s or der.kind is DerKind.EVSE:
        return True
    followers = [
        c.limit_w
        for s in life.steps
        if now_s < s.now.mono_s <= now_s + LOWERED_WITHIN_S
        for c in s.commands
        if c.der_id == der.id
    ]
    most_w = max([command.limit_w, *followers]) + 0.005 * der.nameplate_w
    writes = played.writes[der.id]
    first = bisect_right(writes, now_s - 1e-9, key=lambda w: w[0])
    in_time = [w for t, w in writes[first:] if t <= now_s + LOWERED_WITHIN_S]
    return any(w is not None and w <= most_w for w in in_time)


def the_journal_verifies(played: Played) -> Sentences:
    """Its chains are whole; nothing is missing unless the disk refused."""
    found, kinds = played.journal, {h.kind.name for h in played.scenario.happenings}
    if found is None:
        yield "there is no journal"
        return
    if found.problems:
        yield f"the journal does not verify: {found.problems[0]}"
    if not kinds & {"full", "read_only", "slow", "torn"} and found.steps_missing + found.events_missing:
        yield f"the journal lacks {found.steps_missing} steps and {found.events_missing} events"
    if len(played.lives) == 1 and not kinds & {"full", "read_only"} and found.steps != len(played.lives[0].lines):
        yield f"the journal has {found.steps} steps of {len(played.lives[0].lines)}"


def it_ends_only_when_asked(played: Played) -> Sentences:
    """No process ends by itself, but one that meets a wrong device at start: that is a mistake of the installation."""
    for life in played.lives:
        spoilt = any(
            h.kind.seam in (Seam.LINK, Seam.METER, Seam.DEVICE) and h.at_s <= life.to_s <= h.ends_s + 2.0
            for h in played.scenario.happenings
        )
        if life.error and not (spoilt and life.ended.startswith("WrongDeviceError")):
            yield f"the process of {life.from_s:.1f} s ended by itself: {life.ended}"


INVARIANTS = (
    no_limit_longer_than_declared,
    wishes_are_asked_for_seldom,
    fail_safe_only_tightens,
    foreign_limits_stay,
    budgets_hold_and_never_delay_lowering,
    the_journal_verifies,
    production_returns_without_help,
    it_ends_only_when_asked,
)


def violations(played: Played) -> list[str]:
    """Every violated invariant, one sentence each."""
    return [f"{check.__name__}: {words}" for check in INVARIANTS for words in check(played)]
