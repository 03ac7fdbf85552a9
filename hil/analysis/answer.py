"""When the response had made 90 % of its way: of the movement that answers, and of the net change (literal OLRT)."""

from dataclasses import replace

import numpy as np

from hil.analysis.case import OLRT_SHARE, Case, Time, errors_of
from hil.analysis.crossing import Chain, Crossing, first_crossing
from hil.analysis.movement import Movement, Side
from hil.analysis.series import noise_sd_value
from hil.analysis.shapes import FIRST_ORDER, LEAST_SIGMA, SHAPES, Fit, believable_s, fit, picked
from hil.analysis.steady import TAIL_SHARE
from hil.analysis.uncertainty import together
from hil.record.recording import FloatArray

LITERAL_SHARE = 0.1  # of the largest change: a smaller net change has no 90 % of its own
GOOD_FIT_SHARE = 0.02  # a misfit beyond 2 % of the movement is another shape than ours
LEAST_FITTED = 4  # samples: two for the fit, two that can contradict it
NARROW_SHARE = 0.05  # of the rise to 90 %: samples this narrow move a first-order crossing by 0.01 of themselves
EDGE_DOUBT_SHARE = 0.12  # of a period: where within it an edge lies, from records with harmonics (tests/known_answers)
FREED_SHARE = 0.05  # of the 90 % time: narrower samples tell the step and its answer apart
FORM_SHARES = (
    0.05,
    0.1,
)  # of a sample: how far from the shapes that fit a response of another shape has its 90 %, where
# the window is one sample wide, and where it is wider (tests/known_answers: staircases, swings)
UNLIKE_WINDOW_SHARES, UNLIKE_STEP_SHARE = (0.2, 0.08), 0.1  # the same for what fits no shape: 95 % of the staircases
UNLIKE_SIGMA = 3.0
PASSIVE_SHARE = 0.1  # a change that is the step itself to 10 %, and as fast as the step, is no answer


def answer_time(case: Case, movement: Movement) -> tuple[Time | None, Fit | None]:
    """The 90 % time of the movement: read from the record where samples are narrow, from all that fits otherwise."""
    size = case.final.value - movement.extreme_value
    chain = case.chain(size)
    since_s = case.response.t_s - case.step.t0_s
    share = movement.share(case.response.y, case.final)
    if not movement.from_start:
        share = np.where(case.response.t_s < movement.at_s, 0.0, share)
    crossing = first_crossing(since_s, share, OLRT_SHARE, chain)
    if crossing is None:
        return None, None
    crossing, doubt_s, lag = _compared(since_s, share, crossing, chain)
    crossing = replace(crossing, at_s=crossing.at_s - case.question.instruments.delay_s)
    u = (movement.u_extreme_value / abs(size), case.final.u_value / abs(size))
    errors = together(errors_of(case, crossing, *u), {"window_s": doubt_s * np.sign(case.draws.uniform[5])})
    return Time(at_s=crossing.at_s, errors=errors), lag


def _compared(
    since_s: FloatArray, share: FloatArray, crossing: Crossing, chain: Chain
) -> tuple[Crossing, float, Fit | None]:
    """The crossing, what the width of the samples leaves open about it (seconds, either way), and the lag."""
    pick = picked(since_s, crossing.at_s, chain.window_s, chain.step_s)
    if len(pick) < LEAST_FITTED:
        return crossing, 0.5 * chain.smear_s, None
    wide = crossing.edge or chain.smear_s > NARROW_SHARE * crossing.rise_s
    ends = (max(crossing.at_s, 0.0), chain.window_s, chain.step_s)
    fits = [fit(shape, since_s[pick], share[pick], *ends) for shape in (SHAPES if wide else (FIRST_ORDER,))]
    if not wide:
        return crossing, 0.0, fits[0]
    best = min(each.misfit_pct for each in fits) / 100.0
    if best > GOOD_FIT_SHARE + chain.sigma:
        return crossing, _unlike_s(crossing, chain), fits[0]
    least_s, most_s = believable_s(fits, chain.sigma, len(pick))
    most_misfit_s = _unlike_s(crossing, chain) or 0.5 * chain.smear_s
    misfit_s = min(np.sqrt(max(0.0, best**2 - chain.sigma**2)) / crossing.slope_value, most_misfit_s)
    if not chain.window_s and not crossing.edge:  # samples of instants: it lies between two of them
        least_s, most_s = _within(least_s, most_s, crossing)
    doubt_s = max(0.5 * (most_s - least_s) + float(misfit_s), crossing.u_half_s)
    if best > UNLIKE_SIGMA * max(chain.sigma, LEAST_SIGMA):  # none of ours: their range says little
        doubt_s = min(doubt_s, _unlike_s(crossing, chain) or doubt_s)
    if chain.waveform and crossing.edge:
        doubt_s += EDGE_DOUBT_SHARE * chain.window_s
    elif chain.window_s:
        doubt_s += FORM_SHARES[chain.overlaps] * chain.step_s
    return replace(crossing, at_s=0.5 * (most_s + least_s), u_half_s=0.0), doubt_s, fits[0]


def _unlike_s(crossing: Crossing, chain: Chain) -> float:
    """What averaging may hide of a response that is like none of our shapes (a staircase, a controller that hunts)."""
    if not chain.window_s or chain.waveform:
        return 0.0 if crossing.edge else 0.5 * chain.smear_s
    return UNLIKE_WINDOW_SHARES[chain.overlaps] * chain.window_s + UNLIKE_STEP_SHARE * chain.step_s


def _within(least_s: float, most_s: float, crossing: Crossing) -> tuple[float, float]:
    """What fits, as far as it lies between the two samples that hold the crossing; all between them if nothing does."""
    inside = max(least_s, crossing.from_s), min(most_s, crossing.to_s)
    if inside[1] - inside[0] < 0.5 * (most_s - least_s):
        return crossing.from_s, crossing.to_s
    return inside


def freed(case: Case, movement: Movement | None, answer: Time | None) -> tuple[Case, Movement] | None:
    """The response without the step that passes straight through to it, where samples are too wide to tell them apart.

    The flow at a point is the load minus what the DERs inject. Where a window blurs the step and the answer into one
    small bump, the load's own record, blurred the same way, is taken off. None where that is not needed or not so.
    """
    if movement is None or movement.from_start or case.stimulus is None:
        return None
    response, step = case.response, case.step
    if answer is not None and max(case.window_s, response.step_s) <= FREED_SHARE * answer.at_s:
        return None
    gain = 1.0 if (movement.extreme_value - case.before.value) * step.size_value > 0.0 else -1.0
    rest = response.y - gain * (np.interp(response.t_s, case.stimulus.t_s, case.stimulus.y) - step.before_value)
    early, late = (
        response.t_s < step.begin_s,
        response.t_s > response.t_s[-1] - TAIL_SHARE * (response.t_s[-1] - step.t0_s),
    )
    start, end = float(np.mean(rest[early])), float(np.mean(rest[late]))
    sd = noise_sd_value(rest[early], response.t_s[early])
    moved = end - start
    opposite = moved * gain * step.size_value < 0.0
    steeper = abs(movement.extreme_value - start) > (1.0 + PASSIVE_SHARE) * abs(step.size_value)
    if not opposite or steeper or float(np.max((start - rest) / moved)) > PASSIVE_SHARE + 4.0 * sd / abs(moved):
        return None
    rest_case = replace(
        case,
        response=replace(response, y=rest),
        before=replace(case.before, value=start, sd_value=sd),
        final=replace(case.final, value=end),
    )
    return rest_case, replace(movement, extreme_value=start, u_extreme_value=case.before.u_value, from_start=True)


def literal_time(case: Case, movement: Movement | None, answer: Time | None) -> Time | None:
    """From the initial to the final value; where there is no net change, that of the movement."""
    net = case.final.value - case.before.value
    span = float(np.ptp(case.response.y))
    if movement is not None and (movement.from_start or abs(net) < LITERAL_SHARE * span):
        return answer
    chain = case.chain(net) if net != 0.0 else None
    if chain is None or abs(net) < max(LITERAL_SHARE * span, 6.0 * chain.sigma * abs(net)):
        return None
    since_s = case.response.t_s - case.step.t0_s
    share = (case.response.y - case.before.value) / net
    crossing = first_crossing(since_s, share, OLRT_SHARE, chain)
    if crossing is None:
        return None
    u = (case.before.u_value / abs(net), case.final.u_value / abs(net))
    doubt_s = 0.4 * chain.span_s if crossing.edge else 0.0
    errors = together(errors_of(case, crossing, *u), {"window_s": doubt_s * case.draws.uniform[5]})
    return Time(at_s=crossing.at_s, errors=errors)


def is_the_step(case: Case, movement: Movement, answer: Time) -> bool:
    """Whether the change at the point is the step itself, with nothing behind it."""
    return _straight(case, movement, answer) and _alike(case.final.value - movement.extreme_value, case)


def passes_through(case: Case, movement: Movement, answer: Time, farthest_value: float) -> bool:
    """Whether the movement is only the step on its way through the point: as large at first, and part of it comes back.

    `farthest_value`: the flow farthest from its value before the step.
    """
    return _straight(case, movement, answer) and _alike(farthest_value - movement.extreme_value, case)


def _straight(case: Case, movement: Movement, answer: Time) -> bool:
    at_once = answer.at_s <= max(case.window_s, 2.0 * case.response.step_s)
    return at_once and movement.from_start and case.question.side is Side.BELOW


def _alike(change_value: float, case: Case) -> bool:
    step_value = abs(case.step.size_value)
    return abs(abs(change_value) - step_value) <= PASSIVE_SHARE * step_value
