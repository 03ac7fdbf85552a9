"""Limits: upper bounds on a flow at a point. A limit is never a set point."""

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Which way the limited flow goes."""

    EXPORT = "export"
    IMPORT = "import"


class Quantity(StrEnum):
    """What is limited."""

    W = "w"
    VA = "va"
    A = "a"


class Basis(StrEnum):
    """Whether the sum, each phase or each conductor must hold."""

    TOTAL = "total"
    PHASE = "phase"
    CONDUCTOR = "conductor"


class Scope(StrEnum):
    """Which sources a limit is about."""

    ALL = "all"
    ESS = "ess"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit as the site file states it (DESIGN section 5).

    `value` is a magnitude >= 0 in the unit of `quantity`. `correct_within_s` is the time in which an excursion must be
    corrected (default 30 s: UL 1741 CRD, CRD-OLRT-2). `margin_w` replaces the computed error budget when given.
    `source` names the document or system that set it, for `pcs explain` and reports.
    """

    point: str = "poi"
    direction: Direction
    quantity: Quantity = Quantity.W
    value: float
    basis: Basis = Basis.TOTAL
    scope: Scope = Scope.ALL
    correct_within_s: float = 30.0
    margin_w: float | None = None
    source: str = "site file"

    @property
    def name(self) -> str:
        """What people call it: "export limit 3000 W at poi"."""
        return f"{self.direction} limit {self.value:g} {self.quantity.value.upper()} at {self.point}"
