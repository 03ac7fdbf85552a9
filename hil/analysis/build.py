"""From the channels of a recording to series: sums of samples, true power or signed current of waveforms.

A recording comes whole or in blocks. Of waveforms only the means over periods are kept, so that an hour of them takes
no more memory than a minute; of samples only the columns that were asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from hil.analysis.channel import Term, TermKind
from hil.analysis.power import signed_a
from hil.analysis.series import Invalid, Series, clean, unordered
from hil.analysis.stream import PeriodMeans, Readings
from hil.record.recording import FloatArray, Recording

BLOCK_ROWS = 65_536  # half a megabyte a column: what a processor's cache holds
MAX_READINGS = 2**21  # of waveforms: two and a half hours at 50 Hz, 17 MB a phase
MAX_SAMPLES = 2**24  # of sampled power: 28 minutes at 10 kHz, 134 MB a column
TOO_LONG = "is too long to be judged as a whole: cut out the minutes around the step (--from, --to)"
LEAST_READINGS = 16


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


@dataclass(slots=True, kw_only=True)
class Builder:
    """Makes one channel from blocks: feed them in order, then finish. Waveforms and samples are not mixed."""

    terms: Sequence[Term]
    quantity: Quantity
    averaging_s: float = 0.0
    _means: PeriodMeans | None = None
    _readings: list[Readings] = field(default_factory=list)
    _blocks: list[tuple[FloatArray, ...]] = field(default_factory=list)
    _kept: int = 0
    _broken: Invalid | None = None

    def __post_init__(self) -> None:
        kinds = {term.kind is TermKind.SAMPLED for term in self.terms}
        if len(kinds) > 1:
            self._broken = Invalid(reason="mixes samples and waveforms in one channel")
        elif kinds == {False}:
            pairs = [pair for term in self.terms for pair in _products(term, self.quantity)]
            self._means = PeriodMeans(voltage=self.terms[0].columns[0], products=pairs)

    def feed(self, block: Recording) -> None:
        """Take the next block."""
        if self._broken is not None or not len(block.t_s):
            return
        if self._means is None:
            self._keep((block.t_s, *(term.sign * block.channels[term.columns[0]] for term in self.terms)))
        else:
            self._add(self._means.feed(block))

    def finish(self) -> Channel | Invalid:
        """The channel, or why there is none."""
        if self._means is not None and self._broken is None:
            self._add(self._means.finish())
        if self._broken is not None:
            return self._broken
        names = tuple(term.name for term in self.terms)
        made = self._samples() if self._means is None else self._waves()
        if isinstance(made, Invalid):
            return made
        parts, net = made
        return Channel(names=names, parts=parts, net=net if net is not None or len(parts) > 1 else parts[0])

    def _keep(self, columns: tuple[FloatArray, ...]) -> None:
        self._kept += len(columns[0])
        self._blocks.append(columns)
        if self._kept > MAX_SAMPLES:
            self._broken, self._blocks = Invalid(reason=TOO_LONG), []

    def _add(self, readings: Readings | Invalid) -> None:
        if isinstance(readings, Invalid):
            self._broken = readings
        elif len(readings.t_s):
            self._kept += len(readings.t_s)
            self._readings.append(readings)
        if self._kept > MAX_READINGS:
            self._broken = Invalid(reason=TOO_LONG)
        if self._broken is not None:
            self._readings = []

    def _samples(self) -> tuple[tuple[Series | Invalid, ...], Series | Invalid | None] | Invalid:
        """Each term, and for power their sum."""
        t_s, *columns = _joined(self._blocks, 1 + len(self.terms))
        broken = unordered(t_s)
        if broken is not None:
            return broken
        parts = tuple(clean(t_s, column, self.averaging_s) for column in columns)
        summed = self.quantity is Quantity.W and len(columns) > 1
        return parts, clean(t_s, np.sum(columns, axis=0), self.averaging_s) if summed else None

    def _waves(self) -> tuple[tuple[Series, ...], Series | None] | Invalid:
        """Each term over one measured period, all at the same instants, and for power their sum."""
        whole = [(part.t_s, part.width_s, *part.values) for part in self._readings]
        pairs = [_products(term, self.quantity) for term in self.terms]
        t_s, width_s, *values = _joined(whole, 2 + sum(map(len, pairs)))
        if len(t_s) < LEAST_READINGS:
            return Invalid(reason="is shorter than a few periods")
        parts = []
        for term, pair in zip(self.terms, pairs, strict=True):
            y = _wave(term, self.quantity, values[: len(pair)])
            del values[: len(pair)]
            parts.append(_series(t_s, term.sign * y, float(np.mean(width_s))))
        flows = all(term.kind is TermKind.TRUE_POWER for term in self.terms) and self.quantity is Quantity.W
        return tuple(parts), _sum(parts) if len(parts) > 1 and flows else None


def build(
    recording: Recording, terms: Sequence[Term], quantity: Quantity, averaging_s: float = 0.0
) -> Channel | Invalid:
    """Compute a channel of a recording that is in memory."""
    builder = Builder(terms=terms, quantity=quantity, averaging_s=averaging_s)
    for block in in_blocks(recording):
        builder.feed(block)
    return builder.finish()


def in_blocks(recording: Recording, rows: int = BLOCK_ROWS) -> Iterator[Recording]:
    """A recording in pieces, without copying it."""
    for i in range(0, max(1, len(recording.t_s)), rows):
        part = {name: y[i : i + rows] for name, y in recording.channels.items()}
        yield Recording(name=recording.name, t_s=recording.t_s[i : i + rows], channels=part)


def _products(term: Term, quantity: Quantity) -> tuple[tuple[str, str], ...]:
    """What is averaged over each period to make the term."""
    first, second = term.columns[0], term.columns[-1]
    if term.kind is TermKind.RMS:
        return ((first, first),)
    return ((first, second),) if quantity is Quantity.W else ((first, second), (second, second), (first, first))


def _wave(term: Term, quantity: Quantity, means: Sequence[FloatArray]) -> FloatArray:
    if term.kind is TermKind.RMS:
        return np.sqrt(np.maximum(means[0], 0.0))
    if quantity is Quantity.W:
        return means[0]
    return signed_a(np.sqrt(np.maximum(means[1], 0.0)), means[0], np.sqrt(np.maximum(means[2], 0.0)))


def _joined(blocks: Iterable[tuple[FloatArray, ...]], columns: int) -> list[FloatArray]:
    blocks = list(blocks)
    return [np.concatenate([block[i] for block in blocks]) if blocks else np.empty(0) for i in range(columns)]


def _series(t_s: FloatArray, y: FloatArray, window_s: float) -> Series:
    """Power ripples by as much as it is: one phase, current in phase with its voltage."""
    step_s = float(np.median(np.diff(t_s)))
    ripple = float(np.max(np.abs(y)))
    return Series(t_s=t_s, y=y, step_s=step_s, window_s=window_s, ripple_value=ripple, waveform=True)


def _sum(parts: Sequence[Series]) -> Series:
    """The sum over the phases; the ripple of three equal phases cancels, that of what is unequal remains."""
    first = parts[0]
    y = np.sum([part.y for part in parts], axis=0)
    shares = [part.ripple_value for part in parts]
    left = max(shares) - min(shares) if len(parts) == 3 else max(shares)
    return Series(t_s=first.t_s, y=y, step_s=first.step_s, window_s=first.window_s, ripple_value=left, waveform=True)
