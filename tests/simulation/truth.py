"""What really happened in the plant, and the questions that tests ask of it."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """One time with the flow beyond the limit: from when to when (seconds), and the most beyond it (W)."""

    from_s: float
    to_s: float
    peak_w: float

    @property
    def lasted_s(self) -> float:
        """How long it was."""
        return self.to_s - self.from_s


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Truth:
    """The rows of `hil.plant.plant.Plant`. A row holds from its instant until the next one."""

    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    def series(self, column: str) -> list[tuple[float, float]]:
        """Instants (s) and values of one column."""
        k = self.columns.index(column)
        return [(row[0], row[k]) for row in self.rows]

    def at(self, column: str, at_s: float) -> float:
        """The value of a column that held at an instant."""
        row = self.rows[max(0, bisect_right(self.rows, at_s, key=lambda r: r[0]) - 1)]
        return row[self.columns.index(column)]

    def injection_w(self, at_s: float) -> float:
        """What all DERs injected together."""
        return self.at("demand_w", at_s) - self.at("import_w", at_s)

    def most_export_w(self, from_s: float, to_s: float) -> float:
        """The largest export in a time."""
        return max(-w for t, w in self.series("import_w") if from_s <= t <= to_s)

    def beyond(self, export_limit_w: float, tolerance_w: float, from_s: float = 0.0) -> list[Beyond]:
        """Every time from `from_s` on with more export than the limit and its tolerance."""
        found: list[Beyond] = []
        for (t, import_w), (until_s, _) in pairwise(self.series("import_w")):
            over_w = -import_w - export_limit_w
            if until_s <= from_s or over_w <= tolerance_w:
                continue
            if found and found[-1].to_s >= t:
                last = found.pop()
                found.append(Beyond(from_s=last.from_s, to_s=until_s, peak_w=max(last.peak_w, over_w)))
            else:
                found.append(Beyond(from_s=max(t, from_s), to_s=until_s, peak_w=over_w))
        return found

    def beyond_s(self, export_limit_w: float, tolerance_w: float, from_s: float = 0.0) -> float:
        """How long the longest of these times is; 0 when there is none."""
        return max((b.lasted_s for b in self.beyond(export_limit_w, tolerance_w, from_s)), default=0.0)
