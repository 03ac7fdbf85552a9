"""The known-answer table: every measuring chain against every response, what the analyser says and what is true."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from hil.analysis.build import Channel, Quantity, build
from hil.analysis.channel import parse_channel
from hil.analysis.measure import measure
from hil.analysis.movement import Side
from hil.analysis.result import Measurement, Question
from hil.analysis.series import Invalid, Series, clean
from hil.record.recording import Recording
from tests.known_answers.chains import SAMPLED, Chain, Sampled, Waveforms, sample, waveforms
from tests.known_answers.shapes import SHAPES, Random

SEED = 20190308
WAVES = (  # name, phases, line frequency, its drift in Hz/s
    ("waveforms, 3 phases, 60 Hz", 3, 60.0, 0.0),
    ("waveforms, 1 phase, 59.5 Hz", 1, 59.5, 0.0),
    ("waveforms, 3 phases, 50.2 Hz drifting 0.3 Hz/s", 3, 50.2, 0.3),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One class: errors and uncertainties of all its records, and how many were called invalid."""

    name: str
    width_s: float
    error_s: np.ndarray
    u95_s: np.ndarray
    edge: bool
    invalid: tuple[str, ...]

    @property
    def half_width_s(self) -> float:
        """Within this of the truth lie 95 % of the results."""
        return float(np.quantile(np.abs(self.error_s), 0.95))

    @property
    def coverage(self) -> float:
        return float(np.mean(np.abs(self.error_s) <= self.u95_s))


def series(made: Series | Invalid | Channel | None) -> Series:
    assert isinstance(made, Series), made
    return made


def of_samples(record: Sampled, response: str) -> Measurement:
    """The judgement on samples of the DER's output, or of the flow at the point."""
    own = response == "der"
    seen = series(clean(record.t_s, record.der_w if own else record.poi_w))
    return measure(series(clean(record.t_s, record.load_w)), seen, Question(side=Side.ABOVE if own else Side.BELOW))


def as_recording(record: Waveforms) -> tuple[Recording, str, str]:
    """Waveforms as a recording, and what to call its stimulus and its response."""
    channels = {}
    for k, (v, load_a, der_a) in enumerate(zip(record.v, record.load_a, record.der_a, strict=True)):
        channels |= {f"v{k}": v, f"load{k}": load_a, f"der{k}": der_a}
    named = ["+".join(f"v{k}*{what}{k}" for k in range(len(record.v))) for what in ("load", "der")]
    return Recording(name="waveforms", t_s=record.t_s, channels=channels), named[0], named[1]


def of_waveforms(record: Waveforms) -> Measurement:
    """The judgement on true power from waveforms."""
    recording, stimulus, response = as_recording(record)
    made = [build(recording, parse_channel(said, recording.channels), Quantity.W) for said in (stimulus, response)]
    nets = [series(channel.net) for channel in made if isinstance(channel, Channel)]
    return measure(nets[0], nets[1], Question(side=Side.ABOVE))


def _row(name: str, width_s: float, edge: bool, found: list[tuple[Measurement, float]]) -> Row:
    good = [(m, truth_s) for m, truth_s in found if m.olrt_judged_s is not None and m.olrt_judged_u95_s is not None]
    return Row(
        name=name,
        width_s=width_s,
        error_s=np.array([(m.olrt_judged_s or 0.0) - truth_s for m, truth_s in good]),
        u95_s=np.array([m.olrt_judged_u95_s for m, _ in good]),
        edge=edge,
        invalid=tuple(m.reason for m, _ in found if m.olrt_judged_s is None),
    )


def sampled_rows(
    chain: Chain, records: int, seed: int = SEED, shapes: Collection[str] = tuple(SHAPES)
) -> Iterator[Row]:
    """Each shape, at the DER and at the point."""
    for number, (name, make) in enumerate(SHAPES.items()):
        if name not in shapes:
            continue
        random: Random = np.random.default_rng([seed, number, SAMPLED.index(chain)])
        found: dict[str, list[tuple[Measurement, float]]] = {"der": [], "poi": []}
        edge = False
        for _ in range(records):
            shape = make(random)
            record, edge = sample(shape, chain, random), shape.edge
            for response, results in found.items():
                results.append((of_samples(record, response), record.truth_s))
        for response, results in found.items():
            yield _row(f"{name}, {response}", chain.width_s, edge, results)


def wave_rows(which: int, records: int, seed: int = SEED, shapes: Collection[str] = tuple(SHAPES)) -> Iterator[Row]:
    """Each shape from waveforms."""
    _, phases, hz, drift = WAVES[which]
    for number, (name, make) in enumerate(SHAPES.items()):
        if name not in shapes:
            continue
        random: Random = np.random.default_rng([seed, number, 100 + which])
        found, edge = [], False
        for _ in range(records):
            shape = make(random)
            edge = shape.edge
            found.append((of_waveforms(waveforms(shape, random, phases=phases, hz=hz, drift=drift)), shape.t90_s))
        yield _row(name, 1.0 / hz, edge, found)


def pooled(name: str, rows: list[Row]) -> Row:
    """Several rows as one class: the shape of a response is not known to who measures it."""
    return Row(
        name=name,
        width_s=rows[0].width_s,
        error_s=np.concatenate([row.error_s for row in rows]),
        u95_s=np.concatenate([row.u95_s for row in rows]),
        edge=any(row.edge for row in rows),
        invalid=tuple(reason for row in rows for reason in row.invalid),
    )
