"""From the channels of a recording to series: sums of samples, true power or signed current of waveforms."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hil.analysis.channel import Term, TermKind
from hil.analysis.power import Periods, centres_s, measured_periods, rms_over, signed_rms_a, true_power_w
from hil.analysis.series import Invalid, Series, clean, unordered
from hil.record.recording import FloatArray, Recording


class Quantity(StrEnum):
    """What is limited: power, or current per conductor."""

    W = "w"
    A = "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel: each term as a series of its own, and their sum (None where a sum has no meaning: RMS currents)."""

    names: tuple[str, ...]
    parts: tuple[Series | Invalid, ...]
    net: Series | Invalid | None


def build(
    recording: Recording, terms: Sequence[Term], quantity: Quantity, averaging_s: float = 0.0
) -> Channel | Invalid:
    """Compute a channel. Waveforms and samples may not be mixed in one channel."""
    broken = unordered(recording.t_s)
    if broken is not None:
        return broken
    kinds = {term.kind is TermKind.SAMPLED for term in terms}
    if len(kinds) > 1:
        return Invalid(reason="mixes samples and waveforms in one channel")
    names = tuple(term.name for term in terms)
    if kinds == {True}:
        columns = [term.sign * recording.channels[term.columns[0]] for term in terms]
        parts = tuple(clean(recording.t_s, column, averaging_s) for column in columns)
        summed = quantity is Quantity.W and len(columns) > 1
        net = clean(recording.t_s, np.sum(columns, axis=0), averaging_s) if summed else None
    else:
        waves = _waves(recording, terms, quantity)
        if isinstance(waves, Invalid):
            return waves
        parts = waves
        net = (
            _sum(waves)
            if len(waves) > 1 and all(term.kind is TermKind.TRUE_POWER for term in terms) and quantity is Quantity.W
            else None
        )
    return Channel(names=names, parts=parts, net=net if net is not None or len(parts) > 1 else parts[0])


def _waves(recording: Recording, terms: Sequence[Term], quantity: Quantity) -> tuple[Series, ...] | Invalid:
    """Each term over one measured period, all at the same instants."""
    columns = [recording.channels[name] for term in terms for name in term.columns]
    present = np.all(np.isfinite(columns), axis=0)
    t_s = recording.t_s[present]
    if len(t_s) < 64:
        return Invalid(reason=f"has only {len(t_s)} samples: too few for waveforms")
    periods = measured_periods(t_s, recording.channels[terms[0].columns[0]][present])
    if periods is None:
        return Invalid(reason=f'"{terms[0].columns[0]}" has no steady line frequency between 40 and 70 Hz')
    holes_s = np.diff(t_s)
    if np.max(holes_s) > max(periods.mean_s / 16.0, 2.5 * float(np.median(holes_s))):
        k = int(np.argmax(holes_s))
        return Invalid(reason=f"has a gap of {holes_s[k]:.3g} s after {t_s[k]:.6g} s in a waveform")
    at_s = centres_s(t_s, periods)
    if len(at_s) < 16:
        return Invalid(reason="is shorter than a few periods")
    return tuple(_wave(recording, term, present, t_s, at_s, periods, quantity) for term in terms)


def _wave(
    recording: Recording,
    term: Term,
    present: np.ndarray,
    t_s: FloatArray,
    at_s: FloatArray,
    periods: Periods,
    quantity: Quantity,
) -> Series:
    first = recording.channels[term.columns[0]][present]
    width_s = periods.at(at_s)
    ripple = 0.0
    if term.kind is TermKind.RMS:
        y = rms_over(t_s, first, at_s, width_s)
        ripple = float(np.max(y))
    else:
        second = recording.channels[term.columns[1]][present]
        if quantity is Quantity.A:
            y = signed_rms_a(t_s, first, second, at_s, width_s)
            ripple = float(np.max(np.abs(y)))
        else:
            y = true_power_w(t_s, first, second, at_s, width_s)
            ripple = float(np.max(np.abs(y)))
    return Series(
        t_s=at_s,
        y=term.sign * y,
        step_s=float(np.median(np.diff(at_s))),
        window_s=periods.mean_s,
        ripple_value=ripple,
        waveform=True,
    )


def _sum(parts: Sequence[Series]) -> Series:
    """The sum over the phases; the ripple of three equal phases cancels, that of what is unequal remains."""
    first = parts[0]
    y = np.sum([part.y for part in parts], axis=0)
    shares = [part.ripple_value for part in parts]
    left = max(shares) - min(shares) if len(parts) == 3 else max(shares)
    return Series(t_s=first.t_s, y=y, step_s=first.step_s, window_s=first.window_s, ripple_value=left, waveform=True)
