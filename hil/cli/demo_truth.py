"""What really happened on the simulated site, from the twin's own record: excursions and energy. No word of the judged.

A row of the record states what holds from its instant on (`hil twin --record`).
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

J_PER_WH = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """Export beyond limit and tolerance: from when to when (s), its peak beyond the limit (W), its energy (Wh)."""

    from_s: float
    to_s: float
    peak_w: float
    energy_wh: float

    @property
    def duration_s(self) -> float:
        """How long it lasted."""
        return self.to_s - self.from_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instant: flow at the point, host load, what all DERs inject and what the sun offers them (watts)."""

    t_s: float
    import_w: float
    demand_w: float
    injection_w: float
    available_w: float


def read_truth(path: Path) -> list[Row]:
    """The rows of a record, oldest first. A last line that was cut off is left out.

    Raises:
        OSError: the file cannot be read.
    """
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for cells in csv.DictReader(file):
            try:
                rows.append(_row(cells))
            except (TypeError, ValueError):
                break
    return rows


def _row(cells: dict[str, str]) -> Row:
    ders = [name.removesuffix("_injection_w") for name in cells if name.endswith("_injection_w")]
    return Row(
        t_s=float(cells["t_s"]),
        import_w=float(cells["import_w"]),
        demand_w=float(cells["demand_w"]),
        injection_w=sum(float(cells[f"{name}_injection_w"]) for name in ders),
        available_w=sum(float(cells[f"{name}_available_w"]) for name in ders),
    )


def inside_since_s(rows: list[Row], limit_w: float, from_s: float) -> float | None:
    """When export first was inside the limit, `from_s` or later (seconds); None: never."""
    return next((row.t_s for row in rows if row.t_s >= from_s and -row.import_w <= limit_w), None)


def excursions(rows: list[Row], limit_w: float, tolerance_w: float, span_s: tuple[float, float]) -> list[Excursion]:
    """Every excursion inside the span (seconds from the twin's start), also one that its end cuts off."""
    found: list[Excursion] = []
    open_ = False
    for row, until_s in _within(rows, span_s):
        beyond_w = -row.import_w - limit_w
        if beyond_w <= tolerance_w:
            open_ = False
            continue
        last = found.pop() if open_ else Excursion(from_s=row.t_s, to_s=row.t_s, peak_w=0.0, energy_wh=0.0)
        found.append(
            Excursion(
                from_s=last.from_s,
                to_s=until_s,
                peak_w=max(last.peak_w, beyond_w),
                energy_wh=last.energy_wh + beyond_w * (until_s - row.t_s) / J_PER_WH,
            )
        )
        open_ = True
    return found


def energy_wh(rows: list[Row], limit_w: float, span_s: tuple[float, float]) -> tuple[float, float]:
    """Delivered energy and the ideal, Wh: the integral of min(available, demand + limit).

    What was injected beyond the ideal is inadvertent export and does not count as delivered.
    """
    delivered_wh = ideal_wh = 0.0
    for row, until_s in _within(rows, span_s):
        ideal_w = max(0.0, min(row.available_w, row.demand_w + limit_w))
        delivered_wh += min(row.injection_w, ideal_w) * (until_s - row.t_s) / J_PER_WH
        ideal_wh += ideal_w * (until_s - row.t_s) / J_PER_WH
    return delivered_wh, ideal_wh


def _within(rows: list[Row], span_s: tuple[float, float]) -> Iterator[tuple[Row, float]]:
    """The rows inside the span, each with the instant until which it holds."""
    for row, following in pairwise(rows):
        if row.t_s >= span_s[0] and row.t_s < span_s[1]:
            yield row, min(following.t_s, span_s[1])
