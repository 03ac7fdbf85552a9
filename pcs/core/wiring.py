"""The passive wiring check: does the flow at the point answer the DERs with the right sign, in sum and on each phase?

At a right-wired point `import + injection` is the load, whatever the DERs do; at a reversed one `injection - import`
is. Whichever of the two stands still while the DERs move tells which it is. Only movements count that are large against
the load's noise; a load step inside the window moves both sums and proves nothing.
"""

from dataclasses import dataclass

from pcs.core.answer import (
    MOVE_SHARE,
    Point,
    Wiring,
    answer,
    in_part,
    rests,
    since_load,
    span_w,
    verifies,
    words_of_part,
    words_of_right,
    words_of_wrong,
)
from pcs.core.evolve import evolve

WINDOW_S = 3.0
POINTS = 24
"""Moments kept of the window; more would cost time on every sample and add nothing."""
IN_PART_SHARE = 0.07
"""A movement of 7 % of nameplate, more than verifies, shows an answer that is neither right nor wrong but in part."""
TOTAL_SHARE = 0.08
"""Where a load on one phase hides the answer of that phase, 8 % of nameplate in the total verify: the slow rise before
verification makes 9 % within the window, and by then an answer in part would have shown."""
PROBE_MOST_SHARE = 0.15
"""What the slow rise before verification moves within a window; a cloud edge moves more, and telemetry lags it."""
DOUBT_S = 15.0
"""A doubt that nothing answers ends unverified, when the DERs have nothing left that could answer, or after this
time: twice what the slowest plant of the band needs for all it has."""
BACKOFF_S = (300.0, 3600.0)
"""A site with a wrong-signed answer stays safe for the first, then starts anew, unverified; with the same answer it
waits twice as long each time, the second at most: each trial is a short excursion, and a person has to turn the CT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WiringState:
    """The verdict, since when, the evidence, and the recent (time, import per phase or total, injection) points."""

    verdict: Wiring = Wiring.UNVERIFIED
    since_s: float = 0.0
    detail: str = ""
    points: tuple[Point, ...] = ()
    last_w: float | None = None
    """The total of the last sample, whether it became a point or not."""
    in_part_since_s: float | None = None
    """Since when the flow has answered in part, before anything was verified."""
    backoff_s: float = BACKOFF_S[0]
    """How long a wrong-signed answer is believed."""
    broken_s: float = float("-inf")
    """When the flow last jumped. No wrong sign is found across a jump, nor with the sample of the jump: a meter that
    averages shows only part of a step there, and the rest in the next sample."""
    was: Wiring = Wiring.UNVERIFIED
    """What was known before the doubt."""
    doubted: tuple[int, ...] = ()
    """The conductors whose sign is in doubt, or asked for (0: the total)."""
    asks_until_s: float = float("-inf")
    """Until when the DERs go down a little, so that the flow has to answer."""
    asks_sign: float = 0.0
    """What they do less meanwhile: inject (1) or draw (-1)."""


def seen(state: WiringState, import_w: float, nameplate_w: float, now_s: float) -> WiringState:
    """Note every sample's total before it is judged, also where the injection is not known well enough for a point.

    A load that falls by twice what the DERs then make room for looks like a reversed meter when only the two ends are
    compared; and after a CT was turned around while it runs, the old points would hide the new sign for a whole window.
    """
    if state.verdict is Wiring.DOUBTED:  # the fall that is to answer may be a jump itself
        if now_s - state.since_s < DOUBT_S:
            return evolve(state, last_w=import_w)
        state = WiringState(since_s=now_s, broken_s=now_s, backoff_s=state.backoff_s)
    asked = now_s < state.asks_until_s
    jumped = not asked and state.last_w is not None and abs(import_w - state.last_w) > MOVE_SHARE * nameplate_w
    return evolve(state, last_w=import_w, broken_s=now_s if jumped else state.broken_s)


def doubt(state: WiringState, conductors: tuple[int, ...], detail: str, before_s: float, now_s: float) -> WiringState:
    """The flow of these conductors may have been turned around since the sample at `before_s`; the fall will tell."""
    if state.verdict in (Wiring.WRONG, Wiring.DOUBTED):
        return state
    return WiringState(
        verdict=Wiring.DOUBTED,
        since_s=now_s,
        detail=detail,
        last_w=state.last_w,
        backoff_s=state.backoff_s,
        broken_s=before_s,
        was=state.verdict,
        doubted=conductors,
    )


def undoubted(state: WiringState, now_s: float) -> WiringState:
    """There was no reason to doubt: what was known is known again, with nothing from before the load's step."""
    return WiringState(
        verdict=state.was,
        since_s=state.since_s,
        detail="the flow is that of a load",
        last_w=state.last_w,
        backoff_s=state.backoff_s,
        broken_s=now_s,
    )


def watch(
    state: WiringState,
    imports_w: tuple[float, ...],
    injection_w: float,
    confirmed: bool,
    balanced: bool,
    nameplate_w: float,
    now_s: float,
) -> WiringState:
    """Take one fresh sample: total and phases (`imports_w[0]` is the total), and the middle of the injection interval.

    `confirmed`: the DERs' telemetry agrees with that middle. A DER that does not follow its commands looks like a
    reversed meter otherwise: it was thought to go down with the load, and the flow went the other way.
    `balanced`: all DERs feed the phases alike, so that each phase can be judged by a share of the injection.
    """
    if state.verdict is Wiring.WRONG and now_s - state.since_s >= state.backoff_s:
        state = WiringState(since_s=now_s, backoff_s=min(BACKOFF_S[1], 2.0 * state.backoff_s))
    points = state.points
    if points and now_s - points[-1][0] < WINDOW_S / POINTS:
        return state
    waits = state.verdict is Wiring.DOUBTED or state.asks_until_s > float("-inf")
    kept = 1 if waits else 0  # the one before the fall, however long that takes
    recent = (*points[:kept], *(p for p in points[kept:] if now_s - p[0] <= WINDOW_S))
    points = (*(p for p in recent if len(p[1]) == len(imports_w)), (now_s, imports_w, injection_w))
    state = evolve(state, points=points)
    if state.verdict is Wiring.WRONG:
        return state
    if waits:
        state = evolve(state, points=since_load(points, nameplate_w))
        return _waited(state, injection_w, balanced, nameplate_w, now_s) if confirmed else state
    if span_w([p[2] for p in points]) < MOVE_SHARE * nameplate_w or nameplate_w <= 0.0:
        return state
    phases = len(imports_w) - 1 if balanced else 0
    whole = tuple(p for p in points if p[0] > state.broken_s)
    moved_w = span_w([p[2] for p in whole])
    if moved_w >= MOVE_SHARE * nameplate_w and confirmed:
        wrong = [k for k in range(1 + phases) if answer(whole, k, phases) is Wiring.WRONG]
        if wrong:
            conductors = (0,) if wrong[0] == 0 else tuple(wrong)
            return _confirmed(state, conductors, words_of_wrong(wrong[0], moved_w), now_s)
    if state.verdict is Wiring.UNVERIFIED and confirmed and MOVE_SHARE <= moved_w / nameplate_w <= PROBE_MOST_SHARE:
        first = 0 if moved_w >= IN_PART_SHARE * nameplate_w else 1  # phases before the total verifies them too
        found = [(k, share) for k in range(1 + phases) if (share := in_part(whole, k, phases)) is not None]
        later = [(k, share) for k, share in found if in_part(whole[len(whole) // 2 :], k, phases) is not None]
        is_twice = any(k >= first for k, _ in later)
        if not any(k >= first for k, _ in found):
            state = evolve(state, in_part_since_s=None)
        elif state.in_part_since_s is None:
            state = evolve(state, in_part_since_s=now_s if is_twice else None)
        elif is_twice and now_s - state.in_part_since_s >= WINDOW_S:  # nothing of the first evidence is left by then
            return is_wrong(state, words_of_part(*later[0]), now_s)
        if state.in_part_since_s is not None:  # a total that answers well enough hides one conductor of three
            return state
    sure = verifies(points, MOVE_SHARE * nameplate_w, phases) or verifies(points, TOTAL_SHARE * nameplate_w, 0)
    if state.verdict is Wiring.UNVERIFIED and sure:
        moved_w = span_w([p[2] for p in points])
        detail = words_of_right(moved_w)
        return evolve(state, verdict=Wiring.VERIFIED, since_s=now_s, detail=detail, backoff_s=BACKOFF_S[0])
    return state


def _waited(state: WiringState, injection_w: float, balanced: bool, nameplate_w: float, now_s: float) -> WiringState:
    """What the fall says; a doubt ends when it said nothing and nothing is left that could still answer."""
    answered = _answered(state, balanced, nameplate_w, now_s)
    if answered.verdict is not Wiring.DOUBTED or now_s - answered.since_s < WINDOW_S:
        return answered
    if abs(injection_w) >= MOVE_SHARE * nameplate_w or not rests(answered.points, nameplate_w):
        return answered
    return WiringState(since_s=now_s, broken_s=now_s, backoff_s=answered.backoff_s)


def _answered(state: WiringState, balanced: bool, nameplate_w: float, now_s: float) -> WiringState:
    """What the DERs' fall says of the conductors in doubt; nothing, while they have not moved or a load hides it."""
    phases = len(state.points[-1][1]) - 1
    judged = _judged(state, balanced)
    for first in range(len(state.points) - 1):  # a load that moved since leaves the later part
        part = state.points[first:]
        moved_w = span_w([p[2] for p in part])
        if moved_w < MOVE_SHARE * nameplate_w or nameplate_w <= 0.0:
            return state
        answers = [answer(part, k, phases) for k in judged]
        if Wiring.WRONG in answers:
            words = words_of_wrong(judged[answers.index(Wiring.WRONG)], moved_w)
            if state.verdict is Wiring.DOUBTED:
                return is_wrong(state, words, now_s)
            return _confirmed(state, judged, words, now_s)
        if all(answer is Wiring.VERIFIED for answer in answers):
            detail = words_of_right(moved_w)
            return WiringState(verdict=Wiring.VERIFIED, since_s=now_s, detail=detail, points=part)
    return state


def _confirmed(state: WiringState, conductors: tuple[int, ...], detail: str, now_s: float) -> WiringState:
    """A wrong sign is a doubt that the fall to the safe set has to confirm: a flow may drift as the DERs rise."""
    return evolve(doubt(state, conductors, detail, now_s, now_s), points=(state.points[-1],))


def ask(
    state: WiringState, imports_w: tuple[float, ...], injection_w: float, until_s: float, now_s: float
) -> WiringState:
    """The DERs go down a little until then, and the flow is to answer on every conductor."""
    return evolve(
        state,
        points=((now_s, imports_w, injection_w),),
        doubted=tuple(range(1, len(imports_w))) if len(imports_w) > 2 else (0,),
        asks_until_s=until_s,
        asks_sign=1.0 if injection_w > 0.0 else -1.0,
    )


def unasked(state: WiringState) -> WiringState:
    """The DERs may go up again."""
    if state.asks_until_s == float("-inf"):
        return state
    return evolve(state, asks_until_s=float("-inf"), asks_sign=0.0, doubted=())


def is_right_since(state: WiringState, since_s: float, balanced: bool, nameplate_w: float) -> bool:
    """Whether the flow has answered the DERs with the right sign after `since_s`, on every conductor that shows it."""
    if state.verdict is not Wiring.VERIFIED:
        return False
    points = tuple(p for p in state.points if p[0] > since_s)
    phases = len(state.points[-1][1]) - 1 if balanced and state.points else 0
    return state.since_s > since_s or verifies(points, MOVE_SHARE * nameplate_w, phases)


def in_part_words(state: WiringState, balanced: bool) -> str:
    """What an answer in part to the DERs' movement may mean; empty where there was none."""
    phases = len(state.points[-1][1]) - 1 if state.points else 0
    for k in _judged(state, balanced) if phases else ():
        share = in_part(state.points, k, phases)
        if share is not None:
            return words_of_part(k, share)
    return ""


def _judged(state: WiringState, balanced: bool) -> tuple[int, ...]:
    return state.doubted if balanced and 0 not in state.doubted else (0,)


def is_wrong(state: WiringState, detail: str, now_s: float) -> WiringState:
    """The verdict that stays until a person had time to turn the CT."""
    return WiringState(verdict=Wiring.WRONG, since_s=now_s, detail=detail, backoff_s=state.backoff_s)
