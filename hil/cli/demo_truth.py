"""What really happened on the simulated site, from the twin's own record: excursions and energy. No word of the judged.

A row of the record states what holds from its instant on (`hil twin --record`).
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

J_PER_WH = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """Flow beyond limit and tolerance: from when to when (s), its peak beyond the limit (W or A), its energy (Wh).

    The energy of a limit in amperes is not counted.
    """

    from_s: float
    to_s: float
    peak_value: float
    energy_wh: float

    @property
    def duration_s(self) -> float:
        """How long it lasted."""
        return self.to_s - self.from_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instant: flow at the point of interconnection, host load, sources and what they could give (watts).

    `injection_w` and `available_w` are of sources under a sun or a schedule; `other_w` is what all other DERs inject
    (negative: draw). `values` are all columns by name.
    """

    t_s: float
    import_w: float
    demand_w: float
    injection_w: float
    available_w: float
    other_w: float = 0.0
    values: Mapping[str, float] = field(default_factory=dict)


def read_truth(path: Path) -> list[Row]:
    """The rows of a record, oldest first. A last line that was cut off is left out.

    Raises:
        OSError: the file cannot be read.
    """
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for cells in csv.DictReader(file):
            try:
                rows.append(_row({name: float(text) for name, text in cells.items()}))
            except (TypeError, ValueError):
                break
    return rows


def as_rows(columns: Sequence[str], truth: Iterable[Sequence[float]]) -> list[Row]:
    """The rows of a plant's own truth."""
    return [_row(dict(zip(columns, values, strict=True))) for values in truth]


def _row(values: dict[str, float]) -> Row:
    ders = [name.removesuffix("_injection_w") for name in values if name.endswith("_injection_w")]
    sources = [name for name in ders if f"{name}_available_w" in values]
    return Row(
        t_s=values["t_s"],
        import_w=values["import_w"],
        demand_w=values["demand_w"],
        injection_w=sum(values[f"{name}_injection_w"] for name in sources),
        available_w=sum(values[f"{name}_available_w"] for name in sources),
        other_w=sum(values[f"{name}_injection_w"] for name in ders if name not in sources),
        values=values,
    )


Beyond = Callable[[Row], float]
"""How far a row is beyond a limit, in the limit's unit; negative: inside."""


def inside_since_s(rows: list[Row], beyond: Beyond, from_s: float) -> float | None:
    """When the flow first was inside the limit, `from_s` or later (seconds); None: never."""
    return next((row.t_s for row in rows if row.t_s >= from_s and beyond(row) <= 0.0), None)


def excursions(
    rows: list[Row], beyond: Beyond, tolerance_value: float, span_s: tuple[float, float], *, watts: bool = True
) -> list[Excursion]:
    """Every excursion inside the span (seconds from the twin's start), also one that its end cuts off."""
    found: list[Excursion] = []
    open_ = False
    for row, until_s in _within(rows, span_s):
        excess = beyond(row)
        if excess <= tolerance_value:
            open_ = False
            continue
        last = found.pop() if open_ else Excursion(from_s=row.t_s, to_s=row.t_s, peak_value=0.0, energy_wh=0.0)
        energy_wh = excess * (until_s - row.t_s) / J_PER_WH if watts else 0.0
        found.append(
            Excursion(
                from_s=last.from_s,
                to_s=until_s,
                peak_value=max(last.peak_value, excess),
                energy_wh=last.energy_wh + energy_wh,
            )
        )
        open_ = True
    return found


def energy_wh(rows: list[Row], export_limit_w: float | None, span_s: tuple[float, float]) -> tuple[float, float]:
    """Delivered energy of the sources and the ideal, Wh: the integral of what sun, load and export limit allow.

    What the other DERs did is taken as it was. What was injected beyond the ideal is inadvertent export and does not
    count as delivered.
    """
    delivered_wh = ideal_wh = 0.0
    for row, until_s in _within(rows, span_s):
        room_w = row.demand_w - row.other_w + export_limit_w if export_limit_w is not None else row.available_w
        ideal_w = max(0.0, min(row.available_w, room_w))
        delivered_wh += min(row.injection_w, ideal_w) * (until_s - row.t_s) / J_PER_WH
        ideal_wh += ideal_w * (until_s - row.t_s) / J_PER_WH
    return delivered_wh, ideal_wh


def _within(rows: list[Row], span_s: tuple[float, float]) -> Iterator[tuple[Row, float]]:
    """The rows inside the span, each with the instant until which it holds."""
    for row, following in pairwise(rows):
        if row.t_s >= span_s[0] and row.t_s < span_s[1]:
            yield row, min(following.t_s, span_s[1])
