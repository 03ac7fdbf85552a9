"""Flow beyond the limit, as the meter saw it: how long, how far, how much energy."""

from dataclasses import dataclass, replace

from pcs.core.measure import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """One excursion: from when to when (seconds), its peak beyond the limit (W) and its energy (Wh)."""

    from_s: float
    to_s: float
    peak_w: float
    energy_wh: float

    @property
    def duration_s(self) -> float:
        """How long the flow stayed beyond the limit."""
        return self.to_s - self.from_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursions:
    """The one that lasts, and the sums of those that ended."""

    present: Excursion | None = None
    count: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0
    energy_wh: float = 0.0


def account(
    state: Excursions, sample: Sample, previous_s: float | None, limit_w: float | None, tolerance_w: float
) -> tuple[Excursions, Excursion | None]:
    """Take one fresh sample of a line, in its own direction; returns the excursion that just ended, if one did.

    The sample stands for the time since the previous one (at most a second: a gap is no measurement).
    """
    beyond_w = -sample.import_w - limit_w if limit_w is not None else 0.0
    dt_s = min(1.0, sample.received_s - previous_s) if previous_s is not None else 0.0
    now = state.present
    if beyond_w > tolerance_w:
        begun = now or Excursion(from_s=sample.received_s - dt_s, to_s=sample.received_s, peak_w=0.0, energy_wh=0.0)
        grown = Excursion(
            from_s=begun.from_s,
            to_s=sample.received_s,
            peak_w=max(begun.peak_w, beyond_w),
            energy_wh=begun.energy_wh + beyond_w * dt_s / 3600.0,
        )
        return replace(state, present=grown), None
    if now is None:
        return state, None
    return Excursions(
        count=state.count + 1,
        total_s=state.total_s + now.duration_s,
        longest_s=max(state.longest_s, now.duration_s),
        energy_wh=state.energy_wh + now.energy_wh,
    ), now
