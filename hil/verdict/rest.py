"""Responses that do not move: what a record says of a channel with one value, and whether anything answered at all.

A channel that keeps one value to the last digit is either at rest (a simulated meter, an instrument that shows 0) or
dead. A dead channel must never pass, so rest needs a witness: the balance of what else was recorded,
`import_w = demand_w - sum of injection_w`, which a dead channel does not keep when anything moves.
"""

from dataclasses import replace

import numpy as np

from hil.analysis.movement import Limit, beyond
from hil.analysis.result import Grade, Measurement, Question
from hil.analysis.series import Series
from hil.analysis.step import Step
from hil.profile.model import Case
from hil.record.recording import FloatArray, Recording
from hil.verdict.channels import Found

BALANCE = {"poi.import_w": 1.0, "der.injection_w": 1.0, "load.demand_w": -1.0}
"""Signs under which these sum up to nothing at a net point; the DERs of the site with the storage among them."""
BALANCE_SHARE = 0.02  # of the largest of them: losses, and instruments that are not read at one instant
BESIDE_SHARE = 0.05  # of the record may lie beside the balance: the instants around a step
MOVED_SHARE = 0.02  # of all that the step and the DER did: the analysis takes less for no movement
OUTPUTS = ("der.injection_w", "ess.injection_w")


def balance_kept(recording: Recording) -> bool | None:
    """Whether the record's powers balance over time; None where it does not have all of them."""
    columns = {name: _column(recording, name) for name in BALANCE}
    if any(column is None for column in columns.values()):
        return None
    present = {name: column for name, column in columns.items() if column is not None}
    rest = np.abs(np.sum([BALANCE[name] * column for name, column in present.items()], axis=0))
    most = max(float(np.nanmax(np.abs(column), initial=0.0)) for column in present.values())
    return float(np.mean(rest > BALANCE_SHARE * most)) <= BESIDE_SHARE


def at_rest(value: float, step: Step, origin_s: float, question: Question, grade: Grade) -> Measurement:
    """The figures of a response that keeps one value: levels, and where there is a limit whether it is beyond it.

    There is no movement, so there is no OLRT, settling time, overshoot or lag.
    """
    found = Measurement(
        grade=grade,
        t0_s=origin_s + step.t0_s,
        t0_u95_s=step.u_half_s + 2.0 * step.u_noise_s,
        initial_value=value,
        extreme_value=value,
        final_value=value,
        final_u95_value=0.0,
        stimulus_value=step.size_value,
        steps_found=1,
        notes=("the response keeps one value to the last digit",),
    )
    if question.limit_value is None:
        return found
    tolerance_value = question.tolerance_value or 0.0
    limit = Limit(limit_value=question.limit_value, side=question.side, tolerance_value=tolerance_value)
    excess_value = float(beyond(np.array([value]), limit)[0])
    return replace(
        found,
        limit_value=question.limit_value,
        tolerance_value=tolerance_value,
        peak_excess_value=max(0.0, excess_value),
        back_under_limit_s=0.0 if excess_value <= tolerance_value else None,
        inadvertent_value=0.0,
    )


def output_moved(case: Case, found: Found, step: Step, stimulus: Series, from_s: float, to_s: float) -> bool | None:
    """Whether any output of a DER moved from before the step to the end; None where none was recorded.

    With the response at rest this tells a device that answered faster than the record shows from one that slept.
    """
    seen = [column for name in OUTPUTS if (column := _column(found.recording, name)) is not None]
    if not seen or case.response.channel in OUTPUTS:
        return None
    t_s = found.recording.t_s
    step_at_s = stimulus.origin_s + step.t0_s
    before = (t_s >= from_s) & (t_s < step_at_s)
    after = (t_s > step_at_s + 0.5 * (to_s - step_at_s)) & (t_s <= to_s)
    for column in seen:
        if not before.any() or not after.any():
            continue
        change = abs(float(np.nanmedian(column[after]) - np.nanmedian(column[before])))
        noise = float(np.nanstd(column[before]))
        span = float(np.nanmax(column) - np.nanmin(column))
        if change > max(MOVED_SHARE * max(span, abs(step.size_value)), 4.0 * noise):
            return True
    return False


def _column(recording: Recording, name: str) -> FloatArray | None:
    """A channel as it was recorded, or the sum of its conductors."""
    if name in recording.channels:
        return recording.channels[name]
    parts = [column for key, column in recording.channels.items() if key.startswith(f"{name}.")]
    return np.sum(parts, axis=0) if parts else None
