"""What a jurisdiction decides for a site: times, excursions, lock-outs, fallbacks; each figure with its source."""

from dataclasses import dataclass

from pcs.model.limit import Direction, Quantity
from pcs.model.lockout import LockoutRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far beyond the limit is no excursion yet: a share of what the limit bounds, and at most so many watts."""

    share: float = 0.01
    """The class of an ordinary meter."""
    most_w: float | None = None

    def of_w(self, size_w: float) -> float:
        """The tolerance where the limit bounds DERs of this size (W)."""
        own_w = self.share * size_w
        return own_w if self.most_w is None else min(own_w, self.most_w)


METER_CLASS = Tolerance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number or word of a preset as people see it, and where it comes from.

    `evidence` is S (seen in a primary text), S2 (in a secondary one), M+ or M- (from memory) or OURS (project default).
    `overridden` is the reason that the site file gives for another value; "tighter" where it needs none.
    """

    key: str
    says: str
    ref: str
    evidence: str
    source: str
    overridden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """What holds in one direction while no upstream system is heard (W); `per_phase`: on each phase of the service."""

    direction: Direction
    limit_w: float
    per_phase: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One preset as it holds for a site, overrides applied. `quantity` None: limits may be in any.

    `supervisor_delay_s` and `missing_data_s` are for the hard-limit supervisor (None: it has no figures).
    """

    id: str
    version: int = 1
    title: str = ""
    correct_within_s: float = 30.0
    quantity: Quantity | None = None
    tolerance: Tolerance = Tolerance()
    lockout: LockoutRules | None = None
    supervisor_delay_s: float | None = None
    missing_data_s: float | None = None
    fallbacks: tuple[Fallback, ...] = ()
    figures: tuple[Figure, ...] = ()
    remarks: tuple[str, ...] = ()
    """Where the site departs from it or will not fare well with it, each with its line."""


PLAIN = Preset(id="plain")
"""A site without a preset."""
