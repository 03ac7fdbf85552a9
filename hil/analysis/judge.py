"""A recording judged: the net quantity and every phase, or for currents every conductor, of which the worst decides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hil.analysis.build import Builder, Channel, Quantity, in_blocks
from hil.analysis.channel import Term
from hil.analysis.measure import measure
from hil.analysis.movement import Side
from hil.analysis.result import Measurement, Question, Verdict
from hil.analysis.series import Invalid, Series
from hil.record.recording import Recording

SEVERITY = (Verdict.INVALID, Verdict.FAIL, Verdict.INDETERMINATE, None, Verdict.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is said of a recording: `headline` is the figure of `name`, `parts` those of each phase."""

    name: str
    headline: Measurement
    parts: Mapping[str, Measurement]
    quantity: Quantity
    side: Side


def judge(
    recording: Recording, stimulus: Sequence[Term], response: Sequence[Term], quantity: Quantity, question: Question
) -> Judgement:
    """Measure the net response (power) or each conductor's (current) to the net stimulus."""
    return judge_blocks(in_blocks(recording), stimulus, response, quantity, question)


def judge_blocks(
    blocks: Iterable[Recording],
    stimulus: Sequence[Term],
    response: Sequence[Term],
    quantity: Quantity,
    question: Question,
) -> Judgement:
    """The same of a recording that comes in blocks, each of which is forgotten before the next is taken."""
    averaging_s = question.instruments.averaging_s
    stimulus_quantity = Quantity.W if _power(stimulus) else quantity
    builders = [
        Builder(terms=terms, quantity=asked, averaging_s=averaging_s)
        for terms, asked in ((stimulus, stimulus_quantity), (response, quantity))
    ]
    for block in blocks:
        for builder in builders:
            builder.feed(block)
    what, seen = (builder.finish() for builder in builders)
    name = "+".join(term.name for term in response)
    step = what if isinstance(what, Invalid) else what.net if what.net is not None else what.parts[0]
    for thing, where in ((step, "the stimulus"), (seen, "the response")):
        if isinstance(thing, Invalid):
            bad = Measurement(verdict=Verdict.INVALID, reason=f"{where} {thing.reason}")
            return Judgement(name=name, headline=bad, parts={}, quantity=quantity, side=question.side)
    assert isinstance(step, Series)
    assert isinstance(seen, Channel)
    parts = {}
    if len(seen.parts) > 1:
        # a limit on the sum is none on a phase: the phases of a sum are measured and not judged
        asked = question if seen.net is None else replace(question, limit_value=None, within_s=None)
        parts = {label: _measured(step, part, asked) for label, part in zip(seen.names, seen.parts, strict=True)}
    if seen.net is not None:
        headline = _measured(step, seen.net, question)
    else:
        name, headline = min(parts.items(), key=lambda item: _rank(item[1]))
    return Judgement(name=name, headline=headline, parts=parts, quantity=quantity, side=question.side)


def _power(terms: Sequence[Term]) -> bool:
    """Waveforms of a stimulus are taken as power where a voltage is named: power shows a step of either sign."""
    return len(terms[0].columns) > 1


def _measured(step: Series, response: Series | Invalid, question: Question) -> Measurement:
    if isinstance(response, Invalid):
        return Measurement(verdict=Verdict.INVALID, reason=f"the response {response.reason}")
    return measure(step, response, question)


def _rank(found: Measurement) -> tuple[int, float]:
    return SEVERITY.index(found.verdict), -(found.olrt_judged_s or 0.0)
