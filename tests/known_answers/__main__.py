"""`python -m tests.known_answers [RECORDS]`: the full statistics, printed and written into docs/measuring.md."""

import sys
from pathlib import Path

import numpy as np

from tests.known_answers.chains import SAMPLED
from tests.known_answers.table import WAVES, Row, pooled, sampled_rows, wave_rows

PAGE = Path(__file__).parents[2] / "docs" / "measuring.md"
BEGIN, END = "<!-- made by `python -m tests.known_answers` -->\n", "<!-- end of the known-answer table -->\n"
HEAD = (
    "| chain | response | records | bias | median | 95 % | greatest | coverage | mean U / 95 % | invalid |\n"
    "|---|---|---|---|---|---|---|---|---|---|\n"
)


def line(chain: str, row: Row) -> str:
    """One row; errors in milliseconds, and in widths w where w is more than 20 ms."""
    error_s, in_w = row.error_s, row.width_s > 0.02
    scale, digits = (1.0 / row.width_s, 2) if in_w else (1000.0, 2)
    unit = " w" if in_w else " ms"
    half = row.half_width_s
    size = np.abs(error_s)
    figures = (float(np.mean(error_s)), float(np.median(size)), half, float(np.max(size)))
    cells = [f"{value * scale:.{digits}f}{unit}" for value in figures]
    cells[0] = f"{figures[0] * scale:+.{digits}f}{unit}"
    ratio = float(np.mean(row.u95_s)) / half
    return " | ".join(
        [
            f"| {chain}",
            row.name,
            str(len(error_s)),
            *cells,
            f"{100 * row.coverage:.0f} %",
            f"{ratio:.2f}",
            f"{len(row.invalid)} |\n",
        ]
    )


def main(records: int) -> None:
    """Print and write the table."""
    lines = []
    for which, (name, *_) in enumerate(WAVES):
        rows = list(wave_rows(which, max(8, records // 3)))
        edges, swings = [row for row in rows if row.edge], [row for row in rows if row.name == "hunting"]
        smooth = [row for row in rows if not row.edge and row.name != "hunting"]
        classes = (pooled("smooth", smooth), pooled("edges", edges), pooled("hunting", swings))
        lines += [line(name, row) for row in classes]
        print("".join(lines[-len(classes) :]), end="", flush=True)
    for chain in SAMPLED:
        rows = list(sampled_rows(chain, records))
        lines += [line(chain.name, row) for row in (pooled("all", rows), *rows)]
        print("".join(lines[-len(rows) - 1 :]), end="", flush=True)
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + HEAD + "".join(lines) + END + after, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
