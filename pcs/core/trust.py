"""Whether the DERs inject more than their telemetry says: found by trying, on a quiet site, with the meter as judge.

Telemetry that reads low makes the load look smaller than it is, and the DERs stay below what the limit allows for ever.
A unit that the sun holds below its cap looks the same, so nothing is believed that was not tried: with the flow at rest
and room left below the limit, the budget is raised by a part of that room; if the meter shows that the flow followed,
the DERs do follow their caps and the share is kept; if not, it is taken back and tried again much later. Never does a
trial ask for all of the room that the meter shows, so the limit holds with any answer (DESIGN section 5).
"""

from dataclasses import dataclass

from pcs.core.evolve import evolve

INFINITY = float("inf")
MOST_SHARE = 0.18
"""Telemetry that reads 15 % low is 1/0.85 - 1 = 18 % too little; errors beyond that are for the installer."""
ROOM_SHARE = 0.01
"""Room below 1 % of all that may be capped is the error of a class 1 meter."""
STILL_SHARE = 0.01
"""A flow and a budget within 1 % are at rest."""
STEP_SHARE = 0.05
"""One trial raises by 5 % of nameplate at most: the probe of DESIGN section 6."""
FOLLOWED_SHARE = 0.5
"""The flow followed when it made half of the trial's way; the other half is left to load noise."""
ROOM_PART = 0.7
"""A trial asks for so much of the room: the rest is kept for a plant whose gain is 15 % high, and for noise."""
LEAST_SHARE = 0.1
"""Less than a tenth of all that may be capped proves nothing for all of it: half of the largest trial there is 0.9 % of
nameplate, which the noise of a flow at rest (1 %) makes as well, and a share of 18 % by mistake is kept until a cap
decides at rest; the release before that goes beyond the limit by it."""
AGAIN_FIRST_S = 30.0
AGAIN_MOST_S = 600.0
"""After a trial without answer (the sun decides) the next one waits, each time longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How much more the DERs inject than they say (`share`), and the trial under way (watts, seconds).

    `trial_share` is the part of `share` that is still to be proven. `rest_*` is the flow and budget since
    `rest_since_s`.
    """

    share: float = 0.0
    trial_share: float = 0.0
    trial_w: float = 0.0
    before_w: float = 0.0
    """The flow before the trial (import in the line's direction)."""
    until_w: float = INFINITY
    """The budget that the trial asks for: nothing that is learnt of the DERs meanwhile may come on top of it."""
    rest_since_s: float | None = None
    rest_import_w: float = 0.0
    rest_total_w: float = 0.0
    not_before_s: float = 0.0
    again_s: float = AGAIN_FIRST_S


def learn(
    state: Trust,
    import_w: float,
    room_w: float,
    injection_w: float,
    total_w: float,
    most_w: float,
    follows: bool,
    effect_s: float,
    now_s: float,
) -> Trust:
    """Take one fresh sample of a line in its own direction.

    `room_w` is what the flow leaves below limit and margin, `injection_w` what the DERs say, `total_w` the budget,
    `follows` whether the caps seem to decide what every member does, `effect_s` the time that a small step takes.
    """
    if not follows or room_w < 0.0 or injection_w <= 0.0 or most_w <= 0.0:
        return _dropped(state)
    still_w = STILL_SHARE * most_w
    moved = abs(import_w - state.rest_import_w) > still_w or abs(total_w - state.rest_total_w) > still_w
    if state.rest_since_s is None or moved:
        if state.trial_w > 0.0 and state.rest_since_s is not None and total_w <= state.rest_total_w - still_w:
            state = _dropped(state)  # it was lowered meanwhile: nothing can be concluded
        return evolve(state, rest_since_s=now_s, rest_import_w=import_w, rest_total_w=total_w)
    if now_s - state.rest_since_s < effect_s:
        return state
    if state.trial_w > 0.0:
        state = _judged(state, import_w, now_s)
    state = _bounded(state, total_w / injection_w - 1.0)
    if room_w < ROOM_SHARE * most_w or now_s < state.not_before_s or state.share >= MOST_SHARE:
        return state
    if injection_w < LEAST_SHARE * most_w:
        return state
    trial_w = min(ROOM_PART * room_w, STEP_SHARE * most_w)
    trial_share = min(trial_w / injection_w, MOST_SHARE - state.share)
    return evolve(
        state,
        share=state.share + trial_share,
        trial_share=trial_share,
        trial_w=trial_share * injection_w,
        before_w=import_w,
        until_w=total_w + trial_share * injection_w,
        rest_since_s=None,
    )


def ceiling_w(state: Trust, import_w: float) -> float:
    """What the budget may rise to during a trial (W): what it asks for, and by how much the load has grown since.

    Where the bounds were low because nobody knew better, the room was there for that, and is given when they rise: a
    trial on top of it would ask for the room twice.
    """
    return state.until_w + max(0.0, import_w - state.before_w)


def _judged(state: Trust, import_w: float, now_s: float) -> Trust:
    """The trial is over: did the flow follow?"""
    if state.before_w - import_w >= FOLLOWED_SHARE * state.trial_w:
        return evolve(state, trial_share=0.0, trial_w=0.0, until_w=INFINITY, again_s=AGAIN_FIRST_S)
    again_s = min(AGAIN_MOST_S, 2.0 * state.again_s)
    return evolve(_dropped(state), not_before_s=now_s + state.again_s, again_s=again_s)


def _bounded(state: Trust, most_share: float) -> Trust:
    """At rest nobody injects more than the budget: a larger share was the sun, which rose just when it was tried."""
    return evolve(state, share=max(0.0, most_share)) if state.share > max(0.0, most_share) else state


def _dropped(state: Trust) -> Trust:
    """Without the part that was not proven."""
    if state.trial_w <= 0.0 and state.rest_since_s is None:
        return state
    share = max(0.0, state.share - state.trial_share)
    return evolve(state, share=share, trial_share=0.0, trial_w=0.0, until_w=INFINITY, rest_since_s=None)
