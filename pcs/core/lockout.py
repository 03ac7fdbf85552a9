"""Lock-out after excursions: which ones count, when they lock out, when that ends. Pure; only resets loosen.

Excursions are those of `pcs.core.excursion`, as the meter saw them, one for each line and each threshold of the rules,
also while they last. All times are those of a clock of its own that runs with monotonic time while the controller runs
and rests while it does not: no time of day is used, so a clock that is set shortens nothing.
"""

from dataclasses import dataclass

from pcs.core.evolve import evolve
from pcs.core.excursion import Excursion
from pcs.model.fault import Fault, FaultKind
from pcs.model.lockout import (
    ACTION_WORDS,
    NOTHING_YET,
    ExcursionRule,
    Lockout,
    LockoutAction,
    LockoutRecord,
    LockoutRules,
    Mark,
    UnderWay,
    Who,
)

SOURCE = "lockout"
"""Whom the condition is about: the site, and no device."""
SAVE_S = 4.0
"""An excursion that goes on is written down this often, so a power cut hides less than `UNSAVED_S` of it."""
UNSAVED_S = 5.0
"""So much longer than was written may an excursion have lasted before an end without order: `SAVE_S`, and the disk."""
COUNTDOWN_SAVE_S = 60.0
"""While anything is counted down, so much of it may be lost in a power cut, which only makes it longer."""
HISTORY_SAVE_S = 3600.0
"""The same for the history of lock-outs alone, which is counted in weeks: 24 writes a day."""
BEGUN_MOST = 64
"""Lock-outs that are remembered: twice what any preset counts, in 30 days, and every day has one."""

Present = tuple[tuple[Excursion | None, ...], ...]
"""The excursion that lasts, by line and by threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutState:
    """The record, the monotonic moment up to which its clock has run, and which excursions have counted already.

    `counted` holds line number, rule id and beginning of an excursion that lasts.
    """

    record: LockoutRecord = NOTHING_YET
    at_s: float | None = None
    counted: tuple[tuple[int, str, float], ...] = ()


UNLOCKED = LockoutState()
"""Nothing has counted."""


def thresholds(rules: LockoutRules | None) -> tuple[float, ...]:
    """The different `beyond_pct` of all rules, each once, rising."""
    return tuple(sorted({rule.beyond_pct for rule in rules.rules})) if rules else ()


def carried_s(record: LockoutRecord, line: str, beyond_pct: float) -> float:
    """For how long an excursion of a line may have lasted when the controller ended (seconds)."""
    lasted_s = max((u.lasted_s for u in record.under_way if (u.line, u.beyond_pct) == (line, beyond_pct)), default=0.0)
    return lasted_s if record.orderly else lasted_s + UNSAVED_S


def resumed(
    record: LockoutRecord, rules: LockoutRules, lines: tuple[str, ...], now_s: float, utc_s: float
) -> LockoutState:
    """The memory of a controller that starts, from what the one before left.

    What may have come to count in the time that was not written counts; what had counted does not count twice.
    """
    state = LockoutState(record=evolve(record, orderly=True), at_s=now_s)
    counted: list[tuple[int, str, float]] = []
    for number, line in enumerate(lines):
        for rule in rules.rules:
            known = [u for u in record.under_way if (u.line, u.beyond_pct) == (line, rule.beyond_pct)]
            if not known:
                continue
            may_s = carried_s(record, line, rule.beyond_pct)
            if max(u.lasted_s for u in known) < rule.lasting_s <= may_s:
                state = _count(state, rule, rules, f"{line}: an excursion before the last end", utc_s)
            if may_s >= rule.lasting_s:
                counted.append((number, rule.id, now_s - may_s))
    return evolve(state, counted=tuple(counted))


def seeds(
    record: LockoutRecord, rules: LockoutRules, lines: tuple[str, ...], now_s: float
) -> tuple[tuple[Excursion | None, ...], ...]:
    """The excursions that go on if the first measurement after a start is beyond the limit: no time is lost."""
    made = []
    for line in lines:
        lasted = (carried_s(record, line, pct) for pct in thresholds(rules))
        made.append(
            tuple(Excursion(from_s=now_s - s, to_s=now_s - s, peak_w=0.0, energy_wh=0.0) if s else None for s in lasted)
        )
    return tuple(made)


def advance(
    state: LockoutState,
    present: Present,
    lines: tuple[str, ...],
    rules: LockoutRules,
    now_s: float,
    utc_s: float,
) -> LockoutState:
    """One step: count what has lasted long enough, lock out where it is enough, let go what ends by itself."""
    state = _run_clock(state, now_s)
    levels_pct = thresholds(rules)
    counted = set(state.counted)
    going_on: set[tuple[int, str, float]] = set()
    state = _forget(state, rules)
    for number, excursions in enumerate(present):
        for rule in rules.rules:
            excursion = excursions[levels_pct.index(rule.beyond_pct)] if excursions else None
            if excursion is None:
                continue
            key = (number, rule.id, excursion.from_s)
            if key in counted:  # it may wait for the first measurement after a start
                going_on.add(key)
            elif excursion.duration_s >= rule.lasting_s:
                going_on.add(key)
                state = _count(state, rule, rules, _why(lines[number], excursion, rule), utc_s)
    if going_on:
        state = _renewed(state)
    ends_s = rules.reset.by_itself_s
    locked = state.record.locked
    if locked and ends_s is not None and _age_s(state, locked) >= ends_s and not _lasting(present):
        state = evolve(state, record=evolve(state.record, locked=None))
    under_way = _under_way(state.record, present, lines, levels_pct)
    if under_way != state.record.under_way:
        state = evolve(state, record=evolve(state.record, under_way=under_way))
    kept = tuple(sorted(going_on))
    return state if kept == state.counted else evolve(state, counted=kept)


def _run_clock(state: LockoutState, now_s: float) -> LockoutState:
    """The clock runs with monotonic time, never back."""
    if state.at_s is None or now_s <= state.at_s:
        return evolve(state, at_s=now_s if state.at_s is None else state.at_s)
    return evolve(state, at_s=now_s, record=evolve(state.record, clock_s=state.record.clock_s + now_s - state.at_s))


def _lasting(present: Present) -> bool:
    return any(one is not None and one.duration_s > 0.0 for excursions in present for one in excursions)


def _under_way(
    record: LockoutRecord, present: Present, lines: tuple[str, ...], levels_pct: tuple[float, ...]
) -> tuple[UnderWay, ...]:
    """What goes on; what went on before a start stays until a measurement says otherwise."""
    known = {(u.line, u.beyond_pct): u for u in record.under_way}
    made: list[UnderWay] = []
    for name, excursions in zip(lines, present, strict=True):
        for pct, excursion in zip(levels_pct, excursions, strict=False):
            if excursion is not None and excursion.duration_s > 0.0:
                made.append(UnderWay(line=name, beyond_pct=pct, lasted_s=excursion.duration_s))
            elif excursion is not None and (name, pct) in known:
                made.append(known[name, pct])
    return tuple(made)


def _forget(state: LockoutState, rules: LockoutRules) -> LockoutState:
    """Drop what no rule can count any more; nothing that could still matter."""
    record = state.record
    windows_s = {rule.id: rule.window_s or 0.0 for rule in rules.rules}
    marks = tuple(m for m in record.marks if record.clock_s - m.at_s <= windows_s.get(m.rule_id, 0.0))
    recent = [s for s in record.begun_s if record.clock_s - s <= rules.reset.user_window_s]
    begun_s = record.begun_s[-max(len(recent), 1 if record.locked else 0) :] if recent or record.locked else ()
    if (marks, begun_s) == (record.marks, record.begun_s):
        return state
    return evolve(state, record=evolve(record, marks=marks, begun_s=begun_s))


def _count(state: LockoutState, rule: ExcursionRule, rules: LockoutRules, why: str, utc_s: float) -> LockoutState:
    """Note an excursion for a rule, and lock out where it is the last that was missing."""
    if rule.count == 1:
        return _lock(state, rules, why, utc_s)
    record = state.record
    own = [m for m in record.marks if m.rule_id == rule.id]
    own = [*own, Mark(rule_id=rule.id, at_s=record.clock_s)][-rule.count :]  # the newest decide
    others = tuple(m for m in record.marks if m.rule_id != rule.id)
    state = evolve(state, record=evolve(record, marks=(*others, *own)))
    within = rule.window_s is None or record.clock_s - own[0].at_s <= rule.window_s
    return _lock(state, rules, why, utc_s) if len(own) >= rule.count and within else state


def _lock(state: LockoutState, rules: LockoutRules, why: str, utc_s: float) -> LockoutState:
    """A lock-out begins, or begins anew: its time counts from now, and it is never less than it was."""
    record, now_s = state.record, state.record.clock_s
    before = record.locked
    locked = Lockout(
        renewed_s=now_s,
        since_utc_s=utc_s if before is None else before.since_utc_s,
        action=rules.action if before is None else max(before.action, rules.action),
        why=why,
    )
    begun_s = record.begun_s if before is None else record.begun_s[:-1]
    return evolve(state, record=evolve(record, locked=locked, begun_s=(*begun_s, now_s)[-BEGUN_MOST:]))


def _renewed(state: LockoutState) -> LockoutState:
    """Times of a lock-out count from the end of an excursion that counts, not from its beginning."""
    record, now_s = state.record, state.record.clock_s
    if record.locked is None or record.locked.renewed_s == now_s:
        return state
    locked = evolve(record.locked, renewed_s=now_s)
    return evolve(state, record=evolve(record, locked=locked, begun_s=(*record.begun_s[:-1], now_s)))


def _why(line: str, excursion: Excursion, rule: ExcursionRule) -> str:
    beyond = f" more than {rule.beyond_pct:g} %" if rule.beyond_pct else ""
    often = "" if rule.count == 1 else f", number {rule.count} within {span_words(rule.window_s or 0.0)}"
    return (
        f"{line}: {excursion.duration_s:.1f} s{beyond} beyond the limit, at most {excursion.peak_w:.0f} W{often} "
        f"(rule {rule.id})"
    )


def _age_s(state: LockoutState, locked: Lockout) -> float:
    return state.record.clock_s - locked.renewed_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether somebody may end the lock-out now; if not, why, and in how many seconds (None: no time is known)."""

    allowed: bool
    why: str
    in_s: float | None = None


def may_reset(state: LockoutState, rules: LockoutRules, who: Who) -> Verdict:
    """Whether `who` may end the lock-out now."""
    locked, reset = state.record.locked, rules.reset
    if locked is None:
        return Verdict(allowed=False, why="nothing is locked out")
    after_s = reset.user_after_s if who is Who.USER else reset.installer_after_s
    if after_s is None:
        return Verdict(allowed=False, why="the preset leaves this to the installer")
    if who is Who.USER and reset.user_fewer_than:
        recent = [s for s in state.record.begun_s if state.record.clock_s - s <= reset.user_window_s]
        if len(recent) >= reset.user_fewer_than:
            return Verdict(
                allowed=False,
                why=f"{len(recent)} lock-outs within {span_words(reset.user_window_s)}: only the installer may",
            )
    if state.record.under_way:
        return Verdict(allowed=False, why="the flow is still beyond the limit")
    left_s = after_s - _age_s(state, locked)
    if left_s > 0.0:
        return Verdict(allowed=False, why=f"not before {span_words(after_s)} have passed", in_s=left_s)
    return Verdict(allowed=True, why="allowed")


def reset(state: LockoutState, rules: LockoutRules, who: Who) -> tuple[LockoutState, Verdict]:
    """End the lock-out, where that is allowed. What has counted stays counted; it ages out of its windows."""
    verdict = may_reset(state, rules, who)
    if not verdict.allowed:
        return state, verdict
    clears = who is Who.INSTALLER and rules.reset.installer_clears
    record = evolve(state.record, locked=None, begun_s=() if clears else state.record.begun_s)
    return evolve(state, record=record), verdict


def fault(state: LockoutState, now_s: float) -> tuple[Fault, ...]:
    """The condition for the fail-safe table, while a lock-out stands."""
    locked = state.record.locked
    if locked is None:
        return ()
    detail = f"{locked.why}; {ACTION_WORDS[locked.action]}"
    return (Fault(kind=FaultKind.LOCKED_OUT, source_id=SOURCE, at_s=now_s, detail=detail),)


def at_zero(state: LockoutState) -> bool:
    """Whether a lock-out holds every controlled DER at nothing."""
    locked = state.record.locked
    return locked is not None and locked.action >= LockoutAction.ZERO


def due(saved: LockoutRecord | None, now: LockoutRecord) -> bool:
    """Whether the record must be written now: something happened, or too much would be lost in a power cut."""
    if saved is None:
        return True
    if saved.marks != now.marks or _identity(saved) != _identity(now):
        return True
    if saved.locked and now.locked and now.locked.renewed_s - saved.locked.renewed_s >= SAVE_S:
        return True
    known = {(u.line, u.beyond_pct): u.lasted_s for u in saved.under_way}
    lasting = {(u.line, u.beyond_pct): u.lasted_s for u in now.under_way}
    if any(key not in lasting or lasting[key] < known[key] for key in known):
        return True  # one that ended must not go on after a restart
    if any(lasting[key] - known.get(key, 0.0) >= SAVE_S for key in lasting):
        return True
    ran_s = now.clock_s - saved.clock_s
    return ran_s >= COUNTDOWN_SAVE_S and bool(now.locked or now.marks or (now.begun_s and ran_s >= HISTORY_SAVE_S))


def _identity(record: LockoutRecord) -> tuple[object, ...]:
    """What of a lock-out is news; that its times begin anew while an excursion lasts is none."""
    if record.locked is None:
        return (record.begun_s,)
    return record.locked.why, record.locked.action, record.begun_s[:-1]


def span_words(span_s: float) -> str:
    """A time in the unit in which rules give it: "10 min"."""
    for unit, size_s in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if span_s >= size_s and span_s % size_s == 0.0 and (unit != "d" or span_s > size_s):
            return f"{span_s / size_s:g} {unit}"
    return f"{span_s:g} s"
