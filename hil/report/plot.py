"""The picture of a case: the response with limit, t0, 90 % line, bands and marks; what moved it; the whole record.

Time is counted from t0 of the step that decided. Where there is no t0, from the begin of the record, and it says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hil.analysis.movement import Side
from hil.analysis.result import Measurement
from hil.profile.model import Case
from hil.record.recording import FloatArray
from hil.report.marks import LETTER_PX, draw_levels, draw_times
from hil.report.svg import Axis, Canvas, tick_texts, ticks
from hil.report.text import KILO_W
from hil.report.thin import thin
from hil.report.trace import Trace

WIDTH_PX, LEFT_PX, RIGHT_PX = 760, 62, 628
HEAD_PX, MAIN_PX, SIDE_PX, WHOLE_PX, GAP_PX = 46, 200, 96, 44, 10
PANELS_MAX = 4  # more do not fit a page
ROOM = 0.08  # of the height, above and below a line
AFTER_FACTOR = 3.0  # how long the rest is shown, in times of the response
LEAST_SHOWN_S = 2.0
STYLES = ("resp", "der", "more", "stim")
PALE_POINTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One run, ready to be drawn: its lines, its deciding measurement, t0 of every step, and the other repeats."""

    case: Case
    traces: Sequence[Trace]
    net: Measurement
    starts_s: Sequence[float] = ()
    others: Sequence[tuple[Trace, float]] = ()
    """The response of each other repeat, and its own t0."""

    @property
    def zero_s(self) -> float:
        """Where time is counted from, on the record's clock."""
        return self.net.t0_s if self.net.t0_s is not None else float(self.traces[0].t_s[0])


def draw(shown: Shown) -> str:
    """The picture as SVG."""
    panels = _panels(shown)
    sides = SIDE_PX + GAP_PX
    height = HEAD_PX + MAIN_PX + sides * (len(panels) - 1) + 40 + WHOLE_PX + 24
    canvas = Canvas(WIDTH_PX, height)
    time = Axis(**_window_s(shown), from_px=LEFT_PX, to_px=RIGHT_PX)
    top = HEAD_PX
    for k, panel in enumerate(panels):
        bottom = top + (MAIN_PX if k == 0 else SIDE_PX)
        _panel(canvas, shown, panel, time, (top, bottom), main=k == 0)
        top = bottom + GAP_PX
    bottom = top - GAP_PX
    _time_axis(
        canvas,
        time,
        HEAD_PX,
        bottom,
        "time from t0 (s)" if shown.net.t0_s is not None else "time from the begin of the record (s)",
    )
    draw_times(canvas, shown.net, time, HEAD_PX, bottom)
    _whole(canvas, shown, panels[0], time, bottom + 40)
    return canvas.svg(f"{shown.case.id}: {shown.case.response.channel} and what moved it")


def _panels(shown: Shown) -> list[list[Trace]]:
    """The response first, then what has the unit of the first of the others, and so on."""
    response = shown.case.response.channel
    first = [trace for trace in shown.traces if trace.channel == response]
    rest = [trace for trace in shown.traces if trace.channel != response]
    units = list(dict.fromkeys(trace.unit for trace in rest))
    panels = [[trace for trace in rest if trace.unit == unit] for unit in units]
    return [group for group in (first, *panels) if group][:PANELS_MAX]


def _window_s(shown: Shown) -> dict[str, float]:
    """What is shown large: the response and as much rest after it as is needed to see that it is one."""
    t_s = shown.traces[0].t_s - shown.zero_s
    begin_s, end_s = float(t_s[0]), float(t_s[-1])
    net = shown.net
    times_s = [net.olrt_judged_s, net.settling_2pct_s, net.settling_5pct_s, net.back_under_limit_s, net.olrt_s]
    known_s = [each_s for each_s in times_s if each_s is not None]
    if net.t0_s is None or not known_s or net.olrt_judged_s is None:
        return {"lo": begin_s, "hi": max(end_s, begin_s + 1e-3)}
    after_s = max(AFTER_FACTOR * max(known_s), 20.0 * (net.window_s or 0.0), LEAST_SHOWN_S)
    later_s = [at_s - shown.zero_s for at_s in shown.starts_s if at_s > shown.zero_s + 1e-6]
    hi_s = min([after_s, end_s, *later_s])
    return {"lo": max(begin_s, -0.18 * hi_s), "hi": hi_s}


def _panel(
    canvas: Canvas, shown: Shown, traces: Sequence[Trace], time: Axis, span_px: tuple[int, int], *, main: bool
) -> None:
    top, bottom = span_px
    unit, scale = _scale(traces)
    seen = [_cut(trace.t_s - shown.zero_s, trace.y / scale, time) for trace in traces]
    pale = [_cut(trace.t_s - t0_s, trace.y / scale, time) for trace, t0_s in shown.others] if main else []
    levels = _levels(shown, scale) if main else []
    lo, hi = _span([y for _, y in (*seen, *pale)], levels)
    axis = Axis(lo=lo, hi=hi, from_px=bottom, to_px=top)
    if main:
        draw_levels(canvas, _with_limit(shown), Side(shown.case.response.side), time, axis, (unit, scale))
    _frame(canvas, axis, top, bottom, unit, 6 if main else 3)
    for t_s, y in pale:
        points_s, values = thin(t_s, y, PALE_POINTS)
        canvas.curve("pale", time.px(points_s), axis.px(values))
    labels = []
    for k, (trace, (t_s, y)) in enumerate(zip(traces, seen, strict=True)):
        style = _style(trace, shown.case, k, main=main)
        points_s, values = thin(t_s, y)
        canvas.curve(style, time.px(points_s), axis.px(values))
        if len(y) and np.isfinite(y[-1]) and not main:
            labels.append((axis.at(float(y[-1])), trace.name, style))
    for at_px, name, style in apart(labels, top + 4, bottom):
        canvas.line(style, RIGHT_PX + 4, at_px, RIGHT_PX + 20, at_px)
        canvas.text(name, RIGHT_PX + 23, at_px + 3.5, kind="t")
    if main:
        keys = [(trace.name, _style(trace, shown.case, k, main=True)) for k, trace in enumerate(traces)]
        _legend(canvas, keys + ([("other repeats", "pale")] if shown.others else []))


def _with_limit(shown: Shown) -> Measurement:
    """The measurement, with the limit of the case where nothing could be measured."""
    if shown.net.limit_value is not None:
        return shown.net
    asked = shown.case.response
    return replace(shown.net, limit_value=asked.limit_value, tolerance_value=asked.tolerance_value)


def _legend(canvas: Canvas, keys: Sequence[tuple[str, str]]) -> None:
    """The names of the response's lines above them."""
    x = float(LEFT_PX)
    for name, style in keys:
        canvas.line(style, x, 8, x + 18, 8)
        canvas.text(name, x + 22, 11.5, kind="h" if style != "pale" else "t")
        x += 40.0 + LETTER_PX * len(name) * 1.15


def _style(trace: Trace, case: Case, k: int, *, main: bool) -> str:
    if trace.channel == case.stimulus.channel:
        return "stim"
    return STYLES[k % 3] if main else STYLES[1 + k % 2]


def apart(labels: Sequence[tuple[float, str, str]], lo_px: float, hi_px: float) -> list[tuple[float, str, str]]:
    """Labels at their heights, moved just enough that none lies on another."""
    step_px = 12.0
    placed: list[tuple[float, str, str]] = []
    for at_px, name, style in sorted(labels):
        floor_px = placed[-1][0] + step_px if placed else lo_px
        placed.append((max(at_px, floor_px), name, style))
    over_px = placed[-1][0] - hi_px if placed else 0.0
    if over_px > 0.0:
        placed = [(at_px - over_px, name, style) for at_px, name, style in placed]
    return placed


def _scale(traces: Sequence[Trace]) -> tuple[str, float]:
    """Unit and divisor: watts in thousands where they are many."""
    unit = traces[0].unit
    most = max((float(np.nanmax(np.abs(trace.y))) for trace in traces if np.isfinite(trace.y).any()), default=0.0)
    return (f"k{unit}", 1000.0) if unit in ("W", "VA") and most >= KILO_W else (unit, 1.0)


def _cut(t_s: FloatArray, y: FloatArray, time: Axis) -> tuple[FloatArray, FloatArray]:
    """The samples that are shown, and one on either side."""
    first = max(0, int(np.searchsorted(t_s, time.lo)) - 1)
    last = int(np.searchsorted(t_s, time.hi)) + 1
    return t_s[first:last], y[first:last]


def _levels(shown: Shown, scale: float) -> list[float]:
    """Levels that must be inside the panel."""
    net = _with_limit(shown)
    found = [net.initial_value, net.final_value]
    if net.limit_value is not None:
        sign = -1.0 if shown.case.response.side == Side.BELOW.value else 1.0
        found += [sign * net.limit_value, sign * (net.limit_value + (net.tolerance_value or 0.0))]
    return [value / scale for value in found if value is not None]


def _span(lines: Sequence[FloatArray], level_values: Sequence[float]) -> tuple[float, float]:
    """The range of a panel. A line that does not move is shown as one."""
    finite = [y[np.isfinite(y)] for y in lines]
    values = [float(edge) for y in finite if len(y) for edge in (y.min(), y.max())] + list(level_values)
    if not values:
        return 0.0, 1.0
    lo, hi = min(values), max(values)
    room = max(ROOM * (hi - lo), 0.02 * max(abs(lo), abs(hi)), 1e-6)
    return lo - room, hi + room


def _frame(canvas: Canvas, axis: Axis, top: int, bottom: int, unit: str, most: int) -> None:
    values = ticks(axis.lo, axis.hi, most)
    for value, said in zip(values, tick_texts(values), strict=True):
        canvas.line("grid", LEFT_PX, axis.at(value), RIGHT_PX, axis.at(value))
        canvas.text(said, LEFT_PX - 5, axis.at(value) + 3.5, "end", "t")
    canvas.box("frame", LEFT_PX, top, RIGHT_PX - LEFT_PX, bottom - top)
    canvas.sideways(unit or "0 / 1", 14, (top + bottom) / 2)


def _time_axis(canvas: Canvas, time: Axis, top: int, bottom: int, said: str) -> None:
    values = ticks(time.lo, time.hi, 9)
    for value, text in zip(values, tick_texts(values), strict=True):
        canvas.line("frame", time.at(value), bottom, time.at(value), bottom + 4)
        canvas.text(text, time.at(value), bottom + 14, "middle", "t")
    canvas.text(said, (LEFT_PX + RIGHT_PX) / 2, bottom + 27, "middle", "t")


def _whole(canvas: Canvas, shown: Shown, traces: Sequence[Trace], large: Axis, top: int) -> None:
    """The whole record, small, with the part that is shown large."""
    first = traces[0]
    t_s = first.t_s - shown.zero_s
    unit, scale = _scale(traces)
    time = Axis(lo=float(t_s[0]), hi=max(float(t_s[-1]), float(t_s[0]) + 1e-3), from_px=LEFT_PX, to_px=RIGHT_PX)
    bottom = top + WHOLE_PX
    lo, hi = _span([trace.y / scale for trace in traces], _levels(shown, scale))
    axis = Axis(lo=lo, hi=hi, from_px=bottom, to_px=top)
    left, right = time.at(large.lo), time.at(large.hi)
    canvas.box("band5", left, top, right - left, WHOLE_PX)
    for k, trace in enumerate(traces):
        points_s, values = thin(trace.t_s - shown.zero_s, trace.y / scale, PALE_POINTS)
        canvas.curve(STYLES[k % 3], time.px(points_s), axis.px(values))
    for number, at_s in enumerate(shown.starts_s, start=1):
        x = time.at(at_s - shown.zero_s)
        canvas.line("t0", x, top, x, bottom)
        if len(shown.starts_s) > 1:
            canvas.text(str(number), x + 2, top + 9, kind="t")
    canvas.box("frame", LEFT_PX, top, RIGHT_PX - LEFT_PX, WHOLE_PX)
    marks_s = ticks(time.lo, time.hi, 9)
    for value, said in zip(marks_s, tick_texts(marks_s), strict=True):
        canvas.text(said, time.at(value), bottom + 12, "middle", "t")
    canvas.text("whole record (s);", RIGHT_PX + 6, top + 14, kind="t")
    canvas.text("grey: shown above", RIGHT_PX + 6, top + 27, kind="t")
    canvas.sideways(unit, 14, (top + bottom) / 2)
