"""`python -m tests.known_answers [RECORDS [SEED]]`: the full statistics, written into docs/known-answers.md.

A short form goes into docs/measuring.md. Chains and shapes are shared out between two processes.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from math import comb
from pathlib import Path

import numpy as np

from tests.known_answers.chains import SAMPLED
from tests.known_answers.shapes import SHAPES
from tests.known_answers.table import SEED, WAVES, Row, pooled, sampled_rows, wave_rows

DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- made by `python -m tests.known_answers` -->\n", "<!-- end of the known-answer table -->\n"
HEAD = (
    "| chain | response | records | bias | median | 95 % | greatest | coverage | mean U / 95 % | invalid |\n"
    "|---|---|---|---|---|---|---|---|---|---|\n"
)
FULL = """# Known answers

Made by `python -m tests.known_answers {records} {seed}`; what it means is in
[Measuring a response](measuring.md#known-answers).
`der` is a DER's output, `poi` the flow at the point. {refuted}

"""
WANTED = 0.94
SURE = 0.001  # of a hundred rows that are as good as wanted one in ten tables names one that is not
WORKERS = 2


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
            f"{100 * row.coverage:.1f} %",
            f"{ratio:.2f}",
            f"{len(row.invalid)} |\n",
        ]
    )


def is_short(row: Row) -> bool:
    """Whether so few intervals hold the truth that a coverage of 94 % is out of the question (binomial)."""
    n = len(row.error_s)
    held = round(row.coverage * n)
    return sum(comb(n, k) * WANTED**k * (1.0 - WANTED) ** (n - k) for k in range(held + 1)) < SURE


def job(task: tuple[str, int, str, int, int]) -> list[Row]:
    """The rows of one chain and one shape."""
    kind, which, shape, records, seed = task
    if kind == "waves":
        return list(wave_rows(which, records, seed, (shape,)))
    return list(sampled_rows(SAMPLED[which], records, seed, (shape,)))


def main(records: int, seed: int) -> None:
    """Print and write both tables."""
    kinds = [("waves", i, name) for i, (name, *_) in enumerate(WAVES)]
    kinds += [("samples", i, chain.name) for i, chain in enumerate(SAMPLED)]
    full, short, refuted = [], [], []
    with ProcessPoolExecutor(WORKERS) as pool:
        tasks = [
            (k, i, shape, records if k == "samples" else max(8, records // 3), seed)
            for k, i, _ in kinds
            for shape in SHAPES
        ]
        made = pool.map(job, tasks)
        for kind, _, name in kinds:
            rows = [row for _ in SHAPES for row in next(made)]
            groups = waveform_classes(rows) if kind == "waves" else [pooled("all", rows)]
            worst = min(rows, key=lambda row: row.coverage)
            short += [line(name, row) for row in groups]
            short += [line(name, worst)] if kind == "samples" else []
            full += [line(name, row) for row in (*groups, *rows)]
            refuted += [f"{name}, {row.name}" for row in rows if is_short(row)]
            print("".join(full[-len(rows) - len(groups) :]), end="", flush=True)
    said = (
        f"Rows whose coverage is short of {100 * WANTED:.0f} % beyond doubt ({SURE}): {'; '.join(refuted) or 'none'}."
    )
    head = FULL.format(records=records, seed=seed, refuted=said)
    (DOCS / "known-answers.md").write_text(head + HEAD + "".join(full), encoding="utf-8")
    page = (DOCS / "measuring.md").read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    (DOCS / "measuring.md").write_text(
        before + BEGIN + HEAD + "".join(short) + f"\n{said}\n" + END + after, encoding="utf-8"
    )


def waveform_classes(rows: list[Row]) -> list[Row]:
    """Waveforms are promised by class: smooth responses, edges, and swings that never end."""
    edges, swings = [row for row in rows if row.edge], [row for row in rows if row.name == "hunting"]
    smooth = [row for row in rows if not row.edge and row.name != "hunting"]
    return [pooled("smooth", smooth), pooled("edges", edges), pooled("hunting", swings)]


if __name__ == "__main__":
    main(*(int(word) for word in (*sys.argv[1:], *("100", str(SEED))[len(sys.argv) - 1 :])))
