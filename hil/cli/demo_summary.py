"""What the demonstration says at its end, and whether the limit was held as promised."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.cli import demo_truth
from hil.cli.demo_truth import Row

COUNTED_FROM_S = 8.0  # energy counts from here: until then the controller starts, and proves its wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the site file promises at the point: export at most `limit_w`, corrected within `correct_within_s`."""

    limit_w: float
    correct_within_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a run left: the twin's truth, the controller's last status, and when it was in charge (seconds of the twin).

    `tolerance_w`: how far beyond the limit an excursion begins, the same for both counts.
    """

    rows: list[Row]
    status: Mapping[str, Any]
    control_s: tuple[float, float]
    tolerance_w: float


def broken_promises(evidence: Evidence, promise: Promise) -> list[str]:
    """Why the limit was not held as promised, by the twin's truth alone; empty when it was."""
    start_s, end_s = evidence.control_s
    if not any(row.t_s > start_s for row in evidence.rows):
        return ["the twin recorded nothing of the time of control"]
    inside_s = demo_truth.inside_since_s(evidence.rows, promise.limit_w, start_s)
    if inside_s is None or inside_s > end_s:
        return ["export never came inside the limit"]
    found = []
    if inside_s - start_s > promise.correct_within_s:
        found.append(f"export came inside the limit only {inside_s - start_s:.1f} s after the controller's start")
    return found + [
        f"export was beyond the limit for {one.duration_s:.1f} s from {one.from_s:.1f} s on"
        for one in _excursions(evidence, promise)
        if one.duration_s > promise.correct_within_s
    ]


def _excursions(evidence: Evidence, promise: Promise) -> list[demo_truth.Excursion]:
    """The excursions of the truth, from the moment when export first was inside the limit."""
    inside_s = demo_truth.inside_since_s(evidence.rows, promise.limit_w, evidence.control_s[0])
    span_s = (evidence.control_s[1] if inside_s is None else inside_s, evidence.control_s[1])
    return demo_truth.excursions(evidence.rows, promise.limit_w, evidence.tolerance_w, span_s)


def summary(evidence: Evidence, promise: Promise, folder: Path) -> Iterator[tuple[str, str]]:
    """The lines of the summary, each with its heading (empty: the heading above still holds)."""
    broken = broken_promises(evidence, promise)
    if broken:
        yield "NOT HELD", f"the export limit of {promise.limit_w:,.0f} W was not held as promised"
        yield from (("", why) for why in broken)
    else:
        corrected = f"every excursion was corrected within {promise.correct_within_s:g} s"
        yield "Held", f"the export limit of {promise.limit_w:,.0f} W, as promised: {corrected}"
    yield from _starting(evidence, promise)
    yield from _excursion_lines(evidence, promise)
    yield from _response_lines(evidence.status["response"])
    yield from _energy_lines(evidence, promise)
    yield from (("Fault", f"{f['source']}: {f['kind']}: {f['detail']}") for f in evidence.status["faults"])
    yield "Journal", f"{folder / 'journal'}; look: pcs journal verify {folder / 'journal'}"
    yield "Truth", f"{folder / 'truth.csv'}: what really happened, some 50 rows a second"
    yield "Logs", f"{folder / 'controller.log'}, {folder / 'twin.log'}; site file: {folder / 'site.yaml'}"


def _starting(evidence: Evidence, promise: Promise) -> Iterator[tuple[str, str]]:
    inside_s = demo_truth.inside_since_s(evidence.rows, promise.limit_w, evidence.control_s[0])
    if inside_s is not None:
        took_s = max(0.0, inside_s - evidence.control_s[0])
        yield "Start", f"export was inside the limit {took_s:.1f} s after the controller was called"


def _excursion_lines(evidence: Evidence, promise: Promise) -> Iterator[tuple[str, str]]:
    truth = _excursions(evidence, promise)
    longest_s = max((one.duration_s for one in truth), default=0.0)
    beyond_wh = sum(one.energy_wh for one in truth)
    own = evidence.status["excursions"]
    yield "Excursions", f"more than {evidence.tolerance_w:.0f} W beyond the limit, after a step of load or sun"
    yield "  in truth", f"{len(truth)}, longest {longest_s:.1f} s, {beyond_wh:.2f} Wh (the start not counted)"
    own_words = f"{own['count']}, longest {own['longest_s']:.1f} s, {own['energy_wh']:.2f} Wh"
    yield "  controller", f"{own_words} (as its meter saw it, with the start)"


def _response_lines(response: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "OLRT", "open-loop response time, self-measured by the controller"
    for way in ("restrict", "release"):
        figures = response[way]
        if not figures["count"]:
            yield f"  {way}", "no step was large and quiet enough to be measured"
            continue
        last, (lo_s, hi_s) = figures["last"], figures["last"]["olrt_between_s"]
        of_all = f"maximum {figures['max_s']:.2f} s, average {figures['average_s']:.2f} s of {figures['count']}"
        yield f"  {way}", f"{of_all}; the last {last['olrt_s']:.2f} s ({lo_s:.2f} to {hi_s:.2f} s)"


def _energy_lines(evidence: Evidence, promise: Promise) -> Iterator[tuple[str, str]]:
    span_s = (COUNTED_FROM_S, evidence.control_s[1])
    delivered_wh, ideal_wh = demo_truth.energy_wh(evidence.rows, promise.limit_w, span_s)
    if ideal_wh > 0.0:
        share = f"{delivered_wh:.1f} Wh of the {ideal_wh:.1f} Wh that sun and limit allowed"
        yield "Energy", f"{share}: {100.0 * delivered_wh / ideal_wh:.1f} % (after the first {COUNTED_FROM_S:g} s)"
