"""What came of a cell, read from the truth of the twin and from what the controller said of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hil.rig.twin_file import TwinFile
from pcs.model.event import EventKind
from tests.matrix.cells import Cell
from tests.simulation.bounds import fall_s, tolerance_w
from tests.simulation.truth import Truth

KEPT_SHARE = 0.9
"""Of the limit: so much of it must be used again when all is whole, which the margin and the noise leave."""
CLOSE_S = 0.5
"""What is said of a failure so shortly after its end still belongs to it."""
ORDER = ("normal", "hold", "tighten", "safe")
CREEP_SHARE = 0.03
"""Of nameplate: less is no rise of a DER in the fail-safe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One event of the controller, on the twin's clock."""

    at_s: float
    kind: EventKind
    source_id: str
    fault: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One cell, played once. Seconds from the failure or from the move of the load, whichever is later."""

    found_s: float | None
    """Until the controller said that something is wrong; None: it never did."""
    beyond_s: float
    """The longest time beyond limit and tolerance, from the move of the load to the end."""
    beyond_w: float
    state: str
    """The action that was reached, and the conditions that were named."""
    during_w: float
    """Flow in the limit's direction just before the end of the failure."""
    after_w: float
    """The same at the end."""
    violations: tuple[str, ...]
    slack_s: float = 0.0
    """How much later than on an idle machine something may have been seen or done."""


def judged(cell: Cell, twin: TwinFile, truth: Truth, said: Sequence[Said], slack_s: float = 0.0) -> Outcome:
    """Judge one run; `slack_s` is how long the machine kept processes waiting meanwhile."""
    side, band_w = cell.side, tolerance_w(twin)
    flow = [(t, side.sign * w) for t, w in truth.series("import_w")]
    beyond_s, beyond_w = _beyond(cell.moves_s, flow, side.limit_w + band_w)
    found = _found(cell, said)
    rise_w = _rise_w(cell, twin, truth, said, slack_s)
    end_w = _mean([w for t, w in flow if t >= cell.ends_s - 1.0])
    bound_s = cell.bound_s(twin) + slack_s
    violations = []
    if beyond_s > bound_s:
        violations.append(f"beyond the limit for {beyond_s:.2f} s, {bound_s:.2f} s allowed")
    if rise_w > CREEP_SHARE * sum(der.nameplate_w or 0.0 for der in twin.ders):
        violations.append(f"the DERs rose by {rise_w:.0f} W in the fail-safe")
    doubted = any(s.fault == "METER_MISWIRED" for s in said)  # docs/fail-safe.md: 5 minutes, longer than any cell
    if end_w < KEPT_SHARE * side.limit_w and not doubted:
        violations.append(f"only {end_w:.0f} W of {side.limit_w:.0f} W at the end: no return")
    return Outcome(
        found_s=found,
        beyond_s=beyond_s,
        beyond_w=beyond_w,
        state=_state(cell, said),
        during_w=_mean([w for t, w in flow if cell.clears_s - 1.0 <= t < cell.clears_s]),
        after_w=end_w,
        violations=tuple(violations),
        slack_s=slack_s,
    )


def _beyond(moves_s: float, flow: Sequence[tuple[float, float]], most_w: float) -> tuple[float, float]:
    """The longest time above `most_w` since the load moved, and the most above it."""
    longest_s, began_s, peak_w = 0.0, None, 0.0
    for (t, w), (until_s, _) in pairwise(flow):
        if until_s <= moves_s or w <= most_w:
            began_s = None
            continue
        began_s = max(t, moves_s) if began_s is None else began_s
        longest_s, peak_w = max(longest_s, until_s - began_s), max(peak_w, w - most_w)
    return longest_s, peak_w


def _raised(cell: Cell, said: Sequence[Said]) -> list[Said]:
    """Conditions named while something was wrong; that nothing was measured yet when it began is none."""
    news = [s for s in said if s.kind is EventKind.FAULT_RAISED and cell.fails_s <= s.at_s]
    first = next((s for s in news if s.fault == "METER_LOST" and cell.when == "start"), None)
    return [s for s in news if s is not first or cell.failure.fault in ("silent", "lost_tap_a")]


def _found(cell: Cell, said: Sequence[Said]) -> float | None:
    """From the failure, or from the start of the controller where that is later, until the first condition named."""
    first = next((s for s in _raised(cell, said) if s.at_s <= cell.ends_s), None)
    started_s = next((s.at_s for s in said if s.kind is EventKind.STARTED), 0.0)
    return None if first is None else first.at_s - max(cell.fails_s, started_s)


def _state(cell: Cell, said: Sequence[Said]) -> str:
    until_s = cell.clears_s + CLOSE_S
    changes = [s for s in said if s.kind is EventKind.ACTION_CHANGED and cell.fails_s < s.at_s <= until_s]
    actions = {s.text.rpartition(" ")[2] for s in changes}
    began = [s for s in said if s.kind is EventKind.ACTION_CHANGED and s.at_s <= cell.fails_s]
    if not began and "normal" not in actions:
        actions.add("safe")  # where a controller starts, and what it never left
    worst = max(actions & set(ORDER), default="normal", key=ORDER.index)
    names = dict.fromkeys(s.fault for s in _raised(cell, said) if s.at_s <= until_s)
    return f"{worst}: {', '.join(names)}" if names else worst


def _rise_w(cell: Cell, twin: TwinFile, truth: Truth, said: Sequence[Said], slack_s: float) -> float:
    """The most that the DERs rose beyond the safe set, all together, while the site was safe and nothing whole yet.

    Within it they may: one that was silent and is heard again gets its share back.
    """
    safe_w = cell.side.limit_w if cell.side.sign < 0.0 else 0.0
    settle_s = max(fall_s(der, der.nameplate_w or 0.0, 0.01 * (der.nameplate_w or 0.0)) for der in twin.ders)
    spans = _safe_spans(said)
    most_w, names = 0.0, [f"{der.id}_injection_w" for der in twin.ders]
    columns = [truth.columns.index(name) for name in names]
    for from_s, to_s in spans:
        begin_s, end_s = max(from_s, cell.fails_s) + settle_s + slack_s, min(to_s, cell.clears_s)
        least_w = None
        for row in truth.rows:
            if begin_s <= row[0] <= end_s:
                pushed_w = -cell.side.sign * sum(row[k] for k in columns)
                least_w = pushed_w if least_w is None else min(least_w, pushed_w)
                most_w = max(most_w, pushed_w - max(least_w, safe_w))
    return most_w


def _safe_spans(said: Sequence[Said]) -> list[tuple[float, float]]:
    spans: list[tuple[float, float]] = []
    began_s: float | None = None
    for one in said:
        if one.kind is EventKind.ACTION_CHANGED:
            safe = one.text.endswith(" safe")
            if began_s is not None:
                spans.append((began_s, one.at_s))
            began_s = one.at_s if safe else None
    return [*spans, *([(began_s, float("inf"))] if began_s is not None else [])]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
