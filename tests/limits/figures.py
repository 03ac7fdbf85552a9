"""What the truth says of a scene: response times, excursions, ripple, yield; and the physical floor of the plant.

Nothing here asks the controller: the only inputs are the rows of the simulated site and the figures of its twin file.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, inf
from statistics import median

from hil.rig.twin_file import DerPart, MeterPart
from tests.limits.scenes import FROM_S, Scene
from tests.simulation.truth import Truth

RESPONSE_SHARE = 0.9
TAIL_SHARE = 0.2
"""The last fifth of a step counts as settled: its median is the final value."""
LEAST_MOVE_SHARE = 0.02
"""Of nameplate: what moved less has not responded."""
TOLERANCE_SHARE = 0.01
"""Of nameplate (of the rating of a busbar): beyond that an excursion begins."""
FINE_S = 0.002
_WINDOW_SHARE = 0.9

Row = dict[str, float]
Series = list[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One step: when, how long to 90 % of the way from the extreme (s), and the same of the plant told at once."""

    at_s: float
    olrt_s: float
    floor_s: float
    ripple_pct: float

    @property
    def ratio(self) -> float:
        """How many times the physical floor."""
        return self.olrt_s / self.floor_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came out of a scene. `excursion_s`: the longest; `yield_share`: None where it has no meaning."""

    restricts: tuple[Answer, ...]
    releases: tuple[Answer, ...]
    excursion_s: float
    peak_value: float
    late_s: float
    """The longest one that begins after the last step is over."""
    yield_share: float | None

    @property
    def worst(self) -> Answer | None:
        """The restricting step that took longest in terms of its floor."""
        return max(self.restricts, key=lambda a: a.ratio, default=None)

    @property
    def ripple_pct(self) -> float | None:
        """The largest of all steps."""
        return max((a.ripple_pct for a in (*self.restricts, *self.releases)), default=None)


def figures(scene: Scene, truth: Truth) -> Figures:
    """Everything about one scene."""
    rows = [dict(zip(truth.columns, row, strict=True)) for row in truth.rows]
    excursion_s, peak_value = _excursions(scene, rows, FROM_S)
    over_s = max((scene.end_s(at_s) for at_s in (*scene.restricts_s, *scene.releases_s)), default=scene.until_s)
    return Figures(
        restricts=tuple(_answer(scene, rows, at_s, scene.end_s(at_s)) for at_s in scene.restricts_s),
        releases=tuple(_answer(scene, rows, at_s, scene.end_s(at_s)) for at_s in scene.releases_s),
        excursion_s=excursion_s,
        peak_value=peak_value,
        late_s=_excursions(scene, rows, over_s)[0],
        yield_share=_yield_share(scene, rows) if scene.is_yielding else None,
    )


def nameplate_w(scene: Scene) -> float:
    """Of all that is controlled, a charger at what it draws at most."""
    return sum(part.nameplate_w or _charger_w(scene, part) for part in scene.site.ders if part.controlled)


def _charger_w(scene: Scene, part: DerPart) -> float:
    return (part.most_a or 0.0) * scene.site.system.connect(part.connection).volts_v


# -- beyond the limit


def beyond(scene: Scene) -> Callable[[Row], float]:
    """How far a row is beyond the limit of a scene, in its unit."""
    bound, storage = scene.bound, [part.id for part in scene.site.ders if part.kind == "battery"]

    def of_storage(row: Row, sign: float) -> float:
        moved_w = sum(max(0.0, sign * row[f"{name}_injection_w"]) for name in storage)
        stored_w = sum(row[f"{name}_injection_w"] for name in storage)
        needed_w = row["import_w"] + stored_w  # host demand less what other sources inject
        return moved_w - max(0.0, bound.value + sign * needed_w)

    table: dict[str, Callable[[Row], float]] = {
        "export": lambda row: -row["import_w"] - bound.value,
        "import": lambda row: row["import_w"] - bound.value,
        "phase": lambda row: max(-row[f"import_l{k}_w"] for k in (1, 2, 3)) - bound.value,
        "from_ess": lambda row: of_storage(row, 1.0),
        "to_ess": lambda row: of_storage(row, -1.0),
        "no_exchange": lambda row: max(of_storage(row, 1.0), of_storage(row, -1.0)),
        "busbar": lambda row: max(row[f"panel_b_infeed_l{k}_a"] for k in (1, 2, 3)) - bound.value,
    }
    return table[bound.kind]


def _excursions(scene: Scene, rows: list[Row], from_s: float) -> tuple[float, float]:
    """How long the longest excursion was (s), and the most beyond the limit (W, of a busbar A); 0 without one."""
    whole = scene.bound.value if scene.bound.kind == "busbar" else nameplate_w(scene)
    over, longest_s, since_s, peak_value = beyond(scene), 0.0, inf, 0.0
    for row, following in pairwise(row for row in rows if row["t_s"] >= from_s):
        excess = over(row)
        if excess <= TOLERANCE_SHARE * whole:
            since_s = inf
            continue
        since_s = min(since_s, row["t_s"])
        longest_s, peak_value = max(longest_s, following["t_s"] - since_s), max(peak_value, excess)
    return longest_s, peak_value


# -- response times


def _answer(scene: Scene, rows: list[Row], at_s: float, end_s: float) -> Answer:
    span = [row for row in rows if at_s <= row["t_s"] < end_s]
    ways = {name: [(row["t_s"] - at_s, row[f"{name}_injection_w"]) for row in span] for name in scene.answering}
    together = [
        (t, sum(values)) for (t, *_), values in ((p[0], [q[1] for q in p]) for p in zip(*ways.values(), strict=True))
    ]
    least_w = LEAST_MOVE_SHARE * nameplate_w(scene)
    tail = [value for t, value in together if t >= (1.0 - TAIL_SHARE) * (end_s - at_s)]
    return Answer(
        at_s=at_s,
        olrt_s=ninetieth_s(together, least_w),
        floor_s=_floor_s(scene, at_s, ways, least_w),
        ripple_pct=100.0 * (max(tail) - min(tail)) / nameplate_w(scene),
    )


def ninetieth_s(series: Series, least_w: float) -> float:
    """The time at which a series that begins with its step has made 90 % of its way from its extreme to its end.

    NaN where it moved by less than `least_w`: it had nothing to do.
    """
    final_w = _final_w(series)
    k = max(range(len(series)), key=lambda i: abs(series[i][1] - final_w))
    way_w = final_w - series[k][1]
    if abs(way_w) < least_w:
        return float("nan")
    return next(t for t, value in series[k:] if (value - series[k][1]) / way_w >= RESPONSE_SHARE)


def _final_w(series: Series) -> float:
    return median(value for t, value in series if t >= (1.0 - TAIL_SHARE) * series[-1][0])


def _floor_s(scene: Scene, at_s: float, ways: dict[str, Series], least_w: float) -> float:
    """The same figure of the plant alone: seen by the meter, then told at once to go where it went."""
    meter = next(
        part for part in scene.site.meters if part.point == ("panel_b" if scene.bound.kind == "busbar" else "poi")
    )
    seen_s = _seen_s(meter, at_s)
    total = [0.0] * ceil((ways[scene.answering[0]][-1][0] + FINE_S) / FINE_S)
    for part in scene.site.ders:
        if part.id not in ways:
            continue
        way = ways[part.id]
        told_s = seen_s + part.reply_s + 0.5 * part.reply_jitter_s + part.dead_time_s + 0.5 * part.dead_jitter_s
        rated_w = part.nameplate_w or _charger_w(scene, part)
        for n, value in enumerate(_path(part, rated_w, told_s, way[0][1], _final_w(way), len(total))):
            total[n] += value
    return ninetieth_s([(n * FINE_S, value) for n, value in enumerate(total)], least_w)


def _seen_s(meter: MeterPart, at_s: float) -> float:
    """From a step until a client of the meter knows 90 % of it: its grid, its window, its latency, one reply."""
    ready_s = at_s + _WINDOW_SHARE * meter.averaging_s
    number = ceil((ready_s - meter.phase_s) / meter.update_s - 1e-9)
    shown_s = meter.phase_s + number * meter.update_s + meter.latency_s
    return shown_s - at_s + meter.reply_s + 0.5 * meter.reply_jitter_s


def _path(part: DerPart, rated_w: float, told_s: float, from_w: float, to_w: float, points: int) -> Iterable[float]:
    """The output of one DER that is told at `told_s` to go from one power to another: its ramp, then its lag."""
    down, up = part.ramp_down_pct_s, part.ramp_up_pct_s
    pct_s = down if to_w < from_w else up
    rate_w = (pct_s or inf) / 100.0 * rated_w * FINE_S
    share = 1.0 - exp(-FINE_S / part.time_constant_s) if part.time_constant_s > 0.0 else 1.0
    ramped_w = output_w = from_w
    for n in range(points):
        if n * FINE_S >= told_s:
            ramped_w += max(-rate_w, min(rate_w, to_w - ramped_w))
            output_w += share * (ramped_w - output_w)
        yield output_w


# -- yield


def _yield_share(scene: Scene, rows: list[Row]) -> float:
    """Delivered over what one who knows sun and load beforehand would deliver; nothing counts beyond the limit."""
    names = [part.id for part in scene.site.ders if part.controlled]
    delivered_j = ideal_j = 0.0
    for row, following in pairwise(row for row in rows if row["t_s"] >= FROM_S):
        span_s = following["t_s"] - row["t_s"]
        groups = [[name] for name in names] if scene.bound.kind == "phase" else [names]
        for k, group in enumerate(groups):
            injected_w = sum(row[f"{name}_injection_w"] for name in group)
            import_w = row[f"import_l{k + 1}_w"] if scene.bound.kind == "phase" else row["import_w"]
            room_w = import_w + injected_w + scene.bound.value
            ideal_w = max(0.0, min(sum(row[f"{name}_available_w"] for name in group), room_w))
            delivered_j += min(injected_w, ideal_w) * span_s
            ideal_j += ideal_w * span_s
    return delivered_j / ideal_j
