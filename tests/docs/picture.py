"""Makes the pictures of the README, `docs/images/demo.svg` and `docs/images/minute.svg`, from a demo that really runs.

The first is the page as a terminal shows it at `SHOWN_AT_S`; the second the whole minute as it really was, by the
twin's record. No test compares them: a run differs from the next in its last digits.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from hil.cli.demo_page import page
from hil.cli.demo_truth import Row, read_truth

FOLDER = Path(__file__).parents[2] / "docs" / "images"
SECONDS, SHOWN_AT_S, WIDTH = 60.0, 51.0, 100
PLAIN_SVG = """<svg viewBox="-12 -12 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>hil demo in a terminal</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<rect fill="#0c1021" x="-12" y="-12" width="{width}" height="{height}" rx="8"/>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
<g clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
LEFT, TOP, WIDE, HIGH = 60, 40, 860, 320  # of the plot's frame, in pixels
TOP_W, BOTTOM_W = 14_000.0, -7_000.0


def terminal(statuses: list[dict[str, Any]]) -> str:
    """The page at `SHOWN_AT_S` as SVG, without a font from elsewhere."""
    exports_w = [
        max((-s["point"]["import_w"] for s in statuses if int(s["elapsed_s"]) == k and _measured(s)), default=0.0)
        for k in range(int(SHOWN_AT_S) + 1)
    ]
    status = next(s for s in statuses if s["elapsed_s"] >= SHOWN_AT_S)
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(page(status, status["elapsed_s"], SECONDS, exports_w, status["said"], WIDTH))
    return console.export_svg(title="", code_format=PLAIN_SVG, unique_id="demo")


def _measured(status: dict[str, Any]) -> bool:
    return status["point"]["import_w"] is not None


def minute(rows: list[Row], limit_w: float) -> str:
    """What the sun offers, demand, what was injected, and the flow at the point with its limit, over the whole run."""
    rows = [row for row in rows if row.t_s <= SECONDS][::5]
    curves: tuple[tuple[str, str, Callable[[Row], float]], ...] = (
        ("#d9a400", "the sun offers", lambda row: row.available_w),
        ("#2e8b57", "the inverters inject", lambda row: row.injection_w),
        ("#8a8f98", "demand", lambda row: row.demand_w),
        ("#1f5fbf", "import (+) and export (−)", lambda row: row.import_w),
    )
    width, height = LEFT + WIDE + 20, TOP + HIGH + 30
    parts = [
        f'<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img" '
        'font-family="Helvetica, Arial, DejaVu Sans, sans-serif" font-size="13"><title>one minute of the demo</title>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for value_w in range(-6000, 12_001, 2000):
        parts.append(f'<path d="M{LEFT} {_y(value_w):.1f}h{WIDE}" stroke="#{"999" if value_w == 0 else "eee"}"/>')
        label = f"{value_w / 1000:g}".replace("-", "−")
        parts.append(f'<text x="{LEFT - 8}" y="{_y(value_w) + 4:.0f}" text-anchor="end">{label} kW</text>')
    parts += [
        f'<text x="{_x(t_s):.0f}" y="{TOP + HIGH + 20}" text-anchor="middle">{t_s} s</text>'
        for t_s in range(0, int(SECONDS) + 1, 10)
    ]
    parts.append(f'<path d="M{LEFT} {_y(-limit_w):.1f}h{WIDE}" stroke="#c0392b" stroke-dasharray="6 4"/>')
    for k, (colour, name, value) in enumerate(curves):
        parts.append(_curve(rows, value, colour))
        parts.append(f'<text x="{LEFT + 165 * k}" y="22" fill="{colour}">{name}</text>')
    parts.append(f'<text x="{LEFT + 700}" y="22" fill="#c0392b">export limit {limit_w:,.0f} W</text>')
    return "\n".join([*parts, "</svg>\n"])


def _curve(rows: list[Row], value: Callable[[Row], float], colour: str) -> str:
    points = " ".join(f"{_x(row.t_s):.1f},{_y(value(row)):.1f}" for row in rows)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _x(t_s: float) -> float:
    return LEFT + WIDE * t_s / SECONDS


def _y(watts: float) -> float:
    return TOP + HIGH * (TOP_W - max(BOTTOM_W, min(TOP_W, watts))) / (TOP_W - BOTTOM_W)


def run(folder: Path) -> tuple[list[dict[str, Any]], list[Row]]:
    """One demo in a folder: the controller's statuses and the truth."""
    demo = [sys.executable, "-m", "hil.cli.main", "demo", "--site", "pv"]
    command = [*demo, "--seconds", str(SECONDS), "--out", str(folder)]
    subprocess.run(command, check=True)
    statuses = [json.loads(line) for line in (folder / "status.jsonl").read_text().splitlines()]
    return statuses, read_truth(folder / "truth.csv")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="demo") as name:
        recorded, truth = run(Path(name) / "run")
    (FOLDER / "demo.svg").write_text(terminal(recorded), encoding="utf-8")
    (FOLDER / "minute.svg").write_text(minute(truth, recorded[-1]["limits"][0]["value"]), encoding="utf-8")
