"""The pictures of docs/limits.md: the flow at the point with its limit, and what each DER did under which cap."""

from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.limits.figures import TOLERANCE_SHARE, nameplate_w
from tests.limits.play import Played

SIZE_IN, DOTS_PER_IN = (9.0, 5.2), 100
COLOURS = ("#1b6ca8", "#588b3a", "#7d4e9e")
LIMIT_COLOUR, BEYOND_COLOUR, LOAD_COLOUR = "#a31621", "#e4572e", "#777777"
Limits = list[tuple[float, float]]
"""An export limit over time: instants (s) and W."""


def draw(played: Played, limits: Limits, span_s: tuple[float, float], title: str, path: Path) -> None:
    """Write one picture: above export, host load and limit, below the DERs with their caps; both in kW over seconds."""
    import matplotlib

    matplotlib.use("Agg")  # no display: a picture goes into a file
    from matplotlib import pyplot as plt

    shape: Any = plt.subplots(2, 1, sharex=True, figsize=SIZE_IN, height_ratios=(3, 2.4), layout="constrained")
    figure, (above, below) = shape
    _flow(above, played, limits, span_s)
    _ders(below, played, span_s)
    for axis in (above, below):
        axis.grid(alpha=0.25)
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", frameon=False)
        axis.set_xlim(*span_s)
    below.set_xlabel("time, s (simulated)")
    above.set_title(title, fontsize="medium", loc="left")
    figure.savefig(path, dpi=DOTS_PER_IN, metadata={"Software": None})
    plt.close(figure)


def _flow(axis: Any, played: Played, limits: Limits, span_s: tuple[float, float]) -> None:
    """Export at the point, above zero; what is beyond the limit by more than the tolerance is filled and marked."""
    tolerance_w = TOLERANCE_SHARE * nameplate_w(played.scene)
    flow = [(t, -w) for t, w in played.truth.series("import_w") if span_s[0] <= t <= span_s[1]]
    times = [t for t, _ in flow]
    bounds_w = [limits[bisect_right(limits, t, key=lambda p: p[0]) - 1][1] for t in times]
    exports_w = [w for _, w in flow]
    over = [w > bound_w + tolerance_w for w, bound_w in zip(exports_w, bounds_w, strict=True)]
    kilo = [w / 1000 for w in exports_w]
    demand = [(t, w / 1000) for t, w in played.truth.series("demand_w") if span_s[0] <= t <= span_s[1]]
    axis.plot(*zip(*demand, strict=True), color=LOAD_COLOUR, linewidth=1.0, label="host load")
    axis.plot(times, kilo, color=COLOURS[0], linewidth=1.4, label="export at the POI")
    axis.plot(times, [w / 1000 for w in bounds_w], "--", color=LIMIT_COLOUR, linewidth=1.3, label="export limit")
    label = "beyond the limit" if any(over) else None
    axis.fill_between(
        times, [w / 1000 for w in bounds_w], kilo, where=over, color=BEYOND_COLOUR, alpha=0.6, label=label
    )
    for begin, end in _spans(times, over):
        peak_w = max(w for t, w in flow if begin <= t <= end)
        axis.annotate(
            f"{end - begin:.1f} s", (end, peak_w / 1000), xytext=(5, -3), textcoords="offset points", fontsize=8
        )
    axis.set_ylabel("power, kW\n(export above 0)")


def _spans(times: list[float], over: list[bool]) -> list[tuple[float, float]]:
    """From when to when each excursion lasted (s)."""
    found: list[tuple[float, float]] = []
    for (t, is_over), (until, _) in pairwise(zip(times, over, strict=True)):
        if is_over and found and found[-1][1] == t:
            found[-1] = (found[-1][0], until)
        elif is_over:
            found.append((t, until))
    return found


def _ders(axis: Any, played: Played, span_s: tuple[float, float]) -> None:
    """Injection of each DER, its cap as last commanded, and what the sun offers."""
    controlled = [part for part in played.scene.site.ders if part.controlled]
    for part, colour in zip(controlled, COLOURS, strict=False):
        name, column = part.id, part.id + "_injection_w"
        injected = [(t, w / 1000) for t, w in played.truth.series(column) if span_s[0] <= t <= span_s[1]]
        offered = [(t, w / 1000) for t, w in played.truth.series(f"{name}_available_w") if span_s[0] <= t <= span_s[1]]
        told = played.told_w.get(name, [])
        caps = [(max(t, span_s[0]), w / 1000) for t, w in told if t <= span_s[1]]
        caps = [p for k, p in enumerate(caps) if k + 1 == len(caps) or caps[k + 1][0] > span_s[0]]
        caps.append((span_s[1], caps[-1][1]))
        axis.plot(*zip(*offered, strict=True), ":", color=colour, linewidth=1.3, label=f"{name}: sun offers")
        axis.step(*zip(*caps, strict=True), where="post", color=colour, linewidth=0.9, alpha=0.6, label=f"{name}: cap")
        axis.plot(*zip(*injected, strict=True), color=colour, linewidth=1.7, label=f"{name}: injects")
    axis.set_ylabel("power, kW\n(injection)")
    axis.set_ylim(bottom=0.0)
