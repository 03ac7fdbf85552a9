"""What the demonstration says at its end, and whether every limit was held as promised."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.cli import demo_truth
from hil.cli.demo_promise import TOLERANCE_A, Promise
from hil.cli.demo_truth import Row
from pcs.model.limit import Direction

COUNTED_FROM_S = 8.0  # energy counts from here: until then the controller starts, and proves its wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a run left: the twin's truth, the controller's last status, and when it was in charge (seconds of the twin).

    `tolerance_w`: how far beyond a limit in watts an excursion begins, the same for both counts.
    """

    rows: list[Row]
    status: Mapping[str, Any]
    control_s: tuple[float, float]
    tolerance_w: float

    def tolerance_value(self, promise: Promise) -> float:
        """The same in the unit of a limit."""
        return self.tolerance_w if promise.in_watts else TOLERANCE_A


def broken_promises(evidence: Evidence, promise: Promise) -> list[str]:
    """Why a limit was not held as promised, by the twin's truth alone; empty when it was."""
    start_s, end_s = evidence.control_s
    if not any(row.t_s > start_s for row in evidence.rows):
        return ["the twin recorded nothing of the time of control"]
    what = promise.direction or "infeed"
    inside_s = demo_truth.inside_since_s(evidence.rows, promise.beyond_value, start_s)
    if inside_s is None or inside_s > end_s:
        return [f"{what} never came inside the limit"]
    found = []
    if inside_s - start_s > promise.correct_within_s:
        found.append(f"{what} came inside the limit only {inside_s - start_s:.1f} s after the controller's start")
    return found + [
        f"{what} was beyond the limit for {one.duration_s:.1f} s from {one.from_s:.1f} s on"
        for one in _excursions(evidence, promise)
        if one.duration_s > promise.correct_within_s
    ]


def _excursions(evidence: Evidence, promise: Promise) -> list[demo_truth.Excursion]:
    """The excursions of the truth, from the moment when the flow first was inside the limit."""
    inside_s = demo_truth.inside_since_s(evidence.rows, promise.beyond_value, evidence.control_s[0])
    span_s = (evidence.control_s[1] if inside_s is None else inside_s, evidence.control_s[1])
    tolerance = evidence.tolerance_value(promise)
    return demo_truth.excursions(evidence.rows, promise.beyond_value, tolerance, span_s, watts=promise.in_watts)


def summary(evidence: Evidence, promises: Sequence[Promise], folder: Path) -> Iterator[tuple[str, str]]:
    """The lines of the summary, each with its heading (empty: the heading above still holds)."""
    for promise in promises:
        yield from _verdict(evidence, promise)
        yield from _starting(evidence, promise)
        told = _told(evidence.status, promise, alone=len(promises) == 1)
        yield from _excursion_lines(evidence, promise, told)
        if told:
            yield from _response_lines(max((one["response"] for one in told), key=_counted))
    yield from _energy_lines(evidence, promises)
    yield from (("Fault", f"{f['source']}: {f['kind']}: {f['detail']}") for f in evidence.status["faults"])
    yield "Journal", f"{folder / 'journal'}; look: pcs journal verify {folder / 'journal'}"
    yield "Truth", f"{folder / 'truth.csv'}: what really happened, some 50 rows a second"
    yield "Logs", f"{folder / 'controller.log'}, {folder / 'twin.log'}; site file: {folder / 'site.yaml'}"


def _told(status: Mapping[str, Any], promise: Promise, *, alone: bool) -> list[Mapping[str, Any]]:
    """What the controller says of a limit, per conductor where it has one each; or of a site with one limit alone."""
    limits: Sequence[Mapping[str, Any]] = status.get("limits", ())
    found = [one for one in limits if promise.told_as and one["name"].startswith(promise.told_as)]
    found = [one for one in found if "excursions" in one]
    return found or ([status] if alone else [])


def _counted(response: Mapping[str, Any]) -> int:
    return int(response["restrict"]["count"]) + int(response["release"]["count"])


def _verdict(evidence: Evidence, promise: Promise) -> Iterator[tuple[str, str]]:
    broken = broken_promises(evidence, promise)
    if broken:
        yield "NOT HELD", f"the {promise.name} was not held as promised"
        yield from (("", why) for why in broken)
    else:
        corrected = f"every excursion was corrected within {promise.correct_within_s:g} s"
        yield "Held", f"the {promise.name}, as promised: {corrected}"


def _starting(evidence: Evidence, promise: Promise) -> Iterator[tuple[str, str]]:
    inside_s = demo_truth.inside_since_s(evidence.rows, promise.beyond_value, evidence.control_s[0])
    if inside_s is not None and inside_s > evidence.control_s[0] and promise.direction is Direction.EXPORT:
        took_s = inside_s - evidence.control_s[0]
        yield "Start", f"export was inside the limit {took_s:.1f} s after the controller was called"


def _excursion_lines(
    evidence: Evidence, promise: Promise, told: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    truth = _excursions(evidence, promise)
    longest_s = max((one.duration_s for one in truth), default=0.0)
    unit = promise.quantity.value.upper()
    size = f"{sum(one.energy_wh for one in truth):.2f} Wh"
    if not promise.in_watts:
        size = f"at most {max((one.peak_value for one in truth), default=0.0):.1f} {unit}"
    yield (
        "Excursions",
        f"more than {evidence.tolerance_value(promise):.0f} {unit} beyond the limit, after a step of load or sun",
    )
    yield "  in truth", f"{len(truth)}, longest {longest_s:.1f} s, {size} (the start not counted)"
    if told:
        own = [one["excursions"] for one in told]
        longest_s = max(one["longest_s"] for one in own)
        own_wh = sum(one["energy_wh"] for one in own)
        own_words = f"{sum(one['count'] for one in own)}, longest {longest_s:.1f} s, {own_wh:.2f} Wh"
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


def _energy_lines(evidence: Evidence, promises: Sequence[Promise]) -> Iterator[tuple[str, str]]:
    span_s = (COUNTED_FROM_S, evidence.control_s[1])
    exports_w = [p.limit_value for p in promises if p.direction is Direction.EXPORT and p.in_watts]
    delivered_wh, ideal_wh = demo_truth.energy_wh(evidence.rows, min(exports_w, default=None), span_s)
    if ideal_wh > 0.0:
        share = f"{delivered_wh:.1f} Wh of the {ideal_wh:.1f} Wh that sun and limit allowed"
        yield "Energy", f"{share}: {100.0 * delivered_wh / ideal_wh:.1f} % (after the first {COUNTED_FROM_S:g} s)"
