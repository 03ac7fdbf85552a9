"""The passive wiring check: does the flow at the point answer the DERs with the right sign, in sum and on each phase?

At a right-wired point `import + injection` is the load, whatever the DERs do; at a reversed one `injection - import`
is. Whichever of the two stands still while the DERs move tells which it is. Only movements count that are large against
the load's noise; a load step inside the window moves both sums and proves nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from pcs.core.evolve import evolve

WINDOW_S = 3.0
POINTS = 24
"""Moments kept of the window; more would cost time on every sample and add nothing."""
MOVE_SHARE = 0.05
"""A movement of 5 % of nameplate proves something (the probe envelope of DESIGN section 6)."""
STILL = 0.35
"""The sum that is the load stays within this share of the DERs' movement (telemetry and meter are not simultaneous)."""
IN_PART_SHARE = 0.07
"""A movement of 7 % of nameplate, more than verifies, shows an answer that is neither right nor wrong but in part."""
TOTAL_SHARE = 0.08
"""Where a load on one phase hides the answer of that phase, 8 % of nameplate in the total verify: the slow rise before
verification makes 9 % within the window, and by then an answer in part would have shown."""
PROBE_MOST_SHARE = 0.15
"""What the slow rise before verification moves within a window; a cloud edge moves more, and telemetry lags it."""
CLEAR = 0.15
"""The flow keeps to a straight line over the DERs' movement within this share of it: a load that moves does not."""
PART_SHARES = (0.35, 0.6)
"""CTs that are swapped, taps that are turned and half of what is set answer with 0.5; less is a load that hides it."""
DOUBT_S = 15.0
"""A doubt that nothing answers ends unverified: twice what the slowest plant of the band needs for all it has."""
BACKOFF_S = (300.0, 3600.0)
"""A site with a wrong-signed answer stays safe for the first, then starts anew, unverified; with the same answer it
waits twice as long each time, the second at most: each trial is a short excursion, and a person has to turn the CT."""


class Wiring(StrEnum):
    """What is known of the meter's direction."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    DOUBTED = "doubted"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class WiringState:
    """The verdict, since when, the evidence, and the recent (time, import per phase or total, injection) points."""

    verdict: Wiring = Wiring.UNVERIFIED
    since_s: float = 0.0
    detail: str = ""
    points: tuple[tuple[float, tuple[float, ...], float], ...] = ()
    last_w: float | None = None
    """The total of the last sample, whether it became a point or not."""
    in_part_since_s: float | None = None
    """Since when the flow has answered in part, before anything was verified."""
    backoff_s: float = BACKOFF_S[0]
    """How long a wrong-signed answer is believed."""
    broken_s: float = float("-inf")
    """When the flow last jumped. No wrong sign is found across a jump, nor with the sample of the jump: a meter that
    averages shows only part of a step there, and the rest in the next sample."""
    doubted: tuple[int, ...] = ()
    """The conductors whose sign is in doubt (0: the total)."""


def seen(state: WiringState, import_w: float, nameplate_w: float, now_s: float) -> WiringState:
    """Note every sample's total before it is judged, also where the injection is not known well enough for a point.

    A load that falls by twice what the DERs then make room for looks like a reversed meter when only the two ends are
    compared; and after a CT was turned around while it runs, the old points would hide the new sign for a whole window.
    """
    if state.verdict is Wiring.DOUBTED:  # the fall that is to answer may be a jump itself
        if now_s - state.since_s < DOUBT_S:
            return evolve(state, last_w=import_w)
        state = WiringState(since_s=now_s, broken_s=now_s, backoff_s=state.backoff_s)
    jumped = state.last_w is not None and abs(import_w - state.last_w) > MOVE_SHARE * nameplate_w
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
        doubted=conductors,
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
    kept = 1 if state.verdict is Wiring.DOUBTED else 0  # the one before the fall, however long that takes
    recent = (*points[:kept], *(p for p in points[kept:] if now_s - p[0] <= WINDOW_S))
    points = (*(p for p in recent if len(p[1]) == len(imports_w)), (now_s, imports_w, injection_w))
    state = evolve(state, points=points)
    if state.verdict is Wiring.WRONG:
        return state
    if state.verdict is Wiring.DOUBTED:
        return _answered(state, balanced, nameplate_w, now_s) if confirmed else state
    if _span([p[2] for p in points]) < MOVE_SHARE * nameplate_w or nameplate_w <= 0.0:
        return state
    phases = len(imports_w) - 1 if balanced else 0
    whole = tuple(p for p in points if p[0] > state.broken_s)
    moved_w = _span([p[2] for p in whole])
    if moved_w >= MOVE_SHARE * nameplate_w and confirmed:
        wrong = [k for k in range(1 + phases) if _answer(whole, k, phases) is Wiring.WRONG]
        if wrong:
            return _is_wrong(state, _words_of_wrong(wrong[0], moved_w), now_s)
    if state.verdict is Wiring.UNVERIFIED and confirmed and MOVE_SHARE <= moved_w / nameplate_w <= PROBE_MOST_SHARE:
        first = 0 if moved_w >= IN_PART_SHARE * nameplate_w else 1  # phases before the total verifies them too
        found = [(k, share) for k in range(1 + phases) if (share := _in_part(whole, k, phases)) is not None]
        later = [(k, share) for k, share in found if _in_part(whole[len(whole) // 2 :], k, phases) is not None]
        is_twice = any(k >= first for k, _ in later)
        if not any(k >= first for k, _ in found):
            state = evolve(state, in_part_since_s=None)
        elif state.in_part_since_s is None:
            state = evolve(state, in_part_since_s=now_s if is_twice else None)
        elif is_twice and now_s - state.in_part_since_s >= WINDOW_S:  # nothing of the first evidence is left by then
            return _is_wrong(state, _words(*later[0]), now_s)
        if state.in_part_since_s is not None:  # a total that answers well enough hides one conductor of three
            return state
    sure = _verifies(points, MOVE_SHARE * nameplate_w, phases) or _verifies(points, TOTAL_SHARE * nameplate_w, 0)
    if state.verdict is Wiring.UNVERIFIED and sure:
        moved_w = _span([p[2] for p in points])
        detail = _words_of_right(moved_w)
        return evolve(state, verdict=Wiring.VERIFIED, since_s=now_s, detail=detail, backoff_s=BACKOFF_S[0])
    return state


def _answered(state: WiringState, balanced: bool, nameplate_w: float, now_s: float) -> WiringState:
    """What the DERs' fall says of the conductors in doubt; nothing, while they have not moved or a load hides it."""
    phases = len(state.points[-1][1]) - 1
    judged = state.doubted if balanced and 0 not in state.doubted else (0,)
    for first in range(len(state.points) - 1):  # a load that moved since leaves the later part
        part = state.points[first:]
        moved_w = _span([p[2] for p in part])
        if moved_w < MOVE_SHARE * nameplate_w or nameplate_w <= 0.0:
            return state
        answers = [_answer(part, k, phases) for k in judged]
        if Wiring.WRONG in answers:
            return _is_wrong(state, _words_of_wrong(judged[answers.index(Wiring.WRONG)], moved_w), now_s)
        if all(answer is Wiring.VERIFIED for answer in answers):
            detail = _words_of_right(moved_w)
            return WiringState(verdict=Wiring.VERIFIED, since_s=now_s, detail=detail, points=part)
    return state


def _is_wrong(state: WiringState, detail: str, now_s: float) -> WiringState:
    return WiringState(verdict=Wiring.WRONG, since_s=now_s, detail=detail, backoff_s=state.backoff_s)


def _words_of_right(moved_w: float) -> str:
    return f"flow answered {moved_w:.0f} W of the DERs with the right sign"


def _words_of_wrong(k: int, moved_w: float) -> str:
    where = "the total" if k == 0 else f"L{k}"
    return f"{where} follows the DERs' {moved_w:.0f} W with the wrong sign: CT reversed, or sign in the site file"


def _words(k: int, share: float) -> str:
    where = "the total" if k == 0 else f"L{k}"
    if share > 0.0:
        return f"{where} follows the DERs by {share:.0%}, with the wrong sign: CTs or voltage taps on wrong conductors"
    return f"{where} answers the DERs by {-share:.0%} only: CT ratio, or a parallel conductor that goes past the CT"


def _verifies(points: tuple[tuple[float, tuple[float, ...], float], ...], move_w: float, phases: int) -> bool:
    """Whether the whole window, or its latest part since the load last jumped, shows a movement with the right sign.

    In the total, and on each of so many phases.
    """
    for first in range(len(points) - 1):
        part = points[first:]
        if _span([p[2] for p in part]) < move_w:
            return False  # a shorter part moves no more
        if all(_answer(part, k, phases) is Wiring.VERIFIED for k in range(1 + phases)):
            return True
    return False


def _answer(points: tuple[tuple[float, tuple[float, ...], float], ...], k: int, phases: int) -> Wiring:
    part = 1.0 if k == 0 else 1.0 / phases
    moved_w = _span([p[2] for p in points]) * part
    right_w = _span([p[1][k] + part * p[2] for p in points])
    reversed_w = _span([p[1][k] - part * p[2] for p in points])
    if right_w < STILL * moved_w:
        return Wiring.VERIFIED
    if reversed_w < STILL * moved_w and right_w > 1.4 * moved_w:
        return Wiring.WRONG
    return Wiring.UNVERIFIED


def _in_part(points: tuple[tuple[float, tuple[float, ...], float], ...], k: int, phases: int) -> float | None:
    """Which share of the DERs' movement the flow answers, where it clearly answers with another than the whole of it.

    -1 is a right-wired meter. CTs on each other's conductor, or voltage taps one conductor off, answer with +0.5; half
    a ratio, or one of two parallel conductors, with -0.5. None: the answer is not clear, or it may be right.
    """
    part = 1.0 if k == 0 else 1.0 / phases
    flows_w, moved_w = [p[1][k] for p in points], [part * p[2] for p in points]
    mean_w, middle_w = sum(flows_w) / len(points), sum(moved_w) / len(points)
    square = sum([(w - middle_w) ** 2 for w in moved_w])
    both = sum([(f - mean_w) * (w - middle_w) for f, w in zip(flows_w, moved_w, strict=True)])
    share = both / square if square > 0.0 else 0.0
    rest_w = _span([f - share * w for f, w in zip(flows_w, moved_w, strict=True)])
    least_share, most_share = PART_SHARES
    unclear = rest_w > CLEAR * _span(moved_w) or abs(share) < least_share
    return None if unclear or share < -most_share else share


def _span(values_w: list[float]) -> float:
    return max(values_w) - min(values_w) if values_w else 0.0
