"""The picture of a demonstration: the flow at each limit, and what each DER did."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display: a picture goes into a file
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from hil.cli.demo_promise import Promise
from hil.cli.demo_truth import Row
from pcs.model.limit import Direction

MOST_POINTS = 6000  # of a line: more are not seen on paper
WIDTH_IN, ROW_IN, DOTS_PER_IN = 11.0, 2.6, 110
COLOURS = ("#1b6ca8", "#c8553d", "#588b3a", "#7d4e9e", "#b58900", "#3a8f8f")
LIMIT_COLOUR, BEYOND_COLOUR = "#a31621", "#f4c7c3"


def draw(rows: Sequence[Row], promises: Sequence[Promise], path: Path, control_from_s: float) -> None:
    """Write the picture: flow and limits in watts, currents with their limits, then power of the DERs."""
    some = rows[:: max(1, len(rows) // MOST_POINTS)]
    panels = [("flow", [p for p in promises if p.in_watts])] + [("current", [p]) for p in promises if not p.in_watts]
    shape = plt.subplots(
        len(panels) + 1, 1, sharex=True, figsize=(WIDTH_IN, ROW_IN * (len(panels) + 1)), layout="constrained"
    )
    figure, axes = shape[0], list(shape[1])
    for axis, (kind, shown) in zip(axes, panels, strict=False):
        _flow(axis, some, shown) if kind == "flow" else _current(axis, some, shown[0])
    _ders(axes[-1], some)
    for axis in axes:
        axis.axvline(control_from_s, color="grey", linestyle=":", linewidth=1)
        axis.grid(alpha=0.25)
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", frameon=False)
    axes[-1].set_xlabel("seconds of the twin (dotted: the controller is called)")
    axes[-1].set_xlim(some[0].t_s, some[-1].t_s)
    figure.savefig(path, dpi=DOTS_PER_IN)
    plt.close(figure)


def _flow(axis: Axes, rows: Sequence[Row], promises: Sequence[Promise]) -> None:
    """Import above zero, export below; limits as lines, what is beyond them shaded."""
    times_s, kilowatts = [row.t_s for row in rows], [row.import_w / 1000 for row in rows]
    axis.plot(times_s, kilowatts, color=COLOURS[0], linewidth=1.2, label="import at poi")
    axis.plot(times_s, [row.demand_w / 1000 for row in rows], color="grey", linewidth=0.9, label="host load")
    for promise in promises:
        sign = 1.0 if promise.direction is Direction.IMPORT else -1.0
        bound = sign * promise.limit_value / 1000
        axis.axhline(bound, color=LIMIT_COLOUR, linestyle="--", linewidth=1, label=promise.name)
        outside = [promise.beyond_value(row) > 0.0 for row in rows]
        axis.fill_between(times_s, bound, kilowatts, where=outside, color=BEYOND_COLOUR, step="post")
    axis.set_ylabel("kW, import positive")


def _current(axis: Axes, rows: Sequence[Row], promise: Promise) -> None:
    """The current of each conductor in the limit's direction."""
    flows = [promise.flows(row) for row in rows]
    for k, line in enumerate(zip(*flows, strict=True)):
        style = ("-", "--", ":")[k]  # where conductors are equal, each is still seen
        axis.plot([row.t_s for row in rows], line, style, color=COLOURS[k], linewidth=1.1, label=f"L{k + 1}")
    axis.axhline(promise.limit_value, color=LIMIT_COLOUR, linestyle="--", linewidth=1, label=promise.name)
    axis.set_ylabel("A of infeeds" if promise.direction is None else f"A of {promise.direction}")


def _ders(axis: Axes, rows: Sequence[Row]) -> None:
    """What each DER injects, and what it could or would."""
    names = [name.removesuffix("_injection_w") for name in rows[0].values if name.endswith("_injection_w")]
    for k, name in enumerate(names):
        colour = COLOURS[k % len(COLOURS)]
        times_s = [row.t_s for row in rows]
        for suffix, meaning in (("available_w", "available"), ("wish_w", "wish")):
            if f"{name}_{suffix}" in rows[0].values:
                wished = [row.values[f"{name}_{suffix}"] / 1000 for row in rows]
                axis.plot(times_s, wished, color=colour, linewidth=0.9, alpha=0.5, label=f"{name} {meaning}")
        injected = [row.values[f"{name}_injection_w"] / 1000 for row in rows]
        axis.plot(times_s, injected, color=colour, linewidth=1.4, label=name)
    axis.set_ylabel("kW injected")
