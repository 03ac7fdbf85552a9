"""Durations counted in fixed buckets: bounded for ever, cheap to add to, and two of them can be subtracted."""

from bisect import bisect_left
from collections.abc import Sequence
from math import ceil

FIRST_S = 1e-4
"""Upper edge of the first bucket: below it lies what a gateway's own clock and scheduler make."""
PER_DECADE = 10
"""A bucket is 26 % wide, so that a percentile is known to 26 %: enough to tell 20 ms from 30 ms."""
DECADES = 6
"""Up to 100 s: beyond the longest deadline that a profile may state (10 s)."""
EDGES_S: tuple[float, ...] = tuple(round(FIRST_S * 10 ** (k / PER_DECADE), 7) for k in range(PER_DECADE * DECADES + 1))
"""Upper edges of the buckets; one more bucket holds what is longer."""


class Histogram:
    """How often durations fell into each bucket, and the longest."""

    __slots__ = ("counts", "longest_s", "total")

    def __init__(self, counts: Sequence[int] = (), longest_s: float = 0.0) -> None:
        self.counts = list(counts) or [0] * (len(EDGES_S) + 1)
        self.total = sum(self.counts)
        self.longest_s = longest_s

    def add(self, duration_s: float) -> None:
        """Count one duration; a negative one (a clock that was set) counts as nothing."""
        self.counts[bisect_left(EDGES_S, duration_s)] += 1
        self.total += 1
        if duration_s > self.longest_s:
            self.longest_s = duration_s

    def copy(self) -> "Histogram":
        """A histogram of its own with the same counts."""
        return Histogram(self.counts, self.longest_s)

    def since(self, before: "Histogram") -> "Histogram":
        """What was added since `before`, an earlier copy of this one. Its longest is the upper edge of its bucket."""
        counts = [now - then for now, then in zip(self.counts, before.counts, strict=True)]
        fresh = Histogram(counts)
        fresh.longest_s = self.longest_s if self.longest_s > before.longest_s else fresh.percentile_s(100.0) or 0.0
        return fresh

    def percentile_s(self, share_pct: float) -> float | None:
        """What `share_pct` percent of the durations did not exceed, as an upper bound; None without any."""
        if not self.total:
            return None
        wanted = max(1, ceil(self.total * share_pct / 100.0))
        seen = 0
        for k, count in enumerate(self.counts):
            seen += count
            if seen >= wanted:
                edge_s = EDGES_S[k] if k < len(EDGES_S) else self.longest_s
                return min(edge_s, self.longest_s) if self.longest_s else edge_s
        return self.longest_s

    def as_dict(self) -> dict[str, float | int | None]:
        """The figures that people ask for, in seconds."""
        if not self.total:
            return {"count": 0}
        return {
            "count": self.total,
            **{f"p{share}_s": round(self.percentile_s(share) or 0.0, 6) for share in (50, 95, 99)},
            "longest_s": round(self.longest_s, 6),
        }
