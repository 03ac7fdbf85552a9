"""What is drawn over a response: limit, tolerance, 90 % line, settling bands; t0, judged time and the other times."""

from hil.analysis.movement import Side
from hil.analysis.result import Measurement
from hil.report.svg import Axis, Canvas
from hil.report.text import number, with_u

OLRT_SHARE = 0.9  # CRD-OLRT-1
SAME_S = 1e-9
LETTER_PX = 5.9  # the mean width of a letter of the labels, for keeping them apart
ROWS_PX = (26, 39)  # heights of the rows of labels above the panel


def draw_levels(canvas: Canvas, net: Measurement, side: Side, time: Axis, axis: Axis, units: tuple[str, float]) -> None:
    """Limit and what is beyond it, bands around the final value, the 90 % line, each with its label at the right."""
    unit, scale = units
    left, right = time.from_px, time.to_px
    top, bottom = min(axis.from_px, axis.to_px), max(axis.from_px, axis.to_px)
    labels: list[tuple[float, str, str]] = []
    sign = -1.0 if side is Side.BELOW else 1.0
    if net.limit_value is not None:
        limit = sign * net.limit_value / scale
        edge = limit + sign * (net.tolerance_value or 0.0) / scale
        edge_px = axis.at(edge)
        high_px, low_px = (edge_px, bottom) if sign < 0.0 else (top, edge_px)
        canvas.box("beyond", left, high_px, right - left, low_px - high_px)
        labels += [(axis.at(limit), f"limit {number(limit)} {unit}", "limit")]
        if net.tolerance_value:
            labels += [(edge_px, f"with tolerance {number(edge)}", "tol")]
    if net.final_value is not None and net.extreme_value is not None and net.t0_s is not None:
        final, extreme = net.final_value / scale, net.extreme_value / scale
        t0_px = time.at(0.0)
        for share, kind in ((0.05, "band5"), (0.02, "band2")):
            half = abs(final - extreme) * share
            high_px, low_px = axis.at(final + half), axis.at(final - half)
            canvas.box(kind, t0_px, high_px, right - t0_px, low_px - high_px)
        ninety = extreme + OLRT_SHARE * (final - extreme)
        labels += [(axis.at(final), "final ± 2 %, ± 5 %", "")]
        if net.t90_from_extreme_s is not None:
            labels += [(axis.at(ninety), "90 % line", "t90")]
    for at_px, _, kind in labels:
        if kind:
            canvas.line(kind, left if kind != "t90" else time.at(0.0), at_px, right, at_px)
    _at_right(canvas, labels, right, top, bottom)
    _points(canvas, net, time, axis, sign, scale)


def _at_right(canvas: Canvas, labels: list[tuple[float, str, str]], right: int, top: int, bottom: int) -> None:
    """Labels beside the panel, moved apart, each tied to its level."""
    ordered = sorted(labels)
    placed: list[float] = []
    for at_px, _, _ in ordered:
        placed.append(max(at_px, placed[-1] + 12.0 if placed else top + 4.0))
    over_px = max(0.0, placed[-1] - bottom) if placed else 0.0
    for (at_px, said, _), label_px in zip(ordered, placed, strict=True):
        canvas.line("grid", right, at_px, right + 6, label_px - over_px)
        canvas.text(said, right + 8, label_px - over_px + 3.5, kind="t")


def _points(canvas: Canvas, net: Measurement, time: Axis, axis: Axis, sign: float, scale: float) -> None:
    """The 90 % crossing as a ring, the return under the limit as a wedge."""
    if net.t90_from_extreme_s is not None and net.final_value is not None and net.extreme_value is not None:
        ninety = net.extreme_value + OLRT_SHARE * (net.final_value - net.extreme_value)
        if time.holds(net.t90_from_extreme_s):
            canvas.dot("dot", time.at(net.t90_from_extreme_s), axis.at(ninety / scale))
    if net.back_under_limit_s and net.limit_value is not None and time.holds(net.back_under_limit_s):
        edge = sign * (net.limit_value + (net.tolerance_value or 0.0)) / scale
        canvas.wedge("back", time.at(net.back_under_limit_s), axis.at(edge))


def draw_times(canvas: Canvas, net: Measurement, time: Axis, top: int, bottom: int) -> None:
    """Upright lines through all panels, with their labels above, in two rows so that none lies on another."""
    if net.t0_s is None:
        return
    marks = [(0.0, "t0" if not net.t0_u95_s else f"t0 ± {number(net.t0_u95_s, net.t0_u95_s)} s", "t0")]
    if net.olrt_judged_s is not None:
        half_s = net.olrt_judged_u95_s or 0.0
        said = f"judged {with_u(net.olrt_judged_s, net.olrt_judged_u95_s, 's')}"
        marks.append((net.olrt_judged_s, said, "judged"))
        left, right = time.at(net.olrt_judged_s - half_s), time.at(net.olrt_judged_s + half_s)
        if right - left > 1.5:
            canvas.parts.insert(0, "")  # below everything that is drawn already
            under = Canvas(0, 0)
            under.box("u", left, top, right - left, bottom - top)
            canvas.parts[0] = "".join(under.parts)
    t90 = net.t90_from_extreme_s
    if t90 is not None and (net.olrt_judged_s is None or abs(t90 - net.olrt_judged_s) > SAME_S):
        marks.append((t90, f"90 % at {number(t90, net.olrt_judged_u95_s)} s", "t90"))
    if net.within_s is not None and time.holds(net.within_s):
        marks.append((net.within_s, f"allowed {number(net.within_s)} s", "allowed"))
    ends_px = [0.0 for _ in ROWS_PX]
    for at_s, said, kind in sorted(marks):
        x = time.at(at_s)
        canvas.line(kind, x, top, x, bottom)
        width_px = LETTER_PX * len(said)
        start_px = max(time.from_px - 30.0, min(x - width_px / 2, time.to_px + 100.0 - width_px))
        row = next((k for k, end_px in enumerate(ends_px) if start_px > end_px + 6.0), len(ROWS_PX) - 1)
        start_px = max(start_px, ends_px[row] + 6.0)
        ends_px[row] = start_px + width_px
        canvas.text(said, start_px + width_px / 2, ROWS_PX[row], "middle", "t")
        canvas.line("grid", x, ROWS_PX[row] + 3, x, top)
