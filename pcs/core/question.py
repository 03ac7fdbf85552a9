"""When the DERs are asked to go down a little, so that the flow has to answer: the passive check's last resort.

A wrong CT shows in how the flow answers the DERs; but DERs at all that the sun gives do not move, nor do those at rest.
After the flow has jumped across zero, and while nothing is verified, an answer is owed. Where none comes by
itself, the DERs go down by 7 % of nameplate for some seconds, and seldom: that costs 0.1 % of what they make at most.
"""

from dataclasses import dataclass

from pcs.core import wiring
from pcs.core.answer import MOVE_SHARE, Wiring
from pcs.core.evolve import evolve
from pcs.core.wiring import WiringState

ASKS_SHARE = 0.07
"""So far below what they inject are the DERs told to go: what proves something (5 %), and what rounding and a sun that
rises meanwhile may take from it."""
JUMP_SHARE = 0.1
"""Twice the movement that proves something: smaller jumps across zero happen where a flow rests near it."""
PATIENCE_S = 4.0
"""How long an answer may come by itself after a jump: a full release takes as long."""
START_S = 6.0
"""The same from the start on: the slow rise before verification makes a fifth of nameplate until then."""
ASK_S = 5.0
"""The slowest plant of the band goes down by 7 % within 3 s, and tells of it a second later."""
AGAIN_S = 300.0
"""Asked again so late after no answer: 5 s of 7 % in 300 s are 0.12 % of what the DERs make."""
TWICE_S = (3.0, 30.0)
"""An answer in part is asked for twice, so soon and within this time: a load that moves meanwhile is one, too."""
STILL_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Since when an answer is owed (seconds), when it was last asked for, and when it last came in part.

    `last_w`: total and phases of the last sample (W).
    """

    owed_s: float | None = None
    asked_s: float = float("-inf")
    in_part_s: float = float("-inf")
    last_w: tuple[float, ...] = ()


def follow(
    state: Question,
    known: WiringState,
    imports_w: tuple[float, ...],
    injection_w: float | None,
    averaging_s: float,
    balanced: bool,
    moves: bool,
    size_w: float,
    now_s: float,
) -> tuple[Question, WiringState]:
    """Take one fresh sample: total and phases (W), and what the DERs inject (None: nobody knows well enough).

    While commands `moves` the DERs the answer may still come by itself.
    """
    last_w, state = state.last_w, evolve(state, last_w=imports_w)
    if known.verdict in (Wiring.WRONG, Wiring.DOUBTED) or size_w <= 0.0:
        return evolve(state, owed_s=None), known
    if len(last_w) == len(imports_w) and _crossed(last_w, imports_w, injection_w, size_w):
        state = evolve(state, owed_s=now_s)
    elif known.verdict is Wiring.UNVERIFIED and state.owed_s is None:
        state = evolve(state, owed_s=known.since_s)
    if state.owed_s is None:
        return state, known
    if wiring.is_right_since(known, state.owed_s, balanced, size_w):
        return evolve(state, owed_s=None), wiring.unasked(known)
    if known.asks_until_s > float("-inf"):
        if now_s < known.asks_until_s:
            return state, known
        return _unanswered(state, known, balanced, now_s)
    patience_s = START_S if known.verdict is Wiring.UNVERIFIED else PATIENCE_S
    if now_s - state.owed_s < patience_s or now_s - state.asked_s < AGAIN_S:
        return state, known
    if moves or injection_w is None or abs(injection_w) < ASKS_SHARE * size_w or not _rests(known, size_w, now_s):
        return state, known
    until_s = now_s + ASK_S + averaging_s
    return evolve(state, asked_s=now_s), wiring.ask(known, imports_w, injection_w, until_s, now_s)


def _unanswered(state: Question, known: WiringState, balanced: bool, now_s: float) -> tuple[Question, WiringState]:
    """The time for an answer is over: one in part is asked for once more, and found with the second."""
    words = wiring.in_part_words(known, balanced)
    known = wiring.unasked(known)
    if not words:
        return state, known
    if now_s - state.in_part_s <= TWICE_S[1]:
        return evolve(state, owed_s=None), wiring.is_wrong(known, words, now_s)
    return evolve(state, in_part_s=now_s, asked_s=now_s + TWICE_S[0] - AGAIN_S), known


def _crossed(last_w: tuple[float, ...], imports_w: tuple[float, ...], injection_w: float | None, size_w: float) -> bool:
    """Whether the total, or a phase, jumped across zero to the side where what the DERs do is safe.

    A jump to the other side makes them move by itself, and that is answered.
    """
    way = -1.0 if injection_w is not None and injection_w < 0.0 else 1.0
    phases = len(imports_w) - 1
    for k, (was_w, is_w) in enumerate(zip(last_w, imports_w, strict=True)):
        share = JUMP_SHARE if k == 0 else JUMP_SHARE / phases
        if was_w * is_w < 0.0 and way * (is_w - was_w) > share * size_w:
            return True
    return False


def _rests(known: WiringState, size_w: float, now_s: float) -> bool:
    """Whether neither DERs nor flow move by themselves now: then an answer is clear."""
    injections_w = [p[2] for p in known.points]
    if len(injections_w) < 3 or max(injections_w) - min(injections_w) > STILL_SHARE * size_w:
        return False
    flows_w = [p[1][0] for p in known.points]
    return max(flows_w) - min(flows_w) <= MOVE_SHARE * size_w and now_s - known.broken_s >= 1.0
